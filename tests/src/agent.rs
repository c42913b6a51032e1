//! The agent as a process that tests start, watch and stop.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::scratch::Scratch;
use crate::status;

/// A command line of the agent that has not run yet.
#[derive(Debug)]
pub struct Invocation<'a> {
    scratch: &'a Scratch,
    data_dir: String,
    command: Command,
}

/// An agent that runs. It is killed when the test is over.
#[derive(Debug)]
pub struct Running<'a> {
    scratch: &'a Scratch,
    data_dir: String,
    child: Child,
    started: i64,
    stdout: String,
    stderr: String,
}

/// What an agent that has ended left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, as [`mask_log`] leaves it.
    pub stderr: String,
    /// The Unix seconds in which it ran.
    ran: RangeInclusive<i64>,
}

impl<'a> Invocation<'a> {
    pub(crate) fn new(scratch: &'a Scratch, arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.arg0("loglift").args(arguments).current_dir(scratch.directory()).stdin(Stdio::null());
        command.env("TZ", "UTC").env("LOGLIFT_CACHE_DIR", cache_dir()).env_remove("RUST_LOG");
        Self { scratch, command, data_dir: String::new() }.data_dir("data")
    }

    /// Has the agent keep its checkpoints in this directory.
    #[must_use]
    pub fn data_dir(mut self, name: &str) -> Self {
        self.data_dir = name.to_owned();
        self.command.env("LOGLIFT_DATA_DIR", self.scratch.path(name));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives the agent something to read.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// The command, for a test that wants to run it in its own way.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Starts the agent.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn start(mut self) -> Result<Running<'a>> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        // Files and not pipes: an agent that says much never waits for a test that does not listen.
        let output =
            |name: &String| File::create(self.scratch.path(name)).with_context(|| format!("cannot make {name}"));
        let (stdout, stderr) = (format!("stdout.{run}"), format!("stderr.{run}"));
        self.command.stdout(output(&stdout)?).stderr(output(&stderr)?);
        let started = unix_seconds();
        let child = self.command.spawn().with_context(|| format!("cannot run {}", program().display()))?;
        Ok(Running { scratch: self.scratch, data_dir: self.data_dir, child, started, stdout, stderr })
    }

    /// Runs the agent to its end.
    ///
    /// # Errors
    /// If it cannot be run, or does not end.
    pub fn finish(self) -> Result<Finished> {
        self.start()?.finish()
    }
}

impl Running<'_> {
    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it had so far, in KiB. `None` if it has ended, or the system does not say.
    pub fn peak_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.scratch.path(&self.stdout)).unwrap_or_default()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.scratch.path(&self.stderr)).unwrap_or_default()
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// If it does not answer, as long as it does not listen yet.
    pub fn status(&self) -> Result<Value> {
        let status = read_status(Invocation::new(self.scratch, STATUS).data_dir(&self.data_dir))?;
        ensure!(status["agent"]["pid"] == self.pid(), "another agent answers, or none: {status:#}");
        Ok(status)
    }

    /// Up to where it has read a file. `None` if it does not know it yet.
    pub fn read_offset(&self, name: &str) -> Option<u64> {
        status::file(&self.status().ok()?, self.scratch.path(name).to_str()?)?["read_offset"].as_u64()
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// If the agent ends before, or it takes longer than [`PATIENCE`].
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the agent ended ({status}) before {what}\n{}", self.stderr());
            }
            if Instant::now() > deadline {
                bail!("no {what} in {} s\n{}", PATIENCE.as_secs(), self.stderr());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Waits until the log has a line with this in it.
    ///
    /// # Errors
    /// As [`Self::wait_until`].
    pub fn wait_for_log(&mut self, text: &str) -> Result<()> {
        self.wait_until(&format!("{text:?} in the log"), |agent| agent.stderr().contains(text))
    }

    /// Asks it to deliver what it has, and waits for its end.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn terminate(self) -> Result<Finished> {
        self.signal(Signal::TERM)?;
        self.finish()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it is gone already.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("cannot send a signal")
    }

    /// Whether it runs no more.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If that takes longer than [`PATIENCE`].
    pub fn finish(mut self) -> Result<Finished> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("the agent did not end in {} s\n{}", PATIENCE.as_secs(), self.stderr());
            }
            std::thread::sleep(POLL_INTERVAL);
        };
        let directory = format!("{}/", self.scratch.directory().display());
        Ok(Finished {
            status,
            stdout: fs::read(self.scratch.path(&self.stdout))?,
            stderr: mask_log(&self.stderr()).replace(&directory, ""),
            ran: self.started - 1..=unix_seconds() + 1,
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It may have ended long ago; then both fail, and nothing is lost.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// The exit code, or `None` after a signal.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The lines of standard output. A time that lies within the run was never parsed, and is shown as `NOW`.
    pub fn events(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.stdout).lines().map(|line| mask_time(line, &self.ran)).collect()
    }

    /// The lines of standard error that have this in them.
    pub fn log(&self, text: &str) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.contains(text)).collect()
    }
}

/// The document that a `status` command prints.
pub(crate) fn read_status(invocation: Invocation<'_>) -> Result<Value> {
    let output = invocation.into_command().output().context("cannot run loglift status")?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).with_context(|| format!("no status: {stderr}"))
}

/// Waits until a condition holds.
///
/// # Errors
/// If that takes longer than [`PATIENCE`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        anyhow::ensure!(Instant::now() < deadline, "no {what} in {} s", PATIENCE.as_secs());
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// A log without the times of its lines, which differ from run to run.
pub fn mask_log(text: &str) -> String {
    text.lines().map(|line| without_time(line).to_owned() + "\n").collect()
}

/// `2026-11-20T10:36:12.123456Z  WARN message` becomes `WARN message`.
fn without_time(line: &str) -> &str {
    match line.split_once(' ') {
        Some((time, rest)) if time.len() == 27 && time.ends_with('Z') && time.starts_with("20") => rest.trim_start(),
        _ => line,
    }
}

fn mask_time(line: &str, ran: &RangeInclusive<i64>) -> String {
    let masked = line.strip_prefix(TIME).and_then(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (seconds, rest) = rest.split_at(digits);
        ran.contains(&seconds.parse().ok()?).then(|| format!("{TIME}NOW{rest}"))
    });
    masked.unwrap_or_else(|| line.to_owned())
}

/// The agent, which cargo compiles beside the tests of this package.
pub fn program() -> PathBuf {
    let named = env::var_os(concat!("CARGO_BIN_EXE_", "loglift-under-test")).map(PathBuf::from);
    named.unwrap_or_else(|| {
        let own = env::current_exe().unwrap_or_default();
        // Programs are beside it, tests one directory below.
        let places = own.ancestors().skip(1).take(2).map(|directory| directory.join("loglift-under-test"));
        places.into_iter().find(|place| place.exists()).unwrap_or_else(|| "loglift-under-test".into())
    })
}

/// Where compiled components are kept from one run of the tests to the next: they are named by what they are made of.
pub(crate) fn cache_dir() -> PathBuf {
    loglift_guest_build::outer_target_dir().join("tmp/compiled-components")
}

fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64)
}

/// The command for the document.
pub(crate) const STATUS: &[&str] = &["status", "--json"];

/// How long a test waits for something that happens at once on a machine with nothing else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How each event begins.
const TIME: &str = "{\"__time__\": ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_the_run_are_masked() {
        let check = |line: &str, expected: &str| assert_eq!(mask_time(line, &(100..=200)), expected);
        check("{\"__time__\": 150, \"a\": \"150\"}", "{\"__time__\": NOW, \"a\": \"150\"}");
        check("{\"__time__\": 99}", "{\"__time__\": 99}");
        check("{\"a\": \"b\"}", "{\"a\": \"b\"}");
    }

    #[test]
    fn a_log_loses_its_times() {
        assert_eq!(mask_log("2026-11-20T10:36:12.123456Z  WARN 2 of 3\nerror: x\n"), "WARN 2 of 3\nerror: x\n");
    }
}
