//! `loglift process`.

use std::fs::File;
use std::io::{self, Read, Write};

use anyhow::Context;

use super::passage::{Listener, Manner, Passage, Stop};
use super::{Common, ProcessArguments, config_context, load_agent_config};
use crate::event::Source;
use crate::telemetry::alarm::Alarms;

/// Runs the processors of a pipeline on a file or standard input. Returns whether all went well.
pub(super) fn process(arguments: &ProcessArguments, common: &Common) -> anyhow::Result<bool> {
    let Some(agent_config) = load_agent_config(None) else { return Ok(false) };
    let workshop = common.workshop(arguments.discard_old, &agent_config)?;
    let passage = Passage::open(&arguments.config, &config_context(&agent_config), &workshop, &mut Console);
    let Some(passage) = passage else { return Ok(false) };

    let path = arguments.file.display();
    let is_stdin = arguments.file.as_os_str() == "-";
    let reader: Box<dyn Read> = if is_stdin {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&arguments.file).with_context(|| format!("cannot open {path}"))?)
    };
    let manner = Manner {
        source: Source::new(if is_stdin { "stdin".into() } else { arguments.file.clone() }, None),
        read_seconds: arguments.read_at,
        tags: arguments.tags,
        alarms: Alarms::for_one_command(),
    };
    match passage.take(reader, manner, &mut Console) {
        Ok(()) => Ok(true),
        Err(Stop::Halt(stopped)) => Err(stopped.into()),
        Err(Stop::Read(error)) => Err(error).with_context(|| format!("cannot read {path}")),
        Err(Stop::Take(error)) => Err(error).context("cannot write to standard output"),
    }
}

/// Events go to standard output, everything else to standard error.
struct Console;

impl Listener for Console {
    fn take(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(lines).and_then(|()| stdout.flush())
    }

    fn hear(&mut self, message: &str) {
        eprintln!("{message}");
    }
}
