//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::testing::{Output, TestEvent, event};
use loglift_sdk::{Outcome, excerpt};
use serde_json::{Value, json};

use super::{Guest, ParseJson};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

pub(super) fn guest(options: &Value) -> Guest<ParseJson> {
    let mut config = json!({"SourceKey": "content"});
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Guest::configure(&config.to_string()).unwrap()
}

pub(super) fn run(options: &Value, input: &[TestEvent]) -> Output {
    guest(options).process(input)
}

/// The fields that a text becomes, or None if it fails.
pub(super) fn parse(text: impl AsRef<[u8]>) -> Option<Fields> {
    let output = run(&json!({}), &[event(&[("content", text)])]);
    assert_eq!(output.outcomes.len(), 1);
    assert_eq!(output.outcomes[0] == Outcome::Successful as u8, output.events.len() == 1);
    output.events.into_iter().next().map(|event| event.fields)
}

fn check(text: impl AsRef<[u8]>, fields: &[(&str, &str)]) {
    let shown = excerpt(text.as_ref());
    assert_eq!(parse(text), Some(event(fields).fields), "{shown}");
}

fn check_failure(text: impl AsRef<[u8]>, reason: &str) {
    let text = text.as_ref();
    let output = run(&json!({}), &[event(&[("content", text)])]);
    assert_eq!(output.events, [], "{}", excerpt(text));
    assert_eq!(output.outcomes, [Outcome::Discarded as u8]);
    let message = format!("not a JSON object: {reason}: {}", excerpt(text));
    assert_eq!(output.alarms, [("PARSE_LOG_FAIL_ALARM".to_owned(), message)]);
}

#[test]
fn values_become_text() {
    check(r#"{"a":"text","b":""}"#, &[("a", "text"), ("b", "")]);
    check(
        r#"{"i":12,"z":0,"n":-0,"f":3.14,"e":1e-9,"E":1.50E+05,"m":-0.0,"big":18446744073709551616,"huge":1E400}"#,
        &[
            ("i", "12"),
            ("z", "0"),
            ("n", "-0"),
            ("f", "3.14"),
            ("e", "1e-9"),
            ("E", "1.50E+05"),
            ("m", "-0.0"),
            ("big", "18446744073709551616"),
            ("huge", "1E400"),
        ],
    );
    check(r#"{"t":true,"f":false,"n":null}"#, &[("t", "true"), ("f", "false"), ("n", "")]);
    check(
        r#"{"o":{"k" : [1, 2.50]},"a":[ ],"e":{ },"d":[[{"x":"\u0041\"]"}],"é"]}"#,
        &[("o", r#"{"k" : [1, 2.50]}"#), ("a", "[ ]"), ("e", "{ }"), ("d", r#"[[{"x":"\u0041\"]"}],"é"]"#)],
    );
    check(" \t\r\n{ \"a\" : 1 , \"b\"\n:\t[1 , 2] } \n", &[("a", "1"), ("b", "[1 , 2]")]);
    check("{}", &[]);
    check(" { } ", &[]);
}

#[test]
fn strings_are_unescaped() {
    check(r#"{"a":"\"\\\/\b\f\n\r\t"}"#, &[("a", "\"\\/\u{8}\u{c}\n\r\t")]);
    check(r#"{"a":"\u0041\u00e9\u4E2D\u0000|"}"#, &[("a", "Aé中\0|")]);
    check(r#"{"a":"\ud83d\ude00 \uDBFF\uDFFF \ud800\udc00"}"#, &[("a", "😀 \u{10ffff} \u{10000}")]);
    check("{\"a\":\"\u{7f}中文 é\",\"b\":\"é\\né\"}", &[("a", "\u{7f}中文 é"), ("b", "é\né")]);
    check(
        r#"{"m":"{\"no\": 14, \"uuid\": \"9be98c29-22c7-40a1\"}","n":1}"#,
        &[("m", r#"{"no": 14, "uuid": "9be98c29-22c7-40a1"}"#), ("n", "1")],
    );
    // Escapes and ends at every place of a block.
    for before in 0..40 {
        for after in 0..20 {
            let (x, y) = ("x".repeat(before), "y".repeat(after));
            check(format!(r#"{{"a":"{x}\n{y}","b":"{x}"}}"#), &[("a", &format!("{x}\n{y}")), ("b", &x)]);
        }
    }
}

#[test]
fn keys_are_unescaped_and_distinct() {
    check(r#"{"":1,"é":2,"\u0061\"":3}"#, &[("", "1"), ("é", "2"), ("a\"", "3")]);
    check(r#"{"a":1,"b":2,"a":3}"#, &[("a", "3"), ("b", "2")]);
    check(r#"{"a":1,"b":2,"\u0061":null}"#, &[("a", ""), ("b", "2")]);
    check(r#"{"a":"\n","a":"\t","a":"x"}"#, &[("a", "x")]);
    let long = "a key of more than one block, and more than two";
    check(format!(r#"{{"{long}":1,"{long}!":2,"{long}":3}}"#), &[(long, "3"), (&format!("{long}!"), "2")]);
}

#[test]
fn each_line_has_its_own_keys() {
    let long = "a key of more than one block, and more than two";
    let other = "a key of more than one block, and more than 2 ...";
    let lines = [
        json!({"a": 1, "b": 2, "c": 3}),
        json!({"a": 1, "b": 2, "c": 3}),
        json!({"b": 1, "a": 2}),
        json!({"a": 1, "bb": 2, "c": 3}),
        json!({}),
        json!({"content": 1, "a": 2}),
        json!({long: 1, "a": 2}),
        json!({other: 1, "a": 2}),
        json!({long: 1, other: 2}),
        json!({long: 1, other: 2}),
        json!({"a": 1, "b": 2, "c": 3}),
    ];
    let events: Vec<TestEvent> = lines.iter().map(|line| event(&[("content", line.to_string())])).collect();
    let output = run(&json!({}), &events);
    let fields = |line: &Value| line.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.to_string())).collect();
    let expected: Vec<Vec<(String, String)>> = lines.iter().map(fields).collect();
    let found: Vec<Vec<(String, String)>> = output.events.into_iter().map(text_fields).collect();
    for (found, expected) in found.into_iter().zip(expected) {
        let sorted = |mut fields: Vec<(String, String)>| {
            fields.sort();
            fields
        };
        assert_eq!(sorted(found), sorted(expected));
    }
}

#[test]
fn a_failure_says_where_and_what_was_expected() {
    check_failure("not json", r#"at byte 0: expected "{" but found "n""#);
    check_failure("  ", r#"at byte 2: expected "{" but found the end"#);
    check_failure("[1,2]", r#"at byte 0: expected "{" but found "[""#);
    check_failure("\u{feff}{}", r#"at byte 0: expected "{" but found a byte order mark"#);
    check_failure(r#"{"a":1} tail"#, r#"at byte 8: expected the end but found "t""#);
    check_failure(r#"{"a":1}{"b":2}"#, r#"at byte 7: expected the end but found "{""#);
    check_failure(r#"{a:1}"#, r#"at byte 1: expected a key in quotes or "}" but found "a""#);
    check_failure(r#"{"a":1,}"#, r#"at byte 7: expected a key in quotes but found "}""#);
    check_failure(r#"{"a" 1}"#, r#"at byte 5: expected ":" but found "1""#);
    check_failure(r#"{"a":}"#, r#"at byte 5: expected a value but found "}""#);
    check_failure(r#"{"a":é}"#, r#"at byte 5: expected a value but found "é""#);
    check_failure(r#"{"a":1"#, r#"at byte 6: expected "," or "}" but found the end"#);
    check_failure(r#"{"no":14,"m":"{"no":45}"}"#, r#"at byte 16: expected "," or "}" but found "n""#);
    check_failure(r#"{"a":tru}"#, r#"at byte 5: expected true but found "t""#);
    check_failure(r#"{"a":nul"#, r#"at byte 5: expected null but found "n""#);
    check_failure(r#"{"a":-}"#, r#"at byte 6: expected a digit but found "}""#);
    check_failure(r#"{"a":1.e}"#, r#"at byte 7: expected a digit but found "e""#);
    check_failure(r#"{"a":012}"#, r#"at byte 6: expected "," or "}" but found "1""#);
    check_failure(r#"{"a":1e+"#, r#"at byte 8: expected a digit but found the end"#);
    check_failure(r#"{"a":[1,]}"#, r#"at byte 8: expected a value but found "]""#);
    check_failure(r#"{"a":[;]}"#, r#"at byte 6: expected a value or "]" but found ";""#);
    check_failure(r#"{"a":[1;]}"#, r#"at byte 7: expected "," or "]" but found ";""#);
    check_failure(r#"{"a":{"b":1]}"#, r#"at byte 11: expected "," or "}" but found "]""#);
    check_failure(r#"{"a":{"b":1,}}"#, r#"at byte 12: expected a key in quotes but found "}""#);

    let string = r"expected the rest of a string (control characters need an escape such as \n)";
    check_failure("{\"a\":\"x\ny\"}", &format!("at byte 7: {string} but found byte 0x0a"));
    check_failure("{\"a\":\"\\tx\0y\"}", &format!("at byte 9: {string} but found byte 0x00"));
    check_failure(r#"{"a":"open"#, &format!("at byte 10: {string} but found the end"));
    check_failure(r#"{"a":"open\n"#, &format!("at byte 12: {string} but found the end"));
    check_failure(r#"{"a"#, &format!("at byte 3: {string} but found the end"));
    check_failure(r#"{"a":["open\n"#, &format!("at byte 13: {string} but found the end"));
    let escape = r#"expected one of "\/bfnrtu after the backslash"#;
    check_failure(r#"{"a":"\x"}"#, &format!(r#"at byte 7: {escape} but found "x""#));
    check_failure(r#"{"a":"\"#, &format!("at byte 7: {escape} but found the end"));
    check_failure(r#"{"a":["\x"]}"#, &format!(r#"at byte 8: {escape} but found "x""#));
    check_failure(r#"{"a":"\u12g4"}"#, r#"at byte 10: expected four hexadecimal digits after \u but found "g""#);
    let low = r"expected a low surrogate (\udc00 to \udfff) after the high one";
    check_failure(r#"{"a":"\ud83d"}"#, &format!(r#"at byte 12: {low} but found "{quote}""#, quote = '"'));
    check_failure(r#"{"a":"\ud83d\u0041"}"#, &format!(r#"at byte 12: {low} but found "\""#));
    let high = r"expected a high surrogate (\ud800 to \udbff) before a low one";
    check_failure(r#"{"a":["\ude00"]}"#, &format!(r#"at byte 9: {high} but found "d""#));
    check_failure(b"{\"a\":\"\xff\"}", "at byte 6: expected UTF-8 but found byte 0xff");
    check_failure(b"{\"a\":\"\\n\xed\xa0\x80\"}", "at byte 8: expected UTF-8 but found byte 0xed");
    check_failure(b"{\"a\xc3\":1}", "at byte 3: expected UTF-8 but found byte 0xc3");
    check_failure(b"{\"a\":[\"\\n\xc3\"]}", "at byte 9: expected UTF-8 but found byte 0xc3");
}

#[test]
fn nothing_is_read_past_the_end_of_a_value() {
    // In the arena one value follows the other: what is cut off must not be completed by its neighbour.
    let lines =
        [r#"{"key":"#, r#"1}"#, r#"{"key":1}"#, r#"{"ke"#, r#"y":1}"#, r#"{"key":"va"#, r#"lue"}"#, r#"{"a":"\"#];
    let output = run(&json!({}), &lines.map(|line| event(&[("content", line)])));
    assert_eq!(output.events, [event(&[("key", "1")])]);
    assert_eq!(output.origins, [2]);
}

#[test]
fn nesting_has_a_limit_and_needs_no_stack() {
    let nested = |open: &str, close: &str, levels: usize| {
        let middle = if open == "[" { "" } else { "0" };
        format!(r#"{{"v":{}{middle}{}}}"#, open.repeat(levels), close.repeat(levels))
    };
    for (open, close) in [("[", "]"), (r#"{"k":"#, "}"), ("[ ", "\n]")] {
        assert!(parse(nested(open, close, 1024)).is_some());
        assert!(parse(nested(open, close, 1025)).is_none());
        assert!(parse(nested(open, close, 1_000_000)).is_none());
    }
    check_failure(
        nested("[", "]", 2000),
        r#"at byte 1029: expected fewer levels of nesting (1024 is the limit) but found "[""#,
    );
}

#[test]
fn the_source_becomes_what_the_options_say() {
    let check = |options: Value, input: &[(&str, &str)], output: Option<&[(&str, &str)]>, outcome: Outcome| {
        let found = run(&options, &[event(input)]);
        let expected: Vec<TestEvent> = output.into_iter().map(event).collect();
        assert_eq!(found.events, expected, "{options} {input:?}");
        assert_eq!(found.outcomes, [outcome as u8], "{options} {input:?}");
    };
    let ok = Outcome::Successful;
    let line = r#"{"asctime":"2023-11-04 16:10:11,277","no":14,"ok":true,"none":null}"#;
    let fields = [("asctime", "2023-11-04 16:10:11,277"), ("no", "14"), ("ok", "true"), ("none", "")];
    check(json!({}), &[("content", line)], Some(&fields), ok);
    let keep = json!({"KeepingSourceWhenParseFail": true, "RenamedSourceKey": "raw", "CopingRawLog": true});
    let kept = [("raw", "not json"), ("__raw_log__", "not json")];
    check(keep, &[("content", "not json")], Some(&kept), Outcome::Failed);
    check(json!({}), &[("content", "not json")], None, Outcome::Discarded);
    check(json!({}), &[("content", "[1,2]"), ("k", "v")], Some(&[("k", "v")]), Outcome::Failed);
    let keep = json!({"KeepingSourceWhenParseSucceed": true});
    check(keep, &[("content", r#"{"content":"inner","b":1}"#)], Some(&[("content", "inner"), ("b", "1")]), ok);
    let keep = json!({"KeepingSourceWhenParseSucceed": true, "RenamedSourceKey": "raw"});
    check(keep, &[("content", r#"{"b":1}"#)], Some(&[("b", "1"), ("raw", r#"{"b":1}"#)]), ok);

    // Other fields keep their places, and are overwritten there.
    let input =
        [("__file_offset__", "17"), ("content", r#"{"x":1,"y":2,"__file_offset__":3,"content":4,"x":5}"#), ("y", "0")];
    check(json!({}), &input, Some(&[("__file_offset__", "3"), ("content", "4"), ("y", "2"), ("x", "5")]), ok);
    check(json!({}), &[("k", "v")], Some(&[("k", "v")]), Outcome::KeyNotFound);
    // Half of an object is nothing at all.
    let input = [("k", "v"), ("content", r#"{"k":"new","a":"\n","b":}"#)];
    check(json!({}), &input, Some(&[("k", "v")]), Outcome::Failed);
}

#[test]
fn an_empty_value_fails_without_an_alarm() {
    let output = run(&json!({"KeepingSourceWhenParseFail": true}), &[event(&[("content", "")])]);
    assert_eq!(output.events, [event(&[("content", "")])]);
    assert_eq!(output.outcomes, [Outcome::Failed as u8]);
    assert_eq!(output.alarms, []);
}

#[test]
fn a_bad_line_does_not_touch_its_neighbours() {
    let lines = [r#"{"a":"\t1"}"#, r#"{"a":"\n","b":"\u00"}"#, r#"{"a":"\t2"}"#, "", r#"{"a":"\t3"}"#];
    let output = run(&json!({"KeepingSourceWhenParseFail": true}), &lines.map(|line| event(&[("content", line)])));
    let expected = [
        event(&[("a", "\t1")]),
        event(&[("content", lines[1])]),
        event(&[("a", "\t2")]),
        event(&[("content", "")]),
        event(&[("a", "\t3")]),
    ];
    assert_eq!(output.events, expected);
    assert_eq!(output.outcomes, [0, 1, 0, 1, 0]);
    assert_eq!(output.alarms.len(), 1);
}

#[test]
fn the_excerpt_of_an_alarm_is_cut() {
    let output = run(&json!({}), &[event(&[("content", "x".repeat(10_000))])]);
    let reason = r#"not a JSON object: at byte 0: expected "{" but found "x": "#;
    assert_eq!(output.alarms[0].1, format!("{reason}{}...", "x".repeat(256)));
}

fn text_fields(event: TestEvent) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    event.fields.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}
