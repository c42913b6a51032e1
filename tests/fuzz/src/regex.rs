//! `pattern \n value`: the engines have to agree, and the processor with them.

use loglift_parse_regex::{ParseRegex, testing};
use loglift_sdk::testing::event;
use serde_json::json;

use super::{processed, settings};

/// Matches a value with every engine that can.
pub fn run(data: &[u8]) {
    let Some((pattern, value)) = settings(data) else { return };
    // Larger ones only take longer.
    if pattern.len() > 200 || value.len() > 2000 {
        return;
    }
    let found = testing::groups(pattern, value);
    let config = json!({"SourceKey": "content", "Regex": pattern, "Keys": ["a"]}).to_string();
    let events = [event(&[("content", value)]), event(&[("content", b"".as_slice())])];
    let Some(output) = processed::run::<ParseRegex>(&config, &events) else { return };
    if let Some([first, ..]) = found.as_deref()
        && !testing::has_open_groups(pattern)
    {
        assert_eq!(output.events[0].fields, [(b"a".to_vec(), first.clone())], "{pattern}");
    }
}
