//! The processor as a whole: tables, properties, and a public test suite.

use std::path::Path;

use loglift_sdk::testing::{Guest, TestEvent, event};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use table::{guest, parse, run};

mod table;

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
