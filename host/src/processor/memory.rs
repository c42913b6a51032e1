//! What a processor remembers, as far as the host can bring it back: what was saved last, and the batches since.

use crate::event::EventBatch;

/// What another instance needs to remember the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    saved: Option<Saved>,
    /// The batches that were answered since.
    since: Vec<EventBatch>,
    since_bytes: usize,
}

/// What an instance has saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    /// The version of its component.
    pub(super) version: String,
    pub(super) bytes: Vec<u8>,
}

impl Memory {
    /// What was saved last.
    pub(super) fn saved(&self) -> Option<&Saved> {
        self.saved.as_ref()
    }

    /// The batches since, in order.
    pub(super) fn since(&self) -> &[EventBatch] {
        &self.since
    }

    /// Whether what was saved last is all that there is to remember.
    pub(super) fn is_saved(&self) -> bool {
        self.saved.is_some() && self.since.is_empty()
    }

    /// Notes a batch that was answered, as it was lent.
    pub(super) fn note(&mut self, batch: &EventBatch) {
        self.since_bytes += batch.size_bytes();
        self.since.push(batch.clone());
    }

    /// Whether so much was noted that it is time to save.
    pub(super) fn is_long(&self) -> bool {
        self.since.len() >= MAX_BATCHES || self.since_bytes >= MAX_BYTES
    }

    /// Begins anew with what was saved.
    pub(super) fn begin(&mut self, saved: Option<Saved>) {
        *self = Self { saved, ..Self::default() };
    }

    /// Keeps only what was saved.
    pub(super) fn forget_since(&mut self) {
        self.since.clear();
        self.since_bytes = 0;
    }
}

/// As many batches are processed again after a fault.
const MAX_BATCHES: usize = 32;

/// They take so much memory for each worker and processor.
const MAX_BYTES: usize = 8 << 20;
