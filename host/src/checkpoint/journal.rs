//! What the text of a journal says, and what is to be done if it is damaged. Pure.

use std::collections::BTreeMap;

use super::record::{self, Record, Saved};
use super::{Entry, Memory};

/// The first line: what the file is, and the version of its format.
pub(super) const HEADER: &str = "loglift-checkpoints 1\n";

/// What a journal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Journal {
    /// The entries by generation.
    pub(super) entries: BTreeMap<u64, Entry>,
    /// What processors remember, by pipeline.
    pub(super) memories: BTreeMap<String, Memory>,
    /// Larger than every generation so far.
    pub(super) next_generation: u64,
    /// When it was last saved to, in Unix seconds.
    pub(super) saved_at: Option<i64>,
}

/// A journal as it was found, and what is wrong with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recovery {
    /// What it says, as far as it can be read.
    pub(super) journal: Journal,
    /// One line for each thing that is wrong.
    pub(super) notes: Vec<String>,
    /// How many bytes the file has.
    pub(super) len: u64,
    /// Something of it cannot be read: the file is to be kept for a person.
    pub(super) is_damaged: bool,
    /// Nothing can be appended to the file as it is: it is to be written anew.
    pub(super) must_rewrite: bool,
}

/// The journal is of a version of the format that this agent does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newer(pub(super) u32);

/// What is recovered from the journal, from one that was not finished, and from whether there ever was a journal.
pub(super) fn recover(journal: Option<&[u8]>, unfinished: Option<&[u8]>, existed: bool) -> Result<Recovery, Newer> {
    let mut recovery = match journal {
        Some(text) => read(text)?,
        None if !existed => return Ok(Recovery { must_rewrite: true, ..Recovery::default() }),
        None => Recovery {
            notes: vec!["the file of the checkpoints is gone: every file is taken for one never read".to_owned()],
            must_rewrite: true,
            ..Recovery::default()
        },
    };
    let is_lost = recovery.journal.entries.is_empty() && (journal.is_none() || recovery.is_damaged);
    let other = unfinished.filter(|_| is_lost).and_then(|text| read(text).ok());
    if let Some(other) = other.filter(|other| !other.journal.entries.is_empty()) {
        let count = other.journal.entries.len();
        recovery.notes.push(format!("{count} checkpoints were found in a file that was being written to replace it"));
        recovery.journal = other.journal;
    }
    Ok(recovery)
}

/// Reads a journal. Lines that cannot be read are skipped; each of them costs only itself.
fn read(text: &[u8]) -> Result<Recovery, Newer> {
    let mut recovery = Recovery { len: text.len() as u64, ..Recovery::default() };
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let header = lines.first().copied().unwrap_or_default();
    if let Some(version) = version(header).filter(|version| *version != VERSION) {
        return Err(Newer(version));
    }
    let has_header = header == HEADER.as_bytes();
    if text.is_empty() {
        recovery.damage("the file of the checkpoints is empty: every file is taken for one never read".to_owned());
    } else if !has_header {
        recovery.damage("line 1 is not what the checkpoints begin with".to_owned());
    }

    let mut bad: Vec<(usize, usize)> = Vec::new();
    for (number, line) in (1..).zip(&lines).skip(1) {
        let Some(record) = record::parse(line.strip_suffix(b"\n").unwrap_or(line)) else {
            bad.push((number, line.len()));
            continue;
        };
        for (number, _) in bad.drain(..) {
            recovery.damage(format!("line {number} is damaged: what it says of a file is not known"));
        }
        recovery.journal.apply(record);
    }
    // What follows the last good line is what a crash makes of an append. Only a file without any good line is suspicious.
    let torn: usize = bad.iter().map(|(_, bytes)| bytes).sum();
    if torn > 0 {
        let what = format!("the last {torn} bytes are not whole: the agent stopped while it was saving");
        if has_header { recovery.notes.push(what) } else { recovery.damage(what) }
    }
    if !has_header && !text.is_empty() && recovery.journal.entries.is_empty() {
        recovery.damage("there is no checkpoint left: every file is taken for one never read".to_owned());
    }
    recovery.must_rewrite = recovery.is_damaged || torn > 0 || !text.ends_with(b"\n");
    Ok(recovery)
}

/// The version that a first line names.
fn version(header: &[u8]) -> Option<u32> {
    let version = header.strip_suffix(b"\n")?.strip_prefix(MAGIC.as_bytes())?;
    std::str::from_utf8(version).ok()?.parse().ok()
}

impl Journal {
    fn put(&mut self, entry: Entry) {
        self.next_generation = self.next_generation.max(entry.generation.saturating_add(1));
        self.entries.insert(entry.generation, entry);
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Put(entry) => self.put(*entry),
            Record::Together(memory, entries) => {
                entries.into_iter().for_each(|entry| self.put(entry));
                self.memories.insert(memory.pipeline.clone(), memory);
            }
            Record::Remove(generation) => {
                self.next_generation = self.next_generation.max(generation.saturating_add(1));
                self.entries.remove(&generation);
            }
            Record::Saved(Saved { at, next_generation }) => {
                self.next_generation = self.next_generation.max(next_generation);
                self.saved_at = at.or(self.saved_at);
            }
        }
    }
}

impl Recovery {
    fn damage(&mut self, note: String) {
        self.notes.push(note);
        self.is_damaged = true;
    }
}

/// What the first line begins with.
const MAGIC: &str = "loglift-checkpoints ";

/// The version of the format that is written and understood.
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::testing::entry;

    fn text(lines: &[&[u8]]) -> Vec<u8> {
        [&[HEADER.as_bytes()], lines].concat().concat()
    }

    fn put(generation: u64, offset: u64) -> Vec<u8> {
        record::put(&entry(generation, offset))
    }

    fn saved(at: i64) -> Vec<u8> {
        record::saved(Saved { at: Some(at), next_generation: 0 })
    }

    /// Expects these generations and offsets, notes that begin like this, and whether the file is damaged.
    fn check(journal: Option<&[u8]>, entries: &[(u64, u64)], notes: &[&str], is_damaged: bool) -> Recovery {
        let found = recover(journal, Some(&text(&[&put(90, 1)])[..]), true).unwrap();
        let offsets: Vec<_> =
            found.journal.entries.iter().map(|(key, entry)| (*key, entry.position.offset.0)).collect();
        assert_eq!(offsets, entries);
        assert_eq!(found.notes.len(), notes.len(), "{:?}", found.notes);
        for (note, expected) in found.notes.iter().zip(notes) {
            assert!(note.starts_with(expected), "{note} is not {expected}");
        }
        assert_eq!(found.is_damaged, is_damaged);
        found
    }

    #[test]
    fn the_last_record_of_a_generation_wins() {
        let journal = text(&[&put(1, 10), &put(2, 5), &saved(99), &put(1, 30), &record::remove(2), &saved(100)]);
        let found = check(Some(&journal), &[(1, 30)], &[], false);
        assert!(!found.must_rewrite);
        assert_eq!((found.journal.next_generation, found.journal.saved_at), (3, Some(100)));
    }

    #[test]
    fn a_crash_in_an_append_costs_that_line() {
        let good = text(&[&put(1, 10)]);
        let journal = [&good[..], &put(1, 30)[..40]].concat();
        assert!(check(Some(&journal), &[(1, 10)], &["the last 40 bytes"], false).must_rewrite);
        let journal = [&good[..], b"\0\0\0\n\0\0"].concat();
        assert!(check(Some(&journal), &[(1, 10)], &["the last 6 bytes"], false).must_rewrite);
        let journal = [&good[..], put(1, 30).trim_ascii_end()].concat();
        assert!(check(Some(&journal), &[(1, 30)], &[], false).must_rewrite, "whole but for its line end");
    }

    #[test]
    fn a_damaged_line_costs_itself() {
        let mut damaged = put(2, 7);
        damaged[20] ^= 1;
        let journal = text(&[&put(1, 10), &damaged, b"\n", &put(3, 1)]);
        check(Some(&journal), &[(1, 10), (3, 1)], &["line 3 is damaged", "line 4 is damaged"], true);
        let journal = [b"loglift-chekpoints 1\n", &put(1, 10)[..]].concat();
        check(Some(&journal), &[(1, 10)], &["line 1 is not"], true);
    }

    #[test]
    fn a_journal_without_anything_is_no_fresh_start() {
        check(Some(b""), &[(90, 1)], &["the file of the checkpoints is empty", "1 checkpoints were found"], true);
        check(None, &[(90, 1)], &["the file of the checkpoints is gone", "1 checkpoints were found"], false);
        let notes = ["line 1 is not", "there is no checkpoint left", "1 checkpoints were found"];
        check(Some(b"\0\0\0\0"), &[(90, 1)], &notes, true);
        let found = recover(Some(b"garbage\ngarbage"), Some(b"garbage"), true).unwrap();
        assert!(found.is_damaged && found.notes.len() == 3, "{found:?}");
    }

    #[test]
    fn an_empty_directory_is_a_fresh_start_and_an_empty_store_is_one_too() {
        let fresh = recover(None, Some(b"left by the first start"), false).unwrap();
        assert_eq!(fresh, Recovery { must_rewrite: true, ..Recovery::default() });
        let empty = recover(Some(HEADER.as_bytes()), None, true);
        assert_eq!(empty, Ok(Recovery { len: HEADER.len() as u64, ..Recovery::default() }));
    }

    #[test]
    fn a_newer_format_is_not_touched() {
        assert_eq!(recover(Some(b"loglift-checkpoints 2\nanything"), None, true), Err(Newer(2)));
        assert!(recover(Some(b"loglift-checkpoints x\n"), None, true).unwrap().is_damaged);
    }
}
