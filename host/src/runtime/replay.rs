//! Sends what waits on disk while no agent runs.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;

use super::depot::{Depot, DepotSpec};
use crate::flusher::sls::package::Destination;
use crate::telemetry::alarm::Alarms;

/// What became of the packages of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The destination.
    pub destination: Destination,
    /// How many events it has taken.
    pub events: u64,
    /// How many events became dead letters.
    pub dead_events: u64,
    /// How many packages wait still; `None` if that is not known.
    pub left: Option<u64>,
    /// Why they wait.
    pub refusal: Option<String>,
}

/// Sends what waits for each of `destinations` in a data directory that nobody else uses. A destination that takes nothing for
/// as long as `patience` keeps what it has.
pub fn replay(
    spec: DepotSpec,
    destinations: &[Destination],
    patience: Duration,
    alarms: &Arc<Alarms>,
) -> Vec<Replayed> {
    let (_never, abort) = bounded::<Infallible>(0);
    let meant: Vec<&Destination> = destinations.iter().collect();
    let mut depot = Depot::new(spec, 0, &Arc::default(), alarms);
    depot.mean(&meant);
    depot.keep_for_ever();
    let mut all = Vec::new();
    for destination in destinations.iter().cloned() {
        let report = match depot.courier_of(&destination, &abort) {
            Ok(courier) => courier.replay(patience),
            Err(error) => {
                all.push(Replayed::not_begun(destination, format!("{error:#}")));
                continue;
            }
        };
        all.push(Replayed {
            destination,
            events: report.counts.events,
            dead_events: report.counts.dead_events,
            left: Some(report.spooled.0),
            refusal: report.failing.map(|(_, refusal)| refusal),
        });
    }
    all
}

impl Replayed {
    fn not_begun(destination: Destination, refusal: String) -> Self {
        Self { destination, events: 0, dead_events: 0, left: None, refusal: Some(refusal) }
    }
}
