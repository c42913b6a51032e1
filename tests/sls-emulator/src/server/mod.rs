//! The HTTP server: reads requests, lets faults happen, sends answers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::content::RAW_LIMIT_BYTES;
use crate::faults::{Cut, Effect};
use crate::refusal::Refusal;
use crate::request::{Headers, Request, parse_query};
use crate::service::{Answer, Service};

/// A server on a thread of its own.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("cut off by a fault")]
    Cut,
    #[error("the client sent no further")]
    Read(#[from] hyper::Error),
    #[error("the work on a request ended early")]
    Work(#[from] tokio::task::JoinError),
    #[error("an answer that HTTP cannot express")]
    Answer(#[from] hyper::http::Error),
}

/// A body, or how long it is if it is too long to be kept.
enum Read {
    Whole(Bytes),
    TooLong(usize),
}

impl Server {
    pub(crate) fn start(listen: SocketAddr, service: Arc<Service>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("sls-emulator")
            .enable_all()
            .build()
            .context("starting the runtime")?;
        let listener = runtime.block_on(TcpListener::bind(listen)).with_context(|| format!("listening on {listen}"))?;
        let address = listener.local_addr().context("asking for the own address")?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("sls-emulator".to_owned())
            .spawn(move || runtime.block_on(accept(&listener, &service, stopped)))
            .context("starting a thread")?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn wait(mut self) -> Result<()> {
        let thread = self.thread.take().context("already stopped")?;
        thread.join().map_err(|_| anyhow!("the server panicked"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been printed already, and there is nobody to hand it to.
            _ = thread.join();
        }
    }
}

const WORKERS: usize = 2;

/// Longer bodies are not even read to their end.
const READ_LIMIT_BYTES: usize = 8 * RAW_LIMIT_BYTES;

async fn accept(listener: &TcpListener, service: &Arc<Service>, mut stopped: oneshot::Receiver<Infallible>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Something such as too many open files; the next connection may do better.
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, service.clone()));
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stopped => break,
        }
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>) {
    // Answers are small and waited for.
    _ = stream.set_nodelay(true);
    let answer = service_fn(|request| {
        let service = service.clone();
        async move { respond(request, service).await }
    });
    // What ends a connection is a fault that was asked for, or the client's doing.
    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn respond(request: hyper::Request<Incoming>, service: Arc<Service>) -> Result<Response<Full<Bytes>>, Broken> {
    let (head, body) = request.into_parts();
    let mut request = read_head(&head);
    let admin = Service::is_admin(&request);
    let mut effect = if admin { Effect::default() } else { service.fault(&request) };
    if effect.cut == Some(Cut::BeforeBody) {
        return Err(Broken::Cut);
    }
    let too_long = match read_body(body, &effect).await? {
        Read::Whole(bytes) => {
            request.body = bytes;
            None
        }
        Read::TooLong(size) => Some(Refusal::too_large(size, RAW_LIMIT_BYTES)),
    };
    if !admin && effect == Effect::default() {
        effect = service.body_fault(&request);
    }
    tokio::time::sleep(effect.latency()).await;
    let error = effect.error.clone();
    let answer = tokio::task::spawn_blocking(move || match (too_long, error) {
        (_, Some(error)) => service.fail(&request, &error),
        (Some(refusal), None) => service.refuse(&request, &refusal),
        (None, None) if admin => service.administer(&request),
        (None, None) => service.answer(&request),
    });
    let answer = answer.await?;
    if effect.cut == Some(Cut::BeforeAnswer) {
        return Err(Broken::Cut);
    }
    write_answer(answer)
}

fn read_head(head: &Parts) -> Request {
    let mut headers = Headers::default();
    for (name, value) in &head.headers {
        headers.push(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    // A client that takes the emulator for a proxy may name the host on the request line alone.
    if let (Some(authority), None) = (head.uri.authority(), headers.first(header::HOST.as_str())) {
        headers.push(header::HOST.as_str(), authority.as_str());
    }
    Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: parse_query(head.uri.query().unwrap_or_default()),
        headers,
        body: Bytes::new(),
    }
}

async fn read_body(mut body: Incoming, effect: &Effect) -> Result<Read, Broken> {
    let expected = body.size_hint().exact().unwrap_or_default();
    let mut read = 0;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        read += data.len();
        tokio::time::sleep(effect.reading_time(data.len())).await;
        if effect.cut == Some(Cut::MidBody) && 2 * read as u64 >= expected || read > READ_LIMIT_BYTES {
            return Err(Broken::Cut);
        }
        if read <= RAW_LIMIT_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if effect.cut == Some(Cut::MidBody) {
        return Err(Broken::Cut);
    }
    Ok(if read <= RAW_LIMIT_BYTES { Read::Whole(bytes.freeze()) } else { Read::TooLong(read) })
}

fn write_answer(answer: Answer) -> Result<Response<Full<Bytes>>, Broken> {
    let response = Response::builder().status(answer.status);
    let response = answer.headers.iter().fold(response, |response, (name, value)| response.header(*name, value));
    Ok(response.body(Full::new(answer.body.into()))?)
}

#[cfg(test)]
mod tests;
