//! The two commands of the README and the chores behind them.
#![forbid(unsafe_code)]

mod agent;
mod bench;
mod demo;
mod line;
mod random;
mod service;
mod test;
mod torture;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use loglift_guest_build::{Workspace, install, outer_target_dir};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let result = match args.split_first().map(|(command, rest)| (command.as_str(), rest)) {
        Some(("demo", [])) => demo::run(),
        Some(("test", rest)) => test::run(rest),
        Some(("bench", [mode, names @ ..])) if mode == "follow" => match bench::follow::parse(names) {
            Some(scenarios) => bench::follow::run(&scenarios),
            None => return usage(),
        },
        Some(("bench", rest)) => match bench::Options::parse(rest) {
            Some(options) => bench::run(&options),
            None => return usage(),
        },
        Some(("torture", rest)) => torture::run(rest),
        Some(("help" | "--help" | "-h", _)) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => return usage(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// The optimised program `binary` of `package`, built now; what it needs is installed first.
///
/// `profile` is `release` or `bench`, which share a directory.
fn optimised_binary(profile: &str, package: &str, binary: &str) -> Result<PathBuf> {
    install()?;
    println!("$ cargo build --profile {profile} -p {package} --bin {binary}");
    let mut build = cargo();
    let status =
        build.args(["build", "--profile", profile, "--locked", "--package", package, "--bin", binary]).status();
    ensure!(status.context("cannot run cargo")?.success(), "{package} does not build");
    Ok(outer_target_dir().join("release").join(binary))
}

/// The cargo that runs us, in the workspace and into the target directory that we are in.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(Workspace::here().root()).env("CARGO_TARGET_DIR", outer_target_dir()).stdin(Stdio::null());
    cargo
}

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo                      ship a growing log with the example pipeline to a log service, for ten seconds
  test [--all] [FILTER...]  run the tests of the workspace; --all includes those marked as slow
  bench [--size MB] [--runs N] [ROW...]
                            measure the agent end to end, by default on 256 MB, the best of 3 runs of all rows:
                            lines-discard, lines-file, lines-sls, java-discard, json-discard, json-file, json-sls,
                            json-sls-zstd, access-discard, csv-discard
  bench follow [SCENARIO...]
                            measure it on files that rest, grow or appear, by default in all scenarios: idle, growing,
                            new-file, latency, fairness
  torture [--minutes N] [--kills N] [--seed S] [--schemes NAME,...]
                            kill the agent while files are written and rotated, by default 500 times in 10 minutes
  torture --ship [--minutes N] [--kills N] [--seed S]
                            kill it while the service that it ships to fails, by default 100 times in 10 minutes, and
                            ship 200 MB after an outage

Each command first installs what it needs to compile processors, and says so.";
