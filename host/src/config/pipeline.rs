//! A pipeline document: `global`, `inputs`, `processors`, `flushers` and what stands beside them.

use super::Context;
use super::fields::{Fields, NotYet, StringMap};
use super::flusher::{self, FlusherSpec};
use super::input::{self, InputSpec};
use super::names::GROUPING_AGGREGATORS;
use super::node::Position;
use super::processor::{self, Component, ProcessorSpec};
use super::sls::SlsDefaults;
use super::topic::{self, Topic};
use super::wrapper::Document;

/// A pipeline of which every value is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The name of the file without its extension, or the name of the Kubernetes resource.
    pub name: String,
    /// `enable`. A pipeline that is not enabled must not run: of its lists, only what was valid is here.
    pub enable: bool,
    /// `global`: what concerns the pipeline as a whole.
    pub global: Global,
    /// `inputs`: exactly one if the pipeline is enabled.
    pub inputs: Vec<InputSpec>,
    /// `processors`, in the order in which they run.
    pub processors: Vec<ProcessorSpec>,
    /// `flushers`: one or more if the pipeline is enabled.
    pub flushers: Vec<FlusherSpec>,
}

/// The `global` part of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Global {
    /// `EnableTimestampNanosecond`: the output has the nanoseconds of an event.
    pub nanoseconds: bool,
    /// `TopicType` and `TopicFormat`: where the topic comes from.
    pub topic: Topic,
    /// `Priority`: 0 is the highest, 2 the lowest.
    pub priority: u64,
    /// `UsingOldContentTag`: tags travel as fields.
    pub using_old_content_tag: bool,
    /// `PipelineMetaTagKey`: new names of the agent's tags, an empty name removes one.
    pub pipeline_meta_tags: StringMap,
    /// `AgentEnvMetaTagKey`: new names of the tags from the environment; `None` means all under their own names.
    pub agent_env_tags: Option<StringMap>,
    /// `ExcutionTimeout` (so spelled): the pipeline runs once, for this long at most.
    pub execution_timeout_secs: Option<u64>,
    /// `ForceRerunWhenUpdate`: a pipeline that runs once starts again after each edit.
    pub force_rerun_when_update: bool,
}

impl Pipeline {
    /// Returns whether the first processor reads JSON, which makes a record of each JSON object instead of each line.
    pub fn begins_with_json(&self) -> bool {
        let first = self.processors.first().map(|processor| &processor.component);
        matches!(first, Some(Component::BuiltIn(name)) if JSON_PROCESSORS.contains(&name.as_str()))
    }

    /// The same without where its parts stand in which file: what two versions of it are compared by.
    #[must_use]
    pub fn placeless(&self) -> Self {
        let mut pipeline = self.clone();
        pipeline.inputs.iter_mut().for_each(|input| input.at = Position::START);
        pipeline.flushers.iter_mut().for_each(|flusher| flusher.at = Position::START);
        for processor in &mut pipeline.processors {
            (processor.at, processor.config.at) = (Position::START, Position::START);
            processor.file.clear();
        }
        pipeline
    }

    /// Whether another version, which is placeless as this one is, reads and delivers in the same way.
    pub fn has_same_ends(&self, other: &Self) -> bool {
        let ends = |pipeline: &Self| Self { processors: Vec::new(), ..pipeline.clone() };
        ends(self) == ends(other) && self.begins_with_json() == other.begins_with_json()
    }
}

const JSON_PROCESSORS: &[&str] = &["processor_json", "processor_parse_json_native"];

/// What `global` does not do yet. A line goes when it does.
const NOT_YET: &[NotYet<Global>] = &[
    ("TopicType", |global| global.topic == Topic::Default),
    ("Priority", |global| global.priority != DEFAULT_PRIORITY),
    ("ExcutionTimeout", |global| global.execution_timeout_secs.is_some()),
    ("ForceRerunWhenUpdate", |global| global.force_rerun_when_update),
];

const DEFAULT_PRIORITY: u64 = 1;

/// Parameters of `global` that tune the inside of another agent.
const TUNING: &[&str] = &[
    "AggregatIntervalMs",
    "AppendingAllEnvMetaTag",
    "DefaultLogGroupQueueSize",
    "DefaultLogQueueSize",
    "DelayStopSec",
    "EnableProcessorTag",
    "EnableSlsMetricsFormat",
    "FlushIntervalMs",
    "InputIntervalMs",
    "InputMaxFirstCollectDelayMs",
    "LoongCollectorGlobalConfigDir",
    "LoongCollectorLogConfDir",
    "LoongCollectorLogDir",
    "LoongCollectorPluginDir",
    "StructureType",
];

/// Reads a pipeline document. What is wrong is in the report of `document`.
pub(super) fn read(document: Document<'_>, file: &str, context: &Context<'_>) -> Pipeline {
    let Document { fields: mut document, name, sls } = document;
    let enable = document.or("enable", true);
    let global = document.map("global").map_or_else(Global::default, read_global);
    let inputs = inputs(&mut document, context);
    let processors = document.maps("processors").into_iter();
    let processors = processors.filter_map(|entry| processor::read(entry, file, context.builtin_types)).collect();
    let flushers = flushers(&mut document, &sls);
    aggregators(&mut document);
    extensions(&mut document);
    if let Some(task) = document.cursor("task") {
        task.error("a file with a task is no pipeline");
    }
    document.tolerate(&["configName", "createTime", "sample"]);
    if !enable {
        document.cursor.report.forgive();
    }
    document.finish();
    Pipeline { name, enable, global, inputs, processors, flushers }
}

fn inputs(document: &mut Fields<'_>, context: &Context<'_>) -> Vec<InputSpec> {
    let entries = required_maps(document, "inputs");
    if let Some(second) = entries.get(1) {
        second.cursor.error("expected one input: an input_file stands alone");
    }
    entries.into_iter().filter_map(|entry| input::read(entry, context)).collect()
}

fn flushers(document: &mut Fields<'_>, defaults: &SlsDefaults) -> Vec<FlusherSpec> {
    let entries = required_maps(document, "flushers").into_iter();
    entries.filter_map(|entry| flusher::read(entry, defaults)).collect()
}

fn required_maps<'a>(document: &mut Fields<'a>, key: &'static str) -> Vec<Fields<'a>> {
    match document.cursor(key) {
        None => document.cursor.error(format!("{key} is missing")),
        Some(list) if list.list().is_some_and(|items| items.is_empty()) => list.error("expected one entry or more"),
        Some(_) => {}
    }
    document.maps(key)
}

/// Accepts aggregators that only group events for sending, and refuses those that decide where events go.
fn aggregators(document: &mut Fields<'_>) {
    for mut entry in document.maps("aggregators") {
        let Some(name) = entry.required::<String>("Type") else { continue };
        if GROUPING_AGGREGATORS.contains(&name.as_str()) {
            entry.cursor.warn(format!("{name} has no effect: flushers group events themselves"));
        } else {
            entry.cursor.error(format!("the aggregator {name} is not supported"));
        }
    }
}

fn extensions(document: &mut Fields<'_>) {
    for entry in document.maps("extensions") {
        entry.cursor.warn("extensions are not supported yet, this one has no effect");
    }
}

fn read_global(mut fields: Fields<'_>) -> Global {
    let global = Global {
        nanoseconds: fields.or("EnableTimestampNanosecond", false),
        topic: topic::read(&mut fields),
        priority: priority(&mut fields),
        using_old_content_tag: fields.or("UsingOldContentTag", false),
        pipeline_meta_tags: pipeline_meta_tags(&mut fields),
        agent_env_tags: fields.optional("AgentEnvMetaTagKey"),
        execution_timeout_secs: fields.optional("ExcutionTimeout").map(|secs: u64| secs.clamp(600, 604_800)),
        force_rerun_when_update: fields.or("ForceRerunWhenUpdate", false),
    };
    fields.tolerate(TUNING);
    fields.warn_not_yet(&global, NOT_YET);
    fields.finish();
    global
}

/// Reads the priority, of which anything beyond the lowest is the lowest.
fn priority(fields: &mut Fields<'_>) -> u64 {
    match fields.or("Priority", DEFAULT_PRIORITY) {
        priority @ 0..=2 => priority,
        _ => {
            fields.cursor("Priority").iter().for_each(|cursor| cursor.warn("expected 0 to 2; 2, the lowest, applies"));
            2
        }
    }
}

/// Reads `PipelineMetaTagKey`; a name for something that the agent does not know of its machine is warned of.
fn pipeline_meta_tags(fields: &mut Fields<'_>) -> StringMap {
    const UNKNOWN_FACTS: &[&str] = &["HOST_ID", "CLOUD_PROVIDER", "AGENT_TAG"];
    let Some(mut tags) = fields.map("PipelineMetaTagKey") else { return StringMap::new() };
    let given = ["HOST_NAME", "HOST_IP"].into_iter();
    let renamed = given.filter_map(|key| Some((key.to_owned(), tags.optional::<String>(key)?))).collect();
    for key in UNKNOWN_FACTS {
        if tags.optional::<String>(key).is_some_and(|name| !name.is_empty()) {
            tags.cursor(key).iter().for_each(|cursor| cursor.warn("not known here, there will be no such tag"));
        }
    }
    tags.finish();
    renamed
}

impl Default for Global {
    fn default() -> Self {
        Self {
            nanoseconds: false,
            topic: Topic::None,
            priority: DEFAULT_PRIORITY,
            using_old_content_tag: false,
            pipeline_meta_tags: StringMap::new(),
            agent_env_tags: None,
            execution_timeout_secs: None,
            force_rerun_when_update: false,
        }
    }
}
