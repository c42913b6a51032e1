//! `loglift inspect`.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::checkpoint::print;
use super::given::origin;
use super::{Common, InspectArguments};
use crate::config::{AgentConfig, Capabilities, Component};
use crate::processor::producers::Producers;
use crate::processor::wants::{self, Authority};
use crate::runtime::assemble::impostor;
use crate::telemetry::one_line;

/// What is known of a component.
#[derive(Debug, Serialize)]
struct Facts {
    name: String,
    version: String,
    summary: String,
    digest: String,
    size_bytes: usize,
    built_in: bool,
    world: String,
    stateful: bool,
    exports: Vec<String>,
    imports: Vec<String>,
    /// What it could touch, and what it gets of that unless a config grants more.
    capabilities: Vec<String>,
    #[serde(skip)]
    can_be_granted: bool,
    languages: Vec<String>,
    sdks: Vec<String>,
    tools: Vec<String>,
    config_schema: Value,
}

/// Prints what a component is. Returns whether it is one.
pub(super) fn inspect(arguments: &InspectArguments, common: &Common) -> anyhow::Result<bool> {
    let workshop = common.workshop(false, &AgentConfig::default())?;
    let origin = origin(&arguments.component)?;
    // The limit of size holds before anything is read.
    let component = workshop.component(&origin, Path::new("")).map_err(anyhow::Error::msg)?;
    let bytes = workshop.component_bytes(&origin).map_err(anyhow::Error::msg)?;
    let Producers { languages, tools, sdks } = Producers::of(&bytes);
    let wants = component.wants();
    let description = &component.description;
    let [name, version, summary] =
        [&description.name, &description.version, &description.summary].map(|text| one_line(text));
    let facts = Facts {
        name,
        version,
        summary,
        digest: component.digest.clone(),
        size_bytes: bytes.len(),
        built_in: matches!(origin, Component::BuiltIn(_)),
        world: component.world.to_string(),
        stateful: component.remembers(),
        exports: component.exports.clone(),
        imports: component.imports.clone(),
        capabilities: wants::lines(&wants, &Capabilities::default()),
        can_be_granted: wants.iter().any(|want| want.authority != Authority::Streams),
        languages,
        sdks,
        tools,
        config_schema: serde_json::from_str(&description.config_schema).unwrap_or(Value::Null),
    };
    if let Some(warning) = impostor(&component) {
        eprintln!("warning: {warning}");
    }
    print(&if arguments.json { serde_json::to_string(&facts)? + "\n" } else { facts.describe()? })
}

impl Facts {
    fn describe(&self) -> anyhow::Result<String> {
        let list = |names: &[String], nothing: &str| {
            if names.is_empty() { nothing.to_owned() } else { names.join(", ") }
        };
        let built_in = if self.built_in { ", built in" } else { "" };
        let mut text = format!(
            "{} {}: {}\n  size     {} KiB{built_in}\n  digest   {}\n  world    {}{}\n  language {}\n  SDK      {}\n  tools    \
             {}\n  exports  {}\n  imports  {}\n",
            self.name,
            self.version,
            self.summary,
            self.size_bytes.div_ceil(1024),
            self.digest,
            self.world,
            if self.stateful { ", remembers" } else { "" },
            list(&self.languages, "not said"),
            list(&self.sdks, "not said"),
            list(&self.tools, "not said"),
            list(&self.exports, "nothing"),
            list(&self.imports, "nothing"),
        );
        for line in &self.capabilities {
            text += &format!("           {line}\n");
        }
        if self.can_be_granted {
            text += "           a config can grant directories, variables, the clock and random numbers: \
                     Sandbox.Capabilities\n";
        }
        text += "  config schema\n";
        for line in serde_json::to_string_pretty(&self.config_schema)?.lines() {
            text += &format!("    {line}\n");
        }
        Ok(text)
    }
}
