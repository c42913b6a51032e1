//! One writer for each data directory.

use std::io::{self, Read, Write};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::{FlockOperation, flock};

/// The lock of a data directory, as long as it lives. The system lets go of it when the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub(super) enum LockError {
    /// Somebody has it: the process of this number, if it said so.
    Held(Option<u32>),
    /// It could not be tried.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock without waiting.
    pub(super) fn take(directory: &Dir) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let mut file = directory.open_with(FILE, &options)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held(holder(&mut file))),
            Err(error) => return Err(LockError::Io(error.into())),
        }
        // The number is for messages only: a full disk must not keep the agent from starting.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Its name in the data directory.
const FILE: &str = "lock";

/// More than any number of a process has.
const MAX_BYTES: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Dir::open_ambient_dir(directory.path(), cap_std::ambient_authority()).unwrap();
        let first = Lock::take(&open()).unwrap();
        let second = Lock::take(&open()).unwrap_err();
        assert!(matches!(second, LockError::Held(Some(pid)) if pid == std::process::id()), "{second:?}");
        drop(first);
        assert!(Lock::take(&open()).is_ok());
    }
}
