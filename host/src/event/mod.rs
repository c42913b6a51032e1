//! The plain data that all stages speak.
//!
//! An [`EventBatch`] is columns over one block of bytes, the *arena*: the chunk of the file as it was read, to which
//! processors append. No event, field or value is ever an allocation of its own.

mod balance;
mod budget;
mod delivery;
mod dirty;
mod ledger;
mod memory;
mod parts;
mod progress;
mod rate;
mod signature;

use std::path::PathBuf;
use std::sync::Arc;

pub use balance::{Balance, Rest};
pub use budget::{Budget, Permit, Share};
pub use delivery::{Ack, Delivery, deliveries};
pub use dirty::{DirtyList, DirtyMark};
pub use ledger::{Ledger, Loss};
pub use memory::Remembered;
pub use progress::{Position, Progress, Snapshot};
pub use rate::RateLimiter;
pub use signature::{SIGNATURE_BYTES, Signature};

/// A position in a file, in bytes from its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// What tells one file from another while it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The number of its device.
    pub device: u64,
    /// Its number on that device.
    pub inode: u64,
}

/// Where events come from.
#[derive(Debug)]
pub struct Source {
    /// The path as the config names it, for people and for the tag `__path__`.
    pub path: PathBuf,
    /// Which file that was when it was opened. `None` for what is no file, such as standard input.
    pub file: Option<FileId>,
    /// What of it was read, and what is done with.
    pub progress: Progress,
    /// Tells it from all others that the agent ever read. Larger ones are newer.
    pub generation: u64,
    /// Events of sources with the same number stay in order.
    pub lane: u64,
}

impl Source {
    /// A source that is read from its start.
    pub fn new(path: PathBuf, file: Option<FileId>) -> Self {
        Self::resumed(path, file, Progress::default())
    }

    /// A source of which something was read before.
    pub fn resumed(path: PathBuf, file: Option<FileId>, progress: Progress) -> Self {
        Self { path, file, progress, generation: 0, lane: 0 }
    }
}

/// Events of one source in read order, as columns over one arena.
///
/// The shapes are those of the contract in `wit/`: spans are flat pairs of offset and length, and `keys` are indices into
/// `names`. One thing differs: a name whose span is [`GONE`] was removed from every event, and fields that still have its
/// key do not count.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// Where the events come from.
    pub source: Arc<Source>,
    /// The arena.
    pub bytes: Vec<u8>,
    /// Time of each event in Unix seconds.
    pub seconds: Vec<i64>,
    /// The rest of each time in nanoseconds, 0 to 999999999.
    pub nanoseconds: Vec<u32>,
    /// The dictionary of field names.
    pub names: Vec<u32>,
    /// How many fields each event has.
    pub field_counts: Vec<u32>,
    /// The name of each field.
    pub keys: Vec<u32>,
    /// The value of each field.
    pub values: Vec<u32>,
    /// Names and values of the tags of the whole batch, as spans in the arena.
    pub tags: Tags,
    /// When the chunk was read, in Unix seconds.
    pub read_seconds: i64,
    /// What the events were in the file.
    pub provenance: Provenance,
}

/// Tags as spans in the arena of their batch.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    /// The name of each tag.
    pub names: Vec<u32>,
    /// The value of each tag.
    pub values: Vec<u32>,
}

/// Which bytes of its source a batch is, and which record each event comes from. Processors cannot touch it.
#[derive(Debug, Clone, Default)]
pub struct Provenance {
    /// Where the first record starts in the source.
    pub start: Offset,
    /// Where the last record and its line end stop.
    pub end: Offset,
    /// Where each record starts, counted from `start`.
    pub records: Vec<u32>,
    /// The record of each event. `None`: one to one.
    pub origins: Option<Vec<u32>>,
    /// Records that live on in the event of another one, with which they were merged.
    pub merged: Vec<u32>,
}

/// The offset of a span that stands for "removed", in names and in edits.
pub const GONE: u32 = u32::MAX;

/// The field that holds the raw text of a record.
pub const CONTENT: &[u8] = b"content";

impl EventBatch {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.field_counts.len()
    }

    /// Whether no event is left.
    pub fn is_empty(&self) -> bool {
        self.field_counts.is_empty()
    }

    /// How many distinct names the dictionary has, those that are gone included.
    pub fn name_count(&self) -> usize {
        self.names.len() / 2
    }

    /// The name of a key, or `None` if it is gone.
    pub fn name(&self, key: u32) -> Option<&[u8]> {
        let span = &self.names[2 * key as usize..2 * key as usize + 2];
        (span[0] != GONE).then(|| self.slice(span[0], span[1]))
    }

    /// The bytes of a span.
    #[inline]
    pub fn slice(&self, offset: u32, len: u32) -> &[u8] {
        &self.bytes[offset as usize..][..len as usize]
    }

    /// The fields of an event, by name. Those of names that are gone do not count.
    pub fn fields_of(&self, event: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        let start: usize = self.field_counts[..event].iter().map(|count| *count as usize).sum();
        self.fields_in(start..start + self.field_counts[event] as usize)
    }

    /// The fields at these places of the columns, by name. Those of names that are gone do not count.
    pub fn fields_in(&self, places: std::ops::Range<usize>) -> impl Iterator<Item = (&[u8], &[u8])> {
        places.filter_map(|place| {
            let name = self.name(self.keys[place])?;
            Some((name, self.slice(self.values[2 * place], self.values[2 * place + 1])))
        })
    }

    /// The tags of the batch, with their names.
    pub fn tags(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let spans = self.tags.names.chunks_exact(2).zip(self.tags.values.chunks_exact(2));
        spans.map(|(name, value)| (self.slice(name[0], name[1]), self.slice(value[0], value[1])))
    }

    /// About how much memory the batch takes.
    pub fn size_bytes(&self) -> usize {
        let columns = self.names.capacity() + self.field_counts.capacity() + self.keys.capacity();
        self.bytes.capacity()
            + 4 * (columns + self.values.capacity() + self.nanoseconds.capacity())
            + 8 * self.seconds.capacity()
    }

    /// The offset in the source of the record that an event comes from.
    pub fn offset(&self, event: usize) -> Offset {
        let record = self.provenance.origins.as_ref().map_or(event, |origins| origins[event] as usize);
        Offset(self.provenance.start.0 + u64::from(self.provenance.records[record]))
    }

    /// How many bytes the records have of which no event is left, line ends included.
    pub fn dropped_bytes(&self) -> u64 {
        let Provenance { start, end, records, origins, merged } = &self.provenance;
        let Some(origins) = origins else { return 0 };
        let mut is_kept = vec![false; records.len()];
        origins.iter().chain(merged).for_each(|record| is_kept[*record as usize] = true);
        let whole = end.0 - start.0;
        let ends = records.iter().skip(1).map(|next| u64::from(*next)).chain([whole]);
        let dropped = records.iter().zip(ends).zip(is_kept).filter(|(_, is_kept)| !is_kept);
        dropped.map(|((start, end), _)| end - u64::from(*start)).sum()
    }

    /// Says that the batch is done with: what is in it was taken by every flusher, the rest was dropped on purpose.
    pub fn settle(&self) {
        self.settle_but(0);
    }

    /// As [`Self::settle`], but for so many bytes that a flusher's destination refused for good.
    pub fn settle_but(&self, rejected: u64) {
        self.source.progress.end(self.provenance.start, self.dropped_bytes(), rejected);
    }

    /// Drops the events without a field, and returns how many those are.
    pub fn drop_empty_events(&mut self) -> usize {
        if self.field_counts.iter().all(|count| *count > 0) && !self.has_gone_names() {
            return 0;
        }
        let (mut field, mut kept) = (0, Vec::with_capacity(self.len()));
        for (event, count) in (0u32..).zip(&self.field_counts) {
            let fields = field..field + *count as usize;
            field = fields.end;
            if self.keys[fields].iter().any(|key| self.name(*key).is_some()) {
                kept.push(event);
            }
        }
        let dropped = self.len() - kept.len();
        if dropped > 0 {
            self.select(&kept);
        }
        dropped
    }

    /// Keeps the events that `events` names, in that order. Events may be named several times.
    pub fn select(&mut self, events: &[u32]) {
        self.select_times_and_provenance(events);
        self.select_fields(events);
    }

    /// Says that the events `first..=last` become one, for [`Self::dropped_bytes`]. To be called before they are selected.
    pub fn merge(&mut self, first: u32, last: u32) {
        let record = |event: u32| self.provenance.origins.as_ref().map_or(event, |origins| origins[event as usize]);
        let merged: Vec<u32> = (first + 1..=last).map(record).collect();
        self.provenance.merged.extend(merged);
    }

    /// As [`select`](Self::select), but leaves the fields as they are, for a caller that replaces them all.
    pub fn select_times_and_provenance(&mut self, events: &[u32]) {
        self.seconds = pick(&self.seconds, events);
        self.nanoseconds = pick(&self.nanoseconds, events);
        self.provenance.origins = Some(match &self.provenance.origins {
            None => events.to_vec(),
            Some(before) => pick(before, events),
        });
    }

    fn select_fields(&mut self, events: &[u32]) {
        let starts: Vec<usize> = self
            .field_counts
            .iter()
            .scan(0, |next, count| Some(std::mem::replace(next, *next + *count as usize)))
            .collect();
        let mut keys = Vec::with_capacity(self.keys.len());
        let mut values = Vec::with_capacity(self.values.len());
        for event in events {
            let (start, count) = (starts[*event as usize], self.field_counts[*event as usize] as usize);
            keys.extend_from_slice(&self.keys[start..start + count]);
            values.extend_from_slice(&self.values[2 * start..2 * (start + count)]);
        }
        self.field_counts = pick(&self.field_counts, events);
        self.keys = keys;
        self.values = values;
    }

    /// Whether the dictionary has names that were removed.
    pub fn has_gone_names(&self) -> bool {
        self.names.iter().step_by(2).any(|offset| *offset == GONE)
    }

    /// Appends bytes to the arena and returns their span.
    pub fn append(&mut self, bytes: &[u8]) -> [u32; 2] {
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        [offset, bytes.len() as u32]
    }
}

fn pick<T: Copy>(column: &[T], events: &[u32]) -> Vec<T> {
    events.iter().map(|event| column[*event as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::testing::batch;

    #[test]
    fn dropped_bytes_are_those_of_records_without_an_event() {
        let mut batch = batch(&["one", "two", "three", "four"]);
        assert_eq!(batch.dropped_bytes(), 0);
        batch.merge(2, 3);
        batch.select(&[1, 2]);
        assert_eq!(batch.dropped_bytes(), 4);
        batch.select(&[]);
        // A merged record counts as kept even if the event that it went into is dropped later.
        assert_eq!(batch.dropped_bytes(), 4 + 4 + 6);
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A batch of lines, each with the one field `content`, read from the start of a file.
    pub(crate) fn batch(lines: &[&str]) -> EventBatch {
        let mut bytes = Vec::new();
        let mut values = Vec::new();
        for line in lines {
            values.extend_from_slice(&[bytes.len() as u32, line.len() as u32]);
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        let provenance = Provenance {
            start: Offset(0),
            end: Offset(bytes.len() as u64),
            records: values.iter().copied().step_by(2).collect(),
            origins: None,
            merged: Vec::new(),
        };
        let names = vec![bytes.len() as u32, CONTENT.len() as u32];
        bytes.extend_from_slice(CONTENT);
        let source = Source::new("app.log".into(), None);
        source.progress.begin(Offset(0), Position { offset: provenance.end, ..Position::default() });
        EventBatch {
            source: Arc::new(source),
            bytes,
            seconds: vec![1_700_000_000; lines.len()],
            nanoseconds: vec![0; lines.len()],
            names,
            field_counts: vec![1; lines.len()],
            keys: vec![0; lines.len()],
            values,
            tags: Tags::default(),
            read_seconds: 1_700_000_000,
            provenance,
        }
    }
}
