//! Finds files again that have another name by now, by number or by content.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::event::{FileId, Offset, Position, SIGNATURE_BYTES, Signature};
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
        Self::of(File::options().read(true).custom_flags(O_NONBLOCK).open(path)?, path.to_owned())
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

/// Finds a file in a directory and up to `depth` levels below it, by its number.
pub fn by_id(directory: &Path, id: FileId, depth: u64) -> Option<Found> {
    let mut below = Vec::new();
    for entry in fs::read_dir(directory).ok()?.flatten() {
        if entry.ino() == id.inode
            && let Ok(found) = Found::open(&entry.path())
            && found.stat.id.inode == id.inode
        {
            return Some(found);
        }
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below.push(entry.path());
        }
    }
    below.iter().find_map(|directory| by_id(directory, id, depth - 1))
}

/// The paths of all files of a directory, none if it cannot be read. Read again while files are renamed: one that gets
/// another name meanwhile can be missing.
pub fn all_in(directory: &Path) -> Vec<PathBuf> {
    let list = || {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut files: Vec<(u64, PathBuf)> = entries.map(|entry| (entry.ino(), entry.path())).collect();
        files.sort();
        files
    };
    let mut files = list();
    for _ in 0..LISTINGS {
        let again = list();
        if std::mem::replace(&mut files, again.clone()) == again {
            break;
        }
    }
    files.into_iter().map(|(_, path)| path).collect()
}

/// Files beside `path` whose names were made of its name by rotation, which are not compressed.
pub fn rotated_siblings(path: &Path) -> Vec<Found> {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let is_sibling = |name: &OsStr| is_rotated_name(base.as_bytes(), name.as_bytes());
    let names = entries.flatten().map(|entry| entry.file_name());
    let names = names.filter(|name| is_sibling(name) && !is_compressed_name(name.as_bytes()));
    names.filter_map(|name| Found::open(&directory.join(name)).ok()).collect()
}

/// Whether a compressed file lies beside `path` whose name was made of its name by rotation.
pub fn has_compressed_sibling(path: &Path) -> bool {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name()) else { return false };
    let Ok(mut entries) = fs::read_dir(directory) else { return false };
    entries.any(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            is_compressed_name(name.as_bytes()) && is_rotated_name(base.as_bytes(), name.as_bytes())
        })
    })
}

/// Finds the copy that was made of the file `original` at `path` before that was truncated: it has the same first bytes,
/// and the same bytes before the position.
pub fn copy_of(path: &Path, original: FileId, head: Signature, position: &Position) -> Option<Found> {
    if head.len == 0 {
        return None;
    }
    let is_copy = |found: &Found| {
        found.stat.id != original
            && found.stat.len >= position.offset.max(Offset(u64::from(head.len)))
            && found.head().is_ok_and(|bytes| head.begins(&bytes))
            && found.before(position).is_ok_and(|bytes| Signature::of(&bytes) == position.tail)
    };
    // The latest, if there are several: an older one may begin in the same way.
    rotated_siblings(path).into_iter().filter(is_copy).max_by_key(|found| found.stat.modified_ns)
}

/// How often a directory that changes is read again.
const LISTINGS: usize = 10;

/// Opening a FIFO does not wait for its writer, so that it can be refused. From Linux' `asm-generic/fcntl.h`, which holds
/// for the architectures that we build for.
const O_NONBLOCK: i32 = 0o4000;

#[cfg(test)]
mod tests {
    use super::*;

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
        let find = || copy_of(&path, original, head, &position).map(|found| found.path);
        assert_eq!(find(), None);
        write("app.log.2", "one\nTWO\nthree\n");
        write("app.log.3", "one\n");
        write("other.log.1", "one\ntwo\nthree\n");
        assert_eq!(find(), None);
        let copy = write("app.log.1", "one\ntwo\nthree\n");
        assert_eq!(find(), Some(copy));
    }

    #[test]
    fn a_renamed_file_is_found_by_its_number() {
        let directory = tempfile::tempdir().expect("a directory");
        let old = directory.path().join("old");
        fs::create_dir(&old).expect("the directory");
        let path = old.join("anything");
        fs::write(&path, "one\n").expect("the write");
        let id = Found::open(&path).expect("the file").stat.id;
        assert!(by_id(directory.path(), id, 0).is_none());
        assert_eq!(by_id(directory.path(), id, 1).map(|found| found.path), Some(path));
    }
}
