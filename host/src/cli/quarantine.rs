//! `loglift quarantine`.

use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cap_std::fs::Dir;
use clap::Subcommand;
use serde::Serialize;

use super::Common;
use super::checkpoint::{existing, print};
use super::replay::{open, wrong};
use super::table::{age, table};
use crate::flusher::json_lines::{Encoder, Shape};
use crate::processor::recording::{Header, Outcome, ReadError, Reader, RecordedBatch};
use crate::runtime::machine::unix_seconds;
use crate::runtime::quarantine::{QUARANTINE, SUFFIX};
use crate::telemetry::{chain, one_line};

/// What to do with the events at which processors failed.
#[derive(Debug, Subcommand)]
pub(super) enum Quarantine {
    /// List the events at which processors failed
    List {
        /// One JSON object a line for each event
        #[arg(long)]
        json: bool,
    },
    /// Print everything that is known of one of them
    Show {
        /// The name of its file, as listed, or any recording
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove them
    #[command(group(clap::ArgGroup::new("what").required(true).args(["files", "all"])))]
    Clear {
        /// The names of their files, as listed
        #[arg(value_name = "FILE")]
        files: Vec<String>,

        /// Remove all of them
        #[arg(long)]
        all: bool,
    },
}

/// Does it. Returns whether all went well.
pub(super) fn quarantine(command: &Quarantine, common: &Common) -> anyhow::Result<bool> {
    match command {
        Quarantine::List { json } => list(common, *json),
        Quarantine::Show { file } => show(common, file),
        Quarantine::Clear { files, .. } => clear(common, files),
    }
}

/// One event, as it is listed.
#[derive(Debug, Serialize)]
struct Kept {
    file: String,
    recorded_seconds: i64,
    pipeline: String,
    processor: String,
    path: String,
    inode: Option<u64>,
    offset: u64,
    reason: String,
    message: String,
    digest: String,
}

fn list(common: &Common, json: bool) -> anyhow::Result<bool> {
    let Some(directory) = directory(common)? else { return print("nothing is in quarantine\n") };
    let (mut kept, mut is_ok) = (Vec::new(), true);
    for name in names(&directory)? {
        match look(&directory, &name) {
            Ok(Some(found)) => kept.push(found),
            // It went while we looked.
            Ok(None) => {}
            Err(error) => {
                eprintln!("warning: {name} {}", chain(&error));
                is_ok = false;
            }
        }
    }
    if json {
        let lines: Result<Vec<String>, _> = kept.iter().map(serde_json::to_string).collect();
        return print(&lines?.iter().map(|line| format!("{line}\n")).collect::<String>()).map(|_| is_ok);
    }
    let text = if kept.is_empty() { "nothing is in quarantine\n".to_owned() } else { describe(&kept, unix_seconds()) };
    print(&text).map(|_| is_ok)
}

fn look(directory: &Dir, name: &str) -> Result<Option<Kept>, ReadError> {
    let file = match directory.open(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut reader = Reader::new(BufReader::new(file))?;
    let batch = reader.next_batch()?;
    Ok(batch.map(|batch| Kept::new(name, &reader.header, &batch)))
}

impl Kept {
    fn new(name: &str, header: &Header, batch: &RecordedBatch) -> Self {
        let (reason, message) = match &batch.outcome {
            Outcome::Fault(fault) => (fault.kind.as_str(), fault.message.as_str()),
            Outcome::Answer(_) => ("none", ""),
        };
        Self {
            file: name.to_owned(),
            recorded_seconds: header.recorded_seconds,
            pipeline: header.pipeline.clone(),
            processor: header.stage_name(),
            path: String::from_utf8_lossy(&batch.place.path.0).into_owned(),
            inode: batch.place.inode,
            offset: batch.place.offsets.first().copied().unwrap_or(0),
            reason: reason.to_owned(),
            message: message.to_owned(),
            digest: header.component.digest.clone(),
        }
    }
}

fn describe(kept: &[Kept], now: i64) -> String {
    let row = |kept: &Kept| {
        let digest: String = kept.digest.trim_start_matches("sha256:").chars().take(SHOWN_DIGITS).collect();
        vec![
            kept.file.clone(),
            age(now.saturating_sub(kept.recorded_seconds)),
            one_line(&kept.pipeline),
            one_line(&kept.processor),
            one_line(&digest),
            kept.offset.to_string(),
            one_line(&kept.path),
            one_line(&format!("{}: {}", kept.reason, kept.message)),
        ]
    };
    let rows: Vec<Vec<String>> = kept.iter().map(row).collect();
    table(&["file", " age", "pipeline", "processor", "component", " offset", "path", "reason"], &rows)
}

fn show(common: &Common, file: &Path) -> anyhow::Result<bool> {
    let mut reader = open(common, file)?;
    let Header { recorded_seconds, pipeline, component, config, context, limits, grants, zones, agent, .. } =
        &reader.header;
    let zones: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
    let lines = [
        ("recorded", format!("{} ago by loglift {agent}", age(unix_seconds().saturating_sub(*recorded_seconds)))),
        ("pipeline", pipeline.clone()),
        ("processor", reader.header.stage_name()),
        ("component", format!("{} {} ({})", component.name, component.version, component.digest)),
        ("config", config.clone()),
        ("zone", context.machine_zone.clone()),
        ("zones", zones.join(", ")),
        ("memory", format!("{} bytes", limits.memory_bytes)),
        ("time", format!("{} ms", limits.time_milliseconds)),
        ("granted", grants.join(", ")),
    ];
    print(&facts(&lines))?;
    while let Some(batch) = reader.next_batch().map_err(|error| wrong(file, &error))? {
        print(&describe_batch(&batch))?;
    }
    Ok(true)
}

fn describe_batch(batch: &RecordedBatch) -> String {
    let place = &batch.place;
    let inode = place.inode.map_or_else(String::new, |inode| format!(", inode {inode}"));
    let offset = place.offsets.first().copied().unwrap_or(0);
    let mut lines = vec![
        ("file", format!("{}{inode}, offset {offset}", String::from_utf8_lossy(&place.path.0))),
        ("events", batch.event_count().to_string()),
    ];
    let mut backtrace = "";
    match &batch.outcome {
        Outcome::Fault(fault) => {
            lines.push(("fault", format!("{}: {}", fault.kind, fault.message)));
            backtrace = fault.backtrace.as_deref().unwrap_or_default();
        }
        Outcome::Answer(_) => lines.push(("fault", "none".to_owned())),
    }
    let mut text = format!("\n{}", facts(&lines));
    backtrace.lines().for_each(|line| text += &format!("    {}\n", one_line(line)));
    let mut events = Vec::new();
    Encoder::new(Shape { nanoseconds: true, tags: true, without_tag: None }).encode(&batch.to_batch(), &mut events);
    text + &String::from_utf8_lossy(&events)
}

fn facts(lines: &[(&str, String)]) -> String {
    let shown = lines.iter().filter(|(_, fact)| !fact.is_empty());
    shown.map(|(name, fact)| format!("{name:<10} {}\n", one_line(fact))).collect()
}

fn clear(common: &Common, files: &[String]) -> anyhow::Result<bool> {
    let Some(directory) = directory(common)? else {
        if files.is_empty() {
            return print("nothing is in quarantine\n");
        }
        bail!("nothing is in quarantine");
    };
    let there = names(&directory)?;
    if let Some(missing) = files.iter().find(|name| !there.contains(name)) {
        bail!("{missing} is not in quarantine");
    }
    let meant = if files.is_empty() { &there } else { files };
    let mut removed = 0;
    for name in meant {
        match directory.remove_file(name) {
            Ok(()) => removed += 1,
            // The agent made room meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot remove {name}")),
        }
    }
    print(&format!("{removed} removed\n"))
}

/// The directory, if there is one.
fn directory(common: &Common) -> anyhow::Result<Option<Dir>> {
    match existing(common)?.open_dir(QUARANTINE) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => Ok(Some(opened.context("cannot open the quarantine")?)),
    }
}

/// The names of all recordings in it, the oldest first.
fn names(directory: &Dir) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in directory.entries().context("cannot read the quarantine")? {
        let name = entry.context("cannot read the quarantine")?.file_name().into_string();
        names.extend(name.ok().filter(|name| name.ends_with(SUFFIX)));
    }
    names.sort();
    Ok(names)
}

/// Digits of a digest that tell one version from another.
const SHOWN_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_a_line() {
        let text = |text: &str| text.to_owned();
        let kept = Kept {
            file: text("0000000000001.jsonl"),
            recorded_seconds: 40,
            pipeline: text("shop"),
            processor: text("processors[0] (processor_wasm)"),
            path: text("/var/log/app\n.log"),
            inode: Some(7),
            offset: 123,
            reason: text("trap"),
            message: text("trapped"),
            digest: text("sha256:0123456789abcdef"),
        };
        let expected = "\
file                 age  pipeline  processor                       component     offset  path               reason
0000000000001.jsonl   1m  shop      processors[0] (processor_wasm)  0123456789ab     123  /var/log/app\u{fffd}.log  trap: trapped
";
        assert_eq!(describe(&[kept], 100), expected);
    }
}
