//! What tests of checkpoints share.

use super::{Entry, State};
use crate::event::{FileId, Ledger, Offset, Position, Signature};

/// An entry of a followed file.
pub(crate) fn entry(generation: u64, offset: u64) -> Entry {
    let path = format!("/var/log/{generation}.log");
    Entry {
        generation,
        pipeline: "web".to_owned(),
        path: path.clone().into(),
        real_path: path.into(),
        id: FileId { device: 2049, inode: generation },
        birth_ns: None,
        head: Signature::of(b"head"),
        position: Position { offset: Offset(offset), ..Position::default() },
        len: Offset(offset + 50),
        updated: 1_700_000_000,
        state: State::Followed,
        ledger: Ledger { acknowledged: offset, ..Ledger::default() },
    }
}
