//! The emulator of the log service, as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::agent::Process;

/// A log service on a free port of the loopback interface, with one logstore. It ends with the value.
#[derive(Debug)]
pub(crate) struct Service {
    /// Ends the emulator when it is dropped.
    _process: Process,
    address: String,
}

impl Service {
    /// Builds the emulator and starts it, with its data below `data` and with more arguments.
    pub(crate) fn start(data: &Path, logstore: (&str, &str), more: &[&str]) -> Result<Self> {
        let emulator = crate::optimised_binary("release", "sls-emulator", "sls-emulator")?;
        fs::create_dir_all(data).context("cannot create the directory of the log service")?;
        let mut command = Command::new(emulator);
        command.args(["--listen", "127.0.0.1:0", "--logstore", &format!("{}/{}", logstore.0, logstore.1), "--data"]);
        let mut process = Process::start(command.arg(data).args(more).stdout(Stdio::piped()))?;
        let mut line = String::new();
        BufReader::new(process.stdout()).read_line(&mut line).context("cannot read the emulator's output")?;
        let address = line.trim().strip_prefix("http://").context("the emulator did not start")?.to_owned();
        Ok(Self { _process: process, address })
    }

    /// Where it listens, as pipelines name it. In a browser this is its page.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets a command send to this service, whatever the environment says of proxies and other keys.
    pub(crate) fn admit(&self, command: &mut Command) {
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret");
        command.env_remove("ALIBABA_CLOUD_SECURITY_TOKEN").env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    }

    /// What it answers to `GET path`.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let body = self.request("GET", path)?;
        serde_json::from_str(&body).with_context(|| format!("the log service answers {path} with {body}"))
    }

    /// Forgets what it has counted.
    pub(crate) fn reset(&self) -> Result<()> {
        self.request("DELETE", "/_emulator/stats").map(drop)
    }

    fn request(&self, method: &str, path: &str) -> Result<String> {
        let answer = self.exchange(method, path).with_context(|| format!("cannot ask the log service for {path}"))?;
        let (head, body) =
            answer.split_once("\r\n\r\n").context("the log service answers with something else than HTTP")?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "the log service refuses {path}: {body}");
        Ok(body.to_owned())
    }

    fn exchange(&self, method: &str, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
