//! Why a text is not a JSON object, in words.

use std::fmt::Write;

/// The first byte that does not fit, and what would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Where it is in the arena.
    pub(crate) at: usize,
    pub(crate) expected: Expected,
}

/// What a parser was looking for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Object,
    Key,
    KeyOrBrace,
    Colon,
    Value,
    ValueOrBracket,
    CommaOrBrace,
    CommaOrBracket,
    End,
    Digit,
    Literal(&'static str),
    LessDepth,
    StringByte,
    Utf8,
    Escape,
    HexDigit,
    HighSurrogate,
    LowSurrogate,
}

impl Failure {
    /// One line about `text`, which begins at `start` in the arena.
    pub(crate) fn describe(&self, text: &[u8], start: usize) -> String {
        let at = self.at - start;
        let mut line = format!("at byte {at}: expected {} but found ", self.expected.words());
        let rest = text.get(at..).unwrap_or_default();
        let found = match (rest, first_char(rest)) {
            ([], _) => write!(line, "the end"),
            (_, Some(BYTE_ORDER_MARK)) => write!(line, "a byte order mark"),
            (_, Some(char)) if !char.is_control() => write!(line, "\"{char}\""),
            ([byte, ..], _) => write!(line, "byte 0x{byte:02x}"),
        };
        found.expect("a string takes all text");
        line
    }
}

impl Expected {
    fn words(self) -> &'static str {
        match self {
            Self::Object => r#""{""#,
            Self::Key => "a key in quotes",
            Self::KeyOrBrace => r#"a key in quotes or "}""#,
            Self::Colon => r#"":""#,
            Self::Value => "a value",
            Self::ValueOrBracket => r#"a value or "]""#,
            Self::CommaOrBrace => r#""," or "}""#,
            Self::CommaOrBracket => r#""," or "]""#,
            Self::End => "the end",
            Self::Digit => "a digit",
            Self::Literal(word) => word,
            Self::LessDepth => "fewer levels of nesting (1024 is the limit)",
            Self::StringByte => "the rest of a string (control characters need an escape such as \\n)",
            Self::Utf8 => "UTF-8",
            Self::Escape => r#"one of "\/bfnrtu after the backslash"#,
            Self::HexDigit => r"four hexadecimal digits after \u",
            Self::HighSurrogate => r"a high surrogate (\ud800 to \udbff) before a low one",
            Self::LowSurrogate => r"a low surrogate (\udc00 to \udfff) after the high one",
        }
    }
}

fn first_char(bytes: &[u8]) -> Option<char> {
    bytes.utf8_chunks().next()?.valid().chars().next()
}

const BYTE_ORDER_MARK: char = '\u{feff}';
