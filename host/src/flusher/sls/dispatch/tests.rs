use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tempfile::TempDir;

use super::super::pack::packer::{Packer, Spec};
use super::super::package::{Compression, Form, Origin};
use super::super::receipt::OnAck;
use super::super::spool::Room;
use super::*;
use crate::event::{Ack, EventBatch, deliveries};

/// A dispatch with a data directory, a service that it sends to, and a clock that stands until it is moved.
struct Bench {
    directory: TempDir,
    room: Arc<Room>,
    dispatch: Dispatch,
    accounts: Arc<Told>,
    now: Instant,
    unix_now: i64,
    under_way: BTreeMap<Ticket, Package>,
    /// What the service has taken.
    taken: Vec<Package>,
}

#[derive(Default)]
struct Told {
    expired: AtomicU64,
    rejected: AtomicU64,
}

impl Accounts for Told {
    fn expired(&self, head: &Head) {
        self.expired.fetch_add(head.events, Ordering::Relaxed);
    }

    fn rejected(&self, head: &Head) {
        self.rejected.fetch_add(head.events, Ordering::Relaxed);
    }
}

const SETTINGS: Settings =
    Settings { most_under_way: 15, bytes_per_sec: 0, memory_bytes: 1 << 20, max_age: Duration::from_secs(24 * 3600) };
const START: i64 = 1_700_000_000;

impl Bench {
    fn new(spool_bytes: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let room = Room::new(spool_bytes);
        let now = Instant::now();
        let accounts = Arc::new(Told::default());
        let dispatch = dispatch(&directory, &room, &accounts, now);
        Self {
            directory,
            room,
            dispatch,
            accounts,
            now,
            unix_now: START,
            under_way: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    /// A new agent over the same data directory.
    fn restart(self) -> Self {
        let Self { directory, accounts, now, unix_now, taken, room, dispatch: old, .. } = self;
        drop(old);
        let room = Room::new(room.limit_bytes());
        let dispatch = dispatch(&directory, &room, &accounts, now);
        Self { directory, room, dispatch, accounts, now, unix_now, under_way: BTreeMap::new(), taken }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.unix_now += time.as_secs().cast_signed();
    }

    /// Does what is due, with every request answered at once. Returns when more is due.
    fn turn(&mut self, answer: impl Fn(&Package) -> Result<(), Class>) -> Option<Instant> {
        loop {
            let under_way = &mut self.under_way;
            let due = self.dispatch.turn(self.now, self.unix_now, &mut |ticket, package| {
                under_way.insert(ticket, package.clone());
            });
            if self.under_way.is_empty() {
                return due;
            }
            for (ticket, package) in std::mem::take(&mut self.under_way) {
                let answer = match answer(&package) {
                    Ok(()) => {
                        self.taken.push(package);
                        Answer::Accepted { request_id: "ID".to_owned() }
                    }
                    Err(class) => Answer::Refused(refusal(class)),
                };
                self.dispatch.answered(ticket, answer, self.now);
            }
        }
    }

    /// Goes on until nothing is left.
    fn drain(&mut self, answer: impl Fn(&Package) -> Result<(), Class>) {
        loop {
            let due = self.turn(&answer);
            if self.dispatch.outbox.is_empty() && self.dispatch.disk.spool.is_empty() {
                return;
            }
            let wait = due.expect("it goes on by itself").duration_since(self.now);
            self.pass(wait.max(Duration::from_secs(1)));
        }
    }

    fn numbers(&self) -> Vec<u64> {
        self.taken.iter().map(|package| package.head.origins[0].generation).collect()
    }
}

fn dispatch(directory: &TempDir, room: &Arc<Room>, accounts: &Arc<Told>, now: Instant) -> Dispatch {
    let dir = Dir::open_ambient_dir(directory.path(), ambient_authority()).expect("the directory");
    let destination =
        Destination { endpoint: "e".to_owned(), region: None, project: "p".to_owned(), logstore: "l".to_owned() };
    let (spool, notes) = Spool::open(&dir, &destination, Arc::clone(room)).expect("a spool");
    assert!(notes.is_empty(), "{notes:?}");
    let (dead_letters, notes) = DeadLetters::open(&dir, &destination, Arc::clone(room)).expect("dead letters");
    assert!(notes.is_empty(), "{notes:?}");
    let accounts = Arc::clone(accounts) as Arc<dyn Accounts>;
    let parties = (accounts, Arc::new(Alarms::for_long_runs()));
    Dispatch::new(&destination, SETTINGS, Disk::new(spool, dead_letters), parties, now)
}

fn refusal(class: Class) -> Refusal {
    Refusal {
        class,
        host: "h".to_owned(),
        status: None,
        code: "Code".to_owned(),
        message: "no".to_owned(),
        request_id: Some("ID".to_owned()),
    }
}

/// A package with a number, of one lane.
fn package(number: u64, lane: u64, read_seconds: i64) -> Package {
    let head = Head {
        pipeline: "app".to_owned(),
        form: Form::LogGroup,
        compression: Compression::None,
        raw_bytes: 1000,
        hash_key: None,
        events: 1,
        read_seconds,
        origins: vec![Origin { generation: number, lane, bytes: 10 }],
    };
    Package { head, body: Bytes::from(vec![b'x'; 1000]) }
}

/// A package of one batch of lines, and where its acknowledgement is noted.
fn packed(batch: EventBatch) -> (Outgoing, Arc<Mutex<Vec<Ack>>>) {
    let acks = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&acks);
    let on_ack: Arc<OnAck> = Arc::new(move |ack: &Ack| noted.lock().expect("no panic").push(ack.clone()));
    let spec = Spec {
        pipeline: "app".to_owned(),
        nanoseconds: false,
        compression: Compression::Lz4,
        shard_hash_keys: Vec::new(),
        without_tag: None,
        min_bytes: 1 << 20,
        min_events: 4000,
        timeout: Duration::from_secs(3),
    };
    let mut packer = Packer::new(spec, on_ack, Arc::new(Alarms::for_long_runs()));
    deliveries(batch, None, 1).for_each(|delivery| packer.push(delivery, Instant::now()));
    packer.close_all();
    (packer.take_ready().pop().expect("one package"), acks)
}

#[test]
fn an_outage_goes_over_the_disk_and_everything_arrives_in_order() {
    let mut bench = Bench::new(1 << 30);
    for number in 0..200 {
        bench.dispatch.take(Outgoing { package: package(number, number % 3, START), receipts: Vec::new() });
        bench.turn(|_| Err(Class::Network));
        bench.pass(Duration::from_millis(500));
    }
    assert!(bench.dispatch.outbox.unacknowledged_bytes() < 10_000, "it is on disk");
    assert!(bench.dispatch.counts.spooled_packages > 150);
    bench.drain(|_| Ok(()));
    for lane in 0..3 {
        let of_lane: Vec<u64> = bench.numbers().into_iter().filter(|number| number % 3 == lane).collect();
        assert!(of_lane.is_sorted(), "{of_lane:?}");
    }
    let mut numbers = bench.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn what_is_on_disk_is_sent_by_the_next_agent() {
    let mut bench = Bench::new(1 << 30);
    for number in 0..20 {
        bench.dispatch.take(Outgoing { package: package(number, 7, START), receipts: Vec::new() });
    }
    bench.turn(|_| Err(Class::Credentials));
    assert!(bench.dispatch.put_away(bench.now));
    let mut bench = bench.restart();
    bench.dispatch.take(Outgoing { package: package(20, 7, START), receipts: Vec::new() });
    bench.drain(|_| Ok(()));
    assert_eq!(bench.numbers(), (0..21).collect::<Vec<_>>());
    assert!(bench.restart().dispatch.disk.spool.is_empty());
}

#[test]
fn a_batch_is_acknowledged_once_it_is_on_disk() {
    let mut bench = Bench::new(1 << 30);
    let (outgoing, acks) = packed(crate::event::testing::batch(&["a", "b"]));
    bench.dispatch.take(outgoing);
    bench.turn(|_| Err(Class::Network));
    assert!(acks.lock().expect("no panic").is_empty());
    bench.pass(SPILL_PATIENCE);
    bench.turn(|_| Err(Class::Network));
    assert_eq!(acks.lock().expect("no panic").len(), 1);
}

#[test]
fn a_day_of_outage_keeps_memory_flat_and_what_gets_too_old_is_told() {
    let mut bench = Bench::new(1 << 30);
    let (mut most, step) = (0, Duration::from_secs(60));
    let day = 24 * 60;
    for number in 0..day + 60 {
        let package = package(number, number % 5, bench.unix_now);
        bench.dispatch.take(Outgoing { package, receipts: Vec::new() });
        bench.turn(|_| Err(Class::Server));
        most = most.max(bench.dispatch.outbox.len());
        bench.pass(step);
    }
    assert!(most < 40, "{most} packages in memory");
    let expired = bench.accounts.expired.load(Ordering::Relaxed);
    assert!((55..=61).contains(&expired), "{expired} expired in the hour after a day");
    assert_eq!(bench.dispatch.counts.expired_events, expired);
    bench.drain(|_| Ok(()));
    assert_eq!(bench.taken.len() as u64 + bench.dispatch.counts.expired_events, day + 60);
}

#[test]
fn what_got_old_while_nobody_ran_is_sent_and_not_given_up() {
    let mut bench = Bench::new(1 << 30);
    bench.dispatch.take(Outgoing { package: package(0, 7, START), receipts: Vec::new() });
    bench.turn(|_| Err(Class::Network));
    assert!(bench.dispatch.put_away(bench.now));
    bench.pass(10 * SETTINGS.max_age);
    let mut bench = bench.restart();
    bench.drain(|_| Ok(()));
    assert_eq!((bench.numbers(), bench.dispatch.counts.expired_events), (vec![0], 0));
}

#[test]
fn a_clock_that_is_set_makes_nothing_older() {
    let mut bench = Bench::new(1 << 30);
    for _ in 0..100 {
        bench.dispatch.take(Outgoing { package: package(0, 7, START), receipts: Vec::new() });
        bench.turn(|_| Err(Class::Network));
        bench.pass(Duration::from_secs(3));
        bench.unix_now += 50 * 365 * 24 * 3600;
    }
    assert_eq!(bench.dispatch.counts.expired_events, 0);
    bench.drain(|_| Ok(()));
    assert_eq!(bench.taken.len(), 100);
}

#[test]
fn who_is_not_the_service_decides_over_no_event() {
    let mut bench = Bench::new(1 << 30);
    bench.dispatch.take(packed(crate::event::testing::batch(&["a", "b"])).0);
    let stranger = Refusal { request_id: None, ..refusal(Class::TooLarge) };
    for _ in 0..10 {
        bench.dispatch.turn(bench.now, bench.unix_now, &mut |ticket, package| {
            bench.under_way.insert(ticket, package.clone());
        });
        for (ticket, _) in std::mem::take(&mut bench.under_way) {
            bench.dispatch.answered(ticket, Answer::Refused(stranger.clone()), bench.now);
        }
        bench.pass(STRANGER_RETRY);
    }
    assert_eq!(bench.dispatch.counts.dead_events, 0);
    bench.drain(|_| Ok(()));
    assert_eq!(bench.taken.iter().map(|package| package.head.events).sum::<u64>(), 2);
}

#[test]
fn dead_letters_that_have_no_room_wait_and_nothing_more_is_taken() {
    let mut bench = Bench::new(10);
    bench.dispatch.take(packed(crate::event::testing::batch(&["a"])).0);
    bench.turn(|_| Err(Class::Invalid));
    assert!(!bench.dispatch.has_room());
    let refusals = bench.dispatch.counts.refusals;
    bench.pass(10 * DISK_RETRY);
    bench.turn(|_| Err(Class::Invalid));
    assert_eq!((bench.dispatch.counts.refusals, bench.dispatch.counts.dead_events), (refusals, 0));
}

#[test]
fn a_clock_that_cannot_be_corrected_is_an_outage() {
    let mut bench = Bench::new(1 << 30);
    bench.dispatch.take(Outgoing { package: package(0, 7, START), receipts: Vec::new() });
    bench.turn(|_| Err(Class::Clock));
    assert!(bench.dispatch.is_failing());
    bench.drain(|_| Ok(()));
    assert_eq!(bench.taken.len(), 1);
}

#[test]
fn a_full_spool_stops_taking_and_loses_nothing() {
    let mut bench = Bench::new(300_000);
    let mut number = 0;
    while bench.dispatch.has_room() {
        bench.dispatch.take(Outgoing { package: package(number, number % 5, START), receipts: Vec::new() });
        bench.turn(|_| Err(Class::QuotaLogstore));
        bench.pass(Duration::from_millis(100));
        number += 1;
        assert!(number < 10_000, "it never stops");
    }
    assert!(bench.room.used_bytes() <= 300_000);
    bench.drain(|_| Ok(()));
    assert_eq!(bench.taken.len() as u64, number);
}

#[test]
fn a_spool_that_is_full_is_read_nevertheless() {
    let mut bench = Bench::new(20_000);
    for number in 0..100 {
        bench.dispatch.take(Outgoing { package: package(number, 7, START), receipts: Vec::new() });
    }
    // Everything that has room goes to disk at once, so that nothing of it is in memory when the service comes back.
    bench.turn(|_| Err(Class::Network));
    bench.pass(SPILL_PATIENCE);
    for _ in 0..1000 {
        bench.turn(|_| Ok(()));
        bench.pass(Duration::from_secs(1));
    }
    assert_eq!(bench.numbers(), (0..100).collect::<Vec<_>>());
}

#[test]
fn one_bad_event_is_put_aside_alone() {
    let mut bench = Bench::new(1 << 30);
    let batch = crate::event::testing::batch(&["a", "b", "bad", "d", "e", "f", "g"]);
    let source = Arc::clone(&batch.source);
    let (outgoing, acks) = packed(batch);
    bench.dispatch.take(outgoing);
    bench.drain(|package| if has(package, b"bad") { Err(Class::Invalid) } else { Ok(()) });
    assert_eq!(bench.taken.iter().map(|package| package.head.events).sum::<u64>(), 6);
    assert_eq!((bench.dispatch.counts.dead_events, bench.dispatch.disk.dead_letters.records()), (1, 1));
    assert_eq!(acks.lock().expect("no panic").len(), 1);
    let ledger = source.progress.ledger();
    assert_eq!(ledger.settled_bytes(), 16);
    assert!((1..=4).contains(&ledger.rejected), "{} rejected", ledger.rejected);
}

#[test]
fn one_bad_event_that_was_on_disk_is_put_aside_alone_too() {
    let mut bench = Bench::new(1 << 30);
    bench.dispatch.take(packed(crate::event::testing::batch(&["a", "bad", "c"])).0);
    bench.turn(|_| Err(Class::Network));
    assert!(bench.dispatch.put_away(bench.now));
    let mut bench = bench.restart();
    bench.drain(|package| if has(package, b"bad") { Err(Class::TooLarge) } else { Ok(()) });
    assert_eq!(bench.taken.iter().map(|package| package.head.events).sum::<u64>(), 2);
    assert_eq!(bench.accounts.rejected.load(Ordering::Relaxed), 1);
    assert!(bench.restart().dispatch.disk.spool.is_empty());
}

#[test]
fn dead_letters_are_sent_again_when_somebody_wants_it() {
    let mut bench = Bench::new(1 << 30);
    bench.dispatch.take(packed(crate::event::testing::batch(&["a"])).0);
    bench.drain(|_| Err(Class::Invalid));
    assert_eq!(bench.dispatch.disk.dead_letters.records(), 1);
    bench.pass(10 * SETTINGS.max_age);
    bench.dispatch.replay_dead_letters(bench.unix_now);
    bench.drain(|_| Ok(()));
    assert_eq!((bench.taken.len(), bench.dispatch.disk.dead_letters.records()), (1, 0));
}

#[test]
fn what_is_refused_again_and_again_is_put_aside() {
    let mut bench = Bench::new(1 << 30);
    bench.dispatch.take(packed(crate::event::testing::batch(&["a"])).0);
    bench.drain(|_| Err(Class::Unknown));
    assert_eq!((bench.dispatch.counts.refusals, bench.dispatch.counts.dead_events), (5, 1));
}

#[test]
fn a_healthy_destination_never_sees_the_disk() {
    let mut bench = Bench::new(1 << 30);
    let calls = AtomicU64::new(0);
    for number in 0..1000 {
        bench.dispatch.take(Outgoing { package: package(number, number % 5, START), receipts: Vec::new() });
        // Every third request fails.
        bench.turn(
            |_| if calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) { Err(Class::Server) } else { Ok(()) },
        );
        bench.pass(Duration::from_millis(300));
    }
    bench.drain(|_| Ok(()));
    assert_eq!((bench.dispatch.counts.spooled_packages, bench.taken.len()), (0, 1000));
}

/// Whether the decompressed log group has these bytes.
fn has(package: &Package, text: &[u8]) -> bool {
    let raw_bytes = usize::try_from(package.head.raw_bytes).expect("it is small");
    let raw = match package.head.compression {
        Compression::Lz4 => lz4_flex::block::decompress(&package.body, raw_bytes).expect("an LZ4 block"),
        _ => package.body.to_vec(),
    };
    raw.windows(text.len()).any(|window| window == text)
}
