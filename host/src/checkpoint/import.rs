//! Takes over the `file_check_point` of LoongCollector.
//!
//! Each of its rows names a file by path, device, inode and a hash of its first bytes, and says how far it was read. A row
//! is only taken over if its file is found for certain, under its name or another one of the same directory. What is
//! found is a [`Plan`] that a person can read before anything is written.

mod murmur;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::murmur::murmur3_x64_128_low;
use super::{Entry, State};
use crate::event::{FileId, Ledger, Offset, Position, SIGNATURE_BYTES, Signature};

/// What can be asked about files.
pub trait Files {
    /// The file at a path, if it can be read.
    fn seen(&self, path: &Path) -> Option<Seen>;

    /// The files of a directory.
    fn in_directory(&self, directory: &Path) -> Vec<(PathBuf, FileId)>;

    /// The last bytes before an offset, at most [`SIGNATURE_BYTES`].
    fn before(&self, path: &Path, offset: Offset) -> Option<Vec<u8>>;
}

/// A file as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which file it is.
    pub id: FileId,
    /// When it was made, in Unix nanoseconds, where the file system says so.
    pub birth_ns: Option<i64>,
    /// How long it is.
    pub len: Offset,
    /// Its first bytes, at most [`SIGNATURE_BYTES`].
    pub head: Vec<u8>,
}

/// What is to become of each row. Older generations of a path come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The rows.
    pub rows: Vec<Row>,
}

/// What is to become of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The path under which the file was found first, or what the row has for a name.
    pub path: PathBuf,
    /// Its pipeline.
    pub pipeline: String,
    /// How far it was read.
    pub offset: Offset,
    /// What is to become of it.
    pub verdict: Verdict,
}

/// What is to become of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It becomes this entry, whose generation is still to be given.
    Resumes(Box<Entry>),
    /// There is an entry of the file already, which is not changed.
    Known(u64),
    /// Nobody can say where to go on, for this reason. The file is taken for one never read.
    Ambiguous(String),
    /// The file is nowhere, for all that can be seen.
    Gone(&'static str),
    /// No pipeline has this name.
    NoPipeline,
}

/// The text is no checkpoint file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is something else, or damaged.
    #[error("it is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON of another kind.
    #[error("it has no object `check_point`")]
    NoRows,
}

/// Says what is to become of each row of a checkpoint file.
///
/// `pipelines` are those that exist; `None` if that is not known. `known` are the entries that are there already.
///
/// # Errors
/// [`ImportError`] if the text as a whole is not understood. A row that is not is [`Verdict::Ambiguous`].
pub fn plan(
    text: &str,
    files: &impl Files,
    pipelines: Option<&BTreeSet<String>>,
    known: &[Entry],
) -> Result<Plan, ImportError> {
    let value: Value = serde_json::from_str(text).map_err(ImportError::NotJson)?;
    let found = value.get("check_point").and_then(Value::as_object).ok_or(ImportError::NoRows)?;
    let mut planner = Planner { files, pipelines, known, directories: HashMap::new() };
    let mut rows = Vec::new();
    for (key, value) in found {
        rows.push(match Checkpoint::parse(value) {
            Ok(checkpoint) => (checkpoint.age_order(), planner.row(checkpoint)),
            Err(problem) => {
                let verdict = Verdict::Ambiguous(problem);
                (Default::default(), Row { path: key.into(), pipeline: String::new(), offset: Offset(0), verdict })
            }
        });
    }
    rows.sort_by(|(a, first), (b, second)| (&first.path, a).cmp(&(&second.path, b)));
    let mut plan = Plan { rows: rows.into_iter().map(|(_, row)| row).collect() };
    plan.keep_one_row_of_each_file();
    Ok(plan)
}

impl Plan {
    /// The entries that the plan makes, with generations from `next_generation` on.
    pub fn entries(&self, next_generation: u64) -> Vec<Entry> {
        let entries = self.rows.iter().filter_map(|row| match &row.verdict {
            Verdict::Resumes(entry) => Some(entry),
            _ => None,
        });
        let numbered = entries.zip(next_generation..);
        numbered.map(|(entry, generation)| Entry { generation, ..(**entry).clone() }).collect()
    }

    /// A file may have several rows, if it was renamed to a name that is collected too. The smallest offset loses nothing.
    fn keep_one_row_of_each_file(&mut self) {
        let mut first: BTreeMap<(String, u64, u64), (usize, Offset)> = BTreeMap::new();
        for place in 0..self.rows.len() {
            let row = &self.rows[place];
            let Verdict::Resumes(entry) = &row.verdict else { continue };
            let (key, offset) = ((row.pipeline.clone(), entry.id.device, entry.id.inode), row.offset);
            let Some((other, smallest)) = first.get_mut(&key) else {
                first.insert(key, (place, offset));
                continue;
            };
            let passed_over = if offset < *smallest { std::mem::replace(other, place) } else { place };
            *smallest = offset.min(*smallest);
            let reason = format!("another row of the same file resumes at {}", smallest.0);
            self.rows[passed_over].verdict = Verdict::Ambiguous(reason);
        }
    }
}

/// One row as LoongCollector wrote it.
#[derive(Debug)]
struct Checkpoint {
    path: PathBuf,
    real_path: PathBuf,
    offset: Offset,
    sig_size: usize,
    sig_hash: u64,
    updated: i64,
    id: FileId,
    pipeline: String,
    reader: i64,
}

impl Checkpoint {
    fn parse(value: &Value) -> Result<Self, String> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or_else(|| format!("it has no {key}"));
        let number = |key: &str| {
            let value = value.get(key);
            // Offsets are text. Hashes were signed once.
            let parsed = value.and_then(|value| match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_u64().or_else(|| other.as_i64().map(i64::cast_unsigned)),
            });
            parsed.ok_or_else(|| format!("it has no {key}"))
        };
        let path = PathBuf::from(text("file_name")?);
        Ok(Self {
            real_path: text("real_file_name")
                .ok()
                .filter(|path| !path.is_empty())
                .map_or_else(|| path.clone(), PathBuf::from),
            path,
            offset: Offset(number("offset")?),
            sig_size: number("sig_size").unwrap_or(0) as usize,
            sig_hash: number("sig_hash").unwrap_or(0),
            updated: number("update_time").unwrap_or(0).cast_signed(),
            id: FileId { device: number("dev")?, inode: number("inode")? },
            pipeline: text("config_name")?.to_owned(),
            reader: number("idx_in_reader_array").map_or(UNDEFINED_READER, u64::cast_signed),
        })
    }

    /// Orders the rows of one path, those of older files first: finished ones, then the queue of those that are read.
    fn age_order(&self) -> (bool, i64, i64) {
        let is_finished = self.reader == FINISHED_READER;
        (!is_finished, if is_finished { 0 } else { self.reader }, self.updated)
    }

    /// Whether a file begins with the bytes that the row knows.
    fn begins(&self, head: &[u8]) -> bool {
        let first = head.get(..self.sig_size);
        first.is_some_and(|first| self.sig_size == 0 || murmur3_x64_128_low(first, SEED) == self.sig_hash)
    }
}

struct Planner<'a, F> {
    files: &'a F,
    pipelines: Option<&'a BTreeSet<String>>,
    known: &'a [Entry],
    directories: HashMap<PathBuf, Vec<(PathBuf, FileId)>>,
}

impl<F: Files> Planner<'_, F> {
    fn row(&mut self, checkpoint: Checkpoint) -> Row {
        let verdict = self.verdict(&checkpoint);
        Row { path: checkpoint.path, pipeline: checkpoint.pipeline, offset: checkpoint.offset, verdict }
    }

    fn verdict(&mut self, checkpoint: &Checkpoint) -> Verdict {
        if self.pipelines.is_some_and(|names| !names.contains(&checkpoint.pipeline)) {
            return Verdict::NoPipeline;
        }
        let Some((real_path, seen)) = self.find(checkpoint) else {
            let has_successor = self.files.seen(&checkpoint.path).is_some();
            return Verdict::Gone(if has_successor { "its name has another file now" } else { "no such file" });
        };
        let is_it = |entry: &&Entry| {
            entry.id == seen.id && entry.pipeline == checkpoint.pipeline && entry.head.begins(&seen.head)
        };
        if let Some(entry) = self.known.iter().rev().find(is_it) {
            return Verdict::Known(entry.generation);
        }
        if checkpoint.sig_size == 0 && checkpoint.offset > Offset(0) {
            return Verdict::Ambiguous("the row does not say how the file begins, so it may be another one".to_owned());
        }
        if checkpoint.offset > seen.len {
            return Verdict::Ambiguous(format!("the file has only {} bytes, so it was truncated since", seen.len.0));
        }
        let Some(before) = self.files.before(&real_path, checkpoint.offset) else {
            return Verdict::Ambiguous("the file cannot be read".to_owned());
        };
        let is_read_up = real_path != checkpoint.path && checkpoint.offset == seen.len;
        Verdict::Resumes(Box::new(Entry {
            generation: 0,
            pipeline: checkpoint.pipeline.clone(),
            path: checkpoint.path.clone(),
            real_path,
            id: seen.id,
            birth_ns: seen.birth_ns,
            head: Signature::of(&seen.head),
            position: Position { offset: checkpoint.offset, mid_record: false, tail: Signature::of(&before) },
            len: seen.len,
            updated: checkpoint.updated,
            state: if is_read_up { State::Finished } else { State::Followed },
            ledger: Ledger { acknowledged: checkpoint.offset.0, ..Ledger::default() },
        }))
    }

    /// The file of a row and where it is now.
    ///
    /// Under its own name the device may be another one, since devices are numbered anew when they are mounted.
    fn find(&mut self, checkpoint: &Checkpoint) -> Option<(PathBuf, Seen)> {
        let files = self.files;
        let look = |path: &Path| files.seen(path).filter(|seen| checkpoint.begins(&seen.head));
        let at_name = look(&checkpoint.path).filter(|seen| seen.id.inode == checkpoint.id.inode);
        if let Some(seen) = at_name {
            return Some((checkpoint.path.clone(), seen));
        }
        if checkpoint.sig_size == 0 {
            return None;
        }
        if let Some(seen) = look(&checkpoint.real_path).filter(|seen| seen.id == checkpoint.id) {
            return Some((checkpoint.real_path.clone(), seen));
        }
        [&checkpoint.path, &checkpoint.real_path].into_iter().find_map(|path| {
            let directory = path.parent()?;
            let listed = self.directories.entry(directory.to_owned()).or_insert_with(|| files.in_directory(directory));
            let others = listed.iter().filter(|(_, id)| *id == checkpoint.id);
            others.into_iter().find_map(|(path, _)| Some((path.clone(), look(path)?)))
        })
    }
}

/// The seed of LoongCollector's hashes.
const SEED: u32 = 0xdead_beaf;

/// `idx_in_reader_array` of a file that was renamed and read to its end.
const FINISHED_READER: i64 = -2;

/// The same in files that older agents wrote.
const UNDEFINED_READER: i64 = -3;

// What `begins` is given is as long as the longest hash of LoongCollector's.
const _: () = assert!(SIGNATURE_BYTES == 1024);

#[cfg(test)]
mod tests;
