//! Makes fields of the members of an object.

use loglift_sdk::{Changes, Key, Rows, Span};

use crate::failure::{Expected, Failure};
use crate::keys::Keys;
use crate::reader::{Reader, Text};
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
    let mut reader = Reader::new(arena, start, start + span.len as usize);
    keys.start_object();
    for (place, key) in rows.keys().enumerate() {
        keys.occupy(key, place);
    }

    reader.skip_blanks();
    if !reader.take(b'{') {
        return Err(reader.expected(Expected::Object));
    }
    reader.skip_blanks();
    if !reader.take(b'}') {
        let mut expected = Expected::KeyOrBrace;
        loop {
            let key = key(&mut reader, expected, keys, changes)?;
            reader.colon()?;
            let value = value(&mut reader, changes)?;
            match keys.place(key, rows.field_count()) {
                None => rows.push(key, value),
                Some(place) => rows.set_at(place, value),
            }
            reader.skip_blanks();
            if !reader.take(b',') {
                break;
            }
            reader.skip_blanks();
            expected = Expected::Key;
        }
        if !reader.take(b'}') {
            return Err(reader.expected(Expected::CommaOrBrace));
        }
    }
    reader.skip_blanks();
    if reader.peek().is_some() { Err(reader.expected(Expected::End)) } else { Ok(()) }
}

/// Reads a key.
#[inline(always)]
fn key(reader: &mut Reader, expected: Expected, keys: &mut Keys, changes: &mut Changes) -> Result<Key, Failure> {
    if let Some((key, len)) = keys.guess(reader.arena(), reader.at())
        && reader.at() + len <= reader.end()
    {
        reader.move_to(reader.at() + len);
        return Ok(key);
    }
    unforeseen_key(reader, expected, keys, changes)
}

fn unforeseen_key(
    reader: &mut Reader,
    expected: Expected,
    keys: &mut Keys,
    changes: &mut Changes,
) -> Result<Key, Failure> {
    if !reader.take(b'"') {
        return Err(reader.expected(expected));
    }
    match reader.string()? {
        Text::Plain { start, end } => Ok(keys.find(reader.arena(), range(start, end), changes)),
        Text::Escaped { start } => {
            let escape = reader.at();
            reader.skip_escaped(start)?;
            let mut name = vec![0; reader.at() - start + scan::BLOCK];
            reader.move_to(escape);
            let len = reader.unescape(start, &mut name)?;
            let key = changes.key(&name[..len]);
            keys.follow(key);
            Ok(key)
        }
    }
}

/// Reads a value and returns the text that the field gets.
#[inline(always)]
fn value(reader: &mut Reader, changes: &mut Changes) -> Result<Span, Failure> {
    let start = reader.at();
    match reader.peek() {
        Some(b'"') => {
            reader.move_to(start + 1);
            return match reader.string()? {
                Text::Plain { start, end } => Ok(range(start, end)),
                Text::Escaped { start } => unescaped(reader, start, changes),
            };
        }
        Some(b'-' | b'0'..=b'9') => reader.number()?,
        Some(b'{' | b'[') => reader.nested()?,
        Some(b't') => reader.literal("true")?,
        Some(b'f') => reader.literal("false")?,
        Some(b'n') => {
            reader.literal("null")?;
            return Ok(range(start, start));
        }
        _ => return Err(reader.expected(Expected::Value)),
    }
    Ok(range(start, reader.at()))
}

fn unescaped(reader: &mut Reader, start: usize, changes: &mut Changes) -> Result<Span, Failure> {
    let mut failure = None;
    let span = changes.append_within(reader.room(start), |room| {
        reader.unescape(start, room).unwrap_or_else(|error| {
            failure = Some(error);
            0
        })
    });
    failure.map_or(Ok(span), Err)
}

#[inline(always)]
fn range(start: usize, end: usize) -> Span {
    Span { offset: start as u32, len: (end - start) as u32 }
}
