//! Puts a file's position elsewhere, because a person says so.

use super::{Entry, State};
use crate::event::{Ledger, Position};

/// `entry` as if it had been read up to `to`.
///
/// Bytes that are skipped count as dropped on purpose; those that will be read again no longer count as anything.
pub fn moved(entry: &Entry, to: Position) -> Entry {
    let (from, offset) = (entry.position.offset.0, to.offset.0);
    let mut ledger = entry.ledger.clone();
    // What was given up behind the position is to be read now.
    ledger.regain(ledger.settled_bytes().saturating_sub(from));
    ledger.dropped += offset.saturating_sub(from);
    take_back(&mut ledger, from.saturating_sub(offset));
    Entry { position: to, state: State::Followed, ledger, ..entry.clone() }
}

fn take_back(ledger: &mut Ledger, mut bytes: u64) {
    let Ledger { acknowledged, dropped, rejected, quarantined, copied, lost, .. } = ledger;
    for count in [acknowledged, dropped, rejected, quarantined, copied].into_iter().chain(lost) {
        let taken = bytes.min(*count);
        *count -= taken;
        bytes -= taken;
    }
    ledger.estimated = ledger.estimated.min(ledger.lost_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::testing::entry;
    use crate::event::{Loss, Offset};

    #[test]
    fn skipped_and_given_up_bytes_can_be_read_again() {
        let mut ledger = Ledger::default();
        ledger.lose(Loss::SkippedTail, 60);
        ledger.lose(Loss::DeletedUnread, 40);
        let finished = Entry { state: State::Finished, ledger, ..entry(1, 60) };
        let moved = moved(&finished, Position::default());
        assert_eq!((moved.state, moved.ledger.settled_bytes()), (State::Followed, 0));
    }

    #[test]
    fn the_ledger_goes_with_the_position() {
        let check = |to, acknowledged, dropped| {
            let mut entry = entry(1, 100);
            entry.ledger = Ledger { acknowledged: 70, dropped: 30, ..Ledger::default() };
            let moved = moved(&entry, Position { offset: Offset(to), ..Position::default() });
            assert_eq!((moved.position.offset, moved.ledger.settled_bytes()), (Offset(to), to));
            assert_eq!((moved.ledger.acknowledged, moved.ledger.dropped), (acknowledged, dropped), "{to}");
        };
        check(100, 70, 30);
        check(150, 70, 80);
        check(60, 30, 30);
        check(10, 0, 10);
        check(0, 0, 0);
    }
}
