//! A request as plain data, so that everything that judges it is a function.

use bytes::Bytes;

/// A request with its whole body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path as on the request line, still escaped.
    pub path: String,
    /// The parameters of the query, unescaped, in the order in which they came.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: Headers,
    /// The body as sent.
    pub body: Bytes,
}

impl Request {
    /// The value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The project that the request is about: named by its own header or by the first part of the host.
    pub(crate) fn project(&self) -> Option<&str> {
        let named = self.headers.first("x-log-project");
        named.or_else(|| project_of(self.headers.first("host").unwrap_or_default()))
    }

    /// The same request with the port left out of `Host`; `None` if there is none.
    pub(crate) fn without_port(&self) -> Option<Self> {
        let (host, _) = self.headers.first("host")?.rsplit_once(':')?;
        let named = self.headers.iter().map(|(name, value)| (name, if name == "host" { host } else { value }));
        Some(Self { headers: named.collect(), ..self.clone() })
    }
}

/// Headers in the order in which they came, with names in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a header.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Names in lower case, and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Adds a header.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        pairs.into_iter().for_each(|(name, value)| headers.push(name, value));
        headers
    }
}

/// Splits a query into its parameters and unescapes them; `+` is a blank.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (unescape(&key.replace('+', " ")), unescape(&value.replace('+', " "))))
        .collect()
}

/// Replaces `%XX`; what is not an escape stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let byte = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The project in a host of the form `PROJECT.ENDPOINT[:PORT]`, for every endpoint: an address, `localhost`, a name.
fn project_of(host: &str) -> Option<&str> {
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let (project, endpoint) = host.split_once('.')?;
    let labels = || endpoint.split('.');
    let rest_is_address = labels().count() == 4 && labels().all(|label| label.parse::<u8>().is_ok());
    let whole_is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    let whole_is_endpoint =
        ["log.aliyuncs.com", "sls.aliyuncs.com"].contains(&endpoint) || host == "log-global.aliyuncs.com";
    (rest_is_address || !(whole_is_address || whole_is_endpoint)).then_some(project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_names_the_project() {
        for (host, project) in [
            ("demo.127.0.0.1", Some("demo")),
            ("demo.127.0.0.1:8080", Some("demo")),
            ("127.0.0.1:8080", None),
            ("demo.localhost:8080", Some("demo")),
            ("localhost:8080", None),
            ("demo.cn-hangzhou.log.aliyuncs.com", Some("demo")),
            ("cn-hangzhou.log.aliyuncs.com", None),
            ("cn-hangzhou-intranet.log.aliyuncs.com:80", None),
            ("demo.log-global.aliyuncs.com", Some("demo")),
            ("log-global.aliyuncs.com", None),
            ("demo.sls.example.org", Some("demo")),
            ("", None),
        ] {
            assert_eq!(project_of(host), project, "{host}");
        }
    }

    #[test]
    fn a_header_wins_over_the_host() {
        let headers = [("Host", "sls.example.org"), ("x-log-project", "demo")].into_iter().collect();
        assert_eq!(Request { headers, ..Request::default() }.project(), Some("demo"));
    }

    #[test]
    fn queries_are_unescaped() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for (query, pairs) in [
            ("", vec![]),
            ("type=log&from=1", vec![pair("type", "log"), pair("from", "1")]),
            ("x=a+b%2F~&y", vec![pair("x", "a b/~"), pair("y", "")]),
            ("q=100%&r=%zz%2", vec![pair("q", "100%"), pair("r", "%zz%2")]),
            ("k=%E6%97%A5", vec![pair("k", "日")]),
        ] {
            assert_eq!(parse_query(query), pairs, "{query}");
        }
    }
}
