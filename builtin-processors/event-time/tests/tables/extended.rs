//! The known results of `processor_strptime`, with China's zone as the machine's.

use super::engine::FormatParser;

/// `expected` is `seconds.nanoseconds`, or the message of the mismatch.
#[track_caller]
fn check(format: &str, value: &str, expected: &str) {
    check_in("CST-8", format, value, expected);
}

#[track_caller]
fn check_in(zone: &str, format: &str, value: &str, expected: &str) {
    let found = match FormatParser::new(format, zone, None).read(0, value) {
        Ok(it) => format!("{}.{:09}", it.seconds, it.nanoseconds),
        Err(mismatch) => mismatch,
    };
    assert_eq!(found, expected, "{value}");
}

const COMMA: &str = "%Y-%m-%d %H:%M:%S,%f";
const PLAIN: &str = "%Y-%m-%d %H:%M:%S";

#[test]
fn fractions() {
    check(COMMA, "2023-10-25 23:51:10,1", "1698249070.100000000");
    check(COMMA, "2023-10-25 23:51:10,1234567891", "1698249070.123456789");
    check(COMMA, "2023-10-25 23:51:10,", "at byte 20: expected a digit for %f but the value ends");
    check(COMMA, "2023-10-25 23:51:10,123", "1698249070.123000000");
    check(COMMA, "2023-10-25 23:51:10.123", r#"at byte 19: expected "," but found ".""#);
    check("%Y-%m-%d %H:%M:%S.%f", "2023-10-25 23:51:10.123456", "1698249070.123456000");
    // The original stopped at the tenth digit, so that the bracket did not match.
    check("[%Y-%m-%d %H:%M:%S.%f]", "[2023-10-25 23:51:10.1234567891]", "1698249070.123456789");
}

#[test]
fn offsets() {
    check("%Y-%m-%d %H:%M:%S %z", "2023-10-25 23:51:10 +0800", "1698249070.000000000");
    check("%Y-%m-%d %H:%M:%S %z", "2023-10-25 23:51:10 -0530", "1698297670.000000000");
    // The original refused a colon and Z.
    check("%Y-%m-%d %H:%M:%S %z", "2023-10-25 23:51:10 +08:00", "1698249070.000000000");
    check("%Y-%m-%d %H:%M:%S %z", "2023-10-25 23:51:10 Z", "1698277870.000000000");
    check("%d/%b/%Y:%H:%M:%S %z", "25/Oct/2023:23:51:10 +0800", "1698249070.000000000");
    check_in("-28800", PLAIN, "2023-10-25 23:51:10", "1698306670.000000000");
    // The original subtracted UTCOffset once more.
    check_in("-28800", "%F %T %z", "2023-10-25 23:51:10 +0800", "1698249070.000000000");
}

#[test]
fn zone_names_change_nothing() {
    check("%Y-%m-%d %H:%M:%S %Z", "2023-10-25 23:51:10 UTC", "1698249070.000000000");
    check("%Y-%m-%d %H:%M:%S %Z", "2023-10-25 23:51:10 gmt", "1698249070.000000000");
    check("%Y-%m-%d %H:%M:%S %Z", "2023-10-25 23:51:10", "1698249070.000000000");
    // The original refused all capitals but UTC and GMT; its native sibling did not.
    check("%Y-%m-%d %H:%M:%S %Z", "2023-10-25 23:51:10 CST", "1698249070.000000000");
}

#[test]
fn times_that_do_not_exist_count_on() {
    check(PLAIN, "2023-02-31 00:00:00", "1677772800.000000000");
    check(PLAIN, "2023-01-02 03:04:60", "1672599900.000000000");
    // The original ended at 60; its native sibling did not.
    check(PLAIN, "2023-01-02 03:04:61", "1672599901.000000000");
    check(PLAIN, "2023-01-02 03:04:62", r#"at byte 17: expected 0 to 61 for %S but found "62""#);
    check("%d.%m.%Y", "0.3.2023", "1677513600.000000000");
}

#[test]
fn before_1970() {
    // The original wrapped to 3979319296.
    check(PLAIN, "1960-01-01 00:00:00", "-315648000.000000000");
}

#[test]
fn weeks_and_days_of_the_year() {
    check("%Y %j", "2023 299", "1698249600.000000000");
    check("%Y %U %w", "2023 23 2", "1685980800.000000000");
    check("%Y %U %a", "2023 23 Tue", "1685980800.000000000");
    check("%Y %W %u", "2023 23 2", "1685980800.000000000");
    check("%Y %U", "2023 23", "1685808000.000000000");
    // The original did not consume the digit.
    check("%w %Y-%m-%d", "4 2023-10-26", "1698249600.000000000");
}

#[test]
fn blanks_before_the_day() {
    check("%e %b %Y", " 7 Jan 2023", "1673020800.000000000");
    check("%d %b %Y", " 7 Jan 2023", r#"at byte 0: expected a digit for %d but found " ""#);
}

#[test]
fn composites() {
    check("%+", "Thu Oct 26 01:02:03 UTC 2023", "1698253323.000000000");
    // As date(1) prints it in China; the original refused CST.
    check("%+", "Thu Oct 26 01:02:03 CST 2023", "1698253323.000000000");
    check("%c", "Thu Oct 26 01:02:03 2023", "1698253323.000000000");
    check("%x %X", "10/26/23 01:02:03", "1698253323.000000000");
    check("%D %r", "10/26/23 01:02:03 AM", "1698253323.000000000");
}

#[test]
fn seconds_since_the_epoch() {
    // The original cut the value to ten characters.
    check("%s", "1637843406123", "1637843406.123000000");
    check("%s", "1637843406", "1637843406.000000000");
    // The original crashed.
    check("%s", "163784340", "163784340.000000000");
    // The original subtracted the offset of the machine (1637814606.123).
    check("%s.%f", "1637843406.123", "1637843406.123000000");
    check("%s%f", "1637843406123", "1637843406.123000000");
}
