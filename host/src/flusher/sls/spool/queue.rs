//! Records on disk that are appended at the end, taken in order and done in any order: when to write what, and when to
//! give up on it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use cap_std::fs::{Dir, File, FileExt};
use tracing::warn;

use super::disk::{Disk, segment_name};
use super::frame::{self, Header, Place, Scan};
use super::note::Note;
use super::room::{Room, Share};
use super::segment::{Entry, MARK_BYTES, Segment, not_done};
use super::writer::Writer;
use crate::flusher::sls::package::{Destination, Head, Package};
use crate::telemetry::failpoint;

/// Names a record as long as the spool is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Place);

#[cfg(test)]
impl RecordId {
    /// One of no spool.
    pub(in crate::flusher::sls) fn sample() -> Self {
        Self(Place { segment: 0, offset: 0 })
    }
}

/// Why a package was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Wait until others are done: all the bytes that spools may have are used.
    #[error("the spool is full")]
    Full,
    /// Try again later. Nothing of the package is in the spool.
    #[error("cannot write to the spool")]
    Io(#[from] io::Error),
}

/// A record that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) id: RecordId,
    pub(super) package: Package,
    pub(super) reason: Option<String>,
}

#[derive(Debug)]
pub(super) struct Queue {
    disk: Disk,
    /// The first line of each segment.
    header: Vec<u8>,
    share: Share,
    segments: BTreeMap<u64, Segment>,
    next_number: u64,
    writer: Option<Writer>,
    /// What was appended since the last sync, with the numbers of the segments.
    group: Vec<(u64, Entry)>,
    /// Something of the group is not durable and never will be.
    is_group_lost: bool,
    /// The directory may have a segment that a crash would take out of it.
    has_new_file: bool,
    reader: Option<(u64, File)>,
    /// The record that could not be read last, and how often.
    unreadable: Option<(Place, u32)>,
    notes: Vec<Note>,
    /// When a segment is full. One that has a single record may be larger.
    pub(super) segment_bytes: u64,
}

impl Queue {
    pub(super) fn open(above: &Dir, path: &[&str], destination: &Destination, room: Arc<Room>) -> io::Result<Self> {
        let disk = Disk::open(above, path)?;
        let listing = disk.list()?;
        for number in &listing.segments {
            check_version(&disk, *number)?;
        }
        let known = listing.segments.iter().chain(&listing.marks);
        let mut queue = Self {
            header: frame::header(destination),
            share: Share::new(room),
            segments: BTreeMap::new(),
            next_number: known.max().map_or(1, |last| last + 1),
            writer: None,
            group: Vec::new(),
            is_group_lost: false,
            has_new_file: false,
            reader: None,
            unreadable: None,
            notes: Vec::new(),
            segment_bytes: SEGMENT_BYTES,
            disk,
        };
        queue.share.grow(listing.bad_bytes);
        for number in &listing.segments {
            queue.recover(*number, destination)?;
        }
        for number in listing.marks.iter().filter(|number| !listing.segments.contains(number)) {
            queue.disk.remove_marks(*number)?;
        }
        Ok(queue)
    }

    /// Finds what an earlier run left in a segment.
    fn recover(&mut self, number: u64, destination: &Destination) -> io::Result<()> {
        let bytes = self.disk.read(number)?;
        let scan = frame::scan(number, &bytes);
        if matches!(&scan.header, Header::Whole(other) if **other != *destination) {
            self.notes.push(Note::Foreign { segment: segment_name(number) });
            return Ok(());
        }
        let entries = self.live(number, &scan)?;
        let is_pinned = !self.keep_damaged(number, &bytes, &scan)?;
        let torn_bytes = scan.torn_bytes as u64;
        let len = bytes.len() as u64 - torn_bytes;
        if torn_bytes > 0 {
            self.notes.push(Note::Torn { segment: segment_name(number), bytes: torn_bytes });
            self.disk.truncate(number, len)?;
        }
        self.share.grow(len);
        let mut segment = Segment::new(len, &entries);
        segment.is_pinned = is_pinned;
        self.segments.insert(number, segment);
        self.remove_if_done(number);
        Ok(())
    }

    /// The records of a segment that no mark calls done.
    fn live(&self, number: u64, scan: &Scan<'_>) -> io::Result<Vec<Entry>> {
        let marks = self.disk.read_marks(number)?;
        Ok(not_done(&scan.records, &marks).map(Entry::of).collect())
    }

    /// Keeps what is damaged in a file of its own, unless an earlier run did. Returns whether it is kept.
    fn keep_damaged(&mut self, number: u64, bytes: &[u8], scan: &Scan<'_>) -> io::Result<bool> {
        if scan.damaged.is_empty() {
            return Ok(true);
        }
        let damaged: Vec<&[u8]> = scan.damaged.iter().map(|range| &bytes[range.clone()]).collect();
        let damaged = damaged.concat();
        let kept = match self.disk.keep_aside(number, &damaged) {
            Ok((_, true)) => return Ok(true),
            Ok((name, false)) => {
                self.share.grow(damaged.len() as u64);
                Ok(name)
            }
            Err(error) => Err(error.to_string()),
        };
        let is_kept = kept.is_ok();
        let (segment, places) = (segment_name(number), scan.damaged.len());
        self.notes.push(Note::Damaged { segment, places, bytes: damaged.len() as u64, kept });
        Ok(is_kept)
    }

    /// Appends a record, which is not durable yet.
    pub(super) fn append(&mut self, package: &Package, reason: Option<&str>) -> Result<(), AppendError> {
        let head = frame::head(&package.head, reason);
        let bytes = (frame::FRAME_BYTES + head.len() + package.body.len()) as u64;
        let has_place = self.writer.as_ref().is_some_and(|writer| writer.len() + bytes <= self.segment_bytes);
        let needed = if has_place { bytes } else { bytes + self.header.len() as u64 };
        if !self.share.try_grow(needed) {
            return Err(AppendError::Full);
        }
        if !has_place && let Err(error) = self.begin_segment() {
            self.share.shrink(needed);
            return Err(error.into());
        }
        let Some(writer) = &mut self.writer else { return Err(io::Error::from(io::ErrorKind::NotFound).into()) };
        failpoint::hit("spool-append");
        match writer.append(&head, &package.body, package.head.read_seconds) {
            Ok(entry) => self.group.push((writer.number(), entry)),
            Err(error) => {
                self.share.shrink(bytes);
                if !writer.take_back() {
                    // Nothing may follow half a record. If this fails too, the next sync says so.
                    let _ = self.end_segment();
                }
                return Err(error.into());
            }
        }
        failpoint::hit("spool-appended");
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        self.end_segment()?;
        let number = self.next_number;
        self.next_number += 1;
        let writer = Writer::create(&self.disk, number, &self.header)?;
        self.segments.insert(number, Segment::new(writer.len(), &[]));
        self.writer = Some(writer);
        self.has_new_file = true;
        Ok(())
    }

    /// Nothing is appended to the current segment any more.
    fn end_segment(&mut self) -> io::Result<()> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let is_in_group = self.group.iter().any(|(number, _)| *number == writer.number());
        if is_in_group && let Err(error) = writer.sync() {
            self.is_group_lost = true;
            return Err(error);
        }
        self.remove_if_done(writer.number());
        Ok(())
    }

    /// Returns once everything that was appended is durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.group.is_empty() && !self.is_group_lost {
            return Ok(());
        }
        if let Err(error) = self.sync_group() {
            self.drop_group();
            return Err(error);
        }
        failpoint::hit("spool-synced");
        for (number, entry) in self.group.drain(..) {
            if let Some(segment) = self.segments.get_mut(&number) {
                segment.push(entry);
            }
        }
        Ok(())
    }

    fn sync_group(&mut self) -> io::Result<()> {
        if self.is_group_lost {
            return Err(io::Error::other("a part of it could not be written to disk"));
        }
        self.writer.as_mut().map_or(Ok(()), Writer::sync)?;
        if self.has_new_file {
            self.disk.sync()?;
            self.has_new_file = false;
        }
        Ok(())
    }

    /// Forgets what was appended since the last sync. A crash may bring some of it back, which is then sent twice.
    fn drop_group(&mut self) {
        // Some systems drop what they could not write and call the next sync a success.
        self.writer = None;
        self.is_group_lost = false;
        let group = std::mem::take(&mut self.group);
        self.share.shrink(group.iter().map(|(_, entry)| entry.len).sum());
        let mut numbers: Vec<u64> = group.iter().map(|(number, _)| *number).collect();
        numbers.dedup();
        for number in numbers {
            let len = self.segments.get(&number).map_or(0, |segment| segment.len);
            if let Err(error) = self.disk.truncate(number, len) {
                warn!(segment = segment_name(number), %error, "spool not cut back, its end may be sent twice");
            }
            self.remove_if_done(number);
        }
    }

    /// The next durable record that was not taken.
    pub(super) fn take(&mut self) -> io::Result<Option<Taken>> {
        while let Some(number) = self.first_waiting() {
            self.load(number)?;
            let Some(entry) = self.segments.get(&number).and_then(Segment::next) else { continue };
            let place = Place { segment: number, offset: entry.offset };
            let bytes = match self.read_record(place, entry.len) {
                Err(error) if is_not_there(&error) => Vec::new(),
                Err(error) => return Err(self.failed_to_read(place, error)),
                Ok(bytes) => bytes,
            };
            self.take_out(place);
            let Some(record) = frame::parse(place, &bytes) else {
                self.reload(number)?;
                continue;
            };
            let (head, reason) = (record.head, record.reason);
            let body_at = bytes.len() - record.body.len();
            let body = Bytes::from(bytes).slice(body_at..);
            return Ok(Some(Taken { id: RecordId(place), package: Package { head, body }, reason }));
        }
        Ok(None)
    }

    /// Notes that a record cannot be read. It is tried again, since later ones of its file wait for it; but not for ever.
    fn failed_to_read(&mut self, place: Place, error: io::Error) -> io::Error {
        self.reader = None;
        let failures = match self.unreadable {
            Some((known, failures)) if known == place => failures + 1,
            _ => 1,
        };
        self.unreadable = Some((place, failures));
        if failures >= MOST_READ_FAILURES {
            self.take_out(place);
        }
        error
    }

    fn first_waiting(&self) -> Option<u64> {
        self.segments.iter().find(|(_, segment)| segment.is_waiting()).map(|(number, _)| *number)
    }

    fn take_out(&mut self, place: Place) {
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.take(place.offset);
        }
    }

    fn read_record(&mut self, place: Place, len: u64) -> io::Result<Vec<u8>> {
        let file = match &mut self.reader {
            Some((number, file)) if *number == place.segment => file,
            reader => &mut reader.insert((place.segment, self.disk.open_segment(place.segment)?)).1,
        };
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, place.offset)?;
        Ok(bytes)
    }

    /// Makes sure that it is known which records a segment has.
    fn load(&mut self, number: u64) -> io::Result<()> {
        if self.segments.get(&number).is_some_and(Segment::is_loaded) { Ok(()) } else { self.reload(number) }
    }

    /// Looks at a segment once more. What cannot be read any more is kept aside.
    fn reload(&mut self, number: u64) -> io::Result<()> {
        let Some(mut bytes) = self.read_segment(number)? else { return Ok(()) };
        let Some(len) = self.segments.get(&number).map(|segment| segment.len) else { return Ok(()) };
        bytes.truncate(usize::try_from(len).map_err(io::Error::other)?);
        let scan = frame::scan(number, &bytes);
        let is_kept = self.keep_damaged(number, &bytes, &scan)?;
        if scan.torn_bytes > 0 {
            self.notes.push(Note::Torn { segment: segment_name(number), bytes: scan.torn_bytes as u64 });
        }
        let live = self.live(number, &scan)?;
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.is_pinned |= !is_kept;
            segment.load(&live);
        }
        self.remove_if_done(number);
        Ok(())
    }

    /// The bytes of a segment. `None` if somebody has removed it, which is noted.
    fn read_segment(&mut self, number: u64) -> io::Result<Option<Vec<u8>>> {
        match self.disk.read(number) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let segment = self.segments.remove(&number).unwrap_or_default();
                self.share.shrink(segment.len);
                self.notes.push(Note::Gone { segment: segment_name(number), records: segment.records() });
                self.writer.take_if(|writer| writer.number() == number);
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// A record that was taken waits again, before all that were not.
    pub(super) fn put_back(&mut self, id: RecordId) {
        if let Some(segment) = self.segments.get_mut(&id.0.segment) {
            segment.put_back(id.0.offset);
        }
    }

    /// A record is done, which is remembered as long as the system does not crash.
    pub(super) fn done(&mut self, id: RecordId) {
        let RecordId(Place { segment: number, offset }) = id;
        let Some(entry) = self.segments.get_mut(&number).and_then(|segment| segment.remove(offset)) else { return };
        failpoint::hit("spool-done");
        let is_last = self.segments.get(&number).is_some_and(|segment| segment.records() == 0);
        if is_last && self.remove_if_done(number) {
            return;
        }
        if let Err(error) = self.disk.mark(number, &entry.mark(), MARK_BYTES as u64) {
            warn!(segment = segment_name(number), %error, "record not marked as sent, a restart sends it again");
        }
    }

    /// Removes a segment that has nothing left. Returns whether it is gone.
    fn remove_if_done(&mut self, number: u64) -> bool {
        let is_in_group = self.group.iter().any(|(of, _)| *of == number);
        let is_done = |segment: &Segment| segment.records() == 0 && !segment.is_pinned;
        if is_in_group || !self.segments.get(&number).is_some_and(is_done) {
            return false;
        }
        self.writer.take_if(|writer| writer.number() == number);
        self.reader.take_if(|(of, _)| *of == number);
        if let Err(error) = self.disk.remove(number) {
            warn!(segment = segment_name(number), %error, "segment not removed, a restart does it");
            return false;
        }
        let segment = self.segments.remove(&number).unwrap_or_default();
        self.share.shrink(segment.len);
        true
    }

    /// Takes records that were not taken and were read before `read_seconds` out for good.
    pub(super) fn expire(&mut self, read_seconds: i64) -> io::Result<Vec<Head>> {
        let is_old = |segment: &Segment| {
            segment.is_waiting() && segment.oldest_read_seconds().is_some_and(|oldest| oldest < read_seconds)
        };
        let old = self.segments.iter().filter(|(_, segment)| is_old(segment));
        let mut heads = Vec::new();
        for number in old.map(|(number, _)| *number).collect::<Vec<_>>() {
            match self.expire_in(number, read_seconds, &mut heads) {
                Err(error) if heads.is_empty() => return Err(error),
                Err(error) => {
                    warn!(segment = segment_name(number), %error, "old records not taken out, retrying later");
                    break;
                }
                Ok(()) => {}
            }
        }
        Ok(heads)
    }

    fn expire_in(&mut self, number: u64, read_seconds: i64, heads: &mut Vec<Head>) -> io::Result<()> {
        let was_loaded = self.segments.get(&number).is_some_and(Segment::is_loaded);
        self.load(number)?;
        let Some(bytes) = self.read_segment(number)? else { return Ok(()) };
        let Some(segment) = self.segments.get_mut(&number) else { return Ok(()) };
        let mut records = frame::scan(number, &bytes).records;
        records.retain(|record| record.head.read_seconds < read_seconds && segment.waiting(record.offset).is_some());
        let marks: Vec<u8> = records.iter().flat_map(|record| Entry::of(record).mark()).collect();
        if !marks.is_empty() {
            // Whoever is told of these heads counts them, and must not be told again.
            self.disk.mark(number, &marks, MARK_BYTES as u64)?.sync_all()?;
            self.disk.sync()?;
        }
        records.iter().for_each(|record| _ = segment.remove(record.offset));
        if !was_loaded {
            segment.unload();
        }
        heads.extend(records.into_iter().map(|record| record.head));
        self.remove_if_done(number);
        Ok(())
    }

    /// What was found wrong since this was asked last.
    pub(super) fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// How many durable records are not done.
    pub(super) fn records(&self) -> u64 {
        self.segments.values().map(Segment::records).sum()
    }

    /// How many bytes these have on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(Segment::bytes).sum()
    }

    /// When the oldest of these was read.
    pub(super) fn oldest_read_seconds(&self) -> Option<i64> {
        self.segments.values().filter_map(Segment::oldest_read_seconds).min()
    }
}

fn is_not_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound)
}

/// Refuses a segment of a format that this agent does not know.
fn check_version(disk: &Disk, number: u64) -> io::Result<()> {
    let begin = disk.read_begin(number, frame::MAX_HEADER_BYTES)?;
    match frame::read_header(&begin).0 {
        Header::Newer(found) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "{} has format {found}, this agent knows format {}: run the agent that wrote it, or move the file away",
                segment_name(number),
                frame::VERSION
            ),
        )),
        _ => Ok(()),
    }
}

/// After so many failures a record is left alone until the spool is opened the next time.
const MOST_READ_FAILURES: u32 = 60;

/// Small enough to be read at once, and large enough that few files are made.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
