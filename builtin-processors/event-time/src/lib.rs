//! The time engine: from the text of a log line to an instant.
//!
//! ```text
//! Format::compile ──> Format::parse ──> Fields ──> Resolver::resolve ──> Resolved { time, deduced }
//! when configured      per value        as written   zone, year, now       an instant
//! ```
//!
//! A [`Layout`] of Go takes the place of a [`Format`] of strptime, and so does the [`Count`] of a unit; a [`Printer`] goes the
//! other way. [`CachedParser`] joins the three and remembers the last second it saw. Nothing here reads a clock, a file or the
//! environment: zone data and the current time are handed in, so equal input gives equal output.
//!
//! # Examples
//!
//! ```
//! use loglift_event_time::{CachedParser, Format, Resolver, YearPolicy, Zone};
//!
//! let format = Format::compile("%Y-%m-%d %H:%M:%S,%f")?;
//! let mut parser = CachedParser::new(format, Resolver::new(Zone::fixed(8 * 3600), YearPolicy::ClosestToNow));
//!
//! let time = parser.parse(b"2023-10-25 23:51:10,199999999")?.time;
//! assert_eq!((time.seconds, time.nanoseconds), (1698249070, 199999999));
//!
//! let mismatch = parser.parse(b"2023-10-25 23:51:10.199").unwrap_err();
//! assert_eq!(mismatch.to_string(), r#"at byte 19: expected "," but found ".""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod cached;
mod civil;
mod count;
mod digits;
mod fields;
mod format;
mod layout;
mod mismatch;
mod names;
mod resolver;
mod shape;
mod take;
mod template;
mod time;
mod zone;

pub use cached::{CachedParser, Syntax};
pub use count::Count;
pub use fields::{Abbreviation, Day, Fields, FirstDay, LocalOffset};
pub use format::{Format, FormatError};
pub use layout::{Layout, Printer, SecondText};
pub use mismatch::Mismatch;
pub use resolver::{Resolved, Resolver, YearPolicy};
pub use time::{Time, Unit};
pub use zone::{Zone, ZoneError, gmt_offset};
