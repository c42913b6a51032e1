//! Finds the files of all pipelines and hands them to the workers, on a thread of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use tracing::info;

use super::worker::Order;
use crate::input::follow::catalog::{Action, Catalog, Changes, Moment, Told};
use crate::input::paths::owner::ownership;
use crate::input::paths::{PathSet, Verdict};
use crate::input::walk::hints::Hints;
use crate::input::walk::trouble::Trouble;
use crate::input::walk::{Change, PassedOver, Walker};
use crate::telemetry::alarm::{Alarm, Alarms};

/// The discovery of files.
pub(super) struct Discovery {
    pub(super) walker: Walker,
    pub(super) hints: Hints,
    pub(super) inputs: Vec<Input>,
    /// What was found and is not collected, for those who ask.
    pub(super) passed_over: Arc<Ignored>,
    /// Closed when the agent stops.
    pub(super) stop: Receiver<Infallible>,
    pub(super) alarms: Arc<Alarms>,
}

/// Files and directories that patterns name, or nearly do, and that are not collected, by reason.
#[derive(Debug, Default)]
pub(super) struct Ignored(Mutex<HashMap<Verdict, PassedOver>>);

/// The input of one pipeline.
pub(super) struct Input {
    pub(super) pipeline: String,
    pub(super) paths: Arc<PathSet>,
    pub(super) catalog: Catalog,
    /// To the workers. Which one a file goes to is up to its lane, so that its lines stay in order.
    pub(super) workers: Vec<Sender<Order>>,
    /// Gone when the workers are.
    pub(super) alive: Weak<()>,
    /// What changed and was not told to the catalog yet.
    pub(super) changes: Changes,
}

impl Discovery {
    /// Runs until the agent stops, or until nobody is left to read anything. The workers stop then, too.
    pub(super) fn run(mut self) {
        let mut is_settled = false;
        while self.stop.try_recv() != Err(TryRecvError::Disconnected) && self.has_workers() {
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
            // What an earlier agent has left can be told from what is new only when everything there was seen.
            is_settled |= polled.is_done;
            if is_settled {
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

    fn has_workers(&self) -> bool {
        self.inputs.iter().any(|input| input.alive.strong_count() > 0)
    }

    /// Notes a change for the pipelines that collect the file.
    fn assign(&mut self, change: Change) {
        let path = match change {
            Change::Vanished(path) => {
                let known = self.inputs.iter_mut().filter(|input| input.catalog.knows(&path));
                known.for_each(|input| input.changes.vanished.push(path.clone()));
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
            self.inputs[reader].changes.appeared.push(path.clone());
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

impl Input {
    fn update(&mut self, now: Moment, alarms: &Alarms) {
        if !self.catalog.is_due(&self.changes, now) {
            return;
        }
        for action in self.catalog.update(std::mem::take(&mut self.changes), now) {
            match action {
                Action::Follow { track, found, is_copy } => {
                    let worker = worker_of(&track.lane, self.workers.len());
                    // A worker that is gone had no way left to deliver anything.
                    let _ = self.workers[worker].send(Order { track, found, is_copy });
                }
                Action::Tell(told) => self.tell(&told, alarms),
            }
        }
    }

    fn tell(&self, told: &Told, alarms: &Alarms) {
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
                    pipeline = self.pipeline,
                    path = %path.display(),
                    offset = offset.0,
                    "file goes on where the last agent stopped"
                );
            }
            Told::NothingYet => {
                return info!(pipeline = self.pipeline, "no file matches yet, waiting for one");
            }
        };
        raise(alarms, &self.pipeline, kind, path, message);
    }
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
pub(super) const WALK_PERIOD: Duration = Duration::from_secs(1);
