//! `loglift bench`: how fast a processor is, beside one that does nothing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::Common;
use super::checkpoint::print;
use super::given::{Given, given, origin};
use super::table::table;
use crate::config::AgentConfig;
use crate::event::{EventBatch, Source};
use crate::input::records::chunk::{Chunker, EventSpec};
use crate::processor::component::Component;
use crate::processor::engine::Engine;
use crate::processor::solo::Solo;
use crate::processor::stage::{Policy, StageError};
use crate::runtime::assemble::Workshop;
use crate::runtime::events::event_spec;
use crate::telemetry::one_line;

#[derive(Debug, clap::Args)]
pub(super) struct BenchArguments {
    /// The file of a component, or the type of a built-in processor
    #[arg(value_name = "COMPONENT|TYPE")]
    component: String,

    /// The lines to process; of a large file the first 64 MiB
    #[arg(long, value_name = "FILE")]
    input: PathBuf,

    /// Configure it with this: a JSON object, a file that holds one, or a pipeline config that has this processor, with what
    /// that grants it [default: {}]
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,

    /// For how long to measure, at least
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=3600))]
    seconds: u64,

    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    component: String,
    version: String,
    digest: String,
    input: Input,
    rounds: usize,
    processor: Speed,
    pass_through: Speed,
    /// To compile the component anew and have it describe itself.
    compile_ms: f64,
    /// To make an instance and configure it.
    instantiate_ms: f64,
}

#[derive(Debug, Serialize)]
struct Input {
    events: usize,
    bytes: usize,
    batches: usize,
}

/// What follows from the times of batches; events and bytes a second are those of the median round.
#[derive(Debug, Serialize)]
struct Speed {
    events_per_second: f64,
    mb_per_second: f64,
    p50_ms_per_batch: f64,
    p99_ms_per_batch: f64,
    memory_bytes: u64,
}

/// One of the two that are measured.
struct Runner<'a> {
    solo: Solo,
    batches: &'a [EventBatch],
    times: Vec<Duration>,
    /// How long all batches took, round by round.
    rounds: Vec<Duration>,
}

/// Measures a processor. Returns whether it processed everything.
pub(super) fn bench(arguments: &BenchArguments, common: &Common) -> anyhow::Result<bool> {
    let workshop = common.workshop(false, &AgentConfig::default())?;
    let given = given(&workshop, &arguments.component, arguments.config.as_deref())?;
    let (batches, input) = batches(&arguments.input, &given, &workshop)?;
    let compile = compile_time(&workshop, &arguments.component)?;
    let instantiate = instantiate_time(&given)?;

    let pass_through = Component::load(&workshop.engine, loglift_builtin_processors::PASS_THROUGH)?;
    let mut runners = [
        Runner::new(solo(&given)?, &batches),
        Runner::new(made(Solo::new(pass_through, "{}", Policy::default()))?, &batches),
    ];
    let enough = Duration::from_secs(arguments.seconds);
    let mut rounds = 0;
    // In turns, so that a machine that is busy for a while is so for both.
    while rounds < MIN_ROUNDS || runners[0].spent() < enough && rounds < MAX_ROUNDS {
        runners.iter_mut().try_for_each(Runner::round)?;
        rounds += 1;
    }
    let [processor, pass_through] = runners.map(|runner| runner.speed(&input));
    let description = &given.component.description;
    let measured = Measured {
        component: one_line(&description.name),
        version: one_line(&description.version),
        digest: given.component.digest.clone(),
        input,
        rounds,
        processor,
        pass_through,
        compile_ms: millis(compile),
        instantiate_ms: millis(instantiate),
    };
    print(&if arguments.json { serde_json::to_string(&measured)? + "\n" } else { measured.describe() })
}

/// The lines of a file as batches, as an input makes them.
fn batches(path: &Path, given: &Given, workshop: &Workshop) -> anyhow::Result<(Vec<EventBatch>, Input)> {
    let name = path.display();
    let mut file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    let spec = given
        .pipeline
        .as_ref()
        .map_or_else(EventSpec::default, |pipeline| event_spec(pipeline, &workshop.surroundings));
    let mut chunker = Chunker::of(Arc::new(Source::new(path.to_owned(), None)), &spec);
    let mut batches: Vec<EventBatch> = Vec::new();
    let mut bytes = 0;
    while bytes < MAX_INPUT_BYTES {
        let (came, batch) = chunker.read(&mut file).with_context(|| format!("cannot read {name}"))?;
        bytes += came;
        batches.extend(if came == 0 { chunker.finish() } else { batch });
        if came == 0 {
            break;
        }
    }
    ensure!(!batches.is_empty(), "{name} has no line");
    let events = batches.iter().map(EventBatch::len).sum();
    let batch_count = batches.len();
    Ok((batches, Input { events, bytes, batches: batch_count }))
}

/// How long it takes to compile a component that nobody has compiled before.
fn compile_time(workshop: &Workshop, name: &str) -> anyhow::Result<Duration> {
    let engine = Arc::new(Engine::new(None)?);
    let bytes = workshop.component_bytes(&origin(name)?).map_err(anyhow::Error::msg)?;
    let start = Instant::now();
    Component::load(&engine, &bytes)?;
    Ok(start.elapsed())
}

/// How long it takes to make an instance and configure it: half of the attempts took less.
fn instantiate_time(given: &Given) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..INSTANCES {
        let start = Instant::now();
        solo(given)?;
        times.push(start.elapsed());
    }
    Ok(percentile(&mut times, 50))
}

fn solo(given: &Given) -> anyhow::Result<Solo> {
    made(Solo::new(given.component.clone(), &given.config, given.policy.clone()))
}

fn made(solo: Result<Solo, StageError>) -> anyhow::Result<Solo> {
    solo.map_err(|error| match error {
        StageError::Config(issues) => {
            let issues: Vec<String> =
                issues.iter().map(|issue| one_line(&format!("{}: {}", issue.path, issue.message))).collect();
            anyhow::anyhow!("the config is wrong: {}", issues.join("; "))
        }
        fault @ StageError::Fault(_) => fault.into(),
    })
}

impl<'a> Runner<'a> {
    fn new(solo: Solo, batches: &'a [EventBatch]) -> Self {
        Self { solo, batches, times: Vec::new(), rounds: Vec::new() }
    }

    /// Has all batches processed once.
    fn round(&mut self) -> anyhow::Result<()> {
        let mut round = Duration::ZERO;
        for (number, batch) in (1..).zip(self.batches) {
            let mut batch = batch.clone();
            let start = Instant::now();
            let ended = self.solo.run(&mut batch);
            let took = start.elapsed();
            self.times.push(took);
            round += took;
            if let Err(fault) = ended {
                bail!("it fails at batch {number} of {}: {fault}", self.batches.len());
            }
        }
        self.rounds.push(round);
        Ok(())
    }

    fn spent(&self) -> Duration {
        self.rounds.iter().sum()
    }

    fn speed(mut self, input: &Input) -> Speed {
        // Not the mean: that is about whatever else the machine did meanwhile.
        let seconds = percentile(&mut self.rounds, 50).as_secs_f64().max(f64::EPSILON);
        Speed {
            events_per_second: input.events as f64 / seconds,
            mb_per_second: input.bytes as f64 / seconds / 1e6,
            p50_ms_per_batch: millis(percentile(&mut self.times, 50)),
            p99_ms_per_batch: millis(percentile(&mut self.times, 99)),
            memory_bytes: self.solo.memory_bytes(),
        }
    }
}

impl Measured {
    fn describe(&self) -> String {
        let Self { component, version, input, rounds, processor, pass_through, .. } = self;
        let row = |name: &str, speed: &Speed| {
            vec![
                name.to_owned(),
                format!("{:.0}", speed.events_per_second),
                format!("{:.1}", speed.mb_per_second),
                format!("{:.3} ms", speed.p50_ms_per_batch),
                format!("{:.3} ms", speed.p99_ms_per_batch),
                format!("{} KiB", speed.memory_bytes >> 10),
            ]
        };
        let rows = [row(&format!("{component} {version}"), processor), row("pass-through", pass_through)];
        let speeds = table(&["", " events/s", " MB/s", " p50/batch", " p99/batch", " memory"], &rows);
        let own = 1e9 / processor.events_per_second - 1e9 / pass_through.events_per_second;
        format!(
            "{} events, {} bytes, batches: {}; {rounds} rounds in turns with a processor that changes nothing, of which the \
             median counts\n\
             {speeds}\
             its own work is {own:.0} ns an event; to lend, to call, to check and to carry out is in the numbers of both\n\
             compile {:.1} ms (with nothing cached), instantiate and configure {:.2} ms (the median of {INSTANCES})\n",
            input.events, input.bytes, input.batches, self.compile_ms, self.instantiate_ms
        )
    }
}

/// The time that so many of a hundred do not exceed.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What is kept in memory as batches.
const MAX_INPUT_BYTES: usize = 64 << 20;

/// The first round finds caches cold.
const MIN_ROUNDS: usize = 5;

/// For input that is too small to fill the time with.
const MAX_ROUNDS: usize = 100_000;

const INSTANCES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let check = |count: u64, percent, expected| {
            let mut times: Vec<Duration> = (1..=count).rev().map(Duration::from_millis).collect();
            assert_eq!(percentile(&mut times, percent).as_millis(), expected, "{percent} of {count}");
        };
        check(1, 50, 1);
        check(1, 99, 1);
        check(2, 50, 1);
        check(100, 50, 50);
        check(100, 99, 99);
        check(1000, 99, 990);
        check(0, 50, 0);
    }
}
