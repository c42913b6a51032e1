//! `loglift checkpoint list` and `show`.

use super::{Which, matching, no_checkpoint, print, read, shown, state_name, unix_seconds};
use crate::checkpoint::{self, Entry};
use crate::cli::Common;
use crate::cli::table::{age, table};
use crate::event::{Loss, Signature};
use crate::telemetry::one_line;

/// Prints a line for each checkpoint.
pub(super) fn list(common: &Common, json: bool) -> anyhow::Result<bool> {
    let recovered = read(common)?;
    if json {
        let lines: Vec<String> = recovered.entries.iter().map(checkpoint::to_json).collect();
        return print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    let now = unix_seconds();
    let mut entries = recovered.entries;
    entries.sort_by(|a, b| (&a.path, &a.pipeline, a.generation).cmp(&(&b.path, &b.pipeline, b.generation)));
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(entry, now)).collect();
    let header = [" generation", "pipeline", "state", " offset", " length", " behind", " done", " age", "path"];
    print(&table(&header, &rows))
}

fn row(entry: &Entry, now: i64) -> Vec<String> {
    let (offset, length) = (entry.position.offset.0, entry.len.0);
    let mut path = shown(&entry.path);
    if entry.real_path != entry.path {
        path = format!("{path} (now {})", shown(&entry.real_path));
    }
    vec![
        entry.generation.to_string(),
        one_line(&entry.pipeline),
        state_name(entry.state).to_owned(),
        offset.to_string(),
        length.to_string(),
        length.saturating_sub(offset).to_string(),
        percent(offset, length),
        age(now.saturating_sub(entry.updated)),
        path,
    ]
}

/// How much of a file is done, rounded down: 100% is all of it.
fn percent(offset: u64, length: u64) -> String {
    let percent = (u128::from(offset) * 100).checked_div(u128::from(length)).unwrap_or(100);
    format!("{percent}%")
}

/// Prints everything that is known of a file, for each of its checkpoints.
pub(super) fn show(common: &Common, which: &Which) -> anyhow::Result<bool> {
    let recovered = read(common)?;
    let found = matching(&recovered.entries, &which.file, which.pipeline.as_deref());
    if found.is_empty() {
        return Err(no_checkpoint(common, &which.file));
    }
    let now = unix_seconds();
    print(&found.iter().map(|entry| details(entry, now)).collect::<Vec<_>>().join("\n"))
}

fn details(entry: &Entry, now: i64) -> String {
    let mut lines = vec![
        ("generation", entry.generation.to_string()),
        ("pipeline", one_line(&entry.pipeline)),
        ("path", shown(&entry.path)),
        ("real path", shown(&entry.real_path)),
        ("state", state_name(entry.state).to_owned()),
        ("device, inode", format!("{}, {}", entry.id.device, entry.id.inode)),
    ];
    lines.extend(entry.birth_ns.map(|birth| ("made", format!("{birth} ns since 1970"))));
    let (offset, length) = (entry.position.offset.0, entry.len.0);
    let within = if entry.position.mid_record { ", within a record" } else { "" };
    lines.extend([
        ("offset", format!("{offset}{within}")),
        ("length", length.to_string()),
        ("behind", format!("{} bytes, {} done", length.saturating_sub(offset), percent(offset, length))),
        ("changed", format!("{} ago ({})", age(now.saturating_sub(entry.updated)), entry.updated)),
        ("begins with", signature(entry.head)),
        ("before offset", signature(entry.position.tail)),
        ("acknowledged", entry.ledger.acknowledged.to_string()),
        ("dropped", entry.ledger.dropped.to_string()),
        ("rejected", entry.ledger.rejected.to_string()),
        ("quarantined", entry.ledger.quarantined.to_string()),
        ("lost", entry.ledger.lost_bytes().to_string()),
    ]);
    let lost = Loss::ALL.into_iter().map(|cause| (cause.name(), entry.ledger.lost[cause as usize]));
    let lost = lost.filter(|(_, bytes)| *bytes > 0).map(|(cause, bytes)| format!("  {cause:<14} {bytes}\n"));
    let lines = lines.iter().map(|(name, value)| format!("{name:<14}  {value}\n"));
    let mut text: String = lines.chain(lost).collect();
    if entry.ledger.estimated > 0 {
        text.push_str(&format!("  {:<14} {}\n", "estimated", entry.ledger.estimated));
    }
    text
}

fn signature(signature: Signature) -> String {
    format!("{:016x} ({} bytes)", signature.hash, signature.len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([percent(0, 0), percent(199, 200), percent(200, 200)], ["100%", "99%", "100%"]);
    }
}
