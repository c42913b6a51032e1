//! `cargo xtask bench follow`: the shipped agent on files that rest, grow slowly, appear, or grow much faster than others.
//!
//! Each line says when it was written, so that its event tells how long it took. What is measured is told and not judged,
//! but that every line arrives once and in order is.

mod agent;
mod arrivals;
mod figure;
mod idle;
mod lag;
mod stamp;
mod tree;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use loglift_guest_build::outer_target_dir;

use figure::Figure;

/// One thing to measure.
pub(crate) struct Scenario {
    /// What it is called on the command line.
    pub(super) name: &'static str,
    measure: fn(&Bench) -> Result<Vec<Figure>>,
}

/// All of them.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "idle", measure: idle::idle },
    Scenario { name: "growing", measure: idle::growing },
    Scenario { name: "new-file", measure: lag::new_file },
    Scenario { name: "latency", measure: lag::latency },
    Scenario { name: "fairness", measure: lag::fairness },
];

/// The named scenarios, or all if there is no name. `None` for a name that none has.
pub(crate) fn parse(names: &[String]) -> Option<Vec<&'static Scenario>> {
    let find = |name: &String| SCENARIOS.iter().find(|scenario| scenario.name == name);
    if names.is_empty() { Some(SCENARIOS.iter().collect()) } else { names.iter().map(find).collect() }
}

/// Measures and prints one table.
///
/// # Errors
/// When the agent does not build or run, or when a line is missing, doubled or out of order.
pub(crate) fn run(scenarios: &[&Scenario]) -> Result<()> {
    let loglift = crate::optimised_binary("release", "loglift", "loglift")?;
    let directory = outer_target_dir().join("bench").join("follow");
    fs::create_dir_all(&directory).context("cannot create the bench's directory")?;
    let bench = Bench { loglift, directory };
    let mut figures = Vec::new();
    for scenario in scenarios {
        println!("{} ...", scenario.name);
        figures.extend((scenario.measure)(&bench).with_context(|| format!("{} failed", scenario.name))?);
    }
    println!("\nEvery line arrived once and in order\n");
    print!("{}", figure::table(&figures));
    Ok(())
}

/// What all scenarios are measured with.
struct Bench {
    loglift: PathBuf,
    directory: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_chosen_by_name() {
        let check = |names: &[&str], expected: Option<usize>| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(parse(&names).map(|scenarios| scenarios.len()), expected, "{names:?}");
        };
        check(&[], Some(SCENARIOS.len()));
        check(&["latency", "idle"], Some(2));
        check(&["latency", "no-such-scenario"], None);
    }

    #[test]
    fn usage_names_all_scenarios() {
        assert!(SCENARIOS.iter().all(|scenario| crate::USAGE.contains(scenario.name)));
    }
}
