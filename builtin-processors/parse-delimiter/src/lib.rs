//! processor_parse_delimiter_native: splits a field at a separator.
//!
//! A column that is written without quotes, or with none inside them, stays where it is: the answer names its range of
//! the arena. Only what holds a doubled quote is written anew. `dialect` knows how columns are told apart,
//! `columns` finds them, `layout` says which field each becomes.
#![forbid(unsafe_code)]

mod columns;
mod dialect;
mod failure;
mod layout;
mod scan;

use loglift_parser_options::{Source, SourceOptions};
use loglift_sdk::{Batch, Changes, Context, Description, Event, Issue, Outcome, Processor, Rows, Setup, Span, excerpt};
use serde::Deserialize;

use crate::columns::{Plain, Quoted};
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::layout::{Layout, Overflow};

/// Splits a field at a separator.
#[derive(Debug)]
pub struct ParseDelimiter {
    source: Source,
    dialect: Dialect,
    layout: Layout,
}

/// The parameters of `processor_parse_delimiter_native`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// The field that holds the text.
    #[serde(default)]
    pub source_key: String,
    /// What is between two columns: 1 to 4 bytes.
    #[serde(default)]
    pub separator: String,
    /// The byte that columns may be enclosed in. Empty: a double quote.
    #[serde(default)]
    pub quote: String,
    /// The names of the columns, from left to right.
    pub keys: Option<Vec<String>>,
    /// Whether there may be fewer columns than keys. They may, unless this says no.
    pub allowing_shortened_fields: Option<bool>,
    /// What becomes of columns without a key: `extend`, `keep` or `discard`. Empty: `extend`.
    #[serde(default)]
    pub overflowed_fields_treatment: String,
    /// What becomes of the source field.
    #[serde(flatten)]
    pub source: SourceOptions,
}

impl Processor for ParseDelimiter {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_parse_delimiter_native",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Splits a field at a separator.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let (mut issues, mut warnings) = (Vec::new(), Vec::new());
        let source = Source::new(config.source_key, config.source, context).map_err(|issue| issues.push(issue)).ok();
        let dialect =
            Dialect::new(&config.separator, &config.quote, &mut warnings).map_err(|issue| issues.push(issue)).ok();
        match &config.keys {
            None => issues.push(Issue::new("Keys", "is required: the list of the names of the columns")),
            Some(keys) if keys.is_empty() => warnings.push(Issue::new("Keys", "is empty: every event fails")),
            Some(_) => {}
        }
        let overflow = Overflow::new(&config.overflowed_fields_treatment, &mut warnings);
        let (Some(source), Some(dialect), Some(keys)) = (source, dialect, config.keys) else { return Err(issues) };
        let allows_few = config.allowing_shortened_fields.unwrap_or(true);
        warnings.splice(..0, source.warnings());
        let setup = Setup { warnings, ..Setup::default() };
        Ok((Self { source, dialect, layout: Layout::new(keys, allows_few, overflow) }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let Some(mut source) = self.source.in_batch(batch, changes) else { return Ok(()) };
        let arena = batch.arena();
        let mut layout = self.layout.in_batch(batch, changes);
        let mut rows = Rows::with_capacity(batch.len(), self.layout.usual_fields() * batch.len());
        for event in batch.events() {
            let Some(raw) = source.begin(event, &mut rows, changes) else { continue };
            let Some((start, end)) = trim(arena, raw.span()) else {
                pass(event, &mut rows, changes);
                continue;
            };
            let filled = match &self.dialect {
                Dialect::Quoted { separator, quote } => {
                    layout.fill(Quoted::new(arena, start, end, *separator, *quote), arena, end, &mut rows, changes)
                }
                Dialect::Plain { separator } => {
                    layout.fill(Plain::new(arena, start, end, separator), arena, end, &mut rows, changes)
                }
            };
            match filled {
                Ok(()) => source.succeed(raw, &mut rows, changes),
                Err(failure) => {
                    self.alarm(event, failure, batch.bytes(raw.span()), raw.span().offset, changes);
                    source.fail(raw, &mut rows, changes);
                }
            }
        }
        changes.replace(rows);
        Ok(())
    }
}

impl ParseDelimiter {
    #[cold]
    fn alarm(&self, event: Event, failure: Failure, text: &[u8], start: u32, changes: &mut Changes) {
        changes.alarm(PARSE_LOG_FAIL_ALARM, event.index(), || {
            let reason = failure.describe(text, start as usize, self.dialect.separator());
            format!("not split into columns: {reason}: {}", excerpt(text))
        });
    }
}

loglift_sdk::export!(ParseDelimiter);

/// Lets an event through whose source field is empty or blank: there is nothing to parse and nothing to lose.
#[cold]
fn pass(event: Event, rows: &mut Rows, changes: &mut Changes) {
    rows.truncate(0);
    event.spans().for_each(|(key, value)| rows.push(key, value));
    rows.finish(event.index());
    changes.outcome(event.index(), Outcome::Failed);
}

/// The text to split, as a range of the arena: without blanks at its end, then without spaces at its start. None if
/// nothing else is left.
#[inline(always)]
fn trim(arena: &[u8], span: Span) -> Option<(usize, usize)> {
    let mut start = span.offset as usize;
    let mut end = start + span.len as usize;
    while end > start && matches!(arena[end - 1], b' ' | b'\r') {
        end -= 1;
    }
    while start < end && arena[start] == b' ' {
        start += 1;
    }
    (start < end).then_some((start, end))
}

const PARSE_LOG_FAIL_ALARM: &str = "PARSE_LOG_FAIL_ALARM";

#[cfg(test)]
mod tests;
