//! Signature version 1: an HMAC-SHA1 over the method, four headers, the service's own headers and the resource.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::is_own_header;
use crate::request::{Request, unescape};

/// The signature that the request must carry after `LOG ID:`.
pub(crate) fn signature(request: &Request, secret: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("an HMAC takes keys of any length");
    mac.update(string_to_sign(request).as_bytes());
    BASE64.encode(&mac.finalize().into_bytes())
}

/// The time that the request names: `Date`, or the copy that clients send in case a proxy strips it.
pub(crate) fn date(request: &Request) -> Option<&str> {
    request.headers.first("date").or_else(|| request.headers.first("x-log-date"))
}

fn string_to_sign(request: &Request) -> String {
    let header = |name| request.headers.first(name).unwrap_or_default();
    let mut own: Vec<(&str, &str)> = request.headers.iter().filter(|(name, _)| is_signed(name)).collect();
    own.sort_unstable();
    let own: String = own.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!(
        "{}\n{}\n{}\n{}\n{own}{}",
        request.method,
        header("content-md5"),
        header("content-type"),
        date(request).unwrap_or_default(),
        resource(request)
    )
}

/// The copy of the date is added after signing.
fn is_signed(name: &str) -> bool {
    is_own_header(name) && name != "x-log-date"
}

fn resource(request: &Request) -> String {
    let path = unescape(&request.path);
    if request.query.is_empty() {
        return path;
    }
    let mut pairs: Vec<String> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.sort_unstable();
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::super::vectors::*;
    use super::*;
    use crate::verify::content_md5;

    fn check(target: &str, hex: &str, extra: &[(&str, &str)], expected: &str) {
        let body = bytes(hex);
        let md5 = content_md5(&body);
        let mut headers = vec![
            ("Content-Type", "application/x-protobuf"),
            ("Content-MD5", md5.as_str()),
            ("Date", DATE),
            ("x-log-apiversion", "0.6.0"),
            ("x-log-signaturemethod", "hmac-sha1"),
            ("x-log-date", DATE),
            ("x-log-meta-colour", "of objects only, never signed"),
        ];
        headers.extend(extra);
        assert_eq!(signature(&post(target, body, &headers), SECRET), expected, "{target} {extra:?}");
    }

    #[test]
    fn vectors_of_writes() {
        let plain = [("x-log-bodyrawsize", "173")];
        let lz4 = [("x-log-bodyrawsize", "173"), ("x-log-compresstype", "lz4")];
        let token = [lz4[0], lz4[1], ("x-acs-security-token", TOKEN)];
        let packages = [("x-log-bodyrawsize", "214"), ("x-log-compresstype", "lz4"), ("x-log-mode", "batch_group")];
        check(LB, G1, &[("x-log-bodyrawsize", "26")], "E2whTuxZnAiMxU4EAFUy0sO8zac=");
        check(LB, G2, &plain, "a/okYko6fLv1xwlyOWA9ldfCczs=");
        check(LB, LZ4_G2, &lz4, "eLchua8stelW34TzgBTKqquQuTY=");
        check(LB, LZ4_G2, &token, "HpOsCyOH+YyRvTP8cxxFpofsDyI=");
        check(ROUTE, LZ4_G2, &lz4, "1Td/e+qpKivWeetn+dDDFwoh7lI=");
        check(&format!("{ROUTE}&seqid=7"), LZ4_G2, &lz4, "k95EgrPv8iY3TnMebblkIqX6wPc=");
        check(LB, PACKAGES, &packages, "ZsgVTrexQfVp0kE/WswdJ2MLwMw=");
        check(
            "/prometheus/demo-project/demo-metricstore/api/v1/write",
            G1,
            &[("x-log-bodyrawsize", "26")],
            "SsKrN6FP6C4GSLh+U/fFPs+sOVE=",
        );
    }

    #[test]
    fn vectors_of_the_go_sdk() {
        let common = [
            ("x-log-apiversion", "0.6.0"),
            ("x-log-signaturemethod", "hmac-sha1"),
            ("Date", "Mon, 3 Jan 2010 08:33:47 GMT"),
        ];
        let with_body = [
            ("x-log-bodyrawsize", "50"),
            ("Content-Type", "application/x-protobuf"),
            ("Content-MD5", "8D6881250FF5559F59BBDF04100F6E59"),
        ];
        for (path, extra, expected) in [
            ("/logstores", &[("x-log-bodyrawsize", "0")][..], "Rwm6cTKzoti4HWoe+GKcb6Kv07E="),
            ("/logstores/app_log", &with_body[..], "87xQWqFaOSewqRIma8kPjGYlXHc="),
        ] {
            let mut request = post(path, Vec::new(), &[&common[..], extra].concat());
            request.method = "GET".to_owned();
            assert_eq!(signature(&request, "mockAccessKeySecret"), expected, "{path}");
        }
    }

    #[test]
    fn string_to_sign_of_a_compressed_write() {
        let body = bytes(LZ4_G2);
        let md5 = content_md5(&body);
        let headers = [
            ("x-log-signaturemethod", "hmac-sha1"),
            ("x-log-compresstype", "lz4"),
            ("x-log-bodyrawsize", "173"),
            ("x-log-apiversion", "0.6.0"),
            ("date", DATE),
            ("content-md5", &md5),
            ("content-type", "application/x-protobuf"),
        ];
        assert_eq!(
            string_to_sign(&post(LB, body, &headers)),
            "POST\n45953D273E27425DB8E68E9715C7F263\napplication/x-protobuf\nThu, 12 Jun 2025 07:08:09 GMT\n\
             x-log-apiversion:0.6.0\nx-log-bodyrawsize:173\nx-log-compresstype:lz4\nx-log-signaturemethod:hmac-sha1\n\
             /logstores/demo-logstore/shards/lb"
        );
    }
}
