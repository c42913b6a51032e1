use super::*;
use crate::signature::vectors::{G1, G2, bytes};
use crate::wire::{LogGroup, put_bytes};

const NOW: i64 = 1_749_712_100;
const ALWAYS: std::ops::Range<Moment> = (0, 0)..(i64::MAX, 0);

fn open(directory: &Path) -> (Store, Logstore) {
    let store = Store::open(directory).unwrap();
    store.create_project("demo", "", NOW).unwrap();
    store.create_logstore("demo", "app", 2, "{}", NOW).unwrap();
    let logstore = store.logstore("demo", "app").unwrap().unwrap();
    (store, logstore)
}

/// A group of logs with these times, each named by a field.
fn group(logs: &[(u8, Option<u32>, &str)]) -> Vec<u8> {
    let mut group = Vec::new();
    for (time, ns, name) in logs {
        let mut content = Vec::new();
        put_bytes(&mut content, 1, b"name");
        put_bytes(&mut content, 2, name.as_bytes());
        let mut log = vec![0x08, *time];
        put_bytes(&mut log, 2, &content);
        if let Some(ns) = ns {
            log.push(0x25);
            log.extend(ns.to_le_bytes());
        }
        put_bytes(&mut group, 1, &log);
    }
    group
}

fn names(store: &Store, logstore: &Logstore, span: std::ops::Range<Moment>, reverse: bool) -> String {
    let mut names = Vec::new();
    let visit = |event: Event| {
        names.push(String::from_utf8(event.field("name").unwrap().to_vec()).unwrap());
        true
    };
    store.visit(logstore, &span, reverse, visit).unwrap();
    names.join(" ")
}

#[test]
fn events_come_by_time_and_then_by_arrival() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut store, logstore) = open(scratch.path());
    let first = group(&[(9, Some(5), "e"), (7, None, "a"), (9, None, "c")]);
    let second = group(&[(7, Some(0), "b"), (9, Some(4), "d"), (9, Some(5), "f")]);
    for bytes in [&first, &second] {
        store.write(&logstore, 0, &[LogGroup::read(bytes).unwrap()], NOW).unwrap();
    }
    assert_eq!(names(&store, &logstore, ALWAYS, false), "a b c d e f");
    assert_eq!(names(&store, &logstore, ALWAYS, true), "f e d c b a");
    assert_eq!(names(&store, &logstore, (7, 0)..(9, 0), false), "a b");
    assert_eq!(names(&store, &logstore, (9, 4)..(9, 5), false), "d");
    assert_eq!(names(&store, &logstore, (8, 0)..(9, 0), false), "");
}

#[test]
fn a_restart_keeps_everything() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut store, logstore) = open(scratch.path());
    let bytes = bytes(G2);
    store.write(&logstore, 1, &[LogGroup::read(&bytes).unwrap()], NOW).unwrap();
    drop(store);
    let (store, again) = open(scratch.path());
    assert_eq!(again, logstore);
    assert_eq!(store.count(&logstore).unwrap(), 2);
    let groups = store.groups(&logstore, 1, 0..i64::MAX, 10, usize::MAX).unwrap();
    assert_eq!(LogGroup::read(&groups[0].bytes).unwrap(), LogGroup::read(&bytes).unwrap());
}

#[test]
fn groups_come_by_shard_and_number() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut store, logstore) = open(scratch.path());
    let g1 = bytes(G1);
    for (shard, received) in [(0, NOW), (1, NOW), (0, NOW + 10), (0, NOW + 20)] {
        store.write(&logstore, shard, &[LogGroup::read(&g1).unwrap()], received).unwrap();
    }
    let ids = |shard, span, count, limit| {
        let groups = store.groups(&logstore, shard, span, count, limit).unwrap();
        groups.iter().map(|group| group.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0, 0..i64::MAX, 10, usize::MAX), [1, 3, 4]);
    assert_eq!(ids(1, 0..i64::MAX, 10, usize::MAX), [2]);
    assert_eq!(ids(0, 2..4, 10, usize::MAX), [3]);
    assert_eq!(ids(0, 0..i64::MAX, 2, usize::MAX), [1, 3]);
    assert_eq!(ids(0, 0..i64::MAX, 10, 1), [1]);
    assert_eq!(store.group_received_from(&logstore, 0, NOW + 5).unwrap(), 3);
    assert_eq!(store.group_received_from(&logstore, 0, NOW + 21).unwrap(), 5);
    assert_eq!(store.end().unwrap(), 5);
    assert_eq!(store.received(&logstore, 0, 2).unwrap(), Some(NOW + 10));
}

#[test]
fn what_is_deleted_is_gone() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut store, logstore) = open(scratch.path());
    let g1 = bytes(G1);
    store.write(&logstore, 0, &[LogGroup::read(&g1).unwrap()], NOW).unwrap();
    store.delete_project("demo").unwrap();
    assert_eq!(store.logstore("demo", "app").unwrap(), None);
    assert_eq!(store.count(&logstore).unwrap(), 0);
    assert!(store.projects("").unwrap().is_empty());
    assert_eq!(store.end().unwrap(), 2, "cursors never return");
}
