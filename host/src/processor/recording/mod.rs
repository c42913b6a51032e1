//! Recordings: batches of one processor with all that it takes to process them again, on any machine.
//!
//! A recording is text, one JSON object a line: a [`Header`], then a [`RecordedBatch`] for each call of the processor,
//! then an [`End`], without which the file was cut short.
//!
//! ```text
//! {"header":{"format":1,"kind":"quarantine","contract":"loglift:processor/columnar@0.1.0",...}}
//! {"batch":{"place":{...},"lent":{...},"granted":[],"outcome":{"fault":{...}}}}
//! {"end":{"batches":1,"skipped_batches":0,"reason":"complete"}}
//! ```
//!
//! What a processor answers follows from its bytes (the digest), its config, its context, the zones that it asked for and
//! its batches. All of these are here, so that a [`Player`] gets the same answers anywhere. Bytes are text where they are
//! UTF-8, and base64 elsewhere.
//!
//! Whoever reads a recording trusts nothing in it: every number is checked before a batch is made of it.

mod answer;
mod batch;
mod bytes;
mod header;
mod player;
mod read;
mod write;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use answer::RecordedAnswer;
pub use batch::{Lent, Outcome, Place, RecordedBatch, RecordedFault, RecordedMemory};
pub use bytes::Bytes;
pub use header::{ComponentFacts, ContextFacts, Granted, Header, Kind, LimitFacts, ZoneData};
pub use player::{Played, Player};
pub use read::{ReadError, Reader};
pub use write::{LONGEST_LINE_BYTES, encode_batch, encode_end, encode_header};

use serde::{Deserialize, Serialize};

/// How a recording ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many batches it has.
    pub batches: u64,
    /// How many batches there were meanwhile that are not in it.
    pub skipped_batches: u64,
    /// Why it ends here.
    pub reason: String,
}

/// One line of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Header(Box<Header>),
    Batch(Box<RecordedBatch>),
    End(End),
}
