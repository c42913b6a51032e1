use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use cap_std::ambient_authority;
use proptest::prelude::*;

use super::*;
use crate::checkpoint::testing::entry;
use crate::event::Remembered;

fn open_dir(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

fn open(path: &Path) -> (Store, Recovered) {
    Store::open(open_dir(path)).unwrap()
}

fn offsets(recovered: &Recovered) -> Vec<(u64, u64)> {
    recovered.entries.iter().map(|entry| (entry.generation, entry.position.offset.0)).collect()
}

#[test]
fn what_is_saved_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, fresh) = open(directory.path());
    assert_eq!(fresh, Recovered::default());
    store.save(&[entry(0, 10), entry(1, 20)], &[], 100).unwrap();
    store.save(&[entry(0, 30)], &[1], 200).unwrap();
    drop(store);
    let (_, found) = open(directory.path());
    let (entries, memories, notes) = (vec![entry(0, 30)], Vec::new(), Vec::new());
    let expected = Recovered { entries, memories, next_generation: 2, alive_at: Some(200), notes };
    assert_eq!(found, expected);
}

/// What processors of the pipeline `web` remember.
fn memory(saved: &[u8]) -> Memory {
    let name = "processors[0] (processor_wasm)".to_owned();
    let [component, config, version] = ["deduplicate", "0123456789ab", "0.1.0"].map(str::to_owned);
    Memory {
        pipeline: "web".to_owned(),
        processors: vec![Remembered { name, component, config, version, saved: saved.into() }],
    }
}

#[test]
fn what_processors_remember_is_there_with_its_entries_or_neither_is() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("checkpoints");
    let (mut store, _) = open(directory.path());
    store.save_with_memories(&[(memory(b"a"), vec![entry(0, 10), entry(1, 10)])], &[], &[], 1).unwrap();
    let before = std::fs::read(&journal).unwrap();
    store.save_with_memories(&[(memory(b"b"), vec![entry(0, 20), entry(1, 20)])], &[entry(2, 5)], &[], 2).unwrap();
    drop(store);
    let after = std::fs::read(&journal).unwrap();
    let [mut olds, mut news] = [0, 0];
    for end in before.len()..=after.len() {
        let found: Recovered = journal::recover(Some(&after[..end]), None, true).unwrap().into();
        let saved = &found.memories[0].processors[0].saved[..];
        let found_offsets = offsets(&found);
        let first_two = &found_offsets[..2];
        match saved {
            b"a" => assert_eq!((first_two, olds += 1), (&[(0, 10), (1, 10)][..], ()), "{end} bytes"),
            _ => assert_eq!((first_two, news += 1), (&[(0, 20), (1, 20)][..], ()), "{end} bytes"),
        }
    }
    assert!(olds > 0 && news > 0);
}

#[test]
fn what_processors_remember_survives_a_new_journal_until_they_forget_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    store.save_with_memories(&[(memory(b"a"), vec![entry(0, 10)])], &[], &[], 1).unwrap();
    store.rewrite(&store.content()).unwrap();
    drop(store);
    let (mut store, found) = open(directory.path());
    assert_eq!(offsets(&found), [(0, 10)]);
    assert_eq!(found.memories, [memory(b"a")]);
    let nothing = Memory { processors: Vec::new(), ..memory(b"") };
    store.save_with_memories(&[(nothing, Vec::new())], &[], &[], 2).unwrap();
    drop(store);
    assert_eq!(open(directory.path()).1.memories, []);
}

#[test]
fn a_generation_is_never_used_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    store.save(&[entry(41, 1)], &[], 1).unwrap();
    store.save(&[], &[41], 1).unwrap();
    let content = store.content();
    store.rewrite(&content).unwrap();
    drop(store);
    assert_eq!(open(directory.path()).1.next_generation, 42);
}

#[test]
fn two_agents_do_not_share_a_directory_but_anyone_may_look() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    store.save(&[entry(0, 10)], &[], 100).unwrap();
    let error = Store::open(open_dir(directory.path())).unwrap_err().to_string();
    assert_eq!(error, format!("the data directory is in use by process {}", std::process::id()));
    assert_eq!(offsets(&read(&open_dir(directory.path())).unwrap()), [(0, 10)]);
}

#[test]
fn a_journal_that_grows_is_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("checkpoints");
    let (mut store, _) = open(directory.path());
    let mut longest = 0;
    for offset in 0..300 {
        store.save(&[entry(0, offset), entry(1, offset)], &[], 100).unwrap();
        let length = std::fs::metadata(&journal).unwrap().len();
        assert_eq!(length, store.len);
        longest = longest.max(length);
    }
    assert!(longest < 2 * SLACK_BYTES, "{longest}");
    drop(store);
    assert_eq!(offsets(&open(directory.path()).1), [(0, 299), (1, 299)]);
}

#[test]
fn a_damaged_journal_is_kept_and_the_rest_of_it_used() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("checkpoints");
    let (mut store, _) = open(directory.path());
    (0..3).for_each(|generation| store.save(&[entry(generation, 10)], &[], 100).unwrap());
    drop(store);
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replace("1.log", "9.log")).unwrap();
    let found = open(directory.path()).1;
    assert_eq!(offsets(&found), [(0, 10), (2, 10)]);
    let notes = [
        "line 5 is damaged: what it says of a file is not known",
        "the file as it was found is kept as checkpoints.corrupt-1",
    ];
    assert_eq!(found.notes, notes);
    assert!(directory.path().join("checkpoints.corrupt-1").exists());
    assert!(open(directory.path()).1.notes.is_empty(), "it was written anew");
}

#[test]
fn a_journal_that_is_empty_or_gone_is_no_fresh_start() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("checkpoints");
    drop(open(directory.path()));
    std::fs::write(&journal, "").unwrap();
    assert!(open(directory.path()).1.notes[0].contains("is empty"));
    std::fs::write(&journal, "\0\0").unwrap();
    assert!(open(directory.path()).1.notes.last().unwrap().contains("checkpoints.corrupt-2"));
    std::fs::remove_file(&journal).unwrap();
    assert!(open(directory.path()).1.notes[0].contains("is gone"));
    assert_eq!(open(directory.path()).1.notes, [""; 0]);
}

#[test]
fn a_newer_format_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("checkpoints");
    std::fs::write(&journal, "loglift-checkpoints 2\n").unwrap();
    let error = Store::open(open_dir(directory.path())).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2 }), "{error}");
    assert_eq!(std::fs::read_to_string(&journal).unwrap(), "loglift-checkpoints 2\n");
}

/// How long a save takes: `cargo test -p loglift --lib cost_of_a_save -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_save() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let (mut store, _) = open(directory.path());
    let all: Vec<_> = (0..10_000).map(|generation| entry(generation, 1)).collect();
    store.save(&all, &[], 1).unwrap();
    for offset in 0..30 {
        let changed: Vec<_> = (0..1000).map(|number| entry(number * 10, 1000 + offset)).collect();
        let started = std::time::Instant::now();
        store.save(&changed, &[], 1).unwrap();
        println!("{:?}, journal of {} KiB", started.elapsed(), store.len / 1024);
    }
}

/// A disk that fails when it is told to, and that knows what would be left after a loss of power.
#[derive(Debug, Clone, Default)]
struct Fake(Arc<Mutex<FakeState>>);

#[derive(Debug, Default)]
struct FakeState {
    /// The journal as processes see it.
    journal: Vec<u8>,
    /// How much of it is on disk.
    durable: usize,
    /// A failed sync lost what was to be written. Later ones succeed and do nothing.
    is_doomed: bool,
    prepared: Vec<u8>,
    /// What would be there instead, since the rename is not on disk.
    before_rename: Option<Vec<u8>>,
    /// How many more bytes can be written.
    room: Option<usize>,
    fails_to: Vec<Operation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Sync,
    Truncate,
    Rename,
    SyncDirectory,
}

impl Fake {
    fn state(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap()
    }

    /// What is there after a crash in which `kept` of the bytes that were not on disk came there nevertheless, followed by
    /// `garbage`. `renamed` says whether a rename that was not on disk is.
    fn crash(&self, kept: usize, garbage: &[u8], renamed: bool) -> Vec<u8> {
        let state = self.state();
        match &state.before_rename {
            Some(before) if !renamed => before.clone(),
            _ => {
                let end = if state.is_doomed { state.durable } else { (state.durable + kept).min(state.journal.len()) };
                let garbage = if end == state.journal.len() { &[] } else { garbage };
                [&state.journal[..end], garbage].concat()
            }
        }
    }
}

impl FakeState {
    fn perform(&mut self, operation: Operation) -> io::Result<()> {
        let place = self.fails_to.iter().position(|other| *other == operation);
        place.map_or(Ok(()), |place| {
            self.fails_to.remove(place);
            Err(io::Error::other(format!("told to fail: {operation:?}")))
        })
    }

    /// How many of `wanted` bytes are written, and whether that is all.
    fn take_room(&mut self, wanted: usize) -> (usize, io::Result<()>) {
        let Some(room) = &mut self.room else { return (wanted, Ok(())) };
        let written = wanted.min(*room);
        *room -= written;
        (written, if written < wanted { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) })
    }
}

impl Medium for Fake {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let (written, result) = state.take_room(bytes.len());
        state.journal.extend_from_slice(&bytes[..written]);
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state();
        let result = state.perform(Operation::Sync);
        state.is_doomed |= result.is_err();
        if !state.is_doomed {
            state.durable = state.journal.len();
        }
        result
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.perform(Operation::Truncate)?;
        state.journal.truncate(len as usize);
        state.durable = state.durable.min(len as usize);
        Ok(())
    }

    fn prepare(&mut self, content: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.take_room(content.len()).1?;
        state.perform(Operation::Sync)?;
        state.prepared = content.to_vec();
        Ok(())
    }

    fn replace(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.perform(Operation::Rename)?;
        let durable = if state.is_doomed { state.durable } else { state.journal.len() };
        let before = state.journal[..durable.min(state.durable)].to_vec();
        state.before_rename.get_or_insert(before);
        state.journal = std::mem::take(&mut state.prepared);
        (state.durable, state.is_doomed) = (state.journal.len(), false);
        state.perform(Operation::SyncDirectory)?;
        state.before_rename = None;
        Ok(())
    }
}

/// A store on a fake disk that is empty, or has this journal.
fn on_fake(journal: &[u8]) -> (Store, Fake) {
    let fake = Fake::default();
    fake.state().journal = journal.to_vec();
    fake.state().durable = journal.len();
    let recovery = journal::recover((!journal.is_empty()).then_some(journal), None, false).unwrap();
    let mut store = Store::new(Box::new(fake.clone()), &recovery, None);
    if store.must_rewrite {
        store.rewrite(&store.content()).unwrap();
    }
    (store, fake)
}

fn recovered(text: &[u8]) -> Recovery {
    journal::recover(Some(text), None, true).unwrap()
}

#[test]
fn a_save_that_fails_at_any_byte_costs_nothing_that_was_saved() {
    let whole = record::put(&entry(1, 30)).len() + record::saved(Saved { at: Some(2), next_generation: 2 }).len();
    for truncates in [true, false] {
        for room in 0..whole {
            let (mut store, fake) = on_fake(b"");
            store.save(&[entry(0, 10), entry(1, 20)], &[], 1).unwrap();
            fake.state().room = Some(room);
            fake.state().fails_to = if truncates { vec![] } else { vec![Operation::Truncate] };
            store.save(&[entry(1, 30)], &[], 2).unwrap_err();
            fake.state().room = None;
            store.save(&[entry(0, 15)], &[], 3).unwrap();
            let found = recovered(&fake.crash(0, b"", false));
            assert_eq!(found.journal.entries[&0].position.offset.0, 15, "room for {room}");
            assert_eq!(found.journal.entries[&1].position.offset.0, 20, "room for {room}");
            assert_eq!((found.notes.len(), found.must_rewrite), (0, false), "room for {room}");
        }
    }
}

#[test]
fn nothing_is_appended_to_what_a_sync_may_have_lost() {
    for fails_to in [Operation::Sync, Operation::Rename, Operation::SyncDirectory] {
        let (mut store, fake) = on_fake(b"");
        store.save(&[entry(0, 10)], &[], 1).unwrap();
        store.must_rewrite = fails_to != Operation::Sync;
        fake.state().fails_to = vec![fails_to];
        store.save(&[entry(0, 20)], &[], 2).unwrap_err();
        store.save(&[entry(0, 30)], &[], 3).unwrap();
        store.save(&[entry(1, 1)], &[], 3).unwrap();
        for renamed in [true, false] {
            let found = recovered(&fake.crash(0, b"", renamed));
            assert_eq!(found.journal.entries[&0].position.offset.0, 30, "{fails_to:?}");
            assert_eq!(found.journal.entries.len(), 2);
        }
    }
}

#[test]
fn a_compaction_that_fails_does_not_fail_the_save() {
    let (mut store, fake) = on_fake(b"");
    let mut offset = 0;
    while store.len < SLACK_BYTES - 1000 {
        offset += 1;
        store.save(&[entry(0, offset)], &[], 1).unwrap();
    }
    fake.state().room = Some(4000);
    for _ in 0..6 {
        offset += 1;
        store.save(&[entry(0, offset)], &[], 1).unwrap();
    }
    let found = recovered(&fake.crash(0, b"", false));
    assert_eq!(found.journal.entries[&0].position.offset.0, offset);
}

#[derive(Debug, Clone)]
enum Step {
    Save { changed: Vec<u64>, removed: Vec<u64> },
    Fail(Operation),
    Room(usize),
    Crash { kept: usize, garbage: Vec<u8>, renamed: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let generations = || prop::collection::vec(0..6_u64, 0..4);
    let operations = vec![Operation::Sync, Operation::Truncate, Operation::Rename, Operation::SyncDirectory];
    let crash = (0..2000_usize, prop::collection::vec(any::<u8>(), 0..30), any::<bool>());
    let step = prop_oneof![
        6 => (generations(), generations()).prop_map(|(changed, removed)| Step::Save { changed, removed }),
        2 => prop::sample::select(operations).prop_map(Step::Fail),
        1 => (0..5000_usize).prop_map(Step::Room),
        1 => crash.prop_map(|(kept, garbage, renamed)| Step::Crash { kept, garbage, renamed }),
    ];
    prop::collection::vec(step, 1..40)
}

/// What may be found of each generation: what was saved last, and everything that was tried since.
#[derive(Debug, Default)]
struct Model {
    saved: BTreeMap<u64, Option<Entry>>,
    tried: BTreeMap<u64, Vec<Option<Entry>>>,
}

impl Model {
    fn attempt(&mut self, states: &[(u64, Option<Entry>)], is_saved: bool) {
        for (generation, state) in states {
            self.tried.entry(*generation).or_default().push(state.clone());
        }
        if is_saved {
            for (generation, state) in states {
                self.saved.insert(*generation, state.clone());
                self.tried.remove(generation);
            }
        }
    }

    fn allows(&self, generation: u64, found: Option<&Entry>) -> bool {
        let saved = self.saved.get(&generation).and_then(Option::as_ref);
        let tried = self.tried.get(&generation).into_iter().flatten();
        found == saved || tried.map(Option::as_ref).any(|state| state == found)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever fails and whenever it crashes, what is found of each entry is what was last saved, or something that was
    /// tried later.
    #[test]
    fn what_was_saved_is_never_lost(steps in steps(), slack_bytes in prop::sample::select(vec![0, 500, SLACK_BYTES])) {
        let (mut store, mut fake) = on_fake(b"");
        store.slack_bytes = slack_bytes;
        let mut model = Model::default();
        let mut offset = 0;
        for step in steps {
            match step {
                Step::Save { changed, removed } => {
                    offset += 1;
                    let entries: Vec<_> = changed.iter().map(|generation| entry(*generation, offset)).collect();
                    let mut states: BTreeMap<_, _> =
                        entries.iter().map(|entry| (entry.generation, Some(entry.clone()))).collect();
                    states.extend(removed.iter().map(|generation| (*generation, None)));
                    // In between, an entry that is saved and removed at once may be seen as saved.
                    let between: Vec<_> =
                        entries.iter().map(|entry| (entry.generation, Some(entry.clone()))).collect();
                    model.attempt(&between, false);
                    let result = store.save(&entries, &removed, 1);
                    model.attempt(&states.into_iter().collect::<Vec<_>>(), result.is_ok());
                }
                Step::Fail(operation) => fake.state().fails_to.push(operation),
                Step::Room(room) => fake.state().room = Some(room),
                Step::Crash { kept, garbage, renamed } => {
                    let text = fake.crash(kept, &garbage, renamed);
                    let found = recovered(&text);
                    for generation in 0..6 {
                        let entry = found.journal.entries.get(&generation);
                        prop_assert!(model.allows(generation, entry), "{generation}: {entry:?}\n{model:?}");
                    }
                    model = Model::default();
                    for entry in found.journal.entries.values() {
                        model.saved.insert(entry.generation, Some(entry.clone()));
                    }
                    (store, fake) = on_fake(&text);
                    store.slack_bytes = slack_bytes;
                }
            }
        }
    }
}
