//! What an instance costs before its first batch, and what its limits cost after it.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use loglift::config::{SwapMode, SwapSpec};
use loglift::event::{EventBatch, Source};
use loglift::input::records::chunk::Chunker;
use loglift::input::records::frame::Framing;
use loglift::processor::Context;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::lineup::{Lineup, Moment};
use loglift::processor::stage::{Policy, Stage};
use loglift::processor::twin::check_only;
use loglift::telemetry::alarm::Alarms;
use loglift_parse_json::ParseJson;
use loglift_tests::agent::wait_until;
use loglift_tests::twin;

const COUNT: u32 = 100;

/// The memory of this process that is its own, in bytes.
fn own_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib << 10)
}

#[test]
fn a_further_instance_takes_a_megabyte_at_most() -> Result<()> {
    let engine = Arc::new(Engine::new(None)?);
    for (name, config) in [
        ("processor_parse_json_native", r#"{"SourceKey": "content"}"#),
        (
            "processor_parse_regex_native",
            r#"{"SourceKey": "content", "Regex": "(\\S+) (\\S+) \\[([^\\]]+)\\] \"(\\w+) (.*)\"", "Keys": ["a", "b", "c", "d", "e"]}"#,
        ),
    ] {
        let built_in = loglift_builtin_processors::find(name).context("it is built in")?;
        let component = Component::load(&engine, built_in.component)?;
        let stage = Stage::new(name.to_owned(), component, config.to_owned(), Context::default(), Policy::default())?;
        let lineup = Arc::new(Lineup::new("test", vec![Arc::new(stage)], 0));
        let alarms = Arc::new(Alarms::for_one_command());
        let first = Chain::new(name, &lineup, &alarms);
        let (before, began) = (own_bytes()?, Instant::now());
        let further: Vec<Chain> = (0..COUNT).map(|_| Chain::new(name, &lineup, &alarms)).collect();
        let (took, bytes) = (began.elapsed() / COUNT, (own_bytes()?.saturating_sub(before)) / u64::from(COUNT));
        println!("{name}: {} KiB and {took:?} for a further instance, configured", bytes >> 10);
        ensure!(bytes <= 1 << 20, "{name}: {bytes} bytes");
        drop((first, further));
    }
    Ok(())
}

/// How much longer a batch takes before which the processor is replaced: `cargo test -p loglift-tests --test instances
/// cost_of_a_swap -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_swap() -> Result<()> {
    let engine = Arc::new(Engine::new(None)?);
    let built_in = loglift_builtin_processors::find("processor_parse_json_native").context("it is built in")?;
    let component = Component::load(&engine, built_in.component)?;
    let stage = || {
        let config = r#"{"SourceKey": "content"}"#.to_owned();
        Stage::new("json".to_owned(), component.clone(), config, Context::default(), Policy::default()).map(Arc::new)
    };
    let lineup = Arc::new(Lineup::new("test", vec![stage()?], 0));
    let mut chain = Chain::new("json", &lineup, &Arc::new(Alarms::for_one_command()));
    let batch = json_batch()?;
    let mut run = || -> Result<Duration> {
        let mut batch = batch.clone();
        let began = Instant::now();
        chain.run(&mut batch)?;
        Ok(began.elapsed())
    };
    let mut added = Vec::new();
    for _ in 0..500 {
        let usual = run()?.min(run()?).min(run()?);
        lineup.change(&[stage()?], Moment { instant: Instant::now(), unix_seconds: 0 });
        added.push(run()?.saturating_sub(usual));
    }
    added.sort_unstable();
    println!("a swap adds {:?} to its batch, at p99 {:?}, at most {:?}", added[250], added[495], added[499]);
    Ok(())
}

/// What the checks of time cost a call, and the check of its answer, in turns: `cargo test -p loglift -p loglift-tests --test
/// instances cost_of_limits -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_limits() -> Result<()> {
    const BATCHES: usize = 100;
    let mut batch = json_batch()?;
    let chain = |interruption| -> Result<Chain> {
        let engine = Arc::new(Engine::with_interruption(None, interruption)?);
        let lineup = Arc::new(Lineup::new("test", vec![json_stage(&engine, SwapSpec::default())?], 0));
        Ok(Chain::new("json", &lineup, &Arc::new(Alarms::for_one_command())))
    };
    let answer = twin::answer(&mut twin::configure::<ParseJson>(CONFIG), &mut batch);
    let check = || -> Result<Duration> {
        let before = cpu_time()?;
        for _ in 0..BATCHES {
            check_only(black_box(&answer), black_box(&batch)).map_err(anyhow::Error::msg)?;
        }
        Ok(cpu_time()? - before)
    };
    let run = |chain: &mut Chain| -> Result<Duration> {
        let mut batches: Vec<EventBatch> = (0..BATCHES).map(|_| batch.clone()).collect();
        let before = cpu_time()?;
        batches.iter_mut().try_for_each(|batch| chain.run(batch))?;
        Ok(cpu_time()? - before)
    };
    let (mut on, mut off) = (chain(true)?, chain(false)?);
    let (mut limits, mut checks, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..31 {
        let [with, without, check] = [run(&mut on)?, run(&mut off)?, check()?].map(|time| time.as_secs_f64());
        limits.push(with / without);
        checks.push(check / with);
        both.push(with / (without - check));
    }
    println!("a call of {:?} with everything", run(&mut on)? / BATCHES as u32);
    println!("with the checks of time it takes {} times as long as without", quartiles(&mut limits));
    println!("the check of the answer is {} of it", quartiles(&mut checks));
    println!("with both it takes {} times as long as without", quartiles(&mut both));
    Ok(())
}

/// What a shadow of the same version costs beside the processor, in turns: `cargo test -p loglift -p loglift-tests --test
/// instances cost_of_a_shadow -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_shadow() -> Result<()> {
    const BATCHES: u64 = 100;
    let engine = Arc::new(Engine::new(None)?);
    let batch = json_batch()?;
    let lineup = |is_shadowed| -> Result<Arc<Lineup>> {
        let lineup = Arc::new(Lineup::new("test", vec![json_stage(&engine, SwapSpec::default())?], 0));
        if is_shadowed {
            let swap = SwapSpec { mode: SwapMode::Shadow, events: u64::MAX, ..SwapSpec::default() };
            lineup.change(&[json_stage(&engine, swap)?], Moment { instant: Instant::now(), unix_seconds: 0 });
        }
        Ok(lineup)
    };
    let (plain, shadowed) = (lineup(false)?, lineup(true)?);
    let chain = |lineup| Chain::new("json", lineup, &Arc::new(Alarms::for_one_command()));
    let (mut without, mut with) = (chain(&plain), chain(&shadowed));
    let trial = shadowed.seats()[0].trial.clone().context("a trial runs")?;
    // Batches that it has seen, and those that it was too slow for.
    let seen = || trial.report().map_or((0, 0), |report| (report.batches, report.skipped_batches));

    // One after the other, so that the shadow sees each.
    let run = |chain: &mut Chain| -> Result<Duration> {
        let mut batch = batch.clone();
        let before = cpu_time()?;
        chain.run(&mut batch)?;
        Ok(cpu_time()? - before)
    };
    // From the first one on, its thread has its name.
    with.run(&mut batch.clone())?;
    wait_until("the first batch", || seen().0 == 1)?;
    let (mut live, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let (mut plain, mut shadowed, before) = (Duration::ZERO, Duration::ZERO, cpu_time_of("shadow")?);
        for _ in 0..BATCHES {
            plain += run(&mut without)?;
            let expected = seen().0 + 1;
            shadowed += run(&mut with)?;
            while seen().0 < expected {
                // Not to be in its way.
                std::thread::sleep(Duration::from_micros(500));
            }
        }
        live.push(shadowed.as_secs_f64() / plain.as_secs_f64());
        beside.push((cpu_time_of("shadow")? - before).as_secs_f64() / plain.as_secs_f64());
    }
    println!(
        "beside a shadow that sees each batch, the live call takes {} times as much of a CPU",
        quartiles(&mut live)
    );
    println!("the shadow takes {} times what the processor takes", quartiles(&mut beside));

    // As fast as they come.
    let flood = |chain: &mut Chain| -> Result<[f64; 2]> {
        let mut batches: Vec<EventBatch> = (0..BATCHES).map(|_| batch.clone()).collect();
        let (before, began) = (cpu_time()?, Instant::now());
        batches.iter_mut().try_for_each(|batch| chain.run(batch))?;
        Ok([began.elapsed(), cpu_time()? - before].map(|time| time.as_secs_f64()))
    };
    let (mut times, mut cpu_times, before) = (Vec::new(), Vec::new(), seen());
    for _ in 0..31 {
        let [took, cpu] = flood(&mut without)?;
        let [took_with, cpu_with] = flood(&mut with)?;
        times.push(took_with / took);
        cpu_times.push(cpu_with / cpu);
    }
    let (compared, skipped) = (seen().0 - before.0, seen().1 - before.1);
    println!("in a flood the live path takes {} times as much of a CPU", quartiles(&mut cpu_times));
    println!("and {} times as long", quartiles(&mut times));
    println!("of {} batches, {compared} were compared and {skipped} skipped", 31 * BATCHES);
    Ok(())
}

const CONFIG: &str = r#"{"SourceKey": "content"}"#;

fn json_stage(engine: &Arc<Engine>, swap: SwapSpec) -> Result<Arc<Stage>> {
    let built_in = loglift_builtin_processors::find("processor_parse_json_native").context("it is built in")?;
    let component = Component::load(engine, built_in.component)?;
    let policy = Policy { swap, ..Policy::default() };
    Ok(Arc::new(Stage::new("json".to_owned(), component, CONFIG.to_owned(), Context::default(), policy)?))
}

/// The median, and what half of the values lie between.
fn quartiles(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    let at = |quarter: usize| values[values.len() * quarter / 4];
    format!("{:.3} ({:.3} to {:.3})", at(2), at(1), at(3))
}

/// How long this thread was on a CPU.
fn cpu_time() -> Result<Duration> {
    // The kernel counts what a thread has taken when another one has its turn.
    std::thread::sleep(Duration::from_micros(1));
    cpu_time_in("/proc/thread-self/schedstat")
}

/// The same of the thread with this name.
fn cpu_time_of(name: &str) -> Result<Duration> {
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.trim() == name {
            return cpu_time_in(task.join("schedstat"));
        }
    }
    bail!("no thread is called {name}")
}

fn cpu_time_in(path: impl AsRef<Path>) -> Result<Duration> {
    let text = fs::read_to_string(path).context("the kernel does not say how long a thread ran")?;
    let nanoseconds = text.split(' ').next().context("schedstat is empty")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// A thousand records of seven fields.
fn json_batch() -> Result<EventBatch> {
    let line = r#"{"asctime": "2023-10-25 23:51:10,199999999", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{\"no\": 14, \"inner_loop\": 166, \"loop\": 27451, \"uuid\": \"9be98c29-22c7-40a1-b7ed-29ae6c8367af\"}", "threadName": "MainThread"}"#;
    let text = format!("{line}\n").repeat(1000);
    let source = Source::new("bench.log".into(), None);
    let (_, batch) = Chunker::new(Arc::new(source), Vec::new(), Framing::Lines).read(&mut text.as_bytes())?;
    batch.context("there are lines")
}
