//! Where the bytes of a file are, so that none of them goes missing without a word.

use super::{Ledger, Offset};

/// The bytes of a file by where they are at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// Written to the file, as far as was seen.
    pub written: u64,
    /// Not read yet.
    pub unread: u64,
    /// Read and not acknowledged.
    pub in_flight: u64,
    /// In a file that is not read until it is written to.
    pub untouched: u64,
    /// What became of the others.
    pub ledger: Ledger,
}

/// What the bytes behind everything that was read are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// To be read.
    Unread,
    /// To be read once more is written behind them.
    Untouched,
    /// In the ledger already: the file will not be read any more.
    Settled,
}

impl Balance {
    /// The balance of a file of `len` bytes that was read up to `read_to`, and is done with up to `committed`.
    pub fn of_file(len: Offset, read_to: Offset, committed: Offset, rest: Rest, ledger: Ledger) -> Self {
        let behind = len.0.saturating_sub(read_to.0);
        Self {
            written: len.0.max(read_to.0),
            unread: if rest == Rest::Unread { behind } else { 0 },
            in_flight: read_to.0.saturating_sub(committed.0),
            untouched: if rest == Rest::Untouched { behind } else { 0 },
            ledger,
        }
    }

    /// Bytes that wait for being read or acknowledged.
    pub fn lag_bytes(&self) -> u64 {
        self.unread + self.in_flight
    }

    /// How many bytes were written that are nowhere; a negative number if some are in two places. It must be 0.
    pub fn difference(&self) -> i64 {
        let found = self.lag_bytes() + self.untouched + self.ledger.settled_bytes();
        self.written.wrapping_sub(found).cast_signed()
    }

    /// Whether every byte is in one place.
    pub fn is_even(&self) -> bool {
        self.difference() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_one_place() {
        let check = |rest, settled, expected: [u64; 4], difference| {
            let ledger = Ledger { acknowledged: settled, ..Ledger::default() };
            let balance = Balance::of_file(Offset(100), Offset(60), Offset(50), rest, ledger);
            let found = [balance.written, balance.unread, balance.in_flight, balance.untouched];
            assert_eq!((found, balance.difference()), (expected, difference), "{rest:?}, {settled} settled");
        };
        check(Rest::Unread, 50, [100, 40, 10, 0], 0);
        check(Rest::Untouched, 50, [100, 0, 10, 40], 0);
        check(Rest::Settled, 90, [100, 0, 10, 0], 0);
        check(Rest::Settled, 50, [100, 0, 10, 0], 40);
        check(Rest::Unread, 57, [100, 40, 10, 0], -7);
    }
}
