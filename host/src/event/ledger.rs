//! What became of each byte of a file.

use std::ops::AddAssign;

/// Bytes of a file by what became of them, as far as that is decided. What is still unread or on its way is not here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Taken by every flusher.
    pub acknowledged: u64,
    /// Dropped on purpose: by a processor, by `Multiline`, or since no flusher matches.
    pub dropped: u64,
    /// Refused for good by what a flusher sends to.
    pub rejected: u64,
    /// Put aside, since a processor failed on them.
    pub quarantined: u64,
    /// In the copy of a file that was truncated: they were read from the original, or count there.
    pub copied: u64,
    /// Never read, or read and lost.
    pub lost: [u64; Loss::ALL.len()],
    /// How many of the lost bytes are estimates: they were lost while nobody looked.
    pub estimated: u64,
}

/// Why bytes are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Before the place at which a large file that was there already is begun (`TailSizeKB`).
    SkippedTail,
    /// In a file that was there already and has not been written to since.
    Untouched,
    /// Skipped since reading was too far behind (`ReadDelaySkipThresholdBytes`).
    ReadDelay,
    /// In a file that was renamed and then removed or compressed before it was read.
    RotatedUnread,
    /// Truncated away before they were read.
    TruncatedUnread,
    /// In a file that was deleted before it was read.
    DeletedUnread,
    /// In a file above `MaxWholeFileBytes`.
    Oversize,
    /// Not text in the encoding that the config names.
    Undecodable,
    /// On disk for longer than the age limit, since the destination took nothing.
    Expired,
}

impl Loss {
    /// All causes, in the order in which a ledger holds them.
    pub const ALL: [Self; 9] = [
        Self::SkippedTail,
        Self::Untouched,
        Self::ReadDelay,
        Self::RotatedUnread,
        Self::TruncatedUnread,
        Self::DeletedUnread,
        Self::Oversize,
        Self::Undecodable,
        Self::Expired,
    ];

    /// Those for which everything behind what was read of a file is lost.
    const OF_THE_REST: [Self; 4] = [Self::DeletedUnread, Self::RotatedUnread, Self::TruncatedUnread, Self::Untouched];

    /// How people and files name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SkippedTail => "skipped_tail",
            Self::Untouched => "untouched_file",
            Self::ReadDelay => "read_delay",
            Self::RotatedUnread => "rotated_unread",
            Self::TruncatedUnread => "truncated_unread",
            Self::DeletedUnread => "deleted_unread",
            Self::Oversize => "oversize",
            Self::Undecodable => "undecodable",
            Self::Expired => "expired",
        }
    }
}

impl Ledger {
    /// Counts lost bytes.
    pub fn lose(&mut self, cause: Loss, bytes: u64) {
        self.lost[cause as usize] += bytes;
    }

    /// Takes so many bytes out of what was taken by every flusher, and returns how many those were.
    pub fn unacknowledge(&mut self, bytes: u64) -> u64 {
        let bytes = bytes.min(self.acknowledged);
        self.acknowledged -= bytes;
        bytes
    }

    /// Takes bytes back that were counted as lost at the end of a file, and are read after all.
    pub fn regain(&mut self, mut bytes: u64) {
        for cause in Loss::OF_THE_REST {
            let lost = &mut self.lost[cause as usize];
            let back = bytes.min(*lost);
            *lost -= back;
            bytes -= back;
        }
        self.estimated = self.estimated.min(self.lost_bytes());
    }

    /// All lost bytes.
    pub fn lost_bytes(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// All bytes whose fate is decided.
    pub fn settled_bytes(&self) -> u64 {
        self.acknowledged + self.dropped + self.rejected + self.quarantined + self.copied + self.lost_bytes()
    }
}

impl AddAssign<&Self> for Ledger {
    fn add_assign(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.dropped += other.dropped;
        self.rejected += other.rejected;
        self.quarantined += other.quarantined;
        self.copied += other.copied;
        self.estimated += other.estimated;
        for (sum, bytes) in self.lost.iter_mut().zip(other.lost) {
            *sum += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_where_their_numbers_say() {
        for (place, cause) in Loss::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place, "{}", cause.name());
        }
    }
}
