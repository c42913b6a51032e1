//! Keeps the events at which processors failed, each in a file of its own, within bounds.
//!
//! Workers hand a case over and go on: a thread writes it. There is no waiting for that thread, no file for more than a few
//! events of one processor in a minute, and never more bytes on disk than allowed, for which the oldest files go first. What
//! is not kept is counted by its reason, and a disk that takes nothing raises `QUARANTINE_ALARM`.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use tracing::info;

use super::machine::unix_seconds;
use super::private_dir;
use crate::processor::quarantine::{Case, Quarantine};
use crate::processor::recording::{End, Header, Kind, Outcome, RecordedBatch, encode_batch, encode_end, encode_header};
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::counter::{Counter, Totals};

/// A directory of events at which processors failed. When it is dropped, what was handed over is on disk.
#[derive(Debug)]
pub struct QuarantineDirectory {
    /// `None` when it is over.
    orders: Option<Sender<Order>>,
    /// Closed when all is written.
    done: Receiver<Infallible>,
    allowances: Mutex<HashMap<(String, String), Allowance>>,
    counters: Arc<QuarantineCounters>,
}

/// What became of events at which processors failed. Each is counted once.
#[derive(Debug, Default)]
pub struct QuarantineCounters {
    /// They were written to files.
    pub kept_events: Counter,
    /// There were too many of their processor in a minute.
    pub limited_events: Counter,
    /// Too many others waited to be written.
    pub skipped_events: Counter,
    /// They alone have more bytes than the directory may have.
    pub oversized_events: Counter,
    /// The disk did not take them.
    pub failed_events: Counter,
    /// Files that went for newer ones.
    pub removed_files: Counter,
    /// Files that are there now, as far as the agent knows.
    files: AtomicU64,
    /// Their bytes.
    bytes: AtomicU64,
}

/// An event to be written.
struct Order {
    header: Header,
    batch: RecordedBatch,
}

/// What a processor may still have kept.
#[derive(Debug)]
struct Allowance {
    since: Instant,
    taken: u32,
}

/// Writes files, and removes old ones.
struct Writer {
    path: PathBuf,
    directory: Dir,
    /// The files, the oldest first, with their lengths.
    files: VecDeque<(String, u64)>,
    bytes: u64,
    max_bytes: u64,
    /// The time in the name of the newest file.
    last_millis: u64,
    counters: Arc<QuarantineCounters>,
    alarms: Arc<Alarms>,
}

impl QuarantineDirectory {
    /// Keeps events below a data directory, in files that have at most `max_bytes` together.
    ///
    /// # Errors
    /// The directory, and why it cannot be used.
    pub fn open(data_dir: &Path, max_bytes: u64, alarms: &Arc<Alarms>) -> Result<Self, (PathBuf, io::Error)> {
        let path = data_dir.join(QUARANTINE);
        let directory = private_dir::open(path.clone())?;
        let counters = Arc::new(QuarantineCounters::default());
        let (orders, received) = bounded(WAITING_EVENTS);
        let (undone, done) = bounded(0);
        let start = || {
            let mut writer = Writer::new(path.clone(), directory, max_bytes, &counters, alarms)?;
            let write = move || {
                received.iter().for_each(|order| writer.put(order));
                drop::<Sender<Infallible>>(undone);
            };
            thread::Builder::new().name("quarantine".to_owned()).spawn(write)
        };
        start().map_err(|error| (path, error))?;
        Ok(Self { orders: Some(orders), done, allowances: Mutex::default(), counters })
    }

    fn is_allowed(&self, case: &Case<'_>, now: Instant) -> bool {
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (case.pipeline.to_owned(), case.stage.name.clone());
        // Those of processors that went are forgotten with those that had nothing for a while.
        if allowances.len() >= MAX_ALLOWANCES && !allowances.contains_key(&of) {
            allowances.retain(|_, allowance| now.duration_since(allowance.since) < ALLOWANCE_TIME);
        }
        allowances.entry(of).or_insert(Allowance { since: now, taken: 0 }).take(now)
    }
}

impl Quarantine for QuarantineDirectory {
    fn keep(&self, case: &Case<'_>) {
        let events = case.batch.len() as u64;
        if !self.is_allowed(case, Instant::now()) {
            return self.counters.limited_events.add(events);
        }
        let Some(orders) = &self.orders else { return };
        let header = Header::new(Kind::Quarantine, case.pipeline, case.stage, unix_seconds());
        let batch = RecordedBatch::new(case.batch.clone(), Outcome::Fault(case.fault.clone().into()));
        match orders.try_send(Order { header, batch }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.counters.skipped_events.add(events),
        }
    }

    fn totals(&self) -> Totals {
        self.counters.totals()
    }
}

impl Drop for QuarantineDirectory {
    fn drop(&mut self) {
        self.orders = None;
        // A disk that hangs does not keep the agent from ending.
        let _ = self.done.recv_timeout(PATIENCE);
        let Totals(totals) = self.counters.totals();
        if totals.iter().any(|(name, total)| name.ends_with("_total") && *total > 0) {
            info!("quarantine: {}", Totals(totals));
        }
    }
}

impl QuarantineCounters {
    /// All of them.
    pub fn totals(&self) -> Totals {
        let all = [
            ("quarantine_kept_events_total", &self.kept_events),
            ("quarantine_limited_events_total", &self.limited_events),
            ("quarantine_skipped_events_total", &self.skipped_events),
            ("quarantine_oversized_events_total", &self.oversized_events),
            ("quarantine_failed_events_total", &self.failed_events),
            ("quarantine_removed_files_total", &self.removed_files),
        ];
        let now = [("quarantine_files", &self.files), ("quarantine_bytes", &self.bytes)];
        let all = all.into_iter().map(|(name, counter)| (name, counter.total()));
        Totals(all.chain(now.map(|(name, number)| (name, number.load(Ordering::Relaxed)))).collect())
    }
}

impl Allowance {
    /// Takes one, unless there is none left for this minute.
    fn take(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= ALLOWANCE_TIME {
            *self = Self { since: now, taken: 0 };
        }
        let is_left = self.taken < EVENTS_PER_MINUTE;
        self.taken += u32::from(is_left);
        is_left
    }
}

impl Writer {
    fn new(
        path: PathBuf,
        directory: Dir,
        max_bytes: u64,
        counters: &Arc<QuarantineCounters>,
        alarms: &Arc<Alarms>,
    ) -> io::Result<Self> {
        let (counters, alarms) = (Arc::clone(counters), Arc::clone(alarms));
        let mut writer =
            Self { path, directory, files: VecDeque::new(), bytes: 0, max_bytes, last_millis: 0, counters, alarms };
        writer.take_stock()?;
        Ok(writer)
    }

    /// Finds out what is there.
    fn take_stock(&mut self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in self.directory.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match name.strip_suffix(SUFFIX) {
                // One that was being written when an earlier agent was killed.
                None if name.ends_with(UNFINISHED) => self.directory.remove_file(&name)?,
                Some(_) => files.push((name, entry.metadata()?.len())),
                None => {}
            }
        }
        files.sort();
        self.bytes = files.iter().map(|(_, bytes)| bytes).sum();
        let last: Option<u64> = files.last().and_then(|(name, _)| name.strip_suffix(SUFFIX)?.parse().ok());
        self.last_millis = self.last_millis.max(last.unwrap_or(0));
        self.files = files.into();
        self.show();
        Ok(())
    }

    /// Has others see what is there.
    fn show(&self) {
        self.counters.files.store(self.files.len() as u64, Ordering::Relaxed);
        self.counters.bytes.store(self.bytes, Ordering::Relaxed);
    }

    fn put(&mut self, order: Order) {
        let events = order.batch.event_count() as u64;
        let alarm = |message: String| Alarm {
            kind: "QUARANTINE_ALARM".to_owned(),
            pipeline: order.header.pipeline.clone(),
            part: order.header.stage_name(),
            place: None,
            message,
            occurrences: events,
        };
        let mut text = Vec::new();
        encode_header(order.header.clone(), &mut text);
        let fits = encode_batch(order.batch, &mut text);
        encode_end(End { batches: 1, skipped_batches: 0, reason: "complete".to_owned() }, &mut text);
        if !fits || text.len() as u64 > self.max_bytes {
            self.counters.oversized_events.add(events);
            let message =
                format!("an event at which it failed is not kept: it takes more than {} bytes", self.max_bytes);
            return self.alarms.raise(&alarm(message));
        }
        let written = match self.write(&text) {
            // Somebody has cleared it away as a whole.
            Err(error) if error.kind() == ErrorKind::NotFound => self.open_again().and_then(|()| self.write(&text)),
            written => written,
        };
        self.show();
        match written {
            Ok(()) => self.counters.kept_events.add(events),
            Err(error) => {
                self.counters.failed_events.add(events);
                self.alarms.raise(&alarm(format!("an event at which it failed is not kept: {error}")));
            }
        }
    }

    fn open_again(&mut self) -> io::Result<()> {
        self.directory = private_dir::open(self.path.clone()).map_err(|(_, error)| error)?;
        self.take_stock()
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let len = text.len() as u64;
        while self.bytes + len > self.max_bytes || self.files.len() >= MAX_FILES {
            self.remove_oldest()?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
        // Later files have larger names, whatever becomes of the clock.
        self.last_millis = now.max(self.last_millis + 1);
        let name = format!("{:013}{SUFFIX}", self.last_millis);
        let unfinished = format!("{name}{UNFINISHED}");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = self.directory.open_with(&unfinished, &options).and_then(|mut file| file.write_all(text));
        if let Err(error) = written.and_then(|()| self.directory.rename(&unfinished, &self.directory, &name)) {
            // What is left of it goes, if that is possible, or with the next start.
            let _ = self.directory.remove_file(&unfinished);
            return Err(error);
        }
        self.files.push_back((name, len));
        self.bytes += len;
        Ok(())
    }

    fn remove_oldest(&mut self) -> io::Result<()> {
        let Some((name, len)) = self.files.front() else { return Ok(()) };
        match self.directory.remove_file(name) {
            Ok(()) => self.counters.removed_files.add(1),
            // Somebody has cleared it away.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.bytes -= len;
        self.files.pop_front();
        Ok(())
    }
}

/// The directory below the data directory.
pub const QUARANTINE: &str = "quarantine";

/// How the names of recordings end.
pub const SUFFIX: &str = ".jsonl";

/// What is added to the name of a file that is being written.
pub(crate) const UNFINISHED: &str = ".part";

/// Events that may wait to be written.
const WAITING_EVENTS: usize = 16;

/// Events of one processor that are kept in a minute: one is enough to find out, and a few tell whether they are alike.
const EVENTS_PER_MINUTE: u32 = 10;
const ALLOWANCE_TIME: Duration = Duration::from_secs(60);

/// Processors of which it is known at once how many events they had kept.
const MAX_ALLOWANCES: usize = 1000;

/// More files make a directory slow to list.
const MAX_FILES: usize = 10_000;

/// How long the end of the agent waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::event::testing::batch;
    use crate::processor::fault::{Fault, FaultKind};
    use crate::processor::recording::Reader;
    use crate::processor::recording::testing::header;

    fn order(line: &str) -> Order {
        let fault = Fault::new(FaultKind::Trap, "trapped");
        Order { header: header(), batch: RecordedBatch::new(batch(&[line]), Outcome::Fault(fault.into())) }
    }

    fn writer(path: &Path, max_bytes: u64) -> Writer {
        let directory = private_dir::open(path.to_owned()).unwrap();
        Writer::new(path.to_owned(), directory, max_bytes, &Arc::default(), &Arc::new(Alarms::for_one_command()))
            .unwrap()
    }

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_event_is_a_file_that_only_its_owner_can_read() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("quarantine");
        let mut writer = writer(&path, 1 << 20);
        writer.put(order("a line"));
        let [name] = <[String; 1]>::try_from(names(&path)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(&name))), (0o700, 0o600));
        let text = std::fs::read(path.join(name)).unwrap();
        let mut reader = Reader::new(&*text).unwrap();
        assert_eq!(reader.next_batch().unwrap(), Some(order("a line").batch));
        assert_eq!(reader.next_batch().unwrap(), None);
        assert_eq!(writer.counters.kept_events.total(), 1);
    }

    #[test]
    fn the_oldest_files_go_first() {
        let scratch = tempfile::tempdir().unwrap();
        let mut text = Vec::new();
        let mut first = writer(scratch.path(), 1 << 20);
        first.put(order("a line"));
        text.extend(std::fs::read(scratch.path().join(&names(scratch.path())[0])).unwrap());
        std::fs::write(scratch.path().join("0000000000001.jsonl.part"), "cut off").unwrap();
        std::fs::write(scratch.path().join("notes.txt"), "of a person").unwrap();

        // Room for three. The one that is there counts, and one that somebody cleared away is no trouble.
        let mut writer = writer(scratch.path(), 3 * text.len() as u64 + 10);
        let before = names(scratch.path());
        assert_eq!(before.len(), 2, "what was cut off is gone: {before:?}");
        (0..2).for_each(|_| writer.put(order("a line")));
        let full = names(scratch.path());
        std::fs::remove_file(scratch.path().join(&full[0])).unwrap();
        (0..2).for_each(|_| writer.put(order("a line")));
        let now = names(scratch.path());
        assert_eq!((now.len(), &now[0]), (4, &full[2]), "{full:?} {now:?}");
        assert_eq!((writer.counters.kept_events.total(), writer.counters.removed_files.total()), (4, 1));
        assert!(now.contains(&"notes.txt".to_owned()));

        writer.put(order(&"x".repeat(10_000)));
        assert_eq!((writer.counters.oversized_events.total(), names(scratch.path()) == now), (1, true));
    }

    #[test]
    fn a_disk_that_takes_nothing_is_counted() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("quarantine");
        let mut writer = writer(&path, 1 << 20);
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "in its place").unwrap();
        writer.put(order("a line"));
        assert_eq!((writer.counters.kept_events.total(), writer.counters.failed_events.total()), (0, 1));
        // Once it is gone, all is well again.
        std::fs::remove_file(&path).unwrap();
        writer.put(order("a line"));
        assert_eq!((writer.counters.kept_events.total(), names(&path).len()), (1, 1));
    }

    #[test]
    fn a_directory_that_vanishes_is_made_anew() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("quarantine");
        let mut writer = writer(&path, 1 << 20);
        let there = |writer: &Writer| {
            let Totals(totals) = writer.counters.totals();
            let total = |name: &str| totals.iter().find(|(known, _)| *known == name).map(|(_, total)| *total);
            total("quarantine_files").zip(total("quarantine_bytes"))
        };
        (0..2).for_each(|_| writer.put(order("a line")));
        let bytes = there(&writer).map_or(0, |(_, bytes)| bytes);
        assert_eq!(there(&writer), Some((2, bytes)));
        std::fs::remove_dir_all(&path).unwrap();
        writer.put(order("a line"));
        assert_eq!((writer.counters.kept_events.total(), names(&path).len()), (3, 1));
        assert_eq!((there(&writer), writer.bytes), (Some((1, bytes / 2)), bytes / 2));
    }

    #[test]
    fn a_processor_has_a_few_events_kept_in_a_minute() {
        let start = Instant::now();
        let mut allowance = Allowance { since: start, taken: 0 };
        let mut taken =
            |seconds| (0..1_000_000).filter(|_| allowance.take(start + Duration::from_secs(seconds))).count() as u32;
        assert_eq!(
            [0, 59, 60, 119, 300].map(&mut taken),
            [EVENTS_PER_MINUTE, 0, EVENTS_PER_MINUTE, 0, EVENTS_PER_MINUTE]
        );
    }
}
