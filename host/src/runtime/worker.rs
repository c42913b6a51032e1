//! Reads files, runs the batches through the processors and hands them to the flushers, on one thread.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use tracing::info;

use crate::config::{EventType, MatchRule};
use crate::event::{Delivery, EventBatch, Permit, Share, deliveries};
use crate::input::chunk::{CHUNK_BYTES, MAX_RECORD_BYTES, Notice};
use crate::input::file::{FollowedFile, Progress};
use crate::processor::chain::Chain;
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::counter::PipelineCounters;

/// A worker with the files that belong to it. Every file belongs to one worker, which keeps its lines in order.
pub(super) struct Worker {
    pub(super) pipeline: String,
    pub(super) files: Vec<FollowedFile>,
    /// No alarm for lines that belong to no record.
    pub(super) ignores_unmatched: bool,
    pub(super) chain: Chain,
    pub(super) routes: Vec<Route>,
    pub(super) budget: Share,
    /// Closed when the agent stops.
    pub(super) stop: Receiver<Infallible>,
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

/// The flushers are gone: nothing can be delivered any more.
struct Closed;

impl Worker {
    /// Runs until the agent stops.
    pub(super) fn run(mut self) {
        for file in self.files.iter().filter(|file| !file.path().exists()) {
            info!(pipeline = self.pipeline, path = %file.path().display(), "file not there yet, waiting for it");
        }
        loop {
            let mut is_idle = true;
            for place in 0..self.files.len() {
                match self.advance(place) {
                    Ok(progressed) => is_idle &= !progressed,
                    Err(Closed) => return,
                }
            }
            // A flusher that has given up will not come back.
            if self.routes.iter().any(Route::is_closed) {
                return;
            }
            let stopped = if is_idle {
                self.stop.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Disconnected)
            } else {
                self.is_stopped()
            };
            if stopped {
                return;
            }
        }
    }

    /// Takes one chunk of one file all the way. Returns whether there was one.
    fn advance(&mut self, place: usize) -> Result<bool, Closed> {
        let Some(permit) = self.budget.take(CHUNK_BYTES + MAX_RECORD_BYTES, POLL_INTERVAL) else { return Ok(true) };
        let mut notices = Vec::new();
        let file = &mut self.files[place];
        let looked = file.look(&mut notices);
        for notice in notices {
            self.tell(place, &notice);
        }
        match looked {
            Ok(Progress::Batch(batch)) => self.process(batch, permit).map(|()| true),
            Ok(Progress::Again) => Ok(true),
            Ok(Progress::Idle) => Ok(false),
            Err(error) => {
                self.raise(place, "OPEN_LOGFILE_FAIL_ALARM", format!("cannot read it: {error}; trying again"), 1);
                Ok(false)
            }
        }
    }

    fn process(&mut self, mut batch: EventBatch, mut permit: Permit) -> Result<(), Closed> {
        self.counters.read_bytes.add(batch.provenance.end.0 - batch.provenance.start.0);
        self.counters.read_events.add(batch.len() as u64);
        self.chain.run(&mut batch);
        let empty = batch.drop_empty_events();
        self.counters.empty_events.add(empty as u64);
        if batch.is_empty() {
            return Ok(());
        }
        permit.resize(batch.size_bytes());
        self.route(batch, permit)
    }

    fn route(&self, batch: EventBatch, permit: Permit) -> Result<(), Closed> {
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
            return Ok(());
        }
        self.counters.out_events.add(batch.len() as u64);
        for (delivery, route) in deliveries(batch, Some(permit), takers.len()).zip(takers) {
            route.deliveries.send(delivery).map_err(|_| Closed)?;
        }
        Ok(())
    }

    fn tell(&self, place: usize, notice: &Notice) {
        match notice {
            Notice::Truncated | Notice::NoTopic => {}
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
        self.raise(place, kind, message, occurrences);
    }

    fn raise(&self, place: usize, kind: &str, message: String, occurrences: u64) {
        self.alarms.raise(&Alarm {
            kind: kind.to_owned(),
            pipeline: self.pipeline.clone(),
            part: "inputs[0]".to_owned(),
            place: Some((self.files[place].path().to_owned(), None)),
            message,
            occurrences,
        });
    }

    fn is_stopped(&self) -> bool {
        self.stop.try_recv() == Err(TryRecvError::Disconnected)
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

/// How often files are looked at that had nothing new.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
