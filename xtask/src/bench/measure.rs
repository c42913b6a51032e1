//! Runs programs and measures them.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::agent::Process;

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) peak_rss_bytes: u64,
}

impl Measured {
    /// The shortest times and the highest peak of two runs.
    pub(super) fn best(self, other: Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            cpu: self.cpu.min(other.cpu),
            peak_rss_bytes: self.peak_rss_bytes.max(other.peak_rss_bytes),
        }
    }
}

/// Runs a program that ends by itself.
pub(super) fn to_its_end(command: &mut Command) -> Result<Measured> {
    let started = Instant::now();
    let mut process = Process::start(command)?;
    let mut peak_rss_bytes = 0;
    while !process.has_ended()? {
        peak_rss_bytes = process.peak_rss_bytes().max(peak_rss_bytes);
        thread::sleep(POLL);
    }
    let wall = started.elapsed();
    let (status, cpu) = process.wait()?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(Measured { wall, cpu, peak_rss_bytes })
}

/// What comes out of the agent while it runs: something that grows.
pub(super) struct Output<'a> {
    /// How much of it there is.
    pub(super) seen: &'a dyn Fn() -> Result<u64>,
    /// How often that can be asked without slowing anything down.
    pub(super) poll: Duration,
    /// Whether some of it comes only when the agent drains, so that draining is part of the work.
    pub(super) waits_for_drain: bool,
}

/// Runs the agent until it has read `log_bytes` and rests, then asks it to drain and end.
///
/// It rests when it neither reads nor makes `output` grow; the time is that of the last growth, and that of draining if that
/// brings more. What is not counted is the time in which it was seen at rest. Other files are read too, so that enough bytes
/// alone do not say that the log's are among them: the caller counts the events.
pub(super) fn until_all_is_read(command: &mut Command, log_bytes: u64, output: &Output) -> Result<Measured> {
    let started = Instant::now();
    let mut agent = Process::start(command)?;
    let mut seen = (0, 0);
    let mut grown = Instant::now();
    loop {
        ensure!(!agent.has_ended()?, "the agent ended early");
        let now = (agent.read_bytes(), (output.seen)()?);
        if now != seen {
            (seen, grown) = (now, Instant::now());
        } else if seen.0 >= log_bytes && grown.elapsed() > RESTING {
            break;
        } else if grown.elapsed() > STALLED {
            bail!("the agent stopped after {} of {log_bytes} bytes", seen.0);
        }
        thread::sleep(output.poll);
    }
    let (peak_rss_bytes, cpu_of_threads) = (agent.peak_rss_bytes(), agent.cpu_of_threads());
    let asked = Instant::now();
    agent.terminate()?;
    let (status, cpu) = agent.wait()?;
    ensure!(status.success(), "the agent ended with {status}");
    let draining = if output.waits_for_drain { asked.elapsed() } else { Duration::ZERO };
    Ok(Measured { wall: grown - started + draining, cpu: cpu.max(cpu_of_threads), peak_rss_bytes })
}

/// Fails unless the agent's log says that each of `processors` processors took all of `events`, and the flusher too.
pub(super) fn ensure_all_arrived(log: &str, events: u64, processors: usize) -> Result<()> {
    let counts = |counter: &str| -> Vec<u64> {
        let values = log.split_whitespace().filter_map(|word| word.strip_prefix(counter)?.strip_prefix('='));
        values.filter_map(|value| value.parse().ok()).collect()
    };
    let check = |counter: &str, expected: Vec<u64>| -> Result<()> {
        let found = counts(counter);
        ensure!(found == expected, "{counter} is {found:?}, {expected:?} is expected");
        Ok(())
    };
    check("out_successful_events_total", vec![events; processors])?;
    check("acknowledged_events_total", vec![events]).context("the row would be measured on lost events")
}

/// Short against a run, long against a look at the process.
pub(super) const POLL: Duration = Duration::from_millis(2);
/// Long against the pause between two chunks, and against the interval at which the agent looks at files.
const RESTING: Duration = Duration::from_millis(150);
const STALLED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_failed_events_are_noticed() {
        let log = |successful: u64, acknowledged: u64| {
            format!(
                "INFO processors[0] pipeline=\"p\" in_events_total=7 out_successful_events_total={successful}\n\
                 INFO pipeline stopped out_events_total=7 acknowledged_events_total={acknowledged}\n"
            )
        };
        let check = |log: &str, processors, expected| {
            assert_eq!(ensure_all_arrived(log, 7, processors).is_ok(), expected, "{log}");
        };
        check(&log(7, 7), 1, true);
        check(&log(7, 6), 1, false);
        check(&log(6, 7), 1, false);
        check(&log(7, 7), 2, false);
        check("acknowledged_events_total=7", 0, true);
        check("", 0, false);
    }
}
