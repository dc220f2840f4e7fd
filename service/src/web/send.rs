//! Sending answers: whoever does not take theirs does not hold what makes it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::Status;

use crate::workers::held::held;

/// What makes an answer, and since when its taker has been waited for.
#[derive(Debug)]
struct Source {
    /// `None` once its taker was waited for in vain.
    body: Option<Body>,
    /// When something was last handed over of which no more was asked; `None` while more is asked for.
    untaken_since: Option<Instant>,
    /// Free again when the answer is done with.
    place: Option<OwnedSemaphorePermit>,
}

/// The body of a streamed answer. What makes it is dropped, and the call ends with an error, where nothing is taken of it for too
/// long.
#[derive(Debug)]
pub struct Taken {
    source: Arc<Mutex<Source>>,
    watch: JoinHandle<()>,
}

impl Taken {
    /// `body`, whose taker is waited for no longer than `patience`, and which keeps `place` until then.
    pub fn new(body: Body, patience: Duration, place: Option<OwnedSemaphorePermit>) -> Taken {
        let source = Arc::new(Mutex::new(Source {
            body: Some(body),
            untaken_since: Some(Instant::now()),
            place,
        }));
        let watched = source.clone();
        let watch = tokio::spawn(async move {
            loop {
                let since = held(watched.lock()).untaken_since;
                let until = since.unwrap_or_else(Instant::now) + patience;
                tokio::time::sleep_until(until).await;
                let mut source = held(watched.lock());
                if source
                    .untaken_since
                    .is_some_and(|since| since + patience <= Instant::now())
                {
                    source.body = None;
                    source.place = None;
                    return;
                }
            }
        });
        Taken { source, watch }
    }
}

impl hyper::body::Body for Taken {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut source = held(self.source.lock());
        let Some(body) = &mut source.body else {
            let late = Status::deadline_exceeded("the answer was not taken in time");
            return Poll::Ready(Some(Err(late)));
        };
        let polled = Pin::new(body).poll_frame(cx);
        source.untaken_since = polled.is_ready().then(Instant::now);
        polled
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn answer() -> (mpsc::Sender<Result<Frame<Bytes>, Status>>, Taken) {
        let (rows, receiver) = mpsc::channel(1);
        let body = Body::new(StreamBody::new(ReceiverStream::new(receiver)));
        (rows, Taken::new(body, PATIENCE, None))
    }

    #[tokio::test]
    async fn what_nobody_takes_is_made_no_longer() {
        let (rows, mut taken) = answer();
        rows.send(Ok(Frame::data(Bytes::from_static(b"a"))))
            .await
            .unwrap();
        assert!(taken.frame().await.unwrap().is_ok());
        tokio::time::timeout(20 * PATIENCE, rows.closed())
            .await
            .unwrap();
        let error = taken.frame().await.unwrap().unwrap_err();
        assert_eq!(error.code(), tonic::Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn who_waits_for_a_slow_answer_gets_it() {
        let (rows, mut taken) = answer();
        let slow = tokio::spawn(async move {
            tokio::time::sleep(4 * PATIENCE).await;
            rows.send(Ok(Frame::data(Bytes::from_static(b"a"))))
                .await
                .unwrap();
        });
        assert!(taken.frame().await.unwrap().is_ok());
        slow.await.unwrap();
    }
}
