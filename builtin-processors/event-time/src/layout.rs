//! Layouts of Go: compiled once, followed for each value, and printed.
//!
//! A layout shows how the instant `Mon Jan 2 15:04:05 MST 2006` (`01/02 03:04:05PM '06 -0700`) would be written:
//!
//! | Element | Reads | Prints |
//! |---|---|---|
//! | `2006` `06` | four digits; two: 69–99 are 19xx | the same |
//! | `January` `Jan` | English month, any case, just as long | the same |
//! | `01` `1` | two digits; one or two | the same |
//! | `02` `2` `_2` | day: two digits; one or two; the same after a blank | padded with `0`; not at all; with a blank |
//! | `002` `__2` | day of the year: three digits; one to three after blanks | padded with `0`; with blanks |
//! | `Monday` `Mon` | English weekday, any case, just as long; without effect | the same |
//! | `15` `03` `3` | hour: one or two digits; of twelve: two; one or two | padded with `0`: `15` and `03` |
//! | `04` `4` `05` `5` | minute and second: two digits; one or two | padded with `0`: `04` and `05` |
//! | `PM` `pm` | just so | the same |
//! | `.000` `,000` | `.` or `,` and exactly as many digits | as many digits |
//! | `.999` `,999` | `.` or `,` and any digits, nine of which count, or nothing | up to as many digits without zeros at the end |
//! | `-0700` `-07:00` `-07` `-070000` `-07:00:00` | an offset of just that form | the same |
//! | `Z0700` and so on | the same, or `Z` | `Z` in UTC |
//! | `MST` | an abbreviation: what the zone calls so, UTC if it calls nothing so | the abbreviation, or `-0700` |
//!
//! One blank or more in a layout stand for one or more, and for the end of the value. All else stands for itself.
//! Right after the second a fraction may come even if the layout has none. The whole value has to match, and its date
//! has to exist. When a layout has an element more than once, the last one counts.

mod compile;
mod cursor;
mod element;
mod print;

use crate::cached::Syntax;
use crate::civil;
use crate::fields::{Day, Fields, LocalOffset};
use crate::format::FormatError;
use crate::mismatch::{Expected, Mismatch};
use crate::shape::{Readings, Shape, Slot};
use crate::template::{self, Part, Template};
use crate::time::Time;
use compile::Step;
use cursor::Cursor;
pub(crate) use element::Element;
pub use print::{Printer, SecondText};

/// A compiled layout.
#[derive(Debug, Clone)]
pub struct Layout {
    steps: Vec<Step>,
    /// How many steps there are up to the last number.
    head_len: usize,
    head_template: Option<Template>,
    /// Whether the text of the head can be remembered.
    remembers: bool,
    /// Whether there is a day of the year, and a month or a day of the month as well.
    names_day_twice: bool,
    /// Whether the parts of the time of day are always printed with two bytes.
    has_clock_of_fixed_width: bool,
    shape: Shape,
}

impl Layout {
    /// Compiles a layout.
    ///
    /// # Errors
    /// Fails when nothing in the text is an element.
    pub fn compile(layout: &str) -> Result<Self, FormatError> {
        let (steps, shape) = compile::compile(layout)?;
        let head_len = steps.iter().rposition(|step| matches!(step, Step::Number(_))).map_or(0, |last| last + 1);
        let (head, tail) = steps.split_at(head_len);
        let head_template = parts(head).and_then(|parts| Template::of(&parts));
        let has = |slot| steps.iter().any(|step| step.slot() == Some(slot));
        Ok(Self {
            head_template,
            remembers: head.iter().all(Step::is_fixed_by_its_text)
                && tail.iter().all(|step| step.slot().is_none())
                && (shape.has_year() || !shape.has_zone())
                && !steps.contains(&Step::ZoneName),
            has_clock_of_fixed_width: !steps.iter().any(|step| step.is_of_clock() && step.is_of_any_width()),
            names_day_twice: has(Slot::DayOfYear) && (has(Slot::Month) || has(Slot::Day)),
            steps,
            head_len,
            shape,
        })
    }

    /// Reads `value`, all of it.
    ///
    /// # Errors
    /// Fails at the first byte of `value` that does not follow the layout, and at a day that does not exist.
    pub fn parse(&self, value: &[u8]) -> Result<Fields, Mismatch> {
        self.read(value).map(|(fields, _)| fields)
    }

    /// Whether the layout has any part of a date or a time of day, so that an instant can be read by it.
    pub fn has_time(&self) -> bool {
        self.shape.has_date() || self.shape.has_time()
    }

    /// Whether the text has a year, so that none has to be chosen.
    pub fn has_year(&self) -> bool {
        self.shape.has_year()
    }

    /// Whether the text says its offset from UTC or the abbreviation of its zone.
    pub fn has_zone(&self) -> bool {
        self.shape.has_zone()
    }

    /// Follows all steps; returns what was left after the last number.
    #[inline(always)]
    fn follow<'v>(&self, cursor: &mut Cursor<'v>) -> Result<&'v [u8], Expected> {
        let (head, tail) = self.steps.split_at(self.head_len);
        if !self.head_template.as_ref().is_some_and(|template| cursor.follow_template(template)) {
            head.iter().try_for_each(|step| cursor.follow(*step))?;
        }
        let head_rest = cursor.rest();
        tail.iter().try_for_each(|step| cursor.follow(*step))?;
        cursor.end()?;
        Ok(head_rest)
    }

    /// Whether the calendar has the day that was read, and its parts do not contradict each other.
    #[inline]
    fn is_date(&self, fields: &Fields, readings: &Readings) -> bool {
        let Fields::Civil { year, day, .. } = *fields else { return true };
        // Without a year, any leap year will do.
        let year = year.map_or(2000, i32::from);
        let exists = match day {
            Day::OfMonth { month, day } => day >= 1 && day <= civil::days_in_month(year, month),
            Day::OfUnknownMonth(day) => (1..=31).contains(&day),
            Day::OfYear(day) => day <= 365 + u16::from(civil::is_leap(year)),
            Day::Missing | Day::OfWeek { .. } => true,
        };
        exists && (!self.names_day_twice || self.is_same_day(year, readings))
    }

    /// Whether the day of the year is in the month and is the day of the month, as far as they were read.
    fn is_same_day(&self, year: i32, readings: &Readings) -> bool {
        let is_read = |slot| self.steps.iter().any(|step| step.slot() == Some(slot));
        let days = civil::days(year, 1, readings.number(Slot::DayOfYear));
        let (found_year, month) = civil::year_and_month(days);
        let day = days - civil::days(year, month, 0);
        found_year == year
            && (!is_read(Slot::Month) || u16::from(month) == readings.number(Slot::Month))
            && (!is_read(Slot::Day) || day == i64::from(readings.number(Slot::Day)))
    }

    /// Says where in a value the day is that does not exist.
    #[cold]
    #[inline(never)]
    fn no_such_day(&self, value: &[u8]) -> Mismatch {
        let is_day = |step: &Step| matches!(step.slot(), Some(Slot::Day | Slot::DayOfYear));
        let before_day = self.steps.iter().rposition(is_day).unwrap_or(0);
        let mut cursor = Cursor::new(value);
        let followed = self.steps[..before_day].iter().try_for_each(|step| cursor.follow(*step));
        debug_assert!(followed.is_ok(), "the whole value was read before");
        let rest = cursor.rest().trim_ascii_start();
        Mismatch::new(value.len() - rest.len(), rest, Expected::ExistingDay)
    }
}

impl Syntax for Layout {
    fn remembers(&self) -> bool {
        self.remembers
    }

    #[inline]
    fn read(&self, value: &[u8]) -> Result<(Fields, usize), Mismatch> {
        let mut cursor = Cursor::new(value);
        let head_len = match self.follow(&mut cursor) {
            Ok(head_rest) => value.len() - head_rest.len(),
            Err(expected) => return Err(Mismatch::new(value.len() - cursor.rest().len(), cursor.rest(), expected)),
        };
        let fields = self.shape.fields(cursor.readings());
        match self.is_date(&fields, cursor.readings()) {
            true => Ok((fields, head_len)),
            false => Err(self.no_such_day(value)),
        }
    }

    #[inline]
    fn read_rest(&self, text_len: usize, rest: &[u8], second: Time) -> Option<Time> {
        let (head, tail) = self.steps.split_at(self.head_len);
        // One digit may have been followed by no other, which now follows.
        if !matches!(head.last(), Some(Step::Number(number)) if number.ends(rest)) {
            return None;
        }
        debug_assert!(text_len > 0, "there is a number");
        let mut cursor = Cursor::new(rest);
        tail.iter().try_for_each(|step| cursor.follow(*step)).ok()?;
        cursor.end().ok()?;
        let readings = cursor.readings();
        let offset_seconds = match readings.offset {
            LocalOffset::Seconds(seconds) => seconds,
            LocalOffset::OfZone | LocalOffset::Named(_) => 0,
        };
        Some(Time { seconds: second.seconds - i64::from(offset_seconds), nanoseconds: readings.nanoseconds })
    }
}

/// Returns the parts of a text whose numbers have all their digits, `None` if not all of it has a fixed width.
fn parts(steps: &[Step]) -> Option<Vec<Part>> {
    let part = |(index, step): (usize, &Step)| match *step {
        Step::Byte(byte) => Some(Part::Byte(byte)),
        // One blank, which only something else can end.
        Step::Blanks(_) => match steps.get(index + 1) {
            Some(Step::Byte(_)) => Some(Part::Byte(b' ')),
            Some(Step::Number(next)) if next.blanks == 0 => Some(Part::Byte(b' ')),
            _ => None,
        },
        Step::Number(it) if it.blanks == 0 && it.is_mostly_full() => {
            Some(Part::Number(template::Number { slot: it.slot, min: it.min, max: it.max, digits: it.digits }))
        }
        _ => None,
    };
    steps.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Zone;
    use crate::time::Time;

    #[test]
    fn layouts_without_an_element_are_refused() {
        let check = |layout: &str, expected: &str| {
            assert_eq!(Layout::compile(layout).expect_err(layout).to_string(), expected, "{layout}");
        };
        check("", "no element of a Go layout, such as 2006 or 15:04:05 at byte 0");
        check("YYYY-MM-DD", "no element of a Go layout, such as 2006 or 15:04:05 at byte 10");
        check("Month.Januar", "no element of a Go layout, such as 2006 or 15:04:05 at byte 12");
        check(
            "%Y-%m-%d",
            "no element of a Go layout, such as 2006 or 15:04:05; it looks like a strptime format at byte 8",
        );
        check(".09", "no element of a Go layout, such as 2006 or 15:04:05 at byte 3");
        for zone in ["MST", "-0700", "Monday", "PM"] {
            assert!(!Layout::compile(zone).expect(zone).has_time(), "{zone}");
        }
        for time in ["2006", "Jan", "002", "3PM", "05", ".000"] {
            assert!(Layout::compile(time).expect(time).has_time(), "{time}");
        }
    }

    /// As Go does it; no zone of a configuration has such an offset.
    #[test]
    fn an_offset_below_a_minute_to_the_west_loses_its_sign() {
        let mut out = Vec::new();
        let layout = Layout::compile("-07:00:00").expect("a layout");
        Printer::new(layout, Zone::fixed(-59)).print(Time { seconds: 0, nanoseconds: 0 }, &mut out);
        assert_eq!(out, b"+00:00:59");
    }
}
