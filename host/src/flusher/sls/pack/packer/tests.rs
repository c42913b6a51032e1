use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use proptest::prelude::*;

use super::super::testing::{Group, Log, TestEvent, add_tag, batch, groups};
use super::*;
use crate::event::{FileId, Source, deliveries};
use crate::flusher::sls::package::Form;
use crate::flusher::sls::receipt::Receipt;

/// A packer with a clock that tests move, and the lanes that they push to.
struct Bench {
    packer: Packer,
    now: Instant,
    sources: Vec<Arc<Source>>,
    /// The generation of each batch that was acknowledged.
    acked: Arc<Mutex<Vec<u64>>>,
    pushed: usize,
}

fn spec() -> Spec {
    Spec {
        pipeline: "p".to_owned(),
        nanoseconds: true,
        compression: Compression::Lz4,
        shard_hash_keys: Vec::new(),
        without_tag: None,
        min_bytes: 1 << 19,
        min_events: 4000,
        timeout: Duration::from_secs(3),
    }
}

impl Bench {
    fn new(spec: Spec) -> Self {
        let acked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&acked);
        let on_ack: Arc<OnAck> = Arc::new(move |ack| seen.lock().unwrap().push(ack.source.generation));
        let packer = Packer::new(spec, on_ack, Arc::new(Alarms::for_one_command()));
        Self { packer, now: Instant::now(), sources: Vec::new(), acked, pushed: 0 }
    }

    /// Pushes a batch of a source of its own.
    fn push(&mut self, lane: u64, mut batch: EventBatch) {
        let mut source = Source::new(format!("{lane}.log").into(), None);
        (source.lane, source.generation) = (lane, self.pushed as u64);
        source.progress.begin(
            batch.provenance.start,
            crate::event::Position { offset: batch.provenance.end, ..Default::default() },
        );
        batch.source = Arc::new(source);
        self.sources.push(Arc::clone(&batch.source));
        self.pushed += 1;
        let delivery = deliveries(batch, None, 1).next().unwrap();
        self.packer.push(delivery, self.now);
    }

    /// Pushes lines of ten bytes.
    fn push_lines(&mut self, lane: u64, numbers: Range<i64>, tag: &str) {
        let values: Vec<String> = numbers.clone().map(|number| number.to_string()).collect();
        let fields: Vec<[(&str, &[u8]); 1]> = values.iter().map(|value| [("content", value.as_bytes())]).collect();
        let events: Vec<TestEvent<'_>> = numbers.zip(&fields).map(|(number, field)| (number, 0, &field[..])).collect();
        let mut batch = batch(&events);
        add_tag(&mut batch, "app", tag.as_bytes());
        self.push(lane, batch);
    }

    fn ready(&mut self) -> Vec<Seen> {
        self.packer.take_ready().into_iter().map(Seen::new).collect()
    }
}

/// A package as a test compares it.
struct Seen {
    outgoing: Outgoing,
    groups: Vec<Group>,
}

impl Seen {
    fn new(outgoing: Outgoing) -> Self {
        let groups = groups(&outgoing.package);
        Self { outgoing, groups }
    }

    /// The numbers of the lines, by group.
    fn numbers(&self) -> Vec<Vec<u32>> {
        self.groups.iter().map(|group| group.logs.iter().map(|log| log.time).collect()).collect()
    }

    fn origins(&self) -> Vec<(u64, u64)> {
        self.outgoing.package.head.origins.iter().map(|origin| (origin.generation, origin.bytes)).collect()
    }

    fn taken(self) {
        self.outgoing.receipts.into_iter().for_each(Receipt::taken);
    }
}

#[test]
fn a_group_is_closed_by_size_by_number_and_by_age() {
    let mut bench = Bench::new(Spec { min_events: 3, ..spec() });
    assert_eq!(bench.packer.due(), None);
    bench.push_lines(1, 0..2, "a");
    bench.push_lines(1, 2..8, "a");
    let ready = bench.ready();
    assert_eq!(ready.iter().flat_map(Seen::numbers).collect::<Vec<_>>(), [[0, 1, 2], [3, 4, 5]]);
    assert_eq!(ready[0].origins(), [(0, 20), (1, 10)]);
    assert_eq!(ready[1].origins(), [(1, 30)]);

    let due = bench.packer.due().unwrap();
    assert_eq!(due, bench.now + Duration::from_secs(3));
    bench.packer.close_due(due - Duration::from_millis(1));
    assert!(bench.ready().is_empty());
    bench.packer.close_due(due);
    let last = bench.ready();
    assert_eq!((last[0].numbers(), last[0].origins()), (vec![vec![6, 7]], vec![(1, 20)]));
    assert_eq!(bench.packer.due(), None);

    let mut bench = Bench::new(Spec { min_bytes: 100, ..spec() });
    bench.push_lines(1, 10..15, "a");
    let sizes: Vec<usize> = bench.ready().iter().map(|seen| seen.groups[0].logs.len()).collect();
    assert_eq!(sizes, [2, 2]);
}

#[test]
fn a_timeout_beyond_all_time_is_none() {
    let mut bench = Bench::new(Spec { timeout: Duration::MAX, ..spec() });
    bench.push_lines(1, 0..1, "a");
    assert_eq!(bench.packer.due(), None);
    bench.packer.close_due(bench.now + Duration::from_secs(1 << 30));
    assert!(bench.ready().is_empty());
}

#[test]
fn a_batch_is_acknowledged_when_all_its_packages_are_taken() {
    let mut bench = Bench::new(Spec { min_events: 2, ..spec() });
    bench.push_lines(1, 0..3, "a");
    bench.push_lines(1, 3..4, "a");
    let mut ready = bench.ready().into_iter();
    let acked = Arc::clone(&bench.acked);
    let acked = || acked.lock().unwrap().clone();
    ready.next().unwrap().taken();
    assert_eq!(acked(), [0; 0]);
    ready.next().unwrap().taken();
    assert_eq!(acked(), [0, 1]);
    bench.push(1, batch(&[(1, 0, &[])]));
    assert_eq!(acked(), [0, 1, 2], "a batch of which nothing is sent");
}

#[test]
fn other_tags_in_a_lane_close_its_group_first() {
    let mut bench = Bench::new(spec());
    bench.push_lines(1, 0..2, "a");
    bench.push_lines(2, 2..3, "b");
    bench.push_lines(1, 3..4, "b");
    bench.push_lines(1, 4..5, "b");
    bench.push_lines(1, 5..6, "a");
    bench.packer.close_all();
    let ready = bench.ready();
    let numbers: Vec<_> = ready.iter().map(Seen::numbers).collect();
    assert_eq!(numbers, [vec![vec![0, 1]], vec![vec![3, 4]], vec![vec![2], vec![5]]]);
    let tags: Vec<_> = ready.iter().flat_map(|seen| &seen.groups).map(|group| &group.tags[0].1[..]).collect();
    assert_eq!(tags, [b"a", b"b", b"b", b"a"]);
}

#[test]
fn a_rotated_file_and_the_one_behind_it_share_no_group() {
    let mut bench = Bench::new(spec());
    for inode in [1, 2] {
        let mut source = Source::new("app.log".into(), Some(FileId { device: 1, inode }));
        source.lane = 7;
        let batch = EventBatch { source: Arc::new(source), ..batch(&[(1, 0, &[("content", b"a line")])]) };
        deliveries(batch, None, 1).for_each(|delivery| bench.packer.push(delivery, bench.now));
    }
    bench.packer.close_all();
    let packages = bench.ready();
    let ids: Vec<_> = packages.iter().flat_map(|seen| &seen.groups).filter_map(|group| group.tags.last()).collect();
    assert_eq!(ids.len(), 2, "a group whose id names one file has lines of no other");
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn groups_that_are_due_together_share_a_list_up_to_the_size_of_a_group() {
    let one = |lanes: u64, spec: Spec| {
        let mut bench = Bench::new(spec);
        (0..lanes).for_each(|lane| bench.push_lines(lane, lane as i64..lane as i64 + 1, "a"));
        let due = bench.packer.due().unwrap();
        bench.packer.close_due(due);
        bench.ready()
    };
    let ready = one(3, spec());
    assert_eq!((ready.len(), ready[0].numbers()), (1, vec![vec![0], vec![1], vec![2]]));
    let head = &ready[0].outgoing.package.head;
    assert_eq!((head.form, head.events, head.compression), (Form::List, 3, Compression::Lz4));
    assert_eq!(ready[0].origins(), [(0, 10), (1, 10), (2, 10)]);

    let ready = one(1, spec());
    assert_eq!(ready[0].outgoing.package.head.form, Form::LogGroup);
    let sizes: Vec<usize> = one(5, Spec { min_bytes: 200, ..spec() }).iter().map(|seen| seen.groups.len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
    let ready = one(3, Spec { shard_hash_keys: vec!["app".to_owned(), "none".to_owned()], ..spec() });
    assert_eq!(ready.len(), 3);
    let expected = hash_key(&["app".to_owned()], |_| Some(b"a_"));
    assert!(ready.iter().all(|seen| seen.outgoing.package.head.hash_key.as_ref() == Some(&expected)));
}

#[test]
fn all_groups_are_closed_when_the_batches_that_wait_take_too_much_memory() {
    let mut bench = Bench::new(spec());
    bench.push_lines(1, 0..1, "a");
    bench.push_lines(2, 10..30, "a");
    assert!(bench.ready().is_empty());
    bench.packer.hold_at_most(1);
    bench.push_lines(1, 1..20, "a");
    let ready = bench.ready();
    let logs: Vec<usize> = ready.iter().flat_map(|seen| &seen.groups).map(|group| group.logs.len()).collect();
    assert_eq!(logs, [20, 20]);
    assert_eq!((bench.packer.held_bytes, bench.packer.by_lane.len()), (0, 0));
}

#[test]
fn a_group_that_is_packed_again_has_the_same_id() {
    let ids = || {
        let mut bench = Bench::new(Spec { min_events: 2, ..spec() });
        bench.push_lines(1, 0..5, "a");
        bench.packer.close_all();
        let ready = bench.ready();
        ready.iter().map(|seen| seen.groups[0].tags[1].clone()).collect::<Vec<_>>()
    };
    let (first, again) = (ids(), ids());
    assert_eq!(first, again);
    let sequences: Vec<&[u8]> = first.iter().map(|(_, id)| id.rsplit(|byte| *byte == b'-').next().unwrap()).collect();
    assert_eq!(sequences, [&b"0"[..], b"14", b"28"]);
    assert!(first.iter().all(|(name, _)| name == b"__pack_id__"));
}

#[test]
fn an_event_that_is_too_large_is_cut_and_counted_and_groups_stay_within_limits() {
    let mut bench = Bench::new(Spec { compression: Compression::None, min_bytes: 8_738_133, ..spec() });
    let large = "ä".repeat(6 << 20);
    let half = vec![b'x'; 5 << 20];
    bench.push(
        1,
        batch(&[
            (1, 2, &[("k", b"before")]),
            (3, 4, &[("k", b"small"), ("large", large.as_bytes())]),
            (5, 6, &[("half", &half)]),
            (7, 8, &[("half", &half)]),
        ]),
    );
    bench.packer.close_all();
    let ready = bench.ready();
    let numbers: Vec<_> = ready.iter().flat_map(Seen::numbers).collect();
    assert_eq!(numbers, [[1], [3], [5], [7]]);
    assert!(ready.iter().all(|seen| seen.outgoing.package.body.len() <= MAX_RAW_BYTES));
    let contents = &ready[1].groups[0].logs[0].contents;
    assert_eq!(contents[0], (b"k".to_vec(), b"small".to_vec()));
    let cut = str::from_utf8(&contents[1].1).unwrap();
    assert!(large.starts_with(cut) && cut.len() > MAX_RAW_BYTES - 200, "{} bytes", cut.len());
    assert_eq!(bench.packer.counters().cut_events.total(), 1);
}

#[test]
fn times_that_no_log_can_have_are_counted() {
    let mut bench = Bench::new(spec());
    bench.push(1, batch(&[(-1, 0, &[("k", b"v")]), (1, 0, &[("k", b"v")]), (1 << 40, 0, &[("k", b"v")])]));
    assert_eq!(bench.packer.counters().clamped_times.total(), 2);
}

/// Seconds, nanoseconds, and fields with one of four names.
type RandomEvent = (i64, u32, Vec<(u8, Vec<u8>)>);

#[derive(Debug, Clone)]
enum Action {
    Push { lane: u64, tag: u8, events: Vec<RandomEvent>, kept: Vec<bool> },
    Wait(u64),
    CloseAll,
}

fn action() -> impl Strategy<Value = Action> {
    let value =
        prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..20), 1 => prop::collection::vec(any::<u8>(), 120..300)];
    let fields = prop::collection::vec((0..4_u8, value), 0..4);
    let event = (0..=i64::from(u32::MAX), 0..1_000_000_000_u32, fields);
    let push = (0..3_u64, 0..3_u8, prop::collection::vec(event, 1..12), prop::collection::vec(any::<bool>(), 12))
        .prop_map(|(lane, tag, events, kept)| Action::Push { lane, tag, events, kept });
    prop_oneof![8 => push, 2 => (0..4000_u64).prop_map(Action::Wait), 1 => Just(Action::CloseAll)]
}

/// What was pushed, as it should come out: by lane, the log and the tag of its group.
#[derive(Default)]
struct Model {
    lanes: BTreeMap<u64, Vec<(Log, u8)>>,
    /// By generation.
    kept_bytes: Vec<u64>,
}

fn run(bench: &mut Bench, actions: &[Action]) -> Model {
    let mut model = Model::default();
    for action in actions {
        match action {
            Action::Wait(milliseconds) => {
                bench.now += Duration::from_millis(*milliseconds);
                bench.packer.close_due(bench.now);
                assert!(bench.packer.due().is_none_or(|due| due > bench.now));
            }
            Action::CloseAll => bench.packer.close_all(),
            Action::Push { lane, tag, events, kept } => {
                let batch = random_batch(*lane, *tag, events, kept);
                let whole = batch.provenance.end.0 - batch.provenance.start.0;
                model.kept_bytes.push(whole - batch.dropped_bytes());
                let logs = events.iter().zip(kept).filter(|(_, is_kept)| **is_kept).map(|(event, _)| log(*lane, event));
                model.lanes.entry(*lane).or_default().extend(logs.map(|log| (log, *tag)));
                bench.push(*lane, batch);
            }
        }
    }
    bench.packer.close_all();
    model
}

/// Every event says which lane it is from, so that none is empty.
fn random_batch(lane: u64, tag: u8, events: &[RandomEvent], kept: &[bool]) -> EventBatch {
    let lane = lane.to_string();
    let fields: Vec<Vec<(&str, &[u8])>> = events
        .iter()
        .map(|(_, _, fields)| {
            let fields = fields.iter().map(|(name, value)| (["a", "b", "c", "d"][*name as usize], &value[..]));
            [("lane", lane.as_bytes())].into_iter().chain(fields).collect()
        })
        .collect();
    let events: Vec<TestEvent<'_>> =
        events.iter().zip(&fields).map(|(event, fields)| (event.0, event.1, &fields[..])).collect();
    let mut batch = batch(&events);
    add_tag(&mut batch, "tag", &[tag]);
    let kept: Vec<u32> = (0..events.len() as u32).filter(|at| kept[*at as usize]).collect();
    batch.select(&kept);
    batch
}

fn log(lane: u64, (seconds, nanoseconds, fields): &RandomEvent) -> Log {
    let fields = fields.iter().map(|(name, value)| (vec![b'a' + name], value.clone()));
    let contents = [(b"lane".to_vec(), lane.to_string().into_bytes())].into_iter().chain(fields).collect();
    Log { time: *seconds as u32, nanoseconds: Some(*nanoseconds), contents }
}

proptest! {
    #[test]
    fn everything_comes_out_once_in_order_and_is_accounted_for(
        actions in prop::collection::vec(action(), 1..20),
        min_bytes in 1..2000_u64,
        min_events in 1..20_u64,
        held_bytes in 500..4000_usize,
        compression in prop::sample::select(vec![Compression::Lz4, Compression::Zstd, Compression::None]),
        is_hashed: bool,
    ) {
        let shard_hash_keys = if is_hashed { vec!["tag".to_owned()] } else { Vec::new() };
        let mut bench = Bench::new(Spec { compression, shard_hash_keys, min_bytes, min_events, ..spec() });
        bench.packer.limits = Limits { group_bytes: 1800, held_bytes };
        let model = run(&mut bench, &actions);
        prop_assert_eq!(bench.packer.held_bytes, 0);

        let ready = bench.ready();
        let mut lanes: BTreeMap<u64, Vec<(Log, u8)>> = model.lanes.keys().map(|lane| (*lane, Vec::new())).collect();
        let mut bytes = vec![0; model.kept_bytes.len()];
        for seen in &ready {
            let head = &seen.outgoing.package.head;
            prop_assert_eq!(head.hash_key.is_some(), is_hashed);
            prop_assert_eq!(head.events as usize, seen.groups.iter().map(|group| group.logs.len()).sum::<usize>());
            prop_assert!(head.form == Form::List || head.raw_bytes <= 1800);
            prop_assert!(seen.groups.iter().all(|group| (1..=min_events as usize).contains(&group.logs.len())));
            head.origins.iter().for_each(|origin| bytes[origin.generation as usize] += origin.bytes);
            for (group, log) in seen.groups.iter().flat_map(|group| group.logs.iter().map(move |log| (group, log))) {
                let lane = str::from_utf8(&log.contents[0].1).unwrap().parse().unwrap();
                lanes.entry(lane).or_default().push((log.clone(), group.tags[0].1[0]));
            }
        }
        prop_assert_eq!(lanes, model.lanes);
        prop_assert_eq!(&bytes, &model.kept_bytes);

        for receipt in ready.into_iter().flat_map(|seen| seen.outgoing.receipts) {
            receipt.rejected();
        }
        let mut acked = bench.acked.lock().unwrap().clone();
        acked.sort_unstable();
        prop_assert_eq!(acked, (0..bench.pushed as u64).collect::<Vec<_>>());
        let rejected: Vec<u64> = bench.sources.iter().map(|source| source.progress.ledger().rejected).collect();
        prop_assert_eq!(rejected, bytes);
    }
}
