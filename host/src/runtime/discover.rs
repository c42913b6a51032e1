//! Finds the files of one pipeline and hands them to its workers, on a thread of its own.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use tracing::info;

use super::scan::Scan;
use super::worker::Order;
use crate::input::catalog::{Action, Catalog, Moment, Told};
use crate::telemetry::alarm::{Alarm, Alarms};

/// The discovery of one pipeline.
pub(super) struct Discovery {
    pub(super) pipeline: String,
    pub(super) scan: Scan,
    pub(super) catalog: Catalog,
    /// To the workers. Which one a file goes to is up to its lane, so that its lines stay in order.
    pub(super) workers: Vec<Sender<Order>>,
    /// Closed when the agent stops.
    pub(super) stop: Receiver<Infallible>,
    pub(super) alarms: Arc<Alarms>,
}

impl Discovery {
    /// Runs until the agent stops. The workers stop then, too.
    pub(super) fn run(mut self) {
        let mut has_files = false;
        loop {
            let changes = self.scan.changes(&self.pipeline, &self.alarms);
            let instant = Instant::now();
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = Moment { instant, unix_ns: i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX) };
            let actions = self.catalog.update(changes, now);
            if actions.is_empty() && !std::mem::replace(&mut has_files, true) {
                info!(pipeline = self.pipeline, "no file matches yet, waiting for one");
            }
            for action in actions {
                match action {
                    Action::Follow { track, found, is_copy } => {
                        let worker = worker_of(&track.lane, self.workers.len());
                        // A worker that is gone had no way left to deliver anything.
                        let _ = self.workers[worker].send(Order { track, found, is_copy });
                    }
                    Action::Tell(told) => self.tell(&told),
                }
            }
            if self.is_stopped_within(Duration::from_millis(25)) {
                return;
            }
        }
    }

    fn is_stopped_within(&self, patience: Duration) -> bool {
        self.scan.wait(patience);
        self.stop.try_recv() == Err(TryRecvError::Disconnected)
    }

    fn tell(&self, told: &Told) {
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
                format!("about {bytes} bytes were lost while no agent ran ({}): the file is gone", cause.name()),
            ),
            Told::Resumed(path, offset) => {
                return info!(
                    pipeline = self.pipeline,
                    path = %path.display(),
                    offset = offset.0,
                    "file goes on where the last agent stopped"
                );
            }
        };
        self.alarms.raise(&Alarm {
            kind: kind.to_owned(),
            pipeline: self.pipeline.clone(),
            part: "inputs[0]".to_owned(),
            place: Some((path.clone(), None)),
            message,
            occurrences: 1,
        });
    }
}

fn worker_of(lane: &Path, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    lane.hash(&mut hasher);
    (hasher.finish() % workers as u64) as usize
}
