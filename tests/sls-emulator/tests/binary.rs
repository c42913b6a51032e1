//! The binary as a user starts it.

#![forbid(unsafe_code)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A running emulator, killed when the value goes.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    /// Starts the binary on a port of its choice and reads which one that is.
    fn start(data: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sls-emulator"));
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("http://").context("no endpoint on the first line")?.to_owned();
        Ok(Self { child, address })
    }

    fn request(&self, head: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        let length = body.len();
        write!(stream, "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, and then the test fails for that.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let emulator = Running::start(scratch.path(), &["--logstore", "shop/access", "--credential", "LTAI:secret"])?;
    let answer = emulator.request("PUT /_emulator/logstores", r#"{"project": "shop", "logstore": "errors"}"#)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(emulator);
    let emulator = Running::start(scratch.path(), &["--count-only"])?;
    let answer = emulator.request("GET /_emulator/logstores", "")?;
    let expected = [r#""logstore":"access""#, r#""logstore":"errors""#, r#""count_only":true"#];
    ensure!(expected.iter().all(|part| answer.contains(part)), "{answer}");
    Ok(())
}

#[test]
fn wrong_arguments_are_explained() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    for (arguments, expected) in
        [(["--credential", "no-colon"], "expected ID:SECRET"), (["--logstore", "no-slash"], "is not PROJECT/LOGSTORE")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sls-emulator"));
        let output =
            command.args(["--listen", "127.0.0.1:0", "--data"]).arg(scratch.path()).args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && said.contains(expected), "{said}");
    }
    Ok(())
}
