//! What the service answers when it refuses: status, code and message as its documentation lists them.
//!
//! Where today's table of common error codes and older ones differ, today's is used.

use serde_json::json;

/// A request that was not accepted, and nothing of it kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// `errorCode` of the answer, the one thing that clients should decide by.
    pub code: String,
    /// `errorMessage` of the answer.
    pub message: String,
}

impl Refusal {
    /// A refusal with a code of the caller's choice.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Vec<u8> {
        json!({ "errorCode": self.code, "errorMessage": self.message }).to_string().into_bytes()
    }

    pub(crate) fn missing_header(name: &str) -> Self {
        Self::new(400, "MissingParameter", format!("Missing http extend header key : {name}."))
    }

    pub(crate) fn invalid_header(name: &str, value: &str) -> Self {
        Self::new(400, "ParameterInvalid", format!("Http extend {name} : {value} pair is invalid."))
    }

    pub(crate) fn missing_query(name: &str) -> Self {
        Self::new(400, "MissingParameter", format!("Missing query key : {name}."))
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(400, "ParameterInvalid", message)
    }

    pub(crate) fn unreadable_time(date: &str) -> Self {
        Self::new(400, "InvalidRequestTime", format!("Request time {date} not follow RFC822 spec."))
    }

    pub(crate) fn expired(date: &str, server: &str) -> Self {
        let message = format!("Request time {date} has been expired while server time is {server}.");
        Self::new(400, "RequestTimeExpired", message)
    }

    pub(crate) fn signature(signature: &str) -> Self {
        Self::new(401, "SignatureNotMatch", format!("Signature {signature} not matched."))
    }

    pub(crate) fn unknown_key(id: &str) -> Self {
        Self::new(401, "Unauthorized", format!("AccessKeyId not found: {id}"))
    }

    pub(crate) fn digest(given: &str) -> Self {
        Self::new(400, "PostBodyInvalid", format!("Content-MD5 {given} is not the digest of the body."))
    }

    pub(crate) fn content_type(given: &str) -> Self {
        Self::new(400, "InvalidContentType", format!("Content-Type {given} is unsupported."))
    }

    pub(crate) fn too_large(size_bytes: usize, limit_bytes: usize) -> Self {
        let message = format!("Body size {size_bytes} must little than {limit_bytes}.");
        Self::new(413, "PostBodyTooLarge", message)
    }

    pub(crate) fn not_decompressed() -> Self {
        Self::new(400, "PostBodyUncompressError", "Failed to decompress logs.")
    }

    pub(crate) fn not_a_log_group() -> Self {
        Self::new(400, "PostBodyInvalid", "Protobuffer content cannot be parsed.")
    }

    pub(crate) fn not_json() -> Self {
        Self::new(400, "PostBodyInvalid", "The request body is not valid JSON object.")
    }

    pub(crate) fn timestamps() -> Self {
        Self::new(400, "InvalidTimestamp", "Invalid timestamps are in logs.")
    }

    pub(crate) fn no_project(name: &str) -> Self {
        Self::new(404, "ProjectNotExist", format!("The Project does not exist : {name}"))
    }

    pub(crate) fn no_logstore(name: &str) -> Self {
        Self::new(404, "LogStoreNotExist", format!("logstore {name} does not exist."))
    }

    pub(crate) fn no_shard(id: u32) -> Self {
        Self::new(404, "ShardNotExist", format!("shard {id} does not exist."))
    }

    pub(crate) fn no_index(logstore: &str) -> Self {
        Self::new(404, "IndexConfigNotExist", format!("index config of logstore {logstore} does not exist."))
    }

    pub(crate) fn method(method: &str, path: &str) -> Self {
        Self::new(405, "InvalidMethod", format!("Invalid request method : {method} {path}"))
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(500, "InternalServerError", format!("emulator's store: {error}"))
    }
}
