//! A new version of a processor that is tried beside the one that runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::judge::{Record, Worse, judge};
use super::shadow::{Report, Shadow};
use crate::config::{SwapMode, SwapSpec};
use crate::event::Source;
use crate::processor::stage::Stage;

/// A new version of a processor that is tried beside the one that runs.
#[derive(Debug)]
pub struct Trial {
    /// The new version.
    pub candidate: Arc<Stage>,
    /// What of it runs meanwhile: itself as a canary, and as a shadow a twin, so that nothing which is done to copies counts
    /// for the version that may be put in place.
    pub tried: Arc<Stage>,
    /// What the one that runs had done when the trial began.
    baseline: Record,
    pub(in crate::processor) method: Method,
    /// That it went well was said.
    is_told: AtomicBool,
}

/// How it is tried.
#[derive(Debug)]
pub(in crate::processor) enum Method {
    /// On copies.
    Shadow(Shadow),
    /// On the events of some sources.
    Canary(Canary),
}

/// Picks sources.
#[derive(Debug)]
pub(in crate::processor) struct Canary {
    /// The part of all lanes, of 2^32.
    share: u64,
    /// Events that went to the new version.
    events: AtomicU64,
}

/// How far a trial has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialState {
    /// More events are wanted.
    Running,
    /// It went well.
    Passed,
    /// It went badly.
    Failed(Worse),
}

impl Trial {
    /// Begins a trial of `candidate`, as its swap policy says, beside the version that runs. `None` if it is to be put in
    /// place without one.
    pub(in crate::processor) fn start(
        pipeline: &str,
        candidate: &Arc<Stage>,
        running: &Stage,
    ) -> std::io::Result<Option<Self>> {
        let spec = &candidate.policy().swap;
        let mut tried = Arc::clone(candidate);
        let method = match spec.mode {
            SwapMode::Immediate => return Ok(None),
            SwapMode::Shadow => {
                tried = Arc::new(candidate.twin(&candidate.name));
                Method::Shadow(Shadow::start(pipeline, &tried)?)
            }
            SwapMode::Canary if candidate.remembers() => {
                // Two versions would each remember a part.
                return Err(std::io::Error::other("a processor that remembers cannot be tried on some sources only"));
            }
            SwapMode::Canary => Method::Canary(Canary::new(spec)),
        };
        let (candidate, baseline) = (Arc::clone(candidate), Record::of(&running.counters));
        Ok(Some(Self { candidate, tried, baseline, method, is_told: AtomicBool::new(false) }))
    }

    /// Whether it is said for the first time that it went well.
    pub(in crate::processor) fn is_first_to_tell(&self) -> bool {
        !self.is_told.swap(true, Ordering::Relaxed)
    }

    /// How far it has come beside the version that runs.
    pub fn state(&self, running: &Stage) -> TrialState {
        let spec = &self.candidate.policy().swap;
        let [new, old] = self.records(running);
        if let Some(worse) = judge(spec, new, old) {
            return TrialState::Failed(worse);
        }
        if matches!(&self.method, Method::Shadow(shadow) if shadow.has_ended()) {
            return TrialState::Failed(Worse::Trial);
        }
        if self.events() >= spec.events { TrialState::Passed } else { TrialState::Running }
    }

    /// Events of the input that the new version has seen.
    pub fn events(&self) -> u64 {
        match &self.method {
            Method::Shadow(shadow) => shadow.records(),
            Method::Canary(canary) => canary.events.load(Ordering::Relaxed),
        }
    }

    /// What was found by comparing, if the trial compares.
    pub fn report(&self) -> Option<Report> {
        match &self.method {
            Method::Shadow(shadow) => Some(shadow.report()),
            Method::Canary(_) => None,
        }
    }

    /// The new version and the one that runs, by what they did in the trial.
    pub fn records(&self, running: &Stage) -> [Record; 2] {
        [Record::of(&self.tried.counters), Record::of(&running.counters) - self.baseline]
    }
}

impl Canary {
    fn new(spec: &SwapSpec) -> Self {
        Self { share: (spec.share.clamp(0.0, 1.0) * LANES as f64) as u64, events: AtomicU64::new(0) }
    }

    /// Whether the events of a source go to the new version. As long as the trial lasts, that is so for all of them or none.
    pub(in crate::processor) fn takes(&self, source: &Source) -> bool {
        // Lanes are numbered by a hash; its low bits are as good as any.
        source.lane % LANES < self.share
    }

    pub(in crate::processor) fn count(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }
}

/// What a share is counted in.
const LANES: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_sources_goes_to_the_new_version() {
        let check = |share: f64, lane: u64, expected: bool| {
            let canary = Canary::new(&SwapSpec { share, ..SwapSpec::default() });
            let source = Source { lane, ..Source::new("app.log".into(), None) };
            assert_eq!(canary.takes(&source), expected, "{share} {lane}");
        };
        check(0.0, 0, false);
        check(0.5, (1 << 31) - 1, true);
        check(0.5, 1 << 31, false);
        check(0.5, (7 << 32) + 5, true);
        check(1.0, u64::MAX, true);
    }
}
