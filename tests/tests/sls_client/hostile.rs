//! Servers that are not the service, or not well, and proxies.

use std::process::{Command, Output};
use std::sync::atomic::Ordering;
use std::time::Duration;

use loglift::flusher::sls::http::class::Class;
use loglift::flusher::sls::http::client::ClientSpec;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::servers::{OK, answer, proxy, read_request, serve};
use super::{accepted, client, plain, refusal, spec};

fn at(port: u16) -> ClientSpec {
    spec(&format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn an_answer_that_never_ends_does_not_hurt() {
    let endless = |head: &'static str| {
        serve(move |mut stream| async move {
            read_request(&mut stream).await;
            _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        })
    };
    let port = endless("HTTP/1.1 400 X\r\nx-log-requestid: ID\r\n\r\n").await;
    let refused = refusal(&client(at(port))).await;
    assert_eq!((refused.class, refused.code.as_str()), (Class::Network, "BadResponse"));
    assert!(refused.message.len() < 1000);
    // What is accepted stays so.
    let port = endless("HTTP/1.1 200 OK\r\nx-log-requestid: ID\r\n\r\n").await;
    accepted(&client(at(port)), &plain()).await;
}

#[tokio::test]
async fn silence_ends_with_the_time_out() {
    let port = serve(|mut stream| async move {
        read_request(&mut stream).await;
        _ = stream.write_all(b"HTTP/1.1 400 X\r\nx-log-requestid: ID\r\ncontent-length: 9\r\n\r\n{").await;
        std::future::pending::<()>().await;
    })
    .await;
    let silent = serve(|stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let impatient = |port| client(ClientSpec { request_timeout: Duration::from_millis(200), ..at(port) });
    let refused = refusal(&impatient(silent)).await;
    assert_eq!((refused.class, refused.status, refused.code.as_str()), (Class::Network, None, "RequestTimeout"));
    let refused = refusal(&impatient(port)).await;
    assert_eq!((refused.class, refused.status), (Class::Network, Some(400)));
    assert!(refused.message.contains("broke off"), "{refused}");
}

#[tokio::test]
async fn an_answer_that_is_cut_is_trouble_of_the_network() {
    for bytes in [
        "HTTP/1.1 400 X\r\nx-log-requestid: ID\r\ncontent-length: 99\r\n\r\n{\"errorCode\": \"PostBodyInvalid\"",
        "HTTP/1.1 40",
        "",
        "SSH-2.0-OpenSSH_9.6\r\n",
    ] {
        assert_eq!(refusal(&client(at(answer(bytes).await))).await.class, Class::Network, "{bytes}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let port = answer(
        "HTTP/1.1 307 X\r\nlocation: http://portal.invalid/login?t=hidden\r\nx-log-requestid: ID\r\n\
         content-length: 0\r\n\r\n",
    )
    .await;
    let refused = refusal(&client(at(port))).await;
    assert_eq!((refused.class, refused.status), (Class::Network, Some(307)));
    assert!(refused.message.contains("redirects to http://portal.invalid,"), "{refused}");
}

#[tokio::test]
async fn a_host_without_address_and_a_closed_port_are_named() {
    let refused = refusal(&client(spec("http://no-such-host.invalid"))).await;
    assert_eq!(refused.class, Class::Network);
    assert!(refused.to_string().contains("demo.no-such-host.invalid"), "{refused}");
    assert!(refused.message.contains("no address"), "{refused}");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address");
    let refused = refusal(&client(at(closed.port()))).await;
    assert!(refused.class == Class::Network && refused.message.contains("refused"), "{refused}");
}

/// Runs an ignored test of this program in an environment with these variables.
pub(super) async fn run_test(name: &'static str, variables: &[(&str, &str)]) -> Output {
    let mut test = Command::new(std::env::current_exe().expect("this test"));
    test.args(["--exact", name, "--ignored"]).envs(variables.iter().copied());
    let run = tokio::task::spawn_blocking(move || test.output());
    run.await.expect("no panic").expect("it starts")
}

/// Proxies come from the environment, so that another process has to be started with one.
#[tokio::test]
async fn a_proxy_of_the_environment_is_used() {
    const CHILD: &str = "hostile::in_an_environment_with_a_proxy";
    let service = proxy(answer(OK).await).await;
    let url = format!("http://user:hidden@127.0.0.1:{}", service.port);
    let output = run_test(CHILD, &[("HTTP_PROXY", &url), ("NO_PROXY", "")]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!((service.forwards.load(Ordering::Relaxed), service.tunnels.load(Ordering::Relaxed)), (1, 0));
    let output = run_test(CHILD, &[("HTTP_PROXY", &url), ("NO_PROXY", "proxied.invalid")]).await;
    assert!(!output.status.success(), "the host is excepted");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hidden"), "{output:?}");
}

#[tokio::test]
#[ignore = "run by a_proxy_of_the_environment_is_used"]
async fn in_an_environment_with_a_proxy() {
    let spec = ClientSpec { proxies_from_environment: true, ..spec("http://proxied.invalid") };
    accepted(&client(spec), &plain()).await;
}
