//! What waits for being sent and what is under way, in memory, to one destination.
//!
//! Decides what is sent next: the oldest package of which no lane has an older one here, so that the lines of a file arrive in
//! order. Does no I/O and knows no clock; the time is told.

mod limiter;
mod rate;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use self::limiter::Limiter;
use self::rate::SendRate;
use super::http::class::Class;
use super::package::Package;
use super::receipt::Receipt;
use super::spool::RecordId;

/// Packages that wait and packages under way.
pub struct Outbox {
    next_number: u64,
    items: BTreeMap<Ticket, Item>,
    /// How many packages are under way from each lane.
    busy: HashMap<u64, usize>,
    under_way: usize,
    limiter: Limiter,
    rate: SendRate,
    /// Bytes before compression of what waits on a receipt, that is, of batches that are not acknowledged.
    unacknowledged_bytes: u64,
    /// Bytes of what came from disk.
    loaded_bytes: u64,
    loaded: usize,
    /// Since when there were only refusals.
    failing_since: Option<Instant>,
}

/// A package's place in the outbox. Of two of one lane, the one with the smaller ticket goes first.
///
/// What comes from disk is older than what does not. The halves of a package share its place among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    is_new: bool,
    place: u64,
}

/// A package in the outbox.
pub struct Item {
    /// The package.
    pub package: Package,
    /// Who waits for it.
    pub claim: Claim,
    /// How often it was tried.
    attempts: u32,
    /// How often it was refused by itself, and not for the state of the destination.
    refusals: u32,
    clock_attempts: u32,
    not_before: Option<Instant>,
    is_under_way: bool,
    /// How many places from its own on belong to it.
    places: u64,
}

/// Who waits for a package to be out.
pub enum Claim {
    /// The batches that it has something of.
    Batches(Vec<Receipt>),
    /// A record on disk.
    Record(RecordId),
}

/// What is to be done with a package that was refused.
pub enum Verdict {
    /// It stays here and is tried again.
    Again,
    /// These very bytes will never be taken: in halves, perhaps.
    Split(Item, Ticket),
    /// It will never be taken.
    Dead(Item),
}

impl Outbox {
    /// An outbox that has at most `most_under_way` requests under way, and sends `bytes_per_sec` before compression.
    pub fn new(most_under_way: u32, bytes_per_sec: u64, now: Instant) -> Self {
        Self {
            next_number: 0,
            items: BTreeMap::new(),
            busy: HashMap::new(),
            under_way: 0,
            limiter: Limiter::new(most_under_way, now),
            rate: SendRate::new(bytes_per_sec, now),
            unacknowledged_bytes: 0,
            loaded_bytes: 0,
            loaded: 0,
            failing_since: None,
        }
    }

    /// Takes a package.
    pub fn push(&mut self, package: Package, claim: Claim) {
        let ticket = Ticket { is_new: matches!(claim, Claim::Batches(_)), place: self.next_number };
        self.next_number += PLACES;
        self.insert(ticket, Item::new(package, claim, PLACES));
    }

    /// Takes the parts of a package that was refused as a whole, in its place.
    pub fn push_parts(&mut self, ticket: Ticket, whole_places: u64, parts: Vec<(Package, Claim)>) {
        let places = (whole_places / parts.len().max(1) as u64).max(1);
        for (number, (package, claim)) in (0..).zip(parts) {
            let ticket = Ticket { place: ticket.place + number * places, ..ticket };
            self.insert(ticket, Item::new(package, claim, places));
        }
    }

    /// What is to be sent now: with `only_loaded` only what came from disk, where older packages are. It is under way from now
    /// on.
    pub fn next(&mut self, only_loaded: bool, now: Instant) -> Option<(Ticket, &Package)> {
        if !self.limiter.admits(self.under_way, now) || !self.rate.admits(now) {
            return None;
        }
        let mut passed = HashSet::new();
        let mut items = self.items.iter_mut().take_while(|(ticket, _)| !(only_loaded && ticket.is_new));
        let (ticket, item) = items.find(|(_, item)| {
            let is_free = !item.is_under_way
                && item.not_before.is_none_or(|time| time <= now)
                && item.lanes().all(|lane| !self.busy.contains_key(&lane) && !passed.contains(&lane));
            passed.extend(item.lanes());
            is_free
        })?;
        item.is_under_way = true;
        item.attempts += 1;
        for lane in item.lanes() {
            *self.busy.entry(lane).or_default() += 1;
        }
        self.under_way += 1;
        self.rate.spend(item.package.head.uncompressed_bytes(), now);
        Some((*ticket, &item.package))
    }

    /// Says that a package was taken, and gives it out.
    pub fn taken(&mut self, ticket: Ticket, now: Instant) -> Option<Item> {
        self.land(ticket);
        self.limiter.succeeded(now);
        if self.failing_since.take().is_some() {
            self.wake(now);
        }
        self.remove(ticket)
    }

    /// Says that a package was refused.
    pub fn refused(&mut self, ticket: Ticket, class: Class, now: Instant) -> Option<Verdict> {
        self.land(ticket);
        let reaction = match Reaction::to(class) {
            Reaction::CorrectClock if self.items.get(&ticket)?.clock_attempts >= MOST_CLOCK_ATTEMPTS => Reaction::SLOW,
            reaction => reaction,
        };
        if let Some((_, longest)) = reaction.destination_delays() {
            self.limiter.failed(longest, now);
            self.failing_since.get_or_insert(now);
        }
        let item = self.items.get_mut(&ticket)?;
        match reaction {
            Reaction::Halve => return Some(Verdict::Split(self.remove(ticket)?, ticket)),
            Reaction::Tries if item.refusals + 1 >= MOST_REFUSALS => {
                return Some(Verdict::Dead(self.remove(ticket)?));
            }
            Reaction::Tries => item.refusals += 1,
            Reaction::CorrectClock => item.clock_attempts += 1,
            Reaction::Wait { .. } => {}
        }
        item.not_before = Some(now + item.delay(reaction, ticket));
        Some(Verdict::Again)
    }

    /// When something may be sent that must wait now.
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.items.values().filter(|item| !item.is_under_way);
        let items = waiting.filter_map(|item| item.not_before).filter(|time| *time > now).min();
        let limits = if self.items.len() > self.under_way {
            [self.limiter.pause_ends().filter(|time| *time > now), self.rate.admits_at(now)]
        } else {
            [None, None]
        };
        // A package that waits for its time does not wake those that the limits hold back, and the other way round.
        limits.into_iter().flatten().chain(items).min()
    }

    /// Forgets all delays: there is reason to believe that the next request goes well.
    pub fn wake(&mut self, now: Instant) {
        self.limiter.wake(now);
        self.items.values_mut().for_each(|item| item.not_before = None);
    }

    /// Gives out the packages whose batches are not acknowledged, and that no older package here keeps from going to disk, in
    /// order.
    pub fn spillable(&mut self) -> Vec<(Ticket, Item)> {
        let mut held: HashSet<u64> = self.busy_new_lanes();
        let mut tickets = Vec::new();
        for (ticket, item) in &self.items {
            if !ticket.is_new || item.is_under_way {
                continue;
            }
            if item.lanes().all(|lane| !held.contains(&lane)) {
                tickets.push(*ticket);
            } else {
                held.extend(item.lanes());
            }
        }
        tickets.into_iter().filter_map(|ticket| Some((ticket, self.remove(ticket)?))).collect()
    }

    /// Takes back what [`Self::spillable`] gave out and what could not be stored.
    pub fn put_back(&mut self, ticket: Ticket, item: Item) {
        self.insert(ticket, item);
    }

    /// Takes back what could not be put aside, for another try later.
    pub fn retry(&mut self, ticket: Ticket, item: Item, at: Instant) {
        self.insert(ticket, Item { not_before: Some(at), ..item });
    }

    /// Gives out the packages from disk that are not under way and that `is_over` says are.
    pub fn remove_loaded(&mut self, is_over: impl Fn(&Package) -> bool) -> Vec<Item> {
        let over = |(ticket, item): &(&Ticket, &Item)| !ticket.is_new && !item.is_under_way && is_over(&item.package);
        let tickets: Vec<Ticket> = self.items.iter().filter(over).map(|(ticket, _)| *ticket).collect();
        tickets.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    /// Says that no request is under way any more: the answers of those that were will not be waited for.
    pub fn abandon(&mut self) {
        self.busy.clear();
        self.under_way = 0;
        self.items.values_mut().for_each(|item| item.is_under_way = false);
    }

    /// Since when the destination has taken nothing.
    pub fn failing_since(&self) -> Option<Instant> {
        self.failing_since
    }

    /// Bytes before compression of packages whose batches are not acknowledged.
    pub fn unacknowledged_bytes(&self) -> u64 {
        self.unacknowledged_bytes
    }

    /// How many packages are here from disk, and how many bytes they have.
    pub fn loaded(&self) -> (usize, u64) {
        (self.loaded, self.loaded_bytes)
    }

    /// How many packages are here.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is here.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many requests are under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// How many requests may be under way.
    pub fn allowed(&self) -> u32 {
        self.limiter.allowed()
    }

    /// Whether a package waits for nothing but an older one of its lane that is under way.
    pub fn has_followers(&self) -> bool {
        self.items.values().any(|item| !item.is_under_way && item.lanes().any(|lane| self.busy.contains_key(&lane)))
    }

    fn busy_new_lanes(&self) -> HashSet<u64> {
        let under_way = self.items.iter().filter(|(ticket, item)| ticket.is_new && item.is_under_way);
        under_way.flat_map(|(_, item)| item.lanes()).collect()
    }

    fn insert(&mut self, ticket: Ticket, item: Item) {
        let head = &item.package.head;
        match item.claim {
            Claim::Batches(_) => self.unacknowledged_bytes += head.uncompressed_bytes(),
            Claim::Record(_) => {
                self.loaded_bytes += item.package.body.len() as u64;
                self.loaded += 1;
            }
        }
        self.items.insert(ticket, item);
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Item> {
        let item = self.items.remove(&ticket)?;
        match item.claim {
            Claim::Batches(_) => self.unacknowledged_bytes -= item.package.head.uncompressed_bytes(),
            Claim::Record(_) => {
                self.loaded_bytes -= item.package.body.len() as u64;
                self.loaded -= 1;
            }
        }
        Some(item)
    }

    /// Notes that a package is not under way any more.
    fn land(&mut self, ticket: Ticket) {
        let Some(item) = self.items.get_mut(&ticket) else { return };
        if !std::mem::replace(&mut item.is_under_way, false) {
            return;
        }
        self.under_way -= 1;
        for lane in item.lanes() {
            if let Some(count) = self.busy.get_mut(&lane) {
                *count -= 1;
                if *count == 0 {
                    self.busy.remove(&lane);
                }
            }
        }
    }
}

impl Item {
    fn new(package: Package, claim: Claim, places: u64) -> Self {
        Self {
            package,
            claim,
            attempts: 0,
            refusals: 0,
            clock_attempts: 0,
            not_before: None,
            is_under_way: false,
            places,
        }
    }

    /// How many places from its own on belong to it.
    pub fn places(&self) -> u64 {
        self.places
    }

    fn lanes(&self) -> impl Iterator<Item = u64> {
        self.package.head.origins.iter().map(|origin| origin.lane)
    }

    /// How long it has to wait, after a refusal, for the next try.
    fn delay(&self, reaction: Reaction, ticket: Ticket) -> Duration {
        let (first, longest) = match reaction {
            Reaction::CorrectClock => return Duration::ZERO,
            reaction => reaction.destination_delays().unwrap_or(SLOW),
        };
        let doublings = self.attempts.saturating_sub(1).min(16);
        let delay = first.saturating_mul(1 << doublings).min(longest);
        delay.mul_f64(jitter(ticket, self.attempts))
    }
}

/// How a refusal is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaction {
    /// The destination takes nothing at the moment: wait, from `first` on, doubling to `longest`.
    Wait { first: Duration, longest: Duration },
    /// The clock was corrected: at once, a few times.
    CorrectClock,
    /// A few tries.
    Tries,
    /// In halves.
    Halve,
}

impl Reaction {
    const SLOW: Self = Self::Wait { first: SLOW.0, longest: SLOW.1 };

    fn to(class: Class) -> Self {
        match class {
            Class::Network => Self::Wait { first: FAST.0, longest: FAST.1 },
            Class::Server
            | Class::QuotaLogstore
            | Class::QuotaProject
            | Class::Credentials
            | Class::Missing
            | Class::Odd => Self::SLOW,
            Class::Clock => Self::CorrectClock,
            Class::Parameter | Class::Unknown => Self::Tries,
            Class::Invalid | Class::TooLarge => Self::Halve,
        }
    }

    /// The first and the longest delay, if the refusal says something of the destination and not of the package.
    fn destination_delays(self) -> Option<(Duration, Duration)> {
        match self {
            Self::Wait { first, longest } => Some((first, longest)),
            Self::CorrectClock | Self::Tries | Self::Halve => None,
        }
    }
}

/// A factor from 0.8 to 1.2, by which those that failed together do not come again together.
fn jitter(ticket: Ticket, attempts: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (ticket, attempts).hash(&mut hasher);
    0.8 + 0.4 * (hasher.finish() % 1024) as f64 / 1023.0
}

/// The first and the longest delay after a failure of the network.
const FAST: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// The same after any other one.
const SLOW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// After so many refusals that are the package's own, it is given up.
const MOST_REFUSALS: u32 = 5;
/// So many times a package is sent again at once because of the clock.
const MOST_CLOCK_ATTEMPTS: u32 = 3;
/// From one package to the next. A package can be halved as often as this can, which is enough for the events of a log group.
const PLACES: u64 = 1 << 32;

#[cfg(test)]
mod tests;
