//! Takes lines through the processors of a pipeline, for commands that show what comes out: `process` and `test`.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Pipeline, Problem};
use crate::event::{EventBatch, Source};
use crate::flusher::json_lines::{Encoder, Shape};
use crate::input::records::chunk::{Chunker, EventSpec, Notice};
use crate::processor::chain::{Chain, Stopped};
use crate::processor::lineup::Lineup;
use crate::processor::stage::Stage;
use crate::runtime::assemble::Workshop;
use crate::runtime::events::{event_spec, ignores_unmatched};
use crate::runtime::machine::unix_seconds;
use crate::telemetry::alarm::{Alarm, Alarms};

/// Who is told what comes out.
pub(super) trait Listener {
    /// Takes events, a line of JSON each.
    fn take(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Hears a line that is for a person.
    fn hear(&mut self, message: &str);
}

/// A pipeline whose processors are set up.
pub(super) struct Passage<'a> {
    workshop: &'a Workshop,
    pipeline: Pipeline,
    stages: Vec<Arc<Stage>>,
}

/// Where lines come from and how events are shown.
pub(super) struct Manner {
    pub(super) source: Source,
    /// When lines are read, instead of what the clock says.
    pub(super) read_seconds: Option<i64>,
    /// Tags are shown.
    pub(super) tags: bool,
    pub(super) alarms: Alarms,
}

/// Why a passage ended before the lines did.
pub(super) enum Stop {
    Read(io::Error),
    Take(io::Error),
    Halt(Stopped),
}

impl<'a> Passage<'a> {
    /// Loads a config and sets up its processors. The listener hears what is questionable or wrong with it; in the latter
    /// case there is no passage.
    pub(super) fn open(
        config: &Path,
        context: &config::Context<'_>,
        workshop: &'a Workshop,
        listener: &mut impl Listener,
    ) -> Option<Self> {
        match Self::prepare(config, context, workshop, listener) {
            Ok(passage) => Some(passage),
            Err(problems) => {
                problems.iter().for_each(|problem| listener.hear(&format!("error: {problem}")));
                None
            }
        }
    }

    fn prepare(
        config: &Path,
        context: &config::Context<'_>,
        workshop: &'a Workshop,
        listener: &mut impl Listener,
    ) -> Result<Self, Vec<Problem>> {
        let (pipeline, warnings) = config::load_file(config, context)?;
        let mut warn = |warnings: &[config::Warning]| {
            warnings.iter().for_each(|warning| listener.hear(&format!("warning: {warning}")));
        };
        warn(&warnings);
        let mut warnings = Vec::new();
        let stages = workshop.stages(&pipeline, &mut warnings);
        warn(&warnings);
        Ok(Self { workshop, pipeline, stages: stages? })
    }

    /// Takes all lines through. The listener hears alarms, unless these go to the log, and a summary.
    pub(super) fn take(self, reader: impl Read, manner: Manner, listener: &mut impl Listener) -> Result<(), Stop> {
        let Self { workshop, pipeline, stages } = self;
        let Manner { source, read_seconds, tags, alarms } = manner;
        let alarms = Arc::new(alarms);
        let lineup = Arc::new(Lineup::new(&pipeline.name, stages, unix_seconds()));
        let spec = EventSpec { read_seconds, ..event_spec(&pipeline, &workshop.surroundings) };
        let mut run = Run {
            chunker: Chunker::of(Arc::new(source), &spec),
            ignores_unmatched: ignores_unmatched(&pipeline),
            chain: Chain::new(&pipeline.name, &lineup, &alarms),
            encoder: Encoder::new(Shape { nanoseconds: pipeline.global.nanoseconds, tags, without_tag: None }),
            lines: Vec::new(),
            events_in: 0,
            empty_events: 0,
            events_out: 0,
        };
        let ended = run.all(reader, &pipeline.name, &alarms, listener);
        if matches!(&ended, Err(Stop::Read(_))) {
            return ended;
        }
        if matches!(&ended, Err(Stop::Take(error)) if error.kind() != io::ErrorKind::BrokenPipe) {
            return ended;
        }
        alarms.finish();
        alarms.take_lines().iter().for_each(|line| listener.hear(line));
        listener.hear(&run.summary(&lineup.stages()));
        if matches!(&ended, Err(Stop::Take(_))) { Ok(()) } else { ended }
    }
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

impl Run {
    fn all(
        &mut self,
        mut reader: impl Read,
        pipeline: &str,
        alarms: &Alarms,
        listener: &mut impl Listener,
    ) -> Result<(), Stop> {
        loop {
            let (came, batch) = self.chunker.read(&mut reader).map_err(Stop::Read)?;
            let batch = if came == 0 { self.chunker.finish() } else { batch };
            if let Some(batch) = batch {
                self.one(batch, listener)?;
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

    fn one(&mut self, mut batch: EventBatch, listener: &mut impl Listener) -> Result<(), Stop> {
        self.events_in += batch.len();
        self.chain.run(&mut batch).map_err(Stop::Halt)?;
        batch.settle();
        self.empty_events += batch.drop_empty_events();
        self.events_out += batch.len();
        self.encoder.encode(&batch, &mut self.lines);
        let taken = listener.take(&self.lines);
        self.lines.clear();
        taken.map_err(Stop::Take)
    }

    fn summary(&self, stages: &[Arc<Stage>]) -> String {
        let sum = |count: fn(&Stage) -> u64| stages.iter().map(|stage| count(stage)).sum::<u64>();
        let failed = sum(|stage| {
            let counters = &stage.counters;
            counters.failed_events.total() + counters.faulted_events.total() + counters.bypassed_events.total()
        });
        let dropped = sum(|stage| stage.counters.discarded_events.total() + stage.counters.dropped_events.total());
        let dropped = dropped + self.empty_events as u64;
        format!("{} events in, {} out, {dropped} dropped, {failed} failed", self.events_in, self.events_out)
    }
}
