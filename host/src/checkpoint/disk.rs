//! The files of the store, as thin as can be: what to write when is up to [`store`](super::store).

use std::io::{self, Write};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};

use crate::telemetry::failpoint;

/// Where a journal is kept. Tests have one that fails when they want it to.
pub(super) trait Medium: std::fmt::Debug + Send {
    /// Writes at the end of the journal. After an error, any part of `bytes` may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything that was appended would survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes off what is behind the first `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Writes a new journal beside the old one, and returns once it would survive. The old one is untouched.
    fn prepare(&mut self, content: &[u8]) -> io::Result<()>;

    /// Puts the new journal in the place of the old one. After an error, either may be there after a crash.
    fn replace(&mut self) -> io::Result<()>;
}

/// A journal in a directory.
#[derive(Debug)]
pub(super) struct Disk {
    directory: Dir,
    journal: Option<File>,
    prepared: Option<File>,
}

impl Disk {
    /// The journal of `directory`, which may not be there yet.
    pub(super) fn new(directory: Dir) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let journal = if_exists(directory.open_with(JOURNAL, options.append(true)))?;
        let disk = Self { directory, journal, prepared: None };
        if disk.journal.is_some() {
            disk.mark()?;
        }
        Ok(disk)
    }

    /// Keeps the journal as it is under another name as well, which it returns.
    pub(super) fn keep_aside(&self) -> io::Result<String> {
        for number in 1_u64.. {
            let name = format!("{JOURNAL}.corrupt-{number}");
            match self.directory.hard_link(JOURNAL, &self.directory, &name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Ok(()) => return Ok(name),
                // Not every file system has links.
                Err(_) => return self.directory.copy(JOURNAL, &self.directory, &name).map(|_| name),
            }
        }
        unreachable!("no directory has so many files")
    }

    /// Leaves a mark that there is a journal here, if there is none.
    fn mark(&self) -> io::Result<()> {
        if self.directory.try_exists(MARK)? {
            return Ok(());
        }
        let mut file = self.directory.open_with(MARK, &new_file())?;
        file.write_all(b"Checkpoints were made here. If their file is missing, that is an accident.\n")?;
        file.sync_all()?;
        self.sync_directory()
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.journal.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.directory.open(".")?.sync_all()
    }
}

impl Medium for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        failpoint::hit("checkpoint-write");
        self.file()?.write_all(bytes)?;
        failpoint::hit("checkpoint-written");
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_data()?;
        failpoint::hit("checkpoint-synced");
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file()?.set_len(len)
    }

    fn prepare(&mut self, content: &[u8]) -> io::Result<()> {
        self.prepared = None;
        let mut file = self.directory.open_with(UNFINISHED, &new_file())?;
        let written = file.set_len(0).and_then(|()| file.write_all(content)).and_then(|()| file.sync_all());
        if written.is_err() {
            // On a full disk, the room is needed by what is appended to the old journal.
            let _ = self.directory.remove_file(UNFINISHED);
        }
        written?;
        self.prepared = Some(file);
        Ok(())
    }

    fn replace(&mut self) -> io::Result<()> {
        failpoint::hit("checkpoint-rename");
        self.directory.rename(UNFINISHED, &self.directory, JOURNAL)?;
        failpoint::hit("checkpoint-renamed");
        self.journal = self.prepared.take();
        self.sync_directory()?;
        self.mark()
    }
}

/// What a directory has of a store.
#[derive(Debug)]
pub(super) struct Found {
    /// The journal.
    pub(super) journal: Option<Vec<u8>>,
    /// A journal that was to replace it.
    pub(super) unfinished: Option<Vec<u8>>,
    /// Whether there was a journal once.
    pub(super) existed: bool,
}

impl Found {
    /// Reads what there is.
    pub(super) fn in_directory(directory: &Dir) -> io::Result<Self> {
        Ok(Self {
            journal: if_exists(directory.read(JOURNAL))?,
            unfinished: if_exists(directory.read(UNFINISHED))?,
            existed: directory.try_exists(MARK)?,
        })
    }
}

fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// A file that only this user can read: paths say something about a machine.
fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options
}

/// The name of the journal.
const JOURNAL: &str = "checkpoints";

/// The name of a journal that is being written anew.
const UNFINISHED: &str = "checkpoints.new";

/// The name of the mark that there was a journal.
const MARK: &str = "checkpoints.known";
