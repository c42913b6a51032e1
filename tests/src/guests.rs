//! Processors for tests, compiled to components once per test process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use loglift_guest_build::{Toolchain, Workspace, outer_target_dir};

/// A processor that breaks the contract in the way its config names.
///
/// # Errors
/// If it does not compile.
pub fn misbehaving() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    component(&PATH, "loglift-misbehaving")
}

/// The component of [`misbehaving`] as another version of it, which lies when it describes itself: `loops`, `schema` and other
/// words of six letters that it knows.
///
/// # Errors
/// If it does not compile.
pub fn misdescribed(lie: &str) -> Result<Vec<u8>> {
    patched(misbehaving()?, b"described-honest", format!("described-{lie:6}").as_bytes())
}

/// The component of [`misbehaving`] as another version of it, one of whose texts is not UTF-8.
///
/// # Errors
/// If it does not compile, or does not have the text.
pub fn misspelt(text: &str) -> Result<Vec<u8>> {
    let mut wrong = text.as_bytes().to_vec();
    wrong.iter_mut().take(1).for_each(|byte| *byte = 0xff);
    patched(misbehaving()?, text.as_bytes(), &wrong)
}

/// A processor that remembers, and goes wrong with that in the way that its config names.
///
/// # Errors
/// If it does not compile.
pub fn remembering() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    component(&PATH, "loglift-remembering")
}

/// A processor that uses what the contract offers.
///
/// # Errors
/// If it does not compile.
pub fn exemplary() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    component(&PATH, "loglift-exemplary")
}

/// A processor of the typed world that does what its config names, right or wrong.
///
/// # Errors
/// If it does not compile.
pub fn typed() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    component(&PATH, "loglift-typed-guest")
}

/// A processor that stamps events with what it is.
///
/// # Errors
/// If it does not compile.
pub fn stamping() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    component(&PATH, "loglift-stamping")
}

/// The component of [`stamping`] as another version of it, which stamps `component-` and this number of six digits.
///
/// # Errors
/// If it does not compile.
pub fn stamping_version(number: u32) -> Result<Vec<u8>> {
    patched(stamping()?, b"component-000000", format!("component-{number:06}").as_bytes())
}

/// A processor that reaches out of its sandbox by WASI, in the way its config names.
///
/// # Errors
/// If it does not compile.
pub fn reaching() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    component(&PATH, "loglift-wasi-guest")
}

/// The example of a processor that remembers.
///
/// # Errors
/// If it does not compile.
pub fn deduplicate() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    built(&PATH, &Workspace::here(), "loglift-deduplicate")
}

/// The example of a processor that reads a file.
///
/// # Errors
/// If it does not compile.
pub fn lookup() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    built(&PATH, &Workspace::here(), "loglift-lookup")
}

/// A component with another text in the place of one of the same length.
fn patched(component: &Path, mark: &[u8], other: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = std::fs::read(component).context("cannot read the component")?;
    let place = bytes.windows(mark.len()).position(|part| part == mark).context("the component has no mark")?;
    bytes[place..place + mark.len()].copy_from_slice(other);
    Ok(bytes)
}

fn component(place: &'static OnceLock<PathBuf>, package: &str) -> Result<&'static Path> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests");
    // The same directory as for the built-in processors: what both depend on is compiled once.
    built(place, &Workspace::new(root, outer_target_dir().join("guests")), package)
}

fn built(place: &'static OnceLock<PathBuf>, workspace: &Workspace, package: &str) -> Result<&'static Path> {
    if let Some(path) = place.get() {
        return Ok(path);
    }
    let built = workspace.components(&Toolchain::find()?, &[package])?;
    let path = built.into_iter().next().context("one package makes one component")?.path;
    Ok(place.get_or_init(|| path))
}
