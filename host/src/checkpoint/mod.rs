//! Stores how far each file has come, so that a restarted agent goes on where the last one stopped.
//!
//! The store is a journal, the file `checkpoints` of the data directory: a first line with the version of the format, then
//! one record a line. The last record of a generation wins. A [`Store::save`] appends records and a last one that says
//! when, and returns once they are on disk. When most of the journal is outdated, it is written anew beside the old one
//! and put in its place. A path is text in which `%` and bytes that are not UTF-8 are written as `%XX`.
//!
//! What must hold: whatever happens, what is recovered of each entry is what was last saved, or something later that was
//! being saved; a line that is damaged costs only itself; and a journal that is gone or unreadable is never taken for a
//! first start without a word. Beside the journal are
//!
//! - `lock`: held by the one agent or command that may write, with the number of its process;
//! - `checkpoints.known`: there was a journal here, so that one that is gone is noticed;
//! - `checkpoints.new`: what a compaction or a crash in one left behind;
//! - `checkpoints.corrupt-N`: damaged journals, kept for a person.

mod disk;
mod entry;
mod expiry;
pub mod import;
mod journal;
mod lock;
mod moved;
mod record;
mod store;
#[cfg(test)]
pub(crate) mod testing;

pub use entry::{Entry, Memory, State};
pub use expiry::is_expired;
pub use moved::moved;
pub use record::to_json;
pub use store::{OpenError, Recovered, Store, read};
