//! What the sandbox costs: the same processors as components, with limits and without, and called natively; and what of that is
//! the check of the answer.
//!
//! A batch is one chunk of 283-byte lines with 7 fields, about 920 of them. A round is a batch from the host's columns through the processor,
//! its answer checked and installed. Throughput counts the bytes of the lines.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use loglift::event::{EventBatch, Source};
use loglift::input::records::chunk::Chunker;
use loglift::input::records::frame::Framing;
use loglift::processor::Context;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::lineup::Lineup;
use loglift::processor::stage::{Policy, Stage};
use loglift::processor::twin::check_only;
use loglift::telemetry::alarm::Alarms;
use loglift_filter::Filter;
use loglift_gotime::Gotime;
use loglift_guest_build::{Toolchain, Workspace};
use loglift_parse_delimiter::ParseDelimiter;
use loglift_parse_json::ParseJson;
use loglift_parse_regex::ParseRegex;
use loglift_pass_through::PassThrough;
use loglift_sdk::Processor;
use loglift_strptime::Strptime;
use loglift_tests::twin::{self, Twin};

/// More than a chunk holds.
const LINES: usize = 1000;
const JSON: &str = r#"{"SourceKey": "content"}"#;
/// All lines are in one second, as they mostly are in one chunk.
const STRPTIME: &str = r#"{"SourceKey": "asctime", "Format": "%Y-%m-%d %H:%M:%S,%f"}"#;

const GOTIME: &str = r#"{"SourceKey": "asctime", "SourceFormat": "2006-01-02 15:04:05,999999999",
    "DestKey": "result", "DestFormat": "2006-01-02 15:04:05,999999999Z07:00"}"#;
const ACCESS: &str = r#"203.0.113.7 - alice [25/Oct/2023:23:51:10 +0800] "GET /shop/items/4711?color=blue&size=m HTTP/1.1" 200 5316 "https://www.example.com/shop/index.html" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36""#;
const DIRECT: &str = r#"{"SourceKey": "content", "Keys": ["ip,ident,user,time,method,uri,protocol,status,bytes,referer,agent"],
    "Regex": "([^ ]+) ([^ ]+) ([^ ]+) \\[([^\\]]+)\\] \"([^ ]+) ([^ ]+) ([^\"]+)\" ([0-9]+) ([0-9]+|-) \"([^\"]*)\" \"([^\"]*)\""}"#;
/// An alternative within a group is no shape of the direct scanner's.
const ENGINE: &str = r#"{"SourceKey": "content", "Keys": ["ip,ident,user,time,method,uri,protocol,status,bytes,referer,agent"],
    "Regex": "([^ ]+) ([^ ]+) ([^ ]+) \\[([^\\]]+)\\] \"(GET|POST|PUT) ([^ ]+) (HTTP/1.0|HTTP/1.1)\" ([0-9]+) ([0-9]+|-) \"([^\"]*)\" \"([^\"]*)\""}"#;
const DELIMITED: &str = r#"1698249070199,web-17,203.0.113.7,alice,"GET /shop/items/4711, HTTP/1.1",200,5316,0.042,blue,"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",de,eu-central-1"#;
const DELIMITER: &str =
    r#"{"SourceKey": "content", "Separator": ",", "Keys": ["a","b","c","d","e","f","g","h","i","j","k","l"]}"#;
const FILTER: &str = r#"{"Include": {"levelname": "INFO|WARN"}}"#;

fn boundary(criterion: &mut Criterion) {
    let lines = json_lines();
    let mut parsed = lines.clone();
    twin::configure::<ParseJson>(JSON).run(&mut parsed);
    let (access, delimited) = (repeated(ACCESS), repeated(DELIMITED));

    compare::<ParseJson>(criterion, "JSON", "processor_parse_json_native", JSON, &lines);
    compare::<Strptime>(criterion, "strptime", "processor_strptime", STRPTIME, &parsed);
    compare::<Gotime>(criterion, "Go layout", "processor_gotime", GOTIME, &parsed);
    compare::<ParseRegex>(criterion, "regex, direct scanner", "processor_parse_regex_native", DIRECT, &access);
    compare::<ParseRegex>(criterion, "regex, engine", "processor_parse_regex_native", ENGINE, &access);
    compare::<ParseDelimiter>(criterion, "delimiter", "processor_parse_delimiter_native", DELIMITER, &delimited);
    compare::<Filter>(criterion, "filter", "processor_filter_regex_native", FILTER, &parsed);
    compare_component::<PassThrough>(criterion, "pass-through", &pass_through(), "{}", &lines);
}

fn compare<P: Processor>(criterion: &mut Criterion, name: &str, built_in: &str, config: &str, batch: &EventBatch) {
    let component = loglift_builtin_processors::find(built_in).expect("it is built in").component;
    compare_component::<P>(criterion, name, component, config, batch);
}

/// Runs one processor natively and as a component with and without a time limit.
fn compare_component<P: Processor>(
    criterion: &mut Criterion,
    name: &str,
    component: &[u8],
    config: &str,
    batch: &EventBatch,
) {
    let mut native = twin::configure::<P>(config);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(batch.provenance.end.0));
    group.bench_function("native", |bencher| {
        bencher.iter_batched_ref(|| batch.clone(), |batch| native.run(black_box(batch)), BatchSize::LargeInput);
    });
    let answer = twin::answer(&mut native, &mut batch.clone());
    group.bench_function("check of the answer alone", |bencher| {
        bencher.iter(|| check_only(black_box(&answer), black_box(batch)).is_ok());
    });
    for (limits, interruption) in [("wasm, limits on", true), ("wasm, limits off", false)] {
        let mut chain = chain(component, config, interruption);
        group.bench_function(limits, |bencher| {
            bencher.iter_batched_ref(
                || batch.clone(),
                |batch| chain.run(black_box(batch)).is_ok(),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn chain(component: &[u8], config: &str, interruption: bool) -> Chain {
    let engine = Arc::new(Engine::with_interruption(None, interruption).expect("the engine starts"));
    let component = Component::load(&engine, component).expect("it is a processor");
    let stage = Stage::new("bench".to_owned(), component, config.to_owned(), Context::default(), Policy::default());
    let stage = stage.expect("the config is right");
    Chain::new("bench", &Arc::new(Lineup::new("test", vec![Arc::new(stage)], 0)), &Arc::new(Alarms::for_one_command()))
}

fn pass_through() -> Vec<u8> {
    let toolchain = Toolchain::find().expect("there is a toolchain for guests");
    let built = Workspace::here().components(&toolchain, &["loglift-pass-through"]).expect("it compiles");
    std::fs::read(&built[0].path).expect("it can be read")
}

fn json_lines() -> EventBatch {
    let mut text = String::new();
    for number in 0..LINES {
        let (no, inner, round) = (10 + number % 90, 100 + number % 900, 10_000 + number);
        let nanoseconds = 199_999_999 + number;
        text.push_str(&format!(
            r#"{{"asctime": "2023-10-25 23:51:10,{nanoseconds}", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{{\"no\": {no}, \"inner_loop\": {inner}, \"loop\": {round}, \"uuid\": \"9be98c29-22c7-40a1-b7ed-29ae6c8367af\"}}", "threadName": "MainThread"}}"#
        ));
        text.push('\n');
    }
    batch(&text)
}

fn repeated(line: &str) -> EventBatch {
    batch(&format!("{line}\n").repeat(LINES))
}

fn batch(text: &str) -> EventBatch {
    let source = Source::new("bench.log".into(), None);
    let mut chunker = Chunker::new(Arc::new(source), Vec::new(), Framing::Lines);
    let mut reader = text.as_bytes();
    let (_, first) = chunker.read(&mut reader).expect("a slice can be read");
    first.expect("there are lines")
}

criterion_group!(benches, boundary);
criterion_main!(benches);
