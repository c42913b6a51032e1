//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::Context;
use loglift_sdk::testing::event;

use super::{Guest, ParseTimestamp};

fn guest(config: &str, discard_older_than: Option<u32>) -> Guest<ParseTimestamp> {
    let shanghai = Context { machine_zone: "CST-8".to_owned(), discard_older_than, extra: Vec::new() };
    Guest::configure_with(config, &shanghai).expect("the config is valid")
}

fn check(config: &str, value: &str, expected: (i64, u32)) {
    let output = guest(config, None).process(&[event(&[("t", value)])]);
    assert_eq!(output.events, [event(&[("t", value)]).at(expected.0, expected.1)], "{config}");
}

#[test]
fn the_time_is_set_and_the_source_stays() {
    let nanoseconds = r#"{"SourceKey": "t", "SourceFormat": "%Y-%m-%d %H:%M:%S,%f"}"#;
    check(nanoseconds, "2023-10-25 23:51:10,199999999", (1698249070, 199_999_999));
    check(nanoseconds, "2023-10-25 23:51:10.199", (0, 0));
    check(r#"{"SourceKey": "t", "SourceFormat": "[%Y-%m-%d %H:%M:%S"}"#, "[2017-12-11 15:05:07.012]", (1512975907, 0));
    check(r#"{"SourceKey": "t", "SourceFormat": "%s"}"#, "1637843406123", (1637843406, 123_000_000));
    let utc = r#"{"SourceKey": "t", "SourceFormat": "%Y-%m-%d %H:%M:%S", "SourceTimezone": "GMT+00:00"}"#;
    check(utc, "2023-10-25 23:51:10", (1698277870, 0));
    let year = r#"{"SourceKey": "t", "SourceFormat": "%b %d %H:%M:%S", "SourceYear": 2023}"#;
    check(year, "Oct 26 01:02:03", (1698253323, 0));
}

#[test]
fn a_failure_keeps_the_event_and_says_what_did_not_match() {
    let mut guest = guest(r#"{"SourceKey": "t", "SourceFormat": "%H:%M"}"#, None);
    let output = guest.process(&[event(&[("t", "12-30")]), event(&[("x", "12:30")])]);
    assert_eq!(output.events.len(), 2);
    assert_eq!(output.outcomes, [1, 2]);
    let message = r#"t "12-30" does not match SourceFormat "%H:%M": at byte 2: expected ":" but found "-""#;
    assert_eq!(output.alarms, [("PARSE_TIME_FAIL_ALARM".to_owned(), message.to_owned())]);
}

#[test]
fn old_events_are_dropped_with_an_alarm_and_a_counter() {
    let config = r#"{"SourceKey": "t", "SourceFormat": "%s"}"#;
    let input = [event(&[("t", "1700000000")]), event(&[("t", "1699999999")]), event(&[("t", "1700003600")])];
    let output = guest(config, Some(3600)).process_at(1_700_003_600, &input);
    assert_eq!(output.origins, [0, 2]);
    assert_eq!(output.outcomes, [0, 3, 0]);
    assert_eq!(output.counts, [("history_failure_total".to_owned(), 1)]);
    assert_eq!(output.alarms[0].0, "OUTDATED_LOG_ALARM");
    assert_eq!(guest(config, None).process_at(1_700_003_600, &input).events.len(), 3);
}

#[test]
fn questionable_zones_are_warned_of() {
    let config = r#"{"SourceKey": "t", "SourceFormat": "%s", "SourceTimezone": "Asia/Shanghai"}"#;
    assert_eq!(guest(config, None).setup.warnings[0].path, "SourceTimezone");
}
