//! Sends packages to one destination.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Response, Url};
use tracing::warn;

use super::answer::{Answer, Refusal, Reply};
use super::class::Class;
use super::clock::{self, Clock};
use super::credentials::{CredentialStore, Credentials};
use super::endpoint::{Endpoint, EndpointError, check_logstore};
use super::network;
use super::request::{HeaderError, Headers, Request, Template};
use crate::flusher::sls::package::{Destination, Package};

/// What a client is made of.
pub struct ClientSpec {
    /// Where packages go. A region makes signatures of version 4.
    pub destination: Destination,
    /// `ExtraHeaders`: sent with each request, where the agent does not set a header itself.
    pub extra_headers: BTreeMap<String, String>,
    /// The value of `User-Agent`.
    pub user_agent: String,
    /// Who signs.
    pub credentials: Arc<CredentialStore>,
    /// How long a request may take, from the connection to the end of its answer.
    pub request_timeout: Duration,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, in either case.
    pub proxies_from_environment: bool,
    /// Certificates of authorities in PEM that are trusted besides those of the machine; may be empty.
    pub authorities_pem: Vec<u8>,
}

/// Sends packages to one destination. Connections are kept and used again.
pub struct Client {
    http: reqwest::Client,
    host: String,
    url: Url,
    template: Arc<Template>,
    credentials: Arc<CredentialStore>,
    clock: Clock,
}

/// Why nothing can ever be sent to a destination.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The names in the destination cannot be part of a request.
    #[error(transparent)]
    Destination(#[from] EndpointError),
    /// One of `ExtraHeaders`, or the user agent, cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The endpoint with the project before it is no host.
    #[error("the endpoint {0:?} makes no URL")]
    Url(String),
    /// The certificates of authorities cannot be read, or those of the machine.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// How long a request may take if nobody says otherwise.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A larger body is digested on a thread that may block: MD5 takes more than half a millisecond for it.
const LARGE_BODY_BYTES: usize = 256 << 10;

impl ClientSpec {
    /// A client with the usual time-out and proxies, that trusts whom the machine trusts.
    pub fn new(destination: Destination, user_agent: impl Into<String>, credentials: Arc<CredentialStore>) -> Self {
        Self {
            destination,
            extra_headers: BTreeMap::new(),
            user_agent: user_agent.into(),
            credentials,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            proxies_from_environment: true,
            authorities_pem: Vec::new(),
        }
    }
}

impl Client {
    /// Prepares to send. Nothing is connected yet, but the certificates of the machine are read.
    ///
    /// # Errors
    /// If no request to the destination can be made.
    pub fn new(spec: ClientSpec) -> Result<Self, ClientError> {
        let Destination { endpoint, project, logstore, .. } = &spec.destination;
        check_logstore(logstore)?;
        let endpoint = Endpoint::parse(endpoint, project)?;
        let url = Url::parse(&endpoint.base_url()).map_err(|_| ClientError::Url(endpoint.base_url()))?;
        let http = http_client(&spec, url.scheme() == "https")?;
        let extra = spec.extra_headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let host = endpoint.host();
        let template = Arc::new(Template::new(spec.destination, endpoint, spec.user_agent, extra)?);
        Ok(Self { http, host, url, template, credentials: spec.credentials, clock: Clock::default() })
    }

    /// Sends a package once and says what became of it.
    ///
    /// An error that is about time corrects the clock that requests are signed by. An access key that is refused is looked
    /// for anew the next time.
    ///
    /// # Cancel safety
    /// Cancel safe, but the service may have the package.
    pub async fn put(&self, package: &Package) -> Answer {
        let credentials = match self.credentials.current().await {
            Ok(credentials) => credentials,
            Err(reason) => return self.refused(Class::Credentials, "NoCredentials", reason.to_string()),
        };
        let refusal = match self.send(package, &credentials).await {
            Answer::Refused(refusal) => refusal,
            accepted @ Answer::Accepted { .. } => return accepted,
        };
        if refusal.class == Class::Credentials {
            self.credentials.refused(&credentials);
        }
        Answer::Refused(Refusal { message: credentials.redact(&refusal.message), ..refusal })
    }

    /// Tells one access key from another: what it returns changes with the key that requests are signed with. `None` while
    /// there is none.
    pub async fn key_print(&self) -> Option<u64> {
        let Credentials { id, secret, token } = self.credentials.current().await.ok()?;
        let mut hasher = DefaultHasher::new();
        (id, secret, token).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Who is sent to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How far the service's clock is ahead of this machine's, as far as is known.
    pub fn clock_ahead_secs(&self) -> i64 {
        self.clock.ahead_secs()
    }

    async fn send(&self, package: &Package, credentials: &Credentials) -> Answer {
        let Some(request) = self.sign(package, credentials).await else {
            return self.refused(Class::Network, "RequestError", "the agent is stopping".to_owned());
        };
        let headers = match header_map(&request.headers) {
            Ok(headers) => headers,
            Err(error) => return self.refused(Class::Credentials, "NoCredentials", error.to_string()),
        };
        let mut url = self.url.clone();
        url.set_path(&request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        match self.http.post(url).headers(headers).body(package.body.clone()).send().await {
            Ok(response) => self.read(response, credentials).await,
            Err(error) => {
                let (code, message) = network::explain(error);
                self.refused(Class::Network, code, message)
            }
        }
    }

    /// `None` if the runtime is being shut down.
    async fn sign(&self, package: &Package, credentials: &Credentials) -> Option<Request> {
        let now = self.clock.now();
        if package.body.len() <= LARGE_BODY_BYTES {
            return Some(self.template.write(package, credentials, now));
        }
        let (template, package, credentials) = (Arc::clone(&self.template), package.clone(), credentials.clone());
        tokio::task::spawn_blocking(move || template.write(&package, &credentials, now)).await.ok()
    }

    async fn read(&self, mut response: Response, credentials: &Credentials) -> Answer {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text("x-log-requestid");
        let (body, error) = match status {
            // It is accepted, whatever comes after.
            200 if request_id.is_some() && !is_short(&response) => (Vec::new(), None),
            _ => network::read_body(&mut response).await,
        };
        // Whoever answers may repeat what was sent. That goes first, while it is whole.
        let body = credentials.redact(&String::from_utf8_lossy(&body));
        let request_id = request_id.map(|id| credentials.redact(id));
        let (id, location) = (request_id.as_deref(), text("location"));
        let answer = Answer::of(&self.host, &Reply { status, request_id: id, location, body: body.as_bytes() });
        match (answer, error) {
            (Answer::Refused(refusal), Some(error)) => {
                let message = format!("its answer broke off: {}", network::explain(error).1);
                Answer::Refused(Refusal { message, ..refusal })
            }
            (answer, _) => {
                self.correct_clock(&answer, text("x-log-time"), text("date"));
                answer
            }
        }
    }

    fn correct_clock(&self, answer: &Answer, log_time: Option<&str>, date: Option<&str>) {
        let Answer::Refused(Refusal { class: Class::Clock, .. }) = answer else { return };
        if let Some(service) = clock::of_answer(log_time, date) {
            self.clock.correct(service);
            warn!(host = %self.host, ahead_secs = self.clock.ahead_secs(), "clock differs from the service's, corrected");
        }
    }

    fn refused(&self, class: Class, code: &str, message: String) -> Answer {
        let (host, code) = (self.host.clone(), code.to_owned());
        Answer::Refused(Refusal { class, host, status: None, code, message, request_id: None })
    }
}

/// Whether the rest of an answer is worth reading to use its connection again.
fn is_short(response: &Response) -> bool {
    response.content_length().is_some_and(|length| length <= network::MAX_ANSWER_BYTES as u64)
}

fn http_client(spec: &ClientSpec, https: bool) -> Result<reqwest::Client, ClientError> {
    let tls_error = |error| ClientError::Tls(network::explain(error).1);
    let authorities = Certificate::from_pem_bundle(&spec.authorities_pem).map_err(tls_error)?;
    let builder = || {
        let builder = network::builder().timeout(spec.request_timeout);
        if spec.proxies_from_environment { builder } else { builder.no_proxy() }
    };
    let built = builder().tls_certs_merge(authorities).build();
    if built.is_err() && !https {
        // A container without any certificates is good enough for plain HTTP; nobody is trusted then.
        return builder().tls_certs_only([]).build().map_err(tls_error);
    }
    built.map_err(tls_error)
}

/// What the HTTP library sends. It marks what is secret, so that it is in no trace of the library either.
fn header_map(headers: &Headers) -> Result<HeaderMap, HeaderError> {
    let pair = |(name, value): (&str, &str)| {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name(name.to_owned()))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| HeaderError::Value(name.to_owned()))?;
        value.set_sensitive(SECRET_HEADERS.contains(&name));
        Ok((key, value))
    };
    headers.iter().map(pair).collect()
}

const SECRET_HEADERS: &[&str] = &["authorization", "x-acs-security-token"];
