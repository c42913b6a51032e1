//! The compiler and its clock, shared by all pipelines.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use cap_std::fs::Dir;
use tracing::info;
use wasmtime::component::Component;

use super::cache::Cache;
use super::clock::{Clock, TimeLimit};
use super::complexity::{self, TooComplex};

/// Compiles components and interrupts those that run too long.
#[derive(Debug)]
pub struct Engine {
    usual: Machine,
    /// One that counts steps, made when the first processor asks for it: to count is part of the machine code.
    counting: OnceLock<Machine>,
    /// Where the second one keeps components too.
    cache: Option<Dir>,
    is_interrupting: bool,
    /// One component is compiled at a time, on all cores, so that memory is needed for one only.
    compiling: Mutex<()>,
}

/// What components are compiled for and run by.
#[derive(Debug)]
pub(super) struct Machine {
    wasmtime: wasmtime::Engine,
    cache: Option<Cache>,
    clock: Option<Clock>,
    counts_fuel: bool,
}

/// Why a file is not a component that can be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It does not begin like WebAssembly.
    #[error("not a WebAssembly file")]
    NotWasm,
    /// It is a core module.
    #[error("a core module, not a component: make a component of it first, with `loglift component`")]
    CoreModule,
    /// To compile it would take too long.
    #[error(transparent)]
    TooComplex(#[from] TooComplex),
    /// It does not compile.
    #[error("not a valid component")]
    Invalid(#[source] wasmtime::Error),
    /// This machine cannot run what was asked for.
    #[error("cannot run it on this machine: {0}")]
    Machine(String),
}

impl Engine {
    /// An engine whose compiled components are kept in `cache` if there is one.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly as configured, or no thread can be started.
    pub fn new(cache: Option<Dir>) -> anyhow::Result<Self> {
        Self::with_interruption(cache, true)
    }

    /// As [`Self::new`]; without `interruption` no time limit holds, which is for benches only.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_interruption(cache: Option<Dir>, interruption: bool) -> anyhow::Result<Self> {
        let own = cache.as_ref().map(Dir::try_clone).transpose()?;
        Ok(Self {
            usual: Machine::new(own, interruption, false)?,
            counting: OnceLock::new(),
            cache,
            is_interrupting: interruption,
            compiling: Mutex::new(()),
        })
    }

    /// Compiles a component, or takes it from the cache.
    ///
    /// # Errors
    /// [`CompileError`], by what the bytes are instead.
    pub(super) fn compile(&self, bytes: &[u8], counts_fuel: bool) -> Result<Component, CompileError> {
        match bytes {
            [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => return Err(CompileError::CoreModule),
            [b'\0', b'a', b's', b'm', ..] => {}
            _ => return Err(CompileError::NotWasm),
        }
        complexity::check(bytes)?;
        let machine = self.prepare(counts_fuel)?;
        let load = || machine.cache.as_ref().and_then(|cache| cache.load(&machine.wasmtime, bytes));
        if let Some(component) = load() {
            return Ok(component);
        }
        let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have compiled the same one meanwhile.
        if let Some(component) = load() {
            return Ok(component);
        }
        if bytes.len() >= LONG_TO_COMPILE_BYTES {
            let size = bytes.len() >> 20;
            info!("compiling a component of {size} MiB, once on this machine: that takes some seconds");
        }
        let component = Component::from_binary(&machine.wasmtime, bytes).map_err(CompileError::Invalid)?;
        if let Some(cache) = &machine.cache {
            cache.store(bytes, &component);
        }
        Ok(component)
    }

    /// What runs components that were compiled so.
    pub(super) fn machine(&self, counts_fuel: bool) -> &Machine {
        if counts_fuel {
            self.counting.get().expect("it was made when the component was compiled")
        } else {
            &self.usual
        }
    }

    fn prepare(&self, counts_fuel: bool) -> Result<&Machine, CompileError> {
        if counts_fuel && self.counting.get().is_none() {
            let unusable = |error: anyhow::Error| CompileError::Machine(format!("{error:#}"));
            let cache = self.cache.as_ref().map(Dir::try_clone).transpose().map_err(|error| unusable(error.into()))?;
            let machine = Machine::new(cache, self.is_interrupting, true).map_err(unusable)?;
            // Whoever was faster made the same.
            let _ = self.counting.set(machine);
        }
        Ok(self.machine(counts_fuel))
    }
}

impl Machine {
    fn new(cache: Option<Dir>, interruption: bool, counts_fuel: bool) -> anyhow::Result<Self> {
        let mut config = settings();
        config.epoch_interruption(interruption).consume_fuel(counts_fuel);
        let wasmtime = wasmtime::Engine::new(&config).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let weak = wasmtime.weak();
        let tick = move || weak.upgrade().map(|engine| engine.increment_epoch()).is_some();
        let clock = interruption.then(|| Clock::start(tick)).transpose()?;
        let cache = cache.map(|directory| Cache::new(directory, &wasmtime));
        Ok(Self { wasmtime, cache, clock, counts_fuel })
    }

    /// The engine of the library.
    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// Whether calls may be limited in steps.
    pub(super) fn counts_fuel(&self) -> bool {
        self.counts_fuel
    }

    /// A time limit of calls; none if nothing is interrupted.
    pub(super) fn time_limit(&self, limit: Duration) -> TimeLimit {
        self.clock.as_ref().map_or_else(TimeLimit::none, |clock| clock.limit(limit))
    }
}

/// What is on in the compiler: what compilers for guests make use of, and what makes equal runs equal on every machine.
fn settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.max_wasm_stack(MAX_STACK_BYTES);
    // Each is code in the compiler that could have a mistake, and none is needed by a guest that we know.
    config.wasm_memory64(false).wasm_relaxed_simd(false).wasm_tail_call(false);
    // What wasmtime itself puts between two components in one has both their memories. Without this it would not refuse
    // such a component, but panic.
    config.wasm_multi_memory(true);
    config.wasm_wide_arithmetic(false).wasm_custom_page_sizes(false);
    // A NaN has many forms, and which one comes out depends on the processor.
    config.cranelift_nan_canonicalization(true);
    config
}

/// How deep a component may call: half a MiB of frames, as wasmtime has it, on the stack of the worker, which has 2 MiB.
const MAX_STACK_BYTES: usize = 512 << 10;

/// So large is what has a whole interpreter in it. Somebody who waits is told why.
const LONG_TO_COMPILE_BYTES: usize = 4 << 20;
