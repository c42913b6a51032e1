//! Lends a batch to a processor: all of it, or only the fields that it reads.

use super::bindings::loglift::processor::types::Batch;
use crate::event::{EventBatch, GONE};

/// A small copy of a batch with some of its fields. Its buffers serve one batch after the other.
#[derive(Debug, Default)]
pub(super) struct Projection {
    bytes: Vec<u8>,
    names: Vec<u32>,
    field_counts: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<u32>,
    tag_names: Vec<u32>,
    tag_values: Vec<u32>,
    /// The key in the batch of each name of the projection.
    pub(super) origins: Vec<u32>,
}

/// The batch itself, as the contract has it. No name of it may be gone.
pub(super) fn whole(batch: &EventBatch) -> Batch<'_> {
    Batch {
        bytes: &batch.bytes,
        seconds: &batch.seconds,
        nanoseconds: &batch.nanoseconds,
        names: &batch.names,
        field_counts: &batch.field_counts,
        keys: &batch.keys,
        values: &batch.values,
        tag_names: &batch.tags.names,
        tag_values: &batch.tags.values,
        read_seconds: batch.read_seconds,
    }
}

impl Projection {
    /// Copies the fields named `reads` out of a batch.
    pub(super) fn fill(&mut self, batch: &EventBatch, reads: &[Vec<u8>]) {
        self.clear();
        let mut places = vec![GONE; batch.name_count()];
        for key in 0..batch.name_count() as u32 {
            let Some(name) = batch.name(key).filter(|name| reads.iter().any(|read| read == name)) else { continue };
            places[key as usize] = self.origins.len() as u32;
            self.origins.push(key);
            append(&mut self.bytes, &mut self.names, name);
        }
        for (name, value) in batch.tags() {
            append(&mut self.bytes, &mut self.tag_names, name);
            append(&mut self.bytes, &mut self.tag_values, value);
        }
        let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
        for count in &batch.field_counts {
            let before = self.keys.len();
            for (key, value) in fields.by_ref().take(*count as usize) {
                let place = places[*key as usize];
                if place != GONE {
                    self.keys.push(place);
                    append(&mut self.bytes, &mut self.values, batch.slice(value[0], value[1]));
                }
            }
            self.field_counts.push((self.keys.len() - before) as u32);
        }
    }

    /// The projection as the contract has it, with the times of the batch that it was filled from.
    pub(super) fn lend<'a>(&'a self, batch: &'a EventBatch) -> Batch<'a> {
        Batch {
            bytes: &self.bytes,
            seconds: &batch.seconds,
            nanoseconds: &batch.nanoseconds,
            names: &self.names,
            field_counts: &self.field_counts,
            keys: &self.keys,
            values: &self.values,
            tag_names: &self.tag_names,
            tag_values: &self.tag_values,
            read_seconds: batch.read_seconds,
        }
    }

    /// The arena of the projection.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The dictionary of the projection.
    pub(super) fn names(&self) -> &[u32] {
        &self.names
    }

    fn clear(&mut self) {
        let Self { bytes, names, field_counts, keys, values, tag_names, tag_values, origins } = self;
        bytes.clear();
        for column in [names, field_counts, keys, values, tag_names, tag_values, origins] {
            column.clear();
        }
    }
}

fn append(bytes: &mut Vec<u8>, spans: &mut Vec<u32>, text: &[u8]) {
    spans.extend_from_slice(&[bytes.len() as u32, text.len() as u32]);
    bytes.extend_from_slice(text);
}
