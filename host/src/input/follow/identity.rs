//! Decides whether a file is the one that is remembered. Pure.

use crate::event::{FileId, Offset, Position, Signature};
use crate::input::stat::Stat;

/// What is remembered of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// Which file it was.
    pub id: FileId,
    /// When it was made, in Unix nanoseconds.
    pub birth_ns: Option<i64>,
    /// Its first bytes.
    pub head: Signature,
    /// Up to where it is done with.
    pub position: Position,
}

/// How a file compares to what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is the same, and has what it had before the position.
    Same,
    /// It is the same, but what it had is gone: it was truncated, and maybe written to again.
    Rewritten,
    /// It is another one, even if it has the same number.
    Other,
}

/// Compares a file with what is remembered. `head` are its first bytes, as many as the remembered head has if it has that
/// many, and `before` those before the remembered position, as many as that has a signature of.
pub fn compare(known: &Remembered, stat: &Stat, head: &[u8], before: &[u8]) -> Match {
    let has_content =
        stat.len >= known.position.offset && known.head.begins(head) && known.position.tail == Signature::of(before);
    if stat.id != known.id {
        // A device may have another number after it was mounted again; what tells then is the content.
        let is_remounted = stat.id.inode == known.id.inode
            && known.position.offset > Offset(0)
            && known.birth_ns == stat.birth_ns
            && has_content;
        return if is_remounted { Match::Same } else { Match::Other };
    }
    match (known.birth_ns, stat.birth_ns) {
        (Some(known), Some(found)) if known != found => Match::Other,
        (Some(_), Some(_)) => {
            if has_content {
                Match::Same
            } else {
                Match::Rewritten
            }
        }
        // Without a time of birth, a number that is in use again looks like a file that was written anew.
        _ if has_content => Match::Same,
        _ => Match::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"first line\nsecond line\n";

    fn known() -> Remembered {
        Remembered {
            id: FileId { device: 1, inode: 10 },
            birth_ns: Some(5),
            head: Signature::of(HEAD),
            position: Position { offset: Offset(11), mid_record: false, tail: Signature::of(&HEAD[..11]) },
        }
    }

    fn stat(device: u64, inode: u64, birth_ns: Option<i64>, len: u64) -> Stat {
        Stat { id: FileId { device, inode }, birth_ns, len: Offset(len), modified_ns: 0, links: 1 }
    }

    #[test]
    fn a_file_is_known_by_number_birth_and_content() {
        let check = |known: Remembered, stat: Stat, head: &[u8], before: &[u8], expected: Match| {
            assert_eq!(compare(&known, &stat, head, before), expected, "{known:?} {stat:?}");
        };
        let (whole, before) = (HEAD, &HEAD[..11]);
        check(known(), stat(1, 10, Some(5), 23), whole, before, Match::Same);
        check(known(), stat(1, 10, Some(5), 99), whole, before, Match::Same);
        // Truncated; truncated and written again, with another head; or with the same head and other lines behind it.
        check(known(), stat(1, 10, Some(5), 4), b"firs", b"", Match::Rewritten);
        check(known(), stat(1, 10, Some(5), 23), b"FIRST line\nsecond line\n", before, Match::Rewritten);
        check(known(), stat(1, 10, Some(5), 99), whole, b"xirst line\n", Match::Rewritten);
        // The number is in use again.
        check(known(), stat(1, 10, Some(6), 23), whole, before, Match::Other);
        check(Remembered { birth_ns: None, ..known() }, stat(1, 10, Some(6), 23), b"other", before, Match::Other);
        check(Remembered { birth_ns: None, ..known() }, stat(1, 10, None, 23), whole, before, Match::Same);
        // Another file, even with the same content; mounted again.
        check(known(), stat(1, 11, Some(5), 23), whole, before, Match::Other);
        check(known(), stat(2, 10, Some(5), 23), whole, before, Match::Same);
        check(known(), stat(2, 10, Some(6), 23), whole, before, Match::Other);
    }

    #[test]
    fn an_empty_file_is_known_by_number_and_birth() {
        let empty = Remembered { head: Signature::default(), position: Position::default(), ..known() };
        assert_eq!(compare(&empty, &stat(1, 10, Some(5), 0), b"", b""), Match::Same);
        assert_eq!(compare(&empty, &stat(1, 10, Some(6), 0), b"", b""), Match::Other);
        assert_eq!(compare(&empty, &stat(2, 10, Some(5), 0), b"", b""), Match::Other);
    }
}
