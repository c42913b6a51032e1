//! Arguments, subcommands and exit codes.

mod agent;
mod bench;
mod capture;
mod checkpoint;
mod component;
mod conformance;
mod depot;
mod explain;
mod given;
mod inspect;
mod new;
mod passage;
mod process;
mod processor;
mod push;
mod quarantine;
mod reload;
mod replay;
mod run;
mod spool;
mod status;
mod table;
mod test;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use clap::{Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use crate::config::{self, AgentConfig, Loaded};
use crate::processor::engine::Engine;
use crate::processor::{Context, machine_zone};
use crate::registry::{Access, Credentials};
use crate::runtime::assemble::{FlusherOverride, Workshop};
use crate::runtime::machine::Surroundings;
use crate::runtime::remote::Remote;
use crate::runtime::{cache_dir, data_dir, open_cache};
use crate::telemetry;

/// A log agent whose processors are sandboxed WebAssembly components, loaded from the pipeline config.
///
/// Configs are LoongCollector/Logtail pipeline configs, in YAML or JSON, also inside a ClusterAliyunPipelineConfig
/// resource.
#[derive(Debug, Parser)]
#[command(name = "loglift", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// How much to log to standard error: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,

    /// Where compiled components are kept [default: ~/.cache/loglift]
    #[arg(long, global = true, value_name = "DIR", env = "LOGLIFT_CACHE_DIR")]
    cache_dir: Option<PathBuf>,

    /// Where checkpoints are kept [default: ~/.local/state/loglift, for root /var/lib/loglift]
    #[arg(long, global = true, value_name = "DIR", env = "LOGLIFT_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// A registry that is spoken to without TLS, as those on this machine are; may be given several times
    #[arg(
        long,
        global = true,
        value_name = "HOST[:PORT]",
        env = "LOGLIFT_PLAIN_HTTP_REGISTRIES",
        value_delimiter = ','
    )]
    plain_http_registry: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run pipelines in the foreground until SIGTERM or Ctrl-C
    Run(RunArguments),
    /// Run the processors of a pipeline on a file or standard input, and print the events
    Process(ProcessArguments),
    /// Run golden cases: lines through the processors of a pipeline, and whether the expected events come out
    Test(test::TestArguments),
    /// Examine whether a processor keeps the contract, with batches and configs that were made to be difficult
    Conformance(conformance::ConformanceArguments),
    /// Measure a processor on the lines of a file, beside one that changes nothing
    Bench(bench::BenchArguments),
    /// Begin a processor of your own, in one of several languages
    New(new::NewArguments),
    /// Say what pipelines are, and everything that is wrong with them
    Validate(ValidateArguments),
    /// Say what a component is, what it could touch and what its parameters are
    Inspect(InspectArguments),
    /// Push a component to a registry, from which pipelines can name it
    Push(push::PushArguments),
    /// Pull a component from a registry into a file
    Pull(push::PullArguments),
    /// Say how a running agent and its files are doing
    Status(status::StatusArguments),
    /// Have a running agent look at its configs and components now, and say what changed or is wrong
    Reload(reload::ReloadArguments),
    /// See and change how far files were delivered
    #[command(subcommand)]
    Checkpoint(checkpoint::Checkpoint),
    /// See the versions of processors, and change which ones run
    #[command(subcommand)]
    Processor(processor::Processor),
    /// See what waits on disk for its destination, and take it out
    #[command(subcommand)]
    Spool(spool::Spool),
    /// See the events at which processors failed, and remove them
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Have a running agent record batches of a processor to a file
    Capture(capture::CaptureArguments),
    /// Run a recording again: an event from the quarantine, or captured batches
    Replay(replay::ReplayArguments),
    /// Make a component of a core module, as compilers for Rust, C and Go make them
    Component(component::ComponentArguments),
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    /// A pipeline config, or a directory of them; may be given several times
    #[arg(short, long = "config", value_name = "FILE_OR_DIR", required = true, num_args = 1..)]
    configs: Vec<PathBuf>,

    /// Settings of the agent as a whole, a JSON file as LoongCollector has it
    #[arg(long, value_name = "FILE", env = "LOONG_CONFIG")]
    agent_config: Option<PathBuf>,

    /// Send all events here instead of to the configured flushers: stdout, blackhole or file:PATH
    #[arg(long, value_name = "FLUSHER", value_parser = parse_flusher)]
    flusher: Option<FlusherOverride>,

    /// Threads per pipeline that read and process
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,

    /// MiB of events that may be in flight in all pipelines together; beyond that, reading waits [default: 16, or a
    /// quarter of the agent config's mem_usage_limit]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=65536))]
    buffer: Option<u32>,

    /// Milliseconds after which an acknowledgement is in a checkpoint on disk at the latest
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    checkpoint_interval: u64,

    /// Seconds after which registries are asked again what the tags of components lead to
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    registry_interval: u64,

    /// Seconds to deliver what is in flight when stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_timeout: u64,
}

#[derive(Debug, clap::Args)]
struct ProcessArguments {
    /// A pipeline config
    #[arg(short, long, value_name = "PIPELINE")]
    config: PathBuf,

    /// The lines to process; standard input if it is `-` or missing
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// Print tags too, as `__tag__:NAME`
    #[arg(long)]
    tags: bool,

    /// Let processors discard events older than 12 hours, as `run` does
    #[arg(long)]
    discard_old: bool,

    /// Have the lines be read at this Unix time [default: now]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    read_at: Option<i64>,
}

#[derive(Debug, clap::Args)]
struct ValidateArguments {
    /// A pipeline config, or a directory of them; may be given several times
    #[arg(short, long = "config", value_name = "FILE_OR_DIR", required = true, num_args = 1..)]
    configs: Vec<PathBuf>,

    /// Say which files of this machine are collected, and of each PATH why it is or is not
    #[arg(long, value_name = "PATH", num_args = 0..)]
    explain: Option<Vec<PathBuf>>,
}

#[derive(Debug, clap::Args)]
struct InspectArguments {
    /// The file of a component, or the type of a built-in processor
    #[arg(value_name = "COMPONENT|TYPE")]
    component: String,

    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command line and returns the exit code: 0 ok, 1 failure, 2 usage.
pub fn main() -> ExitCode {
    let Arguments { command, common } = Arguments::parse();
    telemetry::log_to_stderr(common.log_level);
    let result = match &command {
        Command::Run(arguments) => run::run(arguments, &common),
        Command::Process(arguments) => process::process(arguments, &common),
        Command::Test(arguments) => test::test(arguments, &common),
        Command::Conformance(arguments) => conformance::conformance(arguments, &common),
        Command::Bench(arguments) => bench::bench(arguments, &common),
        Command::New(arguments) => new::new(arguments),
        Command::Validate(arguments) => validate::validate(arguments, &common),
        Command::Inspect(arguments) => inspect::inspect(arguments, &common),
        Command::Push(arguments) => push::push(arguments, &common),
        Command::Pull(arguments) => push::pull(arguments, &common),
        Command::Status(arguments) => status::status(arguments, &common),
        Command::Reload(arguments) => reload::reload(arguments, &common),
        Command::Checkpoint(command) => checkpoint::checkpoint(command, &common),
        Command::Spool(command) => spool::spool(command, &common),
        Command::Processor(command) => processor::processor(command, &common),
        Command::Quarantine(command) => quarantine::quarantine(command, &common),
        Command::Capture(arguments) => capture::capture(arguments, &common),
        Command::Replay(arguments) => replay::replay(arguments, &common),
        Command::Component(arguments) => component::component(arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Common {
    /// What pipelines are assembled with. With `discard_old`, processors may discard events that are too old.
    fn workshop(&self, discard_old: bool, agent: &AgentConfig) -> anyhow::Result<Workshop> {
        let cache = self.open_cache();
        if let Err(why) = &cache {
            tracing::warn!("compiled components are not kept: {why}");
        }
        let remote = Arc::new(self.remote(
            cache.as_ref().map_err(Clone::clone).and_then(|cache| cache.try_clone().map_err(|error| error.to_string())),
        ));
        let engine = Arc::new(Engine::new(cache.ok())?);
        Ok(self.workshop_with((engine, remote), discard_old, agent, &environment))
    }

    /// As [`Self::workshop`], with an engine and registries that are there already, and in an environment of the caller's
    /// choice.
    fn workshop_with(
        &self,
        (engine, remote): (Arc<Engine>, Arc<Remote>),
        discard_old: bool,
        agent: &AgentConfig,
        env: &config::Lookup<'_>,
    ) -> Workshop {
        let context = Context {
            machine_zone: machine_zone(env("TZ").as_deref()),
            discard_older_than: (discard_old && agent.discard_old_data).then_some(DISCARD_OLDER_THAN.as_secs() as u32),
            extra: Vec::new(),
        };
        let surroundings = Surroundings::look(agent, env);
        let working_directory = std::env::current_dir().unwrap_or_default();
        let shipping = agent.shipping.clone();
        let own_directories =
            vec![data_dir::path(self.data_dir.as_deref()), cache_dir::path(self.cache_dir.as_deref())];
        Workshop { engine, context, working_directory, own_directories, surroundings, shipping, remote }
    }

    /// Opens the cache, or says why that is not possible.
    fn open_cache(&self) -> Result<Dir, String> {
        open_cache(self.cache_dir.as_deref()).map_err(|(path, error)| format!("cannot use {}: {error}", path.display()))
    }

    /// Components in registries, kept in the cache.
    fn remote(&self, cache: Result<Dir, String>) -> Remote {
        Remote::new(cache, self.access())
    }

    /// How registries are spoken to.
    fn access(&self) -> Access {
        Access { credentials: Credentials::usual(&environment), plain_http: self.plain_http_registry.clone() }
    }

    /// Opens the data directory, and makes it if it is missing.
    fn open_data_dir(&self) -> anyhow::Result<Dir> {
        let opened = data_dir::open(self.data_dir.as_deref());
        opened.map_err(|(path, error)| anyhow::anyhow!("cannot use the data directory {}: {error}", path.display()))
    }
}

/// Loads the configs that paths lead to, and prints what is wrong with the paths themselves.
fn load_configs(paths: &[PathBuf], agent: &AgentConfig) -> (Vec<Loaded>, bool) {
    let mut all = Vec::new();
    let mut is_ok = true;
    for path in paths {
        match config::load(path, &config_context(agent)) {
            Ok(loaded) => {
                loaded.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
                all.push(loaded);
            }
            Err(problem) => {
                eprintln!("error: {problem}");
                is_ok = false;
            }
        }
    }
    (all, is_ok)
}

/// Loads the config of the agent from a file, if there is one, and the environment, and prints its warnings. `None` if it is wrong.
fn load_agent_config(path: Option<&Path>) -> Option<AgentConfig> {
    match config::load_agent_config(path, &environment) {
        Ok((agent, warnings)) => {
            warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            Some(agent)
        }
        Err(problems) => {
            print_problems(&problems);
            None
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn config_context(agent: &AgentConfig) -> config::Context<'static> {
    config_context_with(agent, &environment)
}

fn config_context_with<'a>(agent: &AgentConfig, env: &'a config::Lookup<'a>) -> config::Context<'a> {
    config::Context {
        env,
        builtin_types: loglift_builtin_processors::TYPES,
        default_tail_limit_kib: agent.default_tail_limit_kib,
    }
}

fn print_problems(problems: &[config::Problem]) {
    problems.iter().for_each(|problem| eprintln!("error: {problem}"));
}

fn parse_flusher(text: &str) -> Result<FlusherOverride, String> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("stdout", "") => Ok(FlusherOverride::Stdout),
        ("blackhole", "") => Ok(FlusherOverride::Blackhole),
        ("file", path) if !path.is_empty() => Ok(FlusherOverride::File(path.to_owned())),
        _ => Err("expected stdout, blackhole or file:PATH".to_owned()),
    }
}

/// LoongCollector's `ilogtail_discard_interval`.
const DISCARD_OLDER_THAN: Duration = Duration::from_secs(12 * 60 * 60);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flushers_by_name() {
        assert_eq!(parse_flusher("stdout"), Ok(FlusherOverride::Stdout));
        assert_eq!(parse_flusher("blackhole"), Ok(FlusherOverride::Blackhole));
        assert_eq!(parse_flusher("file:/tmp/a:b"), Ok(FlusherOverride::File("/tmp/a:b".to_owned())));
        assert!(parse_flusher("file:").is_err());
        assert!(parse_flusher("sls").is_err());
    }
}
