//! Stores how far each file has come, so that a restarted agent goes on where the last one stopped.

mod entry;

pub use entry::{Entry, State};
