//! The files that a pipeline knows, for all who ask: readers, discovery, checkpoints, the status command.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::find::Found;
use super::stat::Stat;
use crate::event::{FileId, Ledger, Offset, Position, Progress, Signature, Source};

/// One content of one file: what is written to it from its making, or from its truncation, on.
#[derive(Debug)]
pub struct Track {
    /// Tells it from all others that the agent ever followed. Larger ones are newer.
    pub generation: u64,
    /// The path whose files it is one of: its own, or the one that it was renamed from.
    pub lane: PathBuf,
    /// The path under which it was found, which file it is, and how far it has come.
    pub source: Arc<Source>,
    /// When the file was made, in Unix nanoseconds, where the file system says so.
    pub birth_ns: Option<i64>,
    seen: Mutex<Seen>,
}

/// What was last seen of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The path that leads to it, or did so last.
    pub real_path: PathBuf,
    /// That path is one that is looked for, and leads to it.
    pub is_named: bool,
    /// Its first bytes.
    pub head: Signature,
    /// Its length in bytes.
    pub len: Offset,
    /// When it was last written to, in Unix nanoseconds.
    pub modified_ns: i64,
    /// What is done with it.
    pub phase: Phase,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was there before the agent, and is not read until it is written to.
    Untouched,
    /// It is read, as soon as it has something new.
    Followed,
    /// It was read to its end and will not grow: it was renamed, deleted or truncated.
    Finished,
}

/// Bytes of a file by where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// Written to the file, as far as was seen.
    pub written: u64,
    /// Not read yet.
    pub unread: u64,
    /// Read and not acknowledged.
    pub in_flight: u64,
    /// In a file that is not read until it is written to.
    pub untouched: u64,
    /// Acknowledged, dropped or lost: see the ledger.
    pub settled: u64,
}

impl Balance {
    /// Whether every byte is somewhere.
    pub fn is_even(&self) -> bool {
        self.written == self.unread + self.in_flight + self.untouched + self.settled
    }
}

impl Track {
    /// What was last seen of it.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Asks what was last seen of it, without a copy of that.
    pub fn ask<T>(&self, question: impl FnOnce(&Seen) -> T) -> T {
        question(&self.lock())
    }

    /// Changes what was seen of it.
    pub fn see(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
    }

    /// What is done with it.
    pub fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Where its bytes are.
    pub fn balance(&self) -> Balance {
        // Held while the progress is asked, so that both are of one moment: who reads sees the length first.
        let seen = self.lock();
        let (committed, read_to, ledger) = self.source.progress.snapshot();
        let rest = seen.len.0.saturating_sub(read_to.0);
        let (unread, untouched) = match seen.phase {
            Phase::Untouched => (0, rest),
            Phase::Followed => (rest, 0),
            Phase::Finished => (0, 0),
        };
        Balance {
            written: seen.len.0.max(read_to.0),
            unread,
            in_flight: read_to.0 - committed.offset.0,
            untouched,
            settled: ledger.settled_bytes(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All tracks of a pipeline.
#[derive(Debug)]
pub struct Tracks {
    next_generation: Arc<AtomicU64>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_generation: BTreeMap<u64, Arc<Track>>,
    /// The newest of each file.
    newest: HashMap<FileId, Arc<Track>>,
}

impl Tracks {
    /// No tracks yet. Generations are taken from a number that all pipelines share.
    pub fn new(next_generation: Arc<AtomicU64>) -> Self {
        Self { next_generation, known: Mutex::default() }
    }

    /// Begins to track a file that was not known, or a new content of one that was.
    pub fn begin(
        &self,
        path: PathBuf,
        lane: PathBuf,
        real_path: PathBuf,
        stat: &Stat,
        head: Signature,
        phase: Phase,
    ) -> Arc<Track> {
        let seen = Seen { real_path, is_named: true, head, len: stat.len, modified_ns: stat.modified_ns, phase };
        self.resume(self.next_generation(), lane, Source::new(path, Some(stat.id)), stat.birth_ns, seen)
    }

    /// Knows a copy of a file, whose bytes are those of the original.
    pub fn begin_copy(&self, lane: PathBuf, copy: &Found, head: Signature) -> Arc<Track> {
        let Stat { id, birth_ns, len, modified_ns, .. } = copy.stat;
        let ledger = Ledger { copied: len.0, ..Ledger::default() };
        let position = Position { offset: len, ..Position::default() };
        let source = Source { path: copy.path.clone(), file: Some(id), progress: Progress::new(position, ledger) };
        let real_path = copy.path.clone();
        let seen = Seen { real_path, is_named: true, head, len, modified_ns, phase: Phase::Finished };
        self.resume(self.next_generation(), lane, source, birth_ns, seen)
    }

    fn next_generation(&self) -> u64 {
        self.next_generation.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes up a track that an earlier agent has left.
    pub fn resume(
        &self,
        generation: u64,
        lane: PathBuf,
        source: Source,
        birth_ns: Option<i64>,
        seen: Seen,
    ) -> Arc<Track> {
        self.insert(Track { generation, lane, source: Arc::new(source), birth_ns, seen: Mutex::new(seen) })
    }

    fn insert(&self, track: Track) -> Arc<Track> {
        let track = Arc::new(track);
        let mut known = self.lock();
        known.by_generation.insert(track.generation, Arc::clone(&track));
        if let Some(id) = track.source.file {
            let newest = known.newest.entry(id).or_insert_with(|| Arc::clone(&track));
            if newest.generation < track.generation {
                *newest = Arc::clone(&track);
            }
        }
        drop(known);
        track
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Arc<Track>> {
        self.lock().by_generation.values().cloned().collect()
    }

    /// The newest track of a file.
    pub fn newest_of(&self, id: FileId) -> Option<Arc<Track>> {
        self.lock().newest.get(&id).cloned()
    }

    /// Forgets a track.
    pub fn remove(&self, generation: u64) {
        let mut known = self.lock();
        let removed = known.by_generation.remove(&generation);
        if let Some(id) = removed.and_then(|track| track.source.file)
            && known.newest.get(&id).is_some_and(|newest| newest.generation == generation)
        {
            known.newest.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
