//! What happens to log files, one thing at a time.

use std::io::Write;
use std::time::{Duration, SystemTime};

use super::{Agent, all, logs};
use crate::input::follow::find::Found;
use crate::input::follow::track::Phase;
use crate::input::records::chunk::Notice;
use crate::input::records::frame::Framing;
use crate::input::records::line_pattern::LinePattern;
use crate::input::records::multiline::Patterns;

#[test]
fn a_file_is_followed_from_its_first_byte_on() {
    let mut agent = Agent::new(logs);
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log", "one\ntw");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "o\n");
    assert_eq!(agent.read_all(), ["two"]);
}

#[test]
fn a_renamed_file_is_finished_before_the_next_is_begun() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "three\n");
        assert_eq!(agent.read_all(), ["two", "three"]);
        // Written by a program that still has it open.
        agent.append("app.log.1", "late\n");
        agent.pass(Duration::from_secs(1));
        assert_eq!(agent.read_all(), ["late"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_line_that_is_cut_by_a_rename_is_waited_for() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntw");
    assert_eq!(agent.read_all(), ["one"]);
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "three\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log.1", "o\n");
    assert_eq!(agent.read_all(), ["two", "three"]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        for line in ["2\n", "3\n", "4\n"] {
            agent.append("app.log", line);
            for (from, to) in [("app.log.2", "app.log.3"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")] {
                if agent.path(from).exists() {
                    agent.rename(from, to);
                }
            }
        }
        agent.append("app.log", "5\n");
        assert_eq!(agent.read_all(), ["2", "3", "4", "5"]);
    }
}

#[test]
fn rotations_while_the_agent_is_stopped_lose_nothing() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        agent.append("app.log", "2\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "3\n");
        agent.rename("app.log.1", "app.log.2");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "4\n");
        agent.restart();
        assert_eq!(agent.read_all(), ["2", "3", "4"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn what_was_read_and_not_acknowledged_is_read_again() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.scan();
    while agent.read_once() {}
    agent.restart();
    assert_eq!(agent.read_all(), ["two"]);
}

#[test]
fn a_partial_line_across_a_restart_is_not_completed_twice() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "abc");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), ["abc"]);
    agent.restart();
    agent.append("app.log", "\ndef\n");
    assert_eq!(agent.read_all(), ["def"]);
}

#[test]
fn a_truncated_file_is_read_from_its_start_and_what_was_unread_is_counted() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), ["one", "two"]);
    agent.truncate("app.log");
    agent.append("app.log", "new\n");
    assert_eq!(agent.read_all(), ["new"]);
    assert_eq!(agent.lost_bytes(), 0);
    assert!(matches!(agent.notices[0].1, Notice::Truncated { lost_bytes: 0 }));
}

#[test]
fn a_file_that_was_truncated_and_has_grown_beyond_where_it_was_is_noticed() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), ["one", "two"]);
    agent.truncate("app.log");
    agent.append("app.log", "one\nTWO\nthree\nfour\n");
    assert_eq!(agent.read_all(), ["one", "TWO", "three", "four"]);
}

#[test]
fn a_copy_is_finished_before_what_comes_after_the_truncation() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.1");
        agent.scan();
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        assert_eq!(agent.read_all(), ["two"]);
        agent.pass(Duration::from_secs(2));
        assert_eq!(agent.read_all(), ["three"]);
        agent.pass(Duration::from_secs(60));
        assert_eq!(agent.read_all(), [""; 0], "the copy is no file of its own");
        assert_eq!(agent.lost_bytes(), 0);
        agent.restart();
        assert_eq!(agent.read_all(), [""; 0], "nor is it after a restart");
    }
}

#[test]
fn a_copy_that_is_seen_while_it_is_empty_is_no_file_of_its_own() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.open("app.log.1");
    agent.scan();
    agent.copy("app.log", "app.log.1");
    agent.truncate("app.log");
    agent.append("app.log", "three\n");
    assert_eq!(agent.read_all(), ["two"]);
    agent.pass(Duration::from_secs(2));
    assert_eq!(agent.read_all(), ["three"]);
}

#[test]
fn a_copy_that_was_made_while_the_agent_was_stopped_is_finished() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.copy("app.log", "app.log.1");
    agent.truncate("app.log");
    agent.append("app.log", "three\n");
    agent.restart();
    assert_eq!(agent.read_all(), ["two"]);
    agent.pass(Duration::from_secs(2));
    assert_eq!(agent.read_all(), ["three"]);
}

#[test]
fn the_copy_of_a_file_that_was_truncated_again_is_finished_after_a_restart() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        agent.scan();
        while agent.read_once() {}
        // Now both contents of the file are known, and neither is done with.
        agent.restart();
        assert_eq!(agent.read_all(), ["two"]);
        agent.pass(Duration::from_secs(2));
        assert_eq!(agent.read_all(), ["three"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_copy_of_which_nothing_was_seen_comes_before_what_was_written_since() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.2");
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        // Nothing of it was seen when it was copied, too.
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        agent.append("app.log", "four\n");
        agent.restart();
        let mut lines = agent.read_all();
        for _ in 0..2 {
            agent.pass(Duration::from_secs(2));
            lines.extend(agent.read_all());
        }
        assert_eq!(lines, ["two", "three", "four"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_file_that_is_truncated_while_it_waits_for_a_copy_is_known_by_its_own_copy() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.2");
        agent.truncate("app.log");
        assert_eq!(agent.read_all(), ["two"]);
        agent.append("app.log", "three\n");
        assert_eq!(agent.read_all(), [""; 0], "the copy is not finished yet");
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        agent.append("app.log", "four\n");
        // Longer than it is waited whether another file is truncated.
        let mut lines = Vec::new();
        for seconds in [1, 11, 2, 2] {
            agent.pass(Duration::from_secs(seconds));
            lines.extend(agent.read_all());
        }
        assert_eq!(lines, ["three", "four"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_copy_on_the_number_of_a_finished_file_is_no_file_of_its_own() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "two\n");
    assert_eq!(agent.read_all(), ["two"]);
    agent.restart();
    assert_eq!(agent.read_all(), [""; 0]);
    let number = |agent: &Agent| Found::open(&agent.path("app.log.1")).expect("the file").stat.id;
    let finished = number(&agent);
    agent.remove("app.log.1");
    agent.copy("app.log", "app.log.1");
    if number(&agent) != finished {
        // This file system does not use numbers again at once.
        return;
    }
    agent.pass(Duration::from_secs(5));
    while agent.read_once() {}
    agent.truncate("app.log");
    agent.append("app.log", "three\n");
    let mut lines = agent.acknowledge();
    for seconds in [0, 2, 12] {
        agent.pass(Duration::from_secs(seconds));
        lines.extend(agent.read_all());
    }
    assert_eq!(lines, ["three"]);
}

#[test]
fn copies_that_were_made_while_agents_were_stopped_are_read_in_the_order_of_their_making() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.3");
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        agent.copy("app.log", "app.log.2");
        agent.truncate("app.log");
        agent.append("app.log", "four\n");
        agent.restart();
        agent.scan();
        // This agent ends before it has delivered anything, and knows of each file.
        agent.store();
        agent.append("app.log", "five\n");
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        agent.append("app.log", "six\n");
        agent.crash();
        let mut lines = agent.read_all();
        for _ in 0..3 {
            agent.pass(Duration::from_secs(2));
            lines.extend(agent.read_all());
        }
        assert_eq!(lines, ["two", "three", "four", "five", "six"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_short_file_that_was_rotated_is_not_taken_for_the_beginning_of_a_copy() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", &("x".repeat(2000) + "\n"));
        assert_eq!(agent.read_all().len(), 1);
        agent.rename("app.log", "app.log.2");
        agent.append("app.log", "short\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "next\n");
        assert_eq!(agent.read_all(), ["short", "next"]);
    }
}

#[test]
fn a_file_that_was_made_and_rotated_while_its_path_led_nowhere_is_read() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        agent.rename("app.log", "app.log.2");
        agent.scan();
        agent.append("app.log", "2\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "3\n");
        assert_eq!(agent.read_all(), ["2", "3"]);
    }
}

#[test]
fn a_file_that_was_missed_when_a_newer_one_was_found_is_read() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.rename("app.log", "app.log.2");
    agent.append("app.log", "2\n");
    // Not where it is looked for, as if it were renamed while its directory was listed.
    agent.rename("app.log", "elsewhere");
    agent.append("app.log", "3\n");
    assert_eq!(agent.read_all(), ["3"]);
    agent.rename("elsewhere", "app.log.1");
    agent.rename("app.log", "app.log.0");
    agent.append("app.log", "4\n");
    assert_eq!(agent.read_all(), ["2", "4"]);
}

#[test]
fn what_looks_like_a_copy_and_is_none_is_read_after_a_while() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "header\n");
    assert_eq!(agent.read_all(), ["header"]);
    agent.append("app.log.1", "header\nother\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(10));
    assert_eq!(agent.read_all(), ["header", "other"]);
}

#[test]
fn a_file_with_the_same_first_bytes_as_another_is_not_taken_for_it() {
    let mut agent = Agent::new(all);
    let header = "x".repeat(1500) + "\n";
    agent.append("app.log", &header);
    agent.append("app.log.web", &header);
    assert_eq!(agent.read_all().len(), 2);
    agent.restart();
    agent.append("app.log.web", "more\n");
    assert_eq!(agent.read_all(), ["more"]);
}

#[test]
fn a_file_that_is_deleted_while_it_is_read_is_read_to_its_end() {
    let mut agent = Agent::new(logs);
    let mut file = agent.open("app.log");
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.remove("app.log");
    assert_eq!(agent.read_all(), ["two"]);
    writeln!(file, "three").expect("the write");
    assert_eq!(agent.read_all(), ["three"]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    assert!(agent.tracks.all().iter().all(|track| track.phase() == Phase::Finished));
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn a_file_that_was_deleted_while_the_agent_was_stopped_is_counted_as_lost() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    agent.scan();
    while agent.read_once() {}
    agent.remove("app.log");
    agent.restart();
    assert_eq!(agent.read_all(), [""; 0]);
    assert_eq!(agent.lost_bytes(), 8);
}

#[test]
fn a_new_file_on_a_reused_inode_is_read_from_its_start() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), ["one", "two"]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    let birth_ns = |agent: &Agent| Found::open(&agent.path("app.log")).expect("the file").stat.birth_ns;
    let first_ns = birth_ns(&agent);
    // Closed by now, so that its number is free again; many file systems take it for the next file. Their clocks tick.
    while first_ns.is_some() && birth_ns(&agent) == first_ns {
        agent.remove("app.log");
        agent.open("app.log");
    }
    agent.append("app.log", "one\ntwo\nthree\n");
    let mut lines = agent.read_all();
    // With another number, it comes when the old one was looked for in vain.
    agent.pass(Duration::from_secs(2));
    lines.extend(agent.read_all());
    assert_eq!(lines, ["one", "two", "three"]);
}

#[test]
fn a_file_that_was_there_already_is_begun_near_its_end_or_when_it_is_written_to() {
    let mut agent = Agent::new(all);
    let line = "x".repeat(1023) + "\n";
    agent.append("app.log", &line.repeat(1500));
    agent.append("app.log.2", "old\n");
    agent.now.unix_ns = Found::open(&agent.path("app.log")).expect("the file").stat.modified_ns;
    let hours_ago = SystemTime::now() - Duration::from_secs(7200);
    agent.open("app.log.2").set_modified(hours_ago).expect("the time");
    assert_eq!(agent.read_all().len(), 1024);
    assert_eq!(agent.lost_bytes(), 476 * 1024);
    agent.append("app.log.2", "new\n");
    agent.pass(Duration::from_secs(5));
    assert_eq!(agent.read_all(), ["old", "new"]);
}

#[test]
fn what_is_too_far_behind_is_skipped_up_to_a_record_near_the_end() {
    let mut agent = Agent::new(logs);
    agent.spec.delay.skip_bytes = 100;
    agent.spec.tail_bytes = 20;
    agent.append("app.log", "one\n");
    agent.scan();
    agent.read_once();
    agent.append("app.log", &("x".repeat(9) + "\n").repeat(20));
    // The first line is in flight while the others are skipped.
    while agent.read_once() {}
    agent.check_balance();
    assert_eq!(agent.acknowledge(), ["one", "xxxxxxxxx", "xxxxxxxxx"]);
    agent.check_balance();
    assert_eq!(agent.lost_bytes(), 180);
    assert!(matches!(agent.notices[0].1, Notice::Delayed { unread_bytes: 200, skipped_bytes: 180 }));
    agent.append("app.log", "new\n");
    assert_eq!(agent.read_all(), ["new"]);
}

#[test]
fn only_so_many_files_that_wait_are_held_open() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.spec.max_open_waiting = 1;
        for line in ["1\n", "2\n", "3\n", "4\n"] {
            for (from, to) in [("app.log.2", "app.log.3"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")] {
                if agent.path(from).exists() {
                    agent.rename(from, to);
                }
            }
            agent.append("app.log", line);
            agent.scan();
        }
        assert!(agent.holds("app.log.2") && !agent.holds("app.log.1") && !agent.holds("app.log"));
        assert_eq!(agent.read_all(), ["1", "2", "3", "4"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_file_that_waited_closed_and_is_gone_is_counted() {
    let mut agent = Agent::new(logs);
    agent.spec.max_open_waiting = 0;
    agent.append("app.log", "1\n");
    agent.scan();
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "2\n");
    agent.scan();
    agent.rename("app.log", "app.log.2");
    agent.append("app.log", "3\n");
    agent.scan();
    agent.remove("app.log.2");
    assert_eq!(agent.read_all(), ["1"]);
    // It might be renamed just now.
    agent.pass(Duration::from_secs(2));
    assert_eq!(agent.read_all(), ["3"]);
    assert_eq!(agent.lost_bytes(), 2);
    assert!(agent.notices.iter().any(|(_, notice)| matches!(notice, Notice::Gone { lost_bytes: 2 })));
}

#[test]
fn a_finished_file_that_is_written_to_late_stays_even() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "1\n");
    agent.read_all();
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "2\n");
    assert_eq!(agent.read_all(), ["2"]);
    // Long closed, but it has a name that is looked for.
    agent.pass(Duration::from_secs(700));
    agent.read_all();
    agent.append("app.log.1", "late\n");
    agent.pass(Duration::from_secs(10));
    assert_eq!(agent.read_all(), ["late"]);
}

#[test]
fn files_that_are_written_in_turn_are_read_anew() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "1\n");
    agent.read_all();
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "2\n");
    assert_eq!(agent.read_all(), ["2"]);
    agent.truncate("app.log.1");
    agent.append("app.log.1", "3 is new\n");
    agent.pass(Duration::from_secs(10));
    assert_eq!(agent.read_all(), ["3 is new"]);
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn what_was_read_of_a_finished_file_and_not_acknowledged_comes_again_in_its_order() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    agent.scan();
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "2\n");
    agent.scan();
    while agent.read_once() {}
    agent.rename("app.log.1", "app.log.2");
    agent.restart();
    assert_eq!(agent.read_all(), ["1", "2"]);
}

#[test]
fn a_record_of_several_lines_is_not_lost_at_a_rotation() {
    let mut agent = Agent::new(logs);
    let start = regex::bytes::Regex::new(r"\AB").expect("the pattern is valid");
    let start = Some(LinePattern::new(start));
    let patterns = Patterns { start, continuation: None, end: None, discard_unmatched: false };
    agent.spec.events.framing = Framing::Multiline(patterns);
    agent.append("app.log", "B1\n a\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "B2\n b\nB3\n");
    assert_eq!(agent.read_all(), ["B1\n a", "B2\n b"]);
}

#[test]
fn a_file_that_was_deleted_unread_comes_before_one_that_was_made_and_rotated_since() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        agent.scan();
        agent.remove("app.log");
        agent.append("app.log", "2\n");
        agent.rename("app.log", "app.log.1");
        assert_eq!(agent.read_all(), ["1", "2"]);
    }
}

#[test]
fn a_closed_file_that_was_renamed_twice_is_found_again_before_those_behind_it() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log", "2\n");
    agent.rename("app.log", "app.log.1");
    agent.scan();
    agent.append("app.log", "3\n");
    agent.rename("app.log.1", "app.log.2");
    agent.rename("app.log", "app.log.1");
    while agent.read_once() {}
    assert_eq!(agent.acknowledge(), ["2"]);
    agent.append("app.log", "4\n");
    assert_eq!(agent.read_all(), ["3", "4"]);
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn rotated_files_from_before_the_agent_are_none_of_its_business() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    // A copy that was made before it ran, as far as it can tell.
    agent.append("app.log.1", "0\n");
    agent.started_ns += 3_600_000_000_000;
    agent.restart();
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log", "2\n");
    assert_eq!(agent.read_all(), ["2"]);
}

#[test]
fn a_copy_that_is_made_in_the_place_of_an_earlier_one_is_finished_too() {
    let mut agent = Agent::new(logs);
    for (read, unread) in [("1\n", "2\n"), ("3\n", "4\n")] {
        agent.append("app.log", read);
        agent.pass(Duration::from_secs(2));
        assert_eq!(agent.read_all(), [read.trim()]);
        agent.append("app.log", unread);
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        assert_eq!(agent.read_all(), [unread.trim()]);
    }
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn a_file_that_is_truncated_twice_while_nobody_reads_loses_nothing() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.append("app.log", "2\n");
    agent.copy("app.log", "app.log.2");
    agent.truncate("app.log");
    agent.append("app.log", "3\n");
    agent.copy("app.log", "app.log.1");
    agent.truncate("app.log");
    agent.append("app.log", "4\n");
    let mut lines = agent.read_all();
    for _ in 0..3 {
        agent.pass(Duration::from_secs(12));
        lines.extend(agent.read_all());
    }
    lines.sort();
    assert_eq!(lines, ["2", "3", "4"]);
}

#[test]
fn an_untouched_file_that_is_shorter_than_it_was_is_all_new() {
    let mut agent = Agent::new(all);
    agent.spec.tail_bytes = 4;
    agent.append("app.log.2", &"old\n".repeat(10));
    agent.now.unix_ns += 3_600_000_000_000;
    assert_eq!(agent.read_all(), [""; 0]);
    agent.truncate("app.log.2");
    agent.append("app.log.2", "1\n2\n3\n4\n5\n");
    agent.pass(Duration::from_secs(5));
    assert_eq!(agent.read_all(), ["1", "2", "3", "4", "5"]);
}
