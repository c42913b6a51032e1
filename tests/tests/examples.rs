//! The example processors that need more than `loglift test` gives them.

use anyhow::{Result, ensure};
use loglift_tests::guests::lookup;
use loglift_tests::scratch::Scratch;

const TABLE: &str = "network,country,city\n203.0.113.0/24,DE,Berlin\n2001:db8::/32,JP,Osaka\n";

fn pipeline(sandbox: &str) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    scratch.write("input.log", "203.0.113.9\n192.0.2.1\n2001:db8::1\n")?;
    scratch.pipeline(&[&format!(
        "Type: processor_wasm, Component: {}, Config: {{SourceKey: content, File: /geo/networks.csv, Prefix: geo_}}{sandbox}",
        lookup()?.display()
    )])?;
    Ok(scratch)
}

#[test]
fn a_lookup_reads_its_table_from_a_directory_that_is_granted() -> Result<()> {
    let directory = Scratch::new()?;
    directory.write("networks.csv", TABLE)?;
    let host = directory.path("").display().to_string();
    let granted = format!(", Sandbox: {{Capabilities: {{Dirs: [{{Host: {host}, Guest: /geo, Access: ro}}]}}}}");
    let scratch = pipeline(&granted)?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml", "input.log"]).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    assert_eq!(
        found.events(),
        [
            r#"{"__time__": NOW, "content": "203.0.113.9", "geo_country": "DE", "geo_city": "Berlin"}"#,
            r#"{"__time__": NOW, "content": "192.0.2.1"}"#,
            r#"{"__time__": NOW, "content": "2001:db8::1", "geo_country": "JP", "geo_city": "Osaka"}"#,
        ]
    );
    Ok(())
}

#[test]
fn without_the_directory_it_says_what_is_missing() -> Result<()> {
    let found = pipeline("")?.loglift(&["process", "-c", "pipeline.yaml", "input.log"]).finish()?;
    ensure!(found.code() == Some(1), "{}", found.stderr);
    let message = "cannot read /geo/networks.csv: no granted directory leads there";
    ensure!(found.stderr.contains(message), "{}", found.stderr);
    Ok(())
}
