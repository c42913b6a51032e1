//! Runs pipelines until it is told to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, unbounded};
use tracing::{error, info};

use super::assemble::Assembly;
use super::discover::Discovery;
use super::flush::FlushLoop;
use super::scan::Scan;
use super::worker::{Output, Route, Worker};
use crate::event::{Budget, Delivery, Share};
use crate::input::catalog::Catalog;
use crate::input::track::Tracks;
use crate::processor::chain::{Chain, Stage};
use crate::telemetry::alarm::Alarms;
use crate::telemetry::counter::PipelineCounters;

/// What an agent runs with.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads per pipeline that read and process.
    pub workers: usize,
    /// Bytes that may be in flight, in all pipelines together.
    pub budget_bytes: usize,
}

/// Pipelines that run.
pub struct Agent {
    running: Vec<Running>,
    threads: Vec<JoinHandle<()>>,
    /// Dropped to stop the workers.
    stop: Sender<Infallible>,
    /// Dropped to make flushers give up.
    abort: Sender<Infallible>,
    /// Closed when all threads are done.
    done: Receiver<Infallible>,
    alarms: Arc<Alarms>,
    next_generation: Arc<AtomicU64>,
}

/// What is known of a running pipeline.
struct Running {
    name: String,
    stages: Vec<Arc<Stage>>,
    counters: Arc<PipelineCounters>,
}

impl Agent {
    /// Starts pipelines.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(assemblies: Vec<Assembly>, options: Options, alarms: &Arc<Alarms>) -> anyhow::Result<Self> {
        let budget = Budget::new(options.budget_bytes);
        let (stop, stopped) = bounded(0);
        let (abort, aborted) = bounded(0);
        let (undone, done) = bounded(0);
        let alarms = Arc::clone(alarms);
        let next_generation = Arc::new(AtomicU64::new(1));
        let mut agent = Self { running: Vec::new(), threads: Vec::new(), stop, abort, done, alarms, next_generation };
        for assembly in assemblies {
            agent.start_pipeline(assembly, options.workers, &budget.share(), &stopped, &aborted, &undone)?;
        }
        Ok(agent)
    }

    fn start_pipeline(
        &mut self,
        assembly: Assembly,
        workers: usize,
        budget: &Share,
        stopped: &Receiver<Infallible>,
        aborted: &Receiver<Infallible>,
        undone: &Sender<Infallible>,
    ) -> anyhow::Result<()> {
        let Assembly { name, paths, follow, search_depth, ignores_unmatched, stages, outlets } = assembly;
        let counters = Arc::new(PipelineCounters::default());
        let mut routes = Vec::new();
        for outlet in outlets {
            let (sender, receiver) = bounded::<Delivery>(QUEUED_BATCHES);
            let alive = Arc::new(());
            let flusher = Arc::downgrade(&alive);
            routes.push(Route { match_rule: outlet.match_rule, deliveries: sender, flusher });
            let flush = FlushLoop {
                pipeline: name.clone(),
                name: outlet.name,
                flusher: outlet.flusher,
                deliveries: receiver,
                abort: aborted.clone(),
                alarms: Arc::clone(&self.alarms),
            };
            let counters = Arc::clone(&counters);
            self.spawn("flusher", undone, move || {
                flush.run(|ack| counters.acknowledged_events.add(ack.events as u64));
                drop(alive);
            })?;
        }
        let spec = Arc::new(follow);
        let tracks = Arc::new(Tracks::new(Arc::clone(&self.next_generation)));
        let mut orders = Vec::new();
        for _ in 0..workers.max(1) {
            let (sender, receiver) = unbounded();
            orders.push(sender);
            let worker = Worker {
                spec: Arc::clone(&spec),
                tracks: Arc::clone(&tracks),
                orders: receiver,
                output: Output {
                    pipeline: name.clone(),
                    ignores_unmatched,
                    chain: Chain::new(&name, &stages, &self.alarms),
                    routes: routes.clone(),
                    budget: budget.clone(),
                    counters: Arc::clone(&counters),
                    alarms: Arc::clone(&self.alarms),
                },
            };
            self.spawn("worker", undone, move || worker.run())?;
        }
        let discovery = Discovery {
            pipeline: name.clone(),
            scan: Scan { paths, known: std::collections::HashMap::default() },
            catalog: Catalog::new(spec, Arc::clone(&tracks), Vec::new(), None, search_depth),
            workers: orders,
            stop: stopped.clone(),
            alarms: Arc::clone(&self.alarms),
        };
        self.spawn("discovery", undone, move || discovery.run())?;
        self.running.push(Running { name, stages, counters });
        Ok(())
    }

    fn spawn(
        &mut self,
        name: &str,
        undone: &Sender<Infallible>,
        work: impl FnOnce() + Send + 'static,
    ) -> anyhow::Result<()> {
        let undone = undone.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            work();
            drop(undone);
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Whether all pipelines have ended by themselves, since nothing takes their events any more.
    pub fn has_ended(&self) -> bool {
        self.done.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Stops reading, delivers what is in flight for at most `patience`, and logs what each pipeline did.
    ///
    /// Returns whether everything was delivered.
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
        if panicked {
            error!("a thread of the agent panicked");
        }
        self.alarms.finish();
        self.running.iter().for_each(Running::log_summary);
        drained && !panicked && self.running.iter().all(Running::is_delivered)
    }
}

impl Running {
    fn is_delivered(&self) -> bool {
        self.counters.out_events.total() == self.counters.acknowledged_events.total()
    }

    fn log_summary(&self) {
        for stage in &self.stages {
            let counters = &stage.counters;
            info!(
                pipeline = self.name,
                in_events_total = counters.in_events.total(),
                out_events_total = counters.out_events.total(),
                out_successful_events_total = counters.successful_events.total(),
                out_failed_events_total = counters.failed_events.total(),
                out_key_not_found_events_total = counters.key_not_found_events.total(),
                discarded_events_total = counters.discarded_events.total(),
                faulted_events_total = counters.faulted_events.total(),
                own = ?counters.own(),
                "{}",
                stage.name
            );
        }
        let counters = &self.counters;
        info!(
            pipeline = self.name,
            read_bytes_total = counters.read_bytes.total(),
            read_events_total = counters.read_events.total(),
            empty_events_total = counters.empty_events.total(),
            unmatched_events_total = counters.unmatched_events.total(),
            cut_records_total = counters.cut_records.total(),
            unmatched_lines_total = counters.unmatched_lines.total(),
            discarded_lines_total = counters.discarded_lines.total(),
            undecodable_lines_total = counters.undecodable_lines.total(),
            out_events_total = counters.out_events.total(),
            acknowledged_events_total = counters.acknowledged_events.total(),
            "pipeline stopped"
        );
    }
}

/// Batches that may wait for a flusher. The byte budget is what usually limits them.
const QUEUED_BATCHES: usize = 64;

/// How long a flusher that was told to give up may take to do so.
const ABORT_GRACE: Duration = Duration::from_secs(1);
