//! Syncs that fail when a test wants them to.

use std::cell::Cell;
use std::io;

thread_local! {
    static FAILING: Cell<usize> = const { Cell::new(0) };
}

/// The next syncs of this thread fail.
pub(super) fn fail_syncs(count: usize) {
    FAILING.set(count);
}

pub(in super::super) fn on_sync() -> io::Result<()> {
    let left = FAILING.get();
    FAILING.set(left.saturating_sub(1));
    if left > 0 { Err(io::Error::other("the disk does not answer")) } else { Ok(()) }
}
