//! Processors in other languages: each example, and each project that a processor is begun with, is built by its own
//! `build.sh`, gives what its golden cases expect in the real agent, keeps the contract, and passes its unit tests in its own
//! language.
//!
//! What the languages need is found on this machine or installed from the registries. Where that cannot be done, a test
//! says so and, unless it runs on CI (`CI` is set), passes. Components are kept by a hash of their sources, so that
//! only the first run takes long. `BLESS=1` writes `expected.jsonl` anew, to be reviewed as a diff.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use loglift_guest_build::{BuildError, Project, Workspace, outer_target_dir};
use loglift_tests::agent::program;
use loglift_tests::scratch::Scratch;

#[test]
fn the_example_in_c() -> Result<()> {
    example("c-key-value")
}

#[test]
fn the_example_in_go() -> Result<()> {
    example("go-sample")
}

#[test]
fn the_example_in_javascript() -> Result<()> {
    example("javascript-redact")
}

#[test]
fn the_example_in_python() -> Result<()> {
    example("python-user-agent")
}

#[test]
fn the_examples_in_rust() -> Result<()> {
    example("rust-lookup")?;
    example("rust-deduplicate")
}

#[test]
fn a_project_in_c() -> Result<()> {
    scaffold("c")
}

#[test]
fn a_project_in_go() -> Result<()> {
    scaffold("go")
}

#[test]
fn a_project_in_javascript() -> Result<()> {
    scaffold("js")
}

#[test]
fn a_project_in_python() -> Result<()> {
    scaffold("python")
}

#[test]
fn a_project_in_rust() -> Result<()> {
    scaffold("rust")
}

#[test]
fn the_sdks_pass_their_own_tests() -> Result<()> {
    for language in ["c", "go", "javascript", "python"] {
        let sdk = Project::new(Workspace::here().root().join("guest-sdk").join(language));
        match sdk.unit_tests(&program()) {
            Err(error @ BuildError::Tools { .. }) if env::var_os("CI").is_none() => not_tested(&sdk, &error),
            tested => drop(tested?),
        }
    }
    Ok(())
}

/// The runtime takes what memory the machine grows, and calls out whenever it runs; see
/// `host/src/cli/component/room.rs`.
#[test]
fn the_runtime_of_go_the_adapter_and_the_agent_share_its_memory_in_peace() -> Result<()> {
    let directory = Workspace::here().root().join("tests/guests/go-runtime");
    let Some(component) = built(&Project::new(directory))? else { return Ok(()) };
    let scratch = Scratch::new()?;
    let guest = format!("Type: processor_wasm, Component: {}, Config: {{Blocks: 10}}", component.display());
    scratch.pipeline(&[&guest])?;
    // A batch is some hundred of them.
    let line = "x".repeat(283) + "\n";
    scratch.write("input.log", line.repeat(10_000))?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml", "input.log"]).finish()?;
    ensure!(found.code() == Some(0) && found.log("PROCESSOR_FAULT_ALARM").is_empty(), "{}", found.stderr);
    let events = found.events();
    ensure!(events.len() == 10_000, "{} events", events.len());
    let last = events.last().context("there are events")?;
    ensure!(last.ends_with(r#""result": "10 blocks, 01:00"}"#), "{last}");
    Ok(())
}

fn example(name: &str) -> Result<()> {
    check(&Workspace::here().root().join("examples/processors").join(name))
}

fn scaffold(language: &str) -> Result<()> {
    // At a place of its own, but the same each time, so that its component is kept.
    let directory = outer_target_dir().join("tmp/scaffolds").join(language);
    let project = directory.join("my-parser");
    if project.exists() {
        fs::remove_dir_all(&project).with_context(|| format!("cannot remove {}", project.display()))?;
    }
    fs::create_dir_all(&directory)?;
    agent(&directory, &["new", "my-parser", "--lang", language])?;
    check(&project)
}

/// Builds a project, runs its golden cases and unit tests, and has it keep the contract.
fn check(directory: &Path) -> Result<()> {
    let project = Project::new(directory);
    if built(&project)?.is_none() {
        return Ok(());
    }
    let bless: &[&str] = if env::var_os("BLESS").is_some() { &["--bless"] } else { &[] };
    agent(directory, &[&["test", "."], bless].concat())?;
    for case in fs::read_dir(directory.join("cases"))? {
        let config = case?.path().join("pipeline.yaml");
        agent(directory, &["conformance", "processor.wasm", "--config", &config.to_string_lossy()])?;
    }
    project.unit_tests(&program())?;
    Ok(())
}

/// Runs the agent in a directory. To compile a component with a whole interpreter in it takes half a minute, and more beside
/// other tests: this has no limit.
fn agent(directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Scratch::new()?.loglift(arguments).into_command();
    let output = command.current_dir(directory).output().context("cannot run the agent")?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "loglift {}\n{said}", arguments.join(" "));
    Ok(())
}

/// The component of a project. `None` if there are no tools for its language, which is said.
fn built(project: &Project) -> Result<Option<PathBuf>> {
    match project.build(&program()) {
        Err(error @ BuildError::Tools { .. }) if env::var_os("CI").is_none() => {
            not_tested(project, &error);
            Ok(None)
        }
        built => Ok(Some(built?)),
    }
}

fn not_tested(project: &Project, error: &BuildError) {
    eprintln!("NOT TESTED: {}: {error}", project.directory().display());
}
