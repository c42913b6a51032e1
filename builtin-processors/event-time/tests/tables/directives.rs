//! What each directive accepts, and what it means. UTC throughout.

use super::engine::{FormatParser, Reading};

/// Expects an instant, and as the rest what follows `|` in `value`.
#[track_caller]
fn check(format: &str, value: &str, expected: &str) {
    let (text, rest) = value.split_once('|').unwrap_or((value, ""));
    let value = format!("{text}{rest}");
    let Reading { seconds, nanoseconds, rest: found_rest, .. } =
        FormatParser::new(format, "UTC", None).read(0, &value).expect("a match");
    let expected: jiff::Timestamp = expected.parse().expect("a timestamp");
    let found = jiff::Timestamp::new(seconds, nanoseconds as i32).expect("in range");
    assert_eq!((found, found_rest.as_deref().unwrap_or(rest)), (expected, rest), "{format} {value}");
}

#[track_caller]
fn check_mismatch(format: &str, value: &str, expected: &str) {
    let mismatch = FormatParser::new(format, "UTC", None).read(0, value).expect_err(value);
    assert_eq!(mismatch, expected, "{format} {value}");
}

#[test]
fn literals() {
    check("100%% %Y", "100% 2023", "2023-01-01T00:00:00Z");
    check("%Y年%m月%d日", "2023年10月26日", "2023-10-26T00:00:00Z");
    check_mismatch("%Y年%m月", "2023月10", r#"at byte 4: expected "年" but found "月""#);
    check_mismatch("T%Y", "t2023", r#"at byte 0: expected "T" but found "t""#);
    check("%Y  %m%n%d", "2023 \t\r\n10 26| ", "2023-10-26T00:00:00Z");
    check("%Y %m", "2023  10", "2023-10-01T00:00:00Z");
    check("%Y %m %d", "20231026", "2023-10-26T00:00:00Z");
}

#[test]
fn a_blank_that_matches_nothing_is_pointed_out() {
    let none = "the blank before it in the format matches any number of blanks, here none";
    check_mismatch("%S %f", "10,1", &format!(r#"at byte 2: expected a digit for %f but found ","; {none}"#));
    check_mismatch(
        "%F %T",
        "2023-10-25T23:51:10",
        &format!(r#"at byte 10: expected a digit for %H but found "T"; {none}"#),
    );
    check_mismatch("%F%n%T x", "2023-10-25T", &format!(r#"at byte 10: expected a digit for %H but found "T"; {none}"#));
    check_mismatch("%Y T%H", "2023-10", &format!(r#"at byte 4: expected "T" but found "-"; {none}"#));
    // A blank was there, or another part of the format is what differs, or there is nothing left to differ.
    check_mismatch("%S %f", "10 ,1", r#"at byte 3: expected a digit for %f but found ",""#);
    check_mismatch("%S %M,%f", "1010.1", r#"at byte 4: expected "," but found ".""#);
    check_mismatch("%S %f", "10", "at byte 2: expected a digit for %f but the value ends");
}

#[test]
fn years() {
    check("%Y", "0000", "0000-01-01T00:00:00Z");
    check("%Y", "9999", "9999-01-01T00:00:00Z");
    check("%Y", "2023|4", "2023-01-01T00:00:00Z");
    check("%Y-", "987-|", "0987-01-01T00:00:00Z");
    check("%y", "68", "2068-01-01T00:00:00Z");
    check("%y", "69", "1969-01-01T00:00:00Z");
    check("%y", "7|-", "2007-01-01T00:00:00Z");
    check("%C", "19", "1900-01-01T00:00:00Z");
    check("%C%y", "1823", "1823-01-01T00:00:00Z");
    check("%y %C", "99 18", "1899-01-01T00:00:00Z");
    // Of several years, the last.
    check("%C %y %Y", "18 99 2023", "2023-01-01T00:00:00Z");
    check("%Y %y", "1999 23", "2023-01-01T00:00:00Z");
    check("%EY %Ey %EC%Oy", "1999 23 2024", "2024-01-01T00:00:00Z");
}

#[test]
fn months_and_days() {
    for name in ["oct", "Oct", "OCTOBER", "october"] {
        for format in ["%Y %b", "%Y %B", "%Y %h", "%Y %Ob"] {
            check(format, &format!("2023 {name}"), "2023-10-01T00:00:00Z");
        }
    }
    check("%Y %b%d", "2023 may5", "2023-05-05T00:00:00Z");
    check("%Y %b", "2023 Sep|t", "2023-09-01T00:00:00Z");
    // A digit that would lead out of range is left.
    check("%Y-%m", "2023-2|9", "2023-02-01T00:00:00Z");
    check("%Y-%d", "2023-4|2", "2023-01-04T00:00:00Z");
    check("%Y-%m-%d", "2023-10-00", "2023-09-30T00:00:00Z");
    check("%Y-%m-%e", "2023-10- 6", "2023-10-06T00:00:00Z");
    check("%D", "10/26/23", "2023-10-26T00:00:00Z");
    check("%x", "10/26/23", "2023-10-26T00:00:00Z");
    check("%F", "2023-10-26", "2023-10-26T00:00:00Z");
    check_mismatch("%m", "13", r#"at byte 0: expected 1 to 12 for %m but found "13""#);
    check_mismatch("%m", "0", r#"at byte 0: expected 1 to 12 for %m but found "0""#);
    check_mismatch("%d", "32", r#"at byte 0: expected 0 to 31 for %d but found "32""#);
    check_mismatch("%d", "-1", r#"at byte 0: expected a digit for %d but found "-""#);
    check_mismatch("%b %d", "Okt 26", r#"at byte 0: expected a month name for %b but found "Okt""#);
    check_mismatch("%A %d", "Th 26", r#"at byte 0: expected a weekday name for %A but found "Th""#);
}

#[test]
fn days_of_the_year_and_weeks() {
    check("%Y %j", "2023 299", "2023-10-26T00:00:00Z");
    check("%Y %j", "2023 1", "2023-01-01T00:00:00Z");
    check("%Y %j", "2023 366", "2024-01-01T00:00:00Z");
    check_mismatch("%j", "367", r#"at byte 0: expected 1 to 366 for %j but found "367""#);
    check("%Y %U %w", "2023 43 4", "2023-10-26T00:00:00Z");
    check("%Y %U %u", "2023 43 7", "2023-10-22T00:00:00Z");
    check("%Y %W %A", "2023 43 Thursday", "2023-10-26T00:00:00Z");
    check("%Y %W %A", "2023 43 sunday", "2023-10-29T00:00:00Z");
    check("%Y %W", "2023 43", "2023-10-23T00:00:00Z");
    check("%G-W%V-%u", "2023-W43-4", "2023-10-26T00:00:00Z");
    check("%g-W%V", "23-W43", "2023-10-23T00:00:00Z");
    check("%Y-W%V-%u", "2023-W43-4", "2023-10-26T00:00:00Z");
    // Month and day win, then the day of the year, then weeks.
    check("%F %j %U %V %G %g %u", "2023-10-26 1 1 1 1999 99 1", "2023-10-26T00:00:00Z");
    check("%Y %j %U %w", "2023 299 1 1", "2023-10-26T00:00:00Z");
    check("%Y %m %U", "2023 1 43", "2023-10-22T00:00:00Z");
    check_mismatch("%Y %w", "2023 7", r#"at byte 5: expected 0 to 6 for %w but found "7""#);
    check_mismatch("%Y %u", "2023 0", r#"at byte 5: expected 1 to 7 for %u but found "0""#);
    check_mismatch("%Y %U", "2023 54", r#"at byte 5: expected 0 to 53 for %U but found "54""#);
}

#[test]
fn times() {
    check("%Y %H:%M:%S", "2023 23:59:59", "2023-01-01T23:59:59Z");
    check("%Y %k:%M", "2023  7:59", "2023-01-01T07:59:00Z");
    check("%Y %T", "2023 1:2:3", "2023-01-01T01:02:03Z");
    check("%Y %X", "2023 1:2:3", "2023-01-01T01:02:03Z");
    check("%Y %R", "2023 1:2", "2023-01-01T01:02:00Z");
    check("%Y %S", "2023 61", "2023-01-01T00:01:01Z");
    check_mismatch("%Y %S", "2023", "at byte 4: expected a digit for %S but the value ends");
    check("%Y %M", "2023 6|0", "2023-01-01T00:06:00Z");
    check("%Y %f", "2023 5", "2023-01-01T00:00:00.5Z");
    check("%Y %f-%H", "2023 1234567891-7", "2023-01-01T07:00:00.123456789Z");
}

#[test]
fn hours_of_twelve() {
    let check = |format: &str, value: &str, hour: u32| {
        check(&format!("%Y {format}"), &format!("2023 {value}"), &format!("2023-01-01T{hour:02}:00:00Z"));
    };
    check("%I %p", "12 AM", 0);
    check("%I %p", "12 PM", 12);
    check("%I %p", "0 PM", 12);
    check("%I %p", "01 pm", 13);
    check("%p %I", "Pm 1", 13);
    check("%l%p", " 1PM", 13);
    check("%r", "11:00:00 PM", 23);
    check("%I", "12", 0);
    // %H where %I was meant.
    check("%H %p", "1 PM", 13);
    check("%H %p", "12 AM", 0);
    check("%H %p", "13 PM", 13);
    check("%H %p", "13 AM", 13);
    check("%p %H", "PM 1", 13);
    // Of several hours, the last.
    check("%H %I %p", "23 1 PM", 13);
    check("%I %H", "1 23", 23);
}

#[test]
fn offsets() {
    let check = |offset: &str, expected: &str| check("%F %T %z", &format!("2023-10-26 01:02:03 {offset}"), expected);
    check("Z", "2023-10-26T01:02:03Z");
    check("z", "2023-10-26T01:02:03Z");
    check("UT", "2023-10-26T01:02:03Z");
    check("UTC", "2023-10-26T01:02:03Z");
    check("gmt", "2023-10-26T01:02:03Z");
    check("+00", "2023-10-26T01:02:03Z");
    check("-00:00", "2023-10-26T01:02:03Z");
    check("+01", "2023-10-26T00:02:03Z");
    check("-0130", "2023-10-26T02:32:03Z");
    check("+01:30", "2023-10-25T23:32:03Z");
    check("  +01:30|:00", "2023-10-25T23:32:03Z");
    check("+01|:", "2023-10-26T00:02:03Z");
    check("+01|:3", "2023-10-26T00:02:03Z");
    check("Z|07:00", "2023-10-26T01:02:03Z");
    check("Z|+0800", "2023-10-26T01:02:03Z");
    check("GMT+0100", "2023-10-26T00:02:03Z");
    check("UTC-01:30| (x)", "2023-10-26T02:32:03Z");
    check("GMT|+x", "2023-10-26T01:02:03Z");
    check("EST", "2023-10-26T06:02:03Z");
    check("edt", "2023-10-26T05:02:03Z");
    check("CDT", "2023-10-26T06:02:03Z");
    check("MST", "2023-10-26T08:02:03Z");
    check("MDT", "2023-10-26T07:02:03Z");
    check("PST", "2023-10-26T09:02:03Z");
    check("PDT", "2023-10-26T08:02:03Z");
    // China's or Chicago's: read in the zone.
    check("CST", "2023-10-26T01:02:03Z");
    check("A", "2023-10-26T00:02:03Z");
    check("M", "2023-10-25T13:02:03Z");
    check("N", "2023-10-26T02:02:03Z");
    check("Y", "2023-10-26T13:02:03Z");
    for wrong in ["J", "+1", "+080", "+24", "+0860", "CEST", "Asia", "08:00", "+:"] {
        let value = format!("2023-10-26 01:02:03 {wrong}");
        let expected = format!("at byte 20: expected an offset such as +08:00 or Z for %z but found {wrong:?}");
        check_mismatch("%F %T %z", &value, &expected);
    }
}

#[test]
fn zone_names() {
    let check = |text: &str| check("%F %Z", &format!("2023-10-26 {text}"), "2023-10-26T00:00:00Z");
    check("utc");
    check("UTC");
    check("GMT");
    check("GMT|+8");
    check("CEST");
    check("|C");
    check("|cest");
    check("|Europe");
    check("|");
    self::check("%Y %Z%b", "2023 Oct", "2023-10-01T00:00:00Z");
    self::check("%F %T %Z %p", "2023-10-26 01:00:00 PM", "2023-10-26T13:00:00Z");
}

#[test]
fn seconds_since_the_epoch() {
    check("%s", "1698282123", "2023-10-26T01:02:03Z");
    check("%s", "1698282123123", "2023-10-26T01:02:03.123Z");
    check("%s", "16982821235", "2023-10-26T01:02:03.5Z");
    check("ts=%s", "ts=1698282123|456", "2023-10-26T01:02:03Z");
    check("%s.%f]", "1698282123.5]", "2023-10-26T01:02:03.5Z");
    check("%s%f", "16982821235", "2023-10-26T01:02:03.5Z");
    // It wins over all else.
    check("%F %z %s", "1999-01-01 +0800 1698282123", "2023-10-26T01:02:03Z");
    check_mismatch("%s", "--5", r#"at byte 1: expected a digit for %s but found "-""#);
    check_mismatch("%s", "000", r#"at byte 0: expected seconds other than 0 for %s but found "000""#);
}
