//! The HTTP library: how it is set up, and what its errors mean.

use std::error::Error;
use std::sync::Once;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::CertificateError;

/// How long a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// No answer that means anything is longer.
pub(super) const MAX_ANSWER_BYTES: usize = 64 << 10;

/// What every client is built from: HTTP/1.1 with verified certificates, and no redirect is followed.
pub(super) fn builder() -> reqwest::ClientBuilder {
    static CRYPTO: Once = Once::new();
    // Whoever was first has chosen for the process, and any choice will do.
    CRYPTO.call_once(|| _ = rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .http1_only()
        .redirect(Policy::none())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
}

/// Shorter than the idle time-out of load balancers, so that few requests meet a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a body, but no further than an answer can mean something. What came before an error is kept.
pub(super) async fn read_body(response: &mut reqwest::Response) -> (Vec<u8>, Option<reqwest::Error>) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk[..MAX_ANSWER_BYTES - body.len()]);
                return (body, None);
            }
            Ok(None) => return (body, None),
            Err(error) => return (body, Some(error)),
        }
    }
}

/// The code of an exchange that was not completed, as the service's own clients name it, and one line on why.
pub(super) fn explain(error: reqwest::Error) -> (&'static str, String) {
    // The URL is no secret, but it is known to who reads this.
    let error = error.without_url();
    if let Some(tls) = find::<rustls::Error>(&error) {
        return ("RequestError", explain_tls(tls));
    }
    if error.is_timeout() {
        let what = if error.is_connect() { "the connection" } else { "the answer" };
        return ("RequestTimeout", format!("{what} took too long"));
    }
    let text = chain(&error);
    match text.contains("dns error") {
        true => ("RequestError", format!("its host has no address: {text}")),
        false => ("RequestError", text),
    }
}

fn explain_tls(error: &rustls::Error) -> String {
    let detail = match error {
        rustls::Error::InvalidCertificate(certificate) => explain_certificate(certificate),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS; write http:// before the endpoint if that is meant",
        _ => "TLS failed",
    };
    format!("{detail} ({error})")
}

fn explain_certificate(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "its certificate is expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "its certificate is not valid yet; check this machine's clock",
        E::NotValidForName | E::NotValidForNameContext { .. } => "its certificate is for another host",
        E::UnknownIssuer => "its certificate is from nobody that this machine trusts",
        _ => "its certificate is not accepted",
    }
}

/// What an error and its causes say, without those that repeat their cause.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    super::answer::one_line(&texts.join(": "))
}

/// The first error of this type among the causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An I/O error passes over what it carries when it is asked for its source.
        let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = carried.map(|carried| carried as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}
