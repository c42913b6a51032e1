//! The smallest steps through a value, which both dialects take alike: each moves `rest` past what it takes.

use crate::mismatch::Expected;

/// Takes one byte.
#[inline(always)]
pub(crate) fn byte(rest: &mut &[u8], byte: u8) -> Result<(), Expected> {
    match *rest {
        [first, behind @ ..] if *first == byte => {
            *rest = behind;
            Ok(())
        }
        _ => Err(Expected::Char(char::from(byte))),
    }
}

/// Takes one character, which may have several bytes.
pub(crate) fn char(rest: &mut &[u8], char: char) -> Result<(), Expected> {
    let behind = rest.strip_prefix(char.encode_utf8(&mut [0; 4]).as_bytes());
    *rest = behind.ok_or(Expected::Char(char))?;
    Ok(())
}

/// Takes one digit, if there is one.
#[inline(always)]
pub(crate) fn digit(rest: &mut &[u8]) -> Option<u16> {
    let [first, behind @ ..] = *rest else { return None };
    let digit = first.wrapping_sub(b'0');
    if digit > 9 {
        return None;
    }
    *rest = behind;
    Some(digit.into())
}

/// Returns the number that two digits at the start of `text` are, and what is behind them.
pub(crate) fn two_digits(text: &[u8]) -> Option<(i32, &[u8])> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] => {
            Some((i32::from(tens - b'0') * 10 + i32::from(ones - b'0'), rest))
        }
        _ => None,
    }
}
