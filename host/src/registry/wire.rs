//! What is said to a registry, by the client of the ORAS project, within limits of time and size.

use std::error::Error;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};

use super::artifact::{self, Facts, MANIFEST_TYPE, MAX_COMPONENT_BYTES, Named};
use super::store::{MAX_MANIFEST_BYTES, digest};
use super::{Access, is_plain};
use crate::config::Reference;
use crate::telemetry::one_line;

/// What went wrong with a registry, in one line that begins with the reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(String);

/// The registry of one reference.
pub(super) struct Wire {
    reference: Reference,
    client: Client,
    auth: RegistryAuth,
    /// The file that credentials are from.
    login: Option<String>,
}

impl Wire {
    /// Speaks to nobody yet.
    pub(super) fn new(reference: &Reference, access: &Access) -> Result<Self, Trouble> {
        static CRYPTO: Once = Once::new();
        // Whoever was first has chosen for the process, and any choice will do.
        CRYPTO.call_once(|| _ = rustls::crypto::ring::default_provider().install_default());
        let trouble = |what: String| Trouble(format!("{reference}: {what}"));
        let login = access.credentials.of(reference).map_err(trouble)?;
        let protocol =
            if is_plain(reference, &access.plain_http) { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            // One request for a component: what every registry takes.
            use_monolithic_push: true,
            platform_resolver: None,
            read_timeout: Some(SILENCE),
            connect_timeout: Some(CONNECT_TIME),
            user_agent: concat!("loglift/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| trouble(explain_chain(&error)))?;
        let from = login.as_ref().map(|login| login.from.display().to_string());
        let auth = login.map_or(RegistryAuth::Anonymous, |login| RegistryAuth::Basic(login.user, login.password.0));
        Ok(Self { reference: reference.clone(), client, auth, login: from })
    }

    pub(super) fn trouble(&self, what: &str) -> Trouble {
        Trouble(one_line(&format!("{}: {what}", self.reference)))
    }

    /// The digest of the manifest that the tag leads to.
    pub(super) async fn digest_of_tag(&self) -> Result<String, Trouble> {
        let image = self.tagged();
        match within(ANSWER_TIME, self.client.fetch_manifest_digest(&image, &self.auth)).await {
            Ok(digest) if crate::config::is_digest(&digest) => Ok(digest),
            Ok(digest) => Err(self.trouble(&format!("its tag leads to {digest}, which is no SHA-256"))),
            Err(error) => Err(self.missing(error).await),
        }
    }

    /// The manifest with a digest, which was checked.
    pub(super) async fn manifest(&self, digest: &str) -> Result<Vec<u8>, Trouble> {
        let image = self.pinned(digest);
        let types = [MANIFEST_TYPE, "application/vnd.oci.image.index.v1+json"];
        let manifest = match within(ANSWER_TIME, self.client.pull_manifest_raw(&image, &self.auth, &types)).await {
            Ok((manifest, _)) => manifest,
            Err(error) => return Err(self.missing(error).await),
        };
        if manifest.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(self.trouble(&format!("its manifest has {} bytes, which no manifest has", manifest.len())));
        }
        Ok(manifest.to_vec())
    }

    /// Writes a component, whose digest is checked as it comes.
    pub(super) async fn component(&self, component: &Named, file: impl Write + Send + Unpin) -> Result<(), Trouble> {
        let out = Bounded { file, left: component.bytes };
        let image = self.tagged();
        let pulled = within(DOWNLOAD_TIME, self.client.pull_blob(&image, component.digest.as_str(), out)).await;
        pulled.map_err(|error| self.trouble(&format!("its component cannot be downloaded: {}", self.explain(&error))))
    }

    /// Brings a component there, and then what names it. Returns the digest of its manifest.
    pub(super) async fn push(&self, component: Vec<u8>, facts: &Facts) -> Result<String, Trouble> {
        let named = Named { digest: digest(&component), bytes: component.len() as u64 };
        if named.bytes > MAX_COMPONENT_BYTES {
            let bytes = named.bytes;
            return Err(self.trouble(&format!(
                "the component has {bytes} bytes, and more than {MAX_COMPONENT_BYTES} would not be downloaded"
            )));
        }
        let written = artifact::write(&named, facts, digest).map_err(|error| self.trouble(&error.to_string()))?;
        let image = self.tagged();
        let manifest_digest = digest(&written.manifest);
        let all = async {
            self.client.auth(&image, &self.auth, RegistryOperation::Push).await?;
            self.client.push_blob(&image, component, &named.digest).await?;
            self.client.push_blob(&image, written.config, &written.config_digest).await?;
            let media_type = MANIFEST_TYPE.parse().map_err(|_| OciDistributionError::GenericError(None))?;
            self.client.push_manifest_raw(&image, written.manifest, media_type).await
        };
        within(DOWNLOAD_TIME, all)
            .await
            .map_err(|error| self.trouble(&format!("cannot be pushed: {}", self.explain(&error))))?;
        Ok(manifest_digest)
    }

    fn tagged(&self) -> oci_client::Reference {
        let Reference { registry, repository, .. } = self.reference.clone();
        oci_client::Reference::with_tag(registry, repository, self.reference.tag_or_latest().to_owned())
    }

    fn pinned(&self, digest: &str) -> oci_client::Reference {
        let Reference { registry, repository, .. } = self.reference.clone();
        oci_client::Reference::with_digest(registry, repository, digest.to_owned())
    }

    /// Why there is no manifest; of a tag that is not there, which ones are.
    async fn missing(&self, failure: Failure) -> Trouble {
        if !failure.is_missing() {
            return self.trouble(&self.explain(&failure));
        }
        let image = self.tagged();
        let tags = within(ANSWER_TIME, self.client.list_tags(&image, &self.auth, Some(SHOWN_TAGS), None)).await;
        let Reference { registry, repository, digest, .. } = &self.reference;
        let what = match (tags, digest) {
            (Err(error), _) if error.is_missing() => format!("{registry} has no repository {repository}"),
            (_, Some(digest)) => format!("{repository} has nothing with the digest {digest}"),
            (Ok(mut tags), None) if !tags.tags.is_empty() => {
                tags.tags.sort();
                tags.tags.truncate(SHOWN_TAGS);
                let tags = tags.tags.join(", ");
                format!("{repository} has no tag {} (it has {tags})", self.reference.tag_or_latest())
            }
            (_, None) => format!("{repository} has no tag {}", self.reference.tag_or_latest()),
        };
        self.trouble(&what)
    }

    fn explain(&self, failure: &Failure) -> String {
        let error = match failure {
            Failure::Late(time) => return format!("no answer in {} s", time.as_secs()),
            Failure::Error(error) => error,
        };
        let registry = &self.reference.registry;
        if is_refusal(error) {
            return match &self.login {
                Some(file) => format!("{registry} refuses the credentials from {file}"),
                None => format!(
                    "{registry} wants credentials: `docker login {registry}`, or name a file that has them by \
                        REGISTRY_AUTH_FILE"
                ),
            };
        }
        match error {
            OciDistributionError::ServerError { code, message, .. } => {
                let message: String = message.trim().chars().take(SHOWN_CHARS).collect();
                let said = if message.is_empty() { message } else { format!(": {message}") };
                format!("{registry} answers {code}{said}")
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                let said = envelope.errors.iter().map(|error| {
                    let text: String = error.message.chars().take(SHOWN_CHARS).collect();
                    if text.is_empty() { format!("{:?}", error.code) } else { text }
                });
                format!("{registry} refuses: {}", said.collect::<Vec<_>>().join("; "))
            }
            OciDistributionError::DigestError(error) => explain_digest(error),
            OciDistributionError::RequestError(request) if request.is_connect() => {
                format!(
                    "{registry} cannot be reached: {}; check its name and port, and that it is up",
                    explain_chain(error)
                )
            }
            OciDistributionError::RequestError(request) if request.is_timeout() => {
                format!("{registry} says nothing any more")
            }
            other => explain_chain(other),
        }
    }
}

/// How an exchange failed.
enum Failure {
    /// It took too long.
    Late(Duration),
    Error(OciDistributionError),
}

impl Failure {
    /// There is no such thing.
    fn is_missing(&self) -> bool {
        match self {
            Self::Error(OciDistributionError::ServerError { code, .. }) => *code == 404,
            Self::Error(OciDistributionError::RegistryError { envelope, .. }) => {
                use OciErrorCode::{ManifestUnknown, NameUnknown, NotFound};
                envelope.errors.iter().any(|error| [ManifestUnknown, NameUnknown, NotFound].contains(&error.code))
            }
            Self::Error(OciDistributionError::ImageManifestNotFoundError(_)) => true,
            _ => false,
        }
    }
}

async fn within<T>(
    time: Duration,
    exchange: impl Future<Output = Result<T, OciDistributionError>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(time, exchange).await {
        Ok(done) => done.map_err(Failure::Error),
        Err(_) => Err(Failure::Late(time)),
    }
}

/// Whether it is about who we are.
fn is_refusal(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => true,
        OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| matches!(error.code, OciErrorCode::Unauthorized | OciErrorCode::Denied))
        }
        _ => false,
    }
}

fn explain_digest(error: &DigestError) -> String {
    match error {
        DigestError::VerificationError { expected, actual } => {
            format!("what came has the digest {actual}, and {expected} was meant: it was changed on the way, or there")
        }
        other => other.to_string(),
    }
}

/// An error and its causes, each fact once, with advice where there is some.
fn explain_chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidMessage(_) => {
                    "it does not speak TLS; name it with --plain-http-registry if it is not meant to".to_owned()
                }
                rustls::Error::InvalidCertificate(_) => {
                    format!("its certificate is not accepted ({tls}); SSL_CERT_FILE names the authorities that are")
                }
                _ => format!("TLS failed ({tls})"),
            };
        }
        if let Some(digest) = error.downcast_ref::<DigestError>() {
            return explain_digest(digest);
        }
        let text = error.to_string();
        // That something was requested is known, and so is from whom.
        let is_known = text.starts_with("error sending request") || text.starts_with("client error (");
        if !is_known && !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        // An I/O error passes over what it carries when it is asked for its source.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = carried.map(|carried| carried as &(dyn Error + 'static)).or_else(|| error.source());
    }
    texts.join(": ")
}

/// Takes as many bytes as were announced.
struct Bounded<W> {
    file: W,
    left: u64,
}

impl<W: Write + Unpin> tokio::io::AsyncWrite for Bounded<W> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return Poll::Ready(Err(io::Error::other("there is more of it than its manifest says")));
        };
        self.left = left;
        // A local file: what it takes is there before the next bytes are.
        Poll::Ready(self.file.write_all(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.file.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a registry may say nothing in the middle of something.
const SILENCE: Duration = Duration::from_secs(15);
/// How long a small question may take, with what it takes to be let in.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// How long a component may take: the largest one at 2 Mbit/s.
pub(super) const DOWNLOAD_TIME: Duration = Duration::from_secs(600);

const SHOWN_TAGS: usize = 5;
/// As much of what a registry says.
const SHOWN_CHARS: usize = 200;
