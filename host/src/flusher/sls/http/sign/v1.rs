//! Signature version 1: an HMAC-SHA1 over the method, three headers, the service's own headers and the resource.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::is_own_header;
use crate::flusher::sls::http::credentials::Credentials;
use crate::flusher::sls::http::request::Request;

/// What `x-log-signaturemethod` holds.
pub const METHOD: &str = "hmac-sha1";

/// The value of `Authorization`. The headers must be complete but for that one.
pub fn authorization(request: &Request, credentials: &Credentials) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(credentials.secret.as_bytes()).expect("an HMAC takes keys of any length");
    mac.update(string_to_sign(request).as_bytes());
    format!("LOG {}:{}", credentials.id, BASE64.encode(&mac.finalize().into_bytes()))
}

fn string_to_sign(request: &Request) -> String {
    let header = |name| request.headers.value(name).unwrap_or_default();
    let own = request.headers.iter().filter(|(name, _)| is_own_header(name));
    let own: String = own.map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!(
        "{}\n{}\n{}\n{}\n{own}{}",
        request.method,
        header("content-md5"),
        header("content-type"),
        header("date"),
        resource(request)
    )
}

/// Path and query without any escapes.
fn resource(request: &Request) -> String {
    let mut pairs: Vec<String> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.sort_unstable();
    let mark = if pairs.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", request.path, pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::super::content_md5;
    use super::super::vectors::*;
    use super::*;

    fn signature(target: &str, body: &str, extra: &[(&str, &str)]) -> String {
        let md5 = content_md5(&bytes(body));
        let mut headers = vec![
            ("Content-Type", "application/x-protobuf"),
            ("Content-MD5", md5.as_str()),
            ("Date", DATE),
            ("User-Agent", "never signed"),
            ("x-log-apiversion", "0.6.0"),
            ("x-log-signaturemethod", METHOD),
            ("x-log-meta-colour", "of objects only, never signed"),
        ];
        headers.extend(extra);
        let authorization = authorization(&request("POST", target, &headers), &credentials());
        authorization.strip_prefix("LOG LTAIexampleAKID01:").expect("names the key").to_owned()
    }

    #[test]
    fn vectors_of_writes() {
        let raw = ("x-log-bodyrawsize", "173");
        let lz4 = [raw, ("x-log-compresstype", "lz4")];
        let token = [lz4[0], lz4[1], ("x-acs-security-token", TOKEN)];
        let list = [("x-log-bodyrawsize", "214"), lz4[1], ("x-log-mode", "batch_group")];
        let small = [("x-log-bodyrawsize", "26")];
        let metrics = "/prometheus/demo-project/demo-metricstore/api/v1/write";
        let sequence = format!("{ROUTE}&seqid=7");
        for (name, target, body, extra, expected) in [
            ("S1", LB, G1, &small[..], "E2whTuxZnAiMxU4EAFUy0sO8zac="),
            ("S2", LB, G2, &[raw], "a/okYko6fLv1xwlyOWA9ldfCczs="),
            ("S3", LB, LZ4_G2, &lz4, "eLchua8stelW34TzgBTKqquQuTY="),
            ("S4", LB, LZ4_G2, &token, "HpOsCyOH+YyRvTP8cxxFpofsDyI="),
            ("S5", ROUTE, LZ4_G2, &lz4, "1Td/e+qpKivWeetn+dDDFwoh7lI="),
            ("S6", &sequence, LZ4_G2, &lz4, "k95EgrPv8iY3TnMebblkIqX6wPc="),
            ("S7", LB, LIST, &list, "ZsgVTrexQfVp0kE/WswdJ2MLwMw="),
            ("S8", metrics, G1, &small, "SsKrN6FP6C4GSLh+U/fFPs+sOVE="),
        ] {
            assert_eq!(signature(target, body, extra), expected, "{name}");
        }
    }

    #[test]
    fn vectors_of_the_go_sdk() {
        let credentials =
            Credentials { id: "mockAccessKeyID".into(), secret: "mockAccessKeySecret".into(), token: None };
        let common = [
            ("x-log-apiversion", "0.6.0"),
            ("x-log-signaturemethod", METHOD),
            ("Date", "Mon, 3 Jan 2010 08:33:47 GMT"),
        ];
        let with_body = [
            ("x-log-bodyrawsize", "50"),
            ("Content-Type", "application/x-protobuf"),
            ("Content-MD5", "8D6881250FF5559F59BBDF04100F6E59"),
        ];
        for (path, extra, expected) in [
            ("/logstores", &[("x-log-bodyrawsize", "0")][..], "LOG mockAccessKeyID:Rwm6cTKzoti4HWoe+GKcb6Kv07E="),
            ("/logstores/app_log", &with_body, "LOG mockAccessKeyID:87xQWqFaOSewqRIma8kPjGYlXHc="),
        ] {
            let request = request("GET", path, &[&common[..], extra].concat());
            assert_eq!(authorization(&request, &credentials), expected, "{path}");
        }
    }

    #[test]
    fn string_to_sign_of_a_compressed_write() {
        let md5 = content_md5(&bytes(LZ4_G2));
        let headers = [
            ("x-log-signaturemethod", METHOD),
            ("x-log-compresstype", "lz4"),
            ("x-log-bodyrawsize", "173"),
            ("x-log-apiversion", "0.6.0"),
            ("date", DATE),
            ("content-md5", &md5),
            ("content-type", "application/x-protobuf"),
        ];
        assert_eq!(
            string_to_sign(&request("POST", LB, &headers)),
            "POST\n45953D273E27425DB8E68E9715C7F263\napplication/x-protobuf\nThu, 12 Jun 2025 07:08:09 GMT\n\
             x-log-apiversion:0.6.0\nx-log-bodyrawsize:173\nx-log-compresstype:lz4\nx-log-signaturemethod:hmac-sha1\n\
             /logstores/demo-logstore/shards/lb"
        );
    }
}
