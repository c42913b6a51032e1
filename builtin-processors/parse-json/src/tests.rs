//! The processor as a whole: tables, properties, and a public test suite.

use std::path::Path;

use loglift_sdk::Outcome;
use loglift_sdk::testing::{Guest, Output, TestEvent, event};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn guest(options: &Value) -> Guest<ParseJson> {
    let mut config = json!({"SourceKey": "content"});
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Guest::configure(&config.to_string()).unwrap()
}

fn run(options: &Value, input: &[TestEvent]) -> Output {
    guest(options).process(input)
}

/// The fields that a text becomes, or None if it fails.
fn parse(text: impl AsRef<[u8]>) -> Option<Fields> {
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

#[test]
fn the_schema_names_the_parameters_of_the_config() {
    let schema: Value = serde_json::from_str(ParseJson::DESCRIPTION.config_schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let expected = [
        "CopingRawLog",
        "KeepingSourceWhenParseFail",
        "KeepingSourceWhenParseSucceed",
        "RenamedSourceKey",
        "SourceKey",
    ];
    assert_eq!(names, expected);
    // Each is read by the config: a value of the wrong type is refused.
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        let wrong = if property["type"] == "string" { json!(true) } else { json!("true") };
        assert!(serde_json::from_value::<Config>(json!({name: wrong})).is_err(), "{name}");
    }
    let issues = Guest::<ParseJson>::configure("{}").unwrap_err();
    assert_eq!(issues[0].path, "SourceKey");
    assert_eq!(guest(&json!({})).setup.warnings[0].path, "KeepingSourceWhenParseFail");
}

/// A row of the suite expects fields, the raw line, or just no crash; its README tells more.
#[test]
fn the_json_test_suite_passes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/json-test-suite/manifest.jsonl");
    let Ok(manifest) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: the JSON test suite is not there ({})", path.display());
        return;
    };
    let mut guest = guest(&json!({"KeepingSourceWhenParseFail": true}));
    for row in manifest.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let name = &row["name"];
        let line = suite_line(&row);
        let output = guest.process(&[event(&[("content", &line)])]);
        assert_eq!(output.events.len(), 1, "{name}");
        let fields = &output.events[0].fields;
        match row["expect"].as_str().unwrap() {
            "parse" => {
                assert_eq!(output.outcomes, [0], "{name} {:?}", output.alarms);
                let expected = row["fields"].as_object().unwrap();
                assert_eq!(fields.len(), expected.len(), "{name}");
                for (key, value) in fields {
                    let (key, value) = (str::from_utf8(key).unwrap(), str::from_utf8(value).unwrap());
                    match &expected[key] {
                        Value::String(text) => assert_eq!(value, text, "{name}"),
                        form if form["present"] == true => {}
                        form => assert!(same(&serde_json::from_str(value).unwrap(), &form["json"]), "{name}"),
                    }
                }
            }
            "raw" | "raw_nonutf8" => assert_eq!(fields[..], [(b"content".to_vec(), line)], "{name}"),
            "nocrash" => {}
            other => panic!("{name} expects {other}"),
        }
    }
}

/// Whether two values are the same to JavaScript, which does not tell -0 from 0.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left == right,
    }
}

fn suite_line(row: &Value) -> Vec<u8> {
    if let Some(line) = row["line"].as_str() {
        return line.as_bytes().to_vec();
    }
    if let Some(text) = row["line_b64"].as_str() {
        return base64(text);
    }
    let (unit, count) = (row["repeat"][0].as_str().unwrap(), row["repeat"][1].as_u64().unwrap());
    unit.repeat(count as usize).into_bytes()
}

fn base64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut bytes = Vec::new();
    for (place, digit) in text.trim_end_matches('=').bytes().enumerate() {
        bits = bits << 6 | digits.iter().position(|known| *known == digit).unwrap() as u32;
        if place % 4 != 0 {
            bytes.push((bits >> (6 - place % 4 * 2)) as u8);
        }
    }
    bytes
}

fn text_fields(event: TestEvent) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    event.fields.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// What serde_json makes of a text, in the terms of the fields.
fn check_against_serde_json(text: &[u8]) {
    let fields = parse(text);
    let expected = match serde_json::from_slice::<Map<String, Value>>(text) {
        Ok(expected) => expected,
        // To serde_json a number must be one of Rust's; here its text is kept.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(_) => {
            assert_eq!(fields, None, "{}", excerpt(text));
            return;
        }
    };
    let fields = fields.unwrap_or_else(|| panic!("refused: {}", excerpt(text)));
    assert_eq!(fields.len(), expected.len());
    for (key, value) in fields {
        let (key, value) = (String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap());
        match &expected[&key] {
            Value::String(text) => assert_eq!(value, *text),
            Value::Null => assert_eq!(value, ""),
            other => assert_eq!(serde_json::from_str::<Value>(&value).unwrap(), *other),
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        r#"([a-z]{0,20}["\\\n\t\x00/é]){0,8}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,20}", value, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(".{0,20}", any_value(), 0..8).prop_map(|map| Value::Object(map.into_iter().collect()))
}

proptest! {
    #[test]
    fn any_object_becomes_its_members(object in any_object()) {
        check_against_serde_json(object.to_string().as_bytes());
        check_against_serde_json(serde_json::to_string_pretty(&object).unwrap().as_bytes());
    }

    #[test]
    fn a_changed_object_is_accepted_as_by_serde_json(
        object in any_object(),
        place: prop::sample::Index,
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ 0-.eutn".to_vec())], 0..3),
        cut in 0..3usize,
    ) {
        let mut text = object.to_string().into_bytes();
        let at = place.index(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, bytes);
        check_against_serde_json(&text);
    }

    #[test]
    fn jumbled_tokens_are_accepted_as_by_serde_json(
        tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..12),
    ) {
        check_against_serde_json(tokens.concat().as_bytes());
        check_against_serde_json(format!("{{\"a\":{}}}", tokens.concat()).as_bytes());
        check_against_serde_json(format!("{{\"a\":[\"{}\"]}}", tokens.concat()).as_bytes());
    }

    #[test]
    fn any_bytes_are_taken(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..5)) {
        let events: Vec<TestEvent> = lines.iter().map(|line| event(&[("content", line)])).collect();
        let output = run(&json!({"KeepingSourceWhenParseFail": true}), &events);
        prop_assert_eq!(output.events.len(), lines.len());
    }

    #[test]
    fn lines_do_not_change_each_other(objects in prop::collection::vec(any_object(), 1..6)) {
        let events: Vec<TestEvent> = objects.iter().map(|object| event(&[("content", object.to_string())])).collect();
        let together = run(&json!({}), &events).events;
        let alone: Vec<TestEvent> = events.into_iter().flat_map(|event| run(&json!({}), &[event]).events).collect();
        prop_assert_eq!(together, alone);
    }
}

const TOKENS: &[&str] = &[
    "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"b\":", "\\", "\\n", "\\\"", "\\u0041", "\\ud83d", "\\ude00", "\\u",
    "true", "false", "null", "0", "1", "-", "12.5", "1e5", "E+", ".", " ", "\n", "\t", "é", "\u{1}",
];
