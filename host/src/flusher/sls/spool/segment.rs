//! What is known of a segment in memory. Pure.
//!
//! Of a segment that nobody reads, that is a few numbers. The one that is read has an index of its records, as have those
//! before it that are not all sent.

use std::collections::{BTreeMap, HashSet};

use super::frame::Record;

/// A record that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) crc: u32,
    pub(super) read_seconds: i64,
}

/// A segment.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// How many bytes of the file are durable.
    pub(super) len: u64,
    /// The file has damaged bytes that could not be kept elsewhere, so it is not removed.
    pub(super) is_pinned: bool,
    records: u64,
    bytes: u64,
    /// Without an index: when the oldest was read.
    oldest: Option<i64>,
    index: Option<Index>,
}

/// The records of a segment that are not done.
#[derive(Debug, Default)]
struct Index {
    waiting: BTreeMap<u64, Entry>,
    taken: BTreeMap<u64, Entry>,
}

impl Segment {
    /// A segment with these records that are not done.
    pub(super) fn new(len: u64, entries: &[Entry]) -> Self {
        let mut segment = Self { len, ..Self::default() };
        entries.iter().for_each(|entry| segment.push(*entry));
        segment
    }

    /// A record was appended.
    pub(super) fn push(&mut self, entry: Entry) {
        self.len = self.len.max(entry.offset + entry.len);
        self.records += 1;
        self.bytes += entry.len;
        match &mut self.index {
            Some(index) => _ = index.waiting.insert(entry.offset, entry),
            None => self.oldest = Some(self.oldest.map_or(entry.read_seconds, |oldest| oldest.min(entry.read_seconds))),
        }
    }

    /// These are the records that are not done: what the file says. Those that were taken remain so.
    pub(super) fn load(&mut self, entries: &[Entry]) {
        let old = self.index.take();
        let is_taken = |offset: &u64| old.as_ref().is_some_and(|old| old.taken.contains_key(offset));
        let is_waiting = |offset: &u64| old.as_ref().is_none_or(|old| old.waiting.contains_key(offset));
        let map = |is: &dyn Fn(&u64) -> bool| -> BTreeMap<u64, Entry> {
            entries.iter().map(|entry| (entry.offset, *entry)).filter(|(offset, _)| is(offset)).collect()
        };
        let index = Index { waiting: map(&is_waiting), taken: map(&is_taken) };
        let live = || index.waiting.values().chain(index.taken.values());
        self.records = live().count() as u64;
        self.bytes = live().map(|entry| entry.len).sum();
        self.index = Some(index);
    }

    /// Keeps numbers only, if nobody reads it.
    pub(super) fn unload(&mut self) {
        if self.index.as_ref().is_some_and(|index| index.taken.is_empty()) {
            self.oldest = self.oldest_read_seconds();
            self.index = None;
        }
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.index.is_some()
    }

    /// The first record that was not taken.
    pub(super) fn next(&self) -> Option<Entry> {
        self.index.as_ref()?.waiting.values().next().copied()
    }

    /// Whether there are records that were not taken.
    pub(super) fn is_waiting(&self) -> bool {
        self.index.as_ref().map_or(self.records > 0, |index| !index.waiting.is_empty())
    }

    /// The record there that was not taken.
    pub(super) fn waiting(&self, offset: u64) -> Option<Entry> {
        self.index.as_ref()?.waiting.get(&offset).copied()
    }

    /// A record is taken. It is not handed out again in this run.
    pub(super) fn take(&mut self, offset: u64) {
        let Some(index) = &mut self.index else { return };
        index.taken.extend(index.waiting.remove_entry(&offset));
    }

    /// A record that was taken waits again.
    pub(super) fn put_back(&mut self, offset: u64) {
        let Some(index) = &mut self.index else { return };
        index.waiting.extend(index.taken.remove_entry(&offset));
    }

    /// A record is done.
    pub(super) fn remove(&mut self, offset: u64) -> Option<Entry> {
        let index = self.index.as_mut()?;
        let entry = index.taken.remove(&offset).or_else(|| index.waiting.remove(&offset))?;
        self.records -= 1;
        self.bytes -= entry.len;
        Some(entry)
    }

    /// How many records are not done.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// How many bytes they have on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the oldest of them was read.
    pub(super) fn oldest_read_seconds(&self) -> Option<i64> {
        let Some(index) = &self.index else { return self.oldest };
        index.waiting.values().chain(index.taken.values()).map(|entry| entry.read_seconds).min()
    }
}

impl Entry {
    pub(super) fn of(record: &Record<'_>) -> Self {
        let Record { offset, len, crc, .. } = *record;
        Self { offset, len, crc, read_seconds: record.head.read_seconds }
    }

    /// The mark that says that it is done. It names the checksum too, so that it cannot be taken for that of another record.
    pub(super) fn mark(&self) -> [u8; MARK_BYTES] {
        let mut mark = [0; MARK_BYTES];
        mark[..8].copy_from_slice(&self.offset.to_le_bytes());
        mark[8..].copy_from_slice(&self.crc.to_le_bytes());
        mark
    }
}

/// The records that no mark calls done.
pub(super) fn not_done<'a, 'b>(records: &'a [Record<'b>], marks: &[u8]) -> impl Iterator<Item = &'a Record<'b>> {
    let done: HashSet<[u8; MARK_BYTES]> = marks.as_chunks().0.iter().copied().collect();
    records.iter().filter(move |record| !done.contains(&Entry::of(record).mark()))
}

/// How many bytes a mark has: an offset and a checksum.
pub(super) const MARK_BYTES: usize = 12;
