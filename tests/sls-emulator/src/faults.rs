//! What goes wrong on demand: which of the next requests are refused, delayed, read slowly or cut off.
//!
//! A share is spread evenly instead of being drawn, so that tests see the same failures each time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// All that goes wrong at present; the default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// How far the clock of the emulator is ahead of the machine's, for what it accepts and what it answers.
    pub clock_offset_secs: i64,
    /// The first rule that is meant and has something left decides about a request.
    pub rules: Vec<Rule>,
}

/// What goes wrong with some requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The operation, such as `put_logs` or `get_logs`; all of them if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How many requests are left to spoil; without end if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// The share of requests to spoil, between 0 and 1; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Only writes with this text in what they carry. It is looked for when a request has been read, so that such a rule can
    /// neither cut its body nor read it slowly, and comes after all rules without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_body_contains: Option<String>,
    /// What happens to those.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What happens to a request; several may be combined.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Effect {
    /// Answer so and keep nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorAnswer>,
    /// Wait before answering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Read the body no faster than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes_per_sec: Option<u64>,
    /// Close the connection without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// An answer other than the one that is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorAnswer {
    /// The status; 500 if 0.
    pub status: u16,
    /// `errorCode`.
    pub code: String,
    /// `errorMessage`.
    pub message: String,
    /// A body to send as it is instead of code and message: a page of a proxy, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Leave out `x-log-requestid`, as what is not the service does.
    pub without_request_id: bool,
}

/// When a connection is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// After the headers.
    BeforeBody,
    /// When half of the body has been read.
    MidBody,
    /// After everything was verified and kept: the client cannot know.
    BeforeAnswer,
}

/// Faults and how far each rule has come.
#[derive(Debug, Default)]
pub(crate) struct Injector {
    faults: Faults,
    /// For each rule, how much of its next failure is due.
    due: Vec<f64>,
}

impl Injector {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { due: vec![0.0; faults.rules.len()], faults }
    }

    /// The faults with what is left of them.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What happens to the next request, which is then one less to spoil.
    pub(crate) fn next(&mut self, operation: &str) -> Effect {
        self.first(|rule| rule.when_body_contains.is_none() && rule.is_meant(operation))
    }

    /// What happens to a request that has been read, for what it carries.
    pub(crate) fn next_with(&mut self, operation: &str, raw: &[Vec<u8>]) -> Effect {
        let contains = |group: &[u8], text: &str| group.windows(text.len().max(1)).any(|part| part == text.as_bytes());
        let carries = |text: &String| raw.iter().any(|group| contains(group, text));
        self.first(|rule| rule.when_body_contains.as_ref().is_some_and(carries) && rule.is_meant(operation))
    }

    /// Whether a rule asks for what requests carry.
    pub(crate) fn reads_bodies(&self) -> bool {
        self.faults.rules.iter().any(|rule| rule.when_body_contains.is_some())
    }

    fn first(&mut self, is_meant: impl Fn(&Rule) -> bool) -> Effect {
        let mut meant = self.faults.rules.iter_mut().zip(&mut self.due).filter(|(rule, _)| is_meant(rule));
        let Some((rule, due)) = meant.next() else { return Effect::default() };
        *due += rule.share.unwrap_or(1.0);
        // A share such as 0.1 is not exact; ten of them shall be one.
        if *due < 1.0 - 1e-9 {
            return Effect::default();
        }
        *due -= 1.0;
        rule.next = rule.next.map(|left| left - 1);
        rule.effect.clone()
    }
}

impl Rule {
    /// A rule for every request of an operation.
    pub fn on(operation: &str, effect: Effect) -> Self {
        Self { operation: Some(operation.to_owned()), effect, ..Self::default() }
    }

    fn is_meant(&self, operation: &str) -> bool {
        self.next != Some(0) && self.operation.as_ref().is_none_or(|meant| meant == operation)
    }
}

impl Effect {
    /// Refuses with a status and a code of the service.
    pub fn error(status: u16, code: &str) -> Self {
        let error = ErrorAnswer { status, code: code.to_owned(), ..ErrorAnswer::default() };
        Self { error: Some(error), ..Self::default() }
    }

    /// How long to wait before answering.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.unwrap_or_default())
    }

    /// How long reading so many bytes must take.
    pub(crate) fn reading_time(&self, bytes: usize) -> Duration {
        let rate = self.read_bytes_per_sec.filter(|rate| *rate > 0);
        rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 / rate as f64))
    }
}

impl ErrorAnswer {
    pub(crate) fn refusal(&self) -> Refusal {
        let status = if (200..=599).contains(&self.status) { self.status } else { 500 };
        let code = if self.code.is_empty() { "InternalServerError" } else { &self.code };
        let message = if self.message.is_empty() { "a fault of the emulator" } else { &self.message };
        Refusal::new(status, code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: Vec<Rule>, operations: &[&str], spoilt: &[bool]) {
        let mut faults = Injector::new(Faults { rules, ..Faults::default() });
        let seen: Vec<bool> = operations.iter().map(|name| faults.next(name) != Effect::default()).collect();
        assert_eq!(seen, spoilt, "{:?}", faults.faults);
    }

    fn busy() -> Rule {
        Rule { effect: Effect::error(503, "ServerBusy"), ..Rule::default() }
    }

    #[test]
    fn rules_say_which_requests_fail() {
        let put = "put_logs";
        check(vec![], &[put], &[false]);
        check(vec![busy()], &[put, "get_logs"], &[true, true]);
        check(vec![Rule { next: Some(2), ..busy() }], &[put, put, put], &[true, true, false]);
        check(vec![Rule { share: Some(0.5), ..busy() }], &[put, put, put, put], &[false, true, false, true]);
        check(vec![Rule { share: Some(0.0), ..busy() }], &[put, put], &[false, false]);
        check(vec![Rule::on(put, Effect::error(500, ""))], &["get_logs", put], &[false, true]);
        let exhausted_first = vec![Rule { next: Some(0), ..busy() }, busy()];
        check(exhausted_first, &[put], &[true]);
    }

    #[test]
    fn a_rule_may_ask_for_what_a_request_carries() {
        let poison = Rule { when_body_contains: Some("poison".to_owned()), ..busy() };
        let mut faults = Injector::new(Faults { rules: vec![poison], ..Faults::default() });
        assert!(faults.reads_bodies());
        assert_eq!(faults.next("put_logs"), Effect::default());
        let mut check = |groups: &[&str], spoilt| {
            let raw: Vec<Vec<u8>> = groups.iter().map(|group| group.as_bytes().to_vec()).collect();
            assert_eq!(faults.next_with("put_logs", &raw) != Effect::default(), spoilt, "{groups:?}");
        };
        check(&["milk"], false);
        check(&["milk", "a poisoned one"], true);
        check(&[], false);
    }

    #[test]
    fn a_share_is_met_in_the_long_run() {
        let rules = vec![Rule { share: Some(0.1), ..busy() }];
        let mut faults = Injector::new(Faults { rules, ..Faults::default() });
        let spoilt = (0..1000).filter(|_| faults.next("put_logs") != Effect::default()).count();
        assert_eq!(spoilt, 100);
    }

    #[test]
    fn faults_are_written_as_json() {
        let text = r#"{"clock_offset_secs": -1200, "rules": [{"operation": "put_logs", "next": 3,
            "error": {"status": 403, "code": "WriteQuotaExceed"}, "latency_ms": 20, "cut": "mid_body"}]}"#;
        let faults: Faults = serde_json::from_str(text).unwrap();
        let again: Faults = serde_json::from_str(&serde_json::to_string(&faults).unwrap()).unwrap();
        assert_eq!(again, faults);
        assert_eq!(faults.rules[0].effect.cut, Some(Cut::MidBody));
        assert!(serde_json::from_str::<Faults>(r#"{"rules": [{"errors": {}}]}"#).is_err());
    }
}
