//! Decides what to do about a file that is being followed. Pure: no clock and no I/O.

use std::time::Duration;

use crate::event::Offset;

/// What a look at a file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Up to where it was read.
    pub read_to: Offset,
    /// Its length.
    pub len: Offset,
    /// The bytes before `read_to` are no more what was read.
    pub is_rewritten: bool,
    /// What was read and is no whole record yet.
    pub rest: Rest,
    /// What is not read yet is one record, which is complete when nothing comes any more.
    pub is_whole: bool,
    /// For how long nothing has come.
    pub quiet: Duration,
    /// How the file is named.
    pub name: Name,
}

/// What was read and is no whole record yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// Whole lines: more may belong to their record.
    Lines,
    /// Part of a line.
    Part,
}

/// How a file is named by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// As it was.
    Kept,
    /// Its old name leads to another file that something was written to, which is to come after it.
    Replaced,
    /// Not under a name that is looked for.
    Lost,
    /// Under none at all: it takes room on the disk until it is closed.
    Deleted,
    /// It is the copy that was made of a file before that was truncated: it will not grow.
    Copy,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// An unfinished record is taken as it is when nothing came for so long: `FlushTimeoutSecs`.
    pub flush: Duration,
    /// A part of a line, in a file that was renamed, is taken when nothing came for so long.
    pub quiet: Duration,
    /// A file that was renamed to where nobody looks is left when nothing came for so long.
    pub lost: Duration,
    /// A file is closed when nothing came for so long, one that was deleted for good: `CloseUnusedReaderIntervalSec`.
    pub close: Duration,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Wait,
    /// There are bytes to read.
    Read,
    /// What was read is there no more: it was truncated, and is to be read from its start.
    Restart,
    /// Take what waits for its end as a record.
    Flush,
    /// Close the file until it changes.
    Close,
    /// It is read to its end, and another one is next.
    Finish,
}

/// Returns what to do about a file.
pub fn step(view: &View, patience: &Patience) -> Step {
    let View { read_to, len, is_rewritten, rest, is_whole, quiet, name } = *view;
    if len < read_to || is_rewritten {
        return Step::Restart;
    }
    let flush_after = match (name, rest) {
        (Name::Replaced, Rest::Lines) => Duration::ZERO,
        (Name::Replaced | Name::Copy | Name::Lost | Name::Deleted, _) => patience.quiet.min(patience.flush),
        (Name::Kept, _) => patience.flush,
    };
    if len > read_to {
        return if is_whole && quiet < flush_after { Step::Wait } else { Step::Read };
    }
    if rest != Rest::Nothing {
        return if quiet >= flush_after { Step::Flush } else { Step::Wait };
    }
    match name {
        Name::Replaced => Step::Finish,
        Name::Copy if quiet >= patience.quiet => Step::Finish,
        Name::Lost if quiet >= patience.lost => Step::Finish,
        Name::Deleted if quiet >= patience.close => Step::Finish,
        Name::Kept if quiet >= patience.close => Step::Close,
        _ => Step::Wait,
    }
}

/// Who renames a log file signals its writer right afterwards; who copies it truncates it right afterwards. A writer in the
/// middle of a line ends it at once.
pub const QUIET_TIME: Duration = Duration::from_secs(2);

/// Some programs notice only after minutes that their log was moved away.
pub const LOST_TIME: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        flush: Duration::from_secs(60),
        quiet: Duration::from_secs(2),
        lost: Duration::from_secs(600),
        close: Duration::from_secs(100),
    };

    fn check(len: u64, rest: Rest, name: Name, quiet_secs: u64, expected: Step) {
        let quiet = Duration::from_secs(quiet_secs);
        let view =
            View { read_to: Offset(100), len: Offset(len), is_rewritten: false, rest, is_whole: false, quiet, name };
        assert_eq!(step(&view, &PATIENCE), expected, "{view:?}");
        let rewritten = View { is_rewritten: true, ..view };
        assert_eq!(step(&rewritten, &PATIENCE), Step::Restart, "{rewritten:?}");
    }

    #[test]
    fn what_is_there_is_read_before_anything_else_happens() {
        for name in [Name::Kept, Name::Replaced, Name::Lost, Name::Deleted, Name::Copy] {
            for rest in [Rest::Nothing, Rest::Lines, Rest::Part] {
                check(150, rest, name, 0, Step::Read);
                check(150, rest, name, 1000, Step::Read);
                check(7, rest, name, 0, Step::Restart);
            }
        }
    }

    #[test]
    fn a_file_that_is_one_record_is_read_when_nothing_comes_any_more() {
        let check = |name, quiet_secs, expected| {
            let quiet = Duration::from_secs(quiet_secs);
            let view = View {
                read_to: Offset(0),
                len: Offset(150),
                is_rewritten: false,
                rest: Rest::Nothing,
                is_whole: true,
                quiet,
                name,
            };
            assert_eq!(step(&view, &PATIENCE), expected, "{view:?}");
            let truncated = View { read_to: Offset(151), ..view };
            assert_eq!(step(&truncated, &PATIENCE), Step::Restart, "{truncated:?}");
        };
        check(Name::Kept, 59, Step::Wait);
        check(Name::Kept, 60, Step::Read);
        for name in [Name::Replaced, Name::Lost, Name::Deleted, Name::Copy] {
            check(name, 1, Step::Wait);
            check(name, 2, Step::Read);
        }
    }

    #[test]
    fn a_file_that_is_where_it_was_is_waited_for() {
        check(100, Rest::Nothing, Name::Kept, 0, Step::Wait);
        check(100, Rest::Nothing, Name::Kept, 100, Step::Close);
        check(100, Rest::Part, Name::Kept, 59, Step::Wait);
        check(100, Rest::Part, Name::Kept, 60, Step::Flush);
        check(100, Rest::Lines, Name::Kept, 59, Step::Wait);
        check(100, Rest::Lines, Name::Kept, 60, Step::Flush);
    }

    #[test]
    fn a_file_that_was_replaced_is_finished_before_the_next() {
        check(100, Rest::Nothing, Name::Replaced, 0, Step::Finish);
        check(100, Rest::Lines, Name::Replaced, 0, Step::Flush);
        check(100, Rest::Part, Name::Replaced, 1, Step::Wait);
        check(100, Rest::Part, Name::Replaced, 2, Step::Flush);
    }

    #[test]
    fn a_file_without_a_name_is_left_when_nobody_writes_to_it() {
        check(100, Rest::Nothing, Name::Lost, 599, Step::Wait);
        check(100, Rest::Nothing, Name::Lost, 600, Step::Finish);
        check(100, Rest::Part, Name::Lost, 2, Step::Flush);
        check(100, Rest::Nothing, Name::Deleted, 99, Step::Wait);
        check(100, Rest::Nothing, Name::Deleted, 100, Step::Finish);
        check(100, Rest::Nothing, Name::Copy, 1, Step::Wait);
        check(100, Rest::Nothing, Name::Copy, 2, Step::Finish);
    }
}
