//! processor_filter_regex_native: drops the events that a condition does not hold for.
//!
//! Only the fields that the condition looks at cross the boundary. `condition` is the tree that the configuration says,
//! `pattern` compiles its leaves.
#![forbid(unsafe_code)]

mod condition;
mod pattern;
mod utf8;

use std::collections::BTreeMap;

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Key, Outcome, Processor, Rows, Setup, Span};
use serde::Deserialize;
use serde_json::Value;

use crate::condition::{Condition, Reader};

/// Drops the events that a condition does not hold for.
#[derive(Debug)]
pub struct Filter {
    /// None: all events are kept.
    condition: Option<Condition>,
    /// The fields that the condition looks at.
    fields: Vec<String>,
    blanks_invalid: bool,
}

/// The parameters of `processor_filter_regex_native`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The condition as a tree of `and`, `or` and `not`. It wins over the other forms.
    pub condition_exp: Option<Value>,
    /// The fields that must match `filter_regex`, one by one. They win over `include`.
    pub filter_key: Vec<String>,
    /// The patterns for `filter_key`.
    pub filter_regex: Vec<String>,
    /// Fields and the patterns that they must match, all of them.
    pub include: BTreeMap<String, String>,
    /// Whether bytes that are not UTF-8 become spaces.
    #[serde(rename = "DiscardingNonUTF8")]
    pub discarding_non_utf8: bool,
}

impl Processor for Filter {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_filter_regex_native",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Drops the events that a condition does not hold for.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let mut warnings = Vec::new();
        let mut reader = Reader::default();
        let condition = read(&config, &mut reader, &mut warnings);
        if !reader.issues.is_empty() {
            return Err(reader.issues);
        }
        let fields = reader.fields.0;
        if condition.is_none() && !config.discarding_non_utf8 {
            warnings.push(Issue::new("", "has no condition: every event is kept"));
        }
        let blanks_invalid = config.discarding_non_utf8;
        let reads = (!blanks_invalid).then(|| fields.clone());
        Ok((Self { condition, fields, blanks_invalid }, Setup { reads, warnings, notes: Vec::new() }))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        if self.blanks_invalid && !batch.names().all(utf8::is_valid) {
            self.rewrite(batch, changes);
            return Ok(());
        }
        let keys = self.keys(batch);
        for event in batch.events() {
            if self.condition.as_mut().is_some_and(|condition| !condition.holds(event, &keys)) {
                changes.discard(event.index());
            } else if self.blanks_invalid {
                for (key, span) in event.spans() {
                    let value = blanked(span, batch, changes);
                    if value != span {
                        changes.set(event.index(), key, value);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Filter {
    fn keys(&self, batch: &Batch) -> Vec<Option<Key>> {
        self.fields.iter().map(|name| batch.key(name.as_bytes())).collect()
    }

    /// Writes all events anew: field names change, too, and two of them may become one.
    #[cold]
    fn rewrite(&mut self, batch: &Batch, changes: &mut Changes) {
        let keys = self.keys(batch);
        let renamed: Vec<Key> = batch.names().map(|name| changes.key(&utf8::blank_invalid(name))).collect();
        let mut rows = Rows::default();
        for event in batch.events() {
            if self.condition.as_mut().is_some_and(|condition| !condition.holds(event, &keys)) {
                changes.outcome(event.index(), Outcome::Discarded);
                continue;
            }
            for (key, span) in event.spans() {
                let value = blanked(span, batch, changes);
                rows.set(renamed[key.index()], value);
            }
            rows.finish(event.index());
        }
        changes.replace(rows);
    }
}

loglift_sdk::export!(Filter);

/// The condition of the configuration. Its forms exclude each other: the first of them counts.
fn read(config: &Config, reader: &mut Reader, warnings: &mut Vec<Issue>) -> Option<Condition> {
    let has_lists = !config.filter_key.is_empty() || !config.filter_regex.is_empty();
    let winner = if config.condition_exp.is_some() { "ConditionExp" } else { "FilterKey" };
    let mut ignore = |name: &str, is_there: bool| {
        if is_there {
            warnings.push(Issue::new(name, format!("has no effect beside {winner}")));
        }
    };
    if let Some(expression) = &config.condition_exp {
        ignore("FilterKey", has_lists);
        ignore("Include", !config.include.is_empty());
        return reader.expression(expression, "ConditionExp");
    }
    if has_lists {
        ignore("Include", !config.include.is_empty());
        let (keys, patterns) = (&config.filter_key, &config.filter_regex);
        if keys.len() != patterns.len() {
            let message = format!("has {} entries, but FilterKey has {}", patterns.len(), keys.len());
            reader.issues.push(Issue::new("FilterRegex", message));
        }
        let pairs = keys.iter().zip(patterns).map(|(key, pattern)| (key.as_str(), pattern.as_str()));
        return Some(reader.all(pairs, |place, _| format!("FilterRegex[{place}]")));
    }
    let pairs = config.include.iter().map(|(key, pattern)| (key.as_str(), pattern.as_str()));
    (!config.include.is_empty()).then(|| reader.all(pairs, |_, key| format!("Include.{key}")))
}

/// The value with spaces in place of what is not UTF-8.
fn blanked(span: Span, batch: &Batch, changes: &mut Changes) -> Span {
    let value = batch.bytes(span);
    if utf8::is_valid(value) { span } else { changes.append(&utf8::blank_invalid(value)) }
}

#[cfg(test)]
mod tests;
