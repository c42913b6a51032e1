//! What runs of which config, in lines.

use std::fmt::Write as _;

use crate::cli::table::age;
use crate::runtime::status::{HeldBack, PipelineStatus, Status};
use crate::telemetry::one_line;

/// A line for each pipeline whose config is known, and one for each of its processors. `now` is in Unix seconds.
pub(super) fn pipelines(status: &Status, now: i64) -> String {
    let mut text = String::new();
    for PipelineStatus { name, config, processors, held_back, .. } in &status.pipelines {
        let Some(config) = config else { continue };
        let (name, file, hash) = (one_line(name), one_line(&config.file), one_line(&config.hash));
        let for_how_long = age(now - config.since);
        _ = writeln!(text, "{name}: {} for {for_how_long}, config {file} ({hash})", one_line(&config.state));
        for processor in processors {
            let component = &processor.component;
            let [processor, name, version, digest] =
                [&processor.name, &component.name, &component.version, &component.digest].map(|text| one_line(text));
            _ = writeln!(text, "  {processor}: {name} {version} ({digest})");
        }
        for (processor, trouble) in
            processors.iter().filter_map(|processor| Some((&processor.name, processor.trouble.as_ref()?)))
        {
            _ = writeln!(text, "  {}: {}", one_line(processor), one_line(trouble));
        }
        if let Some(HeldBack { seconds, path }) = held_back.as_ref().filter(|held| held.seconds >= LONG_SECONDS) {
            let (path, held) = (one_line(path), age(*seconds as i64));
            _ = writeln!(
                text,
                "  for {held}, checkpoints of all its files wait for {path}, since a processor remembers what it has seen"
            );
        }
        if let Some(problem) = &config.problem {
            _ = writeln!(text, "  what the file holds now does not run: {}", one_line(problem));
        }
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// A shorter wait is usual.
const LONG_SECONDS: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::status::{ComponentStatus, ConfigStatus, ProcessorStatus};

    #[test]
    fn a_pipeline_its_processors_and_what_is_wrong() {
        let component = ComponentStatus { name: "mask".to_owned(), version: "1.2".to_owned(), digest: "cd".to_owned() };
        let processor = ProcessorStatus {
            name: "processors[0] (processor_wasm)".to_owned(),
            component,
            counters: [].into(),
            own: [].into(),
            trouble: Some("halted: it trapped".to_owned()),
        };
        let config = ConfigStatus {
            file: "web.yaml".to_owned(),
            state: "running".to_owned(),
            since: 1000,
            hash: "ab".to_owned(),
            problem: Some("web.yaml:1:1: bad".to_owned()),
        };
        let pipeline = PipelineStatus {
            name: "web".to_owned(),
            config: Some(config),
            processors: vec![processor],
            held_back: Some(HeldBack { seconds: 61.5, path: "/var/log/web.log".to_owned() }),
            ..PipelineStatus::default()
        };
        let status = Status { pipelines: vec![pipeline, PipelineStatus::default()], ..Status::default() };
        let expected = "
web: running for 1m, config web.yaml (ab)
  processors[0] (processor_wasm): mask 1.2 (cd)
  processors[0] (processor_wasm): halted: it trapped
  for 1m, checkpoints of all its files wait for /var/log/web.log, since a processor remembers what it has seen
  what the file holds now does not run: web.yaml:1:1: bad
";
        assert_eq!(pipelines(&status, 1060), expected);
    }
}
