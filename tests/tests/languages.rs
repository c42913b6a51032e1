//! Processors in other languages: each example, and each project that a processor is begun with, is built by its own
//! `build.sh`, gives what its golden cases expect in the real agent, and passes its unit tests in its own language.
//!
//! What the languages need is found on this machine or installed from the registries. Where that cannot be done, a test
//! says so and, unless it runs on CI (`CI` is set), passes. Components are kept by a hash of their sources, so that
//! only the first run takes long. `BLESS=1` writes `expected.jsonl` anew, to be reviewed as a diff.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use loglift_guest_build::{BuildError, Project, Workspace};
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
fn a_project_in_c() -> Result<()> {
    scaffold("c")
}

#[test]
fn a_project_in_go() -> Result<()> {
    scaffold("go")
}

#[test]
fn a_project_in_javascript() -> Result<()> {
    scaffold("javascript")
}

#[test]
fn a_project_in_python() -> Result<()> {
    scaffold("python")
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

/// What `loglift new` writes: the template under a name, and the SDK in it with the contract.
fn scaffold(language: &str) -> Result<()> {
    let sdk = Workspace::here().root().join("guest-sdk").join(language);
    // At a place of its own, but the same each time, so that its component is kept.
    let project = loglift_guest_build::outer_target_dir().join("tmp/scaffolds").join(language);
    if project.exists() {
        fs::remove_dir_all(&project).with_context(|| format!("cannot remove {}", project.display()))?;
    }
    copy(&sdk, &project.join("sdk"), &|_, bytes| bytes)?;
    fs::remove_dir_all(project.join("sdk/template"))?;
    copy(&Workspace::here().root().join("wit"), &project.join("sdk/wit"), &|_, bytes| bytes)?;
    copy(&sdk.join("template"), &project, &|_, bytes| match String::from_utf8(bytes) {
        Ok(text) => named(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    })?;
    check(&project)
}

fn named(text: &str) -> String {
    [("__NAME__", "my-parser"), ("__SNAKE__", "my_parser"), ("__PASCAL__", "MyParser")]
        .iter()
        .fold(text.to_owned(), |text, (mark, name)| text.replace(mark, name))
}

fn copy(from: &Path, to: &Path, change: &dyn Fn(&Path, Vec<u8>) -> Vec<u8>) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let name = named(&entry.file_name().to_string_lossy());
        let place = to.join(name.strip_suffix(".in").unwrap_or(&name));
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place, change)?;
        } else {
            fs::write(&place, change(&place, fs::read(entry.path())?))?;
            fs::set_permissions(&place, entry.metadata()?.permissions())?;
        }
    }
    Ok(())
}

fn check(directory: &Path) -> Result<()> {
    let project = Project::new(directory);
    let Some(component) = built(&project)? else { return Ok(()) };
    compile(&component)?;
    let cases = cases(directory)?;
    ensure!(!cases.is_empty(), "{} has no cases", directory.display());
    for case in &cases {
        golden(&component, case).with_context(|| format!("{}", case.display()))?;
    }
    project.unit_tests(&program())?;
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

/// Has the agent compile a component, which it then keeps. One with a whole interpreter in it takes half a minute, and
/// more beside other tests: this has no limit.
fn compile(component: &Path) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut inspect = scratch.loglift(&["inspect", &component.to_string_lossy()]).into_command();
    let output = inspect.output().context("cannot run the agent")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn cases(project: &Path) -> Result<Vec<PathBuf>> {
    let mut cases = fs::read_dir(project.join("cases"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    cases.sort();
    Ok(cases)
}

/// Runs a case as `loglift test` does, in a directory of its own.
fn golden(component: &Path, case: &Path) -> Result<()> {
    let scratch = Scratch::new()?;
    fs::create_dir_all(scratch.path("cases/case"))?;
    for file in ["pipeline.yaml", "input.log"] {
        let content = fs::read(case.join(file)).with_context(|| format!("no {file}"))?;
        scratch.write(&format!("cases/case/{file}"), content)?;
    }
    fs::copy(component, scratch.path("processor.wasm"))?;
    let found = scratch.loglift(&["process", "-c", "cases/case/pipeline.yaml", "cases/case/input.log"]).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    let line = |event: &String| event.replacen("{\"__time__\": NOW", &format!("{{\"__time__\": {TEST_TIME}"), 1) + "\n";
    let events: String = found.events().iter().map(line).collect();
    if env::var_os("BLESS").is_some() {
        fs::write(case.join("expected.jsonl"), &events)?;
    }
    let expected = fs::read_to_string(case.join("expected.jsonl")).context("no expected.jsonl")?;
    ensure!(events == expected, "expected\n{expected}\nfound\n{events}\n{}", found.stderr);
    Ok(())
}

/// The time of events that have none of their own, in golden cases: 2026-01-01T00:00:00Z.
const TEST_TIME: u32 = 1_767_225_600;
