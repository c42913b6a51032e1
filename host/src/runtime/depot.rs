//! The destinations of all pipelines, each with its courier, opened with the first pipeline that ships there and closed
//! after the last.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use cap_std::fs::Dir;
use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::{info, warn};

use super::assemble::Shipment;
use super::crew::Crew;
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
    budget_bytes: usize,
    /// All that flushers ship to, or will soon.
    meant: BTreeSet<Destination>,
    /// Made with the first destination.
    network: Option<tokio::runtime::Runtime>,
    posts: HashMap<Destination, Post>,
    /// Bytes before compression that one destination may hold in memory.
    memory_bytes: u64,
    /// Bytes of batches that one flusher may let wait for open groups.
    group_bytes: u64,
    pub(super) accounts: Arc<TrackAccounts>,
    stations: Arc<Stations>,
    has_panicked: Arc<AtomicBool>,
    alarms: Arc<Alarms>,
}

/// A destination that has a courier.
struct Post {
    packages: Sender<Outgoing>,
    package_bytes: Arc<AtomicU64>,
    terms: Terms,
    /// The pipelines that ship there.
    users: BTreeSet<String>,
    courier: Crew,
    /// Dropped to have the courier bring everything to disk.
    abort: Sender<Infallible>,
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

/// The destinations that are open, for those who ask.
pub(super) type Stations = Mutex<Vec<Station>>;

/// A destination as the status command knows it.
pub(super) struct Station {
    pub(super) destination: Destination,
    pub(super) report: Arc<Mutex<Option<Report>>>,
    /// Set to have dead letters sent again.
    pub(super) is_replaying: Arc<AtomicBool>,
}

impl Depot {
    /// No destination is open yet. All share the budget of bytes in flight. A courier that panics sets `has_panicked`.
    pub(super) fn new(
        spec: DepotSpec,
        budget_bytes: usize,
        has_panicked: &Arc<AtomicBool>,
        alarms: &Arc<Alarms>,
    ) -> Self {
        Self {
            room: Room::new(spec.shipping.spool_max_bytes),
            dead_room: Room::new(spec.shipping.spool_max_bytes / 4),
            max_age: spec.shipping.spool_max_age,
            spec,
            budget_bytes,
            network: None,
            posts: HashMap::new(),
            memory_bytes: LEAST_MEMORY_BYTES,
            group_bytes: 0,
            meant: BTreeSet::new(),
            accounts: Arc::default(),
            stations: Arc::default(),
            has_panicked: Arc::clone(has_panicked),
            alarms: Arc::clone(alarms),
        }
    }

    /// Says where all flushers ship to that there are, or will be soon, one entry for each flusher.
    pub(super) fn mean(&mut self, shipped_to: &[&Destination]) {
        self.meant = shipped_to.iter().map(|destination| (*destination).clone()).collect();
        // A quarter in open groups, another one in packages; the rest is for reading and processing.
        let part = |of: usize| self.budget_bytes as u64 / (4 * of.max(1) as u64);
        self.group_bytes = part(shipped_to.len());
        self.memory_bytes = part(self.meant.len()).max(LEAST_MEMORY_BYTES);
    }

    /// The destinations that are open, now and later.
    pub(super) fn stations(&self) -> &Arc<Stations> {
        &self.stations
    }

    /// The way to the courier of a destination, which is started if there is none yet.
    pub(super) fn open(&mut self, pipeline: &str, shipment: &Shipment) -> anyhow::Result<Handover> {
        let destination = &shipment.destination;
        let terms = Terms::from(shipment);
        let is_other = |post: &Post| post.users.is_empty() && post.terms != terms;
        if self.posts.get(destination).is_some_and(is_other) {
            self.close(destination);
        }
        if !self.posts.contains_key(destination) {
            self.start_courier(destination, terms)?;
        }
        let group_bytes = self.group_bytes;
        let post = self.posts.get_mut(destination).context("the destination is open")?;
        post.users.insert(pipeline.to_owned());
        let Terms { extra_headers, bytes_per_sec, .. } = &post.terms;
        if *extra_headers != shipment.extra_headers || *bytes_per_sec != shipment.bytes_per_sec {
            let Destination { project, logstore, .. } = destination;
            warn!(
                pipeline,
                project, logstore, "ExtraHeaders and MaxSendRate of the first flusher with this logstore apply"
            );
        }
        Ok(Handover {
            packages: post.packages.clone(),
            package_bytes: Arc::clone(&post.package_bytes),
            memory_bytes: group_bytes,
        })
    }

    /// Says that a pipeline ships nothing for now. Destinations stay open until [`Self::close_unused`].
    pub(super) fn leave(&mut self, pipeline: &str) {
        for post in self.posts.values_mut() {
            post.users.remove(pipeline);
        }
    }

    /// Closes the destinations to which no pipeline ships any more, nor will soon. Returns whether there were any.
    pub(super) fn close_unused(&mut self) -> bool {
        let is_unused =
            |destination: &Destination, post: &Post| post.users.is_empty() && !self.meant.contains(destination);
        let unused = self.posts.iter().filter(|(destination, post)| is_unused(destination, post));
        let unused: Vec<Destination> = unused.map(|(destination, _)| destination.clone()).collect();
        unused.iter().for_each(|destination| self.close(destination));
        !unused.is_empty()
    }

    /// Has a courier deliver what it has, or else bring it to disk.
    fn close(&mut self, destination: &Destination) {
        let Some(Post { packages, mut courier, abort, .. }) = self.posts.remove(destination) else { return };
        drop(packages);
        if !courier.wait(Instant::now() + CLOSE_PATIENCE) {
            drop(abort);
            courier.wait(Instant::now() + CLOSE_PATIENCE);
        }
        courier.dismiss();
        lock(&self.stations).retain(|station| station.destination != *destination);
    }

    fn start_courier(&mut self, destination: &Destination, terms: Terms) -> anyhow::Result<()> {
        let (abort, aborted) = bounded(0);
        let (courier, packages) = self.courier(destination, &terms, &aborted)?;
        let station = Station {
            destination: destination.clone(),
            report: Arc::clone(&courier.report),
            is_replaying: Arc::clone(&courier.is_replaying),
        };
        let package_bytes = Arc::clone(&courier.package_bytes);
        let mut crew = Crew::new(&self.has_panicked);
        crew.spawn("courier", move || courier.run())?;
        let post = Post { packages, package_bytes, terms, users: BTreeSet::new(), courier: crew, abort };
        self.posts.insert(destination.clone(), post);
        let mut stations = lock(&self.stations);
        stations.push(station);
        stations.sort_by(|a, b| a.destination.cmp(&b.destination));
        Ok(())
    }

    /// A courier for what is on disk, with nothing special about its requests.
    pub(super) fn courier_of(
        &mut self,
        destination: &Destination,
        abort: &Receiver<Infallible>,
    ) -> anyhow::Result<Courier> {
        Ok(self.courier(destination, &Terms::default(), abort)?.0)
    }

    /// Gives nothing up for its age.
    pub(super) fn keep_for_ever(&mut self) {
        self.max_age = Duration::MAX;
    }

    fn courier(
        &mut self,
        destination: &Destination,
        terms: &Terms,
        abort: &Receiver<Infallible>,
    ) -> anyhow::Result<(Courier, Sender<Outgoing>)> {
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
        let courier = Courier {
            dispatch,
            client: Arc::new(client),
            network: self.network()?,
            inbox,
            abort: abort.clone(),
            package_bytes,
            package_range,
            is_replaying: Arc::default(),
            report: Arc::default(),
        };
        Ok((courier, packages))
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

    /// Ends all couriers: they deliver what they have until `deadline`, and bring the rest to disk. Nothing is given to
    /// them any more by then. Returns whether all have ended, and in time.
    pub(super) fn end(&mut self, deadline: Instant, grace: Duration) -> (bool, bool) {
        let mut couriers = Vec::new();
        for (_, Post { packages, courier, abort, .. }) in self.posts.drain() {
            drop(packages);
            couriers.push((courier, abort));
        }
        let mut is_in_time = true;
        let mut late = Vec::new();
        for (mut courier, abort) in couriers {
            if courier.wait(deadline) {
                courier.dismiss();
            } else {
                is_in_time = false;
                drop(abort);
                late.push(courier);
            }
        }
        let last = Instant::now() + grace;
        let mut has_ended = true;
        for courier in &mut late {
            has_ended &= courier.wait(last);
        }
        late.into_iter().for_each(Crew::dismiss);
        self.network.take().into_iter().for_each(|network| network.shutdown_timeout(NETWORK_GRACE));
        (has_ended, is_in_time)
    }
}

/// The stations, for this thread alone.
pub(super) fn lock(stations: &Stations) -> MutexGuard<'_, Vec<Station>> {
    stations.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long requests that nobody waits for any more may hold up the end.
const NETWORK_GRACE: Duration = Duration::from_millis(100);

/// How long a courier may take to deliver what it has when nothing more comes, and then to bring it to disk.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

const NETWORK_THREADS: usize = 2;
/// Packages that may wait for a courier, besides those that it has.
const QUEUED_PACKAGES: usize = 2;
const LEAST_MEMORY_BYTES: u64 = 1 << 20;
const LARGEST_PACKAGE_BYTES: u64 = 8 << 20;
