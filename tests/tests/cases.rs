//! One folder of `cases/` or of `examples/pipelines/` a case: a config and input, and what `loglift process` made of them when somebody last looked.
//!
//! They are golden cases as `loglift test` has them (docs/authoring/testing.md). Here the agent runs as a user runs it; that
//! `loglift test` finds the same is checked too. `loglift test --bless tests/cases` writes `expected.jsonl` and `messages.txt`
//! anew, to be reviewed as a diff.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use loglift_tests::scratch::Scratch;
use serde::Deserialize;

/// What a case wants besides a config and input.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    env: BTreeMap<String, String>,
    tags: bool,
}

#[test]
fn every_case_gives_what_it_gave_before() -> Result<()> {
    let folders = folders()?;
    let failures: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            let error = check(folder).err()?;
            Some(format!("{}: {error:#}", folder.file_name().unwrap_or_default().display()))
        })
        .collect();
    ensure!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), folders.len(), failures.join("\n\n"));
    Ok(())
}

#[test]
fn the_command_for_golden_cases_finds_the_same() -> Result<()> {
    let scratch = Scratch::new()?;
    let (cases, examples) = (cases(), examples());
    let paths = [&cases, &examples].map(|path| path.to_str().expect("the path is UTF-8"));
    let found = scratch.loglift(&["test", paths[0], paths[1]]).finish()?;
    let stdout = String::from_utf8_lossy(&found.stdout).into_owned();
    let failures: Vec<&str> = stdout.lines().filter(|line| !line.starts_with("ok")).collect();
    let count = folders()?.len();
    ensure!(failures == [format!("{count} cases: {count} passed")], "{}\n{}", failures.join("\n"), found.stderr);
    ensure!(found.code() == Some(0), "exit code {:?}", found.code());
    Ok(())
}

fn folders() -> Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for directory in [cases(), examples()] {
        let found = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        folders.extend(found.into_iter().filter(|folder| folder.join("input.log").exists()));
    }
    folders.sort();
    ensure!(!folders.is_empty(), "there are no cases");
    Ok(folders)
}

fn check(folder: &Path) -> Result<()> {
    let case: Case = match fs::read(folder.join("case.json")) {
        Ok(text) => serde_json::from_slice(&text).context("case.json")?,
        Err(_) => Case::default(),
    };
    let scratch = Scratch::new()?;
    for file in ["pipeline.yaml", "input.log"] {
        scratch.write(file, fs::read(folder.join(file)).with_context(|| format!("no {file}"))?)?;
    }
    if let Ok(tags) = fs::read(folder.join("tags.json")) {
        scratch.write("tags.json", tags)?;
    }
    let mut arguments = vec!["process", "-c", "pipeline.yaml", "--read-at", READ_AT, "input.log"];
    arguments.extend(case.tags.then_some("--tags"));
    let agent = case.env.iter().fold(scratch.loglift(&arguments), |agent, (name, value)| agent.env(name, value));
    let found = agent.finish()?;

    let stdout: String = found.events().iter().map(|event| format!("{event}\n")).collect();
    let messages = expect(&folder.join("messages.txt"), &found.stderr)?;
    expect(&folder.join("expected.jsonl"), &stdout)?;
    let code = i32::from(messages.lines().any(|line| line.starts_with("error: ")));
    ensure!(found.code() == Some(code), "exit code {:?} instead of {code}", found.code());
    Ok(())
}

/// Compares a text with a file, and returns that.
fn expect(path: &Path, found: &str) -> Result<String> {
    let expected = fs::read_to_string(path).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().display();
    ensure!(found == expected, "{name} differs\n--- expected\n{expected}--- found\n{found}");
    Ok(expected)
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pipelines")
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// When `loglift test` has the lines of every case be read: 2026-01-01T00:00:00Z.
const READ_AT: &str = "1767225600";
