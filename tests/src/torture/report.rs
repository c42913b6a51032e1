//! What came of a run, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use loglift::event::Ledger;

use super::check::Verdict;
use super::saved::losses;
use super::writer::Rotations;

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What to give to do the same again.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// How often the agent ended, by how.
    pub deaths: BTreeMap<&'static str, u64>,
    /// How often files were rotated, by how.
    pub rotations: Rotations,
    /// How many lines were written.
    pub lines: u64,
    /// How many bytes were written to each stream.
    pub bytes: Vec<u64>,
    /// What arrived.
    pub verdict: Verdict,
    /// What arrived that is no line of ours.
    pub garbled: Vec<String>,
    /// How many lines of the output were cut by a kill.
    pub torn: u64,
    /// What became of the bytes of each stream, by the checkpoints.
    pub ledgers: Vec<Ledger>,
    /// Where the files are, if they were kept.
    pub kept: String,
}

impl Report {
    /// Whether nothing went wrong.
    pub fn is_good(&self) -> bool {
        self.verdict.is_good() && self.garbled.is_empty() && self.unbalanced().is_empty()
    }

    /// The streams of which the ledger does not say that each byte was acknowledged, with the bytes that were written.
    pub fn unbalanced(&self) -> Vec<(usize, u64, &Ledger)> {
        let streams = self.bytes.iter().zip(&self.ledgers).enumerate();
        let streams = streams.map(|(stream, (bytes, ledger))| (stream, *bytes, ledger));
        let is_even = |bytes: u64, ledger: &Ledger| {
            ledger.acknowledged == bytes && ledger.settled_bytes() == bytes + ledger.copied
        };
        streams.filter(|(_, bytes, ledger)| !is_even(*bytes, ledger)).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<28}{value:>14}");
        row("seed", self.seed.to_string())?;
        row("seconds", self.took.as_secs().to_string())?;
        row("ends of the agent", self.deaths.values().sum::<u64>().to_string())?;
        for (name, count) in &self.deaths {
            row(&format!("  {name}"), count.to_string())?;
        }
        row("rotations", self.rotations.values().sum::<u64>().to_string())?;
        for (scheme, count) in &self.rotations {
            row(&format!("  {}", scheme.name()), count.to_string())?;
        }
        row("bytes written", self.bytes.iter().sum::<u64>().to_string())?;
        row("lines written", self.lines.to_string())?;
        row("lines arrived", self.verdict.arrived.to_string())?;
        let repeated = &self.verdict.repeated;
        let sum: u64 = repeated.iter().sum();
        row("  again, after a kill", sum.to_string())?;
        row("    at most", repeated.iter().max().unwrap_or(&0).to_string())?;
        row("    on average", sum.checked_div(repeated.len() as u64).unwrap_or(0).to_string())?;
        row("  again, without need", self.verdict.needless.len().to_string())?;
        row("  out of order", self.verdict.disordered.len().to_string())?;
        row("  garbled", self.garbled.len().to_string())?;
        row("lines that never arrived", self.verdict.missing.len().to_string())?;
        row("lines torn in the output", self.torn.to_string())?;
        row("bytes copied by rotation", self.ledgers.iter().map(|ledger| ledger.copied).sum::<u64>().to_string())?;
        let losses = losses(&self.ledgers);
        row("bytes lost", losses.iter().map(|(_, bytes)| bytes).sum::<u64>().to_string())?;
        for (cause, bytes) in losses {
            row(&format!("  {cause}"), bytes.to_string())?;
        }
        write!(f, "{}", self.verdict)?;
        for (stream, bytes, ledger) in self.unbalanced() {
            writeln!(f, "stream {stream}: {bytes} bytes were written, the ledger says {ledger:?}")?;
        }
        for line in self.garbled.iter().take(5) {
            writeln!(f, "garbled: {}", line.chars().take(200).collect::<String>())?;
        }
        if !self.kept.is_empty() {
            writeln!(f, "files are in {}", self.kept)?;
        }
        Ok(())
    }
}
