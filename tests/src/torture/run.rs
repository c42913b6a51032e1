//! Runs the agent, ends it, and notes what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::arrivals::Arrivals;
use super::check::{Life, check};
use super::full_disk::SmallDisk;
use super::plan::{Death, Deaths, Plan};
use super::random::Random;
use super::report::Report;
use super::saved;
use super::stream::Scheme;
use super::writer::{self, Shared};
use crate::agent::{PATIENCE, Running};
use crate::scratch::Scratch;

/// Does what the plan says, and returns what came of it. `None` if that is not possible on this machine.
///
/// # Errors
/// If something else fails than what is tested, or if the agent ends in a way that it should not.
pub fn run(plan: &Plan) -> Result<Option<Report>> {
    let mut scratch = Scratch::new()?;
    let run = Run::new(plan, &scratch)?;
    let Some(run) = run else { return Ok(None) };
    let report = run.run();
    if report.as_ref().is_ok_and(|report| report.is_good() || plan.broken.is_some()) {
        return report.map(Some);
    }
    let kept = scratch.directory().display().to_string();
    scratch.keep();
    report.with_context(|| format!("seed {}, files in {kept}", plan.seed)).map(|report| Some(Report { kept, ..report }))
}

struct Run<'a> {
    plan: &'a Plan,
    scratch: &'a Scratch,
    random: Random,
    shared: Arc<Shared>,
    spec: writer::Spec,
    arrivals: Arrivals,
    lives: Vec<Life>,
    deaths: BTreeMap<&'static str, u64>,
    disk: Option<SmallDisk>,
    is_full: bool,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, scratch: &'a Scratch) -> Result<Option<Self>> {
        let mut random = Random::new(plan.seed);
        // Half of them are looked for by a pattern, which their rotated files match as well, and half by their names.
        let path = |number| scratch.path(if number % 2 == 0 { "any" } else { "named" }).join(format!("s{number}.log"));
        let paths: Vec<PathBuf> = (0..STREAMS).map(path).collect();
        std::fs::create_dir(scratch.path("any"))?;
        std::fs::create_dir(scratch.path("named"))?;
        let disk = if plan.with_full_disk { SmallDisk::mount(&scratch.path("data"))? } else { None };
        if plan.with_full_disk && disk.is_none() {
            return Ok(None);
        }
        scratch.write("pipeline.yaml", config(scratch, &paths, random.once_in(2)))?;
        let spec =
            writer::Spec { seed: plan.seed, paths, schemes: plan.schemes.clone(), data_dir: scratch.path("data") };
        Ok(Some(Self {
            plan,
            scratch,
            random,
            shared: Arc::new(Shared::new(STREAMS)),
            arrivals: Arrivals::new(scratch.path("out.json"), plan.seed, STREAMS),
            spec,
            lives: Vec::new(),
            deaths: BTreeMap::new(),
            disk,
            is_full: false,
        }))
    }

    fn run(mut self) -> Result<Report> {
        let started = Instant::now();
        let (spec, shared) = (self.spec.clone(), Arc::clone(&self.shared));
        let writer = thread::Builder::new().name("writer".to_owned()).spawn(move || writer::write(&spec, &shared))?;
        let lived = self.live(started);
        self.shared.is_over.store(true, Ordering::Relaxed);
        let rotations = writer.join().expect("the writer does not panic")?;
        lived?;
        self.last_life()?;

        let ledgers = saved::ledgers(&self.spec.data_dir, STREAMS)?;
        Ok(Report {
            seed: self.plan.seed,
            took: started.elapsed(),
            deaths: self.deaths,
            rotations,
            lines: self.shared.lines().iter().map(|lines| u64::from(*lines)).sum(),
            bytes: self.shared.bytes(),
            verdict: check(&self.shared.lines(), &self.lives),
            garbled: self.arrivals.garbled,
            torn: self.arrivals.torn,
            ledgers,
            kept: String::new(),
        })
    }

    /// One life after the other, but for the last.
    fn live(&mut self, started: Instant) -> Result<()> {
        self.first_life()?;
        while self.lives.len() <= self.plan.lives && started.elapsed() < self.plan.longest {
            let death = self.plan.death(&mut self.random);
            let life = self.one_life(death)?;
            self.lives.push(life);
            self.change_disk()?;
            if self.random.once_in(2) {
                // The writer goes on, and rotates.
                let pause = self.random.between(20, 800);
                thread::sleep(Duration::from_millis(pause));
            }
        }
        Ok(())
    }

    /// Lives until all files are in its checkpoints, and none is rotated before: who remembers nothing of a file that has a
    /// name of its own cannot know that those beside it were rotated meanwhile.
    fn first_life(&mut self) -> Result<()> {
        let scratch = self.scratch;
        let mut agent = self.start(scratch, None)?;
        let started = Instant::now();
        while saved::ledgers(&self.spec.data_dir, STREAMS)?.iter().any(|ledger| ledger.acknowledged == 0) {
            ensure!(!agent.has_ended()? && started.elapsed() < PATIENCE, "no checkpoints:\n{}", agent.stderr());
            self.poll()?;
            thread::sleep(POLL_INTERVAL);
        }
        let finished = agent.terminate()?;
        ensure!(finished.code() == Some(0), "the agent ended with {}:\n{}", finished.status, finished.stderr);
        self.shared.is_up.store(false, Ordering::Relaxed);
        let life = self.end_life(Vec::new(), true)?;
        self.lives.push(life);
        self.shared.may_rotate.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn one_life(&mut self, death: Death) -> Result<Life> {
        let scratch = self.scratch;
        let mut agent = self.start(scratch, Some(death))?;
        let started = Instant::now();
        let longest = match death {
            Death::Killed(after) | Death::Asked(after) => after,
            Death::At(..) => LONGEST_WAY,
        };
        let change_at = self.random.between(0, 1500);
        let mut was_full = self.is_full;
        let mut seen = Vec::new();
        while started.elapsed() < longest && !agent.has_ended()? {
            self.poll()?;
            seen.push((Instant::now(), self.last()));
            if !was_full && started.elapsed() > Duration::from_millis(change_at) {
                self.change_disk()?;
                was_full = self.is_full;
            }
            thread::sleep(POLL_INTERVAL);
        }
        let ended = Instant::now();
        let came_there = agent.has_ended()?;
        let finished = match death {
            Death::Asked(_) => agent.terminate()?,
            Death::Killed(_) | Death::At(..) => {
                if !came_there {
                    agent.signal(Signal::KILL)?;
                }
                agent.finish()?
            }
        };
        self.shared.is_up.store(false, Ordering::Relaxed);
        let expected = match death {
            Death::Asked(_) => (Some(0), None),
            Death::Killed(_) | Death::At(..) => (None, Some(9)),
        };
        let status = finished.status;
        let found = (status.code(), std::os::unix::process::ExitStatusExt::signal(&status));
        ensure!(found == expected, "the agent ended with {status}, {death:?}:\n{}", finished.stderr);
        let name = if matches!(death, Death::At(..)) && !came_there { "on its way there" } else { death.name() };
        *self.deaths.entry(name).or_default() += 1;

        let due = seen.iter().rev().find(|(at, _)| *at + SAVE_TIME < ended).filter(|_| !was_full);
        let due = due.map_or_else(Vec::new, |(_, last)| last.clone());
        self.end_life(due, self.plan.deaths == Deaths::Asked)
    }

    /// The last agent delivers everything.
    fn last_life(&mut self) -> Result<()> {
        if let Some(disk) = &self.disk {
            disk.free()?;
        }
        let scratch = self.scratch;
        let mut agent = self.start(scratch, None)?;
        let mut came = (Instant::now(), self.last());
        while !self.shared.is_delivered() && came.0.elapsed() < self.plan.patience {
            ensure!(!agent.has_ended()?, "the agent ended:\n{}", agent.stderr());
            thread::sleep(POLL_INTERVAL);
            self.poll()?;
            if came.1 != self.last() {
                came = (Instant::now(), self.last());
            }
        }
        let finished = agent.terminate()?;
        ensure!(finished.code() == Some(0), "the agent ended with {}:\n{}", finished.status, finished.stderr);
        let life = self.end_life(Vec::new(), true)?;
        self.lives.push(life);
        Ok(())
    }

    fn start(&mut self, scratch: &'a Scratch, death: Option<Death>) -> Result<Running<'a>> {
        self.arrivals.shorten(LONGEST_OUTPUT_BYTES)?;
        let interval = self.random.between(50, 200).to_string();
        let workers = self.random.between(1, 2).to_string();
        // A broken agent is found out when it stores often what it has not delivered.
        let interval = if self.plan.broken.is_some() { "1" } else { &interval };
        let arguments = ["run", "-c", "pipeline.yaml", "--checkpoint-interval", interval, "--workers", &workers];
        let mut invocation = scratch.loglift(&arguments).env("LOGLIFT_JOURNAL_SLACK_BYTES", "2000");
        if let Some(Death::At(place, count)) = death {
            invocation = invocation.env("LOGLIFT_KILL_AT", format!("{place}:{count}"));
        }
        if let Some(broken) = self.plan.broken {
            invocation = invocation.env("LOGLIFT_BREAK", broken);
        }
        self.shared.is_up.store(true, Ordering::Relaxed);
        invocation.start()
    }

    /// Reads what arrived, and tells the writer.
    fn poll(&mut self) -> Result<()> {
        self.arrivals.poll()?;
        for stream in 0..STREAMS {
            if let Some(line) = self.arrivals.last(stream) {
                self.shared.arrived(stream, line);
            }
        }
        Ok(())
    }

    /// How many lines of each stream have arrived in this life or before, as the last one tells.
    fn last(&self) -> Vec<u32> {
        (0..STREAMS).map(|stream| self.arrivals.last(stream).map_or(0, |line| line + 1)).collect()
    }

    fn end_life(&mut self, due: Vec<u32>, was_asked: bool) -> Result<Life> {
        self.poll()?;
        let ledgers = saved::ledgers(&self.spec.data_dir, STREAMS)?;
        let saved = ledgers.iter().enumerate();
        let saved = saved.map(|(stream, ledger)| self.shared.lines_within(stream, ledger.acknowledged)).collect();
        Ok(Life { arrived: self.arrivals.end_life(), saved, due, was_asked })
    }

    /// Fills the disk, or frees it, now and then.
    fn change_disk(&mut self) -> Result<()> {
        if let Some(disk) = &self.disk
            && self.random.once_in(2)
        {
            self.is_full = !self.is_full;
            if self.is_full { disk.fill() } else { disk.free() }.context("cannot change the disk")?;
        }
        Ok(())
    }
}

fn config(scratch: &Scratch, paths: &[PathBuf], with_processor: bool) -> String {
    let named = paths.iter().skip(1).step_by(2).map(|path| path.display().to_string());
    let pattern = scratch.path("any").join("*.log*").display().to_string();
    let input = [pattern].into_iter().chain(named).collect::<Vec<_>>().join(", ");
    let split =
        "Type: processor_parse_delimiter_native, SourceKey: content, Separator: ' ', Keys: [stream, number, padding]";
    // The harness follows one file.
    let flusher =
        format!("Type: flusher_file, FilePath: {}, MaxFileSize: 100000000000", scratch.path("out.json").display());
    let processors = if with_processor { vec![split] } else { Vec::new() };
    let config = scratch.config("INPUT", &processors, &[&flusher]);
    // An agent that is killed before its first checkpoint has not seen the files.
    let whole = format!("{input}], TailSizeKB: 1000000");
    config.replacen(&format!("{}]", scratch.path("INPUT").display()), &whole, 1)
}

/// The schemes that do not depend on how fast the agent is.
pub const RENAMES: &[Scheme] = &[Scheme::Numbered, Scheme::Dated];

/// How long after a line was written its checkpoint is on disk at the latest: the longest interval, and some seconds for a
/// busy disk.
pub const SAVE_TIME: Duration = Duration::from_millis(3_500);

const STREAMS: usize = 6;

/// An agent that does not come to the place at which it is to be killed is killed after this.
const LONGEST_WAY: Duration = Duration::from_millis(2_500);

/// When the output has become so long, the next agent begins with an empty one.
const LONGEST_OUTPUT_BYTES: u64 = 64 << 20;

const POLL_INTERVAL: Duration = Duration::from_millis(5);
