//! The two ways in which requests write a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Parses `Thu, 12 Jun 2025 07:08:09 GMT` to Unix seconds.
pub(crate) fn parse_http(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Writes Unix seconds as `Thu, 12 Jun 2025 07:08:09 GMT`.
pub(crate) fn format_http(seconds: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()))
}

/// Parses `20250612T070809Z` to Unix seconds.
pub(crate) fn parse_compact(text: &str) -> Option<i64> {
    let sound = text.len() == 16 && text.is_ascii() && &text[8..9] == "T" && &text[15..] == "Z";
    let number = |from: usize, to: usize| text[from..to].parse::<usize>().ok();
    if !sound {
        return None;
    }
    let month = MONTHS.get(number(4, 6)?.checked_sub(1)?)?;
    let (year, day) = (number(0, 4)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    // The form of HTTP names the day of the week, and its parser insists on the right one.
    let date = |weekday| format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT");
    WEEKDAYS.iter().find_map(|weekday| parse_http(&date(weekday)))
}

/// The time of this machine in Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The end of the year 9999, after which HTTP can write no date.
pub(crate) const LAST_SECOND: i64 = 253_402_300_799;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_second() {
        let seconds = 1_749_712_089;
        assert_eq!(parse_http("Thu, 12 Jun 2025 07:08:09 GMT"), Some(seconds));
        assert_eq!(parse_compact("20250612T070809Z"), Some(seconds));
        assert_eq!(parse_compact("20261120T144613Z"), parse_http("Fri, 20 Nov 2026 14:46:13 GMT"));
        assert_eq!(format_http(seconds), "Thu, 12 Jun 2025 07:08:09 GMT");
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "20250612T070809",
            "20251312T070809Z",
            "20250612 070809Z",
            "20250631T000000Z",
            "2025061xT070809Z",
            "日本日本日本",
        ] {
            assert_eq!(parse_compact(text), None, "{text}");
        }
        assert_eq!(parse_http("yesterday"), None);
    }
}
