//! Follows one file: opens it when it is there, and reads what it has.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::chunk::{Chunker, EventSpec, Notice};
use super::tail::{Stat, Step, step};
use crate::event::{EventBatch, FileId, Offset, Source};

/// What the config says of a file to follow.
#[derive(Debug, Clone)]
pub struct FileSpec {
    /// The path.
    pub path: PathBuf,
    /// What its events look like.
    pub events: EventSpec,
    /// An unfinished last record is taken as it is when nothing came for so long.
    pub flush_timeout: Duration,
    /// A renamed file is left for the new one when nothing came for so long; see [`QUIET_TIME`](super::tail::QUIET_TIME).
    pub quiet_time: Duration,
}

/// A file that is followed from its start.
#[derive(Debug)]
pub struct FollowedFile {
    spec: FileSpec,
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    id: FileId,
    chunker: Chunker,
    /// When bytes came last, for the flush timeout.
    last_read: Instant,
    /// When the path was first seen to lead to another file.
    renamed: Option<Instant>,
}

/// What a look at the file gave.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is moved once")]
#[derive(Debug)]
pub enum Progress {
    /// Events.
    Batch(EventBatch),
    /// Something happened, though no record is complete: look again.
    Again,
    /// Nothing new.
    Idle,
}

impl FollowedFile {
    /// Follows a file, which need not exist yet.
    pub fn new(spec: FileSpec) -> Self {
        Self { spec, open: None }
    }

    /// The path that is followed.
    pub fn path(&self) -> &Path {
        &self.spec.path
    }

    /// Whether the file was there at the last look.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Reads one chunk, if there is one.
    ///
    /// # Errors
    /// Those of opening and reading. The next call tries again.
    pub fn look(&mut self, notices: &mut Vec<Notice>) -> io::Result<Progress> {
        let Some(open) = &mut self.open else { return self.try_open() };
        // The path first: what was appended before a rename that it shows is in the length.
        let at_path = stat(&self.spec.path)?;
        let len = Offset(open.file.metadata()?.len());
        let read_to = open.chunker.read_to();
        let is_quiet = open.is_quiet(at_path, self.spec.quiet_time);
        match step(open.id, read_to, len, at_path, is_quiet) {
            Step::Read => open.read(len.0 - read_to.0, self.spec.flush_timeout, notices),
            Step::Wait => Ok(open.flush_if_idle(self.spec.flush_timeout, notices)),
            next @ (Step::Restart | Step::Follow) => {
                notices.extend((next == Step::Restart).then_some(Notice::Truncated));
                let last = open.chunker.finish();
                open.chunker.take_notices(notices);
                self.open = None;
                Ok(last.map_or(Progress::Again, Progress::Batch))
            }
        }
    }

    fn try_open(&mut self) -> io::Result<Progress> {
        let file = match File::options().read(true).custom_flags(O_NONBLOCK).open(&self.spec.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Progress::Idle),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let id = file_id(&metadata);
        let source = Source { path: self.spec.path.clone(), file: Some(id) };
        let chunker = Chunker::of(source, &self.spec.events);
        self.open = Some(OpenFile { file, id, chunker, last_read: Instant::now(), renamed: None });
        Ok(Progress::Again)
    }
}

impl OpenFile {
    /// Whether nothing came for `quiet_time`, nor for as long since the path leads to another file.
    fn is_quiet(&mut self, at_path: Option<Stat>, quiet_time: Duration) -> bool {
        if at_path.is_none_or(|stat| stat.id == self.id) {
            self.renamed = None;
            return false;
        }
        let renamed = *self.renamed.get_or_insert_with(Instant::now);
        renamed.max(self.last_read).elapsed() >= quiet_time
    }

    fn read(&mut self, new_bytes: u64, flush_timeout: Duration, notices: &mut Vec<Notice>) -> io::Result<Progress> {
        let limit_bytes = usize::try_from(new_bytes).unwrap_or(usize::MAX);
        let (came, batch) = self.chunker.read_at_most(&mut &self.file, limit_bytes)?;
        if came == 0 {
            // Truncated just now, or longer by its metadata than it is.
            return Ok(self.flush_if_idle(flush_timeout, notices));
        }
        self.last_read = Instant::now();
        self.chunker.take_notices(notices);
        Ok(batch.map_or(Progress::Again, Progress::Batch))
    }

    fn flush_if_idle(&mut self, timeout: Duration, notices: &mut Vec<Notice>) -> Progress {
        if !self.chunker.has_rest() || self.last_read.elapsed() < timeout {
            return Progress::Idle;
        }
        let last = self.chunker.finish();
        self.chunker.take_notices(notices);
        last.map_or(Progress::Idle, Progress::Batch)
    }
}

fn stat(path: &Path) -> io::Result<Option<Stat>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(Stat { id: file_id(&metadata), len: Offset(metadata.len()) })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn file_id(metadata: &Metadata) -> FileId {
    FileId { device: metadata.dev(), inode: metadata.ino() }
}

/// Opening a FIFO does not wait for its writer, so that it can be refused. From Linux' `asm-generic/fcntl.h`, which holds
/// for the architectures that we build for.
const O_NONBLOCK: i32 = 0o4000;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use regex::bytes::Regex;

    use super::super::frame::Framing;
    use super::super::multiline::Patterns;
    use super::*;

    fn spec(path: &Path, flush_timeout: Duration) -> FileSpec {
        let quiet_time = Duration::ZERO;
        FileSpec { path: path.to_owned(), events: EventSpec::default(), flush_timeout, quiet_time }
    }

    /// Looks until nothing is new, and returns the records found.
    fn read_all(file: &mut FollowedFile, notices: &mut Vec<Notice>) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match file.look(notices).expect("the file can be read") {
                Progress::Idle => return found,
                Progress::Again => {}
                Progress::Batch(batch) => {
                    let values = batch.values.chunks_exact(2);
                    found.extend(values.map(|s| String::from_utf8_lossy(batch.slice(s[0], s[1])).into_owned()));
                }
            }
        }
    }

    #[test]
    fn a_file_is_followed_from_before_it_exists() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.log");
        let mut followed = FollowedFile::new(spec(&path, Duration::from_secs(3600)));
        let mut notices = Vec::new();
        assert_eq!(read_all(&mut followed, &mut notices), [""; 0]);

        let mut file = File::create(&path).expect("the file");
        write!(file, "one\ntw").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), ["one"]);
        writeln!(file, "o").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), ["two"]);

        fs::rename(&path, directory.path().join("app.log.1")).expect("the rename");
        writeln!(file, "three").expect("the write");
        fs::write(&path, "four\n").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), ["three", "four"]);
        assert_eq!(notices, []);
    }

    #[test]
    fn a_truncated_file_is_read_from_its_start() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.log");
        fs::write(&path, "one\ntwo\n").expect("the write");
        let mut followed = FollowedFile::new(spec(&path, Duration::from_secs(3600)));
        let mut notices = Vec::new();
        assert_eq!(read_all(&mut followed, &mut notices), ["one", "two"]);
        fs::write(&path, "new\n").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), ["new"]);
        assert_eq!(notices, [Notice::Truncated]);
    }

    #[test]
    fn an_unfinished_line_is_taken_when_its_time_is_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.log");
        fs::write(&path, "one\ntwo").expect("the write");
        let mut patient = FollowedFile::new(spec(&path, Duration::from_secs(3600)));
        assert_eq!(read_all(&mut patient, &mut Vec::new()), ["one"]);
        let mut hasty = FollowedFile::new(spec(&path, Duration::ZERO));
        assert_eq!(read_all(&mut hasty, &mut Vec::new()), ["one", "two"]);
    }

    #[test]
    fn a_directory_is_no_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut followed = FollowedFile::new(spec(directory.path(), Duration::ZERO));
        assert!(followed.look(&mut Vec::new()).is_err());
    }

    #[test]
    fn a_fifo_is_refused_without_waiting_for_its_writer() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
        assert!(made.success());
        let mut followed = FollowedFile::new(spec(&path, Duration::ZERO));
        let error = followed.look(&mut Vec::new()).expect_err("no regular file");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn what_was_read_before_a_truncation_is_kept() {
        let start = Some(Regex::new(r"\AB").expect("the pattern is valid"));
        let patterns = Patterns { start, continuation: None, end: None, discard_unmatched: false };
        let cases = [
            (Framing::Lines, "one\ntw", ["one", "tw"]),
            (Framing::Multiline(patterns), "B1\n a\nB2\n b\n", ["B1\n a", "B2\n b"]),
        ];
        for (framing, before, expected) in cases {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("app.log");
            fs::write(&path, before).expect("the write");
            let events = EventSpec { framing, ..EventSpec::default() };
            let mut followed = FollowedFile::new(FileSpec { events, ..spec(&path, Duration::from_secs(3600)) });
            let mut notices = Vec::new();
            assert_eq!(read_all(&mut followed, &mut notices), expected[..1]);
            fs::write(&path, "B\n").expect("the write");
            assert_eq!(read_all(&mut followed, &mut notices)[0], expected[1]);
            assert_eq!(notices, [Notice::Truncated]);
        }
    }

    #[test]
    fn a_renamed_file_is_read_until_it_is_quiet() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.log");
        let mut file = File::create(&path).expect("the file");
        writeln!(file, "one").expect("the write");
        let quiet_time = Duration::from_secs(3600);
        let mut followed = FollowedFile::new(FileSpec { quiet_time, ..spec(&path, quiet_time) });
        let mut notices = Vec::new();
        assert_eq!(read_all(&mut followed, &mut notices), ["one"]);

        fs::rename(&path, directory.path().join("app.log.1")).expect("the rename");
        fs::write(&path, "three\n").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), [""; 0]);
        writeln!(file, "two").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), ["two"]);
        followed.spec.quiet_time = Duration::ZERO;
        assert_eq!(read_all(&mut followed, &mut notices), ["three"]);
    }

    #[test]
    fn a_file_that_was_quiet_before_its_rename_is_not_left_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.log");
        fs::write(&path, "one\n").expect("the write");
        let mut followed = FollowedFile::new(spec(&path, Duration::ZERO));
        read_all(&mut followed, &mut Vec::new());
        let open = followed.open.as_mut().expect("the file is there");
        let long = Duration::from_secs(60);
        open.last_read = Instant::now().checked_sub(2 * long).expect("the machine is up for so long");
        let other = Some(Stat { id: FileId { inode: open.id.inode + 1, ..open.id }, len: Offset(0) });
        assert!(!open.is_quiet(other, long));
        assert!(open.is_quiet(other, Duration::ZERO));
        open.renamed = Some(open.last_read);
        assert!(open.is_quiet(other, long));
        assert!(!open.is_quiet(None, long));
    }

    #[test]
    fn a_file_shorter_than_its_length_is_idle() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.log");
        fs::write(&path, "one\ntwo").expect("the write");
        let mut followed = FollowedFile::new(spec(&path, Duration::from_secs(3600)));
        let mut notices = Vec::new();
        assert_eq!(read_all(&mut followed, &mut notices), ["one"]);
        let open = followed.open.as_mut().expect("the file is there");
        let patient = open.read(10, Duration::from_secs(3600), &mut notices).expect("the file can be read");
        assert!(matches!(patient, Progress::Idle), "{patient:?}");
        let hasty = open.read(10, Duration::ZERO, &mut notices).expect("the file can be read");
        assert!(matches!(hasty, Progress::Batch(_)), "{hasty:?}");
    }
}
