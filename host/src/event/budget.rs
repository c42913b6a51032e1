//! One budget of bytes for everything in flight: chunks being read, batches being processed, queues.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A number of bytes that readers take from and that comes back when batches are acknowledged.
///
/// A reader that finds nothing left waits, and so stops reading: the file is the buffer. Half of the budget is shared out evenly:
/// a pipeline always gets its part of that, and one permit if it has nothing out, so that a batch above the whole budget still
/// passes, and so that a pipeline whose flusher is stuck does not stop the others. All of them together may exceed the budget by
/// that half at worst.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: usize,
    used_bytes: Mutex<Used>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Used {
    total: usize,
    by_share: BTreeMap<u64, usize>,
    next_share: u64,
}

/// The part that one pipeline has in a [`Budget`]. It is there for others when the last clone and the last permit are
/// gone.
#[derive(Debug, Clone)]
pub struct Share(Arc<Seat>);

#[derive(Debug)]
struct Seat {
    budget: Arc<Budget>,
    number: u64,
}

/// Bytes of a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Permit {
    share: Share,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: Mutex::default(), returned: Condvar::new() })
    }

    /// The share of one more pipeline.
    pub fn share(self: &Arc<Self>) -> Share {
        let mut used = self.used();
        let number = used.next_share;
        used.next_share += 1;
        used.by_share.insert(number, 0);
        Share(Arc::new(Seat { budget: Arc::clone(self), number }))
    }

    /// How much may be out.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// How much is out.
    pub fn used_bytes(&self) -> usize {
        self.used().total
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes `bytes`, waiting at most `patience` for others to give theirs back.
    pub fn take(&self, bytes: usize, patience: Duration) -> Option<Permit> {
        let Seat { budget, number } = &*self.0;
        let deadline = Instant::now() + patience;
        let mut used = budget.used();
        loop {
            let (own, guaranteed) = (used.by_share[number], budget.limit_bytes / (2 * used.by_share.len()));
            if own == 0 || own + bytes <= guaranteed || used.total + bytes <= budget.limit_bytes {
                break;
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            (used, _) = budget.returned.wait_timeout(used, left).unwrap_or_else(PoisonError::into_inner);
        }
        used.total += bytes;
        *used.by_share.entry(*number).or_default() += bytes;
        Some(Permit { share: self.clone(), bytes })
    }
}

impl Permit {
    /// Changes the bytes to what the batch takes by now. Never waits: a batch that grew is not held up halfway.
    pub fn resize(&mut self, bytes: usize) {
        let Seat { budget, number } = &*self.share.0;
        let mut used = budget.used();
        used.total = used.total - self.bytes + bytes;
        let own = used.by_share.entry(*number).or_default();
        *own = *own - self.bytes + bytes;
        drop(used);
        if std::mem::replace(&mut self.bytes, bytes) > bytes {
            budget.returned.notify_all();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.budget.used().by_share.remove(&self.number);
        self.budget.returned.notify_all();
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
        let share = budget.share();
        let first = share.take(60, Duration::ZERO).expect("nothing is out");
        assert!(share.take(41, Duration::ZERO).is_none());
        let second = share.take(40, Duration::ZERO).expect("it just fits");
        drop(first);
        assert_eq!(budget.used_bytes(), 40);
        drop(second);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_batch_above_the_whole_budget_passes_alone() {
        let share = Budget::new(100).share();
        let mut large = share.take(1000, Duration::ZERO).expect("nothing is out");
        assert!(share.take(1, Duration::ZERO).is_none());
        large.resize(50);
        assert!(share.take(50, Duration::ZERO).is_some());
    }

    #[test]
    fn a_pipeline_that_is_stuck_does_not_stop_another() {
        let budget = Budget::new(100);
        let (stuck, other) = (budget.share(), budget.share());
        let _held = stuck.take(100, Duration::ZERO).expect("nothing is out");
        let _first = other.take(10, Duration::ZERO).expect("this pipeline has nothing out");
        let second = other.take(15, Duration::ZERO).expect("its part of half the budget");
        assert!(other.take(1, Duration::ZERO).is_none(), "no more than that");
        drop(second);
        assert!(other.take(15, Duration::ZERO).is_some());
    }

    #[test]
    fn the_part_of_a_pipeline_that_is_gone_belongs_to_the_others() {
        let budget = Budget::new(100);
        let (stays, gone) = (budget.share(), budget.share());
        let late = gone.take(60, Duration::ZERO).expect("nothing is out");
        drop(gone);
        let _held = stays.take(20, Duration::ZERO).expect("this pipeline has nothing out");
        assert!(stays.take(25, Duration::ZERO).is_none(), "a batch of the other is under way");
        drop(late);
        let _more = stays.take(25, Duration::ZERO).expect("it is alone");
        assert_eq!((budget.used_bytes(), budget.used().by_share.len()), (45, 1));
    }

    #[test]
    fn a_waiting_reader_goes_on_when_bytes_come_back() {
        let share = Budget::new(100).share();
        let held = share.take(100, Duration::ZERO).expect("nothing is out");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| share.take(10, Duration::from_secs(60)).is_some());
            drop(held);
            assert!(waiting.join().expect("the reader does not panic"));
        });
    }
}
