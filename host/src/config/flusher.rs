//! The flushers of a pipeline, and the rules by which events are routed to them.

use super::fields::{Cursor, Fields, NotYet};
use super::names::FLUSHERS;
use super::node::Position;
use super::plugin;
use super::sls::{self, SlsDefaults, SlsFlusher};

/// One entry of `flushers`.
#[derive(Clone, Debug, PartialEq)]
pub struct FlusherSpec {
    /// Where the entry is, such as `flushers[0]`.
    pub path: String,
    /// Where the entry begins.
    pub at: Position,
    /// Where events go.
    pub kind: FlusherKind,
    /// Which events go there; `None` means all.
    pub match_rule: Option<MatchRule>,
}

/// A flusher with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum FlusherKind {
    /// `flusher_stdout`: one JSON object a line on standard output.
    Stdout(StdoutFlusher),
    /// `flusher_file`: one JSON object a line in a file that is rotated.
    File(FileFlusher),
    /// `flusher_blackhole`: nowhere.
    Blackhole,
    /// `flusher_sls`: a logstore of the log service.
    Sls(Box<SlsFlusher>),
}

/// The parameters of `flusher_stdout` that are honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StdoutFlusher {
    /// `Tags`: print the tags too.
    pub tags: bool,
}

/// The parameters of `flusher_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFlusher {
    /// `FilePath`, as written.
    pub path: String,
    /// `MaxFileSize`: at this size, in bytes, the file is rotated.
    pub max_file_bytes: u64,
    /// `MaxFiles`: how many files there are at most, the live one included.
    pub max_files: u64,
}

/// Which events a flusher takes: its `Match` parameter, compared with a whole event batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchRule {
    /// Events of this type.
    EventType(EventType),
    /// Events that carry a tag of exactly this value.
    Tag {
        /// The name of the tag.
        key: String,
        /// Its value.
        value: String,
        /// The flusher gets the events without the tag.
        discarding_tag: bool,
    },
}

/// What kind of thing an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A log event.
    Log,
    /// A metric.
    Metric,
    /// A span of a trace.
    Trace,
}

/// Reads one entry of `flushers`; `defaults` fill in what `flusher_sls` lacks.
pub(super) fn read(mut fields: Fields<'_>, defaults: &SlsDefaults) -> Option<FlusherSpec> {
    let type_name = plugin::type_name(&mut fields)?;
    let match_rule = fields.map("Match").map(read_match);
    let (path, at) = (fields.cursor.path.clone(), fields.cursor.at());
    let kind = match type_name.text.as_str() {
        "flusher_stdout" => {
            fields = fields.in_any_case();
            Some(FlusherKind::Stdout(stdout(&mut fields)))
        }
        "flusher_file" => file(&mut fields).map(FlusherKind::File),
        "flusher_blackhole" => Some(FlusherKind::Blackhole),
        "flusher_sls" => sls::read(&mut fields, defaults).map(|sls| FlusherKind::Sls(Box::new(sls))),
        _ => return type_name.refuse("flusher", FLUSHERS),
    };
    fields.finish();
    let match_rule = match match_rule {
        Some(rule) => Some(rule?),
        None => None,
    };
    Some(FlusherSpec { path, at, kind: kind?, match_rule })
}

fn read_match(mut rule: Fields<'_>) -> Option<MatchRule> {
    let kind: String = rule.required("Type")?;
    let read = match kind.as_str() {
        "event_type" => event_type(&mut rule).map(MatchRule::EventType),
        "tag" => tag(&mut rule),
        _ => refuse(&mut rule, "Type", "expected event_type or tag"),
    };
    rule.finish();
    read
}

fn event_type(rule: &mut Fields<'_>) -> Option<EventType> {
    match rule.required::<String>("Value")?.as_str() {
        "log" => Some(EventType::Log),
        "metric" => Some(EventType::Metric),
        "trace" => Some(EventType::Trace),
        _ => refuse(rule, "Value", "expected log, metric or trace"),
    }
}

fn tag(rule: &mut Fields<'_>) -> Option<MatchRule> {
    let (key, value) = (rule.required("Key"), rule.required("Value"));
    let discarding_tag = rule.or("DiscardingTag", false);
    Some(MatchRule::Tag { key: key?, value: value?, discarding_tag })
}

fn refuse<T>(fields: &mut Fields<'_>, key: &'static str, expected: &str) -> Option<T> {
    let cursor: Cursor<'_> = fields.cursor(key)?;
    cursor.error(format!("{expected}, found {:?}", cursor.node.as_str().unwrap_or(&cursor.node.text)));
    None
}

/// Everything that `flusher_stdout` can be given.
struct StdoutParameters {
    file_name: String,
    max_size: Option<u64>,
    max_rolls: Option<u64>,
    key_value_pairs: bool,
}

const STDOUT_NOT_YET: &[NotYet<StdoutParameters>] = &[
    ("FileName", |given| !given.file_name.is_empty()),
    ("MaxSize", |given| given.max_size.is_some()),
    ("MaxRolls", |given| given.max_rolls.is_some()),
    ("KeyValuePairs", |given| !given.key_value_pairs),
];

fn stdout(fields: &mut Fields<'_>) -> StdoutFlusher {
    // Without `OnlyStdout` the output once went to the agent's own log; here it is always standard output.
    fields.optional::<bool>("OnlyStdout");
    let given = StdoutParameters {
        file_name: fields.or("FileName", String::new()),
        max_size: fields.optional("MaxSize"),
        max_rolls: fields.optional("MaxRolls"),
        key_value_pairs: fields.or("KeyValuePairs", true),
    };
    fields.warn_not_yet(&given, STDOUT_NOT_YET);
    StdoutFlusher { tags: fields.or("Tags", false) }
}

fn file(fields: &mut Fields<'_>) -> Option<FileFlusher> {
    let path = fields.required("FilePath");
    let max_file_bytes = fields.within("MaxFileSize", DEFAULT_MAX_FILE_BYTES, 1..=u64::MAX);
    let max_files = fields.within("MaxFiles", DEFAULT_MAX_FILES, 1..=u64::MAX);
    Some(FileFlusher { path: path?, max_file_bytes, max_files })
}

const DEFAULT_MAX_FILE_BYTES: u64 = 10 << 20;
const DEFAULT_MAX_FILES: u64 = 10;

#[cfg(test)]
mod tests {
    use super::super::testing::{warnings_and_problems, yaml};
    use super::*;

    fn read_entry(text: &str) -> (Option<FlusherSpec>, Vec<String>) {
        warnings_and_problems(|report| {
            let node = yaml(text);
            let fields = Fields::open(Cursor { node: &node, path: "flushers[0]".into(), report });
            read(fields.expect("a map"), &SlsDefaults::default())
        })
    }

    #[test]
    fn flushers_are_typed() {
        fn check(text: &str, kind: FlusherKind) {
            let (spec, found) = read_entry(text);
            assert_eq!((spec.map(|spec| spec.kind), found), (Some(kind), vec![]), "{text}");
        }
        check(
            "{Type: flusher_stdout, onlystdout: true, tags: true}",
            FlusherKind::Stdout(StdoutFlusher { tags: true }),
        );
        check("Type: flusher_blackhole", FlusherKind::Blackhole);
        let file = FileFlusher { path: "/a".into(), max_file_bytes: 1, max_files: 10 };
        check("{Type: flusher_file, FilePath: /a, MaxFileSize: 1}", FlusherKind::File(file));
    }

    #[test]
    fn match_rules_are_typed() {
        fn check(rule: &str, expected: MatchRule) {
            let (spec, found) = read_entry(&format!("{{Type: flusher_blackhole, Match: {rule}}}"));
            assert_eq!((spec.and_then(|spec| spec.match_rule), found), (Some(expected), vec![]), "{rule}");
        }
        check("{Type: event_type, Value: log}", MatchRule::EventType(EventType::Log));
        let tag = |discarding_tag| MatchRule::Tag { key: "k".into(), value: "1".into(), discarding_tag };
        check("{Type: tag, Key: k, Value: 1}", tag(false));
        check("{Type: tag, Key: k, Value: '1', DiscardingTag: true}", tag(true));
    }

    #[test]
    fn bad_flushers_are_refused_and_idle_parameters_warned_of() {
        fn check(text: &str, expected: &str) {
            let (_, found) = read_entry(text);
            assert_eq!(found.first().map_or("", |found| found.trim_start_matches("a.yaml:1:")), expected, "{text}");
        }
        check(
            "Type: flusher_kafka_v2",
            "7: flushers[0].Type: flusher_kafka_v2 exists in LoongCollector but is not supported here yet",
        );
        check(
            "Type: flusher_stdot",
            "7: flushers[0].Type: unknown flusher type \"flusher_stdot\" (did you mean flusher_stdout?)",
        );
        check("Type: flusher_file", "1: flushers[0]: FilePath is missing");
        check(
            "{Type: flusher_stdout, KeyValuePairs: false}",
            "39: flushers[0].KeyValuePairs: not supported yet, has no effect",
        );
        check(
            "{Type: flusher_file, FilePath: /a, MaxFiles: 0}",
            "46: flushers[0].MaxFiles: expected 1 to 18446744073709551615; the default 10 applies",
        );
        check(
            "{Type: flusher_blackhole, Match: {Type: x}}",
            "41: flushers[0].Match.Type: expected event_type or tag, found \"x\"",
        );
        check("{Type: flusher_blackhole, Match: {Type: tag, Key: a}}", "34: flushers[0].Match: Value is missing");
        check(
            "{Type: flusher_blackhole, Match: {Type: event_type, Value: 1}}",
            "60: flushers[0].Match.Value: expected log, metric or trace, found \"1\"",
        );
        check("{Type: flusher_blackhole, Match: x}", "34: flushers[0].Match: expected a map, found a string");
    }
}
