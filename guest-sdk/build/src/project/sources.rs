//! One number for the content of files.

use std::fs;
use std::io;
use std::path::Path;

/// Files and texts, as a number that is another one when any of them changes. Leftovers of builds are not among them.
#[derive(Clone, Debug)]
pub(super) struct Sources(u128);

impl Default for Sources {
    fn default() -> Self {
        Self(OFFSET)
    }
}

impl Sources {
    /// Adds a file, or a directory with all that is in it. What does not exist adds that it does not.
    pub(super) fn add(&mut self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.add_directory(path, &TOP_LEFTOVERS),
            Ok(_) => {
                self.add_bytes(&fs::read(path)?);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.add_text("");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn add_text(&mut self, text: &str) {
        self.add_bytes(text.as_bytes());
    }

    pub(super) fn hash(&self) -> u128 {
        self.0
    }

    fn add_directory(&mut self, directory: &Path, more_leftovers: &[&str]) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let is = |leftover: &&str| name.to_str() == Some(leftover);
            if LEFTOVERS.iter().any(is) || more_leftovers.iter().any(is) {
                continue;
            }
            self.add_bytes(name.as_encoded_bytes());
            if entry.file_type()?.is_dir() {
                self.add_text("(");
                self.add_directory(&entry.path(), &[])?;
                self.add_text(")");
            } else {
                self.add(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The length comes first, so that what ends one text cannot begin the next.
    fn add_bytes(&mut self, bytes: &[u8]) {
        self.0 = mix(mix(self.0, &bytes.len().to_le_bytes()), bytes);
    }
}

/// One number for bytes: FNV-1a, which is the same on every machine.
pub(super) fn hash(bytes: &[u8]) -> u128 {
    mix(OFFSET, bytes)
}

fn mix(hash: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// What builds leave, anywhere in a project.
const LEFTOVERS: [&str; 7] = ["processor.wasm", "build", "target", "node_modules", "__pycache__", ".venv", ".git"];

/// What is beside the sources of a project: its cases say what comes out of a component, not what goes in.
const TOP_LEFTOVERS: [&str; 2] = ["cases", "README.md"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outer_target_dir;

    #[test]
    fn every_change_of_a_source_shows_and_none_of_a_leftover() {
        let root = outer_target_dir().join("tmp").join(format!("sources-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("src")).unwrap();
        let write = |path: &str, text: &str| fs::write(root.join(path), text).unwrap();
        let hash = || {
            let mut sources = Sources::default();
            sources.add(&root).unwrap();
            sources.hash()
        };
        write("src/a", "1");
        let first = hash();
        for leftover in ["processor.wasm", "src/processor.wasm", "README.md"] {
            write(leftover, "2");
            assert_eq!(hash(), first, "{leftover}");
        }
        write("src/a", "2");
        let changed = hash();
        fs::rename(root.join("src/a"), root.join("src/b")).unwrap();
        let renamed = hash();
        fs::rename(root.join("src/b"), root.join("b")).unwrap();
        let moved = hash();
        let all = [first, changed, renamed, moved];
        assert!(all.iter().enumerate().all(|(index, hash)| !all[..index].contains(hash)), "{all:x?}");
    }

    #[test]
    fn neighbours_do_not_run_into_each_other() {
        let hash = |texts: &[&str]| {
            let mut sources = Sources::default();
            texts.iter().for_each(|text| sources.add_text(text));
            sources.hash()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a"]), hash(&["a", ""]));
    }
}
