//! A directory of its own for each test, in which the agent runs.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::agent::{Invocation, STATUS, read_status};

/// A directory that goes when the test ends. The agent runs in it, so configs and messages name files without it.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// An empty directory.
    ///
    /// # Errors
    /// If the system has no room for it.
    pub fn new() -> Result<Self> {
        Ok(Self { directory: tempfile::tempdir().context("cannot make a directory")? })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves the directory where it is, for a person to look at.
    pub fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }

    /// The whole path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Gives a file this content.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        fs::write(self.path(name), content).with_context(|| format!("cannot write {name}"))
    }

    /// Adds to the end of a file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn append(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let opened = OpenOptions::new().create(true).append(true).open(self.path(name));
        let written = opened.and_then(|mut file| file.write_all(content.as_ref()));
        written.with_context(|| format!("cannot append to {name}"))
    }

    /// The lines of a text file; none if there is no such file.
    pub fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Makes a named pipe.
    ///
    /// # Errors
    /// If this system has none.
    pub fn fifo(&self, name: &str) -> Result<()> {
        let status = Command::new("mkfifo").arg(self.path(name)).status().context("cannot run mkfifo")?;
        ensure!(status.success(), "mkfifo failed: {status}");
        Ok(())
    }

    /// Writes a config named `pipeline.yaml` that reads `input.log`, has these `processors` (the entries of a YAML list,
    /// one a line) and prints to standard output.
    ///
    /// # Errors
    /// Those of writing.
    pub fn pipeline(&self, processors: &[&str]) -> Result<()> {
        self.write("pipeline.yaml", self.config("input.log", processors, &["Type: flusher_stdout"]))
    }

    /// A config that reads a file of this directory, all of it even if it was there before the agent.
    pub fn config(&self, input: &str, processors: &[&str], flushers: &[&str]) -> String {
        let list = |key: &str, entries: &[&str]| {
            let entries: String = entries.iter().map(|entry| format!("\n  - {{{entry}}}")).collect();
            if entries.is_empty() { format!("{key}: []\n") } else { format!("{key}:{entries}\n") }
        };
        let input = format!("Type: input_file, TailSizeKB: {WHOLE_KIB}, FilePaths: [{}]", self.path(input).display());
        list("inputs", &[&input]) + &list("processors", processors) + &list("flushers", flushers)
    }

    /// What is said of the agent that runs in this directory, or of its checkpoints if none does.
    ///
    /// # Errors
    /// If there is neither.
    pub fn status(&self) -> Result<Value> {
        read_status(self.loglift(STATUS))
    }

    /// The agent with these arguments, to be run in this directory.
    pub fn loglift(&self, arguments: &[&str]) -> Invocation<'_> {
        Invocation::new(self, arguments)
    }
}

/// The largest that `TailSizeKB` can be: no file of a test is begun near its end.
const WHOLE_KIB: u64 = 104_857_600;
