//! What an instance costs before its first batch, and what its limits cost after it.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use loglift::event::{EventBatch, Source};
use loglift::input::records::chunk::Chunker;
use loglift::input::records::frame::Framing;
use loglift::processor::Context;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::lineup::{Lineup, Moment};
use loglift::processor::stage::{Policy, Stage};
use loglift::telemetry::alarm::Alarms;

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

/// What the checks of time cost a call, in turns: `cargo test -p loglift-tests --test instances cost_of_limits -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_limits() -> Result<()> {
    let batch = json_batch()?;
    let chain = |interruption| -> Result<Chain> {
        let engine = Arc::new(Engine::with_interruption(None, interruption)?);
        let built_in = loglift_builtin_processors::find("processor_parse_json_native").context("it is built in")?;
        let component = Component::load(&engine, built_in.component)?;
        let config = r#"{"SourceKey": "content"}"#.to_owned();
        let stage = Stage::new("json".to_owned(), component, config, Context::default(), Policy::default())?;
        let lineup = Arc::new(Lineup::new("test", vec![Arc::new(stage)], 0));
        Ok(Chain::new("json", &lineup, &Arc::new(Alarms::for_one_command())))
    };
    let run = |chain: &mut Chain| -> Result<Duration> {
        let mut batches: Vec<EventBatch> = (0..100).map(|_| batch.clone()).collect();
        let began = Instant::now();
        batches.iter_mut().try_for_each(|batch| chain.run(batch))?;
        Ok(began.elapsed())
    };
    let (mut on, mut off) = (chain(true)?, chain(false)?);
    let mut ratios = Vec::new();
    for _ in 0..31 {
        let (with, without) = (run(&mut on)?, run(&mut off)?);
        ratios.push(with.as_secs_f64() / without.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!("JSON with the checks of time takes {:.3} times as long as without, {ratios:.2?}", ratios[15]);
    Ok(())
}

/// A thousand records of seven fields.
fn json_batch() -> Result<EventBatch> {
    let line = r#"{"asctime": "2023-10-25 23:51:10,199999999", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{\"no\": 14, \"inner_loop\": 166, \"loop\": 27451, \"uuid\": \"9be98c29-22c7-40a1-b7ed-29ae6c8367af\"}", "threadName": "MainThread"}"#;
    let text = format!("{line}\n").repeat(1000);
    let source = Source::new("bench.log".into(), None);
    let (_, batch) = Chunker::new(Arc::new(source), Vec::new(), Framing::Lines).read(&mut text.as_bytes())?;
    batch.context("there are lines")
}
