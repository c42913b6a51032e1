//! Compiled components on disk.
//!
//! A file is named by the SHA-256 of the component's bytes and of everything else that the machine code depends on. It
//! begins with the SHA-256 of the code that follows, so that a file cut short or damaged is compiled anew. Loading code
//! is only as safe as its origin: the directory belongs to the agent's user, and others cannot write to it.

use std::hash::{Hash, Hasher};
use std::io::Write;

use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use sha2::{Digest, Sha256};
use tracing::{debug, warn};
use wasmtime::component::Component;

#[derive(Debug)]
pub(super) struct Cache {
    directory: Dir,
    engine: [u8; DIGEST_BYTES],
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
        let file = self.directory.read(&name).ok()?;
        let (digest, code) = file.split_at_checked(DIGEST_BYTES)?;
        if digest != Sha256::digest(code).as_slice() {
            warn!(file = name, "compiled component is damaged, compiling it again");
            return None;
        }
        if !self.is_private(&name) {
            warn!(file = name, "compiled component could have been written by others, compiling it again");
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
    }

    fn write(&self, name: &str, compiled: &Component) -> anyhow::Result<()> {
        let code = compiled.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let unfinished = format!("{name}.{}", std::process::id());
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = self.directory.open_with(&unfinished, &options)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        self.directory.rename(&unfinished, &self.directory, name)?;
        Ok(())
    }

    fn is_private(&self, name: &str) -> bool {
        let (Ok(directory), Ok(file)) = (self.directory.dir_metadata(), self.directory.metadata(name)) else {
            return false;
        };
        file.uid() == directory.uid() && (file.mode() | directory.mode()) & WRITABLE_BY_OTHERS == 0
    }

    fn file_name(&self, component: &[u8]) -> String {
        let digest = Sha256::new().chain_update(self.engine).chain_update(component).finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}.cwasm")
    }
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
