//! Files that come and go so fast that some are found late, or under names that they have no more.

use std::time::Duration;

use super::{Agent, all, logs};
use crate::event::FileId;
use crate::input::follow::disk::faults;
use crate::input::follow::find::Found;

/// Moves the rotated files on, the oldest first.
const SHIFTS: [(&str, &str); 4] =
    [("app.log.3", "app.log.4"), ("app.log.2", "app.log.3"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")];

fn rotate(agent: &Agent) {
    for (from, to) in SHIFTS.into_iter().filter(|(from, _)| agent.path(from).exists()) {
        agent.rename(from, to);
    }
}

fn id(agent: &Agent, name: &str) -> FileId {
    Found::open(&agent.path(name)).expect("the file").stat.id
}

#[test]
fn files_that_are_renamed_while_they_are_opened_are_all_found() {
    for matches in [logs, all] {
        for opened in ["app.log.1", "app.log.2"] {
            let mut agent = Agent::new(matches);
            agent.append("app.log", "1\n");
            assert_eq!(agent.read_all(), ["1"]);
            for line in ["2\n", "3\n"] {
                rotate(&agent);
                agent.append("app.log", line);
            }
            let paths = SHIFTS.map(|(from, to)| (agent.path(from), agent.path(to)));
            faults::when_opened(agent.path(opened), move || {
                for (from, to) in paths.iter().filter(|(from, _)| from.exists()) {
                    std::fs::rename(from, to).expect("the rename");
                }
            });
            let mut lines = agent.read_all();
            agent.append("app.log", "4\n");
            lines.extend(agent.read_all());
            assert_eq!(lines, ["2", "3", "4"], "renamed when {opened} was open");
        }
    }
}

#[test]
fn a_new_file_on_the_number_of_one_that_had_its_name_once_does_not_overtake_those_before_it() {
    let mut agent = Agent::new(logs);
    let mut numbers = Vec::new();
    for line in ["1\n", "2\n"] {
        agent.append("app.log", line);
        assert_eq!(agent.read_all().len(), 1);
        numbers.push(id(&agent, "app.log"));
        agent.remove("app.log");
    }
    agent.append("app.log", "3\n");
    assert_eq!(agent.read_all(), ["3"]);
    // Now the deleted files are closed, and their numbers free.
    agent.restart();
    assert_eq!(agent.read_all(), [""; 0]);
    for line in ["4\n", "5\n"] {
        rotate(&agent);
        agent.append("app.log", line);
    }
    if !numbers.contains(&id(&agent, "app.log")) {
        // This file system does not use numbers again at once.
        return;
    }
    agent.pass(Duration::from_secs(5));
    while agent.read_once() {}
    let mut lines = agent.acknowledge();
    lines.extend(agent.read_all());
    assert_eq!(lines, ["4", "5"]);
    assert!(agent.notices.is_empty(), "nothing was truncated");
}

#[test]
fn files_that_were_found_under_other_names_stay_in_one_lane_when_an_agent_starts_while_there_is_none() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.remove("app.log");
    for line in ["2\n", "3\n"] {
        agent.append("app.log", line);
        rotate(&agent);
        agent.scan();
    }
    agent.restart();
    agent.scan();
    agent.append("app.log", "4\n");
    agent.scan();
    while agent.read_once() {}
    assert_eq!(agent.acknowledge(), ["2", "3", "4"]);
}

#[test]
fn a_new_file_on_the_number_of_one_that_had_its_name_until_now_does_not_overtake_those_before_it() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    let first = id(&agent, "app.log");
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    // Closed by now, and so its number is free.
    agent.remove("app.log");
    agent.append("app.log.1", "2\n");
    if id(&agent, "app.log.1") == first {
        agent.rename("app.log.1", "taken");
        agent.append("app.log.1", "2\n");
        agent.remove("taken");
    }
    agent.append("app.log", "3\n");
    if id(&agent, "app.log") != first {
        // This file system does not use numbers again at once.
        return;
    }
    agent.pass(Duration::from_secs(5));
    while agent.read_once() {}
    let mut lines = agent.acknowledge();
    lines.extend(agent.read_all());
    assert_eq!(lines, ["2", "3"]);
    assert!(agent.notices.is_empty(), "nothing was truncated");
}

#[test]
fn a_file_that_is_found_late_does_not_end_a_newer_one_that_is_still_written_to() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "header\n1\n");
        assert_eq!(agent.read_all(), ["header", "1"]);
        rotate(&agent);
        // It may become a copy of the first one, as far as can be told.
        agent.append("app.log", "header\n");
        rotate(&agent);
        agent.append("app.log", "3\n");
        assert_eq!(agent.read_all(), ["3"]);
        agent.pass(Duration::from_secs(10));
        assert_eq!(agent.read_all(), ["header"]);
        agent.append("app.log", "4\n");
        rotate(&agent);
        agent.append("app.log", "5\n");
        assert_eq!(agent.read_all(), ["4", "5"]);
    }
}
