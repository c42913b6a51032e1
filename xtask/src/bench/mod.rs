//! `cargo xtask bench`: the shipped agent end to end on big files, beside `cat`, `wc -l` and the same chain called natively.

mod compare;
pub(crate) mod follow;
mod measure;
mod records;
mod row;
mod table;
mod workload;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use loglift_guest_build::outer_target_dir;

use measure::{Measured, to_its_end, until_all_is_read};
use row::{ROWS, Row};
use table::Line;
use workload::Written;

/// What to measure.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    size_mb: u64,
    runs: u32,
    /// In the order of [`ROWS`].
    rows: Vec<&'static Row>,
}

impl Options {
    /// Returns `None` for what is not an option or a row, or not a number.
    pub(crate) fn parse(args: &[String]) -> Option<Self> {
        let mut options = Self { size_mb: 256, runs: 3, rows: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--size" => options.size_mb = args.next()?.parse().ok().filter(|size| *size > 0)?,
                "--runs" => options.runs = args.next()?.parse().ok().filter(|runs| *runs > 0)?,
                name => options.rows.push(Row::find(name)?),
            }
        }
        let is_chosen = |row: &&Row| options.rows.is_empty() || options.rows.contains(row);
        options.rows = ROWS.iter().filter(is_chosen).collect();
        Some(options)
    }
}

/// Measures reading the files, the native chain and the agent, in turn, and prints one table.
///
/// # Errors
/// When something does not build or run, when an event is lost, or when the agent's output is not the native chain's.
pub(crate) fn run(options: &Options) -> Result<()> {
    let loglift = crate::optimised_binary("release", "loglift", "loglift")?;
    let has_twin = options.rows.iter().any(|row| row.has_twin);
    let native = has_twin.then(|| crate::optimised_binary("bench", "loglift-tests", "native-chain")).transpose()?;
    let directory = outer_target_dir().join("bench");
    fs::create_dir_all(&directory).context("cannot create the bench's directory")?;
    let bench = Bench { loglift, native, directory, runs: options.runs };
    let mut lines = Vec::new();
    for rows in options.rows.chunk_by(|a, b| a.workload == b.workload) {
        lines.extend(bench.measure(rows, options.size_mb * MB)?);
    }
    println!(
        "\nEach the best of {} runs, but the highest peak; no event is missing, outputs are equal\n",
        options.runs
    );
    print!("{}", table::table(&lines));
    Ok(())
}

/// What all rows are measured with.
#[derive(Debug)]
struct Bench {
    loglift: PathBuf,
    /// The native chain, if a row is to be compared with it.
    native: Option<PathBuf>,
    directory: PathBuf,
    runs: u32,
}

impl Bench {
    /// Measures rows that read the same lines. The file of these lines is there meanwhile.
    fn measure(&self, rows: &[&Row], bytes: u64) -> Result<Vec<Line>> {
        let log = self.directory.join("input.log");
        let written = rows[0].workload.generate(&log, bytes)?;
        println!("\n{:?}: {} bytes, {} events", rows[0].workload, written.bytes, written.events);
        for row in rows {
            self.fill_component_cache(row, &log)?;
        }
        let mut best: Vec<(String, Option<f64>, Measured)> = Vec::new();
        for run in 1..=self.runs {
            println!("run {run} of {}", self.runs);
            let measured = self.run_once(rows, &log, written)?;
            if best.is_empty() {
                best = measured;
            } else {
                best.iter_mut().zip(measured).for_each(|(best, new)| best.2 = best.2.best(new.2));
            }
        }
        fs::remove_file(&log).context("cannot remove the file of lines")?;
        let references = [best[0].2, best[1].2];
        let line = |(name, goal, measured)| Line { name, log_bytes: written.bytes, measured, goal, references };
        Ok(best.into_iter().map(line).collect())
    }

    /// Measures `cat` and `wc -l`, then each row.
    fn run_once(&self, rows: &[&Row], log: &Path, written: Written) -> Result<Vec<(String, Option<f64>, Measured)>> {
        let title = |program: &str| format!("{program} ({})", rows[0].workload.title());
        let cat = to_its_end(Command::new("cat").arg(log).stdout(File::create("/dev/null")?))?;
        let wc = to_its_end(Command::new("wc").arg("-l").arg(log).stdout(Stdio::null()))?;
        let mut measured = vec![(title("cat"), None, cat), (title("wc -l"), None, wc)];
        for row in rows {
            if row.has_twin {
                let native = self.native.as_deref().context("the native chain was not built")?;
                measured.push((format!("{}, native twin", row.name), None, self.run_twin(native, log)?));
            }
            let agent = self.run_agent(row, log, written)?;
            measured.push((row.name.to_owned(), row.goal, agent));
            if row.has_twin {
                compare::ensure_equal(&self.reference(), &self.output())?;
                fs::remove_file(self.reference()).context("cannot remove the native chain's output")?;
            }
            let _ = fs::remove_file(self.output());
        }
        Ok(measured)
    }

    fn run_twin(&self, native: &Path, log: &Path) -> Result<Measured> {
        // Else glibc gives the memory of each batch back to the system, which costs more than the sandbox.
        let keep = [("MALLOC_TRIM_THRESHOLD_", "268435456"), ("MALLOC_MMAP_THRESHOLD_", "268435456")];
        to_its_end(Command::new(native).arg(log).arg(self.reference()).envs(keep))
    }

    fn run_agent(&self, row: &Row, log: &Path, written: Written) -> Result<Measured> {
        let agent_log = self.directory.join("agent.log");
        let _ = fs::remove_file(self.output());
        let mut command = self.agent_command(row, log)?;
        command.stderr(File::create(&agent_log)?);
        let measured = until_all_is_read(&mut command, written.bytes, &self.output());
        let said = fs::read_to_string(&agent_log).context("cannot read the agent's log")?;
        let checked = measured.and_then(|measured| {
            measure::ensure_all_arrived(&said, written.events, row.processor_count()).map(|()| measured)
        });
        checked.with_context(|| format!("{}: see {}", row.name, agent_log.display()))
    }

    /// `loglift run` with the row's pipeline.
    fn agent_command(&self, row: &Row, log: &Path) -> Result<Command> {
        let mut command = Command::new(&self.loglift);
        command.arg("run").arg("-c").arg(self.write_pipeline(row, log)?).env("TZ", "UTC");
        // A run before has read the file already.
        let data = self.directory.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot remove the data of the run before")?;
        }
        command.arg("--data-dir").arg(data);
        Ok(command)
    }

    /// Lets the agent compile its components, which it does once on a machine.
    fn fill_component_cache(&self, row: &Row, log: &Path) -> Result<()> {
        let mut process = Command::new(&self.loglift);
        process.arg("process").arg("-c").arg(self.write_pipeline(row, log)?).arg("/dev/null");
        let output = process.output().context("cannot run the agent")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the agent does not take the pipeline of {}: {said}", row.name);
        Ok(())
    }

    fn write_pipeline(&self, row: &Row, log: &Path) -> Result<PathBuf> {
        let path = self.directory.join("pipeline.yaml");
        fs::write(&path, row.pipeline(log, &self.output())).context("cannot write the pipeline")?;
        Ok(path)
    }

    fn output(&self) -> PathBuf {
        self.directory.join("agent.json")
    }

    fn reference(&self) -> PathBuf {
        self.directory.join("native.json")
    }
}

const MB: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_numbers_above_zero_and_rows() {
        let check = |args: &[&str], expected: Option<(u64, u32, usize)>| {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            let found = Options::parse(&args).map(|options| (options.size_mb, options.runs, options.rows.len()));
            assert_eq!(found, expected, "{args:?}");
        };
        check(&[], Some((256, 3, ROWS.len())));
        check(&["--size", "1", "--runs", "2"], Some((1, 2, ROWS.len())));
        check(&["java-discard", "--runs", "2", "lines-file"], Some((256, 2, 2)));
        check(&["--size"], None);
        check(&["--size", "0"], None);
        check(&["--runs", "many"], None);
        check(&["--fast", "1"], None);
        check(&["no-such-row"], None);
    }

    #[test]
    fn rows_keep_their_order() {
        let options = Options::parse(&["csv-discard".to_owned(), "lines-discard".to_owned()]).unwrap();
        assert_eq!(options.rows.iter().map(|row| row.name).collect::<Vec<_>>(), ["lines-discard", "csv-discard"]);
    }

    #[test]
    fn usage_names_all_rows() {
        assert!(ROWS.iter().all(|row| crate::USAGE.contains(row.name)));
    }
}
