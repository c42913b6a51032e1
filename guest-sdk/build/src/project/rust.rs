//! The tools of Rust: the toolchain that compiles the built-in processors.

use std::path::Path;

use super::Tools;
use crate::toolchain::{Std, output_of};
use crate::{BuildError, install};

/// Finds the toolchain or installs it. Debian's builds the standard library itself, which cargo is told by variables.
pub(super) fn tools(directory: &Path) -> Result<Tools, BuildError> {
    let toolchain = install().map_err(|missing| BuildError::Tools { language: "rust", reason: missing.to_string() })?;
    let mut env = native(directory).env;
    env.extend([("CARGO".into(), toolchain.cargo.clone().into()), ("RUSTC".into(), toolchain.rustc.clone().into())]);
    if let Std::FromSource { linker } = &toolchain.std {
        env.extend([
            ("RUSTC_BOOTSTRAP".into(), "1".into()),
            ("CARGO_UNSTABLE_BUILD_STD".into(), "std,panic_abort".into()),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER".into(), linker.into()),
        ]);
    }
    let path = toolchain.cargo.parent().filter(|directory| directory.is_absolute()).map(Path::to_owned);
    let version = output_of(&toolchain.rustc, &["--version", "--verbose"]).unwrap_or_default();
    Ok(Tools { path: path.into_iter().collect(), env, version })
}

/// What unit tests need, which run on this machine: any Rust does. What projects depend on is compiled once for all.
pub(super) fn native(directory: &Path) -> Tools {
    Tools { env: vec![("CARGO_TARGET_DIR".into(), directory.into())], ..Tools::default() }
}
