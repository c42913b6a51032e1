use super::*;
use crate::request::Headers;
use crate::signature::vectors::{DATE, G1, KEY_ID, LB, SECRET, bytes, post};

const NOW: i64 = 1_749_712_089;
const TIME: &str = "20250612T070809Z";

/// A sound write, changed by `spoil` before it is signed and by `tamper` afterwards.
fn check(version: Version, spoil: &[Change], tamper: &[Change], expected: Result<(), &str>) {
    let mut request = post(LB, bytes(G1), &[]);
    let own = match version {
        One => vec![
            ("date", DATE.to_owned()),
            ("content-md5", content_md5(&request.body)),
            ("x-log-signaturemethod", "hmac-sha1".to_owned()),
        ],
        Four => vec![
            ("host", "demo-project.127.0.0.1".to_owned()),
            ("x-log-date", TIME.to_owned()),
            ("x-log-content-sha256", v4::payload(&request.body)),
        ],
    };
    own.iter().for_each(|(name, value)| set(&mut request, name, Some(value)));
    set(&mut request, "content-type", Some("application/x-protobuf"));
    set(&mut request, "x-log-apiversion", Some("0.6.0"));
    set(&mut request, "x-log-bodyrawsize", Some("26"));
    spoil.iter().for_each(|change| change.apply(&mut request));
    let authorization = match version {
        One => format!("LOG {KEY_ID}:{}", v1::signature(&request, SECRET)),
        Four => {
            let scope = v4::Scope { day: "20250612", region: "cn-hangzhou" };
            let time = request.headers.first("x-log-date").unwrap_or_default();
            let signature = v4::signature(&request, SECRET, scope, time);
            format!(
                "{} Credential={KEY_ID}/20250612/cn-hangzhou/sls/aliyun_v4_request,Signature={signature}",
                v4::METHOD
            )
        }
    };
    set(&mut request, "authorization", Some(&authorization));
    tamper.iter().for_each(|change| change.apply(&mut request));
    let credentials = [Credential { id: KEY_ID.to_owned(), secret: SECRET.to_owned() }];
    let verdict = verify(&request, &credentials, NOW).map_err(|refusal| refusal.code);
    assert_eq!(verdict, expected.map_err(str::to_owned), "{version:?} {spoil:?} {tamper:?}");
}

#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Four,
}

#[derive(Debug)]
enum Change {
    Set(&'static str, &'static str),
    Remove(&'static str),
    Body(&'static [u8]),
    Path(&'static str),
    Query(&'static str),
    Method(&'static str),
}

impl Change {
    fn apply(&self, request: &mut Request) {
        match self {
            Self::Set(name, value) => set(request, name, Some(value)),
            Self::Remove(name) => set(request, name, None),
            Self::Body(body) => request.body = bytes::Bytes::from_static(body),
            Self::Path(path) => request.path = (*path).to_owned(),
            Self::Query(query) => request.query = crate::request::parse_query(query),
            Self::Method(method) => request.method = (*method).to_owned(),
        }
    }
}

fn set(request: &mut Request, name: &str, value: Option<&str>) {
    let kept: Headers = request.headers.iter().filter(|(key, _)| *key != name).collect();
    request.headers = kept;
    if let Some(value) = value {
        request.headers.push(name, value);
    }
}

use Change::{Body, Method, Path, Query, Remove, Set};
use Version::{Four, One};

#[test]
fn a_sound_request_passes() {
    for version in [One, Four] {
        check(version, &[], &[], Ok(()));
        check(version, &[], &[Set("user-agent", "not signed")], Ok(()));
    }
    check(One, &[Set("x-log-date", DATE)], &[Remove("date")], Ok(()));
    check(Four, &[], &[Set("host", "demo-project.127.0.0.1:8765")], Ok(()));
    check(Four, &[Set("host", "demo-project.127.0.0.1:8765")], &[], Ok(()));
}

#[test]
fn what_is_signed_cannot_be_changed() {
    for version in [One, Four] {
        for change in [
            Path("/logstores/other/shards/lb"),
            Query("key=1"),
            Method("PUT"),
            Set("content-type", "application/json"),
            Set("x-log-bodyrawsize", "27"),
            Set("x-log-compresstype", "lz4"),
            Set("x-acs-security-token", "token"),
        ] {
            check(version, &[], &[change], Err("SignatureNotMatch"));
        }
    }
    check(Four, &[], &[Set("host", "other.127.0.0.1")], Err("SignatureNotMatch"));
    check(Four, &[], &[Body(b"other")], Err("SignatureNotMatch"));
    check(Four, &[Set("x-log-content-sha256", "0")], &[], Err("SignatureNotMatch"));
    check(Four, &[Set("x-log-date", "20250612T070810Z")], &[Set("x-log-date", TIME)], Err("SignatureNotMatch"));
}

#[test]
fn digests_are_checked() {
    check(One, &[], &[Body(b"other")], Err("PostBodyInvalid"));
    check(One, &[Remove("content-md5")], &[], Err("MissingParameter"));
    check(One, &[Set("content-md5", "7b7a94dc6c7ec7ca91bc7a41620709a0")], &[], Err("PostBodyInvalid"));
    check(Four, &[Set("content-md5", "wrong")], &[], Err("PostBodyInvalid"));
    check(One, &[Body(b""), Remove("content-md5")], &[], Ok(()));
}

#[test]
fn clocks_may_be_a_quarter_of_an_hour_off() {
    for (date, expected) in [
        ("Thu, 12 Jun 2025 06:53:09 GMT", Ok(())),
        ("Thu, 12 Jun 2025 06:53:08 GMT", Err("RequestTimeExpired")),
        ("Thu, 12 Jun 2025 07:23:09 GMT", Ok(())),
        ("Thu, 12 Jun 2025 07:23:10 GMT", Err("RequestTimeExpired")),
        ("12/06/2025", Err("InvalidRequestTime")),
    ] {
        check(One, &[Set("date", date)], &[], expected);
    }
    for (date, expected) in [
        ("20250612T065309Z", Ok(())),
        ("20250612T065308Z", Err("RequestTimeExpired")),
        ("20250612T072310Z", Err("RequestTimeExpired")),
        (DATE, Err("InvalidRequestTime")),
    ] {
        check(Four, &[Set("x-log-date", date)], &[], expected);
    }
    check(One, &[], &[Remove("date")], Err("MissingParameter"));
    check(Four, &[], &[Remove("x-log-date")], Err("MissingParameter"));
}

#[test]
fn keys_must_be_known_and_named() {
    for (authorization, expected) in [
        ("LOG nobody:E2whTuxZnAiMxU4EAFUy0sO8zac=", "Unauthorized"),
        ("SLS4-HMAC-SHA256 Credential=nobody/20250612/r/sls/aliyun_v4_request,Signature=0", "Unauthorized"),
        ("LOG no-colon", "ParameterInvalid"),
        ("SLS4-HMAC-SHA256 Credential=a/b,Signature=0", "ParameterInvalid"),
        ("Bearer token", "ParameterInvalid"),
        ("LOG LTAIexampleAKID01:wrong", "SignatureNotMatch"),
    ] {
        check(One, &[], &[Set("authorization", authorization)], Err(expected));
    }
    check(One, &[], &[Remove("authorization")], Err("MissingParameter"));
}

#[test]
fn versions_and_methods_must_be_known() {
    check(One, &[Remove("x-log-apiversion")], &[], Err("MissingAPIVersion"));
    check(One, &[Set("x-log-apiversion", "9.9")], &[], Err("InvalidAPIVersion"));
    check(One, &[Remove("x-log-signaturemethod")], &[], Err("MissingParameter"));
    check(One, &[Set("x-log-signaturemethod", "hmac-md5")], &[], Err("ParameterInvalid"));
}
