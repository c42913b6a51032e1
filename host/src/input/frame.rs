//! Cuts bytes into records. Pure: no clock and no I/O.

use memchr::memchr;

use super::multiline::{Joiner, Patterns, Unmatched};

/// What a record is.
#[derive(Debug, Clone)]
pub enum Framing {
    /// A line.
    Lines,
    /// A JSON object, which may span lines; see [`Framer::frame`].
    JsonRecords,
    /// Lines that are joined by patterns.
    Multiline(Patterns),
}

/// Cuts a growing buffer into records, keeping what it knows of the unfinished one at the end.
#[derive(Debug)]
pub enum Framer {
    /// Of lines.
    Lines(Scan),
    /// Of JSON objects.
    JsonRecords(Scan),
    /// Of lines that are joined by patterns.
    Multiline(Joiner),
}

/// A record as a range of the buffer: its first byte and the byte after its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last, without the line end.
    pub end: usize,
}

/// How much of the unfinished record was looked at already, and with what result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scan {
    scanned: usize,
    depth: i32,
    in_string: bool,
}

impl Framer {
    /// A framer at the start of a record.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Lines => Self::Lines(Scan::default()),
            Framing::JsonRecords => Self::JsonRecords(Scan::default()),
            Framing::Multiline(patterns) => Self::Multiline(Joiner::new(patterns)),
        }
    }

    /// Appends the complete records of `bytes` to `records` and returns how many bytes they and their line ends take.
    ///
    /// `bytes` begins with what the last call left over. With `at_end` nothing will follow, and an unfinished record is
    /// taken as it is.
    ///
    /// A JSON record begins with `{` and ends with the first line end outside of its braces. It also ends with a line end
    /// inside a string, which JSON forbids, and before a line that begins with `{` in its first column, so that one
    /// broken record never swallows its neighbours. Other text is a record line by line. Blank lines, and blanks before an
    /// object, are skipped.
    pub fn frame(&mut self, bytes: &[u8], at_end: bool, records: &mut Vec<Record>) -> usize {
        match self {
            Self::Lines(scan) => scan.frame(bytes, records, |scan, start| scan.next_line(bytes, start, at_end)),
            Self::JsonRecords(scan) => {
                scan.frame(bytes, records, |scan, start| scan.next_json_record(bytes, start, at_end))
            }
            Self::Multiline(joiner) => joiner.frame(bytes, at_end, records),
        }
    }

    /// Forgets the unfinished record, for a buffer that does not continue the last one.
    pub fn reset(&mut self) {
        match self {
            Self::Lines(scan) | Self::JsonRecords(scan) => *scan = Scan::default(),
            Self::Multiline(joiner) => joiner.reset(),
        }
    }

    /// The lines that belonged to no record since the last call, and whether they are dropped.
    pub fn take_unmatched(&mut self) -> Option<(Unmatched, bool)> {
        let Self::Multiline(joiner) = self else { return None };
        let unmatched = joiner.take_unmatched();
        (unmatched.lines > 0).then(|| (unmatched, joiner.discards_unmatched()))
    }
}

impl Scan {
    /// Takes records for as long as `next` finds them: a record, or `None` in its place for what is skipped, and where the next
    /// one starts.
    fn frame(
        &mut self,
        bytes: &[u8],
        records: &mut Vec<Record>,
        next: impl Fn(&mut Self, usize) -> Option<(Option<Record>, usize)>,
    ) -> usize {
        let mut start = 0;
        while start < bytes.len() {
            let Some((record, end)) = next(self, start) else { break };
            *self = Self::default();
            records.extend(record);
            start = end;
        }
        start
    }

    fn next_line(&mut self, bytes: &[u8], start: usize, at_end: bool) -> Option<(Option<Record>, usize)> {
        let found = memchr(b'\n', &bytes[start + self.scanned..]).map(|length| start + self.scanned + length);
        self.scanned = bytes.len() - start;
        let end = found.or(at_end.then_some(bytes.len()))?;
        Some((Some(Record { start, end }), (end + 1).min(bytes.len())))
    }

    fn next_json_record(&mut self, bytes: &[u8], start: usize, at_end: bool) -> Option<(Option<Record>, usize)> {
        if self.scanned == 0 {
            let blanks = leading_blanks(&bytes[start..], at_end);
            if blanks > 0 {
                return Some((None, start + blanks));
            }
        }
        let is_object = bytes[start] == b'{';
        loop {
            let line_start = start + self.scanned;
            let Some(length) = memchr(b'\n', &bytes[line_start..]) else {
                return at_end.then_some((Some(Record { start, end: bytes.len() }), bytes.len()));
            };
            let end = line_start + length;
            let record = (Some(Record { start, end }), end + 1);
            // The next line decides most cases without a look at the braces of this one.
            let next = bytes.get(end + 1);
            if !is_object || next == Some(&b'{') {
                return Some(record);
            }
            let mut scan = *self;
            scan.take_line(&bytes[line_start..end]);
            if scan.in_string || scan.depth <= 0 || (next.is_none() && at_end) {
                return Some(record);
            }
            // The record may go on, or end before a `{` that is not here yet.
            next?;
            *self = Self { scanned: end + 1 - start, ..scan };
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        let mut bytes = line.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => self.in_string = !self.in_string,
                b'\\' if self.in_string => drop(bytes.next()),
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => self.depth -= 1,
                _ => {}
            }
        }
    }
}

/// How many blanks are no part of a record: those before an object, and lines of nothing else. What is no object keeps the
/// blanks at its start.
fn leading_blanks(bytes: &[u8], at_end: bool) -> usize {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    match bytes.get(blanks) {
        Some(b'{') => blanks,
        None if at_end => blanks,
        _ => memchr::memrchr(b'\n', &bytes[..blanks]).map_or(0, |line_end| line_end + 1),
    }
}

/// Where to cut a record of `bytes` that is too long, at `limit` or up to three bytes before it, so that no UTF-8 sequence
/// is cut in two.
pub fn cut(bytes: &[u8], limit: usize) -> usize {
    let is_continuation = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (limit.saturating_sub(3)..=limit).rev().find(|at| !is_continuation(*at)).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames `text` at once and in two parts at every place, and compares the records with `expected` each time.
    fn check(framing: &Framing, text: &str, at_end: bool, expected: &[&str]) {
        for split in 0..=text.len() {
            assert_eq!(
                frame_in_parts(framing, text.as_bytes(), &[split], at_end),
                expected,
                "{text:?} split at {split}"
            );
        }
    }

    fn frame_in_parts(framing: &Framing, text: &[u8], splits: &[usize], at_end: bool) -> Vec<String> {
        let mut framer = Framer::new(framing.clone());
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let mut taken = 0;
        for part_end in splits.iter().copied().chain([text.len()]) {
            buffer.extend_from_slice(&text[taken..part_end]);
            taken = part_end;
            let mut records = Vec::new();
            let consumed = framer.frame(&buffer, at_end && taken == text.len(), &mut records);
            found.extend(records.iter().map(|r| String::from_utf8_lossy(&buffer[r.start..r.end]).into_owned()));
            buffer.drain(..consumed);
        }
        found
    }

    #[test]
    fn lines() {
        check(&Framing::Lines, "a\nb\n", false, &["a", "b"]);
        check(&Framing::Lines, "a\n\nb", false, &["a", ""]);
        check(&Framing::Lines, "a\nb", true, &["a", "b"]);
        check(&Framing::Lines, "a\r\nb\0c\n", false, &["a\r", "b\0c"]);
        check(&Framing::Lines, "", true, &[]);
    }

    #[test]
    fn json_records() {
        let json = &Framing::JsonRecords;
        check(json, "{\"a\":1}\n{\"a\":2}\n", true, &["{\"a\":1}", "{\"a\":2}"]);
        // Pretty-printed objects are one record each.
        check(json, "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", true, &["{\n \"a\": 1\n}", "{\n \"a\": 2\n}"]);
        // A nested object may begin a line, as long as it is not in the first column.
        check(json, "{\"a\":\n {\"b\":1}\n}\nx\n", true, &["{\"a\":\n {\"b\":1}\n}", "x"]);
        // What is no object is a record line by line, and blank lines are none.
        check(json, "plain\n\n  \n[1,\n2]\n{}\n", true, &["plain", "[1,", "2]", "{}"]);
        check(json, "{}\n  indented\n\t{}\n  ", true, &["{}", "  indented", "{}"]);
        // Braces in strings do not count, nor do escaped quotes end a string.
        check(json, "{\"a\":\"}{\\\"{\"}\nb\n", true, &["{\"a\":\"}{\\\"{\"}", "b"]);
        // One broken line does not swallow its neighbours.
        check(json, "{\"a\":{\n{\"b\":1}\n", true, &["{\"a\":{", "{\"b\":1}"]);
        check(json, "{\"a\":\"open\nnext\n{\"b\":1}\n", true, &["{\"a\":\"open", "next", "{\"b\":1}"]);
        check(json, "{\"a\":1}}\nnext\n", true, &["{\"a\":1}}", "next"]);
        // Text behind an object belongs to its record.
        check(json, "{\"a\":1} tail\n{}\n", true, &["{\"a\":1} tail", "{}"]);
    }

    #[test]
    fn an_unfinished_json_record_waits() {
        let json = &Framing::JsonRecords;
        check(json, "{\"a\":1}\n{\"b\":\n", false, &["{\"a\":1}"]);
        check(json, "{\"a\":1}\n{\"b\":\n", true, &["{\"a\":1}", "{\"b\":"]);
        check(json, "{\"a\":1", true, &["{\"a\":1"]);
        check(json, "{\"a\":1", false, &[]);
    }

    #[test]
    fn long_records_are_cut_between_characters() {
        assert_eq!(cut(b"abcdef", 4), 4);
        assert_eq!(cut("abc\u{e9}f".as_bytes(), 4), 3);
        assert_eq!(cut("ab\u{1f600}f".as_bytes(), 5), 2);
        assert_eq!(cut(&[0x80; 10], 5), 5);
    }

    proptest! {
        #[test]
        fn parts_do_not_change_the_records(
            text in "[{}\"\\\\a\n ]{0,40}",
            splits in proptest::collection::vec(0usize..40, 0..4),
            framing in prop_oneof![Just(Framing::Lines), Just(Framing::JsonRecords)],
        ) {
            let mut splits: Vec<usize> = splits.into_iter().filter(|split| *split <= text.len()).collect();
            splits.sort_unstable();
            let whole = frame_in_parts(&framing, text.as_bytes(), &[], true);
            prop_assert_eq!(frame_in_parts(&framing, text.as_bytes(), &splits, true), whole);
        }
    }
}
