//! Components that are none, or not what they seem, and configs that do not fit them: one line that says so.

use std::fs::{self, File};

use anyhow::{Context, Result};
use loglift_tests::guests::{exemplary, stamping};
use loglift_tests::scratch::Scratch;

use super::{document, stdout};

const PROCESS: &[&str] = &["process", "-c", "pipeline.yaml", "input.log"];

/// A component in which a text was written over by another one of the same length.
fn forged(bytes: &[u8], text: &str, other: &str) -> Vec<u8> {
    assert_eq!(text.len(), other.len());
    let mut forged = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(text.len())
        .enumerate()
        .filter(|(_, part)| *part == text.as_bytes())
        .map(|(place, _)| place)
        .collect();
    assert!(!places.is_empty(), "{text} is not in the component");
    places.iter().for_each(|place| forged[*place..*place + other.len()].copy_from_slice(other.as_bytes()));
    forged
}

fn process(scratch: &Scratch, processor: &str) -> Result<(Option<i32>, String)> {
    scratch.pipeline(&[processor])?;
    scratch.write("input.log", "a line\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    Ok((found.code(), found.stderr))
}

#[test]
fn a_component_for_another_version_of_the_contract() -> Result<()> {
    let scratch = Scratch::new()?;
    let bytes = fs::read(exemplary()?)?;
    scratch.write("a.wasm", forged(&bytes, "loglift:processor/columnar@0.1.0", "loglift:processor/columnar@0.9.0"))?;
    let (code, stderr) = process(&scratch, "Type: processor_wasm, Component: a.wasm, Config: {Do: edit}")?;
    assert_eq!(code, Some(1));
    let message = "made for loglift:processor/columnar@0.9.0; this agent speaks loglift:processor/columnar@0.1.0";
    assert!(stderr.contains(message), "{stderr}");
    for command in ["inspect", "conformance"] {
        let found = scratch.loglift(&[command, "a.wasm"]).finish()?;
        assert!(found.stderr.contains(message), "{command}: {}", found.stderr);
        assert_eq!(found.code(), Some(1), "{command}");
    }
    Ok(())
}

#[test]
fn a_component_of_200_megabytes_is_not_even_read() -> Result<()> {
    let scratch = Scratch::new()?;
    // It takes no room on disk, and would take it in memory.
    File::create(scratch.path("a.wasm"))?.set_len(200_000_000)?;
    let (code, stderr) = process(&scratch, "Type: processor_wasm, Component: a.wasm")?;
    let message = "cannot read a.wasm: it has 200000000 bytes, more than the 67108864 that are allowed";
    assert!(code == Some(1) && stderr.contains(message), "{stderr}");
    let found = scratch.loglift(&["inspect", "a.wasm"]).finish()?;
    assert_eq!(found.stderr, format!("error: {message}\n"));
    Ok(())
}

#[test]
fn a_component_with_the_name_of_a_built_in_one_is_pointed_out() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.write("a.wasm", forged(&fs::read(stamping()?)?, "processor_stamping", "processor_strptime"))?;
    let (code, stderr) = process(&scratch, "Type: processor_wasm, Component: a.wasm, Config: {Stamp: x}")?;
    let message = "the component calls itself processor_strptime, as a processor does that is built in";
    assert!(code == Some(0) && stderr.contains(&format!(": processors[0].Config: {message}")), "{stderr}");
    let found = scratch.loglift(&["inspect", "a.wasm"]).finish()?;
    assert!(found.stderr.contains(message), "{}", found.stderr);
    let found = scratch.loglift(&["inspect", "processor_strptime"]).finish()?;
    assert_eq!(found.stderr, "");
    Ok(())
}

#[test]
fn a_config_that_violates_the_schema_of_a_component() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = stamping()?.display();
    let (code, stderr) =
        process(&scratch, &format!("Type: processor_wasm, Component: {guest}, Config: {{TrapOn: [1]}}"))?;
    assert_eq!(code, Some(1));
    for problem in
        ["processors[0].Config: Stamp is missing", "processors[0].Config.TrapOn: expected a string, found a list"]
    {
        assert!(
            stderr.lines().any(|line| line.starts_with("error: pipeline.yaml:4:") && line.ends_with(problem)),
            "{stderr}"
        );
    }
    let guest = guest.to_string();
    let found = scratch
        .loglift(&["bench", &guest, "--input", "input.log", "--config", "{\n\"Stamp\": 5.5,\n\"TrapOn\": {}}"])
        .finish()?;
    assert_eq!(found.stderr, "error: --config:3:11: TrapOn: expected a string, found a map\n");
    Ok(())
}

#[test]
fn inspect_says_what_a_component_was_made_with() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = scratch.loglift(&["inspect", "processor_strptime", "--json"]).finish()?;
    let facts = document(&found)?;
    assert_eq!((&facts["name"], &facts["built_in"]), (&"processor_strptime".into(), &true.into()));
    assert_eq!(facts["languages"], serde_json::json!(["Rust"]), "{facts:#}");
    assert!(facts["config_schema"]["properties"]["Format"].is_object(), "{facts:#}");
    assert_eq!((&facts["world"], &facts["stateful"]), (&"columnar".into(), &false.into()));
    let digest = facts["digest"].as_str().context("it has one")?;
    let found = scratch.loglift(&["inspect", "processor_strptime"]).finish()?;
    let text = stdout(&found);
    assert!(text.contains(&format!("  digest   {digest}\n")) && text.contains("  language Rust\n"), "{text}");
    Ok(())
}
