//! Stores how far files have come, again and again, on a thread of its own.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::machine::unix_seconds;
use crate::checkpoint::{Entry, Memory, Recovered, State, Store, is_expired};
use crate::event::Remembered;
use crate::input::follow::left;
use crate::input::follow::track::{Phase, Seen, Track, Tracks};
use crate::input::stat::Stat;
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::chain;

/// The checkpoints of all pipelines, those that run and those that did.
pub(super) struct Checkpoints {
    pub(super) store: Store,
    /// Those that run.
    pub(super) pipelines: Vec<(String, Arc<Tracks>)>,
    /// What is in the store.
    pub(super) saved: HashMap<u64, Entry>,
    /// What the processors of pipelines remember, as of the last mark that was settled.
    pub(super) memories: HashMap<String, Memory>,
    /// Those of them that are not in the store yet, or not as they are.
    pub(super) unsaved_memories: HashSet<String>,
    /// What is to be in the store, of pipelines that have stopped.
    pub(super) unsaved: HashMap<u64, Entry>,
    /// When pipelines were there last, in Unix nanoseconds.
    pub(super) stopped: HashMap<String, i64>,
    /// When an earlier agent was there last, in Unix nanoseconds.
    pub(super) alive_ns: Option<i64>,
    pub(super) alarms: Arc<Alarms>,
}

/// What was left of a pipeline.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Its files.
    pub(super) files: Vec<left::Left>,
    /// When it was there last, in Unix nanoseconds.
    pub(super) alive_ns: Option<i64>,
    /// What its processors remembered of all that these files were read of.
    pub(super) memory: Vec<Remembered>,
}

/// Saves what changed until nothing will change any more, and then once more.
pub(super) fn run(checkpoints: &Mutex<Checkpoints>, interval: Duration, stop: &Receiver<Infallible>) {
    let mut rounds = 0_u64;
    while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        rounds += 1;
        lock(checkpoints).save(rounds.is_multiple_of(EXPIRY_ROUNDS));
    }
    lock(checkpoints).save(false);
}

/// The checkpoints, for this thread alone.
pub(super) fn lock(checkpoints: &Mutex<Checkpoints>) -> MutexGuard<'_, Checkpoints> {
    checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checkpoints {
    /// What was `recovered` from a store is in it.
    pub(super) fn new(store: Store, recovered: Recovered, alarms: &Arc<Alarms>) -> Self {
        Self {
            store,
            pipelines: Vec::new(),
            saved: recovered.entries.into_iter().map(|entry| (entry.generation, entry)).collect(),
            memories: recovered.memories.into_iter().map(|memory| (memory.pipeline.clone(), memory)).collect(),
            unsaved_memories: HashSet::new(),
            unsaved: HashMap::new(),
            stopped: HashMap::new(),
            alive_ns: recovered.alive_at.map(|seconds| seconds.saturating_mul(1_000_000_000)),
            alarms: Arc::clone(alarms),
        }
    }

    /// Saves how far the files of a pipeline have come from now on.
    pub(super) fn begin(&mut self, pipeline: &str, tracks: &Arc<Tracks>) {
        if !tracks.has_marks() && self.memories.remove(pipeline).is_some() {
            // Nobody adds to it any more: it would be of another time.
            self.unsaved_memories.insert(pipeline.to_owned());
        }
        self.pipelines.push((pipeline.to_owned(), Arc::clone(tracks)));
    }

    /// Saves how far the files of a pipeline have come that has stopped, and keeps that.
    pub(super) fn end(&mut self, pipeline: &str) {
        let Some(place) = self.pipelines.iter().position(|(name, _)| name == pipeline) else { return };
        self.settle_marks();
        let (name, tracks) = self.pipelines.remove(place);
        let now = unix_seconds();
        let changed = tracks.all().into_iter().filter_map(|track| self.changed(&name, &track, now));
        let changed: Vec<Entry> = changed.collect();
        self.unsaved.extend(changed.into_iter().map(|entry| (entry.generation, entry)));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.stopped.insert(name, i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
        self.save(false);
    }

    /// What was left of a pipeline.
    pub(super) fn left(&self, pipeline: &str) -> Left {
        let saved = self.saved.values().filter(|entry| !self.unsaved.contains_key(&entry.generation));
        let entries = saved.chain(self.unsaved.values()).filter(|entry| entry.pipeline == pipeline);
        let mut files: Vec<left::Left> = entries.cloned().map(left).collect();
        files.sort_by_key(|left| left.generation);
        let alive_ns = self.alive_ns.filter(|_| !files.is_empty());
        let memory = self.memories.get(pipeline).map(|memory| memory.processors.clone()).unwrap_or_default();
        Left { files, alive_ns: self.stopped.get(pipeline).copied().or(alive_ns), memory }
    }

    /// Takes what processors remembered at marks that were reached.
    fn settle_marks(&mut self) {
        for (pipeline, tracks) in &self.pipelines {
            if let Some(processors) = tracks.settle_mark() {
                self.memories.insert(pipeline.clone(), Memory { pipeline: pipeline.clone(), processors });
                self.unsaved_memories.insert(pipeline.clone());
            }
        }
    }

    /// What processors remember that is not in the store, each with those of the entries that it belongs to, which are taken
    /// out.
    fn with_memories(&self, changed: &mut Vec<Entry>) -> Vec<(Memory, Vec<Entry>)> {
        let of_pipeline = |pipeline: &String| {
            let belongs = |entry: &mut Entry| entry.pipeline == *pipeline;
            let nothing = || Memory { pipeline: pipeline.clone(), processors: Vec::new() };
            let memory = self.memories.get(pipeline).cloned().unwrap_or_else(nothing);
            (memory, changed.extract_if(.., belongs).collect())
        };
        self.unsaved_memories.iter().map(of_pipeline).collect()
    }

    fn save(&mut self, with_expiry: bool) {
        let now = unix_seconds();
        self.settle_marks();
        let dirty = self.pipelines.iter().flat_map(|(pipeline, tracks)| {
            tracks.take_dirty().into_iter().map(move |track| (pipeline.as_str(), track))
        });
        let dirty: Vec<(&str, Arc<Track>)> = dirty.collect();
        let mut changed: Vec<Entry> =
            dirty.iter().filter_map(|(pipeline, track)| self.changed(pipeline, track, now)).collect();
        // Those of a pipeline that has begun again since are newer.
        let newer: HashSet<u64> = changed.iter().map(|entry| entry.generation).collect();
        changed.extend(self.unsaved.values().filter(|entry| !newer.contains(&entry.generation)).cloned());
        let expired = if with_expiry { self.expired(now, &changed) } else { Vec::new() };
        let groups = self.with_memories(&mut changed);
        if let Err(error) = self.store.save_with_memories(&groups, &changed, &expired, now) {
            // Tried again in the next round, as they are by then.
            dirty.iter().for_each(|(_, track)| track.mark_dirty());
            return self.alarms.raise(&Alarm {
                kind: "CHECKPOINT_ALARM".to_owned(),
                pipeline: String::new(),
                part: "checkpoint".to_owned(),
                place: None,
                message: format!(
                    "cannot save how far files have come: {}; trying again. If the agent ends before that works, lines are sent twice",
                    chain(&error)
                ),
                occurrences: 1,
            });
        }
        for (_, tracks) in &self.pipelines {
            expired.iter().for_each(|generation| tracks.remove(*generation));
        }
        self.unsaved.clear();
        self.unsaved_memories.clear();
        changed.extend(groups.into_iter().flat_map(|(_, entries)| entries));
        self.saved.retain(|generation, _| !expired.contains(generation));
        self.saved.extend(changed.into_iter().map(|entry| (entry.generation, entry)));
    }

    /// What is to be saved of a file, unless that is in the store already.
    fn changed(&self, pipeline: &str, track: &Track, now: i64) -> Option<Entry> {
        let saved = self.saved.get(&track.generation);
        let entry = entry(pipeline, track, saved.map_or(now, |saved| saved.updated));
        (saved != Some(&entry)).then_some(Entry { updated: now, ..entry })
    }

    /// Files that are gone for long, and what files were that have been truncated long ago. Those of pipelines that do not run
    /// are kept as long.
    fn expired(&self, now: i64, changed: &[Entry]) -> Vec<u64> {
        let changed: HashSet<u64> = changed.iter().map(|entry| entry.generation).collect();
        let candidates = self.saved.values().filter(|entry| !changed.contains(&entry.generation));
        let expired = candidates.filter(|entry| {
            is_expired(entry, now, false) && is_expired(entry, now, entry_exists(entry) && !self.is_superseded(entry))
        });
        expired.map(|entry| entry.generation).collect()
    }

    /// Whether the file has another content by now, which has an entry of its own: nobody looks for this one any more. A file
    /// that is written anew every minute would leave more and more of them behind.
    fn is_superseded(&self, entry: &Entry) -> bool {
        let pipeline = self.pipelines.iter().find(|(pipeline, _)| *pipeline == entry.pipeline);
        let newest = pipeline.and_then(|(_, tracks)| tracks.newest_of(entry.id));
        let is_newer = |newest: Arc<Track>| newest.generation > entry.generation && newest.birth_ns == entry.birth_ns;
        entry.state == State::Finished && newest.is_some_and(is_newer)
    }
}

/// Whether a path still leads to the file.
fn entry_exists(entry: &Entry) -> bool {
    let stat = std::fs::metadata(&entry.real_path).map(|metadata| Stat::of(&metadata));
    stat.is_ok_and(|stat| stat.id == entry.id && stat.birth_ns == entry.birth_ns)
}

/// What is stored of a file.
fn entry(pipeline: &str, track: &Track, updated: i64) -> Entry {
    let standing = track.standing();
    let (position, phase, ledger) = standing.to_store();
    let seen = standing.seen;
    Entry {
        generation: track.generation,
        pipeline: pipeline.to_owned(),
        path: track.source.path.clone(),
        real_path: seen.real_path,
        id: track.source.file.expect("a track is of a file"),
        birth_ns: track.birth_ns,
        head: seen.head,
        position,
        len: seen.len,
        updated,
        state: state(phase),
        ledger,
    }
}

fn state(phase: Phase) -> State {
    match phase {
        Phase::Untouched => State::Untouched,
        Phase::Followed => State::Followed,
        Phase::Finished => State::Finished,
    }
}

/// What an earlier agent has left of a file.
fn left(entry: Entry) -> left::Left {
    let Entry { generation, path, real_path, id, birth_ns, head, position, len, state, ledger, .. } = entry;
    let phase = match state {
        State::Untouched => Phase::Untouched,
        State::Followed => Phase::Followed,
        State::Finished => Phase::Finished,
    };
    // A time that no file has: it is looked at anew.
    let seen = Seen { real_path, is_named: false, head, len, modified_ns: i64::MIN, phase };
    left::Left { generation, path, id, birth_ns, position, ledger, seen }
}

/// After so many rounds it is looked what is gone for long.
const EXPIRY_ROUNDS: u64 = 60;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::checkpoint::testing::unsteady_store;
    use crate::event::{FileId, Loss, Offset, Position, Signature};

    fn begin(tracks: &Tracks, inode: u64) -> Arc<Track> {
        let stat = Stat { id: FileId { device: 1, inode }, birth_ns: None, len: Offset(100), modified_ns: 0, links: 1 };
        let path = std::path::PathBuf::from("app.log");
        tracks.begin(path.clone(), path.clone(), path, &stat, Signature::default(), Phase::Followed)
    }

    fn at(offset: u64) -> Position {
        Position { offset: Offset(offset), ..Position::default() }
    }

    /// Checkpoints of one pipeline, in a store that fails while it is told to.
    fn checkpoints(tracks: &Arc<Tracks>) -> (Checkpoints, Arc<AtomicBool>) {
        let is_broken = Arc::new(AtomicBool::new(false));
        let checkpoints = Checkpoints {
            store: unsteady_store(&is_broken),
            pipelines: vec![("app".to_owned(), Arc::clone(tracks))],
            saved: HashMap::new(),
            memories: HashMap::new(),
            unsaved_memories: HashSet::new(),
            unsaved: HashMap::new(),
            stopped: HashMap::new(),
            alive_ns: None,
            alarms: Arc::new(Alarms::for_one_command()),
        };
        (checkpoints, is_broken)
    }

    fn offsets(checkpoints: &Checkpoints) -> Vec<u64> {
        let mut saved: Vec<&Entry> = checkpoints.saved.values().collect();
        saved.sort_by_key(|entry| entry.generation);
        saved.iter().map(|entry| entry.position.offset.0).collect()
    }

    #[test]
    fn what_changes_is_saved_in_the_next_round_whatever_happens_to_this_one() {
        let tracks = Arc::new(Tracks::new(Arc::new(AtomicU64::new(1))));
        let (mut checkpoints, is_broken) = checkpoints(&tracks);
        let [first, second] = [1, 2].map(|inode| begin(&tracks, inode));
        checkpoints.save(false);
        assert_eq!(offsets(&checkpoints), [0, 0]);
        first.source.progress.begin(Offset(0), at(60));
        first.source.progress.end(Offset(0), 0, 0);
        is_broken.store(true, Ordering::SeqCst);
        checkpoints.save(false);
        checkpoints.save(false);
        second.source.progress.skip(at(30), Loss::ReadDelay);
        assert_eq!(offsets(&checkpoints), [0, 0]);
        is_broken.store(false, Ordering::SeqCst);
        checkpoints.save(false);
        assert_eq!(offsets(&checkpoints), [60, 30]);
        assert!(tracks.take_dirty().is_empty());
        first.see(|seen| seen.phase = Phase::Finished);
        checkpoints.save(false);
        assert!(checkpoints.saved.values().any(|entry| entry.state == State::Finished));
    }

    #[test]
    fn what_a_pipeline_has_left_is_there_for_the_next_of_its_name() {
        let tracks = Arc::new(Tracks::new(Arc::new(AtomicU64::new(1))));
        let (mut checkpoints, is_broken) = checkpoints(&tracks);
        let track = begin(&tracks, 1);
        checkpoints.save(false);
        track.source.progress.skip(at(30), Loss::ReadDelay);
        is_broken.store(true, Ordering::SeqCst);
        checkpoints.end("app");
        let offsets_left = |checkpoints: &Checkpoints| {
            let Left { files, alive_ns, .. } = checkpoints.left("app");
            assert!(alive_ns.is_some() && checkpoints.left("other").files.is_empty());
            files.iter().map(|left| left.position.offset.0).collect::<Vec<_>>()
        };
        assert_eq!((offsets_left(&checkpoints), offsets(&checkpoints)), (vec![30], vec![0]));
        is_broken.store(false, Ordering::SeqCst);
        checkpoints.save(false);
        assert_eq!((offsets_left(&checkpoints), offsets(&checkpoints)), (vec![30], vec![30]));
    }

    #[test]
    fn what_processors_remember_is_stored_when_all_that_they_have_seen_is_delivered() {
        let tracks = Arc::new(Tracks::with_marks(Arc::new(AtomicU64::new(1))));
        let (mut checkpoints, is_broken) = checkpoints(&tracks);
        let remembered = |saved: &[u8]| {
            let [name, component, config, version] = ["a", "b", "c", "1"].map(str::to_owned);
            vec![Remembered { name, component, config, version, saved: saved.to_vec() }]
        };
        let [first, second] = [1, 2].map(|inode| begin(&tracks, inode));
        [&first, &second].iter().for_each(|track| track.source.progress.begin(Offset(0), at(60)));
        tracks.mark(remembered(b"120 bytes"));
        first.source.progress.begin(Offset(60), at(90));
        [0, 60].iter().for_each(|start| first.source.progress.end(Offset(*start), 0, 0));
        checkpoints.save(false);
        assert_eq!((offsets(&checkpoints), checkpoints.left("app").memory), (vec![0, 0], vec![]));
        assert!(tracks.is_marked());

        second.source.progress.end(Offset(0), 0, 0);
        is_broken.store(true, Ordering::SeqCst);
        checkpoints.save(false);
        is_broken.store(false, Ordering::SeqCst);
        checkpoints.save(false);
        assert_eq!(offsets(&checkpoints), [60, 60], "not what was read behind the mark");
        assert_eq!(checkpoints.left("app").memory, remembered(b"120 bytes"));
        assert!(!tracks.is_marked() && checkpoints.unsaved_memories.is_empty());

        tracks.mark(remembered(b"150 bytes"));
        checkpoints.end("app");
        assert_eq!((offsets(&checkpoints), checkpoints.left("app").memory), (vec![90, 60], remembered(b"150 bytes")));
        let plain = Arc::new(Tracks::new(Arc::new(AtomicU64::new(9))));
        checkpoints.begin("app", &plain);
        checkpoints.save(false);
        assert!(checkpoints.left("app").memory.is_empty() && checkpoints.unsaved_memories.is_empty());
    }

    #[test]
    fn a_file_that_has_become_what_it_was_is_not_saved_again() {
        let tracks = Arc::new(Tracks::new(Arc::new(AtomicU64::new(1))));
        let (mut checkpoints, _) = checkpoints(&tracks);
        let track = begin(&tracks, 1);
        checkpoints.save(false);
        let now = unix_seconds() + 100;
        assert_eq!(checkpoints.changed("app", &track, now), None);
        track.source.progress.skip(at(30), Loss::ReadDelay);
        let changed = checkpoints.changed("app", &track, now).expect("it has changed");
        assert_eq!((changed.position.offset, changed.updated), (Offset(30), now));
    }

    #[test]
    fn what_a_file_was_before_it_was_truncated_is_forgotten_though_the_file_is_there() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let stat = Stat::of(&file.as_file().metadata().expect("the file is open"));
        let tracks = Arc::new(Tracks::new(Arc::new(AtomicU64::new(1))));
        let (mut checkpoints, _) = checkpoints(&tracks);
        let [path, lane, real_path] = [(); 3].map(|()| file.path().to_owned());
        let begin =
            |phase| tracks.begin(path.clone(), lane.clone(), real_path.clone(), &stat, Signature::default(), phase);
        let [old, _half_read, newest] = [Phase::Finished, Phase::Followed, Phase::Finished].map(begin);
        checkpoints.save(false);
        let now = unix_seconds();
        let two_hours = 2 * 60 * 60;
        assert_eq!(checkpoints.expired(now, &[]), [0; 0]);
        assert_eq!(checkpoints.expired(now + two_hours, &[]), [old.generation]);
        file.close().expect("it can be removed");
        let mut expired = checkpoints.expired(now + two_hours, &[]);
        expired.sort_unstable();
        assert_eq!(expired, [old.generation, newest.generation]);
    }

    /// Files are acknowledged while rounds follow each other: the last round has what came last, whichever moment each
    /// change fell into.
    #[test]
    fn a_change_during_a_save_is_saved_in_the_next_round() {
        const RANGES: u64 = 20_000;
        let tracks = Arc::new(Tracks::new(Arc::new(AtomicU64::new(1))));
        let (mut checkpoints, _) = checkpoints(&tracks);
        let files = [1, 2, 3].map(|inode| begin(&tracks, inode));
        std::thread::scope(|scope| {
            let running: Vec<_> = files
                .iter()
                .map(|track| {
                    scope.spawn(|| {
                        for start in 0..RANGES {
                            track.source.progress.begin(Offset(start), at(start + 1));
                            track.source.progress.end(Offset(start), 0, 0);
                        }
                    })
                })
                .collect();
            while running.iter().any(|running| !running.is_finished()) {
                checkpoints.save(false);
            }
        });
        checkpoints.save(false);
        assert_eq!(offsets(&checkpoints), [RANGES; 3]);
    }

    #[test]
    fn a_file_is_stored_as_finished_when_nothing_of_it_is_on_its_way() {
        let tracks = Tracks::new(Arc::new(AtomicU64::new(1)));
        let track = begin(&tracks, 1);
        track.source.progress.begin(Offset(0), at(60));
        track.finish(Loss::DeletedUnread);
        let saved = entry("app", &track, 0);
        assert_eq!((saved.state, saved.position.offset, saved.ledger.settled_bytes()), (State::Followed, Offset(0), 0));
        track.source.progress.end(Offset(0), 0, 0);
        let saved = entry("app", &track, 0);
        assert_eq!(
            (saved.state, saved.position.offset, saved.ledger.settled_bytes()),
            (State::Finished, Offset(60), 100)
        );
    }
}
