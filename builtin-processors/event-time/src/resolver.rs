//! From fields to an instant: zone, missing year, missing date.

use crate::civil::{self, DAY_SECONDS};
use crate::fields::{Day, Fields, LocalOffset};
use crate::time::Time;
use crate::zone::Zone;

/// Turns fields into instants, by a zone, a rule for years that the text leaves out, and the current time.
#[derive(Debug, Clone)]
pub struct Resolver {
    zone: Zone,
    missing_year: YearPolicy,
    now_seconds: i64,
    /// What clocks of the zone are ahead of UTC now.
    now_offset_seconds: i32,
}

/// The year of a text that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearPolicy {
    /// The year that puts the time closest to now.
    ClosestToNow,
    /// Always this one.
    Fixed(u16),
}

/// An instant, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// The instant.
    pub time: Time,
    /// Whether its year, month or date was chosen to be closest to now.
    pub deduced: bool,
}

impl YearPolicy {
    /// Returns the policy for a `SourceYear` parameter: 0 or less is closest to now, more is that year; `None` for a
    /// year after 9999.
    pub fn from_source_year(source_year: i64) -> Option<Self> {
        match source_year {
            ..=0 => Some(Self::ClosestToNow),
            1..=9999 => Some(Self::Fixed(source_year as u16)),
            _ => None,
        }
    }
}

impl Resolver {
    /// Resolves texts without an offset of their own in `zone`, and those without a year by `missing_year`.
    ///
    /// Now is 1970 until [`set_now`](Self::set_now).
    pub fn new(zone: Zone, missing_year: YearPolicy) -> Self {
        let now_offset_seconds = zone.offset_at_instant(0);
        Self { zone, missing_year, now_seconds: 0, now_offset_seconds }
    }

    /// Sets the current time, in Unix seconds: the read time of a batch. Only texts without a year or date need it.
    pub fn set_now(&mut self, now_seconds: i64) {
        self.now_seconds = now_seconds;
        self.now_offset_seconds = self.zone.offset_at_instant(now_seconds);
    }

    /// Returns the instant that `fields` describe.
    ///
    /// An offset in the text wins over the zone. Local times that the zone skips or repeats have the offset from before
    /// the transition. Days that do not exist and leap seconds count on: 02-31 is 03-03 (or 03-02), 23:59:60 midnight.
    #[inline]
    pub fn resolve(&mut self, fields: Fields) -> Resolved {
        match fields {
            Fields::Instant(time) => Resolved { time, deduced: false },
            Fields::Civil { year, day, second_of_day, nanoseconds, offset } => {
                let (days, deduced) = self.days(year, day, second_of_day, offset);
                let local = days * DAY_SECONDS + i64::from(second_of_day);
                let offset_seconds = match offset {
                    LocalOffset::OfZone => self.zone.offset_at_local(local),
                    LocalOffset::Seconds(seconds) => seconds,
                    LocalOffset::Named(name) => self.zone.offset_of_name(name, local).unwrap_or(0),
                };
                let time = Time { seconds: local - i64::from(offset_seconds), nanoseconds };
                Resolved { time, deduced }
            }
        }
    }

    /// Returns the day, counted from 1970-01-01, and whether it is a guess.
    #[inline]
    fn days(&self, year: Option<u16>, day: Day, second_of_day: u32, offset: LocalOffset) -> (i64, bool) {
        let policy_year = match self.missing_year {
            YearPolicy::Fixed(year) => Some(year),
            YearPolicy::ClosestToNow => None,
        };
        if let Some(days) = year.or(policy_year).and_then(|year| day.in_year(year.into())) {
            return (days, false);
        }
        let offset_seconds = match offset {
            LocalOffset::Seconds(seconds) => seconds,
            LocalOffset::OfZone | LocalOffset::Named(_) => self.now_offset_seconds,
        };
        let now_local = self.now_seconds.saturating_add(offset_seconds.into());
        (closest_day(day, second_of_day, now_local), true)
    }
}

/// Returns the day on which `day` and `second_of_day` are closest to `now_local`; the past wins a tie.
///
/// Both are seconds on local clocks: a change of offset between them would move either by an hour, which matters only to
/// times half a year away.
fn closest_day(day: Day, second_of_day: u32, now_local: i64) -> i64 {
    let distance = |days: &i64| (days * DAY_SECONDS + i64::from(second_of_day)).abs_diff(now_local);
    let now_local = now_local.clamp(-FAR_SECONDS, FAR_SECONDS);
    let today = now_local.div_euclid(DAY_SECONDS);
    let (year, month) = civil::year_and_month(today);
    match day {
        Day::Missing => (today - 1..=today + 1).min_by_key(distance),
        Day::OfUnknownMonth(day) => (-1..=1)
            .map(|months| month_after(year, month, months))
            .filter(|&(year, month)| day <= civil::days_in_month(year, month))
            .map(|(year, month)| civil::days(year, month, day.into()))
            .min_by_key(distance),
        // At a century there are eight years between two leap years.
        leap if leap.is_leap_day() => (year - 8..=year + 8)
            .filter(|&year| civil::is_leap(year))
            .filter_map(|year| leap.in_year(year))
            .min_by_key(distance),
        other => (year - 1..=year + 1).filter_map(|year| other.in_year(year)).min_by_key(distance),
    }
    .unwrap_or(today)
}

/// Returns the year and month `months` (-1..=1) after a month.
fn month_after(year: i32, month: u8, months: i32) -> (i32, u8) {
    let month = i32::from(month) - 1 + months;
    (year + month.div_euclid(12), month.rem_euclid(12) as u8 + 1)
}

/// The year 9999 or so: as far from 1970 as a clock is believed.
const FAR_SECONDS: i64 = 8_000 * 366 * DAY_SECONDS;
