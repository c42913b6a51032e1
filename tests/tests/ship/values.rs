//! What is in log groups: values, times, compression, shards.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use super::{SMALL, agent, arrived, end, expect_lines, numbered, shipping, shipping_files, tag, wait_for_events};

#[test]
fn a_value_of_two_megabytes_arrives_whole() -> Result<()> {
    // No record of a file is as long, but what a processor makes of one may be.
    let long = "y".repeat(2000);
    let stretch = format!(
        "Type: processor_desensitize_native, SourceKey: content, Method: const, ReplacingString: {long}, \
         ContentPatternBeforeReplacedString: '>', ReplacedContentPattern: x"
    );
    let (scratch, service) = shipping(&[&stretch], SMALL)?;
    scratch.write("input.log", format!("{}\nshort\n", ">x".repeat(1000)))?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 2)?;
    let events = service.events()?;
    let lengths: Vec<_> = events.iter().filter_map(|event| Some(event.field("content")?.len())).collect();
    ensure!(lengths == [2_001_000, 5], "{lengths:?}");
    end(agent)?;
    Ok(())
}

#[test]
fn invalid_text_arrives_as_it_is() -> Result<()> {
    let (scratch, service) = shipping(&[], SMALL)?;
    let lines: [&[u8]; 4] = [b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80 a surrogate", b"nothing\0here"];
    scratch.write("input.log", [lines.join(&b'\n'), b"\n".to_vec()].concat())?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 4)?;
    let events = service.events()?;
    let found: Vec<_> = events.iter().filter_map(|event| event.field("content")).collect();
    ensure!(found == lines, "{found:?}");
    end(agent)?;
    Ok(())
}

#[test]
fn times_that_no_log_can_have_become_the_nearest_and_are_told() -> Result<()> {
    let time = "Type: processor_strptime, SourceKey: asctime, Format: '%Y-%m-%d %H:%M:%S', UTCOffset: 0";
    let (scratch, service) = shipping(&["Type: processor_parse_json_native, SourceKey: content", time], SMALL)?;
    let times = ["1960-01-01 00:00:00", "1970-01-01 00:00:01", "2106-02-07 06:28:15", "2200-01-01 00:00:00"];
    let lines: String = times.iter().map(|time| format!("{{\"asctime\": \"{time}\"}}\n")).collect();
    scratch.write("input.log", lines)?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 4)?;
    let found: Vec<u32> = service.arrivals(0)?.iter().flat_map(|group| &group.events).map(|event| event.time).collect();
    ensure!(found == [0, 1, u32::MAX, u32::MAX], "{found:?}");
    agent.wait_for_log("TIME_OUT_OF_RANGE_ALARM")?;
    end(agent)?;
    Ok(())
}

#[test]
fn every_compression_is_understood() -> Result<()> {
    let sent = |compression: &str| {
        let (scratch, service) = shipping(&[], &format!("CompressType: {compression}, {SMALL}"))?;
        scratch.write("input.log", numbered(0..1000))?;
        let mut agent = agent(&scratch, &[]).start()?;
        wait_for_events(&mut agent, &service, 1000)?;
        expect_lines(&service, 1000)?;
        end(agent)?;
        let stats = service.stats()?;
        Ok::<_, anyhow::Error>((stats.body_bytes, stats.raw_bytes))
    };
    let [(lz4, raw), (zstd, _), (none, plain)] = [sent("lz4")?, sent("zstd")?, sent("none")?];
    ensure!(lz4 < raw && zstd < raw && none == plain, "{lz4}, {zstd} and {none} bytes were sent of {raw}");
    Ok(())
}

#[test]
fn files_with_hash_keys_stay_in_their_shards() -> Result<()> {
    let (scratch, service) = shipping_files(8, 500, &format!("ShardHashKeys: [__path__], {SMALL}"))?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 4000)?;
    expect_lines(&service, 4000)?;
    end(agent)?;
    let places = service.arrivals(0)?;
    let places: Vec<_> =
        places.iter().map(|group| Ok((tag(group, "__path__")?, group.shard))).collect::<Result<_>>()?;
    let each: BTreeSet<_> = places.iter().collect();
    let shards: BTreeSet<u32> = places.iter().map(|(_, shard)| *shard).collect();
    ensure!(each.len() == 8 && places.len() > 8, "a file is in two shards: {each:?}");
    ensure!(shards.len() == 2, "all files are in one shard");
    Ok(())
}

#[test]
fn a_send_rate_holds_back_what_is_above_it() -> Result<()> {
    let (scratch, service) = shipping(&[], &format!("MaxSendRate: 100, {SMALL}"))?;
    scratch.write("input.log", numbered(0..1000))?;
    let mut first = agent(&scratch, &["--drain-timeout", "1"]).start()?;
    first.wait_until("a package", |_| service.stats().is_ok_and(|stats| stats.events > 0))?;
    let ended = first.terminate()?;
    ensure!(ended.code() == Some(0), "{}", ended.stderr);
    // A package has 4000 bytes or so, which take 40 seconds.
    let came = arrived(&service)?.numbers.len();
    ensure!((1..1000).contains(&came), "{came} lines came");

    let config = std::fs::read_to_string(scratch.path("pipeline.yaml"))?;
    ensure!(config.contains("MaxSendRate"), "{config}");
    scratch.write("pipeline.yaml", config.replace("MaxSendRate: 100, ", ""))?;
    let mut second = agent(&scratch, &[]).start()?;
    wait_for_events(&mut second, &service, 1000)?;
    ensure!(expect_lines(&service, 1000)? == 0, "a group came again");
    end(second).context("the second agent")?;
    Ok(())
}
