//! Agents that are killed while the service fails. The same for longer: `cargo xtask torture --ship`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use anyhow::{Result, ensure};
use loglift_tests::torture::ship::{ShipPlan, run};

#[test]
fn agents_that_are_killed_while_the_service_fails_lose_no_line_and_keep_the_order() -> Result<()> {
    let given = std::env::var("LOGLIFT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000);
    println!("seed {seed}");
    let report = run(&ShipPlan { seed, kills: 5, longest: Duration::MAX })?;
    println!("{report}");
    ensure!(report.is_good(), "with LOGLIFT_SEED={seed}:\n{report}");
    Ok(())
}
