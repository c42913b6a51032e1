//! Looks which paths of a pipeline lead to files.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::input::catalog::Changes;
use crate::telemetry::alarm::Alarms;

/// PROVISIONAL: paths without wildcards.
pub(super) struct Scan {
    pub(super) paths: Vec<PathBuf>,
    pub(super) known: HashMap<PathBuf, (u64, u64)>,
}

impl Scan {
    pub(super) fn changes(&mut self, _: &str, _: &Alarms) -> Changes {
        let mut changes = Changes::default();
        for path in &self.paths {
            match fs::metadata(path).ok().map(|m| (m.dev(), m.ino())) {
                Some(id) if self.known.get(path) != Some(&id) => {
                    self.known.insert(path.clone(), id);
                    changes.appeared.push(path.clone());
                }
                None if self.known.remove(path).is_some() => changes.vanished.push(path.clone()),
                _ => {}
            }
        }
        changes
    }

    pub(super) fn wait(&self, patience: Duration) {
        std::thread::sleep(patience);
    }
}
