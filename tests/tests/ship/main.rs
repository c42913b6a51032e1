//! `flusher_sls` through the real agent, against a log service on this machine that fails in every way.

#![forbid(unsafe_code)]

mod answers;
mod kill;
mod outage;
mod refusals;
mod sdk;
mod spool;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{Finished, Invocation, Running};
use loglift_tests::scratch::Scratch;
use loglift_tests::service::{KEY, Service};
use loglift_tests::status::expect_balanced;
use serde_json::Value;
use sls_emulator::{Arrival, Event};

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

/// A pipeline that ships files to a service, of which each goes on with its lines where the one before ends.
fn shipping_files(files: usize, lines: usize, more: &str) -> Result<(Scratch, Service)> {
    let (scratch, service) = shipping(&[], more)?;
    scratch.write("pipeline.yaml", scratch.config("input.*.log", &[], &[&service.flusher(more)]))?;
    for file in 0..files {
        scratch.write(&format!("input.{file:02}.log"), numbered(file * lines..(file + 1) * lines))?;
    }
    Ok((scratch, service))
}

fn agent<'a>(scratch: &'a Scratch, more: &[&str]) -> Invocation<'a> {
    let arguments = [RUN, more].concat();
    KEY.into_iter().fold(scratch.loglift(&arguments), |agent, (name, value)| agent.env(name, value))
}

fn numbered(numbers: Range<usize>) -> String {
    numbers.map(|number| format!("line {number}\n")).collect()
}

/// The number of a line.
fn number(event: &Event) -> Result<usize> {
    let line = String::from_utf8_lossy(event.field("content").context("no content")?).into_owned();
    let number = line.strip_prefix("line ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.with_context(|| format!("a strange {line:?}"))
}

/// The value of a tag of a log group.
fn tag(arrival: &Arrival, name: &str) -> Result<Vec<u8>> {
    let event = arrival.events.first().context("a log group without events")?;
    let tag = event.tags.iter().find(|(found, _)| found == name.as_bytes());
    Ok(tag.with_context(|| format!("no {name}: {event:?}"))?.1.clone())
}

/// What came.
struct Arrived {
    /// The numbers of the lines in the order of their files and then of their arrival, without those of groups whose id had come
    /// before.
    numbers: Vec<usize>,
    /// How many groups came again.
    repeated: u64,
}

/// What a service has, as a reader sees it who takes each id once.
fn arrived(service: &Service) -> Result<Arrived> {
    let mut known: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    let mut files: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    let mut repeated = 0;
    for arrival in service.arrivals(0)? {
        let numbers = arrival.events.iter().map(number).collect::<Result<Vec<usize>>>()?;
        let id = tag(&arrival, "__pack_id__")?;
        if let Some(before) = known.get(&id) {
            ensure!(*before == numbers, "two groups with other lines have the id {id:?}: {before:?} and {numbers:?}");
            repeated += 1;
        } else {
            files.entry(tag(&arrival, "__path__")?).or_default().extend(&numbers);
            known.insert(id, numbers);
        }
    }
    Ok(Arrived { numbers: files.into_values().flatten().collect(), repeated })
}

/// Expects that all lines are there, those of each file in order, once but for groups that are recognised. Returns how many groups those are.
fn expect_lines(service: &Service, count: usize) -> Result<u64> {
    let Arrived { numbers, repeated } = arrived(service)?;
    let strange = numbers.iter().enumerate().find(|(place, number)| place != *number);
    ensure!(strange.is_none(), "not each line once, in order: {strange:?}");
    ensure!(numbers.len() == count, "{} lines of {count}", numbers.len());
    Ok(repeated)
}

/// Waits until a service has so many events, counted since it is up, and the agent knows that it has nothing left.
fn wait_for_events(agent: &mut Running<'_>, service: &Service, count: usize) -> Result<()> {
    agent
        .wait_until(&format!("{count} events"), |_| service.stats().is_ok_and(|stats| stats.events >= count as u64))?;
    agent.wait_until("an agent with nothing left", |agent| {
        let left = ["waiting_packages", "spooled_packages"];
        destination(agent).is_some_and(|found| left.iter().all(|left| found[left].as_u64() == Some(0)))
    })
}

/// Expects a balanced ledger, and that the agent ends well.
fn end(agent: Running<'_>) -> Result<Finished> {
    expect_balanced(&agent.status()?)?;
    let ended = agent.terminate()?;
    ensure!(ended.code() == Some(0), "{}", ended.stderr);
    Ok(ended)
}

/// What the agent says of its one destination.
fn destination(agent: &Running<'_>) -> Option<Value> {
    let status = agent.status().ok()?;
    status["destinations"].get(0).cloned()
}

/// Waits until everything that was read is on disk, and everything that was written was read.
fn wait_for_spool(agent: &mut Running<'_>) -> Result<()> {
    agent.wait_until("all lines on disk", |agent| {
        let lag = agent.status().ok().and_then(|status| status["pipelines"][0]["files"][0]["lag_bytes"].as_u64());
        lag == Some(0) && destination(agent).is_some_and(|found| found["spooled_packages"].as_u64() > Some(0))
    })
}
