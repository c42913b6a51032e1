//! A processor that a command line names, and what it is set up with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::{config_context, load_agent_config};
use crate::config::{self, Pipeline, Problem, ProcessorSpec, Schema, Syntax};
use crate::processor::component::Component;
use crate::processor::stage::Policy;
use crate::runtime::assemble::Workshop;
use crate::telemetry::chain;

/// A processor and what it is set up with.
pub(super) struct Given {
    pub(super) component: Component,
    /// Valid by the schema.
    pub(super) config: String,
    pub(super) policy: Policy,
    /// The pipeline that the config was taken from, if it was.
    pub(super) pipeline: Option<Pipeline>,
}

/// Where a component comes from that a command line names: a file, a registry, or the type of a built-in processor.
///
/// # Errors
/// If it is none of these.
pub(super) fn origin(name: &str) -> anyhow::Result<config::Component> {
    if loglift_builtin_processors::find(name).is_some() {
        return Ok(config::Component::BuiltIn(name.to_owned()));
    }
    let named = config::Component::named(name)?;
    if matches!(&named, config::Component::File(file) if !file.exists()) {
        let types = loglift_builtin_processors::TYPES.join(", ");
        bail!("{name} is neither a file nor a built-in processor ({types})");
    }
    Ok(named)
}

/// Loads a component that a command line names.
///
/// # Errors
/// If there is none, or it is no processor.
pub(super) fn component(workshop: &Workshop, name: &str) -> anyhow::Result<Component> {
    workshop.component(&origin(name)?, Path::new("")).map_err(anyhow::Error::msg)
}

/// The processor called `name` with a config: a JSON object, a file that holds one, or the config of a pipeline that has this
/// processor, with what that grants. Without one, `{}`.
///
/// # Errors
/// What is wrong with it, every problem on a line.
pub(super) fn given(workshop: &Workshop, name: &str, config: Option<&str>) -> anyhow::Result<Given> {
    let component = component(workshop, name)?;
    let schema = Schema::parse(&component.description.config_schema)
        .map_err(|error| anyhow::anyhow!("the schema of {name} is broken: {}", chain(&error)))?;
    let given = config.unwrap_or("{}");
    if let Some(path) = pipeline_config(given) {
        return of_pipeline(component, &schema, name, &path);
    }
    let is_text = given.trim_start().starts_with('{');
    let (text, file) = if is_text { (given.to_owned(), "--config") } else { (read(given)?, given) };
    let checked = schema.check_json(&text, file);
    let (config, warnings) = checked.map_err(|problems| match config {
        Some(_) => anyhow::anyhow!("{}", lines(&problems)),
        None => anyhow::anyhow!("{name} needs a config, give it one with --config: {}", lines(&problems)),
    })?;
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    Ok(Given { component, config, policy: Policy::default(), pipeline: None })
}

/// The path of a pipeline config, if that is one.
fn pipeline_config(given: &str) -> Option<PathBuf> {
    let path = Path::new(given);
    let is_config = config::Source::of_path(path).is_some_and(|source| match source.syntax {
        Syntax::Yaml => true,
        // What holds the config of a processor is JSON as well.
        Syntax::Json => fs::read_to_string(path).is_ok_and(|text| {
            serde_json::from_str::<Value>(&text).is_ok_and(|value| value.get("processors").is_some())
        }),
    });
    is_config.then(|| path.to_owned())
}

fn of_pipeline(component: Component, schema: &Schema, name: &str, path: &Path) -> anyhow::Result<Given> {
    let agent = load_agent_config(None).context("the agent's own config is wrong")?;
    let loaded = config::load_file(path, &config_context(&agent));
    let (pipeline, _) = loaded.map_err(|problems| anyhow::anyhow!("{}", lines(&problems)))?;
    let spec = pipeline.processors.iter().find(|spec| is_of(spec, name, path));
    let spec = spec.with_context(|| format!("{} has no processor that is {name}", path.display()))?;
    let (config, warnings) = schema.check(spec).map_err(|problems| anyhow::anyhow!("{}", lines(&problems)))?;
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let policy =
        Policy { limits: spec.sandbox.limits, capabilities: spec.sandbox.capabilities.clone(), ..Policy::default() };
    ensure!(
        policy.limits.fuel.is_none(),
        "{}: limits of steps hold in pipelines only, leave Sandbox.Limits.Fuel out here",
        path.display()
    );
    Ok(Given { component, config, policy, pipeline: Some(pipeline) })
}

/// Whether an entry of a pipeline is the processor of this name.
fn is_of(spec: &ProcessorSpec, name: &str, config: &Path) -> bool {
    match &spec.component {
        config::Component::BuiltIn(known) => known == name,
        known @ config::Component::Registry(_) => config::Component::named(name).is_ok_and(|named| named == *known),
        config::Component::File(file) => {
            let file = config.parent().unwrap_or(Path::new("")).join(file);
            fs::canonicalize(file).is_ok_and(|file| fs::canonicalize(name).is_ok_and(|named| named == file))
        }
    }
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n       ")
}
