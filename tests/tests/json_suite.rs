//! Every line of a public suite of JSON parsing tests through the agent, if the suite is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use loglift_tests::scratch::Scratch;
use serde::Deserialize;

/// A line of the manifest; the README beside it says what each part means.
#[derive(Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    wrapped: bool,
    line: Option<String>,
    line_b64: Option<String>,
    repeat: Option<(String, usize)>,
    expect: Expect,
    #[serde(default)]
    fields: BTreeMap<String, Wanted>,
}

/// What a field has to hold.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Text(String),
    /// Text that, read as JSON, is this.
    Json {
        json: serde_json::Value,
    },
    Present {
        present: bool,
    },
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Expect {
    Parse,
    Raw,
    #[serde(rename = "raw_nonutf8")]
    RawNonUtf8,
    #[serde(rename = "nocrash")]
    NoCrash,
}

const JSON: &str = "Type: processor_parse_json_native, SourceKey: content, KeepingSourceWhenParseFail: true";
/// Does nothing, as there is no such field; since it comes first, each line is a record.
const NOTHING: &str = "Type: processor_strptime, SourceKey: none, Format: '%s'";

#[test]
fn line_by_line() -> Result<()> {
    let Some(rows) = rows()? else { return Ok(()) };
    let mut input = Vec::new();
    for row in &rows {
        input.extend(row.bytes()?);
        input.push(b'\n');
    }
    let events = process(&[NOTHING, JSON], &input)?;
    let rows: Vec<&Row> = rows.iter().filter(|row| !row.is_dropped()).collect();
    ensure!(events.len() == rows.len(), "{} events of {} lines", events.len(), rows.len());
    let failures: Vec<String> = rows.iter().zip(&events).filter_map(|(row, event)| row.check(event)).collect();
    ensure!(failures.is_empty(), "{} of {} rows\n{}", failures.len(), rows.len(), failures.join("\n"));
    Ok(())
}

#[test]
fn as_json_records_no_line_swallows_the_next_one() -> Result<()> {
    let Some(rows) = rows()? else { return Ok(()) };
    let mut input = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        input.extend(row.bytes()?);
        input.extend_from_slice(format!("\n{{\"after\": {number}}}\n").as_bytes());
    }
    let events = process(&[JSON], &input)?;
    let mut rest = events.as_slice();
    let mut failures = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let after = rest.iter().position(|event| event.get("after").is_some_and(|after| *after == number.to_string()));
        let after = after.with_context(|| format!("{} swallowed its neighbour", row.name))?;
        match &rest[..after] {
            // A blank line is no record.
            [] if row.bytes()?.trim_ascii().is_empty() || row.is_dropped() => {}
            [event] => failures.extend(row.check(event)),
            found => failures.push(format!("{}: {} events", row.name, found.len())),
        }
        rest = &rest[after + 1..];
    }
    ensure!(failures.is_empty(), "{} of {} rows\n{}", failures.len(), rows.len(), failures.join("\n"));
    Ok(())
}

/// The rows of the suite, or `None`, aloud, if it is not there.
fn rows() -> Result<Option<Vec<Row>>> {
    let manifest = root().join("../shared/data/json-test-suite/manifest.jsonl");
    let Ok(text) = fs::read_to_string(&manifest) else {
        println!("skipped: there is no {}", manifest.display());
        return Ok(None);
    };
    let rows = text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned()));
    rows.collect::<Result<_>>().map(Some)
}

fn process(processors: &[&str], input: &[u8]) -> Result<Vec<BTreeMap<String, String>>> {
    let scratch = Scratch::new()?;
    scratch.pipeline(processors)?;
    scratch.write("input.log", input)?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml", "input.log"]).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    found.events().iter().map(|event| fields(event)).collect()
}

/// The fields of an event, without its time.
fn fields(event: &str) -> Result<BTreeMap<String, String>> {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&event.replacen("NOW", "0", 1)).with_context(|| event.to_owned())?;
    fields.remove("__time__");
    let text = |(name, value): (String, serde_json::Value)| Ok((name, value.as_str().context("no text")?.to_owned()));
    fields.into_iter().map(text).collect()
}

impl Row {
    fn bytes(&self) -> Result<Vec<u8>> {
        match (&self.line, &self.line_b64, &self.repeat) {
            (Some(line), None, None) => Ok(line.clone().into_bytes()),
            (None, Some(text), None) => base64(text).with_context(|| format!("{} is no base64", self.name)),
            (None, None, Some((text, times))) => Ok(text.repeat(*times).into_bytes()),
            _ => anyhow::bail!("{} has no line", self.name),
        }
    }

    /// Whether the event has no fields, and so does not come out.
    fn is_dropped(&self) -> bool {
        self.expect == Expect::Parse && self.fields.is_empty()
    }

    /// Says what is wrong with the event that this row became.
    fn check(&self, event: &BTreeMap<String, String>) -> Option<String> {
        let bytes = self.bytes().unwrap_or_default();
        let raw = String::from_utf8_lossy(&bytes).into_owned();
        let is_right = match self.expect {
            Expect::Parse => {
                event.keys().eq(self.fields.keys())
                    && event.values().zip(self.fields.values()).all(|(value, wanted)| wanted.fits(value))
            }
            Expect::Raw | Expect::RawNonUtf8 => *event == BTreeMap::from([("content".to_owned(), raw.clone())]),
            Expect::NoCrash => true,
        };
        let wrapped = if self.wrapped { ", wrapped" } else { "" };
        (!is_right).then(|| format!("{}{wrapped}: {raw:.200} became {event:.200?}", self.name))
    }
}

impl Wanted {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => value == text,
            Self::Json { json } => serde_json::from_str(value).is_ok_and(|value| is_equal(&value, json)),
            Self::Present { present } => *present,
        }
    }
}

/// Whether two values are equal as numbers are: `-0` and `0` too.
fn is_equal(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    match (left.as_f64(), right.as_f64(), left.as_array(), right.as_array()) {
        (Some(left), Some(right), ..) => left == right,
        (_, _, Some(left), Some(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        _ => left == right,
    }
}

/// Decodes base64; `None` if it is none.
fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut value) = (0, 0u32);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        value = value << 6 | DIGITS.iter().position(|known| *known == digit)? as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((value >> bits) as u8);
        }
    }
    Some(bytes)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
