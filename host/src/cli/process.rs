//! `loglift process`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use anyhow::Context;

use super::{Common, ProcessArguments, load_agent_config, load_config, print_problems};
use crate::event::{EventBatch, Source};
use crate::flusher::json_lines::{Encoder, Shape};
use crate::input::records::chunk::{Chunker, Notice};
use crate::processor::chain::{Chain, Stopped};
use crate::processor::lineup::Lineup;
use crate::processor::stage::Stage;
use crate::runtime::events::{event_spec, ignores_unmatched};
use crate::runtime::machine::unix_seconds;
use crate::telemetry::alarm::{Alarm, Alarms};

/// Runs the processors of a pipeline on a file or standard input. Returns whether all went well.
pub(super) fn process(arguments: &ProcessArguments, common: &Common) -> anyhow::Result<bool> {
    let Some(agent_config) = load_agent_config(None) else { return Ok(false) };
    let workshop = common.workshop(arguments.discard_old, &agent_config)?;
    let mut warnings = Vec::new();
    let prepared = load_config(&arguments.config, &agent_config)
        .and_then(|pipeline| workshop.stages(&pipeline, &mut warnings).map(|stages| (pipeline, stages)));
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let (pipeline, stages) = match prepared {
        Ok(prepared) => prepared,
        Err(problems) => {
            print_problems(&problems);
            return Ok(false);
        }
    };

    let alarms = Arc::new(Alarms::for_one_command());
    let path = arguments.file.display();
    let is_stdin = arguments.file.as_os_str() == "-";
    let reader: Box<dyn Read> = if is_stdin {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&arguments.file).with_context(|| format!("cannot open {path}"))?)
    };
    let source = Source::new(if is_stdin { "stdin".into() } else { arguments.file.clone() }, None);
    let lineup = Arc::new(Lineup::new(&pipeline.name, stages, unix_seconds()));
    let mut run = Run {
        chunker: Chunker::of(Arc::new(source), &event_spec(&pipeline, &workshop.surroundings)),
        ignores_unmatched: ignores_unmatched(&pipeline),
        chain: Chain::new(&pipeline.name, &lineup, &alarms),
        encoder: Encoder::new(Shape {
            nanoseconds: pipeline.global.nanoseconds,
            tags: arguments.tags,
            without_tag: None,
        }),
        lines: Vec::new(),
        events_in: 0,
        empty_events: 0,
        events_out: 0,
    };
    match run.all(reader, &pipeline.name, &alarms) {
        Err(Stop::Halt(stopped)) => {
            alarms.finish();
            run.print_summary(&lineup.stages());
            return Err(stopped.into());
        }
        Err(Stop::Read(error)) => return Err(error).with_context(|| format!("cannot read {path}")),
        Err(Stop::Write(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(error).context("cannot write to standard output");
        }
        _ => {}
    }
    alarms.finish();
    run.print_summary(&lineup.stages());
    Ok(true)
}

struct Run {
    chunker: Chunker,
    ignores_unmatched: bool,
    chain: Chain,
    encoder: Encoder,
    lines: Vec<u8>,
    events_in: usize,
    empty_events: usize,
    events_out: usize,
}

enum Stop {
    Read(io::Error),
    Write(io::Error),
    Halt(Stopped),
}

impl Run {
    fn all(&mut self, mut reader: impl Read, pipeline: &str, alarms: &Alarms) -> Result<(), Stop> {
        loop {
            let (came, batch) = self.chunker.read(&mut reader).map_err(Stop::Read)?;
            let batch = if came == 0 { self.chunker.finish() } else { batch };
            if let Some(batch) = batch {
                self.one(batch)?;
            }
            self.tell(pipeline, alarms);
            if came == 0 {
                return Ok(());
            }
        }
    }

    fn tell(&mut self, pipeline: &str, alarms: &Alarms) {
        let mut notices = Vec::new();
        self.chunker.take_notices(&mut notices);
        let ignored = |notice: &Notice| self.ignores_unmatched && matches!(notice, Notice::Unmatched { .. });
        for (path, notice) in notices.into_iter().filter(|(_, notice)| !ignored(notice)) {
            let (kind, message, occurrences) = notice.describe();
            alarms.raise(&Alarm {
                kind: kind.to_owned(),
                pipeline: pipeline.to_owned(),
                part: "inputs[0]".to_owned(),
                place: Some((path, None)),
                message,
                occurrences,
            });
        }
    }

    fn one(&mut self, mut batch: EventBatch) -> Result<(), Stop> {
        self.events_in += batch.len();
        self.chain.run(&mut batch).map_err(Stop::Halt)?;
        batch.settle();
        self.empty_events += batch.drop_empty_events();
        self.events_out += batch.len();
        self.encoder.encode(&batch, &mut self.lines);
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&self.lines).and_then(|()| stdout.flush());
        self.lines.clear();
        written.map_err(Stop::Write)
    }

    fn print_summary(&self, stages: &[Arc<Stage>]) {
        let sum = |count: fn(&Stage) -> u64| stages.iter().map(|stage| count(stage)).sum::<u64>();
        let failed = sum(|stage| {
            let counters = &stage.counters;
            counters.failed_events.total() + counters.faulted_events.total() + counters.bypassed_events.total()
        });
        let dropped = sum(|stage| stage.counters.discarded_events.total() + stage.counters.dropped_events.total());
        let dropped = dropped + self.empty_events as u64;
        eprintln!("{} events in, {} out, {dropped} dropped, {failed} failed", self.events_in, self.events_out);
    }
}
