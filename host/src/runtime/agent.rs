//! Runs pipelines until it is told to stop. They come and go meanwhile.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::error;

use super::Rank;
use super::assemble::Assembly;
use super::checkpoints::{self, Checkpoints};
use super::control::{Control, ReloadRequests};
use super::crew::Crew;
use super::depot::{Depot, DepotSpec, Stations};
use super::discover::{Ignored, Input, Request, Requests};
use super::pipeline::{ABORT_GRACE, Commons, End, Pipeline, Running};
use super::processors::Named;
use super::status::ConfigStatus;
use super::trials::{self, Trials};
use crate::checkpoint::{Recovered, Store};
use crate::event::{Budget, RateLimiter};
use crate::flusher::sls::package::Destination;
use crate::processor::quarantine::Quarantine;
use crate::processor::stage::Stage;
use crate::telemetry::alarm::{Alarm, Alarms};

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
    commons: Commons,
    depot: Depot,
    pipelines: Vec<Pipeline>,
    /// Inputs that are not told to discovery yet.
    arriving: Vec<Input>,
    discovery: Requests,
    discovery_crew: Crew,
    checkpoints: Arc<Mutex<Checkpoints>>,
    /// Dropped to have the last checkpoints saved, when nothing changes any more.
    settled: Sender<Infallible>,
    keepers: Crew,
    /// Answers questions until the end.
    control: Option<Control>,
}

/// Tells how an agent is, whoever has it.
#[derive(Clone)]
pub struct Pulse {
    vitals: Arc<Vitals>,
    has_panicked: Arc<AtomicBool>,
}

/// What is known of a running agent.
pub(super) struct Vitals {
    pub(super) started: Instant,
    pub(super) budget: Arc<Budget>,
    pub(super) pipelines: Mutex<Vec<Arc<Running>>>,
    /// The configs of pipelines, also of those that do not run, by the names of these.
    pub(super) configs: Mutex<Vec<(String, ConfigStatus)>>,
    pub(super) ignored: Arc<Ignored>,
    pub(super) stations: Arc<Stations>,
    pub(super) quarantine: Option<Arc<dyn Quarantine>>,
}

impl Vitals {
    /// The pipelines that run now.
    pub(super) fn pipelines(&self) -> MutexGuard<'_, Vec<Arc<Running>>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The processors of the pipelines that run now.
    pub(super) fn lineups(&self) -> Vec<Named> {
        self.pipelines().iter().map(|running| (running.name.clone(), Arc::clone(&running.lineup))).collect()
    }

    /// What is known of configs now.
    pub(super) fn configs(&self) -> MutexGuard<'_, Vec<(String, ConfigStatus)>> {
        self.configs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agent {
    /// Starts an agent without a pipeline. Files go on where `store` says that they had come to, which is what was
    /// `recovered` from it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        (store, recovered): (Store, Recovered),
        depot: DepotSpec,
        options: Options,
        quarantine: Option<Arc<dyn Quarantine>>,
        alarms: &Arc<Alarms>,
    ) -> anyhow::Result<Self> {
        let has_panicked = Arc::default();
        let commons = Commons {
            budget: Budget::new(options.budget_bytes),
            workers: options.workers.max(1),
            rate: options.max_bytes_per_sec.map(|rate| Arc::new(Mutex::new(RateLimiter::new(rate, Instant::now())))),
            next_generation: Arc::new(AtomicU64::new(recovered.next_generation.max(1))),
            has_panicked: Arc::clone(&has_panicked),
            quarantine,
            alarms: Arc::clone(alarms),
        };
        let depot = Depot::new(depot, options.budget_bytes, &has_panicked, alarms);
        let ignored = Arc::new(Ignored::default());
        let (requests, discovery) = Requests::new(&ignored, alarms);
        let mut discovery_crew = Crew::new(&has_panicked);
        discovery_crew.spawn("discovery", move || discovery.run())?;
        let checkpoints = Arc::new(Mutex::new(Checkpoints::new(store, recovered, alarms)));
        let (settled, is_settled) = bounded(0);
        let mut keepers = Crew::new(&has_panicked);
        let (shared, interval, stop) = (Arc::clone(&checkpoints), options.checkpoint_interval, is_settled.clone());
        keepers.spawn("checkpoints", move || checkpoints::run(&shared, interval, &stop))?;
        let vitals = Arc::new(Vitals {
            started: Instant::now(),
            budget: Arc::clone(&commons.budget),
            pipelines: Mutex::default(),
            configs: Mutex::default(),
            ignored,
            stations: Arc::clone(depot.stations()),
            quarantine: commons.quarantine.clone(),
        });
        let watched = Arc::clone(&vitals);
        let trials = Trials { lineups: move || watched.lineups(), stop: is_settled, alarms: Arc::clone(alarms) };
        keepers.spawn("trials", move || trials.run())?;
        Ok(Self {
            vitals,
            commons,
            depot,
            pipelines: Vec::new(),
            arriving: Vec::new(),
            discovery: requests,
            discovery_crew,
            checkpoints,
            settled,
            keepers,
            control: None,
        })
    }

    /// Answers questions on a socket in `data_dir`, which this agent alone uses, until it stops. Who is asked to look
    /// at the configs gets `reloads`.
    ///
    /// # Errors
    /// When that is not possible; nothing else is different then.
    pub fn listen(&mut self, data_dir: &Path, reloads: ReloadRequests) -> io::Result<()> {
        self.control = Some(Control::listen(data_dir, Arc::clone(&self.vitals), reloads)?);
        Ok(())
    }

    /// What tells how the agent is.
    pub fn pulse(&self) -> Pulse {
        Pulse { vitals: Arc::clone(&self.vitals), has_panicked: Arc::clone(&self.commons.has_panicked) }
    }

    /// Says where pipelines will ship to that are added soon, an entry for each flusher. Destinations to which nothing
    /// ships any more are closed: what waits for one of them may follow its logstore to another endpoint. Returns
    /// whether there were any.
    pub(super) fn make_room(&mut self, coming: &[Destination]) -> bool {
        let running = self.pipelines.iter().flat_map(|pipeline| &pipeline.destinations);
        let meant: Vec<&Destination> = running.chain(coming).collect();
        self.depot.mean(&meant);
        self.depot.close_unused()
    }

    /// Starts a pipeline, whose files go on where one of this name left them. They are looked for from [`Self::look`]
    /// on.
    pub(super) fn add(&mut self, assembly: Assembly, rank: Rank) -> anyhow::Result<()> {
        let name = assembly.name.clone();
        let left = checkpoints::lock(&self.checkpoints).left(&name);
        let (pipeline, input) = match Pipeline::start(assembly, rank, left, &self.commons, &mut self.depot) {
            Ok(started) => started,
            Err(error) => {
                self.depot.leave(&name);
                self.depot.accounts.remove(&name);
                self.discovery.send(Request::Remove(name));
                return Err(error);
            }
        };
        checkpoints::lock(&self.checkpoints).begin(&name, &pipeline.running.tracks);
        self.vitals.pipelines().push(Arc::clone(&pipeline.running));
        self.pipelines.push(pipeline);
        self.arriving.push(input);
        Ok(())
    }

    /// Has the files of the pipelines looked for that were added.
    pub(super) fn look(&mut self) {
        let arriving = std::mem::take(&mut self.arriving);
        if !arriving.is_empty() {
            self.discovery.send(Request::Add(arriving));
        }
    }

    /// Stops a pipeline: it reads no more, and delivers what it has read. What it could not deliver when `patience` is
    /// spent is as if it had not been read. If another one of its name `is_coming`, its files belong to nobody else
    /// meanwhile.
    ///
    /// If there was an interrupt, the pipeline is still there, and its end goes on.
    pub(super) fn end(
        &mut self,
        name: &str,
        is_coming: bool,
        patience: Duration,
        interrupt: &Receiver<Infallible>,
    ) -> End {
        let Some(place) = self.pipelines.iter().position(|pipeline| pipeline.running.name == name) else {
            return End::Delivered;
        };
        // Its files go to others when it has done with them.
        self.pipelines[place].running.is_stopping.store(true, Ordering::Relaxed);
        self.discovery.send(Request::Suspend(name.to_owned()));
        let end = self.pipelines[place].drain(patience, interrupt);
        if end == End::Interrupted {
            return end;
        }
        if !is_coming {
            self.discovery.send(Request::Remove(name.to_owned()));
        }
        let pipeline = self.pipelines.remove(place);
        self.vitals.pipelines().retain(|running| !Arc::ptr_eq(running, &pipeline.running));
        checkpoints::lock(&self.checkpoints).end(name);
        self.depot.leave(name);
        self.depot.accounts.remove(name);
        pipeline.dismiss();
        if end == End::Undelivered {
            self.commons.alarms.raise(&Alarm {
                kind: "CONFIG_UPDATE_ALARM".to_owned(),
                pipeline: name.to_owned(),
                part: String::new(),
                place: None,
                message: format!(
                    "not all that was read could be delivered in {} s; lines of it may be delivered twice",
                    patience.as_secs()
                ),
                occurrences: 1,
            });
        }
        end
    }

    /// Gives a pipeline other processors, between two batches of each worker.
    pub(super) fn replace_processors(&self, name: &str, stages: &[Arc<Stage>]) {
        if let Some(pipeline) = self.pipelines.iter().find(|pipeline| pipeline.running.name == name) {
            let turns = pipeline.running.lineup.change(stages, trials::now());
            turns.iter().for_each(|turn| trials::tell(name, turn, &self.commons.alarms));
        }
    }

    /// Whether a pipeline runs as one whose processors remember something.
    pub(super) fn remembers(&self, name: &str) -> bool {
        let pipeline = self.pipelines.iter().find(|pipeline| pipeline.running.name == name);
        pipeline.is_some_and(|pipeline| pipeline.running.tracks.has_marks())
    }

    /// The processors that the config of a pipeline asked for last, and those that run.
    pub(super) fn stages(&self, name: &str) -> Vec<Arc<Stage>> {
        let pipeline = self.pipelines.iter().find(|pipeline| pipeline.running.name == name);
        pipeline.map(|pipeline| pipeline.running.lineup.known()).unwrap_or_default()
    }

    /// Says where something waits to which nothing is shipped any more.
    pub(super) fn tell_orphans(&self) {
        self.depot.tell_orphans();
    }

    /// Has status show these configs.
    pub(super) fn show_configs(&self, configs: Vec<(String, ConfigStatus)>) {
        *self.vitals.configs() = configs;
    }

    /// What raises alarms.
    pub(super) fn alarms(&self) -> &Arc<Alarms> {
        &self.commons.alarms
    }

    /// How many workers a pipeline has.
    pub(super) fn workers(&self) -> usize {
        self.commons.workers
    }

    /// Stops reading, delivers what is in flight for at most `patience`, and logs what each pipeline did.
    ///
    /// Returns whether everything was delivered, or is on disk for the next agent.
    pub fn stop(mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.arriving.clear();
        drop(self.discovery);
        self.discovery_crew.wait(deadline);
        let mut is_in_time = true;
        for pipeline in &mut self.pipelines {
            is_in_time &= pipeline.wait(deadline);
        }
        if !is_in_time {
            give_up(patience);
            self.pipelines.iter_mut().for_each(Pipeline::abort);
        }
        let (couriers_ended, couriers_in_time) = if is_in_time {
            self.depot.end(deadline, ABORT_GRACE)
        } else {
            // Packers hold on to couriers, and end when those take nothing any more.
            self.depot.end(Instant::now(), ABORT_GRACE)
        };
        if is_in_time && !couriers_in_time {
            give_up(patience);
        }
        let grace = Instant::now() + ABORT_GRACE;
        let mut ended = true;
        for pipeline in &mut self.pipelines {
            ended &= pipeline.wait(grace);
        }
        drop(self.settled);
        self.keepers.wait(Instant::now() + LONGEST_SAVE);
        let panicked = self.commons.has_panicked.load(Ordering::Relaxed);
        if panicked {
            error!("a thread of the agent panicked");
        }
        self.commons.alarms.finish();
        drop(self.control);
        let delivered = self.pipelines.iter().all(|pipeline| pipeline.running.is_delivered());
        self.pipelines.into_iter().for_each(Pipeline::dismiss);
        [self.discovery_crew, self.keepers].into_iter().for_each(Crew::dismiss);
        ended && couriers_ended && !panicked && delivered
    }
}

impl Pulse {
    /// Whether all pipelines have ended by themselves, since nothing takes their events any more, or something is
    /// broken.
    pub fn has_ended(&self) -> bool {
        let pipelines = self.vitals.pipelines();
        let has_ended = |running: &Arc<Running>| running.has_ended() && !running.is_stopping.load(Ordering::Relaxed);
        let all_ended = !pipelines.is_empty() && pipelines.iter().all(has_ended);
        all_ended || self.has_panicked.load(Ordering::Relaxed)
    }
}

fn give_up(patience: Duration) {
    error!(patience_secs = patience.as_secs(), "not everything could be delivered in time, giving up");
}

/// How long the last checkpoints may take.
const LONGEST_SAVE: Duration = Duration::from_secs(60);
