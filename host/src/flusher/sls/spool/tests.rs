//! Tests of spools.

mod crash;
mod dead;
pub(super) mod fault;
mod model;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::flusher::sls::package::{Compression, Form, Origin};

pub(super) fn destination(logstore: &str) -> Destination {
    Destination {
        endpoint: "http://127.0.0.1:8080".to_owned(),
        region: Some("cn-hangzhou".to_owned()),
        project: "shop".to_owned(),
        logstore: logstore.to_owned(),
    }
}

pub(super) fn package(body: &[u8], read_seconds: i64) -> Package {
    let head = Head {
        pipeline: "web".to_owned(),
        form: Form::LogGroup,
        compression: Compression::None,
        raw_bytes: body.len() as u64,
        hash_key: None,
        events: 1,
        read_seconds,
        origins: vec![Origin { generation: 1, lane: 2, bytes: 3 }],
    };
    Package { head, body: Bytes::copy_from_slice(body) }
}

/// A data directory, and what is opened in it.
pub(super) struct Place {
    path: TempDir,
    pub(super) dir: Dir,
}

impl Place {
    pub(super) fn new() -> Self {
        // Thousands of syncs take a while on a real disk.
        let path = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let dir = Dir::open_ambient_dir(path.path(), cap_std::ambient_authority()).unwrap();
        Self { path, dir }
    }

    pub(super) fn open_with(&self, room: &Arc<Room>) -> (Spool, Vec<Note>) {
        Spool::open(&self.dir, &destination("orders"), Arc::clone(room)).unwrap()
    }

    pub(super) fn open(&self) -> (Spool, Vec<Note>) {
        self.open_with(&Room::new(1 << 40))
    }

    /// Opens it, and expects that nothing is wrong.
    pub(super) fn open_well(&self) -> Spool {
        let (spool, notes) = self.open();
        assert_eq!(notes, []);
        spool
    }

    pub(super) fn file(&self, name: &str) -> std::path::PathBuf {
        self.path.path().join("spool").join(directory_name(&destination("orders"))).join(name)
    }

    /// The names of all files of the spool.
    pub(super) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.file("")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(super) fn append(spool: &mut Spool, bodies: &[&[u8]]) {
    for body in bodies {
        spool.append(&package(body, 100)).unwrap();
    }
    spool.sync().unwrap();
}

/// Takes all that can be taken.
pub(super) fn take_all(spool: &mut Spool) -> Vec<(RecordId, Bytes)> {
    std::iter::from_fn(|| spool.take().unwrap()).map(|(id, package)| (id, package.body)).collect()
}

pub(super) fn bodies(spool: &mut Spool) -> Vec<Bytes> {
    take_all(spool).into_iter().map(|(_, body)| body).collect()
}

#[test]
fn what_was_synced_comes_back_in_order_until_it_is_done() {
    let place = Place::new();
    let mut spool = place.open_well();
    assert!(spool.is_empty() && spool.take().unwrap().is_none());
    let sent = package(b"first", 100);
    spool.append(&sent).unwrap();
    assert!(spool.take().unwrap().is_none(), "it is not durable yet");
    spool.sync().unwrap();
    append(&mut spool, &[b"second", b"third"]);
    let (first, taken) = spool.take().unwrap().unwrap();
    assert_eq!(taken, sent);
    let (second, _) = spool.take().unwrap().unwrap();
    spool.done(second);
    append(&mut spool, &[b"fourth"]);
    assert_eq!(bodies(&mut spool), ["third", "fourth"]);
    assert_eq!(spool.records(), 3);
    drop(spool);

    let mut spool = place.open_well();
    assert_eq!((spool.records(), spool.oldest_read_seconds()), (3, Some(100)));
    let all = take_all(&mut spool);
    assert_eq!(all.iter().map(|(_, body)| body).collect::<Vec<_>>(), ["first", "third", "fourth"]);
    spool.done(first);
    spool.done(first);
    all.iter().rev().for_each(|(id, _)| spool.done(*id));
    assert!(spool.is_empty() && spool.bytes() == 0 && spool.oldest_read_seconds().is_none());
    assert_eq!(place.files(), [""; 0], "the segment and its marks are gone");
    append(&mut spool, &[b"fifth"]);
    assert_eq!(bodies(&mut spool), ["fifth"]);
}

#[test]
fn segments_end_and_go_when_their_records_are_done() {
    let place = Place::new();
    let room = Room::new(1 << 40);
    let (mut spool, _) = place.open_with(&room);
    spool.queue.segment_bytes = 1000;
    let bodies: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; 300]).collect();
    for body in &bodies {
        spool.append(&package(body, 100)).unwrap();
    }
    spool.sync().unwrap();
    let files = place.files();
    assert!(files.len() >= 10, "{files:?}");
    let on_disk = || -> u64 { place.files().iter().map(|name| place.file(name).metadata().unwrap().len()).sum() };
    assert_eq!(room.used_bytes(), on_disk());
    let all = take_all(&mut spool);
    assert!(all.iter().map(|(_, body)| body).eq(&bodies));
    all[..10].iter().for_each(|(id, _)| spool.done(*id));
    assert_eq!(place.files().len(), files.len() / 2);
    all[10..].iter().for_each(|(id, _)| spool.done(*id));
    assert_eq!((place.files().len(), room.used_bytes()), (0, 0));
}

#[test]
fn two_destinations_share_the_room_and_nothing_is_removed_for_it() {
    let place = Place::new();
    let room = Room::new(3000);
    let (mut one, _) = place.open_with(&room);
    let (mut other, _) = Spool::open(&place.dir, &destination("payments"), Arc::clone(&room)).unwrap();
    append(&mut one, &[&[1; 1000]]);
    append(&mut other, &[&[2; 500]]);
    let full = one.append(&package(&[3; 1500], 100));
    assert!(matches!(full, Err(AppendError::Full)), "{full:?}");
    let used = room.used_bytes();
    one.sync().unwrap();
    assert_eq!((room.used_bytes(), one.records(), other.records()), (used, 1, 1));
    let (id, _) = other.take().unwrap().unwrap();
    other.done(id);
    append(&mut one, &[&[3; 900]]);
    assert_eq!(bodies(&mut one).len(), 2);
    drop(one);
    let small = Room::new(10);
    let (mut one, notes) = place.open_with(&small);
    assert!(notes.is_empty() && small.used_bytes() > 10, "what is there counts");
    assert!(matches!(one.append(&package(b"", 100)), Err(AppendError::Full)));
    assert_eq!(bodies(&mut one).len(), 2);
}

#[test]
fn old_packages_expire_for_good_unless_they_were_taken() {
    let place = Place::new();
    let mut spool = place.open_well();
    for (body, read_seconds) in [("a", 10), ("b", 50), ("c", 20), ("d", 60), ("e", 5)] {
        spool.append(&package(body.as_bytes(), read_seconds)).unwrap();
    }
    assert!(spool.expire(30).unwrap().is_empty(), "not durable yet");
    spool.sync().unwrap();
    let (first, _) = spool.take().unwrap().unwrap();
    let expired: Vec<i64> = spool.expire(30).unwrap().iter().map(|head| head.read_seconds).collect();
    assert_eq!(expired, [20, 5]);
    assert!(spool.expire(30).unwrap().is_empty());
    assert_eq!((spool.records(), spool.oldest_read_seconds()), (3, Some(10)));
    spool.done(first);
    drop(spool);
    let mut spool = place.open_well();
    assert_eq!(spool.expire(55).unwrap().len(), 1, "of a segment that was not read yet");
    assert_eq!(bodies(&mut spool), ["d"]);
    assert_eq!(spool.expire(100).unwrap().len(), 0);
}

#[test]
fn a_group_that_cannot_be_synced_is_not_there() {
    let place = Place::new();
    let room = Room::new(1 << 40);
    let (mut spool, _) = place.open_with(&room);
    append(&mut spool, &[b"a"]);
    let used = room.used_bytes();
    spool.append(&package(b"b", 100)).unwrap();
    spool.append(&package(b"c", 100)).unwrap();
    fault::fail_syncs(1);
    assert!(spool.sync().is_err());
    assert_eq!((room.used_bytes(), spool.records()), (used, 1));
    append(&mut spool, &[b"d"]);
    assert_eq!(bodies(&mut spool), ["a", "d"]);
    drop(spool);
    assert_eq!(bodies(&mut place.open_well()), ["a", "d"]);
}

#[test]
fn a_group_of_several_segments_is_not_there_if_the_first_cannot_be_synced() {
    let place = Place::new();
    let mut spool = place.open_well();
    spool.queue.segment_bytes = 1000;
    append(&mut spool, &[b"a"]);
    spool.append(&package(&[1; 400], 100)).unwrap();
    fault::fail_syncs(1);
    assert!(matches!(spool.append(&package(&[2; 900], 100)), Err(AppendError::Io(_))));
    spool.append(&package(&[3; 900], 100)).unwrap();
    assert!(spool.sync().is_err(), "the first of the group is not durable");
    spool.sync().unwrap();
    append(&mut spool, &[b"b"]);
    drop(spool);
    assert_eq!(bodies(&mut place.open_well()), ["a", "b"]);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let place = Place::new();
    append(&mut place.open_well(), &[b"a"]);
    let json = r#"{"anything":1}"#;
    let newer = format!("loglift-spool 2 {:08x} {json}\n\x01\x02", crc32fast::hash(format!("2 {json}").as_bytes()));
    std::fs::write(place.file("000000000002.segment"), &newer).unwrap();
    let error = Spool::open(&place.dir, &destination("orders"), Room::new(1000)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(error.to_string().starts_with("000000000002.segment has format 2, this agent knows format 1: "), "{error}");
    assert_eq!(std::fs::read(place.file("000000000002.segment")).unwrap(), newer.as_bytes());
    std::fs::remove_file(place.file("000000000002.segment")).unwrap();
    assert_eq!(bodies(&mut place.open_well()), ["a"]);
}

#[test]
fn what_others_put_there_is_left_alone() {
    let place = Place::new();
    append(&mut place.open_well(), &[b"a"]);
    std::fs::write(place.file("README"), "hello").unwrap();
    std::fs::write(place.file("7.segment"), "not a name of ours").unwrap();
    std::fs::create_dir(place.file("000000000002.segment")).unwrap();
    let foreign = frame::header(&destination("payments"));
    std::fs::write(place.file("000000000009.segment"), &foreign).unwrap();
    std::fs::write(place.file("000000000005.done"), "marks of a segment that is gone").unwrap();
    let (mut spool, notes) = place.open();
    assert_eq!(notes, [Note::Foreign { segment: "000000000009.segment".to_owned() }]);
    append(&mut spool, &[b"b"]);
    assert_eq!(bodies(&mut spool), ["a", "b"]);
    let expected = [
        "000000000001.segment",
        "000000000002.segment",
        "000000000009.segment",
        "000000000010.segment",
        "7.segment",
        "README",
    ];
    assert_eq!(place.files(), expected);
    assert_eq!(std::fs::read(place.file("000000000009.segment")).unwrap(), foreign);
}

#[test]
fn a_segment_that_somebody_removes_is_noted_and_the_others_are_read() {
    let place = Place::new();
    let mut spool = place.open_well();
    spool.queue.segment_bytes = 500;
    append(&mut spool, &[&[1; 400], &[2; 400], &[3; 400]]);
    std::fs::remove_file(place.file("000000000002.segment")).unwrap();
    assert_eq!(bodies(&mut spool), [vec![1; 400], vec![3; 400]]);
    assert_eq!(spool.notes(), [Note::Gone { segment: "000000000002.segment".to_owned(), records: 1 }]);
    assert_eq!(spool.records(), 2);
}

#[test]
fn names_of_directories_can_be_read_and_are_all_different() {
    let name = directory_name(&destination("orders"));
    assert!(name.starts_with("shop_orders-") && name.len() == "shop_orders-".len() + 16, "{name}");
    let odd = Destination { project: "../..".to_owned(), logstore: "日志/x".to_owned(), ..destination("") };
    assert!(directory_name(&odd).starts_with("_____"), "{}", directory_name(&odd));
    let elsewhere = Destination { endpoint: "http://127.0.0.1:8081".to_owned(), ..destination("orders") };
    assert_ne!(directory_name(&elsewhere), name);
}
