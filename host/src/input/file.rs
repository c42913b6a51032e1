//! Follows one file: opens it when it is there, and reads what it has.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::chunk::{Chunker, Notice};
use super::frame::Framing;
use super::tail::{Stat, Step, step};
use crate::event::{EventBatch, FileId, Offset, Source};

/// What the config says of a file to follow.
#[derive(Debug, Clone)]
pub struct FileSpec {
    /// The path.
    pub path: PathBuf,
    /// What a record is.
    pub framing: Framing,
    /// An unfinished last record is taken as it is when nothing came for so long.
    pub flush_timeout: Duration,
    /// The tags of all its batches; `__path__` is added.
    pub tags: Vec<(String, String)>,
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
}

/// What a look at the file gave.
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
        let len = Offset(open.file.metadata()?.len());
        match step(open.id, open.chunker.read_to(), len, stat(&self.spec.path)?) {
            Step::Read => open.read(notices),
            Step::Wait => Ok(open.flush_if_idle(self.spec.flush_timeout, notices)),
            Step::Restart => {
                notices.push(Notice::Truncated);
                self.open = None;
                Ok(Progress::Again)
            }
            Step::Follow => {
                let last = open.chunker.finish();
                open.chunker.take_notices(notices);
                self.open = None;
                Ok(last.map_or(Progress::Again, Progress::Batch))
            }
        }
    }

    fn try_open(&mut self) -> io::Result<Progress> {
        let file = match File::open(&self.spec.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Progress::Idle),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let id = file_id(&metadata);
        let source = Source { path: self.spec.path.clone(), file: Some(id) };
        let mut tags = vec![("__path__".to_owned(), self.spec.path.to_string_lossy().into_owned())];
        tags.extend_from_slice(&self.spec.tags);
        let chunker = Chunker::new(source, tags, self.spec.framing.clone());
        self.open = Some(OpenFile { file, id, chunker, last_read: Instant::now() });
        Ok(Progress::Again)
    }
}

impl OpenFile {
    fn read(&mut self, notices: &mut Vec<Notice>) -> io::Result<Progress> {
        let (_, batch) = self.chunker.read(&mut &self.file)?;
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn spec(path: &Path, flush_timeout: Duration) -> FileSpec {
        FileSpec { path: path.to_owned(), framing: Framing::Lines, flush_timeout, tags: Vec::new() }
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
        write!(file, "o\n").expect("the write");
        assert_eq!(read_all(&mut followed, &mut notices), ["two"]);

        fs::rename(&path, directory.path().join("app.log.1")).expect("the rename");
        write!(file, "three\n").expect("the write");
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
}
