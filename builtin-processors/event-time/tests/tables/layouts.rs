//! Layouts of Go: what is refused and how that is said, and what `processor_gotime` is known to make of values.
//! `go_layouts.rs` compares with Go itself.

use super::engine::{LayoutParser, LayoutPrinter};

/// `expected` is `seconds.nanoseconds`, or the message of the mismatch.
#[track_caller]
fn check_in(zone: &str, layout: &str, value: &str, expected: &str) {
    let found = match LayoutParser::new(layout, zone).read(NOW_SECONDS, value) {
        Ok(it) => format!("{}.{:09}", it.seconds, it.nanoseconds),
        Err(mismatch) => mismatch,
    };
    assert_eq!(found, expected, "{value}");
}

#[track_caller]
fn check(layout: &str, value: &str, expected: &str) {
    check_in("CST-8", layout, value, expected);
}

#[track_caller]
fn check_print(zone: &str, layout: &str, seconds: i64, nanoseconds: u32, expected: &str) {
    assert_eq!(LayoutPrinter::new(layout, zone).print(seconds, nanoseconds), expected, "{layout}");
}

/// 2023-10-25 23:51:10 in China.
const NOW_SECONDS: i64 = 1_698_249_070;
const COMMA: &str = "2006-01-02 15:04:05,999999999";
/// A rule, which knows no other years than those of today.
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
const PLAIN: &str = "2006-01-02 15:04:05";
const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

#[test]
fn known_results() {
    check(COMMA, "2025-11-03 15:39:14,229939478", "1762155554.229939478");
    check(COMMA, "2025-11-03 15:39:14", "1762155554.000000000");
    check(COMMA, "2025-11-03 15:39:14.5", "1762155554.500000000");
    check(COMMA, "2025-11-03 15:39:14.1234567891", "1762155554.123456789");
    check("2006-01-02 15:04:05,000", "2023-11-04 16:10:11,277", "1699085411.277000000");
    check("[2006-01-02 15:04:05.000]", "[2017-12-11 15:05:07.012]", "1512975907.012000000");
    check_in("0", RFC3339, "2025-11-03T15:39:14+02:00", "1762177154.000000000");
    check("02/Jan/2006:15:04:05 -0700", "25/Oct/2023:23:51:10 +0000", "1698277870.000000000");
    check("02/Jan/2006:15:04:05 -0700", "25/Oct/2023:23:51:10 +0800", "1698249070.000000000");
    let named = "2006-01-02 15:04:05 MST";
    check_in("0", named, "2023-10-25 23:51:10 CST", "1698277870.000000000");
    check(named, "2023-10-25 23:51:10 CST", "1698249070.000000000");
    check(named, "2023-10-25 23:51:10 UTC", "1698277870.000000000");
    check(named, "2023-10-25 23:51:10 EST", "1698277870.000000000");
}

#[test]
fn what_a_layout_leaves_out_is_close_to_now() {
    check("Jan _2 15:04:05", "Oct 25 23:51:10", "1698249070.000000000");
    check("Jan _2 15:04:05", "Dec 31 00:00:00", "1703952000.000000000");
    check("Jan _2 15:04:05", "Feb 29 00:00:00", "1709136000.000000000");
    check("3:04PM", "11:51PM", "1698249060.000000000");
    check("15:04:05.000", "00:00:01.500", "1698249601.500000000");
    check("2006-01", "2023-10", "1696089600.000000000");
}

#[test]
fn local_times_that_are_skipped_or_repeated_have_the_offset_of_before() {
    check_in(NEW_YORK, PLAIN, "2023-03-12 02:30:00", "1678606200.000000000");
    check_in(NEW_YORK, PLAIN, "2023-11-05 01:30:00", "1699162200.000000000");
    check_in(NEW_YORK, PLAIN, "2023-07-01 12:00:00", "1688227200.000000000");
}

#[test]
fn mismatches_say_what_was_expected_and_where() {
    let milliseconds = "2006-01-02 15:04:05.000";
    check(milliseconds, "2023-10-25 23:51:10.1234", r#"at byte 23: expected the end of the value but found "4""#);
    check(milliseconds, "2023-10-25 23:51:10", "at byte 19: expected a point or comma and 3 digits but the value ends");
    check(
        milliseconds,
        "2023-10-25 23:51:10.12",
        r#"at byte 19: expected a point or comma and 3 digits but found ".12""#,
    );
    check(PLAIN, "2023-10-25 23:51:10.", r#"at byte 19: expected the end of the value but found ".""#);
    check(PLAIN, "2023-10-25 23:51:10 ", r#"at byte 19: expected the end of the value but found " ""#);
    check(PLAIN, " 2023-10-25 23:51:10", r#"at byte 0: expected four digits for 2006 but found " ""#);
    check(PLAIN, "2023-10-25T23:51:10", r#"at byte 10: expected " " but found "T""#);
    check(PLAIN, "2023/10/25 23:51:10", r#"at byte 4: expected "-" but found "/""#);
    check(PLAIN, "2023-1-25 23:51:10", r#"at byte 5: expected two digits for 01 but found "1-25""#);
    check(PLAIN, "2023-13-25 23:51:10", r#"at byte 5: expected 1 to 12 for 01 but found "13""#);
    check(PLAIN, "2023-02-31 00:00:00", r#"at byte 8: expected a day that the calendar has but found "31""#);
    check("2006-01 002", "2023-09 299", r#"at byte 8: expected a day that the calendar has but found "299""#);
    check("2006-01-_2", "2023-01- 0", r#"at byte 9: expected a day that the calendar has but found "0""#);
    check(PLAIN, "2023-10-25 24:00:00", r#"at byte 11: expected 0 to 23 for 15 but found "24""#);
    check(PLAIN, "2023-10-25 23:59:60", r#"at byte 17: expected 0 to 59 for 05 but found "60""#);
    check(PLAIN, "", "at byte 0: expected four digits for 2006 but the value ends");
    check("Mon Jan _2", "Wed Okt 25", r#"at byte 4: expected three letters of a month for Jan but found "Okt""#);
    check("Monday 15", "Wed 15", r#"at byte 0: expected the name of a weekday for Monday but found "Wed""#);
    check("3:04PM", "3:04pm", r#"at byte 4: expected AM or PM for PM but found "pm""#);
    check(
        RFC3339,
        "2025-11-03T15:39:14",
        "at byte 19: expected Z or an offset such as +08:00 for Z07:00 but the value ends",
    );
    check("15 -0700", "15 +08:00", r#"at byte 3: expected an offset such as +0800 for -0700 but found "+08:00""#);
    check("15 MST", "15 cst", r#"at byte 3: expected the abbreviation of a zone for MST but found "cst""#);
    check("2006年", "2006月", r#"at byte 4: expected "年" but found "月""#);
}

#[test]
fn printing() {
    check_print(
        "CST-8",
        "2006-01-02 15:04:05,999999999Z07:00",
        1762155554,
        229_939_478,
        "2025-11-03 15:39:14,229939478+08:00",
    );
    check_print("CST-8", "2006-01-02 15:04:05,999999999Z07:00", 1762155554, 500_000_000, "2025-11-03 15:39:14,5+08:00");
    check_print("CST-8", "2006-01-02 15:04:05.000", 1637843406, 123_000_000, "2021-11-25 20:30:06.123");
    check_print("28800", PLAIN, 1762177154, 0, "2025-11-03 21:39:14");
    check_print("CST-8", PLAIN, -1, 0, "1970-01-01 07:59:59");
    check_print("CST-8", "15:04 MST", 0, 0, "08:00 CST");
    check_print("19800", "15:04 MST", 0, 0, "05:30 +0530");
    check_print("0", "15:04 MST Z0700 -0700", 0, 0, "00:00 UTC Z +0000");
    check_print(NEW_YORK, "Jan _2 3:04PM MST", 1688227200, 0, "Jul  1 12:00PM EDT");
    check_print(NEW_YORK, "Jan _2 3:04PM MST", 1704067200, 0, "Dec 31 7:00PM EST");
    check_print("CST-8", ".000000 15.000 ,999", 0, 1_000_000, ".001000 08.001 ,001");
    check_print("CST-8", "05.999", 0, 999, "00");
}

#[test]
fn one_printer_prints_many_seconds() {
    let layout = "2006-01-02T15:04:05.999 MST";
    let mut used = LayoutPrinter::new(layout, NEW_YORK);
    for seconds in [
        1678604400, 1678604399, 1678604400, 1678604400, 1699163999, 1699164000, 0, 1688227200, 1688227261, 1688259600,
        1688270399, 1688270400,
    ] {
        for nanoseconds in [0, 1_000_000, 999_999_999] {
            let expected = LayoutPrinter::new(layout, NEW_YORK).print(seconds, nanoseconds);
            assert_eq!(used.print(seconds, nanoseconds), expected);
        }
    }
}
