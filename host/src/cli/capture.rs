//! `loglift capture`.

use std::fs::{self, OpenOptions};
use std::io::{BufReader, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cap_std::fs::Dir;

use super::Common;
use super::agent::{SOON, demand};
use super::checkpoint::{existing, print};
use super::replay::wrong;
use crate::processor::recording::{End, Reader};
use crate::runtime::capture::{Begun, CAPTURES, CaptureOrder};
use crate::runtime::control::ask;
use crate::runtime::data_dir;
use crate::runtime::quarantine::UNFINISHED;
use crate::telemetry::one_line;

#[derive(Debug, clap::Args)]
pub(super) struct CaptureArguments {
    /// The place of a processor, such as `processors[1]`, or its type if no other one has that
    #[arg(value_name = "PROCESSOR")]
    processor: String,

    /// The pipeline of the processor
    #[arg(long, value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Stop after so many batches
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    batches: Option<u64>,

    /// Stop after so many seconds [default: 10, or 600 with --batches]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,

    /// MiB that the file may have
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=256))]
    max_size: u64,

    /// Move the recording to this file, which must not exist yet [default: it stays in the data directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Has the agent capture batches, and waits for the end. Returns whether all went well.
pub(super) fn capture(arguments: &CaptureArguments, common: &Common) -> anyhow::Result<bool> {
    let CaptureArguments { processor, pipeline, batches, seconds, max_size, output } = arguments;
    if let Some(output) = output {
        ensure!(!output.exists(), "{} exists already", output.display());
    }
    let usual = if batches.is_some() { LONG_SECONDS } else { USUAL_SECONDS };
    let order = CaptureOrder {
        processor: processor.clone(),
        pipeline: pipeline.clone(),
        batches: *batches,
        seconds: seconds.unwrap_or(usual),
        max_bytes: max_size << 20,
    };
    let path = data_dir::path(common.data_dir.as_deref());
    let begun: Begun = demand(common, &format!("capture {}", serde_json::to_string(&order)?), SOON)?;
    let directory = existing(common)?.open_dir(CAPTURES).context("cannot open the captures")?;
    await_end(&directory, &begun, &path, Duration::from_secs(order.seconds) + GRACE)?;
    let end = end(&directory, &begun.file)?;
    let file = match output {
        Some(output) => {
            move_to(&directory, &begun.file, output)?;
            output.clone()
        }
        None => path.join(CAPTURES).join(&begun.file),
    };
    print(&describe(&begun, &end, &file))
}

/// Waits until the agent has given the file its name.
fn await_end(directory: &Dir, begun: &Begun, data_dir: &Path, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    let mut next_question = Instant::now() + QUESTION_INTERVAL;
    while !directory.exists(&begun.file) {
        let now = Instant::now();
        // It is renamed at the end, so that what is neither there nor complete has failed.
        let is_written = directory.exists(format!("{}{UNFINISHED}", begun.file)) || directory.exists(&begun.file);
        ensure!(is_written, "the agent could not write the capture; its log says why");
        ensure!(now < deadline, "the agent does not finish the capture; its log may say why");
        if now >= next_question {
            let runs = ask(data_dir, "status")?.is_some();
            // It may have finished as the last thing that it did.
            ensure!(runs || directory.exists(&begun.file), "the agent ended before the capture did");
            next_question = now + QUESTION_INTERVAL;
        }
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

fn end(directory: &Dir, name: &str) -> anyhow::Result<End> {
    let file = directory.open(name).with_context(|| format!("cannot open {name}"))?;
    let failed = |error| wrong(Path::new(name), &error);
    let mut reader = Reader::new(BufReader::new(file)).map_err(failed)?;
    while reader.next_batch().map_err(failed)?.is_some() {}
    reader.end().cloned().context("the recording has no end")
}

/// Copies a file and removes it where it was.
fn move_to(directory: &Dir, name: &str, output: &Path) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(output);
    let mut to = made.with_context(|| format!("cannot make {}", output.display()))?;
    let copied = directory.open(name).and_then(|mut from| std::io::copy(&mut from, &mut to));
    if let Err(error) = copied {
        drop(fs::remove_file(output));
        return Err(error).with_context(|| format!("cannot write {}; the recording stays {name}", output.display()));
    }
    match directory.remove_file(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {name}"))
        }
        _ => Ok(()),
    }
}

fn describe(begun: &Begun, end: &End, file: &Path) -> String {
    let End { batches, skipped_batches, reason } = end;
    let skipped = if *skipped_batches > 0 { format!(", {skipped_batches} skipped") } else { String::new() };
    format!(
        "{batches} {} of {} of pipeline {}{skipped}, until {}: {}\n",
        if *batches == 1 { "batch" } else { "batches" },
        one_line(&begun.processor),
        one_line(&begun.pipeline),
        until(reason),
        file.display()
    )
}

/// Why a capture ended, in words.
fn until(reason: &str) -> &str {
    match reason {
        "batches" => "there were enough",
        "seconds" => "the time was over",
        "bytes" => "the file was full",
        other => other,
    }
}

/// How long a capture takes if nothing is said.
const USUAL_SECONDS: u64 = 10;

/// How long one waits for its batches.
const LONG_SECONDS: u64 = 600;

/// What the agent may take to finish a file.
const GRACE: Duration = Duration::from_secs(10);

/// How soon the end of a capture is noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// How soon the end of the agent is noticed.
const QUESTION_INTERVAL: Duration = Duration::from_secs(2);
