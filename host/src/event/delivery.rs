//! A batch on its way to several flushers, and its acknowledgement when all of them have taken it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{EventBatch, Offset, Permit, Source};

/// Says that everything read from a range of a source was taken by every flusher, or dropped on purpose.
#[derive(Debug, Clone)]
pub struct Ack {
    /// The source.
    pub source: Arc<Source>,
    /// Where the range starts.
    pub start: Offset,
    /// Where it ends.
    pub end: Offset,
    /// How many events were taken.
    pub events: usize,
}

/// One flusher's hold on a batch.
///
/// The flusher acknowledges it when the events are out of the agent's hands. A delivery that is dropped instead stays
/// unacknowledged, and so does its batch.
#[derive(Debug)]
pub struct Delivery {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    batch: EventBatch,
    /// Held until the last delivery is gone.
    _permit: Option<Permit>,
    missing: AtomicUsize,
    /// Bytes that some flusher's destination refused for good.
    rejected_bytes: AtomicU64,
}

/// Makes one delivery for each of `flushers` flushers.
pub fn deliveries(batch: EventBatch, permit: Option<Permit>, flushers: usize) -> impl Iterator<Item = Delivery> {
    let shared = Arc::new(Shared {
        batch,
        _permit: permit,
        missing: AtomicUsize::new(flushers),
        rejected_bytes: AtomicU64::new(0),
    });
    std::iter::repeat_n(shared, flushers).map(|shared| Delivery { shared })
}

impl Delivery {
    /// The events to take.
    pub fn batch(&self) -> &EventBatch {
        &self.shared.batch
    }

    /// Says that the destination of this flusher refused so many bytes of what the batch was made of, for good.
    pub fn reject(&self, bytes: u64) {
        self.shared.rejected_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says that this flusher has taken the batch. The last flusher to say so gets the acknowledgement.
    #[must_use]
    pub fn acknowledge(self) -> Option<Ack> {
        let was_last = self.shared.missing.fetch_sub(1, Ordering::AcqRel) == 1;
        was_last.then(|| {
            self.shared.batch.settle_but(self.shared.rejected_bytes.load(Ordering::Relaxed));
            self.shared.batch.ack()
        })
    }
}

impl EventBatch {
    /// The acknowledgement of this batch.
    pub fn ack(&self) -> Ack {
        Ack {
            source: Arc::clone(&self.source),
            start: self.provenance.start,
            end: self.provenance.end,
            events: self.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::batch;

    #[test]
    fn only_the_last_of_all_flushers_acknowledges() {
        let mut all = deliveries(batch(&["a", "b"]), None, 3);
        let (first, second, third) = (all.next(), all.next(), all.next());
        assert!(all.next().is_none());
        let taken = |delivery: Option<Delivery>| delivery.expect("there are three").acknowledge();
        assert!(taken(second).is_none());
        assert!(taken(first).is_none());
        let ack = taken(third).expect("all have taken it");
        assert_eq!((ack.start, ack.end, ack.events), (Offset(0), Offset(4), 2));
    }

    #[test]
    fn a_dropped_delivery_is_no_acknowledgement() {
        let mut all = deliveries(batch(&["a"]), None, 2);
        drop(all.next());
        assert!(all.next().expect("there are two").acknowledge().is_none());
    }
}
