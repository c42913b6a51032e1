//! Batches that the contract allows and that a processor might not have thought of. Pure: the same for the same seed.

use std::collections::HashMap;
use std::sync::Arc;

use super::number::Numbers;
use crate::event::{EventBatch, Offset, Provenance, Source, Tags};

/// A batch, and what is special about it.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) batch: EventBatch,
}

/// A batch in the making.
struct Draft {
    batch: EventBatch,
    keys: HashMap<Vec<u8>, u32>,
}

type Field<'a> = (&'a [u8], &'a [u8]);

/// The batches for a processor that most likely works on these fields. The first is small and plain.
pub(super) fn samples(fields: &[Vec<u8>], seed: u64) -> Vec<Sample> {
    let main = fields.first().map_or(&b"content"[..], Vec::as_slice);
    let mut samples = vec![
        sample("one event", &[&[(main, PLAIN[0])]]),
        sample("one event of each kind of text", &PLAIN.iter().map(|text| vec![(main, *text)]).collect::<Vec<_>>()),
        sample("all likely fields", &PLAIN.map(|text| of_all(fields, text))),
    ];
    for text in PLAIN {
        samples.push(sample(
            format!("all likely fields with {}", shown(text)),
            &[of_all(fields, text), of_all(fields, text)],
        ));
    }
    for (name, text) in ODD {
        let events = [vec![(main, PLAIN[0])], of_all(fields, text), vec![(main, PLAIN[1])]];
        samples.push(sample(format!("a value that {name}"), &events));
    }
    samples.extend(sizes(main));
    samples.extend(shapes(main, fields));
    samples.extend(names(main));
    samples.extend(times(main));
    samples.extend(tags(main));
    let mut numbers = Numbers::new(seed);
    samples.extend((1..=RANDOM_BATCHES).map(|number| random(number, fields, &mut numbers)));
    samples
}

fn sizes(main: &[u8]) -> Vec<Sample> {
    let huge = "0123456789abcde ".repeat(HUGE_BYTES / 16);
    let nested = [&b"["[..], &b"[".repeat(10_000)].concat();
    let many: Vec<_> = (0..MANY_EVENTS).map(|event| vec![(main, PLAIN[event % PLAIN.len()])]).collect();
    let keys: Vec<String> = (0..MANY_KEYS).map(|key| format!("key{key}")).collect();
    let with_keys: Vec<Field<'_>> =
        keys.iter().map(|key| (key.as_bytes(), PLAIN[2])).chain([(main, PLAIN[0])]).collect();
    let own_keys: Vec<_> = keys.iter().map(|key| vec![(key.as_bytes(), PLAIN[2]), (main, PLAIN[1])]).collect();
    vec![
        sample("a huge value", &[&[(main, huge.as_bytes())]]),
        sample("a value of brackets that all open", &[&[(main, nested.as_slice())]]),
        sample("many events", &many),
        sample("an event with many fields", &[with_keys]),
        sample("events with a field of their own each", &own_keys),
    ]
}

fn shapes(main: &[u8], fields: &[Vec<u8>]) -> Vec<Sample> {
    let other: Field<'_> = (b"nobody-reads-this", b"x");
    let mut shared = Draft::new();
    // All values are the same range of the arena, or a part of it.
    let span = shared.batch.append(b"shared value");
    for part in [[0, 12], [0, 6], [3, 9], [12, 0]] {
        shared.event_of_spans(main, [span[0] + part[0], part[1]]);
    }
    let mut unused = Draft::new();
    unused.key(b"in the dictionary, in no event");
    for field in fields {
        unused.key(field);
    }
    unused.event((0, 0), &[other]);
    let gaps = {
        let mut draft = Draft::new();
        draft.batch.append(b"bytes that no range names");
        draft.event((0, 0), &[(main, PLAIN[0])]);
        draft.batch.append(b"and more of them");
        draft
    };
    vec![
        sample("the likely fields are missing", &[&[other], &[other]]),
        sample(
            "the likely fields are missing here and there",
            &[vec![other], vec![(main, PLAIN[0])], vec![other], vec![]],
        ),
        sample("events without fields", &[vec![], vec![]]),
        sample("no names at all", &[Vec::<Field<'_>>::new()]),
        sample("one value many times", &[[(main, PLAIN[3])]; 50]),
        unused.named("names that no event uses"),
        shared.named("values whose ranges overlap"),
        gaps.named("bytes that no range names"),
    ]
}

fn names(main: &[u8]) -> Vec<Sample> {
    let near = [
        main.to_ascii_uppercase(),
        [main, b" "].concat(),
        [b" ", main].concat(),
        [main, b"\0"].concat(),
        [main, b"s"].concat(),
        main[..main.len().saturating_sub(1)].to_vec(),
        [main, main].concat(),
    ];
    let beside: Vec<Field<'_>> =
        near.iter().filter(|name| *name != main).map(|name| (name.as_slice(), PLAIN[1])).collect();
    let with_main: Vec<Field<'_>> = beside.iter().copied().chain([(main, PLAIN[0])]).collect();
    let taken: Vec<Field<'_>> = TAKEN.iter().map(|name| (*name, PLAIN[4])).chain([(main, PLAIN[0])]).collect();
    let long = vec![b'n'; 10_000];
    vec![
        sample("names that are near in spelling", &[with_main, beside]),
        sample("a name that is empty", &[[(&b""[..], PLAIN[0]), (main, PLAIN[1])]]),
        sample("names that are not UTF-8", &[[(&b"\xff\xfe"[..], PLAIN[0]), (b"\0", PLAIN[2]), (main, PLAIN[1])]]),
        sample("a long name", &[[(long.as_slice(), PLAIN[0]), (main, PLAIN[1])]]),
        sample("names that others like to set", &[taken]),
        sample(
            "fields in another order each time",
            &[[(main, PLAIN[0]), (&b"a"[..], PLAIN[1])], [(b"a", PLAIN[1]), (main, PLAIN[0])]],
        ),
    ]
}

fn times(main: &[u8]) -> Vec<Sample> {
    let mut edges = Draft::new();
    for seconds in [YEAR_0, -1, 0, 1, 951_782_400, 2_147_483_647, 2_147_483_648, YEAR_9999] {
        for nanoseconds in [0, 1, 999_999_999] {
            edges.event((seconds, nanoseconds), &[(main, PLAIN[4])]);
        }
    }
    let mut backwards = Draft::new();
    (0..10).for_each(|event| backwards.event((1_700_000_000 - event, 0), &[(main, PLAIN[4])]));
    let read = [("1970", 0), ("the past", YEAR_0), ("the far future", YEAR_9999)].map(|(when, read_seconds)| {
        let mut draft = Draft::new();
        PLAIN.iter().for_each(|text| draft.event((1_700_000_000, 5), &[(main, text)]));
        draft.batch.read_seconds = read_seconds;
        draft.named(format!("read in {when}"))
    });
    let times = [edges.named("times at the edges"), backwards.named("times that run backwards")];
    times.into_iter().chain(read).collect()
}

fn tags(main: &[u8]) -> Vec<Sample> {
    let tagged = |tags: &[Field<'_>]| {
        let mut draft = Draft::new();
        draft.event((0, 0), &[(main, PLAIN[0])]);
        tags.iter().for_each(|(name, value)| draft.tag(name, value));
        draft
    };
    let names: Vec<String> = (0..200).map(|tag| format!("tag{tag}")).collect();
    let many: Vec<Field<'_>> = names.iter().map(|name| (name.as_bytes(), PLAIN[1])).collect();
    vec![
        tagged(&[(b"__path__", b"/var/log/a.log"), (b"__hostname__", b"machine")]).named("the usual tags"),
        tagged(&many).named("many tags"),
        tagged(&[(b"", b""), (b"\xff", b"\0"), (main, b"as a field is called")]).named("odd tags"),
    ]
}

fn random(number: usize, fields: &[Vec<u8>], numbers: &mut Numbers) -> Sample {
    let odd_names = [&b"a"[..], b"b", b"\xf0\x9f", b"time"];
    let mut draft = Draft::new();
    for _ in 0..=numbers.below(60) {
        let mut event: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for _ in 0..numbers.below(6) {
            let name = if fields.is_empty() || numbers.below(4) == 0 {
                (*numbers.pick(&odd_names)).to_vec()
            } else {
                numbers.pick(fields).clone()
            };
            if event.iter().all(|(known, _)| *known != name) {
                event.push((name, value(numbers)));
            }
        }
        let fields: Vec<Field<'_>> = event.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let time = (1_700_000_000 + numbers.below(10) as i64, numbers.below(1_000_000_000) as u32);
        draft.event(time, &fields);
    }
    if numbers.below(2) == 0 {
        draft.tag(b"__path__", b"a.log");
    }
    draft.named(format!("random batch {number}"))
}

fn value(numbers: &mut Numbers) -> Vec<u8> {
    match numbers.below(4) {
        0 => numbers.pick(&ODD).1.to_vec(),
        1 => (0..numbers.below(40)).map(|_| numbers.below(256) as u8).collect(),
        2 => {
            // A part of something sensible.
            let text = *numbers.pick(&PLAIN);
            text[..numbers.below(text.len() + 1)].to_vec()
        }
        _ => (*numbers.pick(&PLAIN)).to_vec(),
    }
}

fn of_all<'a>(fields: &'a [Vec<u8>], text: &'a [u8]) -> Vec<Field<'a>> {
    fields.iter().map(|field| (field.as_slice(), text)).collect()
}

fn sample<'a>(name: impl Into<String>, events: &[impl AsRef<[Field<'a>]>]) -> Sample {
    let mut draft = Draft::new();
    events.iter().for_each(|event| draft.event((1_700_000_000, 0), event.as_ref()));
    draft.named(name)
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(20).collect()
}

impl Draft {
    fn new() -> Self {
        let batch = EventBatch {
            source: Arc::new(Source::new("conformance".into(), None)),
            bytes: Vec::new(),
            seconds: Vec::new(),
            nanoseconds: Vec::new(),
            names: Vec::new(),
            field_counts: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            tags: Tags::default(),
            read_seconds: 1_700_000_100,
            provenance: Provenance::default(),
        };
        Self { batch, keys: HashMap::new() }
    }

    fn key(&mut self, name: &[u8]) -> u32 {
        if let Some(key) = self.keys.get(name) {
            return *key;
        }
        let span = self.batch.append(name);
        self.batch.names.extend(span);
        let key = self.batch.name_count() as u32 - 1;
        self.keys.insert(name.to_vec(), key);
        key
    }

    fn event(&mut self, (seconds, nanoseconds): (i64, u32), fields: &[Field<'_>]) {
        for (name, value) in fields {
            let key = self.key(name);
            self.batch.keys.push(key);
            let span = self.batch.append(value);
            self.batch.values.extend(span);
        }
        self.end_event(seconds, nanoseconds, fields.len());
    }

    fn event_of_spans(&mut self, name: &[u8], span: [u32; 2]) {
        let key = self.key(name);
        self.batch.keys.push(key);
        self.batch.values.extend(span);
        self.end_event(0, 0, 1);
    }

    fn end_event(&mut self, seconds: i64, nanoseconds: u32, fields: usize) {
        self.batch.seconds.push(seconds);
        self.batch.nanoseconds.push(nanoseconds);
        self.batch.field_counts.push(fields as u32);
    }

    fn tag(&mut self, name: &[u8], value: &[u8]) {
        let (name, value) = (self.batch.append(name), self.batch.append(value));
        self.batch.tags.names.extend(name);
        self.batch.tags.values.extend(value);
    }

    fn named(mut self, name: impl Into<String>) -> Sample {
        // As if each event was a record of one byte.
        let events = self.batch.len();
        self.batch.provenance.records = (0..events as u32).collect();
        self.batch.provenance.end = Offset(events as u64);
        Sample { name: name.into(), batch: self.batch }
    }
}

/// What parsers live on, and what looks like it.
const PLAIN: [&[u8]; 10] = [
    br#"{"asctime": "2023-10-25 23:51:10,199999999", "level": "INFO", "n": 5, "nested": {"a": [1, null, "x"]}}"#,
    b"user=alice action=\"log in\" took=12ms trace=4bf92f3577b34da6a3ce929d0e0e4736",
    b"2023-10-25 23:51:10",
    b"1698277870",
    b"127.0.0.1 - - [25/Oct/2023:23:51:10 +0800] \"GET /a?b=c HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"",
    b"a,b,\"c \"\"quoted\"\", d\",,e",
    b"card 4111 1111 1111 1111 and mail alice@example.com",
    b"2024-02-30T25:61:61.1234567890Z",
    br#"{"unfinished": "#,
    b"ERROR something failed\n\tat a.b.C(C.java:1)\n\tat a.b.D(D.java:2)",
];

/// Values that are no text, or hardly.
const ODD: [(&str, &[u8]); 10] = [
    ("is empty", b""),
    ("is not UTF-8", b"\xff\xfe abc \xc3\x28 \xf0\x9f"),
    ("is a byte of a longer character", b"\x80"),
    ("holds NUL", b"a\0b\0\0"),
    ("is nothing but blanks", b" \t \r\n \x0b"),
    ("holds control characters", b"\x01\x02\x1b[31mred\x1b[0m\x7f"),
    ("holds characters of four bytes", "😀 日本語 \u{202e}abc \u{fffd}".as_bytes()),
    ("is a large number", b"-99999999999999999999999999999999999999.5e+999"),
    ("holds quotes and backslashes", br#""\"\\\u0000\ud800""#),
    ("is an object of numbers", br#"{"":0,"a":-0,"b":1e5,"c":9223372036854775808,"a":null}"#),
];

/// Names that processors and the agent set themselves.
const TAKEN: [&[u8]; 7] =
    [b"__time__", b"__time_ns_part__", b"__raw_log__", b"__processor_error__", b"__file_offset__", b"time", b"level"];

/// 0000-01-01T00:00:00Z.
const YEAR_0: i64 = -62_167_219_200;

/// 9999-12-31T23:59:59Z.
const YEAR_9999: i64 = 253_402_300_799;

/// The longest record that the agent does not cut.
const HUGE_BYTES: usize = 512 << 10;

/// About as many as fit into one chunk.
const MANY_EVENTS: usize = 3000;

const MANY_KEYS: usize = 1000;

const RANDOM_BATCHES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::recording::{Outcome, RecordedBatch, RecordedFault};

    #[test]
    fn every_batch_is_one_that_the_contract_allows() {
        let fields = [b"content".to_vec(), b"time".to_vec()];
        for Sample { name, batch } in samples(&fields, 7).into_iter().chain(samples(&[], 8)) {
            let fault = RecordedFault { kind: String::new(), message: String::new(), backtrace: None };
            let recorded = RecordedBatch::new(batch, Outcome::Fault(fault));
            assert_eq!(recorded.check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_batches_and_another_one_others() {
        let bytes = |seed| {
            samples(&[b"content".to_vec()], seed).into_iter().map(|sample| sample.batch.bytes).collect::<Vec<_>>()
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }
}
