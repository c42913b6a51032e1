//! GetLogs and GetHistograms.

use std::ops::Range;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Answer, Service, manage::json_body};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::store::{Event, Logstore, Moment, Store};

const DEFAULT_LINES: usize = 100;
const MOST_LINES: usize = 100;
const MOST_BUCKETS: i64 = 60;
/// The last time that a log can carry.
const LAST_SECOND: i64 = u32::MAX as i64;

impl Service {
    pub(super) fn read_logs(&self, logstore: &Logstore, request: &Request) -> Result<Answer, Refusal> {
        let started = Instant::now();
        let search = Search::parse(request)?;
        let events = search.run(&self.store(), logstore)?;
        if request.method == "GET" {
            return Ok(Answer::json(&events)
                .with("x-log-progress", &"Complete")
                .with("x-log-count", &events.len())
                .with("x-log-processed-rows", &events.len())
                .with("x-log-elapsed-millisecond", &started.elapsed().as_millis())
                .with("x-log-has-sql", &false));
        }
        let meta = json!({
            "progress": "Complete", "count": events.len(), "processedRows": events.len(), "hasSQL": false,
            "elapsedMillisecond": started.elapsed().as_millis() as u64, "whereQuery": search.text, "aggQuery": "",
            "isAccurate": true, "mode": 0, "terms": [], "cpuSec": 0.0, "cpuCores": 0.0, "limited": 0,
        });
        let answer = Answer::json(&json!({ "meta": meta, "data": events }));
        Ok(answer.compressed(request.headers.first("accept-encoding").unwrap_or_default()))
    }

    pub(super) fn read_histogram(&self, logstore: &Logstore, request: &Request) -> Result<Answer, Refusal> {
        let search = Search::parse(request)?;
        let mut buckets = buckets(search.span.start.0, search.span.end.0);
        search.visit(&self.store(), logstore, |event| {
            let time = i64::from(event.time);
            let at = buckets.partition_point(|(span, _)| span.end <= time).min(buckets.len() - 1);
            buckets[at].1 += 1;
            true
        })?;
        let total: u64 = buckets.iter().map(|(_, count)| count).sum();
        let describe = |(span, count): &(Range<i64>, u64)| json!({ "from": span.start, "to": span.end, "count": count, "progress": "Complete" });
        let buckets: Vec<Value> = buckets.iter().map(describe).collect();
        Ok(Answer::json(&buckets).with("x-log-progress", &"Complete").with("x-log-count", &total))
    }
}

/// Which events, and which of those.
#[derive(Debug)]
struct Search {
    span: Range<Moment>,
    text: String,
    query: Query,
    topic: Option<String>,
    reverse: bool,
    offset: usize,
    lines: usize,
}

impl Search {
    fn parse(request: &Request) -> Result<Self, Refusal> {
        let parameters = Parameters::of(request)?;
        let number = |name: &str| parameters.number(name);
        let from = number("from")?.ok_or_else(|| Refusal::missing_query("from"))?;
        let to = number("to")?.ok_or_else(|| Refusal::missing_query("to"))?;
        let part = |name: &str| number(name).map(|ns| ns.and_then(|ns| u32::try_from(ns).ok()).unwrap_or_default());
        let within = |seconds: i64| seconds.clamp(0, LAST_SECOND + 1);
        let span = (within(from), part("fromNs")?)..(within(to), part("toNs")?);
        if span.start >= span.end {
            return Err(Refusal::new(
                400,
                "InvalidTimeRange",
                "Request time range is invalid: from must be before to.",
            ));
        }
        let size = |name: &str| number(name).map(|size| size.and_then(|size| usize::try_from(size).ok()));
        let text = parameters.text("query").unwrap_or_default();
        Ok(Self {
            span,
            query: Query::parse(&text)?,
            text,
            topic: parameters.text("topic").filter(|topic| !topic.is_empty()),
            reverse: parameters.text("reverse").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            offset: size("offset")?.unwrap_or_default(),
            lines: size("line")?.unwrap_or(DEFAULT_LINES).min(MOST_LINES),
        })
    }

    fn run(&self, store: &Store, logstore: &Logstore) -> Result<Vec<Event>, Refusal> {
        let mut found = Vec::new();
        let mut skip = self.offset;
        if self.lines == 0 {
            return Ok(found);
        }
        self.visit(store, logstore, |event| {
            if skip > 0 {
                skip -= 1;
                return true;
            }
            found.push(event);
            found.len() < self.lines
        })?;
        Ok(found)
    }

    fn visit(&self, store: &Store, logstore: &Logstore, mut take: impl FnMut(Event) -> bool) -> Result<(), Refusal> {
        let visit = |event: Event| !self.means(&event) || take(event);
        Ok(store.visit(logstore, &self.span, self.reverse, visit)?)
    }

    fn means(&self, event: &Event) -> bool {
        let topic_fits = self.topic.as_ref().is_none_or(|topic| event.topic == topic.as_bytes());
        topic_fits && (self.query == Query::Everything || self.query.matches(&event.named()))
    }
}

/// The parameters of a search, from the query of a `GET` or the body of a `POST`.
enum Parameters<'a> {
    Query(&'a Request),
    Body(serde_json::Map<String, Value>),
}

impl<'a> Parameters<'a> {
    fn of(request: &'a Request) -> Result<Self, Refusal> {
        if request.method == "GET" { Ok(Self::Query(request)) } else { json_body(request).map(Self::Body) }
    }

    fn text(&self, name: &str) -> Option<String> {
        match self {
            Self::Query(request) => request.parameter(name).map(str::to_owned),
            Self::Body(body) => match body.get(name)? {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
        }
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse =
            |text: String| text.parse().map_err(|_| Refusal::invalid_parameter(format!("Invalid {name} {text}.")));
        self.text(name).filter(|text| !text.is_empty()).map(parse).transpose()
    }
}

/// Splits a span of seconds into at most 60 equal parts of whole seconds; the last may be shorter.
fn buckets(from: i64, to: i64) -> Vec<(Range<i64>, u64)> {
    let to = to.max(from + 1);
    let width = ((to - from) as u64).div_ceil(MOST_BUCKETS as u64).max(1) as i64;
    let starts = (0..MOST_BUCKETS).map(|at| from + at * width).take_while(|start| *start < to);
    starts.map(|start| (start..(start + width).min(to), 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_the_span() {
        for (from, to, parts) in [(0, 1, 1), (0, 60, 60), (0, 61, 31), (5, 5, 1), (1_749_712_000, 1_749_715_600, 60)] {
            let buckets = buckets(from, to);
            assert_eq!(buckets.len(), parts, "{from}..{to}");
            assert_eq!(buckets[0].0.start, from);
            assert_eq!(buckets[parts - 1].0.end, to.max(from + 1));
            assert!(buckets.windows(2).all(|two| two[0].0.end == two[1].0.start));
        }
    }
}
