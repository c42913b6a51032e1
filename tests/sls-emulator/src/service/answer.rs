//! An answer as plain data.

use std::fmt::Display;

use serde::Serialize;

use crate::content::{Compression, compress};
use crate::refusal::Refusal;

/// What goes back to a client.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Done, and nothing to say.
    pub(crate) fn done() -> Self {
        Self { status: 200, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("names are strings and nothing else can fail");
        Self { body, ..Self::done() }.with("content-type", &"application/json")
    }

    pub(crate) fn text(status: u16, kind: &'static str, text: &str) -> Self {
        Self { status, body: text.as_bytes().to_vec(), ..Self::done() }.with("content-type", &kind)
    }

    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        let answer = Self { status: refusal.status, body: refusal.body(), ..Self::done() };
        answer.with("content-type", &"application/json")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &dyn Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Compresses the body the way of the service, which is not that of HTTP.
    pub(crate) fn compressed(self, accept: &str) -> Self {
        let kind = Compression::accepted(accept);
        let raw_size = self.body.len();
        let answer = self.with("x-log-bodyrawsize", &raw_size);
        if kind == Compression::None || raw_size == 0 {
            return answer;
        }
        let body = compress(kind, &answer.body);
        Self { body, ..answer }.with("x-log-compresstype", &kind.name())
    }
}
