//! An answer to a batch of three events, a column a line: its name, and its numbers. `edits` and `rows` have three lists between
//! bars, `alarm` has its event and how many it stands for. With `reads` and names, only these fields were lent.

use std::sync::Arc;

use loglift::event::{EventBatch, GONE, Offset, Position, Provenance, Source, Tags};
use loglift::processor::twin::{Alarm, Answer, Edits, Fields, Rows, carry_out, carry_out_of_part, nothing};

/// Whatever is let through can be carried out, and leaves a batch in which every number means something.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut batch = batch();
    let input_count = batch.len();
    let carried_out = match reads(text) {
        None => carry_out(answer(text), &mut batch),
        Some(reads) => carry_out_of_part(answer(text), &mut batch, &reads),
    };
    if carried_out.is_err() {
        return;
    }
    let count = batch.len();
    assert_eq!((batch.seconds.len(), batch.nanoseconds.len()), (count, count));
    assert!(batch.nanoseconds.iter().all(|nanoseconds| *nanoseconds < 1_000_000_000));
    let fields: u64 = batch.field_counts.iter().map(|count| u64::from(*count)).sum();
    assert_eq!((batch.keys.len() as u64, batch.values.len() as u64), (fields, 2 * fields));
    let holds = |spans: &[u32]| {
        let mut spans = spans.chunks_exact(2);
        spans.all(|span| span[0] == GONE || span[0] as usize + span[1] as usize <= batch.bytes.len())
    };
    assert!([&batch.names, &batch.values, &batch.tags.names, &batch.tags.values].into_iter().all(|spans| holds(spans)));
    let mut places = 0..0;
    for count in &batch.field_counts {
        places = places.end..places.end + *count as usize;
        let mut names: Vec<&[u8]> = batch.fields_in(places.clone()).map(|(name, _)| name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "an event has a name twice");
    }
    for event in 0..count {
        assert!(batch.offset(event).0 < 40, "it comes of a record");
    }
    assert!(batch.provenance.origins.as_ref().is_none_or(|origins| origins.is_sorted()));
    assert!(batch.dropped_bytes() <= 40 && input_count == 3);
}

/// Three events with two names and a tag, all in forty bytes.
fn batch() -> EventBatch {
    let bytes = b"one word\ntwo words\nthree!\ncontent level tag".to_vec();
    let source = Source::new("fuzz.log".into(), None);
    source.progress.begin(Offset(0), Position { offset: Offset(26), ..Position::default() });
    EventBatch {
        source: Arc::new(source),
        bytes,
        seconds: vec![1, 2, 3],
        nanoseconds: vec![0; 3],
        names: vec![26, 7, 34, 5],
        field_counts: vec![1, 2, 1],
        keys: vec![0, 0, 1, 0],
        values: vec![0, 8, 9, 9, 9, 3, 19, 6],
        tags: Tags { names: vec![40, 3], values: vec![0, 3] },
        read_seconds: 0,
        provenance: Provenance {
            start: Offset(0),
            end: Offset(26),
            records: vec![0, 9, 19],
            origins: None,
            merged: Vec::new(),
        },
    }
}

/// The fields that were lent, if not all.
fn reads(text: &str) -> Option<Vec<Vec<u8>>> {
    let names = text.lines().find_map(|line| line.strip_prefix("reads"))?;
    Some(names.split_whitespace().map(|name| name.as_bytes().to_vec()).collect())
}

fn answer(text: &str) -> Answer {
    let mut answer = nothing();
    for line in text.lines().take(20) {
        let (column, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut lists =
            rest.split('|').map(|list| list.split(' ').filter_map(|number| number.parse::<u32>().ok()).collect());
        let mut list = || -> Vec<u32> { lists.next().unwrap_or_default() };
        match column {
            "appended" => answer.appended = list().into_iter().map(|number| number as u8).collect(),
            "names" => answer.names = Some(list()),
            "origins" => answer.origins = Some(list()),
            "through" => answer.through = Some(list()),
            "seconds" => {
                answer.seconds = Some(rest.split(' ').filter_map(|number| number.parse().ok()).collect());
            }
            "nanoseconds" => answer.nanoseconds = Some(list()),
            "edits" => answer.fields = Fields::Edits(Edits { events: list(), keys: list(), values: list() }),
            "rows" => answer.fields = Fields::Rows(Rows { field_counts: list(), keys: list(), values: list() }),
            "tags" => answer.tags = Some((list(), list())),
            "alarm" => {
                let (event, occurrences) = (list(), list());
                let (event, occurrences) = (event.first().copied(), occurrences.first().copied().unwrap_or(1));
                answer.alarms.push(Alarm { event, kind: "AN_ALARM".to_owned(), message: String::new(), occurrences });
            }
            "outcomes" => answer.outcomes = Some(list().into_iter().map(|number| number as u8).collect()),
            _ => {}
        }
    }
    answer
}
