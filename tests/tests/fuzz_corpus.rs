//! Goes through what fuzzing has kept, so that every Rust finds again what was found once.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use loglift_tests::torture::random::Random;

use targets::settings;

#[allow(unreachable_pub, reason = "it is part of a program of its own as well")]
#[path = "../fuzz/src/answer.rs"]
mod answer;
#[allow(unreachable_pub, reason = "it is part of a program of its own as well")]
#[path = "../fuzz/src/component.rs"]
mod component;
#[allow(unreachable_pub, reason = "it is part of a program of its own as well")]
#[path = "../fuzz/src/config.rs"]
mod config;
#[allow(unreachable_pub, reason = "it is part of a program of its own as well")]
#[path = "../fuzz/src/frame.rs"]
mod frame;
#[allow(unreachable_pub, reason = "it is a library of its own as well")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

type Run = fn(&[u8]);

/// The targets, by the names of their folders in `fuzz/corpus`.
const TARGETS: &[(&str, Run)] = &[
    ("answer", answer::run),
    ("component", component::run),
    ("config", config::run),
    ("delimiter", targets::delimiter::run),
    ("filter", targets::filter::run),
    ("frame", frame::run),
    ("go_layout", targets::go_layout::run),
    ("json", targets::json::run),
    ("redact", targets::redact::run),
    ("regex", targets::regex::run),
    ("strptime", targets::strptime::run),
];

#[test]
fn nothing_that_was_kept_breaks_anything() -> Result<()> {
    for (target, run) in TARGETS {
        let mut inputs: Vec<_> = entries(&corpus().join(target))?;
        inputs.sort();
        ensure!(!inputs.is_empty(), "{target} has no corpus");
        for input in inputs {
            let bytes = fs::read(corpus().join(target).join(&input))?;
            // Its name comes before the message of a panic.
            println!("{target}/{input}");
            run(&bytes);
        }
    }
    Ok(())
}

/// Components damaged at random, for `SECONDS` (60): the compiler of a fuzz build is slow, and gets to a few of them only.
/// `SECONDS=600 cargo test -p loglift -p loglift-tests --test fuzz_corpus damaged -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn damaged_components_are_refused_or_run_within_their_limits() -> Result<()> {
    let seconds = env::var("SECONDS").map_or(Ok(60), |text| text.parse())?;
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    println!("seed {seed}");
    let (mut random, began, mut count) = (Random::new(seed), Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        // Half of them where the types and imports are, the others anywhere, which is mostly in code.
        let places = if random.once_in(2) { 4000 } else { u64::from(u32::MAX) };
        let patch = |random: &mut Random| format!("{} {} ", random.between(8, places), random.between(0, 255));
        let input: String = (0..random.between(1, 4)).map(|_| patch(&mut random)).collect();
        let took = Instant::now();
        component::run(input.as_bytes());
        if took.elapsed() > Duration::from_secs(5) {
            println!("{:?} for {input}", took.elapsed());
        }
        count += 1;
    }
    println!("{count} damaged components");
    Ok(())
}

#[test]
fn every_target_is_replayed() -> Result<()> {
    let programs = entries(&corpus().join("../fuzz_targets"))?;
    let mut programs: Vec<&str> = programs.iter().filter_map(|name| name.strip_suffix(".rs")).collect();
    programs.sort_unstable();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    ensure!(programs == names, "{programs:?} and {names:?}");
    Ok(())
}

fn entries(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("no {}", directory.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}
