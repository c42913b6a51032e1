//! What a text says about a time, before a zone and a clock make an instant of it.

use crate::civil;
use crate::time::Time;

/// What was read from a text. Numbers are as written, within the ranges of their directives: 02-31 and second 61 can
/// occur, and [`Resolver`](crate::Resolver) counts on from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// The text counts from the epoch; no zone applies.
    Instant(Time),
    /// The text shows a calendar or a clock.
    Civil {
        /// 0..=9999; `None` if the text has no year.
        year: Option<u16>,
        /// Which day of the year.
        day: Day,
        /// Since midnight; 86400 and 86401 are leap seconds of the next day.
        second_of_day: u32,
        /// 0..=999999999.
        nanoseconds: u32,
        /// Local clock minus UTC.
        offset: LocalOffset,
    },
}

/// What a local clock is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalOffset {
    /// The text does not say: the zone decides.
    OfZone,
    /// So many seconds.
    Seconds(i32),
    /// What the zone calls by this abbreviation; 0 if it knows none such.
    Named(Abbreviation),
}

/// The abbreviation of a zone, such as `CST`: up to six bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abbreviation([u8; 6]);

impl Abbreviation {
    /// Returns the abbreviation, `None` if it is longer than those of zones are.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 6];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self(bytes))
    }
}

/// Which day of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The text has no date at all.
    Missing,
    /// A day of a month that the text leaves out: 0..=31.
    OfUnknownMonth(u8),
    /// A day of a month.
    OfMonth {
        /// 1..=12.
        month: u8,
        /// 0..=31.
        day: u8,
    },
    /// 1..=366.
    OfYear(u16),
    /// A day of a week counted from the first Sunday, Monday, or Thursday of the year.
    OfWeek {
        /// What begins week 1.
        first: FirstDay,
        /// 0..=53.
        week: u8,
        /// 0..=6; Sunday is 0.
        weekday: u8,
    },
}

/// How the weeks of a year are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstDay {
    /// Week 1 begins on the first Sunday (`%U`).
    Sunday,
    /// Week 1 begins on the first Monday (`%W`).
    Monday,
    /// Week 1 begins on the Monday before the first Thursday (`%V`, ISO 8601); the year is that of the weeks (`%G`).
    Iso,
}

impl Day {
    /// Returns the day in `year`, counted from 1970-01-01; `None` if a month has to be chosen first.
    #[inline]
    pub(crate) fn in_year(self, year: i32) -> Option<i64> {
        match self {
            Self::Missing | Self::OfUnknownMonth(_) => None,
            Self::OfMonth { month, day } => Some(civil::days(year, month, day.into())),
            Self::OfYear(day) => Some(civil::days(year, 1, day)),
            Self::OfWeek { first, week, weekday } => Some(first.day_of_week(year, week.into(), weekday.into())),
        }
    }

    /// Whether only leap years have such a day.
    pub(crate) fn is_leap_day(self) -> bool {
        matches!(self, Self::OfMonth { month: 2, day: 29 } | Self::OfYear(366))
    }
}

impl FirstDay {
    fn day_of_week(self, year: i32, week: i64, weekday: i64) -> i64 {
        let (anchor, first_weekday) = match self {
            // The last day that week 1 can begin on.
            Self::Sunday => (civil::days(year, 1, 7), 0),
            Self::Monday => (civil::days(year, 1, 7), 1),
            Self::Iso => (civil::days(year, 1, 4), 1),
        };
        let days_into_week = |weekday: i64| (weekday - first_weekday).rem_euclid(7);
        anchor - days_into_week(civil::weekday(anchor)) + (week - 1) * 7 + days_into_week(weekday)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_weeks() {
        let check = |first, year, week, weekday, expected: (i32, u8, u16)| {
            let (expected_year, month, day) = expected;
            let found = Day::OfWeek { first, week, weekday }.in_year(year);
            assert_eq!(found, Some(civil::days(expected_year, month, day)), "{first:?} {year} {week} {weekday}");
        };
        check(FirstDay::Sunday, 2023, 23, 2, (2023, 6, 6));
        check(FirstDay::Sunday, 2023, 1, 0, (2023, 1, 1));
        check(FirstDay::Sunday, 2024, 0, 1, (2024, 1, 1));
        check(FirstDay::Sunday, 2024, 1, 0, (2024, 1, 7));
        check(FirstDay::Monday, 2023, 0, 0, (2023, 1, 1));
        check(FirstDay::Monday, 2023, 1, 1, (2023, 1, 2));
        check(FirstDay::Monday, 2024, 1, 0, (2024, 1, 7));
        // Before the first week, and before the year.
        check(FirstDay::Monday, 2023, 0, 1, (2022, 12, 26));
        check(FirstDay::Iso, 2021, 1, 1, (2021, 1, 4));
        check(FirstDay::Iso, 2020, 53, 0, (2021, 1, 3));
        check(FirstDay::Iso, 2023, 43, 4, (2023, 10, 26));
        check(FirstDay::Iso, 2025, 1, 1, (2024, 12, 30));
    }
}
