//! A parser that remembers the last second it saw.
//!
//! Lines of one second share their text up to the fraction. The text is remembered together with the second it means,
//! and a value that begins with it needs only its fraction read. That never changes a result:
//!
//! - Only formats take part whose text up to the fraction ends in a number, or in a number and one byte that is no
//!   digit. Every step before such an end has seen, within the remembered text, the byte that stopped it.
//! - A number at the very end could go on in the next value: `…:1`, then `…:12`. So the next byte must not be a digit,
//!   or the text must be as long as all its numbers can be together, as in `20231026010203`.
//! - Offsets (`%z`) and seconds (`%s`) of strptime take no part: what they read depends on more than one byte after
//!   them. Offsets of Go layouts may come after the remembered text, and are then read from each value.

use crate::fields::{Fields, LocalOffset};
use crate::format::Format;
use crate::mismatch::Mismatch;
use crate::resolver::{Resolved, Resolver};
use crate::time::Time;

/// A way to write times: [`Format`] or [`Layout`](crate::Layout).
pub trait Syntax {
    /// Whether a value may be taken for the same second as the one before, when both begin with the same text.
    fn remembers(&self) -> bool;

    /// Reads a value; also returns the length of the text at its beginning that may be remembered.
    ///
    /// # Errors
    /// Fails at the first byte of `value` that is not as it should be.
    fn read(&self, value: &[u8]) -> Result<(Fields, usize), Mismatch>;

    /// Returns the time of a value that begins with remembered text of `text_len` bytes and goes on with `rest`; `None`
    /// if the value has to be read as a whole.
    ///
    /// `second` is what the text means: as UTC, if `rest` says how far from UTC it is.
    fn read_rest(&self, text_len: usize, rest: &[u8], second: Time) -> Option<Time>;
}

/// A format and a resolver that answer faster while values stay within a second.
#[derive(Debug, Clone)]
pub struct CachedParser<S = Format> {
    syntax: S,
    resolver: Resolver,
    remembers: bool,
    last: Second,
}

/// A text and what it means; too short to be remembered if there is none.
#[derive(Debug, Clone)]
struct Second {
    text_len: usize,
    words: [u64; 4],
    meaning: Resolved,
}

impl Second {
    const NONE: Self = Self {
        text_len: 0,
        words: [0; 4],
        meaning: Resolved { time: Time { seconds: 0, nanoseconds: 0 }, deduced: false },
    };
}

impl<S: Syntax> CachedParser<S> {
    /// Parses values of `syntax`, and resolves them by `resolver`.
    pub fn new(syntax: S, resolver: Resolver) -> Self {
        let remembers = syntax.remembers();
        Self { syntax, resolver, remembers, last: Second::NONE }
    }

    /// Sets the current time, in Unix seconds; see [`Resolver::set_now`].
    pub fn set_now(&mut self, now_seconds: i64) {
        self.resolver.set_now(now_seconds);
        self.last = Second::NONE;
    }

    /// Returns the format or layout.
    pub fn syntax(&self) -> &S {
        &self.syntax
    }

    /// Returns the instant that `value` says, just as [`Syntax::read`] and [`Resolver::resolve`] would.
    ///
    /// # Errors
    /// Fails at the first byte of `value` that does not follow the format.
    #[inline]
    pub fn parse(&mut self, value: &[u8]) -> Result<Resolved, Mismatch> {
        match self.remembered(value) {
            Some(resolved) => Ok(resolved),
            None => self.parse_and_remember(value),
        }
    }

    #[inline]
    fn remembered(&self, value: &[u8]) -> Option<Resolved> {
        let last = &self.last;
        let (text, rest) = value.split_at_checked(last.text_len)?;
        let difference = words(text)?.iter().zip(last.words).fold(0, |difference, (a, b)| difference | (a ^ b));
        if difference != 0 {
            return None;
        }
        let time = self.syntax.read_rest(last.text_len, rest, last.meaning.time)?;
        Some(Resolved { time, ..last.meaning })
    }

    fn parse_and_remember(&mut self, value: &[u8]) -> Result<Resolved, Mismatch> {
        let (fields, text_len) = self.syntax.read(value)?;
        let resolved = self.resolver.resolve(fields);
        if self.remembers
            && let Some(words) = words(&value[..text_len])
        {
            // Field by field, which spares a sandbox the call that copies a whole structure.
            self.last.text_len = text_len;
            self.last.words = words;
            self.last.meaning = resolved;
            // The offset is no part of the remembered text.
            if let Fields::Civil { offset: LocalOffset::Seconds(seconds), .. } = fields {
                self.last.meaning.time.seconds += i64::from(seconds);
            }
        }
        Ok(resolved)
    }
}

/// Returns words that together cover `text`, `None` if it has less than 8 bytes or more than 32.
///
/// Words rather than slices, since a sandbox compares and copies slices by a call.
#[inline]
fn words(text: &[u8]) -> Option<[u64; 4]> {
    let word = |at: usize| Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?));
    let last = text.len().checked_sub(8)?;
    match text.len() {
        8..16 => Some([word(0)?, 0, 0, word(last)?]),
        16..=32 => Some([word(0)?, word(8)?, word(last - 8)?, word(last)?]),
        _ => None,
    }
}
