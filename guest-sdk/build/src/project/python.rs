//! The tools of Python: a virtual environment with the package from PyPI that makes a component of a module.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Tools;
use crate::BuildError;
use crate::toolchain::output_of;

/// Finds Python, and makes an environment below `directory`.
pub(super) fn tools(directory: &Path) -> Result<Tools, BuildError> {
    let python = output_of(Path::new("python3"), &["--version"]).ok_or_else(|| unusable(NO_PYTHON.to_owned()))?;
    let environment = directory.join("venv");
    let version = format!("{} {PACKAGE}", python.trim_end());
    let marker = directory.join("installed");
    if std::fs::read_to_string(&marker).ok().as_deref() != Some(&version) {
        run(Path::new("python3"), &["-m", "venv", "--clear", &environment.to_string_lossy()], NO_VENV)?;
        let failed = format!("pip cannot install {PACKAGE}");
        run(&environment.join("bin/python"), &["-m", "pip", "install", "--quiet", PACKAGE], &failed)?;
        std::fs::write(&marker, &version).map_err(|cause| BuildError::Io { action: "write", path: marker, cause })?;
    }
    Ok(Tools { path: vec![environment.join("bin")], env: Vec::new(), version })
}

/// Runs a program, and says `failed` and the last line of what it says if that does not work.
fn run(program: &Path, words: &[&str], failed: &str) -> Result<(), BuildError> {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|cause| BuildError::Io { action: "run", path: program.to_owned(), cause })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let reason = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    Err(unusable(format!("{failed}: {reason}")))
}

fn unusable(reason: String) -> BuildError {
    BuildError::Tools { language: "python", reason }
}

const NO_PYTHON: &str =
    "Python 3.10 or later is needed: get it from https://python.org, or `apt-get install python3-venv`";

const NO_VENV: &str = "no environment can be made (on Debian, `apt-get install python3-venv`)";

/// The same version as in `guest-sdk/python`, which a test compares.
const PACKAGE: &str = "componentize-py==0.25.1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workspace;

    #[test]
    fn the_sdk_was_tried_with_this_version() {
        let root = Workspace::here().root().to_owned();
        for file in [
            "guest-sdk/python/pyproject.toml",
            "guest-sdk/python/loglift_sdk/build.py",
            "examples/processors/python-user-agent/build.sh",
        ] {
            assert!(std::fs::read_to_string(root.join(file)).unwrap().contains(PACKAGE), "{file}");
        }
    }
}
