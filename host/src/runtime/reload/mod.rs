//! Makes what runs what the configs say, while lines flow.
//!
//! Config files and components are watched: the system tells of changes, and polling finds what it does not tell
//! (`watch`). What was found is taken when two looks in a row agree on it (`settle`). Pipelines are compared one by one
//! (`plan`): one that is the same is not touched, one with other processors gets these between two batches, and one
//! that reads or delivers otherwise is stopped and started, its files going on where they were (`apply`). What is wrong
//! changes nothing.

mod apply;
mod plan;
mod report;
mod settle;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use serde_json::{Value, json};
use tracing::{info, warn};

pub use report::{FileReport, Outcome, Report};

use self::plan::Recipe;
use self::watch::Watch;
use super::Rank;
use super::agent::{Agent, Pulse};
use super::assemble::{FlusherOverride, Workshop};
use super::control::ReloadRequests;
use super::remote::Fetcher;
use crate::config::{Component, Context, Pipeline, Problem, Warning, parse_file};
use crate::input::walk::hints::Waker;
use crate::telemetry::alarm::Alarm;

/// What pipelines are made with.
pub struct Means {
    /// What assembles them.
    pub workshop: Workshop,
    /// What configs are read with.
    pub context: Context<'static>,
    /// Where all events go instead of to the configured flushers.
    pub flusher: Option<FlusherOverride>,
    /// Files and directories of configs.
    pub sources: Vec<PathBuf>,
    /// How often configs are looked at, whether or not the system told of a change.
    pub interval: Duration,
    /// How long a pipeline may take to deliver what it has read when it is stopped.
    pub patience: Duration,
    /// How often registries are asked what tags lead to.
    pub registry_interval: Duration,
}

/// Keeps an agent as the configs say.
pub struct Supervisor {
    agent: Agent,
    means: Means,
    watch: Watch,
    files: BTreeMap<Rank, ConfigFile>,
    /// What runs, by name.
    running: BTreeMap<String, Run>,
    /// What could not run, by name.
    failed: BTreeMap<String, Failure>,
    /// What was said of each config file last.
    told: Vec<FileReport>,
    /// It is the first look: an agent that has nothing else to do yet.
    is_begin: bool,
    /// Pulls components of registries, once a config has named one.
    fetcher: Option<Fetcher>,
}

/// A config file as it was taken.
struct ConfigFile {
    text: Result<String, Problem>,
    parsed: Result<(Pipeline, Vec<Warning>), Vec<Problem>>,
    /// The start of the digest of its text.
    hash: String,
    /// When it was taken, in Unix seconds.
    since: i64,
}

/// A pipeline that runs.
struct Run {
    rank: Rank,
    recipe: Recipe,
    hash: String,
    /// Since when, in Unix seconds.
    since: i64,
}

/// A pipeline that could not run.
struct Failure {
    /// As which. `None`: it is worth another try.
    recipe: Option<Recipe>,
    problems: Vec<String>,
    since: i64,
}

/// A supervisor at work.
pub struct Supervision {
    requests: ReloadRequests,
    waker: Waker,
    /// Dropped to end it.
    stop: Sender<Infallible>,
    thread: JoinHandle<Agent>,
}

impl Supervisor {
    /// Looks at the configs for the first time and starts what is right. The report says what is wrong.
    pub fn begin(agent: Agent, means: Means) -> (Self, Report) {
        let watch = Watch::new(means.sources.clone(), &means.workshop.remote);
        let (files, running, failed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (told, fetcher) = (Vec::new(), None);
        let mut supervisor = Self { agent, means, watch, files, running, failed, told, is_begin: true, fetcher };
        let (_never, interrupt) = bounded(0);
        let (report, _) = supervisor.look(true, &interrupt);
        supervisor.told.clone_from(&report.files);
        supervisor.is_begin = false;
        (supervisor, report)
    }

    /// The names of the pipelines that run.
    pub fn running(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    /// What tells how the agent is.
    pub fn pulse(&self) -> Pulse {
        self.agent.pulse()
    }

    /// Whether there may be something to run later: a directory of configs, or a component that is yet to come.
    pub fn can_wait(&self) -> bool {
        self.means.sources.iter().any(|source| source.is_dir()) || self.means.workshop.remote.is_waiting()
    }

    /// Keeps looking, on a thread of its own. Gives the agent, which is to answer on a socket, the way to ask for a
    /// look.
    ///
    /// # Errors
    /// If there can be no such thread.
    pub fn watch(mut self, listen: impl FnOnce(&mut Agent, ReloadRequests)) -> anyhow::Result<Supervision> {
        let (requests, requested) = unbounded();
        let (stop, stopped) = bounded(0);
        listen(&mut self.agent, requests.clone());
        let waker = self.watch.waker();
        let thread = thread::Builder::new().name("reload".to_owned()).spawn(move || self.run(&requested, &stopped))?;
        Ok(Supervision { requests, waker, stop, thread })
    }

    fn run(mut self, requests: &Receiver<Sender<Value>>, stop: &Receiver<Infallible>) -> Agent {
        let mut next_look = Instant::now() + self.means.interval;
        let mut is_unsettled = false;
        self.watch.listen();
        loop {
            let patience = next_look.saturating_duration_since(Instant::now()).min(LONGEST_WAIT);
            let is_hinted = self.watch.wait(patience) && !is_unsettled;
            if stop.try_recv() == Err(TryRecvError::Disconnected) {
                return self.agent;
            }
            let asked: Vec<Sender<Value>> = requests.try_iter().collect();
            let has_news = self.means.workshop.remote.take_news();
            if asked.is_empty() && !is_hinted && !has_news && Instant::now() < next_look {
                continue;
            }
            let (report, has_more) = self.look(!asked.is_empty(), stop);
            self.tell(&report);
            let answer = serde_json::to_value(&report).unwrap_or_else(|error| json!({ "error": error.to_string() }));
            // Who is gone does not want to know.
            asked.iter().for_each(|asked| drop(asked.send(answer.clone())));
            self.watch.listen();
            is_unsettled = has_more;
            next_look = Instant::now() + if has_more { SETTLE_TIME } else { self.means.interval };
        }
    }

    /// Looks at configs and components, and does what is to be done. Returns whether to look again soon.
    fn look(&mut self, at_once: bool, interrupt: &Receiver<Infallible>) -> (Report, bool) {
        let configs = self.watch.look_at_configs(at_once);
        self.read_files();
        let named: BTreeSet<Component> = self.files.iter().flat_map(|(rank, file)| file.components(rank)).collect();
        self.ask_registries(&named, at_once, interrupt);
        let components = self.watch.look_at_components(&named, at_once);
        (self.apply(interrupt), configs.has_more || components.has_more)
    }

    /// Has components pulled that are in registries. New ones are waited for, as all are that are to be looked at `at_once`,
    /// but not for long: what comes later is news.
    fn ask_registries(&mut self, named: &BTreeSet<Component>, at_once: bool, interrupt: &Receiver<Infallible>) {
        let references = named.iter().filter_map(|component| match component {
            Component::Registry(reference) => Some(reference.clone()),
            Component::BuiltIn(_) | Component::File(_) => None,
        });
        let references: BTreeSet<_> = references.collect();
        let remote = &self.means.workshop.remote;
        if !references.is_empty() && self.fetcher.is_none() {
            match Fetcher::start(remote, self.means.registry_interval, self.agent.alarms()) {
                Ok(fetcher) => self.fetcher = Some(fetcher),
                Err(error) => warn!("components of registries are pulled when they are needed: {error:#}"),
            }
        }
        if self.fetcher.is_some() {
            remote.want(references, at_once);
            remote.wait(REGISTRY_PATIENCE, interrupt);
        }
    }

    /// Reads the config files that are not as they were.
    fn read_files(&mut self) {
        let found = self.watch.configs();
        self.files.retain(|rank, _| found.contains_key(rank));
        for (rank, text) in found {
            if self.files.get(rank).is_none_or(|known| known.text != *text) {
                self.files.insert(rank.clone(), ConfigFile::read(rank, text, &self.means.context));
            }
        }
    }

    /// Says what a look led to, but for what is wrong, of which an alarm was raised.
    fn tell(&mut self, report: &Report) {
        for found in &report.files {
            let FileReport { file, pipeline, outcome, warnings, .. } = found;
            let is_news = match outcome {
                Outcome::Unchanged | Outcome::Broken => false,
                Outcome::Started | Outcome::Replaced | Outcome::Restarted | Outcome::Stopped => true,
                Outcome::Disabled | Outcome::Shadowed => !self.told.contains(found),
            };
            if is_news {
                warnings.iter().for_each(|warning| warn!(pipeline, "{warning}"));
                info!(pipeline, file, "config taken: {}", outcome.describe());
            }
        }
        self.told.clone_from(&report.files);
    }

    /// Raises the alarm that a config cannot run.
    fn raise(&self, pipeline: &str, file: &Rank, problems: &[String]) {
        let runs = self.running.contains_key(pipeline);
        let what = if runs { "what ran before goes on" } else { "the pipeline does not run" };
        self.agent.alarms().raise(&Alarm {
            kind: "USER_CONFIG_ALARM".to_owned(),
            pipeline: pipeline.to_owned(),
            part: String::new(),
            place: Some((file.1.clone(), None)),
            message: format!("{}; {what}", problems.join("; ")),
            occurrences: 1,
        });
    }
}

impl ConfigFile {
    fn read((_, path): &Rank, text: &Result<String, Problem>, context: &Context<'_>) -> Self {
        let parsed = parse_file(path, text, context);
        let hash = text.as_ref().map(|text| apply::short_digest(text.as_bytes())).unwrap_or_default();
        Self { text: text.clone(), parsed, hash, since: super::machine::unix_seconds() }
    }

    /// The components that can change, files by their paths.
    fn components(&self, (_, path): &Rank) -> Vec<Component> {
        let processors = self.parsed.iter().flat_map(|(pipeline, _)| &pipeline.processors);
        let components = processors.filter_map(|processor| match &processor.component {
            Component::File(file) => Some(Component::File(super::assemble::component_path(file, path))),
            Component::Registry(reference) => Some(Component::Registry(reference.clone())),
            Component::BuiltIn(_) => None,
        });
        components.collect()
    }
}

impl Supervision {
    /// Has configs looked at now.
    pub fn reload(&self) {
        // Nobody waits for the answer, which is in the log as well.
        let _ = self.requests.send(bounded(1).0);
        self.waker.wake();
    }

    /// Looks at configs no more, and hands back the agent. `None` if the supervisor panicked.
    pub fn end(self) -> Option<Agent> {
        drop(self.stop);
        self.waker.wake();
        self.thread.join().ok()
    }

    /// Whether it is over, which it is not unless it panicked.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

/// How soon after a look the next one is, which has to find the same.
const SETTLE_TIME: Duration = Duration::from_millis(100);

/// How long a look waits for registries. Everything else waits as long.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(5);

/// A request for a look is noticed after this at the latest.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
