//! Who signs: access keys, and where they come from.
//!
//! The first source that has a key gives it, in this order: the agent's config, the environment, a file, the role of an
//! ECS instance. Where there is none, nothing can be sent, and everything waits until there is one.

mod file;
mod role;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use file::CredentialFile;
pub use role::{METADATA_URL, Role, RoleSpec};

use super::clock::unix_now;

/// An access key. What prints it leaves out what is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id, which requests name.
    pub id: String,
    /// The access key secret, which signs and is never sent.
    pub secret: String,
    /// The token of a temporary key.
    pub token: Option<String>,
}

/// Where an access key comes from.
#[derive(Debug)]
pub enum CredentialSource {
    /// From what never changes: the agent's config or the environment.
    Fixed(Credentials),
    /// From a file, which may be replaced.
    File(Arc<CredentialFile>),
    /// From the metadata service, for a while each.
    Role(Box<Role>),
}

/// The sources of an agent in their order.
#[derive(Debug, Default)]
pub struct CredentialStore {
    sources: Vec<CredentialSource>,
}

/// Why there is no access key; one line without any secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoCredentials(String);

impl Credentials {
    /// A key of these parts; `None` if one that is needed is empty.
    pub fn new(id: &str, secret: &str, token: Option<&str>) -> Option<Self> {
        let part = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Some(Self { id: part(id)?, secret: part(secret)?, token: token.and_then(part) })
    }

    /// The text with everything secret replaced.
    pub fn redact(&self, text: &str) -> String {
        let token = self.token.as_deref();
        let secrets = [Some(self.secret.as_str()), token].into_iter().flatten().filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| REDACTED);
        f.debug_struct("Credentials").field("id", &self.id).field("secret", &REDACTED).field("token", &token).finish()
    }
}

const REDACTED: &str = "[redacted]";

impl CredentialSource {
    /// `default_access_key_id` and `default_access_key` of the agent's config; `None` if one is empty.
    pub fn from_config(id: &str, secret: &str) -> Option<Self> {
        Credentials::new(id, secret, None).map(Self::Fixed)
    }

    /// `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and `ALIBABA_CLOUD_SECURITY_TOKEN`, as `lookup`
    /// says now; `None` if the id or the secret is missing.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let id = lookup("ALIBABA_CLOUD_ACCESS_KEY_ID")?;
        let secret = lookup("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?;
        Credentials::new(&id, &secret, lookup("ALIBABA_CLOUD_SECURITY_TOKEN").as_deref()).map(Self::Fixed)
    }

    /// A file with a JSON object of `access_key_id`, `access_key_secret` and, for a temporary key, `security_token`. It
    /// need not exist yet.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self::File(Arc::new(CredentialFile::new(path.into())))
    }

    /// The role of the ECS instance that this is. Nothing is asked yet.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn from_role(spec: RoleSpec) -> Result<Self, NoCredentials> {
        Ok(Self::Role(Box::new(Role::new(spec)?)))
    }

    async fn current(&self) -> Result<Credentials, NoCredentials> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::File(file) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || file.current()).await;
                read.unwrap_or_else(|_| Err(NoCredentials("the agent is stopping".to_owned())))
            }
            Self::Role(role) => role.current(unix_now()).await,
        }
    }

    fn refused(&self, credentials: &Credentials) {
        match self {
            Self::Fixed(_) => {}
            Self::File(file) => file.refused(credentials),
            Self::Role(role) => role.refused(credentials),
        }
    }
}

impl CredentialStore {
    /// A store of these sources, the first of which that has a key gives it.
    pub fn new(sources: Vec<CredentialSource>) -> Self {
        Self { sources }
    }

    /// The access key to sign with now.
    ///
    /// # Errors
    /// If no source has one, with the reason of each.
    ///
    /// # Cancel safety
    /// Cancel safe: what is not fetched now will be the next time.
    pub async fn current(&self) -> Result<Credentials, NoCredentials> {
        let mut reasons = Vec::new();
        for source in &self.sources {
            match source.current().await {
                Ok(credentials) => return Ok(credentials),
                Err(NoCredentials(reason)) => reasons.push(reason),
            }
        }
        Err(NoCredentials(if reasons.is_empty() { NONE_CONFIGURED.to_owned() } else { reasons.join("; ") }))
    }

    /// Says that the service refused a key, so that the source looks for another one the next time.
    pub fn refused(&self, credentials: &Credentials) {
        self.sources.iter().for_each(|source| source.refused(credentials));
    }
}

const NONE_CONFIGURED: &str = "no access key is configured";

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials::new("id", "hidden-secret", Some("hidden-token")).unwrap()
    }

    #[test]
    fn what_prints_credentials_leaves_out_what_is_secret() {
        let store = CredentialStore::new(vec![CredentialSource::Fixed(credentials())]);
        for text in [format!("{:?}", credentials()), format!("{:#?}", credentials()), format!("{store:?}")] {
            assert!(text.contains("id") && !text.contains("hidden"), "{text}");
        }
        let text = "key hidden-secret and token hidden-token";
        assert_eq!(credentials().redact(text), "key [redacted] and token [redacted]");
    }

    #[tokio::test]
    async fn the_first_source_that_has_a_key_gives_it() {
        let environment = |name: &str| match name {
            "ALIBABA_CLOUD_ACCESS_KEY_ID" => Some(" from-environment\n".to_owned()),
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET" => Some("secret".to_owned()),
            _ => None,
        };
        let id = async |sources: [Option<CredentialSource>; 2]| {
            let store = CredentialStore::new(sources.into_iter().flatten().collect());
            store.current().await.map(|credentials| credentials.id).map_err(|error| error.to_string())
        };
        let from_environment = || CredentialSource::from_environment(environment);
        let config = |id| CredentialSource::from_config(id, "secret");
        assert_eq!(id([config("from-config"), from_environment()]).await, Ok("from-config".to_owned()));
        assert_eq!(id([config(""), from_environment()]).await, Ok("from-environment".to_owned()));
        assert_eq!(id([None, None]).await, Err("no access key is configured".to_owned()));
    }

    #[test]
    fn a_key_of_the_environment_may_have_a_token_and_needs_a_secret() {
        let from = |names: &'static [&str]| {
            CredentialSource::from_environment(move |name| {
                names.iter().any(|known| name.ends_with(known)).then(|| "x".to_owned())
            })
        };
        let Some(CredentialSource::Fixed(found)) = from(&["_ID", "_SECRET", "_TOKEN"]) else { panic!("there is one") };
        assert_eq!(found.token.as_deref(), Some("x"));
        assert!(from(&["_ID"]).is_none() && from(&["_SECRET", "_TOKEN"]).is_none());
        assert!(CredentialSource::from_environment(|_| Some(String::new())).is_none());
    }
}
