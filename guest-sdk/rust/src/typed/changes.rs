//! What a processor says of a batch of the typed world.

use super::bindings::exports::loglift::processor::typed::{self, Answer, Fate, Verdict};
use super::{Change, Field, Time};
use crate::Outcome;
use crate::reports::Reports;

/// What changes in a batch. What is not mentioned stays.
///
/// Events are named by their place in the batch that came in. What is said last of an event's fate holds.
#[derive(Debug)]
pub struct Changes {
    /// What becomes of each event; `None` for those that stay.
    fates: Vec<Option<Fate>>,
    outcomes: Option<Vec<typed::Outcome>>,
    tags: Option<Vec<Field>>,
    reports: Reports,
}

impl Changes {
    /// Starts with nothing changed.
    #[doc(hidden)]
    pub fn new(event_count: usize) -> Self {
        let fates = (0..event_count).map(|_| None).collect();
        Self { fates, outcomes: None, tags: None, reports: Reports::default() }
    }

    /// Sets a field of an event: in place if the event has it, else at its end.
    pub fn set(&mut self, event: usize, name: impl Into<String>, value: impl Into<String>) {
        self.change(event).set(name, value);
    }

    /// Removes a field of an event, if it has it.
    pub fn remove(&mut self, event: usize, name: impl Into<String>) {
        self.change(event).remove(name);
    }

    /// Sets the time of an event: Unix seconds, and nanoseconds below 10^9.
    pub fn set_time(&mut self, event: usize, seconds: i64, nanoseconds: u32) {
        self.change(event).time = Some(Time { seconds, nanoseconds });
    }

    /// Makes several events of one, each with changes of its own.
    pub fn split(&mut self, event: usize, changes: Vec<Change>) {
        self.fates[event] = Some(Fate::Split(changes));
    }

    /// Lets an event be part of the one that goes out before it. Its own fields go; what of them is to be kept is set there.
    pub fn merge(&mut self, event: usize) {
        self.fates[event] = Some(Fate::Merged);
    }

    /// Drops an event.
    pub fn discard(&mut self, event: usize) {
        self.fates[event] = Some(Fate::Discarded);
        self.outcome(event, Outcome::Discarded);
    }

    /// Says what became of an event.
    pub fn outcome(&mut self, event: usize, outcome: Outcome) {
        let event_count = self.fates.len();
        let outcomes = self.outcomes.get_or_insert_with(|| vec![typed::Outcome::Successful; event_count]);
        outcomes[event] = match outcome {
            Outcome::Successful => typed::Outcome::Successful,
            Outcome::Failed => typed::Outcome::Failed,
            Outcome::KeyNotFound => typed::Outcome::KeyNotFound,
            Outcome::Discarded => typed::Outcome::Discarded,
        };
    }

    /// Replaces the tags of the batch.
    pub fn set_tags(&mut self, tags: impl IntoIterator<Item = (String, String)>) {
        self.tags = Some(tags.into_iter().map(|(name, value)| Field { name, value }).collect());
    }

    /// Reports something that a person should hear of, as [`crate::Changes::alarm`].
    pub fn alarm(&mut self, kind: &str, event: usize, message: impl FnOnce() -> String) {
        self.reports.alarm(kind, event, message);
    }

    /// Adds to a counter of the processor's own, such as `history_failure_total`.
    pub fn count(&mut self, counter: &str, amount: u64) {
        self.reports.count(counter, amount);
    }

    /// How an event changes, from now on.
    fn change(&mut self, event: usize) -> &mut Change {
        let fate = &mut self.fates[event];
        if !matches!(fate, Some(Fate::Changed(_))) {
            *fate = Some(Fate::Changed(Change::default()));
        }
        match fate {
            Some(Fate::Changed(change)) => change,
            _ => unreachable!("it has just been made one"),
        }
    }

    /// The answer of the contract.
    #[doc(hidden)]
    pub fn into_answer(self) -> Answer {
        let fates = (0..).zip(self.fates);
        Answer {
            verdicts: fates.filter_map(|(event, fate)| Some(Verdict { event, fate: fate? })).collect(),
            outcomes: self.outcomes,
            tags: self.tags,
            counts: self.reports.counts,
            alarms: self.reports.alarms,
        }
    }
}

impl Change {
    /// Sets a field; the last value holds.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        self.remove.retain(|known| *known != name);
        match self.set.iter_mut().find(|field| field.name == name) {
            Some(field) => field.value = value,
            None => self.set.push(Field { name, value }),
        }
    }

    /// Removes a field.
    pub fn remove(&mut self, name: impl Into<String>) {
        let name = name.into();
        self.set.retain(|field| field.name != name);
        if !self.remove.contains(&name) {
            self.remove.push(name);
        }
    }
}

#[expect(clippy::derivable_impls, reason = "the type is generated, and derives nothing")]
impl Default for Change {
    fn default() -> Self {
        Self { time: None, set: Vec::new(), remove: Vec::new() }
    }
}
