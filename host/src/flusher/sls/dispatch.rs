//! Brings packages to one destination: through memory while it takes them, over the disk while it does not.
//!
//! Requests are made by the caller, and so is the time told. What is on disk here is safe, and acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::http::answer::{Answer, Refusal};
use super::http::class::Class;
use super::outbox::{Claim, Item, Outbox, Ticket, Verdict};
use super::pack::split::split;
use super::package::{Destination, Head, Package};
use super::receipt::{Outgoing, Receipt};
use super::spool::{AppendError, DeadLetters, RecordId, Spool};
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::chain;
use crate::telemetry::failpoint;

/// What is kept for a destination that does not take it, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Requests under way at most.
    pub most_under_way: u32,
    /// Bytes before compression that may be sent in a second; 0 for any number.
    pub bytes_per_sec: u64,
    /// From so many bytes on, before compression, of batches that are not acknowledged no more are taken.
    pub memory_bytes: u64,
    /// What is older than that is given up.
    pub max_age: Duration,
}

/// Is told what became of packages whose batches were acknowledged when they went to disk.
pub trait Accounts: Send + Sync {
    /// A package passed its age limit.
    fn expired(&self, head: &Head);

    /// A package was refused for good.
    fn rejected(&self, head: &Head);
}

/// Everything that is on its way to one destination.
pub struct Dispatch {
    name: String,
    settings: Settings,
    outbox: Outbox,
    disk: Disk,
    /// How many parts of a record are in the outbox, where it is not one.
    parts: HashMap<RecordId, usize>,
    accounts: Arc<dyn Accounts>,
    alarms: Arc<Alarms>,
    counts: Counts,
    last_refusal: Option<Refusal>,
    next_expiry: Option<Instant>,
    /// When it began, by both clocks.
    begun: Option<(Instant, i64)>,
    /// What the destination refused for good and the disk did not take yet, with the reasons.
    unburied: Vec<(Item, String)>,
    is_closing: bool,
}

/// What is on disk for a destination.
pub struct Disk {
    /// What waits there.
    pub spool: Spool,
    /// What the destination refused for good.
    pub dead_letters: DeadLetters,
    /// Everything that the spool has is in the outbox, or was.
    is_read: bool,
    /// When it is written to again after an error.
    append_at: Option<Instant>,
    /// When it is read again after an error.
    take_at: Option<Instant>,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packages that the destination has taken.
    pub packages: u64,
    /// The events in them.
    pub events: u64,
    /// Their bytes before compression.
    pub raw_bytes: u64,
    /// Their bytes as sent.
    pub sent_bytes: u64,
    /// Requests that did not succeed.
    pub refusals: u64,
    /// Packages that went to disk.
    pub spooled_packages: u64,
    /// Events that passed their age limit on disk.
    pub expired_events: u64,
    /// Events that were refused for good.
    pub dead_events: u64,
}

/// How things stand with a destination.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was done so far.
    pub counts: Counts,
    /// Packages in memory.
    pub waiting: usize,
    /// Requests under way, and how many may be.
    pub under_way: (usize, u32),
    /// Packages and bytes on disk.
    pub spooled: (u64, u64),
    /// When the oldest event on disk was read, in Unix seconds.
    pub oldest_read_seconds: Option<i64>,
    /// Since when there were only refusals, and the last of them.
    pub failing: Option<(Instant, String)>,
}

impl Disk {
    /// A spool, and where dead letters go.
    pub fn new(spool: Spool, dead_letters: DeadLetters) -> Self {
        Self { spool, dead_letters, is_read: false, append_at: None, take_at: None }
    }
}

impl Dispatch {
    /// Nothing on its way but what is on disk.
    pub fn new(
        destination: &Destination,
        settings: Settings,
        disk: Disk,
        (accounts, alarms): (Arc<dyn Accounts>, Arc<Alarms>),
        now: Instant,
    ) -> Self {
        Self {
            name: format!("{}/{}", destination.project, destination.logstore),
            settings,
            outbox: Outbox::new(settings.most_under_way, settings.bytes_per_sec, now),
            disk,
            parts: HashMap::new(),
            accounts,
            alarms,
            counts: Counts::default(),
            last_refusal: None,
            next_expiry: None,
            begun: None,
            unburied: Vec::new(),
            is_closing: false,
        }
    }

    /// Whether a package may be taken: not if too much waits in memory already.
    pub fn has_room(&self) -> bool {
        self.outbox.unacknowledged_bytes() < self.settings.memory_bytes && self.unburied.is_empty()
    }

    /// Whether packages wait for nothing but older ones of their lanes: larger packages would be better.
    pub fn has_followers(&self) -> bool {
        self.outbox.has_followers()
    }

    /// Whether nothing is in memory any more.
    pub fn is_drained(&self) -> bool {
        self.outbox.unacknowledged_bytes() == 0 && self.outbox.under_way() == 0
    }

    /// Whether the destination takes nothing.
    pub fn is_failing(&self) -> bool {
        self.outbox.failing_since().is_some()
    }

    /// Takes a package.
    pub fn take(&mut self, outgoing: Outgoing) {
        self.outbox.push(outgoing.package, Claim::Batches(outgoing.receipts));
    }

    /// Says that no more packages will come: what is on disk stays there, for the next agent.
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    /// Does what is to be done now, and sends what is to be sent. Returns when it is to be called again at the latest.
    pub fn turn(&mut self, now: Instant, unix_now: i64, send: &mut dyn FnMut(Ticket, &Package)) -> Option<Instant> {
        self.tell_notes();
        self.expire(now, unix_now);
        if self.disk.append_at.is_none_or(|time| time <= now) {
            std::mem::take(&mut self.unburied).into_iter().for_each(|(item, reason)| self.bury(item, reason, now));
        }
        if self.is_spilling(now) {
            self.spill(now);
        }
        self.load(now);
        while let Some((ticket, package)) = self.outbox.next(!self.disk.is_read, now) {
            failpoint::hit("send");
            send(ticket, package);
        }
        let patience = self.outbox.failing_since().map(|since| since + SPILL_PATIENCE);
        let times = [self.outbox.wakes_at(now), patience, self.disk.append_at, self.disk.take_at, self.next_expiry];
        times.into_iter().flatten().filter(|time| *time > now).min()
    }

    /// Says what the destination answered to a package.
    pub fn answered(&mut self, ticket: Ticket, answer: Answer, now: Instant) {
        match answer {
            Answer::Accepted { .. } => {
                failpoint::hit("acknowledge");
                let Some(item) = self.outbox.taken(ticket, now) else { return };
                self.count(&item.package);
                self.last_refusal = None;
                self.settle(item, Receipt::taken);
            }
            Answer::Refused(refusal) => {
                self.counts.refusals += 1;
                self.tell_refusal(&refusal);
                match self.outbox.refused(ticket, refusal.class, now) {
                    Some(Verdict::Split(item, ticket)) => self.halve(item, ticket, &refusal, now),
                    Some(Verdict::Dead(item)) => self.bury(item, refusal.reason(), now),
                    Some(Verdict::Again) | None => {}
                }
                self.last_refusal = Some(refusal);
            }
        }
    }

    /// Tries again at once what waits for better times: there is reason to believe that they have come.
    pub fn wake(&mut self, now: Instant) {
        self.outbox.wake(now);
    }

    /// Puts dead letters behind what waits on disk, as if they had just been read: whoever asks for that has mended
    /// something.
    pub fn replay_dead_letters(&mut self, unix_now: i64) {
        match self.disk.dead_letters.requeue(&mut self.disk.spool, unix_now) {
            Ok(_) => self.disk.is_read = false,
            Err(error) => self.tell_append_error(&error),
        }
    }

    /// Brings everything in memory to disk, since nothing will be sent any more. Returns whether all of it is safe.
    pub fn put_away(&mut self, now: Instant) -> bool {
        self.outbox.abandon();
        self.disk.append_at = None;
        self.spill(now);
        self.outbox.unacknowledged_bytes() == 0
    }

    /// How things stand.
    pub fn report(&self) -> Report {
        let last = self.last_refusal.as_ref().map(ToString::to_string).unwrap_or_default();
        Report {
            counts: self.counts,
            waiting: self.outbox.len(),
            under_way: (self.outbox.under_way(), self.outbox.allowed()),
            spooled: (self.disk.spool.records(), self.disk.spool.bytes()),
            oldest_read_seconds: self.disk.spool.oldest_read_seconds(),
            failing: self.outbox.failing_since().map(|since| (since, last)),
        }
    }

    /// Whether packages go to disk: when the destination takes nothing for a while, or for less than that when there is no
    /// room for more; and when they would have to wait for what is on disk, which will not be sent any more.
    fn is_spilling(&self, now: Instant) -> bool {
        if self.is_closing && !self.disk.is_read {
            return true;
        }
        let Some(since) = self.outbox.failing_since() else { return false };
        now.duration_since(since) >= SPILL_PATIENCE || !self.has_room()
    }

    /// Brings to disk what may go there.
    fn spill(&mut self, now: Instant) {
        if self.disk.append_at.is_some_and(|time| time > now) {
            return;
        }
        self.disk.append_at = None;
        let mut stored = Vec::new();
        let mut waiting = self.outbox.spillable().into_iter();
        for (ticket, item) in waiting.by_ref() {
            match self.disk.spool.append(&item.package) {
                Ok(()) => stored.push((ticket, item)),
                Err(error) => {
                    self.tell_append_error(&error);
                    self.disk.append_at = Some(now + DISK_RETRY);
                    self.outbox.put_back(ticket, item);
                    break;
                }
            }
        }
        waiting.for_each(|(ticket, item)| self.outbox.put_back(ticket, item));
        if stored.is_empty() {
            return;
        }
        self.disk.is_read = false;
        if let Err(error) = self.disk.spool.sync() {
            // They may be there twice then.
            self.tell_append_error(&AppendError::Io(error));
            self.disk.append_at = Some(now + DISK_RETRY);
            return stored.into_iter().for_each(|(ticket, item)| self.outbox.put_back(ticket, item));
        }
        self.counts.spooled_packages += stored.len() as u64;
        stored.into_iter().for_each(|(_, item)| self.settle(item, Receipt::taken));
    }

    /// Takes as much from disk as may be under way.
    fn load(&mut self, now: Instant) {
        while !self.is_closing && !self.disk.is_read && self.disk.take_at.is_none_or(|time| time <= now) {
            let (packages, bytes) = self.outbox.loaded();
            if packages > self.outbox.allowed() as usize || bytes > LOADED_BYTES {
                return;
            }
            match self.disk.spool.take() {
                Ok(Some((record, package))) => self.outbox.push(package, Claim::Record(record)),
                Ok(None) => self.disk.is_read = true,
                Err(error) => {
                    self.disk.take_at = Some(now + DISK_RETRY);
                    self.alarm(
                        "SECONDARY_READ_WRITE_ALARM",
                        format!("cannot read what waits on disk: {}; trying again", chain(&error)),
                        1,
                    );
                }
            }
        }
    }

    /// Gives up what is on disk for too long, and warns well before.
    fn expire(&mut self, now: Instant, unix_now: i64) {
        if self.next_expiry.is_some_and(|time| time > now) {
            return;
        }
        self.next_expiry = Some(now + EXPIRY_PERIOD);
        // The clock of the machine may be set at any time; what is on disk does not get older by that.
        let (begun, unix_begun) = *self.begun.get_or_insert((now, unix_now));
        let unix_now = unix_begun.saturating_add(now.duration_since(begun).as_secs().cast_signed());
        // What the next request may bring there is not given up.
        let Some(since) = self.outbox.failing_since() else { return };
        let Some(oldest) = self.disk.spool.oldest_read_seconds() else { return };
        let limit = i64::try_from(self.settings.max_age.as_secs()).unwrap_or(i64::MAX);
        if unix_now.saturating_sub(oldest) > limit / 4 * 3 {
            let hours = |seconds: i64| seconds as f64 / 3600.0;
            self.alarm(
                "SEND_DATA_FAIL_ALARM",
                format!(
                    "the oldest package on disk is {:.1} hours old; what gets {:.1} hours old is given up",
                    hours(unix_now.saturating_sub(oldest)),
                    hours(limit)
                ),
                1,
            );
        }
        if now.duration_since(since) < EXPIRY_PATIENCE.min(self.settings.max_age) {
            return;
        }
        let oldest_kept = unix_now.saturating_sub(limit);
        for item in self.outbox.remove_loaded(|package| package.head.read_seconds < oldest_kept) {
            if let Claim::Record(record) = item.claim {
                self.end_part(record);
                self.tell_expired(&item.package.head);
            }
        }
        match self.disk.spool.expire(oldest_kept) {
            Ok(heads) => heads.iter().for_each(|head| self.tell_expired(head)),
            Err(error) => self.tell_append_error(&AppendError::Io(error)),
        }
    }

    /// Sends a package in parts that was refused as a whole.
    fn halve(&mut self, item: Item, ticket: Ticket, refusal: &Refusal, now: Instant) {
        let parts = match split(&item.package) {
            Ok(Some(parts)) if parts.len() as u64 <= item.places() => parts,
            // Only the service itself may decide over an event. Whoever else says so may be gone in a while.
            Ok(_) if refusal.request_id.is_none() => return self.outbox.retry(ticket, item, now + STRANGER_RETRY),
            Ok(_) => return self.bury(item, refusal.reason(), now),
            Err(error) => return self.bury(item, format!("{}; {}", refusal.reason(), chain(&error)), now),
        };
        let places = item.places();
        let claims = match item.claim {
            Claim::Batches(receipts) => split_receipts(receipts, parts.len()),
            Claim::Record(record) => {
                *self.parts.entry(record).or_insert(1) += parts.len() - 1;
                parts.iter().map(|_| Claim::Record(record)).collect()
            }
        };
        self.outbox.push_parts(ticket, places, parts.into_iter().zip(claims).collect());
    }

    /// Puts a package aside that will never be taken. If the disk does not take it, that is tried again later.
    fn bury(&mut self, item: Item, reason: String, now: Instant) {
        let head = &item.package.head;
        if let Err(error) = self.disk.dead_letters.append(&item.package, &reason) {
            self.tell_append_error(&error);
            self.disk.append_at = Some(now + DISK_RETRY);
            return self.unburied.push((item, reason));
        }
        self.counts.dead_events += head.events;
        self.alarm(
            "DISCARD_DATA_ALARM",
            format!("{reason}; the events are put aside, and `loglift spool replay --dead-letters` sends them again"),
            head.events,
        );
        if matches!(item.claim, Claim::Record(_)) {
            self.accounts.rejected(head);
        }
        self.settle(item, Receipt::rejected);
    }

    /// Tells those who wait for a package that it is out.
    fn settle(&mut self, item: Item, give: impl Fn(Receipt)) {
        match item.claim {
            Claim::Batches(receipts) => receipts.into_iter().for_each(give),
            Claim::Record(record) => self.end_part(record),
        }
    }

    fn end_part(&mut self, record: RecordId) {
        if let Some(parts) = self.parts.get_mut(&record) {
            *parts -= 1;
            if *parts > 0 {
                return;
            }
            self.parts.remove(&record);
        }
        self.disk.spool.done(record);
    }

    fn count(&mut self, package: &Package) {
        self.counts.packages += 1;
        self.counts.events += package.head.events;
        self.counts.raw_bytes += package.head.raw_bytes;
        self.counts.sent_bytes += package.body.len() as u64;
    }

    fn tell_expired(&mut self, head: &Head) {
        self.counts.expired_events += head.events;
        self.accounts.expired(head);
        self.alarm(
            "DISCARD_SECONDARY_ALARM",
            "events are lost: the destination did not take them until the age limit".to_owned(),
            head.events,
        );
    }

    /// Says what was found damaged on disk while it was read.
    fn tell_notes(&mut self) {
        for note in self.disk.spool.notes() {
            self.alarm("SECONDARY_READ_WRITE_ALARM", note.to_string(), 1);
        }
    }

    fn tell_refusal(&self, refusal: &Refusal) {
        let kind = match refusal.class {
            Class::QuotaLogstore | Class::QuotaProject => "SEND_QUOTA_EXCEED_ALARM",
            _ => "SEND_DATA_FAIL_ALARM",
        };
        self.alarm(kind, refusal.to_string(), 1);
    }

    fn tell_append_error(&self, error: &AppendError) {
        self.alarm(
            "SECONDARY_READ_WRITE_ALARM",
            format!("cannot keep packages on disk: {}; trying again, and reading stops until it works", chain(error)),
            1,
        );
    }

    fn alarm(&self, kind: &str, message: String, occurrences: u64) {
        self.alarms.raise(&Alarm {
            kind: kind.to_owned(),
            pipeline: String::new(),
            part: self.name.clone(),
            place: None,
            message,
            occurrences,
        });
    }
}

/// Claims for so many parts of a package.
fn split_receipts(receipts: Vec<Receipt>, parts: usize) -> Vec<Claim> {
    let mut claims: Vec<Vec<Receipt>> = (0..parts).map(|_| Vec::new()).collect();
    for receipt in receipts {
        claims.iter_mut().zip(receipt.split(parts as u64)).for_each(|(claim, receipt)| claim.push(receipt));
    }
    claims.into_iter().map(Claim::Batches).collect()
}

/// How long a destination may take nothing before packages go to disk.
const SPILL_PATIENCE: Duration = Duration::from_secs(5);
/// How soon a disk is tried again that took nothing.
const DISK_RETRY: Duration = Duration::from_secs(1);
/// How long a destination must have taken nothing before anything for it is given up, if the age limit is no shorter.
const EXPIRY_PATIENCE: Duration = Duration::from_secs(60);
/// How soon an event is sent again that somebody before the service does not let through.
const STRANGER_RETRY: Duration = Duration::from_secs(30);
/// How often it is looked what is too old.
const EXPIRY_PERIOD: Duration = Duration::from_secs(10);
/// How much is taken from disk ahead of being sent.
const LOADED_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests;
