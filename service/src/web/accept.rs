//! Accepting connections: how many there may be, and how long one may stay silent.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::workers::held::held;

/// How long after an error the next connection is accepted, and how long such errors are told of once.
const PAUSE: Duration = Duration::from_millis(100);
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How many connections are kept, and how long they may be silent at first.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at one time.
    pub all: usize,
    /// Connections at one time from one address that is not trusted.
    pub per_address: usize,
    /// Addresses of proxies, from which there may be any number.
    pub trusted: HashSet<IpAddr>,
    /// Time from being accepted to the first call, TLS and the preface included.
    pub first_call: Duration,
}

/// Who is at the other end of a connection; in the extensions of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    tcp: TcpConnectInfo,
    called: Arc<AtomicBool>,
}

impl Peer {
    /// Says that a call came over the connection: from now on it may be silent.
    pub fn called(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    /// The addresses, as tonic's own connections tell them.
    pub fn tcp(&self) -> TcpConnectInfo {
        self.tcp.clone()
    }
}

/// A place among the connections, free again when it is dropped.
#[derive(Debug)]
struct Place {
    places: Arc<Mutex<Places>>,
    address: IpAddr,
}

#[derive(Debug, Default)]
struct Places {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Place {
    /// A place for `address`, if there is one.
    fn take(places: &Arc<Mutex<Places>>, address: IpAddr, limits: &Limits) -> Option<Place> {
        let mut taken = held(places.lock());
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        let trusted = limits.trusted.contains(&address);
        if taken.all >= limits.all || (own >= limits.per_address && !trusted) {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, own + 1);
        Some(Place {
            places: places.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = held(self.places.lock());
        taken.all -= 1;
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// A connection that is closed where no call comes over it in time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    peer: Peer,
    patience: Pin<Box<Sleep>>,
    _place: Place,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let silent = !self.peer.called.load(Ordering::Relaxed);
        if silent && self.patience.as_mut().poll(cx).is_ready() {
            let late = "no call came over the connection in time";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, late)));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What accepts connections.
struct Door {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Mutex<Places>>,
    told: Option<Instant>,
}

/// The connections that `listener` accepts within `limits`. Others are closed at once; that, and errors of accepting, are told in
/// the log, and end nothing.
pub fn connections(
    listener: TcpListener,
    limits: Limits,
) -> impl Stream<Item = io::Result<Connection>> {
    let door = Door {
        listener,
        limits,
        places: Arc::default(),
        told: None,
    };
    futures_util::stream::unfold(door, |mut door| async move {
        let connection = door.next().await;
        Some((Ok(connection), door))
    })
}

impl Door {
    async fn next(&mut self) -> Connection {
        loop {
            let (stream, remote) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.tell(&format!("accepting a connection failed: {error}"));
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            match Place::take(&self.places, remote.ip(), &self.limits) {
                Some(place) => return self.connection(stream, remote, place),
                None => self.tell("a connection was closed: there are as many as there may be"),
            }
        }
    }

    fn connection(&self, stream: TcpStream, remote: SocketAddr, place: Place) -> Connection {
        // without it an answer waits for the client's delayed acknowledgement, 40 ms
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let peer = Peer {
            tcp: TcpConnectInfo {
                local_addr: stream.local_addr().ok(),
                remote_addr: Some(remote),
            },
            called: Arc::default(),
        };
        Connection {
            stream,
            peer,
            patience: Box::pin(tokio::time::sleep(self.limits.first_call)),
            _place: place,
        }
    }

    fn tell(&mut self, what: &str) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!("{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_stream::StreamExt;

    fn limits(per_address: usize) -> Limits {
        Limits {
            all: 3,
            per_address,
            trusted: HashSet::new(),
            first_call: Duration::from_millis(50),
        }
    }

    async fn opened(limits: Limits) -> (SocketAddr, impl Stream<Item = io::Result<Connection>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (addr, connections(listener, limits))
    }

    #[tokio::test]
    async fn who_says_nothing_is_cut_and_who_called_is_not() {
        let (addr, door) = opened(limits(3)).await;
        let mut door = Box::pin(door);
        let (_silent, mut caller) = (
            TcpStream::connect(addr).await.unwrap(),
            TcpStream::connect(addr).await.unwrap(),
        );
        let mut first = door.next().await.unwrap().unwrap();
        let mut second = door.next().await.unwrap().unwrap();
        second.connect_info().called();
        let error = first.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        caller.write_u8(7).await.unwrap();
        assert_eq!(second.read_u8().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn an_address_has_so_many_places_and_a_proxy_all_of_them() {
        let (addr, door) = opened(limits(1)).await;
        let mut door = Box::pin(door);
        let (_first, mut second) = (
            TcpStream::connect(addr).await.unwrap(),
            TcpStream::connect(addr).await.unwrap(),
        );
        let kept = door.next().await.unwrap().unwrap();
        // the second is closed while the door waits for a third
        let waiting = tokio::time::timeout(Duration::from_millis(200), door.next());
        assert!(waiting.await.is_err());
        assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
        drop(kept);
        let _third = TcpStream::connect(addr).await.unwrap();
        assert!(door.next().await.unwrap().is_ok());

        let proxy = Limits {
            trusted: HashSet::from([addr.ip()]),
            ..limits(1)
        };
        let places = Arc::default();
        let taken: Vec<_> = (0..4)
            .filter_map(|_| Place::take(&places, addr.ip(), &proxy))
            .collect();
        assert_eq!(taken.len(), 3, "no more than all");
    }
}
