//! From the text of a layout to the steps that read and print a value.

use super::element::Element;
use crate::format::FormatError;
use crate::shape::{Others, Shape, Slot};

/// One thing to read or print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Byte(u8),
    /// A character outside of ASCII.
    Char(char),
    /// Reads one blank or more, or the end of the value; prints so many.
    Blanks(u16),
    Number(Number),
    Month {
        element: Element,
    },
    Weekday {
        element: Element,
    },
    Meridiem {
        element: Element,
    },
    Fraction(Fraction),
    /// A fraction that the layout does not have.
    UnwrittenFraction,
    Offset(Offset),
    ZoneName,
}

/// A number of limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) element: Element,
    pub(crate) slot: Slot,
    pub(crate) min: u16,
    pub(crate) max: u16,
    /// The fewest that are read.
    pub(crate) least_digits: u8,
    /// The most that are read.
    pub(crate) digits: u8,
    /// What is printed at least.
    pub(crate) width: u8,
    /// How many blanks may come before it; then it is also printed with blanks.
    pub(crate) blanks: u8,
}

/// A fraction of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    /// `.` or `,`, for printing.
    pub(crate) separator: u8,
    pub(crate) digits: u8,
    /// Whether it may be missing, and is printed without zeros at its end.
    pub(crate) optional: bool,
}

/// A numeric offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) element: Element,
    /// Whether `Z` stands for UTC.
    pub(crate) zulu: bool,
    pub(crate) colons: bool,
    pub(crate) minutes: bool,
    pub(crate) seconds: bool,
}

impl Number {
    /// Whether nearly every value has all the digits.
    pub(super) fn is_mostly_full(&self) -> bool {
        self.least_digits == self.digits || self.element == Element::Hour
    }

    /// Whether the number ends before `rest`, whatever it is.
    #[inline]
    pub(super) fn ends(&self, rest: &[u8]) -> bool {
        self.least_digits == self.digits || !rest.first().is_some_and(u8::is_ascii_digit)
    }
}

impl Step {
    /// Returns the number that the step reads, if it reads one.
    pub(super) fn slot(&self) -> Option<Slot> {
        match self {
            Self::Number(Number { slot, .. }) => Some(*slot),
            Self::Month { .. } => Some(Slot::Month),
            Self::Weekday { .. } => Some(Slot::Weekday),
            Self::Meridiem { .. } => Some(Slot::Meridiem),
            _ => None,
        }
    }

    /// Whether the step is about the time of day, down to the second.
    pub(super) fn is_of_clock(&self) -> bool {
        let is_of_clock =
            |slot| matches!(slot, Slot::Hour | Slot::Hour12 | Slot::Minute | Slot::Second | Slot::Meridiem);
        self.slot().is_some_and(is_of_clock)
    }

    /// Whether the step is a number whose printed width varies.
    pub(super) fn is_of_any_width(&self) -> bool {
        matches!(self, Self::Number(Number { width: 1, .. }))
    }

    /// Whether the step reads the same from the same text, whatever follows, and nothing but text and numbers.
    pub(super) fn is_fixed_by_its_text(&self) -> bool {
        !matches!(self, Self::Fraction(_) | Self::UnwrittenFraction | Self::Offset(_) | Self::ZoneName)
    }
}

/// Returns the steps of `layout` and what they define.
pub(crate) fn compile(layout: &str) -> Result<(Vec<Step>, Shape), FormatError> {
    let mut steps = Vec::new();
    let mut rest = layout;
    while let Some(char) = rest.chars().next() {
        let (step, len) = match (element(rest), char) {
            (Some(element), _) => element,
            (None, ' ') => {
                let len = rest.len() - rest.trim_start_matches(' ').len();
                (Step::Blanks(u16::try_from(len).unwrap_or(u16::MAX)), len)
            }
            (None, '\0'..='\x7f') => (Step::Byte(char as u8), 1),
            (None, other) => (Step::Char(other), other.len_utf8()),
        };
        steps.push(step);
        rest = &rest[len..];
    }
    if steps.iter().all(|step| matches!(step, Step::Byte(_) | Step::Char(_) | Step::Blanks(_))) {
        return Err(FormatError { at: layout.len(), message: no_element(layout) });
    }
    add_unwritten_fraction(&mut steps);
    read_hours_of_24_without_meridiem(&mut steps);
    let slots: Vec<Slot> = steps.iter().filter_map(Step::slot).collect();
    let others = Others {
        epoch: false,
        offset: steps.iter().any(|step| matches!(step, Step::Offset(_) | Step::ZoneName)),
        fraction: steps.iter().any(|step| matches!(step, Step::Fraction(_))),
    };
    let shape = Shape::of(&slots, others);
    Ok((steps, shape))
}

fn no_element(layout: &str) -> String {
    let hint = if layout.contains('%') { "; it looks like a strptime format" } else { "" };
    format!("no element of a Go layout, such as 2006 or 15:04:05{hint}")
}

/// Returns the element that `layout` begins with, and the length of its text.
fn element(layout: &str) -> Option<(Step, usize)> {
    if let Some((fraction, len)) = fraction(layout) {
        return Some((Step::Fraction(fraction), len));
    }
    let element = Element::at_start(layout)?;
    Some((step(element), element.text().len()))
}

/// Returns the fraction that `layout` begins with: all zeros or all nines, and no other digit after them.
fn fraction(layout: &str) -> Option<(Fraction, usize)> {
    let &[separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] = layout.as_bytes() else { return None };
    let after = layout[1..].trim_start_matches(char::from(digit));
    let len = layout.len() - after.len();
    let is_whole = !after.starts_with(|next: char| next.is_ascii_digit());
    let digits = u8::try_from(len - 1).ok().filter(|_| is_whole)?;
    Some((Fraction { separator, digits, optional: digit == b'9' }, len))
}

fn step(element: Element) -> Step {
    use Element as E;

    let number = |slot, (min, max), (least_digits, digits), width| {
        let blanks = if matches!(element, E::BlankDay | E::BlankDayOfYear) { digits - 1 } else { 0 };
        Step::Number(Number { element, slot, min, max, least_digits, digits, width, blanks })
    };
    let two = |slot, range| number(slot, range, (2, 2), 2);
    let free = |slot, range| number(slot, range, (1, 2), 1);
    let offset =
        |zulu, colons, parts| Step::Offset(Offset { element, zulu, colons, minutes: parts > 1, seconds: parts > 2 });
    match element {
        E::Year4 => number(Slot::Year, (0, 9999), (4, 4), 4),
        E::Year2 => two(Slot::YearOfCentury, (0, 99)),
        E::LongMonth | E::ShortMonth => Step::Month { element },
        E::Month2 => two(Slot::Month, (1, 12)),
        E::Month => free(Slot::Month, (1, 12)),
        // Which days a month has is looked at when the whole value is read.
        E::Day2 => two(Slot::Day, (0, 99)),
        E::Day => free(Slot::Day, (0, 99)),
        E::BlankDay => number(Slot::Day, (0, 99), (1, 2), 2),
        E::DayOfYear3 => number(Slot::DayOfYear, (1, 366), (3, 3), 3),
        E::BlankDayOfYear => number(Slot::DayOfYear, (1, 366), (1, 3), 3),
        E::LongWeekday | E::ShortWeekday => Step::Weekday { element },
        E::Hour => number(Slot::Hour, (0, 23), (1, 2), 2),
        E::Hour12In2 => two(Slot::Hour12, (0, 12)),
        E::Hour12 => free(Slot::Hour12, (0, 12)),
        E::Minute2 => two(Slot::Minute, (0, 59)),
        E::Minute => free(Slot::Minute, (0, 59)),
        E::Second2 => two(Slot::Second, (0, 59)),
        E::Second => free(Slot::Second, (0, 59)),
        E::Meridiem | E::SmallMeridiem => Step::Meridiem { element },
        E::OffsetHours => offset(false, false, 1),
        E::OffsetMinutes => offset(false, false, 2),
        E::OffsetSeconds => offset(false, false, 3),
        E::OffsetColonMinutes => offset(false, true, 2),
        E::OffsetColonSeconds => offset(false, true, 3),
        E::ZuluHours => offset(true, false, 1),
        E::ZuluMinutes => offset(true, false, 2),
        E::ZuluSeconds => offset(true, false, 3),
        E::ZuluColonMinutes => offset(true, true, 2),
        E::ZuluColonSeconds => offset(true, true, 3),
        E::ZoneName => Step::ZoneName,
    }
}

/// Lets a fraction come after each second, unless the next element is one.
fn add_unwritten_fraction(steps: &mut Vec<Step>) {
    for place in (0..steps.len()).rev() {
        let is_literal = |step: &&Step| matches!(step, Step::Byte(_) | Step::Char(_) | Step::Blanks(_));
        let next_element = steps[place + 1..].iter().find(|step| !is_literal(step));
        if steps[place].slot() == Some(Slot::Second) && !matches!(next_element, Some(Step::Fraction(_))) {
            steps.insert(place + 1, Step::UnwrittenFraction);
        }
    }
}

/// Without AM and PM, 12 is noon: an hour of twelve is then one of 24 that is never after noon.
fn read_hours_of_24_without_meridiem(steps: &mut [Step]) {
    if steps.iter().any(|step| step.slot() == Some(Slot::Meridiem)) {
        return;
    }
    for step in steps {
        if let Step::Number(Number { slot: slot @ Slot::Hour12, .. }) = step {
            *slot = Slot::Hour;
        }
    }
}
