//! Writes and rotates all streams, on a thread of its own, not much further than what arrived.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::random::Random;
use super::saved;
use super::stream::{Scheme, Stream};

/// What the writer and those who watch the agent share.
#[derive(Debug)]
pub struct Shared {
    streams: Vec<Written>,
    /// An agent runs.
    pub is_up: AtomicBool,
    /// All files are known to an agent.
    pub may_rotate: AtomicBool,
    /// Nothing more is to be written.
    pub is_over: AtomicBool,
}

/// What was written to one stream, and what of it arrived.
#[derive(Debug, Default)]
struct Written {
    /// Where each line ends, counted in bytes from the start of the stream.
    ends: Mutex<Vec<u64>>,
    arrived_bytes: AtomicU64,
}

/// Where the files are, and what may be done to them.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Says everything about what is written, but not when.
    pub seed: u64,
    /// The path of each stream.
    pub paths: Vec<PathBuf>,
    /// How files are rotated.
    pub schemes: Vec<Scheme>,
    /// Where the agent keeps its checkpoints: they say what may be deleted.
    pub data_dir: PathBuf,
}

impl Spec {
    /// How a stream is rotated. Nobody both renames and copies a file, so that of six streams two are copied, if the others
    /// are not.
    fn schemes_of(&self, stream: usize) -> Vec<Scheme> {
        let is_copied = |scheme: &Scheme| *scheme == Scheme::Copied;
        let both = self.schemes.iter().any(is_copied) && !self.schemes.iter().all(is_copied);
        let wanted = |scheme: &Scheme| !both || is_copied(scheme) == (stream % 6 >= 4);
        self.schemes.iter().copied().filter(wanted).collect()
    }
}

/// How often files were rotated, by scheme.
pub type Rotations = BTreeMap<Scheme, u64>;

impl Shared {
    /// Nothing was written yet.
    pub fn new(streams: usize) -> Self {
        let streams = (0..streams).map(|_| Written::default()).collect();
        let [is_up, may_rotate, is_over] = [const { AtomicBool::new(false) }; 3];
        Self { streams, is_up, may_rotate, is_over }
    }

    /// How many lines were written to each stream.
    pub fn lines(&self) -> Vec<u32> {
        self.streams.iter().map(|stream| stream.ends().len() as u32).collect()
    }

    /// How many bytes were written to each stream, in whole lines.
    pub fn bytes(&self) -> Vec<u64> {
        self.streams.iter().map(|stream| stream.ends().last().copied().unwrap_or(0)).collect()
    }

    /// How many whole lines the first bytes of a stream are.
    pub fn lines_within(&self, stream: usize, bytes: u64) -> u32 {
        self.streams[stream].ends().partition_point(|end| *end <= bytes) as u32
    }

    /// Where a line begins, counted in bytes from the start of its stream.
    pub fn start_of(&self, stream: usize, line: u32) -> u64 {
        let before = (line as usize).checked_sub(1);
        before.and_then(|before| self.streams[stream].ends().get(before).copied()).unwrap_or(0)
    }

    /// Says that the line with this number is the last that arrived of a stream.
    pub fn arrived(&self, stream: usize, line: u32) {
        let written = &self.streams[stream];
        let end = written.ends().get(line as usize).copied().unwrap_or(0);
        written.arrived_bytes.fetch_max(end, Ordering::Relaxed);
    }

    /// Whether the last line of each stream has arrived.
    pub fn is_delivered(&self) -> bool {
        let last = |stream: &Written| stream.ends().last().copied().unwrap_or(0);
        self.streams.iter().all(|stream| stream.arrived_bytes.load(Ordering::Relaxed) >= last(stream))
    }

    fn behind_bytes(&self) -> u64 {
        let behind = |stream: &Written| {
            let written = stream.ends().last().copied().unwrap_or(0);
            written.saturating_sub(stream.arrived_bytes.load(Ordering::Relaxed))
        };
        self.streams.iter().map(behind).sum()
    }
}

impl Written {
    fn ends(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes until it is told that it is over, and returns how it rotated.
///
/// # Errors
/// Those of the file system.
pub fn write(spec: &Spec, shared: &Shared) -> Result<Rotations> {
    let mut random = Random::new(spec.seed);
    let mut streams = Vec::new();
    for (number, path) in spec.paths.iter().enumerate() {
        let state = Stream::new(spec.seed, number, path.clone())?;
        streams.push(Writer {
            spec,
            shared,
            number,
            stream: state,
            random: random.fork(),
            rotations: 0,
            rotated: Instant::now(),
            leaving: None,
            since: None,
        });
    }
    let mut sum = Rotations::new();
    while !shared.is_over.load(Ordering::Relaxed) {
        let writer = &mut streams[random.between(0, spec.paths.len() as u64 - 1) as usize];
        if shared.behind_bytes() < MAX_BEHIND_BYTES {
            if let Some(scheme) = writer.step()? {
                *sum.entry(scheme).or_default() += 1;
            }
            thread::sleep(Duration::from_micros(random.between(0, MAX_PAUSE_US)));
        } else {
            thread::sleep(Duration::from_millis(1));
        }
        // A line that is written in part for long would be taken as it is.
        for writer in &mut streams {
            if writer.since.is_some_and(|since| since.elapsed() > LONGEST_PART) {
                writer.settle()?;
            }
        }
    }
    for writer in &mut streams {
        writer.settle()?;
    }
    Ok(sum)
}

struct Writer<'a> {
    spec: &'a Spec,
    shared: &'a Shared,
    number: usize,
    stream: Stream,
    random: Random,
    /// So many are to come shortly one after the other.
    rotations: u64,
    /// The file is to be deleted, as soon as it was delivered.
    leaving: Option<Instant>,
    /// When it rotated last.
    rotated: Instant,
    /// When a line was begun that is written in part.
    since: Option<Instant>,
}

impl Writer<'_> {
    /// Writes some lines and may rotate. Returns how.
    fn step(&mut self) -> io::Result<Option<Scheme>> {
        if let Some(since) = self.leaving {
            let is_delivered = self.saved_bytes() >= self.stream.written_bytes();
            if is_delivered {
                self.stream.rotate(Scheme::Deleted)?;
                self.rotated = Instant::now();
            }
            self.leaving = (!is_delivered && since.elapsed() < LONGEST_LEAVE).then_some(since);
            return Ok(is_delivered.then_some(Scheme::Deleted));
        }
        let in_part = self.random.once_in(4);
        let lines = if self.random.once_in(50) { self.random.between(500, 3000) } else { self.random.between(1, 60) };
        let ends = self.stream.write(lines, in_part)?;
        self.wrote(&ends);
        if self.rotations == 0 {
            let is_up = self.shared.is_up.load(Ordering::Relaxed);
            if !self.random.once_in(if is_up { 60 } else { 25 }) {
                return Ok(None);
            }
            self.rotations = if self.random.once_in(4) { self.random.between(2, 10) } else { 1 };
        }
        if !self.shared.may_rotate.load(Ordering::Relaxed) {
            return Ok(None);
        }
        // The clocks of file systems must tell which file is older.
        if self.rotated.elapsed() < CLOCK_TICK {
            return Ok(None);
        }
        self.rotations -= 1;
        self.rotate()
    }

    fn rotate(&mut self) -> io::Result<Option<Scheme>> {
        let saved_bytes = if self.stream.rotated() > KEPT { self.saved_bytes() } else { 0 };
        self.stream.prune(KEPT, saved_bytes)?;
        let scheme = self.random.one_of(&self.spec.schemes_of(self.number));
        if scheme == Scheme::Copied && self.rotated.elapsed() < COPY_TIME {
            return Ok(None);
        }
        if scheme == Scheme::Copied || scheme == Scheme::Deleted {
            // Else the line would begin in one file and end in another.
            self.settle()?;
        }
        if scheme == Scheme::Deleted && self.saved_bytes() < self.stream.written_bytes() {
            self.leaving = Some(Instant::now());
            return Ok(None);
        }
        self.stream.rotate(scheme)?;
        self.rotated = Instant::now();
        Ok(Some(scheme))
    }

    fn settle(&mut self) -> io::Result<()> {
        let end = self.stream.settle()?;
        self.wrote(&Vec::from_iter(end));
        Ok(())
    }

    fn wrote(&mut self, ends: &[u64]) {
        self.shared.streams[self.number].ends().extend_from_slice(ends);
        self.since = self.stream.has_part().then(Instant::now);
    }

    /// How much of the stream the checkpoints cover. Nothing, if they cannot be read now.
    fn saved_bytes(&self) -> u64 {
        let ledgers = saved::ledgers(&self.spec.data_dir, self.spec.paths.len());
        ledgers.map_or(0, |ledgers| ledgers[self.number].acknowledged)
    }
}

/// Rotated files that are kept even if they were delivered.
const KEPT: usize = 4;

/// How much may be written and not have arrived.
const MAX_BEHIND_BYTES: u64 = 6 << 20;

/// How long two files must be apart to have different times of birth: what Linux' slowest clock takes for two ticks.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// How long a file is left alone before it is copied and truncated: the agent waits two seconds for the end of a copy before it
/// goes on with what was written since. Lines of copies that come faster may arrive out of order.
const COPY_TIME: Duration = Duration::from_secs(4);

/// Between two steps, at most.
const MAX_PAUSE_US: u64 = 6_000;

/// How long a file waits to be deleted.
const LONGEST_LEAVE: Duration = Duration::from_secs(1);

/// A line is written in part no longer than this. The agent takes it as it is after two seconds in a renamed file.
const LONGEST_PART: Duration = Duration::from_millis(400);
