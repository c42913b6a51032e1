//! Runs pipelines until it is told to stop.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, unbounded};
use tracing::{error, info};

use super::assemble::{Assembly, Outlet, Shipment, Sink};
use super::checkpoints::{self, Checkpoints};
use super::control::Control;
use super::depot::{Depot, DepotSpec, Handover, NETWORK_GRACE, Station};
use super::discover::{Discovery, Ignored, Input, WALK_PERIOD};
use super::flush::FlushLoop;
use super::machine::unix_seconds;
use super::ship::PackLoop;
use super::worker::{Output, Route, Worker};
use crate::checkpoint::{Recovered, Store};
use crate::event::{Ack, Budget, Delivery, RateLimiter};
use crate::flusher::sls::pack::packer::{self, Packer};
use crate::flusher::sls::package::Destination;
use crate::flusher::sls::receipt::OnAck;
use crate::input::follow::catalog::{Catalog, Changes, Left};
use crate::input::follow::track::Tracks;
use crate::input::walk::Walker;
use crate::input::walk::hints::Hints;
use crate::processor::chain::Chain;
use crate::processor::lineup::Lineup;
use crate::telemetry::alarm::Alarms;
use crate::telemetry::counter::PipelineCounters;

/// What an agent runs with.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads per pipeline that read and process.
    pub workers: usize,
    /// Bytes that may be in flight, in all pipelines together.
    pub budget_bytes: usize,
    /// Bytes that may be read in a second, in all pipelines together.
    pub max_bytes_per_sec: Option<u64>,
    /// How long after an acknowledgement its checkpoint is on disk at the latest.
    pub checkpoint_interval: Duration,
}

/// Pipelines that run.
pub struct Agent {
    vitals: Arc<Vitals>,
    /// Answers questions until the end.
    control: Option<Control>,
    threads: Vec<JoinHandle<()>>,
    /// A thread is gone that others rely on: the agent ends, so that what starts it can start it anew.
    has_panicked: Arc<AtomicBool>,
    /// Dropped to stop the workers.
    stop: Sender<Infallible>,
    /// Dropped to make flushers give up.
    abort: Sender<Infallible>,
    /// Closed when all threads are done.
    done: Receiver<Infallible>,
    /// Dropped to have the last checkpoints saved, when nothing changes any more.
    settled: Sender<Infallible>,
    checkpoints: JoinHandle<()>,
    /// Where requests are made.
    network: Option<tokio::runtime::Runtime>,
    alarms: Arc<Alarms>,
}

/// What is known of a running agent.
pub(super) struct Vitals {
    pub(super) started: Instant,
    pub(super) budget: Arc<Budget>,
    pub(super) pipelines: Vec<Running>,
    pub(super) ignored: Arc<Ignored>,
    pub(super) stations: Vec<Station>,
}

/// What is known of a running pipeline.
pub(super) struct Running {
    pub(super) name: String,
    pub(super) lineup: Arc<Lineup>,
    pub(super) counters: Arc<PipelineCounters>,
    pub(super) tracks: Arc<Tracks>,
    /// What packs for its `flusher_sls`.
    pub(super) packers: Vec<Arc<packer::Counters>>,
}

impl Agent {
    /// Starts pipelines. Files go on where `store` says that they had come to, which is what was `recovered` from it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        assemblies: Vec<Assembly>,
        (store, recovered): (Store, Recovered),
        depot: DepotSpec,
        options: Options,
        alarms: &Arc<Alarms>,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = bounded(0);
        let (abort, aborted) = bounded(0);
        let (undone, done) = bounded(0);
        let destinations: Vec<&Destination> = assemblies.iter().flat_map(destinations).collect();
        let depot = Depot::new(depot, &destinations, options.budget_bytes, alarms);
        let mut start = Start {
            depot,
            budget: Budget::new(options.budget_bytes),
            workers: options.workers.max(1),
            rate: options.max_bytes_per_sec.map(|rate| Arc::new(Mutex::new(RateLimiter::new(rate, Instant::now())))),
            next_generation: Arc::new(AtomicU64::new(recovered.next_generation.max(1))),
            recovered,
            stopped: stopped.clone(),
            aborted,
            undone,
            alarms: Arc::clone(alarms),
            running: Vec::new(),
            threads: Vec::new(),
            has_panicked: Arc::default(),
        };
        let inputs = assemblies.into_iter().map(|assembly| start.pipeline(assembly)).collect::<Result<Vec<_>, _>>()?;
        start.depot.tell_orphans();
        let ignored = Arc::new(Ignored::default());
        let discovery = Discovery {
            walker: Walker::new(inputs.iter().map(|input| Arc::clone(&input.paths)).collect(), WALK_PERIOD),
            hints: Hints::new(),
            inputs,
            passed_over: Arc::clone(&ignored),
            stop: stopped,
            alarms: Arc::clone(alarms),
        };
        start.spawn("discovery", move || discovery.run())?;
        let (settled, is_settled) = bounded(0);
        let saved = start.recovered.entries.into_iter().map(|entry| (entry.generation, entry));
        let checkpoints = Checkpoints {
            store,
            pipelines: start
                .running
                .iter()
                .map(|running| (running.name.clone(), Arc::clone(&running.tracks)))
                .collect(),
            saved: saved.collect(),
            interval: options.checkpoint_interval,
            stop: is_settled,
            alarms: Arc::clone(alarms),
        };
        let watch = PanicWatch(Arc::clone(&start.has_panicked));
        let checkpoints = thread::Builder::new().name("checkpoints".to_owned()).spawn(move || {
            let _watch = watch;
            checkpoints.run();
        })?;
        let Start { depot, budget, running: pipelines, threads, has_panicked, alarms, .. } = start;
        let (stations, network) = depot.close();
        let vitals = Arc::new(Vitals { started: Instant::now(), budget, pipelines, ignored, stations });
        let control = None;
        Ok(Self { vitals, control, threads, has_panicked, stop, abort, done, settled, checkpoints, network, alarms })
    }

    /// Answers questions on a socket in `data_dir`, which this agent alone uses, until it stops.
    ///
    /// # Errors
    /// When that is not possible; nothing else is different then.
    pub fn listen(&mut self, data_dir: &Path) -> io::Result<()> {
        self.control = Some(Control::listen(data_dir, Arc::clone(&self.vitals))?);
        Ok(())
    }

    /// Whether all pipelines have ended by themselves, since nothing takes their events any more, or something is broken.
    pub fn has_ended(&self) -> bool {
        self.done.try_recv() == Err(TryRecvError::Disconnected) || self.has_panicked.load(Ordering::Relaxed)
    }

    /// Stops reading, delivers what is in flight for at most `patience`, and logs what each pipeline did.
    ///
    /// Returns whether everything was delivered, or is on disk for the next agent.
    pub fn stop(self, patience: Duration) -> bool {
        drop(self.stop);
        let drained = self.done.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected);
        if !drained {
            error!(patience_secs = patience.as_secs(), "not everything could be delivered in time, giving up");
        }
        drop(self.abort);
        // A thread that hangs in a call of the system ends with the process, and cannot be waited for.
        let ended = drained || self.done.recv_timeout(ABORT_GRACE) == Err(RecvTimeoutError::Disconnected);
        let panicked = ended && self.threads.into_iter().filter_map(|thread| thread.join().err()).count() > 0;
        self.network.into_iter().for_each(|network| network.shutdown_timeout(NETWORK_GRACE));
        drop(self.settled);
        let panicked = self.checkpoints.join().is_err() || panicked;
        if panicked {
            error!("a thread of the agent panicked");
        }
        self.alarms.finish();
        drop(self.control);
        let pipelines = &self.vitals.pipelines;
        pipelines.iter().for_each(Running::log_summary);
        ended && !panicked && pipelines.iter().all(Running::is_delivered)
    }
}

/// An agent that is being started.
struct Start {
    depot: Depot,
    budget: Arc<Budget>,
    workers: usize,
    rate: Option<Arc<Mutex<RateLimiter>>>,
    next_generation: Arc<AtomicU64>,
    recovered: Recovered,
    stopped: Receiver<Infallible>,
    aborted: Receiver<Infallible>,
    undone: Sender<Infallible>,
    alarms: Arc<Alarms>,
    running: Vec<Running>,
    threads: Vec<JoinHandle<()>>,
    has_panicked: Arc<AtomicBool>,
}

impl Start {
    /// Starts the flushers and workers of a pipeline, and returns what looks for its files.
    fn pipeline(&mut self, assembly: Assembly) -> anyhow::Result<Input> {
        let Assembly { name, paths, follow, search_depth, ignores_unmatched, stages, outlets } = assembly;
        let counters = Arc::new(PipelineCounters::default());
        let (mut routes, mut packers) = (Vec::new(), Vec::new());
        for Outlet { name: outlet, sink, match_rule } in outlets {
            let queued = if matches!(sink, Sink::Shipped(_)) { UNPACKED_BATCHES } else { QUEUED_BATCHES };
            let (deliveries, receiver) = bounded::<Delivery>(queued);
            let alive = Arc::new(());
            routes.push(Route { match_rule, deliveries, flusher: Arc::downgrade(&alive) });
            match sink {
                Sink::Written(flusher) => {
                    let flush = FlushLoop {
                        pipeline: name.clone(),
                        name: outlet,
                        flusher,
                        deliveries: receiver,
                        abort: self.aborted.clone(),
                        alarms: Arc::clone(&self.alarms),
                    };
                    let counters = Arc::clone(&counters);
                    self.spawn("flusher", move || {
                        flush.run(|ack| counters.acknowledged_events.add(ack.events as u64));
                        drop(alive);
                    })?;
                }
                Sink::Shipped(shipment) => {
                    let pack = self.pack_loop(&name, *shipment, receiver, &counters)?;
                    packers.push(pack.packer.counters());
                    self.spawn("packer", move || {
                        pack.run();
                        drop(alive);
                    })?;
                }
            }
        }
        let spec = Arc::new(follow);
        let lineup = Arc::new(Lineup::new(&name, stages, unix_seconds()));
        let budget = self.budget.share();
        let tracks = Arc::new(Tracks::new(Arc::clone(&self.next_generation)));
        self.depot.accounts.add(&name, &tracks);
        let mut orders = Vec::new();
        let alive = Arc::new(());
        for _ in 0..self.workers {
            let (sender, receiver) = unbounded();
            orders.push(sender);
            let worker = Worker {
                spec: Arc::clone(&spec),
                tracks: Arc::clone(&tracks),
                orders: receiver,
                output: Output {
                    pipeline: name.clone(),
                    ignores_unmatched,
                    chain: Chain::new(&name, &lineup, &self.alarms).with_stop(self.stopped.clone()),
                    routes: routes.clone(),
                    budget: budget.clone(),
                    rate: self.rate.clone(),
                    counters: Arc::clone(&counters),
                    alarms: Arc::clone(&self.alarms),
                },
            };
            let alive = Arc::clone(&alive);
            self.spawn("worker", move || {
                worker.run();
                drop(alive);
            })?;
        }
        let (left, alive_ns) = self.left(&name);
        let catalog = Catalog::new(spec, Arc::clone(&tracks), left, alive_ns, search_depth);
        self.running.push(Running { name: name.clone(), lineup, counters, tracks, packers });
        Ok(Input {
            pipeline: name,
            paths,
            catalog,
            workers: orders,
            alive: Arc::downgrade(&alive),
            changes: Changes::default(),
        })
    }

    /// What packs for a `flusher_sls`. The courier of its destination is started if that has none yet.
    fn pack_loop(
        &mut self,
        pipeline: &str,
        shipment: Shipment,
        deliveries: Receiver<Delivery>,
        counters: &Arc<PipelineCounters>,
    ) -> anyhow::Result<PackLoop> {
        let (Handover { packages, package_bytes, memory_bytes }, courier) =
            self.depot.open(pipeline, &shipment, &self.aborted)?;
        if let Some(courier) = courier {
            self.spawn("courier", move || courier.run())?;
        }
        let counters = Arc::clone(counters);
        let on_ack: Arc<OnAck> = Arc::new(move |ack: &Ack| counters.acknowledged_events.add(ack.events as u64));
        let mut packer = Packer::new(shipment.pack, on_ack, Arc::clone(&self.alarms));
        packer.hold_at_most(memory_bytes);
        Ok(PackLoop { packer, deliveries, courier: packages, package_bytes })
    }

    /// What an earlier agent has left of a pipeline, and when that was there last, in Unix nanoseconds.
    fn left(&self, pipeline: &str) -> (Vec<Left>, Option<i64>) {
        let entries = self.recovered.entries.iter().filter(|entry| entry.pipeline == pipeline);
        let left: Vec<Left> = entries.cloned().map(checkpoints::left).collect();
        let alive_at = self.recovered.alive_at.filter(|_| !left.is_empty());
        (left, alive_at.map(|seconds| seconds.saturating_mul(1_000_000_000)))
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        let undone = self.undone.clone();
        let watch = PanicWatch(Arc::clone(&self.has_panicked));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _watch = watch;
            work();
            drop(undone);
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

/// Where a pipeline ships to.
fn destinations(assembly: &Assembly) -> impl Iterator<Item = &Destination> {
    assembly.outlets.iter().filter_map(|outlet| match &outlet.sink {
        Sink::Shipped(shipment) => Some(&shipment.destination),
        Sink::Written(_) => None,
    })
}

/// Notes when the thread that holds it panics.
struct PanicWatch(Arc<AtomicBool>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Running {
    fn is_delivered(&self) -> bool {
        self.counters.out_events.total() == self.counters.acknowledged_events.total()
    }

    fn log_summary(&self) {
        for stage in self.lineup.stages() {
            let counters = &stage.counters;
            info!(pipeline = self.name, own = ?counters.own(), "{}: {}", stage.name, counters.totals());
        }
        info!(pipeline = self.name, "pipeline stopped: {}", self.counters.totals());
    }
}

/// Batches that may wait for a flusher. The byte budget is what usually limits them.
const QUEUED_BATCHES: usize = 64;

/// Batches that may wait for being packed: what packs keeps enough of them itself.
const UNPACKED_BATCHES: usize = 2;

/// How long a flusher that was told to give up may take to do so.
const ABORT_GRACE: Duration = Duration::from_secs(5);
