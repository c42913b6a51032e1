//! A spool does what a list would do.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Action {
    Append {
        len: usize,
        read_seconds: i64,
    },
    Sync,
    FailSync,
    Take,
    /// The record that was taken and is not done, counted from the first, modulo how many there are.
    Done(usize),
    Expire(i64),
    Reopen,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..600_usize, 0..100_i64).prop_map(|(len, read_seconds)| Action::Append { len, read_seconds }),
        4 => Just(Action::Sync),
        1 => Just(Action::FailSync),
        6 => Just(Action::Take),
        4 => (0..100_usize).prop_map(Action::Done),
        1 => (0..100_i64).prop_map(Action::Expire),
        1 => Just(Action::Reopen),
    ]
}

/// Packages by name, which is their order.
#[derive(Debug, Default)]
struct Model {
    group: Vec<Package>,
    waiting: Vec<Package>,
    taken: Vec<(RecordId, Package)>,
}

impl Model {
    fn live(&self) -> impl Iterator<Item = &Package> {
        self.waiting.iter().chain(self.taken.iter().map(|(_, package)| package))
    }
}

/// A body that no other package has, so that order is seen.
fn body(number: usize, len: usize) -> Vec<u8> {
    [&(number as u32).to_be_bytes()[..], &vec![number as u8; len]].concat()
}

fn run(actions: &[Action]) {
    let place = Place::new();
    let room = Room::new(5000);
    let open = || {
        let (mut spool, notes) = place.open_with(&room);
        assert_eq!(notes, []);
        spool.queue.segment_bytes = 1500;
        spool
    };
    let mut spool = Some(open());
    let mut model = Model::default();
    for (number, action) in actions.iter().enumerate() {
        let open_spool = spool.as_mut().unwrap();
        match action {
            Action::Append { len, read_seconds } => {
                let package = package(&body(number, *len), *read_seconds);
                match open_spool.append(&package) {
                    Ok(()) => model.group.push(package),
                    Err(error) => assert!(matches!(error, AppendError::Full) && room.used_bytes() + 1000 > 5000),
                }
            }
            Action::Sync => {
                open_spool.sync().unwrap();
                model.waiting.append(&mut model.group);
            }
            Action::FailSync if model.group.is_empty() => {}
            Action::FailSync => {
                fault::fail_syncs(1);
                assert!(open_spool.sync().is_err());
                model.group.clear();
            }
            Action::Take => match open_spool.take().unwrap() {
                Some((id, package)) => {
                    assert_eq!(package, model.waiting.remove(0));
                    model.taken.push((id, package));
                }
                None => assert!(model.waiting.is_empty()),
            },
            Action::Done(_) if model.taken.is_empty() => {}
            Action::Done(which) => {
                let (id, _) = model.taken.remove(which % model.taken.len());
                open_spool.done(id);
            }
            Action::Expire(limit) => {
                let heads = open_spool.expire(*limit).unwrap();
                let old: Vec<Package> =
                    model.waiting.extract_if(.., |package| package.head.read_seconds < *limit).collect();
                assert!(heads.iter().eq(old.iter().map(|package| &package.head)));
            }
            Action::Reopen => {
                drop(spool.take());
                assert_eq!(room.used_bytes(), 0);
                spool = Some(open());
                // What was not synced may be there, as long as the system did not crash.
                let Model { group, waiting, taken } = std::mem::take(&mut model);
                let all = taken.into_iter().map(|(_, package)| package).chain(waiting).chain(group);
                model.waiting = all.collect();
                model.waiting.sort_by(|a, b| a.body[..4].cmp(&b.body[..4]));
            }
        }
        let open_spool = spool.as_ref().unwrap();
        assert_eq!(open_spool.records(), model.live().count() as u64);
        assert_eq!(open_spool.is_empty(), model.live().next().is_none());
        let oldest = model.live().map(|package| package.head.read_seconds).min();
        assert_eq!(open_spool.oldest_read_seconds(), oldest);
        let on_disk = place.files().into_iter().filter(|name| name.ends_with(".segment"));
        let on_disk: u64 = on_disk.map(|name| place.file(&name).metadata().unwrap().len()).sum();
        assert_eq!(room.used_bytes(), on_disk, "the room is what the files have");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_spool_is_a_list(actions in prop::collection::vec(action(), 1..60)) {
        run(&actions);
    }
}
