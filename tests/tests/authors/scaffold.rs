//! `loglift new`.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use loglift_guest_build::outer_target_dir;
use loglift_tests::scratch::Scratch;

use super::{document, stdout};

#[test]
fn an_existing_directory_is_not_touched() -> Result<()> {
    let scratch = Scratch::new()?;
    for (name, content) in [("empty", None), ("full", Some("mine"))] {
        fs::create_dir(scratch.path(name))?;
        content.map_or(Ok(()), |content| scratch.write(&format!("{name}/README.md"), content))?;
        let found = scratch.loglift(&["new", name, "--lang", "rust"]).finish()?;
        let message = format!("error: {name} exists already: nothing was written; take another name or remove it\n");
        assert_eq!((found.stderr, found.status.code()), (message, Some(1)));
        assert_eq!(fs::read_dir(scratch.path(name))?.count(), usize::from(content.is_some()));
    }
    assert_eq!(fs::read_to_string(scratch.path("full/README.md"))?, "mine");
    let found = scratch.loglift(&["new", "parse-json", "--lang", "rust"]).finish()?;
    assert!(found.stderr.ends_with("which is there already: my-parse-json would do\n"), "{}", found.stderr);
    assert!(!scratch.path("parse-json").exists());
    let found = scratch.loglift(&["new", "a", "--lang", "cobol"]).finish()?;
    assert!(found.code() == Some(2) && found.stderr.contains("possible values: rust"), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_missing_tool_is_named_with_how_to_get_it() -> Result<()> {
    let scratch = Scratch::new()?;
    let found =
        scratch.loglift(&["new", "my-parser", "--lang", "rust", "--json"]).env("PATH", "/nonexistent").finish()?;
    let document = document(&found)?;
    assert_eq!(document["missing"][0], "cargo is missing: get Rust from https://rustup.rs", "{document:#}");
    assert_eq!((&document["type"], found.code()), (&"processor_my_parser".into(), Some(0)));
    let files = document["files"].as_array().context("it lists them")?;
    assert!(files.iter().all(|file| file.as_str().is_some_and(|file| scratch.path("my-parser").join(file).is_file())));
    Ok(())
}

#[test]
fn a_project_in_rust_builds_and_passes_its_tests_at_once() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = scratch.loglift(&["new", "my-parser", "--lang", "rust"]).finish()?;
    ensure!(found.code() == Some(0) && found.stderr.is_empty(), "{}", found.stderr);
    assert!(stdout(&found).ends_with("  cd my-parser\n  ./build.sh\n  loglift test .\n"), "{}", stdout(&found));

    let project = scratch.path("my-parser");
    // What a user has, and not what the cargo around this test has set. The agent is the one under test.
    let agent = scratch.loglift(&[]).into_command().get_program().to_owned();
    let run = |program: &OsStr, arguments: &[&str]| run(&project, program, arguments, &agent);
    run(OsStr::new("./build.sh"), &[])?;
    let found = scratch.loglift(&["test", "my-parser"]).finish()?;
    ensure!(stdout(&found).ends_with("2 cases: 2 passed\n"), "{}{}", stdout(&found), found.stderr);
    let found = scratch.loglift(&["conformance", "my-parser/processor.wasm"]).finish()?;
    ensure!(found.code() == Some(0), "{}{}", stdout(&found), found.stderr);
    run(OsStr::new("cargo"), &["test", "--quiet", "--target-dir", "target"])
}

fn run(project: &Path, program: &OsStr, arguments: &[&str], agent: &OsStr) -> Result<()> {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_cargos(name)) {
        command.env_remove(name);
    }
    // The dependencies of all scaffolds are compiled once.
    let target = outer_target_dir().join("tmp/scaffold");
    fs::create_dir_all(&target)?;
    let link = project.join("target");
    if !link.exists() {
        std::os::unix::fs::symlink(&target, &link)?;
    }
    let output = command.args(arguments).current_dir(project).env("LOGLIFT", agent).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let text = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{} {}\n{}", program.display(), output.status, String::from_utf8_lossy(&text));
    Ok(())
}

fn is_cargos(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let kept = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR"];
    ["CARGO", "RUST"].iter().any(|start| name.starts_with(start))
        && !kept.iter().any(|kept| name.starts_with(kept))
        && !name.starts_with("RUSTUP_HOME")
}
