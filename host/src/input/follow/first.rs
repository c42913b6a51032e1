//! Decides where a file without a checkpoint begins. Pure: no clock and no I/O.

use crate::event::Offset;
use crate::input::stat::Stat;

/// What happens to a file when it is seen for the first time and no checkpoint knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRead {
    /// All of it is read.
    FromStart,
    /// It is too long: the part before this offset is skipped, up to the next beginning of a record.
    From(Offset),
    /// It was there before and nobody has written to it for a while: it is read when somebody does.
    WhenWritten,
}

/// Returns what happens to a file without a checkpoint.
///
/// `now_ns` is the time in Unix nanoseconds, `tail_size_bytes` is `TailSizeKB`, `tailing_all` is `TailingAllMatchedFiles`.
/// `is_new` says that the file came after its directory was first looked at, or after another generation of the same name:
/// nothing of it can have been there before, however old it says that it is.
pub fn first_read(stat: &Stat, now_ns: i64, tail_size_bytes: u64, tailing_all: bool, is_new: bool) -> FirstRead {
    let age_ns = now_ns.saturating_sub(stat.modified_ns);
    if is_new {
        FirstRead::FromStart
    } else if !tailing_all && age_ns > UNTOUCHED_NS {
        FirstRead::WhenWritten
    } else {
        tail(stat.len, tail_size_bytes)
    }
}

/// Returns where a file begins that was there before: at its start, or so many bytes before its end.
pub fn tail(len: Offset, tail_size_bytes: u64) -> FirstRead {
    match len.0.checked_sub(tail_size_bytes) {
        None | Some(0) => FirstRead::FromStart,
        Some(skipped) => FirstRead::From(Offset(skipped)),
    }
}

/// A file that was not written to for longer than this is left alone: 120 seconds, `existed_file_active_timeout` of
/// LoongCollector.
const UNTOUCHED_NS: i64 = 120 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FileId;

    const MIB: u64 = 1 << 20;

    fn check(len: u64, age_seconds: i64, tailing_all: bool, is_new: bool, expected: FirstRead) {
        let stat = Stat {
            id: FileId { device: 1, inode: 1 },
            birth_ns: None,
            len: Offset(len),
            modified_ns: 1_000_000_000_000,
            links: 1,
        };
        let now_ns = stat.modified_ns + age_seconds * 1_000_000_000;
        let found = first_read(&stat, now_ns, MIB, tailing_all, is_new);
        assert_eq!(found, expected, "{len} bytes, {age_seconds} s old, all: {tailing_all}, new: {is_new}");
    }

    #[test]
    fn first_reads() {
        use FirstRead::{From, FromStart, WhenWritten};
        check(0, 0, false, false, FromStart);
        check(MIB, 0, false, false, FromStart);
        check(MIB + 1, 0, false, false, From(Offset(1)));
        check(3 * MIB, 0, false, false, From(Offset(2 * MIB)));
        check(7, 120, false, false, FromStart);
        check(7, 121, false, false, WhenWritten);
        check(7, 121, true, false, FromStart);
        check(3 * MIB, 121, true, false, From(Offset(2 * MIB)));
        // Copied with its time, or from a machine whose clock is ahead.
        check(3 * MIB, 9999, false, true, FromStart);
        check(7, -9999, false, false, FromStart);
    }
}
