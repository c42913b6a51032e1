//! Pipelines, their configs and their components are replaced while lines flow: none is lost, none comes twice, and
//! those of a file stay in order.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{Invocation, Running};
use loglift_tests::guests::{exemplary, misbehaving};
use loglift_tests::scratch::Scratch;
use loglift_tests::service::{KEY, Service};
use loglift_tests::status::expect_balanced;
use loglift_tests::torture::random::Random;
use rustix::process::Signal;
use serde_json::Value;
use sls_emulator::Event;

const RUN: &[&str] = &["run", "-c", "conf"];

/// The stamp that is in the exemplary component, and another one that is as long.
const STAMPS: [&str; 2] =
    ["stamp of the first version of the component", "stamp of the other version of the component"];

/// A directory with one for configs.
fn scratch() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("conf"))?;
    Ok(scratch)
}

/// A config that reads `NAME.log` and writes to a file.
fn config(scratch: &Scratch, name: &str, processors: &[&str], out: &str) -> String {
    let flusher = format!("Type: flusher_file, FilePath: {}", scratch.path(out).display());
    scratch.config(&format!("{name}.log"), processors, &[&flusher])
}

/// Replaces a file as editors do.
fn replace(scratch: &Scratch, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
    let new = format!("{name}.new");
    scratch.write(&new, content)?;
    fs::rename(scratch.path(&new), scratch.path(name)).context("cannot rename")
}

/// Appends numbered lines to `NAME.log` while something is done, and returns how many there are.
fn while_lines_flow<T>(scratch: &Scratch, name: &str, work: impl FnOnce(&AtomicU32) -> Result<T>) -> Result<(T, u32)> {
    let (written, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let file = format!("{name}.log");
    thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                let first = written.load(Ordering::Relaxed);
                scratch.append(&file, numbered(first, first + 20))?;
                written.store(first + 20, Ordering::Relaxed);
                // A pace, and nothing that waits for anything.
                thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        });
        let done = work(&written);
        is_over.store(true, Ordering::Relaxed);
        writer.join().expect("the writer does not panic")?;
        Ok((done?, written.load(Ordering::Relaxed)))
    })
}

fn numbered(first: u32, end: u32) -> String {
    (first..end).map(|number| format!("line {number:06}\n")).collect()
}

/// Waits until lines come out in this file that were written after now.
fn wait_for_more(scratch: &Scratch, agent: &mut Running<'_>, written: &AtomicU32, out: &str) -> Result<()> {
    let wanted = format!("line {:06}", written.load(Ordering::Relaxed) + 20);
    let is_there = |line: &String| content(&serde_json::from_str(line).unwrap_or_default()) >= wanted;
    agent.wait_until(&format!("{wanted} in {out}"), |_| scratch.lines(out).last().is_some_and(is_there))
}

/// The line that an event is of. A line of output that is half written has none.
fn content(event: &Value) -> String {
    event["content"].as_str().unwrap_or_default().to_owned()
}

/// The events in some files, one after the other.
fn events(scratch: &Scratch, outs: &[&str]) -> Vec<Value> {
    let lines = outs.iter().flat_map(|out| scratch.lines(out));
    lines.map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line))).collect()
}

/// Expects that these files hold the numbered lines, each once and in order.
fn expect_numbered(scratch: &Scratch, outs: &[&str], count: u32) -> Result<()> {
    let found: Vec<String> = events(scratch, outs).iter().map(content).collect();
    let text = numbered(0, count);
    let differs = found.iter().zip(text.lines()).position(|(found, expected)| found != expected);
    let near = differs.map(|at| &found[at.saturating_sub(2)..(at + 3).min(found.len())]);
    ensure!(
        differs.is_none() && found.len() == count as usize,
        "{} of {count} lines in {outs:?}, differ at {differs:?}: {near:?}",
        found.len()
    );
    Ok(())
}

/// What the status says of a pipeline. `null` if there is none of this name.
fn pipeline(agent: &Running<'_>, name: &str) -> Value {
    let status = agent.status().unwrap_or_default();
    let known = status["pipelines"].as_array().into_iter().flatten();
    known.into_iter().find(|pipeline| pipeline["name"] == name).cloned().unwrap_or_default()
}

fn wait_for_state(agent: &mut Running<'_>, name: &str, state: &str) -> Result<()> {
    agent.wait_until(&format!("{name} that is {state}"), |agent| pipeline(agent, name)["config"]["state"] == state)
}

fn wait_until_gone(agent: &mut Running<'_>, name: &str) -> Result<()> {
    let is_gone = |agent: &Running<'_>| agent.status().is_ok() && pipeline(agent, name).is_null();
    agent.wait_until(&format!("end of {name}"), is_gone)
}

/// Has the agent look at once. Returns what `loglift reload` prints, and whether all is well.
fn reload(scratch: &Scratch) -> Result<(String, bool)> {
    let found = scratch.loglift(&["reload"]).finish()?;
    Ok((String::from_utf8_lossy(&found.stdout).into_owned(), found.code() == Some(0)))
}

/// An agent that has the key of the log service.
fn with_key(agent: Invocation<'_>) -> Invocation<'_> {
    KEY.into_iter().fold(agent, |agent, (name, value)| agent.env(name, value))
}

/// A component with a stamp.
fn stamped(stamp: &str) -> Result<Vec<u8>> {
    let mut bytes = fs::read(exemplary()?)?;
    let place = bytes.windows(STAMPS[0].len()).position(|found| found == STAMPS[0].as_bytes()).context("no stamp")?;
    bytes[place..place + stamp.len()].copy_from_slice(stamp.as_bytes());
    Ok(bytes)
}

/// Waits for the last of the numbered lines, in this file, and ends the agent. Returns its log.
fn finish(scratch: &Scratch, mut agent: Running<'_>, out: &str, count: u32) -> Result<String> {
    let last = format!("line {:06}", count - 1);
    agent.wait_until(&format!("{last} in {out}"), |_| {
        scratch.lines(out).last().is_some_and(|line| line.contains(&last) && line.ends_with('}'))
    })?;
    expect_balanced(&agent.status()?)?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    Ok(found.stderr)
}

#[test]
fn pipelines_come_and_go_beside_one_that_is_not_touched() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    scratch.write("b.log", numbered(0, 100))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        scratch.write("conf/b.yaml", config(&scratch, "b", &[], "b.json"))?;
        agent.wait_until("lines of b", |_| scratch.lines("b.json").len() == 100)?;
        wait_for_state(&mut agent, "b", "running")?;
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        fs::remove_file(scratch.path("conf/b.yaml"))?;
        wait_until_gone(&mut agent, "b")?;
        scratch.append("b.log", numbered(100, 200))?;
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        // One that comes back goes on where it was.
        scratch.write("conf/b.yaml", config(&scratch, "b", &[], "b2.json"))?;
        agent.wait_until("more lines of b", |_| scratch.lines("b2.json").len() == 100)
    })?;
    let log = finish(&scratch, agent, "a.json", count)?;
    expect_numbered(&scratch, &["a.json"], count)?;
    expect_numbered(&scratch, &["b.json", "b2.json"], 200)?;
    ensure!(log.matches("pipeline stopped").count() == 3, "a is stopped at the end only: {log}");
    Ok(())
}

#[test]
fn a_pipeline_with_another_flusher_goes_on_where_it_was() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "0.json"))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        for round in 0..5 {
            wait_for_more(&scratch, &mut agent, written, &format!("{round}.json"))?;
            let next = format!("{}.json", round + 1);
            replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[], &next))?;
            let (printed, is_ok) = reload(&scratch)?;
            // It may have been noticed without being asked for.
            let is_told = printed == "conf/a.yaml: pipeline a: restarted\n0 of 1 config files unchanged\n";
            ensure!(is_ok && (is_told || printed == "1 of 1 config files unchanged\n"), "{printed}");
        }
        wait_for_more(&scratch, &mut agent, written, "5.json")
    })?;
    finish(&scratch, agent, "5.json", count)?;
    expect_numbered(&scratch, &["0.json", "1.json", "2.json", "3.json", "4.json", "5.json"], count)
}

#[test]
fn other_processors_take_their_places_between_two_batches() -> Result<()> {
    let scratch = scratch()?;
    fs::copy(exemplary()?, scratch.path("conf/stamp.wasm"))?;
    let stamp = "Type: processor_wasm, Component: stamp.wasm, Config: {Do: stamp}";
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[stamp], "a.json"))?;
        agent.wait_until("stamped lines", |_| {
            scratch.lines("a.json").last().is_some_and(|line| line.contains("stamp"))
        })?;
        let processor = pipeline(&agent, "a")["processors"][0].clone();
        ensure!(processor["component"]["name"] == "processor_exemplary", "{processor:#}");
        replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
        agent.wait_until("plain lines", |_| scratch.lines("a.json").last().is_some_and(|line| !line.contains("stamp")))
    })?;
    let log = finish(&scratch, agent, "a.json", count)?;
    expect_numbered(&scratch, &["a.json"], count)?;
    ensure!(log.matches("pipeline stopped").count() == 1, "the pipeline is never stopped for that: {log}");
    let stamped: Vec<bool> = events(&scratch, &["a.json"]).iter().map(|event| !event["stamp"].is_null()).collect();
    let turns = stamped.windows(2).filter(|pair| pair[0] != pair[1]).count();
    ensure!(turns == 2, "each line has the processors of one version: {turns} turns");
    Ok(())
}

#[test]
fn a_component_is_replaced_while_lines_flow() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("stamp.wasm", stamped(STAMPS[0])?)?;
    let processors =
        [&format!("Type: processor_wasm, Component: {}, Config: {{Do: stamp}}", scratch.path("stamp.wasm").display())];
    scratch.write("conf/a.yaml", config(&scratch, "a", &[processors[0]], "a.json"))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        let first = pipeline(&agent, "a")["processors"][0]["component"]["digest"].clone();
        // Half of it is no component, and changes nothing.
        let new = stamped(STAMPS[1])?;
        scratch.write("stamp.wasm", &new[..new.len() / 2])?;
        agent.wait_for_log("USER_CONFIG_ALARM")?;
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        let broken = pipeline(&agent, "a");
        ensure!(broken["processors"][0]["component"]["digest"] == first, "{broken:#}");
        ensure!(
            broken["config"]["problem"].as_str().is_some_and(|problem| problem.contains("stamp.wasm")),
            "{broken:#}"
        );
        replace(&scratch, "stamp.wasm", new)?;
        agent.wait_until("another stamp", |_| {
            scratch.lines("a.json").last().is_some_and(|line| line.contains("other"))
        })?;
        let mended = pipeline(&agent, "a");
        ensure!(mended["config"]["problem"].is_null(), "{mended:#}");
        ensure!(mended["processors"][0]["component"]["digest"] != first, "{mended:#}");
        Ok(())
    })?;
    let log = finish(&scratch, agent, "a.json", count)?;
    expect_numbered(&scratch, &["a.json"], count)?;
    ensure!(log.matches("pipeline stopped").count() == 1, "{log}");
    let stamps: Vec<Value> = events(&scratch, &["a.json"]).iter().map(|event| event["stamp"].clone()).collect();
    let turn = stamps.iter().position(|stamp| stamp == STAMPS[1]).context("no line has the other stamp")?;
    ensure!(stamps[..turn].iter().all(|stamp| stamp == STAMPS[0]), "each line has one stamp");
    ensure!(stamps[turn..].iter().all(|stamp| stamp == STAMPS[1]), "the first version is not used any more");
    Ok(())
}

#[test]
fn many_changes_in_any_order_lose_and_double_nothing() -> Result<()> {
    const ROUNDS: u32 = 16;
    let scratch = scratch()?;
    scratch.write("stamp.wasm", stamped(STAMPS[0])?)?;
    let stamp =
        format!("Type: processor_wasm, Component: {}, Config: {{Do: stamp}}", scratch.path("stamp.wasm").display());
    let mut random = Random::new(7);
    let mut outs = vec!["0.json".to_owned()];
    let mut processors: Vec<&str> = Vec::new();
    scratch.write("conf/a.yaml", config(&scratch, "a", &processors, &outs[0]))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        wait_for_more(&scratch, &mut agent, written, &outs[0])?;
        for round in 1..=ROUNDS {
            match random.number() % 5 {
                0 => outs.push(format!("{round}.json")),
                1 if processors.is_empty() => processors.push(&stamp),
                1 => processors.clear(),
                2 => replace(&scratch, "stamp.wasm", stamped(STAMPS[(round % 2) as usize])?)?,
                3 => fs::rename(scratch.path("a.log"), scratch.path(&format!("a.log.{round}")))?,
                _ => replace(&scratch, "conf/a.yaml", "inputs: [")?,
            }
            let out = outs.last().context("there is one")?;
            let is_broken = scratch.lines("conf/a.yaml") == ["inputs: ["];
            if !is_broken {
                replace(&scratch, "conf/a.yaml", config(&scratch, "a", &processors, out))?;
            }
            ensure!(reload(&scratch)?.1 != is_broken, "round {round}");
            wait_for_more(&scratch, &mut agent, written, out)?;
            if is_broken {
                replace(&scratch, "conf/a.yaml", config(&scratch, "a", &processors, out))?;
            }
        }
        Ok(())
    })?;
    let outs: Vec<&str> = outs.iter().map(String::as_str).collect();
    finish(&scratch, agent, outs[outs.len() - 1], count)?;
    expect_numbered(&scratch, &outs, count)
}

#[test]
fn what_is_wrong_changes_nothing_until_it_is_mended() -> Result<()> {
    let scratch = scratch()?;
    fs::copy(misbehaving()?, scratch.path("conf/sick.wasm"))?;
    let sick = "Type: processor_wasm, Component: sick.wasm, Config: {Do: trap in configure}";
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    scratch.write("conf/b.yaml", "inputs: [")?;
    scratch.write("b.log", numbered(0, 10))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    wait_for_state(&mut agent, "b", "broken")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        let wrong = [
            config(&scratch, "a", &["Type: processor_strptme"], "x.json"),
            config(&scratch, "a", &[sick], "a.json"),
            "inputs: [".to_owned(),
            config(&scratch, "a", &[sick], "x.json"),
        ];
        for content in wrong {
            replace(&scratch, "conf/a.yaml", &content)?;
            let (printed, is_ok) = reload(&scratch)?;
            ensure!(
                !is_ok && printed.starts_with("conf/a.yaml: pipeline a: wrong\n  error: conf/a.yaml:"),
                "{printed}"
            );
            wait_for_more(&scratch, &mut agent, written, "a.json")?;
            let status = pipeline(&agent, "a");
            let problem = status["config"]["problem"].as_str().unwrap_or_default();
            ensure!(status["config"]["state"] == "running" && problem.starts_with("conf/a.yaml:"), "{status:#}");
            agent.wait_for_log(problem)?;
        }
        replace(&scratch, "conf/b.yaml", config(&scratch, "b", &[], "b.json"))?;
        agent.wait_until("lines of b", |_| scratch.lines("b.json").len() == 10)?;
        replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[], "a2.json"))?;
        wait_for_more(&scratch, &mut agent, written, "a2.json")?;
        ensure!(pipeline(&agent, "a")["config"]["problem"].is_null(), "it is mended");
        Ok(())
    })?;
    let log = finish(&scratch, agent, "a2.json", count)?;
    ensure!(log.contains("USER_CONFIG_ALARM at conf/a.yaml"), "{log}");
    expect_numbered(&scratch, &["a.json", "a2.json"], count)?;
    expect_numbered(&scratch, &["b.json"], 10)
}

#[test]
fn a_pipeline_of_another_name_begins_anew() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    scratch.write("a.log", numbered(0, 100))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("lines", |_| scratch.lines("a.json").len() == 100)?;
    fs::rename(scratch.path("conf/a.yaml"), scratch.path("conf/z.yaml"))?;
    wait_until_gone(&mut agent, "a")?;
    wait_for_state(&mut agent, "z", "running")?;
    // Its checkpoints are those of its name, and there are none of this one.
    agent.wait_until("lines again", |_| scratch.lines("a.json").len() == 200)?;
    finish(&scratch, agent, "a.json", 100)?;
    Ok(())
}

#[test]
fn a_file_goes_to_the_next_pipeline_that_means_it() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    let second = config(&scratch, "a", &[], "b.json");
    scratch.write("conf/b.yaml", &second)?;
    scratch.write("a.log", numbered(0, 100))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("lines", |_| scratch.lines("a.json").len() == 100)?;
    // While its owner is replaced, it belongs to nobody else.
    replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[], "a2.json"))?;
    reload(&scratch)?;
    scratch.append("a.log", numbered(100, 200))?;
    agent.wait_until("more lines", |_| scratch.lines("a2.json").len() == 100)?;
    ensure!(scratch.lines("b.json").is_empty(), "the file has one owner");
    fs::remove_file(scratch.path("conf/a.yaml"))?;
    agent.wait_until("lines of the next", |_| scratch.lines("b.json").len() == 200)?;
    finish(&scratch, agent, "b.json", 200)?;
    expect_numbered(&scratch, &["a.json", "a2.json"], 200)?;
    expect_numbered(&scratch, &["b.json"], 200)
}

#[test]
fn a_config_map_is_swapped_as_a_whole() -> Result<()> {
    let scratch = scratch()?;
    let generation = |number: u32| -> Result<PathBuf> {
        let directory = format!("conf/..{number}");
        fs::create_dir(scratch.path(&directory))?;
        scratch.write(&format!("{directory}/a.yaml"), config(&scratch, "a", &[], &format!("{number}.json")))?;
        Ok(PathBuf::from(format!("..{number}")))
    };
    symlink(generation(0)?, scratch.path("conf/..data"))?;
    symlink("..data/a.yaml", scratch.path("conf/a.yaml"))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        for number in 1..4 {
            wait_for_more(&scratch, &mut agent, written, &format!("{}.json", number - 1))?;
            symlink(generation(number)?, scratch.path("conf/..data_tmp"))?;
            fs::rename(scratch.path("conf/..data_tmp"), scratch.path("conf/..data"))?;
            fs::remove_dir_all(scratch.path(&format!("conf/..{}", number - 1)))?;
        }
        wait_for_more(&scratch, &mut agent, written, "3.json")
    })?;
    finish(&scratch, agent, "3.json", count)?;
    expect_numbered(&scratch, &["0.json", "1.json", "2.json", "3.json"], count)
}

#[test]
fn a_signal_has_configs_looked_at_that_nobody_told_of() -> Result<()> {
    let scratch = scratch()?;
    fs::create_dir(scratch.path("elsewhere"))?;
    // The system tells of what happens where the link is, and not of what happens where it leads.
    symlink("../elsewhere/a.yaml", scratch.path("conf/a.yaml"))?;
    scratch.write("elsewhere/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    let mut agent = scratch.loglift(RUN).env("LOONG_CONFIG_SCAN_INTERVAL", "3600").start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |written| {
        wait_for_more(&scratch, &mut agent, written, "a.json")?;
        replace(&scratch, "elsewhere/a.yaml", config(&scratch, "a", &[], "a2.json"))?;
        agent.signal(Signal::HUP)?;
        agent.wait_for_log("config taken: restarted")?;
        wait_for_more(&scratch, &mut agent, written, "a2.json")
    })?;
    finish(&scratch, agent, "a2.json", count)?;
    expect_numbered(&scratch, &["a.json", "a2.json"], count)
}

#[test]
fn what_an_old_version_cannot_deliver_is_delivered_by_the_new_one() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("no-directory", "")?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "no-directory/a.json"))?;
    scratch.write("a.log", numbered(0, 1000))?;
    let mut agent = scratch.loglift(&[RUN, &["--drain-timeout", "1"]].concat()).start()?;
    agent.wait_for_log("FLUSH_FAIL_ALARM")?;
    replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    agent.wait_for_log("CONFIG_UPDATE_ALARM")?;
    let log = finish(&scratch, agent, "a.json", 1000)?;
    ensure!(log.contains("not all that was read could be delivered in 1 s"), "{log}");
    expect_numbered(&scratch, &["a.json"], 1000)
}

#[test]
fn an_agent_ends_though_a_pipeline_is_being_replaced() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("no-directory", "")?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "no-directory/a.json"))?;
    scratch.write("a.log", numbered(0, 10))?;
    let invocation = scratch.loglift(&[RUN, &["--drain-timeout", "2"]].concat());
    let mut agent = invocation.start()?;
    agent.wait_for_log("FLUSH_FAIL_ALARM")?;
    replace(&scratch, "conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    wait_for_state(&mut agent, "a", "stopping")?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(1), "nothing was delivered: {}", found.stderr);
    // The next agent has it all.
    let agent = scratch.loglift(RUN).start()?;
    finish(&scratch, agent, "a.json", 10)?;
    expect_numbered(&scratch, &["a.json"], 10)
}

#[test]
fn a_destination_is_opened_and_closed_with_the_pipelines_that_ship_there() -> Result<()> {
    let scratch = scratch()?;
    let [first, second] = [Service::named(&scratch, "one")?, Service::named(&scratch, "two")?];
    let shipping =
        |service: &Service| scratch.config("a.log", &[], &[&service.flusher("Batch: {MinCnt: 100, TimeoutSecs: 0}")]);
    scratch.write("conf/a.yaml", shipping(&first))?;
    let mut agent = with_key(scratch.loglift(RUN)).start()?;
    agent.wait_for_log("running")?;
    let (_, count) = while_lines_flow(&scratch, "a", |_| {
        agent.wait_until("events", |_| first.events().is_ok_and(|events| events.len() > 200))?;
        replace(&scratch, "conf/a.yaml", shipping(&second))?;
        agent.wait_until("events elsewhere", |_| second.events().is_ok_and(|events| events.len() > 200))?;
        let destinations = agent.status()?["destinations"].clone();
        ensure!(destinations.as_array().is_some_and(|all| all.len() == 1), "{destinations:#}");
        Ok(())
    })?;
    let shipped = || -> Result<Vec<String>> {
        let events = [first.events()?, second.events()?].concat();
        let content = |event: &Event| String::from_utf8_lossy(event.field("content").unwrap_or_default()).into_owned();
        Ok(events.iter().map(content).collect())
    };
    agent.wait_until("all events", |_| shipped().is_ok_and(|found| found.len() >= count as usize))?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    ensure!(shipped()? == numbered(0, count).lines().collect::<Vec<_>>(), "each line once and in order");
    Ok(())
}

#[test]
fn what_waits_for_a_wrong_endpoint_follows_the_right_one() -> Result<()> {
    let scratch = scratch()?;
    let [mut wrong, right] = [Service::named(&scratch, "one")?, Service::named(&scratch, "two")?];
    wrong.down();
    let shipping =
        |service: &Service| scratch.config("a.log", &[], &[&service.flusher("Batch: {MinCnt: 100, TimeoutSecs: 0}")]);
    scratch.write("conf/a.yaml", shipping(&wrong))?;
    scratch.write("a.log", numbered(0, 1000))?;
    let mut agent = with_key(scratch.loglift(RUN)).start()?;
    let on_disk = |agent: &Running<'_>| agent.status().ok()?["destinations"][0]["spooled_packages"].as_u64();
    agent.wait_until("packages on disk", |agent| on_disk(agent).is_some_and(|packages| packages > 0))?;
    replace(&scratch, "conf/a.yaml", shipping(&right))?;
    agent.wait_for_log("config taken: restarted")?;
    scratch.append("a.log", numbered(1000, 2000))?;
    agent.wait_until("events", |_| right.events().is_ok_and(|events| events.len() >= 2000))?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    let content = |event: &Event| String::from_utf8_lossy(event.field("content").unwrap_or_default()).into_owned();
    let events: Vec<String> = right.events()?.iter().map(content).collect();
    ensure!(events == numbered(0, 2000).lines().collect::<Vec<_>>(), "each line once and in order");
    Ok(())
}

#[test]
fn an_agent_waits_for_its_first_pipeline() -> Result<()> {
    let scratch = scratch()?;
    scratch.write("a.log", numbered(0, 10))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("no pipeline can run yet")?;
    scratch.write("conf/a.yaml", config(&scratch, "a", &[], "a.json"))?;
    agent.wait_until("lines", |_| scratch.lines("a.json").len() == 10)?;
    finish(&scratch, agent, "a.json", 10)?;
    expect_numbered(&scratch, &["a.json"], 10)
}

#[test]
fn reload_without_an_agent_says_so() -> Result<()> {
    let scratch = scratch()?;
    let found = scratch.loglift(&["reload"]).finish()?;
    ensure!(found.code() == Some(1) && found.stderr.contains("no agent is running"), "{}", found.stderr);
    Ok(())
}
