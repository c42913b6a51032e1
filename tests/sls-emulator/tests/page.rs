//! The page of the emulator in a real browser, without a window.
//!
//! The browser is the program that `CHROMIUM` names, or a Chromium or Chrome in `PATH`.

#![forbid(unsafe_code)]

#[path = "page/browser.rs"]
mod browser;
#[path = "page/client.rs"]
mod client;

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sls_emulator::{Emulator, Options};

use browser::{Browser, texts};
use client::Log;

/// 2023-10-25 23:51:10 in UTC.
const FIRST: u32 = 1_698_277_870;

/// An emulator with two logstores, in which a few events differ by nanoseconds, and one has none.
fn start(scratch: &Path) -> Result<Emulator> {
    let emulator = Emulator::start(&Options::new(scratch))?;
    emulator.create_logstore("shop", "empty")?;
    emulator.create_logstore("shop", "orders")?;
    let log = |seconds, nanoseconds, level: &str, message: &str| Log {
        seconds,
        nanoseconds,
        fields: vec![("level".to_owned(), level.to_owned()), ("message".to_owned(), message.to_owned())],
    };
    client::put_logs(
        &emulator,
        ("shop", "orders"),
        &[
            log(FIRST, Some(200_000_001), "error", "third <b>of</b> four"),
            log(FIRST, Some(199_999_999), "info", "first of four"),
            log(FIRST, Some(200_000_000), "error", "second of four"),
            log(FIRST + 59, None, "error", "fourth of four"),
        ],
    )?;
    Ok(emulator)
}

/// Runs `check` with a browser and an emulator, or says that it did not.
fn in_browser(check: impl FnOnce(&Browser, &Emulator) -> Result<()>) -> Result<()> {
    let Some(browser) = Browser::find() else {
        // Not captured, so that nobody takes a machine without a browser for a proof.
        writeln!(std::io::stderr(), "SKIPPED: there is no Chromium in PATH, and CHROMIUM names none")?;
        return Ok(());
    };
    let scratch = tempfile::tempdir()?;
    check(&browser, &start(scratch.path())?)
}

#[test]
fn the_page_shows_logstores_and_events_with_the_precision_they_have() -> Result<()> {
    in_browser(|browser, emulator| {
        let dom = browser.dom(&format!("{}/?order=false", emulator.endpoint()))?;
        ensure!(texts(&dom, "h2") == ["shop"], "{dom}");
        // The names with how many events they have; the first one that has some is chosen.
        ensure!(texts(&dom, "button aria-current=\"false\"") == ["empty0"], "{dom}");
        ensure!(texts(&dom, "button aria-current=\"true\"") == ["orders4"], "{dom}");
        ensure!(texts(&dom, "p id=\"status\"") == ["4 events"], "{dom}");
        let times = texts(&dom, "td title");
        let expected = ["10.199999999", "10.200000000", "10.200000001"].map(|time| format!("2023-10-25 23:51:{time}"));
        ensure!(times[..3] == expected && times[3..] == ["2023-10-25 23:52:09"], "{times:?}");
        let shown = texts(&dom, "td");
        let is_text = |text: &&String| text.contains("message: third &lt;b&gt;of&lt;/b&gt; four");
        ensure!(shown.iter().filter(is_text).count() == 1, "a value became markup: {dom}");
        Ok(())
    })
}

#[test]
fn the_histogram_has_a_bar_for_each_second() -> Result<()> {
    in_browser(|browser, emulator| {
        let dom = browser.dom(&emulator.endpoint())?;
        let bars = dom.split_once("id=\"bars\"").and_then(|(_, rest)| rest.split_once("id=\"span\""));
        let (bars, _) = bars.context("there is no histogram")?;
        let bars: Vec<&str> = bars.split("<div ").filter(|bar| bar.contains("title=")).collect();
        ensure!(bars.len() == 60, "{} bars: {bars:?}", bars.len());
        let is_high = |bar: &&str, percent: &str, count: &str| {
            bar.contains(&format!("height: {percent}%")) && bar.contains(&format!(": {count}\""))
        };
        ensure!(is_high(&bars[0], "100", "3"), "{}", bars[0]);
        ensure!(bars[1..59].iter().all(|bar| is_high(bar, "0", "0")), "{bars:?}");
        ensure!(bars[59].contains("height: 33.3") && bars[59].contains(": 1\""), "{}", bars[59]);
        Ok(())
    })
}

#[test]
fn a_search_is_a_link() -> Result<()> {
    in_browser(|browser, emulator| {
        let search = |query: &str, logstore: &str| {
            browser.dom(&format!("{}/?order=false&query={query}#shop/{logstore}", emulator.endpoint()))
        };
        let dom = search("level%3A%20error%20not%20fourth", "orders")?;
        ensure!(texts(&dom, "p id=\"status\"") == ["2 events"], "{dom}");
        let times = texts(&dom, "td title");
        ensure!(times == ["2023-10-25 23:51:10.200000000", "2023-10-25 23:51:10.200000001"], "{times:?}");

        let dom = search("no-such-word", "orders")?;
        ensure!(texts(&dom, "p id=\"status\"") == ["0 events"] && texts(&dom, "td title").is_empty(), "{dom}");
        let dom = search("", "empty")?;
        ensure!(texts(&dom, "button aria-current=\"true\"") == ["empty0"], "{dom}");
        // What is wrong with a query is shown where the number would be.
        let dom = search("%28level", "orders")?;
        let status = texts(&dom, "p id=\"status\"");
        ensure!(!status[0].is_empty() && !status[0].ends_with(" events"), "{status:?}");
        Ok(())
    })
}
