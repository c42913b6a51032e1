//! The tools of JavaScript: node, and the packages from npm that make a component of a module.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Tools;
use crate::BuildError;
use crate::toolchain::output_of;

/// Finds node and npm, and installs the packages below `directory`.
pub(super) fn tools(directory: &Path) -> Result<Tools, BuildError> {
    let node =
        output_of(Path::new("node"), &["--version"]).filter(|_| output_of(Path::new("npm"), &["--version"]).is_some());
    let Some(node) = node else { return Err(unusable(NO_NODE.to_owned())) };
    let installed = directory.join("node_modules/.bin");
    let version = format!("{} {}", node.trim_end(), PACKAGES.join(" "));
    let marker = directory.join("installed");
    if std::fs::read_to_string(&marker).ok().as_deref() != Some(&version) {
        install(directory)?;
        std::fs::write(&marker, &version).map_err(|cause| BuildError::Io { action: "write", path: marker, cause })?;
    }
    Ok(Tools { path: vec![installed], env: Vec::new(), version })
}

fn install(directory: &Path) -> Result<(), BuildError> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--prefix"])
        .arg(directory)
        .args(PACKAGES);
    let output = npm.stdin(Stdio::null()).output();
    let output = output.map_err(|cause| BuildError::Io { action: "run", path: "npm".into(), cause })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().find(|line| line.contains("error")).unwrap_or("it said nothing").trim();
    Err(unusable(format!("npm cannot install {}: {reason}", PACKAGES.join(" and "))))
}

fn unusable(reason: String) -> BuildError {
    BuildError::Tools { language: "javascript", reason }
}

const NO_NODE: &str =
    "JavaScript needs node and npm: get Node.js 20 or later from https://nodejs.org, or `apt-get install nodejs npm`";

/// The same versions as in `guest-sdk/javascript`, whose tests compare them.
const PACKAGES: [&str; 2] = ["componentize-qjs@0.4.5", "esbuild@0.28.2"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workspace;

    #[test]
    fn the_sdk_was_tried_with_these_versions() {
        let root = Workspace::here().root().to_owned();
        let builder = std::fs::read_to_string(root.join("guest-sdk/javascript/bin/loglift-build.js")).unwrap();
        let example = std::fs::read_to_string(root.join("examples/processors/javascript-redact/package.json")).unwrap();
        for package in PACKAGES {
            assert!(builder.contains(package), "{package}");
            assert!(example.contains(&format!("\"{}\"", package.replace('@', "\": \""))), "{package}");
        }
    }
}
