//! The pages of the processors say what the processors say of themselves, and show what they do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use loglift_tests::scratch::Scratch;

#[test]
fn every_processor_has_a_page_with_exactly_its_parameters() -> Result<()> {
    let mut found = Vec::new();
    for name in loglift_builtin_processors::TYPES {
        let page =
            fs::read_to_string(pages().join(format!("{name}.md"))).with_context(|| format!("no page for {name}"))?;
        let (documented, known) = (documented(&page), parameters(name)?);
        found.extend(known.difference(&documented).map(|parameter| format!("{name}: {parameter} is not on its page")));
        found.extend(documented.difference(&known).map(|parameter| format!("{name}: there is no {parameter}")));
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn the_list_of_processors_is_complete() -> Result<()> {
    let list = fs::read_to_string(pages().join("README.md"))?;
    for name in loglift_builtin_processors::TYPES {
        ensure!(list.contains(&format!("[`{name}`]({name}.md)")), "{name} is not in the list");
    }
    Ok(())
}

#[test]
fn the_examples_of_every_page_are_true() -> Result<()> {
    let mut failures = Vec::new();
    for name in loglift_builtin_processors::TYPES {
        let page = fs::read_to_string(pages().join(format!("{name}.md")))?;
        let examples = examples(&page).with_context(|| format!("{name}.md"))?;
        ensure!(examples.len() >= 2, "{name}.md has {} examples; two are wanted", examples.len());
        for example in examples {
            ensure!(example.config.contains(name), "an example of {name}.md is about something else");
            failures.extend(try_out(&example).err().map(|error| format!("{name}.md: {error:#}")));
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// An example as a page shows it: processors, lines, and what becomes of them.
struct Example {
    config: String,
    input: String,
    output: String,
}

/// The blocks of the section with the examples, three to an example.
fn examples(page: &str) -> Result<Vec<Example>> {
    let (_, section) = page.split_once("\n## Examples\n").context("there are no examples")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks: Vec<&str> = section.split("```").skip(1).step_by(2).collect();
    let part = |block: &str, language: &str| {
        let text = block.strip_prefix(language).and_then(|rest| rest.strip_prefix('\n'));
        text.map(str::to_owned).with_context(|| format!("expected a block of {language}, found {block:?}"))
    };
    ensure!(blocks.len().is_multiple_of(3), "{} blocks are not three to an example", blocks.len());
    let example = |blocks: &[&str]| {
        Ok(Example {
            config: part(blocks[0], "yaml")?,
            input: part(blocks[1], "text")?,
            output: part(blocks[2], "json")?,
        })
    };
    blocks.chunks(3).map(example).collect()
}

/// Runs an example through the agent.
fn try_out(example: &Example) -> Result<()> {
    let scratch = Scratch::new()?;
    let around = "inputs: [{Type: input_file, FilePaths: [input.log]}]\nflushers: [{Type: flusher_stdout}]\n";
    scratch.write("pipeline.yaml", format!("{around}{}", example.config))?;
    scratch.write("input.log", &example.input)?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml", "input.log"]).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    // A page cannot know when it is read.
    let line = |event: String| event.replacen("\"__time__\": NOW, ", "", 1) + "\n";
    let output: String = found.events().into_iter().map(line).collect();
    ensure!(output == example.output, "expected\n{}found\n{output}{}", example.output, found.stderr);
    Ok(())
}

/// The parameters in the schema that `loglift inspect` shows.
fn parameters(name: &str) -> Result<BTreeSet<String>> {
    let shown = Scratch::new()?.loglift(&["inspect", name]).finish()?;
    let shown = String::from_utf8(shown.stdout)?;
    let (_, schema) = shown.split_once("config schema\n").context("inspect shows no schema")?;
    let schema: serde_json::Value = serde_json::from_str(schema)?;
    let properties = schema["properties"].as_object().context("the schema has no properties")?;
    Ok(properties.keys().cloned().collect())
}

/// The parameters in the first column of the first table of a page; a row may have several.
fn documented(page: &str) -> BTreeSet<String> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| parameter")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/processors")
}
