//! What a processor says of a batch, gathered into the answer of the contract.

use std::collections::HashMap;

use crate::batch::{Batch, Key, Span};
use crate::bindings::loglift::processor::types;
use crate::reports::Reports;

/// What changes in a batch. What is not mentioned stays.
///
/// Events are named by their place in the batch that came in, also when others of it are discarded.
#[derive(Debug)]
pub struct Changes<'a> {
    batch: &'a types::Batch,
    /// The first `appended_len` bytes count, the rest is room for [`Self::append_within`].
    appended: Vec<u8>,
    appended_len: usize,
    names: Names,
    times: Option<(Vec<i64>, Vec<u32>)>,
    edits: Vec<Edit>,
    rows: Option<Rows>,
    kept: Option<Vec<bool>>,
    outcomes: Option<Vec<u8>>,
    reports: Reports,
}

/// What became of one event, as the host counts it. Every event counts once; without a word it is successful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// It was processed.
    Successful = 0,
    /// It could not be processed.
    Failed = 1,
    /// It lacks the field to work on.
    KeyNotFound = 2,
    /// It is dropped, on purpose.
    Discarded = 3,
}

/// The fields of all output events, one event after the other. See [`Changes::replace`].
#[derive(Debug, Default)]
pub struct Rows {
    origins: Vec<u32>,
    field_counts: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<u32>,
    finished_fields: usize,
}

#[derive(Debug, Clone, Copy)]
struct Edit {
    event: u32,
    key: u32,
    value: Span,
}

/// The dictionary of the answer: the batch's own names, perhaps changed, then new ones.
#[derive(Debug, Default)]
struct Names {
    /// Empty as long as the dictionary of the batch stands.
    spans: Vec<u32>,
    keys: HashMap<Vec<u8>, u32>,
}

impl<'a> Changes<'a> {
    /// Starts with nothing changed.
    #[doc(hidden)]
    pub fn new(batch: &'a Batch) -> Self {
        Self {
            batch: batch.columns(),
            appended: Vec::new(),
            appended_len: 0,
            names: Names::default(),
            times: None,
            edits: Vec::new(),
            rows: None,
            kept: None,
            outcomes: None,
            reports: Reports::default(),
        }
    }

    /// The key of a field name, which joins the dictionary if it is new.
    pub fn key(&mut self, name: &[u8]) -> Key {
        self.load_names();
        if let Some(&key) = self.names.keys.get(name) {
            return Key(key);
        }
        let span = self.append(name);
        self.names.add(name, span)
    }

    /// The key of a field name that is a range of the batch's arena.
    pub fn key_at(&mut self, span: Span) -> Key {
        self.load_names();
        let name = &self.batch.bytes[span.offset as usize..][..span.len as usize];
        match self.names.keys.get(name) {
            Some(&key) => Key(key),
            None => self.names.add(name, span),
        }
    }

    /// Renames a field in every event, at the cost of one dictionary entry.
    ///
    /// No event may have a field `name` already: to put a value onto a name that is in use, [`Self::set`] it.
    pub fn rename(&mut self, key: Key, name: &[u8]) {
        self.load_names();
        let span = self.append(name);
        self.names.replace(key, span);
        self.names.keys.insert(name.to_vec(), key.0);
    }

    /// Removes a field from every event, at the cost of one dictionary entry.
    pub fn remove_everywhere(&mut self, key: Key) {
        self.load_names();
        self.names.replace(key, REMOVED);
    }

    /// Adds bytes to the arena, for names and values that are no part of the batch.
    pub fn append(&mut self, bytes: &[u8]) -> Span {
        self.append_within(bytes.len(), |room| {
            room[..bytes.len()].copy_from_slice(bytes);
            bytes.len()
        })
    }

    /// Lets `write` add bytes to the end of the arena. It must not touch what is there already.
    #[inline]
    pub fn append_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.appended_len;
        self.appended.truncate(start);
        write(&mut self.appended);
        self.appended_len = self.appended.len();
        let offset = (self.batch.bytes.len() + start) as u32;
        Span { offset, len: (self.appended_len - start) as u32 }
    }

    /// Lets `write` fill room at the end of the arena; it returns how many bytes of it count. For writers that know a
    /// bound of what they write, and may scribble past its end: they get `at_most` bytes of any content or more.
    ///
    /// # Panics
    /// If `write` returns more than it was given.
    #[inline]
    pub fn append_within(&mut self, at_most: usize, write: impl FnOnce(&mut [u8]) -> usize) -> Span {
        let start = self.appended_len;
        if self.appended.len() - start < at_most {
            self.grow(at_most);
        }
        let room = &mut self.appended[start..];
        let len = write(room);
        assert!(len <= room.len(), "more bytes than there was room for");
        self.appended_len += len;
        Span { offset: (self.batch.bytes.len() + start) as u32, len: len as u32 }
    }

    /// Sets a field of one event: in place if the event has it, else at its end. At most once for a field of an event.
    pub fn set(&mut self, event: usize, key: Key, value: Span) {
        self.edits.push(Edit { event: event as u32, key: key.0, value });
    }

    /// Removes a field of one event, if it has it.
    pub fn remove(&mut self, event: usize, key: Key) {
        self.set(event, key, REMOVED);
    }

    /// Sets the time of an event: Unix seconds, and nanoseconds below 10^9.
    #[inline]
    pub fn set_time(&mut self, event: usize, seconds: i64, nanoseconds: u32) {
        let batch = self.batch;
        let times = self.times.get_or_insert_with(|| (batch.seconds.clone(), batch.nanoseconds.clone()));
        times.0[event] = seconds;
        times.1[event] = nanoseconds;
    }

    /// Drops an event.
    pub fn discard(&mut self, event: usize) {
        let events = self.batch.seconds.len();
        self.kept.get_or_insert_with(|| vec![true; events])[event] = false;
        self.outcome(event, Outcome::Discarded);
    }

    /// Replaces the fields of all events. Not for a processor with `Setup::reads`, and not together with [`Self::set`],
    /// [`Self::remove`] and [`Self::discard`].
    pub fn replace(&mut self, rows: Rows) {
        self.rows = Some(rows);
    }

    /// Says what became of an event.
    #[inline]
    pub fn outcome(&mut self, event: usize, outcome: Outcome) {
        let events = self.batch.seconds.len();
        self.outcomes.get_or_insert_with(|| vec![Outcome::Successful as u8; events])[event] = outcome as u8;
    }

    /// Reports something that a person should hear of. After a few alarms of one kind the further ones are only counted.
    ///
    /// `message` is one line; show values by [`excerpt`].
    pub fn alarm(&mut self, kind: &str, event: usize, message: impl FnOnce() -> String) {
        self.reports.alarm(kind, event, message);
    }

    /// Adds to a counter of the processor's own, such as `history_failure_total`.
    pub fn count(&mut self, counter: &str, amount: u64) {
        self.reports.count(counter, amount);
    }

    /// The answer of the contract.
    #[doc(hidden)]
    pub fn into_answer(mut self) -> types::Answer {
        let kept = self.kept.take();
        let (origins, fields) = match self.rows.take() {
            Some(rows) => rows.into_fields(self.batch.seconds.len()),
            None => (kept.as_deref().map(places), self.edited(kept.as_deref())),
        };
        let (seconds, nanoseconds) = self.times.take().unzip();
        self.appended.truncate(self.appended_len);
        types::Answer {
            appended: self.appended,
            names: (!self.names.spans.is_empty()).then_some(self.names.spans),
            seconds: seconds.map(|times| pick(times, origins.as_deref())),
            nanoseconds: nanoseconds.map(|times| pick(times, origins.as_deref())),
            origins,
            through: None,
            fields,
            tags: None,
            outcomes: self.outcomes,
            counts: self.reports.counts,
            alarms: self.reports.alarms,
        }
    }

    /// The edits as the contract wants them: of kept events only, by their place in the output, in its order.
    fn edited(&mut self, kept: Option<&[bool]>) -> types::Fields {
        if let Some(kept) = kept {
            let mut places = vec![0; kept.len()];
            let mut place = 0;
            for (event, kept) in kept.iter().enumerate() {
                places[event] = place;
                place += u32::from(*kept);
            }
            self.edits.retain(|edit| kept[edit.event as usize]);
            for edit in &mut self.edits {
                edit.event = places[edit.event as usize];
            }
        }
        if self.edits.is_empty() {
            return types::Fields::Unchanged;
        }
        if !self.edits.is_sorted_by_key(|edit| edit.event) {
            self.edits.sort_by_key(|edit| edit.event);
        }
        types::Fields::Edits(types::Edits {
            events: self.edits.iter().map(|edit| edit.event).collect(),
            keys: self.edits.iter().map(|edit| edit.key).collect(),
            values: self.edits.iter().flat_map(|edit| [edit.value.offset, edit.value.len]).collect(),
        })
    }

    #[cold]
    fn grow(&mut self, at_most: usize) {
        self.appended.resize(self.appended_len + at_most + SPARE_BYTES, 0);
    }

    fn load_names(&mut self) {
        if self.names.spans.is_empty() {
            self.names.load(self.batch);
        }
    }
}

impl Rows {
    /// Room for so many events and fields.
    pub fn with_capacity(events: usize, fields: usize) -> Self {
        Self {
            origins: Vec::with_capacity(events),
            field_counts: Vec::with_capacity(events),
            keys: Vec::with_capacity(fields),
            values: Vec::with_capacity(2 * fields),
            finished_fields: 0,
        }
    }

    /// Adds a field to the event that is being written.
    #[inline]
    pub fn push(&mut self, key: Key, value: Span) {
        self.keys.push(key.0);
        self.values.extend_from_slice(&[value.offset, value.len]);
    }

    /// Sets a field of the event that is being written: in place if it has it, else at its end.
    #[inline]
    pub fn set(&mut self, key: Key, value: Span) {
        match self.place(key) {
            Some(place) => self.set_at(place, value),
            None => self.push(key, value),
        }
    }

    /// Whether the event that is being written has a field.
    #[inline]
    pub fn contains(&self, key: Key) -> bool {
        // Without an exit within a block, so that its keys are looked at all at once: mostly there is no such field.
        let (blocks, rest) = self.keys[self.finished_fields..].as_chunks::<4>();
        let is_in = |keys: &[u32]| keys.iter().fold(false, |found, known| found | (*known == key.0));
        blocks.iter().any(|block| is_in(block)) || is_in(rest)
    }

    /// Sets the value of a field of the event that is being written, by the place of the field.
    ///
    /// # Panics
    /// If there are not so many fields.
    #[inline]
    pub fn set_at(&mut self, place: usize, value: Span) {
        let place = 2 * (self.finished_fields + place);
        self.values[place..place + 2].copy_from_slice(&[value.offset, value.len]);
    }

    /// The place of a field among those of the event that is being written.
    #[inline]
    pub fn place(&self, key: Key) -> Option<usize> {
        self.keys[self.finished_fields..].iter().position(|known| *known == key.0)
    }

    /// Moves the field at place `from` forward to place `to`; those between move back by one.
    ///
    /// # Panics
    /// If `to` is after `from`, or there are not so many fields.
    pub fn move_forward(&mut self, from: usize, to: usize) {
        let (from, to) = (self.finished_fields + from, self.finished_fields + to);
        self.keys[to..=from].rotate_right(1);
        self.values[2 * to..2 * from + 2].rotate_right(2);
    }

    /// The fields of the event that is being written, so far.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = Key> {
        self.keys[self.finished_fields..].iter().map(|key| Key(*key))
    }

    /// Removes a field from the event that is being written.
    pub fn remove(&mut self, key: Key) {
        if let Some(place) = self.place(key) {
            let place = self.finished_fields + place;
            self.keys.remove(place);
            self.values.drain(2 * place..2 * place + 2);
        }
    }

    /// How many fields the event that is being written has.
    #[inline]
    pub fn field_count(&self) -> usize {
        self.keys.len() - self.finished_fields
    }

    /// Takes back the fields of the event that is being written, but for the first `field_count`.
    #[inline]
    pub fn truncate(&mut self, field_count: usize) {
        self.keys.truncate(self.finished_fields + field_count);
        self.values.truncate(2 * (self.finished_fields + field_count));
    }

    /// Ends the event that is being written, which came of the input event `origin`. Origins never decrease.
    #[inline]
    pub fn finish(&mut self, origin: usize) {
        self.origins.push(origin as u32);
        self.field_counts.push(self.field_count() as u32);
        self.finished_fields = self.keys.len();
    }

    fn into_fields(self, events: usize) -> (Option<Vec<u32>>, types::Fields) {
        let one_to_one = self.origins.len() == events && (0u32..).zip(&self.origins).all(|(a, b)| a == *b);
        let rows = types::Rows { field_counts: self.field_counts, keys: self.keys, values: self.values };
        ((!one_to_one).then_some(self.origins), types::Fields::Rows(rows))
    }
}

impl Names {
    fn load(&mut self, batch: &types::Batch) {
        self.spans.clone_from(&batch.names);
        for (key, pair) in (0u32..).zip(batch.names.chunks_exact(2)) {
            let name = &batch.bytes[pair[0] as usize..][..pair[1] as usize];
            self.keys.insert(name.to_vec(), key);
        }
    }

    fn add(&mut self, name: &[u8], span: Span) -> Key {
        let key = (self.spans.len() / 2) as u32;
        self.spans.extend_from_slice(&[span.offset, span.len]);
        self.keys.insert(name.to_vec(), key);
        Key(key)
    }

    fn replace(&mut self, key: Key, span: Span) {
        self.spans[2 * key.index()..2 * key.index() + 2].copy_from_slice(&[span.offset, span.len]);
        self.keys.retain(|_, known| *known != key.0);
    }
}

/// A value as an alarm shows it: as text of one line, cut to 256 bytes. Control characters are shown as replacement
/// characters, as the agent would.
pub fn excerpt(value: &[u8]) -> String {
    let is_whole = value.len() <= EXCERPT_BYTES;
    let mut text = String::from_utf8_lossy(&value[..value.len().min(EXCERPT_BYTES)]).into_owned();
    if !is_whole {
        if text.ends_with(char::REPLACEMENT_CHARACTER) {
            text.pop();
        }
        text.push_str("...");
    }
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

fn places(kept: &[bool]) -> Vec<u32> {
    (0u32..).zip(kept).filter(|(_, kept)| **kept).map(|(place, _)| place).collect()
}

fn pick<T: Copy>(column: Vec<T>, origins: Option<&[u32]>) -> Vec<T> {
    match origins {
        None => column,
        Some(origins) => origins.iter().map(|origin| column[*origin as usize]).collect(),
    }
}

/// The range that stands for "gone" in `names` and in edits.
const REMOVED: Span = Span { offset: u32::MAX, len: 0 };

/// What `append_within` makes room for beyond what is asked of it, so that it seldom has to.
const SPARE_BYTES: usize = 16 << 10;

/// How much of a value an alarm shows.
const EXCERPT_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Output, TestEvent, change, event};

    fn check(changes: impl FnOnce(&Batch, &mut Changes), expected: &[TestEvent]) -> Output {
        let input = [event(&[("a", "1"), ("b", "2")]), event(&[("b", "3")]), event(&[("a", "4")])];
        let output = change(&input, changes);
        assert_eq!(output.events, expected);
        output
    }

    fn key(batch: &Batch, name: &str) -> Key {
        batch.key(name.as_bytes()).expect("the batch has it")
    }

    #[test]
    fn fields_are_set_in_place_or_at_the_end() {
        check(
            |batch, changes| {
                let value = changes.append(b"new");
                changes.set(0, key(batch, "a"), value);
                changes.set(1, key(batch, "a"), value);
                changes.remove(2, key(batch, "a"));
            },
            &[event(&[("a", "new"), ("b", "2")]), event(&[("b", "3"), ("a", "new")]), event::<&str>(&[])],
        );
    }

    #[test]
    fn names_change_for_the_whole_batch() {
        check(
            |batch, changes| {
                changes.rename(key(batch, "a"), b"renamed");
                changes.remove_everywhere(key(batch, "b"));
                let (added, value) = (changes.key(b"added"), changes.append(b"x"));
                assert_eq!(changes.key(b"added"), added);
                assert_eq!(changes.key(b"renamed"), key(batch, "a"));
                changes.set(1, added, value);
            },
            &[event(&[("renamed", "1")]), event(&[("added", "x")]), event(&[("renamed", "4")])],
        );
    }

    #[test]
    fn events_keep_their_places_when_others_are_discarded() {
        let output = check(
            |batch, changes| {
                changes.discard(0);
                changes.set_time(1, 5, 6);
                let value = changes.append(b"new");
                // Not in order, and one of them for an event that goes.
                changes.set(2, key(batch, "b"), value);
                changes.set(0, key(batch, "b"), value);
                changes.set(1, key(batch, "b"), value);
            },
            &[event(&[("b", "new")]).at(5, 6), event(&[("a", "4"), ("b", "new")])],
        );
        assert_eq!(output.origins, [1, 2]);
        assert_eq!(output.outcomes, [3, 0, 0]);
    }

    #[test]
    fn one_event_can_become_several() {
        let output = check(
            |batch, changes| {
                let mut rows = Rows::default();
                for part in batch.events().flat_map(|event| event.spans().map(move |field| (event.index(), field))) {
                    let (origin, (name, value)) = part;
                    rows.push(name, value);
                    rows.finish(origin);
                }
                changes.replace(rows);
            },
            &[event(&[("a", "1")]), event(&[("b", "2")]), event(&[("b", "3")]), event(&[("a", "4")])],
        );
        assert_eq!(output.origins, [0, 0, 1, 2]);
    }

    #[test]
    fn many_alarms_of_a_kind_are_few_with_a_count() {
        let events = vec![event(&[("a", "1")]); 100];
        let output = change(&events, |batch, changes| {
            for event in batch.events() {
                changes.alarm("TEST_ALARM", event.index(), || format!("event {}", event.index()));
            }
            changes.alarm("OTHER_ALARM", 0, || "once".to_owned());
            assert_eq!(
                changes.reports.alarms.iter().map(|alarm| alarm.occurrences).collect::<Vec<_>>(),
                [1, 1, 1, 97, 1]
            );
        });
        let messages: Vec<_> = output.alarms.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(messages, ["event 0", "event 1", "event 2", "event 3", "once"]);
    }

    #[test]
    fn excerpts_are_short_and_never_cut_a_character() {
        assert_eq!(excerpt(b"short"), "short");
        assert_eq!(excerpt(&[b'x'; 257]), format!("{}...", "x".repeat(256)));
        assert_eq!(excerpt(format!("{}\u{e9}", "x".repeat(255)).as_bytes()), format!("{}...", "x".repeat(255)));
        assert_eq!(excerpt(b"\xff"), "\u{fffd}");
        assert_eq!(excerpt(b"two\nlines\0"), "two\u{fffd}lines\u{fffd}");
    }
}
