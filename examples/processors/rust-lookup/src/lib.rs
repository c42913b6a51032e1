//! Looks up a field in a table, and adds what stands there: where an address is, to whom a host belongs.
//!
//! The table is a CSV file in a directory that the config grants. It is read once, when the processor is configured.
#![forbid(unsafe_code)]

mod table;

use std::collections::HashMap;

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Key, Outcome, Processor, Setup, Span, files};
use serde::Deserialize;

use table::Table;

/// Adds what a table says of a field.
#[derive(Debug)]
pub struct Lookup {
    key: String,
    prefix: String,
    table: Table,
}

/// The parameters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// The field that is looked up.
    source_key: String,
    /// The table.
    file: String,
    /// How a row is found.
    #[serde(default)]
    r#match: Match,
    /// What the names of the added fields begin with.
    #[serde(default)]
    prefix: String,
}

/// How a row is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// The first column is a network such as `10.0.0.0/8` or an address; the smallest one that holds the address counts.
    #[default]
    Network,
    /// The first column is the text itself.
    Text,
}

impl Processor for Lookup {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_lookup",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Looks up a field in a table, and adds what stands there.",
        config_schema: r#"{
            "type": "object",
            "properties": {
                "SourceKey": {"type": "string", "description": "The field that is looked up."},
                "File": {"type": "string", "description": "A CSV file with a header, in a directory that the config grants. The first column is what is looked up, the others become fields of their names."},
                "Match": {"type": "string", "enum": ["network", "text"], "description": "What the first column is: networks and addresses, or text."},
                "Prefix": {"type": "string", "description": "What the names of the added fields begin with."}
            },
            "required": ["SourceKey", "File"]
        }"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let Config { source_key, file, r#match, prefix } = config;
        let text =
            files::read(&file).map_err(|error| vec![Issue::new("File", format!("cannot read {file}: {error}"))])?;
        let table =
            Table::read(&text, r#match).map_err(|wrong| vec![Issue::new("File", format!("{file}: {wrong}"))])?;
        let notes = vec![format!("{} rows of {}", table.row_count(), table.columns().join(", "))];
        let setup = Setup { reads: Some(vec![source_key.clone()]), notes, ..Setup::default() };
        Ok((Self { key: source_key, prefix, table }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let source = batch.key(self.key.as_bytes());
        let names: Vec<String> = self.table.columns().iter().map(|name| format!("{}{name}", self.prefix)).collect();
        let keys: Vec<Key> = names.iter().map(|name| changes.key(name.as_bytes())).collect();
        // The values of a row are written once, however many events have them.
        let mut written: HashMap<usize, Vec<Span>> = HashMap::new();
        for event in batch.events() {
            let Some(value) = source.and_then(|source| event.value(source)) else {
                changes.outcome(event.index(), Outcome::KeyNotFound);
                continue;
            };
            let Some(row) = self.table.find(value) else {
                changes.count("not_found_total", 1);
                continue;
            };
            let values = written.entry(row).or_insert_with(|| {
                self.table.values(row).iter().map(|value| changes.append(value.as_bytes())).collect()
            });
            for (key, value) in keys.iter().zip(values.iter()).filter(|(_, value)| value.len > 0) {
                changes.set(event.index(), *key, *value);
            }
        }
        Ok(())
    }
}

loglift_sdk::export!(Lookup);

#[cfg(test)]
mod tests;
