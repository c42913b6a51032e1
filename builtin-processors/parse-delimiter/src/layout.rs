//! Says which field each column becomes.

use loglift_sdk::{Batch, Changes, Issue, Key, Rows, Span};

use crate::columns::{Column, Columns, Quotes};
use crate::failure::Failure;
use crate::scan::Marks;

/// The fields that columns become.
#[derive(Debug)]
pub(crate) struct Layout {
    keys: Vec<String>,
    allows_few: bool,
    overflow: Overflow,
}

/// What becomes of columns without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Each becomes a field of its own, named by its place.
    Extend,
    /// All of them become one field, separators included.
    Keep,
    /// They are dropped.
    Discard,
}

/// A [`Layout`] at work on one batch.
#[derive(Debug)]
pub(crate) struct BatchLayout<'a> {
    layout: &'a Layout,
    fields: Vec<Field>,
    /// Those of columns without a key, as far as there was use for them.
    overflow: Vec<Field>,
    /// Below this index the dictionary has keys that an event may have already.
    known_keys: usize,
}

/// The field that a column becomes.
#[derive(Debug, Clone, Copy)]
enum Field {
    /// None.
    Skipped,
    /// One that no event has before this column is set.
    New(Key),
    /// One that an event may have already.
    Known(Key),
}

impl Overflow {
    /// What the parameter `OverflowedFieldsTreatment` says.
    pub(crate) fn new(treatment: &str, warnings: &mut Vec<Issue>) -> Self {
        match treatment {
            "" | "extend" => Self::Extend,
            "keep" => Self::Keep,
            "discard" => Self::Discard,
            other => {
                let message = format!("{other:?} is none of extend, keep and discard; extend is used");
                warnings.push(Issue::new("OverflowedFieldsTreatment", message));
                Self::Extend
            }
        }
    }
}

impl Layout {
    pub(crate) fn new(keys: Vec<String>, allows_few: bool, overflow: Overflow) -> Self {
        Self { keys, allows_few, overflow }
    }

    /// Fields of an event that room is made for at once.
    pub(crate) fn usual_fields(&self) -> usize {
        (self.keys.len() + SPARE_FIELDS).min(MAX_USUAL_FIELDS)
    }

    /// Looks the keys up in a batch.
    pub(crate) fn in_batch<'a>(&'a self, batch: &Batch, changes: &mut Changes) -> BatchLayout<'a> {
        let fields = Vec::with_capacity(self.keys.len());
        let mut found = BatchLayout { layout: self, fields, overflow: Vec::new(), known_keys: batch.names().len() };
        for name in &self.keys {
            let is_skipped = self.overflow == Overflow::Discard && name == SKIP;
            let field = if is_skipped { Field::Skipped } else { found.field(name, changes) };
            found.fields.push(field);
        }
        found
    }
}

impl BatchLayout<'_> {
    /// Adds fields to the event that `rows` is at. `columns` are those of a text that ends at `end` in the arena.
    ///
    /// # Errors
    /// What is wrong with the text. Some of its columns may have been added then.
    #[inline]
    pub(crate) fn fill<C: Columns>(
        &mut self,
        mut columns: C,
        arena: &[u8],
        end: usize,
        rows: &mut Rows,
        changes: &mut Changes,
    ) -> Result<(), Failure> {
        for (place, field) in self.fields.iter().enumerate() {
            if let Some((start, end)) = columns.simple() {
                field.put(range(start, end), rows);
            } else {
                let Some(column) = columns.unusual()? else { return self.end_early(place) };
                field.set(column, arena, rows, changes);
            }
        }
        if self.fields.is_empty() {
            return Err(Failure::NoKeys);
        }
        // Most texts end here: that is told without a call.
        if columns.separator_at() >= end { Ok(()) } else { self.overflow(columns, arena, end, rows, changes) }
    }

    #[cold]
    fn end_early(&self, columns: usize) -> Result<(), Failure> {
        let keys = self.fields.len();
        if self.layout.allows_few { Ok(()) } else { Err(Failure::TooFew { columns, keys }) }
    }

    /// Treats the columns without a key, of which there is one or more.
    #[inline(never)]
    fn overflow<C: Columns>(
        &mut self,
        mut columns: C,
        arena: &[u8],
        end: usize,
        rows: &mut Rows,
        changes: &mut Changes,
    ) -> Result<(), Failure> {
        match self.layout.overflow {
            Overflow::Extend => {
                let mut place = 0;
                while let Some(column) = columns.next()? {
                    self.overflow_field(place, changes).set(column, arena, rows, changes);
                    place += 1;
                }
            }
            Overflow::Keep => {
                let (start, rest) = (columns.separator_at(), columns.clone());
                let mut is_as_written = true;
                while let Some(column) = columns.next()? {
                    is_as_written &= column.quotes == Quotes::Absent;
                }
                let value =
                    if is_as_written { range(start, end) } else { without_quotes(rest, arena, end - start, changes)? };
                self.overflow_field(0, changes).put(value, rows);
            }
            Overflow::Discard => while columns.next()?.is_some() {},
        }
        Ok(())
    }

    /// The field for the columns without a key from number `place` on, counted from 0.
    fn overflow_field(&mut self, place: usize, changes: &mut Changes) -> Field {
        while self.overflow.len() <= place {
            let name = format!("__column{}__", self.fields.len() + self.overflow.len());
            let field = self.field(&name, changes);
            self.overflow.push(field);
        }
        self.overflow[place]
    }

    fn field(&mut self, name: &str, changes: &mut Changes) -> Field {
        let key = changes.key(name.as_bytes());
        if key.index() < self.known_keys {
            return Field::Known(key);
        }
        self.known_keys = key.index() + 1;
        Field::New(key)
    }
}

impl Field {
    #[inline(always)]
    fn set(self, column: Column, arena: &[u8], rows: &mut Rows, changes: &mut Changes) {
        let value = match column.quotes {
            Quotes::Doubled if !matches!(self, Self::Skipped) => single_quotes(column, arena, changes),
            _ => range(column.start, column.end),
        };
        self.put(value, rows);
    }

    #[inline(always)]
    fn put(self, value: Span, rows: &mut Rows) {
        match self {
            Self::New(key) => rows.push(key, value),
            other => other.put_known(value, rows),
        }
    }

    /// Apart from the way of new fields, which would have a jump table otherwise.
    #[inline(never)]
    fn put_known(self, value: Span, rows: &mut Rows) {
        if let Self::Known(key) = self {
            rows.set(key, value);
        }
    }
}

#[inline(always)]
fn range(start: usize, end: usize) -> Span {
    Span { offset: start as u32, len: (end - start) as u32 }
}

/// Writes a column anew, in which every quote is doubled.
#[inline(never)]
fn single_quotes(column: Column, arena: &[u8], changes: &mut Changes) -> Span {
    changes.append_within(column.end - column.start, |room| write_column(column, arena, room))
}

/// Writes columns anew, each behind a separator. They take `at_most` bytes.
fn without_quotes<C: Columns>(
    mut columns: C,
    arena: &[u8],
    at_most: usize,
    changes: &mut Changes,
) -> Result<Span, Failure> {
    let mut result = Ok(());
    let span = changes.append_within(at_most, |room| {
        let mut written = 0;
        loop {
            let separator = columns.separator_at();
            match columns.next() {
                Ok(Some(column)) => {
                    room[written] = arena[separator];
                    written += 1 + write_column(column, arena, &mut room[written + 1..]);
                }
                Ok(None) => return written,
                Err(failure) => {
                    result = Err(failure);
                    return written;
                }
            }
        }
    });
    result.map(|()| span)
}

/// Writes what a column stands for; returns its length.
fn write_column(column: Column, arena: &[u8], room: &mut [u8]) -> usize {
    let Column { start, end, quotes } = column;
    let mut written = 0;
    let mut copy = |from: usize, to: usize| {
        room[written..written + to - from].copy_from_slice(&arena[from..to]);
        written += to - from;
    };
    let mut from = start;
    if quotes == Quotes::Doubled {
        let quote = arena[start - 1];
        let mut doubled = Marks::new(arena, start, end, [quote; 2]);
        // Of two quotes the first is copied and the second is skipped.
        loop {
            let mark = doubled.next();
            if mark == end {
                break;
            }
            copy(from, mark + 1);
            from = mark + 2;
            doubled.next();
        }
    }
    copy(from, end);
    written
}

/// The name of a key whose column is dropped, where surplus columns are.
const SKIP: &str = "_";

/// Fields beside the columns that room is made for: those that the event has already.
const SPARE_FIELDS: usize = 2;

/// Keys of which there are very many are seldom all in use.
const MAX_USUAL_FIELDS: usize = 64;
