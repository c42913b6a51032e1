//! `loglift status`.

mod destinations;
mod files;
mod ledger;
mod pipelines;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Common;
use super::agent::{SOON, ask};
use super::checkpoint::{existing, print};
use super::table::age;
use crate::checkpoint;
use crate::runtime::data_dir;
use crate::runtime::machine::unix_seconds;
use crate::runtime::status::{AgentStatus, NotCollected, Status};
use crate::telemetry::one_line;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    /// Only this file, by a path that it has or had
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,

    /// Everything, as one JSON document
    #[arg(long)]
    json: bool,

    /// Say where every byte is
    #[arg(long)]
    ledger: bool,
}

/// Prints how the agent of the data directory is doing. Returns whether one is running: if not, it prints what its
/// checkpoints say.
pub(super) fn status(arguments: &StatusArguments, common: &Common) -> anyhow::Result<bool> {
    let answer: Option<Status> = ask(common, "status", SOON)?;
    let is_running = answer.is_some();
    let mut status = match answer {
        Some(status) => status,
        None => offline(common, &data_dir::path(common.data_dir.as_deref()))?,
    };
    if let Some(path) = &arguments.path {
        status = status.only(&std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        if status.pipelines.is_empty() {
            bail!("no file {} is known; `loglift validate --explain` says what is collected", path.display());
        }
    }
    let text = if arguments.json {
        serde_json::to_string_pretty(&status)? + "\n"
    } else {
        let table = if arguments.ledger { ledger::ledger } else { files::files };
        headline(&status)
            + &table(&status)
            + &destinations::destinations(&status)
            + &pipelines::pipelines(&status, unix_seconds())
            + &quarantine(status.agent.as_ref())
            + &not_collected(&status.not_collected, arguments.ledger)
    };
    print(&text)?;
    Ok(is_running)
}

fn offline(common: &Common, data_dir: &Path) -> anyhow::Result<Status> {
    let nobody = format!("no agent is running with the data directory {}", data_dir.display());
    let directory = existing(common).with_context(|| nobody.clone())?;
    let recovered = checkpoint::read(&directory).with_context(|| nobody.clone())?;
    eprintln!("{nobody}; this is what its checkpoints say");
    Ok(Status::of_checkpoints(&recovered.entries))
}

fn headline(status: &Status) -> String {
    let Some(agent) = &status.agent else { return "offline: as of the last checkpoint\n\n".to_owned() };
    format!(
        "loglift {}, process {}, running for {}, {} of {} KiB in flight, data directory {}\n\n",
        one_line(&agent.version),
        agent.pid,
        age(agent.uptime_seconds as i64),
        agent.budget_used_bytes.div_ceil(1024),
        agent.budget_limit_bytes / 1024,
        one_line(&agent.data_dir)
    )
}

/// What is in quarantine, if anything is or was.
fn quarantine(agent: Option<&AgentStatus>) -> String {
    let Some(agent) = agent else { return String::new() };
    let total = |name: &str| agent.quarantine.get(name).copied().unwrap_or(0);
    let (files, kib) = (total("quarantine_files"), total("quarantine_bytes").div_ceil(1024));
    let not_kept: u64 = ["limited", "skipped", "oversized", "failed"]
        .map(|reason| total(&format!("quarantine_{reason}_events_total")))
        .iter()
        .sum();
    if files + not_kept == 0 {
        return String::new();
    }
    let lost = if not_kept > 0 { format!(", {not_kept} more were not kept") } else { String::new() };
    format!("\nin quarantine: {files} events, {kib} KiB{lost}; `loglift quarantine list` shows them\n")
}

fn not_collected(all: &[NotCollected], in_detail: bool) -> String {
    if all.is_empty() {
        return String::new();
    }
    if !in_detail {
        let count: u64 = all.iter().map(|one| one.count).sum();
        return format!("\n{count} names in the directories of FilePaths are not collected; --ledger says why\n");
    }
    let lines = all.iter().map(|NotCollected { reason, count, example }| {
        format!("  {count} such as {}: {}\n", one_line(example), one_line(reason))
    });
    format!("\nnot collected:\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_quarantine_is_one_line() {
        let check = |totals: &[(&str, u64)], expected: &str| {
            let quarantine = totals.iter().map(|(name, total)| ((*name).to_owned(), *total)).collect();
            let agent = AgentStatus {
                pid: 1,
                version: String::new(),
                uptime_seconds: 0.0,
                data_dir: String::new(),
                budget_used_bytes: 0,
                budget_limit_bytes: 0,
                quarantine,
            };
            assert_eq!(super::quarantine(Some(&agent)), expected);
        };
        check(&[], "");
        check(&[("quarantine_removed_files_total", 3)], "");
        check(
            &[("quarantine_files", 2), ("quarantine_bytes", 1025)],
            "\nin quarantine: 2 events, 2 KiB; `loglift quarantine list` shows them\n",
        );
        check(
            &[("quarantine_limited_events_total", 5), ("quarantine_failed_events_total", 1)],
            "\nin quarantine: 0 events, 0 KiB, 6 more were not kept; `loglift quarantine list` shows them\n",
        );
    }
}
