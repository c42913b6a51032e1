//! Reads files, runs the batches through the processors and hands them to the flushers, on one thread.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::schedule::{Next, Schedule};
use crate::config::{EventType, MatchRule};
use crate::event::{Delivery, EventBatch, Permit, RateLimiter, Share, deliveries};
use crate::input::follow::find::Found;
use crate::input::follow::follower::FollowSpec;
use crate::input::follow::lane::{Advance, Lane};
use crate::input::follow::track::{Track, Tracks};
use crate::input::records::chunk::Notice;
use crate::processor::chain::Chain;
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::counter::PipelineCounters;
use crate::telemetry::failpoint;

/// A worker with the files that belong to it. Every path belongs to one worker, which keeps its lines in order.
pub(super) struct Worker {
    pub(super) spec: Arc<FollowSpec>,
    pub(super) tracks: Arc<Tracks>,
    /// Closed when the agent stops.
    pub(super) orders: Receiver<Order>,
    pub(super) output: Output,
    /// Of processors that remember: when what they do is to be saved next.
    pub(super) next_memory: Option<Instant>,
}

/// A file that is to be followed.
pub(super) struct Order {
    pub(super) track: Arc<Track>,
    pub(super) found: Option<Found>,
    pub(super) is_copy: bool,
}

/// What becomes of a batch that was read.
pub(super) struct Output {
    pub(super) pipeline: String,
    /// No alarm for lines that belong to no record.
    pub(super) ignores_unmatched: bool,
    pub(super) chain: Chain,
    /// Processors have seen something since what they remember was saved.
    pub(super) has_news: bool,
    pub(super) routes: Vec<Route>,
    pub(super) budget: Share,
    /// How many bytes may be read in a second, by all pipelines together.
    pub(super) rate: Option<Arc<Mutex<RateLimiter>>>,
    pub(super) counters: Arc<PipelineCounters>,
    pub(super) alarms: Arc<Alarms>,
}

/// The way to a flusher.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) match_rule: Option<MatchRule>,
    pub(super) deliveries: Sender<Delivery>,
    /// Gone when the flusher is.
    pub(super) flusher: Weak<()>,
}

/// Nothing can be delivered any more: the flushers are gone, or the agent stops while a processor holds up a batch.
struct Closed;

impl Worker {
    /// Runs until the agent stops.
    pub(super) fn run(mut self) {
        let mut schedule = Schedule::default();
        loop {
            let order = match schedule.next(Instant::now()) {
                Next::Lane(lane) => {
                    match self.output.advance(lane) {
                        Ok(Some(wait)) => schedule.put_back(Instant::now() + wait),
                        Ok(None) => schedule.remove(),
                        Err(Closed) => return,
                    }
                    self.orders.try_recv().map_err(|error| error == TryRecvError::Disconnected)
                }
                Next::Wait(patience) => {
                    // A flusher that has given up will not come back.
                    if self.output.routes.iter().any(Route::is_closed) {
                        return;
                    }
                    self.orders.recv_timeout(patience).map_err(|error| error == RecvTimeoutError::Disconnected)
                }
            };
            match order {
                Ok(order) => self.follow(order, &mut schedule),
                Err(is_stopped) if is_stopped => return self.save_memory(true),
                Err(_) => {}
            }
            if self.next_memory.is_some_and(|next| next <= Instant::now()) && !self.tracks.is_marked() {
                self.save_memory(false);
            }
        }
    }

    /// Has what processors remember stored together with how far files have come, once everything that they have seen is
    /// delivered. The last time, what cannot be saved is forgotten: what is delivered is not to be sent again for it.
    fn save_memory(&mut self, is_last: bool) {
        if self.next_memory.is_none() {
            return;
        }
        let mut wait = MEMORY_INTERVAL;
        let saved = self.output.has_news.then(|| {
            let chain = &mut self.output.chain;
            if is_last { Ok(chain.save_what_can_be_had()) } else { chain.save() }
        });
        // Until they can be saved, what is stored is what it was: less far, with the memory of that time.
        if let Some(Ok(remembered)) = saved {
            self.output.has_news = false;
            let bytes: usize = remembered.iter().map(|remembered| remembered.saved.len()).sum();
            wait = wait.max(MEMORY_INTERVAL * u32::try_from(bytes / MEMORY_BYTES_PER_INTERVAL).unwrap_or(u32::MAX));
            self.tracks.mark(remembered);
        }
        self.next_memory = Some(Instant::now() + wait);
    }

    fn follow(&self, order: Order, schedule: &mut Schedule) {
        let now = Instant::now();
        let lane =
            schedule.lane_now(&order.track.lane, now, || Lane::new(Arc::clone(&self.spec), Arc::clone(&self.tracks)));
        lane.adopt(&order.track, order.found, order.is_copy, now);
    }
}

impl Output {
    /// Takes one chunk of one lane all the way. Returns how long nothing needs to be done, or `None` if the lane is empty.
    fn advance(&mut self, lane: &mut Lane) -> Result<Option<Duration>, Closed> {
        let mut notices = Vec::new();
        let advanced = lane.advance(Instant::now(), &mut |bytes| self.take(bytes), &mut notices);
        for (path, notice) in notices {
            self.tell(&path, &notice);
        }
        match advanced {
            Ok(Advance::Batch(batch, permit)) => self.process(batch, permit).map(|()| Some(Duration::ZERO)),
            Ok(Advance::Again | Advance::NoBudget) => Ok(Some(Duration::ZERO)),
            Ok(Advance::Idle(wait)) => Ok(Some(wait)),
            Ok(Advance::Empty) => Ok(None),
            Err((path, error)) => {
                self.raise(&path, "OPEN_LOGFILE_FAIL_ALARM", format!("cannot read it: {error}; trying again"), 1);
                Ok(Some(ERROR_WAIT))
            }
        }
    }

    /// Takes a share of the budget, and a part of what may be read in this second. Waits for a while if there is none.
    fn take(&self, bytes: usize) -> Option<Permit> {
        let permit = self.budget.take(bytes, POLL_INTERVAL)?;
        let Some(rate) = &self.rate else { return Some(permit) };
        let wait = rate.lock().unwrap_or_else(PoisonError::into_inner).take(bytes as u64, Instant::now());
        match wait {
            None => Some(permit),
            Some(wait) => {
                thread::sleep(wait.min(POLL_INTERVAL));
                None
            }
        }
    }

    fn process(&mut self, mut batch: EventBatch, mut permit: Permit) -> Result<(), Closed> {
        failpoint::hit("read");
        self.counters.read_bytes.add(batch.provenance.end.0 - batch.provenance.start.0);
        self.counters.read_events.add(batch.len() as u64);
        self.has_news = true;
        // What is held up when the agent stops is read again after the next start.
        self.chain.run(&mut batch).map_err(|_| Closed)?;
        failpoint::hit("process");
        let empty = batch.drop_empty_events();
        self.counters.empty_events.add(empty as u64);
        if batch.is_empty() {
            batch.settle();
            return Ok(());
        }
        permit.resize(batch.size_bytes());
        self.route(batch, permit)
    }

    fn route(&self, mut batch: EventBatch, permit: Permit) -> Result<(), Closed> {
        let takers: Vec<&Route> = self.routes.iter().filter(|route| route.takes(&batch)).collect();
        if takers.is_empty() {
            self.counters.unmatched_events.add(batch.len() as u64);
            self.alarms.raise(&Alarm {
                kind: "ROUTE_UNMATCHED_ALARM".to_owned(),
                pipeline: self.pipeline.clone(),
                part: "flushers".to_owned(),
                place: Some((batch.source.path.clone(), Some(batch.offset(0)))),
                message: "no flusher matches these events; they are dropped".to_owned(),
                occurrences: batch.len() as u64,
            });
            batch.select(&[]);
            batch.settle();
            return Ok(());
        }
        self.counters.out_events.add(batch.len() as u64);
        for (delivery, route) in deliveries(batch, Some(permit), takers.len()).zip(takers) {
            route.deliveries.send(delivery).map_err(|_| Closed)?;
        }
        Ok(())
    }

    fn tell(&self, path: &Path, notice: &Notice) {
        match notice {
            Notice::Truncated { .. }
            | Notice::Gone { .. }
            | Notice::Delayed { .. }
            | Notice::NoTopic
            | Notice::Oversize { .. } => {}
            Notice::Undecodable { lines, .. } => self.counters.undecodable_lines.add(*lines),
            Notice::Cut(records) => self.counters.cut_records.add(*records),
            Notice::Unmatched { unmatched, discarded } => {
                self.counters.unmatched_lines.add(unmatched.lines);
                self.counters.discarded_lines.add(if *discarded { unmatched.lines } else { 0 });
                if self.ignores_unmatched {
                    return;
                }
            }
        }
        let (kind, message, occurrences) = notice.describe();
        self.raise(path, kind, message, occurrences);
    }

    fn raise(&self, path: &Path, kind: &str, message: String, occurrences: u64) {
        self.alarms.raise(&Alarm {
            kind: kind.to_owned(),
            pipeline: self.pipeline.clone(),
            part: "inputs[0]".to_owned(),
            place: Some((path.to_owned(), None)),
            message,
            occurrences,
        });
    }
}

impl Route {
    fn is_closed(&self) -> bool {
        self.flusher.strong_count() == 0
    }

    fn takes(&self, batch: &EventBatch) -> bool {
        match &self.match_rule {
            None | Some(MatchRule::EventType(EventType::Log)) => true,
            Some(MatchRule::EventType(EventType::Metric | EventType::Trace)) => false,
            Some(MatchRule::Tag { key, value, .. }) => {
                batch.tags().any(|(name, found)| name == key.as_bytes() && found == value.as_bytes())
            }
        }
    }
}

/// How long to wait for a share of the budget before anything else is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// How often what processors remember is saved.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);

/// If it is more, less often.
const MEMORY_BYTES_PER_INTERVAL: usize = 1 << 20;

/// How soon a file is tried again that could not be read.
const ERROR_WAIT: Duration = Duration::from_secs(1);
