//! A processor as a pipeline uses it: one version of it, set up once and shared by all workers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::bindings::loglift::processor::types::{self, Issue};
use super::breaker::{Gate, Outage};
use super::caller::Maker;
use super::component::Component;
use super::fault::{Fault, FaultKind};
use super::guest::Equipment;
use super::guest_log::GuestLog;
use super::instance::{Instance, SetupError};
use super::loudness::Loudness;
use super::memory::Identity;
use super::outside::{Outside, Source};
use super::tap::Tap;
use super::trust::digest;
use super::wants;
use super::zones::Zones;
use super::{Context, Description, Limits};
use crate::config::{BreakerSpec, Capabilities, OnError, SwapSpec};
use crate::telemetry::counter::ProcessorCounters;
use crate::telemetry::one_line;

/// One version of a processor of a pipeline.
#[derive(Debug)]
pub struct Stage {
    /// How logs name it: `processors[1] (processor_strptime)`.
    pub name: String,
    component: Component,
    config: String,
    context: Context,
    policy: Policy,
    /// What it was told of time zones.
    zones: Zones,
    /// Where its batches can be listened to.
    tap: Tap,
    log: Arc<GuestLog>,
    /// Instances that nobody has taken yet.
    ready: Mutex<Vec<(Instance, types::Setup)>>,
    /// What it does, counted.
    pub counters: ProcessorCounters,
    /// What is questionable about its configuration.
    pub warnings: Vec<Issue>,
    /// Facts about its configuration.
    pub notes: Vec<String>,
    pub(super) gate: Gate,
    loudness: Mutex<Loudness>,
    /// Why batches wait for it, once for each worker that does.
    waits: Mutex<Vec<String>>,
    /// How many of these do so until it is replaced.
    halts: AtomicUsize,
}

/// What a processor may use, and what becomes of its events when it fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// What an instance may use.
    pub limits: Limits,
    /// What it may touch outside of its sandbox.
    pub capabilities: Capabilities,
    /// What becomes of an event that it fails on.
    pub on_error: OnError,
    /// When it is given no more events for a while.
    pub breaker: BreakerSpec,
    /// How it takes the place of another version.
    pub swap: SwapSpec,
}

/// Why a processor cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its configuration is wrong, in these parameters.
    #[error("the configuration is wrong")]
    Config(Vec<Issue>),
    /// It failed while it was being set up.
    #[error("cannot be set up: {0}")]
    Fault(String),
}

impl Stage {
    /// Configures a component once, to find mistakes before any worker starts.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn new(
        name: String,
        component: Component,
        config: String,
        context: Context,
        policy: Policy,
    ) -> Result<Self, StageError> {
        let mut stage = Self::untried(name, component, config, context, policy, Zones::default());
        let (instance, setup) = stage.instantiate().map_err(|error| match error {
            SetupError::Config(issues) => StageError::Config(issues),
            SetupError::Fault(message) => StageError::Fault(message),
        })?;
        stage.warnings.clone_from(&setup.warnings);
        stage.notes = setup.notes.iter().map(|note| one_line(note)).collect();
        stage.put_by(instance, setup);
        Ok(stage)
    }

    /// A component with a configuration that nobody has tried yet, and what it is told of zones.
    pub(super) fn untried(
        name: String,
        component: Component,
        config: String,
        context: Context,
        policy: Policy,
        zones: Zones,
    ) -> Self {
        Self {
            gate: Gate::new(policy.breaker.clone()),
            log: Arc::new(GuestLog::new(&name, policy.limits.log_lines_per_second)),
            name,
            component,
            config,
            context,
            policy,
            zones,
            tap: Tap::default(),
            ready: Mutex::default(),
            counters: ProcessorCounters::default(),
            warnings: Vec::new(),
            notes: Vec::new(),
            loudness: Mutex::default(),
            waits: Mutex::default(),
            halts: AtomicUsize::new(0),
        }
    }

    /// The same once more, under a name, with everything of its own: counters, breaker and instances.
    pub(super) fn twin(&self, name: &str) -> Self {
        let (component, config, context) = (self.component.clone(), self.config.clone(), self.context.clone());
        Self::untried(name.to_owned(), component, config, context, self.policy.clone(), self.zones.clone())
    }

    /// Whether it remembers something from batch to batch.
    pub fn remembers(&self) -> bool {
        self.component.remembers()
    }

    /// What the component says of itself.
    pub fn description(&self) -> &Description {
        &self.component.description
    }

    /// Whether this is what [`Self::new`] would make of these, of a component with this digest.
    pub fn is_of(&self, name: &str, digest: &str, config: &str, context: &Context, policy: &Policy) -> bool {
        let known = (self.name.as_str(), self.component.digest.as_str(), self.config.as_str());
        known == (name, digest, config) && self.context == *context && self.policy == *policy
    }

    /// Whether it is the same component with the same config, whatever it is called.
    pub(super) fn is_set_up_as(&self, other: &Self) -> bool {
        self.component.digest == other.component.digest && self.config == other.config
    }

    /// What it is known again by if it remembers something.
    pub(super) fn identity(&self) -> Identity {
        let digest = digest(self.config.as_bytes());
        let config = digest.trim_start_matches("sha256:").chars().take(IDENTITY_DIGITS).collect();
        Identity { name: self.name.clone(), component: self.description().name.clone(), config }
    }

    /// Makes instances until as many wait as workers will want one, so that none of these has to make its own.
    ///
    /// # Errors
    /// Why there can be no more.
    pub fn prepare(&self, workers: usize) -> Result<(), String> {
        while self.waiting().len() < workers {
            let (instance, setup) = self.make().map_err(|error| error.to_string())?;
            self.put_by(instance, setup);
        }
        Ok(())
    }

    /// What it may use, and what becomes of its events when it fails.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is wrong with it now, for a person: batches wait for it, or it is given none for a while.
    pub fn trouble(&self) -> Option<String> {
        let waits = self.waits().last().map(|why| format!("halted: {why}"));
        waits.or_else(|| self.gate.outage().map(|outage| format!("out of service until {}", until(outage))))
    }

    /// How many alarms of an answer with so many may be raised now.
    pub(super) fn admit_alarms(&self, wanted: usize) -> usize {
        let mut loudness = self.loudness.lock().unwrap_or_else(PoisonError::into_inner);
        loudness.take(wanted, self.policy.limits.alarms_per_second as usize, Instant::now())
    }

    /// Says that a batch waits for it, maybe until it is replaced, as long as what is returned is there.
    pub(super) fn wait(self: &Arc<Self>, why: String, is_halted: bool) -> Wait {
        self.waits().push(why);
        let halts = usize::from(is_halted);
        self.halts.fetch_add(halts, Ordering::Relaxed);
        Wait { stage: Arc::clone(self), halts }
    }

    /// Whether a batch waits until it is replaced.
    pub(super) fn is_halted(&self) -> bool {
        self.halts.load(Ordering::Relaxed) > 0
    }

    fn waits(&self) -> MutexGuard<'_, Vec<String>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines it has wanted to log.
    pub(super) fn log_lines(&self) -> u64 {
        self.log.lines()
    }

    /// Its component.
    pub(super) fn component(&self) -> &Component {
        &self.component
    }

    /// What it is configured with.
    pub(super) fn config(&self) -> &str {
        &self.config
    }

    /// What it is told of the machine and the pipeline.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// What it was told of time zones.
    pub(super) fn zones(&self) -> &Zones {
        &self.zones
    }

    /// Where its batches can be listened to.
    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// The SHA-256 of its component.
    pub fn digest(&self) -> &str {
        &self.component.digest
    }

    /// What its component wants from outside and what it gets of that, in lines for a person.
    pub fn grants(&self) -> Vec<String> {
        wants::lines(&self.component.wants(), &self.policy.capabilities)
    }

    /// An instance of its own for a worker.
    pub(super) fn instantiate(&self) -> Result<(Instance, types::Setup), SetupError> {
        self.ready().map_or_else(|| self.make(), Ok)
    }

    /// One of the instances that were prepared.
    fn ready(&self) -> Option<(Instance, types::Setup)> {
        self.waiting().pop()
    }

    fn put_by(&self, instance: Instance, setup: types::Setup) {
        self.waiting().push((instance, setup));
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Instance, types::Setup)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self) -> Result<(Instance, types::Setup), SetupError> {
        let Policy { limits, capabilities, .. } = &self.policy;
        let outside = Outside::new(capabilities, Source::Real);
        let equipment = Equipment { limits: *limits, capabilities, log: &self.log, zones: &self.zones, outside };
        Instance::new(&self.component, &self.config, &self.context, equipment)
    }
}

impl Maker for Arc<Stage> {
    type Instance = Instance;

    fn fresh(&self) -> Result<(Instance, Option<Vec<String>>), Fault> {
        let (instance, setup) = self.instantiate().map_err(|error| match error {
            SetupError::Config(_) => Fault::new(FaultKind::Setup, "refuses its configuration"),
            SetupError::Fault(message) => Fault::new(FaultKind::Setup, format!("cannot be set up: {message}")),
        })?;
        Ok((instance, setup.reads))
    }

    fn limits(&self) -> Limits {
        self.policy.limits
    }

    fn counters(&self) -> &ProcessorCounters {
        &self.counters
    }

    fn remembers(&self) -> Option<&str> {
        self.component.remembers().then_some(self.component.description.version.as_str())
    }
}

/// A batch that waits for a processor.
#[derive(Debug)]
pub(super) struct Wait {
    stage: Arc<Stage>,
    halts: usize,
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.stage.waits().pop();
        self.stage.halts.fetch_sub(self.halts, Ordering::Relaxed);
    }
}

/// When an outage ends, by the clock on the wall.
pub(super) fn until(outage: Outage) -> String {
    let left = outage.until.saturating_duration_since(Instant::now());
    httpdate::fmt_http_date(SystemTime::now() + left)
}

/// Digits of a digest that tell one config from another.
const IDENTITY_DIGITS: usize = 24;
