//! `cargo xtask test`: all tests of the workspace, and one closing line.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

/// Runs the tests whose names contain one of the filters in `args`, or all.
///
/// # Errors
/// When a test fails, or does not compile.
pub(crate) fn run(args: &[String]) -> Result<()> {
    loglift_guest_build::install()?;
    let mut cargo = crate::cargo();
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast", "--"]);
    if args.iter().any(|arg| arg == "--all") {
        cargo.arg("--include-ignored");
    }
    if std::io::stdout().is_terminal() {
        cargo.args(["--color", "always"]);
    }
    cargo.args(args.iter().filter(|arg| *arg != "--all"));

    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let output = child.stdout.take().expect("standard output is piped");
    let mut sum = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read cargo's output")?;
        sum.add(Tally::of(&line));
        println!("{line}");
    }
    let status = child.wait().context("cannot wait for cargo")?;
    println!("\n{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    match (status.success(), sum.failed) {
        (true, _) => Ok(()),
        (false, 0) => bail!("the tests did not all compile and run"),
        (false, failed) => bail!("{failed} tests failed"),
    }
}

/// How many tests came out which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// What a line of libtest's output adds: nothing, unless it closes a test program.
    fn of(line: &str) -> Self {
        let Some((_, counts)) = line.split_once("test result: ") else { return Self::default() };
        let count = |name: &str| {
            let before = counts.split_once(name).map_or("", |(before, _)| before.trim_end());
            before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        Self { passed: count("passed;"), failed: count("failed;"), skipped: count("ignored;") }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_test_programs_are_summed() {
        let check = |line, passed, failed, skipped| assert_eq!(Tally::of(line), Tally { passed, failed, skipped });
        check("test result: ok. 7 passed; 0 failed; 2 ignored; 0 measured; 1 filtered out; finished in 0.00s", 7, 0, 2);
        check("test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out", 10, 3, 0);
        check("test result: \u{1b}[32mok\u{1b}[0m. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", 1, 0, 0);
        check("test result_is_kept ... ok", 0, 0, 0);
    }
}
