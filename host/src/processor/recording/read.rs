//! Reads recordings, whoever wrote them.

use std::io::{self, BufRead, Read};

use serde::Deserialize;

use super::header::FORMAT;
use super::write::LONGEST_LINE_BYTES;
use super::{End, Header, Line, RecordedBatch};

/// Reads one recording, batch by batch.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// How many lines were read.
    line: u64,
    batches: u64,
    /// What all batches have in common.
    pub header: Header,
    end: Option<End>,
}

/// Why a recording cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read at all.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// It does not begin like one.
    #[error("is not a recording")]
    NotARecording,
    /// A later agent wrote it.
    #[error("is a recording of format {found}; this agent knows {FORMAT}")]
    Format {
        /// The version of its format.
        found: u32,
    },
    /// A line is damaged.
    #[error("line {line}: {message}")]
    Damaged {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The last line is missing.
    #[error("is cut short after line {line}")]
    CutShort {
        /// The number of the last line that is there.
        line: u64,
    },
}

/// The first line, as any version has it.
#[derive(Deserialize)]
struct FirstLine {
    header: AnyHeader,
}

#[derive(Deserialize)]
struct AnyHeader {
    format: u32,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let text = line_of(&mut input, 1)?.ok_or(ReadError::NotARecording)?;
        let FirstLine { header: any } = serde_json::from_slice(&text).map_err(|_| ReadError::NotARecording)?;
        if any.format != FORMAT {
            return Err(ReadError::Format { found: any.format });
        }
        let Line::Header(header) = parse(&text, 1)? else { return Err(ReadError::NotARecording) };
        header.check().map_err(|message| ReadError::Damaged { line: 1, message })?;
        Ok(Self { input, line: 1, batches: 0, header: *header, end: None })
    }

    /// The next batch, in which nothing is out of range; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError`], after which nothing more can be read.
    pub fn next_batch(&mut self) -> Result<Option<RecordedBatch>, ReadError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let text = line_of(&mut self.input, self.line + 1)?.ok_or(ReadError::CutShort { line: self.line })?;
        self.line += 1;
        let damaged = |message: String| ReadError::Damaged { line: self.line, message };
        match parse(&text, self.line)? {
            Line::Header(_) => Err(damaged("a second header".to_owned())),
            Line::Batch(batch) => {
                batch.check().map_err(damaged)?;
                self.batches += 1;
                Ok(Some(*batch))
            }
            Line::End(end) if end.batches != self.batches => {
                Err(damaged(format!("it counts {} batches, there are {}", end.batches, self.batches)))
            }
            Line::End(end) => {
                self.end = Some(end);
                Ok(None)
            }
        }
    }

    /// How it ends, once that was read.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }
}

fn parse(text: &[u8], line: u64) -> Result<Line, ReadError> {
    serde_json::from_slice(text).map_err(|error| ReadError::Damaged { line, message: plain(&error) })
}

/// What is wrong, without the line of the text, which is always the first.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    format!("{} at column {}", crate::telemetry::one_line(message), error.column())
}

/// The bytes of a line without its end. `None` where there are no more.
fn line_of(input: &mut impl BufRead, line: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let mut text = Vec::new();
    input.by_ref().take(LONGEST_LINE_BYTES as u64).read_until(b'\n', &mut text)?;
    match text.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(text)),
        // The one that was cut counts as missing.
        Some(_) if text.len() + 1 < LONGEST_LINE_BYTES => Err(ReadError::CutShort { line: line - 1 }),
        Some(_) => Err(ReadError::Damaged { line, message: "too long".to_owned() }),
    }
}
