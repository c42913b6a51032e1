//! Access keys in a file that somebody else replaces, such as a mounted secret.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use tracing::warn;

use super::{Credentials, NoCredentials};

/// A file with a JSON object: `access_key_id`, `access_key_secret` and, for a temporary key, `security_token`.
///
/// It is read again when it was changed or replaced, and when the service refused its key. What cannot be read leaves the
/// key that was there.
#[derive(Debug)]
pub struct CredentialFile {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The file that the key is from; `None` to read it in any case.
    stamp: Option<Stamp>,
    credentials: Option<Credentials>,
    /// The last problem, so that it is logged once.
    problem: Option<String>,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

#[derive(Deserialize)]
struct Content {
    access_key_id: String,
    access_key_secret: String,
    #[serde(default)]
    security_token: Option<String>,
}

impl CredentialFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// The key as the file has it now, or had it when it could last be read. Blocks for the disk.
    pub(super) fn current(&self) -> Result<Credentials, NoCredentials> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match read_if_changed(&self.path, known.stamp) {
            Ok(None) => known.problem = None,
            Ok(Some((stamp, credentials))) => {
                *known = Known { stamp: Some(stamp), credentials: Some(credentials), problem: None };
            }
            Err(problem) => {
                let problem = format!("the credential file {} {problem}", self.path.display());
                if known.credentials.is_some() && known.problem.as_ref() != Some(&problem) {
                    warn!(%problem, "credentials not read, the old ones stay in use");
                }
                known.problem = Some(problem);
            }
        }
        known.credentials.clone().ok_or_else(|| NoCredentials(known.problem.clone().unwrap_or_default()))
    }

    pub(super) fn refused(&self, credentials: &Credentials) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.credentials.as_ref() == Some(credentials) {
            known.stamp = None;
        }
    }
}

/// The content of the file unless it is the one that was seen; errors end a sentence that begins with the file.
fn read_if_changed(path: &Path, seen: Option<Stamp>) -> Result<Option<(Stamp, Credentials)>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let stamp = Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        length: metadata.len(),
    };
    if seen == Some(stamp) {
        return Ok(None);
    }
    if stamp.length > MAX_FILE_BYTES {
        return Err(format!("is longer than {MAX_FILE_BYTES} bytes"));
    }
    Ok(Some((stamp, parse(&fs::read(path).map_err(unreadable)?)?)))
}

fn parse(text: &[u8]) -> Result<Credentials, String> {
    // What serde says of an error may quote a secret.
    let content: Content = serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("is no JSON object with access_key_id and access_key_secret (line {line}, column {column})")
    })?;
    let Content { access_key_id, access_key_secret, security_token } = content;
    Credentials::new(&access_key_id, &access_key_secret, security_token.as_deref())
        .ok_or_else(|| "has an empty access_key_id or access_key_secret".to_owned())
}

const MAX_FILE_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"access_key_id": "old", "access_key_secret": "s"}"#;
    const NEW: &str = r#"{"access_key_id": "new", "access_key_secret": "hidden", "security_token": "t"}"#;

    fn id(file: &CredentialFile) -> String {
        file.current().map_or_else(|error| error.to_string(), |credentials| credentials.id)
    }

    /// Replaces the file as a rename does, so that its inode is another one.
    fn replace(path: &Path, text: &str) {
        let other = path.with_extension("next");
        fs::write(&other, text).unwrap();
        fs::rename(other, path).unwrap();
    }

    #[test]
    fn a_file_that_is_replaced_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.json");
        let file = CredentialFile::new(path.clone());
        assert!(id(&file).contains("key.json cannot be read"), "{}", id(&file));
        replace(&path, OLD);
        assert_eq!(id(&file), "old");
        replace(&path, NEW);
        assert_eq!(file.current().unwrap(), Credentials::new("new", "hidden", Some("t")).unwrap());
    }

    #[test]
    fn a_key_stays_while_the_file_cannot_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.json");
        let file = CredentialFile::new(path.clone());
        replace(&path, OLD);
        assert_eq!(id(&file), "old");
        replace(&path, "{");
        assert_eq!(id(&file), "old");
        fs::remove_file(&path).unwrap();
        assert_eq!(id(&file), "old");
        replace(&path, NEW);
        assert_eq!(id(&file), "new");
    }

    #[test]
    fn a_refused_key_is_read_again_though_the_file_seems_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.json");
        let file = CredentialFile::new(path.clone());
        fs::write(&path, OLD).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let old = file.current().unwrap();
        // In place, of the same length, within the resolution of the file system's clock.
        fs::write(&path, OLD.replace("old", "new")).unwrap();
        fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(id(&file), "old");
        file.refused(&Credentials::new("another", "s", None).unwrap());
        assert_eq!(id(&file), "old");
        file.refused(&old);
        assert_eq!(id(&file), "new");
    }

    #[test]
    fn errors_do_not_quote_the_file() {
        for (text, expected) in [
            (r#"{"access_key_id": "a", "access_key_secret": ["hidden"]}"#, "line 1"),
            (r#"{"access_key_id": "a", "access_key_secret": "b", "security_token": {"hidden": 1}}"#, "line 1"),
            (r#""hidden""#, "line 1"),
            ("{\n  \"access_key_id\": hidden}", "line 2"),
            (r#"{"access_key_id": "", "access_key_secret": "hidden"}"#, "empty"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hidden"), "{error}");
        }
    }
}
