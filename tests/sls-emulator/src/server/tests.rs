//! Requests over a real connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::faults::{Cut, Effect, ErrorAnswer, Faults, Rule};
use crate::request::{Headers, Request, parse_query};
use crate::signature::v1;
use crate::signature::vectors::{G1, G2, LZ4_G2, PACKAGES, bytes};
use crate::verify::content_md5;
use crate::{Credential, Emulator, Options, clock};

const LB: &str = "/logstores/app/shards/lb";

/// An emulator with one logstore.
fn start(change: impl FnOnce(&mut Options)) -> (TempDir, Emulator) {
    let scratch = tempfile::tempdir().unwrap();
    let mut options = Options::new(scratch.path());
    change(&mut options);
    let emulator = Emulator::start(&options).unwrap();
    emulator.create_logstore("demo", "app").unwrap();
    (scratch, emulator)
}

/// A signed request of `testid`, changed by `spoil` before it is signed.
fn signed(method: &str, target: &str, body: &[u8], headers: &[(&str, &str)]) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let date = clock::format_http(clock::now());
    let md5 = content_md5(body);
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: parse_query(query),
        headers: headers.iter().copied().collect(),
        body: body.to_vec().into(),
    };
    for (name, value) in [
        ("host", "demo.localhost:8765"),
        ("date", &date),
        ("content-md5", &md5),
        ("content-type", "application/x-protobuf"),
        ("x-log-apiversion", "0.6.0"),
        ("x-log-signaturemethod", "hmac-sha1"),
    ] {
        if request.headers.first(name).is_none() {
            request.headers.push(name, value);
        }
    }
    let authorization = format!("LOG testid:{}", v1::signature(&request, "testsecret"));
    request.headers.push("authorization", &authorization);
    request
}

fn write(hex: &str, headers: &[(&str, &str)]) -> Request {
    signed("POST", LB, &bytes(hex), headers)
}

fn g1() -> Request {
    write(G1, &[("x-log-bodyrawsize", "26")])
}

/// Status, headers and body of an answer; `None` if the connection ended without one.
fn send(emulator: &Emulator, request: &Request) -> Option<(u16, Headers, Vec<u8>)> {
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    let query: Vec<String> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let mut head = format!("{} {}{mark}{} HTTP/1.1\r\n", request.method, request.path, query.join("&"));
    request.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", request.body.len());
    // A connection that is cut may refuse the rest of a body.
    _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&request.body));
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": ")).collect();
    Some((status, headers, answer[end + 4..].to_vec()))
}

fn answer_json(emulator: &Emulator, request: &Request) -> (u16, Value) {
    let (status, _, body) = send(emulator, request).unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Sends a request and compares the status and the code of the answer; no code stands for success.
fn check(emulator: &Emulator, request: &Request, status: u16, code: &str) {
    let (found, headers, body) = send(emulator, request).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    assert_eq!((found, body["errorCode"].as_str().unwrap_or_default()), (status, code), "{body}");
    assert!(code.is_empty() || body["errorMessage"].is_string());
    assert!(headers.first("x-log-requestid").is_some_and(|id| id.len() == 24), "{headers:?}");
    assert!(headers.first("x-log-time").is_some());
}

fn admin(emulator: &Emulator, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: parse_query(query),
        headers: [("host", "localhost")].into_iter().collect(),
        body: body.into(),
    };
    answer_json(emulator, &request)
}

#[test]
fn every_way_of_writing_is_accepted() {
    let (_scratch, emulator) = start(|_| {});
    let lz4 = [("x-log-bodyrawsize", "173"), ("x-log-compresstype", "lz4")];
    check(&emulator, &write(G1, &[("x-log-bodyrawsize", "26")]), 200, "");
    check(&emulator, &write(LZ4_G2, &lz4), 200, "");
    let list = [("x-log-bodyrawsize", "214"), ("x-log-compresstype", "lz4"), ("x-log-mode", "batch_group")];
    check(&emulator, &write(PACKAGES, &list), 200, "");
    let g1 = bytes(G1);
    let size = [("x-log-bodyrawsize", "26")];
    check(&emulator, &signed("POST", "/logstores/app", &g1, &size), 200, "");
    let route = "/logstores/app/shards/route?key=05000000000000000000000000000000";
    check(&emulator, &signed("POST", route, &g1, &size), 200, "");
    check(&emulator, &signed("POST", "/prometheus/demo/app/api/v1/write", &g1, &size), 200, "");
    let custom = [size[0], ("host", "sls.example.org"), ("x-log-project", "demo")];
    check(&emulator, &signed("POST", LB, &g1, &custom), 200, "");

    let stats = emulator.stats();
    assert_eq!((stats.log_groups, stats.events), (8, 10));
    assert_eq!((stats.raw_bytes, stats.body_bytes), (26 * 6 + 173 * 2, 26 * 5 + 167 + 214));
    let events = emulator.events("demo", "app").unwrap();
    let with_ns: Vec<_> = events.iter().filter_map(|event| event.time_ns).collect();
    assert_eq!((events.len(), with_ns), (10, vec![123_456_789; 2]));
    assert_eq!(events[9].field("content"), Some("日志 line 2".as_bytes()));
}

#[test]
fn what_is_wrong_is_refused_and_not_kept() {
    let (_scratch, emulator) = start(|_| {});
    let size = ("x-log-bodyrawsize", "26");
    let changed = |name: &str, value: &str| {
        let mut request = g1();
        request.headers = request.headers.iter().filter(|(key, _)| *key != name).collect();
        request.headers.push(name, value);
        request
    };
    let late = clock::format_http(clock::now() - 1200);
    let g1 = bytes(G1);
    for (request, status, code) in [
        (changed("authorization", "LOG testid:bm8="), 401, "SignatureNotMatch"),
        (changed("authorization", "LOG nobody:bm8="), 401, "Unauthorized"),
        (changed("authorization", "Basic bm8="), 400, "ParameterInvalid"),
        (changed("x-log-bodyrawsize", "27"), 401, "SignatureNotMatch"),
        (write(G1, &[("x-log-bodyrawsize", "27")]), 400, "ParameterInvalid"),
        (write(G1, &[]), 400, "MissingParameter"),
        (write(G1, &[size, ("x-log-compresstype", "lz4")]), 400, "PostBodyUncompressError"),
        (write(G1, &[size, ("content-md5", "00")]), 400, "PostBodyInvalid"),
        (write(G1, &[size, ("date", &late)]), 400, "RequestTimeExpired"),
        (write(G1, &[size, ("content-type", "text/plain")]), 400, "InvalidContentType"),
        (write(&G1[..50], &[("x-log-bodyrawsize", "25")]), 400, "PostBodyInvalid"),
        (signed("POST", "/logstores/missing/shards/lb", &g1, &[size]), 404, "LogStoreNotExist"),
        (signed("POST", LB, &g1, &[size, ("host", "missing.localhost")]), 404, "ProjectNotExist"),
        (signed("POST", "/logstores/app/shards/route?key=x", &g1, &[size]), 400, "ParameterInvalid"),
        (signed("GET", "/logstores/app/shards/2?type=log&cursor=MQ==", b"", &[]), 404, "ShardNotExist"),
        (signed("GET", "/logstores/app?type=log&from=1", b"", &[]), 400, "MissingParameter"),
        (signed("POST", "/machinegroups", b"{}", &[]), 405, "InvalidMethod"),
    ] {
        check(&emulator, &request, status, code);
    }
    let large = vec![0; 10 * 1024 * 1024 + 1];
    check(&emulator, &signed("POST", LB, &large, &[("x-log-bodyrawsize", "1")]), 413, "PostBodyTooLarge");
    let stats = emulator.stats();
    assert_eq!((stats.events, stats.requests["put_logs"].accepted), (0, 0));
    assert_eq!(stats.requests["put_logs"].refused["PostBodyInvalid"], 2);
    assert!(emulator.events("demo", "app").unwrap().is_empty());
}

#[test]
fn a_given_key_is_accepted() {
    let key = Credential { id: "LTAI".to_owned(), secret: "other".to_owned() };
    let (_scratch, emulator) = start(|options| options.credentials = vec![key]);
    let mut request = g1();
    let authorization = format!("LOG LTAI:{}", v1::signature(&request, "other"));
    request.headers = request.headers.iter().filter(|(name, _)| *name != "authorization").collect();
    request.headers.push("authorization", &authorization);
    check(&emulator, &request, 200, "");
}

#[test]
fn a_restart_keeps_what_was_acknowledged() {
    let (scratch, emulator) = start(|_| {});
    check(&emulator, &g1(), 200, "");
    drop(emulator);
    let emulator = Emulator::start(&Options::new(scratch.path())).unwrap();
    assert_eq!(emulator.events("demo", "app").unwrap().len(), 1);
}

#[test]
fn counting_keeps_nothing() {
    let (_scratch, emulator) = start(|options| options.count_only = true);
    check(&emulator, &g1(), 200, "");
    check(&emulator, &write(G1, &[]), 400, "MissingParameter");
    assert_eq!((emulator.stats().events, emulator.events("demo", "app").unwrap().len()), (1, 0));
}

#[test]
fn errors_happen_on_demand() {
    let (_scratch, emulator) = start(|_| {});
    let rule = Rule { next: Some(1), ..Rule::on("put_logs", Effect::error(403, "WriteQuotaExceed")) };
    emulator.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    check(&emulator, &g1(), 403, "WriteQuotaExceed");
    check(&emulator, &g1(), 200, "");

    let proxy = ErrorAnswer {
        status: 502,
        body: Some("<h1>Bad Gateway</h1>".to_owned()),
        without_request_id: true,
        ..ErrorAnswer::default()
    };
    let effect = Effect { error: Some(proxy), ..Effect::default() };
    emulator.set_faults(Faults { rules: vec![Rule::on("put_logs", effect)], ..Faults::default() });
    let (status, headers, body) = send(&emulator, &g1()).unwrap();
    assert_eq!((status, body.as_slice()), (502, b"<h1>Bad Gateway</h1>".as_slice()));
    assert_eq!(headers.first("x-log-requestid"), None);
    assert_eq!((emulator.stats().faults, emulator.stats().events), (2, 1));
}

#[test]
fn connections_are_cut_on_demand() {
    let (_scratch, emulator) = start(|_| {});
    for (cut, kept) in [(Cut::BeforeBody, 0), (Cut::MidBody, 0), (Cut::BeforeAnswer, 1)] {
        let effect = Effect { cut: Some(cut), ..Effect::default() };
        emulator.set_faults(Faults { rules: vec![Rule::on("put_logs", effect)], ..Faults::default() });
        assert!(send(&emulator, &g1()).is_none(), "{cut:?}");
        assert_eq!(emulator.events("demo", "app").unwrap().len(), kept, "{cut:?}");
    }
}

#[test]
fn answers_are_late_on_demand() {
    let (_scratch, emulator) = start(|_| {});
    for effect in [
        Effect { latency_ms: Some(200), ..Effect::default() },
        Effect { read_bytes_per_sec: Some(26 * 5), ..Effect::default() },
    ] {
        emulator.set_faults(Faults { rules: vec![Rule::on("put_logs", effect)], ..Faults::default() });
        let started = Instant::now();
        check(&emulator, &g1(), 200, "");
        assert!(started.elapsed() >= Duration::from_millis(200));
    }
}

#[test]
fn the_clock_is_wrong_on_demand() {
    let (_scratch, emulator) = start(|_| {});
    emulator.set_faults(Faults { clock_offset_secs: 1200, ..Faults::default() });
    check(&emulator, &g1(), 400, "RequestTimeExpired");
    let (_, headers, _) = send(&emulator, &g1()).unwrap();
    let ahead = headers.first("x-log-time").unwrap().parse::<i64>().unwrap() - clock::now();
    assert!((1199..=1201).contains(&ahead), "{ahead}");
    let date = clock::parse_http(headers.first("date").unwrap()).unwrap();
    assert!((date - clock::now() - 1200).abs() <= 1);
    for absurd in [i64::MIN, i64::MAX] {
        emulator.set_faults(Faults { clock_offset_secs: absurd, ..Faults::default() });
        check(&emulator, &g1(), 400, "RequestTimeExpired");
    }
    emulator.set_faults(Faults { clock_offset_secs: 1200, ..Faults::default() });
    let corrected = clock::format_http(clock::now() + 1200);
    check(&emulator, &write(G1, &[("x-log-bodyrawsize", "26"), ("date", &corrected)]), 200, "");
}

#[test]
fn the_emulator_is_administered_without_a_signature() {
    let (_scratch, emulator) = start(|_| {});
    check(&emulator, &write(G2, &[("x-log-bodyrawsize", "173")]), 200, "");
    let faults =
        json!({ "rules": [{ "operation": "put_logs", "next": 1, "error": { "status": 503, "code": "ServerBusy" } }] });
    assert_eq!(admin(&emulator, "PUT", "/_emulator/faults", &faults).0, 200);
    check(&emulator, &g1(), 503, "ServerBusy");
    let left = admin(&emulator, "GET", "/_emulator/faults", &Value::Null).1;
    assert_eq!(left["rules"][0]["next"], 0);
    assert_eq!(admin(&emulator, "PUT", "/_emulator/faults", &json!({ "rule": [] })).0, 400);
    assert_eq!(admin(&emulator, "DELETE", "/_emulator/faults", &Value::Null).0, 200);
    assert_eq!(admin(&emulator, "GET", "/_emulator/faults", &Value::Null).1["rules"], json!([]));

    let stats = admin(&emulator, "GET", "/_emulator/stats", &Value::Null).1;
    assert_eq!((&stats["events"], &stats["faults"]), (&json!(2), &json!(1)));
    assert_eq!(stats["requests"]["put_logs"], json!({ "accepted": 1, "refused": { "ServerBusy": 1 } }));
    assert_eq!(admin(&emulator, "DELETE", "/_emulator/stats", &Value::Null).0, 200);
    assert_eq!(admin(&emulator, "GET", "/_emulator/stats", &Value::Null).1["events"], 0);

    assert_eq!(admin(&emulator, "PUT", "/_emulator/logstores", &json!({ "project": "p-2", "logstore": "l-2" })).0, 200);
    let logstores = admin(&emulator, "GET", "/_emulator/logstores", &Value::Null).1;
    let demo = json!({ "project": "demo", "logstore": "app", "events": 2 });
    assert_eq!((&logstores["logstores"][0], logstores["logstores"].as_array().unwrap().len()), (&demo, 2));
    let part = "project=demo&logstore=app&from=1749712089&to=1749712091";
    let logs = admin(&emulator, "GET", &format!("/_emulator/logs?{part}&query=info"), &Value::Null).1;
    assert_eq!(logs[0]["__time_ns_part__"], "123456789");
    assert_eq!(logs[0]["__tag__:__path__"], "/var/log/a.log");
    let always = format!("project=demo&logstore=app&from={}&to={}", i64::MIN, i64::MAX);
    assert_eq!(admin(&emulator, "GET", &format!("/_emulator/histogram?{always}"), &Value::Null).0, 200);
    let bars = admin(&emulator, "GET", &format!("/_emulator/histogram?{part}"), &Value::Null).1;
    assert_eq!((&bars[0]["count"], &bars[1]["count"]), (&json!(1), &json!(1)));
    assert_eq!(admin(&emulator, "GET", "/_emulator/nothing", &Value::Null).0, 405);
    let (status, _, page) = send(
        &emulator,
        &Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: [("host", "localhost")].into_iter().collect(),
            ..Request::default()
        },
    )
    .unwrap();
    assert!(status == 200 && page.starts_with(b"<!doctype html>"));
}
