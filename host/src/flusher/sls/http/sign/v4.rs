//! Signature version 4: a chain of HMAC-SHA256 over the day, the region and a canonical form of the request.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::is_own_header;
use crate::flusher::sls::http::credentials::Credentials;
use crate::flusher::sls::http::request::Request;

/// What the value of `Authorization` begins with.
pub const METHOD: &str = "SLS4-HMAC-SHA256";

/// The value of `Authorization`. The headers must be complete but for that one; `x-log-date` and `x-log-content-sha256`
/// say when the request is made and what its body is.
pub fn authorization(request: &Request, credentials: &Credentials, region: &str) -> String {
    let time = request.headers.value("x-log-date").unwrap_or_default();
    let day = time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/sls/aliyun_v4_request");
    let canonical = HEXLOWER.encode(&Sha256::digest(canonical_request(request)));
    let text = format!("{METHOD}\n{time}\n{scope}\n{canonical}");
    let signature = HEXLOWER.encode(&hmac(&signing_key(&credentials.secret, day, region), &text));
    format!("{METHOD} Credential={}/{scope},Signature={signature}", credentials.id)
}

fn signing_key(secret: &str, day: &str, region: &str) -> Vec<u8> {
    let key = format!("aliyun_v4{secret}").into_bytes();
    [day, region, "sls", "aliyun_v4_request"].iter().fold(key, |key, part| hmac(&key, part))
}

fn canonical_request(request: &Request) -> String {
    let signed: Vec<(&str, &str)> = request.headers.iter().filter(|(name, _)| is_signed(name)).collect();
    let headers: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        request.path,
        canonical_query(&request.query),
        names.join(";"),
        request.headers.value("x-log-content-sha256").unwrap_or_default()
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
    use super::super::content_sha256;
    use super::super::vectors::*;
    use super::*;

    const TIME: &str = "20250612T070809Z";
    const REGION: &str = "cn-hangzhou";

    fn write(target: &str, body: &str, extra: &[(&str, &str)]) -> Request {
        let sha256 = content_sha256(&bytes(body));
        let mut headers = vec![
            ("Content-Type", "application/x-protobuf"),
            ("Host", "demo-project.cn-hangzhou.log.aliyuncs.com"),
            ("User-Agent", "never signed"),
            ("x-log-apiversion", "0.6.0"),
            ("x-log-content-sha256", sha256.as_str()),
            ("x-log-date", TIME),
        ];
        headers.extend(extra);
        request("POST", target, &headers)
    }

    #[test]
    fn vectors_of_writes() {
        let raw = ("x-log-bodyrawsize", "173");
        let lz4 = [raw, ("x-log-compresstype", "lz4")];
        let token = [lz4[0], lz4[1], ("x-acs-security-token", TOKEN)];
        let small = [("x-log-bodyrawsize", "26")];
        let other = format!("{ROUTE}&x=a b/~");
        for (name, target, body, extra, expected) in [
            ("V1", LB, LZ4_G2, &lz4[..], "bf73cd296ae51859ce4f459fc5d15f09b3336066f607685beabb5ba3f6077447"),
            ("V2", ROUTE, LZ4_G2, &token, "873c56eeed12b3c87cc17106395923d522f28bbe1ee87edee618d666b3c2f193"),
            ("V3", LB, G2, &[raw], "e010370744ac1fb3959b0b372e82008887854a2675156a0305fae09cebf7288d"),
            ("V4", LB, G1, &small, "7c02be9b7524000ff869c3ee104c93f54f158a6aac55170ea9dda98031df6c82"),
            ("V5", &other, G1, &small, "8582181d123c5b9441987b8febc21898703131ab18a558e9a76d59cf539bf7ca"),
        ] {
            let scope = "SLS4-HMAC-SHA256 Credential=LTAIexampleAKID01/20250612/cn-hangzhou/sls/aliyun_v4_request";
            let authorization = authorization(&write(target, body, extra), &credentials(), REGION);
            assert_eq!(authorization, format!("{scope},Signature={expected}"), "{name}");
        }
    }

    #[test]
    fn intermediate_values_of_v1() {
        let canonical =
            canonical_request(&write(LB, LZ4_G2, &[("x-log-compresstype", "lz4"), ("x-log-bodyrawsize", "173")]));
        assert_eq!(
            canonical,
            "POST\n/logstores/demo-logstore/shards/lb\n\ncontent-type:application/x-protobuf\n\
             host:demo-project.cn-hangzhou.log.aliyuncs.com\nx-log-apiversion:0.6.0\nx-log-bodyrawsize:173\n\
             x-log-compresstype:lz4\n\
             x-log-content-sha256:c9af8632b34cf43cfec3cd0be3ce1ae02832f1143e42aa87a80bc51711195e15\n\
             x-log-date:20250612T070809Z\n\n\
             content-type;host;x-log-apiversion;x-log-bodyrawsize;x-log-compresstype;x-log-content-sha256;x-log-date\n\
             c9af8632b34cf43cfec3cd0be3ce1ae02832f1143e42aa87a80bc51711195e15"
        );
        let hash = HEXLOWER.encode(&Sha256::digest(canonical));
        assert_eq!(hash, "6a1023cc2acd9cc04c7046e2225dd5c0223992faefb775ba8591b965e3b83e79");
        let key = HEXLOWER.encode(&signing_key(SECRET, "20250612", REGION));
        assert_eq!(key, "56f46cfc4665d8fb921db7970737f431c13b2d8b30d04af1a0598e917bf92cc0");
    }

    #[test]
    fn vectors_of_the_go_sdk() {
        let credentials = Credentials { id: "acsddda21dsd".into(), secret: "zxasdasdasw2".into(), token: None };
        let full = [(" abc", "efg"), (" agc ", ""), ("", "efg"), ("A-bc", "eFg")];
        let full = full.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(canonical_query(&full), "=efg& abc=efg& agc &A-bc=eFg");
        let body = b"adasd= -asd zcas".as_slice();
        let extra = [("hello", "world"), ("x-log-test", "het123"), ("x-acs-ppp", "dds")];
        let (none, hangzhou, shanghai) = (&[][..], "cn-hangzhou", "cn-shanghai");
        for (method, body, region, extra, query, expected) in [
            ("POST", body, shanghai, none, &[][..], "8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8"),
            ("POST", body, hangzhou, &extra, &full, "a98f5632e93836e63839cd836a54055f480020a9364ca944e2d34f2eb9bf1bed"),
            ("POST", b"", hangzhou, &extra, &full, "5a66d8f8051983e0e9d08e0f960ef9252ef971eead5bb5c7acec8617a2eb2701"),
            ("GET", b"", hangzhou, &extra, &full, "d92741852500791d662a8d469ff61627c0559ecd86c3f59b7bf6772b6c62666a"),
        ] {
            let sha256 = content_sha256(body);
            let headers = [("x-log-date", "20220808T032330Z"), ("x-log-content-sha256", sha256.as_str())];
            let request =
                Request { query: query.to_vec(), ..request(method, "/logstores", &[&headers[..], extra].concat()) };
            let authorization = authorization(&request, &credentials, region);
            assert!(authorization.ends_with(&format!(",Signature={expected}")), "{method} {region}: {authorization}");
        }
    }

    #[test]
    fn escapes_all_but_unreserved() {
        assert_eq!(escape(r"123abc!@#$%^&*()-=_+ ~|\/"), "123abc%21%40%23%24%25%5E%26%2A%28%29-%3D_%2B%20~%7C%5C%2F");
    }
}
