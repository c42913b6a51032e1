//! Ten thousand files that rest, or most of them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Bench;
use super::agent::Agent;
use super::arrivals::Spread;
use super::figure::Figure;
use super::tree::{Tree, spread};

/// Files that all rest: in many directories, then in one.
pub(super) fn idle(bench: &Bench) -> Result<Vec<Figure>> {
    let one = Rest::measure(bench, 1, 1)?;
    let mut figures = Vec::new();
    for (directories, files) in [(100, FILES / 100), (1, FILES)] {
        let rest = Rest::measure(bench, directories, files)?;
        let name = match directories {
            1 => format!("{FILES} files in one directory"),
            _ => format!("{FILES} files in {directories} directories"),
        };
        let per_file = rest.rss_bytes.saturating_sub(one.rss_bytes) / u64::from(FILES);
        let mb = rest.rss_bytes as f64 / 1e6;
        figures.extend([
            Figure::new(format!("{name}: found and read"), format!("{:.2} s", rest.read_in.as_secs_f64()), "5 s"),
            Figure::of_cpu(format!("{name}: CPU at rest"), rest.cpu, RESTING, "1 %"),
            Figure::new(format!("{name}: memory at rest"), format!("{mb:.1} MB, {per_file} bytes a file"), ""),
        ]);
    }
    Ok(figures)
}

/// A tenth of the files gets a line a second each.
pub(super) fn growing(bench: &Bench) -> Result<Vec<Figure>> {
    let mut tree = Tree::new(bench.directory.join("files"))?;
    tree.fill(100, FILES / 100)?;
    let mut agent = Agent::start(bench, &tree)?;
    agent.wait_for(tree.lines())?;
    thread::sleep(SETTLING);
    let lags_from = |agent: &Agent, from: usize| Spread::new(agent.arrivals().lags[from..].iter().map(|(_, lag)| *lag));
    let grow = |duration, tree: &mut Tree| {
        spread(duration, SECOND, GROWING, |step| tree.write(step % GROWING * (FILES / GROWING)))
    };
    let rested = tree.lines();
    grow(SECOND, &mut tree)?;
    agent.wait_for(tree.lines())?;
    let first_lags = lags_from(&agent, rested);
    grow(WARMING, &mut tree)?;
    agent.wait_for(tree.lines())?;
    let warm = tree.lines();
    let (cpu, begun) = (agent.process().cpu_of_threads(), Instant::now());
    grow(RESTING, &mut tree)?;
    let (cpu, wall) = (agent.process().cpu_of_threads() - cpu, begun.elapsed());
    agent.wait_for(tree.lines())?;
    let lags = lags_from(&agent, warm);
    agent.finish(tree.lines())?;
    let name = format!("{GROWING} of {FILES} files grow by a line a second");
    Ok(vec![
        Figure::of_cpu(format!("{name}: CPU"), cpu, wall, ""),
        Figure::of_spread(format!("{name}: lag"), &lags, ""),
        Figure::of_spread(format!("{name}: lag of the first after {} s of rest", SETTLING.as_secs()), &first_lags, ""),
    ])
}

/// What an agent takes whose files rest.
struct Rest {
    /// From its start on.
    read_in: Duration,
    /// In [`RESTING`].
    cpu: Duration,
    rss_bytes: u64,
}

impl Rest {
    fn measure(bench: &Bench, directories: u32, files: u32) -> Result<Self> {
        let mut tree = Tree::new(bench.directory.join("files"))?;
        tree.fill(directories, files)?;
        let begun = tree.clock().elapsed();
        let mut agent = Agent::start(bench, &tree)?;
        agent.wait_for(tree.lines())?;
        let read_in = agent.arrivals().last - begun;
        thread::sleep(SETTLING);
        let cpu = agent.process().cpu_of_threads();
        thread::sleep(RESTING);
        let cpu = agent.process().cpu_of_threads() - cpu;
        let rss_bytes = agent.process().rss_bytes();
        agent.finish(tree.lines())?;
        Ok(Self { read_in, cpu, rss_bytes })
    }
}

const FILES: u32 = 10_000;
const GROWING: u32 = 1000;

const SECOND: Duration = Duration::from_secs(1);
/// After this, files that got a line are no longer looked at as if the next one were to come soon.
const SETTLING: Duration = Duration::from_secs(20);
const WARMING: Duration = Duration::from_secs(5);
const RESTING: Duration = Duration::from_secs(15);
