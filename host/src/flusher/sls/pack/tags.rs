//! What the logs of a group have in common, as it is encoded after them.
//!
//! `__topic__`, `__source__` and `__machine_uuid__` have fields of their own; the other tags follow in ascending order.
//!
//! The last tag is `__pack_id__`: `HEX(source)-HEX(sequence)`, by which the service keeps packages of a source in order. The
//! first number is the hash of pipeline, path, device, inode and generation. The second is the offset of the record
//! that the group's first event is from, plus how many events of that record are in earlier groups. Both are the same when
//! the agent reads the same bytes again after a crash: a package that begins at the same event has the same id, which makes
//! duplicates recognisable. Of a package that is sent in parts, each part has an id of its own.

use std::collections::BTreeMap;

use super::wire::{Field, Value, fields, put_bytes, put_pair};
use crate::event::{EventBatch, Source};

/// The tags of batches.
#[derive(Debug, Default)]
pub(super) struct Tags<'a>(BTreeMap<&'a [u8], &'a [u8]>);

impl<'a> Tags<'a> {
    /// The tags of a batch but for one.
    pub(super) fn of(batch: &'a EventBatch, without: Option<&str>) -> Self {
        let without = without.map(str::as_bytes);
        Self(batch.tags().filter(|(name, _)| Some(*name) != without && *name != PACK_ID).collect())
    }

    /// The value of a tag.
    pub(super) fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.0.get(name).copied()
    }

    /// Appends them to what is to become a group. Equal tags give equal bytes, and others give others.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (number, name) in OWN_FIELDS {
            if let Some(value) = self.value(name) {
                put_bytes(out, number, value);
            }
        }
        for (name, value) in self.0.iter().filter(|(name, _)| OWN_FIELDS.iter().all(|(_, own)| own != *name)) {
            put_pair(out, LOG_TAGS, name, value);
        }
    }
}

/// The id of a package whose first event is this one of a batch.
pub(super) fn pack_id(pipeline: &str, batch: &EventBatch, event: usize) -> String {
    let earlier = batch.provenance.origins.as_ref().map_or(0, |origins| {
        origins[..event].iter().rev().take_while(|record| **record == origins[event]).count() as u64
    });
    format!("{:X}-{:X}", identity(pipeline, &batch.source), batch.offset(event).0 + earlier)
}

/// Appends the id of a package.
pub(super) fn put_pack_id(out: &mut Vec<u8>, id: &str) {
    put_pair(out, LOG_TAGS, PACK_ID, id.as_bytes());
}

/// The id of the part of a package that begins after so many of its events, as an encoded tag. `None` if the field of the
/// package is not its id.
///
/// An event has a byte of its source at least, so that the id lies before that of the next package.
pub(super) fn later_pack_id(field: &Field<'_>, events: u64) -> Option<Vec<u8>> {
    let Value::Bytes(pair) = field.value else { return None };
    let mut parts = fields(pair).filter_map(Result::ok);
    let (key, value) = (parts.next()?.value, parts.next()?.value);
    if field.number != u32::from(LOG_TAGS) || key != Value::Bytes(PACK_ID) {
        return None;
    }
    let Value::Bytes(id) = value else { return None };
    let (source, sequence) = std::str::from_utf8(id).ok()?.rsplit_once('-')?;
    let sequence = u64::from_str_radix(sequence, 16).ok()?.checked_add(events)?;
    let mut out = Vec::new();
    put_pack_id(&mut out, &format!("{source}-{sequence:X}"));
    Some(out)
}

fn identity(pipeline: &str, source: &Source) -> u64 {
    let file = source.file.map_or([0; 2], |file| [file.device, file.inode]);
    let numbers = [file[0], file[1], source.generation].map(u64::to_le_bytes);
    let texts = [pipeline.as_bytes(), b"\0", source.path.as_os_str().as_encoded_bytes(), b"\0"];
    texts.into_iter().chain(numbers.iter().map(|number| &number[..])).fold(HASH_BASIS, hash)
}

/// FNV-1a as the reference has it: bytes are extended with their sign.
fn hash(before: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(before, |hash, byte| (hash ^ i64::from(byte.cast_signed()).cast_unsigned()).wrapping_mul(HASH_PRIME))
}

/// The most room that a package's id takes as a tag: two lengths and tags around the name and two numbers of 16 digits.
pub(super) const PACK_ID_MAX_BYTES: usize = 2 + 2 + PACK_ID.len() + 2 + 16 + 1 + 16;

const PACK_ID: &[u8] = b"__pack_id__";
const OWN_FIELDS: [(u8, &[u8]); 3] = [(3, b"__topic__"), (4, b"__source__"), (5, b"__machine_uuid__")];
const LOG_TAGS: u8 = 6;
const HASH_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_PRIME: u64 = 0x100_0000_01b3;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::testing::batch;
    use crate::event::{FileId, Offset};

    #[test]
    fn the_hash_is_that_of_the_reference() {
        assert_eq!(hash(HASH_BASIS, b""), 0xcbf2_9ce4_8422_2325);
        // Below 0x80 it is plain FNV-1a.
        assert_eq!(hash(HASH_BASIS, b"foobar"), 0x8594_4171_f739_67e8);
        let plain = (HASH_BASIS ^ 0xff).wrapping_mul(HASH_PRIME);
        assert_eq!(hash(HASH_BASIS, b"\xff"), (!HASH_BASIS).wrapping_mul(HASH_PRIME));
        assert_ne!(hash(HASH_BASIS, b"\xff"), plain);
    }

    #[test]
    fn an_id_says_which_source_and_where_in_it() {
        let id = |change: fn(&mut Source), event| {
            let mut batch = batch(&["one", "two", "three"]);
            let mut source = Source::new("app.log".into(), Some(FileId { device: 1, inode: 2 }));
            change(&mut source);
            batch.source = Arc::new(source);
            batch.provenance.start = Offset(0xab0);
            batch.select(&[0, 1, 1, 1, 2]);
            pack_id("p", &batch, event)
        };
        let first = id(|_| {}, 0);
        let (source, sequence) = first.split_once('-').unwrap();
        assert_eq!(sequence, "AB0");
        // The second record begins 4 bytes later and has three events.
        for (event, expected) in [(1, "AB4"), (2, "AB5"), (3, "AB6"), (4, "AB8")] {
            assert_eq!(id(|_| {}, event), format!("{source}-{expected}"));
        }
        let changes: [fn(&mut Source); 4] = [
            |source| source.generation = 1,
            |source| source.path = "other.log".into(),
            |source| source.file = Some(FileId { device: 1, inode: 3 }),
            |source| source.file = Some(FileId { device: 2, inode: 2 }),
        ];
        let mut ids: Vec<String> = changes.map(|change| id(change, 0)).into();
        ids.push(first);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5);
    }

    #[test]
    fn a_later_part_has_an_id_of_its_own() {
        let tag = |name: &[u8], value: &[u8]| {
            let mut out = Vec::new();
            put_pair(&mut out, LOG_TAGS, name, value);
            out
        };
        let later = |tag: &[u8], events| later_pack_id(&fields(tag).next()?.ok()?, events);
        assert_eq!(later(&tag(PACK_ID, b"CD01-FE"), 3), Some(tag(PACK_ID, b"CD01-101")));
        for (name, value) in [(PACK_ID, &b"CD01"[..]), (PACK_ID, b"CD01-FFFFFFFFFFFFFFFF"), (b"host", b"CD01-1")] {
            assert_eq!(later(&tag(name, value), 1), None);
        }
    }

    #[test]
    fn the_longest_id_fits_in_its_room() {
        let mut out = Vec::new();
        put_pack_id(&mut out, &format!("{:X}-{:X}", u64::MAX, u64::MAX));
        assert_eq!(out.len(), PACK_ID_MAX_BYTES);
    }
}
