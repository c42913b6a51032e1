//! Alarms: what a person should hear of, limited in rate so that the log stays readable.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::event::Offset;

/// Writes alarms to the log.
///
/// Of each kind from each place, a few are written in a while and the others only counted; the count is written with the
/// next one, or by [`Self::finish`].
#[derive(Debug)]
pub struct Alarms {
    window: Duration,
    lines_per_window: u32,
    counts: Mutex<HashMap<Topic, Count>>,
    /// Lines that are kept instead of written to the log.
    kept: Option<Mutex<Vec<String>>>,
}

/// Something that a person should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The kind, in capitals.
    pub kind: String,
    /// The pipeline.
    pub pipeline: String,
    /// The part of the pipeline, such as `processors[1] (processor_strptime)`. Empty for the pipeline as a whole.
    pub part: String,
    /// The file and the offset of the record that it is about.
    pub place: Option<(PathBuf, Option<Offset>)>,
    /// What is wrong, in one line.
    pub message: String,
    /// How many events it stands for.
    pub occurrences: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Topic {
    kind: String,
    pipeline: String,
    part: String,
}

#[derive(Debug)]
struct Count {
    window_start: Instant,
    written: u32,
    suppressed: u64,
}

impl Alarms {
    /// Alarms of an agent that runs for long: a few lines per kind and place in half a minute, as LoongCollector does.
    pub fn for_long_runs() -> Self {
        Self::new(Duration::from_secs(30))
    }

    /// Alarms of a command that ends: a few lines per kind and place in all.
    pub fn for_one_command() -> Self {
        Self::new(Duration::MAX)
    }

    /// As [`Self::for_one_command`], but the lines are kept for [`Self::take_lines`], as the log would have them.
    pub fn kept() -> Self {
        Self { kept: Some(Mutex::default()), ..Self::for_one_command() }
    }

    /// Alarms that nobody needs to hear of.
    pub fn silent() -> Self {
        Self { lines_per_window: 0, ..Self::new(Duration::MAX) }
    }

    fn new(window: Duration) -> Self {
        Self { window, lines_per_window: LINES_PER_WINDOW, counts: Mutex::default(), kept: None }
    }

    /// Writes or counts an alarm.
    pub fn raise(&self, alarm: &Alarm) {
        let topic = Topic { kind: alarm.kind.clone(), pipeline: alarm.pipeline.clone(), part: alarm.part.clone() };
        let now = Instant::now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = if counts.len() < MAX_TOPICS || counts.contains_key(&topic) {
            topic
        } else {
            Topic { kind: "OTHER_ALARM".to_owned(), ..topic }
        };
        let count = counts.entry(topic).or_insert(Count { window_start: now, written: 0, suppressed: 0 });
        if now.duration_since(count.window_start) >= self.window {
            *count = Count { window_start: now, written: 0, suppressed: count.suppressed };
        }
        if count.written == self.lines_per_window {
            count.suppressed += alarm.occurrences;
            return;
        }
        count.written += 1;
        // What this line stands for without showing it: the rest of its own events, and those held back before.
        let more = std::mem::take(&mut count.suppressed) + alarm.occurrences - 1;
        drop(counts);
        self.write(&alarm.pipeline, format_args!("{alarm}{}", More(more)));
    }

    /// Writes how many alarms were only counted.
    pub fn finish(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, count) in counts.drain().filter(|(_, count)| count.suppressed > 0) {
            let Topic { kind, pipeline, part } = topic;
            self.write(&pipeline, format_args!("{kind} in {part}: {} more like it", count.suppressed));
        }
    }

    /// The lines that were kept since the last call; none if they are written to the log.
    pub fn take_lines(&self) -> Vec<String> {
        let kept = self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    fn write(&self, pipeline: &str, line: fmt::Arguments<'_>) {
        let Some(kept) = &self.kept else {
            warn!(pipeline = named(pipeline), "{line}");
            return;
        };
        let pipeline = named(pipeline).map(|pipeline| format!(" pipeline={pipeline:?}")).unwrap_or_default();
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(format!("WARN {line}{pipeline}"));
    }
}

/// The name of a pipeline, for a log that leaves out what there is none of.
fn named(pipeline: &str) -> Option<&str> {
    (!pipeline.is_empty()).then_some(pipeline)
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.part.is_empty() {
            write!(f, " in {}", self.part)?;
        }
        match &self.place {
            Some((path, Some(offset))) => write!(f, " at {}, offset {}", path.display(), offset.0)?,
            Some((path, None)) => write!(f, " at {}", path.display())?,
            None => {}
        }
        write!(f, ": {}", self.message)
    }
}

struct More(u64);

impl fmt::Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, " (and {} more)", self.0) }
    }
}

/// So many lines of one kind from one place are written before the others are only counted.
const LINES_PER_WINDOW: u32 = 5;

/// Beyond so many kinds and places, what is new shares one count a place, so that a processor that makes up kinds cannot fill
/// log and memory.
const MAX_TOPICS: usize = 1000;
