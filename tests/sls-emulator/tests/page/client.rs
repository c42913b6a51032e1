//! As much of a client as it takes to put logs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::SystemTime;

use anyhow::{Result, ensure};
use data_encoding::{BASE64, HEXUPPER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sls_emulator::Emulator;

/// An event.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) seconds: u32,
    pub(crate) nanoseconds: Option<u32>,
    pub(crate) fields: Vec<(String, String)>,
}

/// Puts a log group with these logs, signed with the key that every emulator takes.
pub(crate) fn put_logs(emulator: &Emulator, (project, logstore): (&str, &str), logs: &[Log]) -> Result<()> {
    let mut body = Vec::new();
    logs.iter().for_each(|log| bytes(1, &encoded(log), &mut body));
    let (path, raw_size) = (format!("/logstores/{logstore}/shards/lb"), body.len());
    let (md5, date) = (HEXUPPER.encode(&Md5::digest(&body)), httpdate::fmt_http_date(SystemTime::now()));
    let own = format!("x-log-apiversion:0.6.0\nx-log-bodyrawsize:{raw_size}\nx-log-signaturemethod:hmac-sha1\n");
    let mut mac = Hmac::<Sha1>::new_from_slice(b"testsecret")?;
    mac.update(format!("POST\n{md5}\napplication/x-protobuf\n{date}\n{own}{path}").as_bytes());
    let signature = BASE64.encode(&mac.finalize().into_bytes());
    let mut stream = TcpStream::connect(emulator.address())?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {project}.localhost\r\nconnection: close\r\ncontent-length: {raw_size}\r\n\
         content-type: application/x-protobuf\r\ncontent-md5: {md5}\r\ndate: {date}\r\n{}\
         authorization: LOG testid:{signature}\r\n\r\n",
        own.replace(':', ": ").replace('\n', "\r\n")
    )?;
    stream.write_all(&body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(())
}

fn encoded(log: &Log) -> Vec<u8> {
    let mut to = vec![1 << 3];
    varint(log.seconds.into(), &mut to);
    for (key, value) in &log.fields {
        let mut field = Vec::new();
        bytes(1, key.as_bytes(), &mut field);
        bytes(2, value.as_bytes(), &mut field);
        bytes(2, &field, &mut to);
    }
    if let Some(nanoseconds) = log.nanoseconds {
        to.push(4 << 3 | 5);
        to.extend(nanoseconds.to_le_bytes());
    }
    to
}

fn bytes(number: u8, content: &[u8], to: &mut Vec<u8>) {
    to.push(number << 3 | 2);
    varint(content.len() as u64, to);
    to.extend_from_slice(content);
}

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value > 0x7f {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}
