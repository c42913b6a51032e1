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
    /// How many packages wait still.
    pub left: u64,
    /// Why they wait.
    pub refusal: Option<String>,
}

/// Sends what waits for each of `destinations` in a data directory that nobody else uses. A destination that takes nothing for
/// as long as `patience` keeps what it has.
///
/// # Errors
/// If a spool cannot be opened, or a destination cannot be sent to at all.
pub fn replay(
    spec: DepotSpec,
    destinations: Vec<Destination>,
    patience: Duration,
    alarms: &Arc<Alarms>,
) -> anyhow::Result<Vec<Replayed>> {
    let (_never, abort) = bounded::<Infallible>(0);
    let mut depot = Depot::new(spec, destinations.len(), 0, alarms);
    let mut all = Vec::new();
    for destination in destinations {
        let report = depot.courier_of(&destination, &abort)?.replay(patience);
        all.push(Replayed {
            destination,
            events: report.counts.events,
            dead_events: report.counts.dead_events,
            left: report.spooled.0,
            refusal: report.failing.map(|(_, refusal)| refusal),
        });
    }
    Ok(all)
}
