//! One component, instantiated and configured for one worker.

use std::time::Duration;

use tracing::{debug, error, info, warn};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{ResourceLimiter, Store, Trap};

use super::bindings::loglift::processor::host::{Host, Level};
use super::bindings::loglift::processor::types::{self, Answer, Batch, Issue, Setup};
use super::bindings::{Processor, ProcessorPre};
use super::bisect::Patience;
use super::caller::Process;
use super::clock::{Call, TimeLimit};
use super::component::Component;
use super::engine::Engine;
use super::fault::{Fault, FaultKind};
use super::zones::Zones;
use crate::telemetry::one_line;

/// What a processor may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one instance.
    pub memory_bytes: usize,
    /// Time of one call.
    pub time: Duration,
}

/// What the host tells every processor.
#[derive(Debug, Clone)]
pub struct Context {
    /// The zone of the machine, a name that the zones of `machine_zone` know.
    pub machine_zone: String,
    /// Events older than so many seconds may be discarded by processors that know such a rule.
    pub discard_older_than: Option<u32>,
    /// Further facts by their names.
    pub extra: Vec<(String, String)>,
}

/// A component, instantiated and configured.
pub(super) struct Instance {
    store: Store<Guest>,
    processor: Processor,
    time_limit: TimeLimit,
    /// That of calls whose answer is only looked at.
    short_limit: TimeLimit,
    /// With so much memory, which never shrinks, a fresh instance is better: halfway from what it began with to its limit.
    worn_at_bytes: usize,
}

/// Why an instance cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// The configuration is wrong.
    #[error("the configuration has {} mistakes", .0.len())]
    Config(Vec<Issue>),
    /// It failed.
    #[error("{0}")]
    Fault(String),
}

/// What the host keeps for an instance.
pub(super) struct Guest {
    /// How logs name it.
    name: String,
    limits: Limits,
    /// What it has tried to take beyond its limit, if it did.
    refused_bytes: Option<usize>,
    memory_bytes: usize,
    /// Zones may be asked for.
    is_configuring: bool,
    zones: Zones,
    log_lines_left: u32,
}

impl Default for Limits {
    /// 64 MiB, and a second: a batch usually takes a millisecond, and a machine that is out of breath should not make a
    /// healthy processor look sick.
    fn default() -> Self {
        Self { memory_bytes: 64 << 20, time: Duration::from_secs(1) }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self { machine_zone: "UTC".to_owned(), discard_older_than: None, extra: Vec::new() }
    }
}

impl Guest {
    pub(super) fn new(name: &str, limits: Limits) -> Self {
        Self {
            name: name.to_owned(),
            limits,
            refused_bytes: None,
            memory_bytes: 0,
            is_configuring: true,
            zones: Zones::default(),
            log_lines_left: LOG_LINES_PER_CALL,
        }
    }

    /// Instantiates a component. What is done with it first counts as part of the same call, until that is dropped.
    pub(super) fn instantiate(
        self,
        engine: &Engine,
        pre: &ProcessorPre<Self>,
    ) -> wasmtime::Result<(Store<Self>, Processor, Call)> {
        let mut store = Store::new(engine.wasmtime(), self);
        store.limiter(|guest| guest);
        let call = engine.time_limit(SETUP_TIME).begin(&mut store);
        let processor = pre.instantiate(&mut store)?;
        Ok((store, processor, call))
    }
}

impl Instance {
    /// Instantiates and configures a component. `name` is how logs name it.
    pub(super) fn new(
        component: &Component,
        name: &str,
        config: &str,
        context: &Context,
        zones: &Zones,
        limits: Limits,
    ) -> Result<(Self, Setup), SetupError> {
        let engine = component.engine();
        let fault = |error: &wasmtime::Error, guest: Option<&Guest>| {
            SetupError::Fault(describe(error, Limits { time: SETUP_TIME, ..limits }, guest))
        };
        let guest = Guest { zones: zones.clone(), ..Guest::new(name, limits) };
        let (mut store, processor, _call) =
            guest.instantiate(engine, component.pre()).map_err(|error| fault(&error, None))?;
        let extra: Vec<(&str, &str)> =
            context.extra.iter().map(|(name, fact)| (name.as_str(), fact.as_str())).collect();
        let facts = types::Context {
            machine_zone: &context.machine_zone,
            discard_older_than: context.discard_older_than,
            extra: &extra,
        };
        let setup = processor
            .loglift_processor_columnar()
            .call_configure(&mut store, config, facts)
            .map_err(|error| fault(&error, Some(store.data())))?
            .map_err(SetupError::Config)?;
        store.data_mut().is_configuring = false;
        let memory_bytes = store.data().memory_bytes;
        let worn_at_bytes = memory_bytes + (limits.memory_bytes - memory_bytes) / 2;
        let [time_limit, short_limit] =
            [limits.time, limits.time / SHORT_TIME_DIVISOR].map(|time| engine.time_limit(time));
        Ok((Self { store, processor, time_limit, short_limit, worn_at_bytes }, setup))
    }
}

impl Process for Instance {
    fn process(&mut self, batch: Batch<'_>, patience: Patience) -> Result<Answer, Fault> {
        let limit = if patience == Patience::Full { &self.time_limit } else { &self.short_limit };
        let _call = limit.begin(&mut self.store);
        self.store.data_mut().log_lines_left = LOG_LINES_PER_CALL;
        self.store.data_mut().refused_bytes = None;
        let answer = self.processor.loglift_processor_columnar().call_process(&mut self.store, batch);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refused)) => {
                Err(Fault::new(FaultKind::Refused, format!("refused the batch: {}", one_line(&refused))))
            }
            Err(error) => {
                let guest = self.store.data();
                let message = describe(&error, guest.limits, Some(guest));
                Err(Fault::of_call(&error, guest.refused_bytes.is_some(), message))
            }
        }
    }

    fn is_worn(&self) -> bool {
        self.store.data().memory_bytes > self.worn_at_bytes
    }

    fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }
}

/// A linker with what every processor may import.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    Processor::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

/// Says in one line why a call failed.
fn describe(error: &wasmtime::Error, limits: Limits, guest: Option<&Guest>) -> String {
    if let Some(refused) = guest.and_then(|guest| guest.refused_bytes) {
        return format!("asked for {refused} bytes of memory; its limit is {}", limits.memory_bytes);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => format!("ran for longer than its limit of {:?}", limits.time),
        Some(Trap::UnreachableCodeReached) => "trapped: it panicked or aborted".to_owned(),
        Some(trap) => format!("trapped: {trap}"),
        None => format!("failed: {}", error.root_cause()),
    }
}

impl Host for Guest {
    fn log(&mut self, level: Level, message: String) {
        let Some(left) = self.log_lines_left.checked_sub(1) else { return };
        self.log_lines_left = left;
        let message = one_line(&message);
        match level {
            Level::Debug => debug!(processor = self.name, message, "processor log"),
            Level::Info => info!(processor = self.name, message, "processor log"),
            Level::Warn => warn!(processor = self.name, message, "processor log"),
            Level::Error => error!(processor = self.name, message, "processor log"),
        }
    }

    fn zone(&mut self, name: String) -> Option<Vec<u8>> {
        if self.is_configuring { self.zones.tzif(&name) } else { None }
    }
}

impl types::Host for Guest {}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes + (desired - current);
        if total > self.limits.memory_bytes {
            self.refused_bytes = Some(total);
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_INSTANCES
    }
}

/// A processor as `Arc` users see it in logs.
impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("name", &self.store.data().name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { exports, imports, description, .. } = self;
        let mut debug = f.debug_struct("Component");
        debug.field("exports", exports).field("imports", imports).field("description", description);
        debug.finish_non_exhaustive()
    }
}

/// The time limit of setting up, which may compile patterns and then takes longer than a batch.
const SETUP_TIME: Duration = Duration::from_secs(5);

/// The part of the time limit that a call gets whose answer is only looked at.
const SHORT_TIME_DIVISOR: u32 = 8;

/// Larger tables than any compiler makes.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// Core instances, tables and memories of one component: one that a compiler makes has a handful.
const MAX_INSTANCES: usize = 100;

/// What a processor may log while it works on one batch.
const LOG_LINES_PER_CALL: u32 = 10;
