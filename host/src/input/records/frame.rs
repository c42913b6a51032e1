//! Cuts bytes into records. Pure: no clock and no I/O.

use memchr::memchr;

use crate::input::records::multiline::{Joiner, Patterns, Unmatched};
use crate::input::records::whole_file;

/// What a record is.
#[derive(Debug, Clone, Default)]
pub enum Framing {
    /// A line.
    #[default]
    Lines,
    /// A JSON object, which may span lines; see [`Framer::frame`].
    JsonRecords,
    /// Lines that are joined by patterns.
    Multiline(Patterns),
    /// Everything that is there when nothing comes any more.
    WholeFile {
        /// Files that are larger are skipped.
        max_bytes: u64,
    },
}

/// Cuts a growing buffer into records, keeping what it knows of the unfinished one at the end.
///
/// A record that is too long is cut into several. The pieces are the same however the buffer grew.
#[derive(Debug)]
pub struct Framer {
    state: State,
    limit_bytes: usize,
    /// The unfinished record was cut: pieces of it were taken before the buffer.
    is_cut: bool,
    cut_records: u64,
}

#[derive(Debug)]
enum State {
    Lines(Scan),
    JsonRecords(Scan),
    Multiline(Joiner),
    WholeFile,
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
struct Scan {
    scanned: usize,
    depth: i32,
    in_string: bool,
    in_escape: bool,
    /// Whether the record is an object, once it was cut and its first byte is gone.
    is_object: Option<bool>,
}

impl Framer {
    /// A framer at the start of a record, which cuts records longer than `limit_bytes` (4 or more: a character).
    pub fn new(framing: Framing, limit_bytes: usize) -> Self {
        let state = match framing {
            Framing::Lines => State::Lines(Scan::default()),
            Framing::JsonRecords => State::JsonRecords(Scan::default()),
            Framing::Multiline(patterns) => State::Multiline(Joiner::new(patterns, limit_bytes)),
            Framing::WholeFile { .. } => State::WholeFile,
        };
        Self { state, limit_bytes, is_cut: false, cut_records: 0 }
    }

    /// Appends the complete records of `bytes`, and the pieces of those that are too long, to `records`, which is empty.
    /// Returns how many bytes they and their line ends take.
    ///
    /// `bytes` begins with what the last call left over. With `at_end` nothing will follow, and an unfinished record is
    /// taken as it is.
    ///
    /// A JSON record begins with `{` and ends with the first line end outside of its braces. It also ends with a line end
    /// inside a string, which JSON forbids, and before a line that begins with `{` in its first column, so that one
    /// broken record never swallows its neighbours. Other text is a record line by line. Blank lines, and blanks before an
    /// object, are skipped, and so is the limit's worth of an indent that is longer than it.
    pub fn frame(&mut self, bytes: &[u8], at_end: bool, records: &mut Vec<Record>) -> usize {
        let limit_bytes = self.limit_bytes;
        let mut consumed = match &mut self.state {
            State::Lines(scan) => scan.frame(bytes, records, |scan, start| scan.next_line(bytes, start, at_end)),
            State::JsonRecords(scan) => {
                scan.frame(bytes, records, |scan, start| scan.next_json_record(bytes, start, at_end, limit_bytes))
            }
            State::Multiline(joiner) => joiner.frame(bytes, at_end, records),
            State::WholeFile if at_end => {
                whole_file::pieces(bytes, limit_bytes, records);
                bytes.len()
            }
            State::WholeFile => 0,
        };
        self.cut_long_records(bytes, records);
        self.is_cut &= consumed == 0;
        while self.state.certain(&bytes[consumed..]) > limit_bytes {
            let length = cut(&bytes[consumed..], limit_bytes);
            self.state.cut_at(&bytes[consumed..], length);
            records.push(Record { start: consumed, end: consumed + length });
            self.cut_records += u64::from(!self.is_cut);
            self.is_cut = true;
            consumed += length;
        }
        consumed
    }

    /// Forgets the unfinished record.
    pub fn reset(&mut self) {
        self.is_cut = false;
        match &mut self.state {
            State::Lines(scan) | State::JsonRecords(scan) => *scan = Scan::default(),
            State::Multiline(joiner) => joiner.reset(),
            State::WholeFile => {}
        }
    }

    /// How many records were too long since the last call.
    pub fn take_cut_records(&mut self) -> u64 {
        std::mem::take(&mut self.cut_records)
    }

    /// The lines that belonged to no record since the last call, and whether they are dropped.
    pub fn take_unmatched(&mut self) -> Option<(Unmatched, bool)> {
        let State::Multiline(joiner) = &mut self.state else { return None };
        let unmatched = joiner.take_unmatched();
        (unmatched.lines > 0).then(|| (unmatched, joiner.discards_unmatched()))
    }

    /// Whether lines that belong to no record are dropped.
    pub fn discards_unmatched(&self) -> bool {
        matches!(&self.state, State::Multiline(joiner) if joiner.discards_unmatched())
    }

    fn cut_long_records(&mut self, bytes: &[u8], records: &mut Vec<Record>) {
        let limit_bytes = self.limit_bytes;
        if records.iter().all(|record| record.end - record.start <= limit_bytes) {
            return;
        }
        for Record { mut start, end } in std::mem::take(records) {
            let was_counted = self.is_cut && start == 0;
            self.cut_records += u64::from(end - start > limit_bytes && !was_counted);
            while end - start > limit_bytes {
                let piece_end = start + cut(&bytes[start..end], limit_bytes);
                records.push(Record { start, end: piece_end });
                start = piece_end;
            }
            records.push(Record { start, end });
        }
    }
}

impl State {
    /// How many bytes of `rest`, which is left over, are part of the unfinished record whatever follows.
    fn certain(&self, rest: &[u8]) -> usize {
        match self {
            // A JSON record may turn out to end before the line end.
            Self::Lines(_) | Self::JsonRecords(_) => rest.strip_suffix(b"\n").unwrap_or(rest).len(),
            Self::Multiline(joiner) => joiner.certain(rest.len()),
            // Where its pieces end is known when all of it is there.
            Self::WholeFile => 0,
        }
    }

    /// Goes on behind the first `cut` bytes of the unfinished record `rest`, still inside of it.
    fn cut_at(&mut self, rest: &[u8], cut: usize) {
        match self {
            Self::Lines(scan) | Self::JsonRecords(scan) => scan.cut_at(rest, cut),
            Self::Multiline(joiner) => joiner.cut_at(cut),
            Self::WholeFile => {}
        }
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

    fn next_json_record(
        &mut self,
        bytes: &[u8],
        start: usize,
        at_end: bool,
        limit_bytes: usize,
    ) -> Option<(Option<Record>, usize)> {
        if self.scanned == 0 && self.is_object.is_none() {
            let blanks = leading_blanks(&bytes[start..], at_end, limit_bytes);
            if blanks > 0 {
                return Some((None, start + blanks));
            }
        }
        let is_object = self.is_object.unwrap_or(bytes[start] == b'{');
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

    fn cut_at(&mut self, rest: &[u8], cut: usize) {
        self.is_object.get_or_insert(rest[0] == b'{');
        if self.scanned < cut {
            self.take_line(&rest[self.scanned..cut]);
        }
        self.scanned = self.scanned.saturating_sub(cut);
    }

    fn take_line(&mut self, line: &[u8]) {
        for byte in line {
            match byte {
                _ if self.in_escape => self.in_escape = false,
                b'"' => self.in_string = !self.in_string,
                b'\\' if self.in_string => self.in_escape = true,
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => self.depth -= 1,
                _ => {}
            }
        }
    }
}

/// How many blanks are no part of a record: those before an object, and lines of nothing else. What is no object keeps the
/// blanks at its start, except that those never make a piece of their own.
fn leading_blanks(bytes: &[u8], at_end: bool, limit_bytes: usize) -> usize {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    match bytes.get(blanks) {
        Some(b'{') => blanks,
        None if at_end => blanks,
        _ => {
            let line_start = memchr::memrchr(b'\n', &bytes[..blanks]).map_or(0, |line_end| line_end + 1);
            if blanks - line_start > limit_bytes { line_start + limit_bytes } else { line_start }
        }
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
    use regex::bytes::Regex;

    use crate::input::records::line_pattern::LinePattern;

    use super::*;

    const NO_LIMIT: usize = 1 << 20;

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
        cut_in_parts(framing, NO_LIMIT, text, splits, at_end).0
    }

    /// Frames `text` as it grows to each of `splits`, and returns the pieces, how many records were cut, and how many lines
    /// belonged to none.
    fn cut_in_parts(
        framing: &Framing,
        limit_bytes: usize,
        text: &[u8],
        splits: &[usize],
        at_end: bool,
    ) -> (Vec<String>, u64, u64) {
        let mut framer = Framer::new(framing.clone(), limit_bytes);
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let mut taken = 0;
        for part_end in splits.iter().copied().chain([text.len()]) {
            buffer.extend_from_slice(&text[taken..part_end]);
            taken = part_end;
            let mut records = Vec::new();
            let consumed = framer.frame(&buffer, at_end && taken == text.len(), &mut records);
            assert!(records.iter().all(|record| record.end - record.start <= limit_bytes), "{records:?}");
            found.extend(records.iter().map(|r| String::from_utf8_lossy(&buffer[r.start..r.end]).into_owned()));
            buffer.drain(..consumed);
            assert!(buffer.len() <= limit_bytes.saturating_mul(2) + 1, "{buffer:?} is not cut");
        }
        (found, framer.take_cut_records(), framer.take_unmatched().map_or(0, |(unmatched, _)| unmatched.lines))
    }

    fn multiline(start: &str, continuation: &str, end: &str, discard_unmatched: bool) -> Framing {
        let pattern = |text: &str| {
            let compile = || Regex::new(&format!(r"\A(?:{text})")).expect("the pattern is valid");
            (!text.is_empty()).then(|| LinePattern::new(compile()))
        };
        let (start, continuation, end) = (pattern(start), pattern(continuation), pattern(end));
        Framing::Multiline(Patterns { start, continuation, end, discard_unmatched })
    }

    /// Cuts records over 4 bytes, however `text` is split in up to three parts or comes byte by byte. `~` is a line end.
    fn check_cut(framing: &Framing, text: &str, expected: &[&str], cut_records: u64) {
        let text = text.replace('~', "\n");
        let expected: Vec<String> = expected.iter().map(|piece| piece.replace('~', "\n")).collect();
        let everywhere: Vec<usize> = (0..=text.len()).collect();
        let pairs = (0..=text.len()).flat_map(|first| (first..=text.len()).map(move |second| vec![first, second]));
        for splits in pairs.chain([everywhere]) {
            let (found, cut, _) = cut_in_parts(framing, 4, text.as_bytes(), &splits, true);
            assert_eq!((&found, cut), (&expected, cut_records), "{text:?} split at {splits:?}");
        }
    }

    #[test]
    fn the_tail_of_a_cut_record_stays_part_of_it() {
        let lines = &Framing::Lines;
        check_cut(lines, "abcd~efghi~jklmnopqrs~t", &["abcd", "efgh", "i", "jklm", "nopq", "rs", "t"], 2);
        check_cut(lines, "abc\u{e9}f~", &["abc", "\u{e9}f"], 1);
        let json = &Framing::JsonRecords;
        check_cut(json, "{~ 12~ 345~}~{}~", &["{~ 1", "2~ 3", "45~}", "{}"], 1);
        check_cut(json, "{\"\\\"{\"}~ab~", &["{\"\\\"", "{\"}", "ab"], 1);
        check_cut(json, "{12}~{}", &["{12}", "{}"], 0);
        check_cut(json, "      {}~      a~", &["{}", "  a"], 0);
        for discards in [false, true] {
            check_cut(&multiline("B", "", "", discards), "B1~ a~ bcdef~B2", &["B1~ ", "a~ b", "cdef", "B2"], 1);
            check_cut(&multiline("B", "", "E", discards), "B1~ab~B~cd~E~", &["B1~a", "b~B~", "cd~E"], 1);
        }
        // The record before is whole: the next line may not belong to it.
        check_cut(&multiline("B", "", "", false), "B123~B4", &["B123", "B4"], 0);
        // A long line that belongs to no record is one of its own, or dropped to its end.
        check_cut(&multiline("B", "C", "", false), "B1~xxBxxBxx~B2", &["B1", "xxBx", "xBxx", "B2"], 1);
        check_cut(&multiline("B", "C", "", true), "B1~xxBxxBxx~B2", &["B1", "B2"], 0);
        // What was cut is a record, also if its end never comes.
        check_cut(&multiline("", "C", "E", true), "C1~C2~C3~x~E", &["C1~C", "2~C3", "E"], 1);
        check_cut(&multiline("", "", "E", true), "a~b~c~d", &["a~b~", "c~d"], 1);
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
    fn whole_files() {
        let whole = &Framing::WholeFile { max_bytes: 0 };
        check(whole, "a\n\nb\n", false, &[]);
        check(whole, "a\n\nb\n", true, &["a\n\nb"]);
        check(whole, "", true, &[]);
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
            framing in prop_oneof![
                Just(Framing::Lines), Just(Framing::JsonRecords), Just(Framing::WholeFile { max_bytes: 0 }),
            ],
        ) {
            let mut splits: Vec<usize> = splits.into_iter().filter(|split| *split <= text.len()).collect();
            splits.sort_unstable();
            let whole = frame_in_parts(&framing, text.as_bytes(), &[], true);
            prop_assert_eq!(frame_in_parts(&framing, text.as_bytes(), &splits, true), whole);
        }

        #[test]
        fn parts_do_not_change_the_pieces(
            text in "([{}\"\\\\aBCE\u{e9}\u{1f600} ]{0,12}\n?){0,8}",
            splits in proptest::collection::vec(0usize..100, 0..8),
            limit_bytes in 4usize..12,
            framing in prop_oneof![
                Just(Framing::Lines),
                Just(Framing::JsonRecords),
                (
                    prop_oneof![
                        Just(("B", "", "")), Just(("B", "C", "")), Just(("B", "", ".*E")), Just(("", "C", "E")),
                        Just(("", "", ".*E$")),
                    ],
                    any::<bool>(),
                ).prop_map(|((start, continuation, end), discards)| multiline(start, continuation, end, discards)),
            ],
        ) {
            let mut splits: Vec<usize> = splits.into_iter().filter(|split| *split <= text.len()).collect();
            splits.sort_unstable();
            let whole = cut_in_parts(&framing, limit_bytes, text.as_bytes(), &[], true);
            let every_byte: Vec<usize> = (0..text.len()).collect();
            prop_assert_eq!(&cut_in_parts(&framing, limit_bytes, text.as_bytes(), &splits, true), &whole);
            prop_assert_eq!(&cut_in_parts(&framing, limit_bytes, text.as_bytes(), &every_byte, true), &whole);
        }
    }
}
