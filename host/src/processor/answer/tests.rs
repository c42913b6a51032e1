//! Tables of answers: what is wrong with each, and what it does to a batch.

use super::*;
use crate::event::testing::batch;
use crate::processor::twin::nothing;

/// The arena is `ab\ncd\ncontent`, 13 bytes; the dictionary has one name, and each of the two events one field.
fn two_events() -> EventBatch {
    batch(&["ab", "cd"])
}

/// More than any answer here comes near to, but those about the limit.
const LIMIT_BYTES: usize = 1000;

fn rows(field_counts: &[u32], keys: &[u32], values: &[u32]) -> Fields {
    Fields::Rows(Rows { field_counts: field_counts.to_vec(), keys: keys.to_vec(), values: values.to_vec() })
}

fn edits(events: &[u32], keys: &[u32], values: &[u32]) -> Fields {
    Fields::Edits(Edits { events: events.to_vec(), keys: keys.to_vec(), values: values.to_vec() })
}

fn alarm(event: Option<u32>, kind: &str, occurrences: u32) -> Vec<Alarm> {
    vec![Alarm { event, kind: kind.to_owned(), message: String::new(), occurrences }]
}

/// What is wrong with an answer to two events, empty if nothing.
fn wrong(answer: &Answer) -> String {
    check(answer, Lent { batch: &two_events(), projection: None }, LIMIT_BYTES)
        .err()
        .map_or(String::new(), |invalid| invalid.0)
}

#[test]
fn whatever_an_answer_has_written_again_and_again_counts_each_time() {
    let check = |answer: Answer, added: usize| {
        let message = format!("the output has {added} bytes more, {LIMIT_BYTES} are allowed");
        assert_eq!(wrong(&answer), if added > LIMIT_BYTES { message } else { String::new() });
    };
    let appended = || vec![b'x'; 500];
    let long = [13, 500];
    // Event 1 is 20 bytes, its field 16, the name 7 and the value 2.
    check(Answer { origins: Some(vec![1; 22]), ..nothing() }, 22 * 45);
    check(Answer { origins: Some(vec![1; 23]), ..nothing() }, 23 * 45);
    // Names: of every field that stays, and of every field that is set.
    let named = || Answer { appended: appended(), names: Some(vec![6, 7, 13, 500]), ..nothing() };
    check(Answer { appended: appended(), names: Some(long.to_vec()), ..nothing() }, 2 * 538);
    check(Answer { origins: Some(vec![1]), names: Some(long.to_vec()), appended: appended(), ..nothing() }, 538);
    check(named(), 0);
    check(Answer { fields: edits(&[0], &[1], &[0, 2]), ..named() }, 518);
    check(Answer { fields: edits(&[0, 1], &[1, 1], &[0, 2, 0, 2]), ..named() }, 2 * 518);
    check(Answer { fields: edits(&[0, 1], &[1, 1], &[0, 2, GONE, 0]), ..named() }, 518);
    // Tags: with every event.
    let tag = Some((vec![0, 2], long.to_vec()));
    check(Answer { appended: appended(), tags: tag.clone(), ..nothing() }, 2 * 502);
    check(Answer { appended: appended(), tags: tag.clone(), origins: Some(vec![1]), ..nothing() }, 502);
    // Rows, with one event for each of 8 origins.
    let eight = |value: [u32; 2]| Answer {
        appended: appended(),
        origins: Some(vec![0; 8]),
        fields: rows(&[1; 8], &[0; 8], &value.repeat(8)),
        ..nothing()
    };
    check(eight([0, 13]), 8 * 56);
    check(eight([13, 90]), 8 * 133);
    check(Answer { origins: Some(vec![0; 51]), fields: rows(&[0; 51], &[], &[]), ..nothing() }, 51 * 20);
}

#[test]
fn names_and_tags_are_measured_before_they_are_looked_at() {
    // 400 bytes that overlap, thrice; no two are equal.
    let check = |names: Option<&[u32]>, tags: Option<(&[u32], &[u32])>, expected: &str| {
        let tags = tags.map(|(names, values)| (names.to_vec(), values.to_vec()));
        let answer = Answer { names: names.map(<[u32]>::to_vec), tags, ..nothing() };
        assert_eq!(wrong(&answer), expected, "{names:?}");
    };
    let message = "names and tags have 1200 bytes, 1000 are allowed";
    check(Some(&[0, 400, 1, 400, 2, 400]), None, message);
    check(None, Some((&[0, 400, 1, 400], &[2, 400])), message);
    check(Some(&[0, 400]), Some((&[0, 400], &[2, 400])), message);
    check(Some(&[0, 400]), None, "names: a range ends at 400, the arena at 13");
}

#[test]
fn what_no_event_refers_to_counts_too() {
    let check = |len: usize, expected: &str| {
        assert_eq!(wrong(&Answer { appended: vec![b'x'; len], ..nothing() }), expected);
    };
    check(1000, "");
    check(1001, "appended has 1001 bytes, 1000 are allowed");
}

#[test]
fn tags_that_an_event_had_before_are_not_added() {
    let mut batch = two_events();
    let tag = batch.append(&[b'x'; 400]);
    batch.tags = Tags { names: tag.to_vec(), values: tag.to_vec() };
    let check = |origins: &[u32], expected: Checked| {
        let answer = Answer { origins: Some(origins.to_vec()), ..nothing() };
        assert_eq!(check(&answer, Lent { batch: &batch, projection: None }, LIMIT_BYTES), expected);
    };
    check(&[0, 1], Ok(()));
    check(&[0, 1, 1], Ok(()));
    let message = "the output has 1780 bytes more, 1000 are allowed";
    check(&[0, 1, 1, 1], Err(Invalid(message.to_owned())));
}

/// The events of a batch as `name=value` pairs.
fn shown(batch: &EventBatch) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
    let events = batch.field_counts.iter().map(|count| {
        let fields = fields.by_ref().take(*count as usize).filter_map(|(key, value)| {
            Some(format!("{}={}", text(batch.name(*key)?), text(batch.slice(value[0], value[1]))))
        });
        fields.collect::<Vec<_>>().join(" ")
    });
    events.collect()
}

#[test]
fn spans_end_within_the_arena_and_what_was_appended() {
    let check = |appended: &[u8], value: [u32; 2], expected: &str| {
        let fields = edits(&[0], &[0], &value);
        assert_eq!(wrong(&Answer { appended: appended.to_vec(), fields, ..nothing() }), expected, "{value:?}");
    };
    check(b"", [0, 13], "");
    check(b"", [13, 0], "");
    check(b"", [13, 1], "edits.values: a range ends at 14, the arena at 13");
    check(b"x", [13, 1], "");
    check(b"x", [12, 2], "");
    check(b"x", [14, 1], "edits.values: a range ends at 15, the arena at 14");
    check(b"", [u32::MAX, 0], "");
    check(b"", [u32::MAX, 1], "edits.values: a range ends at 4294967296, the arena at 13");
    check(b"", [u32::MAX - 1, u32::MAX], "edits.values: a range ends at 8589934589, the arena at 13");
}

#[test]
fn names_are_distinct_and_not_fewer() {
    let check = |names: &[u32], expected: &str| {
        let answer = Answer { names: Some(names.to_vec()), ..nothing() };
        assert_eq!(wrong(&answer), expected, "{names:?}");
    };
    check(&[6, 7], "");
    check(&[0, 2], "");
    check(&[0, 0], "");
    check(&[GONE, 0], "");
    check(&[6, 7, 0, 2, 3, 2], "");
    check(&[], "names: 0 entries for a dictionary of 1");
    check(&[6], "names: an odd number of elements");
    check(&[6, 8], "names: a range ends at 14, the arena at 13");
    check(&[GONE, 1], "names: entry 0 is gone and has a length");
    check(&[6, 7, GONE, 0], "names: entry 1 is new and gone");
    check(&[6, 7, 6, 7], "names: \"content\" twice");
    check(&[GONE, 0, 6, 7], "");
}

#[test]
fn origins_rise_and_name_events() {
    let check = |origins: Option<&[u32]>, through: Option<&[u32]>, expected: &str| {
        let owned = |column: Option<&[u32]>| column.map(<[u32]>::to_vec);
        let answer = Answer { origins: owned(origins), through: owned(through), ..nothing() };
        assert_eq!(wrong(&answer), expected, "{origins:?} {through:?}");
    };
    check(Some(&[]), None, "");
    check(Some(&[1]), None, "");
    check(Some(&[0, 0, 1, 1]), None, "");
    check(Some(&[1, 0]), None, "origins: not in order");
    check(Some(&[0, 2]), None, "origins: event 2 of 2");
    check(None, Some(&[0, 1]), "through: without origins");
    check(Some(&[0]), Some(&[1]), "");
    check(Some(&[0, 1]), Some(&[0]), "through: 1 elements instead of 2");
    check(Some(&[0, 1]), Some(&[1, 0]), "through: not in order");
    check(Some(&[1]), Some(&[0]), "through: ends before its origin");
    check(Some(&[0]), Some(&[2]), "through: event 2 of 2");
}

#[test]
fn times_are_one_for_each_output_event_and_of_this_world() {
    let check = |origins: Option<Vec<u32>>, seconds: &[i64], nanoseconds: &[u32], expected: &str| {
        let (seconds, nanoseconds) = (Some(seconds.to_vec()), Some(nanoseconds.to_vec()));
        assert_eq!(wrong(&Answer { origins, seconds, nanoseconds, ..nothing() }), expected);
    };
    check(None, &[*YEARS.start(), *YEARS.end()], &[0, 999_999_999], "");
    check(Some(vec![0]), &[0], &[0], "");
    check(Some(vec![0, 0, 1]), &[0, 0], &[0, 0, 0], "seconds: 2 elements instead of 3");
    check(None, &[0], &[0, 0], "seconds: 1 elements instead of 2");
    check(None, &[0, 0], &[0], "nanoseconds: 1 elements instead of 2");
    check(None, &[0, YEARS.end() + 1], &[0, 0], "seconds: outside of the years 0000 to 9999");
    check(None, &[YEARS.start() - 1, 0], &[0, 0], "seconds: outside of the years 0000 to 9999");
    check(None, &[0, 0], &[0, 1_000_000_000], "nanoseconds: a whole second or more");
}

#[test]
fn rows_add_up_and_have_no_field_twice() {
    let check = |fields: Fields, expected: &str| assert_eq!(wrong(&Answer { fields, ..nothing() }), expected);
    check(rows(&[1, 1], &[0, 0], &[0, 2, 3, 2]), "");
    check(rows(&[0, 1], &[0], &[0, 2]), "");
    check(rows(&[0, 0], &[], &[]), "");
    check(rows(&[1], &[0], &[0, 2]), "rows.field-counts: 1 elements instead of 2");
    check(rows(&[1, 1], &[0], &[0, 2]), "rows: the field counts sum to 2, there are 1 keys");
    check(rows(&[u32::MAX, u32::MAX], &[], &[]), "rows: the field counts sum to 8589934590, there are 0 keys");
    check(rows(&[1, 0], &[0], &[0]), "rows.values: 1 elements instead of 2");
    check(rows(&[1, 0], &[1], &[0, 0]), "rows: key 1 of 1 names");
    check(rows(&[2, 0], &[0, 0], &[0, 0, 0, 0]), "rows: event 0 has key 0 twice");
    let gone = Answer { names: Some(vec![GONE, 0]), fields: rows(&[1, 0], &[0], &[0, 0]), ..nothing() };
    assert_eq!(wrong(&gone), "rows: key 0 is a name that is gone");
}

#[test]
fn edits_are_in_order_and_name_a_field_once() {
    let check = |fields: Fields, expected: &str| assert_eq!(wrong(&Answer { fields, ..nothing() }), expected);
    check(edits(&[], &[], &[]), "");
    check(edits(&[0, 1], &[0, 0], &[0, 2, GONE, 0]), "");
    check(edits(&[0, 1], &[0], &[0, 2, 0, 2]), "edits.keys: 1 elements instead of 2");
    check(edits(&[0], &[0], &[0, 2, 0]), "edits.values: 3 elements instead of 2");
    check(edits(&[1, 0], &[0, 0], &[0, 0, 0, 0]), "edits.events: not in order");
    check(edits(&[2], &[0], &[0, 0]), "edits.events: event 2 of 2");
    check(edits(&[0], &[1], &[0, 0]), "edits: key 1 of 1 names");
    check(edits(&[1, 1], &[0, 0], &[0, 0, 0, 0]), "edits: key 0 of event 1 twice");
    check(edits(&[0], &[0], &[GONE, 1]), "edits.values: a range ends at 4294967296, the arena at 13");
}

#[test]
fn what_comes_beside_the_events_is_checked_too() {
    let check = |answer: Answer, expected: &str| assert_eq!(wrong(&answer), expected);
    check(Answer { tags: Some((vec![0, 2], vec![3, 2])), ..nothing() }, "");
    check(Answer { tags: Some((vec![0, 2], vec![])), ..nothing() }, "tags: names and values differ in number");
    check(Answer { tags: Some((vec![0], vec![0])), ..nothing() }, "tags: an odd number of elements");
    check(Answer { outcomes: Some(vec![0, 3]), ..nothing() }, "");
    check(Answer { outcomes: Some(vec![0]), ..nothing() }, "outcomes: 1 elements instead of 2");
    check(Answer { outcomes: Some(vec![0, 4]), ..nothing() }, "outcomes: only 0 to 3 are known");
    check(Answer { alarms: alarm(Some(1), "A_1", 2), ..nothing() }, "");
    check(Answer { alarms: alarm(Some(2), "A", 1), ..nothing() }, "alarms: event Some(2) of 2");
    check(Answer { alarms: alarm(None, "A", 0), ..nothing() }, "alarms: 0 occurrences in 2 events");
    check(Answer { alarms: alarm(None, "A", 3), ..nothing() }, "alarms: 3 occurrences in 2 events");
    for kind in ["", "A B", "A\n", &"A".repeat(65)] {
        check(Answer { alarms: alarm(None, kind, 1), ..nothing() }, "alarms: the kind is no plain name");
    }
}

#[test]
fn answers_do_what_they_say() {
    let check = |answer: Answer, expected: &[&str], outcomes: [u64; 4]| {
        let mut batch = two_events();
        assert_eq!(wrong(&answer), "");
        let report = apply(answer, &mut batch, None);
        assert_eq!((shown(&batch), report.outcomes), (expected.iter().map(|e| (*e).to_owned()).collect(), outcomes));
    };
    let all = [2, 0, 0, 0];
    check(nothing(), &["content=ab", "content=cd"], all);
    check(Answer { names: Some(vec![0, 2]), ..nothing() }, &["ab=ab", "ab=cd"], all);
    check(Answer { names: Some(vec![GONE, 0]), ..nothing() }, &["", ""], all);
    check(Answer { origins: Some(vec![1]), ..nothing() }, &["content=cd"], [1, 0, 0, 1]);
    check(Answer { origins: Some(vec![0, 0]), ..nothing() }, &["content=ab", "content=ab"], [1, 0, 0, 1]);
    check(Answer { origins: Some(vec![]), ..nothing() }, &[], [0, 0, 0, 2]);
    check(Answer { outcomes: Some(vec![1, 2]), ..nothing() }, &["content=ab", "content=cd"], [0, 1, 1, 0]);
    let merged = |first: u32, last: u32| Answer { origins: Some(vec![first]), through: Some(vec![last]), ..nothing() };
    check(merged(0, 1), &["content=ab"], all);
    check(merged(1, 1), &["content=cd"], [1, 0, 0, 1]);
    let both = Answer { origins: Some(vec![0, 0, 1]), through: Some(vec![0, 1, 1]), ..nothing() };
    check(both, &["content=ab", "content=ab", "content=cd"], all);
    let fields = rows(&[0, 1, 1], &[0, 0], &[0, 1, 3, 1]);
    check(Answer { origins: Some(vec![0, 0, 1]), fields, ..nothing() }, &["", "content=a", "content=c"], all);
    let new = || (b"newX".to_vec(), Some(vec![6, 7, 13, 3]));
    let (appended, names) = new();
    let fields = edits(&[0, 0, 1], &[0, 1, 0], &[16, 1, 0, 1, GONE, 0]);
    check(Answer { appended, names, fields, ..nothing() }, &["content=X new=a", ""], all);
    let (appended, names) = new();
    let fields = rows(&[0, 2], &[1, 0], &[3, 2, 15, 2]);
    check(Answer { appended, names, fields, ..nothing() }, &["", "new=cd content=wX"], all);
}

#[test]
fn a_processor_that_reads_some_fields_leaves_the_others_alone() {
    let mut whole = two_events();
    let (other, value) = (whole.append(b"other"), whole.append(b"1"));
    whole.names.extend(other);
    edit(&mut whole, &Edits { events: vec![0], keys: vec![1], values: value.to_vec() });
    assert_eq!(shown(&whole), ["content=ab other=1", "content=cd"]);

    let check = |change: &dyn Fn(u32) -> Answer, expected: Result<&[&str], &str>| {
        let mut batch = whole.clone();
        let mut projection = Projection::default();
        projection.fill(&batch, &[b"content".to_vec()]);
        let answer = change(projection.bytes().len() as u32);
        let checked = check(&answer, Lent { batch: &batch, projection: Some(&projection) }, LIMIT_BYTES);
        let found = checked.map(|()| {
            apply(answer, &mut batch, Some(&projection));
            shown(&batch)
        });
        let expected = expected.map(|events| events.iter().map(|event| (*event).to_owned()).collect());
        assert_eq!(found, expected.map_err(|message| Invalid(message.to_owned())));
    };
    // The projection's arena begins with its one name.
    check(&|_| Answer { names: Some(vec![GONE, 0]), ..nothing() }, Ok(&["other=1", ""]));
    check(&|_| Answer { names: Some(vec![0, 3]), ..nothing() }, Ok(&["con=ab other=1", "con=cd"]));
    check(
        &|end| Answer { appended: b"other".to_vec(), names: Some(vec![end, 5]), ..nothing() },
        Err("names: renames a field to \"other\", which there is already"),
    );
    // To set a field that was not lent, it is named like any new one.
    check(
        &|end| Answer {
            appended: b"other2".to_vec(),
            names: Some(vec![0, 7, end, 5]),
            fields: edits(&[0, 1], &[1, 1], &[end + 5, 1, end + 5, 1]),
            ..nothing()
        },
        Ok(&["content=ab other=2", "content=cd other=2"]),
    );
    // A value may be new, lent, or a removal, also in one answer.
    check(
        &|end| Answer { appended: b"new".to_vec(), fields: edits(&[0, 1], &[0, 0], &[0, 3, end, 3]), ..nothing() },
        Ok(&["content=con other=1", "content=new"]),
    );
    check(
        &|end| Answer { appended: b"new".to_vec(), fields: edits(&[0, 1], &[0, 0], &[end, 3, GONE, 0]), ..nothing() },
        Ok(&["content=new other=1", ""]),
    );
    // A long name counts for the fields that were lent, a copied event with those that were not.
    check(
        &|end| Answer { appended: vec![b'x'; 500], names: Some(vec![end, 500]), ..nothing() },
        Err("the output has 1098 bytes more, 1000 are allowed"),
    );
    check(
        &|_| Answer { origins: Some(vec![0; 15]), ..nothing() },
        Err("the output has 1005 bytes more, 1000 are allowed"),
    );
    check(
        &|_| Answer { fields: rows(&[0, 0], &[], &[]), ..nothing() },
        Err("rows from a processor that reads some fields only"),
    );
}

#[test]
fn an_arena_that_is_mostly_dead_is_compacted() {
    let mut batch = batch(&[&"x".repeat(LEAST_ARENA_TO_COMPACT_BYTES), "cd"]);
    let tag = batch.append(b"tag");
    batch.tags = Tags { names: tag.to_vec(), values: tag.to_vec() };
    let values = [0, 3, LEAST_ARENA_TO_COMPACT_BYTES as u32 + 1, 2];
    apply(Answer { fields: rows(&[1, 1], &[0, 0], &values), ..nothing() }, &mut batch, None);
    assert_eq!(shown(&batch), ["content=xxx", "content=cd"]);
    assert_eq!(batch.tags().collect::<Vec<_>>(), [(&b"tag"[..], &b"tag"[..])]);
    assert!(batch.bytes.len() < 30, "{} bytes", batch.bytes.len());
}

#[test]
fn names_that_are_gone_are_forgotten_with_their_fields() {
    let mut batch = two_events();
    let name = batch.append(b"new");
    batch.names.extend(name);
    edit(&mut batch, &Edits { events: vec![1], keys: vec![1], values: vec![0, 2] });
    batch.names[..2].copy_from_slice(&[GONE, 0]);
    forget_gone_names(&mut batch);
    assert_eq!((shown(&batch), batch.name_count()), (vec![String::new(), "new=ab".to_owned()], 1));
    assert_eq!(batch.field_counts, [0, 1]);
}

#[test]
fn one_event_with_many_edits_takes_no_longer_than_many_events_with_one() {
    const COUNT: u32 = 50_000;
    let mut batch = two_events();
    (1..COUNT).for_each(|_| batch.names.extend([0, 1]));
    let edits = |values: Vec<u32>| Edits { events: vec![1; COUNT as usize], keys: (0..COUNT).collect(), values };
    edit(&mut batch, &edits([0, 2].repeat(COUNT as usize)));
    assert_eq!(batch.field_counts, [1, COUNT]);
    assert_eq!((&batch.keys[..4], &batch.values[..6]), (&[0, 0, 1, 2][..], &[0, 2, 0, 2, 0, 2][..]));
    edit(&mut batch, &edits([GONE, 0, 3, 2].repeat(COUNT as usize / 2)));
    assert_eq!(batch.field_counts, [1, COUNT / 2]);
    assert_eq!((&batch.keys[..3], &batch.values[..4]), (&[0, 1, 3][..], &[0, 2, 3, 2][..]));
}

#[test]
fn a_projection_is_not_copied_for_edits_that_bring_their_own_values() {
    let mut batch = two_events();
    let mut projection = Projection::default();
    projection.fill(&batch, &[b"content".to_vec()]);
    let (end, before) = (projection.bytes().len() as u32, batch.bytes.len());
    let fields = edits(&[0, 1], &[0, 0], &[end, 3, GONE, 0]);
    apply(Answer { appended: b"new".to_vec(), fields, ..nothing() }, &mut batch, Some(&projection));
    assert_eq!((shown(&batch), batch.bytes.len()), (vec!["content=new".to_owned(), String::new()], before + 3));
}
