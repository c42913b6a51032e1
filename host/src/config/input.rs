//! The inputs of a pipeline: `input_file`, with every parameter that a config can give it.

use std::collections::HashSet;

use super::Context;
use super::fields::{Cursor, Fields, NotYet, StringMap, words};
use super::multiline::{self, Multiline};
use super::names::INPUTS;
use super::node::Position;
use super::plugin;

/// One entry of `inputs`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Where the entry is, such as `inputs[0]`.
    pub path: String,
    /// Where the entry begins.
    pub at: Position,
    /// What it reads.
    pub kind: InputKind,
}

/// An input with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// `input_file`: follows files on this machine.
    File(Box<FileInput>),
}

/// The parameters of `input_file`.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInput {
    /// `FilePaths`: 1 to 10 path patterns, as written.
    pub file_paths: Vec<String>,
    /// `MaxDirSearchDepth`: levels below a `**`; a negative number means all of them.
    pub max_dir_search_depth: i64,
    /// `PreservedDirDepth`: levels that stay watched without events; a negative number means all of them.
    pub preserved_dir_depth: i64,
    /// `MaxCheckpointDirSearchDepth`: levels in which to look for a file renamed while the agent was down.
    pub max_checkpoint_dir_search_depth: u64,
    /// `ExcludeFilePaths`: absolute path patterns of files to leave out.
    pub exclude_file_paths: Vec<String>,
    /// `ExcludeFiles`: patterns of file names to leave out.
    pub exclude_files: Vec<String>,
    /// `ExcludeDirs`: absolute path patterns of directories to leave out.
    pub exclude_dirs: Vec<String>,
    /// `FileEncoding`: what the bytes of the files are.
    pub encoding: Encoding,
    /// `TailSizeKB`: how far from its end a file without a checkpoint begins, in KiB.
    pub tail_size_kib: u64,
    /// `TailingAllMatchedFiles`: also files that were last written long ago.
    pub tailing_all_matched_files: bool,
    /// `FlushTimeoutSecs`: after how many idle seconds an unfinished last record is taken as it is.
    pub flush_timeout_secs: u64,
    /// `ReadDelaySkipThresholdBytes`: how many unread bytes are skipped as hopeless; 0 means never.
    pub read_delay_skip_threshold_bytes: u64,
    /// `ReadDelayAlertThresholdBytes`: how many unread bytes raise an alarm.
    pub read_delay_alert_threshold_bytes: u64,
    /// `CloseUnusedReaderIntervalSec`: after how many idle seconds a file that was read is closed.
    pub close_unused_reader_interval_secs: u64,
    /// `RotatorQueueSize`: how many rotated generations of one name may wait to be read.
    pub rotator_queue_size: u64,
    /// `EnableExactlyOnce`: how many exactly-once slots, up to 512; 0 means off.
    pub exactly_once_slots: u64,
    /// `AllowingCollectingFilesInRootDir`: whether a pattern may begin at `/`.
    pub allowing_collecting_files_in_root_dir: bool,
    /// `AllowingIncludedByMultiConfigs`: whether another pipeline may read the same file.
    pub allowing_included_by_multi_configs: bool,
    /// `FileOffsetKey`, or what `AppendingLogPositionMeta` implies: the field that holds the offset of an event.
    pub file_offset_key: Option<String>,
    /// `AppendingLogPositionMeta`, unless a key for the offset or the inode is given.
    pub appending_log_position_meta: bool,
    /// `Tags`: new names of the tags of a file, an empty name removes one.
    pub tags: StringMap,
    /// `Multiline`: what a record is.
    pub multiline: Multiline,
    /// The parameters that only mean something on a container host.
    pub containers: Containers,
}

/// The container parameters of `input_file`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Containers {
    /// `EnableContainerDiscovery`.
    pub discovery: bool,
    /// `CollectingContainersMeta`.
    pub collecting_meta: bool,
    /// `ContainerFilters`: its maps, and its regexes as maps of one entry with an empty key.
    pub filters: Vec<(String, StringMap)>,
    /// `ExternalK8sLabelTag`: pod label to tag.
    pub label_tags: StringMap,
    /// `ExternalEnvTag`: environment variable to tag.
    pub env_tags: StringMap,
}

/// What the bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or any bytes.
    Utf8,
    /// GBK, turned into UTF-8.
    Gbk,
    /// Accepted, and read like [`Encoding::Utf8`].
    Utf16,
}

impl FileInput {
    /// Returns the parameters that are read but change nothing yet, by key.
    pub fn unsupported(&self) -> impl Iterator<Item = &'static str> + '_ {
        NOT_YET.iter().filter(|(_, asks)| asks(self)).map(|(key, _)| *key)
    }
}

/// What `input_file` does not do yet. A line goes when it does.
const NOT_YET: &[NotYet<FileInput>] = &[
    ("EnableExactlyOnce", |input| input.exactly_once_slots != 0),
    ("Multiline", |input| matches!(input.multiline, Multiline::WholeFile { overwrite: true, .. })),
    ("EnableContainerDiscovery", |input| input.containers.discovery),
    ("CollectingContainersMeta", |input| input.containers.collecting_meta),
    ("ContainerFilters", |input| !input.containers.filters.is_empty()),
    ("ExternalK8sLabelTag", |input| !input.containers.label_tags.is_empty()),
    ("ExternalEnvTag", |input| !input.containers.env_tags.is_empty()),
];

const DEFAULT_TAIL_SIZE_KIB: u64 = 1024;
const MAX_TAIL_SIZE_KIB: u64 = 104_857_600;
const DEFAULT_FLUSH_TIMEOUT_SECS: u64 = 60;
const DEFAULT_DELAY_ALERT_BYTES: u64 = 200 << 20;
const DEFAULT_CLOSE_UNUSED_SECS: u64 = 60;
const DEFAULT_ROTATOR_QUEUE_SIZE: u64 = 20;
const MAX_EXACTLY_ONCE_SLOTS: u64 = 512;
/// How many patterns `FilePaths` may hold.
const MAX_FILE_PATHS: usize = 10;
/// The field of the offset when its key is `__default__`, or not given but implied.
const DEFAULT_OFFSET_KEY: &str = "__file_offset__";
/// The field that holds the text of a record.
const CONTENT: &str = "content";

/// Reads one entry of `inputs`.
pub(super) fn read(mut fields: Fields<'_>, context: &Context<'_>) -> Option<InputSpec> {
    let (path, at) = (fields.cursor.path.clone(), fields.cursor.at());
    let type_name = plugin::type_name(&mut fields)?;
    if type_name.text != "input_file" {
        return type_name.refuse("input", INPUTS);
    }
    let file = file_input(&mut fields, context);
    fields.finish();
    Some(InputSpec { path, at, kind: InputKind::File(Box::new(file?)) })
}

fn file_input(fields: &mut Fields<'_>, context: &Context<'_>) -> Option<FileInput> {
    let tail_size_kib = context.default_tail_limit_kib.unwrap_or(DEFAULT_TAIL_SIZE_KIB);
    let file_paths = file_paths(fields);
    let input = FileInput {
        file_paths: Vec::new(),
        max_dir_search_depth: fields.or("MaxDirSearchDepth", 0),
        preserved_dir_depth: fields.or("PreservedDirDepth", -1),
        max_checkpoint_dir_search_depth: fields.or("MaxCheckpointDirSearchDepth", 0),
        exclude_file_paths: exclusions(fields, "ExcludeFilePaths", |path| path.starts_with('/')),
        exclude_files: exclusions(fields, "ExcludeFiles", |name| !name.contains('/')),
        exclude_dirs: exclusions(fields, "ExcludeDirs", |path| path.starts_with('/')),
        encoding: encoding(fields),
        tail_size_kib: fields.within("TailSizeKB", tail_size_kib, 0..=MAX_TAIL_SIZE_KIB),
        tailing_all_matched_files: fields.or("TailingAllMatchedFiles", false),
        flush_timeout_secs: fields.or("FlushTimeoutSecs", DEFAULT_FLUSH_TIMEOUT_SECS),
        read_delay_skip_threshold_bytes: fields.or("ReadDelaySkipThresholdBytes", 0),
        read_delay_alert_threshold_bytes: fields.or("ReadDelayAlertThresholdBytes", DEFAULT_DELAY_ALERT_BYTES),
        close_unused_reader_interval_secs: fields.or("CloseUnusedReaderIntervalSec", DEFAULT_CLOSE_UNUSED_SECS),
        rotator_queue_size: fields.or("RotatorQueueSize", DEFAULT_ROTATOR_QUEUE_SIZE),
        exactly_once_slots: fields.within("EnableExactlyOnce", 0, 0..=MAX_EXACTLY_ONCE_SLOTS),
        allowing_collecting_files_in_root_dir: fields.or("AllowingCollectingFilesInRootDir", false),
        allowing_included_by_multi_configs: fields.or("AllowingIncludedByMultiConfigs", false),
        file_offset_key: file_offset_key(fields),
        appending_log_position_meta: fields.or("AppendingLogPositionMeta", false),
        tags: tags(fields),
        multiline: multiline::read(fields),
        containers: containers(fields),
    };
    let input = FileInput { file_paths: file_paths?, ..with_position_meta(input) };
    fields.warn_not_yet(&input, NOT_YET);
    Some(input)
}

fn file_paths(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let mut paths: Vec<String> = fields.required("FilePaths")?;
    let cursor = fields.cursor("FilePaths")?;
    if paths.is_empty() || paths.len() > MAX_FILE_PATHS {
        cursor.error(format!("expected 1 to {MAX_FILE_PATHS} paths, found {}", paths.len()));
        return None;
    }
    for item in cursor.items()?.iter().filter(|item| item.node.as_str().is_some_and(|path| !path.starts_with('/'))) {
        item.warn("a relative path counts from the directory that the agent was started in");
    }
    for item in cursor.items()?.iter().filter(|item| item.node.as_str().is_some_and(|path| path.ends_with('/'))) {
        item.error("expected a path with a file name");
    }
    let mut seen = HashSet::new();
    for item in
        cursor.items()?.iter().filter(|item| item.node.as_str().is_some_and(|path| !seen.insert(path.to_owned())))
    {
        item.warn("named twice, read once");
    }
    seen.clear();
    paths.retain(|path| seen.insert(path.clone()));
    Some(paths)
}

/// Reads a list of patterns; one that can never match is left out, and a warning says so.
fn exclusions(fields: &mut Fields<'_>, key: &'static str, can_match: fn(&str) -> bool) -> Vec<String> {
    let mut patterns: Vec<String> = fields.or(key, Vec::new());
    let items = fields.cursor(key).and_then(|cursor| cursor.list()).unwrap_or_default();
    for item in items.iter().filter(|item| item.node.as_str().is_some_and(|pattern| !can_match(pattern))) {
        let expected = if key == "ExcludeFiles" { "a file name without `/`" } else { "an absolute path" };
        item.warn(format!("expected {expected}; the entry is left out"));
    }
    patterns.retain(|pattern| can_match(pattern));
    patterns
}

fn encoding(fields: &mut Fields<'_>) -> Encoding {
    let Some(name) = fields.optional::<String>("FileEncoding") else { return Encoding::Utf8 };
    let known = ENCODINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
    if known.is_none()
        && let Some(cursor) = fields.cursor("FileEncoding")
    {
        cursor.error(format!("expected {}, found {name:?}", words(ENCODINGS)));
    }
    let encoding = known.map_or(Encoding::Utf8, |(_, encoding)| *encoding);
    if encoding == Encoding::Utf16 {
        let warn = |cursor: &Cursor<'_>| cursor.warn("utf16 is not decoded: the bytes are taken as they are");
        fields.cursor("FileEncoding").iter().for_each(warn);
    }
    encoding
}

const ENCODINGS: &[(&str, Encoding)] = &[("utf8", Encoding::Utf8), ("gbk", Encoding::Gbk), ("utf16", Encoding::Utf16)];

fn file_offset_key(fields: &mut Fields<'_>) -> Option<String> {
    let key = fields.optional::<String>("FileOffsetKey")?;
    if key == CONTENT {
        let warn = |cursor: &Cursor<'_>| cursor.warn("the text of a record has this name; there will be no offset");
        fields.cursor("FileOffsetKey").iter().for_each(warn);
    }
    Some(key).filter(|key| key != CONTENT)
}

/// Reads `Tags`, of which the last key has two spellings in the wild.
fn tags(fields: &mut Fields<'_>) -> StringMap {
    const KEYS: &[&str] = &[
        "FilePathTagKey",
        "FileInodeTagKey",
        "K8sNamespaceTagKey",
        "K8sPodNameTagKey",
        "K8sPodUidTagKey",
        "ContainerNameTagKey",
        "ContainerIpTagKey",
        "ContainerImageNameTagKey",
        "ContainerImageTagKey",
    ];
    let Some(mut tags) = fields.map("Tags") else { return Vec::new() };
    let mut renamed = StringMap::new();
    for key in KEYS {
        let Some(name) = tags.optional::<String>(key) else { continue };
        if !key.starts_with("File") && !name.is_empty() {
            tags.cursor(key).iter().for_each(|cursor| cursor.warn("tags of containers are not supported yet"));
        }
        renamed.push((key.replace("ImageTagKey", "ImageNameTagKey"), name));
    }
    tags.finish();
    renamed
}

/// Applies what `AppendingLogPositionMeta` implies: the newer keys win over it.
fn with_position_meta(input: FileInput) -> FileInput {
    let has_inode_key = input.tags.iter().any(|(key, _)| key == "FileInodeTagKey");
    let appending = input.appending_log_position_meta && input.file_offset_key.is_none() && !has_inode_key;
    let named = input.file_offset_key.as_deref().filter(|key| !key.is_empty());
    let file_offset_key = match named {
        None if !appending => None,
        None | Some("__default__") => Some(DEFAULT_OFFSET_KEY.to_owned()),
        Some(key) => Some(key.to_owned()),
    };
    FileInput { appending_log_position_meta: appending, file_offset_key, ..input }
}

fn containers(fields: &mut Fields<'_>) -> Containers {
    Containers {
        discovery: fields.or("EnableContainerDiscovery", false),
        collecting_meta: fields.or("CollectingContainersMeta", false),
        filters: container_filters(fields),
        label_tags: fields.or("ExternalK8sLabelTag", StringMap::new()),
        env_tags: fields.or("ExternalEnvTag", StringMap::new()),
    }
}

fn container_filters(fields: &mut Fields<'_>) -> Vec<(String, StringMap)> {
    const REGEXES: &[&str] = &["K8sNamespaceRegex", "K8sPodRegex", "K8sContainerRegex"];
    const MAPS: &[&str] = &[
        "IncludeK8sLabel",
        "ExcludeK8sLabel",
        "IncludeEnv",
        "ExcludeEnv",
        "IncludeContainerLabel",
        "ExcludeContainerLabel",
    ];
    let Some(mut given) = fields.map("ContainerFilters") else { return Vec::new() };
    let mut filters = Vec::new();
    for key in REGEXES {
        let regex = given.optional::<String>(key);
        filters.extend(regex.map(|regex| ((*key).to_owned(), vec![(String::new(), regex)])));
    }
    for key in MAPS {
        filters.extend(given.optional::<StringMap>(key).map(|map| ((*key).to_owned(), map)));
    }
    given.finish();
    filters
}

#[cfg(test)]
mod tests {
    use super::super::testing::{warnings_and_problems, yaml};
    use super::*;

    fn read_input(text: &str) -> (Option<FileInput>, Vec<String>) {
        let context = Context { env: &|_| None, builtin_types: &[], default_tail_limit_kib: Some(7) };
        warnings_and_problems(|report| {
            let node = yaml(&format!("Type: input_file\n{text}\n"));
            let cursor = Cursor { node: &node, path: "inputs[0]".into(), report };
            read(Fields::open(cursor).expect("a map"), &context).map(|spec| {
                let InputKind::File(input) = spec.kind;
                *input
            })
        })
    }

    #[test]
    fn defaults_ask_for_nothing_that_is_missing() {
        let (input, found) = read_input("FilePaths: [/a/b.log]\nMaxDirSearchDepth: 0\nFileEncoding: UTF8");
        let input = input.expect("valid");
        assert_eq!(found, [""; 0]);
        assert_eq!(input.unsupported().count(), 0);
        assert_eq!((input.tail_size_kib, input.flush_timeout_secs, input.multiline), (7, 60, Multiline::Line));
    }

    #[test]
    fn bad_values_are_refused_or_replaced() {
        fn check(text: &str, expected: &str) {
            let (_, found) = read_input(text);
            assert_eq!(found.first().map_or("", |found| found.trim_start_matches("a.yaml:")), expected, "{text}");
        }
        check("", "1:1: inputs[0]: FilePaths is missing");
        check("FilePaths: /a", "2:12: inputs[0].FilePaths: expected a list, found a string");
        check("FilePaths: []", "2:12: inputs[0].FilePaths: expected 1 to 10 paths, found 0");
        check("FilePaths: [/a/]", "2:13: inputs[0].FilePaths[0]: expected a path with a file name");
        let paths = "FilePaths: [/a]\n";
        check(
            &format!("{paths}FileEncoding: big5"),
            "3:15: inputs[0].FileEncoding: expected utf8, gbk or utf16, found \"big5\"",
        );
        check(
            &format!("{paths}TailSizeKB: 999999999"),
            "3:13: inputs[0].TailSizeKB: expected 0 to 104857600; the default 7 applies",
        );
        check(
            &format!("{paths}ExcludeFiles: [a/b]"),
            "3:16: inputs[0].ExcludeFiles[0]: expected a file name without `/`; the entry is left out",
        );
        check(
            &format!("{paths}Tags: {{FilePathTagKye: a}}"),
            "3:8: inputs[0].Tags.FilePathTagKye: unknown parameter, ignored (did you mean FilePathTagKey?)",
        );
        check(
            &format!("{paths}EnableContainerDiscovery: true"),
            "3:27: inputs[0].EnableContainerDiscovery: not supported yet, has no effect",
        );
        check(
            &format!("{paths}ContainerFilters: {{K8sPodRegex: a, IncludeEnv: {{A: ''}}}}"),
            "3:19: inputs[0].ContainerFilters: not supported yet, has no effect",
        );
        check(
            &format!("{paths}FileEncoding: UTF16"),
            "3:15: inputs[0].FileEncoding: utf16 is not decoded: the bytes are taken as they are",
        );
        check(
            &format!("{paths}Tags: {{K8sPodUidTagKey: '', ContainerIpTagKey: ip}}"),
            "3:48: inputs[0].Tags.ContainerIpTagKey: tags of containers are not supported yet",
        );
        check(
            &format!("{paths}FileOffsetKey: content"),
            "3:16: inputs[0].FileOffsetKey: the text of a record has this name; there will be no offset",
        );
        check("FilePaths: [/a, /b, /a]", "2:21: inputs[0].FilePaths[2]: named twice, read once");
        check("FilePaths: [/a/*.log]", "");
    }

    #[test]
    fn newer_keys_win_over_position_meta() {
        fn check(text: &str, appending: bool, key: Option<&str>) {
            let (input, _) = read_input(&format!("FilePaths: [/a]\n{text}"));
            let input = input.expect("valid");
            assert_eq!(
                (input.appending_log_position_meta, input.file_offset_key.as_deref()),
                (appending, key),
                "{text}"
            );
        }
        check("", false, None);
        check("AppendingLogPositionMeta: true", true, Some("__file_offset__"));
        check("AppendingLogPositionMeta: true\nFileOffsetKey: o", false, Some("o"));
        check("AppendingLogPositionMeta: true\nTags: {FileInodeTagKey: i}", false, None);
        check("FileOffsetKey: __default__", false, Some("__file_offset__"));
    }
}
