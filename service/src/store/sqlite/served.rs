//! The serve log: a file and a thread of its own behind a bounded queue, so that it never slows recording.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use serendib_shop::keyed::{Domain, Hash16, Key};
use serendib_shop::Arm;
use tokio::sync::oneshot;

use crate::store::types::*;
use crate::store::StoreError;
use crate::workers::held::held;

use super::errors::classify;
use super::schema::SERVED;
use super::writer::Fault;

/// Entries written in one commit.
const GROUP: usize = 1_024;

type Task = Box<dyn FnOnce(&mut Connection) + Send>;

enum Entry {
    Served(Box<ServedRequest>),
    Reported(Vec<String>),
    Task(Task),
    Close,
}

/// The queue's writing end.
#[derive(Debug)]
pub(super) struct ServedLog {
    queue: SyncSender<Entry>,
    counters: Arc<Counters>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Counters {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry")
    }
}

impl ServedLog {
    /// Starts the log on `conn`.
    pub(super) fn start(
        conn: Connection,
        path: PathBuf,
        capacity: usize,
    ) -> Result<ServedLog, StoreError> {
        let (queue, entries) = std::sync::mpsc::sync_channel(capacity.max(1));
        let counters = Arc::new(Counters::default());
        let shared = counters.clone();
        let thread = std::thread::Builder::new()
            .name("serve-log".into())
            .spawn(move || write(conn, path, &entries, &shared))
            .map_err(|error| StoreError::Io {
                attempt: "starting the serve log".into(),
                detail: error.to_string(),
            })?;
        Ok(ServedLog {
            queue,
            counters,
            thread: Mutex::new(Some(thread)),
        })
    }

    fn offer(&self, entry: Entry, count: u64) {
        self.counters.waiting.fetch_add(1, Ordering::SeqCst);
        if self.queue.try_send(entry).is_err() {
            self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
            self.counters.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Logs a request, or counts it as dropped.
    pub(super) fn log(&self, request: ServedRequest) {
        self.offer(Entry::Served(Box::new(request)), 1);
    }

    /// Notes that touchpoints came back for these requests (ids of requests or of served items).
    pub(super) fn report(&self, request_ids: Vec<String>) {
        if !request_ids.is_empty() {
            let count = request_ids.len() as u64;
            self.offer(Entry::Reported(request_ids), count);
        }
    }

    /// Entries waiting and entries dropped.
    pub(super) fn figures(&self) -> (usize, u64) {
        (
            self.counters.waiting.load(Ordering::SeqCst),
            self.counters.dropped.load(Ordering::Relaxed),
        )
    }

    /// Runs `work` on the log's connection after everything that waits; blocks while the queue is full.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |conn| {
            let _ = reply.send(work(conn));
        });
        self.counters.waiting.fetch_add(1, Ordering::SeqCst);
        self.queue
            .send(Entry::Task(task))
            .map_err(|_| StoreError::Closed)?;
        Ok(answer)
    }

    /// As [`ServedLog::run`], waiting for the result on this thread.
    pub(super) fn run_here<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = std::sync::mpsc::channel();
        drop(self.run(move |conn| {
            let _ = reply.send(work(conn));
        })?);
        answer.recv().map_err(|_| StoreError::Closed)
    }

    /// Writes what waits and closes the file; returns once it is closed. Blocking.
    pub(super) fn close(&self) {
        self.counters.waiting.fetch_add(1, Ordering::SeqCst);
        let _ = self.queue.send(Entry::Close);
        let thread = held(self.thread.lock()).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn write(mut conn: Connection, path: PathBuf, entries: &Receiver<Entry>, counters: &Counters) {
    let mut failing = false;
    let mut group = Vec::new();
    while let Ok(first) = entries.recv() {
        group.push(first);
        let mut task = None;
        if matches!(group[0], Entry::Task(_) | Entry::Close) {
            task = group.pop();
        } else {
            while group.len() < GROUP {
                match entries.try_recv() {
                    Ok(entry @ (Entry::Task(_) | Entry::Close)) => {
                        task = Some(entry);
                        break;
                    }
                    Ok(entry) => group.push(entry),
                    Err(_) => break,
                }
            }
        }
        if !group.is_empty() {
            match write_group(&mut conn, &group) {
                Ok(()) => failing = false,
                Err(error) => {
                    counters
                        .dropped
                        .fetch_add(group.len() as u64, Ordering::Relaxed);
                    if !failing {
                        let error = classify("writing the serve log", &path, &error);
                        tracing::warn!(%error, "the serve log drops requests");
                    }
                    failing = true;
                }
            }
            counters.waiting.fetch_sub(group.len(), Ordering::SeqCst);
            group.clear();
        }
        match task {
            Some(Entry::Task(task)) => {
                task(&mut conn);
                counters.waiting.fetch_sub(1, Ordering::SeqCst);
            }
            Some(_) => {
                let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                return;
            }
            None => {}
        }
    }
}

fn write_group(conn: &mut Connection, group: &[Entry]) -> rusqlite::Result<()> {
    let tx = conn.transaction()?;
    for entry in group {
        match entry {
            Entry::Served(request) => insert(&tx, request)?,
            Entry::Reported(ids) => {
                let mut mark =
                    tx.prepare_cached("UPDATE served SET reported = 1 WHERE request_id = ?1")?;
                for id in ids {
                    if mark.execute([id])? == 0 {
                        if let Some((request, ..)) = parse_served_id(id) {
                            mark.execute([request])?;
                        }
                    }
                }
            }
            Entry::Task(_) | Entry::Close => {}
        }
    }
    tx.commit()
}

fn insert(conn: &Connection, request: &ServedRequest) -> rusqlite::Result<()> {
    let body = serde_json::to_string(&request.lists).unwrap_or_default();
    let asked = (request.asked != Asked::default())
        .then(|| serde_json::to_string(&request.asked).unwrap_or_default());
    conn.prepare_cached(
        "INSERT INTO served(request_id, customer_id, at, model, placement, body, asked, surprise, arm) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(request_id) DO NOTHING",
    )?
    .execute((
        &request.request_id,
        &request.customer_id,
        request.at,
        &request.model,
        &request.placement,
        body,
        asked,
        request.surprises(),
        request.arm.map(Arm::as_str),
    ))?;
    Ok(())
}

/// Adds `requests` in one commit.
pub(super) fn insert_all(
    conn: &mut Connection,
    requests: &[ServedRequest],
) -> rusqlite::Result<()> {
    let tx = conn.transaction()?;
    for request in requests {
        insert(&tx, request)?;
    }
    tx.commit()
}

const REQUEST: &str =
    "SELECT request_id, customer_id, at, model, placement, body, reported, asked, arm FROM served";

fn read(row: &rusqlite::Row<'_>) -> Result<(ServedRequest, bool), Fault> {
    let body: String = row.get(5)?;
    let asked: Option<String> = row.get(7)?;
    let arm: Option<String> = row.get(8)?;
    let strange = |_| StoreError::Io {
        attempt: "reading the serve log".into(),
        detail: "a request is not in its canonical form".into(),
    };
    let request = ServedRequest {
        request_id: row.get(0)?,
        customer_id: row.get(1)?,
        at: row.get(2)?,
        model: row.get(3)?,
        placement: row.get(4)?,
        asked: asked
            .map(|asked| serde_json::from_str(&asked))
            .transpose()
            .map_err(strange)?
            .unwrap_or_default(),
        arm: arm.as_deref().and_then(Arm::parse),
        lists: serde_json::from_str(&body).map_err(strange)?,
    };
    Ok((request, row.get(6)?))
}

/// The newest requests served to `customer_id` under this very id, newest first.
pub(super) fn to_customer(
    conn: &Connection,
    customer_id: &str,
    newest: Option<usize>,
) -> Result<Vec<(ServedRequest, bool)>, Fault> {
    let mut page = conn.prepare_cached(&format!(
        "{REQUEST} WHERE customer_id = ?1 ORDER BY at DESC, seq DESC LIMIT ?2"
    ))?;
    let limit = newest.map_or(-1, |newest| newest as i64);
    let mut rows = page.query((customer_id, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Adds to `found` the products of surprise lists served to `customer_id` under this very id at or after `since`.
pub(super) fn surprises(
    conn: &Connection,
    customer_id: &str,
    since: i64,
    found: &mut BTreeSet<String>,
) -> Result<(), Fault> {
    let mut some = conn.prepare_cached(&format!(
        "{REQUEST} WHERE surprise = 1 AND customer_id = ?1 AND at >= ?2"
    ))?;
    let mut rows = some.query((customer_id, since))?;
    while let Some(row) = rows.next()? {
        let lists = read(row)?.0.lists.into_iter();
        let surprises = lists.filter(ServedList::surprises);
        found.extend(surprises.flat_map(|l| l.items).map(|item| item.product_id));
    }
    Ok(())
}

pub(super) fn request(conn: &Connection, id: &str) -> Result<Option<ServedRequest>, Fault> {
    let mut one = conn.prepare_cached(&format!("{REQUEST} WHERE request_id = ?1"))?;
    let mut rows = one.query([id])?;
    Ok(rows.next()?.map(read).transpose()?.map(|found| found.0))
}

/// Calls `take` with every request in order of logging.
pub(super) fn each<E: From<Fault> + From<rusqlite::Error>>(
    conn: &Connection,
    mut take: impl FnMut(ServedRequest) -> Result<(), E>,
) -> Result<(), E> {
    let mut all = conn.prepare(&format!("{REQUEST} ORDER BY seq"))?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        take(read(row)?.0)?;
    }
    Ok(())
}

/// Deletes what was served to any of `ids`.
pub(super) fn erase(conn: &Connection, ids: &[String]) -> rusqlite::Result<()> {
    let mut delete = conn.prepare_cached("DELETE FROM served WHERE customer_id = ?1")?;
    for id in ids {
        delete.execute([id])?;
    }
    Ok(())
}

/// Deletes what is older than `retention`. What known customers were surprised with stays its full time, reported or not: it
/// is what does not come again.
pub(super) fn sweep(conn: &Connection, retention: &Retention, now: i64) -> rusqlite::Result<u64> {
    let mut deleted = 0;
    if let Some(age) = retention.served_ms {
        deleted += conn
            .prepare_cached("DELETE FROM served WHERE at < ?1")?
            .execute([now.saturating_sub(age)])?;
    }
    if let Some(age) = retention.unreported_ms {
        deleted += conn
            .prepare_cached(
                "DELETE FROM served WHERE at < ?1 AND reported = 0 \
                 AND (surprise = 0 OR customer_id IS NULL)",
            )?
            .execute([now.saturating_sub(age)])?;
    }
    Ok(deleted as u64)
}

/// Ids of customers in the log with requests up to `until`.
pub(super) fn customers(conn: &Connection, until: i64) -> rusqlite::Result<Vec<String>> {
    let mut ids = conn.prepare_cached(
        "SELECT DISTINCT customer_id FROM served WHERE customer_id IS NOT NULL AND at <= ?1",
    )?;
    let found = ids.query_map([until], |r| r.get(0))?;
    found.collect()
}

/// Deletes what was served to anybody whose hash is in `erased` up to the time of their erasure.
pub(super) fn erase_hashes(
    conn: &Connection,
    key: &Key,
    erased: &HashMap<Hash16, i64>,
) -> rusqlite::Result<()> {
    for id in customers(conn, i64::MAX)? {
        if let Some(at) = erased.get(&key.hash(Domain::Identity, &id)) {
            erase_until(conn, &id, *at)?;
        }
    }
    Ok(())
}

/// Deletes what was served to `id` up to `until`.
pub(super) fn erase_until(conn: &Connection, id: &str, until: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM served WHERE customer_id = ?1 AND at <= ?2")?
        .execute((id, until))?;
    Ok(())
}

/// Opens the log's file.
pub(super) fn open(dir: &std::path::Path, vfs: Option<&str>) -> Result<Connection, StoreError> {
    SERVED.open(dir, vfs)
}
