//! Turns config text into a [`Pipeline`] in which every value is already valid, plus warnings.
//!
//! A config goes through these steps, each a module: text to a tree of positioned values (`yaml`, `json`), environment
//! references replaced (`env`), a Kubernetes resource unwrapped (`wrapper`), and the tree read into types (`pipeline`,
//! `input`, `processor`, `flusher`). All of it is pure; only `load` touches files. The parameters of a processor stay
//! a [`Node`] until the processor itself has told its schema, which `schema` checks them against.
//!
//! What is wrong is collected, not only its first instance: one reading reports everything. An unknown type or a wrong
//! type of value is a [`Problem`], and the pipeline is refused; an unknown key, a value without a meaning and a
//! parameter without an effect are a [`Warning`].

mod agent;
mod env;
mod fields;
mod flusher;
mod input;
mod json;
mod load;
mod multiline;
mod names;
mod node;
mod pipeline;
mod plugin;
mod problem;
mod processor;
mod quantity;
mod reference;
mod sandbox;
mod schema;
mod shipping;
mod sls;
mod topic;
mod wrapper;
mod yaml;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use agent::AgentConfig;
pub use env::Lookup;
pub use fields::StringMap;
pub use flusher::{EventType, FileFlusher, FlusherKind, FlusherSpec, MatchRule, StdoutFlusher};
pub use input::{Containers, Encoding, FileInput, InputKind, InputSpec};
pub use load::{Found, Loaded, LoadedFile, find, load, load_agent_config, load_file, parse_file};
pub use multiline::{LinePattern, Multiline, MultilinePatterns};
pub use node::{Entry, Node, Position, Value};
pub use pipeline::{Global, Pipeline};
pub use problem::{Problem, Warning};
pub use processor::{Component, ProcessorSpec};
pub use reference::{Reference, ReferenceError, is_digest};
pub use sandbox::{
    Attached, BreakerPolicy, BreakerSpec, Capabilities, DirGrant, Fuel, Limits, OnError, Pins, RollbackOn, SandboxSpec,
    SignaturePin, SwapMode, SwapSpec,
};
pub use schema::{Schema, SchemaError};
pub use shipping::{RegionEndpoint, Secret, Shipping};
pub use sls::{Compression, SlsBatch, SlsFlusher, Telemetry};
pub use topic::{PathPattern, Topic};

use fields::Cursor;
use problem::Report;

/// Whether processors of this type are among those that the agent has, or are in LoongCollector and so may be one day.
pub fn is_known_processor(type_name: &str, builtin_types: &[&str]) -> bool {
    builtin_types.contains(&type_name) || names::PROCESSORS.contains(&type_name)
}

/// What a config is read with, besides its text.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Looks up the variables that `${NAME}` refers to.
    pub env: &'a Lookup<'a>,
    /// The types of the processors that the agent has.
    pub builtin_types: &'a [&'a str],
    /// The default of `TailSizeKB`, if the agent has one of its own.
    pub default_tail_limit_kib: Option<u64>,
}

/// Where a config text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it, for messages.
    pub file: String,
    /// The name of the pipeline, unless the text has one: that of the file without its extension.
    pub stem: String,
    /// The syntax of the text.
    pub syntax: Syntax,
}

/// The syntax of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// YAML, by the rules of YAML 1.1.
    Yaml,
    /// JSON, with comments.
    Json,
}

/// Reads one config.
///
/// Pure: `context` is all that is known of the world.
///
/// # Errors
/// Everything that is wrong with the config, in the order of the text; never empty. A pipeline with `enable: false` is
/// only refused for its syntax: what else is wrong with it becomes a warning.
pub fn parse(text: &str, source: &Source, context: &Context<'_>) -> Result<(Pipeline, Vec<Warning>), Vec<Problem>> {
    let report = Report::new(&source.file);
    let pipeline = match tree(text, source.syntax, &report) {
        Ok(mut root) => {
            env::expand(&mut root, context.env, &report);
            let root = Cursor { node: &root, path: String::new(), report: &report };
            let document = wrapper::unwrap(root, &source.stem);
            document.map(|document| pipeline::read(document, &source.file, context))
        }
        Err(problem) => {
            report.error(problem);
            None
        }
    };
    report.conclude(pipeline)
}

fn tree(text: &str, syntax: Syntax, report: &Report) -> Result<Node, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(offset) = text.find('\0') {
        return Err(Problem::new(Position::of_offset(text, offset), "", "a config cannot hold a NUL byte"));
    }
    let root = match syntax {
        Syntax::Yaml => yaml::parse(text, report)?,
        Syntax::Json => json::parse(text, report)?,
    };
    match root.value {
        Value::Map(_) => Ok(root),
        Value::Null => Err(Problem::new(Position::START, "", "the file holds no config")),
        _ => Err(Problem::new(root.at, "", format!("expected a map at the top, found {}", root.kind()))),
    }
}
