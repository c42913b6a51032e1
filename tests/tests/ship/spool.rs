//! What waits on disk, and a disk that is full, old or damaged.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::Running;
use loglift_tests::scratch::Scratch;
use loglift_tests::status::{expect_balanced, file};
use loglift_tests::torture::full_disk::SmallDisk;

use super::{SMALL, agent, destination, end, expect_lines, numbered, shipping, wait_for_events, wait_for_spool};

/// Lines that are long and hardly compress, so that few of them fill what is to be full.
fn long(numbers: std::ops::Range<usize>) -> String {
    let noise = |number: usize| {
        let mut state = number as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + ((state >> 33) % 90) as u8)
        };
        (0..1000).map(|_| next()).collect::<String>()
    };
    numbers.map(|number| format!("line {number} {}\n", noise(number))).collect()
}

/// What the ledger of `input.log` says of it: its bytes that were lost for a cause, or that have another fate.
fn in_ledger(agent: &Running<'_>, scratch: &Scratch, fate: &str) -> Option<u64> {
    let status = agent.status().ok()?;
    let ledger = &file(&status, scratch.path("input.log").to_str()?)?["ledger"];
    ledger[fate].as_u64().or_else(|| ledger["lost"][fate].as_u64())
}

#[test]
fn a_full_spool_stops_reading_and_loses_nothing() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("agent.json", "{\"spool_max_bytes\": 500000}")?;
    // More than the spool and the memory for events have together.
    scratch.write("input.log", long(0..8000))?;
    let len = fs::metadata(scratch.path("input.log"))?.len();
    let mut agent = agent(&scratch, &["--agent-config", "agent.json", "--buffer", "1"]).start()?;
    agent.wait_for_log("the spool is full")?;
    let read = |agent: &Running<'_>| agent.read_offset("input.log").filter(|offset| *offset > 0);
    let mut before = None;
    agent.wait_until("an end of reading", |agent| {
        let now = read(agent);
        let has_ended = now.is_some() && now == before;
        before = now;
        has_ended
    })?;
    ensure!(read(&agent).is_some_and(|offset| offset < len), "all of {len} bytes were read");
    let spooled = destination(&agent).context("there is one")?["spooled_bytes"].as_u64();
    ensure!(spooled.is_some_and(|bytes| (400_000..=500_000).contains(&bytes)), "{spooled:?} bytes on disk");
    expect_balanced(&agent.status()?)?;
    service.up()?;
    wait_for_events(&mut agent, &service, 8000)?;
    ensure!(expect_lines(&service, 8000)? == 0, "a group came again");
    end(agent)?;
    Ok(())
}

#[test]
fn what_is_on_disk_for_too_long_expires_and_is_counted_to_the_byte() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("agent.json", "{\"spool_max_age_secs\": 1}")?;
    scratch.write("input.log", numbered(0..2000))?;
    let len = fs::metadata(scratch.path("input.log"))?.len();
    let mut first = agent(&scratch, &["--agent-config", "agent.json"]).start()?;
    first.wait_until("all bytes expired", |agent| in_ledger(agent, &scratch, "expired") == Some(len))?;
    let found = destination(&first).context("there is one")?;
    ensure!(found["counters"]["expired_events"] == 2000 && found["spooled_packages"] == 0, "{found:#}");
    let ended = end(first)?;
    ensure!(!ended.log("DISCARD_SECONDARY_ALARM").is_empty(), "{}", ended.stderr);

    // What comes now is taken, and what was given up is not.
    service.up()?;
    scratch.append("input.log", numbered(2000..2100))?;
    let mut second = agent(&scratch, &["--agent-config", "agent.json"]).start()?;
    wait_for_events(&mut second, &service, 100)?;
    ensure!(super::arrived(&service)?.numbers == (2000..2100).collect::<Vec<_>>(), "other lines came");
    ensure!(in_ledger(&second, &scratch, "expired") == Some(len), "the next agent knows of it");
    end(second)?;
    Ok(())
}

#[test]
fn a_damaged_segment_loses_what_is_damaged_and_nothing_else() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("input.log", numbered(0..2000))?;
    let mut first = agent(&scratch, &[]).start()?;
    wait_for_spool(&mut first)?;
    end(first)?;
    let [segment] = &segments(&scratch)?[..] else { anyhow::bail!("one segment is expected") };
    let mut bytes = fs::read(segment)?;
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(segment, bytes)?;

    service.up()?;
    let mut second = agent(&scratch, &[]).start()?;
    wait_for_events(&mut second, &service, 1900)?;
    let numbers = super::arrived(&service)?.numbers;
    let missing: Vec<usize> = (0..2000).filter(|number| !numbers.contains(number)).collect();
    ensure!(numbers.is_sorted() && numbers.len() == 1900, "{} lines came", numbers.len());
    ensure!(missing[99] - missing[0] == 99, "one package is lost: {missing:?}");
    let ended = end(second)?;
    ensure!(ended.log("places are damaged: they are kept in ").len() == 1, "{}", ended.stderr);
    Ok(())
}

fn segments(scratch: &Scratch) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for directory in fs::read_dir(scratch.path("data/spool"))? {
        for entry in fs::read_dir(directory?.path())? {
            let path = entry?.path();
            found.extend(path.extension().is_some_and(|end| end == "segment").then_some(path));
        }
    }
    Ok(found)
}

#[test]
fn a_full_disk_stops_reading_and_loses_nothing() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    let Some(disk) = SmallDisk::mount(&scratch.path("data"))? else {
        eprintln!("SKIPPED: a disk to fill cannot be mounted here");
        return Ok(());
    };
    service.down();
    scratch.write("input.log", long(0..8000))?;
    let len = fs::metadata(scratch.path("input.log"))?.len();
    let mut agent = agent(&scratch, &["--buffer", "1"]).start()?;
    agent.wait_for_log("cannot keep packages on disk")?;
    ensure!(agent.read_offset("input.log").is_some_and(|offset| offset < len), "all of {len} bytes were read");
    disk.fill()?;
    expect_balanced(&agent.status()?)?;
    service.up()?;
    wait_for_events(&mut agent, &service, 8000)?;
    disk.free()?;
    ensure!(expect_lines(&service, 8000)? == 0, "a group came again");
    end(agent)?;
    Ok(())
}
