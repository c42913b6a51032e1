//! Measures the component boundary in three shapes; docs/adr/0001-columnar-boundary.md draws the conclusion.
//!
//! `cargo run --release -- [--markdown]` in this directory compiles the guests, checks that all variants of a workload
//! give the same events, and prints one table. A variant's time is all from the host's batch to the host's next one:
//! lower, call, lift, check, install. The variants take turns in short rounds, and a ratio is taken between times of one
//! round, so a busy machine blurs ratios less than speeds. Takes a minute after the build.

mod events;
mod work;

use std::time::{Duration, Instant};
use std::{env, hint, mem, path::PathBuf};

use loglift_guest_build::{Toolchain, Workspace, outer_target_dir};
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower};
use wasmtime::{Config, Engine, Result, Store};

use crate::events::Events;
use crate::work::{Answer, Batch, Span};

/// One processor, native or in an instance of its own.
type Processor<S> = Box<dyn FnMut(Batch<'_, S>) -> Answer<S>>;

/// A span of the shape `records`.
#[derive(Clone, Copy, Default, ComponentType, Lift, Lower)]
#[component(record)]
#[repr(C)]
struct Record {
    offset: u32,
    length: u32,
}

impl Span for Record {
    fn push(spans: &mut Vec<Self>, offset: u32, length: u32) {
        spans.push(Self { offset, length });
    }
    fn at(spans: &[Self], index: usize) -> (u32, u32) {
        (spans[index].offset, spans[index].length)
    }
    fn count(spans: &[Self]) -> usize {
        spans.len()
    }
    fn reserve(spans: &mut Vec<Self>, count: usize) {
        spans.reserve(count);
    }
}

/// A chain of processors and the batch it starts from.
struct Chain<S> {
    input: Events<S>,
    events: Events<S>,
    steps: Vec<Step<S>>,
    checked: bool,
}

struct Step<S> {
    processor: Processor<S>,
    /// The only field that it is given, in a batch gathered for it.
    reads: Option<&'static [u8]>,
    /// Leaves the arena out, to see what handing it over costs: for processors that look at none of it.
    without_arena: bool,
}

trait Run {
    /// Takes one batch through the chain.
    fn once(&mut self) -> Duration;
    /// The events that came out of `once`, alike in every shape.
    fn described(&self) -> Vec<String>;
}

impl<S: Span + Default> Run for Chain<S> {
    fn once(&mut self) -> Duration {
        self.events.assign(&self.input);
        let events = &mut self.events;
        let start = Instant::now();
        for step in &mut self.steps {
            let answer = match step.reads {
                None if step.without_arena => (step.processor)(Batch { bytes: &[], ..events.view() }),
                None => (step.processor)(events.view()),
                Some(name) => {
                    let answer = (step.processor)(events.project(name).view());
                    events.widen(name, answer)
                }
            };
            let installed = if self.checked { events.install::<true>(answer) } else { events.install::<false>(answer) };
            installed.expect("the bench's processors answer correctly");
        }
        hint::black_box(events);
        start.elapsed()
    }

    fn described(&self) -> Vec<String> {
        (0..EVENTS).map(|event| self.events.describe(event)).collect()
    }
}

/// An engine and the guests of each shape, with epoch interruption or without.
struct Sandbox {
    engine: Engine,
    components: Vec<(&'static str, Component)>,
}

impl Sandbox {
    fn new(files: &[(&'static str, PathBuf)], epochs: bool) -> Result<Self> {
        let engine = Engine::new(Config::new().epoch_interruption(epochs))?;
        let compile = |(shape, file): &(&'static str, _)| Ok((*shape, Component::from_file(&engine, file)?));
        let components = files.iter().map(compile).collect::<Result<_>>()?;
        Ok(Self { engine, components })
    }

    /// A new instance, of which `export` is called.
    fn processor<S>(&self, shape: &str, export: &str) -> Result<Processor<S>>
    where
        S: Span + ComponentType + Lift + Lower + 'static,
    {
        let (_, component) = self.components.iter().find(|(of, _)| *of == shape).expect("all shapes were compiled");
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        let instance = Linker::new(&self.engine).instantiate(&mut store, component)?;
        let func = instance.get_func(&mut store, export).expect("the world exports it");
        Ok(Box::new(move |batch| {
            let typed = func.typed::<(Batch<'_, S>,), (Answer<S>,)>(&store).expect("the shape's WIT says so");
            typed.call(&mut store, (batch,)).expect("the bench's processors do not trap").0
        }))
    }
}

/// A line of the table: with epochs off and, for guests, on.
struct Row {
    workload: &'static str,
    variant: String,
    /// The first of the workload that every other is compared with.
    is_native: bool,
    runs: Vec<Box<dyn Run>>,
    /// The time of a batch in each round, for each of `runs`.
    times: Vec<Vec<f64>>,
}

fn main() -> Result<()> {
    let markdown = env::args().any(|arg| arg == "--markdown");
    let lines: Vec<String> = (0..EVENTS).map(line).collect();
    assert!(lines.iter().all(|line| line.len() == 283));

    let guests = Workspace::new(env!("CARGO_MANIFEST_DIR"), outer_target_dir().join("guests"));
    let packages = SHAPES.map(|shape| format!("loglift-boundary-{shape}"));
    let components = guests
        .components(&Toolchain::find().map_err(wasmtime::Error::new)?, &packages.each_ref().map(String::as_str))
        .map_err(wasmtime::Error::new)?;
    let files: Vec<_> = SHAPES.into_iter().zip(components.into_iter().map(|component| component.path)).collect();
    let sandboxes = [Sandbox::new(&files, false)?, Sandbox::new(&files, true)?];

    let mut rows = Vec::new();
    native_rows(&lines, &mut rows);
    sandboxed_rows::<u32>("pairs", &lines, &sandboxes, &mut rows)?;
    sandboxed_rows::<u64>("packed", &lines, &sandboxes, &mut rows)?;
    sandboxed_rows::<Record>("records", &lines, &sandboxes, &mut rows)?;
    rows.sort_by_key(|row| WORKLOADS.iter().position(|workload| *workload == row.workload));

    same_events(&mut rows);
    measure(&mut rows);
    print(&rows, markdown);
    Ok(())
}

fn native_rows(lines: &[String], rows: &mut Vec<Row>) {
    for (workload, exports) in [(PARSER, &CHAIN[..1]), (THREE, &CHAIN[..])] {
        for (variant, checked) in [("native", false), ("native, checked like a guest", true)] {
            let chain = Chain::<u32> {
                input: Events::of_lines(lines),
                events: Events::default(),
                steps: native(exports),
                checked,
            };
            let runs: Vec<Box<dyn Run>> = vec![Box::new(chain)];
            rows.push(Row {
                workload,
                variant: variant.to_owned(),
                is_native: !checked,
                runs,
                times: vec![Vec::new()],
            });
        }
    }
}

fn sandboxed_rows<S>(shape: &'static str, lines: &[String], sandboxes: &[Sandbox], rows: &mut Vec<Row>) -> Result<()>
where
    S: Span + ComponentType + Default + Lift + Lower + 'static,
{
    const ALL: [Option<&[u8]>; 3] = [None; 3];
    const TIME: [Option<&[u8]>; 3] = [None, Some(b"asctime"), None];
    const TIME_AND_DROP: [Option<&[u8]>; 3] = [None, Some(b"asctime"), Some(b"threadName")];

    // What each line of the table adds to the shape's name, what its processors read, and whether they get the arena.
    let mut variants = vec![
        (PARSER, "", &CHAIN[..1], ALL, false),
        (THREE, "", &CHAIN[..], ALL, false),
        (PASS, "", &["pass"][..], ALL, false),
        (PASS_PARSED, "", &["pass"][..], ALL, false),
    ];
    if shape == "pairs" {
        variants.push((THREE, ", time processor gets 1 field", &CHAIN[..], TIME, false));
        variants.push((THREE, ", time and drop get 1 field", &CHAIN[..], TIME_AND_DROP, false));
        variants.push((PASS, ", without the arena", &["pass"][..], ALL, true));
        variants.push((PASS_PARSED, ", without the arena", &["pass"][..], ALL, true));
    }
    for (workload, suffix, exports, reads, without_arena) in variants {
        let mut runs: Vec<Box<dyn Run>> = Vec::new();
        for sandbox in sandboxes {
            let mut input = Events::of_lines(lines);
            if workload == PASS_PARSED {
                let mut parsed = Chain { input, events: Events::default(), steps: native(&CHAIN[..1]), checked: true };
                parsed.once();
                input = mem::take(&mut parsed.events);
            }
            let step = |(export, reads): (&&str, _)| {
                Ok(Step { processor: sandbox.processor(shape, export)?, reads, without_arena })
            };
            let steps = exports.iter().zip(reads).map(step).collect::<Result<_>>()?;
            runs.push(Box::new(Chain::<S> { input, events: Events::default(), steps, checked: true }));
        }
        let times = vec![Vec::new(); runs.len()];
        rows.push(Row { workload, variant: format!("{shape}{suffix}"), is_native: false, runs, times });
    }
    Ok(())
}

fn native<S: Span>(exports: &[&str]) -> Vec<Step<S>> {
    let processor = |export: &&str| -> Processor<S> {
        match *export {
            "parse" => Box::new(|batch| work::parse(&batch)),
            "set-time" => Box::new(|batch| work::set_time(&batch)),
            "drop-field" => Box::new(|batch| work::drop_field(&batch)),
            _ => Box::new(|batch| work::pass(&batch)),
        }
    };
    exports.iter().map(|export| Step { processor: processor(export), reads: None, without_arena: false }).collect()
}

/// Checks that the variants of each workload end with equal events.
fn same_events(rows: &mut [Row]) {
    let mut first: Option<(&str, Vec<String>)> = None;
    for row in rows {
        for run in &mut row.runs {
            run.once();
            let described = run.described();
            match &first {
                Some((workload, events)) if *workload == row.workload => {
                    assert!(*events == described, "{}: {} differs", row.workload, row.variant);
                }
                _ => {
                    eprintln!("{}: {}", row.workload, described[0]);
                    first = Some((row.workload, described));
                }
            }
        }
    }
}

fn measure(rows: &mut [Row]) {
    for _ in 0..ROUNDS {
        for row in &mut *rows {
            for (run, times) in row.runs.iter_mut().zip(&mut row.times) {
                run.once();
                times.push(median((0..BATCHES).map(|_| run.once().as_secs_f64()).collect()));
            }
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(rows: &[Row], markdown: bool) {
    let heading = ["", "variant", "us a batch", "MB/s", "of native", "us, epochs", "MB/s, epochs", "of native"];
    let mut table = vec![heading.map(str::to_owned).to_vec()];
    for row in rows {
        let native = rows.iter().find(|other| other.workload == row.workload && other.is_native);
        let mut cells = vec![row.workload.to_owned(), row.variant.clone()];
        for times in &row.times {
            let time = median(times.clone());
            cells.push(format!("{:.0}", time * 1e6));
            cells.push(format!("{:.0}", (EVENTS * LINE_BYTES) as f64 / time / 1e6));
            let ratio = |native: &Row| median(native.times[0].iter().zip(times).map(|(n, t)| n / t).collect());
            cells.push(native.map_or(String::new(), |native| format!("{:.2}", ratio(native))));
        }
        cells.resize(heading.len(), String::new());
        table.push(cells);
    }
    let widths: Vec<usize> =
        (0..heading.len()).map(|column| table.iter().map(|cells| cells[column].len()).max().unwrap_or(0)).collect();
    let separator = if markdown { " | " } else { "  " };
    for (index, cells) in table.iter().enumerate() {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, &width))| {
                    if column < 2 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        let line = padded.join(separator);
        println!("{}", if markdown { format!("| {line} |") } else { line });
        if markdown && index == 0 {
            println!("|{}", "---|".repeat(2) + &"---:|".repeat(heading.len() - 2));
        }
    }
}

/// A line of 283 bytes such as a Python service writes, its message JSON in a string.
fn line(number: usize) -> String {
    let (second, nanosecond) = (10 + number / 100, 199_999_999 + number * 1013);
    format!(
        r#"{{"asctime": "2023-10-25 23:51:{second:02},{nanosecond:09}", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{{\"no\": {:02}, \"inner_loop\": {:03}, \"loop\": {:05}, \"uuid\": \"9be98c29-22c7-40a1-b7ed-{:012x}\"}}", "threadName": "MainThread"}}"#,
        number % 100,
        number % 1000,
        27_451 + number,
        number * 0x29ae_6c83
    )
}

const SHAPES: [&str; 3] = ["pairs", "packed", "records"];
const PARSER: &str = "parser";
const THREE: &str = "chain of three";
const PASS: &str = "pass-through, 1 field";
const PASS_PARSED: &str = "pass-through, 7 fields";
const WORKLOADS: [&str; 4] = [PARSER, THREE, PASS, PASS_PARSED];
/// The exports of the chain: parse, time only, one field dropped.
const CHAIN: [&str; 3] = ["parse", "set-time", "drop-field"];
/// Events of a batch.
const EVENTS: usize = 1000;
const LINE_BYTES: usize = 283;
const ROUNDS: usize = 100;
/// Batches a round, of which the median counts.
const BATCHES: usize = 21;
