//! `flusher_stdout`: one JSON object a line on standard output.

use std::io;

use super::json_lines::{Encoder, Shape};
use super::{Flusher, Unwritten};
use crate::event::EventBatch;

/// Writes events to standard output.
#[derive(Debug)]
pub struct Stdout {
    encoder: Encoder,
    unwritten: Unwritten,
}

impl Stdout {
    /// A flusher that shows events in `shape`.
    pub fn new(shape: Shape) -> Self {
        Self { encoder: Encoder::new(shape), unwritten: Unwritten::default() }
    }
}

impl Flusher for Stdout {
    fn take(&mut self, batch: &EventBatch) -> io::Result<()> {
        self.encoder.encode(batch, &mut self.unwritten.bytes);
        self.retry()
    }

    fn retry(&mut self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        self.unwritten.write_to(&mut stdout)?;
        io::Write::flush(&mut stdout)
    }

    fn is_final(&self, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::BrokenPipe
    }
}
