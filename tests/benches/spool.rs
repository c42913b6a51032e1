//! How fast packages go to disk and come back, beside a plain file that is synced as often.
//!
//! `cargo bench -p loglift-tests --bench spool`. Files are in the directory for temporary files; set `TMPDIR` to measure
//! another disk.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use loglift::flusher::sls::package::{Compression, Destination, Form, Head, Origin, Package};
use loglift::flusher::sls::spool::{Room, Spool};
use tempfile::TempDir;

fn spool(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spool");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Bytes((PACKAGES * BODY_BYTES) as u64));
    let package = package();
    group.bench_function("plain file", |bencher| {
        bencher.iter_batched(temporary, |place| write_plain(&place, &package), BatchSize::PerIteration);
    });
    group.bench_function("write", |bencher| {
        bencher.iter_batched(temporary, |place| write(&place, &package), BatchSize::PerIteration);
    });
    let filled = || {
        let place = temporary();
        drop(write(&place, &package));
        place
    };
    group.bench_function("open and replay", |bencher| {
        bencher.iter_batched(filled, |place| replay(&place), BatchSize::PerIteration);
    });
    group.finish();
}

fn write_plain(place: &TempDir, package: &Package) -> File {
    let mut file = File::create(place.path().join("plain")).expect("the directory is there");
    for _ in 0..PACKAGES / GROUP {
        (0..GROUP).for_each(|_| file.write_all(&package.body).expect("there is room"));
        file.sync_data().expect("the disk works");
    }
    file
}

fn write(place: &TempDir, package: &Package) -> Spool {
    let mut spool = open(place);
    for _ in 0..PACKAGES / GROUP {
        (0..GROUP).for_each(|_| spool.append(package).expect("there is room"));
        spool.sync().expect("the disk works");
    }
    spool
}

fn replay(place: &TempDir) -> Spool {
    let mut spool = open(place);
    while let Some((id, package)) = spool.take().expect("the disk works") {
        black_box(package);
        spool.done(id);
    }
    assert!(spool.is_empty());
    spool
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("there is a directory for temporary files")
}

fn open(place: &TempDir) -> Spool {
    let directory = Dir::open_ambient_dir(place.path(), ambient_authority()).expect("the directory is there");
    let text = |text: &str| text.to_owned();
    let destination =
        Destination { endpoint: text("sls"), region: None, project: text("shop"), logstore: text("orders") };
    Spool::open(&directory, &destination, Room::new(u64::MAX)).expect("the disk works").0
}

fn package() -> Package {
    let body: Vec<u8> = (0..BODY_BYTES as u32).map(|at| at.wrapping_mul(2_654_435_761) as u8).collect();
    let head = Head {
        pipeline: "web".to_owned(),
        form: Form::LogGroup,
        compression: Compression::Lz4,
        raw_bytes: 5 * BODY_BYTES as u64,
        hash_key: None,
        events: 1000,
        read_seconds: 1_700_000_000,
        origins: vec![Origin { generation: 1, lane: 1, bytes: 5 * BODY_BYTES as u64 }],
    };
    Package { head, body: Bytes::from(body) }
}

/// What 512 KiB of logs are when they are compressed.
const BODY_BYTES: usize = 100_000;

/// Some segments of them.
const PACKAGES: usize = 1280;

/// How many are synced together: 4 MB.
const GROUP: usize = 40;

criterion_group!(benches, spool);
criterion_main!(benches);
