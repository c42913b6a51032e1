//! The store: when to append, when to write anew, and what to do when either fails.

use std::collections::BTreeMap;
use std::io;

use cap_std::fs::Dir;
use tracing::warn;

use super::disk::{Disk, Found, Medium};
use super::journal::{self, HEADER, Newer, Recovery};
use super::lock::{Lock, LockError};
use super::record::{self, Saved};
use super::{Entry, Memory};
use crate::telemetry::failpoint;

/// The checkpoints of an agent. Nobody else can open the same directory as long as it lives.
#[derive(Debug)]
pub struct Store {
    medium: Box<dyn Medium>,
    /// The line of each live entry, by generation: what is on disk for certain.
    live: BTreeMap<u64, Box<[u8]>>,
    /// The line of what the processors of each pipeline remember, without entries.
    memories: BTreeMap<String, Box<[u8]>>,
    /// All of them together.
    live_bytes: u64,
    /// The end of the last save.
    saved: Saved,
    /// How many bytes of the journal are whole and on disk.
    len: u64,
    /// Below this length the journal is not written anew: that failed a while ago.
    compact_above: u64,
    /// How much of the journal may be outdated beyond the size of what is live.
    slack_bytes: u64,
    /// What is in the journal, or would be after a crash, is not known: nothing may be appended to it.
    must_rewrite: bool,
    _lock: Option<Lock>,
}

/// What an earlier agent left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The entries, oldest generation first.
    pub entries: Vec<Entry>,
    /// What processors remember, one for each pipeline that has such processors.
    pub memories: Vec<Memory>,
    /// Larger than every generation that this store ever had.
    pub next_generation: u64,
    /// When it was last saved to, in Unix seconds: then the last agent was alive.
    pub alive_at: Option<i64>,
    /// One line for each thing that is not as it should be, for a person.
    pub notes: Vec<String>,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Stop the other one, or use another directory.
    #[error("the data directory is in use by {}", .pid.map_or("another agent".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// The number of its process, if it is known.
        pid: Option<u32>,
    },
    /// Use the newer agent, or begin without checkpoints.
    #[error(
        "the checkpoints have format {found}, this agent knows format 1: run the agent that wrote them, or move the file \
         `checkpoints` of the data directory away to read all files as if for the first time"
    )]
    Newer {
        /// The version of their format.
        found: u32,
    },
    /// The disk does not do what is needed.
    #[error("cannot {what} the checkpoints")]
    Io {
        /// Which operation failed.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Reads the checkpoints of a directory that an agent may be writing to at the same time. Changes nothing.
///
/// # Errors
/// As [`Store::open`], but for the lock.
pub fn read(directory: &Dir) -> Result<Recovered, OpenError> {
    Ok(recover(directory)?.into())
}

fn recover(directory: &Dir) -> Result<Recovery, OpenError> {
    let found = Found::in_directory(directory).map_err(OpenError::io("read"))?;
    let Found { journal, unfinished, existed } = &found;
    journal::recover(journal.as_deref(), unfinished.as_deref(), *existed)
        .map_err(|Newer(found)| OpenError::Newer { found })
}

impl Store {
    /// Opens the checkpoints of `directory`, which nobody else may have open, and returns what is in them.
    ///
    /// A damaged journal is kept under another name and written anew from what can be read.
    ///
    /// # Errors
    /// [`OpenError`]. The journal is as it was then.
    pub fn open(directory: Dir) -> Result<(Self, Recovered), OpenError> {
        let lock = Lock::take(&directory)?;
        let mut recovery = recover(&directory)?;
        let disk = Disk::new(directory).map_err(OpenError::io("open"))?;
        if recovery.is_damaged {
            let name = disk.keep_aside().map_err(OpenError::io("keep a copy of"))?;
            recovery.notes.push(format!("the file as it was found is kept as {name}"));
        }
        let mut store = Self::new(Box::new(disk), &recovery, Some(lock));
        if store.must_rewrite {
            // On a full disk the agent starts nevertheless: each save tries again.
            if let Err(error) = store.rewrite(&store.content()) {
                recovery.notes.push(format!("the checkpoints cannot be written now: {error}"));
            }
        }
        Ok((store, recovery.into()))
    }

    /// Saves entries that are new or have changed, forgets those of the generations in `removed`, and returns once that is
    /// on disk. `now` is in Unix seconds. A call without changes says that the agent is alive.
    ///
    /// # Errors
    /// Those of writing. What was saved before is as safe as it was. What this call was given may be on disk or not, so
    /// the next one is to be given all of it again, in its newest form.
    pub fn save(&mut self, changed: &[Entry], removed: &[u64], now: i64) -> io::Result<()> {
        self.save_with_memories(&[], changed, removed, now)
    }

    /// As [`Self::save`], with what processors remember, each with the entries that this belongs to: of these, all are on
    /// disk after a crash, or none.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_with_memories(
        &mut self,
        memories: &[(Memory, Vec<Entry>)],
        changed: &[Entry],
        removed: &[u64],
        now: i64,
    ) -> io::Result<()> {
        let all = || memories.iter().flat_map(|(_, entries)| entries).chain(changed);
        let next = all().map(|entry| entry.generation).chain(removed.iter().copied());
        let next = next.map(|generation| generation.saturating_add(1)).max().unwrap_or(0);
        let saved = Saved { at: Some(now), next_generation: self.saved.next_generation.max(next) };
        // New generations come before old ones go: a crash in between must not leave a file without either.
        let mut lines = Vec::new();
        memories.iter().for_each(|(memory, entries)| lines.extend(record::together(memory, entries)));
        changed.iter().for_each(|entry| lines.extend(record::put(entry)));
        removed.iter().for_each(|generation| lines.extend(record::remove(*generation)));
        lines.extend(record::saved(saved));

        if self.must_rewrite {
            let content = [&self.content()[..], &lines].concat();
            self.rewrite(&content)?;
        } else {
            self.append(&lines)?;
        }
        self.saved = saved;
        for entry in all() {
            self.keep(entry.generation, Some(record::put(entry)));
        }
        removed.iter().for_each(|generation| self.keep(*generation, None));
        memories.iter().for_each(|(memory, _)| self.remember(memory));
        self.compact();
        Ok(())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// An empty store on any medium.
    #[cfg(test)]
    pub(super) fn on(medium: Box<dyn Medium>) -> Self {
        Self::new(medium, &Recovery::default(), None)
    }

    fn new(medium: Box<dyn Medium>, recovery: &Recovery, lock: Option<Lock>) -> Self {
        let journal = &recovery.journal;
        let mut store = Self {
            medium,
            live: BTreeMap::new(),
            memories: BTreeMap::new(),
            live_bytes: 0,
            saved: Saved { at: journal.saved_at, next_generation: journal.next_generation },
            len: recovery.len,
            compact_above: 0,
            slack_bytes: failpoint::journal_slack_bytes().unwrap_or(SLACK_BYTES),
            must_rewrite: recovery.must_rewrite,
            _lock: lock,
        };
        for entry in journal.entries.values() {
            store.keep(entry.generation, Some(record::put(entry)));
        }
        journal.memories.values().for_each(|memory| store.remember(memory));
        store
    }

    /// What the processors of a pipeline remember from now on, if it is anything.
    fn remember(&mut self, memory: &Memory) {
        let before = if memory.processors.is_empty() {
            self.memories.remove(&memory.pipeline)
        } else {
            let line = record::together(memory, &[]);
            self.live_bytes += line.len() as u64;
            self.memories.insert(memory.pipeline.clone(), line.into())
        };
        self.live_bytes -= before.map_or(0, |line| line.len() as u64);
    }

    /// The last good state of an entry from now on: its line, or `None` if it is gone.
    fn keep(&mut self, generation: u64, line: Option<Vec<u8>>) {
        let bytes = line.as_ref().map_or(0, |line| line.len() as u64);
        let before = match line {
            Some(line) => self.live.insert(generation, line.into()),
            None => self.live.remove(&generation),
        };
        self.live_bytes = self.live_bytes + bytes - before.map_or(0, |line| line.len() as u64);
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if let Err(error) = self.medium.append(lines) {
            // Half a line may be there. If it cannot be taken off, nothing may follow it.
            self.must_rewrite = self.medium.truncate(self.len).is_err();
            return Err(error);
        }
        if let Err(error) = self.medium.sync() {
            // Some systems drop what they could not write and call the next sync a success.
            self.must_rewrite = true;
            return Err(error);
        }
        self.len += lines.len() as u64;
        Ok(())
    }

    fn rewrite(&mut self, content: &[u8]) -> io::Result<()> {
        self.medium.prepare(content)?;
        // Until this has succeeded, which of the two journals would be there after a crash is not known.
        self.must_rewrite = true;
        self.medium.replace()?;
        self.must_rewrite = false;
        self.len = content.len() as u64;
        self.compact_above = 0;
        Ok(())
    }

    /// Writes the journal anew if most of it is outdated. What was saved is on disk already, so a failure can wait.
    fn compact(&mut self) {
        if self.len <= self.compact_above.max(2 * self.live_bytes + self.slack_bytes) {
            return;
        }
        let content = self.content();
        if let Err(error) = self.rewrite(&content) {
            self.compact_above = self.len + self.slack_bytes;
            warn!(%error, journal_bytes = self.len, "checkpoints not compacted, retrying later");
        }
    }

    /// A journal with nothing but what is live.
    fn content(&self) -> Vec<u8> {
        let mut content = Vec::with_capacity(HEADER.len() + self.live_bytes as usize + 100);
        content.extend_from_slice(HEADER.as_bytes());
        self.live.values().chain(self.memories.values()).for_each(|line| content.extend_from_slice(line));
        content.extend(record::saved(self.saved));
        content
    }
}

impl OpenError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl From<LockError> for OpenError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(pid) => Self::Locked { pid },
            LockError::Io(source) => Self::Io { what: "lock", source },
        }
    }
}

impl From<Recovery> for Recovered {
    fn from(recovery: Recovery) -> Self {
        let Recovery { journal, notes, .. } = recovery;
        let entries = journal.entries.into_values().collect();
        let memories = journal.memories.into_values().filter(|memory| !memory.processors.is_empty()).collect();
        Self { entries, memories, next_generation: journal.next_generation, alive_at: journal.saved_at, notes }
    }
}

/// So that a small journal is not written anew all the time.
const SLACK_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests;
