//! `loglift validate --explain`: what pipelines make of the files of this machine.
//!
//! The agent's own walker finds the files and the agent's own rules judge them, so that what is said here is what happens.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::config::Pipeline;
use crate::input::follow::first::{FirstRead, first_read};
use crate::input::paths::normalise;
use crate::input::paths::owner::{Ownership, ownership};
use crate::input::paths::{PathSet, Verdict};
use crate::input::stat::Stat;
use crate::input::walk::trouble::Trouble;
use crate::input::walk::{Change, Found, PassedOver, Walker};
use crate::runtime::paths::{file_input, path_set, pattern_sets};

/// What a walk over the files of one pipeline gave.
#[derive(Default)]
struct Seen {
    files: Vec<Found>,
    passed_over: HashMap<Verdict, PassedOver>,
    troubles: Vec<Trouble>,
}

/// The pipelines, and the files that each of them means.
struct Scene<'a> {
    pipelines: &'a [Pipeline],
    sets: Vec<Arc<PathSet>>,
    now_ns: i64,
}

/// Prints which files each pipeline collects, and of each of `paths` why it is or is not collected.
pub(super) fn explain(pipelines: &[Pipeline], paths: &[PathBuf], working_directory: &Path) {
    // Each of them has exactly one input, since it is enabled.
    let sets = pipelines.iter().filter_map(|pipeline| path_set(pipeline, working_directory)).map(Arc::new).collect();
    let scene = Scene { pipelines, sets, now_ns: unix_ns() };
    for (position, pipeline) in pipelines.iter().enumerate() {
        println!("pipeline {} on this machine, at first sight:", pipeline.name);
        let seen = look(&scene.sets[position], scene.now_ns);
        let mut lines: Vec<_> = seen.files.iter().map(|found| scene.describe_file(position, found)).collect();
        for (pattern, alone) in pattern_sets(pipeline, working_directory) {
            if !seen.files.iter().any(|found| alone.judge(&found.path).is_match()) {
                lines.push(format!("{pattern} matches no file"));
            }
        }
        lines.extend(describe_passed_over(&seen.passed_over));
        lines.extend(scene.sets[position].refused().map(describe_refused));
        lines.extend(seen.troubles.iter().map(|trouble| format!("{}: {}", shown(&trouble.path), trouble.message)));
        println!("{}\n", indented(&lines));
    }
    for path in paths {
        let path = normalise(path, working_directory);
        println!("{}{}", shown(&path), describe_kind(&path));
        println!("{}\n", indented(&scene.describe_path(&path)));
    }
}

/// Walks once through everything that a pipeline means.
fn look(set: &Arc<PathSet>, now_ns: i64) -> Seen {
    let mut seen = Seen::default();
    let mut walker = Walker::new(vec![set.clone()], Duration::from_secs(1));
    let polled = walker.poll(Instant::now(), now_ns, Duration::MAX);
    seen.files.extend(polled.changes.into_iter().filter_map(|change| match change {
        Change::Appeared(found) | Change::Replaced(found) => Some(found),
        Change::Vanished(_) => None,
    }));
    seen.files.sort_by(|a, b| a.path.cmp(&b.path));
    Seen { passed_over: polled.passed_over, troubles: polled.troubles, ..seen }
}

impl Scene<'_> {
    /// A file that a pipeline means, and what happens to it.
    fn describe_file(&self, position: usize, found: &Found) -> String {
        let ownership = self.ownership(&found.path);
        let what = match ownership.owner {
            Some(owner) if !ownership.readers.contains(&position) => self.describe_owner(owner, position, &found.path),
            _ => self.describe_first_read(position, &found.stat),
        };
        format!("{} ({}): {what}", shown(&found.path), size(found.stat.len.0))
    }

    fn describe_first_read(&self, position: usize, stat: &Stat) -> String {
        let Some(file) = file_input(&self.pipelines[position]) else { return String::new() };
        let tail_size_bytes = file.tail_size_kib << 10;
        match first_read(stat, self.now_ns, tail_size_bytes, file.tailing_all_matched_files, false) {
            FirstRead::FromStart => "read from the start".to_owned(),
            FirstRead::From(offset) => {
                format!(
                    "the last {} are read, {} before are skipped (TailSizeKB)",
                    size(tail_size_bytes),
                    size(offset.0)
                )
            }
            FirstRead::WhenWritten => format!(
                "not read until it is written to; that was last {} ago (TailingAllMatchedFiles: true reads it)",
                duration(self.now_ns.saturating_sub(stat.modified_ns)),
            ),
        }
    }

    /// Why a path is or is not collected, by each pipeline.
    fn describe_path(&self, path: &Path) -> Vec<String> {
        let ownership = self.ownership(path);
        let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        let describe = |(position, pipeline): (usize, &Pipeline)| {
            let verdict = self.sets[position].judge(path).describe();
            let outcome = match (ownership.owner, &metadata) {
                (Some(_), Some(metadata)) if ownership.readers.contains(&position) => {
                    format!("collected: {verdict}; {}", self.describe_first_read(position, &Stat::of(metadata)))
                }
                (Some(_), None) if ownership.readers.contains(&position) => format!("would be collected: {verdict}"),
                (Some(owner), _) if ownership.outranked.contains(&position) => {
                    format!("not collected: {verdict}, but {}", self.describe_owner(owner, position, path))
                }
                _ => format!("not collected: {verdict}"),
            };
            format!("pipeline {}: {outcome}", pipeline.name)
        };
        self.pipelines.iter().enumerate().map(describe).collect()
    }

    /// That another pipeline reads the file, and why that one.
    fn describe_owner(&self, owner: usize, position: usize, path: &Path) -> String {
        let base_len = |position: usize| match self.sets[position].judge(path) {
            Verdict::Matches { base_len, .. } => base_len,
            _ => 0,
        };
        let reason =
            if base_len(owner) > base_len(position) { "whose base directory is longer" } else { "which comes first" };
        format!("pipeline {} reads it, {reason}", self.pipelines[owner].name)
    }

    fn ownership(&self, path: &Path) -> Ownership {
        ownership(self.sets.iter().map(|set| &**set), path)
    }
}

fn describe_passed_over(passed_over: &HashMap<Verdict, PassedOver>) -> Vec<String> {
    let mut reasons: Vec<_> = passed_over.iter().collect();
    reasons.sort_by_key(|(_, passed)| (std::cmp::Reverse(passed.count), &passed.example));
    let describe = |(verdict, passed): (&Verdict, &PassedOver)| {
        format!("passed over {}, such as {}: {}", passed.count, shown(&passed.example), verdict.describe())
    };
    reasons.into_iter().map(describe).collect()
}

fn describe_refused(pattern: &str) -> String {
    Verdict::RootNotAllowed { pattern: pattern.into() }.describe()
}

/// What is at a path, if it is not a file.
fn describe_kind(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => format!(" ({})", size(metadata.len())),
        Ok(metadata) if metadata.is_dir() => " (a directory; what follows holds for a file of this path)".to_owned(),
        Ok(_) => " (neither a file nor a directory: it is never read)".to_owned(),
        Err(error) => format!(" (cannot be looked at: {error})"),
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// A path in one line.
fn shown(path: &Path) -> String {
    let chars = path.to_string_lossy();
    let shown =
        chars.chars().map(|char| if char.is_control() { char.escape_default().to_string() } else { char.into() });
    shown.collect()
}

/// A number of bytes as a person says it.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    format!("{value:.1} {}", units[unit])
}

/// An age as a person says it.
fn duration(ns: i64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        ..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        let sizes = [0, 1, 1023, 1024, 1536, 3 << 20, 5 << 40].map(size);
        assert_eq!(sizes, ["0 bytes", "1 byte", "1023 bytes", "1.0 KiB", "1.5 KiB", "3.0 MiB", "5.0 TiB"]);
        let durations = [121, 7200, 200_000].map(|seconds| duration(seconds * 1_000_000_000));
        assert_eq!(durations, ["2 minutes", "2 hours", "2 days"]);
        assert_eq!(shown(Path::new("/a\nb\u{1b}")), r"/a\nb\u{1b}");
    }
}
