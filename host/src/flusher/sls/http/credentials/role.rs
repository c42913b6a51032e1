//! Temporary access keys of the role that an ECS instance has, from the metadata service.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Client, Response};
use serde::Deserialize;
use tracing::warn;

use super::{Credentials, NoCredentials};
use crate::flusher::sls::http::clock::parse_iso;
use crate::flusher::sls::http::network;

/// Where the metadata service is on every ECS instance.
pub const METADATA_URL: &str = "http://100.100.100.200";

/// Which role is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// Where the metadata service is, without a slash at its end: [`METADATA_URL`] but for tests.
    pub metadata_url: String,
    /// The name of the role; `None` for the one that the instance has.
    pub role: Option<String>,
}

/// The role of an ECS instance.
///
/// A key is fetched when it is first needed, when it ends within ten minutes, and when the service refused it. While that
/// fails, the old one is used as long as it holds.
#[derive(Debug)]
pub struct Role {
    spec: RoleSpec,
    http: Client,
    known: Mutex<Known>,
    /// Held by the one who fetches. Who has no key waits for that; it is an async lock, so that no thread does.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    key: Option<Key>,
    /// The service refused the key.
    is_refused: bool,
    /// When it was last tried to get one, and what went wrong if anything did.
    tried: Option<(i64, Option<String>)>,
}

#[derive(Debug, Clone)]
struct Key {
    credentials: Credentials,
    /// In Unix seconds.
    expires: i64,
}

/// What to do about a key. Times are in Unix seconds.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Use the key.
    Use(Credentials),
    /// Try to get another one, and use this one if that fails or somebody tries already.
    Renew(Credentials),
    /// Get one: there is none that holds.
    Fetch,
    /// It was tried just now, with this result.
    Wait(String),
}

/// The answer of the metadata service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    code: String,
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    expiration: String,
}

impl Known {
    fn step(&self, now: i64) -> Step {
        let has_just_tried = self.tried.as_ref().is_some_and(|(at, _)| now.abs_diff(*at) < PAUSE_SECS);
        let key = self.key.as_ref().filter(|key| now < key.expires);
        match key {
            Some(key) if has_just_tried || (now < key.expires - RENEW_BEFORE_SECS && !self.is_refused) => {
                Step::Use(key.credentials.clone())
            }
            Some(key) => Step::Renew(key.credentials.clone()),
            None => match &self.tried {
                Some((_, Some(problem))) if has_just_tried => Step::Wait(problem.clone()),
                _ => Step::Fetch,
            },
        }
    }
}

/// A key is renewed so long before its end.
const RENEW_BEFORE_SECS: i64 = 10 * 60;

/// The metadata service is asked no more often than this, however many requests need a key.
const PAUSE_SECS: u64 = 5;

const TIMEOUT: Duration = Duration::from_secs(5);

const TOKEN_SECS: &str = "60";

impl Role {
    pub(super) fn new(spec: RoleSpec) -> Result<Self, NoCredentials> {
        // The service is on the machine's own link, with plain HTTP: no proxy and no certificate has a part in it.
        let builder = network::builder().no_proxy().tls_certs_only([]).timeout(TIMEOUT);
        let http = builder.build().map_err(|error| NoCredentials(network::explain(error).1))?;
        Ok(Self { spec, http, known: Mutex::default(), fetching: tokio::sync::Mutex::new(()) })
    }

    /// The key at this time, in Unix seconds.
    pub(super) async fn current(&self, now: i64) -> Result<Credentials, NoCredentials> {
        match self.step(now) {
            Step::Use(credentials) => Ok(credentials),
            Step::Wait(problem) => Err(NoCredentials(problem)),
            Step::Renew(old) => match self.fetching.try_lock() {
                Ok(_fetching) => self.renew(now).await.or(Ok(old)),
                Err(_) => Ok(old),
            },
            Step::Fetch => {
                let _fetching = self.fetching.lock().await;
                // Somebody else may have done it in the meantime.
                match self.step(now) {
                    Step::Use(credentials) | Step::Renew(credentials) => Ok(credentials),
                    Step::Wait(problem) => Err(NoCredentials(problem)),
                    Step::Fetch => self.renew(now).await,
                }
            }
        }
    }

    pub(super) fn refused(&self, credentials: &Credentials) {
        let mut known = self.known();
        known.is_refused |= known.key.as_ref().is_some_and(|key| key.credentials == *credentials);
    }

    async fn renew(&self, now: i64) -> Result<Credentials, NoCredentials> {
        let fetched = self.fetch().await;
        let mut known = self.known();
        match fetched {
            Ok(key) => {
                *known = Known { key: Some(key.clone()), is_refused: false, tried: Some((now, None)) };
                Ok(key.credentials)
            }
            Err(problem) => {
                let problem = format!("the metadata service at {} {problem}", self.spec.metadata_url);
                if known.tried.as_ref().is_none_or(|(_, known)| known.as_ref() != Some(&problem)) {
                    warn!(%problem, "credentials of the role not fetched, retrying");
                }
                known.tried = Some((now, Some(problem.clone())));
                Err(NoCredentials(problem))
            }
        }
    }

    /// Gets a key. Errors end a sentence that begins with the metadata service.
    async fn fetch(&self) -> Result<Key, String> {
        let base = &self.spec.metadata_url;
        let token = self.http.put(format!("{base}/latest/api/token"));
        let token = read(token.header("X-aliyun-ecs-metadata-token-ttl-seconds", TOKEN_SECS).send().await).await?;
        let read_path = async |path: &str| {
            let request = self.http.get(format!("{base}/latest/meta-data/ram/security-credentials/{path}"));
            read(request.header("X-aliyun-ecs-metadata-token", token.trim()).send().await).await
        };
        let role = match &self.spec.role {
            Some(role) => role.clone(),
            None => read_path("").await?.lines().next().unwrap_or_default().trim().to_owned(),
        };
        if role.is_empty() || !role.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err("names no role".to_owned());
        }
        parse(&read_path(&role).await?)
    }

    fn step(&self, now: i64) -> Step {
        self.known().step(now)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(response: reqwest::Result<Response>) -> Result<String, String> {
    let failed = |error| format!("gave no answer: {}", network::explain(error).1);
    let mut response = response.map_err(failed)?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("answered {}", status.as_u16()));
    }
    match network::read_body(&mut response).await {
        (_, Some(error)) => Err(failed(error)),
        (body, None) => String::from_utf8(body).map_err(|_| "answered no text".to_owned()),
    }
}

fn parse(text: &str) -> Result<Key, String> {
    // What serde says of an error may quote a secret.
    let content: Content = serde_json::from_str(text).map_err(|_| "answered no credentials".to_owned())?;
    if content.code != "Success" {
        return Err("has no credentials for the role".to_owned());
    }
    let Content { access_key_id, access_key_secret, security_token, expiration, .. } = content;
    let credentials = Credentials::new(&access_key_id, &access_key_secret, Some(&security_token));
    let key = credentials.zip(parse_iso(&expiration)).map(|(credentials, expires)| Key { credentials, expires });
    key.ok_or_else(|| "answered incomplete credentials".to_owned())
}

#[cfg(test)]
mod tests;
