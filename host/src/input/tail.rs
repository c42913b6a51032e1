//! Decides what to do about a file that is being followed. Pure: no clock and no I/O.

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
    /// The path leads to another file: that one is next, once this one has nothing new.
    Follow,
}

/// Returns what to do about the file `id`, read up to `read_to`, when it has `len` bytes and its path leads to `at_path`
/// (`None`: to no file).
pub fn step(id: FileId, read_to: Offset, len: Offset, at_path: Option<Stat>) -> Step {
    if len > read_to {
        return Step::Read;
    }
    if len < read_to {
        return Step::Restart;
    }
    match at_path {
        Some(stat) if stat.id != id => Step::Follow,
        _ => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: FileId = FileId { device: 1, inode: 10 };
    const NEW: FileId = FileId { device: 1, inode: 11 };

    fn check(len: u64, at_path: Option<(FileId, u64)>, expected: Step) {
        let at_path = at_path.map(|(id, len)| Stat { id, len: Offset(len) });
        assert_eq!(step(OLD, Offset(100), Offset(len), at_path), expected, "{len} bytes, path {at_path:?}");
    }

    #[test]
    fn steps() {
        check(100, Some((OLD, 100)), Step::Wait);
        check(150, Some((OLD, 150)), Step::Read);
        check(7, Some((OLD, 7)), Step::Restart);
        // Deleted, or between two steps of a rotation.
        check(100, None, Step::Wait);
        check(150, None, Step::Read);
        // Renamed and replaced: the old one is read to its end first.
        check(150, Some((NEW, 5)), Step::Read);
        check(100, Some((NEW, 5)), Step::Follow);
    }
}
