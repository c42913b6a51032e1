//! Reading a value, step by step.

use super::compile::{Fraction, Number, Offset, Step};
use super::element::Element;
use crate::digits::eight_digits;
use crate::fields::{Abbreviation, LocalOffset};
use crate::mismatch::Expected;
use crate::names::{self, Name};
use crate::shape::{Readings, Slot};
use crate::take;
use crate::template::Template;

/// A place in a value, and what was read before it.
///
/// A step that fails leaves the place at the byte that was not expected.
pub(super) struct Cursor<'v> {
    rest: &'v [u8],
    readings: Readings,
}

impl<'v> Cursor<'v> {
    #[inline]
    pub(super) fn new(value: &'v [u8]) -> Self {
        Self { rest: value, readings: Readings::new() }
    }

    /// Returns what is still to be read.
    #[inline]
    pub(super) fn rest(&self) -> &'v [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn readings(&self) -> &Readings {
        &self.readings
    }

    #[inline(always)]
    pub(super) fn follow(&mut self, step: Step) -> Result<(), Expected> {
        match step {
            Step::Byte(byte) => take::byte(&mut self.rest, byte),
            Step::Char(char) => take::char(&mut self.rest, char),
            Step::Blanks(_) => self.blanks(),
            Step::Number(number) => self.number(number),
            Step::Month { element } => self.month(element),
            Step::Weekday { element } => {
                let name = match element {
                    Element::LongWeekday => names::long_weekday(self.rest),
                    _ => names::short_weekday(self.rest),
                };
                self.take_name(Slot::Weekday, name.ok_or(Expected::Element(element))?);
                Ok(())
            }
            Step::Meridiem { element } => self.meridiem(element),
            Step::Fraction(fraction) => self.fraction(fraction),
            Step::UnwrittenFraction => {
                self.optional_fraction();
                Ok(())
            }
            Step::Offset(offset) => self.offset(offset),
            Step::ZoneName => self.zone_name(),
        }
    }

    /// Reads a text all at once, or returns false: then it has to be read step by step.
    #[inline]
    pub(super) fn follow_template(&mut self, template: &Template) -> bool {
        let rest = template.read(self.rest, &mut self.readings);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads the end of the value.
    #[inline]
    pub(super) fn end(&self) -> Result<(), Expected> {
        match self.rest {
            [] => Ok(()),
            _ => Err(Expected::End),
        }
    }

    #[inline]
    fn blanks(&mut self) -> Result<(), Expected> {
        if !matches!(self.rest, [] | [b' ', ..]) {
            return Err(Expected::Char(' '));
        }
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, number: Number) -> Result<(), Expected> {
        for _ in 0..number.blanks {
            self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
        }
        let start = self.rest;
        let (mut value, mut digits) = (0, 0);
        while digits < number.digits
            && let Some(digit) = take::digit(&mut self.rest)
        {
            value = value * 10 + digit;
            digits += 1;
        }
        let expected = match digits {
            _ if digits < number.least_digits => Expected::Element(number.element),
            _ if value < number.min || value > number.max => {
                Expected::ElementRange { element: number.element, min: number.min, max: number.max }
            }
            _ => {
                self.readings.set(number.slot, value);
                return Ok(());
            }
        };
        self.rest = start;
        Err(expected)
    }

    fn month(&mut self, element: Element) -> Result<(), Expected> {
        let name = match element {
            Element::LongMonth => names::long_month(self.rest),
            _ => names::short_month(self.rest),
        };
        let name = name.ok_or(Expected::Element(element))?;
        self.take_name(Slot::Month, Name { index: name.index + 1, ..name });
        Ok(())
    }

    fn take_name(&mut self, slot: Slot, name: Name) {
        self.readings.set(slot, name.index);
        self.rest = &self.rest[name.len..];
    }

    fn meridiem(&mut self, element: Element) -> Result<(), Expected> {
        let letters = match element {
            Element::Meridiem => [b"AM", b"PM"],
            _ => [b"am", b"pm"],
        };
        let index = letters.iter().position(|text| self.rest.starts_with(*text)).ok_or(Expected::Element(element))?;
        self.take_name(Slot::Meridiem, Name { index: index as u16, len: 2 });
        Ok(())
    }

    #[inline]
    fn fraction(&mut self, fraction: Fraction) -> Result<(), Expected> {
        if fraction.optional {
            self.optional_fraction();
            return Ok(());
        }
        let digits = usize::from(fraction.digits);
        match self.rest {
            [b'.' | b',', rest @ ..]
                if rest.len() >= digits
                    && let (nanoseconds, []) = nanoseconds(&rest[..digits]) =>
            {
                self.readings.nanoseconds = nanoseconds;
                self.rest = &rest[digits..];
                Ok(())
            }
            _ => Err(Expected::LayoutFraction { digits: fraction.digits }),
        }
    }

    /// Reads a fraction if there is one: nine digits count, more are skipped.
    #[inline]
    fn optional_fraction(&mut self) {
        if let [b'.' | b',', digits @ ..] = self.rest
            && digits.first().is_some_and(u8::is_ascii_digit)
        {
            (self.readings.nanoseconds, self.rest) = nanoseconds(digits);
        }
    }

    /// Reads an offset of just the form that the layout has, or `Z` if it allows that.
    fn offset(&mut self, offset: Offset) -> Result<(), Expected> {
        if offset.zulu
            && let [b'Z', rest @ ..] = self.rest
        {
            self.readings.offset = LocalOffset::Seconds(0);
            self.rest = rest;
            return Ok(());
        }
        let (seconds, rest) = numeric_offset(self.rest, offset).ok_or(Expected::Element(offset.element))?;
        // The name of a zone gives way, except for UTC.
        if self.readings.offset != LocalOffset::Seconds(0) {
            self.readings.offset = LocalOffset::Seconds(seconds);
        }
        self.rest = rest;
        Ok(())
    }

    fn zone_name(&mut self) -> Result<(), Expected> {
        let utc = self.rest.starts_with(b"UTC").then_some(3);
        let len = utc.or_else(|| zone_name_len(self.rest)).ok_or(Expected::Element(Element::ZoneName))?;
        let (name, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.readings.offset = match (name, self.readings.offset) {
            (b"UTC", _) => LocalOffset::Seconds(0),
            // A number says more than a name.
            (_, seconds @ LocalOffset::Seconds(_)) => seconds,
            _ => Abbreviation::new(name).map_or(LocalOffset::Seconds(0), LocalOffset::Named),
        };
        Ok(())
    }
}

/// Returns the nanoseconds that the digits of a fraction are, and what follows them; digits after the ninth do not count.
#[inline]
fn nanoseconds(digits: &[u8]) -> (u32, &[u8]) {
    let (mut value, mut rest, mut count) = match digits.split_first_chunk() {
        Some((eight, rest)) if let Some(value) = eight_digits(eight) => (value, rest, 8),
        _ => (0, digits, 0),
    };
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        if count < FRACTION_DIGITS {
            value = value * 10 + u32::from(digit - b'0');
            count += 1;
        }
        rest = after;
    }
    (value * POWERS_OF_TEN[FRACTION_DIGITS - count], rest)
}

/// Reads an offset; returns its seconds and what follows.
fn numeric_offset(text: &[u8], offset: Offset) -> Option<(i32, &[u8])> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let part = |rest: &mut &[u8], has_part: bool, max: i32| {
        if !has_part {
            return Some(0);
        }
        let text = if offset.colons { rest.strip_prefix(b":")? } else { *rest };
        let number;
        (number, *rest) = take::two_digits(text)?;
        (number <= max).then_some(number)
    };
    // 24 hours and 60 minutes are written too.
    let (hours, mut rest) = take::two_digits(rest).filter(|(hours, _)| *hours <= 24)?;
    let minutes = part(&mut rest, offset.minutes, 60)?;
    let seconds = part(&mut rest, offset.seconds, 60)?;
    Some((sign * (hours * 3600 + minutes * 60 + seconds), rest))
}

/// Returns the length of the abbreviation that `text` begins with: capitals, `GMT` and perhaps hours, or hours alone.
fn zone_name_len(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(hours) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_len(hours).unwrap_or(0));
    }
    if matches!(text[0], b'+' | b'-') {
        return signed_hours_len(text);
    }
    let capitals = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    match (capitals, text) {
        (3, _) | (4, [_, _, _, b'T', ..]) | (4, [b'W', b'I', b'T', b'A', ..]) | (5, [_, _, _, _, b'T', ..]) => {
            Some(capitals)
        }
        _ => None,
    }
}

/// Returns the length of a sign and hours up to 23.
fn signed_hours_len(text: &[u8]) -> Option<usize> {
    let [b'+' | b'-', digits @ ..] = text else { return None };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hours = digits[..len].iter().fold(0, |hours: u8, digit| hours.saturating_mul(10).saturating_add(digit - b'0'));
    (len > 0 && hours <= 23).then_some(1 + len)
}

const POWERS_OF_TEN: [u32; FRACTION_DIGITS + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
const FRACTION_DIGITS: usize = 9;
