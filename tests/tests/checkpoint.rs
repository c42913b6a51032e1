//! `loglift checkpoint`, as a person uses it, and the store under it when the process is killed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;

use anyhow::{Context, Result, ensure};
use loglift::checkpoint::{Recovered, Store, read};
use loglift::runtime::data_dir;
use loglift_tests::agent::Finished;
use loglift_tests::scratch::Scratch;
use serde_json::json;

const LINES: &str = "first line\nsecond line\n";

/// The first bytes of a file, and what LoongCollector's hash of them is.
const KNOWN_HEAD: (&str, u64) = ("2025-06-12 07:08:09 INFO start\n", 11_207_873_915_982_042_184);

/// A directory with a file of the known head and a `file_check_point` with one row for each of these paths and offsets.
fn with_rows(rows: &[(&str, u64)]) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    scratch.write("a.log", format!("{}{LINES}", KNOWN_HEAD.0))?;
    let metadata = fs::metadata(scratch.path("a.log"))?;
    let mut map = serde_json::Map::new();
    for (name, offset) in rows {
        let path = scratch.path(name).display().to_string();
        let row = json!({
            "file_name": path, "real_file_name": path, "offset": offset.to_string(),
            "sig_size": KNOWN_HEAD.0.len(), "sig_hash": KNOWN_HEAD.1, "update_time": 1_749_712_089,
            "inode": metadata.ino(), "dev": metadata.dev(), "config_name": "web", "idx_in_reader_array": 0,
        });
        map.insert(format!("{path}*{}*{}*web", metadata.dev(), metadata.ino()), row);
    }
    scratch.write("file_check_point", json!({"version": 200, "check_point": map}).to_string())?;
    Ok(scratch)
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Result<Finished> {
    scratch.loglift(&[&["checkpoint"], arguments].concat()).env("LOGLIFT_DATA_DIR", "data").finish()
}

/// Runs a command that is to succeed and to have nothing to complain of.
fn prints(scratch: &Scratch, arguments: &[&str]) -> Result<String> {
    let found = run(scratch, arguments)?;
    ensure!(found.code() == Some(0) && found.stderr.is_empty(), "{arguments:?}: {}", found.stderr);
    Ok(String::from_utf8(found.stdout)?.replace(&format!("{}/", scratch.directory().display()), ""))
}

/// Runs a command that is to fail, and returns its one line.
fn refuses(scratch: &Scratch, arguments: &[&str]) -> Result<String> {
    let found = run(scratch, arguments)?;
    ensure!(found.code() == Some(1) && found.stdout.is_empty(), "{arguments:?}: {:?}", found.code());
    ensure!(found.stderr.lines().count() == 1, "not one line:\n{}", found.stderr);
    Ok(found.stderr.trim_end().to_owned())
}

fn stored(scratch: &Scratch) -> Result<Recovered> {
    let directory = data_dir::open_existing(Some(&scratch.path("data"))).map_err(|(_, error)| error)?;
    Ok(read(&directory)?)
}

fn offset(scratch: &Scratch) -> Result<u64> {
    Ok(stored(scratch)?.entries.first().context("no entry")?.position.offset.0)
}

#[test]
fn the_checkpoints_of_loongcollector_are_taken_over_once() -> Result<()> {
    let scratch = with_rows(&[("a.log", 31), ("gone.log", 5)])?;
    fs::rename(scratch.path("a.log"), scratch.path("a.log.1"))?;
    // Both rows name the file that is now a.log.1, and the one with the smaller offset loses nothing.
    let expected = "web       a.log         31  left out: another row of the same file resumes at 5\n\
                    web       gone.log       5  resumes in a.log.1\n";
    let dry = prints(&scratch, &["import", "file_check_point", "--dry-run"])?;
    let without_header = |text: &str| text.split_once('\n').unwrap_or_default().1.to_owned();
    assert_eq!(without_header(&dry), format!("{expected}1 of 2 would be imported\n"));
    assert!(!scratch.path("data").exists(), "a dry run changes nothing");

    let done = prints(&scratch, &["import", "file_check_point"])?;
    assert_eq!(without_header(&done), format!("{expected}1 of 2 imported\n"));
    assert_eq!(fs::metadata(scratch.path("data"))?.permissions().mode() & 0o777, 0o700);
    let again = prints(&scratch, &["import", "file_check_point"])?;
    assert!(again.contains("left as it is: checkpoint 0 is of this file"), "{again}");
    assert_eq!(stored(&scratch)?.entries.len(), 1);
    Ok(())
}

#[test]
fn rows_of_pipelines_that_will_not_run_are_left_out() -> Result<()> {
    let scratch = with_rows(&[("a.log", 31)])?;
    scratch.pipeline(&[])?;
    let plan = prints(&scratch, &["import", "file_check_point", "--config", "pipeline.yaml", "--dry-run"])?;
    assert!(plan.contains("left out: no pipeline of this name"), "{plan}");
    fs::rename(scratch.path("pipeline.yaml"), scratch.path("web.yaml"))?;
    let plan = prints(&scratch, &["import", "file_check_point", "--config", "web.yaml", "--dry-run"])?;
    assert!(plan.ends_with("1 of 1 would be imported\n"), "{plan}");
    Ok(())
}

#[test]
fn checkpoints_are_listed_shown_set_and_reset() -> Result<()> {
    let scratch = with_rows(&[("a.log", 31)])?;
    prints(&scratch, &["import", "file_check_point"])?;
    let list = prints(&scratch, &["list"])?;
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["generation", "pipeline", "state", "offset", "length", "behind", "done", "age", "path"]);
    assert_eq!(lines[1][..7], ["0", "web", "followed", "31", "54", "23", "57%"]);
    assert_eq!((lines[1][8], lines.len()), ("a.log", 2));
    let json: serde_json::Value = serde_json::from_str(&prints(&scratch, &["list", "--json"])?)?;
    assert_eq!((json["offset"].as_u64(), json["path"].as_str()), (Some(31), Some("a.log")));
    for name in ["a.log", "0"] {
        let shown = prints(&scratch, &["show", name])?;
        assert!(shown.contains("behind          23 bytes, 57% done\n"), "{shown}");
        assert!(shown.contains("acknowledged    31\n"), "{shown}");
    }

    let set = prints(&scratch, &["set", "a.log", "--offset", "42"])?;
    assert_eq!(set, "a.log: goes on at 42 instead of 31 (pipeline web)\n");
    let entry = stored(&scratch)?.entries.remove(0);
    assert_eq!((entry.position.tail.len, entry.ledger.acknowledged, entry.ledger.dropped), (42, 31, 11));
    let refused = refuses(&scratch, &["set", "a.log", "--offset", "55"])?;
    assert!(refused.contains("a.log has only 54 bytes") && refused.contains("--force"), "{refused}");
    assert_eq!(offset(&scratch)?, 42);
    prints(&scratch, &["set", "a.log", "--offset", "55", "--force"])?;
    assert_eq!(offset(&scratch)?, 55);

    assert_eq!(prints(&scratch, &["reset", "a.log"])?, "a.log: forgotten at 55 (pipeline web)\n");
    assert!(stored(&scratch)?.entries.is_empty());
    assert!(refuses(&scratch, &["reset", "a.log"])?.contains("there is no checkpoint of a.log"));
    prints(&scratch, &["reset", "--all"])?;
    Ok(())
}

#[test]
fn nothing_is_changed_beside_an_agent() -> Result<()> {
    let scratch = with_rows(&[("a.log", 31)])?;
    prints(&scratch, &["import", "file_check_point"])?;
    let directory = data_dir::open(Some(&scratch.path("data"))).map_err(|(_, error)| error)?;
    let (_store, _) = Store::open(directory)?;
    let locked = format!("error: checkpoints in data: the data directory is in use by process {}", std::process::id());
    for command in [
        &["set", "a.log", "--offset", "0"][..],
        &["reset", "a.log"],
        &["reset", "--all"],
        &["import", "file_check_point"],
    ] {
        assert_eq!(refuses(&scratch, command)?, locked);
    }
    assert!(prints(&scratch, &["list"])?.contains("a.log"));
    assert!(prints(&scratch, &["import", "file_check_point", "--dry-run"])?.contains("left as it is"));
    Ok(())
}

#[test]
fn mistakes_are_one_line() -> Result<()> {
    let scratch = with_rows(&[("a.log", 31)])?;
    let missing = "error: cannot open the data directory data: No such file or directory (os error 2)";
    assert_eq!(refuses(&scratch, &["list"])?, missing);
    assert_eq!(refuses(&scratch, &["set", "a.log", "--offset", "1"])?, missing);
    assert!(refuses(&scratch, &["import", "a.log"])?.starts_with("error: a.log: it is not JSON: "));
    assert!(!scratch.path("data").exists());
    prints(&scratch, &["import", "file_check_point"])?;
    let unknown = "error: there is no checkpoint of b.log among the checkpoints in data";
    assert_eq!(refuses(&scratch, &["show", "b.log"])?, unknown);
    scratch.write("data/checkpoints", "loglift-checkpoints 2\n")?;
    assert!(refuses(&scratch, &["list"])?.contains("run the agent that wrote them"));
    fs::set_permissions(scratch.path("data"), fs::Permissions::from_mode(0o777))?;
    assert!(refuses(&scratch, &["reset", "--all"])?.contains("others can write to it"));
    for usage in [&["set", "a.log"][..], &["reset"], &["reset", "a.log", "--all"], &[]] {
        assert_eq!(run(&scratch, usage)?.code(), Some(2), "{usage:?}");
    }
    Ok(())
}

#[test]
fn a_damaged_journal_is_said_and_kept() -> Result<()> {
    let scratch = with_rows(&[("a.log", 31)])?;
    prints(&scratch, &["import", "file_check_point"])?;
    scratch.write("data/checkpoints", "")?;
    let found = run(&scratch, &["reset", "--all"])?;
    assert_eq!(found.code(), Some(0));
    let warnings = "warning: the file of the checkpoints is empty: every file is taken for one never read\n\
                    warning: the file as it was found is kept as checkpoints.corrupt-1\n";
    assert_eq!(found.stderr, warnings);
    assert!(scratch.path("data/checkpoints.corrupt-1").exists());
    Ok(())
}

#[test]
fn an_agent_killed_while_it_saves_leaves_the_old_or_the_new() -> Result<()> {
    const SIGKILL: i32 = 9;
    for (place, allowed) in [
        ("checkpoint-write", &[31][..]),
        ("checkpoint-written", &[31, 42]),
        ("checkpoint-synced", &[42]),
        ("checkpoint-rename", &[31]),
        ("checkpoint-renamed", &[31]),
    ] {
        let scratch = with_rows(&[("a.log", 31)])?;
        prints(&scratch, &["import", "file_check_point"])?;
        if place.starts_with("checkpoint-rename") {
            // Half a line at the end makes the store write its journal anew.
            scratch.append("data/checkpoints", "0badc0de {\"put\":")?;
        }
        let set = scratch.loglift(&["checkpoint", "set", "a.log", "--offset", "42"]);
        let killed = set.env("LOGLIFT_DATA_DIR", "data").env("LOGLIFT_KILL_AT", format!("{place}:1")).finish()?;
        assert_eq!(killed.status.signal(), Some(SIGKILL), "{place}");
        let found = offset(&scratch)?;
        assert!(allowed.contains(&found), "{place}: {found}");
        run(&scratch, &["set", "a.log", "--offset", "54"])?;
        assert_eq!(offset(&scratch)?, 54, "{place}: the store is usable afterwards");
    }
    Ok(())
}
