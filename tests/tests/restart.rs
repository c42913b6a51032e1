//! Agents that end in every way, and the ones that go on after them. Random moments are up to `kill.rs`.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{PATIENCE, Running, wait_until};
use loglift_tests::scratch::Scratch;
use loglift_tests::status::{expect_balanced, file};
use rustix::process::Signal;

const RUN: &[&str] = &["run", "-c", "pipeline.yaml", "--checkpoint-interval", "50"];

/// A pipeline that appends what it collects of `input.log` to `out.json`.
fn collecting(processors: &[&str]) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    let flusher = format!("Type: flusher_file, FilePath: {}", scratch.path("out.json").display());
    scratch.write("pipeline.yaml", scratch.config("input.log", processors, &[&flusher]))?;
    Ok(scratch)
}

/// The length of the field `content` of each event that arrived.
fn lengths(scratch: &Scratch) -> Vec<usize> {
    let content = |line: String| {
        let event: serde_json::Value = serde_json::from_str(&line).ok()?;
        Some(event["content"].as_str()?.len())
    };
    scratch.lines("out.json").into_iter().filter_map(content).collect()
}

/// Up to where `input.log` is acknowledged by what is on disk.
fn stored(scratch: &Scratch) -> Option<u64> {
    let journal = fs::read_to_string(scratch.path("data/checkpoints")).ok()?;
    let records =
        journal.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line.split_once(' ')?.1).ok());
    let entries: Vec<_> = records.filter(|record| record["put"].is_object()).collect();
    Some(entries.last()?["put"]["offset"].as_u64().unwrap_or(0))
}

/// Waits until everything of `input.log` is acknowledged and on disk, and kills the agent then.
fn kill_when_stored(scratch: &Scratch, agent: Running<'_>) -> Result<()> {
    let whole = fs::metadata(scratch.path("input.log"))?.len();
    wait_until("a checkpoint", || stored(scratch) == Some(whole))
        .with_context(|| format!("{:?} of {whole} bytes stored", stored(scratch)))?;
    expect_balanced(&agent.status()?)?;
    agent.signal(Signal::KILL)?;
    let ended = agent.finish()?;
    ensure!(ended.status.signal() == Some(9), "{}", ended.status);
    Ok(())
}

#[test]
fn lines_that_a_processor_dropped_do_not_come_back_after_a_crash() -> Result<()> {
    let scratch = collecting(&["Type: processor_filter_regex_native, Include: {content: 'keep.*'}"])?;
    scratch.write("input.log", "drop 1\nkeep 2\ndrop 3\ndrop 4\n")?;
    let agent = scratch.loglift(RUN).start()?;
    kill_when_stored(&scratch, agent)?;

    scratch.append("input.log", "keep 5\n")?;
    let agent = scratch.loglift(RUN).start()?;
    wait_until("the new line", || lengths(&scratch).len() == 2)?;
    let status = agent.status()?;
    let known = file(&status, &scratch.path("input.log").display().to_string()).context("the file is not known")?;
    ensure!(known["ledger"]["dropped"] == 21, "{known:#}");
    agent.terminate()?;
    Ok(())
}

#[test]
fn an_oversized_line_is_delivered_in_pieces_and_not_read_again_after_a_crash() -> Result<()> {
    let scratch = collecting(&[])?;
    scratch.write("input.log", format!("{}\nnext\n", "x".repeat(3 << 20)))?;
    let agent = scratch.loglift(RUN).start()?;
    kill_when_stored(&scratch, agent)?;
    let pieces = [vec![512 << 10; 6], vec![4]].concat();
    ensure!(lengths(&scratch) == pieces, "{:?}", lengths(&scratch));

    scratch.append("input.log", "last one\n")?;
    let agent = scratch.loglift(RUN).start()?;
    wait_until("the new line", || lengths(&scratch).len() > pieces.len())?;
    agent.terminate()?;
    ensure!(lengths(&scratch) == [pieces, vec![8]].concat(), "{:?}", lengths(&scratch));
    Ok(())
}

#[test]
fn a_second_signal_ends_an_agent_no_sooner_and_hangs_nothing() -> Result<()> {
    let scratch = collecting(&[])?;
    let lines: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
    scratch.write("input.log", &lines)?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    for signal in [Signal::TERM, Signal::TERM, Signal::INT] {
        // It may have ended by then.
        let _ = agent.signal(signal);
    }
    let ended = agent.finish()?;
    ensure!(ended.code() == Some(0), "{}\n{}", ended.status, ended.stderr);
    let before = lengths(&scratch).len();
    let agent = scratch.loglift(RUN).start()?;
    wait_until("the other lines", || lengths(&scratch).len() >= 50_000).with_context(|| format!("{before} before"))?;
    agent.terminate()?;
    ensure!(lengths(&scratch).len() == 50_000, "{} lines, {PATIENCE:?}", lengths(&scratch).len());
    Ok(())
}

#[test]
fn checkpoints_that_are_empty_are_not_taken_for_a_first_start() -> Result<()> {
    let scratch = collecting(&[])?;
    scratch.write("input.log", "one\n")?;
    let agent = scratch.loglift(RUN).start()?;
    kill_when_stored(&scratch, agent)?;
    scratch.write("data/checkpoints", "")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("checkpoints: ")?;
    agent.terminate()?;
    Ok(())
}

#[test]
fn a_file_behind_a_link_that_was_rotated_while_no_agent_ran_is_finished_first() -> Result<()> {
    // As Kubernetes has it: a link that keeps its name, to a file that is renamed where it lies.
    let scratch = collecting(&[])?;
    fs::create_dir(scratch.path("pods"))?;
    scratch.write("pods/0.log", "a\n")?;
    symlink("pods/0.log", scratch.path("input.log"))?;
    let agent = scratch.loglift(RUN).start()?;
    wait_until("the first line", || lengths(&scratch) == [1])?;
    agent.terminate()?;
    scratch.append("pods/0.log", "bb\n")?;
    fs::rename(scratch.path("pods/0.log"), scratch.path("pods/0.log.20251120-120000"))?;
    scratch.write("pods/0.log", "ccc\n")?;
    let agent = scratch.loglift(RUN).start()?;
    wait_until("the other lines", || lengths(&scratch).len() >= 3)?;
    expect_balanced(&agent.status()?)?;
    agent.terminate()?;
    ensure!(lengths(&scratch) == [1, 2, 3], "{:?}", lengths(&scratch));
    Ok(())
}
