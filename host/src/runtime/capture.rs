//! Writes live batches of a processor to a file, while somebody wants that.
//!
//! The agent chooses the file, in a directory of its own below its data directory: who asks can have nothing written
//! anywhere else. A thread listens at the processor's tap and writes; batches that it is too slow for are skipped.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::machine::unix_seconds;
use super::private_dir;
use super::quarantine::{SUFFIX, UNFINISHED};
use crate::processor::recording::{End, Header, Kind, encode_batch, encode_end, encode_header};
use crate::processor::stage::Stage;
use crate::processor::tap::Listener;

/// What is to be captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureOrder {
    /// The place of a processor, such as `processors[1]`, or its type.
    pub processor: String,
    /// Its pipeline; `None` if the processor is the only one that is called so.
    pub pipeline: Option<String>,
    /// After so many batches it is over; `None` for any number.
    pub batches: Option<u64>,
    /// After so many seconds it is over.
    pub seconds: u64,
    /// When the file would have more bytes, it is over.
    pub max_bytes: u64,
}

/// A capture that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The name of the file, once it is complete.
    pub file: String,
    /// The pipeline.
    pub pipeline: String,
    /// The processor, as logs name it.
    pub processor: String,
}

/// Captures that are under way. When this is dropped, they come to their end.
#[derive(Debug)]
pub(super) struct Captures {
    path: PathBuf,
    is_over: Arc<AtomicBool>,
    under_way: Mutex<Vec<UnderWay>>,
}

/// A capture that is under way, as others see it.
#[derive(Debug)]
struct UnderWay {
    thread: JoinHandle<()>,
    reserved: Reserved,
}

/// What a file will have at most.
#[derive(Debug)]
struct Reserved {
    name: String,
    bytes: u64,
}

/// A capture that is under way.
struct Capture {
    order: CaptureOrder,
    header: Header,
    listener: Listener,
    directory: Dir,
    name: String,
    is_over: Arc<AtomicBool>,
}

impl Captures {
    /// Captures to files below a data directory.
    pub(super) fn new(data_dir: &std::path::Path) -> Self {
        Self { path: data_dir.join(CAPTURES), is_over: Arc::default(), under_way: Mutex::default() }
    }

    /// Begins to capture one of `stages`, which are those that run, each with its pipeline.
    pub(super) fn begin(&self, order: CaptureOrder, stages: &[(String, Arc<Stage>)]) -> Result<Begun, String> {
        let names: Vec<(&str, &str)> = stages.iter().map(|(pipeline, stage)| (&**pipeline, &*stage.name)).collect();
        let (pipeline, stage) = &stages[choose(&names, &order)?];
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|work| !work.thread.is_finished());
        if under_way.len() >= CAPTURES_AT_ONCE {
            return Err(format!("{CAPTURES_AT_ONCE} captures are under way; wait for one to end"));
        }
        let order = CaptureOrder {
            max_bytes: order.max_bytes.min(LARGEST_BYTES),
            seconds: order.seconds.min(LONGEST_SECONDS),
            ..order
        };
        let in_vain = |error: io::Error| format!("cannot capture to {}: {error}", self.path.display());
        let directory = private_dir::open(self.path.clone()).map_err(|(_, error)| in_vain(error))?;
        let reserved: Vec<&Reserved> = under_way.iter().map(|work| &work.reserved).collect();
        let there = bytes_in(&directory, &reserved).map_err(in_vain)?;
        if there + order.max_bytes > MOST_BYTES {
            let path = self.path.display();
            return Err(format!("{path} has {there} bytes of captures and may have {MOST_BYTES}: remove some first"));
        }
        let listener = Listener::new(stage, WAITING_BYTES).ok_or("it is being captured already")?;
        let header = Header::new(Kind::Capture, pipeline, stage, unix_seconds());
        let (name, file) = create(&directory).map_err(in_vain)?;
        let begun = Begun { file: name.clone(), pipeline: pipeline.clone(), processor: stage.name.clone() };
        let reserved = Reserved { name: name.clone(), bytes: order.max_bytes };
        let capture = Capture { order, header, listener, directory, name, is_over: Arc::clone(&self.is_over) };
        let thread = thread::Builder::new().name("capture".to_owned()).spawn(move || capture.run(file));
        under_way.push(UnderWay { thread: thread.map_err(in_vain)?, reserved });
        Ok(begun)
    }
}

impl Drop for Captures {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let under_way = self.under_way.get_mut().unwrap_or_else(PoisonError::into_inner);
        under_way.drain(..).for_each(|work| drop(work.thread.join()));
    }
}

impl Capture {
    fn run(self, file: File) {
        let unfinished = format!("{}{UNFINISHED}", self.name);
        let (directory, name) = (self.directory.try_clone(), self.name.clone());
        let written = self.write(file);
        let finished = directory.and_then(|directory| match written {
            Ok(()) => directory.rename(&unfinished, &directory, &name),
            Err(error) => directory.remove_file(&unfinished).and(Err(error)),
        });
        if let Err(error) = finished {
            warn!(file = name, %error, "a capture failed");
        }
    }

    fn write(self, file: File) -> io::Result<()> {
        let mut file = BufWriter::new(file);
        let mut text = Vec::new();
        encode_header(self.header, &mut text);
        file.write_all(&text)?;
        let deadline = Instant::now() + Duration::from_secs(self.order.seconds);
        let (mut written_bytes, mut batches, mut unwritable) = (text.len() as u64, 0, 0);
        let reason = loop {
            if self.order.batches == Some(batches) {
                break "batches";
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break "seconds";
            }
            if self.is_over.load(Ordering::Relaxed) {
                break "the agent stopped";
            }
            let Some(batch) = self.listener.next(left.min(STOP_CHECK_INTERVAL)) else { continue };
            text.clear();
            if !encode_batch(batch, &mut text) {
                unwritable += 1;
                continue;
            }
            if written_bytes + text.len() as u64 > self.order.max_bytes {
                unwritable += 1;
                break "bytes";
            }
            file.write_all(&text)?;
            written_bytes += text.len() as u64;
            batches += 1;
        };
        let skipped_batches = self.listener.skipped_batches() + unwritable;
        drop(self.listener);
        text.clear();
        encode_end(End { batches, skipped_batches, reason: reason.to_owned() }, &mut text);
        file.write_all(&text)?;
        file.flush()
    }
}

/// Which of the processors that run is meant, each being given by its pipeline and its name.
fn choose(all: &[(&str, &str)], order: &CaptureOrder) -> Result<usize, String> {
    let is_meant = |(pipeline, name): &(&str, &str)| {
        let (place, rest) = name.split_once(" (").unwrap_or((name, ""));
        let is_called = [*name, place, rest.trim_end_matches(')')].contains(&&*order.processor);
        is_called && order.pipeline.as_deref().is_none_or(|wanted| wanted == *pipeline)
    };
    let list = |names: &[&(&str, &str)]| {
        let names: Vec<String> = names.iter().map(|(pipeline, name)| format!("{name} of {pipeline}")).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let found: Vec<usize> = (0..all.len()).filter(|index| is_meant(&all[*index])).collect();
    match *found {
        [one] => Ok(one),
        [] => Err(format!(
            "no processor is called {:?}; there are {}",
            order.processor,
            list(&all.iter().collect::<Vec<_>>())
        )),
        _ => {
            let found: Vec<_> = found.into_iter().map(|index| &all[index]).collect();
            Err(format!("several processors are called {:?}: {}", order.processor, list(&found)))
        }
    }
}

/// How many bytes the files of a directory have, or will have. Those that were never completed go, if nobody is at work on
/// them.
fn bytes_in(directory: &Dir, under_way: &[&Reserved]) -> io::Result<u64> {
    let mut bytes = under_way.iter().map(|reserved| reserved.bytes).sum();
    for entry in directory.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let unfinished = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED));
        match unfinished {
            Some(name) if under_way.iter().any(|reserved| reserved.name == name) => {}
            Some(_) => directory.remove_file(&name)?,
            // One that was moved away meanwhile has none.
            None => bytes += entry.metadata().map_or(0, |metadata| metadata.len()),
        }
    }
    Ok(bytes)
}

/// Makes a file that is not there yet, and returns the name that it gets when it is complete.
fn create(directory: &Dir) -> io::Result<(String, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    loop {
        let name = format!("{millis:013}{SUFFIX}");
        millis += 1;
        match directory.open_with(format!("{name}{UNFINISHED}"), &options) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (name, file)),
        }
    }
}

/// The directory of captures below the data directory.
pub const CAPTURES: &str = "captures";

/// How many bytes of batches may wait to be written.
const WAITING_BYTES: usize = 8 << 20;

/// What a capture may have at most, whatever is asked for.
const LARGEST_BYTES: u64 = 256 << 20;

/// What all files in the directory may have together.
const MOST_BYTES: u64 = 512 << 20;

/// How long a capture may take, whatever is asked for.
const LONGEST_SECONDS: u64 = 86_400;

/// More nobody reads.
const CAPTURES_AT_ONCE: usize = 4;

/// How soon it is noticed, while there is no batch, that the agent stops.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_by_place_and_by_type() {
        let all = [
            ("shop", "processors[0] (processor_wasm)"),
            ("shop", "processors[1] (processor_strptime)"),
            ("web", "processors[0] (processor_wasm)"),
        ];
        let check = |processor: &str, pipeline: Option<&str>, expected: Result<usize, &str>| {
            let (processor, pipeline) = (processor.to_owned(), pipeline.map(str::to_owned));
            let order = CaptureOrder { processor, pipeline, batches: None, seconds: 1, max_bytes: 1 };
            assert_eq!(choose(&all, &order), expected.map_err(str::to_owned), "{order:?}");
        };
        check("processors[1]", None, Ok(1));
        check("processor_strptime", None, Ok(1));
        check("processors[0]", Some("web"), Ok(2));
        check("processor_wasm", Some("shop"), Ok(0));
        check("processors[0] (processor_wasm)", Some("shop"), Ok(0));
        let several = "several processors are called \"processor_wasm\": processors[0] (processor_wasm) of shop, \
            processors[0] (processor_wasm) of web";
        check("processor_wasm", None, Err(several));
        let none = "no processor is called \"processors[1]\"; there are processors[0] (processor_wasm) of shop, \
            processors[1] (processor_strptime) of shop, processors[0] (processor_wasm) of web";
        check("processors[1]", Some("web"), Err(none));
    }

    #[test]
    fn what_captures_may_still_write_counts_as_written() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = private_dir::open(scratch.path().join(CAPTURES)).unwrap();
        let [here, done, cut] = ["1.jsonl.part", "2.jsonl", "3.jsonl.part"];
        [here, done, cut].iter().for_each(|name| directory.write(name, "12345").unwrap());
        let reserved = Reserved { name: "1.jsonl".to_owned(), bytes: 1000 };
        assert_eq!(bytes_in(&directory, &[&reserved]).unwrap(), 1005);
        assert_eq!([here, done, cut].map(|name| directory.exists(name)), [true, true, false]);
        assert_eq!(bytes_in(&directory, &[]).unwrap(), 5);
        assert!(!directory.exists(here));
    }
}
