//! Makes batches of the records of a chunk: which fields and tags an event has when nothing processed it yet.

use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::event::{CONTENT, EventBatch, Offset, Provenance, Source, Tags};
use crate::input::records::file_tags::FileTags;
use crate::input::records::frame::Record;
use crate::input::records::tags;
use crate::input::records::topic::TOPIC_TAG;
use crate::input::records::whole_file::PIECE_FIELDS;

/// What all batches of a source have in common.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) source: Arc<Source>,
    pub(super) tags: Vec<(String, String)>,
    /// Tags that may change.
    pub(super) file_tags: Option<Arc<FileTags>>,
    /// The field that holds the offset of the record, if there is one.
    pub(super) offset_key: Option<String>,
    /// Tags are fields of each event.
    pub(super) tags_are_fields: bool,
    /// Several records are the pieces of one, which this tells from others.
    pub(super) pieces_of: Option<String>,
    /// When lines are read, instead of what the clock says.
    pub(super) read_seconds: Option<i64>,
}

/// Where a name or value is in the arena.
type Span = [u32; 2];

impl Columns {
    /// Makes `bytes` the arena of a batch with an event for each of `records`.
    ///
    /// `range` is what the batch is of its source, and `places` where each record starts in there, both in bytes as they are
    /// in the source.
    pub(super) fn batch(
        &self,
        bytes: Vec<u8>,
        records: &[Record],
        places: Vec<u32>,
        range: Range<Offset>,
    ) -> EventBatch {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
        let read_seconds = self.read_seconds.unwrap_or_else(now);
        let mut batch = EventBatch {
            source: Arc::clone(&self.source),
            seconds: vec![read_seconds; records.len()],
            nanoseconds: vec![0; records.len()],
            names: Vec::new(),
            field_counts: vec![1; records.len()],
            keys: vec![0; records.len()],
            values: records.iter().flat_map(|r| [r.start as u32, (r.end - r.start) as u32]).collect(),
            tags: Tags::default(),
            read_seconds,
            provenance: Provenance {
                start: range.start,
                end: range.end,
                records: places,
                origins: None,
                merged: Vec::new(),
            },
            bytes,
        };
        let content = batch.append(CONTENT);
        batch.names.extend(content);
        if let Some(key) = &self.offset_key {
            let key = batch.append(key.as_bytes());
            batch.names.extend(key);
        }
        let pieces_of = self.pieces_of.as_ref().filter(|_| records.len() > 1);
        let pieces = pieces_of.map(|id| {
            for name in PIECE_FIELDS {
                let name = batch.append(name.as_bytes());
                batch.names.extend(name);
            }
            (batch.append(id.as_bytes()), batch.append(records.len().to_string().as_bytes()))
        });
        let same = self.append_tags(&mut batch);
        if batch.name_count() > 1 {
            self.add_fields(&mut batch, pieces, &same);
        }
        batch
    }

    /// Adds the tags. Of those that are to be fields, adds the names and returns the values.
    fn append_tags(&self, batch: &mut EventBatch) -> Vec<Span> {
        let file_tags = self.file_tags.as_ref().map(|file_tags| file_tags.at(batch.read_seconds));
        let more = file_tags.iter().flat_map(|list| list.iter()).filter(|tag| tags::is_new(&self.tags, tag));
        let mut values = Vec::new();
        for (name, value) in self.tags.iter().chain(more) {
            if self.tags_are_fields {
                let name = batch.append(field_name(name).as_bytes());
                batch.names.extend(name);
                values.push(batch.append(value.as_bytes()));
            } else {
                let (name, value) = (batch.append(name.as_bytes()), batch.append(value.as_bytes()));
                batch.tags.names.extend(name);
                batch.tags.values.extend(value);
            }
        }
        values
    }

    /// Gives each event, behind its text, its offset, which piece it is of which record and of how many, and then fields with
    /// the same values for all.
    fn add_fields(&self, batch: &mut EventBatch, pieces: Option<(Span, Span)>, same: &[Span]) {
        let events = batch.len();
        let width = batch.name_count();
        let contents = std::mem::take(&mut batch.values);
        let mut values = Vec::with_capacity(2 * width * events);
        batch.bytes.reserve(if self.offset_key.is_some() { events * USUAL_DIGITS } else { 0 });
        for (event, content) in contents.chunks_exact(2).enumerate() {
            values.extend_from_slice(content);
            if self.offset_key.is_some() {
                values.extend(append_decimal(batch, batch.offset(event).0));
            }
            if let Some((id, total)) = pieces {
                values.extend([id, append_decimal(batch, event as u64), total].as_flattened());
            }
            values.extend(same.as_flattened());
        }
        batch.values = values;
        batch.field_counts.fill(width as u32);
        batch.keys = (0..events).flat_map(|_| 0..width as u32).collect();
    }
}

/// How a tag is called that is a field.
fn field_name(tag: &str) -> String {
    if tag == TOPIC_TAG { "__log_topic__".to_owned() } else { format!("__tag__:{tag}") }
}

fn append_decimal(batch: &mut EventBatch, number: u64) -> Span {
    let start = batch.bytes.len();
    push_decimal(number, &mut batch.bytes);
    [start as u32, (batch.bytes.len() - start) as u32]
}

fn push_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Only a guess: offsets up to a gigabyte.
const USUAL_DIGITS: usize = 9;
