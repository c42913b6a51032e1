//! Certificates: verified always.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use loglift::flusher::sls::http::class::Class;
use loglift::flusher::sls::http::client::{Client, ClientError, ClientSpec};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::hostile::run_test;
use super::servers::{accept, proxy, serve};
use super::{accepted, client, plain, refusal, spec};

/// What an authority and a server need.
struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self { authority: CertifiedIssuer::self_signed(params, key).expect("an authority") }
    }

    /// Serves with a certificate for a name, which may be expired.
    async fn serve(&self, name: &str, is_expired: bool) -> u16 {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        if is_expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.authority).expect("a certificate");
        let acceptor = acceptor(certificate.der().clone(), &key);
        serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    accept(stream).await;
                }
            }
        })
        .await
    }

    fn trusting(&self, port: u16) -> ClientSpec {
        ClientSpec { authorities_pem: self.authority.pem().into_bytes(), ..at(port) }
    }
}

fn at(port: u16) -> ClientSpec {
    spec(&format!("127.0.0.1:{port}"))
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate of this key");
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted_and_no_other() {
    let pki = Pki::new("ours");
    let port = pki.serve("127.0.0.1", false).await;
    accepted(&client(pki.trusting(port)), &plain()).await;
    for (spec, expected) in [
        (at(port), "nobody that this machine trusts"),
        (Pki::new("theirs").trusting(port), "nobody that this machine trusts"),
        (pki.trusting(pki.serve("127.0.0.1", true).await), "expired"),
        (pki.trusting(pki.serve("another.example", false).await), "for another host"),
    ] {
        let refused = refusal(&client(spec)).await;
        assert_eq!((refused.class, refused.status), (Class::Network, None));
        assert!(refused.message.contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn the_two_schemes_are_not_mistaken_for_each_other() {
    let plain = serve(|mut stream| async move {
        _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let refused = refusal(&client(at(plain))).await;
    assert_eq!((refused.class, refused.status), (Class::Network, None));
    assert!(refused.message.contains("write http:// before the endpoint"), "{refused}");
    let port = Pki::new("ours").serve("127.0.0.1", false).await;
    let refused = refusal(&client(spec(&format!("http://127.0.0.1:{port}")))).await;
    assert_eq!(refused.class, Class::Network, "{refused}");
}

#[tokio::test]
async fn a_certificate_of_itself_is_refused() {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    let acceptor = acceptor(params.self_signed(&key).expect("a certificate").der().clone(), &key);
    let port = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move { _ = acceptor.accept(stream).await }
    })
    .await;
    let refused = refusal(&client(at(port))).await;
    assert!(refused.message.contains("nobody that this machine trusts"), "{refused}");
}

/// Who is trusted comes from the machine, or from a file that the environment names.
#[tokio::test]
async fn a_tunnel_through_a_proxy_leads_to_a_verified_service() {
    let pki = Pki::new("ours");
    let proxy = proxy(pki.serve("demo.proxied.invalid", false).await).await;
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let directory = tempfile::tempdir().expect("a directory");
    for (authority, is_accepted) in [(&pki, true), (&Pki::new("theirs"), false)] {
        let file = directory.path().join("authority.pem");
        std::fs::write(&file, authority.authority.pem()).expect("a file");
        let trusted = [("SSL_CERT_FILE", file.to_str().expect("a path")), ("SSL_CERT_DIR", "")];
        let variables = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", ""), trusted[0], trusted[1]];
        let output = run_test("tls::in_an_environment_with_a_proxy", &variables).await;
        assert_eq!(output.status.success(), is_accepted, "{output:?}");
    }
    assert_eq!((proxy.tunnels.load(Ordering::Relaxed), proxy.forwards.load(Ordering::Relaxed)), (2, 0));
}

#[tokio::test]
#[ignore = "run by a_tunnel_through_a_proxy_leads_to_a_verified_service"]
async fn in_an_environment_with_a_proxy() {
    let spec = ClientSpec { proxies_from_environment: true, ..spec("proxied.invalid") };
    accepted(&client(spec), &plain()).await;
}

#[test]
fn authorities_that_cannot_be_read_are_refused() {
    let authorities_pem = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec();
    let made = Client::new(ClientSpec { authorities_pem, ..at(1) });
    assert!(matches!(made.err(), Some(ClientError::Tls(_))));
}
