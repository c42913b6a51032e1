//! The destinations of all pipelines, each with its courier.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use cap_std::fs::Dir;
use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::{info, warn};

use super::assemble::Shipment;
use super::ship::{Courier, TrackAccounts};
use crate::config::Shipping;
use crate::flusher::sls::dispatch::{Accounts, Disk, Dispatch, Report, Settings};
use crate::flusher::sls::http::client::{Client, ClientSpec};
use crate::flusher::sls::http::credentials::CredentialStore;
use crate::flusher::sls::package::Destination;
use crate::flusher::sls::receipt::Outgoing;
use crate::flusher::sls::spool::{self, DeadLetters, Room, Spool};
use crate::telemetry::alarm::Alarms;

/// What destinations share.
pub struct DepotSpec {
    /// How the agent as a whole sends.
    pub shipping: Shipping,
    /// How requests name the agent.
    pub user_agent: String,
    /// Where keys come from.
    pub credentials: Arc<CredentialStore>,
    /// The directory below which packages wait.
    pub data_dir: Dir,
}

/// The destinations of all pipelines.
pub(super) struct Depot {
    spec: DepotSpec,
    room: Arc<Room>,
    /// That of dead letters is one of its own: a full spool of one destination does not keep another one from putting them aside.
    dead_room: Arc<Room>,
    max_age: Duration,
    /// All that flushers ship to.
    meant: BTreeSet<Destination>,
    /// Made with the first destination.
    network: Option<tokio::runtime::Runtime>,
    posts: HashMap<Destination, Post>,
    /// Bytes before compression that one destination may hold in memory.
    memory_bytes: u64,
    /// Bytes of batches that one flusher may let wait for open groups.
    group_bytes: u64,
    pub(super) accounts: Arc<TrackAccounts>,
    alarms: Arc<Alarms>,
}

/// A destination that has a courier.
struct Post {
    packages: Sender<Outgoing>,
    package_bytes: Arc<AtomicU64>,
    terms: Terms,
    is_replaying: Arc<AtomicBool>,
    report: Arc<Mutex<Option<Report>>>,
}

/// How a destination is sent to, by the first flusher that names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Terms {
    extra_headers: Vec<(String, String)>,
    /// 0 for any number.
    bytes_per_sec: u64,
    /// The least that packages are to have.
    min_bytes: u64,
}

impl From<&Shipment> for Terms {
    fn from(shipment: &Shipment) -> Self {
        Self {
            extra_headers: shipment.extra_headers.clone(),
            bytes_per_sec: shipment.bytes_per_sec,
            min_bytes: shipment.pack.min_bytes,
        }
    }
}

/// The way to a courier.
pub(super) struct Handover {
    pub(super) packages: Sender<Outgoing>,
    pub(super) package_bytes: Arc<AtomicU64>,
    /// The memory of batches that may wait for being packed.
    pub(super) memory_bytes: u64,
}

/// A destination as the status command knows it.
pub(super) struct Station {
    pub(super) destination: Destination,
    pub(super) report: Arc<Mutex<Option<Report>>>,
    /// Set to have dead letters sent again.
    pub(super) is_replaying: Arc<AtomicBool>,
}

impl Depot {
    /// No destination is open yet of all those that flushers ship to. They share the budget of bytes in flight.
    pub(super) fn new(spec: DepotSpec, shipped_to: &[&Destination], budget_bytes: usize, alarms: &Arc<Alarms>) -> Self {
        let meant: BTreeSet<Destination> = shipped_to.iter().map(|destination| (*destination).clone()).collect();
        // A quarter in open groups, another one in packages; the rest is for reading and processing.
        let part = |of: usize| budget_bytes as u64 / (4 * of.max(1) as u64);
        let (group_bytes, memory_bytes) = (part(shipped_to.len()), part(meant.len()));
        Self {
            room: Room::new(spec.shipping.spool_max_bytes),
            dead_room: Room::new(spec.shipping.spool_max_bytes / 4),
            max_age: spec.shipping.spool_max_age,
            spec,
            network: None,
            posts: HashMap::new(),
            memory_bytes: memory_bytes.max(LEAST_MEMORY_BYTES),
            group_bytes,
            meant,
            accounts: Arc::default(),
            alarms: Arc::clone(alarms),
        }
    }

    /// The way to the courier of a destination, and the courier if it has none yet, which is to be started.
    pub(super) fn open(
        &mut self,
        pipeline: &str,
        shipment: &Shipment,
        abort: &Receiver<Infallible>,
    ) -> anyhow::Result<(Handover, Option<Courier>)> {
        let destination = &shipment.destination;
        let known = self.posts.contains_key(destination);
        let courier = if known { None } else { Some(self.courier(destination, shipment.into(), abort)?) };
        let post = &self.posts[destination];
        let Terms { extra_headers, bytes_per_sec, .. } = &post.terms;
        if *extra_headers != shipment.extra_headers || *bytes_per_sec != shipment.bytes_per_sec {
            let Destination { project, logstore, .. } = destination;
            warn!(
                pipeline,
                project, logstore, "ExtraHeaders and MaxSendRate of the first flusher with this logstore apply"
            );
        }
        let handover = Handover {
            packages: post.packages.clone(),
            package_bytes: Arc::clone(&post.package_bytes),
            memory_bytes: self.group_bytes,
        };
        Ok((handover, courier))
    }

    /// A courier for what is on disk, with nothing special about its requests.
    pub(super) fn courier_of(
        &mut self,
        destination: &Destination,
        abort: &Receiver<Infallible>,
    ) -> anyhow::Result<Courier> {
        self.courier(destination, Terms::default(), abort)
    }

    /// Gives nothing up for its age.
    pub(super) fn keep_for_ever(&mut self) {
        self.max_age = Duration::MAX;
    }

    fn courier(
        &mut self,
        destination: &Destination,
        terms: Terms,
        abort: &Receiver<Infallible>,
    ) -> anyhow::Result<Courier> {
        let now = Instant::now();
        let (disk, notes) = self.disk(destination)?;
        notes.iter().for_each(|note| warn!("spool: {note}"));
        let shipping = &self.spec.shipping;
        let settings = Settings {
            most_under_way: shipping.max_requests,
            bytes_per_sec: terms.bytes_per_sec,
            memory_bytes: self.memory_bytes,
            max_age: self.max_age,
        };
        let client = Client::new(ClientSpec {
            extra_headers: terms.extra_headers.iter().cloned().collect(),
            request_timeout: shipping.request_timeout,
            ..ClientSpec::new(destination.clone(), self.spec.user_agent.clone(), Arc::clone(&self.spec.credentials))
        })?;
        let accounts = Arc::clone(&self.accounts) as Arc<dyn Accounts>;
        let dispatch = Dispatch::new(destination, settings, disk, (accounts, Arc::clone(&self.alarms)), now);
        let least = terms.min_bytes;
        let package_range = (least, (self.memory_bytes / 2).clamp(least, LARGEST_PACKAGE_BYTES.max(least)));
        let package_bytes = Arc::new(AtomicU64::new(least));
        let (packages, inbox) = bounded(QUEUED_PACKAGES);
        let (report, is_replaying) = (Arc::default(), Arc::default());
        let post = Post {
            packages,
            package_bytes: Arc::clone(&package_bytes),
            terms,
            is_replaying: Arc::clone(&is_replaying),
            report: Arc::clone(&report),
        };
        self.posts.insert(destination.clone(), post);
        Ok(Courier {
            dispatch,
            client: Arc::new(client),
            network: self.network()?,
            inbox,
            abort: abort.clone(),
            package_bytes,
            package_range,
            is_replaying,
            report,
        })
    }

    fn disk(&self, destination: &Destination) -> anyhow::Result<(Disk, Vec<String>)> {
        let context = || format!("cannot use the spool of {}/{}", destination.project, destination.logstore);
        let data_dir = &self.spec.data_dir;
        self.adopt(destination).with_context(context)?;
        let (spool, mut notes) = Spool::open(data_dir, destination, Arc::clone(&self.room)).with_context(context)?;
        let (dead_letters, more) =
            DeadLetters::open(data_dir, destination, Arc::clone(&self.dead_room)).with_context(context)?;
        notes.extend(more);
        Ok((Disk::new(spool, dead_letters), notes.iter().map(ToString::to_string).collect()))
    }

    /// Takes over what waits for a logstore under another endpoint or region, to which nothing is shipped any more: somebody has
    /// mended the config.
    fn adopt(&self, destination: &Destination) -> anyhow::Result<()> {
        let is_same = |other: &Destination| {
            other.project == destination.project
                && other.logstore == destination.logstore
                && !self.meant.contains(other)
        };
        for other in spool::look::destinations(&self.spec.data_dir, false)?.into_iter().filter(is_same) {
            let moved = spool::adopt(&self.spec.data_dir, &other, destination)?;
            if moved.packages > 0 {
                let Destination { project, logstore, endpoint, .. } = destination;
                info!(
                    project,
                    logstore,
                    was = other.endpoint,
                    now = endpoint,
                    moved.events,
                    "waiting events follow the endpoint"
                );
            }
        }
        Ok(())
    }

    /// Says for which destinations something waits to which nothing is shipped.
    pub(super) fn tell_orphans(&self) {
        let known = match spool::look::destinations(&self.spec.data_dir, false) {
            Ok(known) => known,
            Err(error) => return warn!(%error, "cannot look for what waits on disk"),
        };
        for Destination { project, logstore, endpoint, .. } in known.difference(&self.meant) {
            warn!(
                project,
                logstore,
                endpoint,
                "events wait on disk, and no pipeline ships there; `loglift spool replay` sends them"
            );
        }
    }

    fn network(&mut self) -> anyhow::Result<tokio::runtime::Handle> {
        if self.network.is_none() {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let built = builder.worker_threads(NETWORK_THREADS).thread_name("network").enable_all().build();
            self.network = Some(built.context("cannot start the threads of the network")?);
        }
        let network = self.network.as_ref().context("there is no network")?;
        Ok(network.handle().clone())
    }

    /// What the status command asks about, and what keeps the network running until it is dropped. No more can be opened.
    pub(super) fn close(self) -> (Vec<Station>, Option<tokio::runtime::Runtime>) {
        let station = |(destination, post): (Destination, Post)| Station {
            destination,
            report: post.report,
            is_replaying: post.is_replaying,
        };
        let mut stations: Vec<Station> = self.posts.into_iter().map(station).collect();
        stations.sort_by(|a, b| a.destination.cmp(&b.destination));
        (stations, self.network)
    }
}

/// How long requests that nobody waits for any more may hold up the end.
pub(super) const NETWORK_GRACE: Duration = Duration::from_millis(100);

const NETWORK_THREADS: usize = 2;
/// Packages that may wait for a courier, besides those that it has.
const QUEUED_PACKAGES: usize = 2;
const LEAST_MEMORY_BYTES: u64 = 1 << 20;
const LARGEST_PACKAGE_BYTES: u64 = 8 << 20;
