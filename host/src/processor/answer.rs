//! Checks what a processor answered, and carries it out.
//!
//! [`check`] looks at every number of an answer and touches nothing. Only an answer that passes whole is handed to
//! [`apply`], which therefore cannot fail.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use super::bindings::loglift::processor::types::{Alarm, Answer, Edits, Fields, Rows};
use super::lend::Projection;
use crate::event::{EventBatch, GONE, Tags};

/// What was lent to the processor.
#[derive(Clone, Copy)]
pub(super) struct Lent<'a> {
    pub(super) batch: &'a EventBatch,
    /// The part of it that was lent, if not all.
    pub(super) projection: Option<&'a Projection>,
}

/// What an answer that was carried out says besides changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Input events by outcome: successful, failed, key not found, discarded.
    pub(super) outcomes: [u64; 4],
    pub(super) counts: Vec<(String, u64)>,
}

/// What is wrong with an answer, for its author.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("broke the contract: {0}")]
pub(super) struct Invalid(pub(super) String);

type Checked = Result<(), Invalid>;

/// Checks an answer to what was lent. What it adds to the batch may have `limit_bytes`, as may its names and tags.
pub(super) fn check(answer: &Answer, lent: Lent<'_>, limit_bytes: usize) -> Checked {
    let input_count = lent.batch.len();
    // Also what no event refers to, since it stays with the batch.
    ensure(answer.appended.len() <= limit_bytes, || {
        format!("appended has {} bytes, {limit_bytes} are allowed", answer.appended.len())
    })?;
    // Before all else, since names are hashed and both may be copied: their ranges may overlap.
    let named_bytes = answer.names.as_deref().map_or(0, span_bytes) + answer.tags.as_ref().map_or(0, tag_bytes);
    ensure(named_bytes <= limit_bytes as u64, || {
        format!("names and tags have {named_bytes} bytes, {limit_bytes} are allowed")
    })?;
    let arena_len = lent.bytes().len() + answer.appended.len();
    // What `widen` appends to the arena of the batch must stay within what a span can name.
    let total = arena_len + lent.projection.map_or(0, |_| lent.batch.bytes.len() + named_bytes as usize);
    ensure(total < GONE as usize, || format!("the arena would have {total} bytes"))?;
    let spans = Spans { arena_len: arena_len as u64 };

    let names = check_names(answer, lent, spans)?;
    check_origins(answer, input_count)?;
    let output_count = answer.origins.as_ref().map_or(input_count, Vec::len);
    check_times(answer, output_count)?;
    match &answer.fields {
        Fields::Unchanged => {}
        Fields::Edits(edits) => check_edits(edits, names, output_count, spans)?,
        Fields::Rows(_) if lent.projection.is_some() => {
            return Err(Invalid("rows from a processor that reads some fields only".to_owned()));
        }
        Fields::Rows(rows) => check_rows(rows, names, output_count, spans)?,
    }
    if let Some((names, values)) = &answer.tags {
        spans.check("tags", names)?;
        spans.check("tags", values)?;
        ensure(names.len() == values.len(), || "tags: names and values differ in number".to_owned())?;
    }
    let added_bytes = added_bytes(answer, lent, names, output_count as u64);
    ensure(added_bytes <= limit_bytes as u64, || {
        format!("the output has {added_bytes} bytes more, {limit_bytes} are allowed")
    })?;
    if let Some(outcomes) = &answer.outcomes {
        check_len("outcomes", outcomes.len(), input_count)?;
        ensure(outcomes.iter().all(|outcome| *outcome <= 3), || "outcomes: only 0 to 3 are known".to_owned())?;
    }
    answer.alarms.iter().try_for_each(|alarm| check_alarm(alarm, input_count))
}

/// The names of the answer that a field may have: which keys are below `count`, and which of them are gone.
#[derive(Clone, Copy)]
struct NameSpans<'a> {
    spans: &'a [u32],
}

impl NameSpans<'_> {
    fn len(self) -> usize {
        self.spans.len() / 2
    }

    fn is_gone(self, key: usize) -> bool {
        self.spans[2 * key] == GONE
    }

    fn name_bytes(self, key: u32) -> u64 {
        u64::from(self.spans[2 * key as usize + 1])
    }

    fn check_key(self, what: &str, key: u32) -> Checked {
        ensure((key as usize) < self.len(), || format!("{what}: key {key} of {} names", self.len()))?;
        ensure(!self.is_gone(key as usize), || format!("{what}: key {key} is a name that is gone"))
    }
}

fn check_names<'a>(answer: &'a Answer, lent: Lent<'a>, spans: Spans) -> Result<NameSpans<'a>, Invalid> {
    let lent_names = lent.names();
    let Some(names) = &answer.names else { return Ok(NameSpans { spans: lent_names }) };
    let lent_count = lent.name_count();
    ensure(names.len().is_multiple_of(2), || "names: an odd number of elements".to_owned())?;
    ensure(names.len() >= lent_names.len(), || {
        format!("names: {} entries for a dictionary of {lent_count}", names.len() / 2)
    })?;
    let mut seen = HashSet::with_capacity(names.len() / 2);
    for (key, span) in names.chunks_exact(2).enumerate() {
        if span[0] == GONE {
            ensure(span[1] == 0, || format!("names: entry {key} is gone and has a length"))?;
            ensure(key < lent_count, || format!("names: entry {key} is new and gone"))?;
            continue;
        }
        spans.check("names", span)?;
        let name = lent.text(answer, span);
        ensure(seen.insert(name), || format!("names: {:?} twice", start_of(&lent.text(answer, span))))?;
    }
    if let Some(projection) = lent.projection {
        check_renames(answer, lent, projection, names)?;
    }
    Ok(NameSpans { spans: names })
}

/// A renamed field must not meet one that was not lent.
fn check_renames(answer: &Answer, lent: Lent<'_>, projection: &Projection, names: &[u32]) -> Checked {
    let read: HashSet<u32> = projection.origins.iter().copied().collect();
    let unread = (0..lent.batch.name_count() as u32).filter(|key| !read.contains(key));
    let unread: HashSet<&[u8]> = unread.filter_map(|key| lent.batch.name(key)).collect();
    let renamed = names.chunks_exact(2).take(projection.origins.len()).filter(|span| span[0] != GONE);
    for span in renamed {
        let name = lent.text(answer, span);
        ensure(!unread.contains(name.as_ref()), || {
            format!("names: renames a field to {:?}, which there is already", start_of(&name))
        })?;
    }
    Ok(())
}

fn check_origins(answer: &Answer, input_count: usize) -> Checked {
    let Some(origins) = &answer.origins else {
        return ensure(answer.through.is_none(), || "through: without origins".to_owned());
    };
    check_rising("origins", origins, input_count)?;
    if let Some(through) = &answer.through {
        check_len("through", through.len(), origins.len())?;
        check_rising("through", through, input_count)?;
        let holds = origins.iter().zip(through).all(|(first, last)| first <= last);
        ensure(holds, || "through: ends before its origin".to_owned())?;
    }
    Ok(())
}

fn check_rising(what: &str, events: &[u32], input_count: usize) -> Checked {
    ensure(events.is_sorted(), || format!("{what}: not in order"))?;
    let last = events.last().map_or(0, |last| *last as usize);
    ensure(events.is_empty() || last < input_count, || format!("{what}: event {last} of {input_count}"))
}

fn check_times(answer: &Answer, output_count: usize) -> Checked {
    if let Some(seconds) = &answer.seconds {
        check_len("seconds", seconds.len(), output_count)?;
        ensure(seconds.iter().all(|seconds| YEARS.contains(seconds)), || {
            "seconds: outside of the years 0000 to 9999".to_owned()
        })?;
    }
    if let Some(nanoseconds) = &answer.nanoseconds {
        check_len("nanoseconds", nanoseconds.len(), output_count)?;
        ensure(nanoseconds.iter().all(|nanoseconds| *nanoseconds < 1_000_000_000), || {
            "nanoseconds: a whole second or more".to_owned()
        })?;
    }
    Ok(())
}

fn check_rows(rows: &Rows, names: NameSpans<'_>, output_count: usize, spans: Spans) -> Checked {
    check_len("rows.field-counts", rows.field_counts.len(), output_count)?;
    let sum: u64 = rows.field_counts.iter().map(|count| u64::from(*count)).sum();
    ensure(sum == rows.keys.len() as u64, || {
        format!("rows: the field counts sum to {sum}, there are {} keys", rows.keys.len())
    })?;
    check_len("rows.values", rows.values.len(), 2 * rows.keys.len())?;
    spans.check("rows.values", &rows.values)?;

    // Which event had each name last. Names that are gone count as had by all.
    let mut last_event: Vec<u32> = (0..names.len()).map(|key| if names.is_gone(key) { GONE } else { 0 }).collect();
    let mut keys = rows.keys.iter();
    for (event, count) in (1u32..).zip(&rows.field_counts) {
        for key in keys.by_ref().take(*count as usize) {
            match last_event.get_mut(*key as usize) {
                Some(last) if *last < event => *last = event,
                Some(_) => {
                    names.check_key("rows", *key)?;
                    return Err(Invalid(format!("rows: event {} has key {key} twice", event - 1)));
                }
                None => return names.check_key("rows", *key),
            }
        }
    }
    Ok(())
}

fn check_edits(edits: &Edits, names: NameSpans<'_>, output_count: usize, spans: Spans) -> Checked {
    check_len("edits.keys", edits.keys.len(), edits.events.len())?;
    check_len("edits.values", edits.values.len(), 2 * edits.events.len())?;
    check_rising("edits.events", &edits.events, output_count)?;
    let mut last_event = vec![0; names.len()];
    for ((event, key), value) in edits.events.iter().zip(&edits.keys).zip(edits.values.chunks_exact(2)) {
        names.check_key("edits", *key)?;
        if value != REMOVED {
            spans.check("edits.values", value)?;
        }
        let last = std::mem::replace(&mut last_event[*key as usize], event + 1);
        ensure(last <= *event, || format!("edits: key {key} of event {event} twice"))?;
    }
    Ok(())
}

fn check_alarm(alarm: &Alarm, input_count: usize) -> Checked {
    let is_known = alarm.event.is_none_or(|event| (event as usize) < input_count);
    ensure(is_known, || format!("alarms: event {:?} of {input_count}", alarm.event))?;
    let occurrences = alarm.occurrences as usize;
    ensure((1..=input_count).contains(&occurrences), || {
        format!("alarms: {occurrences} occurrences in {input_count} events")
    })?;
    let is_kind = !alarm.kind.is_empty() && alarm.kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    ensure(is_kind && alarm.kind.len() <= MAX_KIND_BYTES, || "alarms: the kind is no plain name".to_owned())
}

/// How many bytes an answer adds once its events are written out, each with its names, values and tags.
///
/// Ranges may overlap, and one name serves many fields, so that this can be far more than the arena has. Events that
/// stay as they are add nothing.
fn added_bytes(answer: &Answer, lent: Lent<'_>, names: NameSpans<'_>, output_count: u64) -> u64 {
    let set = |keys: &[u32], values: &[u32]| -> u64 {
        let fields = keys.iter().zip(values.chunks_exact(2)).filter(|(_, value)| **value != *REMOVED);
        fields.map(|(key, value)| FIELD_BYTES + names.name_bytes(*key) + u64::from(value[1])).sum()
    };
    let fields = match &answer.fields {
        Fields::Unchanged => kept_bytes(answer, lent),
        Fields::Edits(edits) => kept_bytes(answer, lent).saturating_add(set(&edits.keys, &edits.values)),
        Fields::Rows(rows) => set(&rows.keys, &rows.values) + EVENT_BYTES * output_count,
    };
    let (EventBatch { tags, .. }, input_count) = (lent.batch, lent.batch.len() as u64);
    let tags_before = span_bytes(&tags.names) + span_bytes(&tags.values);
    let tags = answer.tags.as_ref().map_or(tags_before, tag_bytes);
    let tags = tags.saturating_mul(output_count).saturating_sub(tags_before.saturating_mul(input_count));
    fields.saturating_add(tags)
}

/// How many bytes the fields have that come from the batch: none if no event is copied and no name gets longer.
fn kept_bytes(answer: &Answer, lent: Lent<'_>) -> u64 {
    let batch = lent.batch;
    let before = batch.names.iter().skip(1).step_by(2);
    let mut now: Vec<u32> = before.clone().copied().collect();
    let lent_names = answer.names.iter().flat_map(|names| names.chunks_exact(2)).take(lent.name_count());
    for (place, span) in lent_names.enumerate() {
        let key = lent.projection.map_or(place, |projection| projection.origins[place] as usize);
        now[key] = span[1];
    }
    let is_any_longer = now.iter().zip(before).any(|(now, before)| now > before);
    let is_any_copied = answer.origins.iter().any(|origins| origins.windows(2).any(|pair| pair[0] == pair[1]));
    if !is_any_longer && !is_any_copied {
        return 0;
    }
    let fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
    let mut fields = fields.map(|(key, value)| FIELD_BYTES + u64::from(now[*key as usize]) + u64::from(value[1]));
    let events =
        batch.field_counts.iter().map(|count| EVENT_BYTES + fields.by_ref().take(*count as usize).sum::<u64>());
    match &answer.origins {
        None => events.sum(),
        Some(origins) => {
            let events: Vec<u64> = events.collect();
            origins.iter().fold(0, |sum, origin| sum.saturating_add(events[*origin as usize]))
        }
    }
}

/// The lengths of all ranges.
fn span_bytes(spans: &[u32]) -> u64 {
    spans.iter().skip(1).step_by(2).map(|len| u64::from(*len)).sum()
}

fn tag_bytes((names, values): &(Vec<u32>, Vec<u32>)) -> u64 {
    span_bytes(names) + span_bytes(values)
}

/// What a message shows of a name, which a guest may make very long.
fn start_of(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(SHOWN_BYTES)])
}

fn check_len(what: &str, len: usize, expected: usize) -> Checked {
    ensure(len == expected, || format!("{what}: {len} elements instead of {expected}"))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Invalid(otherwise())) }
}

/// Ranges within an arena of a known length.
#[derive(Clone, Copy)]
struct Spans {
    arena_len: u64,
}

impl Spans {
    fn check(self, what: &str, spans: &[u32]) -> Checked {
        ensure(spans.len().is_multiple_of(2), || format!("{what}: an odd number of elements"))?;
        // One pass without a branch per element.
        let furthest = spans.chunks_exact(2).map(|span| u64::from(span[0]) + u64::from(span[1])).max();
        ensure(furthest.unwrap_or(0) <= self.arena_len, || {
            format!("{what}: a range ends at {}, the arena at {}", furthest.unwrap_or(0), self.arena_len)
        })
    }
}

impl<'a> Lent<'a> {
    fn bytes(self) -> &'a [u8] {
        self.projection.map_or(&self.batch.bytes, Projection::bytes)
    }

    fn names(self) -> &'a [u32] {
        self.projection.map_or(&self.batch.names, Projection::names)
    }

    fn name_count(self) -> usize {
        self.names().len() / 2
    }

    /// The bytes of a checked span.
    fn text<'t>(self, answer: &'t Answer, span: &[u32]) -> Cow<'t, [u8]>
    where
        'a: 't,
    {
        text(self.bytes(), &answer.appended, span)
    }
}

fn text<'t>(lent: &'t [u8], appended: &'t [u8], span: &[u32]) -> Cow<'t, [u8]> {
    let (start, end) = (span[0] as usize, span[0] as usize + span[1] as usize);
    if end <= lent.len() {
        Cow::Borrowed(&lent[start..end])
    } else if start >= lent.len() {
        Cow::Borrowed(&appended[start - lent.len()..end - lent.len()])
    } else {
        Cow::Owned([&lent[start..], &appended[..end - lent.len()]].concat())
    }
}

/// Carries out an answer that [`check`] has passed.
pub(super) fn apply(mut answer: Answer, batch: &mut EventBatch, projection: Option<&Projection>) -> Report {
    let report = Report { outcomes: outcomes(&answer, batch.len()), counts: std::mem::take(&mut answer.counts) };
    match projection {
        None => {
            batch.bytes.extend_from_slice(&answer.appended);
            if let Some(names) = answer.names.take() {
                batch.names = names;
            }
            if let Some((names, values)) = answer.tags.take() {
                batch.tags = Tags { names, values };
            }
        }
        Some(projection) => widen(&mut answer, batch, projection),
    }
    if let (Some(origins), Some(through)) = (&answer.origins, &answer.through) {
        origins.iter().zip(through).for_each(|(first, last)| batch.merge(*first, *last));
    }
    match (&answer.origins, &answer.fields) {
        (None, _) => {}
        (Some(origins), Fields::Rows(_)) => batch.select_times_and_provenance(origins),
        (Some(origins), _) => batch.select(origins),
    }
    if let Some(seconds) = answer.seconds {
        batch.seconds = seconds;
    }
    if let Some(nanoseconds) = answer.nanoseconds {
        batch.nanoseconds = nanoseconds;
    }
    match answer.fields {
        Fields::Unchanged => {}
        Fields::Edits(edits) => edit(batch, &edits),
        Fields::Rows(rows) => {
            batch.field_counts = rows.field_counts;
            batch.keys = rows.keys;
            batch.values = rows.values;
            compact_if_mostly_dead(batch);
        }
    }
    report
}

fn outcomes(answer: &Answer, input_count: usize) -> [u64; 4] {
    let mut sums = [0; 4];
    match (&answer.outcomes, &answer.origins) {
        (Some(outcomes), _) => outcomes.iter().for_each(|outcome| sums[*outcome as usize] += 1),
        (None, None) => sums[0] = input_count as u64,
        (None, Some(origins)) => {
            // Both rise, so that each range adds what lies beyond those before it.
            let ranges = origins.iter().zip(answer.through.as_ref().unwrap_or(origins));
            let mut beyond = 0;
            for (first, last) in ranges.map(|(first, last)| (u64::from(*first), u64::from(*last))) {
                sums[0] += (last + 1).saturating_sub(beyond.max(first));
                beyond = last + 1;
            }
            sums[3] = input_count as u64 - sums[0];
        }
    }
    sums
}

/// Turns an answer to a projection into one to the whole batch.
fn widen(answer: &mut Answer, batch: &mut EventBatch, projection: &Projection) {
    let lent = projection.bytes();
    let mut keys = projection.origins.clone();
    if let Some(names) = answer.names.take() {
        let name = |span: &[u32]| text(lent, &answer.appended, span);
        let (known, new) = names.split_at(2 * keys.len());
        for (key, span) in keys.iter().zip(known.chunks_exact(2)) {
            rename(batch, *key, (span[0] != GONE).then(|| name(span)).as_deref());
        }
        let new: Vec<_> = new.chunks_exact(2).map(name).collect();
        keys.extend(keys_of(batch, &new));
    }
    if let Some((names, values)) = answer.tags.take() {
        let mut moved = |spans: Vec<u32>| -> Vec<u32> {
            spans.chunks_exact(2).flat_map(|span| batch.append(&text(lent, &answer.appended, span))).collect()
        };
        batch.tags = Tags { names: moved(names), values: moved(values) };
    }
    if let Fields::Edits(edits) = &mut answer.fields {
        edits.keys.iter_mut().for_each(|key| *key = keys[*key as usize]);
        let lent_len = lent.len() as u32;
        let values = || edits.values.chunks_exact(2).filter(|value| **value != *REMOVED);
        // Most values are new, and the projection needs no copy.
        let left_out = if values().all(|value| value[0] >= lent_len) { lent_len } else { 0 };
        let base = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(&lent[left_out as usize..]);
        batch.bytes.extend_from_slice(&answer.appended);
        let values = edits.values.chunks_exact_mut(2).filter(|value| **value != *REMOVED);
        values.for_each(|value| value[0] = base + (value[0] - left_out));
    }
}

fn rename(batch: &mut EventBatch, key: u32, name: Option<&[u8]>) {
    if batch.name(key) == name {
        return;
    }
    let span = name.map_or([GONE, 0], |name| batch.append(name));
    batch.names[2 * key as usize..2 * key as usize + 2].copy_from_slice(&span);
}

/// The key of a name, which joins the dictionary if it is new.
pub(super) fn key_of(batch: &mut EventBatch, name: &[u8]) -> u32 {
    let key = (0..batch.name_count() as u32).find(|key| batch.name(*key) == Some(name));
    key.unwrap_or_else(|| add_name(batch, name))
}

/// As [`key_of`] for many names, distinct ones.
fn keys_of(batch: &mut EventBatch, names: &[Cow<'_, [u8]>]) -> Vec<u32> {
    if names.is_empty() {
        return Vec::new();
    }
    let known = (0..batch.name_count() as u32).filter_map(|key| Some((batch.name(key)?, key)));
    let known: HashMap<&[u8], u32> = known.collect();
    let found: Vec<Option<u32>> = names.iter().map(|name| known.get(name.as_ref()).copied()).collect();
    let keys = names.iter().zip(found).map(|(name, key)| key.unwrap_or_else(|| add_name(batch, name)));
    keys.collect()
}

fn add_name(batch: &mut EventBatch, name: &[u8]) -> u32 {
    let key = batch.name_count() as u32;
    let span = batch.append(name);
    batch.names.extend(span);
    key
}

/// Sets and removes single fields. The edits are in the order of their events, and name a field of an event once.
pub(super) fn edit(batch: &mut EventBatch, edits: &Edits) {
    let mut keys = Vec::with_capacity(batch.keys.len() + edits.keys.len());
    let mut values = Vec::with_capacity(batch.values.len() + edits.values.len());
    // Which event had each name last, counted from 1, and where.
    let mut places = vec![(0, 0); batch.name_count()];
    let mut edits = edits.events.iter().zip(&edits.keys).zip(edits.values.chunks_exact(2)).peekable();
    let mut field = 0;
    for (event, count) in (0u32..).zip(&mut batch.field_counts) {
        let first = keys.len();
        let fields = field..field + *count as usize;
        field = fields.end;
        keys.extend_from_slice(&batch.keys[fields.clone()]);
        values.extend_from_slice(&batch.values[2 * fields.start..2 * fields.end]);
        if edits.peek().is_none_or(|((of, _), _)| **of != event) {
            continue;
        }
        for (place, key) in keys.iter().enumerate().skip(first) {
            places[*key as usize] = (event + 1, place);
        }
        let mut has_removed = false;
        while let Some(((_, key), value)) = edits.next_if(|((of, _), _)| **of == event) {
            let (last, place) = places[*key as usize];
            if last == event + 1 {
                values[2 * place..2 * place + 2].copy_from_slice(value);
                has_removed |= value == REMOVED;
            } else if value != REMOVED {
                keys.push(*key);
                values.extend_from_slice(value);
            }
        }
        if has_removed {
            drop_removed(&mut keys, &mut values, first);
        }
        *count = (keys.len() - first) as u32;
    }
    batch.keys = keys;
    batch.values = values;
}

/// Drops the fields from `first` on whose value is [`REMOVED`].
fn drop_removed(keys: &mut Vec<u32>, values: &mut Vec<u32>, first: usize) {
    let mut kept = first;
    for field in first..keys.len() {
        if values[2 * field..2 * field + 2] != *REMOVED {
            keys[kept] = keys[field];
            values.copy_within(2 * field..2 * field + 2, 2 * kept);
            kept += 1;
        }
    }
    keys.truncate(kept);
    values.truncate(2 * kept);
}

/// Drops the fields whose name is gone, and the name with them, for a processor that must not see either.
pub(super) fn forget_gone_names(batch: &mut EventBatch) {
    if !batch.has_gone_names() {
        return;
    }
    let mut places = vec![GONE; batch.name_count()];
    let mut names = Vec::with_capacity(batch.names.len());
    for (key, span) in batch.names.chunks_exact(2).enumerate().filter(|(_, span)| span[0] != GONE) {
        places[key] = (names.len() / 2) as u32;
        names.extend_from_slice(span);
    }
    let (mut read, mut written) = (0, 0);
    for count in &mut batch.field_counts {
        let first = written;
        for _ in 0..*count {
            let place = places[batch.keys[read] as usize];
            if place != GONE {
                batch.keys[written] = place;
                batch.values.copy_within(2 * read..2 * read + 2, 2 * written);
                written += 1;
            }
            read += 1;
        }
        *count = (written - first) as u32;
    }
    batch.keys.truncate(written);
    batch.values.truncate(2 * written);
    batch.names = names;
}

/// Copies what is still used to a new arena when that is a small part of the old one.
fn compact_if_mostly_dead(batch: &mut EventBatch) {
    let live: u64 = batch.values.iter().skip(1).step_by(2).map(|len| u64::from(*len)).sum();
    if batch.bytes.len() < LEAST_ARENA_TO_COMPACT_BYTES || live > (batch.bytes.len() / 4) as u64 {
        return;
    }
    let old = std::mem::take(&mut batch.bytes);
    let bytes = &mut batch.bytes;
    let columns = [&mut batch.names, &mut batch.values, &mut batch.tags.names, &mut batch.tags.values];
    for span in columns.into_iter().flat_map(|column| column.chunks_exact_mut(2)).filter(|span| span[0] != GONE) {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(&old[span[0] as usize..][..span[1] as usize]);
        span[0] = start;
    }
}

/// The span that stands for "remove" in edits.
pub(super) const REMOVED: &[u32] = &[GONE, 0];

/// The years 0000 to 9999, as Unix seconds.
const YEARS: RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// What an event takes beside its fields: its time, its record and its number of fields.
const EVENT_BYTES: u64 = 20;

/// What a field takes beside its bytes: its key and its span, and framing where it is written out.
const FIELD_BYTES: u64 = 16;

/// How much of a name a message shows.
const SHOWN_BYTES: usize = 64;

/// The longest kind of an alarm.
const MAX_KIND_BYTES: usize = 64;

/// A smaller arena is not worth the copy.
const LEAST_ARENA_TO_COMPACT_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
