//! The options that all parsers share: what becomes of the source field.
//!
//! A parser flattens [`SourceOptions`] into its configuration and makes a [`Source`] of them. For every batch it asks
//! for a [`BatchSource`], which writes what surrounds the extracted fields:
//!
//! ```
//! use loglift_parser_options::{Source, SourceOptions};
//! use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Rows, Setup};
//!
//! /// Splits a field at its first blank into the fields `head` and `tail`.
//! struct Split {
//!     source: Source,
//! }
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct Config {
//!     #[serde(default)]
//!     source_key: String,
//!     #[serde(flatten)]
//!     source: SourceOptions,
//! }
//!
//! impl Processor for Split {
//!     type Config = Config;
//! #   const DESCRIPTION: Description =
//! #       Description { name: "processor_split", version: "0.1.0", summary: "Splits.", config_schema: "{}" };
//!
//!     fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
//!         let source = Source::new(config.source_key, config.source, context).map_err(|issue| vec![issue])?;
//!         let setup = Setup { warnings: source.warnings(), ..Setup::default() };
//!         Ok((Self { source }, setup))
//!     }
//!
//!     fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
//!         let Some(mut source) = self.source.in_batch(batch, changes) else { return Ok(()) };
//!         let (head, tail) = (changes.key(b"head"), changes.key(b"tail"));
//!         let mut rows = Rows::with_capacity(batch.len(), 2 * batch.len());
//!         for event in batch.events() {
//!             let Some(raw) = source.begin(event, &mut rows, changes) else { continue };
//!             let value = batch.bytes(raw.span());
//!             let Some(blank) = value.iter().position(|byte| *byte == b' ') else {
//!                 changes.alarm("PARSE_LOG_FAIL_ALARM", event.index(), || "there is no blank".to_owned());
//!                 source.fail(raw, &mut rows, changes);
//!                 continue;
//!             };
//!             rows.set(head, raw.span().slice(0, blank));
//!             rows.set(tail, raw.span().slice(blank + 1, value.len()));
//!             source.succeed(raw, &mut rows, changes);
//!         }
//!         changes.replace(rows);
//!         Ok(())
//!     }
//! }
//!
//! # use loglift_sdk::testing::{Guest, event};
//! let mut guest = Guest::<Split>::configure(r#"{"SourceKey": "content"}"#).expect("it is valid");
//! let output = guest.process(&[event(&[("content", "two words")])]);
//! assert_eq!(output.events, [event(&[("head", "two"), ("tail", "words")])]);
//! ```
#![forbid(unsafe_code)]

use loglift_sdk::{Batch, Changes, Context, Event, Issue, Key, Outcome, Rows, Span};
use serde::Deserialize;

/// What becomes of the source field, as a pipeline config says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SourceOptions {
    /// Keep the raw value of events that cannot be parsed. Without it such events lose the source field.
    pub keeping_source_when_parse_fail: Option<bool>,
    /// Keep the raw value of events that were parsed, too.
    pub keeping_source_when_parse_succeed: bool,
    /// The field under which the raw value is kept. Empty: the source field itself.
    pub renamed_source_key: String,
    /// Keep the raw value of events that cannot be parsed a second time, as `__raw_log__`. Needs
    /// `keeping_source_when_parse_fail`.
    pub coping_raw_log: bool,
}

/// The source field of a parser, and what becomes of it.
#[derive(Debug)]
pub struct Source {
    key: String,
    options: SourceOptions,
    offset_key: String,
}

/// A [`Source`] at work on one batch.
#[derive(Debug)]
pub struct BatchSource<'a> {
    source: &'a Source,
    key: Key,
    kept_as: Option<Key>,
    raw_log: Option<Key>,
    useless: Useless,
}

/// An event that is being parsed. It ends with [`BatchSource::succeed`] or [`BatchSource::fail`].
#[derive(Debug)]
#[must_use = "every event either succeeds or fails"]
pub struct Raw<'a> {
    event: Event<'a>,
    span: Span,
    place: usize,
}

/// Fields that alone are no reason to keep an event.
#[derive(Debug)]
struct Useless {
    offset: Option<Key>,
    stdio_time: Option<Key>,
    stdio_source: Option<Key>,
}

impl Source {
    /// The field `key`, treated as `options` say.
    ///
    /// # Errors
    /// An empty `key`.
    pub fn new(key: String, options: SourceOptions, context: &Context) -> Result<Self, Issue> {
        if key.is_empty() {
            return Err(Issue::new("SourceKey", "is required: the name of the field to parse, such as content"));
        }
        let offset_key = context.extra.iter().find(|(fact, _)| fact == OFFSET_KEY_FACT);
        let offset_key = offset_key.map_or_else(|| OFFSET_KEY.to_owned(), |(_, name)| name.clone());
        Ok(Self { key, options, offset_key })
    }

    /// What a person should know about the options though they are valid.
    pub fn warnings(&self) -> Vec<Issue> {
        let keeps_failures = self.options.keeping_source_when_parse_fail;
        let mut warnings = Vec::new();
        if keeps_failures.is_none() {
            let text = "is not set: events that cannot be parsed lose their source field, and are dropped if nothing \
                        else is left; true keeps them, false hides this warning";
            warnings.push(Issue::new("KeepingSourceWhenParseFail", text));
        }
        if self.options.coping_raw_log && keeps_failures != Some(true) {
            let text = "has no effect without KeepingSourceWhenParseFail: true";
            warnings.push(Issue::new("CopingRawLog", text));
        }
        warnings
    }

    /// Looks the fields up in a batch. None if no event has the source field, which is then reported already.
    pub fn in_batch<'a>(&'a self, batch: &Batch, changes: &mut Changes) -> Option<BatchSource<'a>> {
        let Some(key) = batch.key(self.key.as_bytes()) else {
            (0..batch.len()).for_each(|event| changes.outcome(event, Outcome::KeyNotFound));
            return None;
        };
        let useless = Useless {
            offset: batch.key(self.offset_key.as_bytes()),
            stdio_time: batch.key(b"_time_"),
            stdio_source: batch.key(b"_source_"),
        };
        Some(BatchSource { source: self, key, kept_as: None, raw_log: None, useless })
    }
}

impl BatchSource<'_> {
    /// Starts an output event with all fields but the source. None if there is no source: then the event is done.
    #[inline]
    pub fn begin<'e>(&self, event: Event<'e>, rows: &mut Rows, changes: &mut Changes) -> Option<Raw<'e>> {
        let mut source = None;
        for (place, (key, span)) in event.spans().enumerate() {
            if key == self.key {
                source = Some((place, span));
            } else {
                rows.push(key, span);
            }
        }
        let Some((place, span)) = source else {
            changes.outcome(event.index(), Outcome::KeyNotFound);
            rows.finish(event.index());
            return None;
        };
        Some(Raw { event, span, place })
    }

    /// Ends an event whose extracted fields have been set.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "an event ends only once")]
    pub fn succeed(&mut self, raw: Raw, rows: &mut Rows, changes: &mut Changes) {
        if rows.contains(self.key)
            && let Some(extracted) = rows.place(self.key)
        {
            rows.move_forward(extracted, raw.place);
        }
        if self.source.options.keeping_source_when_parse_succeed {
            self.keep(&raw, rows, changes);
        }
        rows.finish(raw.event.index());
    }

    /// Ends an event that could not be parsed. What was set of it already is taken back.
    #[cold]
    #[expect(clippy::needless_pass_by_value, reason = "an event ends only once")]
    pub fn fail(&mut self, raw: Raw, rows: &mut Rows, changes: &mut Changes) {
        rows.truncate(0);
        for (key, span) in raw.event.spans().filter(|(key, _)| *key != self.key) {
            rows.push(key, span);
        }
        let options = &self.source.options;
        if options.keeping_source_when_parse_fail == Some(true) {
            self.keep(&raw, rows, changes);
            if options.coping_raw_log {
                let key = *self.raw_log.get_or_insert_with(|| changes.key(b"__raw_log__"));
                add(rows, key, raw.span);
            }
        } else if self.useless.is_all_of(rows) {
            rows.truncate(0);
            changes.outcome(raw.event.index(), Outcome::Discarded);
            return;
        }
        changes.outcome(raw.event.index(), Outcome::Failed);
        rows.finish(raw.event.index());
    }

    fn keep(&mut self, raw: &Raw, rows: &mut Rows, changes: &mut Changes) {
        let name = &self.source.options.renamed_source_key;
        let key =
            if name.is_empty() { self.key } else { *self.kept_as.get_or_insert_with(|| changes.key(name.as_bytes())) };
        add(rows, key, raw.span);
    }
}

impl Raw<'_> {
    /// The value to parse.
    #[inline]
    pub fn span(&self) -> Span {
        self.span
    }
}

impl Useless {
    /// Whether an event has no other fields than these: none at all, the offset alone, or both of standard output.
    fn is_all_of(&self, rows: &Rows) -> bool {
        let has = |key: Option<Key>| key.is_some_and(|key| rows.contains(key));
        match rows.field_count() {
            0 => true,
            1 => has(self.offset),
            2 => has(self.stdio_time) && has(self.stdio_source),
            _ => false,
        }
    }
}

fn add(rows: &mut Rows, key: Key, value: Span) {
    if !rows.contains(key) {
        rows.push(key, value);
    }
}

/// The name of the field that holds the offset of an event in its file, unless the host says another.
const OFFSET_KEY: &str = "__file_offset__";

/// Under this name the host says in [`Context::extra`] how that field is named.
const OFFSET_KEY_FACT: &str = "file-offset-key";

#[cfg(test)]
mod tests {
    use loglift_sdk::testing::{Guest, TestEvent, event};
    use loglift_sdk::{Description, Processor, Setup};

    use super::*;

    /// Reads `name=value;name=value`; anything without a `=` fails.
    #[derive(Debug)]
    struct Pairs {
        source: Source,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        source_key: String,
        #[serde(flatten)]
        source: SourceOptions,
    }

    impl Processor for Pairs {
        type Config = Config;

        const DESCRIPTION: Description =
            Description { name: "processor_pairs", version: "0.1.0", summary: "", config_schema: "{}" };

        fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
            let source = Source::new(config.source_key, config.source, context).map_err(|issue| vec![issue])?;
            let setup = Setup { warnings: source.warnings(), ..Setup::default() };
            Ok((Self { source }, setup))
        }

        fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
            let Some(mut source) = self.source.in_batch(batch, changes) else { return Ok(()) };
            let mut rows = Rows::default();
            for event in batch.events() {
                let Some(raw) = source.begin(event, &mut rows, changes) else { continue };
                let mut valid = true;
                for pair in batch.bytes(raw.span()).split(|byte| *byte == b';') {
                    let mut halves = pair.splitn(2, |byte| *byte == b'=');
                    match (halves.next(), halves.next()) {
                        (Some(name), Some(value)) => rows.set(changes.key(name), changes.append(value)),
                        _ => valid = false,
                    }
                }
                if valid {
                    source.succeed(raw, &mut rows, changes);
                } else {
                    source.fail(raw, &mut rows, changes);
                }
            }
            changes.replace(rows);
            Ok(())
        }
    }

    const KEEP_ON_SUCCESS: &str = r#""KeepingSourceWhenParseSucceed": true"#;
    const KEEP_ON_FAILURE: &str = r#""KeepingSourceWhenParseFail": true"#;
    const AS_RAW: &str = r#""RenamedSourceKey": "raw""#;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn guest(options: &[&str]) -> Guest<Pairs> {
        let config: Vec<&str> = [r#""SourceKey": "content""#].iter().chain(options).copied().collect();
        Guest::configure(&format!("{{{}}}", config.join(","))).unwrap()
    }

    fn check(options: &[&str], input: Fields, output: Option<Fields>, outcome: Outcome) {
        let found = guest(options).process(&[event(input)]);
        let expected: Vec<TestEvent> = output.into_iter().map(event).collect();
        assert_eq!(found.events, expected, "{options:?} {input:?}");
        assert_eq!(found.outcomes, [outcome as u8], "{options:?} {input:?}");
    }

    #[test]
    fn a_parsed_event_loses_its_source_unless_it_is_kept() {
        let check = |options: &[&str], input, output| check(options, input, Some(output), Outcome::Successful);
        check(&[], &[("content", "a=1;b=2")], &[("a", "1"), ("b", "2")]);
        check(&[], &[("x", "0"), ("content", "a=1"), ("y", "9")], &[("x", "0"), ("y", "9"), ("a", "1")]);
        // Kept under its own name it goes to the end.
        check(&[KEEP_ON_SUCCESS], &[("content", "a=1")], &[("a", "1"), ("content", "a=1")]);
        check(&[KEEP_ON_SUCCESS], &[("content", "a=1"), ("x", "0")], &[("x", "0"), ("a", "1"), ("content", "a=1")]);
        check(&[KEEP_ON_SUCCESS, AS_RAW], &[("content", "a=1")], &[("a", "1"), ("raw", "a=1")]);
        // Options for failures say nothing here.
        check(&[KEEP_ON_FAILURE, AS_RAW, r#""CopingRawLog": true"#], &[("content", "a=1")], &[("a", "1")]);
    }

    #[test]
    fn an_extracted_or_existing_field_wins_over_the_raw_value() {
        let check = |options: &[&str], input, output| check(options, input, Some(output), Outcome::Successful);
        check(&[KEEP_ON_SUCCESS], &[("content", "content=in")], &[("content", "in")]);
        check(&[KEEP_ON_SUCCESS, AS_RAW], &[("content", "raw=1")], &[("raw", "1")]);
        check(&[KEEP_ON_SUCCESS, AS_RAW], &[("raw", "old"), ("content", "a=1")], &[("raw", "old"), ("a", "1")]);
        // Overwritten in place.
        check(&[], &[("content", "a=1;content=in")], &[("content", "in"), ("a", "1")]);
        check(
            &[],
            &[("x", "0"), ("content", "a=1;content=in;b=2"), ("y", "9")],
            &[("x", "0"), ("content", "in"), ("y", "9"), ("a", "1"), ("b", "2")],
        );
        check(&[], &[("x", "0"), ("content", "a=1;x=new")], &[("x", "new"), ("a", "1")]);
        check(
            &[KEEP_ON_SUCCESS, AS_RAW],
            &[("content", "a=1;content=in")],
            &[("content", "in"), ("a", "1"), ("raw", "a=1;content=in")],
        );
    }

    #[test]
    fn an_event_that_fails_is_dropped_if_nothing_useful_is_left() {
        let dropped = |input| check(&[], input, None, Outcome::Discarded);
        dropped(&[("content", "no")]);
        dropped(&[("content", "no"), ("__file_offset__", "17")]);
        dropped(&[("_time_", "now"), ("content", "no"), ("_source_", "stdout")]);

        let survives = |input, output| check(&[], input, Some(output), Outcome::Failed);
        survives(&[("content", "no"), ("k", "v")], &[("k", "v")]);
        survives(&[("_time_", "now"), ("content", "no")], &[("_time_", "now")]);
        survives(&[("content", "no"), ("_time_", "now"), ("k", "v")], &[("_time_", "now"), ("k", "v")]);
        survives(
            &[("_time_", "now"), ("_source_", "stdout"), ("content", "no"), ("k", "v")],
            &[("_time_", "now"), ("_source_", "stdout"), ("k", "v")],
        );
        // What was extracted before the failure is taken back, also from fields that it overwrote.
        survives(&[("content", "k=new;a=1;no"), ("k", "v")], &[("k", "v")]);
        // Switched off on purpose, or with an option that means nothing then: the same.
        let off = r#""KeepingSourceWhenParseFail": false"#;
        check(&[off, r#""CopingRawLog": true"#], &[("content", "no")], None, Outcome::Discarded);
        check(&[KEEP_ON_SUCCESS], &[("content", "no")], None, Outcome::Discarded);
    }

    #[test]
    fn an_event_that_fails_keeps_its_source_on_request() {
        let check = |options: &[&str], input, output| {
            check(&[&[KEEP_ON_FAILURE], options].concat(), input, Some(output), Outcome::Failed);
        };
        let copy = r#""CopingRawLog": true"#;
        check(&[], &[("content", "no")], &[("content", "no")]);
        check(&[], &[("content", "no"), ("k", "v")], &[("k", "v"), ("content", "no")]);
        check(&[AS_RAW], &[("content", "no"), ("k", "v")], &[("k", "v"), ("raw", "no")]);
        check(&[AS_RAW, copy], &[("content", "no")], &[("raw", "no"), ("__raw_log__", "no")]);
        check(&[copy], &[("content", "no")], &[("content", "no"), ("__raw_log__", "no")]);
        // A field that is there already wins.
        check(&[AS_RAW], &[("content", "no"), ("raw", "old")], &[("raw", "old")]);
        check(&[copy], &[("__raw_log__", "old"), ("content", "no")], &[("__raw_log__", "old"), ("content", "no")]);
    }

    #[test]
    fn an_event_without_the_source_passes_unchanged() {
        check(&[], &[("k", "v")], Some(&[("k", "v")]), Outcome::KeyNotFound);
        check(&[], &[], Some(&[]), Outcome::KeyNotFound);

        let output =
            guest(&[]).process(&[event(&[("k", "v")]), event(&[("content", "no")]), event(&[("content", "a=1")])]);
        assert_eq!(output.events, [event(&[("k", "v")]), event(&[("a", "1")])]);
        assert_eq!(output.origins, [0, 2]);
        assert_eq!(output.outcomes, [Outcome::KeyNotFound, Outcome::Discarded, Outcome::Successful].map(|it| it as u8));
    }

    #[test]
    fn the_host_may_name_the_offset_field() {
        let extra = vec![("file-offset-key".to_owned(), "at".to_owned())];
        let context = Context { machine_zone: "UTC".to_owned(), discard_older_than: None, extra };
        let mut guest = Guest::<Pairs>::configure_with(r#"{"SourceKey": "content"}"#, &context).unwrap();
        assert_eq!(guest.process(&[event(&[("content", "no"), ("at", "17")])]).events, []);
    }

    #[test]
    fn a_warning_names_the_switch_that_keeps_the_data() {
        let warned = |options: &[&str]| -> Vec<String> {
            guest(options).setup.warnings.into_iter().map(|issue| issue.path).collect()
        };
        assert_eq!(warned(&[]), ["KeepingSourceWhenParseFail"]);
        assert_eq!(warned(&[KEEP_ON_FAILURE]), [""; 0]);
        assert_eq!(warned(&[r#""KeepingSourceWhenParseFail": false"#]), [""; 0]);
        assert_eq!(warned(&[r#""CopingRawLog": true"#]), ["KeepingSourceWhenParseFail", "CopingRawLog"]);
    }

    #[test]
    fn a_source_without_a_name_is_refused() {
        let issues = Guest::<Pairs>::configure(r#"{"SourceKey": ""}"#).unwrap_err();
        assert_eq!(issues[0].path, "SourceKey");
    }
}
