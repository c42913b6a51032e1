//! What a backslash in a string stands for.

use crate::failure::Expected;

/// Reads the escape sequence at the start of `text`, which is a backslash. Returns the character and the length of the
/// sequence; a pair of surrogates is one sequence.
#[inline]
pub(crate) fn escape(text: &[u8]) -> Result<(char, usize), BadEscape> {
    let simple = match text.get(1) {
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text),
        _ => return Err(BadEscape { at: 1, expected: Expected::Escape }),
    };
    Ok((simple, 2))
}

/// An escape sequence that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadEscape {
    /// Counted from the backslash.
    pub(crate) at: usize,
    /// What should stand there.
    pub(crate) expected: Expected,
}

fn unicode(text: &[u8]) -> Result<(char, usize), BadEscape> {
    let first = code_unit(text, 2)?;
    if let Some(simple) = char::from_u32(first) {
        return Ok((simple, 6));
    }
    if first >= LOW_SURROGATE {
        return Err(BadEscape { at: 2, expected: Expected::HighSurrogate });
    }
    let no_pair = BadEscape { at: 6, expected: Expected::LowSurrogate };
    if text.get(6) != Some(&b'\\') || text.get(7) != Some(&b'u') {
        return Err(no_pair);
    }
    let second = code_unit(text, 8)?;
    if !(LOW_SURROGATE..=0xdfff).contains(&second) {
        return Err(no_pair);
    }
    let pair = 0x10000 + ((first - HIGH_SURROGATE) << 10) + (second - LOW_SURROGATE);
    Ok((char::from_u32(pair).expect("a pair of surrogates is a character"), 12))
}

fn code_unit(text: &[u8], at: usize) -> Result<u32, BadEscape> {
    (at..at + 4).try_fold(0, |value, at| {
        let digit = text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let digit = digit.ok_or(BadEscape { at, expected: Expected::HexDigit })?;
        Ok(value << 4 | digit)
    })
}

const HIGH_SURROGATE: u32 = 0xd800;
const LOW_SURROGATE: u32 = 0xdc00;
