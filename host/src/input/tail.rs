//! Decides what to do about a file that is being followed. Pure: no clock and no I/O.

use std::time::Duration;

use crate::event::{FileId, Offset};

/// What a `stat` of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Which file it is.
    pub id: FileId,
    /// Its length in bytes.
    pub len: Offset,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Wait,
    /// There are bytes to read.
    Read,
    /// The file lost bytes that were read already: read it from its start.
    Restart,
    /// The path leads to another file, and this one has had nothing new for long enough: that one is next.
    Follow,
}

/// Returns what to do about the file `id`, read up to `read_to`, when it has `len` bytes and its path leads to `at_path`
/// (`None`: to no file).
///
/// `is_quiet` says that for [`QUIET_TIME`] nothing came and the path led to that other file.
pub fn step(id: FileId, read_to: Offset, len: Offset, at_path: Option<Stat>, is_quiet: bool) -> Step {
    if len > read_to {
        return Step::Read;
    }
    if len < read_to {
        return Step::Restart;
    }
    match at_path {
        Some(stat) if stat.id != id && is_quiet => Step::Follow,
        _ => Step::Wait,
    }
}

/// How long a renamed file must have nothing new before it is left: the application goes on writing to it until it reopens
/// its log. Tools that rotate signal it right after the rename, so that a few seconds are plenty, and still few enough for
/// nobody to wait for the lines of the new file.
pub const QUIET_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: FileId = FileId { device: 1, inode: 10 };
    const NEW: FileId = FileId { device: 1, inode: 11 };

    fn check(len: u64, at_path: Option<(FileId, u64)>, is_quiet: bool, expected: Step) {
        let at_path = at_path.map(|(id, len)| Stat { id, len: Offset(len) });
        let found = step(OLD, Offset(100), Offset(len), at_path, is_quiet);
        assert_eq!(found, expected, "{len} bytes, path {at_path:?}, quiet: {is_quiet}");
    }

    #[test]
    fn steps() {
        for is_quiet in [false, true] {
            check(100, Some((OLD, 100)), is_quiet, Step::Wait);
            check(150, Some((OLD, 150)), is_quiet, Step::Read);
            check(7, Some((OLD, 7)), is_quiet, Step::Restart);
            // Deleted, or between two steps of a rotation.
            check(100, None, is_quiet, Step::Wait);
            check(150, None, is_quiet, Step::Read);
            // Renamed and replaced: the old one is read to its end first.
            check(150, Some((NEW, 5)), is_quiet, Step::Read);
        }
        // It may be written to for a while.
        check(100, Some((NEW, 5)), false, Step::Wait);
        check(100, Some((NEW, 5)), true, Step::Follow);
    }
}
