//! Where compiled components are kept.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt};

/// Opens the directory of compiled components, which nobody but this user can write to: `chosen`, or the usual place.
///
/// # Errors
/// The directory, and why it cannot be used.
pub fn open(chosen: Option<&Path>) -> Result<Dir, (PathBuf, io::Error)> {
    let path = chosen.map_or_else(usual, Path::to_owned);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
    let opened = made.and_then(|()| Dir::open_ambient_dir(&path, ambient_authority()));
    opened.and_then(check_private).map_err(|error| (path, error))
}

/// Machine code is only loaded from a directory that is this user's own.
fn check_private(directory: Dir) -> io::Result<Dir> {
    let metadata = directory.dir_metadata()?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user || metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        let message = "it belongs to another user, or others can write to it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(directory)
}

/// The mode bits that let group and others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

fn usual() -> PathBuf {
    let of_user = |variable: &str| std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let base = of_user("XDG_CACHE_HOME").or_else(|| of_user("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(|| PathBuf::from("/var/cache")).join("loglift")
}
