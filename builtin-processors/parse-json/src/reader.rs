//! The grammar of RFC 8259, for one text that lies in a larger arena.
//!
//! Nothing is built: reading a value says where it is. All places are offsets into the arena.

use crate::failure::{Expected, Failure};
use crate::scan;
use crate::unescape::{self, BadEscape};

/// Reads one JSON text from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    arena: &'a [u8],
    /// The arena up to the end of the text.
    text: &'a [u8],
    at: usize,
}

/// A string whose opening quote has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// It has no escapes and has been read with its closing quote: `start..end` is what is between the quotes.
    Plain { start: usize, end: usize },
    /// The reader is at its first backslash: go on with [`Reader::unescape`] or [`Reader::skip_escaped`].
    Escaped { start: usize },
}

impl<'a> Reader<'a> {
    /// A reader of `arena[start..end]`.
    pub(crate) fn new(arena: &'a [u8], start: usize, end: usize) -> Self {
        Self { arena, text: &arena[..end], at: start }
    }

    #[inline(always)]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Moves over bytes that were looked at by other means.
    #[inline(always)]
    pub(crate) fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    #[inline(always)]
    pub(crate) fn arena(&self) -> &'a [u8] {
        self.arena
    }

    /// Where the text ends.
    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        self.text.len()
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Reads a byte if it is the next.
    #[inline(always)]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    #[inline(always)]
    pub(crate) fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[cold]
    pub(crate) fn expected(&self, expected: Expected) -> Failure {
        Failure { at: self.at.min(self.end()), expected }
    }

    /// Reads a string behind its opening quote, as far as its first escape.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Text, Failure> {
        let start = self.at;
        self.skip(scan::plain_ascii);
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Text::Plain { start, end: self.at - 1 })
            }
            Some(b'\\') => Ok(Text::Escaped { start }),
            Some(0x80..) => self.string_not_ascii(start),
            _ => Err(self.expected(Expected::StringByte)),
        }
    }

    /// Reads the rest of a string with escapes and writes what it stands for into `room`. Returns the length.
    ///
    /// `room` must be [`Self::room`] bytes long.
    #[inline]
    pub(crate) fn unescape(&mut self, start: usize, room: &mut [u8]) -> Result<usize, Failure> {
        let mut is_ascii = true;
        let mut written = 0;
        // Whole blocks are copied, and what is behind the end of a run is written over by the next run.
        let mut at = start;
        loop {
            let target = room.get_mut(written..).and_then(|rest| rest.first_chunk_mut());
            let plain = match (scan::block(self.arena, at), target) {
                (Some(block), Some(target)) => {
                    *target = *block;
                    is_ascii &= !scan::has_high(block);
                    scan::simd::plain(block)
                }
                _ => {
                    is_ascii = false;
                    self.copy_at_end(at, &mut room[written..])
                }
            };
            at += plain;
            written += plain;
            if plain == scan::BLOCK {
                continue;
            }
            self.at = at;
            match self.peek() {
                Some(b'\\') => {}
                Some(b'"') => break,
                _ => return Err(self.expected(Expected::StringByte)),
            }
            match self.text.get(at + 1) {
                Some(byte @ (b'"' | b'\\' | b'/')) => {
                    room[written] = *byte;
                    written += 1;
                    at += 2;
                }
                _ => {
                    let (char, len) = self.escape()?;
                    written += char.encode_utf8(&mut room[written..]).len();
                    at += len;
                }
            }
        }
        if !is_ascii {
            self.check_utf8(start)?;
        }
        self.at += 1;
        Ok(written)
    }

    /// How many bytes of room the unescaped form of a string from `start` on may need.
    #[inline(always)]
    pub(crate) fn room(&self, start: usize) -> usize {
        self.end() - start + scan::BLOCK
    }

    /// Reads the rest of a string with escapes.
    pub(crate) fn skip_escaped(&mut self, start: usize) -> Result<(), Failure> {
        while self.peek() == Some(b'\\') {
            let (_, len) = self.escape()?;
            self.at += len;
            self.skip(scan::plain);
        }
        if self.peek() != Some(b'"') {
            return Err(self.expected(Expected::StringByte));
        }
        self.check_utf8(start)?;
        self.at += 1;
        Ok(())
    }

    /// Reads a number.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<(), Failure> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Reads `true`, `false` or `null`.
    #[inline]
    pub(crate) fn literal(&mut self, word: &'static str) -> Result<(), Failure> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.expected(Expected::Literal(word)));
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads an object or an array with all that is in it.
    ///
    /// A stack of one bit a level takes the place of recursion, so that no text can exhaust the machine's.
    pub(crate) fn nested(&mut self) -> Result<(), Failure> {
        let mut levels = Levels::default();
        let mut expected = Expected::Value;
        loop {
            match self.peek() {
                Some(b'{') => {
                    levels.enter(Level::Object).map_err(|Full| self.expected(Expected::LessDepth))?;
                    self.at += 1;
                    self.skip_blanks();
                    if self.peek() != Some(b'}') {
                        self.key(Expected::KeyOrBrace)?;
                        expected = Expected::Value;
                        continue;
                    }
                }
                Some(b'[') => {
                    levels.enter(Level::Array).map_err(|Full| self.expected(Expected::LessDepth))?;
                    self.at += 1;
                    self.skip_blanks();
                    if self.peek() != Some(b']') {
                        expected = Expected::ValueOrBracket;
                        continue;
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    if let Text::Escaped { start } = self.string()? {
                        self.skip_escaped(start)?;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                _ => return Err(self.expected(expected)),
            }
            if !self.next_value(&mut levels)? {
                return Ok(());
            }
            expected = Expected::Value;
        }
    }

    /// Goes on after a value, or to the end of an empty object or array: leaves the levels that end here, and moves to
    /// the next value. Returns whether there is one.
    #[inline]
    fn next_value(&mut self, levels: &mut Levels) -> Result<bool, Failure> {
        while let Some(level) = levels.innermost() {
            self.skip_blanks();
            let (end, expected) = match level {
                Level::Object => (b'}', Expected::CommaOrBrace),
                Level::Array => (b']', Expected::CommaOrBracket),
            };
            if self.take(end) {
                levels.leave();
                continue;
            }
            if !self.take(b',') {
                return Err(self.expected(expected));
            }
            self.skip_blanks();
            if level == Level::Object {
                self.key(Expected::Key)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads a key, the colon and the blanks before the value.
    fn key(&mut self, expected: Expected) -> Result<(), Failure> {
        if !self.take(b'"') {
            return Err(self.expected(expected));
        }
        if let Text::Escaped { start } = self.string()? {
            self.skip_escaped(start)?;
        }
        self.colon()
    }

    /// Reads the colon after a key, with the blanks around it.
    #[inline(always)]
    pub(crate) fn colon(&mut self) -> Result<(), Failure> {
        self.skip_blanks();
        if !self.take(b':') {
            return Err(self.expected(Expected::Colon));
        }
        self.skip_blanks();
        Ok(())
    }

    #[cold]
    fn string_not_ascii(&mut self, start: usize) -> Result<Text, Failure> {
        self.skip(scan::plain);
        match self.peek() {
            Some(b'"') => {
                self.check_utf8(start)?;
                self.at += 1;
                Ok(Text::Plain { start, end: self.at - 1 })
            }
            Some(b'\\') => Ok(Text::Escaped { start }),
            _ => Err(self.expected(Expected::StringByte)),
        }
    }

    /// Copies a plain run of which the arena or the text does not have a whole block. Returns its length.
    #[cold]
    fn copy_at_end(&self, at: usize, room: &mut [u8]) -> usize {
        let text = self.text.get(at..).unwrap_or_default();
        let run = &text[..scan::plain(text, 0)];
        room[..run.len()].copy_from_slice(run);
        run.len()
    }

    /// Skips the bytes that `plain` counts in each block.
    #[inline(always)]
    fn skip(&mut self, plain: impl Fn(&[u8], usize) -> usize) {
        loop {
            let count = plain(self.arena, self.at);
            self.at += count;
            if count < scan::BLOCK {
                return;
            }
        }
    }

    fn escape(&self) -> Result<(char, usize), Failure> {
        unescape::escape(&self.text[self.at..])
            .map_err(|BadEscape { at, expected }| Failure { at: (self.at + at).min(self.end()), expected })
    }

    fn check_utf8(&self, start: usize) -> Result<(), Failure> {
        match str::from_utf8(&self.text[start..self.at]) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure { at: start + error.valid_up_to(), expected: Expected::Utf8 }),
        }
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Failure> {
        let Some(b'0'..=b'9') = self.peek() else { return Err(self.expected(Expected::Digit)) };
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }
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
