//! Packages on disk, which wait there for a destination that does not take them.
//!
//! Each destination has a directory `spool/NAME-HASH` below the data directory, and in it `dead-letters` for packages that
//! the service refuses for good. Both have the same files: segments `NUMBER.segment` that are only ever appended to
//! (`frame.rs`), and beside each the marks `NUMBER.done` of the records that are done. A segment goes when all its records
//! are done. What is damaged is kept in `NUMBER-COPY.bad`.
//!
//! What must stay true: what [`Spool::sync`] returned for is there after any crash, until it is done; a record comes back as
//! it was, or not at all; nothing is removed to make room; what comes twice was done shortly before a crash, or was
//! appended without a sync that succeeded.

pub mod decode;
mod disk;
mod frame;
pub mod look;
mod note;
mod queue;
mod requeue;
mod room;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::package::{Destination, Head, Package};
pub use note::Note;
use queue::Queue;
pub use queue::{AppendError, RecordId};
pub use requeue::{Requeued, adopt, requeue};
pub use room::Room;

/// The packages of a destination. They belong to the one thread that has it.
#[derive(Debug)]
pub struct Spool {
    queue: Queue,
}

/// The packages of a destination that the service refuses for good, each with the reason.
#[derive(Debug)]
pub struct DeadLetters {
    queue: Queue,
}

impl Spool {
    /// Opens the spool of a destination in the data directory, which nobody else may have open, and says what is wrong
    /// with it. What an earlier run left counts in `room` whether there is room for it or not.
    ///
    /// Reads everything once, a segment of 16 MiB at a time.
    ///
    /// # Errors
    /// Those of the file system; [`io::ErrorKind::Unsupported`] if a newer agent wrote to it. Then nothing is changed.
    pub fn open(data_dir: &Dir, destination: &Destination, room: Arc<Room>) -> io::Result<(Self, Vec<Note>)> {
        let name = directory_name(destination);
        let mut queue = Queue::open(data_dir, &[DIRECTORY, &name], destination, room)?;
        let notes = queue.notes();
        Ok((Self { queue }, notes))
    }

    /// Appends a package, which is not durable before [`Self::sync`] says so and is not taken before that.
    ///
    /// # Errors
    /// [`AppendError`]. Nothing of this package is in the spool, and those before it are as they were.
    pub fn append(&mut self, package: &Package) -> Result<(), AppendError> {
        self.queue.append(package, None)
    }

    /// Returns once all packages that were appended would survive a loss of power.
    ///
    /// # Errors
    /// None of those that were appended since the last call that succeeded is in the spool any more: append them again.
    /// A crash may bring them back.
    pub fn sync(&mut self) -> io::Result<()> {
        self.queue.sync()
    }

    /// Takes the next package, in the order in which they were appended, that was not taken since the spool was opened. It
    /// stays on disk until it is done.
    ///
    /// # Errors
    /// Those of reading. If a package is what cannot be read, it stays on disk, and the next call goes on behind it.
    pub fn take(&mut self) -> io::Result<Option<(RecordId, Package)>> {
        Ok(self.queue.take()?.map(|taken| (taken.id, taken.package)))
    }

    /// Says that a package was sent, or is durable elsewhere. After a loss of power it may come again.
    pub fn done(&mut self, id: RecordId) {
        self.queue.done(id);
    }

    /// Takes packages that were not taken, and of which something was read before `read_seconds`, out for good, and
    /// returns their heads: the caller counts them. Those that were taken are the caller's.
    ///
    /// # Errors
    /// Those of the file system. Nothing was taken out.
    pub fn expire(&mut self, read_seconds: i64) -> io::Result<Vec<Head>> {
        self.queue.expire(read_seconds)
    }

    /// What was found wrong since it was opened, or since this was asked last.
    pub fn notes(&mut self) -> Vec<Note> {
        self.queue.notes()
    }

    /// Whether there is no durable package that is not done.
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    /// How many durable packages are not done.
    pub fn records(&self) -> u64 {
        self.queue.records()
    }

    /// How many bytes these have on disk. Their files may have more, which is what counts in the room.
    pub fn bytes(&self) -> u64 {
        self.queue.bytes()
    }

    /// When the oldest of these was read, in Unix seconds.
    pub fn oldest_read_seconds(&self) -> Option<i64> {
        self.queue.oldest_read_seconds()
    }
}

impl DeadLetters {
    /// Opens the dead letters of a destination, as [`Spool::open`] does.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open(data_dir: &Dir, destination: &Destination, room: Arc<Room>) -> io::Result<(Self, Vec<Note>)> {
        let name = directory_name(destination);
        let mut queue = Queue::open(data_dir, &[DIRECTORY, &name, DEAD_LETTERS], destination, room)?;
        let notes = queue.notes();
        Ok((Self { queue }, notes))
    }

    /// Appends a package with the reason why it was refused, and returns once it would survive a loss of power.
    ///
    /// # Errors
    /// [`AppendError`]. The package is not there.
    pub fn append(&mut self, package: &Package, reason: &str) -> Result<(), AppendError> {
        self.queue.append(package, Some(reason))?;
        Ok(self.queue.sync()?)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    /// How many there are.
    pub fn records(&self) -> u64 {
        self.queue.records()
    }

    /// How many bytes they have on disk.
    pub fn bytes(&self) -> u64 {
        self.queue.bytes()
    }
}

/// A name that a person can read, and that no other destination has.
fn directory_name(destination: &Destination) -> String {
    let hash = Sha256::digest(frame::json(destination).as_bytes());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name = format!("{}_{}", destination.project, destination.logstore);
    let name = name.chars().map(|c| if is_plain(c) { c } else { '_' });
    let name: String = name.take(MAX_NAME_CHARS).collect();
    format!("{name}-{}", HEXLOWER.encode(&hash[..8]))
}

/// Where spools are in the data directory.
const DIRECTORY: &str = "spool";

/// Where dead letters are in the directory of a destination.
const DEAD_LETTERS: &str = "dead-letters";

/// How much of the project and the logstore is in the name of a directory.
const MAX_NAME_CHARS: usize = 80;
