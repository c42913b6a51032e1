//! Runs a new version of a processor on copies of live batches, on a thread of its own, and compares what comes out.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::compare::{Difference, MAX_EXAMPLES, compare};
use crate::event::{EventBatch, Offset};
use crate::processor::link::{Link, Surroundings};
use crate::processor::stage::Stage;
use crate::telemetry::alarm::Alarms;

/// Takes copies of live batches for a new version. When it is dropped, its thread ends.
#[derive(Debug)]
pub(in crate::processor) struct Shadow {
    samples: Sender<Sample>,
    report: Arc<Mutex<Report>>,
}

/// What a new version made of copies of live batches, beside what the one that runs made of them.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Batches that were compared.
    pub batches: u64,
    /// Batches that the new version was too slow for, and did not get.
    pub skipped_batches: u64,
    /// Records that were compared.
    pub records: u64,
    /// Those of which both versions made the same events.
    pub same_records: u64,
    /// Those of which one version made more or fewer events.
    pub count_differences: u64,
    /// Batches that have different tags.
    pub tag_differences: u64,
    /// The first records that differ.
    pub examples: Vec<Example>,
}

/// A record of which two versions made different events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The file.
    pub path: PathBuf,
    /// Where the record starts.
    pub offset: Offset,
    /// What the version that runs made of it.
    pub old: Vec<ShownEvent>,
    /// What the new version made of it.
    pub new: Vec<ShownEvent>,
}

/// An event as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownEvent {
    /// Unix seconds.
    pub seconds: i64,
    /// The rest of the time.
    pub nanoseconds: u32,
    /// Its fields, cut to what can be read.
    pub fields: Vec<(String, String)>,
}

/// A live batch, before and after the version that runs.
struct Sample {
    input: EventBatch,
    output: EventBatch,
}

impl Shadow {
    /// Starts the thread of a new version.
    pub(in crate::processor) fn start(pipeline: &str, candidate: &Arc<Stage>) -> std::io::Result<Self> {
        let (samples, received) = bounded(WAITING_SAMPLES);
        let report = Arc::new(Mutex::new(Report::default()));
        let (pipeline, candidate, shared) = (pipeline.to_owned(), Arc::clone(candidate), Arc::clone(&report));
        thread::Builder::new()
            .name("shadow".to_owned())
            .spawn(move || follow(&pipeline, &candidate, &received, &shared))?;
        Ok(Self { samples, report })
    }

    /// A copy of a batch that is about to be processed, if the new version has time for it.
    pub(in crate::processor) fn copy(&self, batch: &EventBatch) -> Option<EventBatch> {
        if self.samples.is_full() {
            lock(&self.report).skipped_batches += 1;
            return None;
        }
        Some(batch.clone())
    }

    /// Hands the copy on, with what became of its original.
    pub(in crate::processor) fn offer(&self, input: EventBatch, output: &EventBatch) {
        let sample = Sample { input, output: output.clone() };
        if let Err(TrySendError::Full(_)) = self.samples.try_send(sample) {
            lock(&self.report).skipped_batches += 1;
        }
    }

    /// What was found so far.
    pub(in crate::processor) fn report(&self) -> Report {
        lock(&self.report).clone()
    }
}

fn follow(pipeline: &str, candidate: &Arc<Stage>, samples: &Receiver<Sample>, report: &Mutex<Report>) {
    let mut link = Link::new(candidate);
    // What it has to say is in its counters, and in the report.
    let alarms = Arc::new(Alarms::silent());
    let around = Surroundings { pipeline: pipeline.to_owned(), alarms, quarantine: None };
    for Sample { input, output } in samples {
        let mut tried = input.clone();
        // A batch that it would hold up is in its counters.
        if link.run(&mut tried, &around).is_ok() {
            lock(report).add(&input, &output, &tried);
        }
    }
}

impl Report {
    fn add(&mut self, input: &EventBatch, old: &EventBatch, new: &EventBatch) {
        let found = compare(old, new, input);
        self.batches += 1;
        self.records += found.records;
        self.same_records += found.same;
        self.count_differences += found.counts_differ;
        self.tag_differences += u64::from(found.tags_differ);
        let room = MAX_EXAMPLES - self.examples.len();
        self.examples.extend(found.first.iter().take(room).map(|difference| Example::new(difference, input, old, new)));
    }

    /// Records of which the versions made different events.
    pub fn differing_records(&self) -> u64 {
        self.records - self.same_records
    }
}

impl Example {
    fn new(difference: &Difference, input: &EventBatch, old: &EventBatch, new: &EventBatch) -> Self {
        let start = input.provenance.records[difference.record as usize];
        let show = |batch: &EventBatch, events: &[u32]| {
            events.iter().take(MAX_EXAMPLES).map(|event| ShownEvent::new(batch, *event as usize)).collect()
        };
        Self {
            path: input.source.path.clone(),
            offset: Offset(input.provenance.start.0 + u64::from(start)),
            old: show(old, &difference.old),
            new: show(new, &difference.new),
        }
    }
}

impl ShownEvent {
    fn new(batch: &EventBatch, event: usize) -> Self {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]).into_owned();
            if bytes.len() > SHOWN_BYTES { text + "..." } else { text }
        };
        let fields = batch.fields_of(event).map(|(name, value)| (text(name), text(value)));
        Self {
            seconds: batch.seconds[event],
            nanoseconds: batch.nanoseconds[event],
            fields: fields.take(SHOWN_FIELDS).collect(),
        }
    }
}

fn lock(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Batches that may wait for the new version: it sees all of a trickle, and as many of a flood as it can.
const WAITING_SAMPLES: usize = 2;

/// More of a value is not shown.
const SHOWN_BYTES: usize = 200;

/// More fields of an event are not shown.
const SHOWN_FIELDS: usize = 50;
