//! `flusher_file`: one JSON object a line in a file that is rotated by size.
//!
//! When the file has reached its size, `app.json` is renamed to `app.json.1`, that to `app.json.2` and so on; of all of
//! them a number is kept. A line is never split between two files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::json_lines::{Encoder, Shape};
use super::{Flusher, Unwritten};
use crate::event::EventBatch;

/// What the config says of the file.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its path. Directories that lead to it are made.
    pub path: PathBuf,
    /// From this size on, the next batch goes to a new file.
    pub max_file_bytes: u64,
    /// How many files are kept, the one being written included.
    pub max_files: u32,
    /// What is shown of an event.
    pub shape: Shape,
}

/// Writes events to a file.
#[derive(Debug)]
pub struct Files {
    spec: Spec,
    encoder: Encoder,
    unwritten: Unwritten,
    open: Option<(File, u64)>,
    /// Pipes and devices stay what they are.
    can_rotate: bool,
}

impl Files {
    /// A flusher that appends to the file, which is opened with the first batch.
    pub fn new(spec: Spec) -> Self {
        Self {
            encoder: Encoder::new(spec.shape.clone()),
            spec,
            unwritten: Unwritten::default(),
            open: None,
            can_rotate: true,
        }
    }

    fn open(&mut self) -> io::Result<&mut (File, u64)> {
        let is_full = self.open.as_ref().is_some_and(|(_, len)| *len >= self.spec.max_file_bytes);
        if is_full && self.can_rotate {
            self.open = None;
            rotate(&self.spec.path, self.spec.max_files)?;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            closed => {
                if let Some(parent) = self.spec.path.parent() {
                    fs::create_dir_all(parent)?;
                }
                let mut file = OpenOptions::new().create(true).append(true).open(&self.spec.path)?;
                let metadata = file.metadata()?;
                self.can_rotate = metadata.is_file();
                if self.can_rotate && ends_within_a_line(&self.spec.path, metadata.len())? {
                    file.write_all(b"\n")?;
                }
                Ok(closed.insert((file, metadata.len())))
            }
        }
    }
}

impl Flusher for Files {
    fn take(&mut self, batch: &EventBatch) -> io::Result<()> {
        self.encoder.encode(batch, &mut self.unwritten.bytes);
        self.retry()
    }

    fn retry(&mut self) -> io::Result<()> {
        let mut unwritten = std::mem::take(&mut self.unwritten);
        let before = unwritten.written;
        // Between two pieces of one batch the file stays the same.
        let opened = if before == 0 { self.open() } else { self.open.as_mut().ok_or(io::ErrorKind::NotFound.into()) };
        let written = opened.and_then(|(file, len)| {
            let total = unwritten.bytes.len();
            let written = unwritten.write_to(file);
            let after = if unwritten.bytes.is_empty() { total } else { unwritten.written };
            *len += (after - before) as u64;
            written
        });
        self.unwritten = unwritten;
        written
    }
}

/// Whether an agent that was killed has left half a line behind.
fn ends_within_a_line(path: &Path, len: u64) -> io::Result<bool> {
    let Some(last) = len.checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// Moves each file on by one number; the last one goes.
fn rotate(path: &Path, max_files: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        PathBuf::from(name)
    };
    if max_files <= 1 {
        return ignore_missing(fs::remove_file(path));
    }
    // Up to the first number that is free: what is behind it stays where it is.
    let free = (1..max_files - 1).find(|number| !numbered(*number).exists()).unwrap_or(max_files - 1);
    for number in (0..free).rev() {
        ignore_missing(fs::rename(numbered(number), numbered(number + 1)))?;
    }
    Ok(())
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::batch;

    fn flusher(path: &Path, max_file_bytes: u64, max_files: u32) -> Files {
        Files::new(Spec { path: path.to_owned(), max_file_bytes, max_files, shape: Shape::default() })
    }

    fn contents(directory: &Path) -> Vec<(String, usize)> {
        let entries = fs::read_dir(directory).expect("the directory");
        let mut files: Vec<_> = entries
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let text = fs::read_to_string(&path).expect("the file");
                let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
                (name, text.lines().count())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn files_are_rotated_by_size_and_the_oldest_go() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut files = flusher(&directory.path().join("deep/out.json"), 1, 3);
        for lines in [&["a"][..], &["b", "c"], &["d", "e", "f"], &["g"]] {
            files.take(&batch(lines)).expect("the write");
        }
        let found = contents(&directory.path().join("deep"));
        assert_eq!(found, [("out.json".into(), 1), ("out.json.1".into(), 3), ("out.json.2".into(), 2)]);
    }

    #[test]
    fn a_file_that_is_there_is_appended_to() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out.json");
        flusher(&path, 1 << 20, 10).take(&batch(&["a"])).expect("the write");
        flusher(&path, 1 << 20, 10).take(&batch(&["b"])).expect("the write");
        assert_eq!(contents(directory.path()), [("out.json".into(), 2)]);
    }

    #[test]
    fn half_a_line_that_was_left_behind_does_not_spoil_the_next_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out.json");
        fs::write(&path, "{\"__time__\": 17").expect("the write");
        flusher(&path, 1 << 20, 10).take(&batch(&["a"])).expect("the write");
        assert_eq!(contents(directory.path()), [("out.json".into(), 2)]);
    }
}
