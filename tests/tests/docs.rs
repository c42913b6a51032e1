//! The pages of the processors say what the processors say of themselves.

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
