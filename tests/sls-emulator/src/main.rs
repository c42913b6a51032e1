//! Runs the emulator until it is interrupted. The first line on stdout is its endpoint.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use sls_emulator::{Credential, Emulator, Options};

/// A local stand-in for Simple Log Service: verifies what clients send, keeps it, answers queries, and fails on demand.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8765")]
    listen: SocketAddr,
    /// Directory of the database; created if it is missing.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A key to accept besides testid:testsecret; may be repeated.
    #[arg(long = "credential", value_name = "ID:SECRET")]
    credentials: Vec<Credential>,
    /// Create this logstore at the start unless it exists; may be repeated.
    #[arg(long = "logstore", value_name = "PROJECT/LOGSTORE")]
    logstores: Vec<String>,
    /// Verify everything and count it, but keep no events.
    #[arg(long)]
    count_only: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let options = Options {
        listen: arguments.listen,
        data: arguments.data,
        credentials: arguments.credentials,
        count_only: arguments.count_only,
    };
    let emulator = Emulator::start(&options)?;
    for name in &arguments.logstores {
        let (project, logstore) = name.split_once('/').with_context(|| format!("{name} is not PROJECT/LOGSTORE"))?;
        emulator.create_logstore(project, logstore)?;
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", emulator.endpoint()).and_then(|()| stdout.flush()).context("printing the endpoint")?;
    emulator.wait()
}
