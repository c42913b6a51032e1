//! What the code keeps to: who may name what, who imports whom, where `unsafe` may be, how long a file gets.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// What only one module of the host may name.
const OWNERS: &[(&str, &str)] = &[
    ("ambient_authority", "runtime"),
    ("clap", "cli"),
    ("notify::", "input"),
    ("oci_client", "registry"),
    ("reqwest", "flusher"),
    ("spawn", "runtime"),
    ("tracing_subscriber", "telemetry"),
    ("wasmtime::", "processor"),
];

/// Lines of other modules that may name it nevertheless, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "cli/mod.rs",
        "use tracing_subscriber::filter::LevelFilter;",
        "the type of an argument; what is done with it is up to telemetry",
    ),
    (
        "processor/clock.rs",
        "let thread = thread::Builder::new().name(\"epoch\".to_owned()).spawn(move || {",
        "the clock of time limits is part of the engine, carries no event and ends with it",
    ),
    (
        "processor/swap/shadow.rs",
        "let thread = thread::Builder::new().name(\"shadow\".to_owned()).spawn(follow)?;",
        "a trial lives in the processor that it is of, sees copies of events and ends with it",
    ),
];

/// Events go through these in some order. They meet in `runtime` and share nothing but `event` and `telemetry`.
const STAGES: &[&str] = &["checkpoint", "flusher", "input", "processor", "queue", "registry"];
const SHARED: &[&str] = &["event", "telemetry"];

/// What a stage takes from elsewhere: limits and grants are plain data, which `config` reads and `processor` keeps to.
/// References to components, and secrets, are too.
const TAKEN: &[(&str, &str)] = &[("processor", "config"), ("registry", "config")];

/// Where `unsafe` may be, and who generates it where it is not ours.
const UNSAFE: &[(&str, &str)] = &[
    ("guest-sdk/rust/src/bindings.rs", "generated"),
    ("guest-sdk/rust/src/memory.rs", "generated"),
    ("guest-sdk/rust/src/typed/bindings.rs", "generated"),
    ("host/src/processor/bindings.rs", "generated"),
    ("host/src/processor/cache.rs", "loads machine code"),
    ("tests/guests/wasi/bindings.rs", "generated"),
];

const LONGEST_FILE_LINES: usize = 700;

#[test]
fn one_module_owns_what_only_it_should_name() -> Result<()> {
    let mut unused: Vec<&str> = EXCEPTIONS.iter().map(|(_, line, _)| *line).collect();
    let mut found = Vec::new();
    for (path, text) in host_sources()? {
        for line in production_lines(&text) {
            let foreign = OWNERS.iter().filter(|(_, owner)| *owner != module(&path));
            for (name, owner) in foreign.filter(|(name, _)| names(line, name)) {
                let exception = EXCEPTIONS.iter().find(|(file, excepted, _)| *file == path && *excepted == line.trim());
                match exception {
                    Some((_, excepted, _)) => unused.retain(|line| line != excepted),
                    None => found.push(format!("host/src/{path}: {name} is {owner}'s: {}", line.trim())),
                }
            }
        }
    }
    found.extend(unused.iter().map(|line| format!("no exception is needed for: {line}")));
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn stages_do_not_import_each_other() -> Result<()> {
    let mut found = Vec::new();
    for (path, text) in host_sources()? {
        let stage = module(&path);
        if !STAGES.contains(&stage) {
            continue;
        }
        for line in production_lines(&text) {
            for (at, _) in line.match_indices("crate::") {
                let imported: String =
                    line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_taken = TAKEN.contains(&(stage, imported.as_str()));
                if imported != stage && !is_taken && !SHARED.contains(&imported.as_str()) {
                    found.push(format!("host/src/{path}: {}", line.trim()));
                }
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn unsafe_is_where_it_is_known_to_be() -> Result<()> {
    let mut found = Vec::new();
    for path in sources()? {
        let text = read(&path)?;
        let excepted = UNSAFE.iter().any(|(file, _)| path == Path::new(file));
        let is_unsafe = |line: &&str| {
            let line = line.split("//").next().unwrap_or_default();
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code", "expect(unsafe_code"]
                .iter()
                .any(|word| line.contains(word))
        };
        let is_this_table = path.ends_with("tests/tests/tidy.rs");
        let lines = text.lines().filter(is_unsafe).filter(|_| !excepted && !is_this_table);
        found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn every_crate_forbids_unsafe_code_or_denies_it() -> Result<()> {
    let mut found = Vec::new();
    for path in sources()?.iter().filter(|path| is_crate_root(path)) {
        let text = read(path)?;
        if !text.contains("#![forbid(unsafe_code)]") && !text.contains("#![deny(unsafe_code)]") {
            found.push(path.display().to_string());
        }
    }
    ensure!(found.is_empty(), "without #![forbid(unsafe_code)]:\n{}", found.join("\n"));
    Ok(())
}

/// Libraries, programs and build scripts; tests and benches are part of the package that they test.
fn is_crate_root(path: &Path) -> bool {
    let is_root = ["src/lib.rs", "src/main.rs", "build.rs"].iter().any(|root| path.ends_with(root));
    is_root
        || path.parent().is_some_and(|parent| parent.ends_with("src/bin"))
        || path.starts_with("tests/guests") && path.ends_with("lib.rs")
}

#[test]
fn no_file_is_so_long_that_nobody_reads_it() -> Result<()> {
    let mut found = Vec::new();
    for path in sources()? {
        let lines = read(&path)?.lines().count();
        if lines > LONGEST_FILE_LINES {
            found.push(format!("{}: {lines} lines", path.display()));
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn the_rules_find_what_they_are_for() {
    assert!(names("use clap::Parser;", "clap") && names("#[derive(clap::Args)]", "clap"));
    assert!(!names("let clapped = 1;", "clap") && !names("self.respawned()", "spawn"));
    assert!(names("thread::spawn(f)", "spawn") && names(".spawn(f)", "spawn"));
    let text = "use a;\n// spawn\n#[cfg(test)]\nmod testing;\nfn b() {}\n#[cfg(test)]\nmod tests {\n    spawn\n}\n";
    let lines: Vec<&str> = production_lines(text).collect();
    assert_eq!(lines, ["use a;", "fn b() {}"]);
    assert_eq!((module("cli/mod.rs"), module("lib.rs")), ("cli", "lib"));
}

/// Whether a line of code has this name in it, as a whole word where it begins or ends like one.
fn names(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + name.len()..].chars().next().is_some_and(is_word);
        !before && (!after || !name.ends_with(is_word))
    })
}

/// The lines that are neither comments nor tests.
fn production_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            if line.trim() == "#[cfg(test)]" {
                // A module in this file goes to its end, by convention; one in another file is a line.
                if lines.next()?.ends_with('{') {
                    return None;
                }
            } else if !line.trim_start().starts_with("//") {
                return Some(line);
            }
        }
    })
}

/// The module of the host that a file is part of.
fn module(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

/// The production sources of the host by their path below `host/src`.
fn host_sources() -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for path in sources()? {
        let Ok(below) = path.strip_prefix("host/src") else { continue };
        if !below.ends_with("tests.rs") && !below.ends_with("testing.rs") {
            found.push((below.display().to_string(), read(&path)?));
        }
    }
    ensure!(!found.is_empty(), "the host is somewhere else");
    Ok(found)
}

/// All Rust and WIT files of ours, by their path in the repository.
fn sources() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "wit") {
                found.push(path.strip_prefix(root())?.to_owned());
            }
        }
    }
    // The bench of the boundary tries contracts that are not ours to keep, on bindings of its own.
    found.retain(|path| !path.starts_with("tests/boundary"));
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {}", path.display()))
}

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
