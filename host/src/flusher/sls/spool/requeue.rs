//! Moves dead letters back into the spool.

use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;

use super::look;
use super::queue::{AppendError, Queue, RecordId};
use super::{DeadLetters, Room, Spool};
use crate::flusher::sls::package::{Destination, Head};

/// What was moved.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Requeued {
    /// How many packages.
    pub packages: u64,
    /// How many events are in them.
    pub events: u64,
}

/// Moves the dead letters of `only`, or of all destinations, to the ends of their spools in a data directory that nobody
/// else has open, as if they had been read at `unix_now`. There is no limit of bytes.
///
/// # Errors
/// Those of the file system. Each package is in its spool, among the dead letters, or for a moment in both.
pub fn requeue(data_dir: &Dir, only: Option<&Destination>, unix_now: i64) -> io::Result<Requeued> {
    let mut moved = Requeued::default();
    let room = Room::new(u64::MAX);
    let destinations = look::destinations(data_dir, true)?;
    for destination in destinations.iter().filter(|destination| only.is_none_or(|only| only == *destination)) {
        let (mut dead, _) = DeadLetters::open(data_dir, destination, room.clone())?;
        let (mut spool, _) = Spool::open(data_dir, destination, room.clone())?;
        while !dead.is_empty() {
            let more = dead.requeue(&mut spool, unix_now).map_err(io::Error::other)?;
            moved.packages += more.packages;
            moved.events += more.events;
            if more.packages == 0 {
                break;
            }
        }
    }
    Ok(moved)
}

/// Moves what waits for `from` to the end of the spool of `to`, in a data directory that nobody else has open. There is no limit
/// of bytes.
///
/// # Errors
/// Those of the file system. Each package is in one of the spools, or for a moment in both.
pub fn adopt(data_dir: &Dir, from: &Destination, to: &Destination) -> io::Result<Requeued> {
    let room = Room::new(u64::MAX);
    let (mut old, _) = Spool::open(data_dir, from, Arc::clone(&room))?;
    let (mut new, _) = Spool::open(data_dir, to, room)?;
    move_all(&mut old.queue, &mut new, &|_| ()).map_err(io::Error::other)
}

impl DeadLetters {
    /// Moves dead letters, oldest first, to the end of the spool of the same destination, in which nothing waits to be
    /// synced. A package is removed here when it is durable there, and counts as read at `unix_now`, so that it does not expire
    /// before it is tried.
    ///
    /// # Errors
    /// Nothing was moved. If only some can be moved, which is no error, the others are still here.
    pub fn requeue(&mut self, spool: &mut Spool, unix_now: i64) -> Result<Requeued, AppendError> {
        move_all(&mut self.queue, spool, &|head| {
            head.read_seconds = unix_now;
            // Its bytes are in the ledger as refused. They are counted once.
            head.origins.iter_mut().for_each(|origin| origin.bytes = 0);
        })
    }
}

fn move_all(queue: &mut Queue, spool: &mut Spool, change: &dyn Fn(&mut Head)) -> Result<Requeued, AppendError> {
    let mut moved = Requeued::default();
    loop {
        let (group, failed) = append_group(queue, spool, change);
        if let Err(error) = spool.sync() {
            group.iter().for_each(|(id, _)| queue.put_back(*id));
            return if moved.packages > 0 { Ok(moved) } else { Err(error.into()) };
        }
        for (id, events) in &group {
            queue.done(*id);
            moved.packages += 1;
            moved.events += events;
        }
        match failed {
            Some(error) if moved.packages == 0 => return Err(error),
            None if !group.is_empty() => {}
            _ => return Ok(moved),
        }
    }
}

/// Appends what one sync is worth, and returns which records that are, with their events, and what kept it from more.
fn append_group(
    queue: &mut Queue,
    spool: &mut Spool,
    change: &dyn Fn(&mut Head),
) -> (Vec<(RecordId, u64)>, Option<AppendError>) {
    let (mut group, mut bytes) = (Vec::new(), 0);
    while bytes < GROUP_BYTES {
        let mut taken = match queue.take() {
            Ok(Some(taken)) => taken,
            Ok(None) => break,
            Err(error) => return (group, Some(error.into())),
        };
        change(&mut taken.package.head);
        if let Err(error) = spool.append(&taken.package) {
            queue.put_back(taken.id);
            return (group, Some(error));
        }
        bytes += taken.package.body.len();
        group.push((taken.id, taken.package.head.events));
    }
    (group, None)
}

/// Enough that a sync costs little beside it.
const GROUP_BYTES: usize = 4 * 1024 * 1024;
