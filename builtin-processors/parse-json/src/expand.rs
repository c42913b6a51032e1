//! Makes fields of the members of an object.

use loglift_sdk::{Changes, Key, Rows, Span};

use crate::failure::{Expected, Failure};
use crate::keys::Keys;
use crate::reader::{Reader, Text, Unescaped};
use crate::scan;

/// Adds the members of the object in `arena[span]` to the event that `rows` is at. After a failure some may be there.
#[inline]
pub(crate) fn expand(
    arena: &[u8],
    span: Span,
    keys: &mut Keys,
    rows: &mut Rows,
    changes: &mut Changes,
) -> Result<(), Failure> {
    let start = span.offset as usize;
    let reader = Reader::new(arena, start + span.len as usize);
    keys.start_object();
    for (place, key) in rows.keys().enumerate() {
        keys.occupy(key, place);
    }

    let mut at = reader.skip_blanks(start);
    if !reader.is_at(at, b'{') {
        return Err(reader.expected(at, Expected::Object));
    }
    at = reader.skip_blanks(at + 1);
    if !reader.is_at(at, b'}') {
        let mut expected = Expected::KeyOrBrace;
        loop {
            let (key, after_key) = key(reader, at, expected, keys, changes)?;
            let (value, after_value) = value(reader, reader.colon(after_key)?, changes)?;
            match keys.place(key, rows.field_count()) {
                None => rows.push(key, value),
                Some(place) => rows.set_at(place, value),
            }
            at = if reader.is_at(after_value, b',') { after_value } else { reader.skip_blanks(after_value) };
            if !reader.is_at(at, b',') {
                break;
            }
            at = reader.skip_blanks(at + 1);
            expected = Expected::Key;
        }
        if !reader.is_at(at, b'}') {
            return Err(reader.expected(at, Expected::CommaOrBrace));
        }
    }
    at = reader.skip_blanks(at + 1);
    if at == reader.end() { Ok(()) } else { Err(reader.expected(at, Expected::End)) }
}

/// Reads a key. Returns the place behind it, too.
#[inline(always)]
fn key(
    reader: Reader,
    at: usize,
    expected: Expected,
    keys: &mut Keys,
    changes: &mut Changes,
) -> Result<(Key, usize), Failure> {
    match keys.guess(reader.arena(), at) {
        Some((key, len)) if at + len <= reader.end() => Ok((key, at + len)),
        _ => unforeseen_key(reader, at, expected, keys, changes),
    }
}

fn unforeseen_key(
    reader: Reader,
    at: usize,
    expected: Expected,
    keys: &mut Keys,
    changes: &mut Changes,
) -> Result<(Key, usize), Failure> {
    if !reader.is_at(at, b'"') {
        return Err(reader.expected(at, expected));
    }
    let start = at + 1;
    match reader.string(start)? {
        Text::Plain { end } => Ok((keys.find(reader.arena(), range(start, end), changes), end + 1)),
        Text::Escaped { at } => {
            let end = reader.skip_escaped(start, at)?;
            let mut name = vec![0; end - start + scan::BLOCK];
            let Unescaped { written, .. } = reader.unescape(start, &mut name)?;
            let key = changes.key(&name[..written]);
            keys.follow(key);
            Ok((key, end + 1))
        }
    }
}

/// Reads a value. Returns the text that the field gets, and the place behind the value.
#[inline(always)]
fn value(reader: Reader, start: usize, changes: &mut Changes) -> Result<(Span, usize), Failure> {
    // The results of the calls are taken apart and put together again, so that those of plain strings need not go
    // through the memory in which a call returns its result.
    if !reader.is_at(start, b'"') {
        let (span, end) = unquoted_value(reader, start)?;
        return Ok((span, end));
    }
    match reader.string(start + 1)? {
        Text::Plain { end } => Ok((range(start + 1, end), end + 1)),
        Text::Escaped { .. } => {
            let (span, end) = unescaped(reader, start + 1, changes)?;
            Ok((span, end))
        }
    }
}

/// Reads a value that is no string. Apart from the strings, so that their way has no jump table.
#[inline(never)]
fn unquoted_value(reader: Reader, start: usize) -> Result<(Span, usize), Failure> {
    let end = match reader.peek(start) {
        Some(b'-' | b'0'..=b'9') => reader.number(start)?,
        Some(b'{' | b'[') => reader.nested(start)?,
        Some(b't') => reader.literal(start, "true")?,
        Some(b'f') => reader.literal(start, "false")?,
        Some(b'n') => return Ok((range(start, start), reader.literal(start, "null")?)),
        _ => return Err(reader.expected(start, Expected::Value)),
    };
    Ok((range(start, end), end))
}

fn unescaped(reader: Reader, start: usize, changes: &mut Changes) -> Result<(Span, usize), Failure> {
    let mut end = Err(reader.expected(start, Expected::StringByte));
    let span = changes.append_within(reader.room(start), |room| {
        let result = reader.unescape(start, room);
        end = result.map(|string| string.end);
        result.map_or(0, |string| string.written)
    });
    Ok((span, end? + 1))
}

#[inline(always)]
fn range(start: usize, end: usize) -> Span {
    Span { offset: start as u32, len: (end - start) as u32 }
}
