//! Registries for tests: Debian's `docker-registry` on this machine, and one that does what a test says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use loglift_guest_build::outer_target_dir;

use crate::agent::wait_until;

/// A registry that runs. It is killed when the test is over.
#[derive(Debug)]
pub struct Registry {
    directory: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// The user and the password of a registry with [`Registry::start_locked`], as a client sends them.
pub const LOGIN: (&str, &str) = ("tester", "open sesame");

/// `perl -e 'print crypt("open sesame", "\$2y\$05\$abcdefghijklmnopqrstuu")'`
const HTPASSWD: &str = "tester:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";

impl Registry {
    /// Starts a registry that everybody may use, with an empty store below `directory`.
    ///
    /// # Errors
    /// There is no program for that, and none can be had.
    pub fn start(directory: &Path) -> Result<Self> {
        Self::new(directory, "")
    }

    /// As [`Self::start`], for those who are known as [`LOGIN`].
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_locked(directory: &Path) -> Result<Self> {
        fs::write(directory.join("htpasswd"), HTPASSWD)?;
        let path = directory.join("htpasswd");
        Self::new(directory, &format!("auth:\n  htpasswd: {{realm: tests, path: {}}}\n", path.display()))
    }

    fn new(directory: &Path, more: &str) -> Result<Self> {
        // Free for a moment at least; whoever takes it in between has the registry end, and the test fail.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let store = directory.join("store");
        let config = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n\
                storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n{more}",
            store.display()
        );
        fs::write(directory.join("registry.yml"), config)?;
        let mut registry = Self { directory: directory.to_owned(), port, child: None };
        registry.restart()?;
        Ok(registry)
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How a config names something in it.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.address())
    }

    /// Kills it. What it stores stays.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let log = fs::File::create(self.directory.join("registry.log"))?;
        let mut command = Command::new(program()?);
        command.args(["serve", "registry.yml"]).current_dir(&self.directory).stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn().context("cannot run docker-registry")?;
        self.child = Some(child);
        let child = self.child.as_mut().context("it was started")?;
        let port = self.port;
        let mut has_ended = false;
        wait_until("answer of docker-registry", || {
            has_ended = child.try_wait().is_ok_and(|ended| ended.is_some());
            has_ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        let log = || fs::read_to_string(self.directory.join("registry.log")).unwrap_or_default();
        ensure!(!has_ended, "docker-registry ended: {}", log());
        Ok(())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Debian's registry: where it is installed, or unpacked for these tests.
fn program() -> Result<&'static Path> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let installed = PathBuf::from("/usr/bin/docker-registry");
    let unpacked = tools().join("docker-registry");
    let program = if installed.exists() { installed } else { unpacked.join("usr/bin/docker-registry") };
    if !program.exists() {
        unpack(&unpacked).context("there is no docker-registry: `apt-get install docker-registry`")?;
    }
    Ok(PROGRAM.get_or_init(|| program))
}

/// Gets Debian's package and unpacks it, which takes no rights.
fn unpack(directory: &Path) -> Result<()> {
    let parent = directory.parent().context("it is below target")?;
    fs::create_dir_all(parent)?;
    let scratch = tempfile::tempdir_in(parent)?;
    println!("$ apt-get download docker-registry");
    run(Command::new("apt-get").args(["download", "docker-registry"]).current_dir(scratch.path()))?;
    let package = fs::read_dir(scratch.path())?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = package.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.context("apt-get downloaded nothing")?;
    let unpacked = scratch.path().join("unpacked");
    run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&unpacked))?;
    // Another test may have been faster.
    fs::rename(&unpacked, directory).or_else(|error| if directory.exists() { Ok(()) } else { Err(error.into()) })
}

/// Where programs are kept that tests have installed.
pub fn tools() -> PathBuf {
    outer_target_dir().join("tools")
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be run, or fails; then with what it said.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A server that answers each request as a test says. It ends with the process.
#[derive(Debug, Clone)]
pub struct Fake {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What a [`Fake`] answers.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status; 200 if it is 0.
    pub status: u16,
    /// More headers, each with its line end.
    pub headers: String,
    /// What comes.
    pub body: Vec<u8>,
    /// The `Content-Length`, if it is not that of the body. The connection is closed after the body in any case.
    pub announced: Option<usize>,
}

impl Fake {
    /// Answers requests, given as `METHOD PATH` with their headers below in lower case.
    ///
    /// # Errors
    /// There is no port.
    pub fn start(answer: impl Fn(&str) -> Reply + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let fake = Self { port: listener.local_addr()?.port(), requests: Arc::default() };
        let requests = Arc::clone(&fake.requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that is gone does not want an answer.
                let _ = serve(&stream, &requests, &answer);
            }
        });
        Ok(fake)
    }

    /// How a config names something in it.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://127.0.0.1:{}/{name}", self.port)
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().map(|requests| requests.clone()).unwrap_or_default()
    }
}

fn serve(stream: &TcpStream, requests: &Mutex<Vec<String>>, answer: &impl Fn(&str) -> Reply) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let request = first.rsplit_once(' ').map_or(first.trim(), |(request, _)| request).to_owned();
    let (mut line, mut head) = (first.clone(), String::new());
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
        head.push_str(&line.to_lowercase());
    }
    if let Ok(mut requests) = requests.lock() {
        requests.push(request.clone());
    }
    let Reply { status, headers, body, announced } = answer(&format!("{request}\n{head}"));
    let status = if status == 0 { 200 } else { status };
    let length = announced.unwrap_or(body.len());
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n")?;
    if !request.starts_with("HEAD ") {
        stream.write_all(&body)?;
    }
    Ok(stream.flush()?)
}
