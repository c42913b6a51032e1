//! Files and directories that cannot be looked at for a while, or for ever.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::{Agent, all, logs};
use crate::event::Signature;
use crate::input::follow::disk::faults;
use crate::input::follow::find::Found;
use crate::input::follow::follower::Follower;
use crate::input::follow::track::Phase;

/// An agent that has read a file which has more by now and was rotated, while no agent runs.
fn stopped_before_a_rotation() -> Agent {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.append("app.log", "2\n");
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "3\n");
    agent.restart();
    agent
}

/// An agent that has read a file which has more by now and was copied and truncated.
fn before_a_copy_is_found(matches: fn(&str) -> bool) -> Agent {
    let mut agent = Agent::new(matches);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.append("app.log", "2\n");
    agent.copy("app.log", "app.log.1");
    agent.truncate("app.log");
    agent.append("app.log", "3\n");
    agent
}

fn unread_bytes(agent: &Agent) -> u64 {
    agent.tracks.all().iter().map(|track| track.standing().balance.unread).sum()
}

#[test]
fn a_file_that_cannot_be_read_holds_up_the_next_ones_for_a_minute_and_is_tried_again() {
    // What is stale does not tell its length.
    for (error, unread) in [(Errno::IO, 2), (Errno::STALE, 0), (Errno::ACCESS, 2)] {
        let mut agent = stopped_before_a_rotation();
        faults::set(agent.path("app.log.1"), error);
        assert_eq!(agent.read_all(), [""; 0], "{error}");
        agent.pass(Duration::from_secs(59));
        assert_eq!(agent.read_all(), [""; 0], "{error}");
        agent.pass(Duration::from_secs(1));
        agent.read_once();
        assert_eq!(agent.read_all(), ["3"], "{error}");
        agent.append("app.log", "4\n");
        agent.pass(Duration::from_secs(600));
        agent.troubles.clear();
        agent.read_once();
        assert_eq!(agent.read_all(), ["4"], "{error}");
        assert_eq!(agent.troubles, [agent.path("app.log.1")], "{error}");
        assert_eq!((unread_bytes(&agent), agent.lost_bytes()), (unread, 0), "{error}");
        faults::clear();
        agent.append("app.log", "5\n");
        agent.pass(Duration::from_secs(30));
        assert_eq!(agent.read_all(), ["2", "5"], "{error}");
        assert_eq!((unread_bytes(&agent), agent.lost_bytes()), (0, 0), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_left_for_the_next_agent() {
    let mut agent = stopped_before_a_rotation();
    faults::set(agent.path("app.log.1"), Errno::ACCESS);
    for _ in 0..2 {
        agent.scan();
        agent.pass(Duration::from_secs(120));
        while agent.read_once() {}
        assert_eq!((unread_bytes(&agent), agent.lost_bytes()), (4, 0));
        agent.restart();
    }
    faults::clear();
    assert_eq!(agent.read_all(), ["2", "3"]);
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn what_was_left_is_not_lost_while_its_directory_cannot_be_listed() {
    let mut agent = stopped_before_a_rotation();
    faults::set(agent.directory.path().to_owned(), Errno::MFILE);
    assert_eq!(agent.read_all(), ["3"]);
    assert_eq!(agent.lost_bytes(), 0);
    faults::clear();
    assert_eq!(agent.read_all(), ["2"]);
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn a_file_that_was_renamed_is_not_lost_while_its_directory_cannot_be_listed() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log", "2\n");
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "3\n");
    faults::set(agent.directory.path().to_owned(), Errno::NFILE);
    for _ in 0..3 {
        assert_eq!(agent.read_all(), [""; 0]);
        agent.pass(Duration::from_secs(5));
    }
    faults::clear();
    assert_eq!(agent.read_all(), ["2", "3"]);
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn a_copy_is_looked_for_again_when_that_is_not_possible() {
    for is_restarted in [false, true] {
        for fails in ["", "app.log.1"] {
            let mut agent = before_a_copy_is_found(logs);
            if is_restarted {
                agent.restart();
            }
            faults::set(agent.path(fails).components().collect(), Errno::MFILE);
            let mut lines = agent.read_all();
            faults::clear();
            for _ in 0..3 {
                lines.extend(agent.read_all());
                agent.pass(Duration::from_secs(2));
            }
            lines.sort();
            assert_eq!(lines, ["2", "3"], "{fails:?}, {is_restarted}");
            assert_eq!(agent.lost_bytes(), 0, "{fails:?}, {is_restarted}");
        }
    }
}

#[test]
fn a_file_beside_a_truncated_one_that_is_never_readable_holds_up_nothing_for_ever() {
    let mut agent = before_a_copy_is_found(logs);
    faults::set(agent.path("app.log.1"), Errno::IO);
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), ["3"]);
    faults::clear();
}

#[test]
fn a_file_that_was_made_and_rotated_between_two_looks_is_found_later() {
    for fails in ["", "app.log.1"] {
        let mut agent = Agent::new(logs);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        agent.rename("app.log", "app.log.2");
        agent.append("app.log", "2\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "3\n");
        faults::set(agent.path(fails).components().collect(), Errno::MFILE);
        assert_eq!(agent.read_all(), ["3"], "{fails:?}");
        faults::clear();
        assert_eq!(agent.read_all(), ["2"], "{fails:?}");
    }
}

#[test]
fn what_looks_like_a_copy_and_cannot_be_opened_again_is_read_later() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "header\n");
    assert_eq!(agent.read_all(), ["header"]);
    agent.append("app.log.1", "header\nother\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(10));
    // Just that the catalog cannot open it: nothing changes for who lists names.
    faults::set(agent.path("app.log.1"), Errno::MFILE);
    agent.update_nothing();
    faults::clear();
    agent.update_nothing();
    assert_eq!(agent.read_all(), ["header", "other"]);
}

#[test]
fn an_untouched_file_that_cannot_be_asked_for_stays_untouched() {
    let mut agent = Agent::new(all);
    agent.append("app.log.2", "old\n");
    agent.now.unix_ns += 3_600_000_000_000;
    assert_eq!(agent.read_all(), [""; 0]);
    agent.rename("app.log.2", "elsewhere");
    agent.scan();
    faults::set(agent.path("app.log.2"), Errno::STALE);
    agent.pass(Duration::from_secs(5));
    agent.read_once();
    assert_eq!(agent.tracks.all()[0].phase(), Phase::Untouched);
    faults::clear();
}

#[test]
fn a_path_that_leads_to_another_file_says_nothing_of_the_one_that_waits() {
    let agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    let path = agent.path("app.log");
    let stat = Found::open(&path).expect("the file").stat;
    let track = agent.tracks.begin(path.clone(), path.clone(), path, &stat, Signature::default(), Phase::Followed);
    let waiting = Follower::new(track, None, &agent.spec, Instant::now());
    assert!(waiting.has_content().expect("it is there"));
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "another one\n");
    // If it had, the file before it would count as replaced, and what is written to that last would come late.
    assert!(!waiting.has_content().expect("another one is there"));
}
