//! The tutorial for authors, word by word: its commands are run, its files written, its outputs compared.
//!
//! A block marked `console` holds commands after `$ `, and what they print, if that is shown; `...` stands for any text, and
//! alone on a line for any lines. A block with a path behind its language is a file of the project.

use std::env;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};
use loglift_guest_build::{BuildError, Language, Project, Workspace};
use loglift_tests::agent::program;
use loglift_tests::scratch::Scratch;

#[test]
fn the_tutorial_is_true() -> Result<()> {
    let page = fs::read_to_string(Workspace::here().root().join("docs/authoring/tutorial.md"))?;
    let (script, expected) = script(&page)?;
    let scratch = Scratch::new()?;
    let project = Project::new(scratch.directory()).in_language(Language::JavaScript);
    let printed = match project.shell(&program(), &script) {
        Err(error @ BuildError::Tools { .. }) if env::var_os("CI").is_none() => {
            eprintln!("NOT TESTED: {error}");
            return Ok(());
        }
        printed => printed?,
    };
    println!("{printed}");
    let found: Vec<&str> = printed.split(MARK).skip(1).collect();
    ensure!(found.len() == expected.len(), "{} of {} commands ran\n{printed}", found.len(), expected.len());
    for (Command { line, output }, found) in expected.iter().zip(found) {
        let found = found.split_once('\n').map_or("", |(_, found)| found).trim_end();
        ensure!(output.is_empty() || fits(found, output), "$ {line}\n{found}\n--- expected\n{}", output.join("\n"));
    }
    Ok(())
}

/// A command of the page, and what it prints; nothing if the page does not say.
struct Command<'a> {
    line: &'a str,
    output: Vec<&'a str>,
}

/// What the page has a reader do, as a shell script that prints a mark before each command.
fn script(page: &str) -> Result<(String, Vec<Command<'_>>)> {
    // What runs in the background is ended whatever happens. The agent of the test has a name of its own.
    let mut script = String::from(
        "set -e\nexec 2>&1\nmkdir .bin\nln -s \"$LOGLIFT\" .bin/loglift\nPATH=$PWD/.bin:$PATH\n\
         trap 'kill $agent 2>/dev/null || true' EXIT\n",
    );
    let mut commands: Vec<Command<'_>> = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').context("a block without an end")?;
        if info == "console" {
            for line in text.lines() {
                match (line.strip_prefix("$ "), commands.last_mut()) {
                    (Some(line), _) => {
                        let line_to_run = line.replace("kill %1", "kill $agent; wait $agent");
                        writeln!(script, "printf '{MARK}\\n'\n{line_to_run}")?;
                        if line.ends_with('&') {
                            script.push_str("agent=$!\n");
                        }
                        commands.push(Command { line, output: Vec::new() });
                    }
                    (None, Some(command)) => command.output.push(line),
                    (None, None) => {}
                }
            }
        } else if let Some((_, path)) = info.split_once(' ') {
            writeln!(script, "cat > {path} <<'END OF FILE'\n{}\nEND OF FILE", text.trim_end())?;
        }
    }
    ensure!(commands.len() > 10, "there are only {} commands", commands.len());
    Ok((script, commands))
}

/// Whether a text is as the page shows it.
fn fits(found: &str, expected: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return found.is_empty() };
    let (line, others) = found.split_once('\n').unwrap_or((found, ""));
    if *first == "..." {
        return fits(found, rest) || (!found.is_empty() && fits(others, expected));
    }
    !found.is_empty() && line_fits(line, first) && fits(others, rest)
}

fn line_fits(found: &str, expected: &str) -> bool {
    match expected.split_once("...") {
        None => found == expected,
        Some((start, rest)) => found.strip_prefix(start).is_some_and(|found| {
            let ends = found.char_indices().map(|(place, _)| place).chain([found.len()]);
            ends.into_iter().any(|end| line_fits(&found[end..], rest))
        }),
    }
}

/// Before the output of each command.
const MARK: &str = "=====8<=====";
