//! The files of a spool, as thin as can be: what to write when is up to [`queue`](super::queue).

use std::io::{self, Write};

use cap_std::fs::{Dir, File, FileExt, OpenOptions, OpenOptionsExt};

/// The directory of a spool.
#[derive(Debug)]
pub(super) struct Disk {
    directory: Dir,
}

/// What a directory has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The numbers of the segments, in order.
    pub(super) segments: Vec<u64>,
    /// The numbers of the segments that there are marks for, in order.
    pub(super) marks: Vec<u64>,
    /// How many bytes are kept aside.
    pub(super) bad_bytes: u64,
}

impl Disk {
    /// The directory at `path` below another one, which is made if it is missing.
    pub(super) fn open(above: &Dir, path: &[&str]) -> io::Result<Self> {
        let mut directory = above.try_clone()?;
        for name in path {
            match directory.create_dir(name) {
                Ok(()) => sync_directory(&directory)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            directory = directory.open_dir(name)?;
        }
        Ok(Self { directory })
    }

    /// A directory to look at.
    pub(super) fn existing(directory: Dir) -> Self {
        Self { directory }
    }

    /// What there is. Files with other names are nobody's business here.
    pub(super) fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in self.directory.entries()? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let Some((stem, extension)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            match (extension, number(stem)) {
                _ if !kind.is_file() => {}
                ("segment", Some(number)) => listing.segments.push(number),
                ("done", Some(number)) => listing.marks.push(number),
                ("bad", None) => listing.bad_bytes += entry.metadata()?.len(),
                _ => {}
            }
        }
        listing.segments.sort_unstable();
        listing.marks.sort_unstable();
        Ok(listing)
    }

    /// Makes a segment.
    pub(super) fn create(&self, number: u64) -> io::Result<File> {
        self.directory.open_with(segment_name(number), writable().create_new(true))
    }

    /// Opens a segment to read from.
    pub(super) fn open_segment(&self, number: u64) -> io::Result<File> {
        self.directory.open(segment_name(number))
    }

    /// Reads a segment. What cannot be read of it is zeros.
    pub(super) fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        let file = self.open_segment(number)?;
        let len = file.metadata()?.len();
        read_what_can_be_read(len, &|bytes, at| file.read_at(bytes, at))
    }

    /// Reads what a segment begins with, and at most `limit` bytes. What cannot be read is empty.
    pub(super) fn read_begin(&self, number: u64, limit: usize) -> io::Result<Vec<u8>> {
        let file = self.open_segment(number)?;
        let mut begin = vec![0; limit];
        let len = file.read_at(&mut begin, 0).unwrap_or(0);
        begin.truncate(len);
        Ok(begin)
    }

    /// Takes off what a segment has behind its first `len` bytes.
    pub(super) fn truncate(&self, number: u64, len: u64) -> io::Result<()> {
        let file = self.directory.open_with(segment_name(number), &writable())?;
        file.set_len(len)?;
        file.sync_all()
    }

    /// Removes a segment and its marks.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        if_exists(self.directory.remove_file(segment_name(number)))?;
        // Marks go last: they do no harm without the segment, but the segment without them is sent again.
        self.remove_marks(number)
    }

    /// Removes the marks of a segment.
    pub(super) fn remove_marks(&self, number: u64) -> io::Result<()> {
        if_exists(self.directory.remove_file(marks_name(number))).map(drop)
    }

    /// The marks of a segment.
    pub(super) fn read_marks(&self, number: u64) -> io::Result<Vec<u8>> {
        Ok(if_exists(self.directory.read(marks_name(number)))?.unwrap_or_default())
    }

    /// Adds marks of `mark_bytes` each, and returns the file. After an error, some may be there.
    pub(super) fn mark(&self, number: u64, marks: &[u8], mark_bytes: u64) -> io::Result<File> {
        let file = self.directory.open_with(marks_name(number), writable().create(true))?;
        let len = file.metadata()?.len();
        // A crash or a full disk may have left half a mark.
        file.write_all_at(marks, len - len % mark_bytes)?;
        Ok(file)
    }

    /// Keeps damaged bytes in a file, durably. Returns its name, and whether it was there already.
    pub(super) fn keep_aside(&self, number: u64, bytes: &[u8]) -> io::Result<(String, bool)> {
        for copy in 1_u64.. {
            let name = format!("{number:012}-{copy}.bad");
            match self.directory.open_with(&name, writable().create_new(true)) {
                Ok(mut file) => {
                    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
                        self.directory.remove_file(&name)?;
                        return Err(error);
                    }
                    self.sync()?;
                    return Ok((name, false));
                }
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) if self.directory.read(&name)? == bytes => return Ok((name, true)),
                Err(_) => {}
            }
        }
        unreachable!("no directory has so many files")
    }

    /// Returns once files that were made or removed would survive as such.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_directory(&self.directory)
    }
}

/// The name of a segment.
pub(super) fn segment_name(number: u64) -> String {
    format!("{number:012}.segment")
}

fn marks_name(number: u64) -> String {
    format!("{number:012}.done")
}

/// The number that a name has, if it is written as we write it.
fn number(stem: &str) -> Option<u64> {
    stem.parse().ok().filter(|number| format!("{number:012}") == stem)
}

fn sync_directory(directory: &Dir) -> io::Result<()> {
    directory.open(".")?.sync_all()
}

/// Reads as much as possible: of a disk with bad blocks, all but those.
fn read_what_can_be_read(len: u64, read_at: &dyn Fn(&mut [u8], u64) -> io::Result<usize>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let (mut at, mut end) = (0, bytes.len());
    while at < bytes.len() {
        match read_at(&mut bytes[at..end], at as u64) {
            Ok(0) => break,
            Ok(count) => {
                at += count;
                end = if at < end { end } else { bytes.len() };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if end - at > BLOCK_BYTES => end = at + BLOCK_BYTES,
            Err(_) => {
                bytes[at..end].fill(0);
                (at, end) = (end, bytes.len().min(end + BLOCK_BYTES));
            }
        }
    }
    bytes.truncate(at);
    Ok(bytes)
}

/// A result, or `None` if something is not there.
pub(super) fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// A file that only this user can read.
fn writable() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// What a disk reads at once at the least.
const BLOCK_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_blocks_are_zeros_and_the_others_are_read() {
        let disk: Vec<u8> = (0..BLOCK_BYTES * 5 + 7).map(|at| at as u8 | 1).collect();
        let is_bad = |block: usize| block == 1 || block == 3;
        let read_at = |bytes: &mut [u8], at: u64| {
            let at = at as usize;
            let count = bytes.len().min(disk.len() - at).min(BLOCK_BYTES * 2);
            if (at / BLOCK_BYTES..=(at + count - 1) / BLOCK_BYTES).any(is_bad) {
                return Err(io::Error::other("bad block"));
            }
            bytes[..count].copy_from_slice(&disk[at..at + count]);
            Ok(count)
        };
        let mut expected = disk.clone();
        expected[BLOCK_BYTES..BLOCK_BYTES * 2].fill(0);
        expected[BLOCK_BYTES * 3..BLOCK_BYTES * 4].fill(0);
        let read = read_what_can_be_read(disk.len() as u64, &read_at).unwrap();
        assert!(read == expected);
        assert!(read_what_can_be_read(9, &|_, _| Ok(0)).unwrap().is_empty(), "it has become shorter");
    }
}
