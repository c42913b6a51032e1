//! What keeps files from being found, for a person to hear of.

use std::path::PathBuf;

/// Something about a path that keeps it from being followed. It is reported once, until it has been right in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The kind of alarm, in capitals.
    pub kind: &'static str,
    /// What it is about.
    pub path: PathBuf,
    /// What is wrong, in one line.
    pub message: String,
}

/// Something is in the place of a file that is none: a FIFO, a device, a socket, or a directory that `FilePaths` names without
/// a wildcard; or no directory where one is expected.
pub const UNEXPECTED_FILE_TYPE: &str = "UNEXPECTED_FILE_TYPE_MODE_ALARM";

/// A symbolic link leads nowhere, and that is no matter of time.
pub const LINK_UNREADABLE: &str = "OPEN_LOGFILE_FAIL_ALARM";

/// A directory cannot be listed.
pub const DIRECTORY_UNREADABLE: &str = "LOGDIR_PERMISSION_ALARM";

/// The kernel does not tell of changes; directories are only polled.
pub const HINTS_UNAVAILABLE: &str = "REGISTER_INOTIFY_FAIL_ALARM";

/// There are more directories than the kernel is asked about; the others are only polled.
pub const TOO_MANY_HINTS: &str = "INOTIFY_DIR_NUM_LIMIT_ALARM";
