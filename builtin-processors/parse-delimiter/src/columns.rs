//! Splits a text into columns. Nothing is built: a column is a range of the arena.

use crate::failure::Failure;
use crate::scan::Marks;

/// The columns of one text, from left to right.
pub(crate) trait Columns: Clone {
    /// Where the next column is, if it makes no use of quotes. None otherwise: then [`Self::unusual`] tells more. The two
    /// are apart to keep the way of most columns short.
    fn simple(&mut self) -> Option<(usize, usize)>;

    /// The next column after [`Self::simple`] had none, or None after the last. There is at least one.
    fn unusual(&mut self) -> Result<Option<Column>, Failure>;

    /// Where the separator before the next column is; the end of the text or more if there is no next column.
    ///
    /// Not to be asked before the first column.
    fn separator_at(&self) -> usize;

    /// The next column, or None after the last.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<Column>, Failure> {
        match self.simple() {
            Some((start, end)) => Ok(Some(Column { start, end, quotes: Quotes::Absent })),
            None => self.unusual(),
        }
    }
}

/// What is between two separators, without the quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) quotes: Quotes,
}

/// How a column makes use of quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// Not at all.
    Absent,
    /// They are around it.
    Around,
    /// They are around it, and each within it is written twice.
    Doubled,
}

/// Columns that may be in quotes, between separators of one byte.
#[derive(Debug, Clone)]
pub(crate) struct Quoted<'a> {
    /// The arena up to the end of the text.
    text: &'a [u8],
    marks: Marks<'a>,
    separator: u8,
    quote: u8,
    /// Where the next column begins; past the end of the text if there is none.
    at: usize,
}

/// Columns between separators of one or more bytes, in which quotes mean nothing.
#[derive(Debug, Clone)]
pub(crate) struct Plain<'a> {
    text: &'a [u8],
    marks: Marks<'a>,
    separator: &'a [u8],
    at: usize,
}

impl<'a> Quoted<'a> {
    #[inline(always)]
    pub(crate) fn new(arena: &'a [u8], start: usize, end: usize, separator: u8, quote: u8) -> Self {
        let marks = Marks::new(arena, start, end, [separator, quote]);
        Self { text: &arena[..end], marks, separator, quote, at: start }
    }

    /// The rest of a column behind its opening quote.
    #[inline(always)]
    fn quoted(&mut self) -> Result<Option<Column>, Failure> {
        let opening = self.marks.next();
        let mut quotes = Quotes::Around;
        loop {
            let mark = self.marks.next();
            match self.text.get(mark) {
                None => return Err(Failure::Unclosed { at: opening }),
                Some(byte) if *byte != self.quote => continue,
                Some(_) => {}
            }
            match self.text.get(mark + 1) {
                None => {}
                Some(byte) if *byte == self.separator => {
                    self.marks.next();
                }
                Some(byte) if *byte == self.quote => {
                    self.marks.next();
                    quotes = Quotes::Doubled;
                    continue;
                }
                Some(_) => return Err(Failure::AfterQuote { at: mark + 1 }),
            }
            self.at = mark + 2;
            return Ok(Some(Column { start: opening + 1, end: mark, quotes }));
        }
    }
}

impl Columns for Quoted<'_> {
    #[inline(always)]
    fn simple(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        if start > self.text.len() || self.text.get(start) == Some(&self.quote) {
            return None;
        }
        let end = self.marks.next();
        if self.text.get(end) == Some(&self.quote) {
            self.marks.take_back(end);
            return None;
        }
        self.at = end + 1;
        Some((start, end))
    }

    #[inline(always)]
    fn unusual(&mut self) -> Result<Option<Column>, Failure> {
        if self.at > self.text.len() {
            Ok(None)
        } else if self.text.get(self.at) == Some(&self.quote) {
            self.quoted()
        } else {
            Err(Failure::QuoteWithin { at: self.marks.next() })
        }
    }

    #[inline(always)]
    fn separator_at(&self) -> usize {
        self.at - 1
    }
}

impl<'a> Plain<'a> {
    #[inline(always)]
    pub(crate) fn new(arena: &'a [u8], start: usize, end: usize, separator: &'a [u8]) -> Self {
        let marks = Marks::new(arena, start, end, [separator[0]; 2]);
        Self { text: &arena[..end], marks, separator, at: start }
    }

    #[inline(always)]
    fn is_separator(&self, at: usize) -> bool {
        let rest = &self.separator[1..];
        at >= self.at && rest.iter().enumerate().all(|(place, byte)| self.text.get(at + 1 + place) == Some(byte))
    }
}

impl Columns for Plain<'_> {
    #[inline(always)]
    fn simple(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        if start > self.text.len() {
            return None;
        }
        let mut end = self.marks.next();
        while end < self.text.len() && !self.is_separator(end) {
            end = self.marks.next();
        }
        self.at = end + self.separator.len();
        Some((start, end))
    }

    fn unusual(&mut self) -> Result<Option<Column>, Failure> {
        Ok(None)
    }

    #[inline(always)]
    fn separator_at(&self) -> usize {
        self.at - self.separator.len()
    }
}
