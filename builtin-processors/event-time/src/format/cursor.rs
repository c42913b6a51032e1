//! Reading a value, step by step.

use super::compile::{Number, Step};
use crate::digits::eight_digits;
use crate::fields::LocalOffset;
use crate::mismatch::Expected;
use crate::names::{self, Name};
use crate::shape::{Readings, Slot};
use crate::take;
use crate::template::Template;

/// A place in a value, and what was read before it.
///
/// A step that fails leaves the place at the byte that was not expected.
pub(crate) struct Cursor<'v> {
    rest: &'v [u8],
    readings: Readings,
}

impl<'v> Cursor<'v> {
    #[inline]
    pub(crate) fn new(value: &'v [u8]) -> Self {
        Self { rest: value, readings: Readings::new() }
    }

    /// Returns what is still to be read.
    #[inline]
    pub(crate) fn rest(&self) -> &'v [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn readings(&self) -> &Readings {
        &self.readings
    }

    #[inline(always)]
    pub(crate) fn follow(&mut self, step: Step) -> Result<(), Expected> {
        match step {
            Step::Byte(byte) => take::byte(&mut self.rest, byte),
            Step::Char(char) => take::char(&mut self.rest, char),
            Step::Whitespace => {
                self.skip_whitespace();
                Ok(())
            }
            Step::Number(number) => self.number(number),
            Step::Month { letter } => {
                let name = names::month(self.rest).ok_or(Expected::Month { letter })?;
                self.take_name(Slot::Month, Name { index: name.index + 1, ..name });
                Ok(())
            }
            Step::Weekday { letter } => {
                self.take_name(Slot::Weekday, names::weekday(self.rest).ok_or(Expected::Weekday { letter })?);
                Ok(())
            }
            Step::Meridiem => self.meridiem(),
            Step::Fraction => {
                self.readings.nanoseconds = self.fraction()?;
                Ok(())
            }
            Step::Epoch => self.epoch(),
            Step::BareEpoch => self.bare_epoch(),
            Step::Offset => self.offset(),
            Step::ZoneName => {
                self.skip_zone_name();
                Ok(())
            }
        }
    }

    /// Reads a text all at once, or returns false: then it has to be read step by step.
    #[inline]
    pub(crate) fn follow_template(&mut self, template: &Template) -> bool {
        let rest = template.read(self.rest, &mut self.readings);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads a fraction of a second: nine digits count, more are skipped.
    #[inline]
    pub(crate) fn fraction(&mut self) -> Result<u32, Expected> {
        let (mut nanoseconds, mut digits) = match self.rest.split_first_chunk() {
            Some((eight, rest)) if let Some(number) = eight_digits(eight) => {
                self.rest = rest;
                (number, 8)
            }
            _ => (take::digit(&mut self.rest).ok_or(Expected::Digit { letter: b'f' })?.into(), 1),
        };
        while let Some(digit) = take::digit(&mut self.rest) {
            if digits < FRACTION_DIGITS {
                nanoseconds = nanoseconds * 10 + u32::from(digit);
                digits += 1;
            }
        }
        Ok(nanoseconds * POWERS_OF_TEN[FRACTION_DIGITS - digits])
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        while let [b' ' | b'\t'..=b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    #[inline(always)]
    fn number(&mut self, number: Number) -> Result<(), Expected> {
        if number.padded {
            self.skip_whitespace();
        }
        let start = self.rest;
        let Some(mut value) = take::digit(&mut self.rest) else {
            return Err(Expected::Digit { letter: number.letter });
        };
        for _ in 1..number.digits {
            // A digit that leads out of range belongs to what follows.
            if value * 10 > number.max {
                break;
            }
            let Some(digit) = take::digit(&mut self.rest) else { break };
            value = value * 10 + digit;
        }
        if value < number.min || value > number.max {
            self.rest = start;
            return Err(Expected::Range { letter: number.letter, min: number.min, max: number.max });
        }
        self.readings.set(number.slot, value);
        Ok(())
    }

    fn take_name(&mut self, slot: Slot, name: Name) {
        self.readings.set(slot, name.index);
        self.rest = &self.rest[name.len..];
    }

    fn meridiem(&mut self) -> Result<(), Expected> {
        let (afternoon, rest) = match self.rest {
            [b'A' | b'a', b'M' | b'm', rest @ ..] => (0, rest),
            [b'P' | b'p', b'M' | b'm', rest @ ..] => (1, rest),
            _ => return Err(Expected::Meridiem),
        };
        self.readings.set(Slot::Meridiem, afternoon);
        self.rest = rest;
        Ok(())
    }

    /// Reads up to ten digits of seconds.
    fn epoch(&mut self) -> Result<(), Expected> {
        let (negative, digits) = self.signed_digits()?;
        let digits = &digits[..digits.len().min(EPOCH_DIGITS)];
        self.set_epoch(negative, digits, 0)?;
        self.rest = &self.rest[digits.len()..];
        Ok(())
    }

    /// Reads seconds with their fraction: the significant digits after the tenth.
    fn bare_epoch(&mut self) -> Result<(), Expected> {
        let (negative, digits) = self.signed_digits()?;
        let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
        let (seconds, fraction) = digits[zeros..].split_at((digits.len() - zeros).min(EPOCH_DIGITS));
        let nanoseconds = Cursor::new(fraction).fraction().unwrap_or(0);
        self.set_epoch(negative, seconds, nanoseconds)?;
        self.rest = &self.rest[digits.len()..];
        Ok(())
    }

    /// Skips blanks and a sign; returns whether it is a minus, and the digits that come next.
    fn signed_digits(&mut self) -> Result<(bool, &'v [u8]), Expected> {
        self.skip_whitespace();
        let sign = self.rest.first().copied().filter(|first| b"+-".contains(first));
        self.rest = &self.rest[usize::from(sign.is_some())..];
        match digits_len(self.rest) {
            0 => Err(Expected::Digit { letter: b's' }),
            len => Ok((sign == Some(b'-'), &self.rest[..len])),
        }
    }

    /// Sets seconds and fraction, which count away from 0.
    ///
    /// Zero is refused: in a log it means that there is no time.
    fn set_epoch(&mut self, negative: bool, digits: &[u8], nanoseconds: u32) -> Result<(), Expected> {
        let seconds = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        if seconds == 0 {
            return Err(Expected::Epoch);
        }
        let (seconds, nanoseconds) = match (negative, nanoseconds) {
            (false, nanoseconds) => (seconds, nanoseconds),
            (true, 0) => (-seconds, 0),
            (true, nanoseconds) => (-seconds - 1, SECOND_NANOSECONDS - nanoseconds),
        };
        self.readings.epoch_seconds = seconds;
        self.readings.nanoseconds = nanoseconds;
        Ok(())
    }

    /// Reads `+hh`, `+hhmm`, `+hh:mm`, an abbreviation such as `Z` or `GMT`, or the two together: `GMT+08:00`.
    fn offset(&mut self) -> Result<(), Expected> {
        self.skip_whitespace();
        let word = &self.rest[..self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()];
        let named = names::abbreviation(word);
        let after_word = &self.rest[word.len()..];
        let numeric = match (word, named) {
            // UTC and its like, but not Z.
            ([], _) | ([_, _, ..], Some(Some(0))) => numeric_offset(after_word),
            _ => None,
        };
        (self.readings.offset, self.rest) = match (numeric, named) {
            (Some((seconds, rest)), _) => (LocalOffset::Seconds(seconds), rest),
            (None, Some(seconds)) => (seconds.map_or(LocalOffset::OfZone, LocalOffset::Seconds), after_word),
            (None, None) => return Err(Expected::Offset),
        };
        Ok(())
    }

    /// Skips `UTC` or `GMT` in any case, or another abbreviation: three to five capitals, not the start of a word.
    fn skip_zone_name(&mut self) {
        let letters = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = &self.rest[..letters];
        let capitals = (3..=5).contains(&letters) && word.iter().all(u8::is_ascii_uppercase);
        let known =
            [b"UTC", b"GMT"].iter().any(|name| self.rest.len() >= 3 && self.rest[..3].eq_ignore_ascii_case(*name));
        let len = match () {
            () if capitals => letters,
            () if known => 3,
            () => 0,
        };
        self.rest = &self.rest[len..];
    }
}

/// Reads `+hh`, `+hhmm` or `+hh:mm`; returns its seconds and what follows.
fn numeric_offset(text: &[u8]) -> Option<(i32, &[u8])> {
    let (sign, text) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = take::two_digits(text)?;
    let (minutes, rest) = match rest {
        [b':', after_colon @ ..] if digits_len(after_colon) >= 2 => take::two_digits(after_colon)?,
        // Two digits or four; `+080` is neither.
        [b'0'..=b'9', ..] => take::two_digits(rest)?,
        _ => (0, rest),
    };
    (hours < 24 && minutes < 60).then_some((sign * (hours * 3600 + minutes * 60), rest))
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

const SECOND_NANOSECONDS: u32 = 1_000_000_000;
const POWERS_OF_TEN: [u32; FRACTION_DIGITS] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
const FRACTION_DIGITS: usize = 9;
/// Ten digits of seconds reach from 2001 to 2286.
const EPOCH_DIGITS: usize = 10;
