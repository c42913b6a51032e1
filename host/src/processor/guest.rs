//! What the host keeps for an instance: its limits, what it used of them, and what it may touch.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{HasSelf, InstancePre, Linker};
use wasmtime::{ResourceLimiter, Store, Trap};

use super::bindings;
use super::bindings::loglift::processor::host::{Host, Level};
use super::bindings::loglift::processor::types;
use super::bindings::memory::Remembering;
use super::clock::Call;
use super::engine::Machine;
use super::fault::Fault;
use super::guest_log::GuestLog;
use super::outside::Outside;
use super::wasi::Wasi;
use super::world::{Processor, World};
use super::zones::Zones;
use crate::config::{Capabilities, Limits};

/// What an instance is given.
pub(super) struct Equipment<'a> {
    pub(super) limits: Limits,
    pub(super) capabilities: &'a Capabilities,
    pub(super) log: &'a Arc<GuestLog>,
    pub(super) zones: &'a Zones,
    /// Where the time and random numbers come from.
    pub(super) outside: Outside,
}

/// What the host keeps for an instance.
pub(super) struct Guest {
    pub(super) limits: Limits,
    pub(super) log: Arc<GuestLog>,
    /// What it has tried to take beyond its limit, if it did.
    pub(super) refused_bytes: Option<usize>,
    /// Its memory, which never shrinks.
    pub(super) memory_bytes: usize,
    /// Zones may be asked for.
    pub(super) is_configuring: bool,
    zones: Zones,
    /// For a component that imports WASI.
    pub(super) wasi: Option<Box<Wasi>>,
}

/// What an instance can be asked for.
pub(super) struct Exports {
    pub(super) processor: Processor,
    /// Of a component that remembers.
    pub(super) memory: Option<Remembering>,
}

impl Guest {
    /// # Errors
    /// A directory that is granted and not there.
    pub(super) fn new(equipment: Equipment<'_>, imports_wasi: bool) -> Result<Self, String> {
        let Equipment { limits, capabilities, log, zones, outside } = equipment;
        let wasi = imports_wasi.then(|| Wasi::new(capabilities, limits, log, outside)).transpose()?;
        let wasi = wasi.map(Box::new);
        let (log, zones) = (Arc::clone(log), zones.clone());
        Ok(Self { limits, log, refused_bytes: None, memory_bytes: 0, is_configuring: true, zones, wasi })
    }

    /// Instantiates a component. What is done with it first counts as part of the same call, until that is dropped.
    pub(super) fn instantiate(
        self,
        machine: &Machine,
        (world, pre): (World, &InstancePre<Self>),
        remembers: bool,
    ) -> Result<(Store<Self>, Exports, Call), Fault> {
        let setup = self.limits.setup;
        let mut store = Store::new(machine.wasmtime(), self);
        store.limiter(|guest| guest);
        // What is copied out of its memory may name the same bytes many times.
        store.set_hostcall_fuel(2 * store.data().limits.memory_bytes);
        if machine.counts_fuel() {
            // Setting up is limited by time alone.
            store.set_fuel(u64::MAX).expect("the engine counts fuel");
        }
        if let Some(wasi) = &mut store.data_mut().wasi {
            wasi.begin_call(0, setup);
        }
        let call = machine.time_limit(setup).begin(&mut store);
        let instantiated = pre.instantiate(&mut store).and_then(|instance| {
            let processor = Processor::new(world, &mut store, &instance)?;
            let memory = remembers.then(|| Remembering::new(&mut store, &instance)).transpose()?;
            Ok(Exports { processor, memory })
        });
        match instantiated {
            Ok(exports) => Ok((store, exports, call)),
            Err(error) => Err(store.data().fault(&error, setup)),
        }
    }

    /// Why a call failed that might have taken `time`.
    pub(super) fn fault(&self, error: &wasmtime::Error, time: Duration) -> Fault {
        let message = match (self.refused_bytes, error.downcast_ref::<Trap>()) {
            (Some(refused), _) => {
                format!("asked for {refused} bytes of memory; its limit is {}", self.limits.memory_bytes)
            }
            (None, Some(Trap::Interrupt)) => format!("ran for longer than its limit of {time:?}"),
            (None, Some(Trap::OutOfFuel)) => {
                let per_byte = self.limits.fuel.map_or(0, |fuel| fuel.per_byte);
                format!("took more steps than its limit of {per_byte} for each byte")
            }
            (None, Some(Trap::UnreachableCodeReached)) => "trapped: it panicked or aborted".to_owned(),
            (None, Some(trap)) => format!("trapped: {trap}"),
            (None, None) => format!("failed: {}", error.root_cause()),
        };
        Fault::of_call(error, self.refused_bytes.is_some(), message)
    }
}

/// A linker with what every processor may import.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    bindings::Processor::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl Host for Guest {
    fn log(&mut self, level: Level, message: String) {
        self.log.write(level, &message);
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
        Ok(desired <= self.limits.table_elements)
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.instances
    }

    fn memories(&self) -> usize {
        self.limits.instances
    }
}
