//! What a component may do outside of its sandbox: nothing, unless the config grants it; and which component is let in.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use loglift::config::Capabilities;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::stage::{Policy, Stage};
use loglift::processor::{Context, Limits};
use loglift_tests::agent::Finished;
use loglift_tests::guests::{misbehaving, reaching};
use loglift_tests::scratch::Scratch;
use serde_json::Value;

const PROCESS: &[&str] = &["process", "-c", "pipeline.yaml", "input.log"];

/// Has a guest reach out for each of two events, in batches of their own, and returns how that ended.
fn reach(scratch: &Scratch, config: &str, sandbox: &str) -> Result<Finished> {
    let guest = reaching()?.display();
    let entry = format!("Type: processor_wasm, Component: {guest}, Config: {{{config}}}, Sandbox: {{{sandbox}}}");
    scratch.pipeline(&[&entry])?;
    scratch.write("input.log", "one\n")?;
    scratch.loglift(PROCESS).env("GRANTED", "a value").env("OTHER", "secret").finish()
}

/// What the guest saw when it reached out.
fn saw(found: &Finished) -> Result<String> {
    let event = found.events().into_iter().next().with_context(|| format!("no event\n{}", found.stderr))?;
    let event: Value = serde_json::from_str(&event.replace("NOW", "0"))?;
    let field = |name| event.get(name).and_then(Value::as_str).map(str::to_owned);
    field("saw").or_else(|| field("__processor_error__")).with_context(|| format!("neither in {event}"))
}

fn sees(config: &str, sandbox: &str, expected: &str) -> Result<()> {
    let scratch = Scratch::new()?;
    let found = reach(&scratch, config, sandbox)?;
    let saw = saw(&found)?;
    ensure!(saw == expected, "{config}, {sandbox}: saw {saw}, expected {expected}\n{}", found.stderr);
    Ok(())
}

#[test]
fn nothing_is_there_unless_granted() -> Result<()> {
    for (config, expected) in [
        ("Do: environment", "[] []"),
        ("Do: directories", "[]"),
        ("Do: read, Path: /etc/passwd", "refused: \"no directory\""),
        ("Do: tcp", "refused: \"access-denied\""),
        ("Do: udp", "refused: \"access-denied\""),
        ("Do: lookup", "refused: \"permanent-resolver-failure\""),
        ("Do: input", "refused: \"closed\""),
        // Time stands still, so nothing is worth waiting for.
        ("Do: sleep", "slept"),
    ] {
        sees(config, "", expected)?;
    }
    Ok(())
}

#[test]
fn what_cannot_be_answered_is_a_fault() -> Result<()> {
    for (config, expected) in [
        ("Do: secrets", "calls nobody:has/secrets@0.1.0#tell, which is not granted"),
        ("Do: exit", "failed: Exited with i32 exit status 1"),
        ("Do: much random", "failed: asked for more random bytes than its memory holds"),
        ("Do: wait for many", "failed: "),
    ] {
        let scratch = Scratch::new()?;
        let found = reach(&scratch, config, "")?;
        let saw = saw(&found)?;
        ensure!(saw.starts_with("processors[0] (processor_wasm): ") && saw.contains(expected), "{config}: {saw}");
    }
    Ok(())
}

#[test]
fn variables_are_granted_by_name() -> Result<()> {
    sees("Do: environment", "Capabilities: {Env: [GRANTED, MISSING]}", "[\"GRANTED=a value\"] []")
}

#[test]
fn without_the_clock_the_time_is_that_of_the_batch() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = reach(&scratch, "Do: time", "")?;
    let time = saw(&found)?;
    let (seconds, rest) = time.split_once('.').context("no time")?;
    ensure!(rest == "000000000 1000000000", "{time}");
    ensure!(seconds.parse::<u64>()? > 1_700_000_000, "{time}");
    // While it is set up there is no batch.
    let found = reach(&scratch, "Do: time, Early: true", "")?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    let found = scratch.loglift(&["validate", "-c", "pipeline.yaml"]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    ensure!(text.contains("\n    0.000000000 1000000000\n"), "{text}");
    Ok(())
}

#[test]
fn with_the_clock_time_goes_by() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = reach(&scratch, "Do: time", "Capabilities: {Clock: true}")?;
    let time = saw(&found)?;
    ensure!(!time.ends_with(" 0") && !time.contains(".000000000 "), "{time}");
    sees("Do: nap", "Capabilities: {Clock: true}", "napped")
}

#[test]
fn nobody_sleeps_longer_than_a_call_may_take() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = reach(&scratch, "Do: sleep", "Capabilities: {Clock: true}, Limits: {Time: 100ms}")?;
    let error = saw(&found)?;
    ensure!(error.ends_with("ran for longer than its limit of 100ms"), "{error}");
    Ok(())
}

#[test]
fn nobody_waits_in_a_runtime_that_stands_still() -> Result<()> {
    // One whose timers stand still while its only thread is busy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _in_runtime = runtime.enter();
    let component = Component::load(&Arc::new(Engine::new(None)?), &fs::read(reaching()?)?)?;
    let limits = Limits { setup: Duration::from_millis(100), ..Limits::default() };
    let capabilities = Capabilities { clock: true, ..Capabilities::default() };
    let policy = Policy { limits, capabilities, ..Policy::default() };
    let set_up = |what: &str| {
        let config = format!(r#"{{"Do": "{what}", "Early": true}}"#);
        let stage = Stage::new("stage".to_owned(), component.clone(), config, Context::default(), policy.clone());
        stage.map(|stage| stage.notes).map_err(|error| error.to_string())
    };
    assert_eq!(set_up("nap"), Ok(vec!["napped".to_owned()]));
    let error = set_up("sleep").err().context("it slept")?;
    assert_eq!(error, "cannot be set up: ran for longer than its limit of 100ms");
    Ok(())
}

#[test]
fn random_numbers_are_the_same_ones_unless_granted() -> Result<()> {
    let scratch = Scratch::new()?;
    let numbers = |sandbox| saw(&reach(&scratch, "Do: random", sandbox)?);
    let fixed = numbers("")?;
    ensure!(fixed == numbers("")?, "{fixed}");
    // What SplitMix64 begins with from seed 0.
    ensure!(fixed.starts_with("([226, 32, 168, 57, 123], "), "{fixed}");
    let granted = "Capabilities: {Random: true}";
    ensure!(numbers(granted)? != numbers(granted)?, "real ones are equal twice");
    Ok(())
}

#[test]
fn files_are_those_of_granted_directories() -> Result<()> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("in"))?;
    scratch.write("in/a.txt", "inside")?;
    scratch.write("secret.txt", "outside")?;
    symlink("../secret.txt", scratch.path("in/link"))?;
    symlink("a.txt", scratch.path("in/fine"))?;
    scratch.fifo("in/fifo")?;
    let check = |config: &str, access: &str, expected: &str| -> Result<()> {
        let host = scratch.path("in");
        let sandbox = format!("Capabilities: {{Dirs: [{{Host: {}, Guest: /data, Access: {access}}}]}}", host.display());
        let found = reach(&scratch, config, &sandbox)?;
        let saw = saw(&found)?;
        ensure!(saw == expected, "{config}, {access}: saw {saw}, expected {expected}\n{}", found.stderr);
        Ok(())
    };
    check("Do: directories", "ro", "[\"/data\"]")?;
    check("Do: read, Path: a.txt", "ro", "\"inside\"")?;
    check("Do: read, Path: fine", "ro", "\"inside\"")?;
    check("Do: read, Path: none", "ro", "refused: \"no-entry\"")?;
    check("Do: read, Path: ../secret.txt", "rw", "refused: \"not-permitted\"")?;
    check("Do: read, Path: link", "rw", "refused: \"not-permitted\"")?;
    check("Do: read, Path: /etc/passwd", "rw", "refused: \"not-permitted\"")?;
    // To open it would take until somebody writes to it.
    check("Do: read, Path: fifo", "rw", "refused: \"not-permitted\"")?;
    check("Do: write, Path: a.txt", "ro", "refused: \"not-permitted\"")?;
    check("Do: write, Path: new.txt", "ro", "refused: \"not-permitted\"")?;
    ensure!(!scratch.path("in/new.txt").exists());
    check("Do: write, Path: new.txt", "rw", "\"x\"")?;
    ensure!(fs::read_to_string(scratch.path("in/new.txt"))? == "x");
    Ok(())
}

#[test]
fn a_directory_that_is_missing_is_a_mistake() -> Result<()> {
    let scratch = Scratch::new()?;
    let host = scratch.path("none");
    let found = reach(
        &scratch,
        "Do: directories",
        &format!("Capabilities: {{Dirs: [{{Host: {}, Guest: a}}]}}", host.display()),
    )?;
    // The harness cuts off the directory of the test.
    let expected = "processors[0].Sandbox.Capabilities.Dirs[0].Host: cannot open none: No such file or directory";
    ensure!(found.code() != Some(0) && found.stderr.contains(expected), "{}", found.stderr);
    Ok(())
}

#[test]
fn what_is_printed_goes_to_the_log_in_lines() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = reach(&scratch, "Do: print", "")?;
    assert_eq!(saw(&found)?, "()");
    let [out, err] =
        ["INFO processor log", "WARN processor log"].map(|text| found.log(text).first().map(ToString::to_string));
    let (out, err) = (out.context("no line")?, err.context("no complaint")?);
    ensure!(out.contains("a line, and \u{fffd}[31m half of one"), "{out}");
    ensure!(err.contains("a complaint"), "{err}");
    Ok(())
}

#[test]
fn strict_refuses_what_wants_more() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = reach(&scratch, "Do: input", "Strict: true, Capabilities: {Clock: true}")?;
    ensure!(found.code() == Some(1), "{:?}", found.code());
    for expected in ["Strict is set, and it wants files (", ", the environment (wasi:cli/environment@0.2.0), "] {
        ensure!(found.stderr.contains(expected), "{}", found.stderr);
    }
    ensure!(found.stderr.contains("unknown imports (nobody:has/secrets@0.1.0)"), "{}", found.stderr);
    ensure!(!found.stderr.contains("wasi:clocks") && !found.stderr.contains("wasi:cli/stdout"), "{}", found.stderr);
    // A processor that wants nothing is let in.
    let guest = misbehaving()?.display();
    scratch.pipeline(&[&format!(
        "Type: processor_wasm, Component: {guest}, Config: {{Do: nothing}}, Sandbox: {{Strict: true}}"
    )])?;
    let found = scratch.loglift(PROCESS).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    Ok(())
}

#[test]
fn validate_and_inspect_show_what_is_wanted_and_what_is_got() -> Result<()> {
    let scratch = Scratch::new()?;
    reach(&scratch, "Do: input", "Capabilities: {Clock: true, Env: [GRANTED]}")?;
    let found = scratch.loglift(&["validate", "-c", "pipeline.yaml"]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    for line in [
        "    wants the environment (wasi:cli/environment@0.2.0): gets GRANTED",
        "    wants the time (wasi:clocks/monotonic-clock@0.2.0, wasi:clocks/wall-clock@0.2.0): gets the real one",
        "    wants random numbers (wasi:random/insecure-seed@0.2.0, wasi:random/random@0.2.0): gets the same ones for \
            every batch",
        "    wants unknown imports (nobody:has/secrets@0.1.0): gets none, to call one is a fault",
    ] {
        let mut words = line.split(['(', ')']);
        let (start, end) = (words.next().unwrap_or_default(), words.next_back().unwrap_or_default());
        ensure!(text.lines().any(|found| found.starts_with(start) && found.ends_with(end)), "no {line}\n{text}");
    }
    ensure!(text.contains("    component sha256:"), "{text}");

    let guest = reaching()?.display().to_string();
    let found = scratch.loglift(&["inspect", &guest]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    ensure!(text.contains("  digest   sha256:"), "{text}");
    ensure!(text.contains("wants files (") && text.contains("wants the network ("), "{text}");
    Ok(())
}

#[test]
fn a_component_is_pinned_by_its_digest() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?;
    let shown = scratch.loglift(&["inspect", &guest.display().to_string()]).finish()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let digest = shown.lines().find_map(|line| line.trim().strip_prefix("digest   ")).context("no digest")?;
    let run = |digest: &str| {
        let entry = format!(
            "Type: processor_wasm, Component: {}, Config: {{Do: nothing}}, Sandbox: {{Digest: '{digest}'}}",
            guest.display()
        );
        scratch.pipeline(&[&entry])?;
        scratch.write("input.log", "one\n")?;
        scratch.loglift(PROCESS).finish()
    };
    let found = run(digest)?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    let other = format!("sha256:{}", "0".repeat(64));
    let found = run(&other)?;
    let expected = format!(
        "processors[0].Sandbox.Digest: its digest is {digest}, and Digest says {other}: it is not the component that was \
            meant"
    );
    ensure!(found.code() == Some(1) && found.stderr.contains(&expected), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_signature_that_is_missing_or_wrong_keeps_a_component_out() -> Result<()> {
    let scratch = Scratch::new()?;
    let run = |signature: &str, key: &str| {
        let entry = format!(
            "Type: processor_wasm, Component: {}, Sandbox: {{Signature: '{signature}', PublicKey: '{key}'}}",
            misbehaving()?.display()
        );
        scratch.pipeline(&[&entry])?;
        scratch.loglift(PROCESS).finish()
    };
    let key = "base64:2i5PrEV6N+bAJcneW0nBw077FOOlurkE/XE+ljdxAB8=";
    scratch.write("zeros.sig", [0; 64])?;
    scratch.write("short.sig", [0; 63])?;
    for (signature, key, expected) in [
        ("none.sig", key, "Sandbox.Signature: cannot read none.sig: No such file or directory"),
        ("zeros.sig", "none.pem", "Sandbox.PublicKey: cannot read none.pem: No such file or directory"),
        ("zeros.sig", key, "Sandbox.Signature: Signature does not fit: "),
        ("short.sig", key, "Sandbox.Signature: Signature is no Ed25519 signature: "),
        ("zeros.sig", "zeros.sig", "Sandbox.Signature: PublicKey is no Ed25519 key: "),
        (".", key, "Sandbox.Signature: cannot read .: it is not a file"),
    ] {
        let found = run(signature, key)?;
        ensure!(found.code() == Some(1) && found.stderr.contains(expected), "{expected}\n{}", found.stderr);
    }
    Ok(())
}

#[test]
fn steps_are_limited_if_asked_for() -> Result<()> {
    let scratch = Scratch::new()?;
    let run = |what: &str, limits: &str| {
        let entry = format!(
            "Type: processor_wasm, Component: {}, Config: {{Do: {what}}}, Sandbox: {{Limits: {{{limits}}}}}",
            misbehaving()?.display()
        );
        scratch.pipeline(&[&entry])?;
        scratch.write("input.log", "one\n")?;
        saw_or_seen(&scratch.loglift(PROCESS).finish()?)
    };
    // Long before its time is over.
    let found = run("loop", "FuelPerByte: 100, Time: 1h")?;
    ensure!(found.contains("took more steps than its limit of 100 for each byte"), "{found}");
    let found = run("nothing", "FuelPerByte: 100")?;
    ensure!(found.contains("\"seen\": \"yes\""), "{found}");
    Ok(())
}

fn saw_or_seen(found: &Finished) -> Result<String> {
    found.events().into_iter().next().with_context(|| format!("no event\n{}", found.stderr))
}

#[test]
fn answers_have_a_limit_of_their_own() -> Result<()> {
    let scratch = Scratch::new()?;
    let entry = format!(
        "Type: processor_wasm, Component: {}, Config: {{Do: amplify}}, Sandbox: {{Limits: {{Answer: 1MiB}}}}",
        misbehaving()?.display()
    );
    scratch.pipeline(&[&entry])?;
    scratch.write("input.log", "x".repeat(200 << 10) + "\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    ensure!(found.stderr.contains("1048576 are allowed"), "{:.3000}", found.stderr);
    Ok(())
}

#[test]
fn lines_that_are_left_out_of_the_log_are_counted() -> Result<()> {
    let scratch = Scratch::new()?;
    let entry = format!(
        "Type: processor_wasm, Component: {}, Config: {{Do: flood the log}}, Sandbox: {{Limits: {{LogLinesPerSecond: 2}}}}",
        misbehaving()?.display()
    );
    scratch.pipeline(&[&entry])?;
    scratch.write("input.log", "one\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    ensure!(!found.log("processor logs too much, lines were left out").is_empty(), "{:.3000}", found.stderr);
    Ok(())
}
