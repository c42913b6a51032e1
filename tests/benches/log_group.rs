//! What it costs to pack events for `flusher_sls`: log groups from columns, against copying as many bytes, and compressing
//! them.
//!
//! A batch is one chunk of 283-byte JSON lines, parsed into 7 fields, about 920 of them. Throughput counts encoded bytes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use loglift::event::{EventBatch, Source, deliveries};
use loglift::flusher::sls::pack::compress::Compressor;
use loglift::flusher::sls::pack::log_group::Encoder;
use loglift::flusher::sls::pack::packer::{Packer, Spec};
use loglift::flusher::sls::package::Compression;
use loglift::input::records::chunk::Chunker;
use loglift::input::records::frame::Framing;
use loglift::telemetry::alarm::Alarms;
use loglift_parse_json::ParseJson;
use loglift_tests::twin::{self, Twin};

/// More than a chunk holds.
const LINES: usize = 1000;

fn log_group(criterion: &mut Criterion) {
    let batch = parsed_lines();
    let mut encoder = Encoder::new(true);
    let mut raw = Vec::new();
    encoder.encode(&batch, &mut raw);

    let mut group = criterion.benchmark_group("log group");
    group.throughput(Throughput::Bytes(raw.len() as u64));
    let mut out = Vec::with_capacity(raw.len());
    group.bench_function("copy", |bencher| {
        bencher.iter(|| {
            out.clear();
            out.extend_from_slice(black_box(&raw));
        });
    });
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            encoder.encode(black_box(&batch), &mut out);
        });
    });
    for (name, compression) in [("lz4", Compression::Lz4), ("zstd", Compression::Zstd)] {
        let mut compressor = Compressor::new(compression);
        group.bench_function(name, |bencher| bencher.iter(|| compressor.compress(black_box(&raw))));
    }
    for (name, compression) in [("pack", Compression::None), ("pack and lz4", Compression::Lz4)] {
        let mut packer = packer(compression);
        let now = Instant::now();
        group.bench_function(name, |bencher| {
            let delivery = || deliveries(batch.clone(), None, 1).next().expect("there is one");
            let pack = |delivery| {
                packer.push(delivery, now);
                packer.take_ready()
            };
            bencher.iter_batched(delivery, pack, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn packer(compression: Compression) -> Packer {
    let spec = Spec {
        pipeline: "bench".to_owned(),
        nanoseconds: true,
        compression,
        shard_hash_keys: Vec::new(),
        without_tag: None,
        min_bytes: 256 << 10,
        min_events: LINES as u64,
        timeout: Duration::from_secs(3),
    };
    Packer::new(spec, Arc::new(|_| {}), Arc::new(Alarms::for_one_command()))
}

fn parsed_lines() -> EventBatch {
    let mut text = String::new();
    for number in 0..LINES {
        let (no, inner, round) = (10 + number % 90, 100 + number % 900, 10_000 + number);
        let nanoseconds = 199_999_999 + number;
        text.push_str(&format!(
            r#"{{"asctime": "2023-10-25 23:51:10,{nanoseconds}", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{{\"no\": {no}, \"inner_loop\": {inner}, \"loop\": {round}, \"uuid\": \"9be98c29-22c7-40a1-b7ed-29ae6c8367af\"}}", "threadName": "MainThread"}}"#
        ));
        text.push('\n');
    }
    let mut chunker = Chunker::new(Arc::new(Source::new("bench.log".into(), None)), Vec::new(), Framing::Lines);
    let (_, first) = chunker.read(&mut text.as_bytes()).expect("a slice can be read");
    let mut batch = first.expect("there are lines");
    twin::configure::<ParseJson>(r#"{"SourceKey": "content"}"#).run(&mut batch);
    batch
}

criterion_group!(benches, log_group);
criterion_main!(benches);
