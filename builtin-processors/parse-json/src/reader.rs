//! The grammar of RFC 8259, for one text that lies in a larger arena.
//!
//! Nothing is built: reading a value says where it is. All places are offsets into the arena.

use crate::failure::{Expected, Failure};
use crate::scan;
use crate::unescape::{self, BadEscape};

/// One JSON text.
///
/// What reads something takes the place where it begins and returns the place behind it: there is no cursor to keep
/// in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    arena: &'a [u8],
    /// The arena up to the end of the text.
    text: &'a [u8],
}

/// Where a string led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// To its closing quote, without an escape.
    Plain { end: usize },
    /// To its first escape. Go on with [`Reader::unescape`] or [`Reader::skip_escaped`].
    Escaped { at: usize },
}

/// A string that was written without its escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unescaped {
    /// Where its closing quote is.
    pub(crate) end: usize,
    /// How many bytes were written.
    pub(crate) written: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `arena[..end]`, for a text that ends there.
    #[inline(always)]
    pub(crate) fn new(arena: &'a [u8], end: usize) -> Self {
        Self { arena, text: &arena[..end] }
    }

    #[inline(always)]
    pub(crate) fn arena(self) -> &'a [u8] {
        self.arena
    }

    /// Where the text ends.
    #[inline(always)]
    pub(crate) fn end(self) -> usize {
        self.text.len()
    }

    #[inline(always)]
    pub(crate) fn peek(self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    #[inline(always)]
    pub(crate) fn is_at(self, at: usize, byte: u8) -> bool {
        self.peek(at) == Some(byte)
    }

    #[inline(always)]
    pub(crate) fn skip_blanks(self, at: usize) -> usize {
        // One blank or none is what most writers put. It is told apart without a loop, which has its price in a sandbox.
        let at = at + usize::from(self.is_at(at, b' '));
        match self.peek(at) {
            Some(0..=b' ') => self.skip_more_blanks(at),
            _ => at,
        }
    }

    #[cold]
    pub(crate) fn expected(self, at: usize, expected: Expected) -> Failure {
        Failure { at: at.min(self.end()), expected }
    }

    /// Reads a string behind its opening quote, as far as its first escape.
    #[inline(always)]
    pub(crate) fn string(self, start: usize) -> Result<Text, Failure> {
        let mut at = start;
        let mut plain = scan::plain_ascii(self.arena, at);
        at += plain;
        while plain == scan::BLOCK {
            plain = scan::plain_ascii(self.arena, at);
            at += plain;
        }
        if self.is_at(at, b'"') { Ok(Text::Plain { end: at }) } else { self.special_string(start, at) }
    }

    /// Reads a string with escapes and writes what it stands for into `room`.
    ///
    /// `room` must have a block more than the text has from `start` on, or than the string has if that is known.
    #[inline]
    pub(crate) fn unescape(self, start: usize, room: &mut [u8]) -> Result<Unescaped, Failure> {
        let mut is_ascii = true;
        let mut at = start;
        let mut written = 0;
        loop {
            let Some(block) = copy_block(self.arena, at, room, written) else {
                return self.unescape_at_end(start, at, room, written);
            };
            is_ascii &= !scan::has_high(block);
            // What is behind an escape is copied once more, to its new place.
            let next = at + scan::BLOCK;
            let mut stops = scan::stops(block);
            while stops != 0 {
                let stop = next - scan::BLOCK + stops.trailing_zeros() as usize;
                written += stop - at;
                match self.peek(stop) {
                    Some(b'\\') => {}
                    Some(b'"') => {
                        if !is_ascii {
                            self.check_utf8(start, stop)?;
                        }
                        return Ok(Unescaped { end: stop, written });
                    }
                    _ => return Err(self.expected(stop, Expected::StringByte)),
                }
                let simple = self.peek(stop + 1).map_or(0, |byte| SIMPLE_ESCAPES[usize::from(byte)]);
                if simple == 0 {
                    let (char, len) = self.escape(stop)?;
                    written += char.encode_utf8(&mut room[written..]).len();
                    at = stop + len;
                } else {
                    room[written] = simple;
                    written += 1;
                    at = stop + 2;
                }
                if at >= next || copy_block(self.arena, at, room, written).is_none() {
                    break;
                }
                stops &= u32::MAX << (scan::BLOCK - (next - at));
            }
            if at < next && stops == 0 {
                written += next - at;
                at = next;
            }
        }
    }

    /// How many bytes of room the unescaped form of a string from `start` on may need.
    #[inline(always)]
    pub(crate) fn room(self, start: usize) -> usize {
        self.end() - start + scan::BLOCK
    }

    /// Reads on from the first escape of a string to its closing quote.
    pub(crate) fn skip_escaped(self, start: usize, mut at: usize) -> Result<usize, Failure> {
        while self.is_at(at, b'\\') {
            let (_, len) = self.escape(at)?;
            at = self.skip_plain(at + len);
        }
        if !self.is_at(at, b'"') {
            return Err(self.expected(at, Expected::StringByte));
        }
        self.check_utf8(start, at)?;
        Ok(at)
    }

    /// Reads a number.
    #[inline]
    pub(crate) fn number(self, mut at: usize) -> Result<usize, Failure> {
        at += usize::from(self.is_at(at, b'-'));
        at = if self.is_at(at, b'0') { at + 1 } else { self.digits(at)? };
        if self.is_at(at, b'.') {
            at = self.digits(at + 1)?;
        }
        if let Some(b'e' | b'E') = self.peek(at) {
            at += 1;
            at += usize::from(matches!(self.peek(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
        }
        Ok(at)
    }

    /// Reads `true`, `false` or `null`.
    #[inline]
    pub(crate) fn literal(self, at: usize, word: &'static str) -> Result<usize, Failure> {
        if !self.text[at..].starts_with(word.as_bytes()) {
            return Err(self.expected(at, Expected::Literal(word)));
        }
        Ok(at + word.len())
    }

    /// Reads an object or an array with all that is in it.
    ///
    /// A stack of one bit a level takes the place of recursion, so that no text can exhaust the machine's.
    pub(crate) fn nested(self, mut at: usize) -> Result<usize, Failure> {
        let mut levels = Levels::default();
        let mut expected = Expected::Value;
        loop {
            match self.peek(at) {
                Some(b'{') => {
                    levels.enter(Level::Object).map_err(|Full| self.expected(at, Expected::LessDepth))?;
                    at = self.skip_blanks(at + 1);
                    if !self.is_at(at, b'}') {
                        at = self.key(at, Expected::KeyOrBrace)?;
                        expected = Expected::Value;
                        continue;
                    }
                }
                Some(b'[') => {
                    levels.enter(Level::Array).map_err(|Full| self.expected(at, Expected::LessDepth))?;
                    at = self.skip_blanks(at + 1);
                    if !self.is_at(at, b']') {
                        expected = Expected::ValueOrBracket;
                        continue;
                    }
                }
                Some(b'"') => at = self.skip_string(at + 1)?,
                Some(b'-' | b'0'..=b'9') => at = self.number(at)?,
                Some(b't') => at = self.literal(at, "true")?,
                Some(b'f') => at = self.literal(at, "false")?,
                Some(b'n') => at = self.literal(at, "null")?,
                _ => return Err(self.expected(at, expected)),
            }
            // After a value, or at the end of an empty object or array: leave the levels that end here.
            loop {
                let Some(level) = levels.innermost() else { return Ok(at) };
                at = self.skip_blanks(at);
                let (end, expected) = match level {
                    Level::Object => (b'}', Expected::CommaOrBrace),
                    Level::Array => (b']', Expected::CommaOrBracket),
                };
                if self.is_at(at, end) {
                    levels.leave();
                    at += 1;
                    continue;
                }
                if !self.is_at(at, b',') {
                    return Err(self.expected(at, expected));
                }
                at = self.skip_blanks(at + 1);
                if level == Level::Object {
                    at = self.key(at, Expected::Key)?;
                }
                break;
            }
            expected = Expected::Value;
        }
    }

    /// Reads the colon after a key, with the blanks around it.
    #[inline(always)]
    pub(crate) fn colon(self, at: usize) -> Result<usize, Failure> {
        let at = if self.is_at(at, b':') { at } else { self.skip_blanks(at) };
        if !self.is_at(at, b':') {
            return Err(self.expected(at, Expected::Colon));
        }
        Ok(self.skip_blanks(at + 1))
    }

    /// Reads a key, the colon and the blanks before the value.
    fn key(self, at: usize, expected: Expected) -> Result<usize, Failure> {
        if !self.is_at(at, b'"') {
            return Err(self.expected(at, expected));
        }
        self.colon(self.skip_string(at + 1)?)
    }

    /// Reads a string behind its opening quote.
    #[inline]
    fn skip_string(self, start: usize) -> Result<usize, Failure> {
        match self.string(start)? {
            Text::Plain { end } => Ok(end + 1),
            Text::Escaped { at } => Ok(self.skip_escaped(start, at)? + 1),
        }
    }

    /// Goes on with [`Self::string`] at a byte that is no plain ASCII. Apart from it, so that the way of most strings
    /// has no jump table.
    #[inline(never)]
    fn special_string(self, start: usize, at: usize) -> Result<Text, Failure> {
        let at = self.skip_plain(at);
        match self.peek(at) {
            Some(b'"') => {
                self.check_utf8(start, at)?;
                Ok(Text::Plain { end: at })
            }
            Some(b'\\') => Ok(Text::Escaped { at }),
            _ => Err(self.expected(at, Expected::StringByte)),
        }
    }

    /// Goes on with [`Self::unescape`] where the arena or the text does not have a whole block.
    #[cold]
    fn unescape_at_end(
        self,
        start: usize,
        mut at: usize,
        room: &mut [u8],
        mut written: usize,
    ) -> Result<Unescaped, Failure> {
        loop {
            match self.peek(at) {
                Some(b'"') => {
                    self.check_utf8(start, at)?;
                    return Ok(Unescaped { end: at, written });
                }
                Some(b'\\') => {
                    let (char, len) = self.escape(at)?;
                    written += char.encode_utf8(&mut room[written..]).len();
                    at += len;
                }
                Some(byte @ 0x20..) => {
                    room[written] = byte;
                    written += 1;
                    at += 1;
                }
                _ => return Err(self.expected(at, Expected::StringByte)),
            }
        }
    }

    fn skip_plain(self, mut at: usize) -> usize {
        loop {
            let plain = scan::plain(self.arena, at);
            at += plain;
            if plain < scan::BLOCK {
                return at;
            }
        }
    }

    #[inline(never)]
    fn skip_more_blanks(self, mut at: usize) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek(at) {
            at += 1;
        }
        at
    }

    fn escape(self, at: usize) -> Result<(char, usize), Failure> {
        unescape::escape(&self.text[at..])
            .map_err(|BadEscape { at: offset, expected }| self.expected(at + offset, expected))
    }

    fn check_utf8(self, start: usize, end: usize) -> Result<(), Failure> {
        match str::from_utf8(&self.text[start..end]) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.expected(start + error.valid_up_to(), Expected::Utf8)),
        }
    }

    #[inline]
    fn digits(self, mut at: usize) -> Result<usize, Failure> {
        let Some(b'0'..=b'9') = self.peek(at) else { return Err(self.expected(at, Expected::Digit)) };
        while let Some(b'0'..=b'9') = self.peek(at) {
            at += 1;
        }
        Ok(at)
    }
}

/// Copies the block at `at` into `room`, if both have one.
#[inline(always)]
fn copy_block<'a>(arena: &'a [u8], at: usize, room: &mut [u8], written: usize) -> Option<&'a scan::Block> {
    let block = scan::block(arena, at)?;
    *room.get_mut(written..)?.first_chunk_mut()? = *block;
    Some(block)
}

/// The objects and arrays that a value is in, one bit each.
#[derive(Debug, Default)]
struct Levels {
    bits: [u64; MAX_LEVELS / 64],
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Array,
    Object,
}

/// There is no level left.
#[derive(Debug)]
struct Full;

impl Levels {
    fn enter(&mut self, level: Level) -> Result<(), Full> {
        let word = self.bits.get_mut(self.count / 64).ok_or(Full)?;
        let bit = 1 << (self.count % 64);
        match level {
            Level::Array => *word &= !bit,
            Level::Object => *word |= bit,
        }
        self.count += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.count -= 1;
    }

    fn innermost(&self) -> Option<Level> {
        let last = self.count.checked_sub(1)?;
        let is_object = self.bits[last / 64] >> (last % 64) & 1 == 1;
        Some(if is_object { Level::Object } else { Level::Array })
    }
}

/// How deep the value of a field may be nested. simdjson has the same limit.
const MAX_LEVELS: usize = 1024;

/// What a byte after a backslash stands for; 0 if that takes more than a look.
const SIMPLE_ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'/' as usize] = b'/';
    table[b'b' as usize] = 8;
    table[b'f' as usize] = 12;
    table[b'n' as usize] = b'\n';
    table[b'r' as usize] = b'\r';
    table[b't' as usize] = b'\t';
    table
};
