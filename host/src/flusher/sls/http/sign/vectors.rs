//! What the published signatures were made of.

use data_encoding::HEXLOWER_PERMISSIVE as HEX;

use crate::flusher::sls::http::credentials::Credentials;
use crate::flusher::sls::http::request::{Headers, Request};

pub(super) const SECRET: &str = "exampleSecretKey0123456789abcdef";
pub(super) const DATE: &str = "Thu, 12 Jun 2025 07:08:09 GMT";
pub(super) const TOKEN: &str = "CAISexampleStsToken==";
pub(super) const LB: &str = "/logstores/demo-logstore/shards/lb";
pub(super) const ROUTE: &str = "/logstores/demo-logstore/shards/route?key=05000000000000000000000000000000";

/// A log group.
pub(super) const G1: &str = "0a1808d9f9a9c20612100a07636f6e74656e74120568656c6c6f";
/// Another one.
pub(super) const G2: &str = "0a3208d9f9a9c20612160a07636f6e74656e74120b68656c6c6f20776f726c64120d0a056c6576656c1204494e\
    464f2515cd5b070a2008daf9a9c20612180a07636f6e74656e74120de697a5e5bf97206c696e6520321a0a64656d6f2d746f70696322083\
    1302e302e302e312a0b384337412d555549442d3132160a0c5f5f686f73746e616d655f5f1206686f73742d61321a0a085f5f706174685f5\
    f120e2f7661722f6c6f672f612e6c6f67";
/// The LZ4 block of the other one.
pub(super) const LZ4_G2: &str = "f1290a3208d9f9a9c20612160a07636f6e74656e74120b68656c6c6f20776f726c64120d0a056c6576656c\
    1204494e464f2515cd5b070a2008da340016183400f0560de697a5e5bf97206c696e6520321a0a64656d6f2d746f706963220831302e302e\
    302e312a0b384337412d555549442d3132160a0c5f5f686f73746e616d655f5f1206686f73742d61321a0a085f5f706174685f5f120e2f76\
    61722f6c6f672f612e6c6f67";
/// A list of both.
pub(super) const LIST: &str = "0a220a1cf00b0a1808d9f9a9c20612100a07636f6e74656e74120568656c6c6f101a18020aaf010aa701f1290\
    a3208d9f9a9c20612160a07636f6e74656e74120b68656c6c6f20776f726c64120d0a056c6576656c1204494e464f2515cd5b070a2008da3\
    40016183400f0560de697a5e5bf97206c696e6520321a0a64656d6f2d746f706963220831302e302e302e312a0b384337412d555549442d3\
    132160a0c5f5f686f73746e616d655f5f1206686f73742d61321a0a085f5f706174685f5f120e2f7661722f6c6f672f612e6c6f6710ad011\
    802";

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    HEX.decode(hex.as_bytes()).unwrap()
}

pub(super) fn credentials() -> Credentials {
    Credentials { id: "LTAIexampleAKID01".into(), secret: SECRET.into(), token: None }
}

/// A request for a path and a query without escapes.
pub(super) fn request(method: &'static str, target: &str, headers: &[(&str, &str)]) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Request {
        method,
        path: path.to_owned(),
        query: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        headers: headers.iter().copied().collect::<Headers>(),
    }
}
