//! Does what a sound request asks for.

mod admin;
mod answer;
mod consume;
mod manage;
mod search;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};

pub(crate) use answer::Answer;

use crate::faults::{Effect, ErrorAnswer, Faults, Injector};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::route::Operation;
use crate::stats::Stats;
use crate::store::{Arrival, Event, Logstore, Store};
use crate::verify::{Credential, verify};
use crate::{Options, clock, content};

/// The emulator without its server.
#[derive(Debug)]
pub(crate) struct Service {
    store: Mutex<Store>,
    faults: Mutex<Injector>,
    stats: Mutex<Stats>,
    credentials: Vec<Credential>,
    count_only: bool,
    requests: AtomicU64,
}

impl Service {
    pub(crate) fn open(options: &Options) -> Result<Self> {
        let standard = Credential { id: "testid".to_owned(), secret: "testsecret".to_owned() };
        Ok(Self {
            store: Mutex::new(Store::open(&options.data)?),
            faults: Mutex::default(),
            stats: Mutex::default(),
            credentials: options.credentials.iter().cloned().chain([standard]).collect(),
            count_only: options.count_only,
            requests: AtomicU64::new(0),
        })
    }

    pub(crate) fn create_logstore(&self, project: &str, name: &str) -> Result<()> {
        let store = lock(&self.store);
        let now = clock::now();
        store.create_project(project, "", now)?;
        store.create_logstore(project, name, manage::DEFAULT_SHARDS, "{}", now)?;
        Ok(())
    }

    pub(crate) fn events(&self, project: &str, name: &str) -> Result<Vec<Event>> {
        let store = lock(&self.store);
        let logstore = store.logstore(project, name)?.with_context(|| format!("no logstore {project}/{name}"))?;
        let mut events = Vec::new();
        let keep = |event| {
            events.push(event);
            true
        };
        store.visit(&logstore, &((0, 0)..(i64::MAX, 0)), false, keep)?;
        Ok(events)
    }

    pub(crate) fn arrivals(&self, project: &str, name: &str, from: i64) -> Result<Vec<Arrival>> {
        let store = lock(&self.store);
        let logstore = store.logstore(project, name)?.with_context(|| format!("no logstore {project}/{name}"))?;
        Ok(store.arrivals(&logstore, from)?)
    }

    pub(crate) fn stats(&self) -> Stats {
        lock(&self.stats).clone()
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        *lock(&self.faults) = Injector::new(faults);
    }

    /// What happens to this request, by its head alone.
    pub(crate) fn fault(&self, request: &Request) -> Effect {
        self.counted(lock(&self.faults).next(name_of(request)))
    }

    /// What happens to this request, by what it carries.
    pub(crate) fn body_fault(&self, request: &Request) -> Effect {
        if !lock(&self.faults).reads_bodies() {
            return Effect::default();
        }
        // What cannot be read is refused for that.
        let Ok(raw) = content::unpack(request) else { return Effect::default() };
        self.counted(lock(&self.faults).next_with(name_of(request), &raw))
    }

    fn counted(&self, effect: Effect) -> Effect {
        if effect != Effect::default() {
            lock(&self.stats).faults += 1;
        }
        effect
    }

    /// Answers a request that no fault met.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let now = self.now();
        let done = verify(request, &self.credentials, now)
            .and_then(|()| Operation::of(request))
            .and_then(|operation| self.perform(&operation, request, now));
        match done {
            Ok(answer) => {
                lock(&self.stats).accept(name_of(request));
                self.finish(answer, true)
            }
            Err(refusal) => self.refuse(request, &refusal),
        }
    }

    /// Answers with an error of the service.
    pub(crate) fn refuse(&self, request: &Request, refusal: &Refusal) -> Answer {
        lock(&self.stats).refuse(name_of(request), &refusal.code);
        self.finish(Answer::refusal(refusal), true)
    }

    /// Answers with an error that was asked for.
    pub(crate) fn fail(&self, request: &Request, error: &ErrorAnswer) -> Answer {
        let refusal = error.refusal();
        lock(&self.stats).refuse(name_of(request), &refusal.code);
        let answer = match &error.body {
            Some(body) => Answer::text(refusal.status, "text/html", body),
            None => Answer::refusal(&refusal),
        };
        self.finish(answer, !error.without_request_id)
    }

    fn perform(&self, operation: &Operation, request: &Request, now: i64) -> Result<Answer, Refusal> {
        use Operation as O;
        let project = request.project().unwrap_or_default();
        match operation {
            O::CreateProject => return self.create_project(request, now),
            O::ListProjects => return self.list_projects(request),
            _ => _ = self.project(project)?,
        }
        let find = |name: &str| self.logstore(project, name);
        match operation {
            O::CreateProject | O::ListProjects | O::ReadProject => self.read_project(project),
            O::UpdateProject => self.update_project(project, request),
            O::DeleteProject => self.delete_project(project),
            O::CreateLogstore => self.create_logstore_from(project, request, now),
            O::ListLogstores => self.list_logstores(project, request),
            O::ReadLogstore { logstore } => self.read_logstore(&find(logstore)?),
            O::UpdateLogstore { logstore } => self.update_logstore(&find(logstore)?, request),
            O::DeleteLogstore { logstore } => self.delete_logstore(&find(logstore)?),
            O::WriteIndex { logstore } => self.write_index(&find(logstore)?, request),
            O::ReadIndex { logstore } => self.read_index(&find(logstore)?),
            O::DeleteIndex { logstore } => self.delete_index(&find(logstore)?),
            O::PutLogs { logstore, key } => self.put_logs(&find(logstore)?, key.as_deref(), request, now),
            O::ReadLogs { logstore } => self.read_logs(&find(logstore)?, request),
            O::ReadHistogram { logstore } => self.read_histogram(&find(logstore)?, request),
            O::ListShards { logstore } => self.list_shards(&find(logstore)?),
            O::ReadCursor { logstore, shard } => self.read_cursor(&find(logstore)?, *shard, request),
            O::ReadCursorTime { logstore, shard } => self.read_cursor_time(&find(logstore)?, *shard, request, now),
            O::PullLogs { logstore, shard } => self.pull_logs(&find(logstore)?, *shard, request),
        }
    }

    fn logstore(&self, project: &str, name: &str) -> Result<Logstore, Refusal> {
        self.store().logstore(project, name)?.ok_or_else(|| Refusal::no_logstore(name))
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    fn now(&self) -> i64 {
        clock::now().saturating_add(lock(&self.faults).faults().clock_offset_secs).clamp(0, clock::LAST_SECOND)
    }

    /// Adds what all answers carry.
    fn finish(&self, mut answer: Answer, with_id: bool) -> Answer {
        let now = self.now();
        if with_id {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            answer = answer.with("x-log-requestid", &format!("{:08X}{number:016X}", now as u32));
        }
        answer.with("x-log-time", &now).with("date", &clock::format_http(now)).with("server", &"AliyunSLS")
    }
}

fn name_of(request: &Request) -> &'static str {
    Operation::of(request).map_or("unknown", |operation| operation.name())
}

/// A thread that panicked leaves plain data behind, which is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
