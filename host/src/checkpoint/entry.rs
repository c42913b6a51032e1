//! What is stored of one file.

use std::path::PathBuf;

use crate::event::{FileId, Ledger, Offset, Position, Remembered, Signature};

/// How far one file has come for one pipeline.
///
/// A file that is truncated and written anew gets a new entry: what it was before and what it is now have ledgers of their
/// own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Tells it from all other entries that this store ever had. Larger ones are newer.
    pub generation: u64,
    /// The pipeline that collects the file.
    pub pipeline: String,
    /// The path under which the file was found, which is its tag `__path__`.
    pub path: PathBuf,
    /// The path under which it was last seen: another one if it was renamed since.
    pub real_path: PathBuf,
    /// Which file it is.
    pub id: FileId,
    /// When the file was made, in Unix nanoseconds, where the file system says so.
    pub birth_ns: Option<i64>,
    /// The first bytes of the file.
    pub head: Signature,
    /// Below this, everything was acknowledged.
    pub position: Position,
    /// How long the file was when it was last seen.
    pub len: Offset,
    /// When it was last seen to change, in Unix seconds.
    pub updated: i64,
    /// What is to be done with the file.
    pub state: State,
    /// What became of its bytes.
    pub ledger: Ledger,
}

/// What is to be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is read, as soon as it has something new.
    Followed,
    /// It was renamed or deleted, and read to its end: it is known so that it is not read again.
    Finished,
    /// It was there before the agent and is not read until it is written to.
    Untouched,
}

/// What the processors of a pipeline remember of all that the entries which were saved with it say was delivered, and of
/// nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The pipeline.
    pub pipeline: String,
    /// Its processors that remember something.
    pub processors: Vec<Remembered>,
}
