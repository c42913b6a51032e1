//! A service that is away for the whole of a long run, and then comes back.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::random::Random;
use crate::agent::Running;
use crate::scratch::Scratch;
use crate::service::{KEY, Service};
use crate::status::expect_balanced;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct OutageReport {
    /// How many bytes were written.
    pub bytes: u64,
    /// How many lines were written.
    pub lines: u64,
    /// How many came.
    pub arrived: u64,
    /// How many log groups came again.
    pub repeated: u64,
    /// What the spool had at the most.
    pub spool_bytes: u64,
    /// The most memory that the agent had during the outage.
    pub outage_kib: u64,
    /// The most that it had at all.
    pub peak_kib: u64,
    /// How long it took until everything was on disk.
    pub spooled: Duration,
    /// How long it took from then on until everything was at the service.
    pub sent: Duration,
}

/// Writes so many bytes of lines, which are read while the service is down, and brings it back.
///
/// # Errors
/// If something else fails than what is tested.
pub fn run(bytes: u64) -> Result<OutageReport> {
    let scratch = Scratch::new()?;
    let mut service = Service::counting(&scratch)?;
    service.down();
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&service.flusher("")]))?;
    let mut report = OutageReport { lines: write_lines(&scratch, bytes)?, ..OutageReport::default() };
    report.bytes = scratch.path("input.log").metadata()?.len();
    let agent = scratch.loglift(&["run", "-c", "pipeline.yaml"]);
    let mut agent = KEY.into_iter().fold(agent, |agent, (name, value)| agent.env(name, value)).start()?;

    let started = Instant::now();
    watch(&mut agent, &mut report, |status| status["pipelines"][0]["files"][0]["lag_bytes"] == 0)?;
    report.outage_kib = report.peak_kib;
    report.spooled = started.elapsed();
    let started = Instant::now();
    service.up()?;
    watch(&mut agent, &mut report, |status| {
        let found = &status["destinations"][0];
        found["spooled_packages"] == 0 && found["waiting_packages"] == 0
    })?;
    report.sent = started.elapsed();
    expect_balanced(&agent.status()?)?;
    let ended = agent.terminate()?;
    ensure!(ended.code() == Some(0), "{}", ended.stderr);
    let stats = service.stats()?;
    report.arrived = stats.events;
    report.repeated = stats.pack_ids.values().map(|packs| packs.repeated).sum();
    Ok(report)
}

/// Waits until the status says what it is to say, and notes the most of everything meanwhile.
fn watch(agent: &mut Running<'_>, report: &mut OutageReport, holds: impl Fn(&Value) -> bool) -> Result<()> {
    let started = Instant::now();
    loop {
        ensure!(!agent.has_ended()? && started.elapsed() < LONGEST, "it does not end:\n{}", agent.stderr());
        report.peak_kib = report.peak_kib.max(agent.peak_kib().unwrap_or(0));
        if let Ok(status) = agent.status() {
            let spool_bytes = status["destinations"][0]["spooled_bytes"].as_u64().unwrap_or(0);
            report.spool_bytes = report.spool_bytes.max(spool_bytes);
            if holds(&status) {
                return Ok(());
            }
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Lines as a server writes them: words that come again, and numbers that do not.
fn write_lines(scratch: &Scratch, bytes: u64) -> Result<u64> {
    let mut random = Random::new(bytes);
    let mut out = BufWriter::new(File::create(scratch.path("input.log"))?);
    let (mut lines, mut written) = (0, 0);
    while written < bytes {
        let (id, took) = (random.number(), random.between(1, 90_000));
        let line =
            format!("{lines} INFO shop.Checkout - order {id:016x} of customer {} paid after {took} us\n", id % 9973);
        out.write_all(line.as_bytes()).context("cannot write the log")?;
        written += line.len() as u64;
        lines += 1;
    }
    out.flush()?;
    Ok(lines)
}

impl OutageReport {
    /// Whether nothing went wrong.
    pub fn is_good(&self) -> bool {
        self.arrived == self.lines && self.repeated == 0 && self.peak_kib < MOST_KIB
    }
}

impl fmt::Display for OutageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: u64| writeln!(f, "{name:<28}{value:>14}");
        row("bytes written", self.bytes)?;
        row("lines written", self.lines)?;
        row("lines at the service", self.arrived)?;
        row("log groups that came again", self.repeated)?;
        row("bytes on disk at the most", self.spool_bytes)?;
        row("peak memory, outage, in KiB", self.outage_kib)?;
        row("peak memory in KiB", self.peak_kib)?;
        row("seconds until on disk", self.spooled.as_secs())?;
        row("seconds until at the service", self.sent.as_secs())
    }
}

/// The most memory that the agent may have: the events in flight, what is compressed and under way, and itself.
const MOST_KIB: u64 = 200 << 10;

const LONGEST: Duration = Duration::from_secs(600);

const POLL_INTERVAL: Duration = Duration::from_millis(50);
