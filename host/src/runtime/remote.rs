//! Components in registries, for the pipelines that name them.
//!
//! A command that ends has them pulled when it needs them. An agent that runs never waits for a registry while lines flow: a
//! thread of its own asks what tags lead to, again and again, and what it has found is in place at the next look at the
//! configs, as a file that changed is. While a registry does not answer, everything goes on with what was pulled before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt};
use crossbeam_channel::{Receiver, TryRecvError};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::config::Reference;
use crate::registry::{Access, Kept, Registry};
use crate::telemetry::alarm::{Alarm, Alarms};

/// Components in registries.
#[derive(Debug)]
pub struct Remote {
    /// Where they are kept, or why they cannot be.
    cache: Result<Dir, String>,
    access: Access,
    registry: OnceLock<Result<Registry, String>>,
    state: Mutex<State>,
    /// Something was answered.
    answered: Condvar,
    /// Something is to be asked.
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody pulls what is wanted.
    is_watched: bool,
    wanted: BTreeMap<Reference, Wanted>,
    /// Something is not as it was at the last look.
    has_news: bool,
}

/// A component that a config names.
#[derive(Debug, Clone)]
struct Wanted {
    /// The one to run.
    kept: Option<Kept>,
    /// Why there is none, or no newer one.
    problem: Option<String>,
    /// Tries in a row that went wrong.
    failures: u32,
    /// When to ask again.
    due: Instant,
    /// Somebody is asking.
    is_pending: bool,
    /// Somebody waits for the answer.
    is_asked: bool,
}

/// The thread that pulls what is wanted. It ends when this is dropped.
pub(super) struct Fetcher {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Remote {
    /// Keeps what is pulled in the cache, if there is one.
    pub fn new(cache: Result<Dir, String>, access: Access) -> Self {
        let (registry, state) = (OnceLock::new(), Mutex::default());
        Self { cache, access, registry, state, answered: Condvar::new(), wake: Notify::new() }
    }

    /// The bytes of a component: those that the agent has pulled, or, in a command that ends, those that are pulled now.
    ///
    /// # Errors
    /// In a line, why there are none.
    pub fn component(&self, reference: &Reference) -> Result<Vec<u8>, String> {
        let registry = self.registry()?;
        if !self.state().is_watched {
            return self.pull_now(registry, reference);
        }
        let kept = self.kept(reference)?;
        registry.read(&kept).map_err(|what| {
            let problem = format!("{reference}: {what}, and is pulled again");
            if let Some(wanted) = self.state().wanted.get_mut(reference) {
                *wanted = Wanted { problem: Some(problem.clone()), ..Wanted::new(None) };
            }
            self.wake.notify_one();
            problem
        })
    }

    /// The digest of the component that is to run, or why there is none.
    pub(super) fn digest(&self, reference: &Reference) -> Result<String, String> {
        self.kept(reference).map(|kept| kept.component)
    }

    /// Says which components configs name now. With `again`, registries are asked for all that is not pinned.
    pub(super) fn want(&self, references: BTreeSet<Reference>, again: bool) {
        let mut state = self.state();
        state.wanted.retain(|reference, _| references.contains(reference));
        for reference in references {
            let is_pinned = reference.digest.is_some();
            let known = |reference: &Reference| self.registry().ok().and_then(|registry| registry.known(reference));
            let entry = state.wanted.entry(reference);
            let wanted = entry.or_insert_with_key(|reference| Wanted::new(known(reference)));
            if again && !(is_pinned && wanted.kept.is_some()) {
                wanted.is_asked = true;
                wanted.due = Instant::now();
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for the answers to what was asked, but not for long.
    pub(super) fn wait(&self, patience: Duration, interrupt: &Receiver<Infallible>) {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        while state.wanted.values().any(|wanted| wanted.is_asked) {
            let is_over = Instant::now() >= deadline || interrupt.try_recv() == Err(TryRecvError::Disconnected);
            if is_over {
                state.wanted.values_mut().for_each(|wanted| wanted.is_asked = false);
                return;
            }
            state = self.answered.wait_timeout(state, WAIT_STEP).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether something is not as it was when this was asked last.
    pub(super) fn take_news(&self) -> bool {
        std::mem::take(&mut self.state().has_news)
    }

    /// Whether there is something to wait for: a component that is wanted and not here.
    pub(super) fn is_waiting(&self) -> bool {
        self.state().wanted.values().any(|wanted| wanted.kept.is_none())
    }

    /// The component that is to run, or why there is none.
    fn kept(&self, reference: &Reference) -> Result<Kept, String> {
        let state = self.state();
        let wanted = state.wanted.get(reference).ok_or_else(|| not_yet(reference))?;
        let problem = || wanted.problem.clone().unwrap_or_else(|| not_yet(reference));
        wanted.kept.clone().ok_or_else(problem)
    }

    fn registry(&self) -> Result<&Registry, String> {
        let open = || {
            let cache = self.cache.as_ref().map_err(|why| format!("components of registries need a cache: {why}"))?;
            let open = || {
                let mut builder = DirBuilder::new();
                builder.recursive(true).mode(0o700);
                cache.create_dir_with(DIRECTORY, &builder)?;
                Registry::new(cache.open_dir(DIRECTORY)?, self.access.clone())
            };
            open().map_err(|error| format!("cannot use {DIRECTORY} in the cache: {error}"))
        };
        self.registry.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    fn pull_now(&self, registry: &Registry, reference: &Reference) -> Result<Vec<u8>, String> {
        let network = network().map_err(|error| format!("{error:#}"))?;
        let pull = || {
            let pulled = network.block_on(registry.pull(reference));
            pulled.or_else(|trouble| match registry.known(reference) {
                Some(kept) => {
                    warn!("{trouble}; what was pulled before is used");
                    Ok(kept)
                }
                None => Err(trouble.to_string()),
            })
        };
        // What turns out to be damaged is gone then, and downloaded by a second pull.
        let found = pull().and_then(|kept| registry.read(&kept).or_else(|_| registry.read(&pull()?)));
        network.shutdown_background();
        found.map_err(|what| if what.contains(Reference::SCHEME) { what } else { format!("{reference}: {what}") })
    }

    /// What is to be asked now. Nobody else asks for it meanwhile.
    fn take_due(&self) -> Vec<Reference> {
        let now = Instant::now();
        let mut state = self.state();
        let due = state.wanted.iter_mut().filter(|(_, wanted)| !wanted.is_pending && wanted.due <= now);
        due.map(|(reference, wanted)| {
            wanted.is_pending = true;
            reference.clone()
        })
        .collect()
    }

    /// How long nothing is to be asked.
    fn rest(&self) -> Duration {
        let state = self.state();
        let due = state.wanted.values().filter(|wanted| !wanted.is_pending).map(|wanted| wanted.due).min();
        due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Notes an answer.
    fn note(&self, reference: &Reference, answer: Result<Kept, String>, interval: Duration, alarms: &Alarms) {
        let mut state = self.state();
        let Some(wanted) = state.wanted.get_mut(reference) else { return };
        let before = (wanted.kept.clone(), wanted.problem.clone());
        wanted.take(answer, interval);
        let is_same_component =
            before.0.as_ref().map(|kept| &kept.component) == wanted.kept.as_ref().map(|kept| &kept.component);
        let is_news = !is_same_component || wanted.kept.is_none() && before.1 != wanted.problem;
        let has_failed = before.1 != wanted.problem;
        let after = wanted.clone();
        state.has_news |= is_news;
        drop(state);
        self.answered.notify_all();
        match (after.problem, after.kept) {
            (Some(problem), Some(_)) if has_failed => alarms.raise(&Alarm {
                kind: PULL_ALARM.to_owned(),
                pipeline: String::new(),
                part: String::new(),
                place: None,
                message: format!("{problem}; what was pulled before goes on"),
                occurrences: 1,
            }),
            (None, Some(kept)) if !is_same_component => {
                info!(%reference, manifest = kept.manifest, digest = kept.component, "component pulled");
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    /// One that is to be asked for at once.
    fn new(kept: Option<Kept>) -> Self {
        let due = Instant::now();
        Self { kept, problem: None, failures: 0, due, is_pending: false, is_asked: true }
    }

    fn take(&mut self, answer: Result<Kept, String>, interval: Duration) {
        match answer {
            Ok(kept) => {
                self.kept = Some(kept);
                self.problem = None;
                self.failures = 0;
            }
            Err(problem) => {
                self.problem = Some(problem);
                self.failures = self.failures.saturating_add(1);
            }
        }
        self.due = Instant::now() + pause(self.failures, interval);
        self.is_pending = false;
        self.is_asked = false;
    }
}

impl Fetcher {
    /// Pulls what is wanted, and asks what tags lead to after each `interval`.
    ///
    /// # Errors
    /// There can be no such thread, or no network in it.
    pub(super) fn start(remote: &Arc<Remote>, interval: Duration, alarms: &Arc<Alarms>) -> anyhow::Result<Self> {
        let network = network()?;
        remote.state().is_watched = true;
        let stop = Arc::new(Notify::new());
        let (remote, alarms, stopped) = (Arc::clone(remote), Arc::clone(alarms), Arc::clone(&stop));
        let thread = thread::Builder::new().name("registry".to_owned()).spawn(move || {
            network.block_on(fetch(&remote, interval, &alarms, &stopped));
            // A name that is being looked up holds nobody up.
            network.shutdown_background();
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.stop.notify_one();
        // If it has panicked, that was said.
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

async fn fetch(remote: &Arc<Remote>, interval: Duration, alarms: &Alarms, stop: &Notify) {
    let mut pulls = JoinSet::new();
    let mut names = HashMap::new();
    loop {
        for reference in remote.take_due() {
            let (remote, wanted) = (Arc::clone(remote), reference.clone());
            let pull = async move { remote.registry()?.pull(&wanted).await.map_err(|trouble| trouble.to_string()) };
            names.insert(pulls.spawn(pull).id(), reference);
        }
        tokio::select! {
            Some(done) = pulls.join_next_with_id() => {
                // A registry that has the client panic costs this try, and nothing else.
                let (id, answer) = done.unwrap_or_else(|error| (error.id(), Err("the answer makes no sense".to_owned())));
                if let Some(reference) = names.remove(&id) {
                    remote.note(&reference, answer, interval, alarms);
                }
            }
            () = tokio::time::sleep(remote.rest().min(LONGEST_REST)) => {}
            () = remote.wake.notified() => {}
            () = stop.notified() => return,
        }
    }
}

/// How long to wait after so many tries in a row that went wrong.
fn pause(failures: u32, interval: Duration) -> Duration {
    match failures.checked_sub(1) {
        None => interval,
        Some(more) => FIRST_PAUSE.saturating_mul(1 << more.min(10)).min(interval).min(LONGEST_PAUSE),
    }
}

fn not_yet(reference: &Reference) -> String {
    format!("{reference}: it is not here yet, and is being pulled")
}

fn network() -> anyhow::Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.context("cannot start the network")
}

/// Where components are, in the cache.
const DIRECTORY: &str = "registry";

/// A registry does not give what is wanted, and what was pulled before goes on.
const PULL_ALARM: &str = "COMPONENT_PULL_ALARM";

/// How soon a registry is asked again that did not answer, which doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

const LONGEST_REST: Duration = Duration::from_secs(3600);

/// How soon somebody who waits notices that he need not.
const WAIT_STEP: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_does_not_answer_is_asked_less_and_less() {
        let pauses = |interval| (0..8).map(move |failures| pause(failures, Duration::from_secs(interval)).as_secs());
        assert!(pauses(300).eq([300, 2, 4, 8, 16, 32, 60, 60]));
        assert!(pauses(5).eq([5, 2, 4, 5, 5, 5, 5, 5]));
        assert_eq!(pause(u32::MAX, Duration::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn what_was_pulled_stays_until_something_else_was() {
        let kept = |name: &str| Kept { manifest: name.to_owned(), component: name.to_owned(), bytes: 1 };
        let interval = Duration::from_secs(300);
        let mut wanted = Wanted::new(None);
        wanted.take(Err("down".to_owned()), interval);
        assert_eq!((wanted.kept.clone(), wanted.problem.as_deref(), wanted.failures), (None, Some("down"), 1));
        wanted.take(Ok(kept("a")), interval);
        assert_eq!((wanted.kept.clone(), wanted.problem.as_deref(), wanted.failures), (Some(kept("a")), None, 0));
        wanted.take(Err("down".to_owned()), interval);
        assert_eq!((wanted.kept.clone(), wanted.problem.as_deref()), (Some(kept("a")), Some("down")));
        wanted.take(Ok(kept("b")), interval);
        assert_eq!((wanted.kept, wanted.problem), (Some(kept("b")), None));
    }
}
