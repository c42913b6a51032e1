//! The agent, or another program to compare it with, as a process that we watch.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let pid = Pid::from_child(&child);
        Ok(Self { child, pid })
    }

    /// Standard output, which the command must have piped; at most once.
    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().expect("standard output is piped and taken once")
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        Ok(waitid(WaitId::Pid(self.pid), options).context("cannot wait")?.is_some())
    }

    /// The peak of the resident memory so far; 0 once the process has ended.
    pub(crate) fn peak_rss_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    /// The resident memory now; 0 once the process has ended.
    pub(crate) fn rss_bytes(&self) -> u64 {
        self.memory_bytes("VmRSS:")
    }

    fn memory_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap_or_default();
        let kb: Option<u64> =
            status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
        kb.unwrap_or(0) * 1024
    }

    /// How many bytes all its threads have read so far, from whatever.
    pub(crate) fn read_bytes(&self) -> u64 {
        let io = fs::read_to_string(self.proc("io")).unwrap_or_default();
        io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap_or(0)
    }

    /// The processor time so far of the threads that run, which the kernel knows better than that of a process.
    pub(crate) fn cpu_of_threads(&self) -> Duration {
        let threads = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
        stats.filter_map(|stat| Some(Duration::from_nanos(stat.split(' ').next()?.parse().ok()?))).sum()
    }

    /// Asks the process to drain and end.
    pub(crate) fn terminate(&self) -> Result<()> {
        kill_process(self.pid, Signal::TERM).context("cannot send SIGTERM")
    }

    /// Waits for the end, and returns the processor time with it: to the kernel's tick, mostly 10 ms, or better for a
    /// program that has one thread.
    pub(crate) fn wait(mut self) -> Result<(ExitStatus, Duration)> {
        // Not reaped yet, so its times can still be read.
        waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).context("cannot wait")?;
        let stat = fs::read_to_string(self.proc("stat")).context("cannot read the processor time")?;
        let cpu =
            cpu_time(&stat, rustix::param::clock_ticks_per_second()).context("unknown format of /proc/PID/stat")?;
        let cpu = cpu.max(self.cpu_of_threads());
        Ok((self.child.wait().context("cannot wait")?, cpu))
    }

    fn proc(&self, file: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(file)
    }
}

impl Drop for Process {
    /// Leaves no agent behind when a check fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time: fields 14 and 15 of `/proc/PID/stat`, where the second is a name in brackets that may hold
/// anything.
fn cpu_time(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let [user, system]: [u64; 2] = [fields.next()?.parse().ok()?, fields.next()?.parse().ok()?];
    Some(Duration::from_millis((user + system) * 1000 / ticks_per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let check = |stat, expected| assert_eq!(cpu_time(stat, 100), expected);
        check("1 (cat) S 0 1 1 0 -1 4 10 11 12 13 150 25 7 8 20", Some(Duration::from_millis(1750)));
        check("1 (a) b) S) S 0 1 1 0 -1 4 10 11 12 13 1 2 7 8 20", Some(Duration::from_millis(30)));
        check("1 (cat) S 0", None);
    }
}
