//! The one shape in which text sinks and `loglift process` show events: one JSON object a line.
//!
//! `__time__` comes first, an integer of Unix seconds; then `__time_ns_part__`, an integer from 0 to 999999999, if the
//! pipeline has nanoseconds on; then the fields as strings, in order; then, if asked for, the tags as `__tag__:NAME`. A
//! field of the user's that is called like one of the two times gets `_user` appended. Bytes that are not UTF-8 are shown as
//! replacement characters.

use crate::event::{EventBatch, GONE};

/// What is shown of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Whether `__time_ns_part__` is shown.
    pub nanoseconds: bool,
    /// Whether tags are shown.
    pub tags: bool,
    /// The one tag that is not.
    pub without_tag: Option<String>,
}

/// Turns batches into lines of JSON.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    /// `,"NAME":"` of each key, one after the other.
    openings: Vec<u8>,
    /// Where the opening of each key ends.
    opening_ends: Vec<usize>,
    /// All tags, ready to be appended to each line.
    tags: Vec<u8>,
    /// The second that `time` is the start of a line for.
    second: Option<i64>,
    time: Vec<u8>,
}

impl Encoder {
    /// An encoder for events of a pipeline.
    pub fn new(shape: Shape) -> Self {
        Self { shape, openings: Vec::new(), opening_ends: Vec::new(), tags: Vec::new(), second: None, time: Vec::new() }
    }

    /// Appends one line for each event of a batch.
    pub fn encode(&mut self, batch: &EventBatch, out: &mut Vec<u8>) {
        self.prepare(batch);
        out.reserve(batch.bytes.len() + batch.len() * LINE_OVERHEAD_BYTES);
        let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
        let times = batch.seconds.iter().zip(&batch.nanoseconds);
        for (count, (seconds, nanoseconds)) in batch.field_counts.iter().zip(times) {
            self.push_time(*seconds, *nanoseconds, out);
            for (key, value) in fields.by_ref().take(*count as usize) {
                let opening = self.opening(*key as usize);
                if !opening.is_empty() {
                    out.extend_from_slice(opening);
                    push_escaped(batch.slice(value[0], value[1]), out);
                    out.push(b'"');
                }
            }
            out.extend_from_slice(&self.tags);
            out.extend_from_slice(b"}\n");
        }
    }

    fn prepare(&mut self, batch: &EventBatch) {
        self.openings.clear();
        self.opening_ends.clear();
        for key in 0..batch.name_count() as u32 {
            if let Some(name) = batch.name(key) {
                push_opening(b"", name, &mut self.openings);
            }
            self.opening_ends.push(self.openings.len());
        }
        self.tags.clear();
        if self.shape.tags {
            let hidden = self.shape.without_tag.as_ref().map(String::as_bytes);
            for (name, value) in batch.tags().filter(|(name, _)| Some(*name) != hidden) {
                push_opening(b"__tag__:", name, &mut self.tags);
                push_escaped(value, &mut self.tags);
                self.tags.push(b'"');
            }
        }
    }

    #[inline]
    fn opening(&self, key: usize) -> &[u8] {
        let start = key.checked_sub(1).map_or(0, |before| self.opening_ends[before]);
        &self.openings[start..self.opening_ends[key]]
    }

    #[inline]
    fn push_time(&mut self, seconds: i64, nanoseconds: u32, out: &mut Vec<u8>) {
        if self.second != Some(seconds) {
            self.second = Some(seconds);
            let nanoseconds = if self.shape.nanoseconds { ", \"__time_ns_part__\": " } else { "" };
            self.time = format!("{{\"__time__\": {seconds}{nanoseconds}").into_bytes();
        }
        out.extend_from_slice(&self.time);
        if self.shape.nanoseconds {
            push_number(nanoseconds, out);
        }
    }
}

/// Appends what stands before a value: the comma, the name and a quote.
pub(super) fn push_opening(prefix: &[u8], name: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b", \"");
    out.extend_from_slice(prefix);
    push_escaped(name, out);
    if prefix.is_empty() && (name == b"__time__" || name == b"__time_ns_part__") {
        out.extend_from_slice(b"_user");
    }
    out.extend_from_slice(b"\": \"");
}

fn push_number(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 10];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends a value as the inside of a JSON string.
pub(super) fn push_escaped(value: &[u8], out: &mut Vec<u8>) {
    if value.is_ascii() {
        push_escaped_utf8(value, out);
    } else {
        push_escaped_utf8(String::from_utf8_lossy(value).as_bytes(), out);
    }
}

fn push_escaped_utf8(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = first_special(rest) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Where the first byte is that JSON wants escaped.
#[inline]
fn first_special(bytes: &[u8]) -> Option<usize> {
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let mut blocks = bytes.chunks_exact(BLOCK_BYTES);
    for (block, start) in blocks.by_ref().zip((0..).step_by(BLOCK_BYTES)) {
        // Without an exit within the block, which is what lets the compiler look at all bytes at once.
        if block.iter().fold(false, |any, byte| any | is_special(byte)) {
            return block.iter().position(is_special).map(|at| start + at);
        }
    }
    let rest = blocks.remainder();
    rest.iter().position(is_special).map(|at| bytes.len() - rest.len() + at)
}

/// What the compiler handles as one vector.
const BLOCK_BYTES: usize = 16;

/// Quotes, names and times of a usual event.
const LINE_OVERHEAD_BYTES: usize = 160;

const _: () = assert!(GONE == u32::MAX, "a name that is gone has an empty opening");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::batch;

    fn lines(shape: Shape, batch: &EventBatch) -> Vec<String> {
        let mut out = Vec::new();
        Encoder::new(shape).encode(batch, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8").lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_object_a_line() {
        let mut batch = batch(&["a", "b"]);
        batch.nanoseconds[1] = 1;
        let nanoseconds = Shape { nanoseconds: true, ..Shape::default() };
        assert_eq!(
            lines(nanoseconds, &batch),
            [
                r#"{"__time__": 1700000000, "__time_ns_part__": 0, "content": "a"}"#,
                r#"{"__time__": 1700000000, "__time_ns_part__": 1, "content": "b"}"#,
            ]
        );
        assert_eq!(lines(Shape::default(), &batch)[0], r#"{"__time__": 1700000000, "content": "a"}"#);
    }

    #[test]
    fn tags_come_last_and_only_when_asked_for() {
        let mut batch = batch(&["a"]);
        let (name, value) = (batch.append(b"__path__"), batch.append(b"/var/log/a"));
        batch.tags.names.extend(name);
        batch.tags.values.extend(value);
        let tags = Shape { tags: true, ..Shape::default() };
        let expected = r#"{"__time__": 1700000000, "content": "a", "__tag__:__path__": "/var/log/a"}"#;
        assert_eq!(lines(tags.clone(), &batch), [expected]);
        let without_tag = Shape { without_tag: Some("__path__".to_owned()), ..tags };
        assert_eq!(lines(without_tag, &batch), [r#"{"__time__": 1700000000, "content": "a"}"#]);
        assert_eq!(lines(Shape::default(), &batch), [r#"{"__time__": 1700000000, "content": "a"}"#]);
    }

    #[test]
    fn fields_called_like_the_time_are_renamed_and_gone_ones_left_out() {
        let mut batch = batch(&["a", "b"]);
        let name = batch.append(b"__time__");
        batch.names = name.to_vec();
        assert_eq!(lines(Shape::default(), &batch)[0], r#"{"__time__": 1700000000, "__time___user": "a"}"#);
        batch.names = vec![GONE, 0];
        assert_eq!(lines(Shape::default(), &batch)[0], r#"{"__time__": 1700000000}"#);
    }

    #[test]
    fn values_read_back_as_they_were() {
        let values = [
            "plain",
            "",
            "quote \" and \\ slash",
            "tab\tnewline\nreturn\r",
            "nul \0 bell \u{7}",
            "umlaut \u{e4} \u{1f600}",
            "a quote after sixteen bytes \" and more \\ text that is long enough for blocks",
        ];
        for value in values {
            let mut text = b"\"".to_vec();
            push_escaped(value.as_bytes(), &mut text);
            text.push(b'"');
            let read: String = serde_json::from_slice(&text).expect("it is JSON");
            assert_eq!(read, value);
        }
        let mut text = Vec::new();
        push_escaped(b"broken \xff\xfe", &mut text);
        assert_eq!(String::from_utf8(text).expect("it is UTF-8"), "broken \u{fffd}\u{fffd}");
    }
}
