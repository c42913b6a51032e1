//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::Context;
use loglift_sdk::testing::{TestEvent, event};

use super::{Guest, Strptime};

fn guest(config: &str) -> Guest<Strptime> {
    let shanghai = Context { machine_zone: "CST-8".to_owned(), discard_older_than: None, extra: Vec::new() };
    Guest::configure_with(config, &shanghai).expect("the config is valid")
}

fn check(config: &str, input: &TestEvent, expected: &TestEvent) {
    let output = guest(config).process(std::slice::from_ref(input));
    assert_eq!(output.events, std::slice::from_ref(expected), "{config}");
}

#[test]
fn the_time_is_set() {
    check(
        r#"{"SourceKey": "t", "Format": "%Y-%m-%d %H:%M:%S,%f"}"#,
        &event(&[("t", "2023-10-25 23:51:10,123")]),
        &event(&[("t", "2023-10-25 23:51:10,123")]).at(1698249070, 123_000_000),
    );
    check(
        r#"{"Format": "%d/%b/%Y:%H:%M:%S %z"}"#,
        &event(&[("time", "25/Oct/2023:23:51:10 +0800")]),
        &event(&[("time", "25/Oct/2023:23:51:10 +0800")]).at(1698249070, 0),
    );
    check(
        r#"{"Format": "%Y-%m-%d %H:%M:%S", "AdjustUTCOffset": true, "UTCOffset": -28800}"#,
        &event(&[("time", "2023-10-25 23:51:10")]),
        &event(&[("time", "2023-10-25 23:51:10")]).at(1698306670, 0),
    );
}

#[test]
fn the_source_goes_and_an_exact_number_comes_when_asked_for() {
    check(
        r#"{"SourceKey": "t", "Format": "%Y-%m-%d %H:%M:%S.%f", "KeepSource": false, "EnablePreciseTimestamp": true}"#,
        &event(&[("a", "1"), ("t", "2023-10-25 23:51:10.123456")]),
        &event(&[("a", "1"), ("precise_timestamp", "1698249070123")]).at(1698249070, 123_456_000),
    );
    let config = r#"{"SourceKey": "t", "Format": "%s", "KeepSource": false}"#;
    let input = [event(&[("t", "1637843406")]), event(&[("t", "no")]), event(&[("a", "1")])];
    let output = guest(config).process(&input);
    assert_eq!(output.events, [event::<&str>(&[]).at(1637843406, 0), event(&[("t", "no")]), event(&[("a", "1")])]);
    assert_eq!(output.outcomes, [0, 1, 2]);
}

#[test]
fn a_failure_says_what_did_not_match() {
    let input = event(&[("t", "2023-10-25 23:51:10.123")]).at(7, 0);
    let config = r#"{"SourceKey": "t", "Format": "%Y-%m-%d %H:%M:%S,%f"}"#;
    let output = guest(config).process(std::slice::from_ref(&input));
    assert_eq!(output.events, std::slice::from_ref(&input));
    let message = r#"t "2023-10-25 23:51:10.123" does not match Format "%Y-%m-%d %H:%M:%S,%f": at byte 19: expected "," but found ".""#;
    assert_eq!(output.alarms, [("STRPTIME_PARSE_ALARM".to_owned(), message.to_owned())]);

    let silent = r#"{"SourceKey": "t", "Format": "%Y-%m-%d %H:%M:%S,%f", "AlarmIfFail": false}"#;
    let output = guest(silent).process(std::slice::from_ref(&input));
    assert_eq!((output.alarms, output.outcomes), (vec![], vec![1]));
}

#[test]
fn mistakes_are_named() {
    let issue = |config: &str| {
        let issues = Guest::<Strptime>::configure(config).expect_err("the config is wrong");
        issues.into_iter().next().expect("there is one issue").path
    };
    assert_eq!(issue("{}"), "Format");
    assert_eq!(issue(r#"{"Format": "%Q"}"#), "Format");
    assert_eq!(issue(r#"{"Format": "%s", "AdjustUTCOffset": true, "UTCOffset": 60000}"#), "UTCOffset");
}
