//! Agents that are killed while files are written and rotated lose no line. The same for longer: `cargo xtask torture`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use anyhow::{Result, ensure};
use loglift_tests::torture::plan::Deaths;
use loglift_tests::torture::run::RENAMES;
use loglift_tests::torture::{Plan, run};

#[test]
fn agents_that_are_killed_lose_no_line_and_repeat_only_what_was_in_flight() -> Result<()> {
    check(&Plan::new(seed(), 20))
}

#[test]
fn agents_that_are_asked_to_stop_repeat_nothing() -> Result<()> {
    check(&Plan { deaths: Deaths::Asked, ..Plan::new(seed(), 6) })
}

#[test]
fn agents_that_are_killed_with_a_full_disk_lose_no_line() -> Result<()> {
    check(&Plan { with_full_disk: true, ..Plan::new(seed(), 8) })
}

#[test]
fn an_agent_that_stores_what_it_has_not_delivered_is_found_out() -> Result<()> {
    let broken = Some("commit-on-read");
    let schemes = RENAMES.to_vec();
    let plan = Plan { broken, schemes, patience: Duration::from_secs(4), ..Plan::new(seed(), 12) };
    let report = run(&plan)?.expect("no disk is needed");
    ensure!(!report.verdict.missing.is_empty(), "it was not found out:\n{report}");
    Ok(())
}

fn check(plan: &Plan) -> Result<()> {
    println!("seed {}", plan.seed);
    let Some(report) = run(plan)? else {
        eprintln!("SKIPPED: a disk to fill cannot be mounted here");
        return Ok(());
    };
    println!("{report}");
    ensure!(report.is_good(), "with LOGLIFT_SEED={}:\n{report}", plan.seed);
    Ok(())
}

/// `LOGLIFT_SEED`, or another one each time.
fn seed() -> u64 {
    let given = std::env::var("LOGLIFT_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000)
}
