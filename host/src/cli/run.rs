//! `loglift run`.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::depot::depot;
use super::{Common, RunArguments, load_agent_config, load_configs, print_problems};
use crate::checkpoint::Store;
use crate::runtime::agent::{Agent, Options};
use crate::runtime::data_dir;
use crate::runtime::file_limit;
use crate::telemetry::alarm::Alarms;

/// Runs pipelines until SIGTERM or Ctrl-C. Returns whether all went well.
///
/// A pipeline that is wrong does not keep the others from running; without a single one that is right, nothing runs.
pub(super) fn run(arguments: &RunArguments, common: &Common) -> anyhow::Result<bool> {
    let Some(agent_config) = load_agent_config(arguments.agent_config.as_deref()) else { return Ok(false) };
    let workshop = common.workshop(true, &agent_config)?;
    let (loaded, mut is_ok) = load_configs(&arguments.configs, &agent_config);
    let mut assemblies = Vec::new();
    for file in loaded.into_iter().flat_map(|loaded| loaded.files) {
        let name = file.path.display().to_string();
        let mut warnings = Vec::new();
        let assembled = file.result.and_then(|(pipeline, found)| {
            warnings = found;
            if !pipeline.enable {
                info!(pipeline = pipeline.name, "pipeline is disabled");
                return Ok(None);
            }
            workshop.assemble(&pipeline, &name, arguments.flusher.as_ref(), &mut warnings).map(Some)
        });
        warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        match assembled {
            Ok(assembly) => assemblies.extend(assembly),
            Err(problems) => {
                print_problems(&problems);
                is_ok = false;
            }
        }
    }
    if assemblies.is_empty() {
        anyhow::ensure!(is_ok, "no pipeline can run");
        anyhow::bail!("there is no pipeline to run");
    }

    let signals = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _in_runtime = signals.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let names: Vec<_> = assemblies.iter().map(|assembly| assembly.name.clone()).collect();
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
    let mut agent = Agent::start(assemblies, (store, recovered), depot, options, &Arc::new(Alarms::for_long_runs()))?;
    let data_dir = data_dir::path(common.data_dir.as_deref());
    if let Err(error) = agent.listen(&data_dir) {
        warn!(data_dir = %data_dir.display(), %error, "cannot listen, so that `loglift status` gets no answer");
    }
    info!(pipelines = names.join(", "), "running");

    let ended = signals.block_on(async {
        loop {
            tokio::select! {
                _ = terminate.recv() => return false,
                _ = interrupt.recv() => return false,
                () = tokio::time::sleep(END_CHECK_INTERVAL) => {}
            }
            if agent.has_ended() {
                return true;
            }
        }
    });
    info!("stopping");
    Ok(!ended & agent.stop(Duration::from_secs(arguments.drain_timeout)))
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
