//! Turns chunks of bytes into batches.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::frame::{Framer, Framing, Record};
use super::multiline::Unmatched;
use crate::event::{CONTENT, EventBatch, Offset, Position, Provenance, Signature, Source, Tags};

/// Reads one source chunk by chunk. Each chunk becomes the arena of one batch; only the unfinished record at its end is
/// copied, to the front of the next.
#[derive(Debug)]
pub struct Chunker {
    source: Arc<Source>,
    tags: Vec<(String, String)>,
    framer: Framer,
    /// What was read and is no whole record yet.
    rest: Vec<u8>,
    /// Where `rest` starts in the source.
    start: Offset,
    /// The last record was taken before its line end, which is to be skipped when it comes.
    skip_line_end: bool,
    /// The last bytes before `start`, by which they are known again.
    tail: Vec<u8>,
}

/// Something that a person should hear of.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// The file was truncated; it is read from its start.
    Truncated {
        /// How many bytes it had that were not read yet.
        lost_bytes: u64,
    },
    /// The file is gone, before it was read to its end.
    Gone {
        /// How many bytes it had that were not read yet.
        lost_bytes: u64,
    },
    /// So many records were too long and cut into pieces.
    Cut(u64),
    /// Lines belonged to no record by the patterns of the config, and were dropped or taken as records of their own.
    Unmatched {
        /// How many, and the first of them.
        unmatched: Unmatched,
        /// They were dropped.
        discarded: bool,
    },
}

/// What a person should hear of, with the path of the file.
pub type Notices = Vec<(PathBuf, Notice)>;

impl Notice {
    /// The kind of the alarm that it is, what that says, and how many records it stands for.
    pub fn describe(&self) -> (&'static str, String, u64) {
        match self {
            Self::Truncated { lost_bytes: 0 } => {
                ("LOG_TRUNCATE_ALARM", "the file was truncated; it is read from its start".to_owned(), 1)
            }
            Self::Truncated { lost_bytes } => {
                let message = format!(
                    "the file was truncated before its last {lost_bytes} bytes were read, and no copy of them is \
                     beside it: they are lost; it is read from its start"
                );
                ("LOG_TRUNCATE_ALARM", message, 1)
            }
            Self::Gone { lost_bytes } => {
                let message = format!("the file is gone before its last {lost_bytes} bytes were read: they are lost");
                ("DROP_LOG_ALARM", message, 1)
            }
            Self::Cut(records) => {
                let message =
                    format!("a record is longer than {MAX_RECORD_BYTES} bytes; it is cut into several events");
                ("SPLIT_LOG_FAIL_ALARM", message, *records)
            }
            Self::Unmatched { unmatched, discarded } => {
                let fate = if *discarded { "it is dropped" } else { "it is an event of its own" };
                let line = String::from_utf8_lossy(&unmatched.first);
                let message = format!("a line matches no pattern of Multiline; {fate}: {line:?}");
                ("SPLIT_LOG_FAIL_ALARM", message, unmatched.lines)
            }
        }
    }
}

impl Chunker {
    /// A chunker that goes on where `source` has come to, and whose batches carry `tags`.
    pub fn new(source: Arc<Source>, tags: Vec<(String, String)>, framing: Framing) -> Self {
        let position = source.progress.committed();
        Self {
            source,
            tags,
            framer: Framer::new(framing, MAX_RECORD_BYTES),
            rest: Vec::new(),
            start: position.offset,
            skip_line_end: position.mid_record,
            tail: Vec::new(),
        }
    }

    /// The bytes just before [`Self::read_to`], as far as they were read: if the file has others there, it is not the same
    /// any more.
    pub fn last_bytes(&self) -> Vec<u8> {
        let bytes = [self.tail.as_slice(), &self.rest[self.rest.len().saturating_sub(TAIL_BYTES)..]].concat();
        bytes[bytes.len().saturating_sub(TAIL_BYTES)..].to_vec()
    }

    /// Where the next byte to read is.
    pub fn read_to(&self) -> Offset {
        Offset(self.start.0 + self.rest.len() as u64)
    }

    /// How many bytes the unfinished record has that waits for its end.
    pub fn rest_bytes(&self) -> usize {
        self.rest.len()
    }

    /// The last byte of the unfinished record that waits for its end, if there is one.
    pub fn last_rest_byte(&self) -> Option<u8> {
        self.rest.last().copied()
    }

    /// What the batches come from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What a person should hear of since the last call.
    pub fn take_notices(&mut self, notices: &mut Notices) {
        let cut_records = self.framer.take_cut_records();
        let cut = (cut_records > 0).then_some(Notice::Cut(cut_records));
        let unmatched = self.framer.take_unmatched();
        let unmatched = unmatched.map(|(unmatched, discarded)| Notice::Unmatched { unmatched, discarded });
        notices.extend(cut.into_iter().chain(unmatched).map(|notice| (self.source.path.clone(), notice)));
    }

    /// Reads up to [`CHUNK_BYTES`] and returns how many bytes came, and the records that are complete.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read(&mut self, reader: &mut impl Read) -> io::Result<(usize, Option<EventBatch>)> {
        self.read_at_most(reader, CHUNK_BYTES)
    }

    /// As [`Self::read`], when it is known that no more than `limit_bytes` will come: the batch takes no more memory than
    /// they need.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read_at_most(
        &mut self,
        reader: &mut impl Read,
        limit_bytes: usize,
    ) -> io::Result<(usize, Option<EventBatch>)> {
        let limit_bytes = limit_bytes.min(CHUNK_BYTES);
        let mut bytes = Vec::with_capacity(self.rest.len() + limit_bytes + ROOM_FOR_TAGS_BYTES);
        bytes.append(&mut self.rest);
        let before = bytes.len();
        bytes.resize(before + limit_bytes, 0);
        // One call: what a pipe has is handed on before more of it comes.
        let read = loop {
            match reader.read(&mut bytes[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(came) => Ok((came, self.batch(bytes, false))),
            Err(error) => {
                self.rest = bytes;
                Err(error)
            }
        }
    }

    /// Takes what waits for its end as a record of its own.
    pub fn finish(&mut self) -> Option<EventBatch> {
        let rest = std::mem::take(&mut self.rest);
        self.batch(rest, true)
    }

    fn batch(&mut self, mut bytes: Vec<u8>, at_end: bool) -> Option<EventBatch> {
        let mut records = Vec::with_capacity(bytes.len() / USUAL_RECORD_BYTES);
        let skipped = usize::from(self.skip_line_end && bytes.first() == Some(&b'\n'));
        let consumed = skipped + self.framer.frame(&bytes[skipped..], at_end, &mut records);
        if at_end || !bytes.is_empty() {
            self.skip_line_end = at_end && bytes.last() != Some(&b'\n');
        }
        if skipped > 0 {
            records.iter_mut().for_each(|record| *record = Record { start: record.start + 1, end: record.end + 1 });
        }
        self.rest.extend_from_slice(&bytes[consumed..]);
        bytes.truncate(consumed);
        let start = self.start;
        self.start.0 += consumed as u64;
        if consumed > 0 {
            self.keep_tail(&bytes);
            let end = Position { offset: self.start, mid_record: self.skip_line_end, tail: Signature::of(&self.tail) };
            self.source.progress.begin(start, end);
            if records.is_empty() {
                self.source.progress.end(start, if self.framer.discards_unmatched() { consumed as u64 } else { 0 });
            }
        }
        (!records.is_empty()).then(|| self.event_batch(bytes, &records, start))
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        if bytes.len() >= TAIL_BYTES {
            self.tail.clear();
        }
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
    }

    fn event_batch(&self, bytes: Vec<u8>, records: &[Record], start: Offset) -> EventBatch {
        let read_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
        let mut batch = EventBatch {
            source: Arc::clone(&self.source),
            seconds: vec![read_seconds; records.len()],
            nanoseconds: vec![0; records.len()],
            names: Vec::new(),
            field_counts: vec![1; records.len()],
            keys: vec![0; records.len()],
            values: records.iter().flat_map(|r| [r.start as u32, (r.end - r.start) as u32]).collect(),
            tags: Tags::default(),
            read_seconds,
            provenance: Provenance {
                start,
                end: Offset(start.0 + bytes.len() as u64),
                records: records.iter().map(|record| record.start as u32).collect(),
                origins: None,
                merged: Vec::new(),
            },
            bytes,
        };
        let content = batch.append(CONTENT);
        batch.names.extend(content);
        for (name, value) in &self.tags {
            let (name, value) = (batch.append(name.as_bytes()), batch.append(value.as_bytes()));
            batch.tags.names.extend(name);
            batch.tags.values.extend(value);
        }
        batch
    }
}

/// How much is read at once: enough to make the cost of a call into a processor vanish, little enough that arena and
/// columns stay in the cache of a core.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// A longer record is cut into several events. LoongCollector's `max_read_buffer_size`, so that the pieces are the same.
pub const MAX_RECORD_BYTES: usize = 512 * 1024;

/// How many bytes before a position are its signature. Few, since they are hashed for each batch.
const TAIL_BYTES: usize = 256;

/// Room behind a chunk for names and tags, so that appending them does not move it.
const ROOM_FOR_TAGS_BYTES: usize = 1024;

/// Only a guess for the capacity of columns.
const USUAL_RECORD_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunker(framing: Framing) -> Chunker {
        Chunker::new(
            Arc::new(Source::new("app.log".into(), None)),
            vec![("__path__".into(), "app.log".into())],
            framing,
        )
    }

    fn contents(batch: Option<EventBatch>) -> Vec<String> {
        batch.map_or(Vec::new(), |batch| {
            let values = batch.values.chunks_exact(2);
            values.map(|span| String::from_utf8_lossy(batch.slice(span[0], span[1])).into_owned()).collect()
        })
    }

    #[test]
    fn an_unfinished_line_waits_for_its_end() {
        let mut chunker = chunker(Framing::Lines);
        let (came, batch) = chunker.read(&mut &b"one\ntw"[..]).expect("a slice can be read");
        assert_eq!((came, contents(batch)), (6, vec!["one".to_owned()]));
        assert_eq!(chunker.read_to(), Offset(6));
        let (_, batch) = chunker.read(&mut &b"o\nthree"[..]).expect("a slice can be read");
        let batch = batch.expect("a line is complete");
        assert_eq!((batch.provenance.start, batch.provenance.end), (Offset(4), Offset(8)));
        assert_eq!(contents(Some(batch)), ["two"]);
        assert_eq!(contents(chunker.finish()), ["three"]);
    }

    #[test]
    fn a_line_taken_early_leaves_no_empty_line_behind() {
        let mut chunker = chunker(Framing::Lines);
        assert_eq!(contents(chunker.read(&mut &b"abc"[..]).expect("a slice can be read").1), [""; 0]);
        assert_eq!(contents(chunker.finish()), ["abc"]);
        assert_eq!(contents(chunker.read(&mut &b"\ndef\n"[..]).expect("a slice can be read").1), ["def"]);
    }

    #[test]
    fn long_lines_are_cut_and_their_neighbours_stay_whole() {
        let long = "x".repeat(2 * MAX_RECORD_BYTES + 10);
        let text = format!("before\n{long}\nafter\n");
        let mut reader = text.as_bytes();
        let mut chunker = chunker(Framing::Lines);
        let mut found = Vec::new();
        loop {
            let (came, batch) = chunker.read(&mut reader).expect("a slice can be read");
            found.extend(contents(batch));
            if came == 0 {
                break;
            }
        }
        let lengths: Vec<usize> = found.iter().map(String::len).collect();
        assert_eq!(lengths, [6, MAX_RECORD_BYTES, MAX_RECORD_BYTES, 10, 5]);
        let mut notices = Vec::new();
        chunker.take_notices(&mut notices);
        assert_eq!(notices, [(PathBuf::from("app.log"), Notice::Cut(1))]);
        assert_eq!(chunker.rest_bytes(), 0);
    }

    #[test]
    fn a_small_append_makes_a_small_batch() {
        let mut chunker = chunker(Framing::Lines);
        let (came, batch) = chunker.read_at_most(&mut &b"one\ntwo\n"[..], 4).expect("a slice can be read");
        let batch = batch.expect("a line is complete");
        assert_eq!(came, 4);
        assert!(batch.bytes.capacity() < 2 * ROOM_FOR_TAGS_BYTES, "{} bytes", batch.bytes.capacity());
        assert_eq!(contents(Some(batch)), ["one"]);
        let (came, _) = chunker.read_at_most(&mut &vec![b'x'; 2 * CHUNK_BYTES][..], usize::MAX).expect("a slice");
        assert_eq!(came, CHUNK_BYTES);
    }

    #[test]
    fn tags_and_offsets_belong_to_the_batch() {
        let mut chunker = chunker(Framing::Lines);
        let (_, batch) = chunker.read(&mut &b"one\ntwo\n"[..]).expect("a slice can be read");
        let batch = batch.expect("two lines");
        assert_eq!(batch.tags().collect::<Vec<_>>(), [(&b"__path__"[..], &b"app.log"[..])]);
        assert_eq!((batch.offset(0), batch.offset(1)), (Offset(0), Offset(4)));
        assert_eq!(batch.name(0), Some(CONTENT));
    }
}
