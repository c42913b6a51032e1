//! Protobuf, as much of it as log groups are made of.

/// Bytes that are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed protobuf")]
pub struct Malformed;

/// What a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    Fixed64,
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    /// The field as it is encoded, with its tag.
    pub(super) encoded: &'a [u8],
}

/// The fields of a message, in their order; after an error comes nothing more.
pub(super) fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let field = take_field(&mut rest).ok_or(Malformed);
            if field.is_err() {
                rest = &[];
            }
            field
        })
    })
}

/// Appends a field that has bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(bytes_tag(number));
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a field that is a number.
pub(super) fn put_number(out: &mut Vec<u8>, number: u8, value: u64) {
    out.push(number << 3);
    put_varint(out, value);
}

/// Appends a `LogTag`, or whatever else is a key with a value.
pub(super) fn put_pair(out: &mut Vec<u8>, number: u8, key: &[u8], value: &[u8]) {
    out.push(bytes_tag(number));
    put_varint(out, (bytes_len(key.len()) + bytes_len(value.len())) as u64);
    put_bytes(out, 1, key);
    put_bytes(out, 2, value);
}

/// Appends a number in the form that takes less room the smaller it is.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The tag of a field that has bytes.
pub(super) const fn bytes_tag(number: u8) -> u8 {
    number << 3 | 2
}

/// The length of a field that has so many bytes, with its tag; of fields up to 15.
#[inline]
pub(super) fn bytes_len(value_bytes: usize) -> usize {
    1 + varint_len(value_bytes as u64) + value_bytes
}

/// The length of a number.
#[inline]
pub(super) fn varint_len(value: u64) -> usize {
    if value < 0x80 { 1 } else { (u64::BITS - value.leading_zeros()).div_ceil(7) as usize }
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let whole = *rest;
    let tag = take_varint(rest)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number != 0)?;
    let value = match tag & 7 {
        0 => Value::Number(take_varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Fixed64)?,
        2 => {
            let length = usize::try_from(take_varint(rest)?).ok()?;
            Value::Bytes(take(rest, length)?)
        }
        5 => Value::Fixed32(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?)),
        _ => return None,
    };
    Some(Field { number, value, encoded: &whole[..whole.len() - rest.len()] })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..LONGEST_VARINT_BYTES.min(rest.len()) {
        value |= u64::from(rest[at] & 0x7f) << (7 * at);
        if rest[at] < 0x80 {
            *rest = &rest[at + 1..];
            return Some(value);
        }
    }
    None
}

const LONGEST_VARINT_BYTES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_room_that_is_said_and_read_back() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]).chain([u64::MAX]) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value), "{value}");
            assert_eq!(take_varint(&mut &out[..]), Some(value));
        }
    }

    #[test]
    fn fields_read_back_and_damaged_ones_are_an_error() {
        let mut out = Vec::new();
        put_number(&mut out, 2, 300);
        put_pair(&mut out, 6, b"key", b"value");
        let read: Vec<_> = fields(&out).collect::<Result<_, _>>().unwrap();
        assert_eq!((read[0].number, read[0].value), (2, Value::Number(300)));
        assert_eq!((read[1].number, read[1].encoded), (6, &out[3..]));
        let Value::Bytes(pair) = read[1].value else { panic!("{read:?}") };
        let pair: Vec<_> = fields(pair).map(|field| field.unwrap().value).collect();
        assert_eq!(pair, [Value::Bytes(b"key"), Value::Bytes(b"value")]);
        for damaged in [&out[..out.len() - 1], b"\x0a", b"\x0a\x05", b"\x03", b"\x00\x02", &[0xff; 20]] {
            assert_eq!(fields(damaged).last(), Some(Err(Malformed)), "{damaged:?}");
        }
    }
}
