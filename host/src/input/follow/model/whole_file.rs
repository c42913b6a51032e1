//! Files that are one record each.

use std::time::Duration;

use super::{Agent, logs};
use crate::event::Loss;
use crate::input::records::frame::Framing;

fn agent(max_bytes: u64) -> Agent {
    let mut agent = Agent::new(logs);
    agent.spec.events.framing = Framing::WholeFile { max_bytes };
    agent
}

/// As long as nothing may come until a file is taken.
const FLUSH: Duration = Duration::from_secs(60);

#[test]
fn what_is_written_until_nothing_comes_any_more_is_one_event() {
    let mut agent = agent(1000);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(FLUSH / 2);
    agent.append("app.log", "two\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(FLUSH / 2);
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(FLUSH / 2);
    assert_eq!(agent.read_all(), ["one\ntwo"]);
    agent.pass(FLUSH);
    agent.append("app.log", "three\nfour\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(FLUSH);
    assert_eq!(agent.read_all(), ["three\nfour"]);
    agent.pass(FLUSH * 10);
    assert_eq!(agent.read_all(), [""; 0]);
}

#[test]
fn a_rotated_file_is_taken_as_a_whole_before_the_next() {
    let mut agent = agent(1000);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "three\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log.1", "late\n");
    agent.pass(Duration::from_secs(1));
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(2));
    assert_eq!(agent.read_all(), ["one\ntwo\nlate"]);
    agent.pass(FLUSH);
    assert_eq!(agent.read_all(), ["three"]);
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn a_restart_goes_on_behind_what_was_acknowledged() {
    let mut agent = agent(1000);
    agent.append("app.log", "one\ntwo\n");
    agent.read_all();
    agent.pass(FLUSH);
    agent.scan();
    assert!(agent.read_once(), "the file is read, and not acknowledged");
    agent.restart();
    agent.read_all();
    agent.pass(FLUSH);
    assert_eq!(agent.read_all(), ["one\ntwo"]);
    agent.append("app.log", "three\n");
    agent.restart();
    agent.read_all();
    agent.pass(FLUSH);
    assert_eq!(agent.read_all(), ["three"]);
}

#[test]
fn a_file_that_is_too_large_is_skipped_until_it_is_another_one() {
    let mut agent = agent(10);
    agent.append("app.log", "one\n");
    agent.read_all();
    agent.append("app.log", "two\nthree\nfour\n");
    agent.read_all();
    agent.pass(FLUSH);
    assert_eq!(agent.read_all(), [""; 0]);
    let lost: Vec<u64> =
        agent.tracks.all().iter().map(|track| track.source.progress.ledger().lost[Loss::Oversize as usize]).collect();
    assert_eq!(lost, [19]);
    agent.restart();
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "five\n");
    agent.read_all();
    agent.pass(FLUSH);
    assert_eq!(agent.read_all(), ["five"]);
}
