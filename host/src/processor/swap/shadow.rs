//! Runs a new version of a processor on copies of live batches, on a thread of its own, and compares what comes out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::compare::{Comparison, Difference, MAX_EXAMPLES, compare};
use crate::event::{EventBatch, Offset, Remembered};
use crate::processor::link::{Link, Surroundings};
use crate::processor::stage::Stage;
use crate::telemetry::alarm::Alarms;

/// Takes copies of live batches for a new version. When it is dropped, its thread ends.
#[derive(Debug)]
pub(in crate::processor) struct Shadow {
    samples: Sender<Sample>,
    found: Arc<Findings>,
    thread: JoinHandle<()>,
}

/// What was found so far. Whoever hands over live batches never waits for who compares.
#[derive(Debug, Default)]
struct Findings {
    skipped_batches: AtomicU64,
    records: AtomicU64,
    report: Mutex<Report>,
    /// What the new version begins with, of what the one that runs remembers.
    memory: OnceLock<Option<Remembered>>,
}

/// What a new version made of copies of live batches, beside what the one that runs made of them.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Batches that were compared.
    pub batches: u64,
    /// Batches that the new version was too slow for, and did not get.
    pub skipped_batches: u64,
    /// Batches that it would have held up, and that were not compared.
    pub held_batches: u64,
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
        let found = Arc::new(Findings::default());
        let (pipeline, candidate, shared) = (pipeline.to_owned(), Arc::clone(candidate), Arc::clone(&found));
        let follow = move || follow(&pipeline, &candidate, &received, &shared);
        let thread = thread::Builder::new().name("shadow".to_owned()).spawn(follow)?;
        Ok(Self { samples, found, thread })
    }

    /// Whether its memory was seen to.
    pub(in crate::processor) fn has_begun(&self) -> bool {
        self.found.memory.get().is_some()
    }

    /// Has the new version begin with this memory, before the first copy.
    pub(in crate::processor) fn begin(&self, memory: Option<Remembered>) {
        // Who was first, was as right.
        let _ = self.found.memory.set(memory);
    }

    /// Whether nothing is compared any more, which is not so unless the thread panicked.
    pub(in crate::processor) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// A copy of a batch that is about to be processed, if the new version has time for it.
    pub(in crate::processor) fn copy(&self, batch: &EventBatch) -> Option<EventBatch> {
        if self.samples.is_full() {
            self.skip();
            return None;
        }
        Some(batch.clone())
    }

    /// Hands the copy on, with what became of its original.
    pub(in crate::processor) fn offer(&self, input: EventBatch, output: &EventBatch) {
        let sample = Sample { input, output: output.clone() };
        if let Err(TrySendError::Full(_)) = self.samples.try_send(sample) {
            self.skip();
        }
    }

    fn skip(&self) {
        self.found.skipped_batches.fetch_add(1, Ordering::Relaxed);
    }

    /// How many records were compared.
    pub(in crate::processor) fn records(&self) -> u64 {
        self.found.records.load(Ordering::Relaxed)
    }

    /// What was found so far.
    pub(in crate::processor) fn report(&self) -> Report {
        let skipped_batches = self.found.skipped_batches.load(Ordering::Relaxed);
        Report { skipped_batches, ..lock(&self.found.report).clone() }
    }
}

fn follow(pipeline: &str, candidate: &Arc<Stage>, samples: &Receiver<Sample>, found: &Findings) {
    let mut link = Link::new(candidate);
    // What it has to say is in its counters, and in the report.
    let alarms = Arc::new(Alarms::silent());
    let around = Surroundings { pipeline: pipeline.to_owned(), alarms, quarantine: None };
    let mut has_memory = false;
    for Sample { input, output } in samples {
        if !std::mem::replace(&mut has_memory, true) {
            let memory = found.memory.get().cloned().flatten();
            memory.into_iter().for_each(|memory| link.recall(memory, &around));
        }
        let mut tried = input.clone();
        if link.run(&mut tried, &around).is_err() {
            lock(&found.report).held_batches += 1;
            continue;
        }
        let comparison = compare(&output, &tried, &input);
        let records = comparison.records;
        lock(&found.report).add(&comparison, &input, &output, &tried);
        found.records.fetch_add(records, Ordering::Relaxed);
    }
}

impl Report {
    fn add(&mut self, found: &Comparison, input: &EventBatch, old: &EventBatch, new: &EventBatch) {
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
