//! `cargo xtask torture`: the kill test for as long as one likes.

use anyhow::{Context, Result, ensure};
use loglift_guest_build::{install, outer_target_dir};

/// Builds the agent and its torturer as tests do, with the places at which it can be killed, and runs it with `args`.
///
/// # Errors
/// When something does not build, or the agent loses a line.
pub(crate) fn run(args: &[String]) -> Result<()> {
    install()?;
    let mut build = crate::cargo();
    build.args(["build", "--locked", "--package", "loglift-tests", "--bin", "torture", "--bin", "loglift-under-test"]);
    ensure!(build.status().context("cannot run cargo")?.success(), "loglift-tests does not build");
    let mut torture = std::process::Command::new(outer_target_dir().join("debug/torture"));
    ensure!(torture.args(args).status().context("cannot run torture")?.success(), "the agent failed");
    Ok(())
}
