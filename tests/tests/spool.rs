//! What waits on disk, by hand: `loglift spool`.

use anyhow::{Result, ensure};
use loglift_tests::agent::Invocation;
use loglift_tests::scratch::Scratch;
use loglift_tests::service::{KEY, Service};
use serde_json::Value;
use sls_emulator::Faults;
use sls_emulator::faults::{Effect, Rule};

const RUN: &[&str] = &["run", "-c", "pipeline.yaml"];

fn shipping(lines: &str) -> Result<(Scratch, Service)> {
    let scratch = Scratch::new()?;
    let service = Service::start(&scratch)?;
    let flusher = service.flusher("Batch: {TimeoutSecs: 0}");
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&flusher]))?;
    scratch.write("input.log", lines)?;
    Ok((scratch, service))
}

fn with_key<'a>(scratch: &'a Scratch, arguments: &[&str]) -> Invocation<'a> {
    KEY.into_iter().fold(scratch.loglift(arguments), |command, (name, value)| command.env(name, value))
}

/// What `loglift spool list` says of the one destination, if anything waits.
fn listed(scratch: &Scratch) -> Result<Option<Value>> {
    let found = scratch.loglift(&["spool", "list", "--json"]).finish()?;
    Ok(String::from_utf8(found.stdout)?.lines().next().map(serde_json::from_str).transpose()?)
}

#[test]
fn what_waits_is_listed_exported_and_sent_without_an_agent() -> Result<()> {
    let (scratch, mut service) = shipping("one\ntwo\n")?;
    service.down();
    let mut agent = with_key(&scratch, RUN).start()?;
    agent.wait_for_log("SEND_DATA_FAIL_ALARM")?;
    agent.terminate()?;

    let waiting = listed(&scratch)?.unwrap_or_default();
    ensure!(waiting["events"] == 2 && waiting["project"] == "demo-project", "{waiting:#}");
    let exported = scratch.loglift(&["spool", "export", "--output", "-"]).finish()?;
    let contents: Vec<String> = exported.events().iter().map(|line| content(line)).collect::<Result<_>>()?;
    ensure!(contents == ["one", "two"], "{contents:?}");

    let replay = &["spool", "replay", "--patience", "0"];
    let failed = with_key(&scratch, replay).finish()?;
    ensure!(failed.code() == Some(1) && listed(&scratch)?.is_some(), "{}", failed.stderr);

    service.up()?;
    let sent = with_key(&scratch, replay).finish()?;
    ensure!(sent.code() == Some(0), "{}", sent.stderr);
    ensure!(sent.stdout == b"demo-project/demo-logstore: 2 events sent\n", "{:?}", String::from_utf8(sent.stdout));
    ensure!(service.events()?.len() == 2, "{:?}", service.events());
    ensure!(listed(&scratch)?.is_none_or(|waiting| waiting["events"] == 0), "it is sent");
    Ok(())
}

#[test]
fn dead_letters_are_sent_again_by_the_agent_that_runs() -> Result<()> {
    let (scratch, service) = shipping("one\ntwo\nthree\n")?;
    let refuse = Rule::on("put_logs", Effect::error(400, "PostBodyInvalid"));
    service.fail(Faults { rules: vec![refuse], ..Faults::default() })?;
    let mut agent = with_key(&scratch, RUN).start()?;
    agent.wait_until("dead letters", |agent| {
        agent.status().is_ok_and(|status| status["destinations"][0]["counters"]["dead_events"] == 3)
    })?;
    let ledger = agent.status()?["pipelines"][0]["ledger"].clone();
    ensure!(ledger["rejected"] == 14 && ledger["balance"] == 0, "{ledger:#}");
    let reason = listed(&scratch)?.unwrap_or_default()["dead_letters"][0]["reason"].to_string();
    ensure!(reason.contains("PostBodyInvalid"), "{reason}");

    service.fail(Faults::default())?;
    let asked = scratch.loglift(&["spool", "replay", "--dead-letters"]).finish()?;
    ensure!(asked.code() == Some(0), "{}", asked.stderr);
    agent.wait_until("the events", |_| service.events().is_ok_and(|events| events.len() == 3))?;
    agent.terminate()?;
    ensure!(
        listed(&scratch)?.is_none_or(|waiting| waiting["dead_letters"] == Value::Array(Vec::new())),
        "none is left"
    );
    Ok(())
}

fn content(line: &str) -> Result<String> {
    let event: Value = serde_json::from_str(line)?;
    Ok(event["content"].as_str().unwrap_or_default().to_owned())
}
