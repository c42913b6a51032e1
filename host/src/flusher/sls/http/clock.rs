//! The time that requests name: the machine's, corrected by what the service said of its own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clock of a service, as far as it is known. It is for signing only: events keep the time that they have.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_secs: AtomicI64,
}

impl Clock {
    /// The time of the service in Unix seconds.
    pub fn now(&self) -> i64 {
        unix_now().saturating_add(self.ahead_secs()).clamp(0, LAST_SECOND)
    }

    /// How far the service is ahead of this machine.
    pub fn ahead_secs(&self) -> i64 {
        self.ahead_secs.load(Ordering::Relaxed)
    }

    /// Notes what time the service has now, in Unix seconds.
    pub fn correct(&self, service: i64) {
        self.ahead_secs.store(service.saturating_sub(unix_now()), Ordering::Relaxed);
    }
}

/// The time of this machine in Unix seconds.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(LAST_SECOND)
}

/// Writes Unix seconds as `Thu, 12 Jun 2025 07:08:09 GMT`.
pub fn format_http(seconds: i64) -> String {
    let seconds = seconds.clamp(0, LAST_SECOND).unsigned_abs();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Writes Unix seconds as `20250612T070809Z`.
pub fn format_compact(seconds: i64) -> String {
    let http = format_http(seconds);
    // Every field of the other form has its place.
    let month = MONTHS.iter().position(|month| *month == &http[8..11]).map_or(0, |at| at + 1);
    format!("{}{month:02}{}T{}Z", &http[12..16], &http[5..7], http[17..25].replace(':', ""))
}

/// The time of the service by the headers of its answer, in Unix seconds: `x-log-time`, or else `Date`.
pub fn of_answer(log_time: Option<&str>, date: Option<&str>) -> Option<i64> {
    let seconds = |text: &str| text.trim().parse::<i64>().ok().filter(|seconds| (0..=LAST_SECOND).contains(seconds));
    log_time.and_then(seconds).or_else(|| date.and_then(parse_http))
}

fn parse_http(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Parses `2025-06-12T07:08:09Z` to Unix seconds.
pub fn parse_iso(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (is_date && is_time).then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts: Vec<i64> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days from the beginning of 1970. Years begin in March here, so that leap days are at their end.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The end of the year 9999, after which HTTP can write no date.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_name_the_same_second() {
        for (seconds, http, compact, iso) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "19700101T000000Z", "1970-01-01T00:00:00Z"),
            (1_749_712_089, "Thu, 12 Jun 2025 07:08:09 GMT", "20250612T070809Z", "2025-06-12T07:08:09Z"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT", "20240229T235959Z", "2024-02-29T23:59:59Z"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT", "20240301T000000Z", "2024-03-01T00:00:00Z"),
            (LAST_SECOND, "Fri, 31 Dec 9999 23:59:59 GMT", "99991231T235959Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!((format_http(seconds), format_compact(seconds)), (http.to_owned(), compact.to_owned()));
            assert_eq!((of_answer(None, Some(http)), parse_iso(iso)), (Some(seconds), Some(seconds)), "{iso}");
        }
        assert_eq!(format_http(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(format_compact(-1), "19700101T000000Z");
    }

    #[test]
    fn the_answer_says_what_time_it_is() {
        let date = "Thu, 12 Jun 2025 07:08:09 GMT";
        for (log_time, date, expected) in [
            (Some("1749712000"), Some(date), Some(1_749_712_000)),
            (Some("soon"), Some(date), Some(1_749_712_089)),
            (Some("99999999999999"), Some(date), Some(1_749_712_089)),
            (None, Some(date), Some(1_749_712_089)),
            (None, Some("yesterday"), None),
            (None, None, None),
        ] {
            assert_eq!(of_answer(log_time, date), expected, "{log_time:?} {date:?}");
        }
        for text in ["", "2025-06-12", "2025-06-12T07:08:09", "2025-13-12T07:08:09Z", "2025-06-12T24:00:00Z"] {
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    #[test]
    fn a_correction_shifts_the_clock() {
        let clock = Clock::default();
        assert_eq!(clock.ahead_secs(), 0);
        clock.correct(unix_now() - 1200);
        // A second may have passed in between.
        assert!((-1201..=-1199).contains(&clock.ahead_secs()));
        assert!((unix_now() - clock.now() - 1200).abs() <= 1);
        clock.correct(i64::MAX);
        assert_eq!(clock.now(), LAST_SECOND);
    }
}
