use std::collections::BTreeMap as Map;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::package::{Compression, Form, Head, Origin};
use super::*;

/// A package of the given lanes, which carries its number as its number of events.
fn package(number: u64, lanes: &[u64]) -> Package {
    let origins = lanes.iter().map(|lane| Origin { generation: *lane, lane: *lane, bytes: 10 }).collect();
    let head = Head {
        pipeline: "app".to_owned(),
        form: Form::LogGroup,
        compression: Compression::Lz4,
        raw_bytes: 100,
        hash_key: None,
        events: number,
        read_seconds: 1_700_000_000,
        origins,
    };
    Package { head, body: Bytes::from_static(b"body") }
}

fn outbox(most: u32, now: Instant) -> Outbox {
    Outbox::new(most, 0, now)
}

fn push(outbox: &mut Outbox, number: u64, lanes: &[u64]) {
    outbox.push(package(number, lanes), Claim::Batches(Vec::new()));
}

fn next(outbox: &mut Outbox, now: Instant) -> Option<(Ticket, u64)> {
    outbox.next(false, now).map(|(ticket, package)| (ticket, package.head.events))
}

fn numbers_of(outbox: &mut Outbox, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| next(outbox, now)).map(|(_, number)| number).collect()
}

#[test]
fn packages_of_one_lane_go_one_after_the_other_and_others_beside_them() {
    let now = Instant::now();
    let mut outbox = outbox(20, now);
    for (number, lanes) in [(1, &[7][..]), (2, &[7]), (3, &[8]), (4, &[9, 7]), (5, &[9]), (6, &[10])] {
        push(&mut outbox, number, lanes);
    }
    let (first, number) = next(&mut outbox, now).expect("the first");
    assert_eq!(number, 1);
    assert_eq!(numbers_of(&mut outbox, now), [3, 6], "5 waits behind 4, and 4 behind 2");
    assert!(outbox.has_followers());
    outbox.taken(first, now);
    assert_eq!(numbers_of(&mut outbox, now), [2]);
}

#[test]
fn what_was_refused_goes_before_what_came_after_it() {
    let now = Instant::now();
    let mut outbox = outbox(20, now);
    push(&mut outbox, 1, &[7]);
    push(&mut outbox, 2, &[7]);
    let (ticket, _) = next(&mut outbox, now).expect("the first");
    assert!(matches!(outbox.refused(ticket, Class::Server, now), Some(Verdict::Again)));
    assert_eq!(next(&mut outbox, now), None);
    let later = outbox.wakes_at(now).expect("it is tried again");
    assert!((Duration::from_millis(800)..Duration::from_millis(1200)).contains(&(later - now)), "{:?}", later - now);
    assert_eq!(next(&mut outbox, later).map(|(_, number)| number), Some(1));
}

#[test]
fn delays_double_up_to_a_limit_by_class() {
    fn delays(class: Class, tries: usize) -> Vec<f64> {
        let mut now = Instant::now();
        let mut outbox = outbox(20, now);
        push(&mut outbox, 1, &[7]);
        let mut delays = Vec::new();
        for _ in 0..tries {
            let (ticket, _) = next(&mut outbox, now).expect("it is due");
            outbox.refused(ticket, class, now);
            let Some(later) = outbox.wakes_at(now) else { break };
            delays.push((later - now).as_secs_f64());
            outbox.limiter.wake(later);
            now = later;
        }
        delays
    }
    let near = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        let is_near = |(found, expected): (&f64, &f64)| (0.79..1.21).contains(&(found / expected));
        assert!(found.iter().zip(expected).all(is_near), "{found:?}, not {expected:?}");
    };
    near(delays(Class::Network, 8), &[0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]);
    for class in
        [Class::Server, Class::QuotaLogstore, Class::QuotaProject, Class::Credentials, Class::Missing, Class::Odd]
    {
        near(delays(class, 8), &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
    }
    // The fifth refusal is the last.
    for class in [Class::Parameter, Class::Unknown] {
        near(delays(class, 8), &[1.0, 2.0, 4.0, 8.0]);
    }
}

#[test]
fn a_corrected_clock_is_tried_at_once_but_not_for_ever() {
    let now = Instant::now();
    let mut outbox = outbox(20, now);
    push(&mut outbox, 1, &[7]);
    for _ in 0..3 {
        let (ticket, _) = next(&mut outbox, now).expect("at once");
        assert!(matches!(outbox.refused(ticket, Class::Clock, now), Some(Verdict::Again)));
    }
    let (ticket, _) = next(&mut outbox, now).expect("at once");
    outbox.refused(ticket, Class::Clock, now);
    assert_eq!(next(&mut outbox, now), None);
    assert!(outbox.wakes_at(now).is_some());
}

#[test]
fn what_is_refused_for_its_bytes_is_halved_in_its_place() {
    let now = Instant::now();
    let mut outbox = outbox(20, now);
    push(&mut outbox, 1, &[7]);
    push(&mut outbox, 2, &[7]);
    let (ticket, _) = next(&mut outbox, now).expect("the first");
    let Some(Verdict::Split(item, ticket)) = outbox.refused(ticket, Class::Invalid, now) else { panic!("split") };
    let halves = [11, 12].map(|number| (package(number, &[7]), Claim::Batches(Vec::new())));
    outbox.push_parts(ticket, item.places(), halves.into());
    let mut sent = Vec::new();
    while let Some((ticket, number)) = next(&mut outbox, now) {
        sent.push(number);
        outbox.taken(ticket, now);
    }
    assert_eq!(sent, [11, 12, 2]);
}

#[test]
fn what_comes_from_disk_is_older_than_what_does_not() {
    let now = Instant::now();
    let mut outbox = outbox(20, now);
    push(&mut outbox, 2, &[7]);
    outbox.push(package(1, &[7]), Claim::Record(RecordId::sample()));
    assert_eq!(next(&mut outbox, now).map(|(_, number)| number), Some(1));
}

#[test]
fn nothing_goes_to_disk_before_an_older_package_of_its_lane() {
    let now = Instant::now();
    let mut outbox = outbox(20, now);
    for (number, lanes) in [(1, &[7][..]), (2, &[7, 8]), (3, &[8]), (4, &[9])] {
        push(&mut outbox, number, lanes);
    }
    let (ticket, _) = next(&mut outbox, now).expect("the first");
    let spilled: Vec<u64> = outbox.spillable().iter().map(|(_, item)| item.package.head.events).collect();
    assert_eq!(spilled, [4], "3 waits behind 2, and 2 behind 1, which is under way");
    outbox.refused(ticket, Class::Network, now);
    let spilled: Vec<u64> = outbox.spillable().iter().map(|(_, item)| item.package.head.events).collect();
    assert_eq!(spilled, [1, 2, 3]);
    assert_eq!((outbox.len(), outbox.unacknowledged_bytes()), (0, 0));
}

#[test]
fn requests_wait_for_the_rate() {
    let now = Instant::now();
    let mut outbox = Outbox::new(20, 100, now);
    push(&mut outbox, 1, &[1]);
    push(&mut outbox, 2, &[2]);
    assert_eq!(numbers_of(&mut outbox, now), [1]);
    assert_eq!(outbox.wakes_at(now), Some(now + Duration::from_secs(1)));
    assert_eq!(numbers_of(&mut outbox, now + Duration::from_secs(1)), [2]);
}

#[derive(Debug, Clone)]
enum Step {
    Push(Vec<u64>),
    Send,
    Answer(usize, Class),
    Take(usize),
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let class = prop::sample::select(vec![Class::Network, Class::Server, Class::Clock, Class::Credentials]);
    let step = prop_oneof![
        4 => prop::collection::vec(0_u64..4, 1..3).prop_map(Step::Push),
        4 => Just(Step::Send),
        2 => (0_usize..8, class).prop_map(|(place, class)| Step::Answer(place, class)),
        4 => (0_usize..8).prop_map(Step::Take),
        1 => (0_u16..10_000).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever is refused and in whatever order answers come: each package is taken once, and those of a lane in order.
    #[test]
    fn packages_of_a_lane_are_taken_in_order_and_once(steps in steps()) {
        let mut now = Instant::now();
        let mut outbox = outbox(6, now);
        let (mut pushed, mut taken) = (Vec::new(), Vec::new());
        let mut flying: Map<u64, Ticket> = Map::new();
        let mut take = |outbox: &mut Outbox, flying: &mut Map<u64, Ticket>, number: u64, now| {
            let ticket = flying.remove(&number).expect("it flies");
            assert!(outbox.taken(ticket, now).is_some());
            taken.push(number);
        };
        for step in steps {
            match step {
                Step::Push(lanes) => {
                    pushed.push(lanes.clone());
                    push(&mut outbox, pushed.len() as u64, &lanes);
                }
                Step::Send => flying.extend(next(&mut outbox, now).map(|(ticket, number)| (number, ticket))),
                Step::Answer(place, class) => {
                    let Some((number, ticket)) = flying.iter().nth(place).map(|(n, t)| (*n, *t)) else { continue };
                    flying.remove(&number);
                    prop_assert!(matches!(outbox.refused(ticket, class, now), Some(Verdict::Again)));
                }
                Step::Take(place) => {
                    let Some(number) = flying.keys().nth(place).copied() else { continue };
                    take(&mut outbox, &mut flying, number, now);
                }
                Step::Pass(millis) => now += Duration::from_millis(u64::from(millis)),
            }
            prop_assert_eq!(outbox.under_way(), flying.len());
        }
        while !outbox.is_empty() {
            while let Some((ticket, number)) = next(&mut outbox, now) {
                flying.insert(number, ticket);
            }
            match flying.keys().next().copied() {
                Some(number) => take(&mut outbox, &mut flying, number, now),
                None => now = outbox.wakes_at(now).expect("it is not stuck"),
            }
        }
        let mut sorted = taken.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (1..=pushed.len() as u64).collect::<Vec<_>>());
        for lane in 0..4 {
            let of_lane: Vec<u64> = taken.iter().copied().filter(|number| pushed[*number as usize - 1].contains(&lane)).collect();
            prop_assert!(of_lane.is_sorted(), "lane {}: {:?}", lane, of_lane);
        }
    }
}
