//! Turns packages back into lines of JSON, so that nobody is locked in.
//!
//! The shape is that of all text sinks (`json_lines`), with all tags: topic, source and machine are tags too.

use std::io;

use crate::flusher::json_lines::{push_escaped, push_opening};
use crate::flusher::sls::package::{Compression, Form, Head};

/// Why a package cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body cannot be decompressed.
    #[error("the body cannot be decompressed")]
    Compression(#[source] io::Error),
    /// What was decompressed is no log group, or no list of log groups.
    #[error("the body is not what its head says")]
    Form,
}

/// Appends a line for each event of a package, and returns how many there are.
///
/// # Errors
/// [`DecodeError`]. Nothing is appended.
pub fn decode(head: &Head, body: &[u8], out: &mut Vec<u8>) -> Result<u64, DecodeError> {
    let mut lines = Vec::new();
    let events = match head.form {
        Form::LogGroup => group(&decompress(head.compression, body, head.raw_bytes)?, &mut lines),
        Form::List => list(body, &mut lines)?,
    };
    let events = events.ok_or(DecodeError::Form)?;
    out.append(&mut lines);
    Ok(events)
}

/// A `SlsLogPackageList`, whose groups are compressed each on its own.
fn list(body: &[u8], out: &mut Vec<u8>) -> Result<Option<u64>, DecodeError> {
    let mut events = 0;
    for field in Fields(body) {
        let Some((1, Value::Bytes(package))) = field else { return Ok(None) };
        let (mut data, mut raw_bytes, mut compression) = (None, 0, Compression::Lz4);
        for field in Fields(package) {
            match field {
                Some((1, Value::Bytes(bytes))) => data = Some(bytes),
                Some((2, Value::Varint(number))) => raw_bytes = number,
                Some((3, Value::Varint(0))) => compression = Compression::None,
                Some((3, Value::Varint(2))) => compression = Compression::Lz4,
                Some((3, Value::Varint(3))) => compression = Compression::Zstd,
                _ => return Ok(None),
            }
        }
        let Some(data) = data else { return Ok(None) };
        let Some(count) = group(&decompress(compression, data, raw_bytes)?, out) else { return Ok(None) };
        events += count;
    }
    Ok(Some(events))
}

fn decompress(compression: Compression, body: &[u8], raw_bytes: u64) -> Result<Vec<u8>, DecodeError> {
    let limit = || usize::try_from(raw_bytes).ok().filter(|bytes| *bytes <= MAX_RAW_BYTES);
    let limit = limit().ok_or_else(|| DecodeError::Compression(io::ErrorKind::FileTooLarge.into()))?;
    let raw = match compression {
        Compression::Lz4 => lz4_flex::block::decompress(body, limit).map_err(io::Error::other),
        Compression::Zstd => zstd::bulk::decompress(body, limit),
        Compression::None => Ok(body.to_vec()),
    };
    raw.map_err(DecodeError::Compression)
}

/// A `LogGroup`. `None` if it is not one.
fn group(raw: &[u8], out: &mut Vec<u8>) -> Option<u64> {
    let (mut logs, mut tags) = (Vec::new(), Vec::new());
    for field in Fields(raw) {
        match field? {
            (1, Value::Bytes(log)) => logs.push(log),
            (2, Value::Bytes(_)) => {}
            (3, Value::Bytes(topic)) => push_field(b"__tag__:", b"__topic__", topic, &mut tags),
            (4, Value::Bytes(source)) => push_field(b"__tag__:", b"__source__", source, &mut tags),
            (5, Value::Bytes(machine)) => push_field(b"__tag__:", b"__machine_uuid__", machine, &mut tags),
            (6, Value::Bytes(tag)) => {
                let (name, value) = pair(tag)?;
                push_field(b"__tag__:", name, value, &mut tags);
            }
            _ => return None,
        }
    }
    for log in &logs {
        push_log(log, &tags, out)?;
    }
    Some(logs.len() as u64)
}

fn push_log(log: &[u8], tags: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (mut time, mut nanoseconds, mut contents) = (None, None, Vec::new());
    for field in Fields(log) {
        match field? {
            (1, Value::Varint(seconds)) => time = Some(seconds),
            (2, Value::Bytes(content)) => {
                let (name, value) = pair(content)?;
                push_field(b"", name, value, &mut contents);
            }
            (3, Value::Bytes(_)) => {}
            (4, Value::Fixed32(number)) => nanoseconds = Some(number),
            _ => return None,
        }
    }
    out.extend_from_slice(format!("{{\"__time__\": {}", time?).as_bytes());
    if let Some(nanoseconds) = nanoseconds {
        out.extend_from_slice(format!(", \"__time_ns_part__\": {nanoseconds}").as_bytes());
    }
    out.extend_from_slice(&contents);
    out.extend_from_slice(tags);
    out.extend_from_slice(b"}\n");
    Some(())
}

fn push_field(prefix: &[u8], name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    push_opening(prefix, name, out);
    push_escaped(value, out);
    out.push(b'"');
}

/// A message with a key 1 and a value 2.
fn pair(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut name, mut value) = (None, None);
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(bytes)) => name = Some(bytes),
            (2, Value::Bytes(bytes)) => value = Some(bytes),
            _ => return None,
        }
    }
    Some((name?, value?))
}

/// The fields of a message. An item is `None` if the message is none; then there are no more.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.bytes(len)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(*self.bytes(4)?.first_chunk()?)),
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// More than the service takes, and little enough to be had at once.
const MAX_RAW_BYTES: usize = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flusher::sls::spool::tests::package;

    fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let field = |(number, bytes): &(u8, &[u8])| [&[number << 3 | 2, bytes.len() as u8], *bytes].concat();
        fields.iter().flat_map(field).collect()
    }

    fn log_group() -> Vec<u8> {
        let content = |name: &[u8], value: &[u8]| message(&[(1, name), (2, value)]);
        let time = [0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06];
        let fields = message(&[(2, &content(b"content", b"a \"b\" \xff")), (2, &content(b"__time__", b"x"))]);
        let first = [&time[..], &fields, &[0x25, 7, 0, 0, 0]].concat();
        message(&[(1, &first), (1, &time), (3, b"topic"), (4, b"10.0.0.1"), (6, &content(b"__path__", b"/var/log/a"))])
    }

    const TAGS: &str =
        r#""__tag__:__topic__": "topic", "__tag__:__source__": "10.0.0.1", "__tag__:__path__": "/var/log/a"}"#;

    fn expected() -> String {
        let first = r#"{"__time__": 1700000000, "__time_ns_part__": 7, "content": "a \"b\" "#;
        format!("{first}\u{fffd}\", \"__time___user\": \"x\", {TAGS}\n{{\"__time__\": 1700000000, {TAGS}\n")
    }

    fn check(form: Form, compression: Compression, body: &[u8]) {
        let head = Head { form, compression, raw_bytes: log_group().len() as u64, ..package(b"", 0).head };
        let mut out = Vec::new();
        assert_eq!(decode(&head, body, &mut out).unwrap(), 2);
        assert_eq!(String::from_utf8(out).unwrap(), expected());
        for end in 1..body.len() {
            let mut out = Vec::new();
            let decoded = decode(&head, &body[..end], &mut out);
            assert!(decoded.is_ok() || out.is_empty(), "cut at {end}");
        }
    }

    #[test]
    fn log_groups_are_lines_whatever_they_are_compressed_with() {
        let raw = log_group();
        check(Form::LogGroup, Compression::None, &raw);
        check(Form::LogGroup, Compression::Lz4, &lz4_flex::block::compress(&raw));
        check(Form::LogGroup, Compression::Zstd, &zstd::bulk::compress(&raw, 1).unwrap());
        let compressed = lz4_flex::block::compress(&raw);
        let package = [message(&[(1, &compressed)]), vec![0x10, raw.len() as u8, 0x18, 2]].concat();
        check(Form::List, Compression::None, &message(&[(1, &package)]));
    }

    #[test]
    fn what_is_no_log_group_is_an_error() {
        let head = package(b"", 0).head;
        for wrong in [&b"text"[..], b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0a\x02\x12\x00", b"\x0a"] {
            assert!(matches!(decode(&head, wrong, &mut Vec::new()), Err(DecodeError::Form)), "{wrong:?}");
        }
        let head = Head { compression: Compression::Lz4, raw_bytes: u64::MAX, ..head };
        assert!(matches!(decode(&head, b"", &mut Vec::new()), Err(DecodeError::Compression(_))));
    }
}
