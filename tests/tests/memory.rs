//! What processors remember, across kills, faults and new versions: the deduplicator, whose every mistake shows.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::Running;
use loglift_tests::guests::deduplicate;
use loglift_tests::scratch::Scratch;
use rustix::process::Signal;
use serde_json::Value;

const RUN: &[&str] = &["run", "-c", "pipeline.yaml", "--checkpoint-interval", "20", "--workers", "2"];

fn write_config(scratch: &Scratch, window: usize, sandbox: &str) -> Result<()> {
    write_config_behind(scratch, &[], window, sandbox)
}

/// As [`write_config`], with processors before the one that remembers.
fn write_config_behind(scratch: &Scratch, others: &[&str], window: usize, sandbox: &str) -> Result<()> {
    let guest = deduplicate()?.display();
    let processor =
        format!("Type: processor_wasm, Component: {guest}, Config: {{Window: {window}}}, Sandbox: {{{sandbox}}}");
    let output = scratch.path("out.json").display().to_string();
    // The test reads one file.
    let flusher = format!("Type: flusher_file, FilePath: {output}, MaxFileSize: 100000000000");
    scratch.write("pipeline.yaml", scratch.config("in/*.log", &[others, &[&processor]].concat(), &[&flusher]))
}

fn lines(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().map(|number| format!("line {number}\n")).collect()
}

/// How often each line has come out.
fn counts(scratch: &Scratch) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in scratch.lines("out.json") {
        // What an agent that was killed has written of a line is none.
        let event: Result<Value, _> = serde_json::from_str(&line);
        let content = event.ok().and_then(|event| Some(event["content"].as_str()?.to_owned()));
        content.into_iter().for_each(|content| *counts.entry(content).or_default() += 1);
    }
    counts
}

fn wait_for(agent: &mut Running<'_>, scratch: &Scratch, last: &str) -> Result<()> {
    agent.wait_until(&format!("{last} came out"), |_| counts(scratch).contains_key(last))
}

fn start() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("in"))?;
    write_config(&scratch, 100_000, "")?;
    Ok(scratch)
}

#[test]
fn lines_that_are_read_again_after_a_kill_are_no_duplicates() -> Result<()> {
    const PLACES: &[&str] =
        &["process", "send", "acknowledge", "checkpoint-write", "checkpoint-written", "checkpoint-synced"];
    let scratch = start()?;
    let mut written = 0;
    for round in 0..18 {
        scratch.append("in/a.log", lines(written..written + 2000))?;
        scratch.append("in/b.log", lines(written + 2000..written + 3000))?;
        written += 3000;
        let place = format!("{}:{}", PLACES[round % PLACES.len()], 1 + round / 3);
        let mut agent = scratch.loglift(RUN).env("LOGLIFT_KILL_AT", place).start()?;
        let last = format!("line {}", written - 1);
        // It comes to the place or delivers everything before.
        agent
            .wait_until("it died, or everything came out", |_| counts(&scratch).contains_key(&last))
            .or_else(|error| if agent.has_ended()? { Ok(()) } else { Err(error) })?;
        if !agent.has_ended()? {
            agent.signal(Signal::KILL)?;
        }
        agent.finish()?;
    }
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", "end\n")?;
    wait_for(&mut agent, &scratch, "end")?;
    wait_for(&mut agent, &scratch, &format!("line {}", written - 1))?;
    let before = counts(&scratch);
    let missing: Vec<usize> = (0..written).filter(|number| !before.contains_key(&format!("line {number}"))).collect();
    ensure!(missing.is_empty(), "{} lines were taken for duplicates of themselves: {:?}", missing.len(), &missing[..5]);

    // What was delivered long ago is remembered through all of that.
    scratch.append("in/a.log", lines(0..written) + "the very end\n")?;
    wait_for(&mut agent, &scratch, "the very end")?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);
    let after = counts(&scratch);
    let again = before.iter().filter(|(line, count)| after[*line] != **count).count();
    ensure!(again == 0, "{again} lines came again that were remembered");
    Ok(())
}

#[test]
fn lines_that_nobody_has_taken_when_the_agent_is_killed_are_no_duplicates() -> Result<()> {
    let scratch = start()?;
    scratch.append("in/a.log", lines(0..1000))?;
    let mut agent = scratch.loglift(RUN).start()?;
    wait_for(&mut agent, &scratch, "line 999")?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);
    // Nothing can be written, and what processors remember is to be saved again and again: the hundredth round of checkpoints
    // is two seconds after the first.
    fs::rename(scratch.path("out.json"), scratch.path("kept.json"))?;
    fs::create_dir(scratch.path("out.json"))?;
    scratch.append("in/a.log", lines(0..2000))?;
    let killed = scratch.loglift(RUN).env("LOGLIFT_KILL_AT", "checkpoint-synced:100").finish()?;
    ensure!(killed.code().is_none(), "it was to be killed: {}", killed.stderr);
    fs::remove_dir(scratch.path("out.json"))?;
    fs::rename(scratch.path("kept.json"), scratch.path("out.json"))?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", "end\n")?;
    wait_for(&mut agent, &scratch, "end")?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);
    let counts = counts(&scratch);
    ensure!(counts.len() == 2001, "{} of 2001 lines came out", counts.len());
    ensure!(counts.values().all(|count| *count == 1), "what was delivered before was forgotten");
    Ok(())
}

#[test]
fn a_clean_stop_forgets_nothing_and_repeats_nothing() -> Result<()> {
    let scratch = start()?;
    for round in 0..3 {
        scratch.append("in/a.log", lines(0..1000 * (round + 1)))?;
        let mut agent = scratch.loglift(RUN).start()?;
        wait_for(&mut agent, &scratch, &format!("line {}", 1000 * (round + 1) - 1))?;
        let finished = agent.terminate()?;
        ensure!(finished.code() == Some(0), "{}", finished.stderr);
    }
    let counts = counts(&scratch);
    ensure!(counts.len() == 3000 && counts.values().all(|count| *count == 1), "{} lines", counts.len());
    Ok(())
}

#[test]
fn a_new_version_goes_on_with_what_the_one_before_remembers() -> Result<()> {
    let scratch = start()?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", lines(0..1000))?;
    wait_for(&mut agent, &scratch, "line 999")?;
    write_config(&scratch, 50_000, "")?;
    let reloaded = scratch.loglift(&["reload"]).finish()?;
    ensure!(reloaded.code() == Some(0), "{}", reloaded.stderr);
    scratch.append("in/a.log", lines(0..1001))?;
    wait_for(&mut agent, &scratch, "line 1000")?;
    let history = scratch.loglift(&["processor", "history"]).finish()?;
    let shown =
        fs::read_to_string(scratch.path("stdout.2")).unwrap_or_default() + &String::from_utf8_lossy(&history.stdout);
    ensure!(shown.contains("#2") && shown.contains("replaced"), "{shown}\n{}", history.stderr);
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);
    let counts = counts(&scratch);
    ensure!(counts.len() == 1001 && counts.values().all(|count| *count == 1), "{} lines", counts.len());
    Ok(())
}

#[test]
fn a_processor_that_remembers_is_not_tried_on_some_sources_only() -> Result<()> {
    let scratch = start()?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", lines(0..10))?;
    wait_for(&mut agent, &scratch, "line 9")?;
    write_config(&scratch, 50_000, "Swap: {Mode: canary}")?;
    scratch.loglift(&["reload"]).finish().context("it can be asked")?;
    agent.wait_for_log("cannot be tried on some sources only")?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);
    Ok(())
}

const OTHER: &str = "Type: processor_strptime, SourceKey: time, Format: '%s', AlarmIfFail: false";

#[test]
fn a_memory_follows_its_processor_to_another_place() -> Result<()> {
    let scratch = start()?;
    write_config_behind(&scratch, &[OTHER], 100_000, "")?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", lines(0..1000))?;
    wait_for(&mut agent, &scratch, "line 999")?;
    // While it runs, and while it does not.
    write_config(&scratch, 100_000, "")?;
    let reloaded = scratch.loglift(&["reload"]).finish()?;
    ensure!(reloaded.code() == Some(0), "{}", reloaded.stderr);
    scratch.append("in/a.log", lines(0..1001))?;
    wait_for(&mut agent, &scratch, "line 1000")?;
    ensure!(agent.terminate()?.code() == Some(0));
    write_config_behind(&scratch, &[OTHER, OTHER], 100_000, "")?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", lines(0..1002))?;
    wait_for(&mut agent, &scratch, "line 1001")?;
    ensure!(agent.terminate()?.code() == Some(0));
    let counts = counts(&scratch);
    ensure!(counts.len() == 1002 && counts.values().all(|count| *count == 1), "{} lines", counts.len());
    Ok(())
}

#[test]
fn a_shadow_begins_with_what_the_version_beside_it_remembers() -> Result<()> {
    let scratch = start()?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", lines(0..1000))?;
    wait_for(&mut agent, &scratch, "line 999")?;
    write_config(&scratch, 50_000, "Swap: {Mode: shadow, Events: 1000, Promote: manual}")?;
    let reloaded = scratch.loglift(&["reload"]).finish()?;
    ensure!(reloaded.code() == Some(0), "{}", reloaded.stderr);
    scratch.append("in/a.log", lines(0..1001))?;
    let comparison = || -> Result<Value> {
        let found = scratch.loglift(&["processor", "diff", "--json"]).finish()?;
        let all: Value = serde_json::from_slice(&found.stdout)?;
        Ok(all["processors"][0]["trial"]["comparison"].clone())
    };
    agent.wait_until("the shadow has seen them", |_| {
        comparison().is_ok_and(|found| found["records"].as_u64() > Some(0))
    })?;
    assert_eq!(comparison()?["differing_records"], 0);
    let text = scratch.loglift(&["processor", "diff"]).finish()?.stdout;
    let text = String::from_utf8(text)?;
    ensure!(text.contains("it began with what the version beside it remembered"), "{text}");
    ensure!(agent.terminate()?.code() == Some(0));
    Ok(())
}

#[test]
fn a_capture_has_what_the_processor_remembered_before_it() -> Result<()> {
    let scratch = start()?;
    let mut agent = scratch.loglift(RUN).start()?;
    scratch.append("in/a.log", lines(0..1000))?;
    wait_for(&mut agent, &scratch, "line 999")?;
    let mut capture =
        scratch.loglift(&["capture", "processors[0]", "--batches", "3", "--output", "captured.jsonl"]).start()?;
    let mut last = 1000;
    while !capture.has_ended()? {
        scratch.append("in/a.log", lines(last - 20..last))?;
        scratch.append("in/a.log", lines(last..=last))?;
        wait_for(&mut agent, &scratch, &format!("line {last}"))?;
        last += 1;
    }
    ensure!(capture.finish()?.code() == Some(0));
    let guest = deduplicate()?.to_str().context("a path that is text")?;
    let replayed = scratch.loglift(&["replay", "captured.jsonl", "--component", guest]).finish()?;
    let shown = String::from_utf8_lossy(&replayed.stdout);
    ensure!(shown == "3 batches: 3 identical\n", "{shown}{}", replayed.stderr);
    ensure!(agent.terminate()?.code() == Some(0));
    Ok(())
}
