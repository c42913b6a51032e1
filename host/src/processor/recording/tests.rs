//! What is written is read as it was, and what is damaged ends in an error.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use proptest::prelude::*;

use super::testing::header;
use super::*;
use crate::config::{Fuel, Limits};
use crate::event::testing::batch;
use crate::event::{EventBatch, GONE, Offset};
use crate::processor::bindings::loglift::processor::types::{self, Answer, Edits, Fields, Rows};
use crate::processor::fault::{Fault, FaultKind};

/// The header, all batches and the end of a recording.
fn read(text: &[u8]) -> Result<(Header, Vec<RecordedBatch>, End), ReadError> {
    let mut reader = Reader::new(text)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push(batch);
    }
    Ok((reader.header.clone(), batches, reader.end().expect("it was read").clone()))
}

fn write(batches: &[RecordedBatch]) -> Vec<u8> {
    let mut text = Vec::new();
    encode_header(header(), &mut text);
    batches.iter().for_each(|batch| assert!(encode_batch(batch.clone(), &mut text)));
    let end = End { batches: batches.len() as u64, skipped_batches: 2, reason: "complete".to_owned() };
    encode_end(end, &mut text);
    text
}

/// Some bytes, text or not.
fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof!["\\PC{0,20}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..20)]
}

/// Events as lists of names and values, the names from a small dictionary of which some are gone.
fn some_batch() -> impl Strategy<Value = EventBatch> {
    let names = prop::collection::vec((some_bytes(), prop::bool::weighted(0.2)), 1..6);
    let events = prop::collection::vec(
        (any::<i64>(), 0..1_000_000_000_u32, prop::collection::vec((0..6_usize, some_bytes()), 0..5)),
        1..8,
    );
    let tags = prop::collection::vec((some_bytes(), some_bytes()), 0..3);
    (names, events, tags, any::<u32>(), any::<i64>()).prop_map(|(names, events, tags, start, read_seconds)| {
        let mut batch = EventBatch { read_seconds, ..batch(&vec!["line"; events.len()]) };
        batch.provenance.start = Offset(start.into());
        batch.provenance.end = Offset(u64::from(start) + 1000);
        (batch.names, batch.keys, batch.values, batch.field_counts) = Default::default();
        let mut seen = BTreeSet::new();
        for (name, is_gone) in names.into_iter().filter(|(name, _)| seen.insert(name.clone())) {
            let span = if is_gone { [GONE, 0] } else { batch.append(&name) };
            batch.names.extend(span);
        }
        for (event, (seconds, nanoseconds, fields)) in events.into_iter().enumerate() {
            (batch.seconds[event], batch.nanoseconds[event]) = (seconds, nanoseconds);
            let mut used = BTreeSet::new();
            for (key, value) in fields {
                let key = key % batch.name_count();
                if used.insert(key) {
                    let span = batch.append(&value);
                    batch.keys.push(key as u32);
                    batch.values.extend(span);
                }
            }
            batch.field_counts.push(used.len() as u32);
        }
        for (name, value) in tags {
            let [name, value] = [batch.append(&name), batch.append(&value)];
            batch.tags.names.extend(name);
            batch.tags.values.extend(value);
        }
        batch
    })
}

fn some_numbers() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 0..5)
}

fn some_outcome() -> impl Strategy<Value = Outcome> {
    let fields =
        prop_oneof![
            Just(Fields::Unchanged),
            (some_numbers(), some_numbers(), some_numbers()).prop_map(|(events, keys, values)| Fields::Edits(Edits {
                events,
                keys,
                values
            })),
            (some_numbers(), some_numbers(), some_numbers())
                .prop_map(|(field_counts, keys, values)| Fields::Rows(Rows { field_counts, keys, values })),
        ];
    let optional = || prop::option::of(some_numbers());
    let columns = (optional(), optional(), optional(), optional());
    let seconds = prop::option::of(prop::collection::vec(any::<i64>(), 0..3));
    let said = (
        prop::option::of((some_numbers(), some_numbers())),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..3)),
        prop::collection::vec(("[a-z]{1,5}", any::<u64>()), 0..3),
        prop::collection::vec((prop::option::of(any::<u32>()), "\\PC{0,10}", "\\PC{0,10}", any::<u32>()), 0..3),
    );
    let reads = prop::option::of(prop::collection::vec(some_bytes(), 0..3));
    let answer = (reads, some_bytes(), fields, columns, seconds, said).prop_map(
        |(
            reads,
            appended,
            fields,
            (names, origins, through, nanoseconds),
            seconds,
            (tags, outcomes, counts, alarms),
        )| {
            let alarm = |(event, kind, message, occurrences)| types::Alarm { event, kind, message, occurrences };
            let alarms = alarms.into_iter().map(alarm).collect();
            let answer = Answer {
                appended,
                names,
                origins,
                through,
                seconds,
                nanoseconds,
                fields,
                tags,
                outcomes,
                counts,
                alarms,
            };
            Outcome::of_answer(reads, answer)
        },
    );
    let fault = ("\\PC{0,30}", prop::option::of("\\PC{0,30}")).prop_map(|(message, backtrace)| {
        Outcome::Fault(Fault { kind: FaultKind::Deadline, message, backtrace }.into())
    });
    prop_oneof![answer, fault]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn what_is_written_is_read_as_it_was(
        parts in prop::collection::vec((some_batch(), some_outcome()), 0..4),
    ) {
        let batches: Vec<RecordedBatch> =
            parts.iter().map(|(batch, outcome)| RecordedBatch::new(batch.clone(), outcome.clone())).collect();
        let text = write(&batches);
        let (found_header, found, end) = read(&text).unwrap();
        prop_assert_eq!((found_header, &found, end.skipped_batches), (header(), &batches, 2));
        prop_assert_eq!(write(&found), text);
        for (found, (batch, outcome)) in found.iter().zip(&parts) {
            let again = found.to_batch();
            prop_assert_eq!((&again.bytes, &again.values, &again.names), (&batch.bytes, &batch.values, &batch.names));
            prop_assert_eq!(again.offset(batch.len() - 1), batch.offset(batch.len() - 1));
            prop_assert_eq!(&RecordedBatch::new(again, outcome.clone()), found);
            if let Outcome::Answer(answer) = outcome {
                let reads = answer.reads.clone().map(|reads| reads.into_iter().map(|name| name.0).collect());
                prop_assert_eq!(&RecordedAnswer::new(reads, answer.to_answer()), &**answer);
            }
        }
    }

    /// A byte that is another one, one that is missing, and an end that comes too early: an error or another recording,
    /// but never a panic.
    #[test]
    fn what_is_damaged_is_an_error(batch in some_batch(), outcome in some_outcome(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = write(&[RecordedBatch::new(batch, outcome)]);
        let at = at.index(text.len());
        prop_assert!(read(&text[..at]).is_err());
        let mut changed = text.clone();
        changed[at] = byte;
        for text in [changed, [&text[..at], &text[at + 1..]].concat()] {
            if let Ok((_, batches, _)) = read(&text) {
                // Whatever is let through can be used.
                for batch in batches {
                    let mut batch = batch.to_batch();
                    batch.drop_empty_events();
                    prop_assert!(batch.tags().count() < 100 && batch.dropped_bytes() < u64::MAX);
                }
            }
        }
    }
}

/// A recording of one batch, in which one text is another one.
fn forged(from: &str, to: &str) -> String {
    let fault = Fault::new(FaultKind::Trap, "trapped");
    let text = write(&[RecordedBatch::new(batch(&["one", "two"]), Outcome::Fault(fault.into()))]);
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

#[test]
fn numbers_that_lead_nowhere_are_refused() {
    fn check(from: &str, to: &str, expected: &str) {
        let found = read(forged(from, to).as_bytes()).map(|_| ()).expect_err("it is refused");
        assert_eq!(crate::telemetry::chain(&found), expected);
    }
    check("{\"header\"", "{\"head\"", "is not a recording");
    check("\"format\":1", "\"format\":2", "is a recording of format 2; this agent knows 1");
    check(
        "columnar@0.1.0",
        "columnar@9.9.9",
        "line 1: made for \"loglift:processor/columnar@9.9.9\"; this agent speaks loglift:processor/columnar@0.1.0",
    );
    check("\"memory_bytes\":67108864", "\"memory_bytes\":6710886400000", "line 1: limits that no processor can have");
    check(
        "\"kind\":\"quarantine\"",
        "\"kind\":\"x\"",
        "line 1: unknown variant `x`, expected `quarantine` or `capture` at column 32",
    );
    check("\"keys\":[0,0]", "\"keys\":[0,1]", "line 2: lent.keys: a key of no name");
    check("\"field_counts\":[1,1]", "\"field_counts\":[2,0]", "line 2: lent.keys: one twice in an event");
    check(
        "\"field_counts\":[1,1]",
        "\"field_counts\":[4294967295,1]",
        "line 2: lent.field_counts: another sum than there are keys",
    );
    check("\"field_counts\":[1,1]", "\"field_counts\":[]", "line 2: lent: no event");
    check("\"values\":[0,3,4,3]", "\"values\":[0,3,4,300]", "line 2: lent: a range that is not in the bytes");
    check("\"values\":[0,3,4,3]", "\"values\":[0,3,4]", "line 2: lent.values: not one for each key");
    check("\"nanoseconds\":[0,0]", "\"nanoseconds\":[0,1000000000]", "line 2: lent.nanoseconds: a second or more");
    check("\"nanoseconds\":[0,0]", "\"nanoseconds\":[0]", "line 2: lent: not one time for each event");
    check("\"names\":[8,7]", "\"names\":[8,8]", "line 2: lent.names: a range that is not in the bytes");
    check("\"tag_names\":[]", "\"tag_names\":[0]", "line 2: lent: not one value for each tag");
    check("\"offsets\":[0,4]", "\"offsets\":[4,0]", "line 2: place.offsets: not in order");
    check("\"offsets\":[0,4]", "\"offsets\":[0]", "line 2: place.offsets: not one for each event");
    check("\"offsets\":[0,4]", "\"offsets\":[0,18446744073709551615]", "line 2: place.offsets: too far apart");
    check("\"batches\":1", "\"batches\":3", "line 3: it counts 3 batches, there are 1");
    let text = forged("\"batches\":1", "\"batches\":1");
    let lines: Vec<&str> = text.lines().collect();
    let read_lines =
        |lines: &[&str]| read((lines.join("\n") + "\n").as_bytes()).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(read_lines(&lines[..2]), Err("is cut short after line 2".to_owned()));
    assert_eq!(read_lines(&[lines[0], lines[0]]), Err("line 2: a second header".to_owned()));
    assert_eq!(read_lines(&["nothing of the kind"]), Err("is not a recording".to_owned()));
    assert_eq!(read_lines(&[&"[".repeat(1_000_000)]), Err("is not a recording".to_owned()));
}

#[test]
fn ranges_that_overlap_cannot_make_much_of_little() {
    let line = "x".repeat(1 << 20);
    let mut large = batch(&[&*line; 2]);
    let forged = |count: usize, batch: &mut EventBatch| {
        batch.names = (0..count as u32).flat_map(|number| [number, 4]).collect();
        batch.bytes[..4 * count].iter_mut().zip((0_u32..).flat_map(u32::to_le_bytes)).for_each(|(to, from)| *to = from);
        batch.names = (0..count as u32).flat_map(|number| [4 * number, 4]).collect();
        batch.field_counts = vec![count as u32, 0];
        batch.keys = (0..count as u32).collect();
        batch.values = [0, 1 << 20].repeat(count);
    };
    forged(300, &mut large);
    let fault = Fault::new(FaultKind::Trap, "trapped");
    let mut text = Vec::new();
    assert!(!encode_batch(RecordedBatch::new(large.clone(), Outcome::Fault(fault.clone().into())), &mut text));
    assert!(text.is_empty());
    forged(200, &mut large);
    assert!(encode_batch(RecordedBatch::new(large, Outcome::Fault(fault.into())), &mut text));
}

/// A file that never ends, and has no lines.
struct Endless;

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b' ');
        Ok(buffer.len())
    }
}

#[test]
fn a_line_that_never_ends_is_given_up() {
    let mut text = Vec::new();
    encode_header(header(), &mut text);
    let endless = BufReader::with_capacity(1 << 20, text.as_slice().chain(Endless));
    fn give_up(input: impl BufRead) -> String {
        let mut reader = Reader::new(input).unwrap();
        reader.next_batch().map(|_| ()).unwrap_err().to_string()
    }
    assert_eq!(give_up(endless), "line 2: too long");
}

#[test]
fn limits_are_recorded_as_they_are() {
    let limits = Limits {
        memory_bytes: 8 << 20,
        time: Duration::from_millis(100),
        setup: Duration::from_secs(20),
        answer_bytes: 1 << 20,
        fuel: Some(Fuel { per_byte: 50, base: 7 }),
        ..Limits::default()
    };
    let recorded = Header { limits: LimitFacts::of(&limits), ..header() };
    assert_eq!(recorded.limits(), limits);
}
