//! What two versions of a processor made of the same batch, compared event by event.

use crate::event::EventBatch;

/// What two versions made of the same events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Records of the input.
    pub records: u64,
    /// Those of which both made the same events.
    pub same: u64,
    /// Of how many of the others one version made more or fewer events.
    pub counts_differ: u64,
    /// The input events, by their number in the batch, of the first ones that differ.
    pub first: Vec<Difference>,
    /// The batches have different tags.
    pub tags_differ: bool,
}

/// An event of the input of which two versions made different ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// The record in the source.
    pub record: u32,
    /// The events that the old version made of it.
    pub old: Vec<u32>,
    /// The events that the new version made of it.
    pub new: Vec<u32>,
}

/// Compares what two versions made of one input batch. Both have its records, so that what comes of each can be told.
pub(super) fn compare(old: &EventBatch, new: &EventBatch, input: &EventBatch) -> Comparison {
    let mut found = Comparison { tags_differ: !same_tags(old, new), ..Comparison::default() };
    let (mut olds, mut news) = (Events::of(old), Events::of(new));
    let mut last = None;
    for event in 0..input.len() {
        let record = record_of(input, event);
        if last.replace(record) == Some(record) {
            continue;
        }
        let (of_old, of_new) = (olds.of_record(record), news.of_record(record));
        found.records += 1;
        let is_same = of_old.len() == of_new.len()
            && of_old.iter().zip(&of_new).all(|(before, after)| same_event((old, before), (new, after)));
        if is_same {
            found.same += 1;
            continue;
        }
        found.counts_differ += u64::from(of_old.len() != of_new.len());
        if found.first.len() < MAX_EXAMPLES {
            let number = |events: Vec<Event>| events.iter().map(|event| event.number).collect();
            found.first.push(Difference { record, old: number(of_old), new: number(of_new) });
        }
    }
    found
}

/// An event of a batch: its number, and where its fields are.
struct Event {
    number: u32,
    fields: std::ops::Range<usize>,
}

/// The events of a batch, one after the other.
struct Events<'a> {
    batch: &'a EventBatch,
    event: usize,
    field: usize,
}

impl<'a> Events<'a> {
    fn of(batch: &'a EventBatch) -> Self {
        Self { batch, event: 0, field: 0 }
    }

    /// Those that come of a record. Records are to be asked for in their order.
    fn of_record(&mut self, record: u32) -> Vec<Event> {
        let mut events = Vec::with_capacity(1);
        while self.event < self.batch.len() && record_of(self.batch, self.event) <= record {
            let fields = self.field..self.field + self.batch.field_counts[self.event] as usize;
            self.field = fields.end;
            events.push(Event { number: self.event as u32, fields });
            self.event += 1;
        }
        events
    }
}

fn record_of(batch: &EventBatch, event: usize) -> u32 {
    batch.provenance.origins.as_ref().map_or(event as u32, |origins| origins[event])
}

fn same_event((old, before): (&EventBatch, &Event), (new, after): (&EventBatch, &Event)) -> bool {
    let time = |batch: &EventBatch, event: &Event| {
        (batch.seconds[event.number as usize], batch.nanoseconds[event.number as usize])
    };
    time(old, before) == time(new, after)
        && old.fields_in(before.fields.clone()).eq(new.fields_in(after.fields.clone()))
}

fn same_tags(old: &EventBatch, new: &EventBatch) -> bool {
    old.tags().eq(new.tags())
}

/// As many differences are shown.
pub(super) const MAX_EXAMPLES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::batch;

    #[test]
    fn what_comes_of_each_record_is_compared() {
        let input = batch(&["one", "two", "three"]);
        let check = |old: &EventBatch, new: &EventBatch, expected: (u64, u64, u64)| {
            let found = compare(old, new, &input);
            assert_eq!((found.records, found.same, found.counts_differ), expected);
            found.first
        };
        assert_eq!(check(&input, &input, (3, 3, 0)), []);

        let mut fewer = input.clone();
        fewer.select(&[0, 2]);
        let found = check(&input, &fewer, (3, 2, 1));
        assert_eq!(found, [Difference { record: 1, old: vec![1], new: vec![] }]);

        let mut later = input.clone();
        later.nanoseconds[2] = 7;
        let found = check(&input, &later, (3, 2, 0));
        assert_eq!(found, [Difference { record: 2, old: vec![2], new: vec![2] }]);

        let found = check(&fewer, &later, (3, 1, 1));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn fields_of_names_that_are_gone_do_not_count() {
        let input = batch(&["one"]);
        let mut gone = input.clone();
        gone.names[0] = crate::event::GONE;
        let mut empty = input.clone();
        (empty.keys, empty.values, empty.field_counts) = (vec![], vec![], vec![0]);
        assert_eq!(compare(&gone, &empty, &input).same, 1);
        assert_eq!(compare(&gone, &input, &input).same, 0);
    }
}
