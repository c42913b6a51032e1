//! A log service on this machine, which tests take away and bring back.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sls_emulator::{Emulator, Event, Faults, Options, Stats};

use crate::scratch::Scratch;

/// A log service with one logstore. It keeps its address and its events while it is down.
#[derive(Debug)]
pub struct Service {
    options: Options,
    running: Option<Emulator>,
}

/// The project of the one logstore.
pub const PROJECT: &str = "demo-project";
/// The one logstore.
pub const LOGSTORE: &str = "demo-logstore";
/// A key that it accepts, as variables of the agent's environment.
pub const KEY: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret")];

impl Service {
    /// Starts a service that keeps its data in a directory of `scratch`.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn start(scratch: &Scratch) -> Result<Self> {
        let options = Options::new(scratch.path("sls"));
        let emulator = Emulator::start(&options)?;
        emulator.create_logstore(PROJECT, LOGSTORE)?;
        let options = Options { listen: emulator.address(), ..options };
        Ok(Self { options, running: Some(emulator) })
    }

    /// Takes it away: nobody listens any more.
    pub fn down(&mut self) {
        self.running = None;
    }

    /// Brings it back.
    ///
    /// # Errors
    /// If somebody else has taken its address.
    pub fn up(&mut self) -> Result<()> {
        self.running = Some(Emulator::start(&self.options)?);
        Ok(())
    }

    /// Where it listens, or did.
    pub fn address(&self) -> SocketAddr {
        self.options.listen
    }

    /// The entry of `flushers` that sends to it, with more parameters.
    pub fn flusher(&self, more: &str) -> String {
        format!(
            "Type: flusher_sls, Project: {PROJECT}, Logstore: {LOGSTORE}, Endpoint: 'http://{}', {more}",
            self.address()
        )
    }

    /// Where it keeps its data.
    pub fn data(&self) -> PathBuf {
        self.options.data.clone()
    }

    /// What goes wrong from now on.
    ///
    /// # Errors
    /// If it is down.
    pub fn fail(&self, faults: Faults) -> Result<()> {
        self.emulator()?.set_faults(faults);
        Ok(())
    }

    /// What it has, by time and then by arrival.
    ///
    /// # Errors
    /// If it is down, or the database cannot be read.
    pub fn events(&self) -> Result<Vec<Event>> {
        self.emulator()?.events(PROJECT, LOGSTORE)
    }

    /// What it has counted since it is up.
    ///
    /// # Errors
    /// If it is down.
    pub fn stats(&self) -> Result<Stats> {
        Ok(self.emulator()?.stats())
    }

    /// It itself.
    ///
    /// # Errors
    /// If it is down.
    pub fn emulator(&self) -> Result<&Emulator> {
        self.running.as_ref().context("the service is down")
    }
}
