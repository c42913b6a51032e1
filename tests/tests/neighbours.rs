//! Sick processors of every kind in one agent, each in a pipeline of its own, and healthy ones beside them: the healthy lose
//! nothing, and neither do the sick.

#[path = "neighbours/bombs.rs"]
mod bombs;
#[path = "neighbours/memory.rs"]
mod memory;
#[path = "neighbours/refused.rs"]
mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::Running;
use loglift_tests::guests::{misbehaving, misdescribed, misspelt, reaching};
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
    ("amplify", "Answer: 16KiB"),
    ("answer of no use and no end", "Answer: 1MiB"),
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
    ("names not UTF-8", ""),
    ("origins of no event", ""),
    ("through without origins", ""),
    ("seconds too few", ""),
    ("seconds out of this world", ""),
    ("nanoseconds too many", ""),
    ("counts that do not sum", ""),
    ("counts that wrap", ""),
    ("counts past all numbers", ""),
    ("rows of no name", ""),
    ("rows with a field twice", ""),
    ("outcomes unknown", ""),
    ("tags odd", ""),
    ("alarm of no event", ""),
    ("alarm of all the world", ""),
    ("flood with alarms", ""),
    ("flood with counters", ""),
    ("flood the log", ""),
    ("log a million times", ""),
    ("fail each event", ""),
    ("trap under load", ""),
    ("slow by a little", "Time: 20ms"),
];

/// What a guest does to every batch.
const SICK_ALL_THE_TIME: &[&str] = &["trap", "fail", "span past the arena"];

/// What a guest reaches for, of which nothing is granted, and what it sees.
const REACHING: &[(&str, &str)] = &[
    ("Do: read, Path: /etc/passwd", "refused: \"no directory\""),
    ("Do: write, Path: x", "refused: \"no directory\""),
    ("Do: directories", "[]"),
    ("Do: environment", "[] []"),
    ("Do: tcp", "refused: \"access-denied\""),
    ("Do: udp", "refused: \"access-denied\""),
    ("Do: lookup", "refused: \"permanent-resolver-failure\""),
];

/// A pipeline with a sick processor.
struct Patient {
    name: String,
    kind: String,
    /// What becomes of all its events, if it is not at fault.
    saw: Option<&'static str>,
}

const SICK_LINES: usize = 300;
const HEALTHY_LINES: usize = 20_000;

#[test]
fn a_sick_processor_harms_neither_its_neighbours_nor_its_own_lines() -> Result<()> {
    let scratch = ward()?;
    let patients = patients(&scratch)?;
    let healthy = healthy(&scratch)?;
    for patient in &patients {
        scratch.write(&format!("in/{}.log", patient.name), lines(0..SICK_LINES))?;
    }
    healthy.iter().try_for_each(|name| scratch.write(&format!("in/{name}.log"), lines(0..HEALTHY_LINES)))?;

    let mut agent = scratch.loglift(RUN).env("OF_NOBODYS_BUSINESS", "yes").start()?;
    healthy.iter().try_for_each(|name| wait_for(&scratch, &mut agent, name, HEALTHY_LINES))?;
    patients.iter().try_for_each(|patient| wait_for(&scratch, &mut agent, &patient.name, SICK_LINES))?;
    let status = agent.status()?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);

    for name in &healthy {
        expect_healthy(&scratch, name, HEALTHY_LINES)?;
    }
    println!("| kind | marked of {SICK_LINES} lines | faults | the neighbours' loss |\n|---|---|---|---|");
    for Patient { name, kind, saw } in &patients {
        let events = events(&scratch, name)?;
        check_lines(&format!("{name} ({kind})"), &events, SICK_LINES)?;
        let marked = events.iter().filter(|event| event.get("__processor_error__").is_some()).count();
        let is_processed = |event: &&Value| match saw {
            Some(saw) => event["saw"] == *saw,
            None => event.get("seen").is_some() || event.get("__processor_error__").is_some(),
        };
        ensure!(marked == 0 || faults(&status, name) > 0, "{kind}: a fault is not counted");
        let processed = events.iter().filter(is_processed).count();
        ensure!(processed == SICK_LINES, "{kind}: {processed} processed or marked; {}", events[0]);
        println!("| {kind} | {marked} | {} | 0 |", faults(&status, name));
    }
    Ok(())
}

#[test]
fn one_event_in_a_million_is_at_fault_and_no_other_suffers() -> Result<()> {
    const LINES: usize = 1_000_000;
    const AT_FAULT: usize = 654_321;
    let scratch = ward()?;
    let healthy = healthy(&scratch)?;
    pipeline(&scratch, "sick", misbehaving()?, "Config: {Do: fail, When: poison}")?;
    let line = |number| format!("{number} {}\n", if number == AT_FAULT { "poison" } else { "" });
    scratch.write("in/sick.log", (0..LINES).map(line).collect::<String>())?;
    healthy.iter().try_for_each(|name| scratch.write(&format!("in/{name}.log"), lines(0..HEALTHY_LINES)))?;
    let mut agent = scratch.loglift(RUN).start()?;
    healthy.iter().try_for_each(|name| wait_for(&scratch, &mut agent, name, HEALTHY_LINES))?;
    let last = format!("\"content\": \"{} ", LINES - 1);
    agent.wait_until("the last line", |_| end(&scratch, "sick").is_ok_and(|text| text.contains(&last)))?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);

    healthy.iter().try_for_each(|name| expect_healthy(&scratch, name, HEALTHY_LINES))?;
    let text = fs::read_to_string(scratch.path("out/sick.json"))?;
    for (number, line) in text.lines().enumerate() {
        ensure!(line.contains(&format!("\"content\": \"{number} ")), "line {number} is {line}");
        let field = if number == AT_FAULT { "__processor_error__" } else { "seen" };
        ensure!(line.contains(field), "line {number} is {line}");
    }
    ensure!(text.lines().count() == LINES, "lines are missing");
    Ok(())
}

const RUN: &[&str] = &["run", "-c", "configs"];

/// A place for pipelines.
fn ward() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    ["configs", "in", "out"].iter().try_for_each(|name| fs::create_dir(scratch.path(name)))?;
    Ok(scratch)
}

fn patients(scratch: &Scratch) -> Result<Vec<Patient>> {
    let mut patients = Vec::new();
    let mut admit = |kind: &str, component: &Path, entry: &str, saw| -> Result<()> {
        let name = format!("sick-{:02}", patients.len());
        pipeline(scratch, &name, component, entry)?;
        patients.push(Patient { name, kind: kind.to_owned(), saw });
        Ok(())
    };
    let (guest, never) = (misbehaving()?, "Breaker: {Faults: 0}");
    for (kind, limits) in SICK {
        let entry = format!("Config: {{Do: {kind}, When: poison}}, Sandbox: {{Limits: {{{limits}}}, {never}}}");
        admit(kind, guest, &entry, None)?;
    }
    for kind in SICK_ALL_THE_TIME {
        let entry = format!("Config: {{Do: {kind}}}, Sandbox: {{{never}}}");
        admit(&format!("{kind}, every time"), guest, &entry, None)?;
    }
    scratch.write("misspelt.wasm", misspelt("ALARM_IN_UTF8")?)?;
    let entry = format!("Config: {{Do: words not UTF-8, When: poison}}, Sandbox: {{{never}}}");
    admit("words not UTF-8", &scratch.path("misspelt.wasm"), &entry, None)?;
    scratch.write("liar.wasm", misdescribed("others")?)?;
    admit("says that it is another", &scratch.path("liar.wasm"), "Config: {Do: nothing}", None)?;
    for (config, saw) in REACHING {
        admit(config, reaching()?, &format!("Config: {{{config}}}"), Some(saw))?;
    }
    Ok(patients)
}

/// The names of some pipelines with nothing wrong.
fn healthy(scratch: &Scratch) -> Result<Vec<String>> {
    let names: Vec<String> = (0..3).map(|number| format!("healthy-{number}")).collect();
    names.iter().try_for_each(|name| pipeline(scratch, name, misbehaving()?, "Config: {Do: nothing}"))?;
    Ok(names)
}

fn pipeline(scratch: &Scratch, name: &str, component: &Path, entry: &str) -> Result<()> {
    let processor = format!("Type: processor_wasm, Component: {}, {entry}", component.display());
    let output = scratch.path(&format!("out/{name}.json")).display().to_string();
    let flusher = format!("Type: flusher_file, FilePath: {output}, MaxFileSize: 1000000000");
    let config = scratch.config(&format!("in/{name}.log"), &[&processor], &[&flusher]);
    // All at once, as the agent may be looking.
    scratch.write("unfinished", config)?;
    fs::rename(scratch.path("unfinished"), scratch.path(&format!("configs/{name}.yaml"))).context("cannot rename")
}

/// Numbered lines, of which one in a hundred is poison.
fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("{number} {}\n", if number % 100 == 42 { "poison" } else { "a line" })).collect()
}

fn wait_for(scratch: &Scratch, agent: &mut Running<'_>, name: &str, lines: usize) -> Result<()> {
    agent.wait_until(&format!("all lines of {name}"), |_| count(scratch, name) >= lines)
}

fn expect_healthy(scratch: &Scratch, name: &str, expected: usize) -> Result<()> {
    let events = events(scratch, name)?;
    check_lines(name, &events, expected)?;
    ensure!(events.iter().all(|event| event["seen"] == "yes"), "{name}: something was not processed");
    Ok(())
}

/// The end of what has come out.
fn end(scratch: &Scratch, name: &str) -> Result<String> {
    let mut file = fs::File::open(scratch.path(&format!("out/{name}.json")))?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(1000)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
