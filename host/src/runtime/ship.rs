//! Packs batches for destinations of `flusher_sls` and brings the packages there, on a thread for each flusher and one for each
//! destination.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, never, select, unbounded};

use super::machine::unix_seconds;
use crate::event::Delivery;
use crate::flusher::sls::dispatch::{Accounts, Dispatch, Report};
use crate::flusher::sls::http::answer::Answer;
use crate::flusher::sls::http::client::Client;
use crate::flusher::sls::outbox::Ticket;
use crate::flusher::sls::pack::packer::Packer;
use crate::flusher::sls::package::Head;
use crate::flusher::sls::receipt::Outgoing;
use crate::input::follow::track::Tracks;

/// Packs the batches of one flusher.
pub(super) struct PackLoop {
    pub(super) packer: Packer,
    pub(super) deliveries: Receiver<Delivery>,
    /// The courier of the destination. It always takes what it is given, in the end.
    pub(super) courier: Sender<Outgoing>,
    /// How large packages are to be, as the courier sees it.
    pub(super) package_bytes: Arc<AtomicU64>,
}

impl PackLoop {
    /// Runs until there is nothing left to pack.
    pub(super) fn run(mut self) {
        loop {
            let received = match self.packer.due() {
                Some(due) => self.deliveries.recv_deadline(due),
                None => self.deliveries.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            self.packer.set_min_bytes(self.package_bytes.load(Ordering::Relaxed));
            let now = Instant::now();
            match received {
                Ok(delivery) => self.packer.push(delivery, now),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Also while deliveries come without a pause, some of them from other files.
            self.packer.close_due(now);
            self.hand_over();
        }
        self.packer.close_all();
        self.hand_over();
    }

    fn hand_over(&mut self) {
        for package in self.packer.take_ready() {
            // The courier is gone only when the agent has no more patience. The batch stays unacknowledged then.
            _ = self.courier.send(package);
        }
    }
}

/// Brings packages to one destination.
pub(super) struct Courier {
    pub(super) dispatch: Dispatch,
    pub(super) client: Arc<Client>,
    pub(super) network: tokio::runtime::Handle,
    pub(super) inbox: Receiver<Outgoing>,
    /// Closed when the agent has no more patience.
    pub(super) abort: Receiver<Infallible>,
    pub(super) package_bytes: Arc<AtomicU64>,
    /// The least and the largest that packages are to be.
    pub(super) package_range: (u64, u64),
    /// Somebody wants dead letters to be sent again.
    pub(super) is_replaying: Arc<AtomicBool>,
    pub(super) report: Arc<Mutex<Option<Report>>>,
}

/// What wakes a courier.
enum Event {
    Package(Outgoing),
    Answer(Ticket, Answer),
    /// No more packages will come.
    Closed,
    /// There is no more patience.
    Abort,
    Time,
}

impl Courier {
    /// Runs until all packages are out of the agent's hands, or on disk.
    pub(super) fn run(mut self) {
        let (to_answers, answers) = unbounded();
        let (to_keys, keys) = unbounded();
        let (mut key, mut next_look) = (None, Instant::now());
        let mut closed_since = None;
        loop {
            let now = Instant::now();
            if self.dispatch.is_failing() && next_look <= now {
                next_look = now + LONG;
                self.look_for_key(&to_keys);
            }
            for found in keys.try_iter() {
                if key.replace(found).is_some_and(|known| known != found) {
                    self.dispatch.wake(now);
                }
            }
            if self.is_replaying.swap(false, Ordering::Relaxed) {
                self.dispatch.replay_dead_letters(unix_seconds());
            }
            let due = self.turn(now, &to_answers);
            self.publish();
            if let Some(since) = closed_since {
                if self.dispatch.is_drained() {
                    return;
                }
                if self.dispatch.is_failing() && now.duration_since(since) >= CLOSING_PATIENCE {
                    break;
                }
            }
            let patience = due.map_or(LONG, |due| due.saturating_duration_since(now)).min(LONG);
            match self.wait(&answers, closed_since.is_some(), patience) {
                Event::Package(outgoing) => self.dispatch.take(outgoing),
                Event::Answer(ticket, answer) => self.dispatch.answered(ticket, answer, Instant::now()),
                Event::Closed => {
                    self.dispatch.close();
                    closed_since = Some(Instant::now());
                }
                Event::Abort => break,
                Event::Time => {}
            }
            self.adapt();
        }
        self.put_away(&answers);
    }

    /// Sends what is on disk until nothing is left, or the destination has taken nothing for as long as `patience`.
    pub(super) fn replay(mut self, patience: Duration) -> Report {
        let (to_answers, answers) = unbounded();
        let (mut taken, mut since) = (0, Instant::now());
        loop {
            let now = Instant::now();
            let due = self.turn(now, &to_answers);
            let report = self.dispatch.report();
            if std::mem::replace(&mut taken, report.counts.packages) != report.counts.packages {
                since = now;
            }
            let has_refused = report.counts.refusals > 0 || report.waiting == 0;
            let is_hopeless = has_refused && now.duration_since(since) >= patience;
            if is_hopeless || report.waiting == 0 && report.spooled.0 == 0 {
                return report;
            }
            let wait = due.map_or(LONG, |due| due.saturating_duration_since(now)).min(LONG);
            if let Event::Answer(ticket, answer) = self.wait(&answers, true, wait) {
                self.dispatch.answered(ticket, answer, Instant::now());
            }
        }
    }

    fn turn(&mut self, now: Instant, answers: &Sender<(Ticket, Answer)>) -> Option<Instant> {
        let (client, network) = (&self.client, &self.network);
        self.dispatch.turn(now, unix_seconds(), &mut |ticket, package| {
            let (client, package, answers) = (Arc::clone(client), package.clone(), answers.clone());
            let request =
                network.spawn(async move { tokio::time::timeout(LONGEST_REQUEST, client.put(&package)).await });
            let host = self.client.host().to_owned();
            network.spawn(async move {
                let answer = match request.await {
                    Ok(Ok(answer)) => answer,
                    // A package that is never answered would hold up its lanes for ever.
                    Ok(Err(_)) => Answer::lost(&host, "nothing came of the request for minutes"),
                    Err(error) => Answer::lost(&host, &format!("the request was not made: {error}")),
                };
                // Nobody waits for it once the courier has put everything away.
                _ = answers.send((ticket, answer));
            });
        })
    }

    /// Finds out whether the key has changed since requests failed.
    fn look_for_key(&self, keys: &Sender<Option<u64>>) {
        let (client, keys) = (Arc::clone(&self.client), keys.clone());
        self.network.spawn(async move {
            // The courier is gone, and needs no key.
            _ = keys.send(client.key_print().await);
        });
    }

    fn wait(&self, answers: &Receiver<(Ticket, Answer)>, is_closed: bool, patience: Duration) -> Event {
        let nothing = never();
        let inbox = if self.dispatch.has_room() && !is_closed { &self.inbox } else { &nothing };
        select! {
            recv(answers) -> answer => answer.map_or(Event::Time, |(ticket, answer)| Event::Answer(ticket, answer)),
            recv(inbox) -> package => package.map_or(Event::Closed, Event::Package),
            recv(self.abort) -> _ => Event::Abort,
            default(patience) => Event::Time,
        }
    }

    /// Brings everything to disk that comes until nothing comes any more.
    fn put_away(&mut self, answers: &Receiver<(Ticket, Answer)>) {
        while let Ok((ticket, answer)) = answers.try_recv() {
            self.dispatch.answered(ticket, answer, Instant::now());
        }
        self.dispatch.put_away(Instant::now());
        // The packers give up what they have as well. One sync is for all that has come meanwhile.
        while let Ok(outgoing) = self.inbox.recv() {
            self.dispatch.take(outgoing);
            self.inbox.try_iter().for_each(|outgoing| self.dispatch.take(outgoing));
            self.dispatch.put_away(Instant::now());
        }
        self.publish();
    }

    /// Asks for larger packages while those of a lane wait for each other, and for smaller ones when they do not.
    fn adapt(&self) {
        let (least, largest) = self.package_range;
        let bytes = self.package_bytes.load(Ordering::Relaxed);
        let bytes = if self.dispatch.has_followers() { bytes * 2 } else { bytes / 4 * 3 };
        self.package_bytes.store(bytes.clamp(least, largest), Ordering::Relaxed);
    }

    fn publish(&self) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.dispatch.report());
    }
}

/// Brings what becomes of packages on disk to the ledgers of their files.
#[derive(Debug, Default)]
pub(super) struct TrackAccounts(Mutex<HashMap<String, Arc<Tracks>>>);

impl TrackAccounts {
    /// Knows the files of one more pipeline.
    pub(super) fn add(&self, pipeline: &str, tracks: &Arc<Tracks>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pipeline.to_owned(), Arc::clone(tracks));
    }

    /// A pipeline has stopped.
    pub(super) fn remove(&self, pipeline: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(pipeline);
    }

    fn of(&self, pipeline: &str) -> Option<Arc<Tracks>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(pipeline).cloned()
    }
}

impl Accounts for TrackAccounts {
    fn expired(&self, head: &Head) {
        let Some(tracks) = self.of(&head.pipeline) else { return };
        for origin in &head.origins {
            tracks.of_generation(origin.generation).iter().for_each(|track| track.source.progress.expire(origin.bytes));
        }
    }

    fn rejected(&self, head: &Head) {
        let Some(tracks) = self.of(&head.pipeline) else { return };
        for origin in &head.origins {
            tracks.of_generation(origin.generation).iter().for_each(|track| track.source.progress.reject(origin.bytes));
        }
    }
}

/// How long a thread waits that has nothing to do. New credentials are noticed after it.
const LONG: Duration = Duration::from_secs(1);
/// A request takes no longer than this, whatever time-outs say.
const LONGEST_REQUEST: Duration = Duration::from_secs(300);
/// How long a destination that takes nothing is tried when the agent stops.
const CLOSING_PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;
    use crate::event::testing::batch;
    use crate::event::{Source, deliveries};
    use crate::flusher::sls::pack::packer::Spec;
    use crate::flusher::sls::package::{Compression, Form};
    use crate::telemetry::alarm::Alarms;

    #[test]
    fn a_group_that_is_due_does_not_wait_for_a_pause_between_batches() {
        let spec = Spec {
            pipeline: "app".to_owned(),
            nanoseconds: false,
            compression: Compression::Lz4,
            shard_hash_keys: Vec::new(),
            without_tag: None,
            min_bytes: 1 << 20,
            min_events: 4000,
            timeout: Duration::ZERO,
        };
        let packer = Packer::new(spec, Arc::new(|_| ()), Arc::new(Alarms::for_long_runs()));
        let (to_packer, deliveries_in) = unbounded();
        for lane in 0..3 {
            let mut batch = batch(&["a line"]);
            batch.source = Arc::new(Source { lane, ..Source::new("app.log".into(), None) });
            deliveries(batch, None, 1).for_each(|delivery| to_packer.send(delivery).expect("it has room"));
        }
        drop(to_packer);
        let (courier, packages) = bounded(10);
        let package_bytes = Arc::new(AtomicU64::new(1 << 20));
        PackLoop { packer, deliveries: deliveries_in, courier, package_bytes }.run();
        let forms: Vec<Form> = packages.iter().map(|outgoing| outgoing.package.head.form).collect();
        assert_eq!(forms, [Form::LogGroup; 3], "each when it was due, and not all together in the end");
    }
}
