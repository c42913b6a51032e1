//! Servers for one purpose each, on free ports of the loopback interface. They end with the test's runtime.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// An answer of the service that accepts.
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nx-log-requestid: ID\r\ncontent-length: 2\r\n\r\n{}";

/// Serves each connection and returns the port.
pub(super) async fn serve<F, R>(serve: F) -> u16
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Answers every request with the same bytes and closes the connection; returns the port.
pub(super) async fn answer(bytes: &'static str) -> u16 {
    serve(move |mut stream| async move {
        read_request(&mut stream).await;
        _ = stream.write_all(bytes.as_bytes()).await;
        _ = stream.shutdown().await;
    })
    .await
}

/// Reads a request with its body and returns its head, in lower case.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let head = read_head(stream).await;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    _ = stream.read_exact(&mut body).await;
    head
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).to_ascii_lowercase()
}

/// A proxy for everything, which always goes to one port, and how many requests it had of each kind.
pub(super) struct Proxy {
    pub(super) port: u16,
    pub(super) tunnels: Arc<AtomicUsize>,
    pub(super) forwards: Arc<AtomicUsize>,
}

pub(super) async fn proxy(to: u16) -> Proxy {
    let (tunnels, forwards) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counters = (Arc::clone(&tunnels), Arc::clone(&forwards));
    let port = serve(move |stream| {
        let (tunnels, forwards) = counters.clone();
        async move {
            _ = pass(stream, to, &tunnels, &forwards).await;
        }
    })
    .await;
    Proxy { port, tunnels, forwards }
}

async fn pass(mut from: TcpStream, to: u16, tunnels: &AtomicUsize, forwards: &AtomicUsize) -> std::io::Result<()> {
    let head = read_head(&mut from).await;
    let mut to = TcpStream::connect(("127.0.0.1", to)).await?;
    if head.starts_with("connect ") {
        tunnels.fetch_add(1, Ordering::Relaxed);
        from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    } else {
        // The whole URL is on the first line, which the server behind it understands too.
        assert!(head.starts_with("post http://"), "{head}");
        forwards.fetch_add(1, Ordering::Relaxed);
        to.write_all(head.replacen("post", "POST", 1).replacen("http/1.1", "HTTP/1.1", 1).as_bytes()).await?;
    }
    copy_bidirectional(&mut from, &mut to).await?;
    Ok(())
}

/// Answers a request over anything.
pub(super) async fn accept(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    read_request(&mut stream).await;
    _ = stream.write_all(OK.as_bytes()).await;
    _ = stream.shutdown().await;
}
