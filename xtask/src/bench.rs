//! `cargo xtask bench`: the shipped agent end to end on one big file, beside the same chain called natively.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use loglift_guest_build::outer_target_dir;

use crate::agent::{Process, Usage};
use crate::line::Lines;

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    size_mb: u64,
    runs: u32,
}

impl Options {
    /// Returns `None` for what is not an option, or not a number.
    pub(crate) fn parse(args: &[String]) -> Option<Self> {
        let mut options = Self { size_mb: 256, runs: 3 };
        for pair in args.chunks(2) {
            match pair {
                [name, value] if name == "--size" => options.size_mb = value.parse().ok().filter(|size| *size > 0)?,
                [name, value] if name == "--runs" => options.runs = value.parse().ok().filter(|runs| *runs > 0)?,
                _ => return None,
            }
        }
        Some(options)
    }
}

/// Measures reading the file, the native chain and the agent, in turn, and prints one table.
///
/// # Errors
/// When something does not build or run, or when the agent's output is not the native chain's.
pub(crate) fn run(options: &Options) -> Result<()> {
    let loglift = crate::optimised_binary("release", "loglift", "loglift")?;
    let native = crate::optimised_binary("bench", "loglift-tests", "native-chain")?;
    let directory = outer_target_dir().join("bench");
    fs::create_dir_all(&directory).context("cannot create the bench's directory")?;
    let [log, reference, output, pipeline, agent_log] =
        ["lines.log", "native.json", "agent.json", "pipeline.yaml", "agent.log"].map(|name| directory.join(name));
    let lines = generate(&log, options.size_mb * MB)?;
    let bytes = fs::metadata(&log).context("cannot look at the file")?.len();
    fs::write(&pipeline, pipeline_text(&log, &output)).context("cannot write the pipeline")?;
    fill_component_cache(&loglift, &pipeline)?;

    let mut best: [Option<Measured>; 3] = [None; 3];
    for run in 1..=options.runs {
        println!("run {run} of {}", options.runs);
        let cat = to_its_end(Command::new("cat").arg(&log).stdout(File::create("/dev/null")?))?;
        // Else glibc gives the memory of each batch back to the system, which costs more than the sandbox.
        let keep = [("MALLOC_TRIM_THRESHOLD_", "268435456"), ("MALLOC_MMAP_THRESHOLD_", "268435456")];
        let native = to_its_end(Command::new(&native).arg(&log).arg(&reference).envs(keep))?;
        let expected_bytes = fs::metadata(&reference).context("no output of the native chain")?.len();
        let _ = fs::remove_file(&output);
        let mut command = Command::new(&loglift);
        command.arg("run").arg("-c").arg(&pipeline).env("TZ", "UTC");
        let agent = until_written(command.stderr(File::create(&agent_log)?), &output, expected_bytes)
            .with_context(|| format!("see {}", agent_log.display()))?;
        ensure_equal(&reference, &output)?;
        for (best, new) in best.iter_mut().zip([cat, native, agent]) {
            *best = Some(best.map_or(new, |best| if new.wall < best.wall { new } else { best }));
        }
    }
    let [cat, native, agent] = best.map(|best| best.expect("there was one run or more"));
    println!(
        "\n{bytes} bytes, {lines} lines, JSON + strptime to a file, best of {}; outputs are equal\n",
        options.runs
    );
    print_table(bytes, &[("read the file (cat)", cat), ("native chain", native), ("loglift run", agent)], native);
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    wall: Duration,
    usage: Usage,
}

/// Writes lines that are the same on every machine, `bytes` of them at most, and returns how many.
fn generate(log: &Path, bytes: u64) -> Result<u64> {
    let mut file = BufWriter::new(File::create(log).context("cannot create the file of lines")?);
    let (mut lines, mut line, mut written, mut count) = (Lines::new(), Vec::new(), 0, 0);
    let mut unix_ns = FIRST_NS;
    loop {
        line.clear();
        lines.append(&mut line, unix_ns, "MainThread");
        written += line.len() as u64;
        if written > bytes {
            break;
        }
        file.write_all(&line).context("cannot write the file of lines")?;
        unix_ns += 1 + lines.next() % 20_000;
        count += 1;
    }
    file.flush().context("cannot write the file of lines")?;
    ensure!(count > 0, "the file would have no line");
    Ok(count)
}

fn pipeline_text(log: &Path, output: &Path) -> String {
    format!(
        "global: {{EnableTimestampNanosecond: true}}
inputs:
  - {{Type: input_file, FilePaths: ['{}'], MaxDirSearchDepth: 0, TailSizeKB: 10485760}}
processors:
  - {{Type: processor_parse_json_native, SourceKey: content}}
  - {{Type: processor_strptime, SourceKey: asctime, Format: '%Y-%m-%d %H:%M:%S,%f', KeepSource: true}}
flushers:
  - {{Type: flusher_file, FilePath: '{}', MaxFileSize: 1000000000000}}
",
        log.display(),
        output.display()
    )
}

/// Lets the agent compile its components, which it does once on a machine.
fn fill_component_cache(loglift: &Path, pipeline: &Path) -> Result<()> {
    let mut process = Command::new(loglift);
    process.arg("process").arg("-c").arg(pipeline).arg("/dev/null").stdout(Stdio::null());
    let status = process.status().context("cannot run the agent")?;
    ensure!(status.success(), "the agent does not take the bench's pipeline");
    Ok(())
}

/// Runs a program that ends by itself.
fn to_its_end(command: &mut Command) -> Result<Measured> {
    let started = Instant::now();
    let mut process = Process::start(command)?;
    let mut peak_rss_bytes = 0;
    while !process.has_ended()? {
        peak_rss_bytes = process.peak_rss_bytes().max(peak_rss_bytes);
        thread::sleep(POLL);
    }
    let wall = started.elapsed();
    let (status, cpu) = process.wait()?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(Measured { wall, usage: Usage { cpu, peak_rss_bytes } })
}

/// Runs the agent until `output` has `expected_bytes`, then asks it to end; the time is that of the last byte.
fn until_written(command: &mut Command, output: &Path, expected_bytes: u64) -> Result<Measured> {
    let started = Instant::now();
    let mut agent = Process::start(command)?;
    let mut grown = (0, Instant::now());
    let wall = loop {
        let bytes = fs::metadata(output).map_or(0, |file| file.len());
        if bytes >= expected_bytes {
            break started.elapsed();
        }
        if bytes > grown.0 {
            grown = (bytes, Instant::now());
        }
        ensure!(!agent.has_ended()?, "the agent ended early");
        if grown.1.elapsed() > STALLED {
            bail!("the agent's output stays at {bytes} bytes, {expected_bytes} are expected");
        }
        thread::sleep(POLL);
    };
    agent.terminate()?;
    let mut peak_rss_bytes = 0;
    while !agent.has_ended()? {
        peak_rss_bytes = agent.peak_rss_bytes().max(peak_rss_bytes);
        thread::sleep(POLL);
    }
    let (status, cpu) = agent.wait()?;
    ensure!(status.success(), "the agent ended with {status}");
    Ok(Measured { wall, usage: Usage { cpu, peak_rss_bytes } })
}

/// Fails with the first line in which the two files differ.
fn ensure_equal(reference: &Path, output: &Path) -> Result<()> {
    let open = |path: &Path| File::open(path).with_context(|| format!("cannot open {}", path.display()));
    let (mut expected, mut got) = (BufReader::new(open(reference)?), BufReader::new(open(output)?));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for number in 1_u64.. {
        left.clear();
        right.clear();
        expected.read_until(b'\n', &mut left).context("cannot read the native chain's output")?;
        got.read_until(b'\n', &mut right).context("cannot read the agent's output")?;
        let [left, right] = [&left, &right].map(|line| String::from_utf8_lossy(line));
        ensure!(left == right, "line {number} differs\nnative: {left}agent:  {right}");
        if left.is_empty() {
            break;
        }
    }
    Ok(())
}

fn print_table(bytes: u64, rows: &[(&str, Measured)], native: Measured) {
    let titles = ["wall s", "MB/s", "CPU s", "CPU s/GB", "peak MB", "MB/s : native", "CPU : native"];
    println!("{:<20}{}", "", titles.map(|title| format!("{title:>15}")).concat());
    for (name, measured) in rows {
        let (wall, cpu) = (measured.wall.as_secs_f64(), measured.usage.cpu.as_secs_f64());
        let cells = [
            format!("{wall:.3}"),
            format!("{:.0}", bytes as f64 / MB as f64 / wall),
            format!("{cpu:.2}"),
            format!("{:.2}", cpu / bytes as f64 * 1000.0 * MB as f64),
            format!("{:.1}", measured.usage.peak_rss_bytes as f64 / MB as f64),
            format!("{:.2}", native.wall.as_secs_f64() / wall),
            format!("{:.2}", cpu / native.usage.cpu.as_secs_f64()),
        ];
        println!("{name:<20}{}", cells.map(|cell| format!("{cell:>15}")).concat());
    }
}

const MB: u64 = 1_000_000;
/// 2023-10-25 23:51:10,199999999 in UTC.
const FIRST_NS: u64 = 1_698_277_870_199_999_999;
/// Short against a run, long against a look at the file's length.
const POLL: Duration = Duration::from_millis(2);
const STALLED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_numbers_above_zero() {
        let check = |args: &[&str], expected: Option<(u64, u32)>| {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert_eq!(Options::parse(&args), expected.map(|(size_mb, runs)| Options { size_mb, runs }), "{args:?}");
        };
        check(&[], Some((256, 3)));
        check(&["--size", "1", "--runs", "2"], Some((1, 2)));
        check(&["--size"], None);
        check(&["--size", "0"], None);
        check(&["--runs", "many"], None);
        check(&["--fast", "1"], None);
    }

    #[test]
    fn a_difference_is_shown_by_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let [left, right] = ["left", "right"].map(|name| directory.path().join(name));
        let check = |ours: &str, theirs: &str, line: Option<&str>| {
            fs::write(&left, ours).unwrap();
            fs::write(&right, theirs).unwrap();
            let found = ensure_equal(&left, &right).err().map(|error| error.to_string());
            assert_eq!(found.as_deref().map(|text| text.split(" differs").next().unwrap()), line);
        };
        check("a\nb\n", "a\nb\n", None);
        check("a\nb\n", "a\nc\n", Some("line 2"));
        check("a\n", "a\nb\n", Some("line 2"));
        check("a", "a\n", Some("line 1"));
    }

    #[test]
    fn the_generated_file_is_as_long_as_asked() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("lines.log");
        assert_eq!(generate(&log, 284 * 100 + 283).unwrap(), 100);
        assert_eq!(fs::metadata(&log).unwrap().len(), 284 * 100);
    }
}
