//! The clock by which calls are timed: it ticks while there is a call, and costs nothing while there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Store;

/// A thread that ticks while there is a call. It ends with this value.
#[derive(Debug)]
pub(super) struct Clock {
    calls: Arc<Calls>,
    thread: Option<JoinHandle<()>>,
}

/// How long calls may run.
#[derive(Debug, Clone)]
pub(super) struct TimeLimit {
    ticks: u64,
    /// Those of the clock and its thread, if there is a clock.
    clock: Option<(Arc<Calls>, Thread)>,
}

/// A call that runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Call(Option<Arc<Calls>>);

/// What the clock and those who call share.
#[derive(Debug, Default)]
struct Calls {
    running: AtomicUsize,
    /// The clock waits for a call.
    is_resting: AtomicBool,
    is_over: AtomicBool,
}

impl Clock {
    /// Starts a clock that calls `tick`, until that says `false`.
    pub(super) fn start(mut tick: impl FnMut() -> bool + Send + 'static) -> std::io::Result<Self> {
        let calls = Arc::new(Calls::default());
        let shared = Arc::clone(&calls);
        let thread = thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while !shared.is_over.load(Ordering::SeqCst) {
                if shared.running.load(Ordering::SeqCst) == 0 {
                    shared.rest();
                    continue;
                }
                thread::park_timeout(TICK);
                if !tick() {
                    return;
                }
            }
        })?;
        Ok(Self { calls, thread: Some(thread) })
    }

    /// A time limit by this clock.
    pub(super) fn limit(&self, limit: Duration) -> TimeLimit {
        let thread = self.thread.as_ref().expect("it is taken when the clock is dropped").thread();
        // One tick more, since the first one may come at once.
        let ticks = limit.as_nanos().div_ceil(TICK.as_nanos()) as u64 + 1;
        TimeLimit { ticks, clock: Some((Arc::clone(&self.calls), thread.clone())) }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.calls.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only counts; nothing it could say matters now.
            let _ = thread.join();
        }
    }
}

impl Calls {
    /// Waits for a call, or for the end.
    fn rest(&self) {
        self.is_resting.store(true, Ordering::SeqCst);
        // A call that began before it could see that the clock rests is seen here.
        if self.running.load(Ordering::SeqCst) == 0 && !self.is_over.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_resting.store(false, Ordering::SeqCst);
    }
}

impl TimeLimit {
    /// No limit, for want of a clock.
    pub(super) fn none() -> Self {
        // The epoch stands still, and one tick is for ever.
        Self { ticks: 1, clock: None }
    }

    /// Begins a call on `store`, which is interrupted when its time is over.
    pub(super) fn begin<T>(&self, store: &mut Store<T>) -> Call {
        let call = self.wake();
        store.set_epoch_deadline(self.ticks);
        call
    }

    /// Has the clock tick until the call is dropped.
    fn wake(&self) -> Call {
        let Some((calls, thread)) = &self.clock else { return Call(None) };
        calls.running.fetch_add(1, Ordering::SeqCst);
        // A clock that ticks is not to be disturbed, and one call is enough to wake it.
        if calls.is_resting.load(Ordering::SeqCst) && calls.is_resting.swap(false, Ordering::SeqCst) {
            thread.unpark();
        }
        Call(Some(Arc::clone(calls)))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(calls) = &self.0 {
            calls.running.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The resolution of time limits. Finer costs wake-ups of a busy agent.
pub(super) const TICK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    fn wait_until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn the_clock_ticks_while_there_is_a_call_and_rests_while_there_is_none() {
        let ticks = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&ticks);
        let clock = Clock::start(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            true
        })
        .expect("the thread starts");
        let limit = clock.limit(Duration::from_secs(1));
        let is_resting = || clock.calls.is_resting.load(Ordering::SeqCst);
        wait_until(is_resting);
        assert_eq!(ticks.load(Ordering::SeqCst), 0);
        for _ in 0..3 {
            let before = ticks.load(Ordering::SeqCst);
            let [long, short] = [limit.wake(), limit.wake()];
            drop(short);
            wait_until(|| ticks.load(Ordering::SeqCst) >= before + 2);
            assert!(!is_resting());
            drop(long);
            wait_until(is_resting);
        }
    }

    #[test]
    fn a_time_limit_is_at_least_as_long_as_asked_for() {
        let clock = Clock::start(|| true).expect("the thread starts");
        let check = |millis, ticks| assert_eq!(clock.limit(Duration::from_millis(millis)).ticks, ticks, "{millis} ms");
        check(1, 2);
        check(20, 2);
        check(21, 3);
        check(1000, 51);
    }
}
