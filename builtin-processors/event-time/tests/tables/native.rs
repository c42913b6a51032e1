//! The known results of `processor_parse_timestamp_native`, with China's zone as the machine's.

use super::engine::FormatParser;

/// `expected` is `seconds.nanoseconds`, or the message of the mismatch.
#[track_caller]
fn check(format: &str, value: &str, expected: &str) {
    check_with(format, None, SHANGHAI, value, expected);
}

#[track_caller]
fn check_with(format: &str, source_year: Option<i64>, zone: &str, value: &str, expected: &str) {
    let mut parser = FormatParser::new(format, zone, source_year);
    // Twice, so that the second is remembered.
    for _ in 0..2 {
        let found = match parser.read(NOW_SECONDS, value) {
            Ok(it) => format!("{}.{:09}", it.seconds, it.nanoseconds),
            Err(mismatch) => mismatch,
        };
        assert_eq!(found, expected, "{value}");
    }
}

#[track_caller]
fn check_rest(format: &str, value: &str, expected: &str) {
    let reading = FormatParser::new(format, SHANGHAI, None).read(NOW_SECONDS, value).expect("a match");
    assert_eq!(reading.rest.as_deref().unwrap_or(expected), expected, "{value}");
}

/// 2023-11-10 00:00:00 in Shanghai.
const NOW_SECONDS: i64 = 1_699_545_600;
const SHANGHAI: &str = "Asia/Shanghai";
const COMMA: &str = "%Y-%m-%d %H:%M:%S,%f";
const PLAIN: &str = "%Y-%m-%d %H:%M:%S";

#[test]
fn date_and_time() {
    check(COMMA, "2023-10-25 23:51:10,199999999", "1698249070.199999999");
    check(COMMA, "2023-10-25 23:51:10,123 tail", "1698249070.123000000");
    check_rest(COMMA, "2023-10-25 23:51:10,123 tail", " tail");
    check(COMMA, "2023-10-25 23:51:10.123", r#"at byte 19: expected "," but found ".""#);
    check(COMMA, "2023-10-25 23:51:10", r#"at byte 19: expected "," but the value ends"#);
    check(COMMA, "2023-10-25 23:51:10,", "at byte 20: expected a digit for %f but the value ends");
    check("%Y%m%d%H%M%S%f", "20231026010203123", "1698253323.123000000");
    check(PLAIN, "2023-1-2 1:2:3", "1672592523.000000000");
    check(PLAIN, "2023-1-2 3:4:5", "1672599845.000000000");
    check(PLAIN, "  2023-10-26 01:02:03", r#"at byte 0: expected a digit for %Y but found " ""#);
    check(" %Y-%m-%d %H:%M:%S", "  2023-10-26 01:02:03", "1698253323.000000000");
    check("%Y-%m-%d%n%H:%M", "2023-10-26 01:02", "1698253320.000000000");
    check("%Y-%m-%d%n%H:%M", "2023-10-2601:02", "1698253320.000000000");
    check("%Y-%m-%d%t%H:%M", "2023-10-26 \t\n01:02", "1698253320.000000000");
    check("%D %T", "10/26/23 01:02:03", "1698253323.000000000");
    check("%y%m%d", "231026", "1698249600.000000000");
    check("%C%y-%m-%d", "2023-10-26", "1698249600.000000000");
    check("%c", "Tue Nov  2 14:12:58 2020", "1604297578.000000000");
    check("%H", "24", r#"at byte 0: expected 0 to 23 for %H but found "24""#);
    // Days that do not exist count on, and so do leap seconds.
    check(PLAIN, "2023-02-31 00:00:00", "1677772800.000000000");
    check(PLAIN, "2023-01-02 03:04:60", "1672599900.000000000");
    check(PLAIN, "2023-01-02 03:04:61", "1672599901.000000000");
    // Without a day, the first; the original took the day before the month.
    check("%Y", "2023", "1672502400.000000000");
}

#[test]
fn worked_formats() {
    check(COMMA, "2023-11-04 16:10:11,277", "1699085411.277000000");
    check(PLAIN, "2017-12-11 15:05:07", "1512975907.000000000");
    check("[%Y-%m-%d %H:%M:%S", "[2017-12-11 15:05:07.012]", "1512975907.000000000");
    check("[%Y-%m-%d %H:%M:%S.%f", "[2017-12-11 15:05:07.012]", "1512975907.012000000");
    check("%d %b %y %H:%M", "02 Jan 06 15:04 MST", "1136185440.000000000");
    check("%d %b %y %H:%M", "02 Jan 06 15:04 -0700", "1136185440.000000000");
    check("%A, %d-%b-%y %H:%M:%S", "Monday, 02-Jan-06 15:04:05 MST", "1136185445.000000000");
    check("%a, %d %b %Y %H:%M:%S", "Mon, 02 Jan 2006 15:04:05 MST", "1136185445.000000000");
    check("%A, %d %b %Y %H:%M:%S", "Mon, 02 Jan 2006 15:04:05 MST", "1136185445.000000000");
    check("%Y-%m-%dT%H:%M:%S", "2006-01-02T15:04:05Z07:00", "1136185445.000000000");
    check("%Y-%m-%dT%H:%M:%S", "2006-01-02T15:04:05.999999999Z07:00", "1136185445.000000000");
    check("%Y-%m-%dT%H:%M:%S.%f", "2006-01-02T15:04:05.999999999Z07:00", "1136185445.999999999");
    check("%Y-%m-%dT%H:%M:%S.%f%z", "2006-01-02T15:04:05.999999999Z07:00", "1136214245.999999999");
    // The original read the offset and ignored it; here the offset wins over the zone.
    check("%d/%b/%Y:%H:%M:%S %z", "25/Oct/2023:23:51:10 +0800", "1698249070.000000000");
    check("%d/%b/%Y:%H:%M:%S %z", "25/Oct/2023:23:51:10 +0000", "1698277870.000000000");
    check("%Y-%m-%d %H:%M:%S.%f %z", "2017-1-11 15:05:07.012 +0700 (UTC)", "1484121907.012000000");
    check("%b %d %H:%M:%S", "Oct 25 23:51:10", "1698249070.000000000");
}

#[test]
fn fractions_are_left_aligned_and_cut_to_nine_digits() {
    let check = |fraction, expected: &str| {
        check(COMMA, &format!("2023-10-25 23:51:10,{fraction}"), &format!("1698249070.{expected}"));
    };
    check("1", "100000000");
    check("12", "120000000");
    check("123", "123000000");
    check("123456", "123456000");
    check("000000001", "000000001");
    check("5", "500000000");
    // The original gave 1234567891 nanoseconds to the first, and garbage to the second.
    check("1234567891", "123456789");
    check("99999999999999999999999999", "999999999");
}

#[test]
fn am_and_pm() {
    check("%Y-%m-%d %I:%M:%S %p", "2023-10-26 12:02:03 am", "1698249723.000000000");
    check("%Y-%m-%d %I:%M:%S %p", "2023-10-26 12:02:03 PM", "1698292923.000000000");
    // The original lost what came before the hour (1698260523).
    check("%Y-%m-%d %p %I:%M:%S", "2023-10-26 PM 03:02:03", "1698303723.000000000");
    check("%Y-%m-%d %I:%M:%S", "2023-10-26 12:02:03", "1698249723.000000000");
    check("%F %r", "2023-10-26 03:02:03 Pm", "1698303723.000000000");
    check("%Y-%m-%d %H:%M:%S %p", "2023-10-26 03:02:03 PM", "1698303723.000000000");
    check("%Y-%m-%d %H:%M:%S %p", "2023-10-26 12:02:03 AM", "1698249723.000000000");
    check("%Y-%m-%d %H:%M:%S %p", "2023-10-26 15:02:03 PM", "1698303723.000000000");
    check("%I:%M %p", "3:02 xm", r#"at byte 5: expected AM or PM for %p but found "xm""#);
}

#[test]
fn zones() {
    check("%Y-%m-%d %H:%M:%S %Z", "2023-10-26 01:02:03 CST", "1698253323.000000000");
    // The original left CST in the rest; consumed, it lets `%Z %Y` read the output of date(1).
    check_rest("%Y-%m-%d %H:%M:%S %Z", "2023-10-26 01:02:03 CST", "");
    let check_utc = |value, expected| check_with(PLAIN, None, "0", value, expected);
    check_utc("2023-10-25 23:51:10", "1698277870.000000000");
}

#[test]
fn weeks_and_days_of_the_year() {
    // The original ignored the day of the year (1672416000).
    check("%Y-%j", "2023-299", "1698249600.000000000");
    check("%w %Y-%m-%d", "4 2023-10-26", "1698249600.000000000");
    check("%u %Y-%m-%d", "4 2023-10-26", "1698249600.000000000");
}

#[test]
fn seconds_since_the_epoch() {
    check("%s", "1637843406", "1637843406.000000000");
    check("%s", "1637843406123", "1637843406.123000000");
    check("%s", "1637843406123456", "1637843406.123456000");
    check("%s", "1637843406123456789", "1637843406.123456789");
    check("%s", "163784340", "163784340.000000000");
    check("%s", "1637843406.5", "1637843406.000000000");
    check("%s", "1", "1.000000000");
    check("%s", "0", r#"at byte 0: expected seconds other than 0 for %s but found "0""#);
    check("%s", "", "at byte 0: expected a digit for %s but the value ends");
    check("%s", "abc", r#"at byte 0: expected a digit for %s but found "a""#);
    check("%s", "-5", "-5.000000000");
    check("%s", "-1637843406250", "-1637843407.750000000");
    // The original put the fraction in the wrong place.
    check("%s", "+1637843406123", "1637843406.123000000");
    check("%s", "  1637843406123", "1637843406.123000000");
    check("%s", "0001637843406123", "1637843406.123000000");
    // The original returned 9223372036.
    check("%s", "163784340612345678901", "1637843406.123456789");
    // The original knew no %s within a longer format.
    check("[%s]", "[1637843406]", "1637843406.000000000");
    check("[%s]", "[1637843406123]", r#"at byte 11: expected "]" but found "1""#);
    check("%s.%f", "1637843406.123", "1637843406.123000000");
    check("%s%f", "1637843406123", "1637843406.123000000");
}

#[test]
fn missing_years() {
    let check_year = |year, expected| {
        check_with("%b %d %H:%M:%S", year, SHANGHAI, "Oct 26 01:02:03", expected);
    };
    // The original dropped the event without a word (-67768040583932620).
    check_year(Some(-1), "1698253323.000000000");
    check_year(Some(0), "1698253323.000000000");
    check_year(Some(2023), "1698253323.000000000");
    check_year(Some(2020), "1603645323.000000000");
    check_year(Some(-2), "1698253323.000000000");
}
