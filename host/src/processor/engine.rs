//! The compiler and its clock, shared by all pipelines.

use std::time::Duration;

use cap_std::fs::Dir;
use wasmtime::component::Component;

use super::cache::Cache;
use super::clock::{Clock, TimeLimit};

/// Compiles components and interrupts those that run too long.
#[derive(Debug)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    cache: Option<Cache>,
    clock: Option<Clock>,
}

/// Why a file is not a component that can be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It does not begin like WebAssembly.
    #[error("not a WebAssembly file")]
    NotWasm,
    /// It is a core module.
    #[error(
        "a core module, not a component: make a component of it first, for example with `wasm-tools component new`"
    )]
    CoreModule,
    /// It does not compile.
    #[error("not a valid component")]
    Invalid(#[source] wasmtime::Error),
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
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(interruption);
        let wasmtime = wasmtime::Engine::new(&config).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let weak = wasmtime.weak();
        let tick = move || weak.upgrade().map(|engine| engine.increment_epoch()).is_some();
        let clock = interruption.then(|| Clock::start(tick)).transpose()?;
        let cache = cache.map(|directory| Cache::new(directory, &wasmtime));
        Ok(Self { wasmtime, cache, clock })
    }

    /// Compiles a component, or takes it from the cache.
    ///
    /// # Errors
    /// [`CompileError`], by what the bytes are instead.
    pub fn compile(&self, bytes: &[u8]) -> Result<Component, CompileError> {
        match bytes {
            [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => return Err(CompileError::CoreModule),
            [b'\0', b'a', b's', b'm', ..] => {}
            _ => return Err(CompileError::NotWasm),
        }
        let Some(cache) = &self.cache else {
            return Component::from_binary(&self.wasmtime, bytes).map_err(CompileError::Invalid);
        };
        if let Some(component) = cache.load(&self.wasmtime, bytes) {
            return Ok(component);
        }
        let component = Component::from_binary(&self.wasmtime, bytes).map_err(CompileError::Invalid)?;
        cache.store(bytes, &component);
        Ok(component)
    }

    /// The engine of the library.
    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// A time limit of calls; none if nothing is interrupted.
    pub(super) fn time_limit(&self, limit: Duration) -> TimeLimit {
        self.clock.as_ref().map_or_else(TimeLimit::none, |clock| clock.limit(limit))
    }
}
