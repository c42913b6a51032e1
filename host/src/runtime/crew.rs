//! Threads that belong together, and are waited for together.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// Threads that belong together.
pub(super) struct Crew {
    /// Each thread has a clone.
    undone: Option<Sender<Infallible>>,
    done: Receiver<Infallible>,
    threads: Vec<JoinHandle<()>>,
    has_panicked: Arc<AtomicBool>,
}

impl Crew {
    /// No thread yet. Each sets `has_panicked` if it ends in a panic.
    pub(super) fn new(has_panicked: &Arc<AtomicBool>) -> Self {
        let (undone, done) = bounded(0);
        Self { undone: Some(undone), done, threads: Vec::new(), has_panicked: Arc::clone(has_panicked) }
    }

    /// Starts one more thread.
    pub(super) fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let undone = self.undone.clone();
        let watch = PanicWatch(Arc::clone(&self.has_panicked));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _watch = watch;
            work();
            drop(undone);
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Says that these are all. Returns what is closed when the last has ended.
    pub(super) fn complete(&mut self) -> Receiver<Infallible> {
        self.undone = None;
        self.done.clone()
    }

    /// Waits until all have ended, at most until `deadline`. Returns whether they have.
    pub(super) fn wait(&mut self, deadline: Instant) -> bool {
        self.complete().recv_deadline(deadline) == Err(RecvTimeoutError::Disconnected)
    }

    /// Collects the threads that have ended. One that hangs in a call of the system ends with the process, and cannot
    /// be waited for.
    pub(super) fn dismiss(self) {
        self.threads.into_iter().filter(JoinHandle::is_finished).for_each(|thread| drop(thread.join()));
    }
}

/// Notes when the thread that holds it panics.
struct PanicWatch(Arc<AtomicBool>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
