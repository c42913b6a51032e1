//! How many files may be open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Allows as many open files as the system lets this process ask for: the usual limit is far below the number of logs on a
/// busy machine.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        warn!(?current, ?maximum, %error, "the number of open files stays limited");
    }
}
