//! `flusher_sls` through the real agent, against a log service on this machine that fails in every way.

use std::fs;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{Invocation, Running};
use loglift_tests::scratch::Scratch;
use loglift_tests::service::{KEY, Service};
use loglift_tests::status::expect_balanced;
use rustix::process::Signal;
use serde_json::Value;
use sls_emulator::Event;
use sls_emulator::Faults;
use sls_emulator::faults::{Effect, Rule};

const RUN: &[&str] = &["run", "-c", "pipeline.yaml", "--checkpoint-interval", "50"];
/// Packages of few events that do not wait for more.
const SMALL: &str = "Batch: {MinCnt: 100, TimeoutSecs: 0}";

/// A pipeline that ships `input.log` to a service.
fn shipping(processors: &[&str], more: &str) -> Result<(Scratch, Service)> {
    let scratch = Scratch::new()?;
    let service = Service::start(&scratch)?;
    scratch.write("pipeline.yaml", scratch.config("input.log", processors, &[&service.flusher(more)]))?;
    Ok((scratch, service))
}

fn agent<'a>(scratch: &'a Scratch) -> Invocation<'a> {
    KEY.into_iter().fold(scratch.loglift(RUN), |agent, (name, value)| agent.env(name, value))
}

fn numbered(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("line {number}\n")).collect()
}

fn field<'e>(event: &'e Event, name: &str) -> Option<&'e [u8]> {
    event.fields.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
}

/// The numbers of the lines that the service has, in the order in which they arrived.
fn arrived(service: &Service) -> Result<Vec<usize>> {
    let number = |event: &Event| {
        let line = String::from_utf8_lossy(field(event, "content").context("no content")?).into_owned();
        line.strip_prefix("line ").and_then(|number| number.parse().ok()).with_context(|| format!("a strange {line:?}"))
    };
    service.events()?.iter().map(number).collect()
}

/// What the agent says of its one destination.
fn destination(agent: &Running<'_>) -> Option<Value> {
    let status = agent.status().ok()?;
    status["destinations"].get(0).cloned()
}

#[test]
fn events_arrive_with_their_nanoseconds_tags_and_topic() -> Result<()> {
    let (scratch, service) = shipping(
        &[
            "Type: processor_parse_json_native, SourceKey: content",
            "Type: processor_strptime, SourceKey: asctime, Format: '%Y-%m-%d %H:%M:%S,%f', UTCOffset: 0",
        ],
        "Batch: {TimeoutSecs: 0}",
    )?;
    let config = fs::read_to_string(scratch.path("pipeline.yaml"))?;
    let global = "global: {EnableTimestampNanosecond: true, TopicType: custom, TopicFormat: mine}\n";
    scratch.write("pipeline.yaml", format!("{global}{config}"))?;
    let line = |fraction: &str| format!("{{\"asctime\": \"2023-10-25 23:51:10,{fraction}\", \"level\": \"INFO\"}}\n");
    scratch.write("input.log", line("299999999") + &line("000000001") + &line("3"))?;
    let mut agent = agent(&scratch).start()?;
    agent.wait_until("three events", |_| service.events().is_ok_and(|events| events.len() == 3))?;
    let events = service.events()?;
    let times: Vec<(u32, Option<u32>)> = events.iter().map(|event| (event.time, event.time_ns)).collect();
    ensure!(
        times == [(1_698_277_870, Some(1)), (1_698_277_870, Some(299_999_999)), (1_698_277_870, Some(300_000_000))],
        "{times:?}"
    );
    let event = &events[0];
    ensure!(event.topic == b"mine", "{event:?}");
    let tag = |name: &str| event.tags.iter().any(|(key, value)| key == name.as_bytes() && !value.is_empty());
    ensure!(tag("__path__") && tag("__hostname__") && tag("__pack_id__"), "{event:?}");
    ensure!(field(event, "level") == Some(b"INFO"), "{event:?}");
    expect_balanced(&agent.status()?)?;
    let ended = agent.terminate()?;
    ensure!(ended.code() == Some(0), "{}", ended.stderr);
    Ok(())
}

#[test]
fn lines_of_an_outage_survive_a_kill_on_disk_and_arrive_once_and_in_order() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("input.log", numbered(0..5000))?;
    let mut first = agent(&scratch).start()?;
    first.wait_until("all lines on disk", |agent| {
        let lag = agent.status().ok().and_then(|status| status["pipelines"][0]["files"][0]["lag_bytes"].as_u64());
        lag == Some(0) && destination(agent).is_some_and(|found| found["spooled_packages"].as_u64() > Some(0))
    })?;
    let found = destination(&first).context("there is one")?;
    ensure!(found["state"] == "failing" && found["last_refusal"].is_string(), "{found:#}");
    expect_balanced(&first.status()?)?;
    first.signal(Signal::KILL)?;
    first.finish()?;
    // Nothing of the file is left but what is on disk.
    fs::remove_file(scratch.path("input.log"))?;

    service.up()?;
    let mut second = agent(&scratch).start()?;
    second.wait_until("all lines", |_| arrived(&service).is_ok_and(|numbers| numbers.len() >= 5000))?;
    let numbers = arrived(&service)?;
    ensure!(numbers == (0..5000).collect::<Vec<_>>(), "{} lines, not in order", numbers.len());
    second.wait_until("an empty spool", |agent| {
        destination(agent).is_some_and(|found| found["spooled_packages"].as_u64() == Some(0))
    })?;
    second.terminate()?;
    Ok(())
}

#[test]
fn a_stop_while_the_service_is_down_is_quick_and_loses_nothing() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("input.log", numbered(0..1000))?;
    let mut first = agent(&scratch).start()?;
    first.wait_until("a refusal", |agent| destination(agent).is_some_and(|found| found["state"] == "failing"))?;
    let ended = first.terminate()?;
    ensure!(ended.code() == Some(0), "{}", ended.stderr);
    service.up()?;
    let mut second = agent(&scratch).start()?;
    second.wait_until("all lines", |_| arrived(&service).is_ok_and(|numbers| numbers.len() >= 1000))?;
    second.terminate()?;
    ensure!(arrived(&service)? == (0..1000).collect::<Vec<_>>(), "not each line once, in order");
    Ok(())
}

#[test]
fn a_wrong_key_that_is_mended_loses_nothing() -> Result<()> {
    let (scratch, service) = shipping(&[], SMALL)?;
    let key = |secret: &str| format!("{{\"access_key_id\": \"testid\", \"access_key_secret\": \"{secret}\"}}");
    scratch.write("key.json", key("wrong"))?;
    let path = scratch.path("key.json");
    scratch.write("agent.json", format!("{{\"credentials_file\": {path:?}}}"))?;
    scratch.write("input.log", numbered(0..1000))?;
    let arguments = [RUN, &["--agent-config", "agent.json"]].concat();
    let mut agent = scratch.loglift(&arguments).start()?;
    agent.wait_for_log("SignatureNotMatch")?;
    ensure!(service.events()?.is_empty(), "nothing was signed well");
    scratch.write("key.json", key("testsecret"))?;
    agent.wait_until("all lines", |_| arrived(&service).is_ok_and(|numbers| numbers.len() >= 1000))?;
    let ended = agent.terminate()?;
    ensure!(arrived(&service)? == (0..1000).collect::<Vec<_>>(), "not each line once, in order");
    ensure!(!ended.stderr.contains("testsecret"), "the key is in the log");
    Ok(())
}

#[test]
fn a_third_of_all_requests_may_fail_in_every_way() -> Result<()> {
    let (scratch, service) = shipping(&[], SMALL)?;
    let rule = |effect| Rule { share: Some(0.05), ..Rule::on("put_logs", effect) };
    let rules = [
        (500, "InternalServerError"),
        (503, "ServerBusy"),
        (403, "WriteQuotaExceed"),
        (403, "ShardWriteQuotaExceed"),
        (401, "Unauthorized"),
        (404, "LogStoreNotExist"),
    ];
    let rules = rules.into_iter().map(|(status, code)| rule(Effect::error(status, code))).collect();
    service.fail(Faults { rules, ..Faults::default() })?;
    scratch.write("input.log", numbered(0..3000))?;
    let mut agent = agent(&scratch).start()?;
    agent.wait_until("all lines", |_| arrived(&service).is_ok_and(|numbers| numbers.len() >= 3000))?;
    expect_balanced(&agent.status()?)?;
    agent.terminate()?;
    ensure!(arrived(&service)? == (0..3000).collect::<Vec<_>>(), "not each line once, in order");
    Ok(())
}
