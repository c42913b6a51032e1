//! What `loglift checkpoint` looks at files for.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::checkpoint::import::{Files, Seen};
use crate::event::{FileId, Offset, SIGNATURE_BYTES};
use crate::input::stat::Stat;

/// The files of this machine.
pub(super) struct OnDisk;

impl Files for OnDisk {
    fn seen(&self, path: &Path) -> Option<Seen> {
        look(path).ok()
    }

    fn in_directory(&self, directory: &Path) -> Vec<(PathBuf, FileId)> {
        let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
        let mut found: Vec<_> =
            entries.flatten().filter_map(|entry| Some((entry.path(), id(&entry.path())?))).collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found
    }

    fn before(&self, path: &Path, offset: Offset) -> Option<Vec<u8>> {
        before(path, offset).ok()
    }
}

/// The file at a path.
pub(super) fn look(path: &Path) -> io::Result<Seen> {
    let file = open(path)?;
    let Stat { id, birth_ns, len, .. } = Stat::of(&file.metadata()?);
    let mut head = vec![0; SIGNATURE_BYTES.min(len.0 as usize)];
    file.read_exact_at(&mut head, 0)?;
    Ok(Seen { id, birth_ns, len, head })
}

/// The last bytes before an offset of the file at a path, as many as a signature is made of.
pub(super) fn before(path: &Path, offset: Offset) -> io::Result<Vec<u8>> {
    let start = offset.0.saturating_sub(SIGNATURE_BYTES as u64);
    let mut bytes = vec![0; (offset.0 - start) as usize];
    open(path)?.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}

/// Only a regular file is opened: opening a pipe waits for somebody to write to it.
fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    File::open(path)
}

fn id(path: &Path) -> Option<FileId> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(FileId { device: metadata.dev(), inode: metadata.ino() })
}
