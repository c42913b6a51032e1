//! Kills the agent while it ships to a service that fails, and checks that nothing is lost and that what comes twice is recognised.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use sls_emulator::faults::{Cut, Effect};

use super::delivered::Delivered;
use super::random::Random;
use super::run::RENAMES;
use super::saved;
use super::ship_report::ShipReport;
use super::writer::{self, Shared};
use crate::agent::{PATIENCE, Running};
use crate::scratch::Scratch;
use crate::service::{KEY, Service, drawn};
use crate::status::expect_balanced;

/// What to do to the agent and to the service.
#[derive(Debug, Clone)]
pub struct ShipPlan {
    /// Decides everything that is random, but for the moments at which threads run.
    pub seed: u64,
    /// How often the agent is killed.
    pub kills: usize,
    /// It is not killed any more after so much time.
    pub longest: Duration,
}

/// Does what the plan says, and returns what came of it.
///
/// # Errors
/// If something else fails than what is tested, or if the agent ends in a way that it should not.
pub fn run(plan: &ShipPlan) -> Result<ShipReport> {
    let mut scratch = Scratch::new()?;
    let report = Run::new(plan, &scratch)?.run();
    if report.as_ref().is_ok_and(ShipReport::is_good) {
        return report;
    }
    scratch.keep();
    report.with_context(|| format!("seed {}, files in {}", plan.seed, scratch.directory().display()))
}

struct Run<'a> {
    plan: &'a ShipPlan,
    scratch: &'a Scratch,
    service: Service,
    random: Random,
    shared: Arc<Shared>,
    spec: writer::Spec,
    delivered: Delivered,
    /// How the agent is killed next; when none is left, all have their turn again.
    ways: Vec<&'static str>,
    kills: BTreeMap<&'static str, u64>,
    outages: u64,
    peak_kib: u64,
}

impl<'a> Run<'a> {
    fn new(plan: &'a ShipPlan, scratch: &'a Scratch) -> Result<Self> {
        fs::create_dir(scratch.path("logs"))?;
        let service = Service::start(scratch)?;
        let paths: Vec<PathBuf> = (0..STREAMS).map(|number| scratch.path(&format!("logs/s{number}.log"))).collect();
        let flusher = service.flusher("Batch: {MinCnt: 500, TimeoutSecs: 0}");
        scratch.write("pipeline.yaml", scratch.config("logs/*.log*", &[], &[&flusher]))?;
        scratch.write("agent.json", "{\"default_http_request_timeout_sec\": 5}")?;
        let schemes = RENAMES.to_vec();
        let spec = writer::Spec { seed: plan.seed, paths, schemes, data_dir: scratch.path("data") };
        Ok(Self {
            plan,
            scratch,
            service,
            random: Random::new(plan.seed),
            shared: Arc::new(Shared::new(STREAMS)),
            spec,
            delivered: Delivered::new(plan.seed, STREAMS),
            ways: Vec::new(),
            kills: BTreeMap::new(),
            outages: 0,
            peak_kib: 0,
        })
    }

    fn run(mut self) -> Result<ShipReport> {
        let started = Instant::now();
        let (spec, shared) = (self.spec.clone(), Arc::clone(&self.shared));
        let writer = thread::Builder::new().name("writer".to_owned()).spawn(move || writer::write(&spec, &shared))?;
        let lived = self.live(started);
        self.shared.is_over.store(true, Ordering::Relaxed);
        let rotations = writer.join().expect("the writer does not panic")?;
        lived?;
        self.last_life()?;
        let lines = self.shared.lines();
        Ok(ShipReport {
            seed: self.plan.seed,
            took: started.elapsed(),
            kills: self.kills,
            outages: self.outages,
            rotations: rotations.values().sum(),
            bytes: self.shared.bytes().iter().sum(),
            verdict: self.delivered.verdict(&lines, &self.shared),
            peak_kib: self.peak_kib,
        })
    }

    fn live(&mut self, started: Instant) -> Result<()> {
        self.first_life()?;
        while self.kills.values().sum::<u64>() < self.plan.kills as u64 && started.elapsed() < self.plan.longest {
            self.one_life()?;
            self.delivered.end_life();
        }
        Ok(())
    }

    /// Lives until all files are in its checkpoints, and none is rotated before.
    fn first_life(&mut self) -> Result<()> {
        let scratch = self.scratch;
        let mut agent = self.start(scratch, None)?;
        let started = Instant::now();
        while saved::ledgers(&self.spec.data_dir, STREAMS)?.iter().any(|ledger| ledger.acknowledged == 0) {
            ensure!(!agent.has_ended()? && started.elapsed() < PATIENCE, "no checkpoints:\n{}", agent.stderr());
            self.poll(&agent)?;
            thread::sleep(POLL_INTERVAL);
        }
        let ended = agent.terminate()?;
        ensure!(ended.code() == Some(0), "the agent ended with {}:\n{}", ended.status, ended.stderr);
        self.shared.may_rotate.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// One life, in which the service goes down and up and fails, and which ends with a kill.
    fn one_life(&mut self) -> Result<()> {
        let way = self.next_way();
        let place = (way != AT_RANDOM).then_some(way);
        let scratch = self.scratch;
        self.begin_with(way)?;
        let mut agent = self.start(scratch, place)?;
        let started = Instant::now();
        let longest = if place.is_some() { LONGEST_WAY } else { Duration::from_millis(self.random.between(100, 3000)) };
        let mut next_change = Duration::from_millis(self.random.between(1000, 3000));
        while started.elapsed() < longest && !agent.has_ended()? {
            self.poll(&agent)?;
            if started.elapsed() > next_change {
                self.change_service()?;
                next_change += Duration::from_millis(self.random.between(300, 2000));
            }
            thread::sleep(POLL_INTERVAL);
        }
        let came_there = agent.has_ended()?;
        if !came_there {
            agent.signal(Signal::KILL)?;
        }
        let status = agent.finish()?;
        let signal = std::os::unix::process::ExitStatusExt::signal(&status.status);
        ensure!(signal == Some(9), "the agent ended with {}, {way}:\n{}", status.status, status.stderr);
        let name = if place.is_some() && !came_there { "on its way there" } else { way };
        *self.kills.entry(name).or_default() += 1;
        Ok(())
    }

    /// The last agent delivers everything, to a service that takes it.
    fn last_life(&mut self) -> Result<()> {
        self.up()?;
        self.service.heal()?;
        let scratch = self.scratch;
        let mut agent = self.start(scratch, None)?;
        let mut came = (Instant::now(), 0);
        while came.0.elapsed() < PATIENCE && !self.is_done(&agent) {
            ensure!(!agent.has_ended()?, "the agent ended:\n{}", agent.stderr());
            self.poll(&agent)?;
            if came.1 != self.delivered.lines() {
                came = (Instant::now(), self.delivered.lines());
            }
            thread::sleep(POLL_INTERVAL);
        }
        expect_balanced(&agent.status()?)?;
        let ended = agent.terminate()?;
        ensure!(ended.code() == Some(0), "the agent ended with {}:\n{}", ended.status, ended.stderr);
        self.delivered.take(&self.service)?;
        self.delivered.end_life();
        Ok(())
    }

    fn is_done(&self, agent: &Running<'_>) -> bool {
        let is_empty = |status: serde_json::Value| {
            let found = &status["destinations"][0];
            found["spooled_packages"] == 0 && found["waiting_packages"] == 0
        };
        self.delivered.has_all(&self.shared.lines()) && agent.status().is_ok_and(is_empty)
    }

    fn start(&mut self, scratch: &'a Scratch, place: Option<&str>) -> Result<Running<'a>> {
        let interval = self.random.between(50, 200).to_string();
        let arguments = ["run", "-c", "pipeline.yaml", "--agent-config", "agent.json", "--buffer", BUFFER_MIB];
        let arguments = [&arguments[..], &["--checkpoint-interval", &interval]].concat();
        let mut invocation = scratch.loglift(&arguments).env("LOGLIFT_JOURNAL_SLACK_BYTES", "2000");
        for (name, value) in KEY {
            invocation = invocation.env(name, value);
        }
        if let Some(place) = place {
            let most = if place.starts_with("checkpoint-rename") { 2 } else { 30 };
            invocation = invocation.env("LOGLIFT_KILL_AT", format!("{place}:{}", self.random.between(1, most)));
        }
        self.shared.is_up.store(true, Ordering::Relaxed);
        invocation.start()
    }

    fn next_way(&mut self) -> &'static str {
        if self.ways.is_empty() {
            self.ways.extend(WAYS);
        }
        let next = self.random.between(0, self.ways.len() as u64 - 1) as usize;
        self.ways.swap_remove(next)
    }

    /// The service as it has to be for the agent to come to a place.
    fn begin_with(&mut self, way: &str) -> Result<()> {
        match way {
            "spool-append" | "spool-appended" | "spool-synced" => self.down(),
            "acknowledge" | "spool-done" => {
                self.up()?;
                self.service.heal()?;
            }
            _ => self.change_service()?,
        }
        Ok(())
    }

    fn change_service(&mut self) -> Result<()> {
        if self.random.once_in(3) {
            self.down();
            return Ok(());
        }
        self.up()?;
        let percent = [0, 20, 50][self.random.between(0, 2) as usize];
        let seed = self.random.number();
        self.service.fail_by(drawn(seed, 1000, percent, &effects()))
    }

    fn down(&mut self) {
        self.outages += 1;
        self.service.down();
    }

    fn up(&mut self) -> Result<()> {
        if self.service.stats().is_err() { self.service.up() } else { Ok(()) }
    }

    /// Takes what arrived, tells the writer, and notes how much memory the agent has.
    fn poll(&mut self, agent: &Running<'_>) -> Result<()> {
        self.peak_kib = self.peak_kib.max(agent.peak_kib().unwrap_or(0));
        if self.service.stats().is_ok() {
            self.delivered.take(&self.service)?;
        }
        for stream in 0..STREAMS {
            if let Some(line) = self.delivered.last(stream) {
                self.shared.arrived(stream, line);
            }
        }
        Ok(())
    }
}

/// None by which an event that is alone becomes a dead letter: nobody could tell it from one that is lost.
fn effects() -> Vec<Effect> {
    let errors = [
        (500, "InternalServerError"),
        (503, "ServerBusy"),
        (403, "WriteQuotaExceed"),
        (403, "ShardWriteQuotaExceed"),
        (401, "Unauthorized"),
    ];
    let cuts = [Cut::BeforeBody, Cut::MidBody, Cut::BeforeAnswer, Cut::BeforeAnswer];
    let errors = errors.into_iter().map(|(status, code)| Effect::error(status, code));
    errors.chain(cuts.map(|cut| Effect { cut: Some(cut), ..Effect::default() })).collect()
}

const AT_RANDOM: &str = "at random";

/// How the agent is killed.
const WAYS: &[&str] = &[
    AT_RANDOM,
    AT_RANDOM,
    "read",
    "process",
    "send",
    "acknowledge",
    "spool-append",
    "spool-appended",
    "spool-synced",
    "spool-done",
    "checkpoint-write",
    "checkpoint-written",
    "checkpoint-synced",
    "checkpoint-rename",
    "checkpoint-renamed",
];

const STREAMS: usize = 4;

/// Little, so that an outage goes to disk soon.
const BUFFER_MIB: &str = "2";

/// An agent that does not come to the place at which it is to be killed is killed after this: packages go to disk after five
/// seconds.
const LONGEST_WAY: Duration = Duration::from_secs(7);

const POLL_INTERVAL: Duration = Duration::from_millis(10);
