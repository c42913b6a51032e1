//! Makes columns of an answer that speaks of events with strings.
//!
//! What is wrong with it in terms of such events is found here; what columns must keep is left to [`super::super::answer`].

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::answer::Invalid;
use super::super::bindings::loglift::processor::types::{Answer, Batch, Edits, Fields};
use super::super::bindings::typed::exports::loglift::processor::typed::{
    self, Change, Fate, FieldResult, Outcome, Time, Verdict,
};
use super::{Arena, tags};
use crate::event::GONE;

/// The answer to a batch in columns.
pub(in super::super) fn to_columns(answer: typed::Answer, batch: &Batch<'_>) -> Result<Answer, Invalid> {
    let typed::Answer { verdicts, outcomes, tags, counts, alarms } = answer;
    let mut columns = Columns::new(batch);
    let outcomes = outcomes.map(|outcomes| outcomes.into_iter().map(|outcome| outcome as u8).collect());
    let outcomes = outcomes.or_else(|| outcomes_of(&verdicts, batch.seconds.len()));
    if verdicts.iter().all(|verdict| matches!(verdict.fate, Fate::Changed(_))) {
        columns.change_in_place(verdicts)?;
    } else {
        columns.change_events(verdicts)?;
    }
    let tags = tags.map(|tags| columns.tags(&tags)).transpose()?;
    let (seconds, nanoseconds) = columns.times();
    Ok(Answer {
        names: (columns.names.len() > batch.names.len()).then_some(columns.names),
        appended: columns.appended,
        origins: columns.origins,
        through: columns.through,
        seconds,
        nanoseconds,
        fields: if columns.edits.events.is_empty() { Fields::Unchanged } else { Fields::Edits(columns.edits) },
        tags,
        outcomes,
        counts,
        alarms,
    })
}

/// The outcomes that follow from what became of events, where columns alone do not say them: a range that was merged may
/// have events in it that were not.
fn outcomes_of(verdicts: &[Verdict], event_count: usize) -> Option<Vec<u8>> {
    let is_any_merged = verdicts.iter().any(|verdict| matches!(verdict.fate, Fate::Merged));
    is_any_merged.then(|| {
        let mut outcomes = vec![Outcome::Successful as u8; event_count];
        for verdict in verdicts.iter().filter(|verdict| matches!(verdict.fate, Fate::Discarded)) {
            if let Some(outcome) = outcomes.get_mut(verdict.event as usize) {
                *outcome = Outcome::Discarded as u8;
            }
        }
        outcomes
    })
}

/// The columns of an answer, as far as they are made.
struct Columns<'a> {
    batch: &'a Batch<'a>,
    appended: Vec<u8>,
    names: Vec<u32>,
    keys: HashMap<Cow<'a, [u8]>, u32>,
    /// The output event that named each key last, counted from 1.
    named_last: Vec<u32>,
    edits: Edits,
    /// Output events whose time changes.
    new_times: Vec<(usize, Time)>,
    /// `None` as long as each event is its own output event.
    origins: Option<Vec<u32>>,
    through: Option<Vec<u32>>,
    /// Where the fields of each event begin, once somebody has asked.
    first_fields: Vec<usize>,
}

impl<'a> Columns<'a> {
    fn new(batch: &'a Batch<'a>) -> Self {
        let arena = Arena { bytes: batch.bytes, text: None };
        let spans = batch.names.chunks_exact(2);
        let keys: HashMap<_, _> = spans.map(|span| Cow::Borrowed(arena.slice(span))).zip(0..).collect();
        Self {
            batch,
            appended: Vec::new(),
            names: batch.names.to_vec(),
            named_last: vec![0; keys.len()],
            keys,
            edits: Edits { events: Vec::new(), keys: Vec::new(), values: Vec::new() },
            new_times: Vec::new(),
            origins: None,
            through: None,
            first_fields: Vec::new(),
        }
    }

    /// Carries out verdicts after each of which there is one event, as before.
    fn change_in_place(&mut self, verdicts: Vec<Verdict>) -> Result<(), Invalid> {
        let mut next = 0;
        for Verdict { event, fate } in verdicts {
            self.check_order(event, next)?;
            next = event + 1;
            if let Fate::Changed(change) = fate {
                self.change(change, event, event)?;
            }
        }
        Ok(())
    }

    /// Carries out any verdicts.
    fn change_events(&mut self, verdicts: Vec<Verdict>) -> Result<(), Invalid> {
        let mut origins: Vec<u32> = Vec::with_capacity(self.batch.seconds.len());
        let mut merged: Vec<(usize, u32)> = Vec::new();
        let mut next = 0;
        for Verdict { event, fate } in verdicts {
            self.check_order(event, next)?;
            origins.extend(next..event);
            next = event + 1;
            let changes = match fate {
                Fate::Changed(change) => vec![change],
                Fate::Split(changes) if changes.is_empty() => {
                    return Err(Invalid(format!("verdicts: event {event} is split into no events")));
                }
                Fate::Split(changes) => changes,
                Fate::Merged if origins.is_empty() => {
                    return Err(Invalid(format!("verdicts: event {event} is merged, and none goes out before it")));
                }
                Fate::Merged => {
                    merged.push((origins.len() - 1, event));
                    continue;
                }
                Fate::Discarded => continue,
            };
            for change in changes {
                let output = origins.len() as u32;
                origins.push(event);
                self.change(change, event, output)?;
            }
        }
        origins.extend(next..self.batch.seconds.len() as u32);
        if !merged.is_empty() {
            let mut through = origins.clone();
            merged.into_iter().for_each(|(output, event)| through[output] = event);
            self.through = Some(through);
        }
        self.origins = Some(origins);
        Ok(())
    }

    fn check_order(&self, event: u32, next: u32) -> Result<(), Invalid> {
        let count = self.batch.seconds.len();
        if event as usize >= count {
            return Err(Invalid(format!("verdicts: event {event} of {count}")));
        }
        if event < next {
            return Err(Invalid(format!("verdicts: event {event} is named twice, or out of order")));
        }
        Ok(())
    }

    /// Makes an output event out of an event.
    fn change(&mut self, change: Change, event: u32, output: u32) -> Result<(), Invalid> {
        let Change { time, set, remove } = change;
        self.new_times.extend(time.map(|time| (output as usize, time)));
        for FieldResult { name, value } in set {
            let is_broken = value.contains(char::REPLACEMENT_CHARACTER);
            let key = self.key_to_name(name, event, output)?;
            if !is_broken || !self.is_as_shown(event, key, &value) {
                let value = self.append(value.as_bytes())?;
                self.edit(output, key, value);
            }
        }
        for name in remove {
            // A name that was not shown may be one that the processor does not read.
            let key = self.key_to_name(name, event, output)?;
            self.edit(output, key, [GONE, 0]);
        }
        Ok(())
    }

    fn edit(&mut self, output: u32, key: u32, value: [u32; 2]) {
        self.edits.events.push(output);
        self.edits.keys.push(key);
        self.edits.values.extend(value);
    }

    /// The key of a name that an output event names for the first time.
    fn key_to_name(&mut self, name: String, event: u32, output: u32) -> Result<u32, Invalid> {
        let key = match self.keys.get(name.as_bytes()) {
            Some(key) => *key,
            None => self.add_name(name)?,
        };
        let last = std::mem::replace(&mut self.named_last[key as usize], output + 1);
        if last == output + 1 {
            return Err(Invalid(format!("verdicts: a change of event {event} names {:?} twice", self.start_of(key))));
        }
        Ok(key)
    }

    fn add_name(&mut self, name: String) -> Result<u32, Invalid> {
        let key = self.named_last.len() as u32;
        let span = self.append(name.as_bytes())?;
        self.names.extend(span);
        self.named_last.push(0);
        self.keys.insert(Cow::Owned(name.into_bytes()), key);
        Ok(key)
    }

    /// What a message shows of a name, which a guest may make very long.
    fn start_of(&self, key: u32) -> String {
        let span = &self.names[2 * key as usize..][..2];
        let lent = self.batch.bytes.len();
        let name = match (span[0] as usize).checked_sub(lent) {
            Some(start) => &self.appended[start..][..span[1] as usize],
            None => &self.batch.bytes[span[0] as usize..][..span[1] as usize],
        };
        String::from_utf8_lossy(name).chars().take(SHOWN_CHARS).collect()
    }

    fn append(&mut self, text: &[u8]) -> Result<[u32; 2], Invalid> {
        let start = self.batch.bytes.len() + self.appended.len();
        let end = start + text.len();
        if end >= GONE as usize {
            return Err(Invalid(format!("the arena would have {end} bytes")));
        }
        self.appended.extend_from_slice(text);
        Ok([start as u32, text.len() as u32])
    }

    /// Whether a field is not UTF-8, and a value just what was shown of it.
    fn is_as_shown(&mut self, event: u32, key: u32, value: &str) -> bool {
        if self.first_fields.is_empty() {
            let sum = |sum: &mut usize, count: &u32| Some(std::mem::replace(sum, *sum + *count as usize));
            self.first_fields = self.batch.field_counts.iter().scan(0, sum).collect();
        }
        let first = self.first_fields[event as usize];
        let keys = &self.batch.keys[first..][..self.batch.field_counts[event as usize] as usize];
        keys.iter().position(|known| *known == key).is_some_and(|place| {
            let span = &self.batch.values[2 * (first + place)..][..2];
            is_shown_as(self.bytes_of(span), value)
        })
    }

    fn bytes_of(&self, span: &[u32]) -> &'a [u8] {
        &self.batch.bytes[span[0] as usize..][..span[1] as usize]
    }

    /// The times of all output events, if any of them changes.
    fn times(&mut self) -> (Option<Vec<i64>>, Option<Vec<u32>>) {
        if self.new_times.is_empty() {
            return (None, None);
        }
        let Batch { seconds, nanoseconds, .. } = self.batch;
        let (mut seconds, mut nanoseconds) = match &self.origins {
            None => (seconds.to_vec(), nanoseconds.to_vec()),
            Some(origins) => {
                let origins = || origins.iter().map(|origin| *origin as usize);
                (
                    origins().map(|origin| seconds[origin]).collect(),
                    origins().map(|origin| nanoseconds[origin]).collect(),
                )
            }
        };
        for (output, time) in self.new_times.drain(..) {
            seconds[output] = time.seconds;
            nanoseconds[output] = time.nanoseconds;
        }
        (Some(seconds), Some(nanoseconds))
    }

    /// The tags that replace those that were shown.
    fn tags(&mut self, new: &[FieldResult]) -> Result<(Vec<u32>, Vec<u32>), Invalid> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        let mut seen = HashSet::with_capacity(new.len());
        for FieldResult { name, value } in new {
            if !seen.insert(name) {
                let shown: String = name.chars().take(SHOWN_CHARS).collect();
                return Err(Invalid(format!("tags: {shown:?} twice")));
            }
            let known = tags(self.batch).find(|(known, _)| self.bytes_of(known) == name.as_bytes());
            match known {
                Some((known, shown)) if is_shown_as(self.bytes_of(shown), value) => {
                    names.extend_from_slice(known);
                    values.extend_from_slice(shown);
                }
                _ => {
                    names.extend(self.append(name.as_bytes())?);
                    values.extend(self.append(value.as_bytes())?);
                }
            }
        }
        for (name, value) in tags(self.batch).filter(|(name, _)| std::str::from_utf8(self.bytes_of(name)).is_err()) {
            names.extend_from_slice(name);
            values.extend_from_slice(value);
        }
        Ok((names, values))
    }
}

/// Whether bytes that are not UTF-8 were shown as `text`.
fn is_shown_as(bytes: &[u8], text: &str) -> bool {
    matches!(String::from_utf8_lossy(bytes), Cow::Owned(shown) if shown == text)
}

/// How much of a name a message shows.
const SHOWN_CHARS: usize = 64;
