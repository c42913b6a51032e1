//! `native-chain FILE OUT`: JSON and strptime as in the bench's pipeline, with native processors on one thread.
//!
//! Everything but the processors is the agent's own code, so that the difference to the agent is the sandbox, the second
//! thread and the queue between them.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use loglift::config::AgentConfig;
use loglift::event::Source;
use loglift::flusher::json_lines::{Encoder, Shape};
use loglift::input::records::chunk::{Chunker, EventSpec};
use loglift::input::records::frame::Framing;
use loglift::runtime::machine::Surroundings;
use loglift_parse_json::ParseJson;
use loglift_strptime::Strptime;
use loglift_tests::twin::{self, Twin};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else { anyhow::bail!("usage: native-chain FILE OUT") };
    let mut reader = File::open(input).with_context(|| format!("cannot open {input}"))?;
    let mut writer = File::create(output).with_context(|| format!("cannot create {output}"))?;

    let surroundings = Surroundings::look(&AgentConfig::default(), &|name| std::env::var(name).ok());
    let events = EventSpec { framing: Framing::JsonRecords, machine: surroundings.machine, ..EventSpec::default() };
    let mut chunker = Chunker::of(Arc::new(Source::new(input.into(), None)), &events);
    let mut parse = twin::configure::<ParseJson>(r#"{"SourceKey": "content"}"#);
    let mut time = twin::configure::<Strptime>(r#"{"SourceKey": "asctime", "Format": "%Y-%m-%d %H:%M:%S,%f"}"#);
    let mut encoder = Encoder::new(Shape { nanoseconds: true, tags: true, without_tag: None });
    let mut lines = Vec::new();
    loop {
        let (came, batch) = chunker.read(&mut reader)?;
        let batch = if came == 0 { chunker.finish() } else { batch };
        if let Some(mut batch) = batch {
            parse.run(&mut batch);
            time.run(&mut batch);
            encoder.encode(&batch, &mut lines);
            writer.write_all(&lines)?;
            lines.clear();
        }
        if came == 0 {
            return Ok(());
        }
    }
}
