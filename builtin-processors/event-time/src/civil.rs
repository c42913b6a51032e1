//! Arithmetic on the proleptic Gregorian calendar: years, months and days as a count of days since 1970-01-01.
//!
//! Closed formulas in 32 bits, since this runs once a line and a sandbox multiplies 64 by 64 bits slowly.

/// Seconds of a day without leap seconds.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// Returns the days from 1970-01-01 to `day` of `month` (1..=12) in `year` (within 30,000 of 0).
///
/// A `day` outside the month counts on into its neighbours, as `mktime` does: 02-31 is 03-03, day 0 the day before
/// the first.
#[inline]
pub(crate) fn days(year: i32, month: u8, day: u16) -> i64 {
    // Years that begin in March have their leap day at the end.
    let from_march = (u32::from(month) + 9) % 12;
    let years = (year + SHIFT_YEARS - i32::from(month <= 2)).cast_unsigned();
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (from_march * 153 + 2) / 5 + u32::from(day);
    i64::from(days) - SHIFT_DAYS
}

/// Returns the year and the month (1..=12) of a day counted from 1970-01-01.
pub(crate) fn year_and_month(days: i64) -> (i32, u8) {
    // Counted from 0000-03-01, in cycles of 400 years: 146,097 days each.
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    ((cycle * 400 + year) as i32 + i32::from(month <= 2), month as u8)
}

/// Returns the weekday of a day counted from 1970-01-01; Sunday is 0.
pub(crate) fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// Whether `year` has a 29 February.
pub(crate) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Returns how many days `month` (1..=12) of `year` has.
pub(crate) fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Added to a year so that it cannot be negative: a hundred cycles of 400 years.
const SHIFT_YEARS: i32 = 40_000;
/// The day before 0000-03-01 minus [`SHIFT_YEARS`], seen from 1970-01-01.
const SHIFT_DAYS: i64 = 100 * 146_097 + 719_468 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_thousands_of_years_follows_the_one_before() {
        let mut expected = days(-500, 1, 1);
        for year in -500..11_000 {
            for month in 1..=12 {
                assert_eq!(days(year, month, 0), expected - 1);
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days(year, month, day.into()), expected, "{year}-{month}-{day}");
                    assert_eq!(year_and_month(expected), (year, month));
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn known_days() {
        let check = |(year, month, day), expected_days, expected_weekday| {
            assert_eq!(days(year, month, day), expected_days, "{year}-{month}-{day}");
            assert_eq!(weekday(expected_days), expected_weekday, "{year}-{month}-{day}");
        };
        check((1970, 1, 1), 0, 4);
        check((1969, 12, 31), -1, 3);
        check((2000, 2, 29), 11_016, 2);
        check((2023, 10, 25), 19_655, 3);
        check((2023, 2, 31), 19_419, 5);
        check((0, 1, 1), -719_528, 6);
    }
}
