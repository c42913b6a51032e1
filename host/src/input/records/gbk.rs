//! Turns GBK into UTF-8 line by line, and remembers where in the source everything was. Pure: no clock and no I/O.
//!
//! Records are found in the text, not in the source: the second byte of a GBK character may look like a quote, a brace or
//! a backslash. It never looks like a line end, so lines can be told before anything is decoded.
//!
//! A line that is no GBK is kept as it is. What is decoded is the superset GB 18030, as every decoder of GBK does today.

use encoding_rs::{DecoderResult, GBK};
use memchr::memchr_iter;

use crate::event::Offset;

/// Decodes a source that grows at its end and is consumed from its start.
///
/// The text itself is with the caller: positions in it count from the first byte that was not consumed yet.
#[derive(Debug, Default)]
pub(super) struct Transcoder {
    /// The source from the first byte on that is not consumed yet.
    source: Vec<u8>,
    /// How many bytes of `source` are decoded.
    decoded: usize,
    /// How long the text is that they became.
    text_bytes: usize,
    /// The parts of that text, in order.
    segments: Vec<Segment>,
    undecodable: Undecodable,
}

/// Lines that are no GBK.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Undecodable {
    /// How many.
    pub(super) lines: u64,
    /// Where the first of them starts in the source.
    pub(super) first: Offset,
}

/// A line, or a piece of a very long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    /// Where it starts in the text.
    text: usize,
    /// Where it starts in the source.
    source: usize,
    /// It is the same in both.
    is_verbatim: bool,
}

impl Transcoder {
    /// The source, for more of it to be appended.
    pub(super) fn source(&mut self) -> &mut Vec<u8> {
        &mut self.source
    }

    /// The source that is here and not consumed yet.
    pub(super) fn unconsumed(&self) -> &[u8] {
        &self.source
    }

    /// The lines that were no GBK since the last call.
    pub(super) fn take_undecodable(&mut self) -> Undecodable {
        std::mem::take(&mut self.undecodable)
    }

    /// Appends to `text`, which holds what was decoded before, the lines that are complete, and what is there of a very long one.
    /// With `at_end` nothing will follow, and the unfinished line is taken as it is.
    ///
    /// `start` is where the first byte that is not consumed yet is in its file, for alarms.
    pub(super) fn decode(&mut self, text: &mut Vec<u8>, at_end: bool, start: Offset) {
        debug_assert_eq!(text.len(), self.text_bytes, "the text is what was decoded before");
        let source = std::mem::take(&mut self.source);
        let undecoded = self.decoded;
        for line_end in memchr_iter(b'\n', &source[undecoded..]) {
            self.segment(&source, undecoded + line_end + 1, text, start);
        }
        let rest = &source[self.decoded..];
        if at_end {
            self.segment(&source, source.len(), text, start);
        } else if rest.len() > LONG_LINE_BYTES {
            self.segment(&source, self.decoded + whole_characters(rest), text, start);
        }
        self.source = source;
        self.text_bytes = text.len();
    }

    /// Decodes up to `end`.
    fn segment(&mut self, source: &[u8], end: usize, text: &mut Vec<u8>, start: Offset) {
        let bytes = &source[self.decoded..end];
        if bytes.is_empty() {
            return;
        }
        let place = Segment { text: text.len(), source: self.decoded, is_verbatim: false };
        let is_plain = bytes.is_ascii();
        let is_verbatim = is_plain || !decode(bytes, text);
        if is_verbatim {
            text.extend_from_slice(bytes);
        }
        if is_verbatim && !is_plain {
            if self.undecodable.lines == 0 {
                self.undecodable.first = Offset(start.0 + place.source as u64);
            }
            self.undecodable.lines += 1;
        }
        self.segments.push(Segment { is_verbatim, ..place });
        self.decoded = end;
    }

    /// Where in the source the character is that `position` in `text` is the start of.
    pub(super) fn source_of(&self, position: usize, text: &[u8]) -> usize {
        if position == self.text_bytes {
            return self.decoded;
        }
        let next = self.segments.partition_point(|segment| segment.text <= position);
        let Some(segment) = next.checked_sub(1).map(|found| self.segments[found]) else { return 0 };
        if segment.is_verbatim {
            return segment.source + (position - segment.text);
        }
        let starts_character = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
        let characters = text[segment.text..position].iter().filter(starts_character).count();
        (0..characters).fold(segment.source, |at, _| at + character_bytes(&self.source[at..]))
    }

    /// Forgets the first `position` bytes of `text` and returns how many bytes of the source they were.
    pub(super) fn consume(&mut self, position: usize, text: &[u8]) -> usize {
        let source = self.source_of(position, text);
        let gone = self.segments.partition_point(|segment| segment.text <= position);
        // The segment that the position is in goes on behind it.
        let first = gone.saturating_sub(1);
        self.segments.drain(..first);
        for segment in &mut self.segments {
            segment.text = segment.text.saturating_sub(position);
            segment.source = segment.source.saturating_sub(source);
        }
        self.source.drain(..source);
        self.decoded -= source;
        self.text_bytes -= position;
        if self.text_bytes == 0 {
            self.segments.clear();
        }
        source
    }
}

/// Appends to `text` what `bytes` are as UTF-8, or nothing if they are no GBK.
fn decode(bytes: &[u8], text: &mut Vec<u8>) -> bool {
    let mut decoder = GBK.new_decoder_without_bom_handling();
    let Some(most_bytes) = decoder.max_utf8_buffer_length_without_replacement(bytes.len()) else { return false };
    let before = text.len();
    text.resize(before + most_bytes, 0);
    let (result, _, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut text[before..], true);
    let is_decoded = result == DecoderResult::InputEmpty;
    text.truncate(before + if is_decoded { written } else { 0 });
    is_decoded
}

/// How many bytes the first character takes, which may be more than there are.
fn character_bytes(bytes: &[u8]) -> usize {
    match bytes {
        [0x81..=0xfe, 0x30..=0x39, ..] => 4,
        [0x81..=0xfe, ..] => 2,
        _ => 1,
    }
}

/// How many of `bytes` are whole characters.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let next = end + character_bytes(&bytes[end..]);
        if next > bytes.len() {
            return end;
        }
        end = next;
    }
}

/// Of a line that is longer, what is there is decoded without its end. What a record is cut at, so that it takes no more
/// memory than other long records.
const LONG_LINE_BYTES: usize = crate::input::records::chunk::MAX_RECORD_BYTES;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Offset = Offset(1000);

    fn gbk(text: &str) -> Vec<u8> {
        GBK.encode(text).0.into_owned()
    }

    fn decoded(transcoder: &mut Transcoder, at_end: bool) -> Vec<u8> {
        let mut text = Vec::new();
        transcoder.decode(&mut text, at_end, START);
        text
    }

    #[test]
    fn complete_lines_are_decoded_and_the_rest_waits() {
        fn check(source: &[u8], at_end: bool, expected: &[u8], undecodable: u64, first: u64) {
            let mut transcoder = Transcoder { source: source.to_vec(), ..Transcoder::default() };
            assert_eq!(decoded(&mut transcoder, at_end), expected, "{source:x?}");
            let first = Offset(first);
            assert_eq!(transcoder.take_undecodable(), Undecodable { lines: undecodable, first }, "{source:x?}");
        }
        check(b"", true, b"", 0, 0);
        check(b"plain\nrest", false, b"plain\n", 0, 0);
        check(b"plain\nrest", true, b"plain\nrest", 0, 0);
        check(&gbk("中文\n日志"), false, "中文\n".as_bytes(), 0, 0);
        check(&gbk("中文\n日志"), true, "中文\n日志".as_bytes(), 0, 0);
        // Second bytes that look like a backslash and a brace.
        check(b"\x81\x5c\x81\x7b\n", false, "乗亄\n".as_bytes(), 0, 0);
        check(b"a\n\xff\xff\n\xd6\xd0\n\xd6", true, b"a\n\xff\xff\n\xe4\xb8\xad\n\xd6", 2, 1002);
        check(b"\x80 \x81\x30\x81\x30\n", false, "\u{20ac} \u{80}\n".as_bytes(), 0, 0);
    }

    #[test]
    fn a_very_long_line_is_decoded_without_its_end_and_never_within_a_character() {
        for before in [0, 1] {
            let mut source = vec![b'x'; before];
            source.extend(gbk(&"中".repeat(LONG_LINE_BYTES / 2 + 1)));
            source.truncate(LONG_LINE_BYTES + 1);
            let whole = LONG_LINE_BYTES + before;
            let mut transcoder = Transcoder { source, ..Transcoder::default() };
            let text = decoded(&mut transcoder, false);
            assert_eq!((transcoder.decoded, transcoder.take_undecodable().lines), (whole, 0));
            assert_eq!(text.len(), before + (whole - before) / 2 * 3);
            assert_eq!(transcoder.source_of(before + 3 * 1000, &text), before + 2 * 1000);
        }
    }

    /// Characters of one, two and four bytes in GBK, and one that takes one byte or two.
    const CHARACTERS: &str = "[ab\\\\{\n中乗亄\u{e9}\u{20ac}\u{1f600}\u{80}]{0,30}";

    proptest! {
        #[test]
        fn every_position_is_found_in_the_source(text in CHARACTERS, consumed in 0usize..30, at_end in any::<bool>()) {
            let source = encoding_rs::GB18030.encode(&text).0.into_owned();
            let mut transcoder = Transcoder { source, ..Transcoder::default() };
            let mut found = decoded(&mut transcoder, at_end);
            let complete = if at_end { text.len() } else { text.rfind('\n').map_or(0, |end| end + 1) };
            prop_assert_eq!(&found[..], &text.as_bytes()[..complete]);
            // Consumed up to any character, every later one is where it was.
            let consumed = text[..complete].char_indices().map(|(at, _)| at).nth(consumed).unwrap_or(complete);
            let gone = transcoder.consume(consumed, &found);
            prop_assert_eq!(gone, encoding_rs::GB18030.encode(&text[..consumed]).0.len());
            found.drain(..consumed);
            for (at, _) in text[consumed..complete].char_indices() {
                let before = encoding_rs::GB18030.encode(&text[consumed..consumed + at]).0.len();
                prop_assert_eq!(transcoder.source_of(at, &found), before, "{}", at);
            }
            transcoder.decode(&mut found, true, START);
            prop_assert_eq!(&found[..], &text.as_bytes()[consumed..]);
        }
    }
}
