//! A page of figures for Prometheus.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::answer::Answering;

/// Readers that are answered at one time; others are closed at once. One is plenty for a loopback page, a few more cost nothing.
const READERS: usize = 16;
/// Longest request head that is read, in bytes.
const MAX_HEAD: usize = 8_192;
/// How long a reader may take for its request: one that says nothing keeps its place no longer.
const HEAD_PATIENCE: Duration = Duration::from_secs(1);
/// How long request and answer may take together.
const PATIENCE: Duration = Duration::from_secs(10);

/// The text format of the figures.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers `GET /metrics` on `listener` until the task is dropped.
pub async fn serve_metrics(listener: TcpListener, answering: Arc<Answering>) {
    let readers = Arc::new(Semaphore::new(READERS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accepting a reader of the metrics failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // the next one has a place after the patience with the silent at the latest
        let Ok(Ok(permit)) = timeout(HEAD_PATIENCE, readers.clone().acquire_owned()).await else {
            continue;
        };
        let answering = answering.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _ = timeout(PATIENCE, answer_on(stream, &answering)).await;
        });
    }
}

/// Answers one request on `stream`.
async fn answer_on(stream: TcpStream, answering: &Answering) -> hyper::Result<()> {
    let page = service_fn(|request: Request<Incoming>| {
        std::future::ready(Ok::<_, Infallible>(answer(&request, answering)))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), page)
        .await
}

fn answer<B>(request: &Request<B>, answering: &Answering) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        let elsewhere = "the figures are at /metrics\n".into();
        return page(StatusCode::NOT_FOUND, PLAIN, elsewhere);
    }
    if request.method() != Method::GET {
        let only = "the figures are read with GET\n".into();
        let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, PLAIN, only);
        let get = http::HeaderValue::from_static("GET");
        refused.headers_mut().insert(ALLOW, get);
        return refused;
    }
    page(StatusCode::OK, OPENMETRICS, figures(answering))
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn figures(answering: &Answering) -> String {
    let (health, view) = (
        answering.keeping.store.health(),
        answering.keeping.views.get(),
    );
    let encoded = answering.customers.len();
    answering
        .metrics
        .render(&health, &view, &answering.pool, encoded)
}
