//! Signature version 4: a chain of HMAC-SHA256 over the day, the region and a canonical form of the request.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::is_own_header;
use crate::request::Request;

/// What starts the `Authorization` header.
pub(crate) const METHOD: &str = "SLS4-HMAC-SHA256";

/// What a signature is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    /// `yyyymmdd`
    pub day: &'a str,
    /// The id of a region, such as `cn-hangzhou`.
    pub region: &'a str,
}

/// The signature that the request must carry, in lower-case hex. `time` is `x-log-date`, `yyyymmddThhmmssZ`.
pub(crate) fn signature(request: &Request, secret: &str, scope: Scope<'_>, time: &str) -> String {
    let Scope { day, region } = scope;
    let canonical = HEXLOWER.encode(&Sha256::digest(canonical_request(request)));
    let text = format!("{METHOD}\n{time}\n{day}/{region}/sls/aliyun_v4_request\n{canonical}");
    let key = hmac(format!("aliyun_v4{secret}").as_bytes(), day);
    let key = [region, "sls", "aliyun_v4_request"].iter().fold(key, |key, part| hmac(&key, part));
    HEXLOWER.encode(&hmac(&key, &text))
}

/// The lower-case hex SHA-256 of a body.
pub(crate) fn payload(body: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(body))
}

fn canonical_request(request: &Request) -> String {
    let mut signed: Vec<(&str, &str)> = request.headers.iter().filter(|(name, _)| is_signed(name)).collect();
    signed.sort_unstable();
    let headers: String = signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        request.path,
        canonical_query(&request.query),
        names.join(";"),
        payload(&request.body)
    )
}

fn is_signed(name: &str) -> bool {
    is_own_header(name) || name == "content-type" || name == "host"
}

fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<&(String, String)> = query.iter().collect();
    pairs.sort_unstable();
    let pair = |(key, value): &(String, String)| match value.as_str() {
        "" => key.clone(),
        value => format!("{key}={}", escape(value)),
    };
    pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a string takes all text"),
        }
    }
    out
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::vectors::*;
    use super::*;

    const TIME: &str = "20250612T070809Z";
    const SCOPE: Scope<'_> = Scope { day: "20250612", region: "cn-hangzhou" };

    fn write(target: &str, hex: &str, extra: &[(&str, &str)]) -> Request {
        let body = bytes(hex);
        let payload = payload(&body);
        let mut headers = vec![
            ("Content-Type", "application/x-protobuf"),
            ("Host", "demo-project.cn-hangzhou.log.aliyuncs.com"),
            ("User-Agent", "never signed"),
            ("x-log-apiversion", "0.6.0"),
            ("x-log-content-sha256", payload.as_str()),
            ("x-log-date", TIME),
        ];
        headers.extend(extra);
        post(target, body, &headers)
    }

    #[test]
    fn vectors_of_writes() {
        let lz4 = [("x-log-bodyrawsize", "173"), ("x-log-compresstype", "lz4")];
        let token = [lz4[0], lz4[1], ("x-acs-security-token", TOKEN)];
        let other = "/logstores/demo-logstore/shards/route?key=05000000000000000000000000000000&x=a+b%2F~";
        for (target, body, extra, expected) in [
            (LB, LZ4_G2, &lz4[..], "bf73cd296ae51859ce4f459fc5d15f09b3336066f607685beabb5ba3f6077447"),
            (ROUTE, LZ4_G2, &token, "873c56eeed12b3c87cc17106395923d522f28bbe1ee87edee618d666b3c2f193"),
            (
                LB,
                G2,
                &[("x-log-bodyrawsize", "173")],
                "e010370744ac1fb3959b0b372e82008887854a2675156a0305fae09cebf7288d",
            ),
            (
                LB,
                G1,
                &[("x-log-bodyrawsize", "26")],
                "7c02be9b7524000ff869c3ee104c93f54f158a6aac55170ea9dda98031df6c82",
            ),
            (
                other,
                G1,
                &[("x-log-bodyrawsize", "26")],
                "8582181d123c5b9441987b8febc21898703131ab18a558e9a76d59cf539bf7ca",
            ),
        ] {
            assert_eq!(signature(&write(target, body, extra), SECRET, SCOPE, TIME), expected, "{target} {extra:?}");
        }
    }

    #[test]
    fn canonical_request_of_a_compressed_write() {
        let request = write(LB, LZ4_G2, &[("x-log-compresstype", "lz4"), ("x-log-bodyrawsize", "173")]);
        assert_eq!(
            canonical_request(&request),
            "POST\n/logstores/demo-logstore/shards/lb\n\ncontent-type:application/x-protobuf\n\
             host:demo-project.cn-hangzhou.log.aliyuncs.com\nx-log-apiversion:0.6.0\nx-log-bodyrawsize:173\n\
             x-log-compresstype:lz4\n\
             x-log-content-sha256:c9af8632b34cf43cfec3cd0be3ce1ae02832f1143e42aa87a80bc51711195e15\n\
             x-log-date:20250612T070809Z\n\n\
             content-type;host;x-log-apiversion;x-log-bodyrawsize;x-log-compresstype;x-log-content-sha256;x-log-date\n\
             c9af8632b34cf43cfec3cd0be3ce1ae02832f1143e42aa87a80bc51711195e15"
        );
    }

    #[test]
    fn vectors_of_the_go_sdk() {
        let time = "20220808T032330Z";
        let query = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let full: Vec<(String, String)> = query(&[(" abc", "efg"), (" agc ", ""), ("", "efg"), ("A-bc", "eFg")]);
        assert_eq!(canonical_query(&full), "=efg& abc=efg& agc &A-bc=eFg");
        let body = b"adasd= -asd zcas".as_slice();
        let extra = [("hello", "world"), ("x-log-test", "het123"), ("x-acs-ppp", "dds")];
        for (method, body, region, extra, query, expected) in [
            (
                "POST",
                body,
                "cn-shanghai",
                &[][..],
                vec![],
                "8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8",
            ),
            (
                "POST",
                body,
                "cn-hangzhou",
                &extra,
                full.clone(),
                "a98f5632e93836e63839cd836a54055f480020a9364ca944e2d34f2eb9bf1bed",
            ),
            (
                "POST",
                b"",
                "cn-hangzhou",
                &extra,
                full.clone(),
                "5a66d8f8051983e0e9d08e0f960ef9252ef971eead5bb5c7acec8617a2eb2701",
            ),
            (
                "GET",
                b"",
                "cn-hangzhou",
                &extra,
                full,
                "d92741852500791d662a8d469ff61627c0559ecd86c3f59b7bf6772b6c62666a",
            ),
        ] {
            let payload = payload(body);
            let headers = [("x-log-date", time), ("x-log-content-sha256", payload.as_str())];
            let mut request = post("/logstores", body.to_vec(), &[&headers[..], extra].concat());
            request.method = method.to_owned();
            request.query = query;
            let scope = Scope { day: "20220808", region };
            assert_eq!(signature(&request, "zxasdasdasw2", scope, time), expected, "{method} {region}");
        }
    }

    #[test]
    fn escapes_all_but_unreserved() {
        assert_eq!(escape(r"123abc!@#$%^&*()-=_+ ~|\/"), "123abc%21%40%23%24%25%5E%26%2A%28%29-%3D_%2B%20~%7C%5C%2F");
    }
}
