//! `loglift status`: what an agent says of itself and its files, and what its checkpoints say when it is gone.

use std::fs;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use loglift_tests::scratch::Scratch;
use loglift_tests::status::{expect_balanced, file};

const RUN: &[&str] = &["run", "-c", "pipeline.yaml"];
const FILTER: &str = "Type: processor_filter_regex_native, Include: {content: keep.*}";

/// What the command prints, and its exit code.
fn printed(scratch: &Scratch, arguments: &[&str]) -> Result<(String, Option<i32>)> {
    let found = scratch.loglift(&[&["status"], arguments].concat()).finish()?;
    let directory = format!("{}/", scratch.directory().display());
    Ok((String::from_utf8(found.stdout)?.replace(&directory, ""), found.status.code()))
}

#[test]
fn every_byte_of_a_file_is_somewhere() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[FILTER])?;
    scratch.write("input.log", "keep it\ndrop it\nnot yet a li")?;
    let mut agent = scratch.loglift(RUN).start()?;
    let path = scratch.path("input.log").display().to_string();
    agent.wait_until("the acknowledgement", |agent| {
        let status = agent.status().unwrap_or_default();
        file(&status, &path).is_some_and(|file| file["acknowledged_offset"] == 16)
    })?;
    // Who connects and says nothing is in nobody's way.
    let _silent = UnixStream::connect(scratch.path("data/control.sock"))?;
    let status = agent.status()?;
    expect_balanced(&status)?;
    let input = file(&status, &path).context("the file is known")?;
    let ledger = &input["ledger"];
    let found = ["written", "acknowledged", "dropped", "unread"].map(|part| ledger[part].as_u64());
    assert_eq!(found, [Some(28), Some(8), Some(8), Some(12)], "{ledger:#}");
    assert_eq!((&input["phase"], &input["lag_bytes"], &input["length"]), (&"followed".into(), &12.into(), &28.into()));
    assert!(input["lag_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{input:#}");
    let pipeline = &status["pipelines"][0];
    assert_eq!((&pipeline["name"], &pipeline["counters"]["out_events_total"]), (&"pipeline".into(), &1.into()));
    assert_eq!(pipeline["processors"][0]["counters"]["in_events_total"], 2);
    assert!(status["agent"]["budget_limit_bytes"].as_u64() > status["agent"]["budget_used_bytes"].as_u64());

    let (table, code) = printed(&scratch, &[])?;
    assert!(code == Some(0) && table.contains("pipeline  followed      16    28   12"), "{table}");
    let (table, _) = printed(&scratch, &["--ledger", "input.log"])?;
    assert!(table.contains("every byte that was written is in one column"), "{table}");
    assert_eq!(printed(&scratch, &["other.log"])?.1, Some(1));

    assert_eq!(agent.terminate()?.code(), Some(0));
    assert!(!scratch.path("data/control.sock").exists());
    let (table, code) = printed(&scratch, &[])?;
    assert!(code == Some(1) && table.starts_with("offline: as of the last checkpoint\n"), "{table}");
    expect_balanced(&scratch.status()?)
}

#[test]
fn what_is_not_collected_or_not_read_is_said() -> Result<()> {
    let scratch = Scratch::new()?;
    let config = scratch.config("*.log", &[], &["Type: flusher_stdout"]);
    scratch.write("pipeline.yaml", config.replacen("]}", "], ExcludeFiles: ['debug*']}", 1))?;
    for name in ["app.log", "old.log", "debug-1.log", "debug-2.log"] {
        scratch.write(name, "a line\n")?;
    }
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(24 * 3600);
    fs::File::options().append(true).open(scratch.path("old.log"))?.set_modified(hours_ago)?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("the line", |agent| agent.stdout().lines().count() == 1)?;
    let status = agent.status()?;
    expect_balanced(&status)?;
    let old = file(&status, &scratch.path("old.log").display().to_string()).context("the file is known")?;
    assert_eq!(
        (&old["phase"], &old["ledger"]["untouched"], &old["lag_bytes"]),
        (&"untouched".into(), &7.into(), &0.into())
    );
    let (ledger, _) = printed(&scratch, &["--ledger"])?;
    assert!(ledger.contains("  2 such as debug-") && ledger.contains("left out by ExcludeFiles debug*"), "{ledger}");
    Ok(())
}

#[test]
fn a_killed_agent_leaves_a_socket_that_hinders_nobody() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    scratch.write("input.log", "a line\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("an answer", |agent| agent.status().is_ok())?;
    drop(agent);
    assert!(scratch.path("data/control.sock").exists());
    assert_eq!(printed(&scratch, &[])?.1, Some(1));
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("an answer", |agent| agent.status().is_ok())?;
    expect_balanced(&agent.status()?)
}
