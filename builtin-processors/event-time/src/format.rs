//! Formats of `strptime`: compiled once, followed for each value.
//!
//! One dialect serves both strptime processors. It accepts what either of the two it replaces accepts:
//!
//! | Directive | Reads |
//! |---|---|
//! | `%Y` `%C` `%y` | year 0–9999, century 0–99, year of the century (69–99 are 19xx without `%C`) |
//! | `%m` `%b` `%B` `%h` | month 1–12, or its English name, short or long, any case |
//! | `%d` `%e` | day 0–31; blanks may come before `%e`, `%k` and `%l` |
//! | `%j` | day of the year 1–366 |
//! | `%a` `%A` `%w` `%u` | weekday by name, 0–6 from Sunday, 1–7 from Monday |
//! | `%U` `%W` `%V` `%G` `%g` | weeks from Sunday, from Monday, of ISO 8601; years of ISO 8601 |
//! | `%H` `%k` `%I` `%l` `%p` | hour 0–23, hour 0–12, AM or PM (before or after the hour) |
//! | `%M` `%S` `%f` | minute 0–59, second 0–61, fraction: nine digits used, more ignored |
//! | `%s` | seconds since the epoch, up to ten digits; alone, more digits are a fraction |
//! | `%z` | `+08`, `+0800`, `+08:00`, `Z`, `UTC`, `GMT`, `EST`, military letters |
//! | `%Z` | `UTC`, `GMT`, another abbreviation in capitals, or nothing; without effect |
//! | `%c` `%D` `%x` `%F` `%r` `%R` `%T` `%X` `%+` | as if their parts were written out |
//! | `%E…` `%O…` | the same as without E or O |
//! | `%n` `%t`, whitespace | any amount of whitespace, including none |
//! | `%%`, anything else | itself |
//!
//! Numbers may have fewer digits than their largest value; a digit that would lead out of range is left. What follows
//! a complete match is ignored. When a format defines the date more than once, month and day win over `%j`, that over
//! `%U` and `%W`, and that over `%V`; weekdays alone define nothing.

mod compile;
mod cursor;
mod tail;

use std::fmt;

use crate::cached::Syntax;
use crate::fields::Fields;
use crate::mismatch::{Expected, Mismatch};
use crate::shape::Shape;
use crate::template::{self, Part, Template};
use crate::time::Time;
use compile::Step;
use cursor::Cursor;
use tail::Tail;

/// A compiled format.
#[derive(Debug, Clone)]
pub struct Format {
    /// Without the fraction at the end.
    steps: Vec<Step>,
    trailing_fraction: bool,
    template: Option<Template>,
    /// None: no text can be remembered.
    tail: Option<Tail>,
    shape: Shape,
}

/// Why a format was refused, and the byte of the format at which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// Byte of the format; its length if something is missing at the end.
    pub at: usize,
    /// One line without the position, such as `unknown directive %Q`.
    pub message: String,
}

impl Format {
    /// Compiles a format.
    ///
    /// # Errors
    /// Fails on an unknown directive, on `%` at the end, and when nothing in the format defines a date or a time.
    pub fn compile(format: &str) -> Result<Self, FormatError> {
        let (mut steps, shape) = compile::compile(format)?;
        let trailing_fraction = steps.pop_if(|last| *last == Step::Fraction).is_some();
        let template = parts(&steps).and_then(|parts| Template::of(&parts));
        let tail = Tail::of(&steps, trailing_fraction);
        Ok(Self { steps, trailing_fraction, template, tail, shape })
    }

    /// Reads `value`; what follows a complete match is ignored.
    ///
    /// # Errors
    /// Fails at the first byte of `value` that does not follow the format.
    #[inline]
    pub fn parse(&self, value: &[u8]) -> Result<Fields, Mismatch> {
        self.parse_with_rest(value).map(|(fields, _)| fields)
    }

    /// Reads `value`, and also returns what follows the match.
    ///
    /// # Errors
    /// Fails at the first byte of `value` that does not follow the format.
    #[inline]
    pub fn parse_with_rest<'v>(&self, value: &'v [u8]) -> Result<(Fields, &'v [u8]), Mismatch> {
        let (fields, _, rest) = self.split(value)?;
        Ok((fields, rest))
    }

    /// Reads `value`; also returns the length of its text before a fraction at the end, and what follows the match.
    #[inline]
    fn split<'v>(&self, value: &'v [u8]) -> Result<(Fields, usize, &'v [u8]), Mismatch> {
        let mut cursor = Cursor::new(value);
        let text_len = match self.follow(&mut cursor) {
            Ok(text_rest) => value.len() - text_rest.len(),
            Err(expected) => return Err(self.mismatch(value, cursor.rest(), expected)),
        };
        Ok((self.shape.fields(cursor.readings()), text_len, cursor.rest()))
    }

    /// Says why a value differs at `rest`, now that there is no hurry.
    #[cold]
    fn mismatch(&self, value: &[u8], rest: &[u8], expected: Expected) -> Mismatch {
        let mut cursor = Cursor::new(value);
        let mut after_no_blank = false;
        for step in self.steps.iter().copied().chain(self.trailing_fraction.then_some(Step::Fraction)) {
            let before = cursor.rest().len();
            if cursor.follow(step).is_err() {
                break;
            }
            after_no_blank = step == Step::Whitespace && cursor.rest().len() == before;
        }
        Mismatch::new(value.len() - rest.len(), rest, expected).with_blank(after_no_blank)
    }

    /// Whether the text has a year, so that none has to be chosen.
    pub fn has_year(&self) -> bool {
        self.shape.has_year()
    }

    /// Whether the text has any part of a date, such as a month or a day of the year.
    pub fn has_date(&self) -> bool {
        self.shape.has_date()
    }

    /// Whether the text says its offset from UTC, or counts from the epoch: then no zone applies.
    pub fn has_zone(&self) -> bool {
        self.shape.has_zone()
    }

    /// Whether the format is `%s` and nothing else.
    pub fn is_bare_epoch(&self) -> bool {
        self.steps == [Step::BareEpoch]
    }

    /// Follows all steps; returns what was left before a fraction at the end.
    #[inline(always)]
    fn follow<'v>(&self, cursor: &mut Cursor<'v>) -> Result<&'v [u8], Expected> {
        if !self.template.as_ref().is_some_and(|template| cursor.follow_template(template)) {
            self.steps.iter().try_for_each(|step| cursor.follow(*step))?;
        }
        let text_rest = cursor.rest();
        if self.trailing_fraction {
            cursor.follow(Step::Fraction)?;
        }
        Ok(text_rest)
    }
}

impl Syntax for Format {
    fn remembers(&self) -> bool {
        self.tail.is_some()
    }

    #[inline]
    fn read(&self, value: &[u8]) -> Result<(Fields, usize), Mismatch> {
        self.split(value).map(|(fields, text_len, _)| (fields, text_len))
    }

    #[inline]
    fn read_rest(&self, text_len: usize, rest: &[u8], second: Time) -> Option<Time> {
        let tail = self.tail.as_ref()?;
        if !tail.ends(text_len, rest) {
            return None;
        }
        let nanoseconds = match tail.has_fraction() {
            true => Cursor::new(rest).fraction().ok()?,
            false => second.nanoseconds,
        };
        Some(Time { nanoseconds, ..second })
    }
}

/// Returns the parts of a text whose numbers have all their digits, `None` if not all of it has a fixed width.
fn parts(steps: &[Step]) -> Option<Vec<Part>> {
    let part = |(index, step): (usize, &Step)| match *step {
        Step::Byte(byte) => Some(Part::Byte(byte)),
        // One blank, which only something else can end.
        Step::Whitespace if matches!(steps.get(index + 1), Some(Step::Byte(_) | Step::Number(_))) => {
            Some(Part::Byte(b' '))
        }
        Step::Number(compile::Number { slot, min, max, digits, padded: false, .. }) => {
            Some(Part::Number(template::Number { slot, min, max, digits }))
        }
        _ => None,
    };
    steps.iter().enumerate().map(part).collect()
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.message, self.at)
    }
}

impl std::error::Error for FormatError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_format_has() {
        let check = |format, year, date, zone, bare_epoch| {
            let format = Format::compile(format).expect("a format");
            assert_eq!(
                (format.has_year(), format.has_date(), format.has_zone(), format.is_bare_epoch()),
                (year, date, zone, bare_epoch)
            );
        };
        check("%F %T", true, true, false, false);
        check("%C", true, true, false, false);
        check("%c", true, true, false, false);
        check("%G-%V", true, true, false, false);
        check("%b %d", false, true, false, false);
        check("%b %d %G", false, true, false, false);
        check("%T", false, false, false, false);
        check("%a %T %z", false, false, true, false);
        check("%s", true, true, true, true);
        check("%s ", true, true, true, false);
        check("%s.%f", true, true, true, false);
    }

    proptest! {
        #[test]
        fn a_template_changes_no_result(
            format in proptest::sample::select(vec![
                "%Y-%m-%d %H:%M:%S,%f", "%Y%m%d%H%M%S%f", "%Y-%m-%d %H:%M:%S", "%d/%m/%y %H.%M", "%j %Y %I:%M%p", "[%D %T]",
            ]),
            value in "[0-9]{2}[0-9/ -]{4,8}[ 0-9]?[0-2][0-9:]{5,7}[,0-9]{0,4}",
            fitting in "\\[?20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9],[0-9]{0,3}",
        ) {
            let format = Format::compile(format).expect("a format");
            let stepwise = Format { template: None, ..format.clone() };
            for value in [value.as_bytes(), fitting.as_bytes()] {
                prop_assert_eq!(format.parse_with_rest(value), stepwise.parse_with_rest(value));
            }
        }
    }
}
