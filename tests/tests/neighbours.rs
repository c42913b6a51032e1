//! Sick processors of every kind in one agent, each in a pipeline of its own, and healthy ones beside them: the healthy lose
//! nothing, and neither do the sick.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use loglift_tests::guests::misbehaving;
use loglift_tests::scratch::Scratch;
use serde_json::Value;

/// What a guest does to the one line in a hundred that says `poison`, and its limits.
const SICK: &[(&str, &str)] = &[
    ("trap", ""),
    ("loop", "Time: 20ms"),
    ("late", "Time: 20ms"),
    ("hoard", "Memory: 8MiB"),
    ("grow forever", "Memory: 8MiB"),
    ("overflow the stack", ""),
    ("fail", ""),
    ("fail at length", ""),
    ("span past the arena", ""),
    ("span past all numbers", ""),
    ("span that is half", ""),
    ("edit of no event", ""),
    ("edit of no name", ""),
    ("edits out of order", ""),
    ("edits of one field twice", ""),
    ("edits of unequal lengths", ""),
    ("edit of a name that is gone", ""),
    ("names too few", ""),
    ("names odd", ""),
    ("names equal", ""),
    ("names new and gone", ""),
    ("names past the arena", ""),
    ("origins of no event", ""),
    ("through without origins", ""),
    ("seconds too few", ""),
    ("seconds out of this world", ""),
    ("nanoseconds too many", ""),
    ("counts that do not sum", ""),
    ("counts past all numbers", ""),
    ("rows of no name", ""),
    ("rows with a field twice", ""),
    ("outcomes unknown", ""),
    ("tags odd", ""),
    ("alarm of no event", ""),
    ("alarm of all the world", ""),
    ("flood with alarms", ""),
    ("flood the log", ""),
    ("log a million times", ""),
    ("fail each event", ""),
    ("trap under load", ""),
    ("slow by a little", "Time: 20ms"),
];

/// What keeps a pipeline from being started.
const REFUSED: &[&str] = &["trap in configure", "loop in configure", "refuse"];

const SICK_LINES: usize = 300;
const HEALTHY_LINES: usize = 20_000;

#[test]
fn a_sick_processor_harms_neither_its_neighbours_nor_its_own_lines() -> Result<()> {
    let scratch = Scratch::new()?;
    ["configs", "in", "out"].iter().try_for_each(|name| fs::create_dir(scratch.path(name)))?;
    let kinds = SICK.iter().map(|(kind, limits)| (*kind, *limits)).chain(REFUSED.iter().map(|kind| (*kind, "")));
    for (number, (kind, limits)) in kinds.enumerate() {
        pipeline(&scratch, &format!("sick-{number:02}"), kind, Some("poison"), limits)?;
    }
    let healthy: Vec<String> = (0..3).map(|number| format!("healthy-{number}")).collect();
    healthy.iter().try_for_each(|name| pipeline(&scratch, name, "nothing", None, ""))?;

    let lines = |count: usize| -> String {
        let line = |number| format!("{number} {}\n", if number % 100 == 42 { "poison" } else { "a line" });
        (0..count).map(line).collect()
    };
    for number in 0..SICK.len() + REFUSED.len() {
        scratch.write(&format!("in/sick-{number:02}.log"), lines(SICK_LINES))?;
    }
    healthy.iter().try_for_each(|name| scratch.write(&format!("in/{name}.log"), lines(HEALTHY_LINES)))?;

    let mut agent = scratch.loglift(&["run", "-c", "configs"]).start()?;
    for name in &healthy {
        agent.wait_until(&format!("{name} is whole"), |_| count(&scratch, name) == HEALTHY_LINES)?;
    }
    for (number, (kind, _)) in SICK.iter().enumerate() {
        let name = format!("sick-{number:02}");
        agent.wait_until(&format!("{name} ({kind}) is whole"), |_| count(&scratch, &name) == SICK_LINES)?;
    }
    let status = agent.status()?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);

    for name in &healthy {
        let events = events(&scratch, name)?;
        check_lines(name, &events, HEALTHY_LINES)?;
        ensure!(events.iter().all(|event| event["seen"] == "yes"), "{name}: something was not processed");
    }
    println!("| kind | marked of {SICK_LINES} lines | faults | the neighbours' loss |\n|---|---|---|---|");
    for (number, (kind, _)) in SICK.iter().enumerate() {
        let name = format!("sick-{number:02}");
        let events = events(&scratch, &name)?;
        check_lines(&format!("{name} ({kind})"), &events, SICK_LINES)?;
        let marked = events.iter().filter(|event| event.get("__processor_error__").is_some()).count();
        let is_processed = |event: &&Value| event.get("seen").is_some() || event.get("__processor_error__").is_some();
        ensure!(marked == 0 || faults(&status, &name) > 0, "{kind}: a fault is not counted");
        ensure!(events.iter().filter(is_processed).count() == SICK_LINES, "{kind}: neither processed nor marked");
        println!("| {kind} | {marked} | {} | 0 |", faults(&status, &name));
    }
    for number in SICK.len()..SICK.len() + REFUSED.len() {
        ensure!(count(&scratch, &format!("sick-{number:02}")) == 0, "it was not to run");
    }
    Ok(())
}

fn pipeline(scratch: &Scratch, name: &str, kind: &str, when: Option<&str>, limits: &str) -> Result<()> {
    let guest = misbehaving()?.display();
    let when = when.map_or(String::new(), |text| format!(", When: {text}"));
    let sick = format!(
        "Type: processor_wasm, Component: {guest}, Config: {{Do: {kind}{when}}}, \
         Sandbox: {{Limits: {{{limits}}}, Breaker: {{Faults: 0}}}}"
    );
    let output = scratch.path(&format!("out/{name}.json")).display().to_string();
    let config =
        scratch.config(&format!("in/{name}.log"), &[&sick], &[&format!("Type: flusher_file, FilePath: {output}")]);
    scratch.write(&format!("configs/{name}.yaml"), config)
}

/// How many whole lines have come out.
fn count(scratch: &Scratch, name: &str) -> usize {
    let text = fs::read(scratch.path(&format!("out/{name}.json"))).unwrap_or_default();
    text.iter().filter(|byte| **byte == b'\n').count()
}

fn events(scratch: &Scratch, name: &str) -> Result<Vec<Value>> {
    let lines = scratch.lines(&format!("out/{name}.json"));
    lines.iter().map(|line| serde_json::from_str(line).with_context(|| format!("{name}: {line}"))).collect()
}

/// Expects each line once, in order.
fn check_lines(name: &str, events: &[Value], expected: usize) -> Result<()> {
    let number = |event: &Value| -> Option<usize> { event["content"].as_str()?.split(' ').next()?.parse().ok() };
    let found: Vec<Option<usize>> = events.iter().map(number).collect();
    ensure!(found == (0..expected).map(Some).collect::<Vec<_>>(), "{name}: lines are missing or out of order");
    Ok(())
}

/// How many faults the processor of a pipeline had.
fn faults(status: &Value, pipeline: &str) -> u64 {
    let pipelines = status["pipelines"].as_array().into_iter().flatten();
    let counters = pipelines.filter(|found| found["name"] == pipeline).map(|found| &found["processors"][0]["counters"]);
    let totals: BTreeMap<String, u64> =
        counters.flat_map(|counters| serde_json::from_value(counters.clone())).next().unwrap_or_default();
    FAULTS.iter().filter_map(|name| totals.get(*name)).sum()
}

/// The counters of faults, one for each kind.
const FAULTS: &[&str] = &[
    "traps_total",
    "deadlines_total",
    "memory_faults_total",
    "stack_overflows_total",
    "invalid_answers_total",
    "refusals_total",
    "setup_faults_total",
];
