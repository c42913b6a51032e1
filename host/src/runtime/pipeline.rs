//! A pipeline with its threads: from the files to the flushers.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};
use tracing::info;

use super::Rank;
use super::assemble::{Assembly, Outlet, Shipment, Sink};
use super::checkpoints::Left;
use super::crew::Crew;
use super::depot::{Depot, Handover};
use super::discover::{Input, Reader};
use super::flush::FlushLoop;
use super::machine::unix_seconds;
use super::ship::PackLoop;
use super::worker::{Output, Route, Worker};
use crate::event::{Ack, Budget, Delivery, RateLimiter};
use crate::flusher::sls::pack::packer::{self, Packer};
use crate::flusher::sls::package::Destination;
use crate::flusher::sls::receipt::OnAck;
use crate::input::follow::catalog::{Catalog, Changes};
use crate::input::follow::track::Tracks;
use crate::processor::chain::Chain;
use crate::processor::lineup::Lineup;
use crate::processor::quarantine::Quarantine;
use crate::telemetry::alarm::Alarms;
use crate::telemetry::counter::PipelineCounters;

/// A pipeline that runs.
pub(super) struct Pipeline {
    pub(super) running: Arc<Running>,
    /// Where it ships to, an entry for each flusher.
    pub(super) destinations: Vec<Destination>,
    crew: Crew,
    /// Dropped to make flushers give up.
    abort: Option<Sender<Infallible>>,
}

/// What is known of a running pipeline.
pub(super) struct Running {
    pub(super) name: String,
    pub(super) lineup: Arc<Lineup>,
    pub(super) counters: Arc<PipelineCounters>,
    pub(super) tracks: Arc<Tracks>,
    /// What packs for its `flusher_sls`.
    pub(super) packers: Vec<Arc<packer::Counters>>,
    /// Closed when all its threads are done.
    pub(super) done: Receiver<Infallible>,
    /// It was told to end.
    pub(super) is_stopping: AtomicBool,
}

/// What all pipelines share.
pub(super) struct Commons {
    pub(super) budget: Arc<Budget>,
    /// Threads of a pipeline that read and process.
    pub(super) workers: usize,
    pub(super) rate: Option<Arc<Mutex<RateLimiter>>>,
    pub(super) next_generation: Arc<AtomicU64>,
    pub(super) has_panicked: Arc<AtomicBool>,
    /// Where events go at which processors fail.
    pub(super) quarantine: Option<Arc<dyn Quarantine>>,
    pub(super) alarms: Arc<Alarms>,
}

/// How the end of a pipeline went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything that it has read was delivered.
    Delivered,
    /// There was not enough time to deliver everything.
    Undelivered,
    /// There is something more urgent to do.
    Interrupted,
}

/// A pipeline that is being started.
struct Start<'a> {
    name: String,
    crew: Crew,
    counters: Arc<PipelineCounters>,
    aborted: Receiver<Infallible>,
    commons: &'a Commons,
    depot: &'a mut Depot,
    routes: Vec<Route>,
    packers: Vec<Arc<packer::Counters>>,
}

impl Pipeline {
    /// Starts the flushers and workers of a pipeline. Returns it with what looks for its files, which go on where
    /// they were left.
    pub(super) fn start(
        assembly: Assembly,
        rank: Rank,
        Left { files, alive_ns, memory }: Left,
        commons: &Commons,
        depot: &mut Depot,
    ) -> anyhow::Result<(Self, Input)> {
        let destinations = destinations(&assembly).cloned().collect();
        let Assembly { name, paths, follow, search_depth, ignores_unmatched, stages, outlets } = assembly;
        let (abort, aborted) = bounded(0);
        let mut start = Start {
            name: name.clone(),
            crew: Crew::new(&commons.has_panicked),
            counters: Arc::default(),
            aborted,
            commons,
            depot,
            routes: Vec::new(),
            packers: Vec::new(),
        };
        outlets.into_iter().try_for_each(|outlet| start.flusher(outlet))?;
        let spec = Arc::new(follow);
        let lineup = Arc::new(Lineup::new(&name, stages, unix_seconds()));
        let budget = commons.budget.share();
        let remembers = lineup.remembers();
        let tracks = if remembers { Tracks::with_marks } else { Tracks::new };
        let tracks = Arc::new(tracks(Arc::clone(&commons.next_generation)));
        start.depot.accounts.add(&name, &tracks);
        let mut orders = Vec::new();
        let alive = Arc::new(());
        let (going, stopped) = bounded(0);
        // What is remembered is remembered in one place.
        let workers = if remembers { 1 } else { commons.workers };
        for _ in 0..workers {
            let (sender, receiver) = unbounded();
            orders.push(sender);
            let worker = Worker {
                spec: Arc::clone(&spec),
                tracks: Arc::clone(&tracks),
                orders: receiver,
                output: Output {
                    pipeline: name.clone(),
                    ignores_unmatched,
                    chain: commons.chain(&name, &lineup, &stopped).with_memory(&memory),
                    has_news: false,
                    routes: start.routes.clone(),
                    budget: budget.clone(),
                    rate: commons.rate.clone(),
                    counters: Arc::clone(&start.counters),
                    alarms: Arc::clone(&commons.alarms),
                },
                next_memory: remembers.then(Instant::now),
            };
            let alive = Arc::clone(&alive);
            start.crew.spawn("worker", move || {
                worker.run();
                drop(alive);
            })?;
        }
        let Start { mut crew, counters, packers, .. } = start;
        let done = crew.complete();
        let catalog = Catalog::new(spec, Arc::clone(&tracks), files, alive_ns, search_depth);
        let reader = Reader {
            catalog,
            workers: orders,
            alive: Arc::downgrade(&alive),
            changes: Changes::default(),
            assigned: HashSet::new(),
            _going: going,
        };
        let input = Input { pipeline: name.clone(), rank, paths, reader: Some(reader) };
        let running =
            Arc::new(Running { name, lineup, counters, tracks, packers, done, is_stopping: AtomicBool::new(false) });
        Ok((Self { running, destinations, crew, abort: Some(abort) }, input))
    }

    /// Waits until everything that was read is delivered, after [`super::discover`] has let the workers go. Gives up
    /// when `patience` is spent, and then what was not delivered is as if it had not been read.
    pub(super) fn drain(&mut self, patience: Duration, interrupt: &Receiver<Infallible>) -> End {
        let deadline = Instant::now() + patience;
        let done = &self.running.done;
        select! {
            recv(done) -> _ => {}
            recv(interrupt) -> _ => return End::Interrupted,
            default(patience) => {}
        }
        while !(self.running.has_ended() && self.running.is_settled()) {
            // What is written is acknowledged by the threads that are gone then, and nobody else.
            let is_hopeless = self.running.has_ended() && self.running.packers.is_empty();
            if is_hopeless && !self.running.is_settled() || Instant::now() >= deadline {
                self.abort();
                self.wait(Instant::now() + ABORT_GRACE);
                return End::Undelivered;
            }
            if interrupt.recv_timeout(SETTLE_INTERVAL) == Err(RecvTimeoutError::Disconnected) {
                return End::Interrupted;
            }
        }
        End::Delivered
    }

    /// Waits until the threads have ended, at most until `deadline`. Returns whether they have.
    pub(super) fn wait(&mut self, deadline: Instant) -> bool {
        self.crew.wait(deadline)
    }

    /// Makes flushers give up.
    pub(super) fn abort(&mut self) {
        self.abort = None;
    }

    /// Collects the threads, and says what the pipeline did.
    pub(super) fn dismiss(self) {
        self.crew.dismiss();
        self.running.log_summary();
    }
}

impl Commons {
    /// The processors of a pipeline for one worker, which waits for them until `stopped` is closed.
    fn chain(&self, pipeline: &str, lineup: &Arc<Lineup>, stopped: &Receiver<Infallible>) -> Chain {
        let chain = Chain::new(pipeline, lineup, &self.alarms).with_stop(stopped.clone());
        match &self.quarantine {
            Some(quarantine) => chain.with_quarantine(Arc::clone(quarantine)),
            None => chain,
        }
    }
}

impl Start<'_> {
    /// Starts a flusher, and the way to it.
    fn flusher(&mut self, outlet: Outlet) -> anyhow::Result<()> {
        let Outlet { name, sink, match_rule } = outlet;
        let queued = if matches!(sink, Sink::Shipped(_)) { UNPACKED_BATCHES } else { QUEUED_BATCHES };
        let (deliveries, receiver) = bounded::<Delivery>(queued);
        let alive = Arc::new(());
        self.routes.push(Route { match_rule, deliveries, flusher: Arc::downgrade(&alive) });
        match sink {
            Sink::Written(flusher) => {
                let flush = FlushLoop {
                    pipeline: self.name.clone(),
                    name,
                    flusher,
                    deliveries: receiver,
                    abort: self.aborted.clone(),
                    alarms: Arc::clone(&self.commons.alarms),
                };
                let counters = Arc::clone(&self.counters);
                self.crew.spawn("flusher", move || {
                    flush.run(|ack| counters.acknowledged_events.add(ack.events as u64));
                    drop(alive);
                })?;
            }
            Sink::Shipped(shipment) => {
                let pack = self.pack_loop(*shipment, receiver)?;
                self.packers.push(pack.packer.counters());
                self.crew.spawn("packer", move || {
                    pack.run();
                    drop(alive);
                })?;
            }
        }
        Ok(())
    }

    /// What packs for a `flusher_sls`.
    fn pack_loop(&mut self, shipment: Shipment, deliveries: Receiver<Delivery>) -> anyhow::Result<PackLoop> {
        let Handover { packages, package_bytes, memory_bytes } = self.depot.open(&self.name, &shipment)?;
        let counters = Arc::clone(&self.counters);
        let on_ack: Arc<OnAck> = Arc::new(move |ack: &Ack| counters.acknowledged_events.add(ack.events as u64));
        let mut packer = Packer::new(shipment.pack, on_ack, Arc::clone(&self.commons.alarms));
        packer.hold_at_most(memory_bytes);
        Ok(PackLoop { packer, deliveries, courier: packages, package_bytes })
    }
}

impl Running {
    /// Whether all its threads are done.
    pub(super) fn has_ended(&self) -> bool {
        self.done.try_recv() == Err(crossbeam_channel::TryRecvError::Disconnected)
    }

    /// Whether all its flushers have taken everything.
    pub(super) fn is_delivered(&self) -> bool {
        self.counters.out_events.total() == self.counters.acknowledged_events.total()
    }

    /// Whether nothing that was read is on its way.
    fn is_settled(&self) -> bool {
        self.is_delivered() && self.tracks.all().iter().all(|track| track.standing().balance.in_flight == 0)
    }

    fn log_summary(&self) {
        for stage in self.lineup.stages() {
            let counters = &stage.counters;
            info!(pipeline = self.name, own = ?counters.own(), "{}: {}", stage.name, counters.totals());
        }
        info!(pipeline = self.name, "pipeline stopped: {}", self.counters.totals());
    }
}

/// Where a pipeline ships to, an entry for each flusher.
pub(super) fn destinations(assembly: &Assembly) -> impl Iterator<Item = &Destination> {
    assembly.outlets.iter().filter_map(|outlet| match &outlet.sink {
        Sink::Shipped(shipment) => Some(&shipment.destination),
        Sink::Written(_) => None,
    })
}

/// Batches that may wait for a flusher. The byte budget is what usually limits them.
const QUEUED_BATCHES: usize = 64;

/// Batches that may wait for being packed: what packs keeps enough of them itself.
const UNPACKED_BATCHES: usize = 2;

/// How soon it is looked again whether what a pipeline has packed was taken.
const SETTLE_INTERVAL: Duration = Duration::from_millis(5);

/// How long a flusher that was told to give up may take to do so.
pub(super) const ABORT_GRACE: Duration = Duration::from_secs(5);
