//! Collects batches into groups, and says when a group is a package.
//!
//! A lane has one open group; all its events have the same tags. The group is closed
//! - when its size or the number of its events reaches what the config says,
//! - when its age does,
//! - when the next batch of the lane has other tags, or is from another file: the id names one,
//! - when the next event would make it larger than the service takes: groups are cut between events, and
//! - when all open groups together are too large and it is the largest.
//!
//! Groups that are due at the same time go into one list, unless groups have hash keys: those of a list would differ.
//! Packages come out in the order in which their groups were closed, so those of one lane are in read order.
//!
//! An event that is too large for any group loses the end of its largest value, between two characters, and nothing else;
//! that is counted, and an alarm says where. If that is not enough the next largest value follows. An event whose names alone
//! are too long goes out as it is, for the service to refuse.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::compress::Compressor;
use super::group::{Closed, Facts, Open};
use super::hash_key::hash_key;
use super::log_group::{Encoder, Event, events};
use super::tags::{PACK_ID_MAX_BYTES, Tags, pack_id};
use super::wire::bytes_len;
use super::{MAX_RAW_BYTES, share};
use crate::event::{Delivery, EventBatch};
use crate::flusher::sls::package::{Compression, Origin};
use crate::flusher::sls::receipt::{Hold, OnAck, Outgoing};
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::counter::Counter;

/// How a flusher packs.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The pipeline.
    pub pipeline: String,
    /// Whether logs have the nanoseconds of their time.
    pub nanoseconds: bool,
    /// How groups are compressed.
    pub compression: Compression,
    /// The tags whose values choose the shard. Empty: the service chooses.
    pub shard_hash_keys: Vec<String>,
    /// The tag that is left out.
    pub without_tag: Option<String>,
    /// A group of this size before compression is closed.
    pub min_bytes: u64,
    /// A group of so many events is closed.
    pub min_events: u64,
    /// A group of this age is closed.
    pub timeout: Duration,
}

/// What a packer counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events whose time no log can have: those before 1970 became 0, those after 2106 the last second of 32 bits.
    pub clamped_times: Counter,
    /// Events that were too large, and of which a value was cut.
    pub cut_events: Counter,
}

/// Collects batches into packages.
pub struct Packer {
    spec: Spec,
    /// From this size on groups are closed.
    min_bytes: u64,
    limits: Limits,
    on_ack: Arc<OnAck>,
    alarms: Arc<Alarms>,
    counters: Arc<Counters>,
    encoder: Encoder,
    compressor: Compressor,
    /// Open groups by when they were opened.
    open: BTreeMap<u64, Open>,
    /// The open group of each lane that has one.
    by_lane: HashMap<u64, u64>,
    opened: u64,
    /// The memory of the batches that wait for an open group.
    held_bytes: usize,
    ready: Vec<Outgoing>,
    /// The tags of the batch at hand, encoded.
    tags: Vec<u8>,
    /// See [`share::running_totals`].
    shares: Vec<u64>,
    /// Which packages have a part of the batch at hand, and how much of it.
    parts: Vec<(usize, u64)>,
    /// Buffers of closed groups, for those to come.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The size that no group exceeds.
    group_bytes: usize,
    /// The memory of batches that wait for open groups; beyond it, all groups are closed.
    held_bytes: usize,
}

/// How much of the batch at hand is in the group that is being filled, and how much in those before.
#[derive(Default)]
struct Part {
    events: u64,
    bytes_before: u64,
}

impl Packer {
    /// A packer without groups, which calls `on_ack` for each batch that is out.
    pub fn new(spec: Spec, on_ack: Arc<OnAck>, alarms: Arc<Alarms>) -> Self {
        Self {
            encoder: Encoder::new(spec.nanoseconds),
            compressor: Compressor::new(spec.compression),
            min_bytes: spec.min_bytes,
            spec,
            limits: Limits { group_bytes: MAX_RAW_BYTES, held_bytes: MAX_HELD_BYTES },
            on_ack,
            alarms,
            counters: Arc::default(),
            open: BTreeMap::new(),
            by_lane: HashMap::new(),
            opened: 0,
            held_bytes: 0,
            ready: Vec::new(),
            tags: Vec::new(),
            shares: Vec::new(),
            parts: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Has at most so much memory of batches wait for open groups.
    pub fn hold_at_most(&mut self, bytes: u64) {
        self.limits.held_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }

    /// Closes groups from this size on, if that is more than the config says.
    pub fn set_min_bytes(&mut self, bytes: u64) {
        self.min_bytes = bytes.max(self.spec.min_bytes);
    }

    /// What was counted, now and later.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Packs a batch. Times never go back from one call to the next.
    pub fn push(&mut self, delivery: Delivery, now: Instant) {
        let rest = self.pack(delivery.batch(), now);
        let batch_bytes = delivery.batch().size_bytes();
        let hold = Hold::new(delivery, Arc::clone(&self.on_ack));
        for (place, bytes) in self.parts.drain(..) {
            self.ready[place].receipts.push(hold.receipt(bytes));
        }
        if let Some((mut group, bytes)) = rest {
            if let Some(bytes) = bytes {
                group.receipts.push(hold.receipt(bytes));
                group.held_bytes += batch_bytes;
            }
            self.put_back(group);
        }
        hold.packed();
        if self.held_bytes > self.limits.held_bytes {
            self.close_all();
        }
    }

    /// When [`Self::close_due`] has something to do.
    pub fn due(&self) -> Option<Instant> {
        // A time-out that is too long for a clock never comes.
        self.open.first_key_value().and_then(|(_, oldest)| oldest.opened.checked_add(self.spec.timeout))
    }

    /// Closes the groups that are old enough.
    pub fn close_due(&mut self, now: Instant) {
        let mut due = Vec::new();
        while self.due().is_some_and(|due| due <= now)
            && let Some(oldest) = self.open.first_key_value().map(|(serial, _)| *serial)
        {
            due.extend(self.take(oldest));
        }
        self.close_together(due);
    }

    /// Closes all groups.
    pub fn close_all(&mut self) {
        self.by_lane.clear();
        self.held_bytes = 0;
        let all = std::mem::take(&mut self.open).into_values().collect();
        self.close_together(all);
    }

    /// The packages that are ready by now, in the order in which they are to be sent.
    pub fn take_ready(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.ready)
    }

    /// Packs a batch into packages that are ready and noted in `parts`, and into the group that is returned with how much
    /// of the batch it has, if that is anything.
    fn pack(&mut self, batch: &EventBatch, now: Instant) -> Option<(Open, Option<u64>)> {
        self.encoder.prepare(batch);
        share::running_totals(batch, &mut self.shares);
        let tags = Tags::of(batch, self.spec.without_tag.as_deref());
        self.tags.clear();
        tags.encode(&mut self.tags);
        let mut filling = self.by_lane.get(&batch.source.lane).copied().and_then(|serial| self.take(serial));
        if let Some(group) = filling.take_if(|group| group.tags != self.tags || group.file != batch.source.file) {
            self.close(group);
        }
        let most_bytes = self.limits.group_bytes.saturating_sub(self.tags.len() + PACK_ID_MAX_BYTES);
        let clamped_before = self.encoder.clamped_times();
        let mut part = Part::default();
        for (at, event) in events(batch).enumerate() {
            let Some(body_bytes) = self.encoder.body_bytes(&event) else { continue };
            let log_bytes = bytes_len(body_bytes);
            if let Some(group) = filling.take_if(|group| group.raw.len() + log_bytes > most_bytes) {
                self.close_part(group, batch, &mut part, at);
            }
            let group = filling.get_or_insert_with(|| self.open(batch, at, &tags, now));
            if log_bytes > most_bytes {
                self.write_cut(&event, most_bytes, batch, at, group);
            } else {
                self.encoder.write(&event, body_bytes, &mut group.raw);
            }
            group.facts.events += 1;
            part.events += 1;
            if let Some(group) = filling.take_if(|group| self.is_full(group)) {
                self.close_part(group, batch, &mut part, at + 1);
            }
        }
        self.report_clamped_times(self.encoder.clamped_times() - clamped_before, batch);
        filling.map(|mut group| {
            let bytes = note_part(&mut group, batch, &mut part, self.shares.last());
            (group, bytes)
        })
    }

    fn is_full(&self, group: &Open) -> bool {
        group.raw_bytes() as u64 >= self.min_bytes || group.facts.events >= self.spec.min_events
    }

    /// Closes a group that has the events of a batch up to one.
    fn close_part(&mut self, mut group: Open, batch: &EventBatch, part: &mut Part, end: usize) {
        let share = end.checked_sub(1).and_then(|last| self.shares.get(last));
        let bytes = note_part(&mut group, batch, part, share);
        self.parts.extend(bytes.map(|bytes| (self.ready.len(), bytes)));
        self.close(group);
    }

    fn open(&mut self, batch: &EventBatch, event: usize, tags: &Tags<'_>, now: Instant) -> Open {
        let keys = &self.spec.shard_hash_keys;
        let hash_key = (!keys.is_empty()).then(|| hash_key(keys, |name| tags.value(name)));
        self.opened += 1;
        Open {
            serial: self.opened,
            lane: batch.source.lane,
            file: batch.source.file,
            opened: now,
            raw: self.spare.pop().unwrap_or_default(),
            tags: self.tags.clone(),
            pack_id: pack_id(&self.spec.pipeline, batch, event),
            facts: Facts { hash_key, read_seconds: batch.read_seconds, ..Facts::default() },
            receipts: Vec::new(),
            held_bytes: 0,
        }
    }

    fn write_cut(&mut self, event: &Event<'_>, most_bytes: usize, batch: &EventBatch, at: usize, group: &mut Open) {
        let overhead = bytes_len(most_bytes) - most_bytes;
        self.encoder.write_cut(event, most_bytes.saturating_sub(overhead), &mut group.raw);
        self.counters.cut_events.add(1);
        let message = format!("event of more than {} bytes: its largest value is cut", self.limits.group_bytes);
        self.raise("CUT_EVENT_ALARM", batch, Some(at), message, 1);
    }

    fn report_clamped_times(&self, count: u64, batch: &EventBatch) {
        if count > 0 {
            self.counters.clamped_times.add(count);
            let message = "time before 1970 or after 2106: sent as the nearest that there is".to_owned();
            self.raise("TIME_OUT_OF_RANGE_ALARM", batch, None, message, count);
        }
    }

    fn raise(&self, kind: &str, batch: &EventBatch, event: Option<usize>, message: String, occurrences: u64) {
        self.alarms.raise(&Alarm {
            kind: kind.to_owned(),
            pipeline: self.spec.pipeline.clone(),
            part: "flusher_sls".to_owned(),
            place: Some((batch.source.path.clone(), event.map(|event| batch.offset(event)))),
            message,
            occurrences,
        });
    }

    fn put_back(&mut self, group: Open) {
        self.held_bytes += group.held_bytes;
        let serial = group.serial;
        self.by_lane.insert(group.lane, serial);
        self.open.insert(serial, group);
    }

    fn take(&mut self, serial: u64) -> Option<Open> {
        let group = self.open.remove(&serial)?;
        self.by_lane.remove(&group.lane);
        self.held_bytes -= group.held_bytes;
        Some(group)
    }

    fn close(&mut self, group: Open) {
        let closed = self.compress(group);
        self.ready.push(closed.alone(&self.spec.pipeline));
    }

    fn compress(&mut self, group: Open) -> Closed {
        let (closed, mut buffer) = group.close(&mut self.compressor);
        if self.spare.len() < SPARE_BUFFERS && buffer.capacity() <= SPARE_BUFFER_BYTES {
            buffer.clear();
            self.spare.push(buffer);
        }
        closed
    }

    /// Closes groups of different lanes and packs them into as few lists as their sizes allow.
    fn close_together(&mut self, groups: Vec<Open>) {
        let (mut list, mut list_bytes) = (Vec::new(), 0);
        for group in groups {
            let closed = self.compress(group);
            if !self.spec.shard_hash_keys.is_empty() || list_bytes + closed.raw_bytes() as u64 > self.spec.min_bytes {
                self.ready.extend(Closed::together(std::mem::take(&mut list), &self.spec.pipeline));
                list_bytes = 0;
            }
            list_bytes += closed.raw_bytes() as u64;
            list.push(closed);
        }
        self.ready.extend(Closed::together(list, &self.spec.pipeline));
    }
}

/// Notes in a group what it has of a batch, and returns how many bytes of the source that is, if it is anything.
/// `bytes_so_far` is the share of all events up to its last one.
fn note_part(group: &mut Open, batch: &EventBatch, part: &mut Part, bytes_so_far: Option<&u64>) -> Option<u64> {
    if std::mem::take(&mut part.events) == 0 {
        return None;
    }
    let bytes_so_far = bytes_so_far.copied().unwrap_or_default();
    let bytes = bytes_so_far - std::mem::replace(&mut part.bytes_before, bytes_so_far);
    group.facts.read_seconds = group.facts.read_seconds.min(batch.read_seconds);
    let source = &batch.source;
    group.facts.add_origin(Origin { generation: source.generation, lane: source.lane, bytes });
    Some(bytes)
}

/// Open groups larger than this in all are not left open: what they are made of takes as much of the byte budget.
const MAX_HELD_BYTES: usize = 8 << 20;

/// So many buffers of closed groups are kept for new ones.
const SPARE_BUFFERS: usize = 16;

/// Larger ones are not kept.
const SPARE_BUFFER_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
