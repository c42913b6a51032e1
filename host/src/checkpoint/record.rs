//! One record of the journal as a line of text.
//!
//! A line is the CRC-32 of the rest as eight hexadecimal digits, a space, and a JSON object with one key, which is the
//! kind of the record. A path is text in which `%` and bytes that are not UTF-8 are written as `%XX`, so that any path
//! survives and the usual ones can be read. Hashes are hexadecimal text, since many readers of JSON round large numbers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{Entry, Memory, State};
use crate::event::{FileId, Ledger, Loss, Offset, Position, Remembered, SIGNATURE_BYTES, Signature};

/// What one line of the journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// The entry of its generation is this from now on.
    Put(Box<Entry>),
    /// The entry of this generation is gone.
    Remove(u64),
    /// What the processors of a pipeline remember, and the entries that this belongs to: all or none of it.
    Together(Memory, Vec<Entry>),
    /// A save is complete.
    Saved(Saved),
}

/// The end of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// When it was, in Unix seconds. `None` if nothing was ever saved.
    pub(super) at: Option<i64>,
    /// Larger than every generation so far, those that are gone included.
    pub(super) next_generation: u64,
}

/// The line that puts an entry, with its line end.
pub(super) fn put(entry: &Entry) -> Vec<u8> {
    line(&Shape::Put(Box::new(EntryShape::of(entry))))
}

/// The line that removes an entry, with its line end.
pub(super) fn remove(generation: u64) -> Vec<u8> {
    line(&Shape::Remove(generation))
}

/// The line that puts what processors remember together with the entries that this belongs to, with its line end.
pub(super) fn together(memory: &Memory, entries: &[Entry]) -> Vec<u8> {
    let entries = entries.iter().map(EntryShape::of).collect();
    line(&Shape::Together(TogetherShape { memory: MemoryShape::of(memory), entries }))
}

/// The line that ends a save, with its line end.
pub(super) fn saved(saved: Saved) -> Vec<u8> {
    line(&Shape::Saved(saved))
}

/// What a line says, which is given without its line end. `None` if it is damaged or not understood.
pub(super) fn parse(line: &[u8]) -> Option<Record> {
    let (crc, json) = line.split_at_checked(CRC_DIGITS)?;
    let json = json.strip_prefix(b" ")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    if crc != crc32fast::hash(json) {
        return None;
    }
    match serde_json::from_slice(json).ok()? {
        Shape::Put(entry) => entry.into_entry().map(|entry| Record::Put(Box::new(entry))),
        Shape::Remove(generation) => Some(Record::Remove(generation)),
        Shape::Saved(saved) => Some(Record::Saved(saved)),
        Shape::Together(TogetherShape { memory, entries }) => {
            let entries: Option<Vec<Entry>> = entries.into_iter().map(EntryShape::into_entry).collect();
            Some(Record::Together(memory.into_memory()?, entries?))
        }
    }
}

/// An entry as JSON, as the journal has it.
pub fn to_json(entry: &Entry) -> String {
    json(&EntryShape::of(entry))
}

fn line(shape: &Shape) -> Vec<u8> {
    let json = json(shape);
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

fn json(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("numbers, text and maps with text for keys are always JSON")
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Put(Box<EntryShape>),
    Remove(u64),
    Together(TogetherShape),
    Saved(Saved),
}

#[derive(Serialize, Deserialize)]
struct TogetherShape {
    memory: MemoryShape,
    entries: Vec<EntryShape>,
}

#[derive(Serialize, Deserialize)]
struct MemoryShape {
    pipeline: String,
    processors: Vec<RememberedShape>,
}

#[derive(Serialize, Deserialize)]
struct RememberedShape {
    name: String,
    component: String,
    #[serde(default)]
    config: String,
    version: String,
    saved: String,
}

#[derive(Serialize, Deserialize)]
struct EntryShape {
    generation: u64,
    pipeline: String,
    path: String,
    /// Left out if it is `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    real_path: Option<String>,
    device: u64,
    inode: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    birth_ns: Option<i64>,
    offset: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    mid_record: bool,
    len: u64,
    state: StateShape,
    updated: i64,
    head: SignatureShape,
    tail: SignatureShape,
    ledger: LedgerShape,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateShape {
    Followed,
    Finished,
    Untouched,
}

#[derive(Serialize, Deserialize)]
struct SignatureShape {
    len: u32,
    hash: String,
}

/// What is zero is left out.
#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct LedgerShape {
    #[serde(skip_serializing_if = "is_zero")]
    acknowledged: u64,
    #[serde(skip_serializing_if = "is_zero")]
    dropped: u64,
    #[serde(skip_serializing_if = "is_zero")]
    rejected: u64,
    #[serde(skip_serializing_if = "is_zero")]
    quarantined: u64,
    #[serde(skip_serializing_if = "is_zero")]
    copied: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lost: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "is_zero")]
    estimated: u64,
}

impl EntryShape {
    fn of(entry: &Entry) -> Self {
        Self {
            generation: entry.generation,
            pipeline: entry.pipeline.clone(),
            path: path_to_text(&entry.path),
            real_path: (entry.real_path != entry.path).then(|| path_to_text(&entry.real_path)),
            device: entry.id.device,
            inode: entry.id.inode,
            birth_ns: entry.birth_ns,
            offset: entry.position.offset.0,
            mid_record: entry.position.mid_record,
            len: entry.len.0,
            state: match entry.state {
                State::Followed => StateShape::Followed,
                State::Finished => StateShape::Finished,
                State::Untouched => StateShape::Untouched,
            },
            updated: entry.updated,
            head: SignatureShape::of(entry.head),
            tail: SignatureShape::of(entry.position.tail),
            ledger: LedgerShape::of(&entry.ledger),
        }
    }

    fn into_entry(self) -> Option<Entry> {
        let path = path_from_text(&self.path)?;
        let real_path = self.real_path.map_or_else(|| Some(path.clone()), |text| path_from_text(&text))?;
        Some(Entry {
            generation: self.generation,
            pipeline: self.pipeline,
            path,
            real_path,
            id: FileId { device: self.device, inode: self.inode },
            birth_ns: self.birth_ns,
            head: self.head.into_signature()?,
            position: Position {
                offset: Offset(self.offset),
                mid_record: self.mid_record,
                tail: self.tail.into_signature()?,
            },
            len: Offset(self.len),
            updated: self.updated,
            state: match self.state {
                StateShape::Followed => State::Followed,
                StateShape::Finished => State::Finished,
                StateShape::Untouched => State::Untouched,
            },
            ledger: self.ledger.into_ledger(),
        })
    }
}

impl MemoryShape {
    fn of(memory: &Memory) -> Self {
        let shape = |remembered: &Remembered| RememberedShape {
            name: remembered.name.clone(),
            component: remembered.component.clone(),
            config: remembered.config.clone(),
            version: remembered.version.clone(),
            saved: BASE64.encode(&remembered.saved),
        };
        Self { pipeline: memory.pipeline.clone(), processors: memory.processors.iter().map(shape).collect() }
    }

    fn into_memory(self) -> Option<Memory> {
        let processors = self.processors.into_iter().map(|shape| {
            let RememberedShape { name, component, config, version, saved } = shape;
            Some(Remembered { name, component, config, version, saved: BASE64.decode(saved.as_bytes()).ok()? })
        });
        Some(Memory { pipeline: self.pipeline, processors: processors.collect::<Option<_>>()? })
    }
}

impl SignatureShape {
    fn of(signature: Signature) -> Self {
        Self { len: signature.len, hash: format!("{:016x}", signature.hash) }
    }

    fn into_signature(self) -> Option<Signature> {
        let hash = u64::from_str_radix(&self.hash, 16).ok()?;
        (self.len as usize <= SIGNATURE_BYTES).then_some(Signature { len: self.len, hash })
    }
}

impl LedgerShape {
    fn of(ledger: &Ledger) -> Self {
        let lost = Loss::ALL.into_iter().map(|cause| (cause.name().to_owned(), ledger.lost[cause as usize]));
        Self {
            acknowledged: ledger.acknowledged,
            dropped: ledger.dropped,
            rejected: ledger.rejected,
            quarantined: ledger.quarantined,
            copied: ledger.copied,
            lost: lost.filter(|(_, bytes)| *bytes > 0).collect(),
            estimated: ledger.estimated,
        }
    }

    fn into_ledger(self) -> Ledger {
        Ledger {
            acknowledged: self.acknowledged,
            dropped: self.dropped,
            rejected: self.rejected,
            quarantined: self.quarantined,
            copied: self.copied,
            lost: Loss::ALL.map(|cause| self.lost.get(cause.name()).copied().unwrap_or(0)),
            estimated: self.estimated,
        }
    }
}

/// A path as text, in which `%` and what is not UTF-8 is written as `%XX`.
fn path_to_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

fn path_from_text(text: &str) -> Option<PathBuf> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(OsString::from_vec(bytes).into())
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// How many hexadecimal digits a CRC-32 has.
const CRC_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::testing::entry;

    #[test]
    fn a_line_can_be_read_by_a_person() {
        let line = String::from_utf8(put(&entry(7, 250))).unwrap();
        let expected = "{\"put\":{\"generation\":7,\"pipeline\":\"web\",\"path\":\"/var/log/7.log\",\"device\":2049,\
            \"inode\":7,\"offset\":250,\"len\":300,\"state\":\"followed\",\"updated\":1700000000,\
            \"head\":{\"len\":4,\"hash\":\"9f2e6d33a3717ee8\"},\"tail\":{\"len\":0,\"hash\":\"0000000000000000\"},\
            \"ledger\":{\"acknowledged\":250}}}\n";
        assert_eq!(&line[9..], expected);
        assert_eq!(remove(3).len(), "00000000 {\"remove\":3}\n".len());
    }

    #[test]
    fn what_processors_remember_is_one_line_with_its_entries() {
        let processor = |name: &str, saved: &[u8]| Remembered {
            name: name.to_owned(),
            component: "deduplicate".to_owned(),
            config: "0123456789ab".to_owned(),
            version: "0.1.0".to_owned(),
            saved: saved.to_vec(),
        };
        let processors = vec![processor("processors[0] (processor_wasm)", b"\0\xff\n"), processor("b", b"")];
        let memory = Memory { pipeline: "web".to_owned(), processors };
        let entries = [entry(1, 10), entry(2, 5)];
        let line = together(&memory, &entries);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let found = parse(line.strip_suffix(b"\n").unwrap());
        assert_eq!(found, Some(Record::Together(memory, entries.to_vec())));
    }

    #[test]
    fn any_path_survives_and_usual_ones_stay_as_they_are() {
        let check = |path: &[u8], text: &str| {
            let path = PathBuf::from(OsString::from_vec(path.to_vec()));
            assert_eq!(path_to_text(&path), text);
            assert_eq!(path_from_text(text), Some(path));
        };
        check(b"/var/log/app.log", "/var/log/app.log");
        check("/日志/a b.log".as_bytes(), "/日志/a b.log");
        check(b"/100%/%41", "/100%25/%2541");
        check(b"/caf\xe9/\xff\xfe", "/caf%E9/%FF%FE");
        for wrong in ["%", "%4", "%zz", "%é1"] {
            assert_eq!(path_from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_not_whole_is_no_record() {
        let line = put(&entry(1, 10));
        let line = &line[..line.len() - 1];
        assert!(parse(line).is_some());
        assert!((0..line.len()).all(|end| parse(&line[..end]).is_none()), "cut short");
        for at in 0..line.len() {
            let mut damaged = line.to_vec();
            damaged[at] ^= 1;
            assert_eq!(parse(&damaged), None, "damaged at {at}");
        }
        let unknown = b"{\"new\":1}";
        assert_eq!(parse(&[format!("{:08x} ", crc32fast::hash(unknown)).as_bytes(), unknown].concat()), None);
    }

    fn entries() -> impl Strategy<Value = Entry> {
        let signature = || (0..=1024_u32, any::<u64>()).prop_map(|(len, hash)| Signature { len, hash });
        let path = || {
            let bytes = prop::collection::vec(any::<u8>(), 0..20);
            bytes.prop_map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
        };
        let state = prop::sample::select(vec![State::Followed, State::Finished, State::Untouched]);
        let file = (path(), path(), any::<[u64; 4]>(), any::<Option<i64>>(), signature(), state);
        (file, any::<[u64; 5]>(), any::<[u64; Loss::ALL.len()]>(), any::<bool>(), signature(), ".*").prop_map(
            |(
                (path, real_path, [generation, device, inode, len], birth_ns, head, state),
                counts,
                lost,
                flag,
                tail,
                pipeline,
            )| {
                let [offset, acknowledged, dropped, rejected, quarantined] = counts;
                Entry {
                    generation,
                    pipeline,
                    path,
                    real_path,
                    id: FileId { device, inode },
                    birth_ns,
                    head,
                    position: Position { offset: Offset(offset), mid_record: flag, tail },
                    len: Offset(len),
                    updated: birth_ns.unwrap_or(-1),
                    state,
                    ledger: Ledger {
                        acknowledged,
                        dropped,
                        rejected,
                        quarantined,
                        copied: offset / 2,
                        lost,
                        estimated: offset,
                    },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn every_entry_is_one_line_and_comes_back_as_it_was(entry in entries()) {
            let line = put(&entry);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert_eq!(parse(line.strip_suffix(b"\n").unwrap()), Some(Record::Put(Box::new(entry))));
        }
    }
}
