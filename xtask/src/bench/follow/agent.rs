//! The agent on a tree of files, with what it prints.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Bench;
use super::arrivals::Arrivals;
use super::stamp::Stamp;
use super::tree::Tree;
use crate::agent::Process;

/// A running agent.
pub(super) struct Agent {
    process: Process,
    arrivals: Arc<Mutex<Arrivals>>,
    reader: JoinHandle<Result<()>>,
    log: PathBuf,
}

impl Agent {
    /// Starts an agent that has never run, on all files of a tree.
    pub(super) fn start(bench: &Bench, tree: &Tree) -> Result<Self> {
        let [pipeline, data, log] = ["pipeline.yaml", "data", "agent.log"].map(|name| bench.directory.join(name));
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot remove the data of the run before")?;
        }
        fs::write(&pipeline, pipeline_reading(tree.root())).context("cannot write the pipeline")?;
        let mut command = Command::new(&bench.loglift);
        command.arg("run").arg("-c").arg(pipeline).args(["--flusher", "stdout"]).arg("--data-dir").arg(data);
        let stderr = File::create(&log).context("cannot create the agent's log")?;
        let mut process = Process::start(command.env("TZ", "UTC").stdout(Stdio::piped()).stderr(stderr))?;
        let arrivals = Arc::new(Mutex::default());
        let (output, to, clock) = (process.stdout(), Arc::clone(&arrivals), tree.clock());
        let reader = thread::spawn(move || collect(output, &to, clock));
        Ok(Self { process, arrivals, reader, log })
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// What has arrived so far.
    pub(super) fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many lines have arrived.
    pub(super) fn wait_for(&mut self, lines: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.arrivals().lags.len() < lines && !self.reader.is_finished() {
            ensure!(!self.process.has_ended()?, "the agent ended early: see {}", self.log.display());
            if Instant::now() > deadline {
                bail!("{} of {lines} lines arrived: see {}", self.arrivals().lags.len(), self.log.display());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits until so many lines have arrived, ends the agent, and returns what arrived in all.
    pub(super) fn finish(mut self, lines: usize) -> Result<Arrivals> {
        self.wait_for(lines)?;
        self.process.terminate()?;
        self.reader.join().expect("the reader does not panic")?;
        let (status, _) = self.process.wait()?;
        ensure!(status.success(), "the agent ended with {status}: see {}", self.log.display());
        let arrivals = std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner));
        ensure!(arrivals.lags.len() == lines, "{lines} lines were written, {} arrived", arrivals.lags.len());
        Ok(arrivals)
    }
}

/// Takes events until there are no more.
fn collect(output: ChildStdout, to: &Mutex<Arrivals>, clock: Instant) -> Result<()> {
    let mut output = BufReader::with_capacity(READ_BYTES, output);
    let mut event = Vec::new();
    while output.read_until(b'\n', &mut event).context("cannot read the agent's output")? > 0 {
        let stamp = Stamp::of_event(&event)
            .with_context(|| format!("not an event of a line: {}", String::from_utf8_lossy(&event)))?;
        to.lock().unwrap_or_else(PoisonError::into_inner).take(stamp, clock.elapsed())?;
        event.clear();
    }
    Ok(())
}

/// Files are closed soon, as they are on a machine on which they rest for longer than a bench runs.
fn pipeline_reading(root: &Path) -> String {
    format!(
        "inputs:
  - Type: input_file
    FilePaths: ['{}/**/*.log']
    MaxDirSearchDepth: 1
    TailSizeKB: 10485760
    TailingAllMatchedFiles: true
    CloseUnusedReaderIntervalSec: 2
flushers:
  - Type: flusher_stdout
",
        root.display()
    )
}

const POLL: Duration = Duration::from_millis(5);
/// Long against the slowest of all lags.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a pipe holds.
const READ_BYTES: usize = 64 * 1024;
