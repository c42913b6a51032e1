//! The processor as a whole.

use loglift_sdk::testing::Guest;
use serde_json::{Value, json};

use super::*;

mod table;

#[test]
fn the_schema_names_the_parameters_of_the_config() {
    let schema: Value = serde_json::from_str(Gotime::DESCRIPTION.config_schema).expect("JSON");
    let properties = schema["properties"].as_object().expect("an object");
    let mut expected = [
        "SourceKey",
        "SourceFormat",
        "SourceLocation",
        "DestKey",
        "DestFormat",
        "DestLocation",
        "SetTime",
        "KeepSource",
        "NoKeyError",
        "AlarmIfFail",
    ];
    expected.sort_unstable();
    assert_eq!(properties.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        // Each is read by the config: a value of the wrong type is refused.
        assert!(serde_json::from_value::<Config>(json!({name: []})).is_err(), "{name}");
    }
    let defaults = Config::default();
    assert_eq!(properties["SetTime"]["default"], defaults.set_time);
    assert_eq!(properties["KeepSource"]["default"], defaults.keep_source);
    assert_eq!(properties["NoKeyError"]["default"], defaults.no_key_error);
    assert_eq!(properties["AlarmIfFail"]["default"], defaults.alarm_if_fail);
    assert!(matches!(defaults.source_location, Location::Hours(-100)));
    assert_eq!(properties["SourceLocation"]["default"], -100);
}
