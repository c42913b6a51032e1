//! Standard output and error: each line goes to the processor's log.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::pipe::SinkOutputStream;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::super::bindings::loglift::processor::host::Level;
use super::super::guest_log::GuestLog;

/// Where lines go.
#[derive(Clone)]
pub(super) struct Output {
    log: Arc<GuestLog>,
    level: Level,
}

/// Bytes on their way to becoming lines.
struct Lines {
    output: Output,
    /// The line that has not ended yet.
    line: Vec<u8>,
}

impl Output {
    pub(super) fn new(log: &Arc<GuestLog>, level: Level) -> Self {
        Self { log: Arc::clone(log), level }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only a later WASI asks for it, which is not linked.
        SinkOutputStream.async_stream()
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { output: self.clone(), line: Vec::new() })
    }
}

impl Lines {
    fn end_line(&mut self) {
        self.output.log.write(self.output.level, &String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            // More is not shown of a line anyway.
            let room = MAX_LINE_BYTES - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if parts.peek().is_some() {
                self.end_line();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE_BYTES)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}

/// What is kept of a line that has not ended.
const MAX_LINE_BYTES: usize = 4096;

/// What can be written at a time.
const MAX_WRITE_BYTES: usize = 64 << 10;
