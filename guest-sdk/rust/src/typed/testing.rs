//! Runs a processor of the typed world natively, for unit tests.

use super::bindings::exports::loglift::processor::typed::{Answer, Fate, Outcome};
use super::{Batch, Change, Event, Field, KeyedField, Processor, Time};
use crate::testing::{Output, TestEvent};
use crate::{Context, Issue, Setup};

/// A configured processor that tests feed with events.
#[derive(Debug)]
pub struct Guest<P> {
    processor: P,
    /// What `configure` answered.
    pub setup: Setup,
}

impl<P: Processor> Guest<P> {
    /// Configures a processor by JSON, in the zone UTC and with no event too old.
    ///
    /// # Errors
    /// The mistakes that the processor found in the configuration.
    pub fn configure(config: &str) -> Result<Self, Vec<Issue>> {
        let context = Context { machine_zone: "UTC".to_owned(), discard_older_than: None, extra: Vec::new() };
        let (processor, setup) = super::guest::configure(config, &context)?;
        Ok(Self { processor, setup })
    }

    /// Has a batch processed, which the host read at Unix second 0. It shows all fields, whatever `reads` says.
    ///
    /// # Panics
    /// If the processor refuses the whole batch.
    pub fn process(&mut self, events: &[TestEvent]) -> Output {
        let mut names = Vec::new();
        let shown = events.iter().map(|event| shown(event, &mut names)).collect();
        let batch = Batch { names, events: shown, tags: Vec::new(), read_seconds: 0 };
        let answer = super::guest::process(Some(&mut self.processor), &batch).expect("the processor takes the batch");
        output(events, answer)
    }
}

fn shown(event: &TestEvent, names: &mut Vec<String>) -> Event {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut key = |name: String| {
        let place = names.iter().position(|known| *known == name);
        place.unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        }) as u32
    };
    let fields = event.fields.iter().map(|(name, value)| KeyedField { key: key(text(name)), value: text(value) });
    let time = Time { seconds: event.seconds, nanoseconds: event.nanoseconds };
    Event { time, fields: fields.collect() }
}

fn output(events: &[TestEvent], answer: Answer) -> Output {
    let mut fates: Vec<Option<Fate>> = events.iter().map(|_| None).collect();
    answer.verdicts.into_iter().for_each(|verdict| fates[verdict.event as usize] = Some(verdict.fate));
    let mut outcomes = vec![Outcome::Successful as u8; events.len()];
    let (mut output, mut origins) = (Vec::new(), Vec::new());
    for ((place, event), fate) in events.iter().enumerate().zip(fates) {
        let changes = match fate {
            None => vec![Change::default()],
            Some(Fate::Changed(change)) => vec![change],
            Some(Fate::Split(changes)) => changes,
            Some(Fate::Merged) => Vec::new(),
            Some(Fate::Discarded) => {
                outcomes[place] = Outcome::Discarded as u8;
                Vec::new()
            }
        };
        for change in changes {
            origins.push(place);
            output.push(changed(event.clone(), change));
        }
    }
    let said = answer.outcomes.map(|outcomes| outcomes.into_iter().map(|outcome| outcome as u8).collect());
    Output {
        events: output,
        origins,
        outcomes: said.unwrap_or(outcomes),
        alarms: answer.alarms.into_iter().map(|alarm| (alarm.kind, alarm.message)).collect(),
        counts: answer.counts,
    }
}

fn changed(mut event: TestEvent, change: Change) -> TestEvent {
    let Change { time, set, remove } = change;
    if let Some(time) = time {
        event = event.at(time.seconds, time.nanoseconds);
    }
    for Field { name, value } in set {
        match event.fields.iter_mut().find(|(known, _)| known == name.as_bytes()) {
            Some((_, known)) => *known = value.into_bytes(),
            None => event.fields.push((name.into_bytes(), value.into_bytes())),
        }
    }
    event.fields.retain(|(known, _)| !remove.iter().any(|name| known == name.as_bytes()));
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;
    use crate::typed::Changes;

    fn change(events: &[TestEvent], change: impl FnOnce(&mut Changes)) -> Output {
        let mut changes = Changes::new(events.len());
        change(&mut changes);
        output(events, changes.into_answer())
    }

    #[test]
    fn what_is_not_mentioned_stays() {
        let events = [event(&[("a", "1")]).at(5, 6), event(&[("a", "2"), ("b", "3")])];
        assert_eq!(change(&events, |_| {}).events, events);
    }

    #[test]
    fn the_last_word_on_a_field_holds() {
        let output = change(&[event(&[("a", "1"), ("b", "2")])], |changes| {
            changes.set(0, "a", "x");
            changes.set(0, "a", "y");
            changes.set(0, "b", "z");
            changes.remove(0, "b");
            changes.remove(0, "c");
            changes.set(0, "c", "3");
        });
        assert_eq!(output.events, [event(&[("a", "y"), ("c", "3")])]);
    }

    #[test]
    fn events_go_and_become_several() {
        let events = [event(&[("a", "1")]), event(&[("a", "2")]), event(&[("a", "3")])];
        let output = change(&events, |changes| {
            changes.discard(0);
            let parts = ["x", "y"].map(|value| {
                let mut part = Change::default();
                part.set("a", value);
                part
            });
            changes.split(1, parts.into());
            changes.set_time(2, 7, 8);
            changes.outcome(2, crate::Outcome::Failed);
        });
        assert_eq!(output.events, [event(&[("a", "x")]), event(&[("a", "y")]), event(&[("a", "3")]).at(7, 8)]);
        assert_eq!(output.origins, [1, 1, 2]);
        assert_eq!(output.outcomes, [3, 0, 1]);
    }
}
