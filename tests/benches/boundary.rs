//! What the sandbox costs: the same processors as components, with limits and without, and called natively.
//!
//! A batch is one chunk of 283-byte lines with 7 fields, about 920 of them. A round is a batch from the host's columns through the processor,
//! its answer checked and installed. Throughput counts the bytes of the lines.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use loglift::event::{EventBatch, Source};
use loglift::input::chunk::Chunker;
use loglift::input::frame::Framing;
use loglift::processor::chain::{Chain, Stage};
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::{Context, Limits};
use loglift::telemetry::alarm::Alarms;
use loglift_guest_build::{Toolchain, Workspace};
use loglift_parse_json::ParseJson;
use loglift_pass_through::PassThrough;
use loglift_strptime::Strptime;
use loglift_tests::twin::{self, Twin};

/// More than a chunk holds.
const LINES: usize = 1000;
const JSON: &str = r#"{"SourceKey": "content"}"#;
const STRPTIME: &str = r#"{"SourceKey": "asctime", "Format": "%Y-%m-%d %H:%M:%S,%f"}"#;

fn boundary(criterion: &mut Criterion) {
    let lines = lines();
    let mut parsed = lines.clone();
    twin::configure::<ParseJson>(JSON).run(&mut parsed);

    compare(
        criterion,
        "parse-json",
        built_in("processor_parse_json_native"),
        JSON,
        &lines,
        &mut twin::configure::<ParseJson>(JSON),
    );
    compare(
        criterion,
        "strptime",
        built_in("processor_strptime"),
        STRPTIME,
        &parsed,
        &mut twin::configure::<Strptime>(STRPTIME),
    );
    compare(criterion, "pass-through", &pass_through(), "{}", &lines, &mut twin::configure::<PassThrough>("{}"));
}

/// Runs one processor natively and as a component with and without a time limit.
fn compare(
    criterion: &mut Criterion,
    name: &str,
    component: &[u8],
    config: &str,
    batch: &EventBatch,
    native: &mut dyn Twin,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(batch.provenance.end.0));
    group.bench_function("native", |bencher| {
        bencher.iter_batched_ref(|| batch.clone(), |batch| native.run(black_box(batch)), BatchSize::LargeInput);
    });
    for (limits, interruption) in [("wasm, limits on", true), ("wasm, limits off", false)] {
        let mut chain = chain(component, config, interruption);
        group.bench_function(limits, |bencher| {
            bencher.iter_batched_ref(|| batch.clone(), |batch| chain.run(black_box(batch)), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn chain(component: &[u8], config: &str, interruption: bool) -> Chain {
    let engine = Arc::new(Engine::with_interruption(None, interruption).expect("the engine starts"));
    let component = Component::load(&engine, component).expect("it is a processor");
    let stage = Stage::new("bench".to_owned(), component, config.to_owned(), Context::default(), Limits::default());
    let stage = stage.expect("the config is right");
    Chain::new("bench", &[Arc::new(stage)], &Arc::new(Alarms::for_one_command()))
}

fn built_in(name: &str) -> &'static [u8] {
    loglift_builtin_processors::find(name).expect("it is built in").component
}

fn pass_through() -> Vec<u8> {
    let toolchain = Toolchain::find().expect("there is a toolchain for guests");
    let built = Workspace::here().components(&toolchain, &["loglift-pass-through"]).expect("it compiles");
    std::fs::read(&built[0].path).expect("it can be read")
}

fn lines() -> EventBatch {
    let mut text = String::new();
    for number in 0..LINES {
        let (no, inner, round) = (10 + number % 90, 100 + number % 900, 10_000 + number);
        let nanoseconds = 199_999_999 + number;
        text.push_str(&format!(
            r#"{{"asctime": "2023-10-25 23:51:10,{nanoseconds}", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{{\"no\": {no}, \"inner_loop\": {inner}, \"loop\": {round}, \"uuid\": \"9be98c29-22c7-40a1-b7ed-29ae6c8367af\"}}", "threadName": "MainThread"}}"#
        ));
        text.push('\n');
    }
    let source = Source { path: "bench.log".into(), file: None };
    let mut chunker = Chunker::new(source, Vec::new(), Framing::Lines);
    let mut reader = text.as_bytes();
    let (_, first) = chunker.read(&mut reader).expect("a slice can be read");
    first.expect("there are lines")
}

criterion_group!(benches, boundary);
criterion_main!(benches);
