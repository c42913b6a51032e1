//! Where somebody can listen to the batches of a stage and to what it answers.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::bindings::loglift::processor::types::Answer;
use super::fault::Fault;
use super::memory::Saved;
use super::outside;
use super::recording::{Bytes, Granted, Outcome, RecordedBatch, RecordedMemory};
use super::stage::Stage;
use crate::event::EventBatch;

/// Where one listener hears what a stage gets and answers. Costs one load of a flag for each batch while there is none.
#[derive(Debug, Default)]
pub(super) struct Tap {
    is_on: AtomicBool,
    line: Mutex<Option<Arc<Line>>>,
}

/// Hears the batches of a stage, from all workers, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    stage: Arc<Stage>,
    line: Arc<Line>,
    heard: Receiver<Heard>,
}

/// What a listener and the workers share.
#[derive(Debug)]
struct Line {
    sender: Sender<Heard>,
    /// What waits for the listener may have so many bytes.
    limit_bytes: usize,
    waiting_bytes: AtomicUsize,
    /// Batches that there was no room for.
    skipped_batches: AtomicU64,
    /// What the processor remembers before the next batch does not follow from what was heard.
    needs_memory: AtomicBool,
}

/// A batch as it was lent, and what came of it.
#[derive(Debug)]
struct Heard {
    batch: EventBatch,
    memory: Option<Saved>,
    granted: Vec<outside::Heard>,
    outcome: Result<Answered, Fault>,
    size_bytes: usize,
}

/// An answer, and the fields that had been lent, if not all.
#[derive(Debug)]
struct Answered {
    reads: Option<Vec<Vec<u8>>>,
    answer: Answer,
}

impl Tap {
    /// Whether there is a listener.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Whether the listener needs to know what the processor remembers before the next batch.
    pub(super) fn needs_memory(&self) -> bool {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.as_ref().is_some_and(|line| line.needs_memory.load(Ordering::Relaxed))
    }

    /// Takes note of what a processor answered to a batch of which it was lent the fields that it `reads`, what it remembered
    /// before, and what it heard from outside meanwhile. The batch is still as it was lent.
    #[cold]
    pub(super) fn pass(
        &self,
        batch: &EventBatch,
        reads: Option<&[Vec<u8>]>,
        (memory, granted): (Option<Saved>, Vec<outside::Heard>),
        answered: &Result<Answer, Fault>,
    ) {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(line) = line else { return };
        // After a fault, parts of the batch are processed that nobody hears of.
        line.needs_memory.store(answered.is_err(), Ordering::Relaxed);
        let heard_bytes: usize = granted.iter().map(outside::Heard::size_bytes).sum();
        let heard_bytes = heard_bytes + memory.as_ref().map_or(0, |memory| memory.bytes.len());
        let size_bytes = batch.size_bytes() + heard_bytes + answered.as_ref().map_or(0, size_of_answer);
        let waiting = line.waiting_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        if waiting + size_bytes > line.limit_bytes {
            return line.skip(size_bytes);
        }
        let outcome = match answered {
            Ok(answer) => Ok(Answered { reads: reads.map(<[_]>::to_vec), answer: answer.clone() }),
            Err(fault) => Err(fault.clone()),
        };
        match line.sender.try_send(Heard { batch: batch.clone(), memory, granted, outcome, size_bytes }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => line.skip(size_bytes),
        }
    }
}

impl Line {
    fn skip(&self, size_bytes: usize) {
        self.needs_memory.store(true, Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(size_bytes, Ordering::Relaxed);
        self.skipped_batches.fetch_add(1, Ordering::Relaxed);
    }
}

impl Listener {
    /// Listens to a stage; batches with up to `limit_bytes` may wait to be heard, any others are skipped and counted.
    /// `None` while another one listens.
    pub fn new(stage: &Arc<Stage>, limit_bytes: usize) -> Option<Self> {
        let mut place = stage.tap().line.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_some() {
            return None;
        }
        let (sender, heard) = bounded(WAITING_BATCHES);
        let (waiting_bytes, skipped_batches) = (AtomicUsize::new(0), AtomicU64::new(0));
        let needs_memory = AtomicBool::new(true);
        let line = Arc::new(Line { sender, limit_bytes, waiting_bytes, skipped_batches, needs_memory });
        *place = Some(Arc::clone(&line));
        drop(place);
        stage.tap().is_on.store(true, Ordering::Relaxed);
        Some(Self { stage: Arc::clone(stage), line, heard })
    }

    /// The next batch, in the form in which it is recorded; `None` if none comes in time.
    pub fn next(&self, patience: Duration) -> Option<RecordedBatch> {
        let heard = match self.heard.recv_timeout(patience) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        self.line.waiting_bytes.fetch_sub(heard.size_bytes, Ordering::Relaxed);
        let outcome = match heard.outcome {
            Ok(Answered { reads, answer }) => Outcome::of_answer(reads, answer),
            Err(fault) => Outcome::Fault(fault.into()),
        };
        Some(RecordedBatch {
            memory: heard.memory.map(|Saved { version, bytes }| RecordedMemory { version, saved: Bytes(bytes) }),
            granted: heard.granted.into_iter().map(Granted::from).collect(),
            ..RecordedBatch::new(heard.batch, outcome)
        })
    }

    /// How many batches there was no room for.
    pub fn skipped_batches(&self) -> u64 {
        self.line.skipped_batches.load(Ordering::Relaxed)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let tap = self.stage.tap();
        tap.is_on.store(false, Ordering::Relaxed);
        *tap.line.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// About how much memory the copy of an answer takes.
fn size_of_answer(answer: &Answer) -> usize {
    use super::bindings::loglift::processor::types::{Edits, Fields, Rows};
    let fields = match &answer.fields {
        Fields::Unchanged => 0,
        Fields::Edits(Edits { events, keys, values }) => events.len() + keys.len() + values.len(),
        Fields::Rows(Rows { field_counts, keys, values }) => field_counts.len() + keys.len() + values.len(),
    };
    let columns = [&answer.names, &answer.origins, &answer.through, &answer.nanoseconds];
    let numbers: usize = columns.into_iter().flatten().map(Vec::len).sum();
    answer.appended.len() + 4 * (fields + numbers) + 8 * answer.seconds.as_ref().map_or(0, Vec::len)
}

/// Batches that may wait. Their bytes are what usually limits them.
const WAITING_BATCHES: usize = 256;
