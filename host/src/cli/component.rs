//! `loglift component`.

mod room;
mod wrap;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};

#[derive(Debug, clap::Args)]
pub(super) struct ComponentArguments {
    /// The core module that a compiler made
    #[arg(value_name = "CORE.wasm")]
    module: PathBuf,

    /// Where the component goes [default: beside the module, as NAME.component.wasm]
    #[arg(short, long, value_name = "OUT.wasm")]
    output: Option<PathBuf>,
}

/// Makes a component of a core module, and says what it is.
pub(super) fn component(arguments: &ComponentArguments) -> anyhow::Result<bool> {
    let module = &arguments.module;
    let output = arguments.output.clone().unwrap_or_else(|| module.with_extension("component.wasm"));
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let wrapped = wrap::wrap(&core).map_err(|error| anyhow!("{} {error}", module.display()))?;
    fs::write(&output, &wrapped.component).with_context(|| format!("cannot write {}", output.display()))?;
    let size = wrapped.component.len().div_ceil(1024);
    eprintln!("{}: {size} KiB, exports {}", output.display(), wrapped.exports.join(", "));
    Ok(true)
}
