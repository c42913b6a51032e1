//! One component, instantiated and configured for one worker.

use wasmtime::Store;

use super::bindings::loglift::processor::types::{self, Answer, Batch, Issue, Setup};
use super::bindings::memory::Remembering;
use super::bisect::Patience;
use super::caller::Process;
use super::clock::{Call, TimeLimit};
use super::component::Component;
use super::fault::{Fault, FaultKind};
use super::guest::{Equipment, Exports, Guest};
use super::outside::{Heard, Source};
use super::wasi;
use super::world::{Processor, Unanswered};
use crate::config::Limits;
use crate::telemetry::one_line;

/// What the host tells every processor.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Of a component that remembers.
    memory: Option<Remembering>,
    /// That of saving and restoring what it remembers.
    setup_limit: TimeLimit,
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

impl Default for Context {
    fn default() -> Self {
        Self { machine_zone: "UTC".to_owned(), discard_older_than: None, extra: Vec::new() }
    }
}

impl Instance {
    /// Instantiates and configures a component.
    pub(super) fn new(
        component: &Component,
        config: &str,
        context: &Context,
        equipment: Equipment<'_>,
    ) -> Result<(Self, Setup), SetupError> {
        let machine = component.machine();
        let limits = equipment.limits;
        let _runtime = component.imports_wasi().then(wasi::enter);
        let guest = Guest::new(equipment, component.imports_wasi()).map_err(SetupError::Fault)?;
        let instantiated = guest.instantiate(machine, component.pre(), component.remembers());
        let (mut store, Exports { processor, memory }, _call) =
            instantiated.map_err(|fault| SetupError::Fault(fault.message))?;
        let extra: Vec<(&str, &str)> =
            context.extra.iter().map(|(name, fact)| (name.as_str(), fact.as_str())).collect();
        let facts = types::Context {
            machine_zone: &context.machine_zone,
            discard_older_than: context.discard_older_than,
            extra: &extra,
        };
        let setup = processor
            .configure(&mut store, config, facts)
            .map_err(|error| SetupError::Fault(store.data().fault(&error, limits.setup).message))?
            .map_err(SetupError::Config)?;
        store.data_mut().is_configuring = false;
        let memory_bytes = store.data().memory_bytes;
        let instance = Self {
            store,
            processor,
            memory,
            setup_limit: machine.time_limit(limits.setup),
            time_limit: machine.time_limit(limits.time),
            short_limit: machine.time_limit(limits.time / SHORT_TIME_DIVISOR),
            worn_at_bytes: worn_at(memory_bytes, limits),
        };
        Ok((instance, setup))
    }
}

impl Process for Instance {
    fn process(&mut self, batch: Batch<'_>, patience: Patience) -> Result<Answer, Fault> {
        let limits = self.store.data().limits;
        if let Some(fuel) = limits.fuel {
            let steps = fuel.per_byte.saturating_mul(batch.bytes.len() as u64).saturating_add(fuel.base);
            self.store.set_fuel(steps).expect("the engine counts fuel for a processor that asks for it");
        }
        let (limit, time) = match patience {
            Patience::Full => (&self.time_limit, limits.time),
            Patience::Short => (&self.short_limit, limits.time / SHORT_TIME_DIVISOR),
        };
        let _runtime = self.store.data().wasi.is_some().then(wasi::enter);
        let _call = limit.begin(&mut self.store);
        let guest = self.store.data_mut();
        guest.refused_bytes = None;
        if let Some(wasi) = &mut guest.wasi {
            wasi.begin_call(batch.read_seconds, time);
        }
        self.processor.process(&mut self.store, batch).map_err(|unanswered| match unanswered {
            Unanswered::Refused(refused) => {
                Fault::new(FaultKind::Refused, format!("refused the batch: {}", one_line(&refused)))
            }
            Unanswered::Invalid(invalid) => Fault::new(FaultKind::InvalidAnswer, invalid.to_string()),
            Unanswered::Failed(error) => self.store.data().fault(&error, limits.time),
        })
    }

    fn save(&mut self) -> Result<Vec<u8>, Fault> {
        let Some(memory) = &self.memory else { return Ok(Vec::new()) };
        let _call = begin(&mut self.store, &self.setup_limit);
        let saved = memory.loglift_processor_state().call_save(&mut self.store);
        saved.map_err(|error| self.store.data().fault(&error, self.store.data().limits.setup))
    }

    fn restore(&mut self, from_version: &str, saved: &[u8]) -> Result<Result<(), String>, Fault> {
        let Some(memory) = &self.memory else { return Ok(Ok(())) };
        let _call = begin(&mut self.store, &self.setup_limit);
        let restored = memory.loglift_processor_state().call_restore(&mut self.store, from_version, saved);
        // What it remembers is no wear: a fresh instance would have to hold the same.
        self.worn_at_bytes = worn_at(self.store.data().memory_bytes, self.store.data().limits);
        restored.map_err(|error| self.store.data().fault(&error, self.store.data().limits.setup))
    }

    fn is_worn(&self) -> bool {
        self.memory_bytes() > self.worn_at_bytes
    }

    fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }

    fn listen(&mut self, source: Source) -> Vec<Heard> {
        self.store.data_mut().wasi.as_mut().map_or_else(Vec::new, |wasi| wasi.listen(source))
    }
}

/// With so much memory an instance is worn that begins with `memory_bytes`.
fn worn_at(memory_bytes: usize, limits: Limits) -> usize {
    memory_bytes + limits.memory_bytes.saturating_sub(memory_bytes) / 2
}

/// Begins a call for no batch.
fn begin(store: &mut Store<Guest>, limit: &TimeLimit) -> Call {
    let setup = store.data().limits.setup;
    if store.data().limits.fuel.is_some() {
        store.set_fuel(u64::MAX).expect("the engine counts fuel for a processor that asks for it");
    }
    let guest = store.data_mut();
    guest.refused_bytes = None;
    if let Some(wasi) = &mut guest.wasi {
        wasi.begin_call(0, setup);
    }
    limit.begin(store)
}

/// A processor as `Arc` users see it in logs.
impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("log", &self.store.data().log).finish_non_exhaustive()
    }
}

/// The part of the time limit that a call gets whose answer is only looked at.
const SHORT_TIME_DIVISOR: u32 = 8;
