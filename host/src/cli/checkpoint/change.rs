//! `loglift checkpoint set` and `reset`.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::{Which, existing, files, matching, no_checkpoint, open, print, shown, unix_seconds};
use crate::checkpoint::{Entry, moved};
use crate::cli::Common;
use crate::event::{Offset, Position, Signature};

/// Makes the agent go on at another place of a file.
pub(super) fn set(common: &Common, which: &Which, offset: u64, force: bool) -> anyhow::Result<bool> {
    existing(common)?;
    let (mut store, recovered) = open(common)?;
    let entry = the_one(common, &recovered.entries, which)?;
    let to = match position(entry, Offset(offset)) {
        Ok(position) => position,
        Err(error) if !force => return Err(error.context("not changed (--force does it nevertheless)")),
        // Without the bytes before it, the place is not checked when the agent goes on.
        Err(_) => Position { offset: Offset(offset), ..Position::default() },
    };
    store.save(&[moved(entry, to)], &[], unix_seconds()).context("cannot save the checkpoint")?;
    let (path, before) = (shown(&entry.path), entry.position.offset.0);
    print(&format!("{path}: goes on at {offset} instead of {before} (pipeline {})\n", entry.pipeline))
}

/// The one checkpoint that is meant. Of several, a file that has the path now comes before one that had it once.
fn the_one<'a>(common: &Common, entries: &'a [Entry], which: &Which) -> anyhow::Result<&'a Entry> {
    let mut found = matching(entries, &which.file, which.pipeline.as_deref());
    if found.iter().any(|entry| entry.path == entry.real_path) {
        found.retain(|entry| entry.path == entry.real_path);
    }
    match found[..] {
        [] => Err(no_checkpoint(common, &which.file)),
        [entry] => Ok(entry),
        _ => {
            let described = found.iter().map(|entry| format!("{} of pipeline {}", entry.generation, entry.pipeline));
            let described = described.collect::<Vec<_>>().join(", ");
            bail!("{} has several checkpoints, name one by its generation: {described}", which.file.display())
        }
    }
}

/// The place at an offset of the file of an entry, if it is that file and long enough.
fn position(entry: &Entry, offset: Offset) -> anyhow::Result<Position> {
    let path = entry.real_path.display();
    let seen = files::look(&entry.real_path).with_context(|| format!("cannot read {path}"))?;
    ensure!(seen.id == entry.id && entry.head.begins(&seen.head), "{path} is another file now");
    ensure!(offset <= seen.len, "{path} has only {} bytes", seen.len.0);
    let before = files::before(&entry.real_path, offset).with_context(|| format!("cannot read {path}"))?;
    if before.last().is_some_and(|byte| *byte != b'\n') {
        eprintln!("warning: {} is not the start of a line, so the first event will be a part of one", offset.0);
    }
    Ok(Position { offset, mid_record: false, tail: Signature::of(&before) })
}

/// Forgets a file, or all of them.
pub(super) fn reset(common: &Common, file: Option<&Path>, pipeline: Option<&str>) -> anyhow::Result<bool> {
    existing(common)?;
    let (mut store, recovered) = open(common)?;
    let meant: Vec<&Entry> = match file {
        Some(file) => matching(&recovered.entries, file, pipeline),
        None => recovered.entries.iter().filter(|entry| pipeline.is_none_or(|name| entry.pipeline == name)).collect(),
    };
    if let Some(file) = file.filter(|_| meant.is_empty()) {
        return Err(no_checkpoint(common, file));
    }
    let generations: Vec<u64> = meant.iter().map(|entry| entry.generation).collect();
    store.save(&[], &generations, unix_seconds()).context("cannot save the checkpoints")?;
    let lines = meant.iter().map(|entry| {
        format!("{}: forgotten at {} (pipeline {})\n", shown(&entry.path), entry.position.offset.0, entry.pipeline)
    });
    print(&lines.collect::<String>())
}
