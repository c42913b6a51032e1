//! A record, and `serde_json`'s opinion of it.

use loglift_parse_json::ParseJson;
use loglift_sdk::testing::event;
use serde_json::{Map, Value};

use super::processed;

/// Takes the bytes as a record between others.
pub fn run(data: &[u8]) {
    let neighbour = br#"{"a":"\t1","b":2}"#;
    let lines: [&[u8]; 5] = [neighbour, data, neighbour, &data[..data.len() / 2], &data[data.len() / 2..]];
    let events = lines.map(|line| event(&[("content", line), ("other", b"kept")]));
    let config = r#"{"SourceKey": "content", "KeepingSourceWhenParseFail": true}"#;
    let output = processed::run::<ParseJson>(config, &events).expect("the config is right");
    assert_eq!(output.events.len(), lines.len());
    assert_eq!(output.events[0], output.events[2]);

    let output = processed::run::<ParseJson>(r#"{"SourceKey": "content"}"#, &[event(&[("content", data)])]);
    let fields = output.and_then(|output| output.events.into_iter().next()).map(|event| event.fields);
    compare(data, fields.as_deref());
}

fn compare(text: &[u8], fields: Option<&[(Vec<u8>, Vec<u8>)]>) {
    let expected = match serde_json::from_slice::<Map<String, Value>>(text) {
        Ok(expected) => expected,
        // To serde_json a number must be one of Rust's, and its limit of nesting is lower.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) if error.to_string().starts_with("recursion limit") => return,
        Err(error) => return assert_eq!(fields, None, "{error}"),
    };
    let fields = fields.expect("serde_json takes it");
    assert_eq!(fields.len(), expected.len());
    for (key, value) in fields {
        let (key, value) = (str::from_utf8(key).expect("text"), str::from_utf8(value).expect("text"));
        match &expected[key] {
            Value::String(text) => assert_eq!(value, text),
            Value::Null => assert_eq!(value, ""),
            other => assert_eq!(serde_json::from_str::<Value>(value).expect("JSON"), *other),
        }
    }
}
