//! New versions of a processor are tried, promoted and taken back in a running agent.

use std::fs;

use anyhow::{Result, ensure};
use loglift_tests::agent::{Finished, Running};
use loglift_tests::guests::stamping;
use loglift_tests::scratch::Scratch;

const RUN: &[&str] = &["run", "-c", "pipeline.yaml"];

/// An agent whose processor stamps lines, and what it has written.
struct Bench<'a> {
    scratch: &'a Scratch,
    agent: Running<'a>,
    written: usize,
}

fn write_config(scratch: &Scratch, stamp: &str, more: &str, sandbox: &str) -> Result<()> {
    let guest = stamping()?.display();
    let processor =
        format!("Type: processor_wasm, Component: {guest}, Config: {{Stamp: {stamp}{more}}}, Sandbox: {{{sandbox}}}");
    let output = scratch.path("out.json").display().to_string();
    let flusher = format!("Type: flusher_file, FilePath: {output}");
    scratch.write("pipeline.yaml", scratch.config("in.log", &[&processor], &[&flusher]))
}

impl<'a> Bench<'a> {
    fn start(scratch: &'a Scratch) -> Result<Self> {
        write_config(scratch, "v1", "", "")?;
        let mut bench = Self { scratch, agent: scratch.loglift(RUN).start()?, written: 0 };
        bench.feed(10)?;
        Ok(bench)
    }

    /// Has so many lines go through.
    fn feed(&mut self, lines: usize) -> Result<()> {
        let text: String = (self.written..self.written + lines).map(|number| format!("line {number}\n")).collect();
        self.scratch.append("in.log", text)?;
        self.written += lines;
        let (scratch, written) = (self.scratch, self.written);
        self.agent.wait_until("all lines came out", |_| scratch.lines("out.json").len() >= written)
    }

    fn reload(&self, stamp: &str, more: &str, sandbox: &str) -> Result<()> {
        write_config(self.scratch, stamp, more, sandbox)?;
        self.command(&["reload"]).map(drop)
    }

    fn command(&self, arguments: &[&str]) -> Result<Finished> {
        let finished = self.scratch.loglift(arguments).finish()?;
        ensure!(finished.code() == Some(0), "{arguments:?}: {}", finished.stderr);
        Ok(finished)
    }

    fn processor(&self, verb: &str) -> Result<String> {
        let finished = self.command(&["processor", verb, "processors[0]"])?;
        Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
    }

    /// The stamp of the last line.
    fn last(&self) -> String {
        let line = self.scratch.lines("out.json").pop().unwrap_or_default();
        let stamp = line.split("\"config\": \"").nth(1).and_then(|rest| rest.split('"').next());
        stamp.unwrap_or("none").to_owned()
    }

    fn end(self) -> Result<()> {
        let finished = self.agent.terminate()?;
        ensure!(finished.code() == Some(0), "{}", finished.stderr);
        let content = |line: &String| line.split("\"content\": \"").nth(1)?.split('"').next().map(str::to_owned);
        let found: Vec<String> = self.scratch.lines("out.json").iter().filter_map(content).collect();
        let expected: Vec<String> = (0..self.written).map(|number| format!("line {number}")).collect();
        ensure!(found == expected, "lines are missing, doubled or out of order");
        Ok(())
    }
}

#[test]
fn a_version_that_traps_is_taken_back_at_once() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut bench = Bench::start(&scratch)?;
    bench.reload("v2", ", TrapOn: line", "")?;
    bench.feed(3)?;
    bench.agent.wait_for_log(
        "PROCESSOR_ROLLBACK_ALARM in processors[0] (processor_wasm): processor_stamping 0.1.0 is \
                              taken out, the version before it is back: it had ",
    )?;
    bench.feed(10)?;
    assert_eq!(bench.last(), "v1");
    let history = bench.processor("history")?;
    ensure!(history.contains("withdrawn") && history.contains("it had "), "{history}");
    // The same config is no news, and another one is.
    bench.command(&["reload"])?;
    bench.feed(10)?;
    assert_eq!(bench.last(), "v1");
    bench.reload("v3", "", "")?;
    bench.feed(10)?;
    assert_eq!(bench.last(), "v3");
    bench.end()
}

#[test]
fn a_shadow_shows_what_would_differ_and_a_person_decides() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut bench = Bench::start(&scratch)?;
    bench.reload("v2", "", "Swap: {Mode: shadow, Events: 50, Promote: manual}")?;
    while !bench.agent.stderr().contains("has passed its trial and waits for `loglift processor promote`") {
        bench.feed(20)?;
        assert_eq!(bench.last(), "v1");
        ensure!(bench.written < 100_000, "the trial does not end:\n{}", bench.processor("diff")?);
    }
    let diff = bench.processor("diff")?;
    for line in
        ["shadow trial of version #2 beside #1", "    - config = v1\n", "    + config = v2\n", "fields are the same"]
    {
        ensure!(diff.contains(line), "no {line:?} in\n{diff}");
    }
    println!("{diff}");
    let promoted = bench.processor("promote")?;
    assert_eq!(promoted, "pipeline: processors[0] (processor_wasm): processor_stamping 0.1.0 runs\n");
    bench.feed(10)?;
    assert_eq!(bench.last(), "v2");
    let list = bench.processor("list")?;
    ensure!(list.contains("#2") && !list.contains("#1 ") && list.contains("watched"), "{list}");
    bench.processor("rollback")?;
    bench.feed(10)?;
    assert_eq!(bench.last(), "v1");
    let refused = scratch.loglift(&["processor", "promote", "processors[0]"]).finish()?;
    ensure!(refused.stderr == "error: no version is on trial that could be promoted\n", "{}", refused.stderr);
    let unknown = scratch.loglift(&["processor", "promote", "processors[7]"]).finish()?;
    ensure!(unknown.stderr == "error: no processor is called processors[7]\n", "{}", unknown.stderr);
    bench.end()
}

#[test]
fn a_canary_that_does_well_takes_over_and_one_that_traps_does_not() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut bench = Bench::start(&scratch)?;
    let canary = "Swap: {Mode: canary, Share: 1, Events: 20}";
    bench.reload("v2", ", TrapOn: line", canary)?;
    bench.feed(5)?;
    bench.agent.wait_for_log("is not put in place: it had ")?;
    bench.feed(10)?;
    assert_eq!(bench.last(), "v1");
    bench.reload("v3", "", canary)?;
    bench.feed(30)?;
    bench.agent.wait_for_log("is in place")?;
    bench.feed(10)?;
    assert_eq!(bench.last(), "v3");
    bench.end()
}

#[test]
fn a_canary_that_halts_gives_back_what_it_holds() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut bench = Bench::start(&scratch)?;
    bench.reload("v2", ", TrapOn: line", "OnError: halt, Swap: {Mode: canary, Share: 1, Events: 20}")?;
    bench.feed(5)?;
    bench.agent.wait_for_log("is not put in place: it had ")?;
    assert_eq!(bench.last(), "v1");
    bench.end()
}

#[test]
fn what_is_halted_is_replaced_without_a_trial_that_would_see_nothing() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut bench = Bench::start(&scratch)?;
    for (stamp, swap) in [("shadow", "{Mode: shadow}"), ("canary", "{Mode: canary, Share: 0}")] {
        bench.reload("v1", ", TrapOn: line", "OnError: halt, Swap: {RollbackOn: []}")?;
        let line = format!("line {}\n", bench.written);
        scratch.append("in.log", &line)?;
        bench.written += 1;
        let halted = || scratch.loglift(&["status"]).finish().is_ok_and(|found| shown(&found).contains(" halted: "));
        bench.agent.wait_until("it is halted", |_| halted())?;
        bench.reload(stamp, "", &format!("Swap: {swap}"))?;
        bench.feed(10)?;
        assert_eq!(bench.last(), stamp);
    }
    bench.end()
}

fn shown(found: &Finished) -> String {
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[test]
fn without_an_agent_there_is_nothing_to_list() -> Result<()> {
    let scratch = Scratch::new()?;
    fs::create_dir_all(scratch.path("data"))?;
    let finished = scratch.loglift(&["processor", "list"]).finish()?;
    ensure!(finished.code() == Some(1), "{}", finished.stderr);
    ensure!(finished.stderr.starts_with("error: no agent is running with the data directory "), "{}", finished.stderr);
    Ok(())
}
