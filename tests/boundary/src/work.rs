//! What the processors of the bench do, generic in the shape of spans. Runner and guests both include this file.

use std::ops::Range;

#[cfg(not(target_arch = "wasm32"))]
use wasmtime::component::{ComponentType, Lift, Lower};

/// The offset that removes a name.
pub const GONE: u32 = u32::MAX;

/// The element type of a list of byte ranges; one range is one element or two.
pub trait Span: Copy {
    fn push(spans: &mut Vec<Self>, offset: u32, length: u32);
    fn at(spans: &[Self], index: usize) -> (u32, u32);
    fn count(spans: &[Self]) -> usize;
    fn reserve(spans: &mut Vec<Self>, count: usize);
}

impl Span for u32 {
    fn push(spans: &mut Vec<Self>, offset: u32, length: u32) {
        spans.reserve(2);
        spans.push(offset);
        spans.push(length);
    }
    fn at(spans: &[Self], index: usize) -> (u32, u32) {
        let pair = &spans[index * 2..index * 2 + 2];
        (pair[0], pair[1])
    }
    fn count(spans: &[Self]) -> usize {
        spans.len() / 2
    }
    fn reserve(spans: &mut Vec<Self>, count: usize) {
        spans.reserve(count * 2);
    }
}

impl Span for u64 {
    fn push(spans: &mut Vec<Self>, offset: u32, length: u32) {
        spans.push(Self::from(offset) | Self::from(length) << 32);
    }
    fn at(spans: &[Self], index: usize) -> (u32, u32) {
        (spans[index] as u32, (spans[index] >> 32) as u32)
    }
    fn count(spans: &[Self]) -> usize {
        spans.len()
    }
    fn reserve(spans: &mut Vec<Self>, count: usize) {
        spans.reserve(count);
    }
}

/// `batch` of the WIT.
#[cfg_attr(not(target_arch = "wasm32"), derive(ComponentType, Lower), component(record))]
pub struct Batch<'a, S> {
    pub bytes: &'a [u8],
    pub seconds: &'a [i64],
    pub nanoseconds: &'a [u32],
    pub names: &'a [S],
    #[cfg_attr(not(target_arch = "wasm32"), component(name = "field-counts"))]
    pub field_counts: &'a [u32],
    pub keys: &'a [u32],
    pub values: &'a [S],
}

/// `rows` of the WIT.
#[cfg_attr(not(target_arch = "wasm32"), derive(ComponentType, Lift), component(record))]
pub struct Rows<S> {
    #[cfg_attr(not(target_arch = "wasm32"), component(name = "field-counts"))]
    pub field_counts: Vec<u32>,
    pub keys: Vec<u32>,
    pub values: Vec<S>,
}

/// `answer` of the WIT.
#[cfg_attr(not(target_arch = "wasm32"), derive(ComponentType, Lift), component(record))]
pub struct Answer<S> {
    pub appended: Vec<u8>,
    pub names: Option<Vec<S>>,
    pub seconds: Option<Vec<i64>>,
    pub nanoseconds: Option<Vec<u32>>,
    pub rows: Option<Rows<S>>,
}

impl<S> Answer<S> {
    fn unchanged() -> Self {
        Self { appended: Vec::new(), names: None, seconds: None, nanoseconds: None, rows: None }
    }
}

impl<'a, S: Span> Batch<'a, S> {
    fn text(&self, spans: &[S], index: usize) -> &'a [u8] {
        let (offset, length) = S::at(spans, index);
        &self.bytes[offset as usize..][..length as usize]
    }

    /// The key of `name`, or one that no field has.
    pub fn key(&self, name: &[u8]) -> u32 {
        (0..S::count(self.names)).find(|&i| self.text(self.names, i) == name).map_or(GONE, |i| i as u32)
    }
}

pub fn pass<S: Span>(_: &Batch<'_, S>) -> Answer<S> {
    Answer::unchanged()
}

pub fn drop_field<S: Span>(batch: &Batch<'_, S>) -> Answer<S> {
    let dropped = batch.key(b"threadName") as usize;
    let mut names = Vec::new();
    for index in 0..S::count(batch.names) {
        let (offset, length) = if index == dropped { (GONE, 0) } else { S::at(batch.names, index) };
        S::push(&mut names, offset, length);
    }
    Answer { names: Some(names), ..Answer::unchanged() }
}

pub fn set_time<S: Span>(batch: &Batch<'_, S>) -> Answer<S> {
    let key = batch.key(b"asctime");
    let (mut seconds, mut nanoseconds) = (batch.seconds.to_vec(), batch.nanoseconds.to_vec());
    let mut field = 0;
    for (event, &count) in batch.field_counts.iter().enumerate() {
        let fields = field..field + count as usize;
        field = fields.end;
        let Some(found) = fields.into_iter().find(|&field| batch.keys[field] == key) else { continue };
        if let Some(time) = parse_time(batch.text(batch.values, found)) {
            (seconds[event], nanoseconds[event]) = time;
        }
    }
    Answer { seconds: Some(seconds), nanoseconds: Some(nanoseconds), ..Answer::unchanged() }
}

/// Reads `2023-10-25 23:51:10,199999999` as UTC.
fn parse_time(text: &[u8]) -> Option<(i64, u32)> {
    let text: &[u8; 29] = text.try_into().ok()?;
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0i64, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days since 1970-01-01, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    let seconds = ((days * 24 + number(11, 13)?) * 60 + number(14, 16)?) * 60 + number(17, 19)?;
    Some((seconds, number(20, 29)? as u32))
}

/// Replaces the field `content` by the members of the JSON object in it. What is no object stays as it is.
pub fn parse<S: Span>(batch: &Batch<'_, S>) -> Answer<S> {
    const MEMBERS: usize = 8;
    let source = batch.key(b"content");
    let mut splitter = Splitter {
        bytes: batch.bytes,
        appended: Vec::with_capacity(batch.bytes.len() / 2),
        names: batch.names.to_vec(),
        expected: Vec::new(),
        keys: Vec::with_capacity(batch.keys.len() * MEMBERS),
        values: Vec::new(),
    };
    S::reserve(&mut splitter.values, batch.keys.len() * MEMBERS);
    let mut field_counts = Vec::with_capacity(batch.field_counts.len());
    let mut field = 0;
    let mut replaced = true;
    for &count in batch.field_counts {
        let before = splitter.keys.len();
        for field in field..field + count as usize {
            let (offset, length) = S::at(batch.values, field);
            let kept = (splitter.keys.len(), splitter.values.len(), splitter.appended.len());
            let is_object = batch.keys[field] == source
                && splitter.split(offset as usize, offset as usize + length as usize).is_some();
            if !is_object {
                splitter.keys.truncate(kept.0);
                splitter.values.truncate(kept.1);
                splitter.appended.truncate(kept.2);
                splitter.keys.push(batch.keys[field]);
                S::push(&mut splitter.values, offset, length);
                replaced = false;
            }
        }
        field += count as usize;
        field_counts.push((splitter.keys.len() - before) as u32);
    }
    let mut names = splitter.names;
    if replaced && source != GONE {
        // The first entry of a list built anew is the one to remove.
        let mut result = Vec::new();
        for index in 0..S::count(&names) {
            let (offset, length) = if index as u32 == source { (GONE, 0) } else { S::at(&names, index) };
            S::push(&mut result, offset, length);
        }
        names = result;
    }
    let rows = Rows { field_counts, keys: splitter.keys, values: splitter.values };
    Answer { appended: splitter.appended, names: Some(names), rows: Some(rows), ..Answer::unchanged() }
}

struct Splitter<'a, S> {
    bytes: &'a [u8],
    appended: Vec<u8>,
    names: Vec<S>,
    /// The key at each position of an earlier object: most often the next one has the same.
    expected: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<S>,
}

impl<S: Span> Splitter<'_, S> {
    /// Adds the members of the object in `from..to`; what it added before a mistake is for the caller to take back.
    fn split(&mut self, from: usize, to: usize) -> Option<()> {
        let text = &self.bytes[..to];
        let mut at = skip_blanks(text, from);
        if *text.get(at)? != b'{' {
            return None;
        }
        for position in 0.. {
            at = skip_blanks(text, at + 1);
            if *text.get(at)? != b'"' {
                return None;
            }
            let name = at + 1;
            at = find_special(self.bytes, name);
            if *text.get(at)? != b'"' {
                return None;
            }
            self.push_key(position, name, at);
            at = skip_blanks(text, at + 1);
            if *text.get(at)? != b':' {
                return None;
            }
            at = self.push_value(text, skip_blanks(text, at + 1))?;
            at = skip_blanks(text, at);
            match *text.get(at)? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        (skip_blanks(text, at + 1) == to).then_some(())
    }

    fn push_key(&mut self, position: usize, from: usize, to: usize) {
        let name = &self.bytes[from..to];
        let is_name = |names: &[S], index: usize| {
            let (offset, length) = S::at(names, index);
            // A name taken from the batch is never in the appended bytes.
            is_same(&self.bytes[offset as usize..][..length as usize], name)
        };
        let key = match self.expected.get(position) {
            Some(&key) if is_name(&self.names, key as usize) => key,
            _ => {
                let count = S::count(&self.names);
                let key = (0..count).find(|&i| is_name(&self.names, i)).unwrap_or(count);
                if key == count {
                    S::push(&mut self.names, from as u32, (to - from) as u32);
                }
                self.expected.truncate(position);
                self.expected.push(key as u32);
                key as u32
            }
        };
        self.keys.push(key);
    }

    /// Adds the value at `from` and returns its end.
    fn push_value(&mut self, text: &[u8], from: usize) -> Option<usize> {
        let end = match *text.get(from)? {
            b'"' => {
                let end = find_special(self.bytes, from + 1);
                return match *text.get(end)? {
                    b'"' => {
                        S::push(&mut self.values, from as u32 + 1, (end - from - 1) as u32);
                        Some(end + 1)
                    }
                    _ => self.push_unescaped(text, from + 1, end),
                };
            }
            b'{' | b'[' => end_of_nested(text, from)?,
            _ => text[from..].iter().position(|c| matches!(c, b',' | b'}' | b' ')).map(|length| from + length)?,
        };
        S::push(&mut self.values, from as u32, (end - from) as u32);
        Some(end)
    }

    /// Adds a string whose first escape is at `escape`. Knows the escapes of one letter.
    fn push_unescaped(&mut self, text: &[u8], mut from: usize, mut escape: usize) -> Option<usize> {
        let start = self.appended.len();
        loop {
            append(&mut self.appended, self.bytes, from..escape);
            if text[escape] == b'"' {
                break;
            }
            self.appended.push(match *text.get(escape + 1)? {
                c @ (b'"' | b'\\' | b'/') => c,
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                _ => return None,
            });
            from = escape + 2;
            escape = find_special(self.bytes, from);
            text.get(escape)?;
        }
        S::push(&mut self.values, (self.bytes.len() + start) as u32, (self.appended.len() - start) as u32);
        Some(escape + 1)
    }
}

/// Appends a part of `bytes` in steps of 16. For runs as short as those between escapes, a `memory.copy` costs a guest
/// more in the call out of compiled code than in bytes.
fn append(to: &mut Vec<u8>, bytes: &[u8], part: Range<usize>) {
    let mut at = part.start;
    while at < part.end {
        let Some(block) = bytes[at..].first_chunk::<16>() else {
            to.extend_from_slice(&bytes[at..part.end]);
            return;
        };
        to.extend_from_slice(block);
        at += 16;
    }
    to.truncate(to.len() - (at - part.end));
}

/// Equality in steps of 8 bytes; a guest's `memcmp` is slow on names.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    a.len() == b.len()
        && a_blocks.iter().zip(b_blocks).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

fn end_of_nested(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0;
    loop {
        match *text.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                at = find_special(text, at + 1);
                while *text.get(at)? == b'\\' {
                    at = find_special(text, at + 2);
                }
            }
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The first quote or backslash at `at` or after it, or the end: 16 bytes a step.
fn find_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let found = specials(block);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    while bytes.get(at).is_some_and(|c| !matches!(c, b'"' | b'\\')) {
        at += 1;
    }
    at
}

#[cfg(target_arch = "wasm32")]
fn specials(block: &[u8; 16]) -> u32 {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, v128_load, v128_or};
    // SAFETY: `block` has 16 bytes, and the load needs no alignment.
    let block = unsafe { v128_load(block.as_ptr().cast()) };
    u32::from(u8x16_bitmask(v128_or(u8x16_eq(block, u8x16_splat(b'"')), u8x16_eq(block, u8x16_splat(b'\\')))))
}

#[cfg(target_arch = "x86_64")]
fn specials(block: &[u8; 16]) -> u32 {
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
    // SAFETY: `block` has 16 bytes, the load needs no alignment, and SSE2 belongs to x86-64.
    unsafe {
        let block = _mm_loadu_si128(block.as_ptr().cast());
        let is = |c: u8| _mm_cmpeq_epi8(block, _mm_set1_epi8(c as i8));
        _mm_movemask_epi8(_mm_or_si128(is(b'"'), is(b'\\'))) as u32
    }
}

#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
fn specials(block: &[u8; 16]) -> u32 {
    block.iter().rev().fold(0, |bits, c| bits << 1 | u32::from(matches!(c, b'"' | b'\\')))
}
