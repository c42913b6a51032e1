//! Files that come and go so fast that some are found late, or under names that they have no more.

use super::{Agent, all, logs};
use crate::input::follow::disk::faults;

/// Moves the rotated files on, the oldest first.
const SHIFTS: [(&str, &str); 4] =
    [("app.log.3", "app.log.4"), ("app.log.2", "app.log.3"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")];

fn rotate(agent: &Agent) {
    for (from, to) in SHIFTS.into_iter().filter(|(from, _)| agent.path(from).exists()) {
        agent.rename(from, to);
    }
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
