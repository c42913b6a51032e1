//! The client of `flusher_sls` against the emulator, and against everything that is not the service.

mod emulator;
mod hostile;
mod servers;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use loglift::flusher::sls::http::answer::{Answer, Refusal};
use loglift::flusher::sls::http::client::{Client, ClientSpec};
use loglift::flusher::sls::http::credentials::{CredentialSource, CredentialStore};
use loglift::flusher::sls::package::{Compression, Destination, Form, Head, Package};

/// A log group with one event whose `content` is `hello`.
const GROUP: &[u8] = b"\x0a\x18\x08\xd9\xf9\xa9\xc2\x06\x12\x10\x0a\x07content\x12\x05hello";

fn destination(endpoint: &str) -> Destination {
    Destination { endpoint: endpoint.into(), region: None, project: "demo".into(), logstore: "app".into() }
}

/// A spec without the proxies of whoever runs the tests.
fn spec(endpoint: &str) -> ClientSpec {
    let credentials = CredentialSource::from_config("testid", "testsecret");
    let credentials = Arc::new(CredentialStore::new(credentials.into_iter().collect()));
    let spec = ClientSpec::new(destination(endpoint), "loglift-tests/1", credentials);
    ClientSpec { proxies_from_environment: false, request_timeout: Duration::from_secs(60), ..spec }
}

fn client(spec: ClientSpec) -> Client {
    Client::new(spec).unwrap_or_else(|error| panic!("{error}"))
}

fn package(compression: Compression, body: Vec<u8>) -> Package {
    let head = Head {
        pipeline: "p".into(),
        form: Form::LogGroup,
        compression,
        raw_bytes: GROUP.len() as u64,
        hash_key: None,
        events: 1,
        read_seconds: 1_749_712_089,
        origins: Vec::new(),
    };
    Package { head, body: body.into() }
}

fn plain() -> Package {
    package(Compression::None, GROUP.to_vec())
}

async fn refusal(client: &Client) -> Refusal {
    match client.put(&plain()).await {
        Answer::Refused(refusal) => refusal,
        Answer::Accepted { request_id } => panic!("accepted as {request_id}"),
    }
}

async fn accepted(client: &Client, package: &Package) {
    let answer = client.put(package).await;
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
}
