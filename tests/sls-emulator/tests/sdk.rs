//! The official SDK for Python against the emulator.
//!
//! The SDK is installed once, into a virtual environment in the target directory.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sls_emulator::{Emulator, Options};

/// What is installed. Another version gets an environment of its own.
const PACKAGES: [&str; 2] = ["aliyun-log-python-sdk==0.9.52", "zstd==1.5.7.2"];

#[test]
fn the_official_sdk_reads_back_what_it_wrote() -> Result<()> {
    let python = match python_with_sdk() {
        Ok(python) => python,
        Err(error) => {
            // Not captured, so that nobody takes a machine without Python for a proof.
            writeln!(std::io::stderr(), "SKIPPED: no official SDK here: {error:#}")?;
            return Ok(());
        }
    };
    let scratch = tempfile::tempdir()?;
    let emulator = Emulator::start(&Options::new(scratch.path()))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/roundtrip.py");
    run(Command::new(python).arg(script).arg(emulator.endpoint()))?;
    let stats = emulator.stats();
    ensure!(stats.requests["put_logs"].accepted == 4 * 4, "{stats:?}");
    ensure!(stats.requests["list_projects"].refused["SignatureNotMatch"] == 4, "{stats:?}");
    Ok(())
}

/// The interpreter of an environment that has the SDK.
fn python_with_sdk() -> Result<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(PACKAGES.join("+"));
    let python = place.join("bin/python");
    let done = place.join("done");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1", "--timeout=10"];
        run(Command::new(&python).args(install).args(PACKAGES))?;
        fs::write(done, "").context("marking the environment as done")?;
    }
    Ok(python)
}

/// Runs a command to its end and shows what it said if it failed.
fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("running {}", command.get_program().display()))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    ensure!(output.status.success(), "{} failed: {stdout}{stderr}", command.get_program().display());
    Ok(())
}
