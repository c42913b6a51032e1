//! What the file system says of a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

use crate::event::{FileId, Offset};

/// What a `stat` of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Which file it is.
    pub id: FileId,
    /// When it was made, in Unix nanoseconds. `None` where the file system does not say.
    pub birth_ns: Option<i64>,
    /// Its length in bytes.
    pub len: Offset,
    /// When it was last written to, in Unix nanoseconds.
    pub modified_ns: i64,
    /// How many names it has. A file without one goes away when it is closed.
    pub links: u64,
}

impl Stat {
    /// What `metadata` says.
    pub fn of(metadata: &Metadata) -> Self {
        let birth = metadata.created().ok().and_then(|birth| birth.duration_since(UNIX_EPOCH).ok());
        Self {
            id: FileId { device: metadata.dev(), inode: metadata.ino() },
            birth_ns: birth.and_then(|birth| i64::try_from(birth.as_nanos()).ok()),
            len: Offset(metadata.len()),
            modified_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
            links: metadata.nlink(),
        }
    }
}
