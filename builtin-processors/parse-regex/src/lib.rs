//! processor_parse_regex_native: takes fields out of a value by a regular expression.
//!
//! The pattern is read once, in the dialect of Boost (`parser`), into a tree (`pattern`); the `engine` that can
//! match it fastest is chosen when the processor is configured. A match is a list of ranges of the value, and so the
//! fields are ranges of the arena: nothing is copied.
#![forbid(unsafe_code)]

mod backtrack;
mod byte_set;
mod direct;
mod engine;
mod linear;
mod literal;
mod parser;
mod pattern;
mod scan;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

use loglift_parser_options::{Source, SourceOptions};
use loglift_sdk::{Batch, Changes, Context, Description, Issue, Key, Processor, Rows, Setup, Span, excerpt};
use serde::Deserialize;

use crate::engine::{Engine, NoMatch, Slots};

/// Takes fields out of a value by a regular expression.
#[derive(Debug)]
pub struct ParseRegex {
    source: Source,
    method: Method,
    fields: Vec<Field>,
}

/// The parameters of `processor_parse_regex_native`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// The field that holds the text.
    #[serde(default)]
    pub source_key: String,
    /// The regular expression, which has to match the whole text.
    #[serde(default)]
    pub regex: String,
    /// The names for what its groups match, in their order.
    pub keys: Option<Vec<String>>,
    /// What becomes of the source field.
    #[serde(flatten)]
    pub source: SourceOptions,
}

#[derive(Debug)]
enum Method {
    /// The value becomes a field as it is.
    WholeLine,
    Match(Box<Engine>),
    /// The pattern has fewer groups than there are keys: no value can be parsed.
    TooFewGroups {
        engine: Box<Engine>,
        groups: usize,
        keys: usize,
    },
}

/// A field that a match sets.
#[derive(Debug)]
struct Field {
    name: String,
    /// The group that it gets, counted from 0.
    group: usize,
}

impl Processor for ParseRegex {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_parse_regex_native",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Takes fields out of a value by a regular expression.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let keys = config.keys.map(split_keys);
        let mut issues = Vec::new();
        let mut setup = Setup::default();
        let source = Source::new(config.source_key, config.source, context).map_err(|issue| issues.push(issue)).ok();
        if keys.is_none() {
            issues.push(Issue::new(
                "Keys",
                "is required: the names for what the groups of Regex match, such as [ip, url]",
            ));
        }
        let keys = keys.unwrap_or_default();
        let method = Method::new(&config.regex, &keys, &mut setup).map_err(|issue| issues.push(issue)).ok();
        let (Some(source), Some(method), true) = (source, method, issues.is_empty()) else { return Err(issues) };
        setup.warnings.extend(source.warnings());
        let fields = match method {
            Method::WholeLine => {
                let name = keys.into_iter().next().unwrap_or_else(|| DEFAULT_KEY.to_owned());
                vec![Field { name, group: 0 }]
            }
            _ => last_of_each(keys),
        };
        Ok((Self { source, method, fields }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let Some(mut source) = self.source.in_batch(batch, changes) else { return Ok(()) };
        let keys: Vec<Key> = self.fields.iter().map(|field| changes.key(field.name.as_bytes())).collect();
        let mut rows = Rows::with_capacity(batch.len(), (keys.len() + 1) * batch.len());
        for event in batch.events() {
            let Some(raw) = source.begin(event, &mut rows, changes) else { continue };
            let found = match &mut self.method {
                Method::WholeLine => {
                    rows.set(keys[0], raw.span());
                    source.succeed(raw, &mut rows, changes);
                    continue;
                }
                Method::Match(engine) => engine.find(batch.arena(), raw.span()).map_err(Failure::NoMatch),
                Method::TooFewGroups { engine, groups, keys } => match engine.find(batch.arena(), raw.span()) {
                    Ok(_) => Err(Failure::TooFewGroups { groups: *groups, keys: *keys }),
                    Err(reason) => Err(Failure::NoMatch(reason)),
                },
            };
            match found {
                Ok(groups) => {
                    set_fields(&self.fields, &keys, raw.span(), groups, &mut rows);
                    source.succeed(raw, &mut rows, changes);
                }
                Err(failure) => {
                    changes.alarm(REGEX_MATCH_ALARM, event.index(), || {
                        format!("{}: {}", failure.describe(), excerpt(batch.bytes(raw.span())))
                    });
                    source.fail(raw, &mut rows, changes);
                }
            }
        }
        changes.replace(rows);
        Ok(())
    }
}

loglift_sdk::export!(ParseRegex);

impl Method {
    fn new(regex: &str, keys: &[String], setup: &mut Setup) -> Result<Self, Issue> {
        if regex.is_empty() {
            return Err(Issue::new("Regex", "is required: a regular expression with a group for each of Keys"));
        }
        if regex == WHOLE_LINE {
            setup.notes.push(format!("{ENGINE_NOTE}none, {WHOLE_LINE} takes the value as it is"));
            return Ok(Self::WholeLine);
        }
        let mut pattern = parser::parse(regex).map_err(|error| Issue::new("Regex", error.to_string()))?;
        pattern.simplify();
        let wanted = keys.len().min(pattern.groups);
        let engine = Engine::new(&pattern, wanted);
        let engine = engine.ok_or_else(|| Issue::new("Regex", "is too large: repeat less, or with fewer bytes"))?;
        setup.notes.push(format!("{ENGINE_NOTE}{}", engine.name()));
        setup.warnings.extend(pattern.warnings.into_iter().map(|warning| Issue::new("Regex", warning)));
        if keys.is_empty() {
            setup.warnings.push(Issue::new("Keys", "is empty: what Regex matches is dropped"));
        }
        if pattern.groups >= keys.len() {
            return Ok(Self::Match(Box::new(engine)));
        }
        let (groups, keys) = (pattern.groups, keys.len());
        let text = format!("has more names than Regex has groups, {keys} and {groups}: every event will fail");
        setup.warnings.push(Issue::new("Keys", text));
        Ok(Self::TooFewGroups { engine: Box::new(engine), groups, keys })
    }
}

/// Why an event fails.
#[derive(Debug)]
enum Failure {
    NoMatch(NoMatch),
    TooFewGroups { groups: usize, keys: usize },
}

impl Failure {
    fn describe(&self) -> String {
        match self {
            Self::NoMatch(NoMatch::Differs) => "Regex does not match the whole value".to_owned(),
            Self::NoMatch(NoMatch::GaveUp) => {
                format!("Regex gave up on the value, at {} steps at most", backtrack::STEP_LIMIT)
            }
            Self::TooFewGroups { groups, keys } => {
                format!("Regex has too few groups, {groups} for {keys} Keys")
            }
        }
    }
}

/// Names as they are meant: a single text with commas is a list of them.
fn split_keys(keys: Vec<String>) -> Vec<String> {
    match &keys[..] {
        [list] if list.contains(',') => list.split(',').map(str::to_owned).collect(),
        _ => keys,
    }
}

/// The distinct names, each where it comes first but with the group where it comes last.
fn last_of_each(keys: Vec<String>) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::with_capacity(keys.len());
    for (group, name) in keys.into_iter().enumerate() {
        match fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.group = group,
            None => fields.push(Field { name, group }),
        }
    }
    fields
}

#[inline]
fn set_fields(fields: &[Field], keys: &[Key], value: Span, groups: &Slots, rows: &mut Rows) {
    let is_first = rows.field_count() == 0;
    for (field, key) in fields.iter().zip(keys) {
        let (start, end) = groups.group(field.group);
        let text = value.slice(start, end);
        // The names are distinct, so that only a field of the event itself can be in the way.
        if is_first {
            rows.push(*key, text);
        } else {
            rows.set(*key, text);
        }
    }
}

const REGEX_MATCH_ALARM: &str = "REGEX_MATCH_ALARM";

/// How the note begins that names the engine of a pattern.
const ENGINE_NOTE: &str = "regex engine: ";

/// This pattern is not matched: it would take any value as it is.
const WHOLE_LINE: &str = "(.*)";

/// The field of a whole line without `Keys`.
const DEFAULT_KEY: &str = "content";

#[cfg(test)]
mod tests;
