//! What an instance costs before its first batch.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use loglift::processor::Context;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::lineup::Lineup;
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
