//! Processors that are not let in, each as a new pipeline and in the place of a healthy processor: the agent says why, what ran
//! before goes on, and nobody else notices.

use anyhow::{Result, ensure};
use loglift_tests::guests::{misbehaving, misdescribed, misspelt};
use loglift_tests::scratch::Scratch;
use serde_json::Value;

use super::{RUN, SICK_LINES, bombs, expect_healthy, healthy, lines, pipeline, wait_for, ward};

/// A component that is not let in.
struct Refused {
    kind: &'static str,
    component: Vec<u8>,
    entry: &'static str,
    /// What the agent says.
    reason: &'static str,
}

const SHORT: &str = "Config: {Do: nothing}, Sandbox: {Limits: {Setup: 200ms}}";

fn refused() -> Result<Vec<Refused>> {
    let guest = std::fs::read(misbehaving()?)?;
    let mut all = Vec::new();
    let mut add = |kind, component, entry, reason| all.push(Refused { kind, component, entry, reason });
    let nothing = "Config: {Do: nothing}";

    add(
        "traps in configure",
        guest.clone(),
        "Config: {Do: trap in configure}",
        "cannot be set up: trapped: it panicked",
    );
    let entry = "Config: {Do: loop in configure}, Sandbox: {Limits: {Setup: 200ms}}";
    add("loops in configure", guest.clone(), entry, "cannot be set up: ran for longer than its limit of 200ms");
    add("refuses its config", guest.clone(), "Config: {Do: refuse}", "Config.Keys[1]: is no good");

    let described = misdescribed;
    add("traps in describe", described("panics")?, nothing, "cannot describe itself: trapped: it panicked or aborted");
    add(
        "loops in describe",
        described("loops")?,
        SHORT,
        "cannot describe itself: ran for longer than its limit of 200ms",
    );
    add("hoards in describe", described("hoards")?, nothing, "cannot describe itself: asked for ");
    add("has a name of a megabyte", described("names")?, nothing, "its name has 1048576 bytes, 256 are allowed");
    add(
        "has a schema of 5 megabytes",
        described("length")?,
        nothing,
        "its config schema has 5242893 bytes, 1048576 are",
    );
    let broken = "the schema of the processor is broken: config schema is not ";
    add("has a schema that is no JSON", described("schema")?, nothing, broken);
    add("has a schema that is a list", described("list")?, nothing, "config schema is not an object");
    let summary = misspelt("Breaks the contract on demand.")?;
    add("describes itself not in UTF-8", summary, nothing, "cannot describe itself: failed: invalid utf-8");

    add("is nested 1,000 deep", bombs::nested(1000), nothing, "nests components 11 deep or deeper, 10 is allowed");
    add("has 10,000 types", bombs::of_types(10_000), nothing, "has 10000 types or more, 9999 are allowed");
    let nested = bombs::nested_types(10, 1000);
    add("has 10,000 types, nested", nested, nothing, "has 10000 types or more, 9999 are allowed");
    add("has types that double", bombs::doubling_types(60), nothing, "not a valid component: ");
    add("is made of 1,000 modules", bombs::of_modules(1000), nothing, "is made of 501 modules and components or more");
    let looping = bombs::with_looping_start(&guest);
    add("loops in a start function", looping, SHORT, "cannot describe itself: ran for longer than its limit of 200ms");
    add("is cut short", guest[..guest.len() / 2].to_vec(), nothing, "not a valid component: ");
    Ok(all)
}

#[test]
fn a_component_that_is_refused_harms_nobody() -> Result<()> {
    let (scratch, refused) = (ward()?, refused()?);
    let healthy = healthy(&scratch)?;
    let old: Vec<String> = (0..refused.len()).map(|number| format!("old-{number:02}")).collect();
    let new: Vec<String> = (0..refused.len()).map(|number| format!("new-{number:02}")).collect();
    for name in &old {
        pipeline(&scratch, name, misbehaving()?, "Config: {Do: nothing}")?;
    }
    pipeline(&scratch, "swapped", misbehaving()?, "Config: {Do: nothing}")?;
    let feed = |half: usize| -> Result<()> {
        let lines = lines(half * SICK_LINES..(half + 1) * SICK_LINES);
        let names = healthy.iter().chain(&old).map(String::as_str).chain(["swapped"]);
        names.into_iter().try_for_each(|name| scratch.append(&format!("in/{name}.log"), &lines))
    };
    let names: Vec<&str> = healthy.iter().chain(&old).map(String::as_str).chain(["swapped"]).collect();
    feed(0)?;
    let mut agent = scratch.loglift(RUN).start()?;
    names.iter().try_for_each(|name| wait_for(&scratch, &mut agent, name, SICK_LINES))?;

    for ((row, old), new) in refused.iter().zip(&old).zip(&new) {
        let component = scratch.path(&format!("{old}.wasm"));
        std::fs::write(&component, &row.component)?;
        scratch.write(&format!("in/{new}.log"), lines(0..SICK_LINES))?;
        [old, new].iter().try_for_each(|name| pipeline(&scratch, name, &component, row.entry))?;
    }
    // A version that is let in, and fails once there is something to do.
    pipeline(&scratch, "swapped", misbehaving()?, "Config: {Do: trap under load}")?;
    agent.wait_until("a problem with each", |agent| {
        let status = agent.status().unwrap_or_default();
        old.iter().chain(&new).all(|name| !config(&status, name)["problem"].is_null())
    })?;
    agent.wait_until("another processor in swapped", |agent| agent.stderr().contains("is in place"))?;
    feed(1)?;
    names.iter().try_for_each(|name| wait_for(&scratch, &mut agent, name, 2 * SICK_LINES))?;
    agent.wait_for_log("PROCESSOR_ROLLBACK_ALARM in processors[0] (processor_wasm)")?;
    let status = agent.status()?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0), "{}", finished.stderr);

    names.iter().try_for_each(|name| expect_healthy(&scratch, name, 2 * SICK_LINES))?;
    println!("| kind | what the agent says | the neighbours' loss |\n|---|---|---|");
    for (((row, old), new), number) in refused.iter().zip(&old).zip(&new).zip(0..) {
        for (name, state) in [(old, "running"), (new, "broken")] {
            let config = config(&status, name);
            let problem = config["problem"].as_str().unwrap_or_default();
            ensure!(config["state"] == state && problem.contains(row.reason), "{}: {config:#}", row.kind);
            ensure!(problem.len() < 1000 && problem.lines().count() == 1, "{}: too much is said: {problem}", row.kind);
            let alarm = format!("USER_CONFIG_ALARM at configs/{name}.yaml");
            ensure!(finished.log(&alarm).len() == 1, "{}: no {alarm} in\n{}", row.kind, finished.stderr);
        }
        ensure!(super::count(&scratch, new) == 0, "{}: it was not to run", row.kind);
        let problem = config(&status, new)["problem"].as_str().unwrap_or_default().replace(&place(&scratch), "");
        let said =
            problem.replace(&format!("old-{number:02}.wasm"), "FILE").replace(&format!("new-{number:02}"), "NAME");
        println!("| {} | {said} | 0 |", row.kind);
    }
    let rollback = finished.log("PROCESSOR_ROLLBACK_ALARM").first().and_then(|line| line.split_once("_wasm): "));
    println!("| a new version that traps under load | {} | 0 |", rollback.map_or("", |(_, said)| said));
    Ok(())
}

/// What is said of the config of a pipeline.
fn config<'a>(status: &'a Value, pipeline: &str) -> &'a Value {
    let pipelines = status["pipelines"].as_array().into_iter().flatten();
    pipelines.filter(|found| found["name"] == pipeline).map(|found| &found["config"]).next().unwrap_or(&Value::Null)
}

fn place(scratch: &Scratch) -> String {
    format!("{}/", scratch.directory().display())
}
