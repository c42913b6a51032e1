//! Joins lines to records by patterns. Pure: no clock and no I/O.
//!
//! A pattern matches a line if it matches from its beginning; it need not reach its end. What the patterns mean together is
//! LoongCollector's table: see `Joiner::step`.

use std::ops::Range;

use memchr::memchr;

use crate::input::records::frame::Record;
use crate::input::records::line_pattern::LinePattern;

/// How lines are joined: one start or end pattern at least, and not all three.
#[derive(Debug, Clone)]
pub struct Patterns {
    /// Matches the first line of a record.
    pub start: Option<LinePattern>,
    /// Matches the further lines of a record.
    pub continuation: Option<LinePattern>,
    /// Matches the last line of a record.
    pub end: Option<LinePattern>,
    /// Lines that belong to no record are dropped; otherwise each is a record of its own.
    pub discard_unmatched: bool,
}

/// Joins the lines of a growing buffer, keeping what it knows of the unfinished record at the end.
#[derive(Debug)]
pub struct Joiner {
    patterns: Patterns,
    /// A record is open; it starts with the buffer.
    is_open: bool,
    /// The open record was cut: pieces of it were taken before the buffer.
    is_cut: bool,
    /// How many bytes of the buffer are lines of the open record.
    scanned: usize,
    /// What becomes of the line behind them, if that was decided before its end was there.
    fate: Option<Fate>,
    limit_bytes: usize,
    unmatched: Unmatched,
}

/// Lines that belonged to no record.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// How many.
    pub lines: u64,
    /// The first of them, cut to what an alarm shows.
    pub first: Vec<u8>,
}

/// What a line is to the record before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It opens a record; the one that was open ends before it.
    Open,
    /// It belongs to the open record, or opens one.
    Extend,
    /// It is the last line of the open record, or a record of its own.
    Close,
    /// It belongs to no record; the one that was open ends before it.
    Outside,
    /// It belongs to no record, and neither do the lines of the one that was open.
    Break,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It belongs to the open record, which goes on.
    Extend,
    /// The open record ends with it.
    Close,
    /// It is dropped.
    Drop,
}

impl Joiner {
    /// Forgets the unfinished record.
    pub fn reset(&mut self) {
        (self.is_open, self.is_cut, self.scanned, self.fate) = (false, false, 0, None);
    }

    /// A joiner at the start of a record, whose patterns see up to `limit_bytes` of a line.
    ///
    /// A record that is longer than that is cut, and is one from then on whatever follows: its lines are not left out any
    /// more. So neither decision depends on how much of the record came at once.
    pub fn new(patterns: Patterns, limit_bytes: usize) -> Self {
        Self {
            patterns,
            is_open: false,
            is_cut: false,
            scanned: 0,
            fate: None,
            limit_bytes,
            unmatched: Unmatched::default(),
        }
    }

    /// Appends the complete records of `bytes` to `records`, however long, and returns how many bytes they, dropped lines
    /// and line ends take. As [`Framer::frame`](crate::input::records::frame::Framer::frame).
    pub fn frame(&mut self, bytes: &[u8], at_end: bool, records: &mut Vec<Record>) -> usize {
        let mut open = self.is_open.then_some(0);
        let mut next = self.scanned;
        while next < bytes.len() {
            let start = next;
            let end = memchr(b'\n', &bytes[start..]).map(|length| start + length).or(at_end.then_some(bytes.len()));
            let line = &bytes[start..end.unwrap_or(bytes.len())];
            let fate = match self.fate.take() {
                Some(fate) => fate,
                None if end.is_some() || line.len() > self.limit_bytes => {
                    self.begin_line(bytes, start..start + line.len(), &mut open, records)
                }
                None => break,
            };
            let Some(end) = end else {
                self.fate = Some(fate);
                next = if fate == Fate::Drop { bytes.len() } else { start };
                break;
            };
            next = (end + 1).min(bytes.len());
            if fate == Fate::Close {
                records.extend(open.take().map(|open| Record { start: open, end }));
            }
        }
        if at_end && let Some(start) = open.take() {
            let end = if bytes.ends_with(b"\n") { bytes.len() - 1 } else { bytes.len() };
            if self.patterns.end.is_some() && !self.is_too_long(start, end) {
                self.leave_out(bytes, start, end, records);
            } else {
                records.push(Record { start, end });
            }
        }
        let consumed = open.unwrap_or(next);
        self.is_open = open.is_some();
        self.is_cut &= open == Some(0);
        self.scanned = next - consumed;
        consumed
    }

    /// How many bytes of the unfinished record are part of it whatever follows. `rest_bytes` is what the last call of
    /// [`Self::frame`] left over.
    pub fn certain(&self, rest_bytes: usize) -> usize {
        if self.fate.is_some() { rest_bytes } else { self.scanned.saturating_sub(1) }
    }

    /// Goes on behind the first `cut` bytes of the unfinished record, still inside of it.
    pub fn cut_at(&mut self, cut: usize) {
        self.is_cut = true;
        self.scanned = self.scanned.saturating_sub(cut);
    }

    /// The lines that belonged to no record since the last call.
    pub fn take_unmatched(&mut self) -> Unmatched {
        std::mem::take(&mut self.unmatched)
    }

    /// Whether lines that belong to no record are dropped.
    pub fn discards_unmatched(&self) -> bool {
        self.patterns.discard_unmatched
    }

    /// What a line is, when a record is open before it or not.
    ///
    /// With a start pattern, a record goes from a line that matches it to the line before the next one; with a continue pattern
    /// too, only as far as that matches; with an end pattern too, to the first line that matches that. An end pattern
    /// alone closes a record with each line that it matches; with a continue pattern, lines before it must match that.
    fn step(&self, is_open: bool, line: &[u8]) -> Step {
        let matches = |pattern: &Option<LinePattern>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(line));
        let Patterns { start, continuation, end, .. } = &self.patterns;
        match (start, continuation, end) {
            (Some(_), _, Some(_)) if is_open => {
                if matches(end) {
                    Step::Close
                } else {
                    Step::Extend
                }
            }
            (Some(_), Some(_), _) if is_open && matches(continuation) => Step::Extend,
            (Some(_), _, _) if matches(start) => Step::Open,
            (Some(_), None, None) if is_open => Step::Extend,
            (Some(_), _, _) => Step::Outside,
            (None, Some(_), _) if matches(continuation) => Step::Extend,
            (None, _, _) if matches(end) => Step::Close,
            (None, Some(_), _) => Step::Break,
            (None, None, _) => Step::Extend,
        }
    }

    /// Decides what becomes of a line, and ends the open record before it where that asks for it.
    fn begin_line(
        &mut self,
        bytes: &[u8],
        line: Range<usize>,
        open: &mut Option<usize>,
        records: &mut Vec<Record>,
    ) -> Fate {
        let seen = &bytes[line.start..line.end.min(line.start + self.limit_bytes)];
        let step = self.step(open.is_some(), seen);
        if let Step::Open | Step::Outside | Step::Break = step
            && let Some(start) = open.take()
        {
            let end = line.start - 1;
            if step == Step::Break && !self.is_too_long(start, end) {
                self.leave_out(bytes, start, end, records);
            } else {
                records.push(Record { start, end });
            }
        }
        let fate = match step {
            Step::Open | Step::Extend => Fate::Extend,
            Step::Close => Fate::Close,
            Step::Outside | Step::Break => {
                self.count_unmatched(&bytes[line.clone()]);
                if self.patterns.discard_unmatched { Fate::Drop } else { Fate::Close }
            }
        };
        if fate != Fate::Drop {
            open.get_or_insert(line.start);
        }
        fate
    }

    /// Whether the open record, which has come to `end`, is cut.
    fn is_too_long(&self, start: usize, end: usize) -> bool {
        (self.is_cut && start == 0) || end - start > self.limit_bytes
    }

    /// Deals with lines that belong to no record.
    fn leave_out(&mut self, bytes: &[u8], start: usize, end: usize, records: &mut Vec<Record>) {
        let mut line_start = start;
        while line_start <= end {
            let line_end = memchr(b'\n', &bytes[line_start..end]).map_or(end, |length| line_start + length);
            self.count_unmatched(&bytes[line_start..line_end]);
            if !self.patterns.discard_unmatched {
                records.push(Record { start: line_start, end: line_end });
            }
            line_start = line_end + 1;
        }
    }

    fn count_unmatched(&mut self, line: &[u8]) {
        if self.unmatched.lines == 0 {
            self.unmatched.first = line[..line.len().min(EXCERPT_BYTES)].to_vec();
        }
        self.unmatched.lines += 1;
    }
}

/// How much of a line an alarm shows.
const EXCERPT_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    fn joiner(start: &str, continuation: &str, end: &str, discard_unmatched: bool) -> Joiner {
        let pattern = |text: &str| {
            let compile = || Regex::new(&format!(r"\A(?:{text})")).expect("the pattern is valid");
            (!text.is_empty()).then(|| LinePattern::new(compile()))
        };
        let (start, continuation, end) = (pattern(start), pattern(continuation), pattern(end));
        Joiner::new(Patterns { start, continuation, end, discard_unmatched }, 1 << 20)
    }

    /// Frames lines separated by `~`, all at once and in two parts at every place, and compares what comes out: `[record]`,
    /// with `U` for how many lines were left out.
    fn check((start, continuation, end): (&str, &str, &str), text: &str, expected: &str, unmatched: u64) {
        let text = text.replace('~', "\n");
        for split in 0..=text.len() {
            let mut joiner = joiner(start, continuation, end, false);
            let (mut found, mut buffer) = (String::new(), Vec::new());
            for (part, at_end) in [(&text[..split], false), (&text[split..], true)] {
                buffer.extend_from_slice(part.as_bytes());
                let mut records = Vec::new();
                let consumed = joiner.frame(&buffer, at_end, &mut records);
                for record in records {
                    let text = String::from_utf8_lossy(&buffer[record.start..record.end]).replace('\n', "~");
                    found.push_str(&format!("[{text}]"));
                }
                buffer.drain(..consumed);
            }
            assert_eq!(found, expected, "{text:?} split at {split}");
            assert_eq!(joiner.take_unmatched().lines, unmatched, "{text:?} split at {split}");
        }
    }

    #[test]
    fn records_by_patterns() {
        check(("B", "", ""), "x~B1~a~b~B2~c", "[x][B1~a~b][B2~c]", 1);
        check(("B", "", ""), "x~B1~a~b~B2~c~", "[x][B1~a~b][B2~c]", 1);
        check(("B", "C", ""), "B1~C1~C2~x~B2~y", "[B1~C1~C2][x][B2][y]", 2);
        check(("B", "C", ""), "B1~B2~C~", "[B1][B2~C]", 0);
        check(("B", "", "E"), "x~B1~a~E1~y~B2~b", "[x][B1~a~E1][y][B2][b]", 4);
        check(("B", "", "[BE]"), "B1~a~E1", "[B1~a~E1]", 0);
        check(("", "C", "E"), "C1~C2~E1~x~E2~C3~y", "[C1~C2~E1][x][E2][C3][y]", 3);
        check(("", "", "E"), "a~b~E1~c~E2~d", "[a~b~E1][c~E2][d]", 1);
        check(("", "", "E"), "~~E1~", "[~~E1]", 0);
    }

    #[test]
    fn an_unfinished_record_waits() {
        let mut joiner = joiner("B", "", "", false);
        let mut records = Vec::new();
        assert_eq!(joiner.frame(b"B1\n a\n", false, &mut records), 0);
        assert_eq!(joiner.frame(b"B1\n a\nB", false, &mut records), 0);
        assert_eq!(joiner.frame(b"B1\n a\nB2\n", false, &mut records), 6);
        assert_eq!(records, [Record { start: 0, end: 5 }]);
    }

    #[test]
    fn what_matches_nothing_can_be_dropped_and_is_counted() {
        let mut joiner = joiner("B", "", "", true);
        let mut records = Vec::new();
        assert_eq!(joiner.frame(b"x\ny\nB1\n", true, &mut records), 7);
        assert_eq!(records, [Record { start: 4, end: 6 }]);
        assert_eq!(joiner.take_unmatched(), Unmatched { lines: 2, first: b"x".to_vec() });
        assert_eq!(joiner.take_unmatched(), Unmatched::default());
    }
}
