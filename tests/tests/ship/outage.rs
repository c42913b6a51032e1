//! The service is away, or does not let the agent in.

use std::fs;

use anyhow::{Context, Result, ensure};
use loglift_tests::status::expect_balanced;
use rustix::process::Signal;

use super::{RUN, SMALL, agent, destination, end, expect_lines, numbered, shipping, wait_for_events, wait_for_spool};

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
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 3)?;
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
    ensure!(event.field("level") == Some(b"INFO"), "{event:?}");
    end(agent)?;
    Ok(())
}

#[test]
fn lines_of_an_outage_survive_a_kill_on_disk_and_arrive_once_and_in_order() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("input.log", numbered(0..5000))?;
    let mut first = agent(&scratch, &[]).start()?;
    wait_for_spool(&mut first)?;
    let found = destination(&first).context("there is one")?;
    ensure!(found["state"] == "failing" && found["last_refusal"].is_string(), "{found:#}");
    expect_balanced(&first.status()?)?;
    first.signal(Signal::KILL)?;
    first.finish()?;
    // Nothing of the file is left but what is on disk.
    fs::remove_file(scratch.path("input.log"))?;

    service.up()?;
    let mut second = agent(&scratch, &[]).start()?;
    wait_for_events(&mut second, &service, 5000)?;
    expect_lines(&service, 5000)?;
    end(second)?;
    Ok(())
}

#[test]
fn a_stop_while_the_service_is_down_is_quick_and_loses_nothing() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("input.log", numbered(0..1000))?;
    let mut first = agent(&scratch, &[]).start()?;
    first.wait_until("a refusal", |agent| destination(agent).is_some_and(|found| found["state"] == "failing"))?;
    let ended = first.terminate()?;
    ensure!(ended.code() == Some(0), "{}", ended.stderr);
    service.up()?;
    let mut second = agent(&scratch, &[]).start()?;
    wait_for_events(&mut second, &service, 1000)?;
    expect_lines(&service, 1000)?;
    end(second)?;
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
    ensure!(service.stats()?.events == 0, "nothing was signed well");
    scratch.write("key.json", key("testsecret"))?;
    wait_for_events(&mut agent, &service, 1000)?;
    expect_lines(&service, 1000)?;
    let ended = end(agent)?;
    ensure!(!ended.stderr.contains("testsecret"), "the key is in the log");
    Ok(())
}

#[test]
#[ignore = "takes a minute; cargo xtask torture --ship does it too"]
fn an_outage_of_200_megabytes_loses_and_repeats_nothing_and_keeps_memory_bounded() -> Result<()> {
    let report = loglift_tests::torture::outage::run(200_000_000)?;
    println!("{report}");
    ensure!(report.is_good(), "{report}");
    Ok(())
}
