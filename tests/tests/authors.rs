//! What the authors of processors are given: golden cases, the conformance kit, benches, scaffolds, and clear words about
//! components that are none.

#[path = "authors/bench.rs"]
mod bench;
#[path = "authors/conformance.rs"]
mod conformance;
#[path = "authors/golden.rs"]
mod golden;
#[path = "authors/refused.rs"]
mod refused;
#[path = "authors/scaffold.rs"]
mod scaffold;

use anyhow::{Context, Result};
use loglift_tests::agent::Finished;
use serde_json::Value;

fn stdout(found: &Finished) -> String {
    String::from_utf8_lossy(&found.stdout).into_owned()
}

/// The one JSON document on standard output.
fn document(found: &Finished) -> Result<Value> {
    serde_json::from_slice(&found.stdout).with_context(|| format!("no document: {}\n{}", stdout(found), found.stderr))
}
