//! The few ways in which the file system is asked about files that are followed. Tests let them fail here.

use std::fs::{self, File, ReadDir};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::io::Errno;

use crate::input::stat::Stat;

/// Opens a file for reading. A FIFO is not waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    #[cfg(test)]
    faults::check(path)?;
    let opened = File::options().read(true).custom_flags(O_NONBLOCK).open(path);
    #[cfg(test)]
    faults::opened(path);
    opened
}

/// What a path leads to.
pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    #[cfg(test)]
    faults::check_stat(path)?;
    fs::metadata(path).map(|metadata| Stat::of(&metadata))
}

/// What is in a directory.
pub(super) fn entries(directory: &Path) -> io::Result<ReadDir> {
    #[cfg(test)]
    faults::check(directory)?;
    fs::read_dir(directory)
}

/// Whether an error says that there is no such file, or none that lines can be read from. Any other one, such as a lack of
/// handles or a disk that fails, says nothing about the file: it has to be looked for again.
pub(super) fn is_absence(error: &io::Error) -> bool {
    let absences = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NXIO].map(Errno::raw_os_error);
    error.kind() == io::ErrorKind::InvalidInput || error.raw_os_error().is_some_and(|found| absences.contains(&found))
}

/// Whether an error says that there is nothing for this agent: not there, or not allowed.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    is_absence(error) || error.kind() == io::ErrorKind::PermissionDenied
}

/// Opening a FIFO does not wait for its writer, so that it can be refused. From Linux' `asm-generic/fcntl.h`, which holds
/// for the architectures that we build for.
const O_NONBLOCK: i32 = 0o4000;

/// Paths that cannot be opened or listed, and what happens just then, in tests.
#[cfg(test)]
pub(super) mod faults {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::path::PathBuf;

    use super::{Errno, Path, io};

    thread_local! {
        /// Of each path, the error. A test has its thread for itself.
        static FAULTS: RefCell<HashMap<PathBuf, Errno>> = RefCell::default();
        /// What is done when a path was opened, once.
        static DEEDS: RefCell<HashMap<PathBuf, Box<dyn FnOnce()>>> = RefCell::default();
    }

    /// Lets a path fail from now on.
    pub(in crate::input::follow) fn set(path: PathBuf, error: Errno) {
        FAULTS.with_borrow_mut(|faults| faults.insert(path, error));
    }

    /// Does something when a path was opened next.
    pub(in crate::input::follow) fn when_opened(path: PathBuf, deed: impl FnOnce() + 'static) {
        DEEDS.with_borrow_mut(|deeds| deeds.insert(path, Box::new(deed)));
    }

    pub(super) fn opened(path: &Path) {
        if let Some(deed) = DEEDS.with_borrow_mut(|deeds| deeds.remove(path)) {
            deed();
        }
    }

    /// Lets no path fail any more, and nothing happen.
    pub(in crate::input::follow) fn clear() {
        FAULTS.with_borrow_mut(HashMap::clear);
        DEEDS.with_borrow_mut(HashMap::clear);
    }

    /// Whether a path fails.
    pub(in crate::input::follow) fn is_any() -> bool {
        FAULTS.with_borrow(|faults| !faults.is_empty())
    }

    /// Only a handle that is stale keeps from asking for a file.
    pub(super) fn check_stat(path: &Path) -> io::Result<()> {
        let is_stale = FAULTS.with_borrow(|faults| faults.get(path) == Some(&Errno::STALE));
        if is_stale { Err(Errno::STALE.into()) } else { Ok(()) }
    }

    pub(super) fn check(path: &Path) -> io::Result<()> {
        FAULTS.with_borrow(|faults| faults.get(path).map_or(Ok(()), |error| Err((*error).into())))
    }
}
