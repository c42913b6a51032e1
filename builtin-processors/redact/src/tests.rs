//! The processor as a whole.

use loglift_sdk::testing::{Guest, event};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use table::{patterns, run};

mod table;

#[test]
fn the_schema_names_the_parameters_of_the_config() {
    let schema: Value = serde_json::from_str(Redact::DESCRIPTION.config_schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, [BEFORE, "Method", REPLACED, "ReplacingAll", "ReplacingString", "SourceKey"]);
    // Each is read by the config: a value of the wrong type is refused.
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        let wrong = if property["type"] == "boolean" { json!("true") } else { json!(true) };
        assert!(serde_json::from_value::<Config>(json!({name: wrong})).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_that_matches_is_left(parts in prop::collection::vec("(pwd=)?[a-z,=]{0,6}", 0..8)) {
        let text = parts.concat();
        let output = run(&json!({"ReplacingString": "*"}), &[event(&[("content", &text)])]);
        let mut expected = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("pwd=") {
            let (head, tail) = rest.split_at(at + 4);
            let end = tail.find(',').unwrap_or(tail.len());
            expected.push_str(head);
            expected.push_str(if end > 0 { "*" } else { "" });
            rest = &tail[end..];
        }
        expected.push_str(rest);
        prop_assert_eq!(&output.events, &[event(&[("content", expected)])]);
    }

    #[test]
    fn any_bytes_are_taken(
        value in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"pwd=,x"[..])], 0..40),
        before in prop::sample::select(vec!["pwd=", "x*", "^", r"\b", ".", "[^x]"]),
        replaced in prop::sample::select(vec!["[^,]+", "x*", "$", "x|", ".", r"\W*?"]),
        method in prop::sample::select(vec!["const", "md5"]),
    ) {
        for all in [false, true] {
            let mut options = patterns(method, before, replaced);
            options["ReplacingAll"] = json!(all);
            prop_assert_eq!(run(&options, &[event(&[("content", &value)])]).events.len(), 1);
        }
    }
}
