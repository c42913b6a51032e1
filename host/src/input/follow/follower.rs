//! Follows one content of one file: looks whether it has something new, and reads that.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{EventBatch, Loss, Offset, Position, SIGNATURE_BYTES, Signature};
use crate::input::follow::begin;
use crate::input::follow::delay::Delay;
use crate::input::follow::disk;
use crate::input::follow::find::{self, Found, Whereabouts, read_at};
use crate::input::follow::tail::{Name, Patience, Rest, Step, View, step};
use crate::input::follow::track::{Phase, Seen, Track};
use crate::input::records::chunk::{Chunker, EventSpec, Notice, Notices};
use crate::input::stat::Stat;

/// What the config says of how files are followed.
#[derive(Debug, Clone)]
pub struct FollowSpec {
    /// What their events look like.
    pub events: EventSpec,
    /// How long to wait for what.
    pub patience: Patience,
    /// A file that was there already is begun so many bytes before its end.
    pub tail_bytes: u64,
    /// Files that were there already are read even if nobody has written to them for a while.
    pub tailing_all: bool,
    /// How many files of one path are held open while they wait for their turn: `RotatorQueueSize`.
    pub max_open_waiting: usize,
    /// When reading is how far behind.
    pub delay: Delay,
}

/// A file that is followed.
#[derive(Debug)]
pub struct Follower {
    track: Arc<Track>,
    chunker: Chunker,
    /// Open while there is something to read or something may come.
    file: Option<File>,
    /// What is read is the copy that was made of the file before it was truncated.
    is_copy: bool,
    made_ns: Option<i64>,
    /// When something came last.
    last_growth: Instant,
    /// At the last look there was nothing more to read.
    is_at_end: bool,
    /// Since when reading is far behind, or when that was said last.
    late_since: Option<Instant>,
    /// Since when a closed file is not where it was.
    missing_since: Option<Instant>,
    /// Since when it cannot be read.
    failing_since: Option<Instant>,
}

impl Follower {
    /// Follows a file from where its track says that reading is.
    pub fn new(track: Arc<Track>, file: Option<File>, spec: &FollowSpec, now: Instant) -> Self {
        let mut chunker = Chunker::of(Arc::clone(&track.source), &spec.events);
        let read_to = track.source.progress.read_to();
        if chunker.read_to() != read_to {
            chunker.go_to(read_to, Vec::new());
        }
        Self {
            made_ns: track.birth_ns,
            track,
            chunker,
            file,
            is_copy: false,
            last_growth: now,
            is_at_end: true,
            late_since: None,
            missing_since: None,
            failing_since: None,
        }
    }

    /// Reads what is left of a file from the copy that was made of it.
    pub fn of_copy(track: Arc<Track>, copy: Found, spec: &FollowSpec, now: Instant) -> Self {
        let made_ns = copy.stat.birth_ns;
        Self { is_copy: true, made_ns, ..Self::new(track, Some(copy.file), spec, now) }
    }

    /// What it follows.
    pub fn track(&self) -> &Arc<Track> {
        &self.track
    }

    /// For how long nothing has come.
    pub fn quiet(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_growth)
    }

    /// Whether the file is open.
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Closes the file. It is opened again when it changes.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Notes that it cannot be read, and closes it: the handle may be what is wrong.
    pub fn fail(&mut self, now: Instant) {
        self.close();
        self.failing_since.get_or_insert(now);
    }

    /// Whether it cannot be read for so long that what comes after it is to wait no more.
    pub fn is_failing_for_long(&self, now: Instant) -> bool {
        self.failing_since.is_some_and(|since| now.saturating_duration_since(since) >= FAILING_TIME)
    }

    /// Whether what is read is the copy of a file that was truncated.
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// When what is read was made, in Unix nanoseconds: the file, or its copy.
    pub fn made_ns(&self) -> Option<i64> {
        self.made_ns
    }

    /// Where reading is, whatever is done with.
    pub fn read_position(&self) -> Position {
        let before = self.chunker.last_bytes();
        let tail = if before.is_empty() { self.committed_tail() } else { Signature::of(&before) };
        Position { offset: self.chunker.read_to(), mid_record: false, tail }
    }

    /// How many bytes the next chunk takes.
    pub fn chunk_bytes(&self) -> usize {
        self.chunker.chunk_bytes(self.unread_bytes())
    }

    /// Takes the open file away, to follow its new content.
    pub fn take_file(&mut self) -> Option<File> {
        self.file.take()
    }

    /// Goes on with the copy that was made of the file.
    pub fn continue_with(&mut self, copy: Found, now: Instant) {
        self.is_copy = true;
        self.made_ns = copy.stat.birth_ns;
        self.last_growth = now;
        self.track.see(|seen| {
            seen.real_path = copy.path;
            seen.len = copy.stat.len;
        });
        self.file = Some(copy.file);
    }

    /// Notes how a file begins that waits for its turn: should it be truncated before that, its copy is known by those bytes.
    /// What cannot be read is read when it has its turn.
    pub fn note_head(&self) {
        let known = self.track.ask(|seen| seen.head);
        let Some(file) = self.file.as_ref().filter(|_| !self.is_copy && (known.len as usize) < SIGNATURE_BYTES) else {
            return;
        };
        let Ok(head) = read_at(file, 0, SIGNATURE_BYTES) else { return };
        if head.len() > known.len as usize && known.begins(&head) {
            self.track.see(|seen| seen.head = Signature::of(&head));
        }
    }

    /// Looks whether anything was written to the file. One that is read in part had something, even if it was truncated since.
    ///
    /// # Errors
    /// Those of `stat` and opening.
    pub fn has_content(&self) -> io::Result<bool> {
        if self.chunker.read_to() > Offset(0) {
            return Ok(true);
        }
        let len = match &self.file {
            Some(file) => file.metadata()?.len(),
            // Its path may lead to another file by now, which says nothing of this one.
            None => {
                let at_path = disk::stat(&self.track.seen().real_path).ok();
                at_path.filter(|stat| self.track.is_of(stat)).map_or(0, |stat| stat.len.0)
            }
        };
        Ok(len > 0)
    }

    /// Looks at the file and decides what to do. `has_successor` says that there is another one with something to read, which
    /// is to come after it.
    ///
    /// # Errors
    /// Those of `stat`, opening and reading. The next look tries again.
    pub fn look(&mut self, has_successor: bool, patience: &Patience, now: Instant) -> io::Result<Step> {
        let seen = self.track.seen();
        let stat = match self.stat(&seen, now, patience)? {
            Ok(stat) => stat,
            Err(step) => return Ok(step),
        };
        let is_unchanged = stat.len == seen.len && stat.modified_ns == seen.modified_ns && self.is_at_end;
        let read_to = self.chunker.read_to();
        let is_rewritten = !is_unchanged && stat.len >= read_to && self.is_rewritten(&seen)?;
        let is_whole = self.chunker.is_whole_file();
        // What is to be read as a whole rests unread.
        let has_grown = stat.len > seen.len || (!is_whole && stat.len > read_to && self.is_at_end);
        if has_grown || (is_whole && (stat.len, stat.modified_ns) != (seen.len, seen.modified_ns)) {
            self.last_growth = now;
        }
        let name = match () {
            () if self.is_copy => Name::Copy,
            () if has_successor => Name::Replaced,
            () if stat.links == 0 => Name::Deleted,
            () if !seen.is_named => Name::Lost,
            () => Name::Kept,
        };
        let rest = self.chunker.rest();
        let view = View { read_to, len: stat.len, is_rewritten, rest, is_whole, quiet: self.quiet(now), name };
        let step = step(&view, patience);
        self.is_at_end = step != Step::Read;
        if !matches!(step, Step::Read | Step::Restart) {
            self.failing_since = None;
        }
        if step != Step::Restart && (!is_unchanged || step == Step::Read) {
            self.see(&stat, &seen)?;
        }
        Ok(step)
    }

    /// How many bytes there are to read, by the last look.
    pub fn unread_bytes(&self) -> u64 {
        self.track.ask(|seen| seen.len.0).saturating_sub(self.chunker.read_to().0)
    }

    /// Reads one chunk, and returns how many bytes came, and the records that are complete.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(&mut self, notices: &mut Notices) -> io::Result<(usize, Option<EventBatch>)> {
        let Some(file) = &self.file else { return Ok((0, None)) };
        let unread_bytes = self.unread_bytes();
        let mut reader = At { file, offset: self.chunker.read_to() };
        let read = if self.chunker.is_whole_file() {
            self.chunker.read_whole(&mut reader, unread_bytes, self.track.ask(|seen| seen.modified_ns))?
        } else {
            let limit_bytes = usize::try_from(unread_bytes).unwrap_or(usize::MAX);
            self.chunker.read_at_most(&mut reader, limit_bytes)?
        };
        self.chunker.take_notices(notices);
        self.failing_since = None;
        Ok(read)
    }

    /// Says when reading is far behind for long, and skips to near the end when it is too far behind.
    ///
    /// # Errors
    /// Those of reading.
    pub fn note_delay(&mut self, spec: &FollowSpec, now: Instant, notices: &mut Notices) -> io::Result<()> {
        let unread_bytes = self.unread_bytes();
        let mut tell = |skipped_bytes| {
            let notice = Notice::Delayed { unread_bytes, skipped_bytes };
            notices.push((self.track.source.path.clone(), notice));
        };
        if spec.delay.is_too_far(unread_bytes)
            && let Some(file) = &self.file
        {
            let len = self.track.seen().len;
            let tail_bytes = spec.tail_bytes.min(unread_bytes - 1);
            let position = begin::near_end(file, len, tail_bytes, &spec.events.framing)?;
            let before = read_at(file, position.offset.0 - u64::from(position.tail.len), position.tail.len as usize)?;
            let progress = &self.track.source.progress;
            let skipped_bytes = position.offset.0.saturating_sub(progress.read_to().0);
            if position.offset > self.chunker.read_to() {
                tell(skipped_bytes);
                progress.skip(position, Loss::ReadDelay);
                self.chunker.go_to(position.offset, before);
            }
        } else if spec.delay.is_to_be_told(unread_bytes, &mut self.late_since, now) {
            tell(0);
        }
        Ok(())
    }

    /// Whether the open file has no name any more.
    pub fn is_deleted(&self) -> bool {
        let metadata = self.file.as_ref().and_then(|file| file.metadata().ok());
        metadata.is_some_and(|metadata| Stat::of(&metadata).links == 0)
    }

    /// Takes what waits for its end as a record of its own.
    pub fn flush(&mut self, notices: &mut Notices) -> Option<EventBatch> {
        let last = self.chunker.finish();
        self.chunker.take_notices(notices);
        last
    }

    /// Goes on from where the track has come to by now, after something was skipped.
    pub fn restart_at_progress(&mut self, file: Option<File>, spec: &FollowSpec, now: Instant) {
        *self = Self::new(Arc::clone(&self.track), file, spec, now);
    }

    /// What the file is now, or what to do if it is closed and its path does not lead to it any more.
    fn stat(&mut self, seen: &Seen, now: Instant, patience: &Patience) -> io::Result<Result<Stat, Step>> {
        if let Some(file) = &self.file {
            return Ok(Ok(Stat::of(&file.metadata()?)));
        }
        let at_path = match disk::stat(&seen.real_path) {
            Err(error) if disk::is_absence(&error) => return self.find_again(seen, now, patience),
            stat => stat?,
        };
        if Some(at_path.id) != self.track.source.file {
            return self.find_again(seen, now, patience);
        }
        if at_path.birth_ns != self.track.birth_ns {
            // The number is in use again. Whoever looks at paths can tell, unless the file had this name when they looked last.
            return if seen.is_named { Ok(Err(Step::Restart)) } else { self.find_again(seen, now, patience) };
        }
        let is_unchanged = at_path.len == seen.len && at_path.modified_ns == seen.modified_ns;
        if is_unchanged && at_path.len == self.chunker.read_to() {
            return Ok(Ok(at_path));
        }
        let found = Found::open(&seen.real_path).inspect_err(|_| {
            // What cannot be read is unread.
            self.track.see(|seen| {
                if seen.phase == Phase::Followed {
                    seen.len = seen.len.max(at_path.len);
                }
            });
        })?;
        if Some(found.stat.id) != self.track.source.file {
            return self.find_again(seen, now, patience);
        }
        self.file = Some(found.file);
        Ok(Ok(found.stat))
    }

    /// Opens a file that is not where it was any more. One that has a name which is looked for is left to whoever looks; one
    /// that was renamed before may have been renamed again.
    fn find_again(&mut self, seen: &Seen, now: Instant, patience: &Patience) -> io::Result<Result<Stat, Step>> {
        if seen.is_named {
            return Ok(Err(Step::Wait));
        }
        let found = match (seen.real_path.parent(), self.track.source.file) {
            (Some(directory), Some(id)) => find::by_id(directory, id, self.track.birth_ns, 0),
            _ => Whereabouts::Nowhere,
        };
        match found {
            Whereabouts::Open(found) if found.stat.birth_ns == self.track.birth_ns => {
                self.missing_since = None;
                self.track.see(|seen| seen.real_path = found.path);
                self.file = Some(found.file);
                Ok(Ok(found.stat))
            }
            Whereabouts::Closed(real_path, error) => {
                self.track.see(|seen| seen.real_path = real_path);
                Err(error)
            }
            Whereabouts::Unknown(_, error) => Err(error),
            Whereabouts::Open(_) | Whereabouts::Nowhere => {
                // One that is renamed while its directory is read is not seen.
                let since = *self.missing_since.get_or_insert(now);
                let is_gone = now.saturating_duration_since(since) >= patience.quiet;
                Ok(Err(if is_gone { Step::Finish } else { Step::Wait }))
            }
        }
    }

    /// Whether the file begins in another way than it did, or has other bytes before what was read last.
    fn is_rewritten(&self, seen: &Seen) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let read_to = self.chunker.read_to().0;
        let before = self.chunker.last_bytes();
        if !before.is_empty() {
            if read_at(file, read_to - before.len() as u64, before.len())? != before {
                return Ok(true);
            }
        } else {
            let tail = self.committed_tail();
            let len = u64::from(tail.len);
            if Signature::of(&read_at(file, read_to.saturating_sub(len), len as usize)?) != tail {
                return Ok(true);
            }
        }
        // While one chunk follows the other, the bytes between them tell enough.
        Ok(self.is_at_end && !self.is_copy && !seen.head.begins(&read_at(file, 0, seen.head.len as usize)?))
    }

    /// The signature of the bytes before where reading is, if nothing was read yet.
    fn committed_tail(&self) -> Signature {
        let committed = self.track.source.progress.committed();
        if committed.offset == self.chunker.read_to() { committed.tail } else { Signature::default() }
    }

    fn see(&self, stat: &Stat, seen: &Seen) -> io::Result<()> {
        let head = match &self.file {
            Some(file) if (seen.head.len as usize) < SIGNATURE_BYTES && stat.len.0 > u64::from(seen.head.len) => {
                Signature::of(&read_at(file, 0, SIGNATURE_BYTES)?)
            }
            _ => seen.head,
        };
        self.track.look(stat, head);
        Ok(())
    }
}

impl Chunker {
    fn rest(&self) -> Rest {
        match self.waiting().last() {
            None => Rest::Nothing,
            Some(b'\n') => Rest::Lines,
            Some(_) => Rest::Part,
        }
    }
}

/// How long a file that cannot be read holds up those that come after it. A lack of handles or memory passes sooner, and so
/// does a server that starts again; a disk that is broken stays so.
const FAILING_TIME: Duration = Duration::from_secs(60);

/// Reads a file from an offset on, without moving anything that the file has of its own.
struct At<'a> {
    file: &'a File,
    offset: Offset,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let came = self.file.read_at(buffer, self.offset.0)?;
        self.offset.0 += came as u64;
        Ok(came)
    }
}
