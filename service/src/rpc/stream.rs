//! Streams whose messages are answered one by one, in order.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

/// Messages of one stream that are worked on at the same time, and answers that wait for their reader.
const AHEAD: usize = 16;

/// The answers of a stream, for the trait of its service.
pub type Answers<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// Has `start` begin the work on each message as it arrives; puts what came of each into an answer with its place from 0.
/// A stream that breaks off ends with its error.
pub fn in_order<M, R, A, W>(
    messages: Streaming<M>,
    mut start: impl FnMut(M) -> W + Send + 'static,
    put: fn(u64, Result<R, Status>) -> A,
) -> Answers<A>
where
    M: Send + 'static,
    R: Send + 'static,
    A: Send + 'static,
    W: Future<Output = Result<R, Status>> + Send + 'static,
{
    let (answers, receiver) = mpsc::channel(AHEAD);
    let worked = messages.map(move |message| {
        let begun = message.map(&mut start);
        async move {
            match begun {
                Ok(work) => Ok(work.await),
                Err(broken) => Err(broken),
            }
        }
    });
    let mut worked = worked.buffered(AHEAD).zip(futures_util::stream::iter(0..));
    // on a task of its own: what has arrived is taken whether or not the answers are read meanwhile
    tokio::spawn(async move {
        while let Some((result, place)) = worked.next().await {
            let answer = result.map(|result| put(place, result));
            if answers.send(answer).await.is_err() {
                return;
            }
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

/// Work on a task of its own, which a panic does not leave.
#[derive(Debug)]
pub struct Task<R> {
    handle: JoinHandle<Result<R, Status>>,
    given_up: bool,
}

impl<R: Send + 'static> Task<R> {
    /// Work that is finished whether or not anybody waits for it.
    pub fn kept(work: impl Future<Output = Result<R, Status>> + Send + 'static) -> Task<R> {
        Task {
            handle: tokio::spawn(work),
            given_up: false,
        }
    }

    /// Work that is given up when nobody waits for it any more.
    pub fn given_up(work: impl Future<Output = Result<R, Status>> + Send + 'static) -> Task<R> {
        Task {
            handle: tokio::spawn(work),
            given_up: true,
        }
    }
}

impl<R> Future for Task<R> {
    type Output = Result<R, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = std::task::ready!(Pin::new(&mut self.handle).poll(cx));
        Poll::Ready(ended.unwrap_or_else(|error| Err(Status::internal(error.to_string()))))
    }
}

impl<R> Drop for Task<R> {
    fn drop(&mut self) {
        if self.given_up {
            self.handle.abort();
        }
    }
}
