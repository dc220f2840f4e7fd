//! Reading: a pool of connections, each read inside one snapshot, off the async threads.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, Semaphore};
use tokio_stream::wrappers::ReceiverStream;

use crate::store::{RowStream, StoreError};
use crate::workers::held::held;

use super::errors::classify;
use super::schema::Schema;
use super::writer::Fault;

/// Rows that a stream reads ahead of its taker.
const READ_AHEAD: usize = 256;

/// Connections for reading one file.
pub(super) struct Readers {
    dir: PathBuf,
    vfs: Option<String>,
    schema: &'static Schema,
    idle: Mutex<Vec<(u64, Connection)>>,
    permits: Arc<Semaphore>,
    /// Connections of an older generation are closed when they come back.
    generation: AtomicU64,
    closed: AtomicBool,
}

/// How long a stream's snapshot waits for its taker: while it is held nothing that was erased since leaves the files.
const PATIENCE: Duration = Duration::from_secs(30);

/// How slow the taker of a stream may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// All rows are taken within [`PATIENCE`], of whatever is read no faster than it is taken.
    Brisk,
    /// No row waits for longer than that: for an operator's own commands, which read whole stores.
    Steady,
}

/// Where a stream's rows go; an error means that nobody takes them any more.
pub(super) struct Sink<T> {
    rows: mpsc::Sender<Result<T, StoreError>>,
    /// The runtime of whoever asked.
    runtime: Handle,
    /// When the taker's time is up; `None` = each row has its own.
    until: Option<Instant>,
    /// Whether it was up.
    late: Cell<bool>,
}

/// The taker of a stream went away.
pub(super) struct Gone;

impl<T> Sink<T> {
    /// Hands over one row, waiting while the taker is behind, but no longer than the snapshot may be held: then the stream
    /// ends with an error. A taker who keeps up is never late.
    pub(super) fn put(&self, row: T) -> Result<(), Gone> {
        let row = match self.rows.try_send(Ok(row)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(Gone),
            Err(TrySendError::Full(row)) => row,
        };
        let left = self.until.map_or(PATIENCE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        let wait = async { tokio::time::timeout(left, self.rows.send(row)).await };
        match self.runtime.block_on(wait) {
            Ok(sent) => sent.map_err(|_| Gone),
            Err(_) => {
                self.late.set(true);
                Err(Gone)
            }
        }
    }
}

/// Why a stream ended early.
pub(super) enum StreamEnd {
    Fault(Fault),
    /// Nobody takes it any more.
    Gone,
}

impl From<Gone> for StreamEnd {
    fn from(_: Gone) -> Self {
        StreamEnd::Gone
    }
}

impl From<rusqlite::Error> for StreamEnd {
    fn from(error: rusqlite::Error) -> Self {
        StreamEnd::Fault(error.into())
    }
}

impl From<StoreError> for StreamEnd {
    fn from(error: StoreError) -> Self {
        StreamEnd::Fault(error.into())
    }
}

impl From<Fault> for StreamEnd {
    fn from(fault: Fault) -> Self {
        StreamEnd::Fault(fault)
    }
}

impl Readers {
    pub(super) fn new(
        dir: PathBuf,
        vfs: Option<String>,
        schema: &'static Schema,
        count: usize,
    ) -> Arc<Readers> {
        Arc::new(Readers {
            dir,
            vfs,
            schema,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(count.max(1))),
            generation: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        })
    }

    fn open(&self) -> Result<Connection, StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        self.schema.open_reader(&self.dir, self.vfs.as_deref())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        held(self.idle.lock())
    }

    fn told(&self, attempt: &str, fault: Fault) -> StoreError {
        match fault {
            Fault::Refused(error) => error,
            Fault::Sqlite(error) => classify(attempt, &self.dir.join(self.schema.name), &error),
        }
    }

    /// Runs `work` on one snapshot.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        attempt: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            readers.read_here(attempt, work)
        });
        task.await.unwrap_or(Err(StoreError::Closed))
    }

    /// As [`Readers::read`], on this thread.
    pub(super) fn read_here<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let generation = self.generation.load(Ordering::SeqCst);
        let found = self.idle().pop();
        let conn = match found {
            Some((of, conn)) if of == generation => conn,
            _ => self.open()?,
        };
        let result = (|| {
            conn.execute_batch("BEGIN")?;
            work(&conn)
        })();
        let ended = conn.is_autocommit() || conn.execute_batch("COMMIT").is_ok();
        if ended
            && !self.closed.load(Ordering::SeqCst)
            && self.generation.load(Ordering::SeqCst) == generation
        {
            self.idle().push((generation, conn));
        }
        result.map_err(|fault| self.told(attempt, fault))
    }

    /// Streams what `work` puts into its sink, from one snapshot that exists when this returns.
    pub(super) async fn stream<T: Send + 'static>(
        self: &Arc<Self>,
        attempt: &'static str,
        pace: Pace,
        work: impl FnOnce(&Connection, &Sink<T>) -> Result<(), StreamEnd> + Send + 'static,
    ) -> Result<RowStream<T>, StoreError> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let readers = self.clone();
        let runtime = Handle::current();
        let until = (pace == Pace::Brisk).then(|| Instant::now() + PATIENCE);
        let (ready, started) = tokio::sync::oneshot::channel();
        // A thread of its own: a slow taker must not hold one of the pool's connections.
        tokio::task::spawn_blocking(move || {
            let begin = || -> Result<Connection, Fault> {
                let conn = readers.open()?;
                conn.execute_batch("BEGIN")?;
                let _: i64 = conn.query_row("SELECT count(*) FROM meta", [], |r| r.get(0))?;
                Ok(conn)
            };
            let conn = match begin() {
                Ok(conn) => conn,
                Err(fault) => {
                    let _ = ready.send(Err(readers.told(attempt, fault)));
                    return;
                }
            };
            let _ = ready.send(Ok(()));
            let sink = Sink {
                rows: sender,
                runtime,
                until,
                late: Cell::new(false),
            };
            let ended = work(&conn, &sink);
            // whenever the taker comes to it, the snapshot is not held for that
            drop(conn);
            let error = match ended {
                Err(StreamEnd::Fault(fault)) => Some(readers.told(attempt, fault)),
                _ => sink.late.get().then_some(StoreError::Late),
            };
            if let Some(error) = error {
                let _ = sink.rows.blocking_send(Err(error));
            }
        });
        started.await.unwrap_or(Err(StoreError::Closed))?;
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }

    /// Closes idle connections; those in use are closed when they come back.
    pub(super) fn renew(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.idle().clear();
    }

    /// Closes for good.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.renew();
    }
}
