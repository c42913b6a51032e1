//! What the service accepts, and every class of what it refuses.

use std::fs;
use std::sync::Arc;

use anyhow::Result;
use loglift::flusher::sls::http::class::Class;
use loglift::flusher::sls::http::client::ClientSpec;
use loglift::flusher::sls::http::credentials::{CredentialSource, CredentialStore};
use loglift::flusher::sls::package::{Compression, Destination, Form, Package};
use sls_emulator::faults::{Cut, Effect, ErrorAnswer, Faults, Rule};
use sls_emulator::{Credential, Emulator, Options};

use super::{GROUP, accepted, client, destination, package, plain, refusal, spec};

struct Service {
    emulator: Emulator,
    _data: tempfile::TempDir,
}

async fn start() -> Result<Service> {
    // The emulator has a runtime of its own, which cannot be made on a thread of this one.
    tokio::task::spawn_blocking(start_blocking).await?
}

fn start_blocking() -> Result<Service> {
    let data = tempfile::tempdir()?;
    let credentials = vec![Credential { id: "new".to_owned(), secret: "new-secret".to_owned() }];
    let emulator = Emulator::start(&Options { credentials, ..Options::new(data.path()) })?;
    emulator.create_logstore("demo", "app")?;
    Ok(Service { emulator, _data: data })
}

impl Service {
    fn spec(&self) -> ClientSpec {
        spec(&self.emulator.endpoint())
    }

    fn contents(&self) -> Result<usize> {
        Ok(self.emulator.events("demo", "app")?.len())
    }

    fn spoil(&self, effect: Effect) {
        self.emulator.set_faults(Faults { rules: vec![Rule::on("put_logs", effect)], ..Faults::default() });
    }
}

fn lz4() -> Vec<u8> {
    // Literals only: 15 and 11 more.
    [b"\xf0\x0b", GROUP].concat()
}

fn zstd() -> Vec<u8> {
    // A frame with its size, and one raw block, the last.
    [b"\x28\xb5\x2f\xfd\x20\x1a\xd1\x00\x00", GROUP].concat()
}

fn list() -> Package {
    let body = [b"\x0a\x22\x0a\x1c".as_slice(), &lz4(), b"\x10\x1a\x18\x02"].concat();
    let mut package = package(Compression::Lz4, body);
    package.head.form = Form::List;
    package.head.raw_bytes = package.body.len() as u64;
    package
}

#[tokio::test]
async fn both_signatures_and_every_compression_are_accepted() -> Result<()> {
    let service = start().await?;
    let mut routed = plain();
    routed.head.hash_key = Some("05000000000000000000000000000000".to_owned());
    let packages = [plain(), routed, package(Compression::Lz4, lz4()), package(Compression::Zstd, zstd()), list()];
    for region in [None, Some("cn-hangzhou".to_owned())] {
        let destination = Destination { region, ..destination(&service.emulator.endpoint()) };
        let extra_headers = [("X-Log-Colour".to_owned(), " blue ".to_owned())].into();
        let client = client(ClientSpec { destination, extra_headers, ..service.spec() });
        for package in &packages {
            accepted(&client, package).await;
        }
    }
    assert_eq!(service.contents()?, 2 * packages.len());
    Ok(())
}

#[tokio::test]
async fn a_large_body_is_accepted() -> Result<()> {
    let service = start().await?;
    let value = "x".repeat(1 << 20);
    // The same group with a longer value; lengths are varints of three bytes.
    let varint = |n: usize| [(n & 0x7f | 0x80) as u8, (n >> 7 & 0x7f | 0x80) as u8, (n >> 14) as u8];
    let pair = [b"\x0a\x07content\x12", &varint(value.len())[..], value.as_bytes()].concat();
    let log = [b"\x08\xd9\xf9\xa9\xc2\x06\x12", &varint(pair.len())[..], &pair].concat();
    let group = [b"\x0a", &varint(log.len())[..], &log].concat();
    let mut package = package(Compression::None, group);
    package.head.raw_bytes = package.body.len() as u64;
    accepted(&client(service.spec()), &package).await;
    assert_eq!(service.contents()?, 1);
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_says_so() -> Result<()> {
    let service = start().await?;
    for (id, secret, code) in
        [("testid", "wrong-secret", "SignatureNotMatch"), ("nobody", "wrong-secret", "Unauthorized")]
    {
        let source = CredentialSource::from_config(id, secret).into_iter().collect();
        let credentials = Arc::new(CredentialStore::new(source));
        let refusal = refusal(&client(ClientSpec { credentials, ..service.spec() })).await;
        assert_eq!((refusal.class, refusal.status, refusal.code.as_str()), (Class::Credentials, Some(401), code));
        assert!(refusal.request_id.is_some());
        assert!(!format!("{refusal} {refusal:?}").contains(secret), "{refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() -> Result<()> {
    let service = start().await?;
    let refusal = refusal(&client(ClientSpec { credentials: Arc::default(), ..service.spec() })).await;
    assert_eq!((refusal.class, refusal.status), (Class::Credentials, None));
    assert!(refusal.to_string().contains("no access key is configured"), "{refusal}");
    assert!(service.emulator.stats().requests.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_once() -> Result<()> {
    let service = start().await?;
    for (region, offset) in [(None, -1200), (Some("cn-hangzhou".to_owned()), 1200)] {
        service.emulator.set_faults(Faults { clock_offset_secs: offset, ..Faults::default() });
        let destination = Destination { region, ..destination(&service.emulator.endpoint()) };
        let client = client(ClientSpec { destination, ..service.spec() });
        assert_eq!(refusal(&client).await.class, Class::Clock);
        assert!((client.clock_ahead_secs() - offset).abs() < 60, "{}", client.clock_ahead_secs());
        accepted(&client, &plain()).await;
    }
    Ok(())
}

#[tokio::test]
async fn every_refusal_has_its_class() -> Result<()> {
    let service = start().await?;
    let client = client(service.spec());
    for (status, code, class) in [
        (500, "InternalServerError", Class::Server),
        (503, "ServerBusy", Class::Server),
        (403, "ShardWriteQuotaExceed", Class::QuotaLogstore),
        (403, "WriteQuotaExceed", Class::QuotaProject),
        (401, "Unauthorized", Class::Credentials),
        (403, "SecurityToken.Expired", Class::Credentials),
        (404, "ProjectNotExist", Class::Missing),
        (403, "ProjectForbidden", Class::Missing),
        (400, "RequestTimeTooSkewed", Class::Clock),
        (400, "ParameterInvalid", Class::Parameter),
        (400, "PostBodyInvalid", Class::Invalid),
        (413, "PostBodyTooLarge", Class::TooLarge),
        (400, "InvalidHost", Class::Odd),
        (400, "NobodyKnows", Class::Unknown),
        (429, "NobodyKnows", Class::Server),
    ] {
        service.spoil(Effect::error(status, code));
        let refusal = refusal(&client).await;
        assert_eq!((refusal.class, refusal.status, refusal.code.as_str()), (class, Some(status), code));
        assert!(refusal.to_string().contains(&format!("answered {status} {code}: ")), "{refusal}");
    }
    assert_eq!(service.contents()?, 0);
    Ok(())
}

#[tokio::test]
async fn answers_of_proxies_and_portals_decide_nothing() -> Result<()> {
    let service = start().await?;
    let client = client(service.spec());
    for (status, body, without_request_id, class) in [
        (200, "<html>Log in</html>", true, Class::Network),
        (502, "<html>Bad Gateway</html>", true, Class::Server),
        (500, "", false, Class::Server),
        (403, "<html>Forbidden</html>", true, Class::Network),
        (400, r#"{"errorCode": "PostBodyInvalid"}"#, true, Class::Network),
        (400, "not JSON", false, Class::Network),
    ] {
        let (code, message, body) = (String::new(), String::new(), Some(body.to_owned()));
        let error = Some(ErrorAnswer { status, code, message, body, without_request_id });
        service.spoil(Effect { error, ..Effect::default() });
        assert_eq!(refusal(&client).await.class, class, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_cut_is_trouble_of_the_network() -> Result<()> {
    let service = start().await?;
    let client = client(service.spec());
    for cut in [Cut::BeforeBody, Cut::MidBody, Cut::BeforeAnswer] {
        service.spoil(Effect { cut: Some(cut), ..Effect::default() });
        let refusal = refusal(&client).await;
        assert_eq!((refusal.class, refusal.status), (Class::Network, None), "{cut:?}");
    }
    service.emulator.set_faults(Faults::default());
    accepted(&client, &plain()).await;
    Ok(())
}

#[tokio::test]
async fn a_logstore_that_is_not_there_yet_is_awaited() -> Result<()> {
    let service = start().await?;
    let destination = Destination { logstore: "later".into(), ..destination(&service.emulator.endpoint()) };
    let client = client(ClientSpec { destination, ..service.spec() });
    assert_eq!(refusal(&client).await.class, Class::Missing);
    service.emulator.create_logstore("demo", "later")?;
    accepted(&client, &plain()).await;
    Ok(())
}

#[tokio::test]
async fn a_key_in_a_file_is_replaced_in_flight() -> Result<()> {
    let service = start().await?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("key.json");
    fs::write(&path, r#"{"access_key_id": "old", "access_key_secret": "old-secret"}"#)?;
    let credentials = Arc::new(CredentialStore::new(vec![CredentialSource::from_file(&path)]));
    let client = client(ClientSpec { credentials, ..service.spec() });
    assert_eq!(refusal(&client).await.class, Class::Credentials);
    fs::write(&path, r#"{"access_key_id": "new", "access_key_secret": "new-secret"}"#)?;
    accepted(&client, &plain()).await;
    fs::remove_file(&path)?;
    accepted(&client, &plain()).await;
    Ok(())
}

#[tokio::test]
async fn what_the_service_repeats_of_a_secret_is_not_passed_on() -> Result<()> {
    let service = start().await?;
    let message = "the key testsecret is wrong".to_owned();
    let error = ErrorAnswer { status: 403, code: "Unauthorized".to_owned(), message, ..ErrorAnswer::default() };
    service.spoil(Effect { error: Some(error), ..Effect::default() });
    let refusal = refusal(&client(service.spec())).await;
    assert_eq!(refusal.message, "the key [redacted] is wrong");
    // Where a long message is cut, half of a secret would be left.
    let body = Some("x".repeat(495) + "testsecret");
    service.spoil(Effect {
        error: Some(ErrorAnswer { status: 400, body, ..ErrorAnswer::default() }),
        ..Effect::default()
    });
    let refused = super::refusal(&client(service.spec())).await;
    assert!(!refused.message.contains("test"), "{refused}");
    Ok(())
}
