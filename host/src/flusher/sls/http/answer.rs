//! What became of a request.

use std::fmt;

use serde::Deserialize;

use super::class::Class;

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The service has it.
    Accepted {
        /// What the service calls the request.
        request_id: String,
    },
    /// The service does not have it, as far as is known.
    Refused(Refusal),
}

/// Why a package was not accepted. Its `Display` is one line that says what failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the caller does about it.
    pub class: Class,
    /// Who was asked.
    pub host: String,
    /// The status of the answer; `None` if there was no answer.
    pub status: Option<u16>,
    /// The service's code of the error, or the nearest one for an answer that has none.
    pub code: String,
    /// What the service said, or what went wrong: one line without anything secret.
    pub message: String,
    /// What the service calls the request.
    pub request_id: Option<String>,
}

/// An answer as it came.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reply<'a> {
    pub(super) status: u16,
    /// `x-log-requestid`.
    pub(super) request_id: Option<&'a str>,
    /// `Location`.
    pub(super) location: Option<&'a str>,
    /// As much of the body as was read.
    pub(super) body: &'a [u8],
}

/// The body of an error.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "errorCode", alias = "error_code")]
    code: String,
    #[serde(rename = "errorMessage", alias = "error_message", default)]
    message: String,
}

impl Answer {
    /// No answer, for a reason of this machine's own.
    pub fn lost(host: &str, message: &str) -> Self {
        let (host, code, message) = (host.to_owned(), "RequestError".to_owned(), message.to_owned());
        Self::Refused(Refusal { class: Class::Network, host, status: None, code, message, request_id: None })
    }

    /// What an answer of `host` means.
    ///
    /// Only the service names its requests. An answer without a name is somebody else's, a proxy's or a portal's, and
    /// must not decide over data: it counts as trouble of the network, whatever it says.
    pub(super) fn of(host: &str, reply: &Reply<'_>) -> Self {
        let id = reply.request_id.map(one_line).filter(|id| !id.is_empty());
        match id {
            Some(request_id) if reply.status == 200 => Self::Accepted { request_id },
            request_id => {
                let (class, code, message) = read(reply, request_id.is_some());
                let status = Some(reply.status);
                Self::Refused(Refusal { class, host: host.to_owned(), status, code, message, request_id })
            }
        }
    }
}

fn read(reply: &Reply<'_>, is_service: bool) -> (Class, String, String) {
    let status = reply.status;
    let refused = |code: &str, message: &str| (Class::of(status, code), code.to_owned(), message.to_owned());
    if (300..400).contains(&status) {
        let to = reply.location.and_then(origin).unwrap_or_else(|| "an unknown place".to_owned());
        return refused("BadResponse", &format!("it redirects to {to}, which is never followed"));
    }
    match serde_json::from_slice::<ErrorBody>(reply.body) {
        _ if status == 200 => refused("RequestError", NOT_THE_SERVICE),
        Ok(error) if is_service => refused(&one_line(&error.code), &one_line(&error.message)),
        _ if status >= 500 => refused("InternalServerError", &excerpt(reply.body)),
        _ if status == 429 => refused("TooManyRequests", &excerpt(reply.body)),
        _ if status == 413 => refused("PostBodyTooLarge", &excerpt(reply.body)),
        _ if status == 407 => refused("BadResponse", "the proxy wants a user and a password, or other ones"),
        _ => refused("BadResponse", &excerpt(reply.body)),
    }
}

const NOT_THE_SERVICE: &str =
    "it answers without a request id, so that it is not the service but a portal or a proxy before it";

/// The scheme and the host of a URL, without anything that may be secret.
fn origin(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(one_line(&format!("{}://{}", url.scheme(), url.host_str()?)))
}

/// What an answer without an error code has to say.
fn excerpt(body: &[u8]) -> String {
    match one_line(&String::from_utf8_lossy(&body[..body.len().min(MAX_MESSAGE_CHARS)])) {
        text if text.is_empty() => "it said nothing".to_owned(),
        text => text,
    }
}

/// The text on one line, with control characters and runs of blanks made one blank, and cut where it becomes too long.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE_CHARS).collect()
}

/// Enough for every message of the service.
const MAX_MESSAGE_CHARS: usize = 500;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, host, status, code, message, request_id } = self;
        match (status, class) {
            (Some(status), _) => write!(f, "the service at {host} answered {status} {code}: {message}")?,
            (None, Class::Network) => write!(f, "the service at {host} gave no answer: {message}")?,
            (None, _) => write!(f, "nothing was sent to the service at {host}: {message}")?,
        }
        if let Some(id) = request_id {
            write!(f, " (request {id})")?;
        }
        write!(f, "; {}", self.advice())
    }
}

impl Refusal {
    /// Why a package is refused, in words that are the same for all that are refused for it.
    pub fn reason(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }

    fn advice(&self) -> &'static str {
        match self.code.as_str() {
            "SignatureNotMatch" => "check the access key secret",
            _ => self.class.advice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply<'a>(status: u16, request_id: Option<&'a str>, body: &'a str) -> Reply<'a> {
        Reply { status, request_id, body: body.as_bytes(), location: None }
    }

    #[test]
    fn an_answer_without_a_request_id_is_not_the_services() {
        assert_eq!(Answer::of("h", &reply(200, Some("ID"), "{}")), Answer::Accepted { request_id: "ID".to_owned() });
        let invalid = r#"{"errorCode": "PostBodyInvalid", "errorMessage": "no"}"#;
        for (status, id, body, class, code) in [
            (200, None, "{}", Class::Network, "RequestError"),
            (200, Some(" "), "<html>Log in</html>", Class::Network, "RequestError"),
            (204, Some("ID"), "", Class::Network, "BadResponse"),
            (400, Some("ID"), invalid, Class::Invalid, "PostBodyInvalid"),
            (400, None, invalid, Class::Network, "BadResponse"),
            (403, None, "<html>Forbidden</html>", Class::Network, "BadResponse"),
            (403, Some("ID"), "<html>", Class::Network, "BadResponse"),
            (407, None, "", Class::Network, "BadResponse"),
            (413, None, "<html>nginx</html>", Class::TooLarge, "PostBodyTooLarge"),
            (429, None, "", Class::Server, "TooManyRequests"),
            (429, Some("ID"), r#"{"errorCode": "SlowDown"}"#, Class::Server, "SlowDown"),
            (500, Some("ID"), "", Class::Server, "InternalServerError"),
            (502, None, "<html>Bad Gateway</html>", Class::Server, "InternalServerError"),
            (503, Some("ID"), r#"{"errorCode": "ServerBusy"}"#, Class::Server, "ServerBusy"),
            (418, Some("ID"), r#"{"error_code": "Teapot", "error_message": "t"}"#, Class::Unknown, "Teapot"),
        ] {
            let Answer::Refused(refusal) = Answer::of("h", &reply(status, id, body)) else { panic!("{status} {body}") };
            assert_eq!((refusal.class, refusal.code.as_str()), (class, code), "{status} {id:?} {body}");
            assert_eq!(refusal.status, Some(status));
        }
    }

    #[test]
    fn a_redirect_is_named_and_not_followed() {
        let location = Some("https://portal.example:8443/login?token=hidden");
        let Answer::Refused(refusal) = Answer::of("h", &Reply { location, ..reply(302, Some("ID"), "") }) else {
            panic!("accepted")
        };
        assert_eq!(refusal.class, Class::Network);
        assert_eq!(refusal.message, "it redirects to https://portal.example, which is never followed");
    }

    #[test]
    fn a_refusal_says_on_one_line_what_failed_and_what_to_do() {
        let refusal = |class, status, code: &str, message: &str, request_id: Option<&str>| Refusal {
            class,
            host: "demo.example".to_owned(),
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: request_id.map(str::to_owned),
        };
        for (refusal, line) in [
            (
                refusal(Class::Credentials, Some(401), "SignatureNotMatch", "Signature x not matched.", Some("ID")),
                "the service at demo.example answered 401 SignatureNotMatch: Signature x not matched. (request ID); \
                 check the access key secret",
            ),
            (
                refusal(Class::Network, None, "RequestError", "connection refused", None),
                "the service at demo.example gave no answer: connection refused; \
                 check the network, the endpoint and the proxy",
            ),
            (
                refusal(Class::Credentials, None, "NoCredentials", "no access key is configured", None),
                "nothing was sent to the service at demo.example: no access key is configured; \
                 check the access key and its permissions",
            ),
        ] {
            assert_eq!(refusal.to_string(), line);
        }
    }

    #[test]
    fn messages_are_short_and_on_one_line() {
        assert_eq!(one_line(" a\r\n\tb\u{0}c  d "), "a b c d");
        assert_eq!(one_line(&"日".repeat(2000)).chars().count(), MAX_MESSAGE_CHARS);
        assert_eq!(excerpt(b"\n"), "it said nothing");
        assert_eq!(excerpt(&[b'a', 0xff]), "a\u{fffd}");
    }
}
