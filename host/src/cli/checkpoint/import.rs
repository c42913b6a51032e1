//! `loglift checkpoint import`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::files::OnDisk;
use super::{open, print, read, shown, unix_seconds};
use crate::checkpoint::import::{Plan, Row, Verdict, plan};
use crate::cli::table::table;
use crate::cli::{Common, load_configs};
use crate::config::AgentConfig;
use crate::runtime::data_dir;
use crate::telemetry::one_line;

/// Prints what becomes of each row, and saves the entries that are made unless this is a dry run.
pub(super) fn import(common: &Common, file: &Path, configs: &[PathBuf], dry_run: bool) -> anyhow::Result<bool> {
    let shown_file = file.display();
    let text = std::fs::read(file).with_context(|| format!("cannot read {shown_file}"))?;
    let text = String::from_utf8_lossy(&text);
    let (pipelines, is_ok) = pipelines(configs);
    if !is_ok {
        return Ok(false);
    }
    let planned = |known: &_| plan(&text, &OnDisk, pipelines.as_ref(), known).with_context(|| shown_file.to_string());
    if dry_run {
        let is_there = data_dir::path(common.data_dir.as_deref()).exists();
        let known = if is_there { read(common)?.entries } else { Vec::new() };
        let plan = planned(&known)?;
        return print(&(describe(&plan) + &format!("{} would be imported\n", summary(&plan))));
    }
    // Nothing is made if the file is no checkpoint file.
    planned(&[])?;
    let (mut store, recovered) = open(common)?;
    let plan = planned(&recovered.entries)?;
    let entries = plan.entries(recovered.next_generation);
    store.save(&entries, &[], unix_seconds()).context("cannot save the checkpoints")?;
    print(&(describe(&plan) + &format!("{} imported\n", summary(&plan))))
}

/// The names of the pipelines in configs, if there are configs, and whether all could be loaded.
fn pipelines(configs: &[PathBuf]) -> (Option<BTreeSet<String>>, bool) {
    if configs.is_empty() {
        return (None, true);
    }
    let (loaded, mut is_ok) = load_configs(configs, &AgentConfig::default());
    let mut names = BTreeSet::new();
    for file in loaded.into_iter().flat_map(|loaded| loaded.files) {
        match file.result {
            Ok((pipeline, _)) => _ = names.insert(pipeline.name),
            Err(problems) => {
                crate::cli::print_problems(&problems);
                is_ok = false;
            }
        }
    }
    (Some(names), is_ok)
}

fn describe(plan: &Plan) -> String {
    let rows: Vec<Vec<String>> = plan.rows.iter().map(row).collect();
    table(&["pipeline", "path", " offset", "becomes"], &rows)
}

fn row(row: &Row) -> Vec<String> {
    let becomes = match &row.verdict {
        Verdict::Resumes(entry) if entry.real_path == row.path => "resumes".to_owned(),
        Verdict::Resumes(entry) => format!("resumes in {}", shown(&entry.real_path)),
        Verdict::Known(generation) => format!("left as it is: checkpoint {generation} is of this file"),
        Verdict::Ambiguous(reason) => format!("left out: {reason}"),
        Verdict::Gone(reason) => format!("left out: {reason}"),
        Verdict::NoPipeline => "left out: no pipeline of this name".to_owned(),
    };
    vec![one_line(&row.pipeline), shown(&row.path), row.offset.0.to_string(), becomes]
}

fn summary(plan: &Plan) -> String {
    let imported = plan.rows.iter().filter(|row| matches!(row.verdict, Verdict::Resumes(_))).count();
    format!("{imported} of {}", plan.rows.len())
}
