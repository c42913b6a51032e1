//! What tests of checkpoints share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::Medium;
use super::{Entry, State, Store};
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

/// A store that keeps nothing, and fails while `is_broken` says so.
pub(crate) fn unsteady_store(is_broken: &Arc<AtomicBool>) -> Store {
    Store::on(Box::new(Unsteady(Arc::clone(is_broken))))
}

#[derive(Debug)]
struct Unsteady(Arc<AtomicBool>);

impl Unsteady {
    fn answer(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Medium for Unsteady {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        self.answer()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.answer()
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        self.answer()
    }

    fn prepare(&mut self, _: &[u8]) -> io::Result<()> {
        self.answer()
    }

    fn replace(&mut self) -> io::Result<()> {
        self.answer()
    }
}
