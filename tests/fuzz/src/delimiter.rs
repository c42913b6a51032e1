//! `separator quote treatment keys \n value`, split at blanks; a plain state machine has to agree.

use loglift_parse_delimiter::ParseDelimiter;
use loglift_sdk::testing::{Output, event};
use serde_json::json;

use super::{processed, settings};
use states::columns_by_states;

#[path = "../../../builtin-processors/parse-delimiter/src/tests/states.rs"]
mod states;

/// Splits a value into columns, in every way of treating surplus ones.
pub fn run(data: &[u8]) {
    let Some((settings, value)) = settings(data) else { return };
    let mut settings = settings.split(' ');
    let mut next = || settings.next().unwrap_or_default();
    let (separator, quote, keys) = (next(), next(), next());
    let keys: Vec<&str> = keys.split(',').collect();
    let split = |keys: &[&str], treatment: &str| {
        let config = json!({
            "SourceKey": "content", "Separator": separator, "Quote": quote, "Keys": keys,
            "OverflowedFieldsTreatment": treatment, "KeepingSourceWhenParseFail": true,
        });
        let events = [event(&[("content", value), ("x", b"0")]), event(&[("content", value)])];
        processed::run::<ParseDelimiter>(&config.to_string(), &events)
    };
    for treatment in ["keep", "discard", "extend"] {
        if let Some(output) = split(&keys, treatment) {
            assert_eq!(output.events.len(), 2);
        }
    }
    let (&[separator], quote) = (separator.as_bytes(), quote.as_bytes().first().copied().unwrap_or(b'"')) else {
        return;
    };
    let Some(output) = split(&["k"], "extend") else { return };
    let is_trimmed = [value.first(), value.last()].iter().flatten().any(|byte| matches!(byte, b' ' | b'\r'));
    if separator != quote && !is_trimmed && !value.is_empty() {
        assert_eq!(columns(output), columns_by_states(value, separator, quote));
    }
}

/// The columns of the second event, `None` after a failure.
fn columns(output: Output) -> Option<Vec<Vec<u8>>> {
    let is_split = output.outcomes[1] == 0;
    let event = output.events.into_iter().nth(1)?;
    is_split.then(|| event.fields.into_iter().map(|(_, value)| value).collect())
}
