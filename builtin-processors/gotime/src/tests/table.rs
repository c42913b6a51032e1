//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::Context;
use loglift_sdk::testing::{Output, TestEvent, event};
use serde_json::{Value, json};

use super::{Gotime, Guest};

/// A processor in China's zone, with `parameters` besides `SourceKey: t` and `DestKey: r`.
fn guest(parameters: &Value) -> Guest<Gotime> {
    let shanghai = Context { machine_zone: "CST-8".to_owned(), discard_older_than: None, extra: Vec::new() };
    let mut config = json!({"SourceKey": "t", "DestKey": "r", "DestFormat": RFC3339_NANO});
    let parameters = parameters.as_object().expect("an object").clone();
    config.as_object_mut().expect("an object").extend(parameters);
    Guest::configure_with(&config.to_string(), &shanghai).expect("the config is valid")
}

fn run(parameters: &Value, input: &TestEvent) -> Output {
    guest(parameters).process(std::slice::from_ref(input))
}

/// `expected` is the time and the text of `r`; none of them: the event is as before, and failed.
#[track_caller]
fn check(parameters: &Value, value: &str, expected: Option<((i64, u32), &str)>) {
    let input = event(&[("t", value)]).at(7, 0);
    let output = run(parameters, &input);
    let expected_event = match expected {
        Some(((seconds, nanoseconds), text)) => event(&[("t", value), ("r", text)]).at(seconds, nanoseconds),
        None => input,
    };
    assert_eq!(output.events, [expected_event], "{parameters} {value}");
    assert_eq!(output.outcomes, [u8::from(expected.is_none())], "{parameters} {value}");
    assert_eq!(output.alarms.len(), usize::from(expected.is_none()), "{parameters} {value}");
}

const COMMA: &str = "2006-01-02 15:04:05,999999999";

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

#[test]
fn times_of_layouts() {
    let nine = json!({"SourceFormat": COMMA, "DestFormat": "2006-01-02 15:04:05,999999999Z07:00"});
    check(
        &nine,
        "2025-11-03 15:39:14,229939478",
        Some(((1762155554, 229_939_478), "2025-11-03 15:39:14,229939478+08:00")),
    );
    check(&nine, "2025-11-03 15:39:14", Some(((1762155554, 0), "2025-11-03 15:39:14+08:00")));
    check(&nine, "2025-11-03 15:39:14.5", Some(((1762155554, 500_000_000), "2025-11-03 15:39:14,5+08:00")));

    let three = json!({"SourceFormat": "2006-01-02 15:04:05.000"});
    check(&three, "2023-10-25 23:51:10.1234", None);
    check(&three, "2023-10-25 23:51:10", None);

    let zulu =
        json!({"SourceFormat": RFC3339, "SourceLocation": 0, "DestFormat": "2006-01-02 15:04:05", "DestLocation": 8});
    check(&zulu, "2025-11-03T15:39:14+02:00", Some(((1762177154, 0), "2025-11-03 21:39:14")));
    let apache = json!({"SourceFormat": "02/Jan/2006:15:04:05 -0700"});
    check(&apache, "25/Oct/2023:23:51:10 +0000", Some(((1698277870, 0), "2023-10-26T07:51:10+08:00")));
    let named = json!({"SourceFormat": "2006-01-02 15:04:05 MST", "SourceLocation": 0, "DestLocation": 0});
    check(&named, "2023-10-25 23:51:10 CST", Some(((1698277870, 0), "2023-10-25T23:51:10Z")));
}

#[test]
fn times_of_numbers() {
    let check_unit = |unit: &str, value: &str, expected| {
        check(&json!({"SourceFormat": unit, "DestFormat": "2006-01-02 15:04:05.000"}), value, expected);
    };
    let text = "2021-11-25 20:30:06.123";
    check_unit("milliseconds", "1637843406123", Some(((1637843406, 123_000_000), text)));
    check_unit("microseconds", "1637843406123456", Some(((1637843406, 123_456_000), text)));
    check_unit("nanoseconds", "1637843406123456789", Some(((1637843406, 123_456_789), text)));
    check_unit("seconds", "1637843406", Some(((1637843406, 0), "2021-11-25 20:30:06.000")));
    // The original wrapped the event time to 4294967295.
    check_unit("seconds", "-1", Some(((-1, 0), "1970-01-01 07:59:59.000")));
    check_unit("seconds", "1637843406.5", None);
    check_unit("seconds", "", None);
    check_unit("seconds", "9223372036854775807", None);
}

/// The column of Go layouts in the table of worked formats.
#[test]
fn worked_formats() {
    let check = |value: &str, format: &str, expected: &str| {
        let parameters = json!({"SourceFormat": format, "SourceLocation": 8, "DestLocation": "+08:00"});
        let output = run(&parameters, &event(&[("t", value)]));
        assert_eq!(output.events[0].value("r").as_deref(), Some(expected), "{value} {format}");
    };
    check("2023-11-04 16:10:11,277", "2006-01-02 15:04:05,000", "2023-11-04T16:10:11.277+08:00");
    check("2023-10-25 23:51:10,199999999", COMMA, "2023-10-25T23:51:10.199999999+08:00");
    check("2017-12-11 15:05:07", "2006-01-02 15:04:05", "2017-12-11T15:05:07+08:00");
    check("[2017-12-11 15:05:07.012]", "[2006-01-02 15:04:05.000]", "2017-12-11T15:05:07.012+08:00");
    check("02 Jan 06 15:04 MST", "02 Jan 06 15:04 MST", "2006-01-02T23:04:00+08:00");
    check("02 Jan 06 15:04 -0700", "02 Jan 06 15:04 -0700", "2006-01-03T06:04:00+08:00");
    let rfc850 = "Monday, 02-Jan-06 15:04:05 MST";
    check(rfc850, rfc850, "2006-01-02T23:04:05+08:00");
    let rfc1123 = "Mon, 02 Jan 2006 15:04:05 MST";
    check(rfc1123, rfc1123, "2006-01-02T23:04:05+08:00");
    check("2006-01-02T15:04:05+07:00", RFC3339, "2006-01-02T16:04:05+08:00");
    check("2006-01-02T15:04:05.999999999+07:00", RFC3339_NANO, "2006-01-02T16:04:05.999999999+08:00");
    check("25/Oct/2023:23:51:10 +0800", "02/Jan/2006:15:04:05 -0700", "2023-10-25T23:51:10+08:00");
    check("1637843406", "seconds", "2021-11-25T20:30:06+08:00");
    check("1637843406123", "milliseconds", "2021-11-25T20:30:06.123+08:00");
}

#[test]
fn a_time_without_a_year_is_close_to_now_and_counted() {
    let mut guest = guest(&json!({"SourceFormat": "Jan _2 15:04:05"}));
    let output = guest.process_at(1_698_300_000, &[event(&[("t", "Oct 25 23:51:10")]), event(&[("t", "x")])]);
    assert_eq!(output.events[0].value("r").as_deref(), Some("2023-10-25T23:51:10+08:00"));
    assert_eq!(output.counts, [("deduced_date_total".to_owned(), 1)]);
}

#[test]
fn an_existing_field_is_replaced_in_place() {
    let input = event(&[("r", "old"), ("t", "1637843406"), ("x", "1")]);
    let output = run(&json!({"SourceFormat": "seconds", "DestFormat": "15:04"}), &input);
    let expected = event(&[("r", "20:30"), ("t", "1637843406"), ("x", "1")]);
    assert_eq!(output.events, [expected.at(1637843406, 0)]);
}

#[test]
fn the_source_goes_when_asked_for() {
    let parameters = json!({"SourceFormat": "seconds", "DestFormat": "15:04", "KeepSource": false});
    let input = [event(&[("t", "1637843406"), ("x", "1")]), event(&[("t", "no")]), event(&[("x", "1")])];
    let output = guest(&parameters).process(&input);
    let expected = event(&[("x", "1"), ("r", "20:30")]).at(1637843406, 0);
    assert_eq!(output.events, [expected, input[1].clone(), input[2].clone()]);
    assert_eq!(output.outcomes, [0, 1, 2]);
    assert_eq!(
        output.alarms.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(),
        ["GOTIME_PARSE_ALARM", "GOTIME_FIND_ALARM"]
    );

    // The field that the time is written to is never removed.
    let parameters = json!({"SourceFormat": "seconds", "DestKey": "t", "DestFormat": "15:04", "KeepSource": false});
    let output = run(&parameters, &input[0]);
    assert_eq!(output.events, [event(&[("t", "20:30"), ("x", "1")]).at(1637843406, 0)]);
}

#[test]
fn the_event_time_stays_when_asked_for() {
    let parameters = json!({"SourceFormat": "seconds", "DestFormat": "15:04", "SetTime": false});
    let output = run(&parameters, &event(&[("t", "1637843406")]).at(7, 8));
    assert_eq!(output.events, [event(&[("t", "1637843406"), ("r", "20:30")]).at(7, 8)]);
}

#[test]
fn a_failure_leaves_the_event_alone_with_or_without_an_alarm() {
    let input = event(&[("t", "2025-11-03T15:39:14"), ("r", "as before")]).at(7, 8);
    let output = run(&json!({"SourceFormat": RFC3339}), &input);
    assert_eq!(output.events, std::slice::from_ref(&input));
    let message = r#"t "2025-11-03T15:39:14" does not match SourceFormat "2006-01-02T15:04:05Z07:00": at byte 19: expected Z or an offset such as +08:00 for Z07:00 but the value ends"#;
    assert_eq!(output.alarms, [("GOTIME_PARSE_ALARM".to_owned(), message.to_owned())]);

    // The original went on with the year 1.
    let output = run(&json!({"SourceFormat": RFC3339, "AlarmIfFail": false, "KeepSource": false}), &input);
    assert_eq!((output.events, output.outcomes, output.alarms), (vec![input], vec![1], vec![]));
}

#[test]
fn a_missing_field_is_an_alarm_unless_switched_off() {
    // In a batch without the field, and in one where another event has it.
    for with_source in [false, true] {
        let mut input = vec![event(&[("x", "1")])];
        input.extend(with_source.then(|| event(&[("t", "1")])));
        let output = guest(&json!({"SourceFormat": "seconds"})).process(&input);
        assert_eq!(output.events[0], input[0]);
        assert_eq!(output.outcomes[0], 2);
        assert_eq!(output.alarms, [("GOTIME_FIND_ALARM".to_owned(), r#"the event has no field "t""#.to_owned())]);

        let output = guest(&json!({"SourceFormat": "seconds", "NoKeyError": false})).process(&input);
        assert_eq!((output.outcomes[0], output.alarms.len()), (2, 0));
    }
}

#[test]
fn only_the_source_is_read() {
    assert_eq!(guest(&json!({"SourceFormat": "seconds"})).setup.reads, Some(vec!["t".to_owned()]));
}

#[test]
fn mistakes_are_named_all_at_once() {
    let check = |config: Value, expected: &[&str]| {
        let issues = Guest::<Gotime>::configure(&config.to_string()).expect_err("the config is wrong");
        let issues: Vec<String> = issues.iter().map(|it| format!("{}: {}", it.path, it.message)).collect();
        assert_eq!(issues, expected, "{config}");
    };
    check(
        json!({}),
        &[
            "SourceKey: is missing: the field that holds the time",
            "DestKey: is missing: the field to write the time to",
            "SourceFormat: is missing: a Go layout such as 2006-01-02 15:04:05",
            "DestFormat: is missing: a Go layout such as 2006-01-02 15:04:05",
        ],
    );
    let config = |source: &str, dest: &str| json!({"SourceKey": "t", "DestKey": "r", "SourceFormat": source, "DestFormat": dest});
    check(
        config("%Y-%m-%d", "milliseconds"),
        &[
            "SourceFormat: no element of a Go layout, such as 2006 or 15:04:05; it looks like a strptime format at byte 8",
            "DestFormat: no element of a Go layout, such as 2006 or 15:04:05 at byte 12",
        ],
    );
    check(
        config("RFC3339", "Kitchen"),
        &[
            r#"SourceFormat: RFC3339 is only the name of a layout: write "2006-01-02T15:04:05Z07:00""#,
            r#"DestFormat: Kitchen is only the name of a layout: write "3:04PM""#,
        ],
    );
    check(
        config("MST -0700", "2006"),
        &["SourceFormat: no element for a date or a time, such as 2006 or 15:04:05 at byte 9"],
    );
    let mut far = config("2006", "2006");
    far["DestLocation"] = json!(480);
    check(far, &["DestLocation: expected -24 to 24 hours, or -100 for the zone of the machine"]);
}
