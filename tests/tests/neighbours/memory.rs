//! Processors that remember, and go wrong with that: they begin anew, it is said, and no line is lost.

use anyhow::{Result, ensure};
use loglift_tests::guests::remembering;

use super::{RUN, SICK_LINES, check_lines, events, expect_healthy, healthy, lines, pipeline, wait_for, ward};

/// What a processor does with its memory, its limits, and what the agent says.
const FORGETFUL: &[(&str, &str, &str)] = &[
    ("nothing", "", ""),
    ("refuse", "", "begins without a memory, of what was saved it makes nothing: it is of\u{fffd}no use"),
    ("save nothing", "", "begins without a memory, of what was saved it makes nothing: it is no number"),
    (
        "trap in restore",
        "",
        "begins without a memory, of what was saved it makes nothing: trapped: it panicked or aborted",
    ),
    ("loop in restore", "Setup: 200ms", "of what was saved it makes nothing: ran for longer than its limit of 200ms"),
    ("trap in save", "", "since it cannot save them: trapped: it panicked or aborted"),
    ("loop in save", "Setup: 200ms", "since it cannot save them: ran for longer than its limit of 200ms"),
    ("hoard in save", "Memory: 8MiB", "since it cannot save them: asked for "),
];

#[test]
fn a_memory_that_is_of_no_use_costs_no_line() -> Result<()> {
    let scratch = ward()?;
    let healthy = healthy(&scratch)?;
    let name = |number: usize| format!("forgetful-{number}");
    for (number, (kind, limits, _)) in FORGETFUL.iter().enumerate() {
        let entry = format!("Config: {{Do: {kind}}}, Sandbox: {{Limits: {{{limits}}}}}");
        pipeline(&scratch, &name(number), remembering()?, &entry)?;
    }
    let all: Vec<String> = healthy.iter().cloned().chain((0..FORGETFUL.len()).map(name)).collect();
    let mut log = String::new();
    for run in 0..2 {
        for name in &all {
            scratch.append(&format!("in/{name}.log"), lines(run * SICK_LINES..(run + 1) * SICK_LINES))?;
        }
        let mut agent = scratch.loglift(RUN).start()?;
        all.iter().try_for_each(|name| wait_for(&scratch, &mut agent, name, (run + 1) * SICK_LINES))?;
        let finished = agent.terminate()?;
        ensure!(finished.code() == Some(0), "{}", finished.stderr);
        log += &finished.stderr;
    }
    healthy.iter().try_for_each(|name| expect_healthy(&scratch, name, 2 * SICK_LINES))?;
    println!("| kind | what the agent says | events after it that are forgotten |\n|---|---|---|");
    for (number, (kind, _, message)) in FORGETFUL.iter().enumerate() {
        let events = events(&scratch, &name(number))?;
        check_lines(kind, &events, 2 * SICK_LINES)?;
        let seen: Vec<usize> = events.iter().filter_map(|event| event["seen"].as_str()?.parse().ok()).collect();
        let remembers = message.is_empty();
        let second = if remembers { SICK_LINES + 1..=2 * SICK_LINES } else { 1..=SICK_LINES };
        ensure!(seen == (1..=SICK_LINES).chain(second).collect::<Vec<_>>(), "{kind}: {seen:?}\n{log}");
        let said = log.lines().find(|line| line.contains("PROCESSOR_STATE_ALARM") && line.contains(message));
        ensure!(remembers || said.is_some(), "{kind}: no {message:?} in\n{log}");
        println!("| {kind} | {message} | {} |", if remembers { 0 } else { SICK_LINES });
    }
    Ok(())
}
