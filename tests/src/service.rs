//! A log service on this machine, which tests take away and bring back.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sls_emulator::faults::{Effect, Rule};
use sls_emulator::{Arrival, Emulator, Event, Faults, Options, Stats};

use crate::scratch::Scratch;
use crate::torture::random::Random;

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
        Self::named(scratch, "sls")
    }

    /// Starts one of several, which keeps its data in this directory of `scratch`.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn named(scratch: &Scratch, name: &str) -> Result<Self> {
        Self::of(Options::new(scratch.path(name)))
    }

    /// Starts a service that counts what comes and keeps none of it.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn counting(scratch: &Scratch) -> Result<Self> {
        Self::of(Options { count_only: true, ..Options::new(scratch.path("sls")) })
    }

    fn of(options: Options) -> Result<Self> {
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

    /// What goes wrong from now on, and nothing else.
    ///
    /// # Errors
    /// If it is down.
    pub fn fail_by(&self, rules: impl IntoIterator<Item = Rule>) -> Result<()> {
        self.fail(Faults { rules: rules.into_iter().collect(), ..Faults::default() })
    }

    /// From now on nothing goes wrong.
    ///
    /// # Errors
    /// If it is down.
    pub fn heal(&self) -> Result<()> {
        self.fail(Faults::default())
    }

    /// The log groups that came, from a number on, in the order in which they did.
    ///
    /// # Errors
    /// If it is down, or the database cannot be read.
    pub fn arrivals(&self, from: i64) -> Result<Vec<Arrival>> {
        self.emulator()?.arrivals(PROJECT, LOGSTORE, from)
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

/// Rules by which so many in a hundred of the next requests fail. Which ones is as if drawn, but the same for the same seed; all
/// ways to fail have their turn before one comes again.
pub fn drawn(seed: u64, requests: usize, percent: u64, effects: &[Effect]) -> Vec<Rule> {
    let mut random = Random::new(seed);
    let mut left: Vec<&Effect> = Vec::new();
    let mut rule = |_| {
        let mut effect = Effect::default();
        if random.between(0, 99) < percent {
            if left.is_empty() {
                left.extend(effects);
            }
            effect = left.swap_remove(random.between(0, left.len() as u64 - 1) as usize).clone();
        }
        Rule { next: Some(1), ..Rule::on("put_logs", effect) }
    };
    (0..requests).map(&mut rule).collect()
}
