//! Log groups and events: written by group, read by time or by group.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::{Result, params};

use super::{Event, Logstore, Store};
use crate::wire::{Log, LogGroup, Malformed, put_bytes};

/// A time to the nanosecond: Unix seconds, and the part of the second.
pub(crate) type Moment = (i64, u32);

/// A log group as a consumer gets it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Grows with every group.
    pub(crate) id: i64,
    /// The encoded group.
    pub(crate) bytes: Vec<u8>,
}

/// A log group as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Grows with every group.
    pub number: i64,
    /// Where it is.
    pub shard: u32,
    /// In the order in which they were sent.
    pub events: Vec<Event>,
}

impl Store {
    /// The shard for a write that leaves the choice to the service: each in turn.
    pub(crate) fn next_shard(&mut self, logstore: &Logstore) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn % logstore.shards.max(1)
    }

    /// Keeps all of these groups or none.
    pub(crate) fn write(&mut self, logstore: &Logstore, shard: u32, groups: &[LogGroup<'_>], now: i64) -> Result<()> {
        let all = self.db.transaction()?;
        {
            let mut put_group = all.prepare_cached(
                "INSERT INTO log_group (logstore, shard, received, head, first_event, events) VALUES (?, ?, ?, ?, ?, ?)",
            )?;
            let mut put_event = all.prepare_cached(
                "INSERT INTO event (id, log_group, logstore, time, time_ns, log) VALUES (?, ?, ?, ?, ?, ?)",
            )?;
            let mut id: i64 = all.query_row("SELECT coalesce(max(id), 0) FROM event", [], |row| row.get(0))?;
            for group in groups {
                let head = group.head.encode();
                let events = group.logs.len() as i64;
                put_group.execute(params![logstore.id, shard, now, head, id + 1, events])?;
                let group_id = all.last_insert_rowid();
                for log in &group.logs {
                    id += 1;
                    let ns = log.time_ns.unwrap_or_default();
                    put_event.execute(params![id, group_id, logstore.id, log.time, ns, log.bytes])?;
                }
            }
        }
        all.commit()
    }

    /// Shows events of a span of time in order, newest first if `reverse`, until `visit` returns `false`. Events of the
    /// same moment come in the order of their arrival.
    pub(crate) fn visit(
        &self,
        logstore: &Logstore,
        span: &Range<Moment>,
        reverse: bool,
        mut visit: impl FnMut(Event) -> bool,
    ) -> Result<()> {
        let direction = if reverse { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT log_group, log FROM event WHERE logstore = ?
             AND (time, time_ns) >= (?, ?) AND (time, time_ns) < (?, ?)
             ORDER BY time {direction}, time_ns {direction}, id {direction}"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let (from, to) = (span.start, span.end);
        let mut rows = statement.query(params![logstore.id, from.0, from.1, to.0, to.1])?;
        let mut heads = HashMap::<i64, Vec<u8>>::new();
        while let Some(row) = rows.next()? {
            let group: i64 = row.get(0)?;
            if let std::collections::hash_map::Entry::Vacant(e) = heads.entry(group) {
                e.insert(self.head(group)?);
            }
            let head = LogGroup::read(&heads[&group]).map_err(corrupt)?.head;
            let log = Log::read(row.get_ref(1)?.as_blob()?).map_err(corrupt)?;
            if !visit(Event::new(&head, &log)) {
                break;
            }
        }
        Ok(())
    }

    /// The groups of a shard from a number on: at most `count`, but one at least if its size alone passes the limit.
    pub(crate) fn groups(
        &self,
        logstore: &Logstore,
        shard: u32,
        span: Range<i64>,
        count: usize,
        limit_bytes: usize,
    ) -> Result<Vec<Stored>> {
        let sql = "SELECT id, head, first_event, events FROM log_group
                   WHERE logstore = ? AND shard = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?";
        let mut statement = self.db.prepare_cached(sql)?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![logstore.id, shard, span.start, span.end, count])?;
        let mut groups: Vec<Stored> = Vec::new();
        let mut size = 0;
        while let Some(row) = rows.next()? {
            let bytes = self.encode(row.get_ref(1)?.as_blob()?, row.get(2)?, row.get(3)?)?;
            size += bytes.len();
            if size > limit_bytes && !groups.is_empty() {
                break;
            }
            groups.push(Stored { id: row.get(0)?, bytes });
        }
        Ok(groups)
    }

    /// The groups of all shards from a number on, in the order of their arrival.
    pub(crate) fn arrivals(&self, logstore: &Logstore, from: i64) -> Result<Vec<Arrival>> {
        let sql = "SELECT id, head, first_event, events, shard FROM log_group
                   WHERE logstore = ? AND id >= ? ORDER BY id";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params![logstore.id, from])?;
        let mut arrivals = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = self.encode(row.get_ref(1)?.as_blob()?, row.get(2)?, row.get(3)?)?;
            let group = LogGroup::read(&bytes).map_err(corrupt)?;
            let events = group.logs.iter().map(|log| Event::new(&group.head, log)).collect();
            arrivals.push(Arrival { number: row.get(0)?, shard: row.get(4)?, events });
        }
        Ok(arrivals)
    }

    /// The number of the first group that a shard received at this time or later; the end if there is none.
    pub(crate) fn group_received_from(&self, logstore: &Logstore, shard: u32, time: i64) -> Result<i64> {
        let sql = "SELECT min(id) FROM log_group WHERE logstore = ? AND shard = ? AND received >= ?";
        let first: Option<i64> = self.db.query_row(sql, params![logstore.id, shard, time], |row| row.get(0))?;
        first.map_or_else(|| self.end(), Ok)
    }

    /// The number of the next group that will come, whatever its logstore.
    pub(crate) fn end(&self) -> Result<i64> {
        let sql = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'log_group'";
        self.db.query_row(sql, [], |row| row.get(0))
    }

    /// When the group at a number, or the next one of the shard, was received.
    pub(crate) fn received(&self, logstore: &Logstore, shard: u32, id: i64) -> Result<Option<i64>> {
        let sql = "SELECT min(received) FROM log_group WHERE logstore = ? AND shard = ? AND id >= ?";
        self.db.query_row(sql, params![logstore.id, shard, id], |row| row.get(0))
    }

    /// How many events a logstore holds.
    pub(crate) fn count(&self, logstore: &Logstore) -> Result<i64> {
        let sql = "SELECT coalesce(sum(events), 0) FROM log_group WHERE logstore = ?";
        self.db.query_row(sql, [logstore.id], |row| row.get(0))
    }

    fn head(&self, group: i64) -> Result<Vec<u8>> {
        self.db.prepare_cached("SELECT head FROM log_group WHERE id = ?")?.query_row([group], |row| row.get(0))
    }

    fn encode(&self, head: &[u8], first: i64, events: i64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut statement = self.db.prepare_cached("SELECT log FROM event WHERE id >= ? AND id < ? ORDER BY id")?;
        let mut rows = statement.query([first, first + events])?;
        while let Some(row) = rows.next()? {
            put_bytes(&mut bytes, 1, row.get_ref(0)?.as_blob()?);
        }
        bytes.extend_from_slice(head);
        Ok(bytes)
    }
}

fn corrupt(error: Malformed) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}
