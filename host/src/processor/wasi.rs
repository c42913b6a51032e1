//! WASI 0.2 for components that import it, with nothing granted unless the config grants it.
//!
//! Files are those of the directories that are granted, the environment the variables that are named, standard input is
//! empty, standard output and error are the processor's log, and there is no network. No call may hold up a worker: the
//! epoch interrupts what a component computes, but not what the host does for it. So what waits in the host ends with the
//! time of the call (`clock`), and what is opened is a file or a directory, never a FIFO or a device (`files`).

mod clock;
mod files;
mod output;
mod random;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::Instant;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::{clocks, random as wasi_random};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use self::output::Output;
use super::bindings::loglift::processor::host::Level;
use super::clock::TICK;
use super::guest::Guest;
use super::guest_log::GuestLog;
use super::outside::{Heard, Outside, Source};
use crate::config::{Capabilities, Limits};

/// What the host keeps for an instance that imports WASI.
pub(super) struct Wasi {
    ctx: WasiCtx,
    /// Its open files and the like.
    table: ResourceTable,
    outside: Outside,
    limits: Limits,
    /// When what it waits for ends, since the time of its call is over.
    deadline: Instant,
}

impl Wasi {
    /// What is granted, opened.
    ///
    /// # Errors
    /// A directory that cannot be opened.
    pub(super) fn new(
        granted: &Capabilities,
        limits: Limits,
        log: &Arc<GuestLog>,
        outside: Outside,
    ) -> Result<Self, String> {
        let mut builder = WasiCtx::builder();
        builder.stdout(Output::new(log, Level::Info)).stderr(Output::new(log, Level::Warn));
        builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        for name in &granted.env {
            if let Ok(value) = std::env::var(name) {
                builder.env(name, value);
            }
        }
        for dir in &granted.dirs {
            let access = if dir.writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            let opened = builder.preopened_dir(&dir.host, &dir.guest, access);
            opened.map_err(|error| format!("cannot open {}: {}", dir.host.display(), error.root_cause()))?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Ok(Self { ctx: builder.build(), table, outside, limits, deadline: Instant::now() })
    }

    /// Begins a call that may take `time`, with a batch that was read at this Unix time.
    pub(super) fn begin_call(&mut self, read_seconds: i64, time: Duration) {
        self.outside.begin_call(read_seconds);
        // Late enough that the epoch has passed too: the component is interrupted when it goes on.
        self.deadline = Instant::now() + time + 2 * TICK;
    }

    /// Has the time and random numbers come from `source`. Returns what was recorded of them before.
    pub(super) fn listen(&mut self, source: Source) -> Vec<Heard> {
        self.outside.listen(source)
    }
}

/// Has what components wait for happen in a runtime of its own, until what is returned is dropped. The library would take
/// the one that the thread is in, which may stand still while the thread runs a component.
pub(super) fn enter() -> EnterGuard<'static> {
    RUNTIME.get().expect("it was started when WASI was linked").enter()
}

fn start_runtime() -> io::Result<()> {
    if RUNTIME.get().is_none() {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).max_blocking_threads(MAX_BLOCKING_THREADS).thread_name("wasi").enable_time();
        // Whoever was faster started the same.
        let _ = RUNTIME.set(builder.build()?);
    }
    Ok(())
}

/// For as long as the agent lives: what is left in it may wait for the kernel.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Adds to a linker what is there of WASI.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    start_runtime()?;
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    clocks::wall_clock::add_to_linker::<_, clock::Clocks>(linker, clock::view)?;
    clocks::monotonic_clock::add_to_linker::<_, clock::Clocks>(linker, clock::view)?;
    wasi_random::random::add_to_linker::<_, random::Random>(linker, random::view)?;
    wasi_random::insecure::add_to_linker::<_, random::Random>(linker, random::view)?;
    wasi_random::insecure_seed::add_to_linker::<_, random::Random>(linker, random::view)?;
    files::guard(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl Guest {
    fn wasi(&mut self) -> &mut Wasi {
        self.wasi.as_mut().expect("WASI is linked for components that import it")
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { ctx, table, .. } = self.wasi();
        WasiCtxView { ctx, table }
    }
}

/// Open files, streams and the like that an instance may have.
const MAX_RESOURCES: usize = 1000;

/// Threads that read and write files for all components together: one for each that does so now.
const MAX_BLOCKING_THREADS: usize = 64;
