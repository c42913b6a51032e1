//! Why a text does not have the columns it should, in words.

use std::fmt::Write;

/// What is wrong with a text. Places are offsets into the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is a quote in a column that does not begin with one.
    QuoteWithin { at: usize },
    /// A column goes on behind its closing quote.
    AfterQuote { at: usize },
    /// The quote that opens a column has no partner.
    Unclosed { at: usize },
    /// There are fewer columns than keys.
    TooFew { columns: usize, keys: usize },
    /// There is no key at all.
    NoKeys,
}

impl Failure {
    /// One line about `text`, which begins at `start` in the arena.
    pub(crate) fn describe(self, text: &[u8], start: usize, separator: &[u8]) -> String {
        match self {
            Self::QuoteWithin { at } => {
                let at = at - start;
                format!("at byte {at}: a quote within a column that does not begin with one")
            }
            Self::AfterQuote { at } => {
                let (at, separator) = (at - start, show(separator));
                let found = show(text[at..].utf8_chunks().next().map_or(&[], |chunk| {
                    let char = chunk.valid().chars().next().map_or(1, char::len_utf8);
                    &text[at..at + char]
                }));
                format!("at byte {at}: expected {separator} or the end behind the closing quote but found {found}")
            }
            Self::Unclosed { at } => format!("at byte {}: this quote is never closed", at - start),
            Self::TooFew { columns, keys } => {
                format!("at byte {}: expected {keys} columns but found the end after {columns}", text.len())
            }
            Self::NoKeys => "Keys is empty".to_owned(),
        }
    }
}

/// Bytes in quotes, those that cannot be shown by their numbers.
fn show(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => format!("\"{text}\""),
        _ => bytes.iter().fold("byte".to_owned(), |mut shown, byte| {
            write!(shown, " 0x{byte:02x}").expect("a string takes all text");
            shown
        }),
    }
}
