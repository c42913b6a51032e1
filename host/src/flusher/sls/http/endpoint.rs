//! Where a project is found.

use std::net::{IpAddr, Ipv6Addr};

/// The host that has a project, as requests name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    https: bool,
    host: String,
    port: Option<u16>,
    names_project: bool,
}

/// Why requests for a destination cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// There is no host in it.
    #[error("the endpoint is empty; expected a host such as cn-hangzhou.log.aliyuncs.com")]
    Empty,
    /// It begins with something other than `http://` or `https://`.
    #[error("the endpoint has the scheme {0:?}; expected https, http or none")]
    Scheme(String),
    /// A user or password is in it, which is not repeated here.
    #[error("the endpoint has a user or password in it; access keys are configured elsewhere")]
    UserInfo,
    /// What follows the host is no port.
    #[error("the endpoint has the port {0:?}; expected a number from 1 to 65535")]
    Port(String),
    /// A host cannot be written so.
    #[error("the endpoint has the host {0:?}; expected letters, digits, hyphens and dots")]
    Host(String),
    /// A project cannot be part of a host.
    #[error("the project {0:?} cannot be part of a host name; expected letters, digits, hyphens and underscores")]
    Project(String),
    /// A logstore cannot be part of a path.
    #[error("the logstore {0:?} cannot be part of a path; expected letters, digits, hyphens, underscores and dots")]
    Logstore(String),
}

impl Endpoint {
    /// Reads an endpoint such as `cn-hangzhou.log.aliyuncs.com` for a project.
    ///
    /// It is HTTPS unless `http://` is written, and a path is ignored. The project becomes the first part of the host. An
    /// address, `localhost` and other names without a dot have no names below them and stay as they are, as does a host
    /// that begins with the project already.
    ///
    /// # Errors
    /// If no request can be written for it.
    pub fn parse(endpoint: &str, project: &str) -> Result<Self, EndpointError> {
        check_project(project)?;
        let (https, rest) = split_scheme(endpoint.trim())?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        let prefix = format!("{}.", project.to_ascii_lowercase());
        let is_whole = is_address(&host) || !host.contains('.');
        let names_project = !is_whole || host.starts_with(&prefix);
        let host = if is_whole || host.starts_with(&prefix) { host } else { prefix + &host };
        Ok(Self { https, host, port: port.filter(|port| *port != standard_port(https)), names_project })
    }

    /// The value of `Host`: with a port only if it is not the one of the scheme.
    pub fn host(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// Whether the host says which project is meant; `x-log-project` does otherwise.
    pub fn names_project(&self) -> bool {
        self.names_project
    }

    /// The URL that paths are appended to, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host())
    }
}

/// Checks that a logstore can be part of a path.
///
/// # Errors
/// If it cannot.
pub fn check_logstore(name: &str) -> Result<(), EndpointError> {
    // The path `/logstores/..` is another one.
    let is_sound = is_made_of(name, "-_.") && name.contains(|c| c != '.');
    if is_sound { Ok(()) } else { Err(EndpointError::Logstore(name.to_owned())) }
}

fn check_project(name: &str) -> Result<(), EndpointError> {
    if is_made_of(name, "-_") { Ok(()) } else { Err(EndpointError::Project(name.to_owned())) }
}

fn is_made_of(name: &str, marks: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

fn split_scheme(endpoint: &str) -> Result<(bool, &str), EndpointError> {
    let Some((scheme, rest)) = endpoint.split_once("://") else { return Ok((true, endpoint)) };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok((true, rest)),
        "http" => Ok((false, rest)),
        _ => Err(EndpointError::Scheme(scheme.to_owned())),
    }
}

/// Splits `HOST[:PORT]`; an address of version 6 gets its brackets.
fn split_port(authority: &str) -> Result<(String, Option<u16>), EndpointError> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((format!("[{authority}]"), None));
    }
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[after_brackets..].find(':') {
        Some(at) => (&authority[..after_brackets + at], Some(&authority[after_brackets + at + 1..])),
        None => (authority, None),
    };
    if host.is_empty() {
        return Err(EndpointError::Empty);
    }
    if !is_made_of(host, "-_.") && !is_address(host) {
        return Err(EndpointError::Host(host.to_owned()));
    }
    let number = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let port = port.map(|text| number(text).ok_or_else(|| EndpointError::Port(text.to_owned()))).transpose()?;
    Ok((host.to_owned(), port))
}

fn is_address(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.map_or_else(|| host.parse::<IpAddr>().is_ok(), |inner| inner.parse::<Ipv6Addr>().is_ok())
}

fn standard_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_becomes_a_url() {
        for (endpoint, url, names_project) in [
            ("cn-hangzhou.log.aliyuncs.com", "https://demo.cn-hangzhou.log.aliyuncs.com", true),
            ("  CN-Hangzhou.log.aliyuncs.com\n", "https://demo.cn-hangzhou.log.aliyuncs.com", true),
            ("HTTPS://log-global.aliyuncs.com/", "https://demo.log-global.aliyuncs.com", true),
            ("http://sls.example.org/path?query", "http://demo.sls.example.org", true),
            ("http://sls.example.org:80", "http://demo.sls.example.org", true),
            ("https://sls.example.org:443", "https://demo.sls.example.org", true),
            ("https://sls.example.org:8443/x", "https://demo.sls.example.org:8443", true),
            ("demo.sls.example.org", "https://demo.sls.example.org", true),
            ("demonstration.example.org", "https://demo.demonstration.example.org", true),
            ("10.0.0.1", "https://10.0.0.1", false),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", false),
            ("http://[::1]:8080/", "http://[::1]:8080", false),
            ("::1", "https://[::1]", false),
            ("http://localhost:1", "http://localhost:1", false),
            ("http://sls-emulator:1", "http://sls-emulator:1", false),
        ] {
            let parsed = Endpoint::parse(endpoint, "demo").unwrap();
            assert_eq!((parsed.base_url().as_str(), parsed.names_project()), (url, names_project), "{endpoint}");
        }
    }

    #[test]
    fn what_no_request_can_name_is_refused() {
        use EndpointError as E;
        for (endpoint, expected) in [
            ("", E::Empty),
            ("https:///path", E::Empty),
            ("http://:80", E::Empty),
            ("ftp://h.example", E::Scheme("ftp".into())),
            ("http://me:secret@h.example", E::UserInfo),
            ("h.example:", E::Port(String::new())),
            ("h.example:0", E::Port("0".into())),
            ("h.example:65536", E::Port("65536".into())),
            ("h example", E::Host("h example".into())),
            ("h%2e.example", E::Host("h%2e.example".into())),
            ("[::g]", E::Host("[::g]".into())),
            ("日志.example", E::Host("日志.example".into())),
        ] {
            assert_eq!(Endpoint::parse(endpoint, "demo"), Err(expected), "{endpoint}");
        }
        for project in ["", "a/b", "a b", "a.b", "a:b", "a@b", "日志", "a\n"] {
            assert_eq!(Endpoint::parse("h.example", project), Err(E::Project(project.into())));
        }
    }

    #[test]
    fn a_logstore_is_one_part_of_a_path() {
        for name in ["app-log", "App_log.1", ".a"] {
            assert_eq!(check_logstore(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "a?b", "a#b", "a%2fb", "日志"] {
            assert_eq!(check_logstore(name), Err(EndpointError::Logstore(name.into())));
        }
    }
}
