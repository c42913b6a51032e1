//! From local times to instants: daylight saving time, and years and dates that the text leaves out.

use super::engine::{FormatParser, Reading};

/// Returns the seconds since the epoch that `time` such as `2023-10-25T23:51:10Z` means.
fn instant(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().expect("a timestamp").as_second()
}

#[test]
fn local_times_of_new_york() {
    let mut parser = FormatParser::new("%Y-%m-%d %H:%M:%S", "America/New_York", None);
    let mut check = |value: &str, expected| {
        let found = parser.read(0, value).expect("a time").seconds;
        assert_eq!(found, expected, "{value}");
    };
    // The original was an hour late in summer (1688230800).
    check("2023-07-01 12:00:00", 1688227200);
    check("2023-01-01 12:00:00", 1672592400);
    // Skipped: the offset of the winter before.
    check("2023-03-12 01:59:59", instant("2023-03-12T06:59:59Z"));
    check("2023-03-12 02:30:00", instant("2023-03-12T07:30:00Z"));
    check("2023-03-12 03:00:00", instant("2023-03-12T07:00:00Z"));
    // Repeated: the offset of the summer before.
    check("2023-11-05 00:59:59", instant("2023-11-05T04:59:59Z"));
    check("2023-11-05 01:30:00", instant("2023-11-05T05:30:00Z"));
    check("2023-11-05 02:00:00", instant("2023-11-05T07:00:00Z"));
}

#[test]
fn years_and_dates_closest_to_now() {
    let check = |format, now, value: &str, expected| {
        let found = FormatParser::new(format, "UTC", None).read(instant(now), value).expect("a time");
        assert_eq!((found.seconds, found.deduced), (instant(expected), true), "{value} at {now}");
    };
    let syslog = "%b %e %H:%M:%S";
    check(syslog, "2023-11-10T00:00:00Z", "Oct 26 01:02:03", "2023-10-26T01:02:03Z");
    check(syslog, "2024-01-01T00:00:05Z", "Dec 31 23:59:58", "2023-12-31T23:59:58Z");
    check(syslog, "2023-12-31T23:59:58Z", "Jan  1 00:00:05", "2024-01-01T00:00:05Z");
    // The original corrected only the two days around new year.
    check(syslog, "2024-01-02T12:00:00Z", "Dec 30 12:00:00", "2023-12-30T12:00:00Z");
    check(syslog, "2024-06-30T12:00:00Z", "Jan  1 12:00:00", "2024-01-01T12:00:00Z");
    check(syslog, "2024-07-03T12:00:00Z", "Jan  1 12:00:00", "2025-01-01T12:00:00Z");
    // 29 February has its own years, and over a century eight years lie between two of them.
    check(syslog, "2024-03-01T00:00:00Z", "Feb 29 12:00:00", "2024-02-29T12:00:00Z");
    check(syslog, "2023-03-01T00:00:00Z", "Feb 29 12:00:00", "2024-02-29T12:00:00Z");
    check(syslog, "2025-12-01T00:00:00Z", "Feb 29 12:00:00", "2024-02-29T12:00:00Z");
    check(syslog, "2026-12-01T00:00:00Z", "Feb 29 12:00:00", "2028-02-29T12:00:00Z");
    check(syslog, "2099-12-01T00:00:00Z", "Feb 29 12:00:00", "2096-02-29T12:00:00Z");
    check(syslog, "2101-12-01T00:00:00Z", "Feb 29 12:00:00", "2104-02-29T12:00:00Z");
    // No year has a 30 February: counted on from the end of the month.
    check(syslog, "2023-03-01T00:00:00Z", "Feb 30 12:00:00", "2023-03-02T12:00:00Z");
    check("%j %H", "2024-01-01T00:00:00Z", "366 12", "2024-12-31T12:00:00Z");
    check("%j %H", "2025-01-01T00:00:00Z", "366 12", "2024-12-31T12:00:00Z");
    check("%j %H", "2025-01-01T00:00:00Z", "365 12", "2024-12-30T12:00:00Z");
    check("%b %H", "2025-01-01T00:00:00Z", "Dec 12", "2024-12-01T12:00:00Z");

    check("%H:%M:%S", "2024-01-01T12:00:00Z", "11:59:59", "2024-01-01T11:59:59Z");
    check("%H:%M:%S", "2024-01-01T00:00:05Z", "23:59:58", "2023-12-31T23:59:58Z");
    check("%H:%M:%S", "2023-12-31T23:59:58Z", "00:00:05", "2024-01-01T00:00:05Z");
    check("%a %H:%M", "2024-01-01T12:00:00Z", "Fri 12:00", "2024-01-01T12:00:00Z");

    check("%d %H:%M", "2024-01-01T00:00:00Z", "31 23:59", "2023-12-31T23:59:00Z");
    check("%d %H:%M", "2024-02-20T00:00:00Z", "31 12:00", "2024-01-31T12:00:00Z");
    check("%d %H:%M", "2024-02-29T23:59:00Z", "01 00:00", "2024-03-01T00:00:00Z");
}

#[test]
fn now_is_seen_on_the_clocks_of_the_text() {
    let check = |format, zone, now, value: &str, expected| {
        let found = FormatParser::new(format, zone, None).read(instant(now), value).expect("a time");
        assert_eq!(found.seconds, instant(expected), "{value} at {now}");
    };
    // 03:00 on the second in Shanghai, while it is the first in Greenwich.
    check("%H:%M", "Asia/Shanghai", "2024-01-01T19:00:00Z", "02:59", "2024-01-01T18:59:00Z");
    check("%H:%M %z", "UTC", "2024-01-01T19:00:00Z", "02:59 +08:00", "2024-01-01T18:59:00Z");
    check("%m-%d %H:%M", "Asia/Shanghai", "2023-12-31T17:00:00Z", "01-01 00:59", "2023-12-31T16:59:00Z");
}

#[test]
fn a_new_now_forgets_the_remembered_second() {
    let mut parser = FormatParser::new("%b %e %H:%M:%S", "UTC", None);
    let mut check = |now, expected| {
        let found = parser.read(instant(now), "Dec 31 23:59:59").expect("a time");
        assert_eq!((found.seconds, found.deduced), (instant(expected), true), "{now}");
    };
    check("2024-12-31T00:00:00Z", "2024-12-31T23:59:59Z");
    check("2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z");
}

#[test]
fn a_year_that_is_written_or_set_is_not_deduced() {
    let check = |format, source_year, value, expected| {
        let Reading { seconds, deduced, .. } =
            FormatParser::new(format, "UTC", source_year).read(0, value).expect("a time");
        assert_eq!((seconds, deduced), (instant(expected), false), "{format}");
    };
    check("%F", None, "2023-10-26", "2023-10-26T00:00:00Z");
    check("%F", Some(2020), "2023-10-26", "2023-10-26T00:00:00Z");
    check("%b %d", Some(2020), "Oct 26", "2020-10-26T00:00:00Z");
    check("%b %d", Some(2023), "Feb 29", "2023-03-01T00:00:00Z");
    check("%s", Some(2020), "1637843406", "2021-11-25T12:30:06Z");
}
