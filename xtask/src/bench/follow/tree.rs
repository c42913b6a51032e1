//! The files that the agent follows, and the programs that write them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::stamp::Stamp;

/// Files that are written to. The directory goes with it.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    /// Each with the number of its next line.
    files: Vec<(PathBuf, u32)>,
    clock: Instant,
}

impl Tree {
    /// An empty directory.
    pub(super) fn new(root: PathBuf) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(&root).context("cannot remove the files of the run before")?;
        }
        fs::create_dir_all(&root).context("cannot create the directory of the files")?;
        Ok(Self { root, files: Vec::new(), clock: Instant::now() })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What the times of its lines are since.
    pub(super) fn clock(&self) -> Instant {
        self.clock
    }

    /// Makes so many directories, with so many files each, of one line each.
    pub(super) fn fill(&mut self, directories: u32, files: u32) -> Result<()> {
        for directory in 0..directories {
            fs::create_dir(self.root.join(directory.to_string())).context("cannot create a directory")?;
            (0..files).try_for_each(|file| self.create(&format!("{directory}/{file}.log")).map(drop))?;
        }
        Ok(())
    }

    /// Makes a file of one line, and returns its number.
    pub(super) fn create(&mut self, name: &str) -> Result<u32> {
        let file = u32::try_from(self.files.len()).context("too many files")?;
        let mut line = Vec::new();
        Stamp { file, number: 0, at: self.clock.elapsed() }.append(LINE_BYTES, &mut line);
        let path = self.root.join(name);
        File::create_new(&path).and_then(|mut file| file.write_all(&line)).context("cannot create a file")?;
        self.files.push((path, 1));
        Ok(file)
    }

    /// Appends one line to a file.
    pub(super) fn write(&mut self, file: u32) -> Result<()> {
        self.write_many(file, 1, LINE_BYTES)
    }

    /// Appends lines of so many bytes, all at once.
    pub(super) fn write_many(&mut self, file: u32, lines: u32, line_bytes: usize) -> Result<()> {
        let (path, next) = &mut self.files[file as usize];
        let (at, mut bytes) = (self.clock.elapsed(), Vec::with_capacity(lines as usize * line_bytes));
        (*next..*next + lines).for_each(|number| Stamp { file, number, at }.append(line_bytes, &mut bytes));
        *next += lines;
        let open = OpenOptions::new().append(true).open(path);
        open.and_then(|mut file| file.write_all(&bytes)).context("cannot append to a file")
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.files.iter().map(|(_, lines)| *lines as usize).sum()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Calls `step` with 0, 1, 2 and so on, evenly spread over each period, until `duration` is over.
pub(super) fn spread(
    duration: Duration,
    period: Duration,
    steps: u32,
    mut step: impl FnMut(u32) -> Result<()>,
) -> Result<()> {
    let begun = Instant::now();
    for number in 0.. {
        let due = period * (number / steps) + period * (number % steps) / steps;
        if due >= duration {
            break;
        }
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        step(number)?;
    }
    Ok(())
}

const LINE_BYTES: usize = 128;
