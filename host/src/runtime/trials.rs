//! Looks after new versions of processors while they are tried or watched, on a thread of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tracing::info;

use super::machine::unix_seconds;
use crate::processor::lineup::{Lineup, Moment, Turn};
use crate::processor::stage::Stage;
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::one_line;

/// Looks after the versions of all processors.
pub(super) struct Trials<F> {
    /// The line-ups of the pipelines that run, with their names.
    pub(super) lineups: F,
    /// Closed when the agent stops.
    pub(super) stop: Receiver<Infallible>,
    pub(super) alarms: Arc<Alarms>,
}

impl<F: Fn() -> Vec<(String, Arc<Lineup>)>> Trials<F> {
    /// Runs until the agent stops.
    pub(super) fn run(self) {
        while self.stop.recv_timeout(LOOK_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            for (pipeline, lineup) in (self.lineups)() {
                lineup.tick(now()).iter().for_each(|turn| tell(&pipeline, turn, &self.alarms));
            }
        }
    }
}

/// This moment.
pub(super) fn now() -> Moment {
    Moment { instant: Instant::now(), unix_seconds: unix_seconds() }
}

/// Says what happened to a version.
pub(super) fn tell(pipeline: &str, turn: &Turn, alarms: &Alarms) {
    let note = |stage: &Stage, text: &str| info!(pipeline, "{}: {} {text}", stage.name, version_of(stage));
    let raise = |stage: &Stage, text: String| {
        alarms.raise(&Alarm {
            kind: "PROCESSOR_ROLLBACK_ALARM".to_owned(),
            pipeline: pipeline.to_owned(),
            part: stage.name.clone(),
            place: None,
            message: format!("{} {text}", version_of(stage)),
            occurrences: 1,
        });
    };
    match turn {
        Turn::InPlace(stage) => note(stage, "is in place"),
        Turn::Tried(stage) => note(stage, "is tried beside the version that runs"),
        Turn::Ready(stage) => note(stage, "has passed its trial and waits for `loglift processor promote`"),
        Turn::Rejected(stage, worse) => raise(stage, format!("is not put in place: {worse} in its trial")),
        Turn::RolledBack(stage, worse) => raise(stage, format!("is taken out, the version before it is back: {worse}")),
        Turn::Stays(stage) => note(stage, "stays in place, as the config asks for it again"),
        Turn::NoTrial(stage, error) => raise(stage, format!("is not put in place, it cannot be tried: {error}")),
    }
}

fn version_of(stage: &Stage) -> String {
    let description = stage.description();
    one_line(&format!("{} {}", description.name, description.version))
}

/// How soon a version that does worse is noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
