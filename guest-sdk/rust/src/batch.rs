//! Views of a batch that copy nothing.

use crate::bindings::loglift::processor::types;

/// Events of one source in read order; one event or more.
#[derive(Debug)]
pub struct Batch {
    columns: types::Batch,
}

/// One event of a [`Batch`].
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    batch: &'a types::Batch,
    index: usize,
    first_field: usize,
    field_count: usize,
}

/// A field name, as an index into the dictionary of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(crate) u32);

/// A range of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub offset: u32,
    /// Its length in bytes.
    pub len: u32,
}

impl Batch {
    /// Wraps the columns that the host handed over.
    #[doc(hidden)]
    pub fn new(columns: types::Batch) -> Self {
        Self { columns }
    }

    /// The columns as the contract has them.
    #[doc(hidden)]
    pub fn columns(&self) -> &types::Batch {
        &self.columns
    }

    /// The columns again, when the views are done with.
    #[doc(hidden)]
    pub fn into_columns(self) -> types::Batch {
        self.columns
    }

    /// How many events there are: one or more.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.columns.seconds.len()
    }

    /// The events, in read order.
    pub fn events(&self) -> Events<'_> {
        Events { batch: &self.columns, index: 0, first_field: 0 }
    }

    /// When the host read these events, in Unix seconds.
    pub fn read_seconds(&self) -> i64 {
        self.columns.read_seconds
    }

    /// The key of a field name, if any event of the batch has that name.
    pub fn key(&self, name: &[u8]) -> Option<Key> {
        (0u32..).zip(self.names()).find(|(_, known)| *known == name).map(|(index, _)| Key(index))
    }

    /// The name of a key of this batch.
    pub fn name(&self, key: Key) -> &[u8] {
        self.bytes(span_at(&self.columns.names, key.0 as usize))
    }

    /// The distinct field names, in the order of their keys.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.columns.names.len() / 2).map(|index| self.bytes(span_at(&self.columns.names, index)))
    }

    /// The tags of the batch as a whole, with their names.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let (names, values) = (&self.columns.tag_names, &self.columns.tag_values);
        (0..names.len() / 2).map(move |index| (self.bytes(span_at(names, index)), self.bytes(span_at(values, index))))
    }

    /// The arena as the host handed it over: every [`Span`] of the batch is a range of it.
    ///
    /// A processor that works on blocks may read on past the end of a value, as long as it heeds only the value.
    pub fn arena(&self) -> &[u8] {
        &self.columns.bytes
    }

    /// The bytes of a range of the arena as the host handed it over.
    pub fn bytes(&self, span: Span) -> &[u8] {
        slice(&self.columns.bytes, span)
    }
}

/// Iterator over the events of a batch.
#[derive(Debug, Clone)]
pub struct Events<'a> {
    batch: &'a types::Batch,
    index: usize,
    first_field: usize,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    #[inline]
    fn next(&mut self) -> Option<Event<'a>> {
        let field_count = *self.batch.field_counts.get(self.index)? as usize;
        let event = Event { batch: self.batch, index: self.index, first_field: self.first_field, field_count };
        self.index += 1;
        self.first_field += field_count;
        Some(event)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.field_counts.len() - self.index;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Events<'_> {}

impl<'a> Event<'a> {
    /// The place of the event in its batch.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many fields it has.
    pub fn field_count(&self) -> usize {
        self.field_count
    }

    /// Its time: Unix seconds, and nanoseconds below a second.
    pub fn time(&self) -> (i64, u32) {
        (self.batch.seconds[self.index], self.batch.nanoseconds[self.index])
    }

    /// Its fields, in order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (Key, &'a [u8])> + use<'a> {
        let bytes = &self.batch.bytes;
        self.spans().map(move |(key, span)| (key, slice(bytes, span)))
    }

    /// Where its fields lie in the arena, in order.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = (Key, Span)> + use<'a> {
        let batch = self.batch;
        (self.first_field..self.first_field + self.field_count)
            .map(move |field| (Key(batch.keys[field]), span_at(&batch.values, field)))
    }

    /// The value of a field, if the event has it.
    #[inline]
    pub fn value(&self, key: Key) -> Option<&'a [u8]> {
        self.span(key).map(|span| slice(&self.batch.bytes, span))
    }

    /// Where the value of a field lies, if the event has it.
    #[inline]
    pub fn span(&self, key: Key) -> Option<Span> {
        let keys = &self.batch.keys[self.first_field..self.first_field + self.field_count];
        let place = keys.iter().position(|known| *known == key.0)?;
        Some(span_at(&self.batch.values, self.first_field + place))
    }
}

impl Key {
    /// The index into the dictionary.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Span {
    /// The range from `start` to `end` of the bytes that `self` covers.
    #[inline]
    #[must_use]
    pub fn slice(self, start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= self.len as usize, "{start}..{end} of {self:?}");
        Self { offset: self.offset + start as u32, len: (end - start) as u32 }
    }
}

#[inline]
fn span_at(spans: &[u32], index: usize) -> Span {
    let pair = &spans[2 * index..2 * index + 2];
    Span { offset: pair[0], len: pair[1] }
}

#[inline]
fn slice(bytes: &[u8], span: Span) -> &[u8] {
    &bytes[span.offset as usize..][..span.len as usize]
}
