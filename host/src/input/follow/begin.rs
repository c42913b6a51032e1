//! Where to begin in a large file that was there already: a stated length before its end, at the start of a record.

use std::fs::File;
use std::io;

use memchr::memchr;

use crate::event::{Offset, Position, Signature};
use crate::input::follow::find::read_at;
use crate::input::records::frame::Framing;

/// The start of a record about `tail_bytes` before the end of a file that has `len` bytes.
///
/// # Errors
/// Those of reading.
pub fn near_end(file: &File, len: Offset, tail_bytes: u64, framing: &Framing) -> io::Result<Position> {
    if matches!(framing, Framing::WholeFile { .. }) {
        // Its only record starts at its start.
        return Ok(Position::default());
    }
    let Some(wanted) = len.0.checked_sub(tail_bytes).filter(|wanted| *wanted > 0) else {
        return Ok(Position::default());
    };
    // One byte more: what begins right there is whole if a line ends before it.
    let window =
        read_at(file, wanted - 1, WINDOW_BYTES.min(usize::try_from(len.0 - wanted + 1).unwrap_or(usize::MAX)))?;
    if window.is_empty() {
        // It has become shorter since its length was asked for.
        return Ok(Position::default());
    }
    let skipped = first_record(&window, framing);
    let before = &window[..skipped.max(1)];
    let tail = Signature::of(&before[before.len().saturating_sub(TAIL_BYTES)..]);
    Ok(Position { offset: Offset(wanted - 1 + skipped.max(1) as u64), mid_record: false, tail })
}

/// Where the first whole record of `window` starts, which is somewhere in the middle of a file: behind the first line end,
/// or at the first whole line that matches the start pattern. 0 if there is none.
fn first_record(window: &[u8], framing: &Framing) -> usize {
    let first_line = memchr(b'\n', window).map(|end| end + 1);
    let Framing::Multiline(patterns) = framing else { return first_line.unwrap_or(0) };
    let Some(start_pattern) = &patterns.start else { return first_line.unwrap_or(0) };
    let mut next = first_line;
    while let Some(start) = next {
        let Some(len) = memchr(b'\n', &window[start..]) else { break };
        if start_pattern.is_match(&window[start..start + len]) {
            return start;
        }
        next = Some(start + len + 1);
    }
    0
}

/// How far a record is looked for. LoongCollector's `max_fix_pos_bytes`.
const WINDOW_BYTES: usize = 128 * 1024;

/// As many bytes before the position as the reader signs.
const TAIL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use regex::bytes::Regex;

    use super::*;
    use crate::input::records::line_pattern::LinePattern;
    use crate::input::records::multiline::Patterns;

    fn check(text: &str, tail_bytes: u64, framing: &Framing, expected: u64) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("the write");
        let position = near_end(&file, Offset(text.len() as u64), tail_bytes, framing).expect("the file can be read");
        assert_eq!(position.offset, Offset(expected), "{text:?}, the last {tail_bytes} bytes");
        let before = &text.as_bytes()[..expected as usize];
        assert!(before.ends_with(&before[before.len() - position.tail.len as usize..]));
        assert_eq!(position.tail, Signature::of(&before[before.len() - position.tail.len as usize..]), "{text:?}");
    }

    #[test]
    fn a_large_file_is_begun_at_a_line_near_its_end() {
        check("one\ntwo\nthree\n", 100, &Framing::Lines, 0);
        check("one\ntwo\nthree\n", 14, &Framing::Lines, 0);
        check("one\ntwo\nthree\n", 13, &Framing::Lines, 4);
        check("one\ntwo\nthree\n", 10, &Framing::Lines, 4);
        check("one\ntwo\nthree\n", 9, &Framing::Lines, 8);
        check("one\ntwo\nthree\n", 0, &Framing::Lines, 14);
        check("one\ntwo\nthree\n", 9, &Framing::WholeFile { max_bytes: 1 }, 0);
        // Without a line end, at the very place.
        check("onetwothree", 5, &Framing::Lines, 6);
    }

    #[test]
    fn records_of_several_lines_begin_with_their_first() {
        let start = Some(LinePattern::new(Regex::new(r"\AB").expect("the pattern is valid")));
        let framing = Framing::Multiline(Patterns { start, continuation: None, end: None, discard_unmatched: false });
        check("B1\n a\nB2\n b\nB3\n", 14, &framing, 6);
        check("B1\n a\nB2\n b\nB3\n", 9, &framing, 6);
        check("B1\n a\nB2\n b\nB3\n", 8, &framing, 12);
        // No whole line matches.
        check("B1\n a\n a\n a\nB", 5, &framing, 8);
    }
}
