//! Tests of dead letters, of looking at what there is, and of full disks.

use std::process::Command;

use super::*;

fn dead_letters(place: &Place, room: &Arc<Room>) -> DeadLetters {
    DeadLetters::open(&place.dir, &destination("orders"), Arc::clone(room)).unwrap().0
}

fn seen(place: &Place, is_dead: bool) -> Vec<(Vec<u8>, Option<String>)> {
    let mut seen = Vec::new();
    let wrong = look::look(&place.dir, is_dead, &mut |found| {
        assert_eq!(found.destination, &destination("orders"));
        seen.push((found.body.to_vec(), found.reason.map(str::to_owned)));
        Ok(())
    });
    assert_eq!(wrong.unwrap(), [""; 0]);
    seen
}

#[test]
fn dead_letters_keep_their_reason_and_can_be_sent_again() {
    let place = Place::new();
    let room = Room::new(1 << 20);
    let mut dead = dead_letters(&place, &room);
    dead.append(&package(b"bad", 5), "PostBodyInvalid: no time").unwrap();
    dead.append(&package(b"worse", 6), "ParameterInvalid").unwrap();
    assert!(dead.bytes() > 0 && room.used_bytes() > dead.bytes());
    let (mut spool, _) = place.open_with(&room);
    append(&mut spool, &[b"good"]);
    let reason = |text: &str| Some(text.to_owned());
    let expected =
        [(b"bad".to_vec(), reason("PostBodyInvalid: no time")), (b"worse".to_vec(), reason("ParameterInvalid"))];
    assert_eq!(seen(&place, true), expected);
    assert_eq!(seen(&place, false), [(b"good".to_vec(), None)]);
    drop((dead, spool));

    let elsewhere = destination("payments");
    assert_eq!(requeue(&place.dir, Some(&elsewhere), 9).unwrap(), Requeued::default());
    assert_eq!(requeue(&place.dir, None, 9).unwrap(), Requeued { packages: 2, events: 2 });
    assert_eq!(seen(&place, true), []);
    assert_eq!(bodies(&mut place.open_well()), ["good", "bad", "worse"]);
    assert!(look::destinations(&place.dir, true).unwrap().is_empty());
}

#[test]
fn dead_letters_stay_where_they_are_until_they_are_durable_elsewhere() {
    let place = Place::new();
    let room = Room::new(5000);
    let mut dead = dead_letters(&place, &room);
    dead.append(&package(b"a", 5), "refused").unwrap();
    dead.append(&package(&[7; 3000], 5), "refused").unwrap();
    let (mut spool, _) = place.open_with(&room);
    fault::fail_syncs(1);
    assert!(matches!(dead.requeue(&mut spool, 9), Err(AppendError::Io(_))));
    assert_eq!((dead.records(), spool.records()), (2, 0));
    assert_eq!(dead.requeue(&mut spool, 9).unwrap().packages, 1, "there is room for one");
    assert_eq!((dead.records(), spool.records()), (1, 1));
    assert!(matches!(dead.requeue(&mut spool, 9), Err(AppendError::Full)));
    let (id, _) = spool.take().unwrap().unwrap();
    spool.done(id);
    assert_eq!(seen(&place, true).len(), 1);
}

#[test]
fn what_is_done_is_not_shown() {
    let place = Place::new();
    assert_eq!(seen(&place, false), []);
    let mut spool = place.open_well();
    append(&mut spool, &[b"a", b"b"]);
    let (id, _) = spool.take().unwrap().unwrap();
    spool.done(id);
    assert_eq!(seen(&place, false), [(b"b".to_vec(), None)]);
}

/// A disk of a few pages. It goes when this does.
struct SmallDisk(std::path::PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_costs_nothing_that_was_synced_and_leaves_no_half_record() {
    let place = Place::new();
    let mut spool = place.open_well();
    drop(spool);
    let small = SmallDisk(place.file(""));
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&small.0).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("SKIPPED: a file system cannot be mounted here");
        return;
    }
    spool = place.open_well();
    let mut kept = Vec::new();
    let error = (0..100_u8).find_map(|number| match spool.append(&package(&[number; 5000], 100)) {
        Ok(()) => {
            spool.sync().unwrap();
            kept.push(vec![number; 5000]);
            None
        }
        Err(error) => Some(error),
    });
    let Some(AppendError::Io(error)) = error else { panic!("the disk has no end: {error:?}") };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(kept.len() > 5, "{}", kept.len());
    let before = std::fs::read(place.file("000000000001.segment")).unwrap();
    assert_eq!(frame::scan(1, &before).torn_bytes, 0, "half a record was taken back");
    let taken = take_all(&mut spool);
    assert!(taken.iter().map(|(_, body)| body).eq(&kept));
    spool.done(taken[0].0);
    drop(spool);
    assert_eq!(place.open_well().records(), kept.len() as u64, "no room even for a mark: it is sent again");
    let mut spool = place.open_well();
    assert!(take_all(&mut spool).iter().map(|(_, body)| body).eq(&kept));
}

#[test]
fn what_waits_for_one_destination_can_be_another_ones() {
    let place = Place::new();
    let (other, room) = (destination("misspelt"), Room::new(u64::MAX));
    let (mut old, _) = Spool::open(&place.dir, &other, Arc::clone(&room)).unwrap();
    append(&mut old, &[b"a", b"b", b"c"]);
    drop(old);
    let moved = adopt(&place.dir, &other, &destination("orders")).unwrap();
    assert_eq!(moved, Requeued { packages: 3, events: 3 });
    assert_eq!(bodies(&mut place.open_well()), ["a", "b", "c"]);
    assert!(!look::destinations(&place.dir, false).unwrap().contains(&other));
}
