//! Tags that an operator keeps in a file, shared by all inputs and read again while the agent runs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::warn;

/// The tags in a file, a JSON object, which is looked at once in a while.
///
/// Asking for them costs a comparison and a read lock, unless it is time to read the file. When that fails, what was
/// read before stays.
#[derive(Debug)]
pub struct FileTags {
    path: PathBuf,
    /// When the file is to be read again, in Unix seconds.
    due: AtomicI64,
    tags: RwLock<FileTagList>,
}

/// Names and values, in the order of the names.
pub type FileTagList = Arc<Vec<(String, String)>>;

impl FileTags {
    /// The tags in a file, which is first read when they are asked for.
    pub fn new(path: PathBuf) -> Self {
        Self { path, due: AtomicI64::new(i64::MIN), tags: RwLock::default() }
    }

    /// The tags as of `now`, in Unix seconds.
    pub fn at(&self, now: i64) -> FileTagList {
        let due = self.due.load(Ordering::Relaxed);
        let next = now.saturating_add(REFRESH_SECS);
        // One of those who come at the same time reads it, and the others take what is there. A clock that was set back
        // makes it due as well.
        let is_due = now >= due || due - now > REFRESH_SECS;
        if is_due && self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.refresh();
        }
        Arc::clone(&self.tags.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn refresh(&self) {
        match std::fs::read(&self.path).map_err(|error| error.to_string()).and_then(|text| parse(&text)) {
            Ok(tags) => *self.tags.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tags),
            Err(error) => warn!(path = %self.path.display(), error, "file of tags cannot be used"),
        }
    }
}

/// Reads the text of such a file: an object of strings. Numbers and truth values are taken as their text.
fn parse(text: &[u8]) -> Result<Vec<(String, String)>, String> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(text).map_err(|error| format!("not a JSON object: {error}"))?;
    let tag = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => Ok((name, text)),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Ok((name, value.to_string())),
        _ => Err(format!("the value of {name:?} is no string")),
    };
    object.into_iter().map(tag).collect()
}

/// How old tags may be. LoongCollector's.
const REFRESH_SECS: i64 = 60;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_object_of_strings() {
        fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
            let expected = expected.map(|tags| tags.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect());
            assert_eq!(parse(text.as_bytes()), expected.map_err(str::to_owned), "{text}");
        }
        check(r#"{"a": "1", "b": 2, "c": true}"#, Ok(&[("a", "1"), ("b", "2"), ("c", "true")]));
        check("{}", Ok(&[]));
        check(r#"{"a": {}}"#, Err(r#"the value of "a" is no string"#));
        check("{", Err("not a JSON object: EOF while parsing an object at line 1 column 1"));
    }

    #[test]
    fn a_change_is_seen_within_a_minute_and_a_broken_file_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tags.json");
        let tags = FileTags::new(path.clone());
        let check = |now, expected: &[&str]| {
            let found = tags.at(now);
            assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "at {now}");
        };
        check(1000, &[]);
        fs::write(&path, r#"{"a": "1"}"#).expect("the write");
        check(1059, &[]);
        check(1060, &["a"]);
        fs::write(&path, "{").expect("the write");
        check(1120, &["a"]);
        fs::write(&path, r#"{"b": "1"}"#).expect("the write");
        check(1121, &["a"]);
        check(100, &["b"]);
    }
}
