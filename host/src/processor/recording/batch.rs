//! One batch as recordings have it: what was lent, where it came from, and what came of it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answer::RecordedAnswer;
use super::bytes::Bytes;
use super::header::Granted;
use crate::event::{EventBatch, FileId, GONE, Offset, Provenance, Source, Tags};
use crate::processor::bindings::loglift::processor::types::Answer;
use crate::processor::fault::Fault;

/// One batch: what was lent, where it came from, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBatch {
    /// Where it came from.
    pub place: Place,
    /// What was lent.
    pub lent: Lent,
    /// What the processor remembered before it, if it remembers anything and that does not follow from the batch before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<RecordedMemory>,
    /// What granted clocks and random numbers answered during the call, in order.
    pub granted: Vec<Granted>,
    /// What came of it.
    pub outcome: Outcome,
}

/// Where the events of a batch come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The path of the file.
    pub path: Bytes,
    /// The number of its device, if it is a file.
    pub device: Option<u64>,
    /// Its number on that device.
    pub inode: Option<u64>,
    /// Tells it from all other files that the agent ever read.
    pub generation: u64,
    /// Where in the file the record of each event starts.
    pub offsets: Vec<u64>,
    /// Where the batch ends in the file.
    pub end: u64,
}

/// The columns that a processor is lent, as in the contract. A name whose offset is 4294967295 is gone from every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    bytes: Bytes,
    seconds: Vec<i64>,
    nanoseconds: Vec<u32>,
    names: Vec<u32>,
    field_counts: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<u32>,
    tag_names: Vec<u32>,
    tag_values: Vec<u32>,
    read_seconds: i64,
}

/// What a processor remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMemory {
    /// The version of the component that saved it.
    pub version: String,
    /// In a form of its own.
    pub saved: Bytes,
}

/// What came of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The processor answered, and the answer kept to the contract.
    Answer(Box<RecordedAnswer>),
    /// It failed.
    Fault(RecordedFault),
}

/// How a processor failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFault {
    /// In which way: `trap`, `deadline`, `memory`, `stack_overflow`, `invalid_answer`, `refused` or `setup`.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Where in the component that was, if it is known.
    pub backtrace: Option<String>,
}

impl Outcome {
    /// A processor that was lent the fields that it `reads` has answered.
    pub(crate) fn of_answer(reads: Option<Vec<Vec<u8>>>, answer: Answer) -> Self {
        Self::Answer(Box::new(RecordedAnswer::new(reads, answer)))
    }
}

impl From<Fault> for RecordedFault {
    fn from(fault: Fault) -> Self {
        Self { kind: fault.kind.name().to_owned(), message: fault.message, backtrace: fault.backtrace }
    }
}

impl RecordedBatch {
    /// A batch as it is lent, with what came of it.
    pub fn new(batch: EventBatch, outcome: Outcome) -> Self {
        let file = batch.source.file;
        let place = Place {
            path: Bytes(batch.source.path.as_os_str().as_bytes().to_vec()),
            device: file.map(|file| file.device),
            inode: file.map(|file| file.inode),
            generation: batch.source.generation,
            offsets: (0..batch.len()).map(|event| batch.offset(event).0).collect(),
            end: batch.provenance.end.0,
        };
        let lent = Lent {
            bytes: Bytes(batch.bytes),
            seconds: batch.seconds,
            nanoseconds: batch.nanoseconds,
            names: batch.names,
            field_counts: batch.field_counts,
            keys: batch.keys,
            values: batch.values,
            tag_names: batch.tags.names,
            tag_values: batch.tags.values,
            read_seconds: batch.read_seconds,
        };
        Self { place, lent, memory: None, granted: Vec::new(), outcome }
    }

    /// How many events it has.
    pub fn event_count(&self) -> usize {
        self.lent.field_counts.len()
    }

    /// What is wrong with it, if something is: nothing that is indexed by it can be out of range after this.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.lent.check()?;
        let Place { offsets, end, .. } = &self.place;
        ensure(offsets.len() == self.event_count(), "place.offsets: not one for each event")?;
        ensure(offsets.is_sorted(), "place.offsets: not in order")?;
        let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        ensure(last - first <= u64::from(u32::MAX) && last <= *end, "place.offsets: too far apart")
    }

    /// The batch as the processor was lent it. Only for one that was read, and therefore checked.
    pub fn to_batch(&self) -> EventBatch {
        let Place { path, device, inode, generation, offsets, end } = &self.place;
        let start = offsets.first().copied().unwrap_or(0);
        let file = device.zip(*inode).map(|(device, inode)| FileId { device, inode });
        let path = PathBuf::from(OsString::from_vec(path.0.clone()));
        let source = Source { generation: *generation, ..Source::new(path, file) };
        let lent = self.lent.clone();
        EventBatch {
            source: Arc::new(source),
            bytes: lent.bytes.0,
            seconds: lent.seconds,
            nanoseconds: lent.nanoseconds,
            names: lent.names,
            field_counts: lent.field_counts,
            keys: lent.keys,
            values: lent.values,
            tags: Tags { names: lent.tag_names, values: lent.tag_values },
            read_seconds: lent.read_seconds,
            provenance: Provenance {
                start: Offset(start),
                end: Offset(*end),
                records: offsets.iter().map(|offset| (offset - start) as u32).collect(),
                origins: None,
                merged: Vec::new(),
            },
        }
    }
}

impl Lent {
    fn check(&self) -> Result<(), String> {
        let (events, fields) = (self.field_counts.len(), self.keys.len());
        ensure(self.bytes.0.len() < GONE as usize, "lent.bytes: too many")?;
        ensure(events > 0, "lent: no event")?;
        ensure(self.seconds.len() == events && self.nanoseconds.len() == events, "lent: not one time for each event")?;
        ensure(self.nanoseconds.iter().all(|part| *part < 1_000_000_000), "lent.nanoseconds: a second or more")?;
        let counted: u64 = self.field_counts.iter().map(|count| u64::from(*count)).sum();
        ensure(counted == fields as u64, "lent.field_counts: another sum than there are keys")?;
        ensure(self.values.len() == 2 * fields, "lent.values: not one for each key")?;
        ensure(self.names.len().is_multiple_of(2), "lent.names: an odd number")?;
        ensure(self.tag_names.len() == self.tag_values.len(), "lent: not one value for each tag")?;
        ensure(self.tag_names.len().is_multiple_of(2), "lent.tag_names: an odd number")?;
        for spans in [&self.values, &self.tag_names, &self.tag_values] {
            ensure(spans.chunks_exact(2).all(|span| self.is_within(span)), "lent: a range that is not in the bytes")?;
            ensure(len(spans.chunks_exact(2)) <= MOST_VALUE_BYTES, "lent: ranges that overlap too much")?;
        }
        self.check_names()?;
        self.check_keys()
    }

    fn check_names(&self) -> Result<(), String> {
        let mut seen = HashSet::new();
        let all = || self.names.chunks_exact(2).filter(|span| *span != [GONE, 0]);
        ensure(all().all(|span| self.is_within(span)), "lent.names: a range that is not in the bytes")?;
        ensure(len(all()) <= MOST_NAMED_BYTES, "lent.names: too long")?;
        for span in all() {
            ensure(seen.insert(&self.bytes.0[span[0] as usize..][..span[1] as usize]), "lent.names: one twice")?;
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), String> {
        let mut last_event = vec![0; self.names.len() / 2];
        let mut keys = self.keys.iter();
        for (event, count) in (1_u64..).zip(&self.field_counts) {
            for key in keys.by_ref().take(*count as usize) {
                let last = last_event.get_mut(*key as usize).ok_or("lent.keys: a key of no name")?;
                ensure(std::mem::replace(last, event) != event, "lent.keys: one twice in an event")?;
            }
        }
        Ok(())
    }

    fn is_within(&self, span: &[u32]) -> bool {
        u64::from(span[0]) + u64::from(span[1]) <= self.bytes.0.len() as u64
    }
}

fn ensure(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

/// How many bytes ranges have together. They may overlap, and so have many more than the file.
fn len<'a>(spans: impl Iterator<Item = &'a [u32]>) -> u64 {
    spans.map(|span| u64::from(span[1])).sum()
}

/// What the names of a batch may have together.
const MOST_NAMED_BYTES: u64 = 64 << 20;

/// What the values of a batch may have together: they are copied for a processor that reads a part of them, and printed.
const MOST_VALUE_BYTES: u64 = 256 << 20;
