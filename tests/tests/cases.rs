//! One folder of `cases/` or of `examples/pipelines/` a case: a config and input, and what `loglift process` made of them when somebody last looked.
//!
//! `tags.json` may stand beside them for a case that names it. `case.json` may add arguments, variables of the environment and another exit code. `BLESS=1 cargo test -p loglift-tests
//! --test cases` writes `stdout.jsonl` and `stderr.txt` anew, to be reviewed as a diff.

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
    arguments: Vec<String>,
    env: BTreeMap<String, String>,
    code: i32,
}

#[test]
fn every_case_gives_what_it_gave_before() -> Result<()> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for directory in [cases(), examples()] {
        let found = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        folders.extend(found.into_iter().filter(|folder| folder.join("input.log").exists()));
    }
    folders.sort();
    ensure!(!folders.is_empty(), "there are no cases");
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
    let mut arguments = vec!["process", "-c", "pipeline.yaml", "input.log"];
    arguments.extend(case.arguments.iter().map(String::as_str));
    let agent = case.env.iter().fold(scratch.loglift(&arguments), |agent, (name, value)| agent.env(name, value));
    let found = agent.finish()?;

    let stdout: String = found.events().iter().map(|event| format!("{event}\n")).collect();
    expect(&folder.join("stdout.jsonl"), &stdout)?;
    expect(&folder.join("stderr.txt"), &found.stderr)?;
    ensure!(found.code() == Some(case.code), "exit code {:?} instead of {}", found.code(), case.code);
    Ok(())
}

/// Compares a text with a file, or makes it the content of the file.
fn expect(path: &Path, found: &str) -> Result<()> {
    if std::env::var_os("BLESS").is_some() {
        return fs::write(path, found).context("cannot bless");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().display();
    ensure!(found == expected, "{name} differs\n--- expected\n{expected}--- found\n{found}");
    Ok(())
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pipelines")
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}
