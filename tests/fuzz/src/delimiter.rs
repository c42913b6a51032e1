//! `separator quote treatment keys \n value`, split at blanks; a plain state machine has to agree.

use loglift_parse_delimiter::ParseDelimiter;
use loglift_sdk::testing::{Output, event};
use serde_json::json;

use super::{processed, settings};

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

/// The same by the table of states that the documentation has, a byte at a time.
fn columns_by_states(text: &[u8], separator: u8, quote: u8) -> Option<Vec<Vec<u8>>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Initial,
        Plain,
        Quoted,
        AfterQuote,
    }
    let (mut columns, mut column, mut state) = (Vec::new(), Vec::new(), State::Initial);
    for byte in text {
        state = match state {
            State::Initial | State::Plain | State::AfterQuote if *byte == separator => {
                columns.push(std::mem::take(&mut column));
                State::Initial
            }
            State::Initial if *byte == quote => State::Quoted,
            State::Quoted if *byte == quote => State::AfterQuote,
            State::Plain if *byte == quote => return None,
            State::AfterQuote if *byte != quote => return None,
            State::Initial | State::Plain => {
                column.push(*byte);
                State::Plain
            }
            State::Quoted | State::AfterQuote => {
                column.push(*byte);
                State::Quoted
            }
        };
    }
    columns.push(column);
    (state != State::Quoted).then_some(columns)
}
