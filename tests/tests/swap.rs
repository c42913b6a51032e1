//! Processors are replaced while lines flow, and the agent is killed meanwhile: the quick tier of `torture --swap`.

use anyhow::{Result, ensure};
use loglift_tests::torture::swap::{SwapPlan, SwapReport, run};

fn check(plan: &SwapPlan) -> Result<SwapReport> {
    let report = run(plan)?;
    ensure!(report.is_good(), "{report}");
    Ok(report)
}

#[test]
fn every_line_is_stamped_by_one_version_and_arrives_once_in_order() -> Result<()> {
    let report = check(&SwapPlan { seed: 1, swaps: 10, kills: 0, lines_per_second: 20_000 })?;
    ensure!(report.repeated == 0 && report.versions >= 10, "{report}");
    Ok(())
}

#[test]
fn a_kill_among_swaps_makes_lines_come_again_and_nothing_else() -> Result<()> {
    check(&SwapPlan { seed: 2, swaps: 8, kills: 3, lines_per_second: 20_000 }).map(drop)
}
