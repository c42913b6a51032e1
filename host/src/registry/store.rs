//! What was pulled, on disk.
//!
//! `component-HEX.wasm` and `manifest-HEX.json` are named by the SHA-256 of their content, which is checked whenever they are
//! read: what is damaged, or was put there by somebody else, counts as missing. `tag-HEX.json` says which manifest a tag led
//! to when it was last asked for; HEX is the SHA-256 of the reference. A download is a file named `.unfinished-PID-NUMBER`
//! until it is whole.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Kept;
use super::artifact::{self, MAX_COMPONENT_BYTES, Named};
use crate::config::{Reference, is_digest};

#[derive(Debug)]
pub(super) struct Store {
    directory: Dir,
}

/// A component of which not all is here. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Unfinished {
    directory: Dir,
    file: File,
    name: String,
    digest: String,
}

/// What a tag led to.
#[derive(Serialize, Deserialize)]
struct Tag {
    reference: String,
    manifest: String,
}

impl Store {
    pub(super) fn new(directory: Dir) -> io::Result<Self> {
        let store = Self { directory };
        store.remove_old()?;
        Ok(store)
    }

    /// The manifest that a tag led to.
    pub(super) fn tagged(&self, reference: &Reference) -> Option<String> {
        let content = self.content(&tag_file(reference), MAX_MANIFEST_BYTES)?;
        let tag: Tag = serde_json::from_slice(&content).ok()?;
        (tag.reference == name_of(reference) && is_digest(&tag.manifest)).then_some(tag.manifest)
    }

    /// Notes the manifest that a tag leads to.
    pub(super) fn tag(&self, reference: &Reference, manifest: &str) -> io::Result<()> {
        let tag = Tag { reference: name_of(reference), manifest: manifest.to_owned() };
        self.put(&tag_file(reference), &serde_json::to_vec(&tag)?)
    }

    /// The component of a manifest, if both are here.
    pub(super) fn kept(&self, manifest: &str) -> Option<Kept> {
        let content = self.content(&file("manifest", manifest, "json")?, MAX_MANIFEST_BYTES)?;
        let named = artifact::read(&content).ok().filter(|_| digest(&content) == manifest)?;
        self.has(&named).then(|| Kept { manifest: manifest.to_owned(), component: named.digest, bytes: named.bytes })
    }

    /// Whether a component is here, by its name and size. What is asked for stays for another month.
    pub(super) fn has(&self, component: &Named) -> bool {
        let Some(opened) = file("component", &component.digest, "wasm").and_then(|name| self.open(&name)) else {
            return false;
        };
        opened.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == component.bytes)
    }

    /// The content of a component.
    pub(super) fn read(&self, kept: &Kept) -> Result<Vec<u8>, String> {
        let name = file("component", &kept.component, "wasm").ok_or("it has no digest")?;
        let content = self.content(&name, MAX_COMPONENT_BYTES);
        let content = content.ok_or("it is no longer in the cache")?;
        if digest(&content) == kept.component {
            return Ok(content);
        }
        // Whoever asks for it again has it downloaded.
        let _ = self.directory.remove_file(&name);
        Err("its file in the cache was damaged".to_owned())
    }

    /// A file for a component that is to come.
    pub(super) fn begin(&self, digest: &str) -> io::Result<Unfinished> {
        let (file, name) = self.unfinished()?;
        Ok(Unfinished { directory: self.directory.try_clone()?, file, name, digest: digest.to_owned() })
    }

    /// Keeps a component that is whole, and whose digest was checked.
    pub(super) fn finish(&self, mut unfinished: Unfinished) -> io::Result<()> {
        unfinished.file.flush()?;
        unfinished.file.sync_data()?;
        let name = file("component", &unfinished.digest, "wasm").ok_or(io::ErrorKind::InvalidInput)?;
        self.directory.rename(&unfinished.name, &self.directory, name)
    }

    pub(super) fn put_manifest(&self, digest: &str, content: &[u8]) -> io::Result<()> {
        self.put(&file("manifest", digest, "json").ok_or(io::ErrorKind::InvalidInput)?, content)
    }

    /// Removes what nobody asked for in a month, the oldest of what is too much, and what others did not finish.
    pub(super) fn remove_old(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let mut found = Vec::new();
        for entry in self.directory.entries()? {
            let entry = entry?;
            // It may have been removed by another agent.
            let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
            let age = now.duration_since(metadata.modified()?.into_std()).unwrap_or_default();
            found.push((name, age, metadata.len()));
        }
        for name in superfluous(found) {
            match self.directory.remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let (mut file, unfinished) = self.unfinished()?;
        let written = file.write_all(content).and_then(|()| file.sync_data());
        let placed = written.and_then(|()| self.directory.rename(&unfinished, &self.directory, name));
        placed.inspect_err(|_| _ = self.directory.remove_file(&unfinished))
    }

    fn unfinished(&self) -> io::Result<(File, String)> {
        static WRITERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("{UNFINISHED}{}-{}", std::process::id(), WRITERS.fetch_add(1, Ordering::Relaxed));
        // What an agent with the same number left behind.
        let _ = self.directory.remove_file(&name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        Ok((self.directory.open_with(&name, &options)?, name))
    }

    /// Opens a file that is one, and notes that it was used.
    fn open(&self, name: &str) -> Option<File> {
        let mut options = OpenOptions::new();
        // Neither a link nor a FIFO is what was written here.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = self.directory.open_with(name, &options).ok()?;
        // A clock that cannot be set costs a download in a month.
        let _ = file.try_clone().map(|file| file.into_std().set_modified(SystemTime::now()));
        Some(file)
    }

    fn content(&self, name: &str, limit: u64) -> Option<Vec<u8>> {
        let file = self.open(name)?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut content = Vec::new();
        file.take(limit + 1).read_to_end(&mut content).ok()?;
        (content.len() as u64 <= limit).then_some(content)
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // One that is finished has another name by now.
        let _ = self.directory.remove_file(&self.name);
    }
}

/// The digest of something, as registries write it.
pub(super) fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

fn hex(content: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(content))
}

/// The file of what has this digest. `None` if it is no digest, which could lead elsewhere.
fn file(kind: &str, digest: &str, extension: &str) -> Option<String> {
    let digits = digest.strip_prefix("sha256:").filter(|_| is_digest(digest))?;
    Some(format!("{kind}-{digits}.{extension}"))
}

fn tag_file(reference: &Reference) -> String {
    format!("tag-{}.json", hex(name_of(reference).as_bytes()))
}

/// A reference without a digest, in the one form that it can have.
fn name_of(reference: &Reference) -> String {
    let Reference { registry, repository, .. } = reference;
    format!("{registry}/{repository}:{}", reference.tag_or_latest())
}

/// The names of what is to be removed, of files with their age and size.
fn superfluous(mut files: Vec<(String, Duration, u64)>) -> Vec<String> {
    files.sort_by_key(|(_, age, _)| *age);
    let mut total: u64 = 0;
    files.retain(|(name, age, bytes)| {
        if name.starts_with(UNFINISHED) {
            return *age > super::wire::DOWNLOAD_TIME;
        }
        let is_ours = ["component-", "manifest-", "tag-"].iter().any(|kind| name.starts_with(kind));
        total = total.saturating_add(if is_ours { *bytes } else { 0 });
        is_ours && (*age > MAX_AGE || total > MAX_BYTES)
    });
    files.into_iter().map(|(name, _, _)| name).collect()
}

const UNFINISHED: &str = ".unfinished-";

/// Manifests of components have less than a KiB; the distribution specification has registries take 4 MiB.
pub(super) const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// What runs is asked for again and again, so this is what runs no more.
const MAX_AGE: Duration = Duration::from_secs(30 * 86_400);

/// As much is kept, besides compiled components.
const MAX_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use cap_std::ambient_authority;

    use super::*;

    const COMPONENT: &[u8] = b"a component";

    fn reference() -> Reference {
        "oci://host/a:1".parse().expect("a reference")
    }

    fn open(path: &Path) -> Store {
        Store::new(Dir::open_ambient_dir(path, ambient_authority()).expect("it is there")).expect("usable")
    }

    /// A store with a component in it, and the digest of its manifest.
    fn filled(path: &Path) -> (Store, String) {
        let store = open(path);
        let mut file = store.begin(&digest(COMPONENT)).expect("begun");
        file.write_all(COMPONENT).expect("written");
        store.finish(file).expect("finished");
        let named = Named { digest: digest(COMPONENT), bytes: COMPONENT.len() as u64 };
        let manifest = artifact::write(&named, &artifact::Facts::default(), digest).expect("written").manifest;
        let manifest_digest = digest(&manifest);
        store.put_manifest(&manifest_digest, &manifest).expect("kept");
        store.tag(&reference(), &manifest_digest).expect("noted");
        (store, manifest_digest)
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).expect("it is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_kept_is_found_again() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (store, manifest) = filled(scratch.path());
        assert_eq!(store.tagged(&reference()), Some(manifest.clone()));
        assert_eq!(store.tagged(&"oci://host/a".parse().expect("a reference")), None);
        let kept = open(scratch.path()).kept(&manifest).expect("it is here");
        assert_eq!(kept, Kept { manifest, component: digest(COMPONENT), bytes: 11 });
        assert_eq!(store.read(&kept).as_deref(), Ok(COMPONENT));
    }

    #[test]
    fn what_was_put_in_its_place_is_not_taken() {
        fn check(prefix: &str, change: impl Fn(&Path), is_known: bool, expected: Result<&[u8], &str>) {
            let scratch = tempfile::tempdir().expect("a directory");
            let (store, manifest) = filled(scratch.path());
            let kept = store.kept(&manifest).expect("it is here");
            let name = names(scratch.path()).into_iter().find(|name| name.starts_with(prefix)).expect("it has a file");
            change(&scratch.path().join(name));
            assert_eq!(store.kept(&manifest).is_some(), is_known, "{prefix}");
            let found = store.read(&kept);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{prefix}");
            // What was found to be damaged is gone.
            assert_eq!(store.kept(&manifest).is_some(), is_known && expected.is_ok(), "{prefix}");
        }
        let write = |content: &'static [u8]| move |path: &Path| fs::write(path, content).expect("written");
        let remove = |path: &Path| fs::remove_file(path).expect("removed");
        check("component-", write(b"A component"), true, Err("its file in the cache was damaged"));
        check("component-", write(b"a comp"), false, Err("its file in the cache was damaged"));
        check("component-", remove, false, Err("it is no longer in the cache"));
        check("manifest-", write(b"{}"), false, Ok(COMPONENT));
        check("manifest-", remove, false, Ok(COMPONENT));
        let link = |path: &Path| {
            fs::rename(path, path.with_extension("there")).expect("renamed");
            std::os::unix::fs::symlink(path.with_extension("there"), path).expect("linked");
        };
        check("component-", link, false, Err("it is no longer in the cache"));
    }

    #[test]
    fn a_tag_leads_to_a_manifest_and_nowhere_else() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (store, _) = filled(scratch.path());
        let file = scratch.path().join(tag_file(&reference()));
        for wrong in ["", "{}", r#"{"reference": "host/a:1", "manifest": "../../etc/passwd"}"#] {
            fs::write(&file, wrong).expect("written");
            assert_eq!(store.tagged(&reference()), None, "{wrong}");
        }
        assert_eq!(store.kept("../../etc/passwd"), None);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing_behind() {
        let scratch = tempfile::tempdir().expect("a directory");
        let store = open(scratch.path());
        let mut file = store.begin(&digest(COMPONENT)).expect("begun");
        file.write_all(b"a comp").expect("written");
        assert_eq!(names(scratch.path()).len(), 1);
        drop(file);
        assert_eq!(names(scratch.path()), [""; 0]);
    }

    #[test]
    fn what_nobody_asks_for_goes() {
        fn check(files: &[(&str, u64, u64)], expected: &[&str]) {
            let files = files.iter().map(|(name, age, bytes)| ((*name).to_owned(), Duration::from_secs(*age), *bytes));
            assert_eq!(superfluous(files.collect()), expected);
        }
        const MONTH: u64 = 30 * 86_400;
        check(&[("component-a", MONTH, 1), ("component-b", MONTH + 1, 1), ("c.cwasm", MONTH + 1, 1)], &["component-b"]);
        check(&[("component-a", 2, MAX_BYTES), ("component-b", 1, 1)], &["component-a"]);
        check(&[("component-a", 2, MAX_BYTES), ("b", 1, 1)], &[]);
        let limit = crate::registry::wire::DOWNLOAD_TIME.as_secs();
        check(&[(".unfinished-1-1", limit, 1), (".unfinished-1-2", limit + 1, 1)], &[".unfinished-1-2"]);
    }
}
