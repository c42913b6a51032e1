//! `kind limit chunk \n bytes`: a kind of framing as one digit, the longest record, and how many bytes come at a time.

use loglift::input::records::frame::{Framer, Framing, Record};
use loglift::input::records::line_pattern::LinePattern;
use loglift::input::records::multiline::Patterns;
use regex::bytes::Regex;

use super::settings;

/// Cuts bytes into records as a whole and bit by bit, which must give the same.
pub fn run(data: &[u8]) {
    let Some((settings, bytes)) = settings(data) else { return };
    let mut numbers = settings.split(' ').map(|number| number.parse::<usize>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (kind, limit_bytes, chunk_bytes) = (next(), next().clamp(4, 1 << 20), next().clamp(1, 1 << 20));
    if bytes.len() > 4096 {
        return;
    }
    let whole = records(kind, limit_bytes, bytes, bytes.len().max(1));
    let bit_by_bit = records(kind, limit_bytes, bytes, chunk_bytes);
    assert_eq!(whole, bit_by_bit, "{settings}");
}

/// The records as the agent would read them, and how many were cut.
fn records(kind: usize, limit_bytes: usize, bytes: &[u8], chunk_bytes: usize) -> (Vec<Vec<u8>>, u64) {
    let mut framer = Framer::new(framing(kind), limit_bytes);
    let (mut texts, mut cut, mut start, mut end) = (Vec::new(), 0, 0, 0);
    loop {
        end = bytes.len().min(end + chunk_bytes);
        let at_end = end == bytes.len();
        let mut found = Vec::new();
        let consumed = framer.frame(&bytes[start..end], at_end, &mut found);
        check(&found, consumed, end - start, limit_bytes);
        texts.extend(found.iter().map(|record| bytes[start + record.start..start + record.end].to_vec()));
        cut += framer.take_cut_records();
        framer.take_unmatched();
        start += consumed;
        if at_end {
            assert_eq!(start, end, "at the end nothing is left");
            return (texts, cut);
        }
    }
}

/// Records are in order, apart from each other, no longer than allowed, and within what they take.
fn check(records: &[Record], consumed: usize, len: usize, limit_bytes: usize) {
    assert!(consumed <= len);
    let mut last = 0;
    for record in records {
        assert!(last <= record.start && record.start <= record.end && record.end <= consumed, "{record:?}");
        assert!(record.end - record.start <= limit_bytes, "{record:?}");
        last = record.end;
    }
}

fn framing(kind: usize) -> Framing {
    let pattern = |pattern: &str| Some(LinePattern::new(Regex::new(pattern).expect("a pattern")));
    let (start, more, end) = (pattern("^[0-9]"), pattern(r"^[ \t]"), pattern("^end"));
    let (start, continuation, end) = match kind % 8 {
        0 => return Framing::Lines,
        1 => return Framing::JsonRecords,
        2 => (start, None, None),
        3 => (None, None, end),
        4 => (start, more, None),
        5 => (start, None, end),
        6 => (None, more, end),
        _ => (start, None, None),
    };
    Framing::Multiline(Patterns { start, continuation, end, discard_unmatched: kind % 8 == 7 || kind > 8 })
}
