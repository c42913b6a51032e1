//! Whether a directory can be granted to a component.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a directory cannot be granted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ungranted {
    /// It is missing, or no directory.
    #[error("cannot open {}: {cause}", .path.display())]
    Unusable { path: PathBuf, cause: io::Error },
    /// Whoever writes there decides what the agent runs, or what it sends.
    #[error("it would let the component write to {}, which is the agent's own", .0.display())]
    Own(PathBuf),
}

/// Checks that `host` can be granted: it is there, and to write to it is not to write to what is the agent's `own` or to the
/// directory that its configs are in.
pub(super) fn check(host: &Path, writable: bool, own: &[PathBuf], configs: &Path) -> Result<(), Ungranted> {
    let unusable = |cause| Ungranted::Unusable { path: host.to_owned(), cause };
    fs::read_dir(host).map_err(unusable)?;
    if !writable {
        return Ok(());
    }
    let host = fs::canonicalize(host).map_err(unusable)?;
    // What is not there yet, or cannot be seen, is compared as it is written.
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    for path in own {
        let path = real(path);
        if path.starts_with(&host) || host.starts_with(&path) {
            return Err(Ungranted::Own(path));
        }
    }
    let configs = if configs.as_os_str().is_empty() { real(Path::new(".")) } else { real(configs) };
    if configs.starts_with(&host) { Err(Ungranted::Own(configs)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_the_agents_own_cannot_be_written_to() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = |name: &str| scratch.path().join(name);
        for name in ["data/spool", "configs/below", "free"] {
            fs::create_dir_all(path(name)).expect("made");
        }
        symlink("data", path("link")).expect("linked");
        let check = |host: &str, writable, expected: Option<&str>| {
            let own = [path("data"), path("not-there")];
            let found = check(&path(host), writable, &own, &path("configs"));
            let real = fs::canonicalize(scratch.path()).expect("it is there");
            let expected = expected.map(|own| Ungranted::Own(real.join(own)).to_string());
            assert_eq!(found.err().map(|error| error.to_string()), expected, "{host}");
        };
        check("free", true, None);
        check("configs/below", true, None);
        check("configs", true, Some("configs"));
        check("configs", false, None);
        check("data", true, Some("data"));
        check("data", false, None);
        check("data/spool", true, Some("data"));
        check("link", true, Some("data"));
        check("link/spool", true, Some("data"));
        check("", true, Some("data"));
        let missing = super::check(&path("none"), false, &[], Path::new(""));
        assert!(matches!(missing, Err(Ungranted::Unusable { .. })));
    }
}
