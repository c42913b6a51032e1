//! What becomes of the events that a processor fails on, and of the others, by each policy. Without an agent around them.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use crossbeam_channel::bounded;
use loglift::config::{BreakerPolicy, BreakerSpec, OnError};
use loglift::event::{EventBatch, Offset, Position, Provenance, Source, Tags};
use loglift::processor::Context;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::fault::FaultKind;
use loglift::processor::lineup::{Lineup, Moment};
use loglift::processor::quarantine::{Case, Quarantine};
use loglift::processor::stage::{Policy, Stage};
use loglift::telemetry::alarm::Alarms;
use loglift_tests::guests::{exemplary, misbehaving};

/// A processor that does this for batches that hold `poison`, and else gives each event the field `seen`.
fn stage(what: &str, on_error: OnError, breaker: BreakerSpec) -> Arc<Stage> {
    static COMPONENT: LazyLock<Component> = LazyLock::new(|| component(misbehaving()));
    let config = format!(r#"{{"Do": "{what}", "When": "poison"}}"#);
    let policy = Policy { on_error, breaker, ..Policy::default() };
    let stage = Stage::new(what.to_owned(), COMPONENT.clone(), config, Context::default(), policy);
    Arc::new(stage.expect("it can be set up"))
}

/// A processor that drops events which say so, and leaves others as they are.
fn dropper() -> Arc<Stage> {
    let config = r#"{"Do": "drop"}"#.to_owned();
    let stage = Stage::new("drop".to_owned(), component(exemplary()), config, Context::default(), Policy::default());
    Arc::new(stage.expect("it can be set up"))
}

fn component(path: Result<&Path>) -> Component {
    static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| Arc::new(Engine::new(None).expect("wasmtime runs here")));
    let bytes = std::fs::read(path.expect("it compiles")).expect("it can be read");
    Component::load(&ENGINE, &bytes).expect("it is a processor")
}

fn sick(on_error: OnError) -> Arc<Stage> {
    stage("trap", on_error, never())
}

fn well() -> Arc<Stage> {
    stage("nothing", OnError::Keep, never())
}

/// A breaker that never opens.
fn never() -> BreakerSpec {
    BreakerSpec { faults: 0, ..BreakerSpec::default() }
}

/// One that opens for an hour at the first fault.
fn at_once(policy: BreakerPolicy) -> BreakerSpec {
    let hour = Duration::from_secs(3600);
    BreakerSpec { faults: 1, window: hour, pause: hour, policy, ..BreakerSpec::default() }
}

fn chain(lineup: &Arc<Lineup>) -> Chain {
    Chain::new("pipeline", lineup, &Arc::new(Alarms::for_one_command()))
}

fn lineup(stages: &[&Arc<Stage>]) -> Arc<Lineup> {
    Arc::new(Lineup::new("app", stages.iter().copied().cloned().collect(), 0))
}

/// Puts processors in place of those that are there.
fn put(lineup: &Lineup, stages: &[Arc<Stage>]) {
    lineup.change(stages, Moment { instant: Instant::now(), unix_seconds: 0 });
}

/// A batch of lines, each with the one field `content`, read from the start of a file.
fn batch(lines: &[&str]) -> EventBatch {
    let (mut bytes, mut values, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        records.push(bytes.len() as u32);
        values.extend([bytes.len() as u32, line.len() as u32]);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
    let source = Source::new("app.log".into(), None);
    let end = Offset(bytes.len() as u64);
    source.progress.begin(Offset(0), Position { offset: end, ..Position::default() });
    let names = vec![bytes.len() as u32, 7];
    bytes.extend_from_slice(b"content");
    let count = lines.len();
    EventBatch {
        source: Arc::new(source),
        bytes,
        seconds: vec![0; count],
        nanoseconds: vec![0; count],
        names,
        field_counts: vec![1; count],
        keys: vec![0; count],
        values,
        tags: Tags::default(),
        read_seconds: 0,
        provenance: Provenance { start: Offset(0), end, records, origins: None, merged: Vec::new() },
    }
}

/// Each event on one line, its fields apart by spaces.
fn shown(batch: &EventBatch) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
    let event = |count: &u32| {
        let fields = fields.by_ref().take(*count as usize);
        let field = |(key, value): (&u32, &[u32])| {
            Some(format!("{}={}", text(batch.name(*key)?), text(batch.slice(value[0], value[1]))))
        };
        fields.filter_map(field).collect::<Vec<_>>().join(" ")
    };
    batch.field_counts.iter().map(event).collect()
}

fn total(stage: &Stage, name: &str) -> u64 {
    let totals = stage.counters.totals().0;
    totals.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no counter {name}")).1
}

const LINES: &[&str] = &["one", "poison", "three", "four"];

const TRAPPED: &str = "content=poison __processor_error__=trap: trapped: it panicked or aborted";

#[test]
fn the_event_at_fault_is_kept_and_the_others_are_processed() -> Result<()> {
    let stage = sick(OnError::Keep);
    let mut batch = batch(LINES);
    chain(&lineup(&[&stage])).run(&mut batch)?;
    assert_eq!(shown(&batch), ["content=one seen=yes", TRAPPED, "content=three seen=yes", "content=four seen=yes"]);
    for (counter, expected) in [
        ("in_events_total", 4),
        ("out_events_total", 4),
        ("out_successful_events_total", 3),
        ("faulted_events_total", 1),
        ("traps_total", 1),
        ("dropped_events_total", 0),
    ] {
        assert_eq!(total(&stage, counter), expected, "{counter}");
    }
    // The batch, its halves, the halves of the first, and the sound events together.
    assert_eq!(total(&stage, "calls_total"), 6);
    assert!(total(&stage, "memory_high_water_bytes") >= 64 << 10 && total(&stage, "call_ns_total") > 0);
    batch.settle();
    assert_eq!(batch.source.progress.ledger().dropped, 0);
    Ok(())
}

#[test]
fn the_event_at_fault_is_dropped_and_counted() -> Result<()> {
    let stage = sick(OnError::Drop);
    let mut batch = batch(LINES);
    chain(&lineup(&[&stage])).run(&mut batch)?;
    assert_eq!(shown(&batch), ["content=one seen=yes", "content=three seen=yes", "content=four seen=yes"]);
    assert_eq!((total(&stage, "dropped_events_total"), total(&stage, "faulted_events_total")), (1, 0));
    batch.settle();
    assert_eq!(batch.source.progress.ledger().dropped, "poison\n".len() as u64);

    let mut batch = self::batch(&["poison"]);
    chain(&lineup(&[&stage])).run(&mut batch)?;
    assert!(batch.is_empty());
    batch.settle();
    assert_eq!(batch.source.progress.ledger().dropped, "poison\n".len() as u64);
    Ok(())
}

/// Runs the lines until `stage` holds them up; then `change` is told the line-up.
fn held_up(stages: &[&Arc<Stage>], stage: &Stage, change: impl FnOnce(&Lineup)) -> Result<Vec<String>> {
    let (stop, stopped) = bounded(0);
    let lineup = lineup(stages);
    let mut chain = chain(&lineup).with_stop(stopped);
    let running = thread::spawn(move || {
        let mut batch = batch(LINES);
        let ran = chain.run(&mut batch);
        (shown(&batch), ran)
    });
    while stage.trouble().is_none_or(|trouble| !trouble.starts_with("halted: ")) {
        ensure!(!running.is_finished(), "it does not wait");
        thread::yield_now();
    }
    change(&lineup);
    let (shown, ran) = running.join().expect("it does not panic");
    ran?;
    drop(stop);
    ensure!(stage.trouble().is_none_or(|trouble| !trouble.starts_with("halted: ")), "nothing waits any more");
    Ok(shown)
}

#[test]
fn a_halted_batch_goes_on_with_the_processor_that_takes_the_place() -> Result<()> {
    let (before, halted, next) = (dropper(), sick(OnError::Halt), well());
    let shown = held_up(&[&before, &halted], &halted, |lineup| {
        assert_eq!(halted.trouble().unwrap(), "halted: trapped: it panicked or aborted at app.log, offset 4");
        put(lineup, &[Arc::clone(&before), Arc::clone(&next)]);
    })?;
    let expected = ["one", "poison", "three", "four"].map(|line| format!("content={line} seen=yes"));
    assert_eq!(shown, expected);
    // Each event went once through each processor that took it.
    let in_events = |stage| total(stage, "in_events_total");
    assert_eq!((in_events(&before), in_events(&halted), in_events(&next)), (4, 0, 4));
    Ok(())
}

#[test]
fn a_batch_stays_halted_while_others_are_replaced() -> Result<()> {
    let (halted, next) = (sick(OnError::Halt), well());
    held_up(&[&halted, &well()], &halted, |lineup| {
        put(lineup, &[Arc::clone(&halted), well()]);
        put(lineup, &[well(), Arc::clone(&halted)]);
        put(lineup, &[well(), Arc::clone(&next)]);
    })?;
    assert!(total(&halted, "traps_total") == 1 && total(&next, "in_events_total") <= 4);
    Ok(())
}

#[test]
fn a_batch_that_is_halted_when_the_agent_stops_is_not_touched() {
    let stage = sick(OnError::Halt);
    let mut batch = batch(LINES);
    let before = shown(&batch);
    let stopped = chain(&lineup(&[&stage])).run(&mut batch).expect_err("nothing is waited for");
    assert_eq!(stopped.to_string(), "trap is halted: trapped: it panicked or aborted at app.log, offset 4");
    assert_eq!(shown(&batch), before);
    assert_eq!(batch.source.progress.committed().offset, Offset(0));
    assert_eq!(total(&stage, "in_events_total"), 0);
}

#[test]
fn a_processor_that_keeps_failing_is_given_no_events() -> Result<()> {
    let stage = stage("trap", OnError::Keep, at_once(BreakerPolicy::Pass));
    let mut chain = chain(&lineup(&[&stage, &well()]));
    chain.run(&mut batch(LINES))?;
    assert!(stage.trouble().unwrap().starts_with("out of service until "));
    let calls = total(&stage, "calls_total");
    let mut batch = batch(&["five", "six"]);
    chain.run(&mut batch)?;
    for (event, content) in shown(&batch).iter().zip(["five", "six"]) {
        let start = format!("content={content} __processor_error__=trap: out of service until ");
        let end = " GMT, after 1 faults within 3600s seen=yes";
        assert!(event.starts_with(&start) && event.ends_with(end), "{event}");
    }
    assert_eq!((total(&stage, "calls_total"), total(&stage, "bypassed_events_total")), (calls, 2));
    Ok(())
}

#[test]
fn events_are_dropped_while_their_processor_is_out_of_service() -> Result<()> {
    let stage = stage("trap", OnError::Keep, at_once(BreakerPolicy::Drop));
    let mut chain = chain(&lineup(&[&stage]));
    chain.run(&mut batch(LINES))?;
    let mut batch = batch(&["five", "six"]);
    chain.run(&mut batch)?;
    assert!(batch.is_empty());
    batch.settle();
    assert_eq!(batch.source.progress.ledger().dropped, 9);
    assert_eq!((total(&stage, "dropped_events_total"), total(&stage, "in_events_total")), (2, 6));
    Ok(())
}

#[test]
fn events_wait_while_their_processor_is_out_of_service() -> Result<()> {
    let stage = stage("trap", OnError::Keep, at_once(BreakerPolicy::Block));
    chain(&lineup(&[&stage])).run(&mut batch(LINES))?;
    let next = well();
    let shown = held_up(&[&stage], &stage, |lineup| put(lineup, &[Arc::clone(&next)]))?;
    assert_eq!(shown.len(), 4);
    assert_eq!((total(&stage, "in_events_total"), total(&next, "in_events_total")), (4, 4));
    Ok(())
}

#[test]
fn after_the_pause_one_batch_decides() -> Result<()> {
    let breaker = BreakerSpec { pause: Duration::ZERO, ..at_once(BreakerPolicy::Block) };
    let stage = stage("trap", OnError::Keep, breaker);
    let mut chain = chain(&lineup(&[&stage]));
    for (lines, is_out) in [(LINES, true), (LINES, true), (&LINES[2..], false), (LINES, true)] {
        chain.run(&mut batch(lines))?;
        assert_eq!(stage.trouble().is_some(), is_out);
    }
    Ok(())
}

/// What a quarantine was given: the event, where its record begins, what happened, and whether it is known where.
type Given = (Vec<String>, Offset, FaultKind, bool);

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Given>>);

impl Quarantine for Kept {
    fn keep(&self, case: &Case<'_>) {
        assert_eq!((case.pipeline, case.stage.name.as_str()), ("pipeline", "trap"));
        let fault = case.fault;
        self.0.lock().expect("nobody panicked").push((
            shown(case.batch),
            case.batch.offset(0),
            fault.kind,
            fault.backtrace.as_ref().is_some_and(|backtrace| backtrace.starts_with("0: ")),
        ));
    }
}

#[test]
fn the_events_at_fault_go_to_quarantine() -> Result<()> {
    for on_error in [OnError::Keep, OnError::Drop, OnError::Halt] {
        let (stage, kept) = (sick(on_error), Arc::new(Kept::default()));
        let mut chain = chain(&lineup(&[&stage])).with_quarantine(Arc::clone(&kept) as Arc<dyn Quarantine>);
        let ran = chain.run(&mut batch(&["one", "poison", "three", "more poison"]));
        assert_eq!(ran.is_err(), on_error == OnError::Halt);
        let case = |line: &str, offset| (vec![format!("content={line}")], Offset(offset), FaultKind::Trap, true);
        assert_eq!(*kept.0.lock().unwrap(), [case("poison", 4), case("more poison", 17)]);
        assert_eq!(total(&stage, "quarantined_events_total"), 2);
    }
    Ok(())
}

#[test]
fn each_kind_of_fault_has_its_counter() -> Result<()> {
    for (what, counter) in [
        ("trap", "traps_total"),
        ("hoard", "memory_faults_total"),
        ("overflow the stack", "stack_overflows_total"),
        ("names odd", "invalid_answers_total"),
        ("fail", "refusals_total"),
    ] {
        let stage = stage(what, OnError::Keep, never());
        chain(&lineup(&[&stage])).run(&mut batch(LINES))?;
        assert_eq!((total(&stage, counter), total(&stage, "faulted_events_total")), (1, 1), "{what}");
    }
    Ok(())
}
