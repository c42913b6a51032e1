//! `loglift checkpoint`.

mod change;
mod files;
mod import;
mod show;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use cap_std::fs::Dir;
use clap::Subcommand;

use super::Common;
use crate::checkpoint::{self, Entry, Recovered, State, Store};
use crate::runtime::data_dir;
use crate::runtime::machine::unix_seconds;
use crate::telemetry::one_line;

/// What to do with checkpoints.
#[derive(Debug, Subcommand)]
pub(super) enum Checkpoint {
    /// List how far each file was delivered
    List {
        /// One JSON object a line, as the checkpoints are stored
        #[arg(long)]
        json: bool,
    },
    /// Print everything that is known of a file
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Make the agent go on at another place of a file
    Set {
        #[command(flatten)]
        which: Which,

        /// Where to go on, in bytes from the start of the file
        #[arg(long, value_name = "BYTES")]
        offset: u64,

        /// Also beyond the end of the file, or if the file cannot be found
        #[arg(long)]
        force: bool,
    },
    /// Forget a file, which is then read as if for the first time
    #[command(group(clap::ArgGroup::new("what").required(true).args(["file", "all"])))]
    Reset {
        /// The path of a file, or the generation of a checkpoint
        #[arg(value_name = "PATH|GENERATION")]
        file: Option<PathBuf>,

        /// Only for this pipeline
        #[arg(long)]
        pipeline: Option<String>,

        /// Forget all files
        #[arg(long)]
        all: bool,
    },
    /// Take over the file_check_point of LoongCollector
    Import {
        /// That file
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// The pipelines that will run: rows of others are left out; may be given several times
        #[arg(short, long = "config", value_name = "FILE_OR_DIR")]
        configs: Vec<PathBuf>,

        /// Print what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Names a checkpoint.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The path of a file, or the generation of a checkpoint
    #[arg(value_name = "PATH|GENERATION")]
    file: PathBuf,

    /// Only for this pipeline
    #[arg(long)]
    pipeline: Option<String>,
}

/// Does it. Returns whether all went well.
pub(super) fn checkpoint(command: &Checkpoint, common: &Common) -> anyhow::Result<bool> {
    match command {
        Checkpoint::List { json } => show::list(common, *json),
        Checkpoint::Show { which } => show::show(common, which),
        Checkpoint::Set { which, offset, force } => change::set(common, which, *offset, *force),
        Checkpoint::Reset { file, pipeline, .. } => change::reset(common, file.as_deref(), pipeline.as_deref()),
        Checkpoint::Import { file, configs, dry_run } => import::import(common, file, configs, *dry_run),
    }
}

/// Reads the checkpoints without touching them, also while an agent runs.
fn read(common: &Common) -> anyhow::Result<Recovered> {
    let directory = existing(common)?;
    let recovered = checkpoint::read(&directory).with_context(|| in_data_dir(common))?;
    print_notes(&recovered);
    Ok(recovered)
}

/// Opens the checkpoints to change them, which nobody else may have open.
fn open(common: &Common) -> anyhow::Result<(Store, Recovered)> {
    let directory = common.open_data_dir()?;
    let (store, recovered) = Store::open(directory).with_context(|| in_data_dir(common))?;
    print_notes(&recovered);
    Ok((store, recovered))
}

pub(super) fn existing(common: &Common) -> anyhow::Result<Dir> {
    let opened = data_dir::open_existing(common.data_dir.as_deref());
    opened.map_err(|(path, error)| anyhow::anyhow!("cannot open the data directory {}: {error}", path.display()))
}

fn in_data_dir(common: &Common) -> String {
    format!("checkpoints in {}", data_dir::path(common.data_dir.as_deref()).display())
}

fn print_notes(recovered: &Recovered) {
    recovered.notes.iter().for_each(|note| eprintln!("warning: {note}"));
}

/// The entries of a file: those of its path, now or when it was found, or the one of this generation.
fn matching<'a>(entries: &'a [Entry], file: &Path, pipeline: Option<&str>) -> Vec<&'a Entry> {
    let generation = file.to_str().and_then(|text| text.parse::<u64>().ok());
    // A path that cannot be made absolute matches as it was given.
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let is_meant = |entry: &&Entry| match generation {
        Some(generation) => entry.generation == generation,
        None => entry.path == path || entry.real_path == path,
    };
    let is_of_pipeline = |entry: &&Entry| pipeline.is_none_or(|name| entry.pipeline == name);
    entries.iter().filter(is_meant).filter(is_of_pipeline).collect()
}

/// Why nothing matches.
fn no_checkpoint(common: &Common, file: &Path) -> anyhow::Error {
    anyhow::anyhow!("there is no checkpoint of {} among the {}", file.display(), in_data_dir(common))
}

/// A path as one line.
fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Followed => "followed",
        State::Finished => "finished",
        State::Untouched => "untouched",
    }
}

/// Prints, also to a reader that goes away before it has read everything.
pub(super) fn print(text: &str) -> anyhow::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::testing::entry;

    #[test]
    fn a_checkpoint_is_named_by_path_or_generation() {
        let renamed = Entry { real_path: "/var/log/1.log.1".into(), ..entry(1, 0) };
        let other = Entry { pipeline: "db".to_owned(), path: "/var/log/1.log".into(), ..entry(2, 0) };
        let entries = [renamed, other, entry(3, 0)];
        let check = |file: &str, pipeline, expected: &[u64]| {
            let found = matching(&entries, Path::new(file), pipeline);
            assert_eq!(found.iter().map(|entry| entry.generation).collect::<Vec<_>>(), expected, "{file}");
        };
        check("/var/log/1.log", None, &[1, 2]);
        check("/var/log/1.log", Some("db"), &[2]);
        check("/var/log/1.log.1", None, &[1]);
        check("3", None, &[3]);
        check("4", None, &[]);
        check("/var/log/4.log", None, &[]);
    }
}
