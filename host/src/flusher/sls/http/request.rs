//! What a write looks like on the wire.

use std::collections::BTreeMap;

use reqwest::header::{HeaderName, HeaderValue};

use super::clock::{format_compact, format_http};
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::sign::{content_md5, content_sha256, v1, v4};
use crate::flusher::sls::package::{Compression, Destination, Form, Head, Package};

/// A request without its body.
#[derive(Clone)]
pub struct Request {
    /// `POST`.
    pub method: &'static str,
    /// The path, in which nothing needs an escape.
    pub path: String,
    /// The parameters of the query, without escapes.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: Headers,
}

/// Headers by their name in lower case, in the order of names.
#[derive(Clone, Default)]
pub struct Headers(BTreeMap<String, String>);

/// A header that cannot be sent. Values may be secret and are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name is none.
    #[error("{0:?} is no name of a header")]
    Name(String),
    /// The value has control characters in it.
    #[error("the value of the header {0} has control characters in it")]
    Value(String),
}

/// What all writes to a destination have in common.
pub struct Template {
    destination: Destination,
    endpoint: Endpoint,
    user_agent: String,
    extra: Headers,
}

impl Headers {
    /// The value of a header, by its name in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a header. Blanks around the value would not survive the way, so that they go first.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }

    /// Names in lower case, and values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        pairs.into_iter().for_each(|(name, value)| headers.set(name, value));
        headers
    }
}

impl Template {
    /// Takes the headers of `ExtraHeaders`, without those that the agent sets itself.
    ///
    /// # Errors
    /// If one cannot be sent.
    pub fn new<'a>(
        destination: Destination,
        endpoint: Endpoint,
        user_agent: String,
        extra: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, HeaderError> {
        HeaderValue::from_str(&user_agent).map_err(|_| HeaderError::Value("user-agent".to_owned()))?;
        let mut headers = Headers::default();
        for (name, value) in extra {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name(name.to_owned()))?;
            HeaderValue::from_str(value.trim()).map_err(|_| HeaderError::Value(name.to_owned()))?;
            if !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                headers.set(name, value);
            }
        }
        Ok(Self { destination, endpoint, user_agent, extra: headers })
    }

    /// The signed request that writes a package. `now` is the time of the service in Unix seconds.
    pub fn write(&self, package: &Package, credentials: &Credentials, now: i64) -> Request {
        let (path, query) = self.target(&package.head);
        let mut headers = self.extra.clone();
        headers.set("host", &self.endpoint.host());
        headers.set("user-agent", &self.user_agent);
        headers.set("content-type", "application/x-protobuf");
        headers.set("x-log-apiversion", "0.6.0");
        describe(&package.head, &mut headers);
        if !self.endpoint.names_project() {
            headers.set("x-log-project", &self.destination.project);
        }
        if let Some(token) = &credentials.token {
            headers.set("x-acs-security-token", token);
        }
        let mut request = Request { method: "POST", path, query, headers };
        match &self.destination.region {
            Some(region) => sign_v4(&mut request, &package.body, credentials, region, now),
            None => sign_v1(&mut request, &package.body, credentials, now),
        }
        request
    }

    fn target(&self, head: &Head) -> (String, Vec<(String, String)>) {
        let shards = format!("/logstores/{}/shards", self.destination.logstore);
        match &head.hash_key {
            Some(key) => (format!("{shards}/route"), vec![("key".to_owned(), key.clone())]),
            None => (format!("{shards}/lb"), Vec::new()),
        }
    }
}

/// Says what the body is.
fn describe(head: &Head, headers: &mut Headers) {
    headers.set("x-log-bodyrawsize", &head.raw_bytes.to_string());
    if let Some(compression) = compression(head.compression) {
        headers.set("x-log-compresstype", compression);
    }
    if head.form == Form::List {
        headers.set("x-log-mode", "batch_group");
    }
}

fn compression(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::Lz4 => Some("lz4"),
        Compression::Zstd => Some("zstd"),
        Compression::None => None,
    }
}

fn sign_v1(request: &mut Request, body: &[u8], credentials: &Credentials, now: i64) {
    let date = format_http(now);
    request.headers.set("date", &date);
    request.headers.set("content-md5", &content_md5(body));
    request.headers.set("x-log-signaturemethod", v1::METHOD);
    let authorization = v1::authorization(request, credentials);
    request.headers.set("authorization", &authorization);
    // Some proxies take `Date` away. The copy is not signed.
    request.headers.set("x-log-date", &date);
}

fn sign_v4(request: &mut Request, body: &[u8], credentials: &Credentials, region: &str, now: i64) {
    request.headers.set("x-log-date", &format_compact(now));
    request.headers.set("x-log-content-sha256", &content_sha256(body));
    let authorization = v4::authorization(request, credentials, region);
    request.headers.set("authorization", &authorization);
}

/// Headers that say how to read a request: of these the agent sets what it needs, and nobody else sets any.
const OWN_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-log-apiversion",
    "x-log-bodyrawsize",
    "x-log-compresstype",
    "x-log-content-sha256",
    "x-log-date",
    "x-log-mode",
    "x-log-project",
    "x-log-signaturemethod",
];

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const KEY: &str = "05000000000000000000000000000000";
    const NOW: i64 = 1_749_712_089;

    fn package(form: Form, compression: Compression, hash_key: Option<&str>) -> Package {
        let head = Head {
            pipeline: "p".into(),
            form,
            compression,
            raw_bytes: 26,
            hash_key: hash_key.map(str::to_owned),
            events: 1,
            read_seconds: NOW,
            origins: Vec::new(),
        };
        let body = data_encoding::HEXLOWER.decode(b"0a1808d9f9a9c20612100a07636f6e74656e74120568656c6c6f").unwrap();
        Package { head, body: Bytes::from(body) }
    }

    fn destination(endpoint: &str, region: Option<&str>) -> Destination {
        Destination {
            endpoint: endpoint.into(),
            region: region.map(str::to_owned),
            project: "demo-project".into(),
            logstore: "demo-logstore".into(),
        }
    }

    fn write(destination: Destination, package: &Package, extra: &[(&str, &str)], token: Option<&str>) -> Request {
        let endpoint = Endpoint::parse(&destination.endpoint, &destination.project).unwrap();
        let credentials = Credentials {
            id: "LTAIexampleAKID01".into(),
            secret: "exampleSecretKey0123456789abcdef".into(),
            token: token.map(str::to_owned),
        };
        let template = Template::new(destination, endpoint, "agent/1".to_owned(), extra.iter().copied()).unwrap();
        template.write(package, &credentials, NOW)
    }

    fn lines(request: &Request) -> Vec<String> {
        request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn a_write_of_version_1() {
        let request = write(
            destination("cn-hangzhou.log.aliyuncs.com", None),
            &package(Form::LogGroup, Compression::None, None),
            &[],
            None,
        );
        assert_eq!((request.method, request.path.as_str()), ("POST", "/logstores/demo-logstore/shards/lb"));
        assert_eq!(request.query, []);
        assert_eq!(
            lines(&request),
            [
                "authorization: LOG LTAIexampleAKID01:E2whTuxZnAiMxU4EAFUy0sO8zac=",
                "content-md5: 7B7A94DC6C7EC7CA91BC7A41620709A0",
                "content-type: application/x-protobuf",
                "date: Thu, 12 Jun 2025 07:08:09 GMT",
                "host: demo-project.cn-hangzhou.log.aliyuncs.com",
                "user-agent: agent/1",
                "x-log-apiversion: 0.6.0",
                "x-log-bodyrawsize: 26",
                "x-log-date: Thu, 12 Jun 2025 07:08:09 GMT",
                "x-log-signaturemethod: hmac-sha1",
            ]
        );
    }

    #[test]
    fn a_write_of_version_4() {
        let request = write(
            destination("cn-hangzhou.log.aliyuncs.com", Some("cn-hangzhou")),
            &package(Form::LogGroup, Compression::None, None),
            &[],
            None,
        );
        assert_eq!(
            lines(&request),
            [
                "authorization: SLS4-HMAC-SHA256 \
                 Credential=LTAIexampleAKID01/20250612/cn-hangzhou/sls/aliyun_v4_request,\
                 Signature=7c02be9b7524000ff869c3ee104c93f54f158a6aac55170ea9dda98031df6c82",
                "content-type: application/x-protobuf",
                "host: demo-project.cn-hangzhou.log.aliyuncs.com",
                "user-agent: agent/1",
                "x-log-apiversion: 0.6.0",
                "x-log-bodyrawsize: 26",
                "x-log-content-sha256: 26ad595591850d09156f696bf46c7e739e8f202eb3cf0b7fc8dbece33482b792",
                "x-log-date: 20250612T070809Z",
            ]
        );
    }

    #[test]
    fn a_package_says_what_it_is() {
        let to = || destination("http://127.0.0.1:8080", None);
        let request = write(to(), &package(Form::List, Compression::Zstd, Some(KEY)), &[], Some("TOKEN"));
        assert_eq!(request.path, "/logstores/demo-logstore/shards/route");
        assert_eq!(request.query, [("key".to_owned(), KEY.to_owned())]);
        let header = |name| request.headers.value(name);
        assert_eq!(header("x-log-mode"), Some("batch_group"));
        assert_eq!(header("x-log-compresstype"), Some("zstd"));
        assert_eq!(header("x-log-project"), Some("demo-project"));
        assert_eq!(header("x-acs-security-token"), Some("TOKEN"));
        assert_eq!(header("host"), Some("127.0.0.1:8080"));
        let request = write(to(), &package(Form::LogGroup, Compression::Lz4, None), &[], None);
        assert_eq!(request.headers.value("x-log-compresstype"), Some("lz4"));
        assert_eq!((request.headers.value("x-log-mode"), request.headers.value("x-acs-security-token")), (None, None));
    }

    #[test]
    fn extra_headers_are_signed_if_they_are_the_services_and_never_win() {
        let to = || destination("cn-hangzhou.log.aliyuncs.com", None);
        let package = package(Form::LogGroup, Compression::None, None);
        let plain = write(to(), &package, &[], None);
        let unsigned = write(to(), &package, &[("X-Colour", " blue ")], None);
        assert_eq!(unsigned.headers.value("x-colour"), Some("blue"));
        assert_eq!(unsigned.headers.value("authorization"), plain.headers.value("authorization"));
        let signed = write(to(), &package, &[("X-Log-Colour", "blue")], None);
        assert_eq!(signed.headers.value("x-log-colour"), Some("blue"));
        assert_ne!(signed.headers.value("authorization"), plain.headers.value("authorization"));
        let reserved: Vec<(&str, &str)> = OWN_HEADERS.iter().map(|name| (*name, "9")).collect();
        assert_eq!(lines(&write(to(), &package, &reserved, None)), lines(&plain));
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused_without_their_value() {
        let refused = |name, value| {
            let endpoint = Endpoint::parse("h.example", "demo-project").unwrap();
            Template::new(destination("h.example", None), endpoint, "agent/1".to_owned(), [(name, value)]).err()
        };
        assert_eq!(refused("a b", "hidden"), Some(HeaderError::Name("a b".into())));
        assert_eq!(refused("", "hidden"), Some(HeaderError::Name(String::new())));
        assert_eq!(refused("a", "hid\r\nden"), Some(HeaderError::Value("a".into())));
        assert_eq!(refused("a", "日志"), None);
        assert_eq!(refused("a", ""), None);
    }
}
