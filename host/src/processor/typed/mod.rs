//! Events with strings in them, for components of the typed world.
//!
//! [`with_strings`] shows the columns of a batch as such events, and [`answer`] makes columns of what is answered. What
//! is not said to change never leaves the host, so that it comes to no harm.

pub(super) mod answer;

use std::borrow::Cow;

use super::bindings::loglift::processor::types::Batch;
use super::bindings::typed::exports::loglift::processor::typed::{self, Event, FieldParam, KeyedField, Time};

/// Calls `call` with the events of a batch.
pub(super) fn with_strings<T>(batch: &Batch<'_>, call: impl FnOnce(typed::Batch<'_>) -> T) -> T {
    let arena = Arena::new(batch.bytes);
    let names: Vec<Option<&str>> = batch.names.chunks_exact(2).map(|span| arena.name(span)).collect();
    let values: Vec<Cow<'_, str>> = batch.values.chunks_exact(2).map(|span| arena.value(span)).collect();

    let shown_fields = batch.keys.iter().zip(&values).filter(|(key, _)| names[**key as usize].is_some());
    let fields: Vec<KeyedField<'_>> = shown_fields.map(|(key, value)| KeyedField { key: *key, value }).collect();
    let is_any_hidden = fields.len() < values.len();
    let shown = |keys: &[u32]| keys.iter().filter(|key| names[**key as usize].is_some()).count();

    let (mut keys, mut rest) = (batch.keys, fields.as_slice());
    let times = batch.seconds.iter().zip(batch.nanoseconds);
    let events = times.zip(batch.field_counts).map(|((seconds, nanoseconds), count)| {
        let own_keys;
        (own_keys, keys) = keys.split_at(*count as usize);
        let own_fields;
        (own_fields, rest) = rest.split_at(if is_any_hidden { shown(own_keys) } else { own_keys.len() });
        Event { time: Time { seconds: *seconds, nanoseconds: *nanoseconds }, fields: own_fields }
    });
    let events: Vec<Event<'_>> = events.collect();

    let tags: Vec<(Option<&str>, Cow<'_, str>)> =
        tags(batch).map(|(name, value)| (arena.name(name), arena.value(value))).collect();
    let shown_tags = tags.iter().filter_map(|(name, value)| Some(FieldParam { name: (*name)?, value }));
    let tags: Vec<FieldParam<'_>> = shown_tags.collect();
    // The place of a name that is not shown is kept, so that keys are the same on both sides.
    let names: Vec<&str> = names.into_iter().map(Option::unwrap_or_default).collect();
    call(typed::Batch { names: &names, events: &events, tags: &tags, read_seconds: batch.read_seconds })
}

/// The ranges of the name and of the value of each tag.
fn tags<'a>(batch: &Batch<'a>) -> impl Iterator<Item = (&'a [u32], &'a [u32])> + use<'a> {
    batch.tag_names.chunks_exact(2).zip(batch.tag_values.chunks_exact(2))
}

/// The arena of a batch.
#[derive(Clone, Copy)]
struct Arena<'a> {
    bytes: &'a [u8],
    /// The same, if all of it is UTF-8: then most ranges of it are, too.
    text: Option<&'a str>,
}

impl<'a> Arena<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: std::str::from_utf8(bytes).ok() }
    }

    fn slice(self, span: &[u32]) -> &'a [u8] {
        &self.bytes[span[0] as usize..][..span[1] as usize]
    }

    /// A range as text, if it is UTF-8.
    fn text(self, span: &[u32]) -> Option<&'a str> {
        match self.text {
            Some(text) => text.get(span[0] as usize..span[0] as usize + span[1] as usize),
            None => std::str::from_utf8(self.slice(span)).ok(),
        }
    }

    /// A name as it is shown, if it is. One that is gone from the batch has no range, and no field.
    fn name(self, span: &[u32]) -> Option<&'a str> {
        self.text(span)
    }

    /// A value as it is shown.
    fn value(self, span: &[u32]) -> Cow<'a, str> {
        self.text(span).map_or_else(|| String::from_utf8_lossy(self.slice(span)), Cow::Borrowed)
    }
}
