//! `loglift validate`.

use std::sync::Arc;

use super::explain::explain;
use super::{Common, ValidateArguments, load_configs, print_problems};
use crate::config::{AgentConfig, FlusherKind, InputKind, Pipeline};
use crate::input::records::frame::Framing;
use crate::processor::stage::Stage;
use crate::runtime::assemble::Workshop;
use crate::runtime::events::framing;

/// Prints what pipelines are and what is wrong with them. Returns whether all are right.
pub(super) fn validate(arguments: &ValidateArguments, common: &Common) -> anyhow::Result<bool> {
    let agent_config = AgentConfig::default();
    let workshop = common.workshop(true, &agent_config)?;
    let (loaded, mut is_ok) = load_configs(&arguments.configs, &agent_config);
    let mut pipelines = Vec::new();
    for file in loaded.into_iter().flat_map(|loaded| loaded.files) {
        let path = file.path.display();
        let mut warnings = Vec::new();
        let checked = file.result.and_then(|(pipeline, found)| {
            warnings = found;
            check(&workshop, &pipeline, &mut warnings).map(|text| (pipeline, text))
        });
        match checked {
            Ok((pipeline, text)) => {
                println!("{path}: pipeline {}\n{text}", pipeline.name);
                pipelines.extend(Some(pipeline).filter(|pipeline| pipeline.enable));
            }
            Err(problems) => {
                println!("{path}: refused");
                print_problems(&problems);
                is_ok = false;
            }
        }
        warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    if let Some(paths) = &arguments.explain {
        explain(&pipelines, paths, &std::env::current_dir()?);
    }
    Ok(is_ok)
}

fn check(
    workshop: &Workshop,
    pipeline: &Pipeline,
    warnings: &mut Vec<crate::config::Warning>,
) -> Result<String, Vec<crate::config::Problem>> {
    if !pipeline.enable {
        return Ok("  disabled\n".to_owned());
    }
    let stages = workshop.stages(pipeline, warnings)?;
    Ok(describe(pipeline, &stages))
}

fn describe(pipeline: &Pipeline, stages: &[Arc<Stage>]) -> String {
    let mut lines = Vec::new();
    for input in &pipeline.inputs {
        let InputKind::File(file) = &input.kind;
        let records = match framing(pipeline) {
            Framing::Lines => "one event a line",
            Framing::JsonRecords => "one event a JSON object, which may span lines",
            Framing::Multiline(_) => "one event for lines joined by Multiline",
            Framing::WholeFile { .. } => "one event for all that is written to a file at a time",
        };
        lines.push(format!("{}: {} ({records})", input.path, file.file_paths.join(", ")));
    }
    for stage in stages {
        lines.push(stage.name.clone());
        lines.push(format!("  component {}", stage.digest()));
        lines.extend(stage.grants().iter().map(|line| format!("  {line}")));
        lines.extend(stage.notes.iter().map(|note| format!("  {note}")));
    }
    for flusher in &pipeline.flushers {
        let target = match &flusher.kind {
            FlusherKind::Stdout(_) => "standard output".to_owned(),
            FlusherKind::File(file) => format!("file {}", file.path),
            FlusherKind::Blackhole => "nowhere".to_owned(),
            FlusherKind::Sls(sls) => format!("SLS project {}, logstore {}", sls.project, sls.logstore),
        };
        lines.push(format!("{}: {target}", flusher.path));
    }
    let nanoseconds = if pipeline.global.nanoseconds { "with" } else { "without" };
    lines.push(format!("events {nanoseconds} __time_ns_part__"));
    lines.iter().map(|line| format!("  {line}\n")).collect()
}
