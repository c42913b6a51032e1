//! What was shipped, read back with the official SDK for Python and compared field by field.
//!
//! The SDK is installed once, into a virtual environment in the target directory, as the tests of the emulator do it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use loglift_tests::service::{LOGSTORE, PROJECT};
use serde_json::json;

use super::{agent, end, shipping, wait_for_events};

/// What is installed. Another version gets an environment of its own.
const PACKAGES: [&str; 2] = ["aliyun-log-python-sdk==0.9.52", "zstd==1.5.7.2"];

#[test]
fn the_official_sdk_reads_back_what_was_shipped() -> Result<()> {
    let python = match python_with_sdk() {
        Ok(python) => python,
        Err(error) => {
            // Not captured, so that nobody takes a machine without Python for a proof.
            writeln!(std::io::stderr(), "SKIPPED: no official SDK here: {error:#}")?;
            return Ok(());
        }
    };
    let time = "Type: processor_strptime, SourceKey: asctime, Format: '%Y-%m-%d %H:%M:%S,%f', UTCOffset: 0";
    let processors = ["Type: processor_parse_json_native, SourceKey: content", time];
    let (scratch, service) = shipping(&processors, "Batch: {MinCnt: 2, TimeoutSecs: 0}")?;
    let config = fs::read_to_string(scratch.path("pipeline.yaml"))?;
    let global = "global: {EnableTimestampNanosecond: true, TopicType: custom, TopicFormat: web}\n";
    scratch.write("pipeline.yaml", format!("{global}{config}"))?;
    let events = [
        ("2023-10-25 23:51:10,299999999", 1_698_277_870, 299_999_999, "INFO", "hello world"),
        ("2023-10-25 23:51:10,000000001", 1_698_277_870, 1, "WARN", "日志 second"),
        ("2023-10-25 23:51:11,3", 1_698_277_871, 300_000_000, "ERROR", "line\nbreak \"quoted\" \\ and a tab\t"),
        ("2023-10-25 23:51:12,000000000", 1_698_277_872, 0, "", "🦀"),
        ("2023-10-25 23:51:13,999999999", 1_698_277_873, 999_999_999, "INFO", ""),
    ];
    let lines = events.map(|(asctime, _, _, level, text)| {
        format!("{}\n", json!({"asctime": asctime, "level": level, "message": text}))
    });
    scratch.write("input.log", lines.concat())?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, events.len())?;
    end(agent)?;

    let expected = events.map(|(asctime, seconds, nanoseconds, level, text)| {
        let fields = json!({"asctime": asctime, "level": level, "message": text});
        json!({"time": seconds, "ns": nanoseconds, "fields": fields})
    });
    let path = scratch.path("input.log").display().to_string();
    let expected = json!({"topic": "web", "path": path, "events": expected});
    scratch.write("expected.json", expected.to_string())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ship/read_back.py");
    let endpoint = format!("http://{}", service.address());
    run(Command::new(python).arg(script).args([&endpoint, PROJECT, LOGSTORE]).arg(scratch.path("expected.json")))
}

/// The interpreter of an environment that has the SDK.
fn python_with_sdk() -> Result<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(PACKAGES.join("+"));
    let python = place.join("bin/python");
    let done = place.join("done");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1", "--timeout=10"];
        run(Command::new(&python).args(install).args(PACKAGES))?;
        fs::write(done, "").context("marking the environment as done")?;
    }
    Ok(python)
}

/// Runs a command to its end and shows what it said if it failed.
fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("running {}", command.get_program().display()))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    ensure!(output.status.success(), "{} failed: {stdout}{stderr}", command.get_program().display());
    Ok(())
}
