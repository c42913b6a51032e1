//! One budget of bytes for everything in flight: chunks being read, batches being processed, queues.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A number of bytes that readers take from and that comes back when batches are acknowledged.
///
/// A reader that finds nothing left waits, and so stops reading: the file is the buffer. One permit is always granted
/// when none is out, so that a batch above the whole budget still passes.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: usize,
    used_bytes: Mutex<usize>,
    returned: Condvar,
}

/// A share of a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: Mutex::new(0), returned: Condvar::new() })
    }

    /// Takes `bytes`, waiting at most `patience` for others to give theirs back.
    pub fn take(self: &Arc<Self>, bytes: usize, patience: Duration) -> Option<Permit> {
        let deadline = Instant::now() + patience;
        let mut used = self.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && *used + bytes > self.limit_bytes {
            let left = deadline.checked_duration_since(Instant::now())?;
            (used, _) = self.returned.wait_timeout(used, left).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Some(Permit { budget: Arc::clone(self), bytes })
    }

    /// How much is out.
    pub fn used_bytes(&self) -> usize {
        *self.used_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Changes the share to what its batch takes by now. Never waits: a batch that grew is not held up halfway.
    pub fn resize(&mut self, bytes: usize) {
        let mut used = self.budget.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *used = *used - self.bytes + bytes;
        let shrunk = bytes < self.bytes;
        self.bytes = bytes;
        drop(used);
        if shrunk {
            self.budget.returned.notify_all();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_grants_nothing_until_bytes_come_back() {
        let budget = Budget::new(100);
        let first = budget.take(60, Duration::ZERO).expect("nothing is out");
        assert!(budget.take(41, Duration::ZERO).is_none());
        let second = budget.take(40, Duration::ZERO).expect("it just fits");
        drop(first);
        assert_eq!(budget.used_bytes(), 40);
        drop(second);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_batch_above_the_whole_budget_passes_alone() {
        let budget = Budget::new(100);
        let mut large = budget.take(1000, Duration::ZERO).expect("nothing is out");
        assert!(budget.take(1, Duration::ZERO).is_none());
        large.resize(50);
        assert!(budget.take(50, Duration::ZERO).is_some());
    }

    #[test]
    fn a_waiting_reader_goes_on_when_bytes_come_back() {
        let budget = Budget::new(100);
        let held = budget.take(100, Duration::ZERO).expect("nothing is out");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take(10, Duration::from_secs(60)).is_some());
            drop(held);
            assert!(waiting.join().expect("the reader does not panic"));
        });
    }
}
