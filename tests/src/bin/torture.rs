//! `torture [--ship|--swap] [--minutes N] [--kills N] [--swaps N] [--rate LINES] [--seed S] [--schemes NAME,...]`: the kill test
//! for as long as one likes, with one closing table; with `--ship` the one with a service that fails, and a long outage; with
//! `--swap` the one in which processors are replaced under load.
#![forbid(unsafe_code)]

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use loglift_tests::torture::ship::{self, ShipPlan};
use loglift_tests::torture::stream::Scheme;
use loglift_tests::torture::swap::{self, SwapPlan};
use loglift_tests::torture::{Plan, outage, run};

fn main() -> Result<()> {
    let mut plan = Plan::new(RandomState::new().hash_one(0) % 1_000_000, 500);
    plan.longest = Duration::from_secs(600);
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = arguments.first().filter(|argument| ["--ship", "--swap"].contains(&argument.as_str())).cloned();
    let mode = mode.unwrap_or_default();
    if !mode.is_empty() {
        arguments.remove(0);
        plan.lives = if mode == "--ship" { 100 } else { 0 };
    }
    let (mut swaps, mut lines_per_second) = (100, 100_000);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!("{} has no value", pair[0]) };
        if name == "--schemes" {
            plan.schemes = value.split(',').map(scheme).collect::<Result<_>>()?;
            continue;
        }
        let number = value.parse().with_context(|| format!("{name} {value}: not a number"))?;
        match name.as_str() {
            "--minutes" => plan.longest = Duration::from_secs(60 * number),
            "--kills" => plan.lives = number as usize,
            "--seed" => plan.seed = number,
            "--swaps" => swaps = number as usize,
            "--rate" => lines_per_second = number,
            _ => bail!("unknown option {name}"),
        }
    }
    if mode == "--swap" {
        let report = swap::run(&SwapPlan { seed: plan.seed, swaps, kills: plan.lives, lines_per_second })?;
        println!("\n{report}");
        ensure!(report.is_good(), "not everything arrived as it should");
        return Ok(());
    }
    println!("seed {}, up to {} kills in up to {} s", plan.seed, plan.lives, plan.longest.as_secs());
    if mode == "--ship" {
        return ship(&plan);
    }
    let report = run(&plan)?.context("no disk is needed")?;
    println!("\n{report}");
    ensure!(report.is_good(), "not everything arrived as it should");
    Ok(())
}

fn ship(plan: &Plan) -> Result<()> {
    let report = ship::run(&ShipPlan { seed: plan.seed, kills: plan.lives, longest: plan.longest })?;
    println!("\n{report}");
    ensure!(report.is_good(), "not everything arrived as it should");
    println!("an outage of {} MB", OUTAGE_BYTES / 1_000_000);
    let report = outage::run(OUTAGE_BYTES)?;
    println!("\n{report}");
    ensure!(report.is_good(), "not everything arrived as it should");
    Ok(())
}

fn scheme(name: &str) -> Result<Scheme> {
    let all = [Scheme::Numbered, Scheme::Dated, Scheme::Copied, Scheme::Deleted];
    all.into_iter().find(|scheme| scheme.name() == name).with_context(|| format!("unknown scheme {name}"))
}

const OUTAGE_BYTES: u64 = 200_000_000;
