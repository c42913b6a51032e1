//! How things stand with a destination of `flusher_sls`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::flusher::sls::dispatch::{Counts, Report};
use crate::flusher::sls::package::Destination;

/// A logstore that is sent to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DestinationStatus {
    /// Its project.
    pub project: String,
    /// Its name.
    pub logstore: String,
    /// The endpoint.
    pub endpoint: String,
    /// `ok`, or `failing` since the last requests were refused.
    pub state: String,
    /// For how long there were only refusals.
    pub failing_seconds: Option<f64>,
    /// The last of them.
    pub last_refusal: Option<String>,
    /// Requests under way.
    pub requests: u64,
    /// How many those may be at the moment.
    pub requests_allowed: u64,
    /// Packages in memory, those under way included.
    pub waiting_packages: u64,
    /// Packages on disk.
    pub spooled_packages: u64,
    /// Their bytes.
    pub spooled_bytes: u64,
    /// For how long the oldest event on disk has waited.
    pub oldest_spooled_seconds: Option<i64>,
    /// What was done so far.
    pub counters: BTreeMap<String, u64>,
}

impl DestinationStatus {
    /// What a courier has reported.
    pub(in crate::runtime) fn of(destination: &Destination, report: &Report, now: Instant, unix_now: i64) -> Self {
        let Destination { project, logstore, endpoint, .. } = destination.clone();
        let (failing_seconds, last_refusal) = match &report.failing {
            Some((since, refusal)) => {
                (Some(now.saturating_duration_since(*since).as_secs_f64()), Some(refusal.clone()))
            }
            None => (None, None),
        };
        Self {
            project,
            logstore,
            endpoint,
            state: if failing_seconds.is_some() { "failing" } else { "ok" }.to_owned(),
            failing_seconds,
            last_refusal,
            requests: report.under_way.0 as u64,
            requests_allowed: u64::from(report.under_way.1),
            waiting_packages: report.waiting as u64,
            spooled_packages: report.spooled.0,
            spooled_bytes: report.spooled.1,
            oldest_spooled_seconds: report.oldest_read_seconds.map(|oldest| (unix_now - oldest).max(0)),
            counters: counters(&report.counts),
        }
    }
}

fn counters(counts: &Counts) -> BTreeMap<String, u64> {
    let named = [
        ("packages", counts.packages),
        ("events", counts.events),
        ("raw_bytes", counts.raw_bytes),
        ("sent_bytes", counts.sent_bytes),
        ("refusals", counts.refusals),
        ("spooled_packages", counts.spooled_packages),
        ("expired_events", counts.expired_events),
        ("dead_events", counts.dead_events),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}
