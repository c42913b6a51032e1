//! Compiled components on disk.
//!
//! A file is named by the SHA-256 of the component's bytes and of everything else that the machine code depends on. It
//! begins with the SHA-256 of the code that follows, so that a file cut short or damaged is compiled anew. Loading code
//! is only as safe as its origin: the directory and the file belong to the agent's user, others cannot write to them, and
//! a link in the place of a file is not followed. What was not used for a month, and what is used least while there is too
//! much, is removed when something is added.

use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use tracing::{debug, warn};
use wasmtime::component::Component;

#[derive(Debug)]
pub(super) struct Cache {
    directory: Dir,
    engine: [u8; DIGEST_BYTES],
}

/// A file of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    bytes: u64,
    /// How long ago it was used.
    age: Duration,
}

impl Cache {
    /// Keeps compiled components of `engine` in `directory`.
    pub(super) fn new(directory: Dir, engine: &wasmtime::Engine) -> Self {
        let mut hasher = DigestHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self { directory, engine: hasher.0.finalize().into() }
    }

    /// The compiled form of a component, if it is here and whole.
    pub(super) fn load(&self, engine: &wasmtime::Engine, component: &[u8]) -> Option<Component> {
        let name = self.file_name(component);
        let content = match self.read(&name) {
            Ok(content) => content?,
            Err(error) => {
                warn!(file = name, %error, "compiled component not readable, compiling it again");
                return None;
            }
        };
        let (digest, code) = content.split_at_checked(DIGEST_BYTES)?;
        if digest != Sha256::digest(code).as_slice() {
            warn!(file = name, "compiled component is damaged, compiling it again");
            return None;
        }
        match deserialize(engine, code) {
            Ok(component) => Some(component),
            Err(error) => {
                debug!(file = name, %error, "compiled component not usable, compiling it again");
                None
            }
        }
    }

    /// Keeps a compiled component. A cache that cannot be written costs time at the next start and nothing else.
    pub(super) fn store(&self, component: &[u8], compiled: &Component) {
        let name = self.file_name(component);
        if let Err(error) = self.write(&name, compiled) {
            warn!(file = name, %error, "compiled component not kept");
        }
        if let Err(error) = self.remove_old() {
            warn!(%error, "old compiled components not removed");
        }
    }

    /// The content of a file that nobody else could have written, and that is one.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut options = OpenOptions::new();
        // Neither a link nor a FIFO is what was written here.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let mut file = match self.directory.open_with(name, &options) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Of what was opened, not of what may be there by now.
        let metadata = file.metadata()?;
        if !metadata.is_file() || !is_private(&metadata) || !is_private(&self.directory.dir_metadata()?) {
            warn!(file = name, "compiled component could have been written by others, compiling it again");
            return Ok(None);
        }
        let mut content = Vec::with_capacity(metadata.len() as usize);
        file.read_to_end(&mut content)?;
        mark_used(file);
        Ok(Some(content))
    }

    fn write(&self, name: &str, compiled: &Component) -> anyhow::Result<()> {
        static WRITERS: AtomicU32 = AtomicU32::new(0);
        let code = compiled.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{name}.{}-{writer}", std::process::id());
        // What an agent with the same number left behind.
        let _ = self.directory.remove_file(&unfinished);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = self.directory.open_with(&unfinished, &options)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        self.directory.rename(&unfinished, &self.directory, name)?;
        Ok(())
    }

    fn remove_old(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let mut entries = Vec::new();
        for entry in self.directory.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // The rest is not ours.
            if !name.contains(EXTENSION) {
                continue;
            }
            // It may have been removed by another agent.
            let Ok(metadata) = entry.metadata() else { continue };
            let used = metadata.modified()?.into_std();
            let age = now.duration_since(used).unwrap_or_default();
            entries.push(Entry { name, bytes: metadata.len(), age });
        }
        for entry in superfluous(entries) {
            debug!(file = entry.name, "old compiled component removed");
            match self.directory.remove_file(&entry.name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn file_name(&self, component: &[u8]) -> String {
        let digest = Sha256::new().chain_update(self.engine).chain_update(component).finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}{EXTENSION}")
    }
}

/// What is to be removed: what is too old, and the oldest of what is too much.
fn superfluous(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| entry.age);
    let mut total: u64 = 0;
    entries.retain(|entry| {
        total = total.saturating_add(entry.bytes);
        entry.age > MAX_AGE || total > MAX_BYTES
    });
    entries
}

/// Notes that a file was used. A clock that cannot be set costs a compilation in a month.
fn mark_used(file: File) {
    let _ = file.into_std().set_modified(SystemTime::now());
}

/// Whether something belongs to the agent's user, and nobody else can write to it.
fn is_private(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & WRITABLE_BY_OTHERS == 0
}

/// Makes a component of compiled code.
#[expect(unsafe_code, reason = "loading machine code can not be proven safe; compiling at each start takes too long")]
fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` was written by `Cache::write`, that is by `Component::serialize` of this very version of wasmtime and
    // its settings, which are part of the file name (and which `deserialize` checks again). Its digest has just been
    // verified, and neither the file nor the directory can be written by other users.
    unsafe { Component::deserialize(engine, code) }
}

struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is taken instead")
    }
}

const DIGEST_BYTES: usize = 32;

/// The mode bits that let group and others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// How files of the cache end; unfinished ones have a number after it.
const EXTENSION: &str = ".cwasm";

/// What was not used for so long belongs to a version or a component that is gone.
const MAX_AGE: Duration = Duration::from_secs(30 * 86_400);

/// As much is kept: hundreds of processors, or some twenty JavaScript engines.
const MAX_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use cap_std::ambient_authority;

    use super::*;

    /// The smallest component: an empty one.
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    /// Whether a component that was stored is still taken after `change` was done to its file and directory.
    fn is_taken_after(change: impl FnOnce(&std::path::Path, &std::path::Path)) -> bool {
        let scratch = tempfile::tempdir().expect("a directory");
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700)).expect("its mode");
        let engine = wasmtime::Engine::default();
        let directory = Dir::open_ambient_dir(scratch.path(), ambient_authority()).expect("it is there");
        let cache = Cache::new(directory, &engine);
        cache.store(COMPONENT, &Component::from_binary(&engine, COMPONENT).expect("a component"));
        let file = scratch.path().join(cache.file_name(COMPONENT));
        assert_eq!(fs::metadata(&file).expect("it was stored").permissions().mode() & 0o777, 0o600);
        change(scratch.path(), &file);
        cache.load(&engine, COMPONENT).is_some()
    }

    fn set_mode(path: &std::path::Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    }

    #[test]
    fn only_what_nobody_else_could_have_written_is_taken() {
        assert!(is_taken_after(|_, _| {}));
        assert!(!is_taken_after(|_, file| fs::remove_file(file).expect("removed")));
        assert!(!is_taken_after(|_, file| set_mode(file, 0o620)));
        assert!(!is_taken_after(|_, file| set_mode(file, 0o602)));
        assert!(!is_taken_after(|directory, _| set_mode(directory, 0o770)));
        assert!(!is_taken_after(|directory, _| set_mode(directory, 0o707)));
        // A link, even to the very file.
        assert!(!is_taken_after(|directory, file| {
            fs::rename(file, directory.join("there")).expect("renamed");
            symlink("there", file).expect("linked");
        }));
        assert!(!is_taken_after(|_, file| {
            let mut content = fs::read(file).expect("there");
            *content.last_mut().expect("not empty") ^= 1;
            fs::write(file, content).expect("written");
        }));
        assert!(!is_taken_after(|_, file| fs::write(file, b"short").expect("written")));
        assert!(!is_taken_after(|_, file| {
            fs::remove_file(file).expect("removed");
            fs::create_dir(file).expect("made");
        }));
    }

    #[test]
    fn old_entries_go_and_so_do_the_oldest_of_too_many() {
        const DAY: u64 = 86_400;
        fn check(entries: &[(&str, u64, u64)], expected: &[&str]) {
            let entry = |(name, bytes, age): &(&str, u64, u64)| Entry {
                name: (*name).to_owned(),
                bytes: *bytes,
                age: Duration::from_secs(*age),
            };
            let gone = superfluous(entries.iter().map(entry).collect());
            let mut gone: Vec<_> = gone.into_iter().map(|entry| entry.name).collect();
            gone.sort();
            assert_eq!(gone, expected, "{entries:?}");
        }
        check(&[], &[]);
        check(&[("a", 1, 0), ("b", 1, 30 * DAY), ("c", 1, 30 * DAY + 1)], &["c"]);
        let half = MAX_BYTES / 2;
        check(&[("a", half, 3), ("b", half, 1)], &[]);
        check(&[("a", half, 3), ("b", half, 1), ("c", 1, 2)], &["a"]);
        check(&[("a", MAX_BYTES + 1, 0), ("b", 1, 1)], &["a", "b"]);
    }
}
