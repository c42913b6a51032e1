//! Answers as recordings have them.

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use crate::processor::bindings::loglift::processor::types::{self, Answer, Edits, Rows};

/// What a processor answered, member by member as in the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// The fields that had been lent; `None` for all.
    pub reads: Option<Vec<Bytes>>,
    appended: Bytes,
    names: Option<Vec<u32>>,
    origins: Option<Vec<u32>>,
    through: Option<Vec<u32>>,
    seconds: Option<Vec<i64>>,
    nanoseconds: Option<Vec<u32>>,
    fields: Fields,
    tags: Option<(Vec<u32>, Vec<u32>)>,
    outcomes: Option<Vec<u8>>,
    counts: Vec<(String, u64)>,
    alarms: Vec<Alarm>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fields {
    Unchanged,
    Edits { events: Vec<u32>, keys: Vec<u32>, values: Vec<u32> },
    Rows { field_counts: Vec<u32>, keys: Vec<u32>, values: Vec<u32> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Alarm {
    event: Option<u32>,
    kind: String,
    message: String,
    occurrences: u32,
}

impl RecordedAnswer {
    /// The first part in which two answers differ. `None` if they are equal to the last bit.
    pub fn first_difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            ("fields", self.fields == other.fields),
            ("appended", self.appended == other.appended),
            ("names", self.names == other.names),
            ("origins", self.origins == other.origins),
            ("through", self.through == other.through),
            ("seconds", self.seconds == other.seconds),
            ("nanoseconds", self.nanoseconds == other.nanoseconds),
            ("tags", self.tags == other.tags),
            ("outcomes", self.outcomes == other.outcomes),
            ("counts", self.counts == other.counts),
            ("alarms", self.alarms == other.alarms),
        ];
        parts.into_iter().find(|(_, is_equal)| !is_equal).map(|(name, _)| name)
    }

    /// The kind and the message of each alarm.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = (&str, &str)> {
        self.alarms.iter().map(|alarm| (alarm.kind.as_str(), alarm.message.as_str()))
    }

    /// The counters of its own, and what is added to them.
    pub(crate) fn counts(&self) -> &[(String, u64)] {
        &self.counts
    }

    pub(crate) fn new(reads: Option<Vec<Vec<u8>>>, answer: Answer) -> Self {
        let fields = match answer.fields {
            types::Fields::Unchanged => Fields::Unchanged,
            types::Fields::Edits(Edits { events, keys, values }) => Fields::Edits { events, keys, values },
            types::Fields::Rows(Rows { field_counts, keys, values }) => Fields::Rows { field_counts, keys, values },
        };
        let alarm = |types::Alarm { event, kind, message, occurrences }| Alarm { event, kind, message, occurrences };
        Self {
            reads: reads.map(|reads| reads.into_iter().map(Bytes).collect()),
            appended: Bytes(answer.appended),
            names: answer.names,
            origins: answer.origins,
            through: answer.through,
            seconds: answer.seconds,
            nanoseconds: answer.nanoseconds,
            fields,
            tags: answer.tags,
            outcomes: answer.outcomes,
            counts: answer.counts,
            alarms: answer.alarms.into_iter().map(alarm).collect(),
        }
    }

    pub(super) fn to_answer(&self) -> Answer {
        let answer = self.clone();
        let fields = match answer.fields {
            Fields::Unchanged => types::Fields::Unchanged,
            Fields::Edits { events, keys, values } => types::Fields::Edits(Edits { events, keys, values }),
            Fields::Rows { field_counts, keys, values } => types::Fields::Rows(Rows { field_counts, keys, values }),
        };
        let alarm = |Alarm { event, kind, message, occurrences }| types::Alarm { event, kind, message, occurrences };
        Answer {
            appended: answer.appended.0,
            names: answer.names,
            origins: answer.origins,
            through: answer.through,
            seconds: answer.seconds,
            nanoseconds: answer.nanoseconds,
            fields,
            tags: answer.tags,
            outcomes: answer.outcomes,
            counts: answer.counts,
            alarms: answer.alarms.into_iter().map(alarm).collect(),
        }
    }
}
