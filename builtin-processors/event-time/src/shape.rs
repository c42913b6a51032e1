//! What a format defines, and how its readings become fields.

use crate::fields::{Day, Fields, FirstDay, LocalOffset};
use crate::time::Time;

/// The place of a number among the readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Year,
    Century,
    YearOfCentury,
    Month,
    Day,
    DayOfYear,
    Weekday,
    WeekFromSunday,
    WeekFromMonday,
    IsoWeek,
    IsoYear,
    IsoYearOfCentury,
    Hour,
    Hour12,
    Minute,
    Second,
    /// 1 after noon.
    Meridiem,
}

/// What the steps of a format have read from a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Readings {
    numbers: [u16; SLOTS],
    pub(crate) nanoseconds: u32,
    pub(crate) epoch_seconds: i64,
    pub(crate) offset: LocalOffset,
}

/// What a format reads besides numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Others {
    /// Seconds since the epoch.
    pub(crate) epoch: bool,
    /// An offset from UTC.
    pub(crate) offset: bool,
    pub(crate) fraction: bool,
}

/// What a format defines; decided once, so that reading a value only looks numbers up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    epoch: bool,
    offset: bool,
    year: YearShape,
    day: DayShape,
    hour: Option<Slot>,
    meridiem: bool,
    time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum YearShape {
    Missing,
    Full(Slot),
    /// Two digits: 69–99 are 19xx, 00–68 are 20xx.
    Short(Slot),
    Century,
    CenturyAndShort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayShape {
    Missing,
    FirstOfYear,
    OfUnknownMonth,
    OfJanuary,
    FirstOfMonth,
    OfMonth,
    OfYear,
    OfWeek { slot: Slot, first: FirstDay, has_weekday: bool },
}

impl Readings {
    pub(crate) fn new() -> Self {
        Self { numbers: [0; SLOTS], nanoseconds: 0, epoch_seconds: 0, offset: LocalOffset::OfZone }
    }

    #[inline]
    pub(crate) fn set(&mut self, slot: Slot, number: u16) {
        self.numbers[slot as usize] = number;
    }

    #[inline]
    pub(crate) fn number(&self, slot: Slot) -> u16 {
        self.numbers[slot as usize]
    }

    #[inline]
    fn byte(&self, slot: Slot) -> u8 {
        self.number(slot) as u8
    }
}

impl Shape {
    /// Returns what the numbers of a format define, in its order, and its other parts.
    pub(crate) fn of(slots: &[Slot], others: Others) -> Self {
        let has = |slot| slots.contains(&slot);
        let (year, day) = date_shape(civil_year(slots), has);
        let hour = slots.iter().rev().copied().find(|slot| matches!(slot, Slot::Hour | Slot::Hour12));
        let clock = hour.is_some() || has(Slot::Minute) || has(Slot::Second);
        Self {
            epoch: others.epoch,
            offset: others.offset,
            year,
            day,
            hour,
            meridiem: has(Slot::Meridiem),
            time: clock || others.epoch || others.fraction,
        }
    }

    pub(crate) fn has_year(&self) -> bool {
        self.epoch || self.year != YearShape::Missing
    }

    pub(crate) fn has_date(&self) -> bool {
        self.epoch || self.day != DayShape::Missing
    }

    pub(crate) fn has_time(&self) -> bool {
        self.time
    }

    pub(crate) fn has_zone(&self) -> bool {
        self.epoch || self.offset
    }

    /// Returns the fields that `readings` of a whole value amount to.
    #[inline]
    pub(crate) fn fields(&self, readings: &Readings) -> Fields {
        if self.epoch {
            let time = Time { seconds: readings.epoch_seconds, nanoseconds: readings.nanoseconds };
            return Fields::Instant(time);
        }
        let minutes = u32::from(self.hour(readings)) * 60 + u32::from(readings.number(Slot::Minute));
        Fields::Civil {
            year: self.year(readings),
            day: self.day(readings),
            second_of_day: minutes * 60 + u32::from(readings.number(Slot::Second)),
            nanoseconds: readings.nanoseconds,
            offset: readings.offset,
        }
    }

    #[inline]
    fn year(&self, readings: &Readings) -> Option<u16> {
        match self.year {
            YearShape::Full(slot) => Some(readings.number(slot)),
            YearShape::Short(slot) => match readings.number(slot) {
                short @ 69.. => Some(1900 + short),
                short => Some(2000 + short),
            },
            YearShape::Century => Some(readings.number(Slot::Century) * 100),
            YearShape::CenturyAndShort => {
                Some(readings.number(Slot::Century) * 100 + readings.number(Slot::YearOfCentury))
            }
            YearShape::Missing => None,
        }
    }

    #[inline]
    fn day(&self, readings: &Readings) -> Day {
        let of_month = |month, day| Day::OfMonth { month, day };
        match self.day {
            DayShape::OfMonth => of_month(readings.byte(Slot::Month), readings.byte(Slot::Day)),
            DayShape::FirstOfMonth => of_month(readings.byte(Slot::Month), 1),
            DayShape::OfJanuary => of_month(1, readings.byte(Slot::Day)),
            DayShape::FirstOfYear => of_month(1, 1),
            DayShape::OfUnknownMonth => Day::OfUnknownMonth(readings.byte(Slot::Day)),
            DayShape::OfYear => Day::OfYear(readings.number(Slot::DayOfYear)),
            DayShape::OfWeek { slot, first, has_weekday } => {
                let weekday = match has_weekday {
                    // %u counts Sunday as 7.
                    true => readings.byte(Slot::Weekday) % 7,
                    false => u8::from(first != FirstDay::Sunday),
                };
                Day::OfWeek { first, week: readings.byte(slot), weekday }
            }
            DayShape::Missing => Day::Missing,
        }
    }

    /// Returns the hour of 24.
    ///
    /// AM and PM also make an hour of `%H` one of 12, unless it is after 12: `%H` is often written where `%I` was meant.
    #[inline]
    fn hour(&self, readings: &Readings) -> u16 {
        let Some(slot) = self.hour else { return 0 };
        let hour = readings.number(slot);
        match slot == Slot::Hour12 || (self.meridiem && hour <= 12) {
            true => hour % 12 + 12 * readings.number(Slot::Meridiem),
            false => hour,
        }
    }
}

/// Returns how the numbers define the year; of several that do, the last.
fn civil_year(slots: &[Slot]) -> YearShape {
    slots.iter().fold(YearShape::Missing, |year, slot| match (slot, year) {
        (Slot::Year, _) => YearShape::Full(Slot::Year),
        (Slot::YearOfCentury, YearShape::Century | YearShape::CenturyAndShort)
        | (Slot::Century, YearShape::Short(_) | YearShape::CenturyAndShort) => YearShape::CenturyAndShort,
        (Slot::YearOfCentury, _) => YearShape::Short(Slot::YearOfCentury),
        (Slot::Century, _) => YearShape::Century,
        (_, unchanged) => unchanged,
    })
}

/// Returns which of the parts that the format has define year and day. Weeks need a year or a weekday to do so.
fn date_shape(civil_year: YearShape, has: impl Fn(Slot) -> bool) -> (YearShape, DayShape) {
    let has_weekday = has(Slot::Weekday);
    let has_year = civil_year != YearShape::Missing;
    let week = |slot, first| DayShape::OfWeek { slot, first, has_weekday };
    let iso_year = match (has(Slot::IsoYear), has(Slot::IsoYearOfCentury)) {
        (true, _) => YearShape::Full(Slot::IsoYear),
        (false, true) => YearShape::Short(Slot::IsoYearOfCentury),
        (false, false) => civil_year,
    };
    let day = match (has(Slot::Month), has(Slot::Day)) {
        (true, true) => DayShape::OfMonth,
        _ if has(Slot::DayOfYear) => DayShape::OfYear,
        _ if has(Slot::WeekFromSunday) && (has_year || has_weekday) => week(Slot::WeekFromSunday, FirstDay::Sunday),
        _ if has(Slot::WeekFromMonday) && (has_year || has_weekday) => week(Slot::WeekFromMonday, FirstDay::Monday),
        _ if has(Slot::IsoWeek) && (iso_year != YearShape::Missing || has_weekday) => {
            return (iso_year, week(Slot::IsoWeek, FirstDay::Iso));
        }
        (true, false) => DayShape::FirstOfMonth,
        (false, true) if has_year => DayShape::OfJanuary,
        (false, true) => DayShape::OfUnknownMonth,
        (false, false) if has_year => DayShape::FirstOfYear,
        (false, false) => DayShape::Missing,
    };
    (civil_year, day)
}

const SLOTS: usize = Slot::Meridiem as usize + 1;
