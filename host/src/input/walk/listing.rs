//! What a directory held when it was listed last, and when that is no longer good enough. Pure.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::FileType;
use std::time::{Duration, Instant};

use crate::event::FileId;

/// What a `stat` of a directory says about its list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DirectoryStat {
    /// Which directory it is.
    pub(super) id: FileId,
    /// When a name was last added or removed, in Unix nanoseconds.
    pub(super) modified_ns: i64,
}

/// A directory as it was listed last.
#[derive(Debug)]
pub(super) struct Listing {
    /// The `stat` just before.
    stat: DirectoryStat,
    /// When.
    at: Instant,
    /// What comes after has another time of modification for sure.
    is_settled: bool,
    /// What was there.
    pub(super) entries: HashMap<OsString, Entry>,
    /// The entries that are symbolic links, which can lead elsewhere from now on without a trace in this directory.
    pub(super) links: Vec<OsString>,
    /// The entries that are directories.
    pub(super) directories: Vec<OsString>,
}

/// A name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number that the directory has for it.
    pub(super) inode: u64,
    /// What the directory says that it is.
    pub(super) file_type: FileType,
    /// What it is to us.
    pub(super) kind: Kind,
}

/// What a name is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file that is collected.
    File,
    /// A directory to look into.
    Directory,
    /// A symbolic link that may lead to one of them.
    Link {
        /// A file with this path is collected.
        as_file: bool,
        /// A directory with this path is looked into.
        as_directory: bool,
        /// What it led to when it was looked at last.
        target: Target,
    },
    /// None of them: of no interest, or reported already.
    Other,
}

/// What a symbolic link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing of interest.
    Nothing,
    /// A regular file.
    File(FileId),
    /// A directory.
    Directory,
    /// A FIFO, a device or a socket.
    Odd(FileId),
}

impl Listing {
    /// A listing made just after `stat`, at `now`, which is `now_ns` in Unix nanoseconds.
    pub(super) fn new(stat: DirectoryStat, now: Instant, now_ns: i64, entries: HashMap<OsString, Entry>) -> Self {
        let named = |wanted: fn(Kind) -> bool| {
            entries.iter().filter(|(_, entry)| wanted(entry.kind)).map(|(name, _)| name.clone()).collect()
        };
        Self {
            links: named(|kind| matches!(kind, Kind::Link { .. })),
            directories: named(|kind| matches!(kind, Kind::Directory)),
            is_settled: stat.modified_ns.abs_diff(now_ns) >= GRANULARITY_NS,
            stat,
            at: now,
            entries,
        }
    }

    /// Whether the directory has to be listed again, now that its `stat` says this.
    pub(super) fn is_due(&self, stat: DirectoryStat, now: Instant) -> bool {
        stat != self.stat || !self.is_settled || now.saturating_duration_since(self.at) >= LIST_AGAIN_AFTER
    }

    /// Which directory it was.
    pub(super) fn id(&self) -> FileId {
        self.stat.id
    }
}

/// Two changes of a directory that are further apart than this have different times: 2 seconds on FAT, one on old file
/// systems of servers, some milliseconds elsewhere.
const GRANULARITY_NS: u64 = 2_000_000_000;

/// A directory is listed again after this long even if it says that nothing changed: network mounts keep such answers.
const LIST_AGAIN_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_list_again() {
        const SECOND: i64 = 1_000_000_000;
        let start = Instant::now();
        let stat = |inode, modified_ns| DirectoryStat { id: FileId { device: 1, inode }, modified_ns };
        let check = |listed_at_ns: i64, seen: DirectoryStat, later_secs: u64, expected: bool| {
            let listing = Listing::new(stat(1, 100 * SECOND), start, listed_at_ns, HashMap::new());
            let found = listing.is_due(seen, start + Duration::from_secs(later_secs));
            assert_eq!(found, expected, "listed at {listed_at_ns}, {seen:?} {later_secs} s later");
        };
        let same = stat(1, 100 * SECOND);
        check(102 * SECOND, same, 1, false);
        check(102 * SECOND, stat(1, 100 * SECOND + 1), 1, true);
        check(102 * SECOND, stat(1, 50 * SECOND), 1, true);
        check(102 * SECOND, stat(2, 100 * SECOND), 1, true);
        check(102 * SECOND, same, 29, false);
        check(102 * SECOND, same, 30, true);
        // Listed so soon after the change that another one would have the same time.
        check(102 * SECOND - 1, same, 1, true);
        check(100 * SECOND, same, 1, true);
        // The clock of a server that is ahead.
        check(98 * SECOND, same, 1, false);
    }
}
