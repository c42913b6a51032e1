//! `flusher_sls`: ships events to a logstore of Simple Log Service.
//!
//! A batch is packed into log groups, in the service's own format and compressed ([`pack`]). What is packed waits in an
//! outbox, which decides what is sent when, what is tried again, and what goes to disk ([`spool`]). A client
//! signs requests and sorts answers ([`http`]).

pub mod dispatch;
pub mod http;
pub mod outbox;
pub mod pack;
pub mod package;
pub mod receipt;
pub mod spool;
