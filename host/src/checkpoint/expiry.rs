//! When an entry may be forgotten.

use super::{Entry, State};

/// Whether an entry may be forgotten at `now`, in Unix seconds. `exists` says whether its file is still there, under any
/// name that the agent knows.
///
/// A file that exists is never forgotten, however old: one that was read to its end would be read again. One that is gone
/// is remembered for an hour if it was read to its end, since a rotated file may pass through names that nobody looks at,
/// and for seven days if it was not, since its file system may be mounted again. Both count from
/// [`updated`](Entry::updated): an agent that sees a file go should set that, which is a change too.
pub fn is_expired(entry: &Entry, now: i64, exists: bool) -> bool {
    let kept = match entry.state {
        State::Finished => FINISHED_SECONDS,
        State::Followed | State::Untouched => MISSING_SECONDS,
    };
    !exists && now.saturating_sub(entry.updated) > kept
}

/// How long a file is remembered that is gone and was read to its end.
const FINISHED_SECONDS: i64 = 60 * 60;

/// How long a file is remembered that is gone, read to its end or not.
const MISSING_SECONDS: i64 = 7 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::testing::entry;

    #[test]
    fn what_is_gone_is_remembered_for_a_while() {
        let check = |state, age: i64, exists, expected| {
            let entry = Entry { state, ..entry(1, 10) };
            assert_eq!(is_expired(&entry, entry.updated + age, exists), expected, "{state:?} {age} {exists}");
        };
        let (hour, week) = (3600, 7 * 24 * 3600);
        for state in [State::Followed, State::Finished, State::Untouched] {
            check(state, 100 * week, true, false);
            check(state, 0, false, false);
            check(state, -week, false, false);
        }
        check(State::Finished, hour, false, false);
        check(State::Finished, hour + 1, false, true);
        check(State::Followed, week, false, false);
        check(State::Followed, week + 1, false, true);
        check(State::Untouched, week + 1, false, true);
    }
}
