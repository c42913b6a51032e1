//! Where what must survive a restart is kept: checkpoints above all.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::private_dir::{self, from_env};

/// Which directory that is: `chosen`, or the usual place of this user.
pub fn path(chosen: Option<&Path>) -> PathBuf {
    chosen.map_or_else(|| usual(rustix::process::geteuid().is_root(), &from_env), Path::to_owned)
}

/// Opens the data directory, which nobody but this user can write to, and makes it if it is missing.
///
/// # Errors
/// The directory, and why it cannot be used.
pub fn open(chosen: Option<&Path>) -> Result<Dir, (PathBuf, io::Error)> {
    private_dir::open(path(chosen))
}

/// Opens the data directory to look at, whoever it belongs to.
///
/// # Errors
/// The directory, and why it cannot be opened.
pub fn open_existing(chosen: Option<&Path>) -> Result<Dir, (PathBuf, io::Error)> {
    let path = path(chosen);
    Dir::open_ambient_dir(&path, ambient_authority()).map_err(|error| (path, error))
}

fn usual(is_root: bool, env: &dyn Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let of_user = || env("HOME").filter(|_| !is_root).map(|home| home.join(".local/state"));
    env("XDG_STATE_HOME").or_else(of_user).unwrap_or_else(|| PathBuf::from("/var/lib")).join("loglift")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_and_a_person_have_usual_places() {
        let check = |is_root, variables: &[(&str, &str)], expected: &str| {
            let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, path)| PathBuf::from(path));
            assert_eq!(usual(is_root, &env), Path::new(expected));
        };
        check(true, &[("HOME", "/root")], "/var/lib/loglift");
        check(true, &[("HOME", "/root"), ("XDG_STATE_HOME", "/state")], "/state/loglift");
        check(false, &[("HOME", "/home/ana")], "/home/ana/.local/state/loglift");
        check(false, &[("HOME", "/home/ana"), ("XDG_STATE_HOME", "/state")], "/state/loglift");
        check(false, &[], "/var/lib/loglift");
    }
}
