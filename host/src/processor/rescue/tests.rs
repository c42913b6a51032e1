//! Random processors that fail on random events, against what should come of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::Limits;
use super::super::answer::{Lent, check};
use super::super::bindings::loglift::processor::types::{Answer, Batch, Fields, Rows};
use super::super::caller::Process;
use super::*;
use crate::event::testing::batch;
use crate::telemetry::counter::ProcessorCounters;

/// What a processor does. The events are told by the numbers in their field `content`.
#[derive(Debug, Clone, Default)]
struct Rule {
    /// It fails on each of these.
    poison: BTreeSet<u32>,
    /// It fails on two of these together.
    rivals: BTreeSet<u32>,
    /// It fails on more events than this, if not 0.
    most_events: usize,
    /// Drops the multiples of this, if not 0.
    drop: u32,
    /// Merges each multiple of this with the event that follows it, if not 0.
    merge: u32,
    /// Makes one to so many events of each, if not 0.
    split: u32,
    /// Renames `content` to `text`.
    renames: bool,
    /// Puts the number of the first event of the batch, divided by this, into a tag, if not 0.
    tag: u32,
    /// Answers with numbers that do not add up instead of failing at once.
    lies: bool,
    /// It fails on every call whose turn it is, again and again, whatever the events.
    whims: Vec<bool>,
}

/// An output event: the input events that it is made of, by their places, and which copy it is.
type Output = (usize, usize, u32);

impl Rule {
    fn fails_on(&self, numbers: &[u32]) -> bool {
        let has = |number: &u32| self.poison.contains(number);
        let rivals = numbers.iter().filter(|number| self.rivals.contains(number)).count();
        numbers.iter().any(has) || rivals > 1 || (self.most_events > 0 && numbers.len() > self.most_events)
    }

    fn outputs(&self, numbers: &[u32]) -> Vec<Output> {
        let is_multiple = |number: u32, of: u32| of > 0 && number.is_multiple_of(of);
        let (mut outputs, mut place) = (Vec::new(), 0);
        while let Some(number) = numbers.get(place) {
            let is_merged = is_multiple(*number, self.merge) && place + 1 < numbers.len();
            let last = if is_merged { place + 1 } else { place };
            if is_merged || !is_multiple(*number, self.drop) {
                let copies = if self.split > 0 && !is_merged { 1 + number % self.split } else { 1 };
                outputs.extend((0..copies).map(|copy| (place, last, copy)));
            }
            place = last + 1;
        }
        outputs
    }

    fn name(&self) -> &'static str {
        if self.renames { "text" } else { "content" }
    }

    /// The fields of an output event that is made of the event with this number.
    fn fields(&self, number: u32, copy: u32) -> Vec<(String, String)> {
        let own = (format!("copy{}", number % 3), copy.to_string());
        vec![(self.name().to_owned(), number.to_string()), own]
    }

    fn tag(&self, numbers: &[u32]) -> Option<String> {
        (self.tag > 0).then(|| (numbers[0] / self.tag).to_string())
    }
}

/// A processor with such a rule, in the place of a component.
#[derive(Debug, Clone, Copy)]
struct Double<'a> {
    rule: &'a Rule,
    counters: &'a ProcessorCounters,
    /// The numbers of each batch for which a call was made.
    calls: &'a RefCell<Vec<Vec<u32>>>,
}

impl Maker for Double<'_> {
    type Instance = Self;

    fn fresh(&self) -> Result<(Self, Option<Vec<String>>), Fault> {
        Ok((*self, None))
    }

    fn limits(&self) -> Limits {
        Limits { time: Duration::from_secs(3600), ..Limits::default() }
    }

    fn counters(&self) -> &ProcessorCounters {
        self.counters
    }
}

impl Process for Double<'_> {
    fn process(&mut self, lent: Batch<'_>, _: Patience) -> Result<Answer, Fault> {
        let text = |span: &[u32]| &lent.bytes[span[0] as usize..][..span[1] as usize];
        let number = |span: &[u32]| std::str::from_utf8(text(span)).unwrap().parse().unwrap();
        let numbers: Vec<u32> = lent.values.chunks_exact(2).map(number).collect();
        self.calls.borrow_mut().push(numbers.clone());
        let mut appended = Vec::new();
        let mut append = |text: &str| {
            let start = (lent.bytes.len() + appended.len()) as u32;
            appended.extend_from_slice(text.as_bytes());
            [start, text.len() as u32]
        };
        let turn = self.calls.borrow().len() - 1;
        let whims = &self.rule.whims;
        let fails = self.rule.fails_on(&numbers) || whims.get(turn % whims.len().max(1)).is_some_and(|fails| *fails);
        if fails && !self.rule.lies {
            return Err(Fault::new(FaultKind::Trap, "trapped"));
        }
        let outputs = self.rule.outputs(&numbers);
        let mut names = append(self.rule.name()).to_vec();
        (0..3).for_each(|number| names.extend(append(&format!("copy{number}"))));
        let mut rows = Rows { field_counts: vec![2; outputs.len()], keys: Vec::new(), values: Vec::new() };
        for (place, _, copy) in &outputs {
            rows.keys.extend([0, 1 + numbers[*place] % 3]);
            rows.values.extend_from_slice(&lent.values[2 * place..2 * place + 2]);
            rows.values.extend(append(&copy.to_string()));
        }
        let tags = self.rule.tag(&numbers).map(|tag| (append("tag").to_vec(), append(&tag).to_vec()));
        if fails {
            rows.field_counts.push(u32::MAX);
        }
        Ok(Answer {
            appended,
            names: Some(names),
            origins: Some(outputs.iter().map(|(first, ..)| *first as u32).collect()),
            through: Some(outputs.iter().map(|(_, last, _)| *last as u32).collect()),
            seconds: None,
            nanoseconds: None,
            fields: Fields::Rows(rows),
            tags,
            outcomes: None,
            counts: vec![("seen".to_owned(), numbers.len() as u64)],
            alarms: (0..).zip(&numbers).map(|(place, number)| alarm(place, *number)).collect(),
        })
    }

    fn is_worn(&self) -> bool {
        false
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}

/// The double raises one for each event, and says which number it has.
fn alarm(place: u32, number: u32) -> Alarm {
    Alarm { event: Some(place), kind: "AN_ALARM".to_owned(), message: number.to_string(), occurrences: 1 }
}

/// What is seen of a batch: of each event the offset of its record and its fields.
type Seen = Vec<(u64, Vec<(String, String)>)>;

fn seen(batch: &EventBatch) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
    let event = |(event, count): (usize, &u32)| {
        let fields = fields.by_ref().take(*count as usize);
        let fields =
            fields.filter_map(|(key, value)| Some((text(batch.name(*key)?), text(batch.slice(value[0], value[1])))));
        (batch.offset(event).0, fields.collect())
    };
    batch.field_counts.iter().enumerate().map(event).collect()
}

/// What became of a batch, and how.
struct Found {
    seen: Seen,
    dropped_bytes: u64,
    /// Events by outcome, as the processor has it.
    outcomes: [u64; 4],
    failed: Vec<Failed>,
    parts: usize,
    /// The sum of what it counts itself.
    counted: u64,
    /// The batches of all calls.
    calls: Vec<Vec<u32>>,
    rising: bool,
}

/// Has events numbered from 0 processed as after a fault. Event `i` comes from record `records[i]`.
fn rescued(rule: &Rule, records: &[u32]) -> Found {
    let mut input = numbered(records);
    let (counters, calls) = (ProcessorCounters::default(), RefCell::default());
    let mut caller = Caller::new(Double { rule, counters: &counters, calls: &calls });
    let fault = caller.ask(&mut input, Patience::Full).0.expect_err("there is something to rescue");
    let before = input.number_events();
    let Rescue { done, failed } = rescue(&mut caller, &input, fault, false);
    let mut outcomes = [0; 4];
    for (sum, count) in done.iter().flat_map(|done| outcome_pairs(&done.report)) {
        outcomes[sum] += count;
    }
    let counted = done.iter().flat_map(|done| &done.report.counts).map(|(_, count)| count).sum();
    for done in &done {
        assert_eq!(done.events.len(), done.alarms.len(), "each event has its alarm");
        for Alarm { event, message, .. } in &done.alarms {
            assert_eq!(done.events[event.unwrap() as usize].to_string(), *message, "it is about the right event");
        }
    }
    let parts = done.len();
    let mut left: Vec<u32> = failed.iter().flat_map(|failed| failed.events.iter().copied()).collect();
    left.sort_unstable();
    let mut woven: Vec<EventBatch> = done.into_iter().map(|done| done.batch).collect();
    woven.push(input.part(&left));
    let first = woven.remove(0);
    let mut output = EventBatch::weave(first, &woven);
    output.restore_records(before);
    let rising = output.provenance.origins.as_ref().is_some_and(|origins| origins.is_sorted());
    let dropped_bytes = output.dropped_bytes();
    Found { seen: seen(&output), dropped_bytes, outcomes, failed, parts, counted, calls: calls.take(), rising }
}

fn outcome_pairs(report: &Report) -> impl Iterator<Item = (usize, u64)> {
    report.outcomes.into_iter().enumerate()
}

/// Events that hold their numbers, as a processor leaves them that has split and dropped records.
fn numbered(records: &[u32]) -> EventBatch {
    let lines: Vec<String> = (0..records.len()).map(|number| number.to_string()).collect();
    let mut input = batch(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    input.provenance.origins = Some(records.to_vec());
    input
}

/// What should come of it: the sound events as if the others had not been there, and those as they were.
fn expected(rule: &Rule, records: &[u32], faulty: &BTreeSet<u32>) -> (Seen, u64, [u64; 4]) {
    let input = numbered(records);
    let sound: Vec<u32> = (0..records.len() as u32).filter(|number| !faulty.contains(number)).collect();
    let outputs = rule.outputs(&sound);
    let offset = |number: u32| input.offset(number as usize).0;
    let mut all: Vec<(u32, Vec<(String, String)>)> =
        outputs.iter().map(|(first, _, copy)| (sound[*first], rule.fields(sound[*first], *copy))).collect();
    all.extend(faulty.iter().map(|number| (*number, vec![("content".to_owned(), number.to_string())])));
    all.sort_by_key(|(number, _)| *number);
    let covered: BTreeSet<u32> = outputs.iter().flat_map(|(first, last, _)| &sound[*first..=*last]).copied().collect();
    let kept_records: BTreeSet<u32> = covered.iter().chain(faulty).map(|number| records[*number as usize]).collect();
    let whole = input.provenance.end.0;
    let ends = input.provenance.records.iter().skip(1).map(|next| u64::from(*next)).chain([whole]);
    let dropped = input.provenance.records.iter().zip(ends).enumerate();
    let dropped = dropped.filter(|(record, _)| !kept_records.contains(&(*record as u32)));
    let dropped_bytes = dropped.map(|(_, (start, end))| end - u64::from(*start)).sum();
    let successful = covered.len() as u64;
    let seen = all.into_iter().map(|(number, fields)| (offset(number), fields)).collect();
    (seen, dropped_bytes, [successful, 0, 0, sound.len() as u64 - successful])
}

fn rule() -> impl Strategy<Value = Rule> {
    (0_u32..5, 0_u32..5, 0_u32..4, any::<bool>(), any::<bool>()).prop_map(|(drop, merge, split, renames, lies)| Rule {
        drop,
        merge,
        split,
        renames,
        lies,
        ..Rule::default()
    })
}

/// From which record each event comes.
fn records() -> impl Strategy<Value = Vec<u32>> {
    (1_usize..60).prop_flat_map(|count| {
        prop::collection::vec(0..count as u32, count).prop_map(|mut records| {
            records.sort_unstable();
            records
        })
    })
}

proptest! {
    /// Events that fail alone are left as they were, and all others are processed once and together.
    #[test]
    fn poison_leaves_the_rest_as_if_it_had_not_been_there(
        rule in rule(),
        records in records(),
        poison in prop::collection::btree_set(0_u32..60, 1..6),
    ) {
        let count = records.len() as u32;
        let mut poison: BTreeSet<u32> = poison.into_iter().filter(|number| *number < count).collect();
        poison.insert(count / 2);
        let found = rescued(&Rule { poison: poison.clone(), ..rule.clone() }, &records);
        let (seen, dropped_bytes, outcomes) = expected(&rule, &records, &poison);
        prop_assert_eq!(found.seen, seen);
        prop_assert_eq!((found.dropped_bytes, found.outcomes), (dropped_bytes, outcomes));
        prop_assert!(found.parts <= 1 && found.rising);
        prop_assert_eq!(found.counted, u64::from(count) - poison.len() as u64);
        let culprits: Vec<u32> = found.failed.iter().flat_map(|failed| failed.events.clone()).collect();
        prop_assert_eq!(culprits, poison.into_iter().collect::<Vec<_>>());
        prop_assert!(found.failed.iter().all(|failed| failed.is_culprit));
    }

    /// A batch that is too much for the processor is processed in parts, with or without poison in it.
    #[test]
    fn what_is_too_much_at_once_is_processed_in_parts(
        rule in rule(),
        records in records(),
        most_events in 1_usize..30,
        poison in prop::collection::btree_set(0_u32..60, 0..4),
    ) {
        let count = records.len() as u32;
        let poison: BTreeSet<u32> = poison.into_iter().filter(|number| *number < count).collect();
        // What is merged depends on the parts.
        let rule = Rule { merge: 0, ..rule };
        let rule = Rule { poison: poison.clone(), most_events, ..rule };
        prop_assume!(rule.fails_on(&(0..count).collect::<Vec<_>>()));
        let found = rescued(&rule, &records);
        let (seen, dropped_bytes, outcomes) = expected(&rule, &records, &poison);
        prop_assert_eq!(found.seen, seen);
        prop_assert_eq!((found.dropped_bytes, found.outcomes), (dropped_bytes, outcomes));
        let sound = count as usize - poison.len();
        prop_assert!(found.rising && found.parts <= 1 + 2 * sound / most_events.min(sound).max(1), "{} parts", found.parts);
    }

    /// Whatever fails together, no event is lost, doubled or moved.
    #[test]
    fn every_event_has_one_fate(
        rule in rule(),
        records in records(),
        rivals in prop::collection::btree_set(0_u32..60, 2..60),
        poison in prop::collection::btree_set(0_u32..60, 0..30),
        most_events in 0_usize..20,
        tag in 0_u32..10,
        whims in prop::collection::vec(any::<bool>(), 0..10),
    ) {
        let count = records.len() as u32;
        let rule = Rule { poison, rivals, most_events, tag, whims, ..rule };
        let is_whim = rule.whims.first().is_some_and(|fails| *fails);
        prop_assume!(is_whim || rule.fails_on(&(0..count).collect::<Vec<_>>()));
        let found = rescued(&rule, &records);
        let failed: usize = found.failed.iter().map(|failed| failed.events.len()).sum();
        let reported: u64 = found.outcomes.iter().sum();
        prop_assert_eq!(reported + failed as u64, u64::from(count));
        prop_assert_eq!(found.counted, reported);
        prop_assert!(found.rising);
        // Each number is seen as often as the rule has it, and in order; those that merge take others with them.
        let mut numbers: Vec<u32> = found.seen.iter().map(|(_, fields)| fields[0].1.parse().unwrap()).collect();
        prop_assert!(numbers.is_sorted());
        numbers.dedup();
        let gone = count as usize - numbers.len();
        prop_assert!(rule.merge > 0 || gone as u64 == found.outcomes[3]);
    }
}

#[test]
fn one_culprit_costs_a_few_calls() {
    let rule = Rule { poison: [700].into(), ..Rule::default() };
    let found = rescued(&rule, &(0..1000).collect::<Vec<_>>());
    assert_eq!(found.failed.len(), 1);
    assert!(found.calls.len() <= 23, "{} calls", found.calls.len());
    assert_eq!(found.calls.last().map(Vec::len), Some(999));
}

#[test]
fn a_processor_that_fails_on_everything_is_soon_left_alone() {
    let rule = Rule { poison: (0..1000).collect(), ..Rule::default() };
    let found = rescued(&rule, &(0..1000).collect::<Vec<_>>());
    assert!(found.calls.len() < 50, "{} calls", found.calls.len());
    assert_eq!(found.seen.len(), 1000);
}

#[test]
fn parts_with_tags_of_their_own_are_not_joined() {
    // Three events at most, and the tag is 0 for those that begin below 4.
    let rule = Rule { most_events: 2, tag: 4, ..Rule::default() };
    let found = rescued(&rule, &(0..8).collect::<Vec<_>>());
    let failed: Vec<_> = found.failed.iter().map(|failed| (failed.events.clone(), failed.is_culprit)).collect();
    assert_eq!(failed, [(vec![4, 5], false), (vec![6, 7], false)]);
    assert_eq!((found.parts, found.seen.len()), (2, 8));
}

#[test]
fn what_is_all_or_nothing_is_not_processed() {
    let rule = Rule { poison: [3].into(), ..Rule::default() };
    let (counters, calls) = (ProcessorCounters::default(), RefCell::default());
    let mut caller = Caller::new(Double { rule: &rule, counters: &counters, calls: &calls });
    let mut input = numbered(&[0, 1, 2, 3, 4, 5]);
    let before = input.clone();
    let provenance = input.number_events();
    let found = rescue(&mut caller, &input, Fault::new(FaultKind::Trap, "trapped"), true);
    assert!(found.done.is_empty() && found.failed.len() == 1);
    input.restore_records(provenance);
    assert_eq!(seen(&input), seen(&before));
}

#[test]
fn the_double_keeps_the_contract() {
    let rule = Rule { drop: 3, merge: 5, split: 3, renames: true, tag: 1, ..Rule::default() };
    let (counters, calls) = (ProcessorCounters::default(), RefCell::default());
    let mut double = Double { rule: &rule, counters: &counters, calls: &calls };
    let input = numbered(&(0..30).collect::<Vec<_>>());
    let answer = double.process(super::super::lend::whole(&input), Patience::Full).unwrap();
    assert_eq!(check(&answer, Lent { batch: &input, projection: None }, 1 << 20), Ok(()));
}
