//! The processors of a pipeline as they are now.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::stage::Stage;

/// The processors of a pipeline as they are now. They are replaced as a whole, and each worker takes the new ones between
/// two of its batches.
#[derive(Debug, Default)]
pub struct Lineup {
    stages: Mutex<Arc<[Arc<Stage>]>>,
    /// Grows with each replacement.
    edition: AtomicU64,
}

impl Lineup {
    /// A pipeline begins with these.
    pub fn new(stages: Vec<Arc<Stage>>) -> Self {
        Self { stages: Mutex::new(stages.into()), edition: AtomicU64::new(0) }
    }

    /// The processors, in their order.
    pub fn stages(&self) -> Arc<[Arc<Stage>]> {
        Arc::clone(&self.stages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the processors. A stage that is in both line-ups goes on with its instances.
    pub fn replace(&self, stages: Vec<Arc<Stage>>) {
        let mut current = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        *current = stages.into();
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// Tells whether the processors were replaced since.
    pub(super) fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }
}
