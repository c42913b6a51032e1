//! What came of shipping, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::delivered::Delivery;

/// What came of shipping while the agent was killed and the service failed.
#[derive(Debug, Clone, Default)]
pub struct ShipReport {
    /// What to give to do the same again.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// How often the agent was killed, by where.
    pub kills: BTreeMap<&'static str, u64>,
    /// How often the service went down.
    pub outages: u64,
    /// How often files were rotated.
    pub rotations: u64,
    /// How many bytes were written.
    pub bytes: u64,
    /// What came.
    pub verdict: Delivery,
    /// The most memory that an agent had.
    pub peak_kib: u64,
}

impl ShipReport {
    /// Whether nothing went wrong.
    ///
    /// Lines that nobody can recognise are told and not held against it: a file that was found shortly before a kill is in no
    /// checkpoint, and has another generation, and so other ids, with the next agent.
    pub fn is_good(&self) -> bool {
        let Delivery { missing, disordered, behind, garbled, most_repeated_bytes, .. } = &self.verdict;
        let lines = [missing, disordered].iter().all(|lines| lines.is_empty());
        lines && behind.is_empty() && garbled.is_empty() && *most_repeated_bytes <= MOST_REPEATED_BYTES
    }
}

impl fmt::Display for ShipReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: u64| writeln!(f, "{name:<28}{value:>14}");
        let Delivery { written, arrived, missing, disordered, repeated, unknown, behind, garbled, .. } = &self.verdict;
        row("seed", self.seed)?;
        row("seconds", self.took.as_secs())?;
        row("kills of the agent", self.kills.values().sum())?;
        for (name, count) in &self.kills {
            row(&format!("  {name}"), *count)?;
        }
        row("outages of the service", self.outages)?;
        row("rotations", self.rotations)?;
        row("bytes written", self.bytes)?;
        row("lines written", *written)?;
        row("lines at the service", *arrived)?;
        row("  duplicates", repeated.iter().sum())?;
        row("    at most in a life", repeated.iter().copied().max().unwrap_or(0))?;
        row("    bytes, at most in a life", self.verdict.most_repeated_bytes)?;
        row("    not to be recognised", unknown.len() as u64)?;
        row("  out of order", disordered.len() as u64)?;
        row("  garbled", garbled.len() as u64)?;
        row("lines that never arrived", missing.len() as u64)?;
        row("peak memory in KiB", self.peak_kib)?;
        for (what, lines) in [("never arrived", missing), ("out of order", disordered), ("not recognised", unknown)] {
            if !lines.is_empty() {
                writeln!(f, "{what}, by stream and number: {:?}", &lines[..lines.len().min(20)])?;
            }
        }
        behind.iter().take(5).try_for_each(|group| writeln!(f, "{group}"))?;
        garbled.iter().take(5).try_for_each(|line| writeln!(f, "garbled: {line:.200}"))
    }
}

/// What may come again in a life: a few times what is in flight at a kill, and what was cut before its answer.
const MOST_REPEATED_BYTES: u64 = 16 << 20;
