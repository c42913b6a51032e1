//! Answers questions about a running agent, on a socket in its data directory.
//!
//! A client sends one line, which is a request, and gets one JSON document; then the connection is over. What the agent does
//! not understand, it answers with `{"error": ...}`. A few threads wait for clients, each for one at a time and never for
//! long, so that a client that is silent holds up neither the agent nor the next client.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::agent::Vitals;
use super::capture::{CaptureOrder, Captures};
use super::depot;
use super::processors::{Processors, Verb, act};
use super::status::Status;
use crate::processor::stage::Stage;

/// What can be asked for, and who answers.
const REQUESTS: &[(&str, Answer)] = &[
    ("status", |context, _| to_json(&Status::of_agent(&context.vitals, &context.data_dir))),
    ("replay-dead-letters", |context, _| {
        let stations = depot::lock(&context.vitals.stations);
        stations.iter().for_each(|station| station.is_replaying.store(true, Ordering::Relaxed));
        Ok(json!({ "destinations": stations.len() }))
    }),
    ("reload", |context, _| {
        let _seat = context.reload_seat().ok_or("it is looking at its configs for others; ask again later")?;
        let (answer, answered) = bounded(1);
        // It waits until configs are looked at, or nobody looks at them any more.
        let _ = context.reloads.send(answer);
        answered.recv().map_err(|_| "the agent is stopping".to_owned())
    }),
    ("capture", |context, order| {
        let order: CaptureOrder = understood(order)?;
        let named = |(pipeline, stage): (&String, Arc<Stage>)| (pipeline.clone(), stage);
        let lineups = context.vitals.lineups();
        let stages =
            lineups.iter().flat_map(|(name, lineup)| lineup.stages().into_iter().map(move |stage| (name, stage)));
        to_json(&context.captures.begin(order, &stages.map(named).collect::<Vec<_>>())?)
    }),
    ("processors", |context, _| to_json(&Processors::of(&context.vitals.lineups()))),
    ("processor-promote", |context, order| act(Verb::Promote, &understood(order)?, &context.vitals.lineups())),
    ("processor-rollback", |context, order| act(Verb::RollBack, &understood(order)?, &context.vitals.lineups())),
];

/// The way to whoever looks at configs. The answer goes to what is sent.
pub type ReloadRequests = Sender<Sender<Value>>;

/// Makes the document that is the answer to a request, of which it gets what follows the name. An error is one line.
type Answer = fn(&Context, &str) -> Result<Value, String>;

/// A socket that is listened to. When it is dropped, that is over.
pub(super) struct Control {
    path: PathBuf,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What answers are made of.
struct Context {
    vitals: Arc<Vitals>,
    data_dir: PathBuf,
    captures: Captures,
    reloads: ReloadRequests,
    /// Clients that wait until configs are looked at.
    reloading: AtomicUsize,
}

/// A client that waits, possibly for long.
struct Seat<'a>(&'a AtomicUsize);

impl Control {
    /// Listens in a data directory that no other agent uses: a socket that is there is one of an agent that was killed.
    pub(super) fn listen(data_dir: &Path, vitals: Arc<Vitals>, reloads: ReloadRequests) -> io::Result<Self> {
        let path = data_dir.join(SOCKET);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = Arc::new(UnixListener::bind(&path)?);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let captures = Captures::new(&data_dir);
        let context = Arc::new(Context { vitals, data_dir, captures, reloads, reloading: AtomicUsize::new(0) });
        let mut control = Self { path, is_over: Arc::default(), threads: Vec::new() };
        for _ in 0..CLIENTS_AT_ONCE {
            let (listener, context) = (Arc::clone(&listener), Arc::clone(&context));
            let is_over = Arc::clone(&control.is_over);
            let serve = move || serve(&listener, &is_over, &context);
            control.threads.push(thread::Builder::new().name("control".to_owned()).spawn(serve)?);
        }
        Ok(control)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Each connection wakes one thread. If the socket is gone, they wait until the process ends.
        let woken = self.threads.iter().all(|_| UnixStream::connect(&self.path).is_ok());
        if woken {
            self.threads.drain(..).for_each(|thread| drop(thread.join()));
        }
        // If it stays, the next agent removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Context {
    /// Room for one more client that waits for long; others are to find somebody to answer them all the while.
    fn reload_seat(&self) -> Option<Seat<'_>> {
        let before = self.reloading.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(&self.reloading);
        (before < RELOADS_AT_ONCE).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(listener: &UnixListener, is_over: &AtomicBool, context: &Context) {
    while !is_over.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok(_) if is_over.load(Ordering::SeqCst) => return,
            // Whoever went away, or was too slow, does not want an answer.
            Ok((client, _)) => drop(converse(client, is_over, context)),
            // Too many open files, say.
            Err(_) => thread::sleep(AFTER_ERROR),
        }
    }
}

fn converse(mut client: UnixStream, is_over: &AtomicBool, context: &Context) -> io::Result<()> {
    let request = read_line(&mut client, is_over)?;
    let mut answer = answer(request.trim(), context).to_string();
    answer.push('\n');
    client.set_write_timeout(Some(PATIENCE))?;
    client.write_all(answer.as_bytes())
}

/// Reads up to a line end, or to the end of what the client has to say.
fn read_line(client: &mut UnixStream, is_over: &AtomicBool) -> io::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    client.set_read_timeout(Some(STOP_CHECK_INTERVAL))?;
    let mut line = Vec::new();
    let mut buffer = [0; 256];
    while !line.contains(&b'\n') {
        if line.len() > LONGEST_REQUEST_BYTES || Instant::now() > deadline || is_over.load(Ordering::SeqCst) {
            return Err(ErrorKind::InvalidData.into());
        }
        match client.read(&mut buffer) {
            Ok(0) => break,
            Ok(came) => line.extend_from_slice(&buffer[..came]),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    Ok(String::from_utf8_lossy(&line[..end]).into_owned())
}

fn answer(request: &str, context: &Context) -> Value {
    let (name, order) = request.split_once(' ').unwrap_or((request, ""));
    let answered = match REQUESTS.iter().find(|(known, _)| *known == name) {
        Some((_, answer)) => answer(context, order),
        None => {
            let names: Vec<&str> = REQUESTS.iter().map(|(name, _)| *name).collect();
            Err(format!("unknown request {request:?}, expected {}", names.join(" or ")))
        }
    };
    answered.unwrap_or_else(|error| json!({ "error": error }))
}

/// What follows the name of a request, which is JSON.
fn understood<T: DeserializeOwned>(order: &str) -> Result<T, String> {
    serde_json::from_str(order).map_err(|error| format!("cannot read the order: {error}"))
}

fn to_json(answer: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(answer).map_err(|error| error.to_string())
}

/// Asks the agent that uses a data directory. `None` if there is none that listens.
///
/// # Errors
/// Those of the connection, among them that no answer came in time.
pub fn ask(data_dir: &Path, request: &str) -> io::Result<Option<String>> {
    ask_patiently(data_dir, request, 2 * PATIENCE)
}

/// As [`ask`], where the answer may take as long as `patience`.
///
/// # Errors
/// As [`ask`].
pub fn ask_patiently(data_dir: &Path, request: &str, patience: Duration) -> io::Result<Option<String>> {
    let mut agent = match UnixStream::connect(data_dir.join(SOCKET)) {
        Err(error) if is_nobody(&error) => return Ok(None),
        connected => connected?,
    };
    agent.set_read_timeout(Some(patience))?;
    agent.set_write_timeout(Some(PATIENCE))?;
    writeln!(agent, "{request}")?;
    let mut answer = String::new();
    agent.read_to_string(&mut answer)?;
    Ok(Some(answer))
}

/// There is no socket, or one that an agent that was killed has left, or its path is too long for one.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput)
}

/// The name of the socket in the data directory.
pub const SOCKET: &str = "control.sock";

/// Threads that wait for clients.
const CLIENTS_AT_ONCE: usize = 4;

/// Of these, as many may wait until configs are looked at.
const RELOADS_AT_ONCE: usize = 2;

/// How long a client may take to ask, or to take what it gets.
const PATIENCE: Duration = Duration::from_secs(2);

/// How soon it is noticed, while a client is silent, that the agent stops.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// How soon to try again after an error of the system.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// No request is longer.
const LONGEST_REQUEST_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::event::Budget;

    fn listen(directory: &Path) -> io::Result<Control> {
        listen_and_reload(directory, bounded(0).0)
    }

    fn listen_and_reload(directory: &Path, reloads: ReloadRequests) -> io::Result<Control> {
        let vitals = Vitals {
            started: Instant::now(),
            budget: Budget::new(100),
            pipelines: Mutex::default(),
            configs: Mutex::default(),
            ignored: Arc::default(),
            stations: Arc::default(),
            quarantine: None,
        };
        Control::listen(directory, Arc::new(vitals), reloads)
    }

    fn ask_for_json(directory: &Path, request: &str) -> Value {
        let answer = ask(directory, request).unwrap().expect("the agent listens");
        serde_json::from_str(&answer).expect("the answer is JSON")
    }

    #[test]
    fn questions_get_answers_while_others_say_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert!(ask(path, "status").unwrap().is_none());
        let control = listen(path).unwrap();
        let _silent: Vec<_> = (1..CLIENTS_AT_ONCE).map(|_| UnixStream::connect(path.join(SOCKET)).unwrap()).collect();
        assert_eq!(ask_for_json(path, "status")["agent"]["budget_limit_bytes"], 100);
        let error = ask_for_json(path, "stat")["error"].to_string();
        assert!(error.contains("unknown request \\\"stat\\\", expected status or "), "{error}");
        assert_eq!(ask_for_json(path, "reload")["error"], "the agent is stopping");
        let mode = std::fs::metadata(path.join(SOCKET)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(control);
        assert!(ask(path, "status").unwrap().is_none() && !path.join(SOCKET).exists());
    }

    #[test]
    fn questions_get_answers_while_many_wait_for_a_reload() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (reloads, requested) = crossbeam_channel::unbounded();
        let _control = listen_and_reload(path, reloads).unwrap();
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..RELOADS_AT_ONCE).map(|_| scope.spawn(|| ask_for_json(path, "reload"))).collect();
            let asked: Vec<Sender<Value>> = (0..RELOADS_AT_ONCE).map(|_| requested.recv().unwrap()).collect();
            for _ in 0..CLIENTS_AT_ONCE {
                let refused = ask_for_json(path, "reload")["error"].to_string();
                assert!(refused.contains("looking at its configs for others"), "{refused}");
            }
            assert_eq!(ask_for_json(path, "status")["pipelines"], json!([]));
            asked.iter().for_each(|asked| asked.send(json!("looked")).unwrap());
            waiting.into_iter().for_each(|waiting| assert_eq!(waiting.join().unwrap(), json!("looked")));
        });
    }

    #[test]
    fn a_socket_that_was_left_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(directory.path().join(SOCKET)).unwrap());
        assert!(directory.path().join(SOCKET).exists() && ask(directory.path(), "status").unwrap().is_none());
        let _control = listen(directory.path()).unwrap();
        assert_eq!(ask_for_json(directory.path(), "status")["pipelines"], json!([]));
    }

    #[test]
    fn a_path_that_is_too_long_is_an_error_and_no_panic() {
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        assert_eq!(listen(&long).err().map(|error| error.kind()), Some(ErrorKind::InvalidInput));
        assert!(ask(&long, "status").unwrap().is_none());
    }
}
