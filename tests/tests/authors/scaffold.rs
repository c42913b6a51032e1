//! `loglift new`. That its projects can be built and pass their tests is up to `languages.rs`.

use std::fs;

use anyhow::{Context, Result};
use loglift_tests::scratch::Scratch;

use super::{document, stdout};

#[test]
fn an_existing_directory_is_not_touched() -> Result<()> {
    let scratch = Scratch::new()?;
    for (name, content) in [("empty", None), ("full", Some("mine"))] {
        fs::create_dir(scratch.path(name))?;
        content.map_or(Ok(()), |content| scratch.write(&format!("{name}/README.md"), content))?;
        let found = scratch.loglift(&["new", name, "--lang", "rust"]).finish()?;
        let message = format!("error: {name} exists already: nothing was written; take another name or remove it\n");
        assert_eq!((found.stderr, found.status.code()), (message, Some(1)));
        assert_eq!(fs::read_dir(scratch.path(name))?.count(), usize::from(content.is_some()));
    }
    assert_eq!(fs::read_to_string(scratch.path("full/README.md"))?, "mine");
    let found = scratch.loglift(&["new", "parse-json", "--lang", "rust"]).finish()?;
    assert!(found.stderr.ends_with("which is there already: my-parse-json would do\n"), "{}", found.stderr);
    assert!(!scratch.path("parse-json").exists());
    let found = scratch.loglift(&["new", "a", "--lang", "cobol"]).finish()?;
    assert!(found.code() == Some(2) && found.stderr.contains("possible values: rust"), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_missing_tool_is_named_with_how_to_get_it() -> Result<()> {
    let scratch = Scratch::new()?;
    let found =
        scratch.loglift(&["new", "my-parser", "--lang", "rust", "--json"]).env("PATH", "/nonexistent").finish()?;
    let document = document(&found)?;
    assert_eq!(document["missing"][0], "cargo is missing: get Rust from https://rustup.rs", "{document:#}");
    assert_eq!((&document["type"], found.code()), (&"processor_my_parser".into(), Some(0)));
    let files = document["files"].as_array().context("it lists them")?;
    assert!(files.iter().all(|file| file.as_str().is_some_and(|file| scratch.path("my-parser").join(file).is_file())));
    Ok(())
}

#[test]
fn it_says_what_to_do_next() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = scratch.loglift(&["new", "my-parser", "--lang", "rust"]).finish()?;
    assert!(stdout(&found).ends_with("  cd my-parser\n  ./build.sh\n  loglift test .\n"), "{}", stdout(&found));
    Ok(())
}
