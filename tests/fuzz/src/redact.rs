//! `before \n replaced \n value`

use loglift_redact::Redact;
use loglift_sdk::testing::event;
use serde_json::json;

use super::{processed, settings};

/// Masks a value by each method, once and everywhere.
pub fn run(data: &[u8]) {
    let Some((before, rest)) = settings(data) else { return };
    let Some((replaced, value)) = settings(rest) else { return };
    if before.len() + replaced.len() > 200 || value.len() > 2000 {
        return;
    }
    let mask = |method: &str, all: bool| {
        let config = json!({
            "SourceKey": "content", "Method": method, "ReplacingString": "*", "ReplacingAll": all,
            "ContentPatternBeforeReplacedString": before, "ReplacedContentPattern": replaced,
        });
        let events = [event(&[("content", value), ("other", b"1")]), event(&[("content", value)])];
        let output = processed::run::<Redact>(&config.to_string(), &events)?;
        assert_eq!(output.events.len(), 2);
        let masked = output.events[1].fields[0].1.clone();
        assert_eq!(
            output.events[0].fields,
            [(b"content".to_vec(), masked.clone()), (b"other".to_vec(), b"1".to_vec())]
        );
        Some(masked)
    };
    for method in ["const", "md5"] {
        let (Some(first), Some(all)) = (mask(method, false), mask(method, true)) else { return };
        // Nothing to mask once is nothing to mask at all, unless the mask looks like what it replaces.
        if first == value && !value.contains(&b'*') {
            assert_eq!(all, value, "{method}");
        }
    }
}
