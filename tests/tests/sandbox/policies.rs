//! `OnError` and `Breaker` as a config has them, in the real agent.

use anyhow::{Result, ensure};
use loglift_tests::agent::wait_until;
use loglift_tests::guests::misbehaving;
use loglift_tests::scratch::Scratch;

use super::PROCESS;

const RUN: &[&str] = &["run", "-c", "pipeline.yaml", "--checkpoint-interval", "50"];

/// A processor that does this for batches that hold `poison`.
fn entry(what: &str, sandbox: &str) -> Result<String> {
    let guest = misbehaving()?.display();
    Ok(format!(
        "Type: processor_wasm, Component: {guest}, Config: {{Do: {what}, When: poison}}, Sandbox: {{{sandbox}}}"
    ))
}

#[test]
fn an_event_at_fault_can_be_dropped() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[&entry("trap", "OnError: drop")?])?;
    scratch.write("input.log", "one\npoison\nthree\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    let expected = ["one", "three"].map(|line| format!(r#"{{"__time__": NOW, "content": "{line}", "seen": "yes"}}"#));
    assert_eq!(found.events(), expected);
    let alarms = found.log("PROCESSOR_FAULT_ALARM");
    assert!(alarms.len() == 1 && alarms[0].contains("panicked or aborted; the event is dropped"), "{}", found.stderr);
    assert!(found.stderr.ends_with("3 events in, 2 out, 1 dropped, 0 failed\n"), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_command_ends_where_an_agent_would_wait() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[&entry("trap", "OnError: halt")?])?;
    scratch.write("input.log", "one\npoison\nthree\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    assert_eq!((found.code(), found.events().len()), (Some(1), 0), "{}", found.stderr);
    let error = "processors[0] (processor_wasm) is halted: trapped: it panicked or aborted at input.log, offset 4";
    assert!(found.stderr.contains(error), "{}", found.stderr);
    Ok(())
}

#[test]
fn lines_that_are_held_up_when_the_agent_stops_are_read_again() -> Result<()> {
    let scratch = Scratch::new()?;
    let flusher = format!("Type: flusher_file, FilePath: {}", scratch.path("out.json").display());
    let write = |what: &str| {
        let config = scratch.config("input.log", &[&entry(what, "OnError: halt")?], &[&flusher]);
        scratch.write("pipeline.yaml", config)
    };
    write("trap")?;
    scratch.write("input.log", "one\npoison\nthree\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("halted: its batch waits until the processor is replaced")?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{:?}\n{}", found.code(), found.stderr);
    ensure!(scratch.lines("out.json").is_empty(), "nothing was delivered");

    write("nothing")?;
    let agent = scratch.loglift(RUN).start()?;
    wait_until("all lines", || scratch.lines("out.json").len() == 3)?;
    agent.terminate()?;
    let lines = scratch.lines("out.json");
    ensure!(lines.len() == 3 && lines.iter().all(|line| line.contains("\"seen\"")), "{lines:#?}");
    Ok(())
}

#[test]
fn a_processor_that_keeps_failing_is_taken_out_of_service() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[&entry("trap", "Breaker: {Faults: 1, Window: 1h, Pause: 1h}")?])?;
    // Several batches, the first of which is poisoned.
    scratch.write("input.log", format!("poison\n{}", "a line of twenty b.\n".repeat(80_000)))?;
    let found = scratch.loglift(PROCESS).finish()?;
    let events = found.events();
    ensure!(events.len() == 80_001, "{} events\n{}", events.len(), found.stderr);
    ensure!(events[0].contains("trapped") && events[1].contains("seen"), "{:?}", &events[..2]);
    let last = &events[80_000];
    ensure!(last.contains("processors[0] (processor_wasm): out of service until ") && !last.contains("seen"), "{last}");
    let alarms = found.log("WARN PROCESSOR_OUT_OF_SERVICE_ALARM in processors[0] (processor_wasm)");
    ensure!(alarms.len() > 1 && alarms[0].contains("keeps failing; for 3600s, until "), "{}", found.stderr);
    Ok(())
}
