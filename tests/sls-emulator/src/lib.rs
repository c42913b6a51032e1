//! A local stand-in for Simple Log Service: it verifies what clients send, keeps it, answers queries, and fails on
//! demand. README.md says how to use it.
//!
//! A request takes one way: `server` reads it, `faults` decides what goes wrong, `verify` whether it is sound, `route`
//! what it asks for, and `service` does that with the `store`. Everything but `server` and `store` is free of I/O.

#![forbid(unsafe_code)]

mod clock;
mod content;
pub mod faults;
mod query;
mod refusal;
mod request;
mod route;
mod server;
mod service;
mod shard;
mod signature;
mod stats;
mod store;
mod verify;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};

pub use crate::faults::Faults;
pub use crate::stats::Stats;
pub use crate::store::{Arrival, Event};
pub use crate::verify::Credential;

use crate::server::Server;
use crate::service::Service;

/// How an emulator runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The directory of the database; created if it is missing.
    pub data: PathBuf,
    /// Keys besides `testid` with secret `testsecret`.
    pub credentials: Vec<Credential>,
    /// Verify everything and count it, but keep no events.
    pub count_only: bool,
}

impl Options {
    /// On a free port of the loopback interface, with the one standard key, keeping events.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: data.into(),
            credentials: Vec::new(),
            count_only: false,
        }
    }
}

/// An emulator that listens until it is dropped.
#[derive(Debug)]
pub struct Emulator {
    service: Arc<Service>,
    server: Server,
}

impl Emulator {
    /// Opens the database and starts to listen.
    ///
    /// # Errors
    /// If the directory or the address cannot be used.
    pub fn start(options: &Options) -> Result<Self> {
        let service = Arc::new(Service::open(options)?);
        let server = Server::start(options.listen, service.clone())?;
        Ok(Self { service, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where it listens, as the endpoint for a client.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Creates a logstore with two shards, and its project, unless they exist.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn create_logstore(&self, project: &str, logstore: &str) -> Result<()> {
        self.service.create_logstore(project, logstore).context("creating a logstore")
    }

    /// All events of a logstore, ordered by time and then by arrival.
    ///
    /// # Errors
    /// If there is no such logstore, or the database cannot be read.
    pub fn events(&self, project: &str, logstore: &str) -> Result<Vec<Event>> {
        self.service.events(project, logstore).context("reading events")
    }

    /// The log groups of a logstore from a number on, in the order in which they arrived.
    ///
    /// # Errors
    /// If there is no such logstore, or the database cannot be read.
    pub fn arrivals(&self, project: &str, logstore: &str, from: i64) -> Result<Vec<Arrival>> {
        self.service.arrivals(project, logstore, from).context("reading log groups")
    }

    /// What was accepted and refused since the start or the last reset.
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Replaces what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.service.set_faults(faults);
    }

    /// Waits until the server ends, which it does not do by itself.
    ///
    /// # Errors
    /// If the server's thread panicked.
    pub fn wait(self) -> Result<()> {
        self.server.wait()
    }
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
