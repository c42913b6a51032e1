//! `loglift push` and `loglift pull`: components to registries, and from there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Common;
use crate::config::{self, AgentConfig, Reference};
use crate::processor::component::Component;
use crate::processor::trust::digest;
use crate::registry::{self, Facts};

#[derive(Debug, clap::Args)]
pub(super) struct PushArguments {
    /// The file of a component
    #[arg(value_name = "COMPONENT")]
    component: PathBuf,

    /// Where to: oci://HOST[:PORT]/REPOSITORY:TAG
    #[arg(value_name = "REFERENCE")]
    reference: Reference,

    /// What was pushed, as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct PullArguments {
    /// Which one: oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]
    #[arg(value_name = "REFERENCE")]
    reference: Reference,

    /// The file to write [default: the last part of REPOSITORY, and .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Pushes a processor, and prints how a config names it. Returns whether that went well.
///
/// What is no processor, or is one for another version of the contract, is not pushed.
pub(super) fn push(arguments: &PushArguments, common: &Common) -> anyhow::Result<bool> {
    let PushArguments { component: file, reference, json } = arguments;
    if let Some(digest) = &reference.digest {
        bail!("{reference}: what is pushed gets a digest and cannot be given one: leave out @{digest}");
    }
    if reference.tag.is_none() {
        bail!("{reference}: name a tag for what is pushed, such as {reference}:1.0.0");
    }
    let workshop = common.workshop(false, &AgentConfig::default())?;
    let origin = config::Component::File(file.clone());
    let component = workshop.component(&origin, Path::new("")).map_err(anyhow::Error::msg)?;
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if digest(&bytes) != component.digest {
        bail!("{} was written to meanwhile: push it again", file.display());
    }
    let size = bytes.len();
    let network = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let access = common.access();
    let manifest = network.block_on(registry::push(reference, bytes, &facts(&component), &access));
    network.shutdown_background();
    let pinned = reference.pinned(&manifest?);
    if *json {
        let said = serde_json::json!({
            "reference": pinned.to_string(),
            "manifest": pinned.digest,
            "component": component.digest,
            "bytes": size,
        });
        println!("{}", serde_json::to_string_pretty(&said)?);
    } else {
        println!(
            "pushed {} ({} KiB). A config names it by its tag, or pinned to this very one:",
            file.display(),
            size.div_ceil(1024)
        );
        println!("    Component: {reference}");
        println!("    Component: {pinned}");
    }
    Ok(true)
}

/// Pulls a component into a file. Returns whether that went well.
pub(super) fn pull(arguments: &PullArguments, common: &Common) -> anyhow::Result<bool> {
    let PullArguments { reference, output } = arguments;
    let bytes = common.remote(common.open_cache()).component(reference).map_err(anyhow::Error::msg)?;
    let name = reference.repository.rsplit('/').next().unwrap_or_default();
    let file = output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
    fs::write(&file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}: {} KiB, {}", file.display(), bytes.len().div_ceil(1024), digest(&bytes));
    Ok(true)
}

fn facts(component: &Component) -> Facts {
    let description = &component.description;
    Facts {
        name: description.name.clone(),
        version: description.version.clone(),
        summary: description.summary.clone(),
        exports: component.exports.clone(),
        imports: component.imports.clone(),
    }
}
