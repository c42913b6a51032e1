//! Finds files again that have another name by now, by number or by content.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, FileExt};
use std::path::{Path, PathBuf};

use crate::event::{FileId, Offset, Position, SIGNATURE_BYTES, Signature};
use crate::input::follow::disk;
use crate::input::follow::related::{is_compressed_name, is_rotated_name};
use crate::input::stat::Stat;

/// An open file and what it is.
#[derive(Debug)]
pub struct Found {
    /// The path that leads to it.
    pub path: PathBuf,
    /// The file.
    pub file: File,
    /// What the file system says of it.
    pub stat: Stat,
}

impl Found {
    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// Those of opening, and [`io::ErrorKind::InvalidInput`] for what is no regular file. A FIFO is not waited for.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(disk::open(path)?, path.to_owned())
    }

    /// An open file, which `path` leads to.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(file: File, path: PathBuf) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { path, file, stat: Stat::of(&metadata) })
    }

    /// The first bytes of the file, as many as make a signature.
    ///
    /// # Errors
    /// Those of reading.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        read_at(&self.file, 0, SIGNATURE_BYTES)
    }

    /// The bytes before a position, as many as its signature is of. Fewer if the file is shorter.
    ///
    /// # Errors
    /// Those of reading.
    pub fn before(&self, position: &Position) -> io::Result<Vec<u8>> {
        let len = u64::from(position.tail.len);
        read_at(&self.file, position.offset.0.saturating_sub(len), len as usize)
    }
}

/// The bytes from `offset` on, up to `len` of them.
///
/// # Errors
/// Those of reading.
pub fn read_at(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut read = 0;
    while read < len {
        match file.read_at(&mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(came) => read += came,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// Where a file is by now.
#[derive(Debug)]
pub enum Whereabouts {
    /// There, and open.
    Open(Found),
    /// There, and it cannot be opened.
    Closed(PathBuf, io::Error),
    /// Not in any directory that could be looked at; this one could not be.
    Unknown(PathBuf, io::Error),
    /// Not there.
    Nowhere,
}

/// Finds a file in a directory and up to `depth` levels below it, by its number. What lies below and is closed to the agent is
/// passed over. A file that can be opened may be another one with that number: who asks compares more.
pub fn by_id(directory: &Path, id: FileId, birth_ns: Option<i64>, depth: u64) -> Whereabouts {
    let unknown = |error: io::Error| match disk::is_absence(&error) {
        true => Whereabouts::Nowhere,
        false => Whereabouts::Unknown(directory.to_owned(), error),
    };
    let entries = match disk::entries(directory) {
        Ok(entries) => entries,
        Err(error) => return unknown(error),
    };
    let mut whereabouts = Whereabouts::Nowhere;
    let mut below = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                whereabouts = unknown(error);
                break;
            }
        };
        if entry.ino() == id.inode {
            match Found::open(&entry.path()) {
                Ok(found) if found.stat.id.inode == id.inode => return Whereabouts::Open(found),
                Err(error) if !disk::is_absence(&error) && may_be_born(&entry.path(), birth_ns) => {
                    return Whereabouts::Closed(entry.path(), error);
                }
                // It was renamed just now, is a link, or another one.
                Ok(_) | Err(_) => {}
            }
        }
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below.push(entry.path());
        }
    }
    let in_one = |directory: &PathBuf| match by_id(directory, id, birth_ns, depth - 1) {
        Whereabouts::Unknown(_, error) if disk::is_refusal(&error) => Whereabouts::Nowhere,
        whereabouts => whereabouts,
    };
    below.iter().fold(whereabouts, |known, directory| known.or_else(|| in_one(directory)))
}

/// Whether a file that cannot be opened may have been made at a time.
fn may_be_born(path: &Path, birth_ns: Option<i64>) -> bool {
    disk::stat(path).map_or(true, |stat| birth_ns.is_none() || stat.birth_ns.is_none() || stat.birth_ns == birth_ns)
}

impl Whereabouts {
    /// Looks on where the file was not found. That a place could not be looked at is remembered.
    pub fn or_else(self, look: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Nowhere => look(),
            Self::Unknown(..) => match look() {
                Self::Nowhere => self,
                found => found,
            },
            found => found,
        }
    }
}

/// Opens the files of a directory whose names are `wanted`, none if there is no such directory. Begins again while files are
/// renamed: one that gets another name meanwhile can be missing, or be taken for the one that had it before.
///
/// # Errors
/// Those of reading the directory, after which nothing is known of its files.
pub fn open_all(directory: &Path, wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<(PathBuf, io::Result<Found>)>> {
    let list = || -> io::Result<Vec<(u64, PathBuf)>> {
        let entries = match disk::entries(directory) {
            Err(error) if disk::is_refusal(&error) => return Ok(Vec::new()),
            entries => entries?,
        };
        let files = entries.map(|entry| entry.map(|entry| (entry.ino(), entry.path())));
        let is_wanted = |(_, path): &(u64, PathBuf)| path.file_name().is_some_and(|name| wanted(name.as_bytes()));
        let mut files: Vec<_> =
            files.filter(|file| file.as_ref().map_or(true, is_wanted)).collect::<io::Result<_>>()?;
        files.sort();
        Ok(files)
    };
    let mut listed = list()?;
    let mut opened = Vec::new();
    for _ in 0..LISTINGS {
        opened = listed.iter().map(|(_, path)| (path.clone(), Found::open(path))).collect();
        let again = list()?;
        if std::mem::replace(&mut listed, again.clone()) == again {
            break;
        }
    }
    Ok(opened)
}

/// Files beside `path` whose names were made of its name by rotation, which are not compressed and may be read.
///
/// # Errors
/// Those of reading the directory and of opening, after which it is not known which files there are.
pub fn rotated_siblings(path: &Path) -> io::Result<Vec<Found>> {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name()) else { return Ok(Vec::new()) };
    let is_sibling = |name: &[u8]| is_rotated_name(base.as_bytes(), name) && !is_compressed_name(name);
    let siblings = open_all(directory, is_sibling)?.into_iter().map(|(_, found)| found);
    siblings.filter(|found| !found.as_ref().is_err_and(disk::is_refusal)).collect()
}

/// Whether a compressed file lies beside `path` whose name was made of its name by rotation.
pub fn has_compressed_sibling(path: &Path) -> bool {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name()) else { return false };
    let Ok(mut entries) = disk::entries(directory) else { return false };
    entries.any(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            is_compressed_name(name.as_bytes()) && is_rotated_name(base.as_bytes(), name.as_bytes())
        })
    })
}

/// Finds the copy that was made of the file `original` at `path` before that was truncated: it has the same first bytes,
/// and the same bytes before the position.
///
/// # Errors
/// Those of reading directory and files, after which it is not known whether there is one.
pub fn copy_of(path: &Path, original: FileId, head: Signature, position: &Position) -> io::Result<Option<Found>> {
    if head.len == 0 {
        return Ok(None);
    }
    let least = position.offset.max(Offset(u64::from(head.len)));
    let mut latest: Option<Found> = None;
    for found in rotated_siblings(path)? {
        let may_be = found.stat.id != original && found.stat.len >= least;
        // The latest, if there are several: an older one may begin in the same way.
        let is_latest = latest.as_ref().is_none_or(|latest| latest.stat.modified_ns <= found.stat.modified_ns);
        if may_be
            && is_latest
            && head.begins(&found.head()?)
            && Signature::of(&found.before(position)?) == position.tail
        {
            latest = Some(found);
        }
    }
    Ok(latest)
}

/// How often a directory that changes is read again.
const LISTINGS: usize = 10;

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::io::Errno;

    use super::*;
    use crate::input::follow::disk::faults;

    #[test]
    fn a_copy_is_known_by_what_it_begins_with_and_by_what_was_read_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).expect("the write");
            path
        };
        let path = write("app.log", "new\n");
        let original = Found::open(&path).expect("the file").stat.id;
        let position = Position { offset: Offset(8), mid_record: false, tail: Signature::of(b"one\ntwo\n") };
        let head = Signature::of(b"one\n");
        let find = || copy_of(&path, original, head, &position).map(|found| found.map(|found| found.path)).ok();
        assert_eq!(find(), Some(None));
        write("app.log.2", "one\nTWO\nthree\n");
        write("app.log.3", "one\n");
        write("other.log.1", "one\ntwo\nthree\n");
        assert_eq!(find(), Some(None));
        let copy = write("app.log.1", "one\ntwo\nthree\n");
        assert_eq!(find(), Some(Some(copy.clone())));
        // Not to be read at all, or not just now.
        faults::set(copy.clone(), Errno::ACCESS);
        assert_eq!(find(), Some(None));
        for unknown in [copy, directory.path().to_owned()] {
            faults::set(unknown, Errno::MFILE);
            assert_eq!(find(), None);
            faults::clear();
        }
    }

    #[test]
    fn a_renamed_file_is_found_by_its_number() {
        let directory = tempfile::tempdir().expect("a directory");
        let old = directory.path().join("old");
        fs::create_dir(&old).expect("the directory");
        let path = old.join("anything");
        fs::write(&path, "one\n").expect("the write");
        let id = Found::open(&path).expect("the file").stat.id;
        assert!(matches!(by_id(directory.path(), id, None, 0), Whereabouts::Nowhere));
        assert!(matches!(by_id(directory.path(), id, None, 1), Whereabouts::Open(found) if found.path == path));
        assert!(matches!(by_id(&path, id, None, 1), Whereabouts::Nowhere));
        faults::set(path.clone(), Errno::ACCESS);
        assert!(matches!(by_id(directory.path(), id, None, 1), Whereabouts::Closed(found, _) if found == path));
        assert!(matches!(by_id(directory.path(), id, Some(1), 1), Whereabouts::Nowhere), "it is another one");
        faults::set(old.clone(), Errno::MFILE);
        assert!(matches!(by_id(directory.path(), id, None, 1), Whereabouts::Unknown(unknown, _) if unknown == old));
    }
}
