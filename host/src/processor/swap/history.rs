//! The versions that a processor of a pipeline had, and what became of each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::judge::{Record, Worse, judge};
use crate::processor::stage::Stage;

/// One version of a processor.
#[derive(Debug, Clone)]
pub struct Version {
    /// Counts from 1 in each processor of a pipeline, since the agent started.
    pub number: u64,
    /// The version itself.
    pub stage: Arc<Stage>,
    /// Since when it is known, in Unix seconds.
    pub since: i64,
    /// What has become of it.
    pub standing: Standing,
}

/// What has become of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is tried beside the one that runs.
    Trial,
    /// It runs, and is watched.
    Watched,
    /// It runs.
    Running,
    /// Another took its place.
    Replaced,
    /// It was taken out again, or never put in place, since this was found.
    Withdrawn(String),
}

/// The history of one processor of a pipeline. The last entry is not always the one that runs.
#[derive(Debug)]
pub(in crate::processor) struct Book {
    versions: VecDeque<Version>,
    next_number: u64,
    /// What the config asks for: whatever runs meanwhile, that is no news.
    pub(in crate::processor) wanted: Arc<Stage>,
    watch: Option<Watch>,
}

/// A version that was put in place not long ago, and the one that comes back if it does worse.
#[derive(Debug)]
struct Watch {
    before: Arc<Stage>,
    /// What the version before had done in all, and the new one when it was put in place.
    old: Record,
    new: Record,
    until: Instant,
}

impl Book {
    /// A processor begins with this version.
    pub(in crate::processor) fn new(stage: &Arc<Stage>, unix_seconds: i64) -> Self {
        let mut book = Self { versions: VecDeque::new(), next_number: 1, wanted: Arc::clone(stage), watch: None };
        book.add(stage, unix_seconds, Standing::Running);
        book
    }

    /// The versions, oldest first.
    pub(in crate::processor) fn versions(&self) -> Vec<Version> {
        self.versions.iter().cloned().collect()
    }

    /// Notes that a version has come to this.
    pub(in crate::processor) fn note(&mut self, stage: &Arc<Stage>, unix_seconds: i64, standing: Standing) {
        match self.versions.iter_mut().find(|version| Arc::ptr_eq(&version.stage, stage)) {
            Some(known) => known.standing = standing,
            None => self.add(stage, unix_seconds, standing),
        }
    }

    /// Watches a version that was just put in the place of another.
    pub(in crate::processor) fn watch(&mut self, new: &Stage, before: &Arc<Stage>, now: Instant) {
        let patience: Duration = new.policy().swap.watch;
        self.watch = Some(Watch {
            before: Arc::clone(before),
            old: Record::of(&before.counters),
            new: Record::of(&new.counters),
            until: now + patience,
        });
    }

    /// Watches no more.
    pub(in crate::processor) fn rest(&mut self) {
        self.watch = None;
    }

    /// Whether the version that runs does worse than the one before it, which is returned then with the reason.
    pub(in crate::processor) fn check(&mut self, running: &Arc<Stage>, now: Instant) -> Option<(Arc<Stage>, Worse)> {
        let watch = self.watch.as_ref()?;
        let new = Record::of(&running.counters) - watch.new;
        if let Some(worse) = judge(&running.policy().swap, new, watch.old) {
            return Some((Arc::clone(&watch.before), worse));
        }
        if now >= watch.until {
            self.watch = None;
            self.note(running, 0, Standing::Running);
        }
        None
    }

    /// The version that ran before the one that runs, to go back to.
    pub(in crate::processor) fn before(&self, running: &Arc<Stage>) -> Option<Arc<Stage>> {
        let others = self.versions.iter().rev().filter(|version| !Arc::ptr_eq(&version.stage, running));
        let found =
            others.filter(|version| version.standing == Standing::Replaced).map(|version| &version.stage).next();
        found.map(Arc::clone)
    }

    fn add(&mut self, stage: &Arc<Stage>, unix_seconds: i64, standing: Standing) {
        let number = self.next_number;
        self.next_number += 1;
        self.versions.push_back(Version { number, stage: Arc::clone(stage), since: unix_seconds, standing });
        if self.versions.len() > MAX_VERSIONS {
            let is_over = |version: &Version| matches!(version.standing, Standing::Replaced | Standing::Withdrawn(_));
            let oldest = self.versions.iter().position(is_over);
            oldest.and_then(|oldest| self.versions.remove(oldest));
        }
    }
}

/// As many versions of a processor are kept, with their compiled code.
const MAX_VERSIONS: usize = 8;
