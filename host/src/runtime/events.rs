//! What a config says of the events of its input, in the words of the input.

use std::sync::Arc;

use super::machine::Surroundings;
use crate::config::{self, FileInput, Global, Multiline, Pipeline, StringMap};
use crate::input::records::chunk::{Encoding, EventSpec};
use crate::input::records::frame::Framing;
use crate::input::records::line_pattern::LinePattern;
use crate::input::records::multiline::Patterns;
use crate::input::records::tags::TagSpec;
use crate::input::records::topic::Topic;

/// What the events of a pipeline look like before the first processor.
pub fn event_spec(pipeline: &Pipeline, surroundings: &Surroundings) -> EventSpec {
    let input = file_input(pipeline);
    EventSpec {
        framing: framing(pipeline),
        encoding: match input.map(|input| input.encoding) {
            Some(config::Encoding::Gbk) => Encoding::Gbk,
            _ => Encoding::Utf8,
        },
        offset_key: input.and_then(|input| input.file_offset_key.clone()),
        tags: input.map(|input| tag_spec(input, &pipeline.global)).unwrap_or_default(),
        machine: Arc::clone(&surroundings.machine),
        file_tags: surroundings.file_tags.clone(),
        topic: topic(&pipeline.global),
        tags_are_fields: pipeline.global.using_old_content_tag,
        read_seconds: None,
    }
}

/// What a record is to the input of a pipeline.
pub fn framing(pipeline: &Pipeline) -> Framing {
    match file_input(pipeline).map(|input| &input.multiline) {
        Some(Multiline::Json) => Framing::JsonRecords,
        Some(Multiline::Custom(patterns)) => Framing::Multiline(Patterns {
            start: patterns.start.as_ref().map(line_pattern),
            continuation: patterns.continuation.as_ref().map(line_pattern),
            end: patterns.end.as_ref().map(line_pattern),
            discard_unmatched: patterns.discard_unmatched,
        }),
        Some(Multiline::WholeFile { overwrite: false, max_bytes }) => Framing::WholeFile { max_bytes: *max_bytes },
        _ if pipeline.begins_with_json() => Framing::JsonRecords,
        _ => Framing::Lines,
    }
}

fn line_pattern(pattern: &config::LinePattern) -> LinePattern {
    LinePattern::new(pattern.regex.clone())
}

/// Whether lines that belong to no record are counted only.
pub fn ignores_unmatched(pipeline: &Pipeline) -> bool {
    let multiline = file_input(pipeline).map(|input| &input.multiline);
    matches!(multiline, Some(Multiline::Custom(patterns)) if patterns.ignore_unmatched_warning)
}

fn file_input(pipeline: &Pipeline) -> Option<&FileInput> {
    let config::InputKind::File(input) = &pipeline.inputs.first()?.kind;
    Some(input)
}

fn topic(global: &Global) -> Topic {
    match &global.topic {
        config::Topic::None | config::Topic::Default => Topic::None,
        config::Topic::Fixed(text) => Topic::Fixed(text.clone()),
        config::Topic::FilePath(pattern) => Topic::FilePath(pattern.regex.clone()),
    }
}

fn tag_spec(input: &FileInput, global: &Global) -> TagSpec {
    let usual = TagSpec::default();
    let inode = input.appending_log_position_meta.then_some(INODE_TAG);
    let meta = &global.pipeline_meta_tags;
    TagSpec {
        path: renamed(&input.tags, "FilePathTagKey", usual.path.as_deref(), usual.path.as_deref()),
        inode: renamed(&input.tags, "FileInodeTagKey", inode, Some(INODE_TAG)),
        hostname: renamed(meta, "HOST_NAME", usual.hostname.as_deref(), usual.hostname.as_deref()),
        host_ip: renamed(meta, "HOST_IP", usual.host_ip.as_deref(), usual.host_ip.as_deref()),
        env: global.agent_env_tags.as_ref().map(|names| names.iter().map(of_its_own_name).collect()),
    }
}

/// The name of a tag: what stands under `key`, where an empty name removes it and `__default__` is its `default`; else
/// what it is `without` the key.
fn renamed(names: &StringMap, key: &str, without: Option<&str>, default: Option<&str>) -> Option<String> {
    let name = match names.iter().find(|(known, _)| known == key).map(|(_, name)| name.as_str()) {
        None => without,
        Some("") => None,
        Some(DEFAULT) => default,
        name => name,
    };
    name.map(str::to_owned)
}

/// The default name of a tag from the environment is that of its variable.
fn of_its_own_name((variable, name): &(String, String)) -> (String, String) {
    (variable.clone(), if name == DEFAULT { variable.clone() } else { name.clone() })
}

/// The name that stands for the usual one.
const DEFAULT: &str = "__default__";

/// The usual name of the tag of an inode, which is not there unless asked for.
const INODE_TAG: &str = "__inode__";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Context, Source, Syntax, parse};

    fn spec(input: &str, global: &str) -> EventSpec {
        let text = format!(
            "global: {{{global}}}\ninputs: [{{Type: input_file, FilePaths: [/a], {input}}}]\nflushers: [{{Type: flusher_stdout}}]"
        );
        let source = Source { file: "a.yaml".into(), stem: "a".into(), syntax: Syntax::Yaml };
        let context = Context { env: &|_| None, builtin_types: &[], default_tail_limit_kib: None };
        let (pipeline, warnings) = parse(&text, &source, &context).expect("the config is valid");
        assert_eq!(warnings, [], "{text}");
        event_spec(&pipeline, &Surroundings::default())
    }

    #[test]
    fn tags_are_renamed_and_removed() {
        fn check(input: &str, global: &str, expected: [Option<&str>; 4]) {
            let TagSpec { path, inode, hostname, host_ip, .. } = spec(input, global).tags;
            let found = [path, inode, hostname, host_ip];
            assert_eq!(found.each_ref().map(Option::as_deref), expected, "{input} {global}");
        }
        let [path, name, ip] = [Some("__path__"), Some("__hostname__"), Some("__host_ip__")];
        check("", "", [path, None, name, ip]);
        check("Tags: {FilePathTagKey: ''}", "", [None, None, name, ip]);
        check("Tags: {FilePathTagKey: p, FileInodeTagKey: __default__}", "", [Some("p"), Some("__inode__"), name, ip]);
        check("Tags: {FilePathTagKey: __default__, FileInodeTagKey: i}", "", [path, Some("i"), name, ip]);
        check("AppendingLogPositionMeta: true", "", [path, Some("__inode__"), name, ip]);
        check("AppendingLogPositionMeta: true, Tags: {FileInodeTagKey: ''}", "", [path, None, name, ip]);
        check("", "PipelineMetaTagKey: {HOST_NAME: h, HOST_IP: ''}", [path, None, Some("h"), None]);
        check("", "PipelineMetaTagKey: {HOST_NAME: __default__}", [path, None, name, ip]);
    }

    #[test]
    fn tags_of_the_environment_are_named() {
        assert_eq!(spec("", "").tags.env, None);
        assert_eq!(spec("", "AgentEnvMetaTagKey: {}").tags.env, Some(vec![]));
        let expected = [("A", "a"), ("B", ""), ("C", "C")].map(|(name, tag)| (name.to_owned(), tag.to_owned()));
        assert_eq!(spec("", "AgentEnvMetaTagKey: {A: a, B: '', C: __default__}").tags.env, Some(expected.to_vec()));
    }

    #[test]
    fn encodings_offsets_and_topics() {
        assert_eq!(spec("FileEncoding: GBK", "").encoding, Encoding::Gbk);
        assert_eq!(spec("FileEncoding: utf8", "").encoding, Encoding::Utf8);
        assert_eq!(spec("FileOffsetKey: at", "").offset_key.as_deref(), Some("at"));
        assert!(matches!(spec("", "TopicType: custom, TopicFormat: t").topic, Topic::Fixed(text) if text == "t"));
        assert!(matches!(spec("", "TopicType: filepath, TopicFormat: /(.*)").topic, Topic::FilePath(_)));
        assert!(spec("", "UsingOldContentTag: true").tags_are_fields);
    }
}
