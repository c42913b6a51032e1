//! What has changed since it was saved, so that a save need not look at everything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The numbers of what has changed since it was taken last, each once.
#[derive(Debug, Default)]
pub struct DirtyList(Mutex<Vec<u64>>);

/// Says of one thing that it has changed.
#[derive(Debug)]
pub struct DirtyMark {
    number: u64,
    is_listed: AtomicBool,
    list: Arc<DirtyList>,
}

impl DirtyList {
    /// Takes all numbers. The mark of each is to be cleared before it is looked at.
    pub fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DirtyMark {
    /// The mark of what has this number. It is not set.
    pub fn new(number: u64, list: Arc<DirtyList>) -> Self {
        Self { number, is_listed: AtomicBool::new(false), list }
    }

    /// Says that it has changed, which can be seen already.
    pub fn set(&self) {
        // One that is listed already is looked at after its mark is cleared, and so after this change.
        if !self.is_listed.swap(true, Ordering::AcqRel) {
            self.list.0.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
        }
    }

    /// Says that it is looked at from now on: what changes later is listed again.
    pub fn clear(&self) {
        self.is_listed.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_listed_once_until_it_is_looked_at() {
        let list = Arc::new(DirtyList::default());
        let [first, second] = [1, 2].map(|number| DirtyMark::new(number, Arc::clone(&list)));
        assert!(list.take().is_empty());
        first.set();
        second.set();
        first.set();
        assert_eq!(list.take(), [1, 2]);
        second.clear();
        first.set();
        second.set();
        second.set();
        assert_eq!(list.take(), [2]);
        first.clear();
        first.set();
        assert_eq!(list.take(), [1]);
    }
}
