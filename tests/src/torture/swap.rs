//! Replaces processors again and again, their components and their configs, while lines flow as fast as a busy server writes
//! them, and checks that each line arrives once, in order, and stamped by one version.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::random::Random;
use crate::agent::Running;
use crate::guests::stamping_version;
use crate::scratch::Scratch;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct SwapPlan {
    /// The same seed does the same, but for what the machine makes of it.
    pub seed: u64,
    /// How often a processor is replaced.
    pub swaps: usize,
    /// How often the agent is killed.
    pub kills: usize,
    /// Lines written in a second, in all files together.
    pub lines_per_second: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct SwapReport {
    /// The plan's.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// Replacements of the component, and of the config.
    pub swaps: [usize; 2],
    /// Versions that stamped a line.
    pub versions: usize,
    /// How often the agent was killed.
    pub kills: usize,
    /// Lines written.
    pub lines: u64,
    /// Lines that never arrived.
    pub missing: u64,
    /// Lines that came again after a kill.
    pub repeated: u64,
    /// Lines that came again without one.
    pub doubled: u64,
    /// Lines that came before an earlier one of their file.
    pub disordered: u64,
    /// Lines without a stamp, with two, or with one that no version has.
    pub unstamped: u64,
}

impl SwapReport {
    /// Whether everything is as it should be.
    pub fn is_good(&self) -> bool {
        self.missing + self.doubled + self.disordered + self.unstamped == 0 && self.versions > 1
    }
}

impl fmt::Display for SwapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [components, configs] = self.swaps;
        let rate = self.lines as f64 / self.took.as_secs_f64();
        writeln!(f, "seed {}, {:.0} s, {rate:.0} lines/s on average", self.seed, self.took.as_secs_f64())?;
        writeln!(
            f,
            "| replaced: component | config | versions seen | kills | lines | missing | came again after a kill | without one | out of order | wrong stamp |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        write!(
            f,
            "| {components} | {configs} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.versions,
            self.kills,
            self.lines,
            self.missing,
            self.repeated,
            self.doubled,
            self.disordered,
            self.unstamped
        )
    }
}

/// Does what the plan says.
///
/// # Errors
/// If something else fails than what is tested, or if a version is not put in place in time.
pub fn run(plan: &SwapPlan) -> Result<SwapReport> {
    let mut scratch = Scratch::new()?;
    let report = Run::new(plan, &scratch).and_then(Run::run);
    if !report.as_ref().is_ok_and(SwapReport::is_good) {
        scratch.keep();
    }
    report.with_context(|| format!("seed {}, files in {}", plan.seed, scratch.directory().display()))
}

struct Run<'a> {
    plan: &'a SwapPlan,
    scratch: &'a Scratch,
    random: Random,
    /// The number in the component, and that in the config.
    current: [u32; 2],
    swaps: [usize; 2],
    kills: usize,
}

impl<'a> Run<'a> {
    fn new(plan: &'a SwapPlan, scratch: &'a Scratch) -> Result<Self> {
        fs::create_dir(scratch.path("in"))?;
        fs::create_dir(scratch.path("configs"))?;
        let run = Self { plan, scratch, random: Random::new(plan.seed), current: [0, 0], swaps: [0, 0], kills: 0 };
        run.write_component()?;
        run.write_config()?;
        Ok(run)
    }

    fn run(mut self) -> Result<SwapReport> {
        let started = Instant::now();
        let writers = Writers::start(&self.scratch.path("in"), self.plan.lines_per_second)?;
        let mut agent = self.start()?;
        let kill_after: BTreeSet<usize> =
            (1..=self.plan.kills).map(|kill| kill * self.plan.swaps / (self.plan.kills + 1)).collect();
        for swap in 0..self.plan.swaps {
            if kill_after.contains(&swap) {
                let pause = self.random.between(0, 300);
                thread::sleep(Duration::from_millis(pause));
                agent.signal(Signal::KILL)?;
                agent.finish()?;
                self.kills += 1;
                agent = self.start()?;
            }
            self.swap()?;
            let expected = self.current;
            agent.wait_until("the new version has stamped a line", |_| self.last_stamp() == Some(expected))?;
        }
        let lines = writers.stop()?;
        agent.wait_until("all lines have arrived", |_| self.has_arrived(&lines))?;
        let finished = agent.terminate()?;
        ensure!(finished.code() == Some(0), "the agent ended with {}:\n{}", finished.status, finished.stderr);
        let report = SwapReport {
            seed: self.plan.seed,
            took: started.elapsed(),
            swaps: self.swaps,
            kills: self.kills,
            lines: lines.iter().sum(),
            ..SwapReport::default()
        };
        self.check(&lines, report)
    }

    fn start(&self) -> Result<Running<'a>> {
        self.scratch.loglift(&["run", "-c", "configs", "--checkpoint-interval", "100"]).start()
    }

    /// Replaces the component, or the config.
    fn swap(&mut self) -> Result<()> {
        let which = usize::from(self.random.once_in(2));
        self.current[which] += 1;
        self.swaps[which] += 1;
        if which == 0 { self.write_component() } else { self.write_config() }
    }

    /// Writes the component in one of the ways in which people do: in place, or beside and renamed.
    fn write_component(&self) -> Result<()> {
        let bytes = stamping_version(self.current[0])?;
        if self.current[0].is_multiple_of(2) {
            let beside = self.scratch.path("guest.wasm.new");
            fs::write(&beside, bytes)?;
            fs::rename(beside, self.scratch.path("guest.wasm"))?;
        } else {
            // Half of it stands there for a moment.
            let mut file = File::create(self.scratch.path("guest.wasm"))?;
            file.write_all(&bytes[..bytes.len() / 2])?;
            file.sync_all()?;
            file.write_all(&bytes[bytes.len() / 2..])?;
        }
        Ok(())
    }

    fn write_config(&self) -> Result<()> {
        let guest = self.scratch.path("guest.wasm").display().to_string();
        let processor =
            format!("Type: processor_wasm, Component: {guest}, Config: {{Stamp: config-{:06}}}", self.current[1]);
        let output = self.scratch.path("out.json").display().to_string();
        let flusher = format!("Type: flusher_file, FilePath: {output}, MaxFileSize: 100000000000");
        let config = self.scratch.config("in/*.log", &[&processor], &[&flusher]);
        let beside = self.scratch.path("configs/.pipeline.yaml.new");
        fs::write(&beside, config)?;
        fs::rename(beside, self.scratch.path("configs/pipeline.yaml")).context("cannot put the config in place")
    }

    /// The numbers that the last whole line of the output is stamped with.
    fn last_stamp(&self) -> Option<[u32; 2]> {
        let tail = tail(&self.scratch.path("out.json"), 4096).ok()?;
        let whole = tail.rsplit_once('\n')?.0;
        let line = whole.rsplit('\n').next()?;
        Line::parse(line)?.stamp
    }

    /// Whether the last line of each file is among the last that arrived.
    fn has_arrived(&self, lines: &[u64]) -> bool {
        let Ok(text) = tail(&self.scratch.path("out.json"), 64 << 20) else { return false };
        let mut last = vec![0; lines.len()];
        for line in text.lines().rev().filter_map(Line::parse) {
            last[line.file] = last[line.file].max(line.number + 1);
            if last == lines {
                return true;
            }
        }
        false
    }

    /// Reads all that arrived.
    fn check(&self, lines: &[u64], mut report: SwapReport) -> Result<SwapReport> {
        let output = BufReader::new(File::open(self.scratch.path("out.json")).context("cannot read the output")?);
        let mut arrived: Vec<Vec<bool>> = lines.iter().map(|count| vec![false; *count as usize]).collect();
        let mut last: Vec<Option<u64>> = vec![None; lines.len()];
        let mut returns = vec![0; lines.len()];
        let mut versions = BTreeSet::new();
        for line in output.split(b'\n') {
            let line = line.context("cannot read the output")?;
            let Some(line) = Line::parse(&String::from_utf8_lossy(&line)) else {
                // What an agent that was killed had written of a line.
                report.unstamped += u64::from(self.kills == 0);
                continue;
            };
            match line.stamp {
                Some(stamp) if stamp[0] <= self.current[0] && stamp[1] <= self.current[1] => {
                    versions.insert(stamp);
                }
                _ => report.unstamped += 1,
            }
            let seen = arrived[line.file].get_mut(line.number as usize).context("a line that was not written")?;
            let is_again = std::mem::replace(seen, true);
            let before = last[line.file].replace(line.number);
            let is_next = before.is_none_or(|before| line.number == before + 1);
            if !is_next && is_again && returns[line.file] < self.kills {
                // An agent begins where the checkpoint of the one that was killed is.
                returns[line.file] += 1;
            } else if !is_next {
                report.disordered += 1;
            }
            match (is_again, self.kills) {
                (true, 0) => report.doubled += 1,
                (true, _) => report.repeated += 1,
                (false, _) => {}
            }
        }
        report.missing = arrived.iter().flatten().filter(|arrived| !**arrived).count() as u64;
        report.versions = versions.len();
        Ok(report)
    }
}

/// A line as it arrived.
struct Line {
    file: usize,
    number: u64,
    /// The numbers of the component and of the config, if each is there once.
    stamp: Option<[u32; 2]>,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(line).ok()?;
        let mut words = event["content"].as_str()?.split(' ');
        let (file, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let one = |name: &str| -> Option<u32> {
            // In a JSON object the last of two equal names would win.
            let is_once = line.matches(&format!("\"{name}\": ")).count() == 1;
            let text = event[name].as_str().filter(|_| is_once)?;
            text.strip_prefix(name)?.strip_prefix('-')?.parse().ok()
        };
        let stamp = one("component").zip(one("config")).map(|(component, config)| [component, config]);
        Some(Self { file, number, stamp })
    }
}

/// Threads that write numbered lines, one for each file.
struct Writers {
    is_over: Arc<AtomicBool>,
    written: Arc<[AtomicU64; FILES]>,
    threads: Vec<JoinHandle<std::io::Result<()>>>,
}

impl Writers {
    fn start(directory: &Path, lines_per_second: u64) -> Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let written: Arc<[AtomicU64; FILES]> = Arc::default();
        let mut threads = Vec::new();
        for file in 0..FILES {
            let path = directory.join(format!("s{file}.log"));
            let (is_over, written) = (Arc::clone(&is_over), Arc::clone(&written));
            let rate = lines_per_second / FILES as u64;
            threads.push(thread::spawn(move || {
                let mut log = OpenOptions::new().create(true).append(true).open(path)?;
                let (started, mut number) = (Instant::now(), 0);
                while !is_over.load(Ordering::Relaxed) {
                    let due = started.elapsed().as_millis() as u64 * rate / 1000;
                    let lines: String = (number..due).map(|number| format!("{file} {number} {:x<60}\n", "")).collect();
                    log.write_all(lines.as_bytes())?;
                    number = number.max(due);
                    written[file].store(number, Ordering::Relaxed);
                    // The pace of the load, not a wait for anything.
                    thread::sleep(Duration::from_millis(10));
                }
                Ok(())
            }));
        }
        Ok(Self { is_over, written, threads })
    }

    /// Stops them, and returns how many lines each file has.
    fn stop(self) -> Result<Vec<u64>> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a writer does not panic").context("cannot write")?;
        }
        Ok(self.written.iter().map(|written| written.load(Ordering::Relaxed)).collect())
    }
}

/// The last bytes of a file, from the first whole line on.
fn tail(path: &Path, bytes: u64) -> Result<String> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(bytes)))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

const FILES: usize = 4;
