//! A shortcut for values whose numbers have all their digits, which is nearly every value.
//!
//! Then each number has its place, as in `2023-10-25 23:51:10,`, and the whole text is compared eight bytes a step. A
//! value that does not fit is read step by step: it may still follow the format, and if not, a mismatch is found there.

use crate::digits::{AFTER_NINE, EXACT, checked_difference};
use crate::shape::{Readings, Slot};

/// The text of a format made of numbers and single bytes, each number with all its digits.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    len: usize,
    words: Vec<Word>,
    numbers: Vec<Place>,
}

/// Eight bytes of the text.
#[derive(Debug, Clone, Copy)]
struct Word {
    at: usize,
    /// The byte expected at each place, `0` for digits, and how far it may differ.
    expected: u64,
    slack: u64,
}

/// A part of the text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Byte(u8),
    Number(Number),
}

/// A number with all its digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) slot: Slot,
    pub(crate) min: u16,
    pub(crate) max: u16,
    pub(crate) digits: u8,
}

/// A number of the text.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    number: Number,
}

impl Template {
    /// Returns the template of a text, `None` if the text is too short or too long for one.
    pub(crate) fn of(parts: &[Part]) -> Option<Self> {
        let mut text = Vec::new();
        let mut numbers = Vec::new();
        for part in parts {
            match *part {
                Part::Byte(byte) => text.push((byte, EXACT)),
                Part::Number(number) => {
                    numbers.push(Place { at: text.len(), number });
                    text.extend(std::iter::repeat_n((b'0', AFTER_NINE), number.digits.into()));
                }
            }
        }
        if !(8..=MAX_LEN).contains(&text.len()) {
            return None;
        }
        // The last word overlaps the one before it.
        let word_at = |at: usize| at.min(text.len() - 8);
        let words = (0..text.len()).step_by(8).map(word_at).map(|at| Word::of(at, &text[at..at + 8])).collect();
        Some(Self { len: text.len(), words, numbers })
    }

    /// Reads a value that begins with this text; returns what follows.
    ///
    /// When it returns `None`, some numbers may have been set: the steps of the format will set them anew.
    #[inline]
    pub(crate) fn read<'v>(&self, value: &'v [u8], readings: &mut Readings) -> Option<&'v [u8]> {
        let (text, rest) = value.split_at_checked(self.len)?;
        let mut digits = [0; MAX_LEN];
        for word in &self.words {
            let difference = word.difference(text)?;
            digits.get_mut(word.at..word.at + 8)?.copy_from_slice(&difference.to_le_bytes());
        }
        for Place { at, number } in &self.numbers {
            let value = digits_value(digits.get(*at..*at + usize::from(number.digits))?);
            if value < number.min || value > number.max {
                return None;
            }
            readings.set(number.slot, value);
        }
        Some(rest)
    }
}

impl Word {
    fn of(at: usize, text: &[(u8, u8)]) -> Self {
        let word = |byte: fn(&(u8, u8)) -> u8| text.iter().rev().fold(0, |word, it| word << 8 | u64::from(byte(it)));
        Self { at, expected: word(|it| it.0), slack: word(|it| it.1) }
    }

    /// Returns the digits among the eight bytes, and 0 for the others; `None` if one byte is not as expected.
    #[inline]
    fn difference(&self, text: &[u8]) -> Option<u64> {
        checked_difference(text.get(self.at..)?.first_chunk()?, self.expected, self.slack)
    }
}

#[inline]
fn digits_value(digits: &[u8]) -> u16 {
    match *digits {
        [tens, ones] => u16::from(tens) * 10 + u16::from(ones),
        [a, b, c, d] => (u16::from(a) * 10 + u16::from(b)) * 100 + u16::from(c) * 10 + u16::from(d),
        _ => digits.iter().fold(0, |value, digit| value * 10 + u16::from(*digit)),
    }
}

/// Four words: longer than any date with a time.
const MAX_LEN: usize = 32;
