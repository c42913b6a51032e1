//! A small disk of its own, which can be filled and freed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A small disk. It goes when this does.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts an empty disk at `path`. `None` if that is not permitted here.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn mount(path: &Path) -> Result<Option<Self>> {
        fs::create_dir_all(path).context("cannot make the directory")?;
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]).arg(path).output();
        let is_mounted = mount.is_ok_and(|mount| mount.status.success());
        Ok(is_mounted.then(|| Self { path: path.to_owned() }))
    }

    /// Takes all the room that is left.
    ///
    /// # Errors
    /// Those of writing, but for the one that is wanted.
    pub fn fill(&self) -> io::Result<()> {
        let mut filler = File::options().create(true).append(true).open(self.path.join(FILLER))?;
        loop {
            match filler.write_all(&[0; 4096]) {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
                written => written?,
            }
        }
    }

    /// Gives it back.
    ///
    /// # Errors
    /// Those of removing a file.
    pub fn free(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join(FILLER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what failed may still have a file open there.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

const FILLER: &str = "filler";
