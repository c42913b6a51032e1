//! A processor that reaches out of its sandbox in the way its config names, and gives each event the field `saw` with
//! what came of it: `{"Do": "read", "Path": "a.txt"}`.
#![deny(unsafe_code)]

use std::fmt::Debug;

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup};
use serde::Deserialize;

use self::bindings::nobody::has::secrets;
use self::bindings::wasi::cli::{environment, exit, stderr, stdin, stdout};
use self::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use self::bindings::wasi::filesystem::preopens;
use self::bindings::wasi::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use self::bindings::wasi::random::{insecure_seed, random};
use self::bindings::wasi::sockets::{instance_network, ip_name_lookup, network, tcp_create_socket, udp_create_socket};

mod bindings;

struct Reaching {
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    r#do: String,
    /// Of a file below the first directory.
    #[serde(default)]
    path: String,
    /// Reach out while being configured, and not later.
    #[serde(default)]
    early: bool,
}

impl Processor for Reaching {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_reaching",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Reaches out of its sandbox.",
        config_schema: r#"{"type": "object", "properties": {"Do": {"type": "string"}, "Path": {"type": "string"},
            "Early": {"type": "boolean"}}, "required": ["Do"]}"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let notes = if config.early { vec![reach(&config)] } else { Vec::new() };
        Ok((Self { config }, Setup { notes, ..Setup::default() }))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let saw = reach(&self.config);
        let key = changes.key(b"saw");
        for event in batch.events() {
            let text = changes.append(saw.as_bytes());
            changes.set(event.index(), key, text);
        }
        Ok(())
    }
}

loglift_sdk::export!(Reaching);

fn reach(config: &Config) -> String {
    match config.r#do.as_str() {
        "environment" => {
            let variables = environment::get_environment();
            let variables: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{variables:?} {:?}", environment::get_arguments())
        }
        "time" => {
            let now = wall_clock::now();
            format!("{}.{:09} {}", now.seconds, now.nanoseconds, monotonic_clock::now())
        }
        "random" => {
            let numbers = (random::get_random_bytes(5), random::get_random_u64(), insecure_seed::insecure_seed());
            format!("{numbers:?}")
        }
        "much random" => random::get_random_bytes(1 << 40).len().to_string(),
        "directories" => {
            let names: Vec<_> = preopens::get_directories().into_iter().map(|(_, name)| name).collect();
            format!("{names:?}")
        }
        "read" => said(open(&config.path, false)),
        "write" => said(open(&config.path, true)),
        "tcp" => said(
            tcp_create_socket::create_tcp_socket(network::IpAddressFamily::Ipv4)
                .map(|_| "a socket")
                .map_err(|error| error.name()),
        ),
        "udp" => said(
            udp_create_socket::create_udp_socket(network::IpAddressFamily::Ipv6)
                .map(|_| "a socket")
                .map_err(|error| error.name()),
        ),
        "lookup" => {
            let network = instance_network::instance_network();
            let addresses = ip_name_lookup::resolve_addresses(&network, "localhost");
            said(addresses.map(|_| "addresses").map_err(|error| error.name()))
        }
        "sleep" => {
            monotonic_clock::subscribe_duration(u64::MAX).block();
            "slept".to_owned()
        }
        "nap" => {
            monotonic_clock::subscribe_duration(1_000_000).block();
            "napped".to_owned()
        }
        "wait for many" => {
            let all: Vec<_> = (0..1_000_000).map(monotonic_clock::subscribe_duration).collect();
            all.len().to_string()
        }
        "print" => {
            let (out, err) = (stdout::get_stdout(), stderr::get_stderr());
            let mut printed = out.blocking_write_and_flush(b"a line, and \x1b[31m half ").map_err(|_| "closed");
            printed = printed.and(err.blocking_write_and_flush(b"a complaint\n").map_err(|_| "closed"));
            said(printed.and(out.blocking_write_and_flush(b"of one\n").map_err(|_| "closed")))
        }
        "input" => said(stdin::get_stdin().blocking_read(10).map_err(|_| "closed")),
        "exit" => {
            exit::exit(Err(()));
            "still here".to_owned()
        }
        "secrets" => secrets::tell(),
        other => format!("does not know how to {other}"),
    }
}

/// What a file holds, after a letter was added to it if that is asked for.
fn open(path: &str, is_writing: bool) -> Result<String, String> {
    let (create, flags) = if is_writing {
        (OpenFlags::CREATE, DescriptorFlags::READ | DescriptorFlags::WRITE)
    } else {
        (OpenFlags::empty(), DescriptorFlags::READ)
    };
    let directories = preopens::get_directories();
    let (directory, _) = directories.first().ok_or("no directory")?;
    let error = |error: ErrorCode| error.name().to_owned();
    let file = directory.open_at(PathFlags::SYMLINK_FOLLOW, path, create, flags).map_err(error)?;
    let (mut text, _) = file.read(100, 0).map_err(error)?;
    if is_writing {
        file.write(b"x", text.len() as u64).map_err(error)?;
        text.push(b'x');
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn said<T: Debug, E: Debug>(answer: Result<T, E>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("refused: {error:?}"),
    }
}
