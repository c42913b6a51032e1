//! Acknowledges a batch when everything that was packed of it is out of the agent's hands.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::package::Package;
use crate::event::{Ack, Delivery};

/// Is told of each acknowledgement.
pub type OnAck = dyn Fn(&Ack) + Send + Sync;

/// A package with the receipts of the batches that it has something of.
pub struct Outgoing {
    /// The package.
    pub package: Package,
    /// One for each batch. None for a package that comes from disk.
    pub receipts: Vec<Receipt>,
}

/// One package's share in a batch. Dropped without a word, it leaves the batch unacknowledged.
pub struct Receipt {
    hold: Arc<Hold>,
    /// How many bytes of the source the share is.
    bytes: u64,
}

/// A batch that is being packed.
pub struct Hold {
    delivery: Mutex<Option<Delivery>>,
    missing: AtomicUsize,
    on_ack: Arc<OnAck>,
}

impl Hold {
    /// Holds a delivery until [`Self::packed`] was called and every receipt is given.
    pub fn new(delivery: Delivery, on_ack: Arc<OnAck>) -> Arc<Self> {
        Arc::new(Self { delivery: Mutex::new(Some(delivery)), missing: AtomicUsize::new(1), on_ack })
    }

    /// The receipt of a package that has `bytes` bytes of the source.
    pub fn receipt(self: &Arc<Self>, bytes: u64) -> Receipt {
        self.missing.fetch_add(1, Ordering::AcqRel);
        Receipt { hold: Arc::clone(self), bytes }
    }

    /// Says that the whole batch is packed.
    pub fn packed(&self) {
        self.end_one();
    }

    fn end_one(&self) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ack) = delivery.and_then(Delivery::acknowledge) {
            (self.on_ack)(&ack);
        }
    }

    fn reject(&self, bytes: u64) {
        if let Some(delivery) = &*self.delivery.lock().unwrap_or_else(PoisonError::into_inner) {
            delivery.reject(bytes);
        }
    }
}

impl Receipt {
    /// Receipts for so many parts of the package.
    pub fn split(self, parts: u64) -> Vec<Self> {
        let parts = parts.max(1);
        self.hold.missing.fetch_add(parts as usize - 1, Ordering::AcqRel);
        let bytes = |part| self.bytes * (part + 1) / parts - self.bytes * part / parts;
        (0..parts).map(|part| Self { hold: Arc::clone(&self.hold), bytes: bytes(part) }).collect()
    }

    /// Says that the package was taken, or is safe on disk.
    pub fn taken(self) {
        self.hold.end_one();
    }

    /// Says that the package was refused for good.
    pub fn rejected(self) {
        self.hold.reject(self.bytes);
        self.hold.end_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::event::deliveries;
    use crate::event::testing::batch;

    #[test]
    fn a_batch_is_acknowledged_when_all_its_packages_are_out_and_not_before() {
        let batch = batch(&["a", "bc", "def"]);
        let source = Arc::clone(&batch.source);
        let acked = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&acked);
        let on_ack: Arc<OnAck> = Arc::new(move |ack| _ = seen.fetch_add(ack.events as u64, Ordering::Relaxed));
        let delivery = deliveries(batch, None, 1).next().expect("there is one");
        let hold = Hold::new(delivery, on_ack);
        let (first, second) = (hold.receipt(2), hold.receipt(7));
        first.taken();
        hold.packed();
        let mut parts = second.split(3);
        assert_eq!(parts.iter().map(|part| part.bytes).collect::<Vec<_>>(), [2, 2, 3]);
        parts.drain(1..).for_each(Receipt::rejected);
        assert_eq!((acked.load(Ordering::Relaxed), source.progress.committed().offset.0), (0, 0));
        parts.into_iter().for_each(Receipt::taken);
        assert_eq!((acked.load(Ordering::Relaxed), source.progress.committed().offset.0), (3, 9));
        let ledger = source.progress.ledger();
        assert_eq!((ledger.acknowledged, ledger.rejected), (4, 5));
    }
}
