//! processor_parse_json_native: expands the top level of a JSON object into fields.
//!
//! A value that needs no unescaping stays where it is: the answer names its range of the arena. Everything else here
//! follows from that: the `reader` finds out where things are and builds nothing, `keys` come from the
//! dictionary of the batch, and only strings with escapes are written anew.
#![forbid(unsafe_code)]

mod expand;
mod failure;
mod keys;
mod reader;
mod scan;
mod unescape;

use loglift_parser_options::{Source, SourceOptions};
use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Rows, Setup, excerpt};
use serde::Deserialize;

use crate::keys::Keys;

/// Expands the top level of a JSON object into fields.
#[derive(Debug)]
pub struct ParseJson {
    source: Source,
    keys: Keys,
}

/// The parameters of `processor_parse_json_native`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// The field that holds the JSON text.
    #[serde(default)]
    pub source_key: String,
    /// What becomes of that field.
    #[serde(flatten)]
    pub source: SourceOptions,
}

impl Processor for ParseJson {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_parse_json_native",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Expands the top level of a JSON object into fields.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let source = Source::new(config.source_key, config.source, context).map_err(|issue| vec![issue])?;
        let setup = Setup { warnings: source.warnings(), ..Setup::default() };
        Ok((Self { source, keys: Keys::new() }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let Some(mut source) = self.source.in_batch(batch, changes) else { return Ok(()) };
        let mut rows = Rows::with_capacity(batch.len(), USUAL_FIELDS * batch.len());
        self.keys.clear();
        for event in batch.events() {
            let Some(raw) = source.begin(event, &mut rows, changes) else { continue };
            let Err(failure) = expand::expand(batch.arena(), raw.span(), &mut self.keys, &mut rows, changes) else {
                source.succeed(raw, &mut rows, changes);
                continue;
            };
            let text = batch.bytes(raw.span());
            if !text.is_empty() {
                changes.alarm(PARSE_LOG_FAIL_ALARM, event.index(), || {
                    let reason = failure.describe(text, raw.span().offset as usize);
                    format!("not a JSON object: {reason}: {}", excerpt(text))
                });
            }
            source.fail(raw, &mut rows, changes);
        }
        changes.replace(rows);
        Ok(())
    }
}

loglift_sdk::export!(ParseJson);

const PARSE_LOG_FAIL_ALARM: &str = "PARSE_LOG_FAIL_ALARM";

/// Fields of an event that room is made for at once.
const USUAL_FIELDS: usize = 8;

#[cfg(test)]
mod tests;
