//! Where compiled components are kept.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// Opens the directory of compiled components, which nobody but this user can write to: `chosen`, or the usual place.
///
/// # Errors
/// The directory, and why it cannot be used.
pub fn open(chosen: Option<&Path>) -> Result<Dir, (PathBuf, io::Error)> {
    let path = chosen.map_or_else(usual, Path::to_owned);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
    made.and_then(|()| Dir::open_ambient_dir(&path, ambient_authority())).map_err(|error| (path, error))
}

fn usual() -> PathBuf {
    let of_user = |variable: &str| std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let base = of_user("XDG_CACHE_HOME").or_else(|| of_user("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(|| PathBuf::from("/var/cache")).join("loglift")
}
