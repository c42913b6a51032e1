//! The bytes of a segment, and what can be read of them when some are wrong. Pure.
//!
//! A segment begins with a line of text: `loglift-spool`, the version of the format, a CRC-32 of version and rest as eight
//! hexadecimal digits, and the destination as JSON. Then come records:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | marker: `f5 70 6b 67` |
//! | 4 | length of the head |
//! | 4 | length of the body |
//! | 4 | CRC-32 of the number of the segment, the offset of the record, and the two lengths |
//! | 4 | CRC-32 of all that and of head and body |
//! | | head: JSON of a [`Head`], and the reason if it is a dead letter |
//! | | body |
//!
//! Numbers are little endian; segment and offset have 8 bytes. Since both are part of the checksums, a record that is
//! copied, or that is part of the body of another one, is none. The first checksum tells what was cut short from what was
//! changed, and keeps a search among damaged bytes from computing checksums of whole bodies.

use std::ops::Range;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::flusher::sls::package::{Destination, Head};

/// What the first line of a segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Header {
    /// The records are for this destination.
    Whole(Box<Destination>),
    /// The format has a version that this agent does not know.
    Newer(u32),
    /// It cannot be read.
    Damaged,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    /// The number of the segment.
    pub(super) segment: u64,
    /// Where it begins in the segment.
    pub(super) offset: u64,
}

/// A record that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Where it begins in the segment.
    pub(super) offset: u64,
    /// How many bytes of the segment it has.
    pub(super) len: u64,
    /// Its checksum.
    pub(super) crc: u32,
    /// The head of the package.
    pub(super) head: Head,
    /// Why the package is a dead letter.
    pub(super) reason: Option<String>,
    /// The body of the package.
    pub(super) body: &'a [u8],
}

/// What a segment has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    /// What it is.
    pub(super) header: Header,
    /// All records that are whole, in order.
    pub(super) records: Vec<Record<'a>>,
    /// What cannot be read, a damaged header included.
    pub(super) damaged: Vec<Range<usize>>,
    /// How many bytes at the end are what a crash leaves of a write.
    pub(super) torn_bytes: usize,
}

/// The first line of a segment.
pub(super) fn header(destination: &Destination) -> Vec<u8> {
    let json = json(destination);
    format!("{MAGIC}{VERSION} {:08x} {json}\n", header_crc(VERSION, &json)).into_bytes()
}

/// Reads the first line, and says how long it is. A damaged one has no length.
pub(super) fn read_header(bytes: &[u8]) -> (Header, usize) {
    parse_header(bytes).unwrap_or((Header::Damaged, 0))
}

fn parse_header(bytes: &[u8]) -> Option<(Header, usize)> {
    let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(MAX_HEADER_BYTES)])?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?.strip_prefix(MAGIC)?;
    let (version, line) = line.split_once(' ')?;
    let (crc, json) = line.split_once(' ')?;
    let version: u32 = version.parse().ok()?;
    if u32::from_str_radix(crc, 16).ok()? != header_crc(version, json) {
        return None;
    }
    if version > VERSION {
        return Some((Header::Newer(version), end + 1));
    }
    Some((Header::Whole(serde_json::from_str(json).ok()?), end + 1))
}

fn header_crc(version: u32, json: &str) -> u32 {
    crc32fast::hash(format!("{version} {json}").as_bytes())
}

/// The bytes of a record before its body. `None` if it is too long.
pub(super) fn before_body(place: Place, head: &[u8], body: &[u8]) -> Option<(Vec<u8>, u32)> {
    let (head_len, body_len) = (u32::try_from(head.len()).ok()?, u32::try_from(body.len()).ok()?);
    let lengths = [head_len.to_le_bytes(), body_len.to_le_bytes()].concat();
    let mut hasher = hasher(place, &lengths);
    let frame_crc = hasher.clone().finalize();
    hasher.update(head);
    hasher.update(body);
    let crc = hasher.finalize();
    Some(([&MARKER[..], &lengths, &frame_crc.to_le_bytes(), &crc.to_le_bytes(), head].concat(), crc))
}

/// The head of a record.
pub(super) fn head(head: &Head, reason: Option<&str>) -> Vec<u8> {
    json(&HeadShape { head, reason }).into_bytes()
}

/// Reads the record that `bytes` begin with. `None` if it is not whole.
pub(super) fn parse(place: Place, bytes: &[u8]) -> Option<Record<'_>> {
    let frame = Frame::read(place, bytes)?;
    let (head, body) = bytes.get(FRAME_BYTES..frame.len)?.split_at(frame.head_len);
    let mut hasher = frame.hasher;
    hasher.update(head);
    hasher.update(body);
    if hasher.finalize() != frame.crc {
        return None;
    }
    let HeadRead { head, reason } = serde_json::from_slice(head).ok()?;
    Some(Record { offset: place.offset, len: frame.len as u64, crc: frame.crc, head, reason, body })
}

/// Finds everything that is whole in the segment of this number.
pub(super) fn scan(segment: u64, bytes: &[u8]) -> Scan<'_> {
    let (header, mut at) = read_header(bytes);
    let mut scan = Scan { header, records: Vec::new(), damaged: Vec::new(), torn_bytes: 0 };
    while at < bytes.len() {
        if let Some(record) = parse_at(segment, bytes, at) {
            at += record.len as usize;
            scan.records.push(record);
            continue;
        }
        let next = markers(bytes, at + 1).find(|next| parse_at(segment, bytes, *next).is_some());
        let end = next.unwrap_or_else(|| torn_from(segment, bytes, at));
        if end > at {
            scan.damaged.push(at..end);
        }
        at = end;
        if next.is_none() {
            scan.torn_bytes = bytes.len() - end;
            break;
        }
    }
    scan
}

fn parse_at(segment: u64, bytes: &[u8], at: usize) -> Option<Record<'_>> {
    parse(Place { segment, offset: at as u64 }, &bytes[at..])
}

fn markers(bytes: &[u8], from: usize) -> impl Iterator<Item = usize> {
    memmem::find_iter(&bytes[from..], &MARKER).map(move |at| from + at)
}

/// Where that begins what a crash leaves of a write: behind `from` nothing is whole.
fn torn_from(segment: u64, bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    let is_begun = rest.len() < FRAME_BYTES || MAGIC.as_bytes().starts_with(&rest[..rest.len().min(MAGIC.len())]);
    let is_unfinished_header = from == 0 && is_begun && rest.len() < MAX_HEADER_BYTES && !rest.contains(&b'\n');
    let is_unfinished_frame = from > 0 && rest.len() < FRAME_BYTES;
    if is_unfinished_header || is_unfinished_frame || rest.iter().all(|byte| *byte == 0) {
        return from;
    }
    let is_cut = |at: &usize| {
        let frame = Frame::read(Place { segment, offset: *at as u64 }, &bytes[*at..]);
        frame.is_some_and(|frame| frame.len > bytes.len() - at)
    };
    markers(bytes, from).find(is_cut).unwrap_or(bytes.len())
}

/// What stands before a head.
struct Frame {
    head_len: usize,
    /// Of the whole record.
    len: usize,
    crc: u32,
    /// Which has seen everything before the head.
    hasher: crc32fast::Hasher,
}

impl Frame {
    fn read(place: Place, bytes: &[u8]) -> Option<Self> {
        let rest = bytes.get(..FRAME_BYTES)?.strip_prefix(&MARKER)?;
        let number = |at: usize| rest[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let (head_len, body_len, frame_crc, crc) = (number(0)?, number(4)?, number(8)?, number(12)?);
        let hasher = hasher(place, &rest[..8]);
        let len = FRAME_BYTES.checked_add(head_len as usize)?.checked_add(body_len as usize)?;
        (hasher.clone().finalize() == frame_crc).then_some(Self { head_len: head_len as usize, len, crc, hasher })
    }
}

fn hasher(place: Place, lengths: &[u8]) -> crc32fast::Hasher {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.segment.to_le_bytes());
    hasher.update(&place.offset.to_le_bytes());
    hasher.update(lengths);
    hasher
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and text are always JSON")
}

#[derive(Serialize)]
struct HeadShape<'a> {
    head: &'a Head,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Deserialize)]
struct HeadRead {
    head: Head,
    #[serde(default)]
    reason: Option<String>,
}

/// The version of the format that is written and understood.
pub(super) const VERSION: u32 = 1;

/// What a record has before its head.
pub(super) const FRAME_BYTES: usize = 20;

/// What a segment begins with.
const MAGIC: &str = "loglift-spool ";

/// What a record begins with. Its first byte is in no text.
const MARKER: [u8; 4] = [0xf5, b'p', b'k', b'g'];

/// More than any header has.
pub(super) const MAX_HEADER_BYTES: usize = 64 * 1024;
