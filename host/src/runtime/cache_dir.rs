//! Where compiled components are kept.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use super::private_dir::{self, from_env};

/// Which directory that is: `chosen`, or the usual place of this user.
pub fn path(chosen: Option<&Path>) -> PathBuf {
    chosen.map_or_else(usual, Path::to_owned)
}

/// Opens the directory of compiled components, which nobody but this user can write to: `chosen`, or the usual place.
///
/// # Errors
/// The directory, and why it cannot be used.
pub fn open(chosen: Option<&Path>) -> Result<Dir, (PathBuf, io::Error)> {
    private_dir::open(path(chosen))
}

fn usual() -> PathBuf {
    let base = from_env("XDG_CACHE_HOME").or_else(|| from_env("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(|| PathBuf::from("/var/cache")).join("loglift")
}
