//! Whether a request is what it says it is: its headers, its time, its key, its signature, its digest.

use data_encoding::HEXUPPER;
use md5::{Digest as _, Md5};

use crate::clock;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::signature::{v1, v4};

/// How far the clock of a client may be off, either way.
pub(crate) const CLOCK_WINDOW_SECS: u64 = 15 * 60;

/// A key that the emulator knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The access key id.
    pub id: String,
    /// The access key secret.
    pub secret: String,
}

impl std::str::FromStr for Credential {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, secret) = text.split_once(':').ok_or("expected ID:SECRET")?;
        Ok(Self { id: id.to_owned(), secret: secret.to_owned() })
    }
}

/// The upper-case hex MD5 that `Content-MD5` must hold.
pub(crate) fn content_md5(body: &[u8]) -> String {
    HEXUPPER.encode(&Md5::digest(body))
}

/// Checks everything about a request that does not depend on what it asks for. `now` is in Unix seconds.
///
/// # Errors
/// As the service; the first thing that is wrong decides.
pub(crate) fn verify(request: &Request, credentials: &[Credential], now: i64) -> Result<(), Refusal> {
    check_version(request)?;
    let authorization =
        request.headers.first("authorization").ok_or_else(|| Refusal::missing_header("authorization"))?;
    let malformed = || Refusal::invalid_header("authorization", authorization);
    if let Some(fields) = authorization.strip_prefix("LOG ") {
        let (id, signature) = fields.split_once(':').ok_or_else(malformed)?;
        verify_v1(request, find(credentials, id)?, signature, now)
    } else {
        let fields = authorization.strip_prefix(v4::METHOD).ok_or_else(malformed)?;
        let (id, scope, signature) = parse_v4(fields).ok_or_else(malformed)?;
        verify_v4(request, find(credentials, id)?, scope, signature, now)
    }
}

fn check_version(request: &Request) -> Result<(), Refusal> {
    match request.headers.first("x-log-apiversion") {
        Some("0.6.0" | "0.4.0") => Ok(()),
        Some(other) => {
            let message = format!("x-log-apiversion {other} is unsupported.");
            Err(Refusal::new(400, "InvalidAPIVersion", message))
        }
        None => Err(Refusal::new(400, "MissingAPIVersion", "x-log-apiversion does not exist in http header.")),
    }
}

fn find<'a>(credentials: &'a [Credential], id: &str) -> Result<&'a Credential, Refusal> {
    credentials.iter().find(|known| known.id == id).ok_or_else(|| Refusal::unknown_key(id))
}

fn verify_v1(request: &Request, key: &Credential, signature: &str, now: i64) -> Result<(), Refusal> {
    const METHOD: &str = "x-log-signaturemethod";
    match request.headers.first(METHOD) {
        Some("hmac-sha1") => {}
        Some(other) => return Err(Refusal::invalid_header(METHOD, other)),
        None => return Err(Refusal::missing_header(METHOD)),
    }
    let date = v1::date(request).ok_or_else(|| Refusal::missing_header("x-log-date"))?;
    check_clock(date, clock::parse_http(date), now)?;
    if v1::signature(request, &key.secret) != signature {
        return Err(Refusal::signature(signature));
    }
    check_md5(request)
}

fn verify_v4(
    request: &Request,
    key: &Credential,
    scope: v4::Scope<'_>,
    signature: &str,
    now: i64,
) -> Result<(), Refusal> {
    let date = request.headers.first("x-log-date").ok_or_else(|| Refusal::missing_header("x-log-date"))?;
    check_clock(date, clock::parse_compact(date), now)?;
    let payload = request.headers.first("x-log-content-sha256");
    let payload = payload.ok_or_else(|| Refusal::missing_header("x-log-content-sha256"))?;
    // HTTP libraries put an unusual port into `Host` by themselves, where those who sign leave it out.
    let is_signed = |request: &Request| signature == v4::signature(request, &key.secret, scope, date);
    let sound = payload == v4::payload(&request.body)
        && date.starts_with(scope.day)
        && (is_signed(request) || request.without_port().is_some_and(|request| is_signed(&request)));
    if !sound {
        return Err(Refusal::signature(signature));
    }
    if request.headers.first("content-md5").is_some() { check_md5(request) } else { Ok(()) }
}

/// Splits ` Credential=ID/DAY/REGION/sls/aliyun_v4_request,Signature=HEX`.
fn parse_v4(fields: &str) -> Option<(&str, v4::Scope<'_>, &str)> {
    let (credential, signature) = fields.strip_prefix(" Credential=")?.split_once(",")?;
    let scope = credential.strip_suffix("/sls/aliyun_v4_request")?;
    let (rest, region) = scope.rsplit_once('/')?;
    let (id, day) = rest.rsplit_once('/')?;
    Some((id, v4::Scope { day, region }, signature.trim_start().strip_prefix("Signature=")?))
}

fn check_clock(date: &str, parsed: Option<i64>, now: i64) -> Result<(), Refusal> {
    let seconds = parsed.ok_or_else(|| Refusal::unreadable_time(date))?;
    if seconds.abs_diff(now) > CLOCK_WINDOW_SECS {
        return Err(Refusal::expired(date, &clock::format_http(now)));
    }
    Ok(())
}

fn check_md5(request: &Request) -> Result<(), Refusal> {
    let given = request.headers.first("content-md5");
    match given {
        None if request.body.is_empty() => Ok(()),
        None => Err(Refusal::missing_header("content-md5")),
        Some(given) if given == content_md5(&request.body) => Ok(()),
        Some(given) => Err(Refusal::digest(given)),
    }
}

#[cfg(test)]
mod tests;
