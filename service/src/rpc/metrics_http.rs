//! A page of figures for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::App;

/// Longest request head that is read.
const MAX_HEAD: usize = 8_192;

/// Answers `GET /metrics` on `listener` until the task is dropped.
pub async fn serve_metrics(listener: TcpListener, app: Arc<App>) {
    // One reader at a time is plenty for a loopback page, a few more cost nothing; beyond that they wait.
    let limit = Arc::new(tokio::sync::Semaphore::new(16));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(permit) = limit.clone().acquire_owned().await else {
            return;
        };
        let app = app.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _ = tokio::time::timeout(Duration::from_secs(10), answer(stream, &app)).await;
        });
    }
}

async fn answer(mut stream: TcpStream, app: &App) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 1_024];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 || head.len() + read > MAX_HEAD {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..read]);
    }
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let (status, body) = match line {
        b"GET /metrics HTTP/1.1" | b"GET /metrics HTTP/1.0" => ("200 OK", figures(app)),
        _ => ("404 Not Found", "the figures are at /metrics\n".to_owned()),
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn figures(app: &App) -> String {
    let answering = &app.answering;
    let (health, view) = (app.store.health(), app.views.get());
    app.metrics
        .render(&health, &view, &answering.pool, answering.customers.len())
}
