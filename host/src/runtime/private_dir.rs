//! Directories that belong to the agent's user alone.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt};

/// Opens a directory that nobody but this user can write to, and makes it if it is missing.
///
/// # Errors
/// The directory, and why it cannot be used.
pub(super) fn open(path: PathBuf) -> Result<Dir, (PathBuf, io::Error)> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
    let opened = made.and_then(|()| Dir::open_ambient_dir(&path, ambient_authority()));
    opened.and_then(check_private).map_err(|error| (path, error))
}

/// Machine code and checkpoints are only taken from a directory that is this user's own.
fn check_private(directory: Dir) -> io::Result<Dir> {
    let metadata = directory.dir_metadata()?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user || metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        let message = "it belongs to another user, or others can write to it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(directory)
}

/// A variable of the environment that names a path, if it is there and not empty.
pub(super) fn from_env(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The mode bits that let group and others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
