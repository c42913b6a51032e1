//! The compiler and its clock, shared by all pipelines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use cap_std::fs::Dir;
use wasmtime::component::Component;

use super::cache::Cache;

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

/// Advances the epoch by which calls are timed.
#[derive(Debug)]
struct Clock {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
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
        let clock = interruption.then(|| Clock::start(&wasmtime)).transpose()?;
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

    /// How many ticks of the clock a time limit is, `None` if the clock stands still.
    pub(super) fn ticks(&self, limit: Duration) -> Option<u64> {
        // One tick more, since the first one may come at once.
        self.clock.as_ref().map(|_| limit.as_nanos().div_ceil(TICK.as_nanos()) as u64 + 1)
    }
}

impl Clock {
    fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (weak, stopped) = (engine.weak(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only counts; nothing it could say matters now.
            let _ = thread.join();
        }
    }
}

/// The resolution of time limits. Finer costs wake-ups of an idle agent.
const TICK: Duration = Duration::from_millis(20);
