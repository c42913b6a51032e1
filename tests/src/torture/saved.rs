//! What the checkpoints on disk say.

use std::path::Path;

use anyhow::Result;
use loglift::checkpoint::{self, Entry};
use loglift::event::{Ledger, Loss};
use loglift::runtime::data_dir;

/// What became of the bytes of each stream, all its files and generations together.
///
/// Lines are delivered in order, so the acknowledged bytes of a stream are those of its first lines.
///
/// # Errors
/// When there are checkpoints, and they cannot be read.
pub fn ledgers(directory: &Path, streams: usize) -> Result<Vec<Ledger>> {
    let mut sums = vec![Ledger::default(); streams];
    for entry in entries(directory)? {
        if let Some(sum) = stream_of(&entry.path).and_then(|stream| sums.get_mut(stream)) {
            *sum += &entry.ledger;
        }
    }
    Ok(sums)
}

/// All checkpoints; none if no agent has run yet.
///
/// # Errors
/// When there are checkpoints, and they cannot be read.
pub fn entries(directory: &Path) -> Result<Vec<Entry>> {
    let Ok(directory) = data_dir::open_existing(Some(directory)) else { return Ok(Vec::new()) };
    Ok(checkpoint::read(&directory)?.entries)
}

/// The lost bytes of several ledgers, by cause.
pub fn losses(ledgers: &[Ledger]) -> Vec<(&'static str, u64)> {
    let lost = |cause: Loss| ledgers.iter().map(|ledger| ledger.lost[cause as usize]).sum();
    let losses = Loss::ALL.into_iter().map(|cause| (cause.name(), lost(cause)));
    losses.filter(|(_, bytes)| *bytes > 0).collect()
}

/// The stream whose file this is, or was before it was renamed.
fn stream_of(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?.strip_prefix('s')?;
    name.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_whose_it_is() {
        for (name, expected) in
            [("s3.log", Some(3)), ("s12.log.1", Some(12)), ("s0.log-20260101", Some(0)), ("x", None)]
        {
            assert_eq!(stream_of(&Path::new("a").join(name)), expected, "{name}");
        }
    }
}
