//! `config \n name=value;name=value \n ...`: a config in JSON, and events.

use loglift_filter::Filter;
use loglift_sdk::testing::TestEvent;
use serde_json::Value;

use super::{processed, settings};

/// Filters events by a condition.
pub fn run(data: &[u8]) {
    let Some((config, lines)) = settings(data) else { return };
    let Ok(config) = serde_json::from_str::<Value>(config) else { return };
    let events: Vec<TestEvent> = lines.split(|byte| *byte == b'\n').take(8).map(event).collect();
    let Some(output) = processed::run::<Filter>(&config.to_string(), &events) else { return };
    let blanks_invalid = config["DiscardingNonUTF8"] == true;
    for (found, origin) in output.events.iter().zip(&output.origins) {
        assert_eq!(output.outcomes[*origin], 0);
        if blanks_invalid {
            assert!(found.fields.iter().all(|(name, value)| str::from_utf8(&[&name[..], value].concat()).is_ok()));
        } else {
            assert_eq!(*found, events[*origin]);
        }
    }
    assert_eq!(output.outcomes.iter().filter(|outcome| **outcome == 3).count(), events.len() - output.events.len());
}

/// Names are distinct, as in every batch.
fn event(line: &[u8]) -> TestEvent {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for field in line.split(|byte| *byte == b';') {
        let (name, value) = match field.iter().position(|byte| *byte == b'=') {
            Some(end) => (&field[..end], &field[end + 1..]),
            None => (field, &b""[..]),
        };
        if fields.iter().all(|(known, _)| known != name) {
            fields.push((name.to_vec(), value.to_vec()));
        }
    }
    TestEvent { seconds: 0, nanoseconds: 0, fields }
}
