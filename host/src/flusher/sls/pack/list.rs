//! Lists of groups: several small ones with different tags, each compressed on its own, in one request.

use bytes::Bytes;

use super::wire::{Malformed, Value, fields, put_bytes, put_number};
use crate::flusher::sls::package::Compression;

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) compression: Compression,
    pub(super) raw_bytes: usize,
    pub(super) body: Bytes,
}

/// Encodes a list.
pub(super) fn encode<'a>(members: impl IntoIterator<Item = &'a Member>) -> Vec<u8> {
    let (mut out, mut package) = (Vec::new(), Vec::new());
    for member in members {
        package.clear();
        put_bytes(&mut package, DATA, &member.body);
        put_number(&mut package, RAW_BYTES, member.raw_bytes as u64);
        put_number(&mut package, COMPRESSION, number(member.compression));
        put_bytes(&mut out, PACKAGES, &package);
    }
    out
}

/// Reads a list. Nothing is copied.
///
/// # Errors
/// [`Malformed`] for anything but a list that [`encode`] could have made.
pub(super) fn decode(list: &Bytes) -> Result<Vec<Member>, Malformed> {
    fields(list)
        .map(|field| match field? {
            field if field.number == u32::from(PACKAGES) => decode_member(list, field.value),
            _ => Err(Malformed),
        })
        .collect()
}

fn decode_member(list: &Bytes, package: Value<'_>) -> Result<Member, Malformed> {
    let Value::Bytes(package) = package else { return Err(Malformed) };
    let (mut body, mut raw_bytes, mut compression) = (None, None, None);
    for field in fields(package) {
        let field = field?;
        match (u8::try_from(field.number), field.value) {
            (Ok(DATA), Value::Bytes(data)) => body = Some(list.slice_ref(data)),
            (Ok(RAW_BYTES), Value::Number(bytes)) => raw_bytes = usize::try_from(bytes).ok(),
            (Ok(COMPRESSION), Value::Number(number)) => compression = by_number(number),
            _ => return Err(Malformed),
        }
    }
    let member = body.zip(raw_bytes).zip(compression);
    member.map(|((body, raw_bytes), compression)| Member { compression, raw_bytes, body }).ok_or(Malformed)
}

fn number(compression: Compression) -> u64 {
    match compression {
        Compression::None => 0,
        Compression::Lz4 => 2,
        Compression::Zstd => 3,
    }
}

fn by_number(wanted: u64) -> Option<Compression> {
    [Compression::None, Compression::Lz4, Compression::Zstd].into_iter().find(|kind| number(*kind) == wanted)
}

const PACKAGES: u8 = 1;
const DATA: u8 = 1;
const RAW_BYTES: u8 = 2;
const COMPRESSION: u8 = 3;

#[cfg(test)]
mod tests {
    use super::super::testing::{G1, LIST, LZ4_G2, bytes};
    use super::*;

    #[test]
    fn a_list_is_that_of_the_specification_and_reads_back() {
        let lz4 = |raw_bytes, body: Vec<u8>| Member { compression: Compression::Lz4, raw_bytes, body: body.into() };
        let members = [lz4(26, bytes(&format!("f00b{G1}"))), lz4(173, bytes(LZ4_G2))];
        let list = Bytes::from(encode(&members));
        assert_eq!(list, bytes(LIST));
        assert_eq!(decode(&list).unwrap(), members);
    }

    #[test]
    fn no_damage_to_a_list_panics() {
        let list = bytes(LIST);
        for at in 0..list.len() {
            assert!(at == 0 || at == 36 || decode(&Bytes::copy_from_slice(&list[..at])).is_err(), "cut at {at}");
            let mut damaged = list.clone();
            damaged[at] ^= 0xff;
            _ = decode(&damaged.into());
        }
    }
}
