//! Writes recordings, line by line.

use super::{End, Header, Line, RecordedBatch};

/// Appends the first line.
pub fn encode_header(header: Header, out: &mut Vec<u8>) {
    append(&Line::Header(Box::new(header)), out);
}

/// Appends the line of a batch, unless that could not be read again: it would be longer than [`LONGEST_LINE_BYTES`], or its
/// ranges overlap too much. Returns whether it is there.
#[must_use]
pub fn encode_batch(batch: RecordedBatch, out: &mut Vec<u8>) -> bool {
    if batch.check().is_err() {
        return false;
    }
    let before = out.len();
    append(&Line::Batch(Box::new(batch)), out);
    let fits = out.len() - before <= LONGEST_LINE_BYTES;
    if !fits {
        out.truncate(before);
    }
    fits
}

/// Appends the last line.
pub fn encode_end(end: End, out: &mut Vec<u8>) {
    append(&Line::End(end), out);
}

fn append(line: &Line, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, line).expect("maps have keys of text, and memory takes what is written");
    out.push(b'\n');
}

/// No line of a recording is longer, its end included. A batch of the largest chunk, whose text takes several times its room
/// in JSON, is far below.
pub const LONGEST_LINE_BYTES: usize = 64 << 20;
