//! `loglift inspect`.

use std::path::Path;

use super::{Common, InspectArguments};
use crate::config::{self, AgentConfig, Capabilities};
use crate::processor::wants::{self, Authority};
use crate::telemetry::one_line;

/// Prints what a component is. Returns whether it is one.
pub(super) fn inspect(arguments: &InspectArguments, common: &Common) -> anyhow::Result<bool> {
    let workshop = common.workshop(false, &AgentConfig::default())?;
    let name = &arguments.component;
    let built_in = loglift_builtin_processors::find(name);
    let origin = match built_in {
        Some(_) => config::Component::BuiltIn(name.clone()),
        None => config::Component::File(name.into()),
    };
    if built_in.is_none() && !Path::new(name).exists() {
        let types = loglift_builtin_processors::TYPES.join(", ");
        anyhow::bail!("{name} is neither a file nor a built-in processor ({types})");
    }
    let component = workshop.component(&origin, Path::new("")).map_err(anyhow::Error::msg)?;
    let size = match built_in {
        Some(built_in) => built_in.component.len() as u64,
        None => std::fs::metadata(name)?.len(),
    };
    let description = &component.description;
    let [name, version, summary] =
        [&description.name, &description.version, &description.summary].map(|text| one_line(text));
    println!("{name} {version}: {summary}");
    println!("  size     {} KiB{}", size.div_ceil(1024), if built_in.is_some() { ", built in" } else { "" });
    println!("  digest   {}", component.digest);
    println!("  exports  {}", component.exports.join(", "));
    println!(
        "  imports  {}",
        if component.imports.is_empty() { "nothing".to_owned() } else { component.imports.join(", ") }
    );
    for line in wants::lines(&component.wants(), &Capabilities::default()) {
        println!("           {line}");
    }
    if component.wants().iter().any(|want| want.authority != Authority::Streams) {
        println!(
            "           a config can grant directories, variables, the clock and random numbers: Sandbox.Capabilities"
        );
    }
    println!("  config schema");
    let schema: serde_json::Value = serde_json::from_str(&description.config_schema)?;
    for line in serde_json::to_string_pretty(&schema)?.lines() {
        println!("    {line}");
    }
    Ok(true)
}
