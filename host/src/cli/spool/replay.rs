//! `loglift spool replay`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::checkpoint::Store;
use crate::cli::checkpoint::{existing, print};
use crate::cli::depot::depot;
use crate::cli::{Common, environment, load_agent_config};
use crate::flusher::sls::spool::look::destinations;
use crate::flusher::sls::spool::requeue;
use crate::runtime::control::ask;
use crate::runtime::data_dir;
use crate::runtime::machine::{Surroundings, unix_seconds};
use crate::runtime::replay::{self, Replayed};
use crate::telemetry::alarm::Alarms;
use crate::telemetry::one_line;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReplayArguments {
    /// Send what was refused for good too, as if it had just been read. An agent that runs does it by itself
    #[arg(long)]
    dead_letters: bool,

    /// Settings of the agent as a whole, among them where keys come from
    #[arg(long, value_name = "FILE", env = "LOONG_CONFIG")]
    agent_config: Option<PathBuf>,

    /// Seconds after which a destination that takes nothing is left alone
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
}

/// Sends what waits, or has the agent that runs do so. Returns whether nothing is left.
pub(super) fn replay(arguments: &ReplayArguments, common: &Common) -> anyhow::Result<bool> {
    let path = data_dir::path(common.data_dir.as_deref());
    if arguments.dead_letters
        && let Some(answer) = ask(&path, "replay-dead-letters")?
    {
        let answer: serde_json::Value = serde_json::from_str(&answer).context("the agent does not answer in JSON")?;
        let count = answer["destinations"].as_u64().context("the agent answers something else")?;
        return print(&format!(
            "the agent sends the dead letters of {count} destinations again; `loglift status` shows how it goes\n"
        ));
    }
    ensure!(ask(&path, "status")?.is_none(), "an agent runs with {}, and sends what waits by itself", path.display());
    let Some(config) = load_agent_config(arguments.agent_config.as_deref()) else { return Ok(false) };
    let directory = existing(common)?;
    // Held to the end, so that no agent starts meanwhile.
    let (_checkpoints, _) = Store::open(directory.try_clone()?)?;
    if arguments.dead_letters {
        requeue(&directory, None, unix_seconds()).context("cannot take the dead letters")?;
    }
    let destinations: Vec<_> = destinations(&directory, false)?.into_iter().collect();
    let spec = depot(&config, &Surroundings::look(&config, &environment), directory)?;
    let patience = Duration::from_secs(arguments.patience);
    let all = replay::replay(spec, &destinations, patience, &Arc::new(Alarms::for_long_runs()));
    if all.is_empty() {
        return print("nothing waits\n");
    }
    print(&all.iter().map(describe).collect::<String>())?;
    if all.iter().any(|replayed| replayed.left != Some(0)) {
        bail!("not everything could be sent");
    }
    Ok(true)
}

fn describe(replayed: &Replayed) -> String {
    let Replayed { destination, events, dead_events, left, refusal } = replayed;
    let mut line =
        format!("{}/{}: {events} events sent", one_line(&destination.project), one_line(&destination.logstore));
    if *dead_events > 0 {
        line += &format!(", {dead_events} refused for good");
    }
    let reason = one_line(refusal.as_deref().unwrap_or("not sent in time"));
    match left {
        Some(0) => {}
        Some(left) => line += &format!(", {left} packages wait still: {reason}"),
        None => line += &format!(", what waits cannot be sent: {reason}"),
    }
    line + "\n"
}
