//! Decides when a processor that keeps failing is given no more events for a while.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::BreakerSpec;

/// Counts the faults of a processor. Pure: the clock is the caller's.
///
/// Closed, it lets every batch through. Too many faults open it for a pause, if they are also a large share of all batches: an
/// event now and then that it fails on is found and marked, and is no reason to do without it for all others. After that it is half open: one batch is let
/// through for a trial, and by its fate it closes, or opens again for twice as long.
#[derive(Debug)]
struct Breaker {
    spec: BreakerSpec,
    /// The last faults, as many as are too many.
    faults: VecDeque<Instant>,
    /// All batches within the window.
    recent: Recent,
    state: State,
}

/// How many batches passed, and on how many the processor failed, in each of the last parts of a window.
#[derive(Debug, Default)]
struct Recent {
    /// The parts, the oldest first: when each began.
    parts: VecDeque<(Instant, [u64; 2])>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open(Outage),
    /// A batch is on trial.
    HalfOpen(Outage),
}

/// A time in which a processor is given no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    /// When one batch is let through again.
    pub(super) until: Instant,
    /// How long it takes.
    pub(super) pause: Duration,
}

/// Whether a batch may go to the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Regular,
    /// It may, and its fate decides whether others may.
    Trial,
    /// It may not.
    Refused(Outage),
}

/// What a batch has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// From now on batches are refused.
    Opened(Outage),
    /// Batches are let through again.
    Closed,
}

impl Breaker {
    fn new(spec: BreakerSpec) -> Self {
        Self { spec, faults: VecDeque::new(), recent: Recent::default(), state: State::Closed }
    }

    fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed => Admission::Regular,
            State::Open(outage) if now >= outage.until => {
                self.state = State::HalfOpen(outage);
                Admission::Trial
            }
            State::Open(outage) | State::HalfOpen(outage) => Admission::Refused(outage),
        }
    }

    /// Says that a batch went through well.
    fn pass(&mut self, admission: Admission, now: Instant) -> Option<Change> {
        if admission != Admission::Trial {
            self.recent.add([1, 0], now, self.spec.window);
            return None;
        }
        self.state = State::Closed;
        self.faults.clear();
        self.recent = Recent::default();
        Some(Change::Closed)
    }

    /// Says that the processor failed on a batch.
    fn fail(&mut self, admission: Admission, now: Instant) -> Option<Change> {
        let pause = match (self.state, admission) {
            (State::HalfOpen(outage), Admission::Trial) => {
                outage.pause.saturating_mul(2).min(self.spec.pause.max(LONGEST_PAUSE))
            }
            (State::Closed, _) if self.is_too_much(now) => self.spec.pause,
            // What was let in before it opened says nothing new.
            _ => return None,
        };
        let pause = pause.min(FOREVER);
        let outage = Outage { until: now + pause, pause };
        self.state = State::Open(outage);
        Some(Change::Opened(outage))
    }

    /// Notes a fault. Returns whether there were too many within the window.
    fn is_too_much(&mut self, now: Instant) -> bool {
        let Some(many) = (self.spec.faults as usize).checked_sub(1) else { return false };
        self.faults.push_back(now);
        while self.faults.len() > many + 1 {
            self.faults.pop_front();
        }
        self.recent.add([0, 1], now, self.spec.window);
        let first = self.faults.front().copied().unwrap_or(now);
        let are_many = self.faults.len() > many && now.saturating_duration_since(first) <= self.spec.window;
        let [passed, failed] = self.recent.sum(now, self.spec.window);
        are_many && failed as f64 >= self.spec.share * (passed + failed) as f64
    }
}

impl Recent {
    fn add(&mut self, [passed, failed]: [u64; 2], now: Instant, window: Duration) {
        match self.parts.back_mut() {
            Some((began, counts)) if now.saturating_duration_since(*began) < window / PARTS => {
                counts[0] += passed;
                counts[1] += failed;
            }
            _ => {
                self.parts.push_back((now, [passed, failed]));
                self.forget(now, window);
            }
        }
    }

    fn sum(&mut self, now: Instant, window: Duration) -> [u64; 2] {
        self.forget(now, window);
        self.parts.iter().fold([0, 0], |sum, (_, counts)| [sum[0] + counts[0], sum[1] + counts[1]])
    }

    fn forget(&mut self, now: Instant, window: Duration) {
        while self.parts.front().is_some_and(|(began, _)| now.saturating_duration_since(*began) > window) {
            self.parts.pop_front();
        }
    }
}

/// The breaker of a processor, which its workers share. While it is closed, it costs a batch that passes next to nothing.
#[derive(Debug)]
pub(super) struct Gate {
    /// Nothing needs to be asked about what is to pass.
    is_closed: AtomicBool,
    breaker: Mutex<Breaker>,
}

impl Gate {
    pub(super) fn new(spec: BreakerSpec) -> Self {
        Self { is_closed: AtomicBool::new(true), breaker: Mutex::new(Breaker::new(spec)) }
    }

    /// Whether a batch may go to the processor. What then becomes of it is to be told.
    pub(super) fn admit(&self) -> Admission {
        if self.is_closed.load(Ordering::Relaxed) {
            return Admission::Regular;
        }
        self.breaker().admit(Instant::now())
    }

    /// Says that a batch that was let in went through well.
    pub(super) fn pass(&self, admission: Admission) -> Option<Change> {
        self.change(|breaker| breaker.pass(admission, Instant::now()))
    }

    /// Says that the processor failed on a batch that was let in.
    pub(super) fn fail(&self, admission: Admission) -> Option<Change> {
        self.change(|breaker| breaker.fail(admission, Instant::now()))
    }

    /// The outage that there is now.
    pub(super) fn outage(&self) -> Option<Outage> {
        match self.breaker().state {
            State::Closed => None,
            State::Open(outage) | State::HalfOpen(outage) => Some(outage),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Breaker) -> Option<Change>) -> Option<Change> {
        let mut breaker = self.breaker();
        let changed = change(&mut breaker);
        self.is_closed.store(breaker.state == State::Closed, Ordering::Relaxed);
        changed
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A window is counted in so many parts.
const PARTS: u32 = 10;

/// Pauses grow to this, or begin with more.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// No pause is longer than this, so that its end has a date.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BreakerPolicy;

    /// A breaker that opens after two faults within ten seconds, and a clock of seconds.
    fn breaker() -> (Breaker, impl Fn(u64) -> Instant) {
        let [window, pause] = [10, 100].map(Duration::from_secs);
        let start = Instant::now();
        let breaker = Breaker::new(BreakerSpec { faults: 2, share: 0.5, window, pause, policy: BreakerPolicy::Pass });
        (breaker, move |seconds| start + Duration::from_secs(seconds))
    }

    fn opened(change: Option<Change>) -> Option<u64> {
        match change? {
            Change::Opened(outage) => Some(outage.pause.as_secs()),
            Change::Closed => None,
        }
    }

    #[test]
    fn too_many_faults_within_the_window_open_it() {
        let (mut breaker, at) = breaker();
        // At which second there is a fault, and for how long it opens.
        for (second, expected) in [(0, None), (11, None), (22, None), (32, Some(100))] {
            assert_eq!(breaker.admit(at(second)), Admission::Regular);
            assert_eq!(opened(breaker.fail(Admission::Regular, at(second))), expected, "at {second}");
        }
        assert!(matches!(breaker.admit(at(131)), Admission::Refused(outage) if outage.until == at(132)));
    }

    #[test]
    fn one_batch_decides_after_the_pause() {
        let (mut breaker, at) = breaker();
        breaker.fail(Admission::Regular, at(0));
        breaker.fail(Admission::Regular, at(0));
        // Each trial fails, and the pauses grow to their cap.
        let mut now = 0;
        for (pause, next) in [(100, 200), (200, 400), (400, 600), (600, 600)] {
            assert!(matches!(breaker.admit(at(now + pause - 1)), Admission::Refused(_)));
            now += pause;
            assert_eq!(breaker.admit(at(now)), Admission::Trial);
            assert!(matches!(breaker.admit(at(now)), Admission::Refused(_)), "one batch only");
            assert_eq!(opened(breaker.fail(Admission::Trial, at(now))), Some(next));
        }
        now += 600;
        assert_eq!(breaker.admit(at(now)), Admission::Trial);
        assert_eq!(breaker.pass(Admission::Trial, at(now)), Some(Change::Closed));
        assert_eq!(breaker.admit(at(now)), Admission::Regular);
        // As if nothing had been.
        assert_eq!(breaker.fail(Admission::Regular, at(now)), None);
        assert_eq!(opened(breaker.fail(Admission::Regular, at(now))), Some(100));
    }

    #[test]
    fn batches_that_were_let_in_before_it_opened_change_nothing() {
        let (mut breaker, at) = breaker();
        breaker.fail(Admission::Regular, at(0));
        breaker.fail(Admission::Regular, at(0));
        assert_eq!(breaker.fail(Admission::Regular, at(1)), None);
        assert_eq!(breaker.pass(Admission::Regular, at(1)), None);
        assert!(matches!(breaker.admit(at(1)), Admission::Refused(outage) if outage.until == at(100)));
        assert_eq!(breaker.admit(at(100)), Admission::Trial);
        assert_eq!(breaker.fail(Admission::Regular, at(100)), None);
        assert_eq!(breaker.pass(Admission::Trial, at(100)), Some(Change::Closed));
    }

    #[test]
    fn a_few_bad_batches_among_many_do_not_open_it() {
        // How many batches pass before each of which it fails on, one of them a second, and when it opens.
        for (good, expected) in [(0, Some(1)), (1, Some(1)), (2, None), (1000, None)] {
            let (mut breaker, at) = breaker();
            let mut found = None;
            for second in 0..50 {
                (0..good).for_each(|_| assert_eq!(breaker.pass(Admission::Regular, at(second)), None));
                if breaker.fail(Admission::Regular, at(second)).is_some() {
                    found = Some(second);
                    break;
                }
            }
            assert_eq!(found, expected, "{good} good ones before each bad one");
        }
    }

    #[test]
    fn one_that_breaks_after_a_long_time_is_taken_out_within_the_window() {
        let (mut breaker, at) = breaker();
        for second in 0..100 {
            (0..100).for_each(|_| assert_eq!(breaker.pass(Admission::Regular, at(second)), None));
        }
        let opened = (100..200).find(|second| breaker.fail(Admission::Regular, at(*second)).is_some());
        assert!(opened.is_some_and(|second| (101..=111).contains(&second)), "{opened:?}");
    }

    #[test]
    fn without_a_number_it_never_opens() {
        let (mut breaker, at) = breaker();
        breaker.spec.faults = 0;
        assert!((0..100).all(|_| breaker.fail(Admission::Regular, at(0)).is_none()));
        breaker.spec.faults = 1;
        assert_eq!(opened(breaker.fail(Admission::Regular, at(0))), Some(100));
    }

    #[test]
    fn a_gate_is_closed_as_long_as_its_breaker() {
        let gate = Gate::new(BreakerSpec { faults: 1, pause: Duration::ZERO, ..BreakerSpec::default() });
        assert_eq!(gate.admit(), Admission::Regular);
        assert!(gate.outage().is_none() && gate.fail(Admission::Regular).is_some() && gate.outage().is_some());
        assert_eq!(gate.admit(), Admission::Trial);
        assert_eq!(gate.pass(Admission::Trial), Some(Change::Closed));
        assert_eq!(gate.admit(), Admission::Regular);
    }
}
