//! Finds the files of all pipelines and hands them to the workers, on a thread of its own.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use tracing::info;

use super::Rank;
use super::worker::Order;
use crate::input::follow::catalog::{Action, Catalog, Changes, Moment, Told};
use crate::input::paths::owner::ownership;
use crate::input::paths::{PathSet, Verdict};
use crate::input::walk::hints::{Hints, Waker};
use crate::input::walk::trouble::Trouble;
use crate::input::walk::{Change, PassedOver, Walker};
use crate::telemetry::alarm::{Alarm, Alarms};

/// The discovery of files, for the pipelines that there are now.
pub(super) struct Discovery {
    pub(super) walker: Walker,
    pub(super) hints: Hints,
    /// In the order of their ranks.
    pub(super) inputs: Vec<Input>,
    /// Closed when the agent stops.
    pub(super) requests: Receiver<Request>,
    /// Everything was looked at since the inputs changed last.
    pub(super) is_settled: bool,
    /// What was found and is not collected, for those who ask.
    pub(super) passed_over: Arc<Ignored>,
    pub(super) alarms: Arc<Alarms>,
}

/// What is to change about the inputs.
pub(super) enum Request {
    /// These are there too, all at once: who owns a file depends on all of them. Each takes the place of one with its
    /// name.
    Add(Vec<Input>),
    /// The workers of this pipeline are told of nothing more, so that they stop. Its files belong to nobody else
    /// meanwhile.
    Suspend(String),
    /// This pipeline is gone. Its files belong to others from now on, if these mean them.
    Remove(String),
}

/// The way to a discovery that runs.
pub(super) struct Requests {
    sender: Sender<Request>,
    waker: Waker,
}

/// Files and directories that patterns name, or nearly do, and that are not collected, by reason.
#[derive(Debug, Default)]
pub(super) struct Ignored(Mutex<HashMap<Verdict, PassedOver>>);

/// The input of one pipeline.
pub(super) struct Input {
    pub(super) pipeline: String,
    /// Of two that mean a file with equal right, the one with the lower rank owns it.
    pub(super) rank: Rank,
    pub(super) paths: Arc<PathSet>,
    /// `None` while the pipeline is being replaced.
    pub(super) reader: Option<Reader>,
}

/// Who reads the files of a pipeline.
pub(super) struct Reader {
    pub(super) catalog: Catalog,
    /// To the workers. Which one a file goes to is up to its lane, so that its lines stay in order.
    pub(super) workers: Vec<Sender<Order>>,
    /// Gone when the workers are.
    pub(super) alive: Weak<()>,
    /// What changed and was not told to the catalog yet.
    pub(super) changes: Changes,
    /// The paths that were assigned to it since the inputs changed last.
    pub(super) assigned: HashSet<PathBuf>,
    /// Dropped with it: then workers wait for nothing any more.
    pub(super) _going: Sender<Infallible>,
}

impl Requests {
    /// Begins to look for files, and returns the way to whoever does, and what is to run on a thread of its own.
    pub(super) fn new(passed_over: &Arc<Ignored>, alarms: &Arc<Alarms>) -> (Self, Discovery) {
        let (sender, requests) = unbounded();
        let hints = Hints::new();
        let waker = hints.waker();
        let discovery = Discovery {
            walker: Walker::new(Vec::new(), WALK_PERIOD),
            hints,
            inputs: Vec::new(),
            requests,
            is_settled: true,
            passed_over: Arc::clone(passed_over),
            alarms: Arc::clone(alarms),
        };
        (Self { sender, waker }, discovery)
    }

    /// Asks for something. It is done soon.
    pub(super) fn send(&self, request: Request) {
        // If nobody looks for files any more, the agent is ending.
        let _ = self.sender.send(request);
        self.waker.wake();
    }
}

impl Discovery {
    /// Runs until the agent stops. The workers stop then, too.
    pub(super) fn run(mut self) {
        while self.take_requests() {
            let instant = Instant::now();
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = Moment { instant, unix_ns: i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX) };
            let polled = self.walker.poll(now.instant, now.unix_ns, SLICE);
            polled.changes.into_iter().for_each(|change| self.assign(change));
            polled.troubles.iter().chain(&self.hints.take_troubles()).for_each(|trouble| self.report(trouble));
            for (reason, passed_over) in polled.passed_over {
                self.mention(&reason, passed_over.count, &passed_over.example);
                self.passed_over.add(reason, passed_over);
            }
            // What was left of a pipeline can be told from what is new only when everything there was seen.
            if polled.is_done && !std::mem::replace(&mut self.is_settled, true) {
                self.inputs.iter_mut().filter_map(|input| input.reader.as_mut()).for_each(Reader::miss);
            }
            if self.is_settled {
                self.inputs.iter_mut().for_each(|input| input.update(now, &self.alarms));
            }
            if polled.is_done {
                self.hints.follow(self.walker.directories());
                let patience = self.walker.idle_time(Instant::now()).min(LONGEST_WAIT);
                for directory in self.hints.wait(patience) {
                    self.walker.hint(&directory);
                }
            }
        }
    }

    /// Does what was asked for. Returns false when the agent stops.
    fn take_requests(&mut self) -> bool {
        loop {
            match self.requests.try_recv() {
                Ok(Request::Add(inputs)) => {
                    for input in inputs {
                        self.inputs.retain(|other| other.pipeline != input.pipeline);
                        let place = self.inputs.partition_point(|other| other.rank <= input.rank);
                        self.inputs.insert(place, input);
                    }
                    self.look_anew();
                }
                Ok(Request::Suspend(pipeline)) => {
                    let suspended = self.inputs.iter_mut().filter(|input| input.pipeline == pipeline);
                    suspended.for_each(|input| input.reader = None);
                }
                Ok(Request::Remove(pipeline)) => {
                    self.inputs.retain(|input| input.pipeline != pipeline);
                    self.look_anew();
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Looks at everything again, since there are other inputs now, and files may belong to others.
    fn look_anew(&mut self) {
        self.walker.look_for(self.inputs.iter().map(|input| Arc::clone(&input.paths)).collect());
        self.passed_over.lock().clear();
        self.is_settled = false;
        self.inputs.iter_mut().filter_map(|input| input.reader.as_mut()).for_each(|reader| reader.assigned.clear());
    }

    /// Notes a change for the pipelines that collect the file.
    fn assign(&mut self, change: Change) {
        let path = match change {
            Change::Vanished(path) => {
                for reader in self.inputs.iter_mut().filter_map(|input| input.reader.as_mut()) {
                    reader.assigned.remove(&path);
                    if reader.catalog.knows(&path) {
                        reader.changes.vanished.push(path.clone());
                    }
                }
                return;
            }
            Change::Appeared(found) | Change::Replaced(found) => found.path,
        };
        let ownership = ownership(self.inputs.iter().map(|input| &*input.paths), &path);
        if let Some(owner) = ownership.owner {
            let owner = self.inputs[owner].pipeline.clone();
            for outranked in ownership.outranked {
                self.raise(
                    &self.inputs[outranked].pipeline,
                    "MULTI_CONFIG_MATCH_ALARM",
                    &path,
                    format!("the file is collected by pipeline {owner} alone; AllowingIncludedByMultiConfigs lets this one read it too"),
                );
            }
        }
        for reader in ownership.readers {
            let Some(reader) = &mut self.inputs[reader].reader else { continue };
            if !self.is_settled {
                reader.assigned.insert(path.clone());
            }
            reader.changes.appeared.push(path.clone());
        }
    }

    fn report(&self, trouble: &Trouble) {
        self.raise("", trouble.kind, &trouble.path, trouble.message.clone());
    }

    /// Says once what is not collected though a pattern names it, or nearly does.
    fn mention(&self, reason: &Verdict, count: u64, example: &Path) {
        if reason.is_surprising() {
            info!(count, example = %example.display(), "not collected: {}", reason.describe());
        }
    }

    fn raise(&self, pipeline: &str, kind: &str, path: &Path, message: String) {
        raise(&self.alarms, pipeline, kind, path, message);
    }
}

impl Ignored {
    fn add(&self, reason: Verdict, more: PassedOver) {
        let mut ignored = self.lock();
        match ignored.entry(reason) {
            Entry::Occupied(mut known) => known.get_mut().count += more.count,
            Entry::Vacant(new) => drop(new.insert(more)),
        }
    }

    /// All of them since the start.
    pub(super) fn all(&self) -> Vec<(Verdict, PassedOver)> {
        self.lock().iter().map(|(reason, ignored)| (reason.clone(), ignored.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Verdict, PassedOver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Notes that the paths are gone which were not assigned again since the inputs changed.
    fn miss(&mut self) {
        let assigned = std::mem::take(&mut self.assigned);
        let missed = self.catalog.paths().filter(|path| !assigned.contains(*path));
        self.changes.vanished.extend(missed.cloned());
    }
}

impl Input {
    fn update(&mut self, now: Moment, alarms: &Alarms) {
        let Some(reader) = &mut self.reader else { return };
        // Workers that are gone had no way left to deliver anything.
        if reader.alive.strong_count() == 0 || !reader.catalog.is_due(&reader.changes, now) {
            return;
        }
        for action in reader.catalog.update(std::mem::take(&mut reader.changes), now) {
            match action {
                Action::Follow { track, found, is_copy } => {
                    let worker = worker_of(&track.lane, reader.workers.len());
                    let _ = reader.workers[worker].send(Order { track, found, is_copy });
                }
                Action::Tell(told) => tell(&self.pipeline, &told, alarms),
            }
        }
    }
}

fn tell(pipeline: &str, told: &Told, alarms: &Alarms) {
    let (kind, path, message) = match told {
        Told::CannotOpen(path, error) => {
            ("OPEN_LOGFILE_FAIL_ALARM", path, format!("cannot open it: {error}; trying again"))
        }
        Told::SkippedTail(path, bytes) => (
            "SKIP_READ_LOG_ALARM",
            path,
            format!("the file was there already; its first {bytes} bytes are skipped, as TailSizeKB says"),
        ),
        Told::Gone(path, bytes, cause) => (
            "DROP_LOG_ALARM",
            path,
            format!("the file is gone, and its last {bytes} bytes were not delivered ({})", cause.name()),
        ),
        Told::Resumed(path, offset) => {
            return info!(
                pipeline,
                path = %path.display(),
                offset = offset.0,
                "file goes on where the last agent stopped"
            );
        }
        Told::NothingYet => {
            return info!(pipeline, "no file matches yet, waiting for one");
        }
    };
    raise(alarms, pipeline, kind, path, message);
}

fn raise(alarms: &Alarms, pipeline: &str, kind: &str, path: &Path, message: String) {
    alarms.raise(&Alarm {
        kind: kind.to_owned(),
        pipeline: pipeline.to_owned(),
        part: "inputs[0]".to_owned(),
        place: Some((PathBuf::from(path), None)),
        message,
        occurrences: 1,
    });
}

fn worker_of(lane: &Path, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    lane.hash(&mut hasher);
    (hasher.finish() % workers as u64) as usize
}

/// How long to walk before what was found is handed on.
const SLICE: Duration = Duration::from_millis(20);

/// A stop is noticed after this at the latest.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// How often every directory is looked at, whether or not the kernel told of a change.
const WALK_PERIOD: Duration = Duration::from_secs(1);
