//! `loglift status`.

mod destinations;
mod files;
mod ledger;
mod pipelines;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Common;
use super::checkpoint::{existing, print};
use super::table::age;
use crate::checkpoint;
use crate::runtime::control::ask;
use crate::runtime::data_dir;
use crate::runtime::machine::unix_seconds;
use crate::runtime::status::{NotCollected, Status};
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
    let data_dir = data_dir::path(common.data_dir.as_deref());
    let asked = ask(&data_dir, "status");
    let answer =
        asked.with_context(|| format!("the agent with the data directory {} does not answer", data_dir.display()))?;
    let is_running = answer.is_some();
    let mut status = match answer {
        Some(answer) => understood(&answer)?,
        None => offline(common, &data_dir)?,
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
            + &not_collected(&status.not_collected, arguments.ledger)
    };
    print(&text)?;
    Ok(is_running)
}

fn understood(answer: &str) -> anyhow::Result<Status> {
    let answer: serde_json::Value = serde_json::from_str(answer).context("the agent does not answer in JSON")?;
    if let Some(error) = answer["error"].as_str() {
        bail!("the agent answers: {}", one_line(error));
    }
    serde_json::from_value(answer).context("the agent answers something else, maybe it is of another version")
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
