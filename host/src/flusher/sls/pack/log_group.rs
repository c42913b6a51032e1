//! Encodes events straight from the columns of their batch to the logs of a `LogGroup`.
//!
//! ```text
//! 0a LENGTH  08 TIME  (12 LENGTH  0a LENGTH KEY  12 LENGTH VALUE)*  [25 NANOSECONDS]
//! ```
//!
//! Each name is encoded once for a batch, with the tags around it; an event is measured, given its room, and written.
//! Values are any bytes.
//!
//! `Time` is an unsigned number of 32 bits. A time before 1970 becomes 0, one after 2106-02-07 06:28:15 becomes that
//! second, and both are counted. Times from 1970 to 1978 stay as they are, which takes fewer bytes; the reference raises them
//! so that all times have one length.

use super::wire::{bytes_len, bytes_tag, put_varint, varint_len};
use crate::event::EventBatch;

/// Encodes the events of one batch after the other.
#[derive(Debug)]
pub struct Encoder {
    nanoseconds: bool,
    /// `0a LENGTH KEY 12` of each name, one after the other; nothing for names that are gone.
    openings: Vec<u8>,
    /// Where the opening of each name ends.
    opening_ends: Vec<u32>,
    clamped_times: u64,
}

/// An event, as the fields that it has.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    seconds: i64,
    nanoseconds: u32,
    keys: &'a [u32],
    values: &'a [u32],
    arena: &'a [u8],
}

/// The events of a batch.
pub(super) fn events(batch: &EventBatch) -> impl Iterator<Item = Event<'_>> {
    let (mut keys, mut values) = (&batch.keys[..], &batch.values[..]);
    let times = batch.seconds.iter().zip(&batch.nanoseconds);
    batch.field_counts.iter().zip(times).map(move |(count, (seconds, nanoseconds))| {
        let (own_keys, other_keys) = keys.split_at(*count as usize);
        let (own_values, other_values) = values.split_at(2 * *count as usize);
        (keys, values) = (other_keys, other_values);
        let (seconds, nanoseconds) = (*seconds, *nanoseconds);
        Event { seconds, nanoseconds, keys: own_keys, values: own_values, arena: &batch.bytes }
    })
}

impl<'a> Event<'a> {
    /// The key and the value of each field.
    #[inline]
    fn fields(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let arena = self.arena;
        let spans = self.values.chunks_exact(2);
        self.keys.iter().zip(spans).map(move |(key, span)| (*key, &arena[span[0] as usize..][..span[1] as usize]))
    }
}

impl Encoder {
    /// An encoder of times with nanoseconds or without.
    pub fn new(nanoseconds: bool) -> Self {
        Self { nanoseconds, openings: Vec::new(), opening_ends: Vec::new(), clamped_times: 0 }
    }

    /// Appends the logs of all events that have a field.
    pub fn encode(&mut self, batch: &EventBatch, out: &mut Vec<u8>) {
        self.prepare(batch);
        for event in events(batch) {
            if let Some(body_bytes) = self.body_bytes(&event) {
                self.write(&event, body_bytes, out);
            }
        }
    }

    /// How many times so far were outside of what a log can have.
    pub fn clamped_times(&self) -> u64 {
        self.clamped_times
    }

    /// Encodes the names of a batch. To be called before its events are measured and written.
    pub(super) fn prepare(&mut self, batch: &EventBatch) {
        self.openings.clear();
        self.opening_ends.clear();
        for key in 0..batch.name_count() as u32 {
            if let Some(name) = batch.name(key) {
                self.openings.push(bytes_tag(KEY));
                put_varint(&mut self.openings, name.len() as u64);
                self.openings.extend_from_slice(name);
                self.openings.push(bytes_tag(VALUE));
            }
            self.opening_ends.push(self.openings.len() as u32);
        }
    }

    /// The length of a log without its tag and its length, or `None` for an event that has no field.
    #[inline]
    pub(super) fn body_bytes(&self, event: &Event<'_>) -> Option<usize> {
        self.measure(event, event.fields())
    }

    /// Appends the log of an event of which `body_bytes` is the length.
    #[inline]
    pub(super) fn write(&mut self, event: &Event<'_>, body_bytes: usize, out: &mut Vec<u8>) {
        self.write_fields(event, event.fields(), body_bytes, out);
    }

    /// Appends the log of an event whose values are cut so that its length is at most `most_body_bytes`.
    ///
    /// The largest value is cut between characters, and only if that is not enough the next one. A log of which the names
    /// alone are too long stays so.
    pub(super) fn write_cut(&mut self, event: &Event<'_>, most_body_bytes: usize, out: &mut Vec<u8>) {
        let mut fields: Vec<(u32, &[u8])> = event.fields().collect();
        let mut largest_first: Vec<usize> = (0..fields.len()).collect();
        largest_first.sort_by_key(|at| std::cmp::Reverse(fields[*at].1.len()));
        let mut body_bytes = self.measure(event, fields.iter().copied()).unwrap_or_default();
        for at in largest_first {
            if body_bytes <= most_body_bytes {
                break;
            }
            let (key, value) = fields[at];
            if !self.opening(key).is_empty() {
                fields[at].1 = cut_text(value, value.len().saturating_sub(body_bytes - most_body_bytes));
                body_bytes = self.measure(event, fields.iter().copied()).unwrap_or_default();
            }
        }
        self.write_fields(event, fields.into_iter(), body_bytes, out);
    }

    #[inline]
    fn measure<'f>(&self, event: &Event<'_>, fields: impl Iterator<Item = (u32, &'f [u8])>) -> Option<usize> {
        let mut contents = 0;
        for (key, value) in fields {
            let opening = self.opening(key).len();
            if opening > 0 {
                contents += bytes_len(content_bytes(opening, value.len()));
            }
        }
        let nanoseconds = if self.nanoseconds { NANOSECONDS_BYTES } else { 0 };
        (contents > 0).then(|| 1 + varint_len(u64::from(clamp(event.seconds))) + contents + nanoseconds)
    }

    #[inline]
    fn write_fields<'f>(
        &mut self,
        event: &Event<'_>,
        fields: impl Iterator<Item = (u32, &'f [u8])>,
        body_bytes: usize,
        out: &mut Vec<u8>,
    ) {
        out.reserve(bytes_len(body_bytes));
        out.push(bytes_tag(LOGS));
        put_varint(out, body_bytes as u64);
        let time = clamp(event.seconds);
        self.clamped_times += u64::from(i64::from(time) != event.seconds);
        out.push(TIME_TAG);
        put_varint(out, u64::from(time));
        for (key, value) in fields {
            let opening = self.opening(key);
            if !opening.is_empty() {
                out.push(bytes_tag(CONTENTS));
                put_varint(out, content_bytes(opening.len(), value.len()) as u64);
                out.extend_from_slice(opening);
                put_varint(out, value.len() as u64);
                out.extend_from_slice(value);
            }
        }
        if self.nanoseconds {
            out.push(NANOSECONDS_TAG);
            out.extend_from_slice(&event.nanoseconds.to_le_bytes());
        }
    }

    #[inline]
    fn opening(&self, key: u32) -> &[u8] {
        let key = key as usize;
        let start = key.checked_sub(1).map_or(0, |before| self.opening_ends[before]);
        &self.openings[start as usize..self.opening_ends[key] as usize]
    }
}

/// The length of a content: an opening has all but the length of the value and the value.
#[inline]
fn content_bytes(opening_bytes: usize, value_bytes: usize) -> usize {
    opening_bytes + varint_len(value_bytes as u64) + value_bytes
}

fn clamp(seconds: i64) -> u32 {
    u32::try_from(seconds).unwrap_or(if seconds < 0 { 0 } else { u32::MAX })
}

/// The first bytes of a value, at most so many, without a part of a character at their end. Bytes that are not UTF-8
/// are cut anywhere.
fn cut_text(value: &[u8], most_bytes: usize) -> &[u8] {
    let is_inside = |at: &usize| value.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (most_bytes.saturating_sub(LONGEST_CHARACTER_BYTES - 1)..=most_bytes).rev().find(|at| !is_inside(at));
    &value[..end.unwrap_or(most_bytes)]
}

const LOGS: u8 = 1;
const CONTENTS: u8 = 2;
const KEY: u8 = 1;
const VALUE: u8 = 2;
const TIME_TAG: u8 = 1 << 3;
const NANOSECONDS_TAG: u8 = 4 << 3 | 5;
const NANOSECONDS_BYTES: usize = 5;
const LONGEST_CHARACTER_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::tags::Tags;
    use super::super::testing::{G1, G2, G3, add_tag, batch, bytes, group};
    use super::*;
    use crate::event::GONE;

    fn encode(batch: &EventBatch, nanoseconds: bool) -> Vec<u8> {
        let mut out = Vec::new();
        Encoder::new(nanoseconds).encode(batch, &mut out);
        Tags::of(batch, None).encode(&mut out);
        out
    }

    #[test]
    fn groups_are_those_of_the_specification() {
        let g1 = batch(&[(1_749_712_089, 7, &[("content", b"hello")])]);
        assert_eq!(encode(&g1, false), bytes(G1));

        // Nanoseconds are on or off for a whole pipeline, so this one takes two.
        let first = batch(&[(1_749_712_089, 123_456_789, &[("content", b"hello world"), ("level", b"INFO")])]);
        let mut second = batch(&[(1_749_712_090, 0, &[("content", "日志 line 2".as_bytes())])]);
        for (name, value) in [
            ("__path__", "/var/log/a.log"),
            ("__topic__", "demo-topic"),
            ("__machine_uuid__", "8C7A-UUID-1"),
            ("__hostname__", "host-a"),
            ("__source__", "10.0.0.1"),
        ] {
            add_tag(&mut second, name, value.as_bytes());
        }
        assert_eq!([encode(&first, true), encode(&second, false)].concat(), bytes(G2));

        let mut g3 = batch(&[(1 << 28, 999_999_999, &[("", b""), ("bin", b"\x00\xff\xfe")])]);
        add_tag(&mut g3, "__topic__", b"");
        add_tag(&mut g3, "__source__", b"127.0.0.1");
        assert_eq!(encode(&g3, true), bytes(G3));
    }

    #[test]
    fn a_tag_can_be_left_out() {
        let mut batch = batch(&[(1, 0, &[("content", b"a")])]);
        add_tag(&mut batch, "app", b"x");
        add_tag(&mut batch, "env", b"y");
        let mut out = Vec::new();
        Tags::of(&batch, Some("app")).encode(&mut out);
        assert_eq!(group(&out).tags, [(b"env".to_vec(), b"y".to_vec())]);
    }

    #[test]
    fn names_that_are_gone_and_events_without_a_field_are_left_out() {
        let mut batch = batch(&[(1, 0, &[("a", b"1"), ("b", b"2")]), (2, 0, &[("a", b"3")]), (3, 0, &[])]);
        batch.names[0] = GONE;
        let logs = group(&encode(&batch, true)).logs;
        assert_eq!(logs.len(), 1);
        assert_eq!((logs[0].time, &logs[0].contents[..]), (1, &[(b"b".to_vec(), b"2".to_vec())][..]));
    }

    #[test]
    fn times_that_no_log_can_have_become_the_nearest_and_are_counted() {
        let last = i64::from(u32::MAX);
        let times = [i64::MIN, -1, 0, 1, (1 << 28) - 1, last, last + 1, i64::MAX];
        let field: &[(&str, &[u8])] = &[("content", b"a")];
        let batch = batch(&times.map(|seconds| (seconds, 5, field)));
        let mut encoder = Encoder::new(true);
        let mut out = Vec::new();
        encoder.encode(&batch, &mut out);
        let logs = group(&out).logs;
        let sent: Vec<u32> = logs.iter().map(|log| log.time).collect();
        assert_eq!(sent, [0, 0, 0, 1, (1 << 28) - 1, u32::MAX, u32::MAX, u32::MAX]);
        assert!(logs.iter().all(|log| log.nanoseconds == Some(5)));
        assert_eq!(encoder.clamped_times(), 4);
    }

    #[test]
    fn the_largest_value_is_cut_between_characters_and_the_next_one_only_if_need_be() {
        let check = |fields: &[(&str, &[u8])], most: usize, expected: &[&[u8]]| {
            let batch = batch(&[(1 << 30, 0, fields)]);
            let mut encoder = Encoder::new(true);
            encoder.prepare(&batch);
            let mut out = Vec::new();
            encoder.write_cut(&events(&batch).next().unwrap(), most, &mut out);
            assert!(out.len() <= most + 2, "{} bytes", out.len());
            let logs = group(&out).logs;
            let values: Vec<&[u8]> = logs[0].contents.iter().map(|(_, value)| &value[..]).collect();
            assert_eq!(values, expected);
        };
        // 11 bytes for the times, 7 for what is around a value.
        let umlauts = "ääää".as_bytes();
        check(&[("k", b"abc"), ("l", umlauts)], 11 + 10 + 15, &[b"abc", umlauts]);
        check(&[("k", b"abc"), ("l", umlauts)], 11 + 10 + 14, &[b"abc", "äää".as_bytes()]);
        check(&[("k", b"abc"), ("l", umlauts)], 11 + 10 + 13, &[b"abc", "äää".as_bytes()]);
        check(&[("k", b"abc"), ("l", umlauts)], 11 + 10 + 7, &[b"abc", b""]);
        check(&[("k", b"abc"), ("l", umlauts)], 11 + 9 + 7, &[b"ab", b""]);
        check(&[("k", &[0x80; 20])], 11 + 7 + 10, &[&[0x80; 10]]);
    }
}
