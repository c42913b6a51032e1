//! Turns chunks of bytes into batches.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::event::{EventBatch, Loss, Offset, Position, Signature, Source};
use crate::input::records::columns::Columns;
use crate::input::records::file_tags::FileTags;
use crate::input::records::frame::{Framer, Framing, Record};
use crate::input::records::gbk::Transcoder;
use crate::input::records::multiline::Unmatched;
use crate::input::records::tags::{self, Machine, TagSpec};
use crate::input::records::topic::Topic;
use crate::input::records::whole_file;

/// What the events of an input look like.
#[derive(Debug, Clone, Default)]
pub struct EventSpec {
    /// What a record is.
    pub framing: Framing,
    /// What its bytes are.
    pub encoding: Encoding,
    /// The field that holds the offset of the record.
    pub offset_key: Option<String>,
    /// The tags.
    pub tags: TagSpec,
    /// What tags know of the machine.
    pub machine: Arc<Machine>,
    /// The tags that an operator keeps in a file.
    pub file_tags: Option<Arc<FileTags>>,
    /// The topic, a tag as well.
    pub topic: Topic,
    /// Tags are fields of each event instead, called `__tag__:NAME`.
    pub tags_are_fields: bool,
    /// When lines are read, in Unix seconds, for those who want the same events each time. `None`: as the clock says.
    pub read_seconds: Option<i64>,
}

/// What the bytes of a source are. Events hold UTF-8, or any bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or any bytes: taken as they are.
    #[default]
    Utf8,
    /// GBK.
    Gbk,
}

/// Reads one source chunk by chunk. Each chunk becomes the arena of one batch; only the unfinished record at its end is
/// copied, to the front of the next.
#[derive(Debug)]
pub struct Chunker {
    columns: Columns,
    framer: Framer,
    /// Where what is not UTF-8 is decoded. It has the source of `rest`, and what comes behind that.
    transcoder: Option<Transcoder>,
    /// What was read, and decoded, and is no whole record yet.
    rest: Vec<u8>,
    /// Where `rest` starts in the source.
    start: Offset,
    /// The last record was taken before its line end, which is to be skipped when it comes.
    skip_line_end: bool,
    /// The last bytes before `start`, by which they are known again.
    tail: Vec<u8>,
    /// A pattern was to give the topic, and does not match the path.
    lacks_topic: bool,
    /// All that comes together is one record, if it is not longer than that.
    max_whole_bytes: Option<u64>,
    /// What was skipped, since the file is too large, and how large that is.
    oversize: Option<Notice>,
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
    /// Reading is far behind.
    Delayed {
        /// How many bytes were not read yet.
        unread_bytes: u64,
        /// How many of them are skipped.
        skipped_bytes: u64,
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
    /// Lines are not in the encoding of the config, and were kept as they are.
    Undecodable {
        /// How many.
        lines: u64,
        /// Where the first of them starts.
        first: Offset,
    },
    /// The pattern of the topic does not match the path: the events of the file have none.
    NoTopic,
    /// The file is larger than one that is taken as a whole may be.
    Oversize {
        /// How large it is.
        len: Offset,
        /// How many bytes of it are skipped.
        skipped_bytes: u64,
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
            Self::Delayed { unread_bytes, skipped_bytes: 0 } => {
                ("READ_LOG_DELAY_ALARM", format!("{unread_bytes} bytes are not read yet, for a minute or more"), 1)
            }
            Self::Delayed { unread_bytes, skipped_bytes } => {
                let message = format!(
                    "{unread_bytes} bytes are not read yet, more than ReadDelaySkipThresholdBytes; {skipped_bytes} of \
                     them are skipped"
                );
                ("READ_LOG_DELAY_ALARM", message, 1)
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
            Self::Undecodable { lines, first } => {
                let message = format!("the line at offset {} is not GBK; it is kept as it is", first.0);
                ("ENCODING_CONVERT_ALARM", message, *lines)
            }
            Self::NoTopic => {
                let message = "TopicFormat does not match the path; its events have no topic";
                ("CATEGORY_CONFIG_ALARM", message.to_owned(), 1)
            }
            Self::Oversize { len, skipped_bytes } => {
                let message = format!(
                    "the file has {} bytes, more than MaxWholeFileBytes; {skipped_bytes} of them are skipped",
                    len.0
                );
                ("SKIP_READ_LOG_ALARM", message, 1)
            }
        }
    }
}

impl Chunker {
    /// A chunker that goes on where `source` has come to, and whose batches carry `tags`.
    pub fn new(source: Arc<Source>, tags: Vec<(String, String)>, framing: Framing) -> Self {
        let position = source.progress.committed();
        let max_whole_bytes = match framing {
            Framing::WholeFile { max_bytes } => Some(max_bytes),
            Framing::Lines | Framing::JsonRecords | Framing::Multiline(_) => None,
        };
        let inode = source.file.map(|file| file.inode);
        let pieces_of = max_whole_bytes.map(|_| whole_file::id(&source.path, 0, inode));
        let columns = Columns {
            source,
            tags,
            file_tags: None,
            offset_key: None,
            tags_are_fields: false,
            pieces_of,
            read_seconds: None,
        };
        Self {
            columns,
            framer: Framer::new(framing, MAX_RECORD_BYTES),
            transcoder: None,
            rest: Vec::new(),
            start: position.offset,
            skip_line_end: position.mid_record,
            tail: Vec::new(),
            lacks_topic: false,
            max_whole_bytes,
            oversize: None,
        }
    }

    /// A chunker that goes on where `source` has come to, and whose batches are what `spec` says. The tags are those of the
    /// path and file that the source names.
    pub fn of(source: Arc<Source>, spec: &EventSpec) -> Self {
        let inode = source.file.map(|file| file.inode);
        let mut own_tags = tags::tags(&source.path, inode, &spec.tags, &spec.machine);
        let topic = spec.topic.tags(&source.path);
        let lacks_topic = topic.is_none();
        tags::add(&mut own_tags, topic.unwrap_or_default());
        let mut chunker = Self::new(source, own_tags, spec.framing.clone());
        chunker.columns.offset_key.clone_from(&spec.offset_key);
        chunker.columns.file_tags.clone_from(&spec.file_tags);
        chunker.columns.tags_are_fields = spec.tags_are_fields;
        chunker.columns.read_seconds = spec.read_seconds;
        chunker.transcoder = (spec.encoding == Encoding::Gbk).then(Transcoder::default);
        Self { lacks_topic, ..chunker }
    }

    /// Goes on elsewhere, where a record starts. `before` are the last bytes before that, as far as they are known.
    pub fn go_to(&mut self, start: Offset, before: Vec<u8>) {
        self.framer.reset();
        self.transcoder = self.transcoder.is_some().then(Transcoder::default);
        self.rest.clear();
        self.start = start;
        self.skip_line_end = false;
        self.tail = before;
    }

    /// The bytes just before [`Self::read_to`], as far as they were read: if the file has others there, it is not the same
    /// any more.
    pub fn last_bytes(&self) -> Vec<u8> {
        let waiting = self.waiting();
        let bytes = [self.tail.as_slice(), &waiting[waiting.len().saturating_sub(TAIL_BYTES)..]].concat();
        bytes[bytes.len().saturating_sub(TAIL_BYTES)..].to_vec()
    }

    /// Where the next byte to read is.
    pub fn read_to(&self) -> Offset {
        Offset(self.start.0 + self.waiting().len() as u64)
    }

    /// What was read of the source and is no whole record yet.
    pub fn waiting(&self) -> &[u8] {
        self.transcoder.as_ref().map_or(&self.rest, Transcoder::unconsumed)
    }

    /// What the batches come from.
    pub fn source(&self) -> &Source {
        &self.columns.source
    }

    /// What a person should hear of since the last call.
    pub fn take_notices(&mut self, notices: &mut Notices) {
        let cut_records = self.framer.take_cut_records();
        let cut = (cut_records > 0).then_some(Notice::Cut(cut_records));
        let unmatched = self.framer.take_unmatched();
        let unmatched = unmatched.map(|(unmatched, discarded)| Notice::Unmatched { unmatched, discarded });
        let undecodable = self.transcoder.as_mut().map(Transcoder::take_undecodable).unwrap_or_default();
        let undecodable = (undecodable.lines > 0)
            .then_some(Notice::Undecodable { lines: undecodable.lines, first: undecodable.first });
        let no_topic = std::mem::take(&mut self.lacks_topic).then_some(Notice::NoTopic);
        let all = [cut, unmatched, undecodable, no_topic, self.oversize.take()].into_iter().flatten();
        notices.extend(all.map(|notice| (self.columns.source.path.clone(), notice)));
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
        if let Some(transcoder) = &mut self.transcoder {
            let came = append(reader, transcoder.source(), limit_bytes)?;
            let mut text = std::mem::take(&mut self.rest);
            transcoder.decode(&mut text, false, self.start);
            return Ok((came, self.batch(text, false)));
        }
        let mut bytes = Vec::with_capacity(self.rest.len() + limit_bytes + ROOM_FOR_TAGS_BYTES);
        bytes.append(&mut self.rest);
        match append(reader, &mut bytes, limit_bytes) {
            Ok(came) => Ok((came, self.batch(bytes, false))),
            Err(error) => {
                self.rest = bytes;
                Err(error)
            }
        }
    }

    /// Whether all that comes together is one record, for [`Self::read_whole`].
    pub fn is_whole_file(&self) -> bool {
        self.max_whole_bytes.is_some()
    }

    /// How much memory the next chunk takes, if so many bytes of the source are unread.
    pub fn chunk_bytes(&self, unread_bytes: u64) -> usize {
        let limit_bytes = match self.max_whole_bytes {
            None => CHUNK_BYTES as u64,
            Some(max_bytes) if self.read_to().0 + unread_bytes > max_bytes => 0,
            Some(_) => u64::MAX,
        };
        usize::try_from(unread_bytes.min(limit_bytes)).unwrap_or(usize::MAX) + self.waiting().len()
    }

    /// Reads all of so many unread bytes as one record, or skips them if the file is too large. Returns how many bytes are
    /// read or skipped, and the record. `modified_ns` says when the file was written to.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read_whole(
        &mut self,
        reader: &mut impl Read,
        unread_bytes: u64,
        modified_ns: i64,
    ) -> io::Result<(usize, Option<EventBatch>)> {
        let len = Offset(self.read_to().0 + unread_bytes);
        if self.max_whole_bytes.is_some_and(|max_bytes| len.0 > max_bytes) {
            let position = Position { offset: len, ..Position::default() };
            self.columns.source.progress.skip(position, Loss::Oversize);
            self.go_to(len, Vec::new());
            self.oversize = Some(Notice::Oversize { len, skipped_bytes: unread_bytes });
            return Ok((usize::try_from(unread_bytes).unwrap_or(usize::MAX), None));
        }
        let mut bytes = Vec::with_capacity(self.chunk_bytes(unread_bytes) + ROOM_FOR_TAGS_BYTES);
        let came = reader.take(unread_bytes).read_to_end(&mut bytes)?;
        match &mut self.transcoder {
            None => self.rest = bytes,
            Some(transcoder) => transcoder.source().append(&mut bytes),
        }
        let inode = self.columns.source.file.map(|file| file.inode);
        self.columns.pieces_of = Some(whole_file::id(&self.columns.source.path, modified_ns, inode));
        Ok((came, self.finish()))
    }

    /// Takes what waits for its end as a record of its own.
    pub fn finish(&mut self) -> Option<EventBatch> {
        let mut rest = std::mem::take(&mut self.rest);
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.decode(&mut rest, true, self.start);
        }
        self.batch(rest, true)
    }

    fn batch(&mut self, mut bytes: Vec<u8>, at_end: bool) -> Option<EventBatch> {
        let mut records = Vec::with_capacity(bytes.len() / USUAL_RECORD_BYTES);
        let skipped = usize::from(self.skip_line_end && bytes.first() == Some(&b'\n'));
        let consumed = skipped + self.framer.frame(&bytes[skipped..], at_end, &mut records);
        if !bytes.is_empty() {
            self.skip_line_end = at_end && bytes.last() != Some(&b'\n');
        }
        if skipped > 0 {
            records.iter_mut().for_each(|record| *record = Record { start: record.start + 1, end: record.end + 1 });
        }
        self.rest.extend_from_slice(&bytes[consumed..]);
        bytes.truncate(consumed);
        // In bytes of the source, whatever became of them.
        let (places, taken) = match &mut self.transcoder {
            None => {
                keep_tail(&mut self.tail, &bytes);
                (records.iter().map(|record| record.start as u32).collect(), consumed)
            }
            Some(transcoder) => {
                let places = records.iter().map(|record| transcoder.source_of(record.start, &bytes) as u32).collect();
                let taken = transcoder.source_of(consumed, &bytes);
                keep_tail(&mut self.tail, &transcoder.unconsumed()[..taken]);
                (places, transcoder.consume(consumed, &bytes))
            }
        };
        let start = self.start;
        self.start.0 += taken as u64;
        if taken > 0 {
            let end = Position { offset: self.start, mid_record: self.skip_line_end, tail: Signature::of(&self.tail) };
            let progress = &self.columns.source.progress;
            progress.begin(start, end);
            if records.is_empty() {
                progress.end(start, if self.framer.discards_unmatched() { taken as u64 } else { 0 }, 0);
            }
        }
        (!records.is_empty()).then(|| self.columns.batch(bytes, &records, places, start..self.start))
    }
}

/// Keeps the last bytes of a source, of which `bytes` are the next.
fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() >= TAIL_BYTES {
        tail.clear();
    }
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
    tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
}

/// Appends what one call of `reader` gives, up to a limit, and returns how many bytes those are. One call: what a pipe has is
/// handed on before more of it comes.
fn append(reader: &mut impl Read, bytes: &mut Vec<u8>, limit_bytes: usize) -> io::Result<usize> {
    let before = bytes.len();
    bytes.resize(before + limit_bytes, 0);
    let read = loop {
        match reader.read(&mut bytes[before..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    bytes.truncate(before + *read.as_ref().unwrap_or(&0));
    read
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
    use std::path::Path;

    use regex::bytes::Regex;

    use super::*;
    use crate::event::{CONTENT, FileId};
    use crate::input::records::line_pattern::LinePattern;
    use crate::input::records::multiline::Patterns;

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
        assert_eq!(chunker.waiting(), b"");
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

    /// Reads `bytes` in two parts, split anywhere, and returns the fields of all events.
    fn fields(spec: &EventSpec, bytes: &[u8], split: usize) -> (Vec<Vec<(String, String)>>, Vec<Notice>) {
        let path = Path::new("/var/log/app.log").to_owned();
        let mut chunker = Chunker::of(Arc::new(Source::new(path, Some(FileId { device: 1, inode: 7 }))), spec);
        let mut batches = Vec::new();
        for mut part in [&bytes[..split], &bytes[split..]] {
            while !part.is_empty() {
                batches.extend(chunker.read(&mut part).expect("a slice can be read").1);
            }
        }
        batches.extend(chunker.finish());
        assert_eq!((chunker.read_to(), chunker.waiting()), (Offset(bytes.len() as u64), &b""[..]));
        let mut end = Offset(0);
        let mut events = Vec::new();
        for batch in &batches {
            assert!(std::mem::replace(&mut end, batch.provenance.end) <= batch.provenance.start);
            let text = |span: &[u32]| String::from_utf8_lossy(batch.slice(span[0], span[1])).into_owned();
            let mut values = batch.keys.iter().zip(batch.values.chunks_exact(2));
            for count in &batch.field_counts {
                let values = values.by_ref().take(*count as usize);
                let name = |key: u32| String::from_utf8_lossy(batch.name(key).expect("it is there")).into_owned();
                events.push(values.map(|(key, value)| (name(*key), text(value))).collect());
            }
        }
        let mut notices = Vec::new();
        chunker.take_notices(&mut notices);
        (events, notices.into_iter().map(|(_, notice)| notice).collect())
    }

    fn check_fields(spec: &EventSpec, bytes: &[u8], expected: &[&[(&str, &str)]], notices: &[Notice]) {
        let owned = |fields: &&[(&str, &str)]| {
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let expected: Vec<Vec<(String, String)>> = expected.iter().map(owned).collect();
        for split in 0..=bytes.len() {
            let (found, told) = fields(spec, bytes, split);
            assert_eq!((&found, &told[..]), (&expected, notices), "split at {split}");
        }
    }

    #[test]
    fn gbk_is_decoded_and_offsets_count_bytes_of_the_source() {
        let usual = EventSpec { encoding: Encoding::Gbk, offset_key: Some("at".to_owned()), ..EventSpec::default() };
        let source = b"\xd6\xd0 a\n\x81\x5c\x81\x7b\n\xff\xff\nend\xc4";
        let bad = [Notice::Undecodable { lines: 2, first: Offset(10) }];
        let bytes: &[&[(&str, &str)]] = &[
            &[("content", "\u{4e2d} a"), ("at", "0")],
            &[("content", "\u{4e57}\u{4e84}"), ("at", "5")],
            &[("content", "\u{fffd}\u{fffd}"), ("at", "10")],
            &[("content", "end\u{fffd}"), ("at", "13")],
        ];
        check_fields(&usual, source, bytes, &bad);
        let json = EventSpec { framing: Framing::JsonRecords, ..usual.clone() };
        // The second bytes of these look like a brace and a backslash, which would keep the object open.
        let source = b"  {\"\x81\x5c\": \n\"\x81\x7b\"}\n\x81\x7b\n";
        let objects: &[&[(&str, &str)]] =
            &[&[("content", "{\"\u{4e57}\": \n\"\u{4e84}\"}"), ("at", "2")], &[("content", "\u{4e84}"), ("at", "16")]];
        check_fields(&json, source, objects, &[]);
        let start = Some(LinePattern::new(Regex::new("\\A\u{4e2d}").expect("the pattern is valid")));
        let patterns = Patterns { start, continuation: None, end: None, discard_unmatched: false };
        let multiline = EventSpec { framing: Framing::Multiline(patterns), ..usual };
        let source = b"\xd6\xd01\n \xd6\xd0\n\xd6\xd02\n";
        let records: &[&[(&str, &str)]] =
            &[&[("content", "\u{4e2d}1\n \u{4e2d}"), ("at", "0")], &[("content", "\u{4e2d}2"), ("at", "8")]];
        check_fields(&multiline, source, records, &[]);
    }

    #[test]
    fn long_lines_of_gbk_are_cut_between_characters() {
        let spec = EventSpec { encoding: Encoding::Gbk, offset_key: Some("at".to_owned()), ..EventSpec::default() };
        let mut source = b"x".to_vec();
        source.extend_from_slice(&b"\xd6\xd0".repeat(MAX_RECORD_BYTES));
        source.extend_from_slice(b"\nafter\n");
        let whole = fields(&spec, &source, 0);
        let (events, notices) = &whole;
        assert_eq!(notices, &[Notice::Cut(1)]);
        let characters = MAX_RECORD_BYTES / 3;
        let places: Vec<&str> = events.iter().map(|fields| fields[1].1.as_str()).collect();
        let expected = [0, 1 + 2 * characters, 1 + 4 * characters, 1 + 6 * characters, 2 + 2 * MAX_RECORD_BYTES];
        assert_eq!(places, expected.map(|place| place.to_string()));
        assert!(events[..4].iter().all(|fields| fields[0].1.trim_start_matches('x').chars().all(|c| c == '\u{4e2d}')));
        assert_eq!(events[4][0].1, "after");
        for split in [1, MAX_RECORD_BYTES, 2 * MAX_RECORD_BYTES - 1, 2 * MAX_RECORD_BYTES + 1] {
            assert!(fields(&spec, &source, split) == whole, "split at {split}");
        }
    }

    #[test]
    fn tags_that_are_fields_and_a_topic_that_is_not_there() {
        let tags = TagSpec { inode: Some("i".to_owned()), ..TagSpec::default() };
        let spec = EventSpec { tags, tags_are_fields: true, topic: Topic::Fixed("t".into()), ..EventSpec::default() };
        let all =
            [("content", "a"), ("__tag__:__path__", "/var/log/app.log"), ("__tag__:i", "7"), ("__log_topic__", "t")];
        check_fields(&spec, b"a\n", &[&all], &[]);
        let pattern = Regex::new(r"\A/srv/(.*)\z").expect("the pattern is valid");
        let spec = EventSpec { topic: Topic::FilePath(pattern), ..EventSpec::default() };
        check_fields(&spec, b"a\n", &[&[("content", "a")]], &[Notice::NoTopic]);
    }

    #[test]
    fn tags_in_a_file_do_not_change_those_of_the_config() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tags.json");
        std::fs::write(&path, r#"{"team": "a", "__path__": "b", "": "c", "d": ""}"#).expect("the write");
        let spec = EventSpec { file_tags: Some(Arc::new(FileTags::new(path))), ..EventSpec::default() };
        let mut chunker = Chunker::of(Arc::new(Source::new("app.log".into(), None)), &spec);
        let batch = chunker.read(&mut &b"a\n"[..]).expect("a slice can be read").1.expect("a line");
        let expected = [(&b"__path__"[..], &b"app.log"[..]), (b"team", b"a")];
        assert_eq!(batch.tags().collect::<Vec<_>>(), expected);
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
