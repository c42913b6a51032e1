//! Why a value does not have its format: where, what was expected, what is there.

use std::fmt;

use crate::layout::Element;
use crate::time::Unit;

/// Where a value stops to follow its format.
///
/// Small and free of allocations, since a log may have one in each line; the sentence is made by `Display`:
/// ``at byte 19: expected "," but found "."``.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    at: usize,
    expected: Expected,
    found: [u8; FOUND_BYTES],
    found_len: u8,
    after_no_blank: bool,
}

/// What the format or layout wanted; letters are those of directives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Char(char),
    Digit {
        letter: u8,
    },
    Range {
        letter: u8,
        min: u16,
        max: u16,
    },
    Month {
        letter: u8,
    },
    Weekday {
        letter: u8,
    },
    Meridiem,
    Epoch,
    Offset,
    /// Text for an element of a layout.
    Element(Element),
    ElementRange {
        element: Element,
        min: u16,
        max: u16,
    },
    LayoutFraction {
        digits: u8,
    },
    ExistingDay,
    Count {
        unit: Unit,
    },
    End,
}

impl Mismatch {
    /// `rest` is what is left of the value, beginning at its byte `at`.
    #[cold]
    #[inline(never)]
    pub(crate) fn new(at: usize, rest: &[u8], expected: Expected) -> Self {
        let mut found = [0; FOUND_BYTES];
        let found_len = rest.len().min(FOUND_BYTES);
        found[..found_len].copy_from_slice(&rest[..found_len]);
        Self { at, expected, found, found_len: found_len as u8, after_no_blank: false }
    }

    /// The same mismatch; `after_no_blank` says that the format has a blank before it, for which the value has none.
    pub(crate) fn with_blank(self, after_no_blank: bool) -> Self {
        Self { after_no_blank, ..self }
    }

    /// Returns the byte of the value at which it differs from the format; the length of the value if it is too short.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns the part of the value that is not what the format expects: a character, a number or a word.
    fn found(&self) -> &[u8] {
        let rest = &self.found[..usize::from(self.found_len)];
        let len = match self.expected {
            Expected::Char(_) | Expected::Digit { .. } | Expected::End => first_char_len(rest),
            Expected::Range { .. } | Expected::ElementRange { .. } | Expected::Epoch | Expected::ExistingDay => {
                run_len(rest, |byte| byte.is_ascii_digit())
            }
            _ => run_len(rest, |byte| !byte.is_ascii_whitespace()),
        };
        &rest[..len.max(first_char_len(rest))]
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: expected {} ", self.at, self.expected)?;
        if self.found_len == 0 {
            return f.write_str("but the value ends");
        }
        f.write_str("but found \"")?;
        for chunk in self.found().utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_str("\"")?;
        // Who wrote a blank for one character would not see what is wrong otherwise.
        if self.after_no_blank { f.write_str(AFTER_NO_BLANK) } else { Ok(()) }
    }
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(char) => write!(f, "{:?}", char.encode_utf8(&mut [0; 4])),
            Self::Digit { letter } => write!(f, "a digit for %{}", char::from(*letter)),
            Self::Range { letter, min, max } => write!(f, "{min} to {max} for %{}", char::from(*letter)),
            Self::Month { letter } => write!(f, "a month name for %{}", char::from(*letter)),
            Self::Weekday { letter } => write!(f, "a weekday name for %{}", char::from(*letter)),
            Self::Meridiem => f.write_str("AM or PM for %p"),
            Self::Epoch => f.write_str("seconds other than 0 for %s"),
            Self::Offset => f.write_str("an offset such as +08:00 or Z for %z"),
            Self::Element(element) => write!(f, "{} for {}", element.wanted(), element.text()),
            Self::ElementRange { element, min, max } => write!(f, "{min} to {max} for {}", element.text()),
            Self::LayoutFraction { digits: 1 } => f.write_str("a point or comma and 1 digit"),
            Self::LayoutFraction { digits } => write!(f, "a point or comma and {digits} digits"),
            Self::Count { unit } => write!(f, "a whole number of {}", format!("{unit:?}").to_ascii_lowercase()),
            Self::ExistingDay => f.write_str("a day that the calendar has"),
            Self::End => f.write_str("the end of the value"),
        }
    }
}

fn run_len(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&byte| belongs(byte)).count()
}

/// Returns the length of the first character, or 1 if it is not UTF-8.
fn first_char_len(bytes: &[u8]) -> usize {
    let first = bytes.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    first.map_or(bytes.len().min(1), char::len_utf8)
}

const AFTER_NO_BLANK: &str = "; the blank before it in the format matches any number of blanks, here none";

/// Bytes of the value kept for the message: the longest name is `September`.
const FOUND_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        let check = |expected, rest: &[u8], message: &str| {
            assert_eq!(Mismatch::new(7, rest, expected).to_string(), format!("at byte 7: {message}"));
        };
        check(Expected::Char(','), b".123", r#"expected "," but found ".""#);
        check(Expected::Char(','), b" 123", r#"expected "," but found " ""#);
        check(Expected::Char(','), b"", r#"expected "," but the value ends"#);
        check(Expected::Char('"'), b"\t", r#"expected "\"" but found "\t""#);
        check(Expected::Char('年'), "月1".as_bytes(), r#"expected "年" but found "月""#);
        check(Expected::Char('T'), b"\xff\xfe", r#"expected "T" but found "\xff""#);
        check(Expected::Digit { letter: b'f' }, b"", "expected a digit for %f but the value ends");
        check(Expected::Digit { letter: b'S' }, b"x12", r#"expected a digit for %S but found "x""#);
        check(Expected::Range { letter: b'H', min: 0, max: 23 }, b"24:00", r#"expected 0 to 23 for %H but found "24""#);
        let month = Expected::Month { letter: b'b' };
        check(month, b"Okt 26", r#"expected a month name for %b but found "Okt""#);
        check(month, b"\xc3\xa4\xc3", r#"expected a month name for %b but found "ä\xc3""#);
        check(month, b" Oct", r#"expected a month name for %b but found " ""#);
        check(Expected::Epoch, b"0", r#"expected seconds other than 0 for %s but found "0""#);
        let blank = Mismatch::new(7, b",1", Expected::Digit { letter: b'f' }).with_blank(true).to_string();
        assert_eq!(blank, format!(r#"at byte 7: expected a digit for %f but found ","{AFTER_NO_BLANK}"#));
        check(Expected::Offset, b"+8 x", r#"expected an offset such as +08:00 or Z for %z but found "+8""#);
    }
}
