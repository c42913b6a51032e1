//! `loglift run`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::depot::depot;
use super::{Common, RunArguments, config_context, load_agent_config};
use crate::checkpoint::Store;
use crate::config::AgentConfig;
use crate::processor::quarantine::Quarantine;
use crate::runtime::agent::{Agent, Options};
use crate::runtime::data_dir;
use crate::runtime::file_limit;
use crate::runtime::quarantine::QuarantineDirectory;
use crate::runtime::reload::{FileReport, Means, Outcome, Report, Supervisor};
use crate::telemetry::alarm::Alarms;

/// Runs pipelines until SIGTERM or Ctrl-C. Returns whether all went well.
///
/// A pipeline that is wrong does not keep the others from running. Without a single one that is right, the agent waits
/// for one to come if there is a directory where that can be, and else ends.
pub(super) fn run(arguments: &RunArguments, common: &Common) -> anyhow::Result<bool> {
    let Some(agent_config) = load_agent_config(arguments.agent_config.as_deref()) else { return Ok(false) };
    let workshop = common.workshop(true, &agent_config)?;
    let signals = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _in_runtime = signals.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;

    let options = Options {
        workers: usize::from(arguments.workers),
        budget_bytes: budget_bytes(arguments.buffer, agent_config.mem_usage_limit_bytes),
        max_bytes_per_sec: agent_config.max_bytes_per_sec,
        checkpoint_interval: Duration::from_millis(arguments.checkpoint_interval),
    };
    file_limit::raise();
    let data_dir = common.open_data_dir()?;
    let depot = depot(&agent_config, &workshop.surroundings, data_dir.try_clone()?)?;
    let (store, recovered) = Store::open(data_dir)?;
    recovered.notes.iter().for_each(|note| warn!("checkpoints: {note}"));
    let alarms = Arc::new(Alarms::for_long_runs());
    let quarantine = quarantine(&data_dir::path(common.data_dir.as_deref()), &agent_config, &alarms);
    let agent = Agent::start((store, recovered), depot, options, quarantine, &alarms)?;
    let patience = Duration::from_secs(arguments.drain_timeout);
    let means = Means {
        workshop,
        context: config_context(&agent_config),
        flusher: arguments.flusher.clone(),
        sources: arguments.configs.clone(),
        interval: agent_config.config_scan_interval,
        patience,
        registry_interval: Duration::from_secs(arguments.registry_interval),
    };
    let (supervisor, report) = Supervisor::begin(agent, means);
    print_report(&report);
    let names = supervisor.running().join(", ");
    if names.is_empty() && !supervisor.can_wait() {
        anyhow::ensure!(report.is_ok(), "no pipeline can run");
        anyhow::bail!("there is no pipeline to run");
    }
    let pulse = supervisor.pulse();
    let data_dir = data_dir::path(common.data_dir.as_deref());
    let supervision = supervisor.watch(|agent, reloads| {
        if let Err(error) = agent.listen(&data_dir, reloads) {
            warn!(data_dir = %data_dir.display(), %error, "cannot listen, so that `loglift status` gets no answer");
        }
    })?;
    if names.is_empty() {
        info!("no pipeline can run yet, waiting for one that can");
    } else {
        info!(pipelines = names, "running");
    }

    let ended = signals.block_on(async {
        loop {
            tokio::select! {
                _ = terminate.recv() => return false,
                _ = interrupt.recv() => return false,
                _ = hang_up.recv() => supervision.reload(),
                () = tokio::time::sleep(END_CHECK_INTERVAL) => {}
            }
            if pulse.has_ended() || supervision.has_ended() {
                return true;
            }
        }
    });
    info!("stopping");
    let agent = supervision.end().context("a thread of the agent panicked")?;
    Ok(agent.stop(patience) && !ended)
}

/// Where events are kept at which processors fail, if they are.
fn quarantine(data_dir: &Path, agent: &AgentConfig, alarms: &Arc<Alarms>) -> Option<Arc<dyn Quarantine>> {
    if agent.quarantine_max_bytes == 0 {
        return None;
    }
    match QuarantineDirectory::open(data_dir, agent.quarantine_max_bytes, alarms) {
        Ok(directory) => Some(Arc::new(directory)),
        Err((path, error)) => {
            warn!(path = %path.display(), %error, "events at which processors fail are not kept");
            None
        }
    }
}

/// Prints what is wrong with the configs that an agent starts with.
fn print_report(report: &Report) {
    report.problems.iter().for_each(|problem| eprintln!("error: {problem}"));
    report.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    for FileReport { pipeline, outcome, problems, warnings, .. } in &report.files {
        if *outcome == Outcome::Disabled {
            info!(pipeline, "pipeline is disabled");
        }
        warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        problems.iter().for_each(|problem| eprintln!("error: {problem}"));
    }
}

/// Bytes that may be in flight: what the command line says, or else a part of what the agent as a whole may take.
fn budget_bytes(buffer_mib: Option<u32>, mem_usage_limit_bytes: Option<u64>) -> usize {
    let bytes = match (buffer_mib, mem_usage_limit_bytes) {
        (Some(mib), _) => u64::from(mib) << 20,
        (None, Some(limit)) => limit / BUDGET_PART,
        (None, None) => DEFAULT_BUDGET_BYTES,
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Enough for two cores at full speed.
const DEFAULT_BUDGET_BYTES: u64 = 16 << 20;

/// The part of the memory limit that events in flight may take. They are counted before processors add to them, and
/// components, compiled code and what is known of files take the rest.
const BUDGET_PART: u64 = 4;

/// How soon it is noticed that no pipeline runs any more.
const END_CHECK_INTERVAL: Duration = Duration::from_millis(500);
