//! Taking in what a caller sends: message by message, within bounds of size, time and memory, and looked at before it is decoded.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Frame};
use prost::bytes::{BufMut, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tonic::body::Body;
use tonic::Status;

use super::shape::Shapes;

/// Bytes in front of each message: whether it is compressed, and its length.
const HEAD: usize = 5;
/// Bytes of a message that count against no budget, and below which its shape does not matter.
const SMALL: usize = 64 << 10;

/// Bytes of messages that are being taken in, of all calls together.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget of so many KiB.
    pub fn of_kib(kib: usize) -> Budget {
        Budget(Arc::new(Semaphore::new(kib)))
    }
}

/// What the messages of one call may be.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Bytes of one message.
    pub bytes: usize,
    /// How long one message may take; with a `stream` of them also how long the next may let one wait.
    pub patience: Duration,
    pub stream: bool,
    /// The message that is expected, by its number among the shapes.
    pub message: Option<usize>,
}

/// The body of a request, in whole messages.
pub struct Received {
    inner: Body,
    bounds: Bounds,
    shapes: &'static Shapes,
    budget: Budget,
    buffer: BytesMut,
    paid: Option<OwnedSemaphorePermit>,
    patience: Pin<Box<Sleep>>,
    ended: bool,
}

impl Received {
    /// What `inner` sends, within `bounds`; what exceeds them ends the call with its own status.
    pub fn new(inner: Body, bounds: Bounds, shapes: &'static Shapes, budget: Budget) -> Received {
        Received {
            patience: Box::pin(tokio::time::sleep(bounds.patience)),
            inner,
            bounds,
            shapes,
            budget,
            buffer: BytesMut::new(),
            paid: None,
            ended: false,
        }
    }

    /// The next whole message, if it has arrived.
    fn whole(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(head) = self.buffer.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [compressed, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        if length > self.bounds.bytes {
            return Err(Status::out_of_range(format!(
                "a message of {length} bytes; this call takes at most {}",
                self.bounds.bytes
            )));
        }
        if self.buffer.len() < HEAD + length {
            return Ok(None);
        }
        let message = self.buffer.split_to(HEAD + length).freeze();
        if let Some(expected) = self.bounds.message.filter(|_| compressed == 0) {
            if length > SMALL / 16 {
                let admitted = self.shapes.admit(expected, &message[HEAD..]);
                admitted.map_err(|error| Status::invalid_argument(error.to_string()))?;
            }
        }
        Ok(Some(message))
    }

    /// Keeps `data` until its message is whole.
    fn keep(&mut self, data: &Bytes) -> Result<(), Status> {
        let before = self.buffer.len().max(SMALL);
        let after = self.buffer.len() + data.len();
        let kib = after.saturating_sub(before).div_ceil(1024);
        if kib > 0 {
            let permit = u32::try_from(kib).ok().and_then(|kib| {
                let budget = self.budget.0.clone();
                budget.try_acquire_many_owned(kib).ok()
            });
            let Some(permit) = permit else {
                return Err(Status::resource_exhausted(
                    "too many large requests are being received; try again",
                ));
            };
            match &mut self.paid {
                Some(paid) => paid.merge(permit),
                None => self.paid = Some(permit),
            }
        }
        self.buffer.put_slice(data);
        Ok(())
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            match self.whole() {
                Ok(None) => {}
                // what was paid stays paid until the call is done with this message
                Ok(Some(message)) => return Poll::Ready(Some(Ok(Frame::data(message)))),
                Err(refused) => return Poll::Ready(Some(Err(refused))),
            }
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        if self.buffer.is_empty() {
                            self.paid = None;
                        }
                        if let Err(refused) = self.keep(&data) {
                            return Poll::Ready(Some(Err(refused)));
                        }
                        if self.bounds.stream {
                            let next = Instant::now() + self.bounds.patience;
                            self.patience.as_mut().reset(next);
                        }
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Ready(Some(Err(broken))) => return Poll::Ready(Some(Err(broken))),
                Poll::Ready(None) if self.buffer.is_empty() => return Poll::Ready(None),
                // a message that was cut off: the decoder says so
                Poll::Ready(None) => {
                    let rest = self.buffer.split().freeze();
                    return Poll::Ready(Some(Ok(Frame::data(rest))));
                }
                Poll::Pending => {
                    std::task::ready!(self.patience.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(Status::deadline_exceeded(format!(
                        "the request did not arrive within {} s",
                        self.bounds.patience.as_secs()
                    )))));
                }
            }
        }
    }
}

impl hyper::body::Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = self.poll_message(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.ended = true;
            self.buffer = BytesMut::new();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};
    use prost::Message;
    use prost_types::FileDescriptorSet;
    use std::sync::LazyLock;
    use tonic::Code;

    static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
        Shapes::of(&FileDescriptorSet::decode(serendib_proto::FILE_DESCRIPTOR_SET).unwrap())
    });

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
        bytes
    }

    fn bounds() -> Bounds {
        Bounds {
            bytes: 1 << 20,
            patience: Duration::from_millis(50),
            stream: false,
            message: SHAPES.find(".serendib.v1.RecordRequest"),
        }
    }

    /// What is received of `pieces`, after which nothing comes and nothing ends where `open`.
    async fn received(
        pieces: Vec<Vec<u8>>,
        open: bool,
        bounds: Bounds,
        kib: usize,
    ) -> Result<Vec<u8>, Status> {
        use tokio_stream::StreamExt;
        let sent = tokio_stream::iter(
            pieces
                .into_iter()
                .map(|piece| Ok::<_, Status>(Frame::data(Bytes::from(piece)))),
        );
        let body = match open {
            true => Body::new(StreamBody::new(sent.chain(tokio_stream::pending()))),
            false => Body::new(StreamBody::new(sent)),
        };
        let received = Received::new(body, bounds, &SHAPES, Budget::of_kib(kib));
        received.collect().await.map(|all| all.to_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_message_arrives_whole_in_whatever_pieces_it_was_sent() {
        let message = framed(&[0x0a, 2, 0x0a, 0]);
        let pieces: Vec<Vec<u8>> = message.iter().map(|byte| vec![*byte]).collect();
        assert_eq!(
            received(pieces, false, bounds(), 64).await.unwrap(),
            message
        );
        let cut = vec![message[..6].to_vec()];
        assert_eq!(
            received(cut.clone(), false, bounds(), 64).await.unwrap(),
            cut[0]
        );
    }

    #[tokio::test]
    async fn what_is_too_large_too_slow_too_many_or_too_much_is_refused() {
        let refused = |pieces, open, bounds, kib| async move {
            received(pieces, open, bounds, kib)
                .await
                .unwrap_err()
                .code()
        };
        let large = framed(&vec![0; (1 << 20) + 1]);
        assert_eq!(
            refused(vec![large], false, bounds(), 4096).await,
            Code::OutOfRange
        );
        let half = vec![framed(&[0; 9])[..7].to_vec()];
        assert_eq!(
            refused(half, true, bounds(), 64).await,
            Code::DeadlineExceeded
        );
        let empties = framed(&[0x0a, 0].repeat(100_000));
        assert_eq!(
            refused(vec![empties], false, bounds(), 4096).await,
            Code::InvalidArgument
        );
        let much = framed(&vec![0x22; 1 << 20]);
        assert_eq!(
            refused(vec![much], false, bounds(), 64).await,
            Code::ResourceExhausted
        );
    }
}
