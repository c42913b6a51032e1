//! How long a line takes from the program that writes it to the flusher.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::agent::Agent;
use super::arrivals::Spread;
use super::figure::Figure;
use super::tree::{Tree, spread};

/// New files, each with a line.
pub(super) fn new_file(bench: &Bench) -> Result<Vec<Figure>> {
    let mut tree = Tree::new(bench.directory.join("files"))?;
    tree.fill(1, 1)?;
    let mut agent = Agent::start(bench, &tree)?;
    agent.wait_for(tree.lines())?;
    // Now and then, and not always at the same moment of a second.
    spread(NEW_FILE_PERIOD * NEW_FILES, NEW_FILE_PERIOD, 1, |step| {
        tree.create(&format!("0/new-{step}.log")).map(drop)
    })?;
    let arrivals = agent.finish(tree.lines())?;
    let lags = Spread::new(arrivals.lags[1..].iter().map(|(_, lag)| *lag));
    Ok(vec![Figure::of_spread("a new file with a line, 30 times: lag", &lags, "300 ms")])
}

/// A file with a line each millisecond.
pub(super) fn latency(bench: &Bench) -> Result<Vec<Figure>> {
    let mut tree = Tree::new(bench.directory.join("files"))?;
    tree.fill(1, 1)?;
    let mut agent = Agent::start(bench, &tree)?;
    agent.wait_for(tree.lines())?;
    spread(WRITING, SECOND, 1000, |_| tree.write(0))?;
    let arrivals = agent.finish(tree.lines())?;
    let lags = Spread::new(arrivals.lags[1..].iter().map(|(_, lag)| *lag));
    Ok(vec![Figure::of_spread("a file with 1000 lines a second: lag", &lags, "p50 50 ms, p99 250 ms")])
}

/// Files with a line a second, beside one with 100 MB a second.
pub(super) fn fairness(bench: &Bench) -> Result<Vec<Figure>> {
    let mut tree = Tree::new(bench.directory.join("files"))?;
    tree.fill(1, 1 + SLOW_FILES)?;
    let mut agent = Agent::start(bench, &tree)?;
    agent.wait_for(tree.lines())?;
    let before = agent.arrivals().lags.len();
    spread(WRITING, SECOND, HOT_WRITES, |step| {
        tree.write_many(HOT, HOT_LINES, HOT_LINE_BYTES)?;
        // A slow file's turn comes in some of the steps, evenly spread over the second.
        let slow = |step: u32| step % HOT_WRITES * SLOW_FILES / HOT_WRITES;
        let is_turn = step % HOT_WRITES == 0 || slow(step) != slow(step - 1);
        if is_turn { tree.write(1 + slow(step)) } else { Ok(()) }
    })?;
    let is_hot = |(file, _): &&(u32, Duration)| *file == HOT;
    let hot_lines = agent.arrivals().lags[before..].iter().filter(is_hot).count();
    let arrivals = agent.finish(tree.lines())?;
    let lags = &arrivals.lags[before..];
    let slow = Spread::new(lags.iter().filter(|lag| !is_hot(lag)).map(|(_, lag)| *lag));
    let hot = Spread::new(lags.iter().filter(is_hot).map(|(_, lag)| *lag));
    let mb_per_s = (hot_lines * HOT_LINE_BYTES) as f64 / 1e6 / WRITING.as_secs_f64();
    let name = format!("one file with 100 MB/s, {SLOW_FILES} with a line a second");
    Ok(vec![
        Figure::of_spread(format!("{name}: lag of those"), &slow, "1 s"),
        Figure::new(format!("{name}: delivered of the one"), format!("{mb_per_s:.0} MB/s"), ""),
        Figure::of_spread(format!("{name}: its lag"), &hot, ""),
    ])
}

const SECOND: Duration = Duration::from_secs(1);
const WRITING: Duration = Duration::from_secs(10);

const NEW_FILES: u32 = 30;
const NEW_FILE_PERIOD: Duration = Duration::from_millis(270);

const SLOW_FILES: u32 = 99;
const HOT: u32 = 0;
/// In each of a second's writes; together 100 MB.
const HOT_LINES: u32 = 391;
const HOT_WRITES: u32 = 500;
const HOT_LINE_BYTES: usize = 512;
