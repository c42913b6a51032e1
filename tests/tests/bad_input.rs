//! What an operator's file system may hold: the agent says what is wrong in one line, and collects everything else.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{Running, wait_until};
use loglift_tests::scratch::Scratch;

const RUN: &[&str] = &["run", "-c", "pipeline.yaml"];

/// A directory with a pipeline that prints what `patterns` match.
fn collecting(patterns: &[&str]) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    let paths: Vec<String> = patterns.iter().map(|pattern| format!("'{}'", scratch.path(pattern).display())).collect();
    scratch.write(
        "pipeline.yaml",
        format!(
            "inputs:\n  - {{Type: input_file, FilePaths: [{}], MaxDirSearchDepth: 5, FileOffsetKey: offset}}\n\
             flushers:\n  - {{Type: flusher_stdout, Tags: true}}\n",
            paths.join(", ")
        ),
    )?;
    Ok(scratch)
}

/// The contents of the events so far, sorted.
fn contents(agent: &Running<'_>) -> Vec<String> {
    let content = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(event["content"].as_str()?.to_owned())
    };
    let mut contents: Vec<String> = agent.stdout().lines().filter_map(content).collect();
    contents.sort();
    contents
}

fn expect(agent: &mut Running<'_>, expected: &[&str]) -> Result<()> {
    let waited = agent.wait_until("all lines", |agent| contents(agent).len() >= expected.len());
    let found = contents(agent);
    ensure!(found == expected, "{found:?} instead of {expected:?}\n{}", agent.stderr());
    waited
}

#[test]
fn odd_names_are_collected_like_any_other() -> Result<()> {
    let scratch = collecting(&["logs/*"])?;
    fs::create_dir(scratch.path("logs"))?;
    let not_text = scratch.path("logs").join(OsStr::from_bytes(b"\xff\xfe.log"));
    fs::write(not_text, "not text\n")?;
    scratch.write("logs/with\nline end", "line end\n")?;
    scratch.write("logs/'quotes\" and spaces", "quotes\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    expect(&mut agent, &["line end", "not text", "quotes"])?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);

    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("logs/with\nline end", "more\n")?;
    expect(&mut agent, &["more"])?;
    agent.terminate()?;
    Ok(())
}

#[test]
fn what_is_no_file_is_said_and_hurts_nothing() -> Result<()> {
    let scratch = collecting(&["logs/*"])?;
    fs::create_dir_all(scratch.path("logs/directory"))?;
    scratch.fifo("logs/fifo")?;
    symlink("/dev/null", scratch.path("logs/device"))?;
    symlink("nowhere", scratch.path("logs/dangling"))?;
    symlink("circle", scratch.path("logs/circle"))?;
    scratch.write("logs/app.log", "one\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    expect(&mut agent, &["one"])?;
    agent.wait_for_log("logs/fifo")?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    for name in ["logs/fifo", "logs/device"] {
        ensure!(!found.log(name).is_empty(), "nothing is said of {name}\n{}", found.stderr);
    }
    Ok(())
}

#[test]
fn a_file_whose_permission_is_lost_and_given_back_loses_no_line() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let scratch = collecting(&["app.log"])?;
    scratch.write("app.log", "one\n")?;
    let config = fs::read_to_string(scratch.path("pipeline.yaml"))?;
    scratch
        .write("pipeline.yaml", config.replace("FileOffsetKey", "CloseUnusedReaderIntervalSec: 0, FileOffsetKey"))?;
    let mut agent = scratch.loglift(RUN).start()?;
    expect(&mut agent, &["one"])?;
    fs::set_permissions(scratch.path("app.log"), fs::Permissions::from_mode(0o0))?;
    if fs::File::open(scratch.path("app.log")).is_ok() {
        eprintln!("skipped in part: who runs this may read everything");
    } else {
        scratch_append_as_owner(&scratch)?;
        agent.wait_for_log("cannot read it")?;
    }
    fs::set_permissions(scratch.path("app.log"), fs::Permissions::from_mode(0o644))?;
    scratch.append("app.log", "two\n")?;
    agent.wait_until("the new line", |agent| contents(agent).iter().any(|line| line == "two"))?;
    agent.terminate()?;
    Ok(())
}

/// Appends without being allowed to open the file: by a name that is opened before.
fn scratch_append_as_owner(scratch: &Scratch) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let path = scratch.path("app.log");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o200))?;
    scratch.append("app.log", "hidden\n")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).context("cannot take the permission away")
}

#[test]
fn a_second_agent_on_one_data_directory_is_refused() -> Result<()> {
    let scratch = collecting(&["app.log"])?;
    let mut first = scratch.loglift(RUN).start()?;
    first.wait_for_log("running")?;
    let second = scratch.loglift(RUN).finish()?;
    ensure!(second.code() == Some(1), "{}", second.stderr);
    let said = second.stderr.lines().last().unwrap_or_default();
    ensure!(said.contains("in use by process") && said.contains(&first.pid().to_string()), "{said}");
    first.terminate()?;
    Ok(())
}

#[test]
fn damaged_checkpoints_are_said_and_the_agent_starts() -> Result<()> {
    let scratch = collecting(&["*.log"])?;
    scratch.write("a.log", "one\n")?;
    scratch.write("b.log", "two\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    expect(&mut agent, &["one", "two"])?;
    agent.terminate()?;
    // The record of one file is damaged; the other one counts.
    let journal = fs::read_to_string(scratch.path("data/checkpoints"))?;
    let damaged = journal.replace("a.log", "x.log");
    ensure!(damaged != journal, "no record of a.log:\n{journal}");
    scratch.write("data/checkpoints", damaged)?;
    scratch.append("b.log", "three\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("the lines", |agent| contents(agent).contains(&"three".to_owned()))?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    ensure!(found.log("checkpoints").iter().any(|line| line.contains("line ")), "nothing is said:\n{}", found.stderr);
    let events = String::from_utf8(found.stdout)?;
    ensure!(!events.contains("two"), "the good part is not kept:\n{events}");
    Ok(())
}

#[test]
fn checkpoints_of_a_newer_agent_are_left_alone() -> Result<()> {
    let scratch = collecting(&["app.log"])?;
    fs::create_dir(scratch.path("data"))?;
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(scratch.path("data"), fs::Permissions::from_mode(0o700))?;
    }
    scratch.write("data/checkpoints", "loglift-checkpoints 999\nwhatever\n")?;
    let found = scratch.loglift(RUN).finish()?;
    ensure!(found.code() == Some(1), "{}", found.stderr);
    ensure!(found.stderr.contains("format 999"), "{}", found.stderr);
    let kept = fs::read_to_string(scratch.path("data/checkpoints"))?;
    ensure!(kept == "loglift-checkpoints 999\nwhatever\n", "{kept}");
    Ok(())
}

#[test]
fn a_directory_that_comes_later_is_found() -> Result<()> {
    let scratch = collecting(&["later/**/*.log"])?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("no file matches yet")?;
    fs::create_dir_all(scratch.path("later/a/b"))?;
    scratch.write("later/a/b/app.log", "one\n")?;
    expect(&mut agent, &["one"])?;
    // As Kubernetes does: a link to a link to a file, exchanged for another one.
    scratch.write("first", "two\n")?;
    scratch.write("second", "three\n")?;
    symlink("../first", scratch.path("later/link"))?;
    symlink("link", scratch.path("later/link.log"))?;
    expect(&mut agent, &["one", "two"])?;
    symlink("../second", scratch.path("later/next"))?;
    fs::rename(scratch.path("later/next"), scratch.path("later/link"))?;
    wait_until("the third line", || contents(&agent).len() == 3)?;
    agent.terminate()?;
    Ok(())
}
