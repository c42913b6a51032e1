//! `loglift spool`.

mod replay;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;

use super::Common;
use super::checkpoint::{existing, print};
use super::table::{age, table};
use crate::flusher::sls::package::Destination;
use crate::flusher::sls::spool::decode::decode;
use crate::flusher::sls::spool::look::{Found, look};
use crate::runtime::machine::unix_seconds;
use crate::telemetry::one_line;

/// What to do with the packages that wait on disk.
#[derive(Debug, Subcommand)]
pub(super) enum Spool {
    /// List what waits on disk for each destination, and what was refused for good
    List {
        /// One JSON object a line for each destination
        #[arg(long)]
        json: bool,
    },
    /// Write what waits on disk as lines of JSON, one for each event, with all tags
    Export {
        /// What was refused for good, instead of what waits
        #[arg(long)]
        dead_letters: bool,

        /// A file that is made, or - for standard output
        #[arg(short, long, value_name = "FILE|-")]
        output: PathBuf,
    },
    /// Send what waits on disk, while no agent runs
    Replay(replay::ReplayArguments),
}

/// Does it. Returns whether all went well.
pub(super) fn spool(command: &Spool, common: &Common) -> anyhow::Result<bool> {
    match command {
        Spool::List { json } => list(common, *json),
        Spool::Export { dead_letters, output } => export(common, *dead_letters, output),
        Spool::Replay(arguments) => replay::replay(arguments, common),
    }
}

/// What waits for a destination.
#[derive(Debug, Serialize)]
struct Waiting {
    #[serde(flatten)]
    destination: Destination,
    #[serde(flatten)]
    sums: Sums,
    dead_letters: Vec<Dead>,
}

#[derive(Debug, Serialize)]
struct Dead {
    reason: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Sums {
    packages: u64,
    bytes: u64,
    events: u64,
    oldest_read_seconds: Option<i64>,
}

impl Sums {
    fn add(&mut self, found: &Found<'_>) {
        let read_seconds = found.head.read_seconds;
        self.packages += 1;
        self.bytes += found.disk_bytes;
        self.events += found.head.events;
        self.oldest_read_seconds =
            Some(self.oldest_read_seconds.map_or(read_seconds, |oldest| oldest.min(read_seconds)));
    }
}

fn list(common: &Common, json: bool) -> anyhow::Result<bool> {
    let directory = existing(common)?;
    let mut sums: BTreeMap<Destination, (Sums, BTreeMap<String, Sums>)> = BTreeMap::new();
    for is_dead in [false, true] {
        let wrong = look(&directory, is_dead, &mut |found| {
            let (waiting, dead) = sums.entry(found.destination.clone()).or_default();
            match found.reason {
                Some(reason) => dead.entry(reason.to_owned()).or_default().add(found),
                None => waiting.add(found),
            }
            Ok(())
        });
        warn_of(&wrong.context("cannot read the spool")?);
    }
    let all: Vec<Waiting> = sums
        .into_iter()
        .map(|(destination, (sums, dead))| {
            let dead_letters = dead.into_iter().map(|(reason, sums)| Dead { reason, sums }).collect();
            Waiting { destination, sums, dead_letters }
        })
        .collect();
    if json {
        let lines: Result<Vec<String>, _> = all.iter().map(serde_json::to_string).collect();
        return print(&lines?.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    print(&describe(&all, unix_seconds()))
}

fn describe(all: &[Waiting], now: i64) -> String {
    let row = |waiting: &Waiting, sums: &Sums, reason: &str| {
        let Destination { project, logstore, endpoint, .. } = &waiting.destination;
        vec![
            one_line(project),
            one_line(logstore),
            sums.packages.to_string(),
            sums.bytes.to_string(),
            sums.events.to_string(),
            sums.oldest_read_seconds.map_or_else(|| "-".to_owned(), |oldest| age(now.saturating_sub(oldest))),
            one_line(endpoint),
            one_line(reason),
        ]
    };
    let mut rows = Vec::new();
    for waiting in all {
        if waiting.sums.packages > 0 {
            rows.push(row(waiting, &waiting.sums, "waits"));
        }
        let dead = waiting.dead_letters.iter();
        rows.extend(dead.map(|dead| row(waiting, &dead.sums, &format!("refused: {}", dead.reason))));
    }
    table(&["project", "logstore", " packages", " bytes", " events", " oldest", "endpoint", "state"], &rows)
}

fn export(common: &Common, dead_letters: bool, output: &Path) -> anyhow::Result<bool> {
    let directory = existing(common)?;
    let is_stdout = output == Path::new("-");
    let mut out: Box<dyn Write> = if is_stdout {
        Box::new(io::stdout().lock())
    } else {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(output);
        Box::new(BufWriter::new(file.with_context(|| format!("cannot make {}", output.display()))?))
    };
    let (mut events, mut failures, mut lines) = (0, 0_u64, Vec::new());
    let looked = look(&directory, dead_letters, &mut |found| {
        lines.clear();
        match decode(found.head, found.body, &mut lines) {
            Ok(count) => events += count,
            Err(error) => {
                failures += 1;
                let Destination { project, logstore, .. } = found.destination;
                eprintln!(
                    "warning: a package for {project}/{logstore} is left out: {}",
                    crate::telemetry::chain(&error)
                );
            }
        }
        out.write_all(&lines)
    });
    let finished = looked.and_then(|wrong| out.flush().map(|()| wrong));
    match finished {
        Err(error) if is_stdout && error.kind() == io::ErrorKind::BrokenPipe => return Ok(true),
        finished => warn_of(&finished.context("cannot export the spool")?),
    }
    if !is_stdout {
        print(&format!("{events} events exported\n"))?;
    }
    Ok(failures == 0)
}

fn warn_of(wrong: &[String]) {
    wrong.iter().for_each(|line| eprintln!("warning: {line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_and_what_was_refused_are_lines_of_their_own() {
        let text = |text: &str| text.to_owned();
        let destination =
            Destination { endpoint: text("sls"), region: None, project: text("shop"), logstore: text("orders") };
        let sums = |packages| Sums { packages, bytes: 1000, events: 7, oldest_read_seconds: Some(40) };
        let dead_letters = vec![Dead { reason: text("PostBodyInvalid"), sums: sums(1) }];
        let all = [Waiting { destination, sums: sums(12), dead_letters }];
        let expected = "\
project  logstore  packages  bytes  events  oldest  endpoint  state
shop     orders          12   1000       7      1m  sls       waits
shop     orders           1   1000       7      1m  sls       refused: PostBodyInvalid
";
        assert_eq!(describe(&all, 100), expected);
        assert_eq!(
            serde_json::to_string(&all[0]).unwrap(),
            r#"{"endpoint":"sls","region":null,"project":"shop","logstore":"orders","packages":12,"bytes":1000,"events":7,"oldest_read_seconds":40,"dead_letters":[{"reason":"PostBodyInvalid","packages":1,"bytes":1000,"events":7,"oldest_read_seconds":40}]}"#
        );
    }
}
