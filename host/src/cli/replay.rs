//! `loglift replay`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::value::Value;

use super::Common;
use super::checkpoint::{existing, print};
use crate::config::{self, AgentConfig};
use crate::event::EventBatch;
use crate::flusher::json_lines::{Encoder, Shape};
use crate::processor::component::{Component, Terms};
use crate::processor::recording::{Header, Played, Player, ReadError, Reader, RecordedBatch, RecordedFault};
use crate::processor::trust::digest;
use crate::runtime::assemble::Workshop;
use crate::runtime::capture::CAPTURES;
use crate::runtime::quarantine::QUARANTINE;
use crate::telemetry::{chain, one_line};

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArguments {
    /// A recording: a file, or the name of one in the quarantine or among the captures of the data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Run this component instead: a file, or the type of a built-in processor. Without it, the recorded one must be built in
    #[arg(long, value_name = "FILE|TYPE")]
    component: Option<String>,

    /// Configure it with this instead of the recorded config: a JSON object, or a file that holds one
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,

    /// One JSON object a line for each batch
    #[arg(long)]
    json: bool,
}

/// Runs a recording again. Returns whether all went as recorded, or better.
pub(super) fn replay(arguments: &ReplayArguments, common: &Common) -> anyhow::Result<bool> {
    let name = arguments.file.display();
    let mut reader = open(common, &arguments.file)?;
    let workshop = common.workshop(false, &AgentConfig::default())?;
    let header = reader.header.clone();
    let component = component(&workshop, &header, arguments.component.as_deref())?;
    tell(&header, &component, arguments.config.is_some());
    let config = arguments.config.as_deref().map(config_text).transpose()?;
    let mut player = Player::new(component, &header, config);
    let mut results: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut is_ok = true;
    for number in 1.. {
        let read = reader.next_batch().map_err(|error| wrong(&arguments.file, &error));
        let batch = match read {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                print(&summary(&results, arguments.json))?;
                return Err(error);
            }
        };
        let report = Report::new(number, &batch, player.play(&batch));
        *results.entry(report.result).or_default() += 1;
        is_ok &= report.is_ok();
        print(&if arguments.json { serde_json::to_string(&report)? + "\n" } else { report.describe() })?;
    }
    print(&summary(&results, arguments.json))?;
    if let Some(end) = reader.end().filter(|end| end.skipped_batches > 0) {
        eprintln!("{name}: {} batches more came meanwhile and were not recorded", end.skipped_batches);
    }
    Ok(is_ok)
}

/// Opens a recording: a file, or one that the agent keeps.
pub(super) fn open(common: &Common, file: &Path) -> anyhow::Result<Reader<BufReader<File>>> {
    let opened = File::open(file).or_else(|error| match kept(common, file) {
        Some(found) => Ok(found),
        None => Err(error),
    });
    let opened = opened.with_context(|| format!("cannot open {}", file.display()))?;
    Reader::new(BufReader::new(opened)).map_err(|error| wrong(file, &error))
}

/// A file of the quarantine or of the captures, if that is but a name.
fn kept(common: &Common, file: &Path) -> Option<File> {
    let name = file.file_name().filter(|name| Path::new(name) == file)?;
    let data_dir = existing(common).ok()?;
    let open = |directory: &&str| Some(data_dir.open_dir(directory).ok()?.open(name).ok()?.into_std());
    [QUARANTINE, CAPTURES].iter().find_map(open)
}

pub(super) fn wrong(file: &Path, error: &ReadError) -> anyhow::Error {
    anyhow::anyhow!("{} {}", file.display(), chain(error))
}

/// The component to run: the one that is named, or else the recorded one, which is built in then.
fn component(workshop: &Workshop, header: &Header, named: Option<&str>) -> anyhow::Result<Component> {
    let built_in = |name: &str| loglift_builtin_processors::find(name);
    let origin = match named {
        Some(name) if built_in(name).is_some() => config::Component::BuiltIn(name.to_owned()),
        Some(name) => config::Component::File(name.into()),
        None => {
            let is_it =
                |name: &&&str| built_in(name).is_some_and(|found| digest(found.component) == header.component.digest);
            let Some(name) = loglift_builtin_processors::TYPES.iter().find(is_it) else {
                let facts = &header.component;
                bail!(
                    "the component {} {} ({}) is not built in: name it with --component FILE",
                    one_line(&facts.name),
                    one_line(&facts.version),
                    one_line(&facts.digest),
                );
            };
            config::Component::BuiltIn((*name).to_owned())
        }
    };
    let terms = Terms { limits: header.limits(), ..Terms::default() };
    workshop.component_on(&origin, Path::new(""), terms).map_err(anyhow::Error::msg)
}

fn config_text(given: &str) -> anyhow::Result<String> {
    let text = if given.trim_start().starts_with('{') {
        given.to_owned()
    } else {
        fs::read_to_string(given).with_context(|| format!("cannot read {given}"))?
    };
    let value: Value = serde_json::from_str(&text).context("the config is not JSON")?;
    ensure!(value.is_object(), "the config is not a JSON object");
    Ok(text)
}

/// Says on standard error what is run, and what about it is not as it was.
fn tell(header: &Header, component: &Component, has_other_config: bool) {
    let known = component.digest == header.component.digest;
    let (name, version) = (&component.description.name, &component.description.version);
    eprintln!(
        "{} of pipeline {}, on {} {} ({})",
        one_line(&header.stage_name()),
        one_line(&header.pipeline),
        one_line(name),
        one_line(version),
        component.digest
    );
    if !known {
        eprintln!("this is another component than the recorded one ({})", one_line(&header.component.digest));
    }
    if has_other_config {
        eprintln!("the config is another one than the recorded one");
    }
    if header.hears_real_ones() {
        eprintln!("warning: what the clock and random numbers said is not recorded; they are those of now");
    }
    for grant in header.lost_grants() {
        eprintln!("warning: it was granted {} when it was recorded, and is not now", one_line(grant));
    }
}

/// What became of one batch.
#[derive(Debug, Serialize)]
struct Report {
    batch: u64,
    path: String,
    offset: u64,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<RecordedFault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
    /// The events that come out now.
    events: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Difference {
    /// The part of the answer.
    part: &'static str,
    /// The first event that is not the same, from 1. `None` if the events are.
    event: Option<usize>,
    recorded: Option<Value>,
    now: Option<Value>,
}

impl Report {
    fn new(number: u64, recorded: &RecordedBatch, played: Played) -> Self {
        let place = &recorded.place;
        let mut report = Self {
            batch: number,
            path: one_line(&String::from_utf8_lossy(&place.path.0)),
            offset: place.offsets.first().copied().unwrap_or(0),
            result: IDENTICAL,
            fault: None,
            difference: None,
            events: Vec::new(),
        };
        match played {
            Played::Identical(now) => report.events = lines(&now),
            Played::Processed(now) => {
                report.result = PROCESSED;
                report.events = lines(&now);
            }
            Played::SameFault(fault) => {
                report.result = SAME_FAULT;
                report.fault = Some(fault);
            }
            Played::OtherFault(fault) => {
                report.result = "other fault";
                report.fault = Some(fault);
            }
            Played::Different { part, recorded, now } => {
                report.result = "different";
                report.events = lines(&now);
                report.difference = Some(difference(part, recorded.map(|recorded| lines(&recorded)), &report.events));
            }
        }
        report
    }

    fn is_ok(&self) -> bool {
        [IDENTICAL, PROCESSED, SAME_FAULT].contains(&self.result)
    }

    fn describe(&self) -> String {
        let place = format!("batch {}, {} at offset {}", self.batch, self.path, self.offset);
        let mut text = match (&self.fault, &self.difference) {
            (Some(fault), _) => {
                let mut text =
                    format!("{place}: {}: {}: {}\n", self.result, one_line(&fault.kind), one_line(&fault.message));
                // That of a fault which is known is shown with the recording.
                let is_new = self.result != SAME_FAULT;
                let backtrace = fault.backtrace.iter().filter(|_| is_new).flat_map(|backtrace| backtrace.lines());
                backtrace.for_each(|line| text += &format!("    {}\n", one_line(line)));
                text
            }
            (_, Some(Difference { part, event: Some(event), recorded, now })) => {
                let shown = |event: &Option<Value>| event.as_ref().map_or("nothing".to_owned(), Value::to_string);
                let (recorded, now) = (shown(recorded), shown(now));
                format!(
                    "{place}: different in {part}, first at event {event}\n  recorded  {recorded}\n  now       {now}\n"
                )
            }
            (_, Some(Difference { part, .. })) => format!("{place}: different in {part}, with the same events\n"),
            (None, None) if self.result == PROCESSED => format!("{place}: now processed\n"),
            // Each of those is one more in the sum, and no more.
            (None, None) => String::new(),
        };
        if self.result == PROCESSED {
            self.events.iter().for_each(|event| text += &format!("{event}\n"));
        }
        text
    }
}

/// The events of a batch as objects, with all that there is of them.
fn lines(batch: &EventBatch) -> Vec<Value> {
    let mut text = Vec::new();
    Encoder::new(Shape { nanoseconds: true, tags: true, without_tag: None }).encode(batch, &mut text);
    let text = String::from_utf8_lossy(&text);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))).collect()
}

fn difference(part: &'static str, recorded: Option<Vec<Value>>, now: &[Value]) -> Difference {
    let Some(recorded) = recorded else { return Difference { part, event: None, recorded: None, now: None } };
    let longer = recorded.len().max(now.len());
    let first = (0..longer).find(|event| recorded.get(*event) != now.get(*event));
    let at = |events: &[Value]| first.and_then(|first| events.get(first).cloned());
    Difference { part, event: first.map(|first| first + 1), recorded: at(&recorded), now: at(now) }
}

fn summary(results: &BTreeMap<&'static str, u64>, json: bool) -> String {
    if json {
        return String::new();
    }
    let sum: u64 = results.values().sum();
    let parts: Vec<String> = results.iter().map(|(result, count)| format!("{count} {result}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("{sum} {}{parts}\n", if sum == 1 { "batch" } else { "batches" })
}

const IDENTICAL: &str = "identical";
const PROCESSED: &str = "processed";
const SAME_FAULT: &str = "same fault";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_event_that_differs_is_shown() {
        let check = |recorded: &[u32], now: &[u32], expected: (Option<usize>, Value, Value)| {
            let values = |numbers: &[u32]| numbers.iter().map(|number| json!(number)).collect::<Vec<_>>();
            let found = difference("fields", Some(values(recorded)), &values(now));
            let shown = |value: Option<Value>| value.unwrap_or_default();
            assert_eq!((found.event, shown(found.recorded), shown(found.now)), expected);
        };
        check(&[1, 2], &[1, 2], (None, Value::Null, Value::Null));
        check(&[1, 2], &[1, 3], (Some(2), json!(2), json!(3)));
        check(&[1], &[1, 3], (Some(2), Value::Null, json!(3)));
        check(&[], &[], (None, Value::Null, Value::Null));
    }

    #[test]
    fn the_sum_names_every_result() {
        assert_eq!(
            summary(&BTreeMap::from([(IDENTICAL, 2), ("different", 1)]), false),
            "3 batches: 1 different, 2 identical\n"
        );
        assert_eq!(summary(&BTreeMap::from([(SAME_FAULT, 1)]), false), "1 batch: 1 same fault\n");
        assert_eq!(summary(&BTreeMap::new(), false), "0 batches\n");
    }
}
