use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const NOW: i64 = 1_749_712_089;

fn key(id: &str, expires: i64) -> Key {
    Key { credentials: Credentials::new(id, "secret", Some("token")).unwrap(), expires }
}

#[test]
fn a_key_is_renewed_before_its_end_and_used_until_then() {
    let credentials = || key("a", 0).credentials;
    let tried = |ago: i64, problem: Option<&str>| Some((NOW - ago, problem.map(str::to_owned)));
    for (left, is_refused, tried, expected) in [
        (None, false, None, Step::Fetch),
        (None, false, tried(4, Some("no")), Step::Wait("no".to_owned())),
        (None, false, tried(5, Some("no")), Step::Fetch),
        (None, false, tried(-5, Some("no")), Step::Fetch),
        (Some(3600), false, None, Step::Use(credentials())),
        (Some(601), false, tried(3000, None), Step::Use(credentials())),
        (Some(600), false, tried(3000, None), Step::Renew(credentials())),
        (Some(600), false, tried(4, Some("no")), Step::Use(credentials())),
        (Some(1), false, tried(5, Some("no")), Step::Renew(credentials())),
        (Some(0), false, tried(5, Some("no")), Step::Fetch),
        (Some(0), false, tried(4, Some("no")), Step::Wait("no".to_owned())),
        (Some(0), false, tried(4, None), Step::Fetch),
        (Some(3600), true, tried(5, None), Step::Renew(credentials())),
        (Some(3600), true, tried(4, None), Step::Use(credentials())),
    ] {
        let name = format!("{left:?} {is_refused} {tried:?}");
        let known = Known { key: left.map(|left| key("a", NOW + left)), is_refused, tried };
        assert_eq!(known.step(NOW), expected, "{name}");
    }
}

#[test]
fn errors_do_not_quote_the_answer() {
    let whole = answer("id", "2025-06-12T07:08:09Z");
    assert_eq!(parse(&whole).unwrap().expires, NOW);
    for text in [
        "hidden".to_owned(),
        whole.replace(r#""hidden""#, r#"["hidden"]"#),
        whole.replace("Success", "hidden"),
        whole.replace("2025-06-12T07:08:09Z", "hidden"),
        whole.replace(r#""id""#, r#""""#),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(!error.contains("hidden"), "{error}");
    }
}

fn answer(id: &str, expiration: &str) -> String {
    format!(
        r#"{{"Code": "Success", "AccessKeyId": "{id}", "AccessKeySecret": "hidden", "SecurityToken": "t",
            "LastUpdated": "2025-06-12T01:08:09Z", "Expiration": "{expiration}"}}"#
    )
}

/// A metadata service with the role `agent`, whose keys are `key-0`, `key-1` and so on and end at the same second each.
struct Metadata {
    url: String,
    /// How many keys it gave. From `usize::MAX / 2` on it gives none.
    given: Arc<AtomicUsize>,
}

impl Metadata {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let given = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&given);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &shared).await;
            }
        });
        Self { url, given }
    }

    fn role(&self, role: Option<&str>) -> Role {
        Role::new(RoleSpec { metadata_url: self.url.clone(), role: role.map(str::to_owned) }).unwrap()
    }
}

const OUT_OF_ORDER: usize = usize::MAX / 2;

async fn serve(mut stream: TcpStream, given: &AtomicUsize) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
    let has_token = request.contains("x-aliyun-ecs-metadata-token: of-the-service\r\n");
    let (status, body) = match request.split(' ').take(2).collect::<Vec<_>>()[..] {
        ["put", "/latest/api/token"] if request.contains("metadata-token-ttl-seconds: ") => {
            (200, "of-the-service".into())
        }
        ["get", "/latest/meta-data/ram/security-credentials/"] if has_token => (200, "agent\n".into()),
        ["get", "/latest/meta-data/ram/security-credentials/agent"] if has_token => {
            match given.fetch_add(1, Ordering::Relaxed) {
                OUT_OF_ORDER.. => (500, String::new()),
                number => (200, answer(&format!("key-{number}"), "2025-06-12T07:08:09Z")),
            }
        }
        _ => (404, String::new()),
    };
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}

async fn id(role: &Role, now: i64) -> String {
    role.current(now).await.map_or_else(|error| error.to_string(), |credentials| credentials.id)
}

#[tokio::test]
async fn a_role_gives_keys_for_a_while() {
    let metadata = Metadata::start().await;
    for name in [None, Some("agent")] {
        metadata.given.store(0, Ordering::Relaxed);
        let role = metadata.role(name);
        assert_eq!(id(&role, NOW - 3600).await, "key-0");
        assert_eq!(id(&role, NOW - 601).await, "key-0");
        assert_eq!(id(&role, NOW - 600).await, "key-1");
        metadata.given.store(OUT_OF_ORDER, Ordering::Relaxed);
        assert_eq!(id(&role, NOW - 10).await, "key-1", "it holds");
        assert_eq!(id(&role, NOW).await, format!("the metadata service at {} answered 500", metadata.url));
        metadata.given.store(2, Ordering::Relaxed);
        assert_eq!(id(&role, NOW - 60).await, "key-2");
    }
}

#[tokio::test]
async fn a_refused_key_is_fetched_again() {
    let metadata = Metadata::start().await;
    let role = metadata.role(None);
    let old = role.current(NOW - 3600).await.unwrap();
    role.refused(&key("another", 0).credentials);
    assert_eq!(id(&role, NOW - 3000).await, "key-0");
    role.refused(&old);
    assert_eq!(id(&role, NOW - 3000).await, "key-1");
    assert_eq!(id(&role, NOW - 3000).await, "key-1");
}

#[tokio::test]
async fn one_fetches_for_all_who_wait() {
    let metadata = Metadata::start().await;
    let role = metadata.role(None);
    let ids = tokio::join!(id(&role, NOW - 3600), id(&role, NOW - 3600), id(&role, NOW - 3600));
    assert_eq!(ids, ("key-0".to_owned(), "key-0".to_owned(), "key-0".to_owned()));
    assert_eq!(metadata.given.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn without_a_metadata_service_or_a_role_there_is_no_key() {
    let metadata = Metadata::start().await;
    let error = id(&metadata.role(Some("another")), NOW).await;
    assert_eq!(error, format!("the metadata service at {} answered 404", metadata.url));
    let error = id(&metadata.role(Some("../../x")), NOW).await;
    assert_eq!(error, format!("the metadata service at {} names no role", metadata.url));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let role = Role::new(RoleSpec { metadata_url: format!("http://{closed}"), role: None }).unwrap();
    let error = id(&role, NOW).await;
    assert!(error.contains("gave no answer") && error.contains("refused"), "{error}");
}
