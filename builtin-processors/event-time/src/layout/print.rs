//! Printing instants by a layout.
//!
//! The text of a second is made once; while times stay within it, only their fractions are written anew. While they stay
//! within a day, and the layout gives the parts of its clock a fixed width, only those are.

use std::ops::Range;

use super::Layout;
use super::compile::{Fraction, Number, Offset, Step};
use super::element::Element;
use crate::civil::{self, DAY_SECONDS};
use crate::digits::to_eight_digits;
use crate::names;
use crate::shape::Slot;
use crate::time::Time;
use crate::zone::{Clock, Zone};

/// A layout and a zone that print instants.
///
/// # Examples
///
/// ```
/// use loglift_event_time::{Layout, Printer, Time, Zone};
///
/// let layout = Layout::compile("2006-01-02T15:04:05.999Z07:00")?;
/// let mut printer = Printer::new(layout, Zone::fixed(8 * 3600));
/// let mut out = Vec::new();
/// printer.print(Time { seconds: 1698249070, nanoseconds: 120_000_000 }, &mut out);
/// assert_eq!(out, b"2023-10-25T23:51:10.12+08:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Printer {
    layout: Layout,
    clock: Clock,
    second: Option<i64>,
    /// The seconds that differ from the text in the clock only; none if its parts have no fixed width.
    day: Range<i64>,
    /// When a clock of the zone showed midnight, or would have.
    midnight: i64,
    text: SecondText,
}

/// The text of a second, with room for its fractions.
#[derive(Debug, Clone, Default)]
pub struct SecondText {
    /// Without fractions; with a word of padding at its end.
    bytes: Vec<u8>,
    /// In order.
    fractions: Vec<PlacedFraction>,
    /// The parts of the clock.
    clock: Vec<ClockPart>,
}

/// Two bytes of the text that show a part of the time of day.
#[derive(Debug, Clone, Copy)]
struct ClockPart {
    at: usize,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
struct PlacedFraction {
    /// How many bytes of the text come before.
    at: usize,
    fraction: Fraction,
}

impl Printer {
    /// Prints by `layout` what clocks of `zone` show.
    pub fn new(layout: Layout, zone: Zone) -> Self {
        Self { layout, clock: Clock::new(zone), second: None, day: 0..0, midnight: 0, text: SecondText::default() }
    }

    /// Appends the text of an instant within the years 0000 to 9999 to `out`.
    pub fn print(&mut self, time: Time, out: &mut Vec<u8>) {
        let text = self.second(time.seconds);
        let start = out.len();
        out.resize(start + text.room(), 0);
        let len = text.write(time.nanoseconds, &mut out[start..]);
        out.truncate(start + len);
    }

    /// Returns the text of a Unix second.
    #[inline]
    pub fn second(&mut self, seconds: i64) -> &SecondText {
        if self.second != Some(seconds) {
            match self.day.contains(&seconds) {
                true => self.text.set_clock((seconds - self.midnight) as u32),
                false => self.print_second(seconds),
            }
            self.second = Some(seconds);
        }
        &self.text
    }

    fn print_second(&mut self, seconds: i64) {
        let (offset_seconds, name) = self.clock.at(seconds);
        let local = seconds.saturating_add(offset_seconds.into());
        let shown = Shown::new(local, offset_seconds, name);
        self.text.bytes.clear();
        self.text.fractions.clear();
        self.text.clock.clear();
        for step in &self.layout.steps {
            self.text.push(*step, &shown);
        }
        self.text.bytes.extend_from_slice(&[0; WORD]);
        self.midnight = seconds - local.rem_euclid(DAY_SECONDS);
        self.day = match self.layout.has_clock_of_fixed_width {
            true => {
                let same_offset = self.clock.same_offset();
                self.midnight.max(same_offset.start)..(self.midnight + DAY_SECONDS).min(same_offset.end)
            }
            false => 0..0,
        };
    }
}

impl SecondText {
    /// Returns how many bytes [`write`](Self::write) may touch.
    #[inline]
    pub fn room(&self) -> usize {
        // Each piece and each fraction is written in words.
        self.bytes.len() + self.fractions.len() * (1 + FRACTION_DIGITS + WORD)
    }

    /// Writes the text to the beginning of `room`; returns its length. May scribble on what follows.
    ///
    /// # Panics
    /// If there is less room than [`room`](Self::room) says.
    #[inline]
    pub fn write(&self, nanoseconds: u32, room: &mut [u8]) -> usize {
        let (mut from, mut to) = (0, 0);
        for PlacedFraction { at, fraction } in &self.fractions {
            copy(&self.bytes[from..], at - from, &mut room[to..]);
            to += at - from;
            to += write_fraction(*fraction, nanoseconds, &mut room[to..]);
            from = *at;
        }
        let rest = self.bytes.len() - WORD - from;
        copy(&self.bytes[from..], rest, &mut room[to..]);
        to + rest
    }

    /// Shows another second of the day.
    #[inline]
    fn set_clock(&mut self, second_of_day: u32) {
        let hour = second_of_day / 3600;
        for ClockPart { at, step } in &self.clock {
            let part = match step {
                Step::Number(Number { slot: Slot::Minute, .. }) => second_of_day / 60 % 60,
                Step::Number(Number { slot: Slot::Second, .. }) => second_of_day % 60,
                Step::Number(Number { element: Element::Hour, .. }) => hour,
                Step::Number(_) => (hour + 11) % 12 + 1,
                Step::Meridiem { element } => {
                    self.bytes[*at..at + 2].copy_from_slice(meridiem(*element, hour >= 12));
                    continue;
                }
                _ => continue,
            };
            self.bytes[*at..at + 2].copy_from_slice(&[b'0' + (part / 10) as u8, b'0' + (part % 10) as u8]);
        }
    }

    fn push(&mut self, step: Step, shown: &Shown) {
        let out = &mut self.bytes;
        if step.is_of_clock() {
            self.clock.push(ClockPart { at: out.len(), step });
        }
        match step {
            Step::Byte(byte) => out.push(byte),
            Step::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Step::Blanks(blanks) => out.resize(out.len() + usize::from(blanks), b' '),
            Step::Number(number) => push_number(number, shown, out),
            Step::Month { element } => {
                let name = names::month_name(shown.month).as_bytes();
                out.extend_from_slice(if element == Element::LongMonth { name } else { &name[..3] });
            }
            Step::Weekday { element } => {
                let name = names::weekday_name(shown.weekday).as_bytes();
                out.extend_from_slice(if element == Element::LongWeekday { name } else { &name[..3] });
            }
            Step::Meridiem { element } => out.extend_from_slice(meridiem(element, shown.hour >= 12)),
            Step::Fraction(fraction) => self.fractions.push(PlacedFraction { at: out.len(), fraction }),
            Step::UnwrittenFraction => {}
            Step::Offset(offset) if offset.zulu && shown.offset_seconds == 0 => out.push(b'Z'),
            Step::Offset(offset) => push_offset(offset, shown.offset_seconds, out),
            Step::ZoneName if shown.name.is_empty() => push_offset(UNNAMED, shown.offset_seconds, out),
            Step::ZoneName => out.extend_from_slice(shown.name.as_bytes()),
        }
    }
}

/// What a local calendar and clock show.
struct Shown<'a> {
    year: i32,
    month: u8,
    day: u16,
    day_of_year: u16,
    weekday: u8,
    hour: u16,
    minute: u16,
    second: u16,
    offset_seconds: i32,
    name: &'a str,
}

impl<'a> Shown<'a> {
    /// `local` are seconds of a local clock since its 1970-01-01 00:00.
    fn new(local: i64, offset_seconds: i32, name: &'a str) -> Self {
        let days = local.div_euclid(DAY_SECONDS);
        let second_of_day = local.rem_euclid(DAY_SECONDS) as u32;
        let (year, month) = civil::year_and_month(days);
        Self {
            year,
            month,
            day: (days - civil::days(year, month, 0)) as u16,
            day_of_year: (days - civil::days(year, 1, 0)) as u16,
            weekday: civil::weekday(days) as u8,
            hour: (second_of_day / 3600) as u16,
            minute: (second_of_day / 60 % 60) as u16,
            second: (second_of_day % 60) as u16,
            offset_seconds,
            name,
        }
    }
}

fn meridiem(element: Element, afternoon: bool) -> &'static [u8; 2] {
    match (element, afternoon) {
        (Element::Meridiem, false) => b"AM",
        (Element::Meridiem, true) => b"PM",
        (_, false) => b"am",
        (_, true) => b"pm",
    }
}

fn push_number(number: Number, shown: &Shown, out: &mut Vec<u8>) {
    let hour12 = (shown.hour + 11) % 12 + 1;
    let value = match number.slot {
        Slot::Year => {
            if shown.year < 0 {
                out.push(b'-');
            }
            shown.year.unsigned_abs()
        }
        Slot::YearOfCentury => shown.year.unsigned_abs() % 100,
        Slot::Month => shown.month.into(),
        Slot::Day => shown.day.into(),
        Slot::DayOfYear => shown.day_of_year.into(),
        // An hour of twelve is read as one of 24 where there is no AM and PM.
        Slot::Hour if number.element == Element::Hour => shown.hour.into(),
        Slot::Hour | Slot::Hour12 => hour12.into(),
        Slot::Minute => shown.minute.into(),
        _ => shown.second.into(),
    };
    let padding = if number.blanks > 0 { b' ' } else { b'0' };
    push_padded(value, number.width.into(), padding, out);
}

fn push_offset(offset: Offset, offset_seconds: i32, out: &mut Vec<u8>) {
    let two = |number: u32, out: &mut Vec<u8>| push_padded(number, 2, b'0', out);
    let colon = |out: &mut Vec<u8>| {
        if offset.colons {
            out.push(b':');
        }
    };
    let seconds = offset_seconds.unsigned_abs();
    // Less than a minute west of UTC has a plus, as in Go.
    out.push(if offset_seconds <= -60 { b'-' } else { b'+' });
    two(seconds / 3600, out);
    if offset.minutes {
        colon(out);
        two(seconds / 60 % 60, out);
    }
    if offset.seconds {
        colon(out);
        two(seconds % 60, out);
    }
}

/// Appends a number, filled up on the left to `width` bytes.
fn push_padded(mut number: u32, width: usize, padding: u8, out: &mut Vec<u8>) {
    let mut digits = [padding; 10];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first.min(digits.len() - width)..]);
}

/// Writes a fraction to the beginning of `room`; returns its length.
#[inline]
fn write_fraction(fraction: Fraction, nanoseconds: u32, room: &mut [u8]) -> usize {
    let room = &mut room[..1 + FRACTION_DIGITS];
    room[0] = fraction.separator;
    room[1] = b'0' + (nanoseconds / 100_000_000) as u8;
    room[2..].copy_from_slice(&to_eight_digits(nanoseconds % 100_000_000));
    let mut len = 1 + usize::from(fraction.digits).min(FRACTION_DIGITS);
    if fraction.optional {
        while len > 1 && room[len - 1] == b'0' {
            len -= 1;
        }
        // Without digits there is no separator either.
        if len == 1 {
            return 0;
        }
    }
    len
}

/// Copies the first `len` bytes in whole words, which spares a sandbox a call.
#[inline]
fn copy(from: &[u8], len: usize, to: &mut [u8]) {
    for at in (0..len).step_by(WORD) {
        to[at..at + WORD].copy_from_slice(&from[at..at + WORD]);
    }
}

const FRACTION_DIGITS: usize = 9;
const WORD: usize = 8;
/// What is printed for the name of a zone that has none.
const UNNAMED: Offset =
    Offset { element: Element::OffsetMinutes, zulu: false, colons: false, minutes: true, seconds: false };
