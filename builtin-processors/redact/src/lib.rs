//! processor_desensitize_native: masks parts of a field.
//!
//! `pattern` finds what is to be masked, `dialect` reads patterns as RE2 does.
#![forbid(unsafe_code)]

mod dialect;
mod pattern;

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Outcome, Processor, Setup};
use md5::{Digest, Md5};
use serde::Deserialize;

use crate::pattern::{Mistake, Pattern, is_alternation};

/// Masks parts of a field.
#[derive(Debug)]
pub struct Redact {
    source: String,
    pattern: Pattern,
    method: Method,
    replaces_all: bool,
}

/// The parameters of `processor_desensitize_native`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The field to mask parts of.
    pub source_key: String,
    /// What is put in place: `const` or `md5`.
    pub method: String,
    /// The text that `const` puts in place.
    pub replacing_string: String,
    /// What comes before the part to be replaced, and stays.
    pub content_pattern_before_replaced_string: String,
    /// What is replaced.
    pub replaced_content_pattern: String,
    /// Whether to replace every occurrence. So it is, unless this says no.
    pub replacing_all: Option<bool>,
}

/// What is put in place of a masked part.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Method {
    Const(Vec<u8>),
    /// Its MD5 in upper-case hexadecimal digits.
    Md5,
}

impl Processor for Redact {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_desensitize_native",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Masks parts of a field.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let (mut issues, mut warnings) = (Vec::new(), Vec::new());
        if config.source_key.is_empty() {
            issues.push(Issue::new("SourceKey", "is required: the name of the field, such as content"));
        }
        let method = match config.method.as_str() {
            "const" => Some(Method::Const(config.replacing_string.into_bytes())),
            "md5" => Some(Method::Md5),
            _ => {
                issues.push(Issue::new("Method", "must be const or md5"));
                None
            }
        };
        if let Some(Method::Const(text)) = &method {
            if text.is_empty() {
                issues.push(Issue::new("ReplacingString", "is required with the method const"));
            }
            if text.windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit()) {
                let message = "is put in place as it is written: a backslash and a digit refer to no group";
                warnings.push(Issue::new("ReplacingString", message));
            }
        }
        let (before, replaced) = (&config.content_pattern_before_replaced_string, &config.replaced_content_pattern);
        for (name, pattern) in [(BEFORE, before), (REPLACED, replaced)] {
            if pattern.is_empty() {
                issues.push(Issue::new(name, "is required"));
            }
        }
        let pattern = Pattern::new(before, replaced);
        let pattern = pattern.map_err(|mistake| {
            let (name, reason) = match mistake {
                Mistake::Before(reason) => (BEFORE, reason),
                Mistake::Replaced(reason) => (REPLACED, reason),
            };
            issues.push(Issue::new(name, format!("is not a pattern that can be used: {reason}")));
        });
        if is_alternation(replaced) {
            let message =
                format!("its second alternative is replaced without {BEFORE} before it, too; (?:...) binds them");
            warnings.push(Issue::new(REPLACED, message));
        }
        let (Some(method), Ok(pattern), true) = (method, pattern, issues.is_empty()) else { return Err(issues) };
        let replaces_all = config.replacing_all.unwrap_or(true);
        let setup = Setup { reads: Some(vec![config.source_key.clone()]), warnings, notes: Vec::new() };
        Ok((Self { source: config.source_key, pattern, method, replaces_all }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let source = batch.key(self.source.as_bytes());
        let mut masked = Vec::new();
        for event in batch.events() {
            let Some((key, value)) = source.and_then(|key| Some((key, event.value(key)?))) else {
                changes.outcome(event.index(), Outcome::KeyNotFound);
                continue;
            };
            masked.clear();
            if self.mask(value, &mut masked) {
                let span = changes.append(&masked);
                changes.set(event.index(), key, span);
            }
        }
        Ok(())
    }
}

loglift_sdk::export!(Redact);

impl Redact {
    /// Writes a value with its parts masked. Returns false if it stays as it is.
    fn mask(&mut self, value: &[u8], masked: &mut Vec<u8>) -> bool {
        if value.is_empty() {
            return false;
        }
        // What comes before `written_to` is in `masked` already.
        let (mut at, mut written_to, mut count) = (0, 0, 0);
        while at <= value.len()
            && let Some(found) = self.pattern.find(value, at)
        {
            let end = found.whole.end;
            if count > 0 && found.whole.is_empty() && end == written_to {
                // Nothing at the end of the last match: that is part of it. MD5 gets nowhere then, and changes nothing.
                if self.method == Method::Md5 {
                    return false;
                }
                at = end + 1;
                continue;
            }
            masked.extend_from_slice(&value[written_to..found.replaced]);
            match &self.method {
                Method::Const(text) => masked.extend_from_slice(text),
                Method::Md5 if end == 0 => return false,
                Method::Md5 => masked.extend_from_slice(&md5_text(&value[found.replaced..end])),
            }
            (at, written_to, count) = (end, end, count + 1);
            if !self.replaces_all || self.method == Method::Md5 && end == value.len() {
                break;
            }
        }
        masked.extend_from_slice(&value[written_to..]);
        count > 0
    }
}

/// The MD5 of a text in upper-case hexadecimal digits.
fn md5_text(text: &[u8]) -> [u8; 32] {
    let digest = Md5::digest(text);
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(digest) {
        pair[0] = HEX_DIGITS[usize::from(byte >> 4)];
        pair[1] = HEX_DIGITS[usize::from(byte & 15)];
    }
    digits
}

const BEFORE: &str = "ContentPatternBeforeReplacedString";
const REPLACED: &str = "ReplacedContentPattern";
const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests;
