//! What is there after a crash at any byte, and after any byte was changed.

use super::*;

const SEGMENT: &str = "000000000001.segment";
const MARKS: &str = "000000000001.done";

/// The bytes of a segment with these bodies, and where each record ends.
fn segment(bodies: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
    let place = Place::new();
    let mut spool = place.open_well();
    append(&mut spool, bodies);
    let bytes = std::fs::read(place.file(SEGMENT)).unwrap();
    let scan = frame::scan(1, &bytes);
    let ends = scan.records.iter().map(|record| (record.offset + record.len) as usize).collect();
    (bytes, ends)
}

/// A place with this segment.
fn with_segment(bytes: &[u8]) -> Place {
    let place = Place::new();
    drop(place.open_well());
    std::fs::write(place.file(SEGMENT), bytes).unwrap();
    place
}

#[test]
fn a_segment_cut_anywhere_has_all_records_before_the_cut() {
    let bodies: [&[u8]; 3] = [b"one", b"two two", b"three\0\0\0"];
    let (bytes, ends) = segment(&bodies);
    for cut in 0..bytes.len() {
        let place = with_segment(&bytes[..cut]);
        let (mut spool, notes) = place.open();
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(super::bodies(&mut spool), bodies[..whole], "cut at {cut}");
        assert!(notes.iter().all(|note| !note.is_loss()), "cut at {cut}: {notes:?}");
        append(&mut spool, &[b"after"]);
        drop(spool);
        let expected: Vec<&[u8]> = bodies[..whole].iter().copied().chain([&b"after"[..]]).collect();
        assert_eq!(super::bodies(&mut place.open_well()), expected, "cut at {cut}");
    }
}

#[test]
fn zeros_or_half_a_body_at_the_end_are_what_a_crash_leaves() {
    let (bytes, ends) = segment(&[b"one", &[7; 50]]);
    let zeros = [&bytes[..ends[0]], &[0; 5000]].concat();
    let place = with_segment(&zeros);
    let (mut spool, notes) = place.open();
    assert_eq!(notes, [Note::Torn { segment: SEGMENT.to_owned(), bytes: 5000 }]);
    assert_eq!(bodies(&mut spool), ["one"]);
    let mut hole = bytes.clone();
    hole[ends[1] - 20..].fill(0);
    let place = with_segment(&hole);
    let (mut spool, _) = place.open();
    assert_eq!(bodies(&mut spool), ["one"]);
}

#[test]
fn any_changed_byte_costs_the_record_that_it_is_in_and_is_kept() {
    let all: [&[u8]; 4] = [b"one", b"two two", &[0xf5; 9], b"last"];
    let (bytes, ends) = segment(&all);
    let begin = frame::read_header(&bytes).1;
    for at in 0..bytes.len() {
        for mask in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            let place = with_segment(&damaged);
            let (mut spool, notes) = place.open();
            let lost = if at < begin { None } else { ends.iter().position(|end| at < *end) };
            let expected: Vec<&[u8]> =
                all.iter().enumerate().filter(|(number, _)| Some(*number) != lost).map(|(_, body)| *body).collect();
            assert_eq!(bodies(&mut spool), expected, "changed at {at}");
            let [Note::Damaged { places: 1, bytes: count, kept: Ok(kept), .. }] = &notes[..] else {
                panic!("changed at {at}: {notes:?}");
            };
            let kept = std::fs::read(place.file(kept)).unwrap();
            assert_eq!(kept.len() as u64, *count);
            assert!(damaged.windows(kept.len()).any(|window| window == kept), "changed at {at}");
            drop(spool);
            assert_eq!(bodies(&mut place.open_well()), expected, "it is noted once");
        }
    }
}

#[test]
fn any_changed_mark_costs_at_most_that_a_package_is_sent_again() {
    let place = Place::new();
    let mut spool = place.open_well();
    append(&mut spool, &[b"a", b"b", b"c", b"d"]);
    let taken = take_all(&mut spool);
    spool.done(taken[0].0);
    spool.done(taken[2].0);
    drop(spool);
    let (bytes, marks) = (std::fs::read(place.file(SEGMENT)).unwrap(), std::fs::read(place.file(MARKS)).unwrap());
    assert_eq!(marks.len(), 24);
    for at in 0..=marks.len() {
        let cut = marks[..at].to_vec();
        let mut changed = marks.clone();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 0x04;
        }
        for (marks, name) in [(cut, "cut"), (changed, "changed")] {
            let place = with_segment(&bytes);
            std::fs::write(place.file(MARKS), marks).unwrap();
            let mut spool = place.open_well();
            let all = take_all(&mut spool);
            let is_there = |body: &&str| all.iter().any(|(_, taken)| taken == *body);
            assert!(["b", "d"].iter().all(is_there), "{name} at {at}");
            all.iter().filter(|(_, body)| body != "d").for_each(|(id, _)| spool.done(*id));
            drop(spool);
            assert_eq!(bodies(&mut place.open_well()), ["d"], "{name} at {at}: marks can follow half a mark");
        }
    }
}

#[test]
fn damage_that_appears_while_the_spool_is_open_is_kept_and_noted() {
    let place = Place::new();
    let mut spool = place.open_well();
    append(&mut spool, &[b"a", b"bbb", b"c", b"d"]);
    assert_eq!(spool.take().unwrap().unwrap().1.body, "a");
    let mut bytes = std::fs::read(place.file(SEGMENT)).unwrap();
    let at = bytes.windows(3).position(|window| window == b"bbb").unwrap();
    bytes[at] ^= 1;
    std::fs::write(place.file(SEGMENT), &bytes).unwrap();
    assert_eq!(bodies(&mut spool), ["c", "d"]);
    let notes = spool.notes();
    assert!(matches!(notes[..], [Note::Damaged { places: 1, .. }]), "{notes:?}");
    assert_eq!(spool.records(), 3);
    std::fs::write(place.file(SEGMENT), &bytes[..at]).unwrap();
    assert!(spool.take().unwrap().is_none());
}

#[test]
fn a_segment_within_a_body_is_no_segment() {
    let (inner, _) = segment(&[b"inner"]);
    let (mut bytes, ends) = segment(&[&inner, b"last"]);
    bytes[ends[0] - 1] ^= 1;
    let place = with_segment(&bytes);
    let (mut spool, notes) = place.open();
    assert_eq!(bodies(&mut spool), ["last"]);
    assert!(notes[0].is_loss() && notes[0].bytes() > inner.len() as u64);
}
