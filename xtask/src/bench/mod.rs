//! `cargo xtask bench`: the shipped agent end to end on big files, beside `cat`, `wc -l`, `lz4` and the same chain called
//! natively.

mod compare;
pub(crate) mod follow;
mod measure;
mod records;
mod row;
mod table;
mod workload;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loglift_guest_build::outer_target_dir;
use serde_json::Value;

use measure::{Measured, Output, POLL, to_its_end, until_all_is_read};
use row::{LOGSTORE, PROJECT, ROWS, Row};
use table::{Line, References};
use workload::Written;

use crate::service::Service;

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
    let is_shipped = options.rows.iter().any(|row| row.is_shipped());
    // It verifies everything and keeps nothing: its CPU time is its own, but the machine is shared with it.
    let start = || Service::start(&directory.join("sls"), (PROJECT, LOGSTORE), &["--count-only"]);
    let service = is_shipped.then(start).transpose()?;
    let bench = Bench { loglift, native, service, directory, runs: options.runs };
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
    /// The log service, if a row is shipped.
    service: Option<Service>,
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
        let (mut references, mut best) = self.run_once(rows, &log, written, 1)?;
        for run in 2..=self.runs {
            let (again, measured) = self.run_once(rows, &log, written, run)?;
            references = references.best(again);
            best.iter_mut().zip(measured).for_each(|(best, new)| best.measured = best.measured.best(new.measured));
        }
        fs::remove_file(&log).context("cannot remove the file of lines")?;
        let title = |program: &str| format!("{program} ({})", rows[0].workload.title());
        let reference = |name: &str, measured| Entry { name: title(name), goal: None, measured };
        let mut entries = vec![reference("cat", references.cat), reference("wc -l", references.wc)];
        entries.extend(references.lz4.map(|lz4| reference("lz4", lz4)));
        entries.extend(best);
        let line = |Entry { name, goal, measured }| Line { name, log_bytes: written.bytes, measured, goal, references };
        Ok(entries.into_iter().map(line).collect())
    }

    /// Measures `cat`, `wc -l` and `lz4`, then each row.
    fn run_once(&self, rows: &[&Row], log: &Path, written: Written, run: u32) -> Result<(References, Vec<Entry>)> {
        println!("run {run} of {}", self.runs);
        let null = || File::create("/dev/null").context("cannot open /dev/null");
        let references = References {
            cat: to_its_end(Command::new("cat").arg(log).stdout(null()?))?,
            wc: to_its_end(Command::new("wc").arg("-l").arg(log).stdout(null()?))?,
            lz4: self.run_lz4(rows, log)?,
        };
        let mut measured = Vec::new();
        for row in rows {
            if row.has_twin {
                let native = self.native.as_deref().context("the native chain was not built")?;
                let name = format!("{}, native twin", row.name);
                measured.push(Entry { name, goal: None, measured: self.run_twin(native, log)? });
            }
            let agent = self.run_agent(row, log, written)?;
            measured.push(Entry { name: row.name.to_owned(), goal: row.goal, measured: agent });
            if row.has_twin {
                compare::ensure_equal(&self.reference(), &self.output())?;
                fs::remove_file(self.reference()).context("cannot remove the native chain's output")?;
            }
            let _ = fs::remove_file(self.output());
        }
        Ok((references, measured))
    }

    /// Measures `lz4` where a row compresses, if the program is here.
    fn run_lz4(&self, rows: &[&Row], log: &Path) -> Result<Option<Measured>> {
        if !rows.iter().any(|row| row.is_shipped()) {
            return Ok(None);
        }
        if Command::new("lz4").arg("--version").output().is_err() {
            println!("there is no lz4 to compare with");
            return Ok(None);
        }
        let mut command = Command::new("lz4");
        to_its_end(command.args(["-1", "-q", "-c"]).arg(log).stdout(File::create("/dev/null")?)).map(Some)
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
        let measured = match self.service.as_ref().filter(|_| row.is_shipped()) {
            Some(service) => self.ship(service, &mut command, written),
            None => {
                let seen = || Ok(fs::metadata(self.output()).map_or(0, |file| file.len()));
                let output = Output { seen: &seen, poll: POLL, waits_for_drain: false };
                until_all_is_read(&mut command, written.bytes, &output)
            }
        };
        let said = fs::read_to_string(&agent_log).context("cannot read the agent's log")?;
        let checked = measured.and_then(|measured| {
            measure::ensure_all_arrived(&said, written.events, row.processor_count()).map(|()| measured)
        });
        checked.with_context(|| format!("{}: see {}", row.name, agent_log.display()))
    }

    /// Measures an agent that sends to the log service, and fails unless each event arrived there once.
    fn ship(&self, service: &Service, command: &mut Command, written: Written) -> Result<Measured> {
        service.reset()?;
        service.admit(command);
        let count = |stats: &Value| stats["events"].as_u64().context("the log service does not count events");
        let seen = || count(&service.get(STATS)?);
        let output = Output { seen: &seen, poll: SERVICE_POLL, waits_for_drain: true };
        let measured = until_all_is_read(command, written.bytes, &output)?;
        let stats = service.get(STATS)?;
        let arrived = count(&stats)?;
        ensure!(arrived == written.events, "{arrived} of {} events arrived", written.events);
        println!(
            "  {} log groups in {} requests, {:.1} times smaller",
            stats["log_groups"],
            stats["requests"]["put_logs"]["accepted"],
            stats["raw_bytes"].as_f64().unwrap_or_default() / stats["body_bytes"].as_f64().unwrap_or(1.0)
        );
        Ok(measured)
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
        let endpoint = self.service.as_ref().map(Service::endpoint).unwrap_or_default();
        fs::write(&path, row.pipeline(log, &self.output(), &endpoint)).context("cannot write the pipeline")?;
        Ok(path)
    }

    fn output(&self) -> PathBuf {
        self.directory.join("agent.json")
    }

    fn reference(&self) -> PathBuf {
        self.directory.join("native.json")
    }
}

/// A line of the table that is not complete yet.
#[derive(Debug)]
struct Entry {
    name: String,
    goal: Option<f64>,
    measured: Measured,
}

const MB: u64 = 1_000_000;
const STATS: &str = "/_emulator/stats";

/// How often the log service is asked for what has arrived: seldom enough to cost it nothing.
const SERVICE_POLL: Duration = Duration::from_millis(10);

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
