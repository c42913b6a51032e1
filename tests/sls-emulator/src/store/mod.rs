//! What is kept: projects, logstores, log groups and their events, in one SQLite file.
//!
//! ```text
//! project   name, description, created
//! logstore  project, name, shards, config (JSON as the client sent it), index_config, created
//! log_group logstore, shard, received, head (a log group without logs), and the range of its events
//! event     log_group, logstore, time, time_ns (0 if absent), log (as the client encoded it)
//! ```
//! What was acknowledged survives the death of the process: a write is one transaction.

mod event;
mod logs;
mod names;

pub use event::Event;
pub use logs::Arrival;
pub(crate) use logs::Moment;
pub(crate) use names::Logstore;

use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

/// An open database.
#[derive(Debug)]
pub(crate) struct Store {
    db: Connection,
    /// Where the next balanced write goes, before it is reduced to the shards that there are.
    turn: u32,
}

impl Store {
    /// Opens the database in a directory and creates both if they are missing.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        let file = directory.join("sls-emulator.sqlite");
        let db = Connection::open(&file).with_context(|| format!("opening {}", file.display()))?;
        db.execute_batch(SCHEMA).with_context(|| format!("preparing {}", file.display()))?;
        Ok(Self { db, turn: 0 })
    }
}

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS project (
    name TEXT PRIMARY KEY, description TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logstore (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, name TEXT NOT NULL, shards INTEGER NOT NULL,
    config TEXT NOT NULL, index_config TEXT, created INTEGER NOT NULL, UNIQUE (project, name)
) STRICT;
CREATE TABLE IF NOT EXISTS log_group (
    id INTEGER PRIMARY KEY AUTOINCREMENT, logstore INTEGER NOT NULL, shard INTEGER NOT NULL,
    received INTEGER NOT NULL, head BLOB NOT NULL, first_event INTEGER NOT NULL, events INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS log_group_place ON log_group (logstore, shard, id);
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, log_group INTEGER NOT NULL, logstore INTEGER NOT NULL,
    time INTEGER NOT NULL, time_ns INTEGER NOT NULL, log BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_time ON event (logstore, time, time_ns, id);
";

#[cfg(test)]
mod tests;
