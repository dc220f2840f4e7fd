//! The one thread that writes: it takes what waits, runs each call inside a savepoint, and commits them together.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot};

use crate::store::{StoreError, StoreState};
use serendib_shop::keyed::{Domain, Hash16};
use serendib_shop::ledger::{is_before, Ledger};

use super::errors::{classify, stops_writing};
use super::schema;
use super::{Point, Shared};

/// Why a call did not get through.
pub(super) enum Fault {
    /// The call is wrong.
    Refused(StoreError),
    /// The file did not take it.
    Sqlite(rusqlite::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Refused(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sqlite(error)
    }
}

/// One call that waits to be written.
pub(super) trait Write: Send {
    /// How many rows it writes, for what may wait at one time.
    fn rows(&self) -> usize;

    /// Does the work inside the transaction, and keeps its outcome until the group is committed.
    ///
    /// # Errors
    /// The call failed; with the error of the file where that is the cause.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), Option<rusqlite::Error>>;

    /// Whether nobody waits for the answer any more.
    fn is_gone(&self) -> bool;

    /// Sends the answer: the outcome where it stands, else why it does not.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A call with its typed outcome; see [`call`].
struct Call<T, W> {
    rows: usize,
    attempt: &'static str,
    shared: Arc<Shared>,
    /// Taken when it runs.
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// A call of `rows` rows doing `work`, and where its answer comes out.
pub(super) fn call<T: Send + 'static>(
    rows: usize,
    shared: Arc<Shared>,
    attempt: &'static str,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
) -> (Box<dyn Write>, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    let call = Call {
        rows,
        attempt,
        shared,
        work: Some(work),
        outcome: None,
        reply,
    };
    (Box::new(call), answer)
}

impl<T, W> Write for Call<T, W>
where
    T: Send,
    W: FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send,
{
    fn rows(&self) -> usize {
        self.rows
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), Option<rusqlite::Error>> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let (error, cause) = match work(tx) {
            Ok(value) => {
                self.outcome = Some(Ok(value));
                return Ok(());
            }
            Err(Fault::Refused(error)) => (error, None),
            Err(Fault::Sqlite(error)) => {
                let path = self.shared.path(&schema::STORE);
                (classify(self.attempt, &path, &error), Some(error))
            }
        };
        self.outcome = Some(Err(error));
        Err(cause)
    }

    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            // what failed by itself says why, whatever became of the others
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Closed),
        };
        let _ = self.reply.send(answer);
    }
}

/// What the writer thread is asked to do.
pub(super) enum Work {
    /// Part of a group.
    Call(Box<dyn Write>),
    /// Alone, between groups.
    Alone(Box<dyn FnOnce(&mut Writer) + Send>),
    /// Finish and close the files.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// What the writer remembers between groups; rebuilt from the files whenever a group fails.
#[derive(Default)]
pub(super) struct Book {
    idents: HashMap<Arc<str>, i64>,
    products: HashSet<Arc<str>>,
    next_ident: i64,
    next_seq: i64,
    next_delight: i64,
    change: i64,
    /// When each erased identity was erased last, by keyed hash.
    erased: HashMap<Hash16, i64>,
}

/// Entries kept in each of the book's tables before it is started afresh.
const BOOK_ENTRIES: usize = 500_000;

impl Book {
    fn read(store: &Connection, ledger: &Connection) -> rusqlite::Result<Book> {
        let next = |table: &str, key: &str| {
            store.query_row(
                &format!("SELECT ifnull(max({key}), 0) + 1 FROM {table}"),
                [],
                |r| r.get::<_, i64>(0),
            )
        };
        Ok(Book {
            next_ident: next("identity", "ident")?,
            next_seq: next("touchpoint", "seq")?,
            next_delight: next("delight", "seq")?,
            change: store.query_row("SELECT value FROM meta WHERE key = 'change'", [], |r| {
                r.get(0)
            })?,
            erased: super::erase::erased_hashes(ledger)?,
            ..Book::default()
        })
    }

    /// When the identity was erased last, ms; `None` where it never was.
    fn erased_at(&self, shared: &Shared, id: &str) -> Option<i64> {
        if self.erased.is_empty() || id.is_empty() {
            return None;
        }
        let hash = shared.key.hash(Domain::Identity, id);
        self.erased.get(&hash).copied()
    }

    fn trim(&mut self) {
        if self.idents.len() > BOOK_ENTRIES {
            self.idents.clear();
        }
        if self.products.len() > BOOK_ENTRIES {
            self.products.clear();
        }
    }
}

/// What one call (and then one group) changed.
#[derive(Default)]
pub(super) struct Changes {
    /// Identities touched: id, and how many touchpoints more or less.
    touched: HashMap<i64, (Arc<str>, i64)>,
    new_idents: Vec<Arc<str>>,
    new_products: Vec<Arc<str>>,
    catalogue: bool,
    /// Requests that touchpoints came back for.
    pub reported: Vec<String>,
}

impl Changes {
    fn absorb(&mut self, other: Changes) {
        for (ident, (id, count)) in other.touched {
            self.touched.entry(ident).or_insert((id, 0)).1 += count;
        }
        self.catalogue |= other.catalogue;
        self.reported.extend(other.reported);
    }
}

/// One call inside the group's transaction.
pub(super) struct Tx<'w> {
    pub conn: &'w Connection,
    pub ledger: &'w Connection,
    pub shared: &'w Arc<Shared>,
    book: &'w mut Book,
    pub changes: Changes,
}

impl Tx<'_> {
    /// The commit this will be part of: a customer's version.
    pub(super) fn version(&self) -> i64 {
        self.book.change + 1
    }

    /// The number of identity `id`, if it has one; 0 for nobody.
    pub(super) fn ident(&mut self, id: &str) -> rusqlite::Result<Option<i64>> {
        if id.is_empty() {
            return Ok(Some(0));
        }
        if let Some(ident) = self.book.idents.get(id) {
            return Ok(Some(*ident));
        }
        let found = self
            .conn
            .prepare_cached("SELECT ident FROM identity WHERE id = ?1")?
            .query_row([id], |r| r.get(0))
            .optional()?;
        if let Some(ident) = found {
            self.book.idents.insert(id.into(), ident);
        }
        Ok(found)
    }

    /// The number of identity `id`, given now if it has none.
    pub(super) fn ident_or_new(&mut self, id: &str) -> rusqlite::Result<i64> {
        if let Some(ident) = self.ident(id)? {
            return Ok(ident);
        }
        let ident = self.book.next_ident;
        self.book.next_ident += 1;
        self.conn
            .prepare_cached("INSERT INTO identity(ident, id) VALUES (?1, ?2)")?
            .execute((ident, id))?;
        let name: Arc<str> = id.into();
        self.book.idents.insert(name.clone(), ident);
        self.changes.new_idents.push(name);
        Ok(ident)
    }

    /// Notes that identity `ident` changed and has `more` touchpoints.
    pub(super) fn touch(&mut self, ident: i64, id: &str, more: i64) {
        self.changes
            .touched
            .entry(ident)
            .or_insert_with(|| (id.into(), 0))
            .1 += more;
    }

    /// Notes that the catalogue changed; its new version.
    pub(super) fn touch_catalogue(&mut self) -> i64 {
        self.changes.catalogue = true;
        self.version()
    }

    /// Whether the product is known, noting it as seen (in the book only).
    pub(super) fn knows_product(&mut self, id: &str) -> rusqlite::Result<bool> {
        if self.book.products.contains(id) {
            return Ok(true);
        }
        let known = self
            .conn
            .prepare_cached("SELECT 1 FROM product WHERE id = ?1")?
            .exists([id])?;
        if known {
            self.note_product(id);
        }
        Ok(known)
    }

    /// Notes that the product has a row now.
    pub(super) fn note_product(&mut self, id: &str) {
        let name: Arc<str> = id.into();
        if self.book.products.insert(name.clone()) {
            self.changes.new_products.push(name);
        }
    }

    /// Notes that identity `id` has no row any more.
    pub(super) fn forget(&mut self, ident: i64, id: &str) {
        self.book.idents.remove(id);
        self.changes.touched.insert(ident, (id.into(), 0));
    }

    pub(super) fn next_seq(&mut self) -> i64 {
        self.book.next_seq += 1;
        self.book.next_seq - 1
    }

    pub(super) fn next_delight(&mut self) -> i64 {
        self.book.next_delight += 1;
        self.book.next_delight - 1
    }

    /// When the identity was erased last, ms; `None` where it never was.
    pub(super) fn erased_at(&self, id: &str) -> Option<i64> {
        self.book.erased_at(self.shared, id)
    }

    /// Whether what happened at `at` is of before the identity was erased; what has no time is.
    pub(super) fn is_before_erasure(&self, id: &str, at: i64) -> bool {
        self.erased_at(id)
            .is_some_and(|erased| is_before(erased, Some(at)))
    }

    /// Whether the ledger holds this hash of a touchpoint or delight.
    pub(super) fn was_erased(&self, hash: &[u8]) -> rusqlite::Result<bool> {
        if self.book.erased.is_empty() {
            return Ok(false);
        }
        self.ledger
            .prepare_cached("SELECT 1 FROM erased_touchpoint WHERE hash = ?1")?
            .exists([hash])
    }

    /// Writes a line of the audit log; `subject` is the id it was done to.
    pub(super) fn audit(
        &self,
        at: i64,
        action: crate::store::AuditAction,
        subject: &str,
        by: &str,
        detail: &str,
    ) -> rusqlite::Result<()> {
        let hash = self.shared.key.hash(Domain::Identity, subject);
        self.conn
            .prepare_cached(
                "INSERT INTO audit(at, action, subject, caller, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((at, action.as_str(), &hash[..], by, detail))?;
        Ok(())
    }
}

/// The writing connections and what belongs to them.
pub(super) struct Writer {
    pub conn: Connection,
    pub ledger: Connection,
    /// The ledger outside the store.
    pub outside: Ledger,
    pub shared: Arc<Shared>,
    book: Book,
}

impl Writer {
    pub(super) fn new(
        conn: Connection,
        ledger: Connection,
        outside: Ledger,
        shared: Arc<Shared>,
    ) -> Result<Writer, StoreError> {
        let book = Book::read(&conn, &ledger)
            .map_err(|error| classify("reading the store", &shared.path(&schema::STORE), &error))?;
        Ok(Writer {
            conn,
            ledger,
            outside,
            shared,
            book,
        })
    }

    /// Forgets what was cached about the files.
    pub(super) fn refresh(&mut self) -> rusqlite::Result<()> {
        self.book = Book::read(&self.conn, &self.ledger)?;
        self.shared.cache.clear();
        Ok(())
    }

    /// Works until asked to close, or until nobody can ask any more.
    pub(super) fn run(mut self, mut queue: mpsc::UnboundedReceiver<Work>) {
        let mut next = None;
        loop {
            let work = match next.take() {
                Some(work) => work,
                None => match queue.blocking_recv() {
                    Some(work) => work,
                    None => {
                        let _ = self.close();
                        return;
                    }
                },
            };
            match work {
                Work::Call(call) => next = self.group(call, &mut queue),
                Work::Alone(task) => task(&mut self),
                Work::Close(reply) => {
                    queue.close();
                    while let Ok(work) = queue.try_recv() {
                        if let Work::Call(call) = work {
                            self.shared.waiting.fetch_sub(call.rows(), Ordering::SeqCst);
                            call.answer(Err(StoreError::Closed));
                        }
                    }
                    let _ = reply.send(self.close());
                    return;
                }
            }
        }
    }

    fn close(self) -> Result<(), StoreError> {
        let path = self.shared.path(&schema::STORE);
        if matches!(self.shared.state(), StoreState::Ready) {
            for conn in [&self.conn, &self.ledger] {
                let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            }
        }
        self.shared.set_state(StoreState::Closed);
        for conn in [self.conn, self.ledger] {
            conn.close()
                .map_err(|(_, error)| classify("closing the store", &path, &error))?;
        }
        Ok(())
    }

    /// Runs `first` and whatever else waits, up to the group's size, and commits. Returns work that must run alone.
    fn group(
        &mut self,
        first: Box<dyn Write>,
        queue: &mut mpsc::UnboundedReceiver<Work>,
    ) -> Option<Work> {
        if let Some(error) = self.shared.refusal() {
            self.shared
                .waiting
                .fetch_sub(first.rows(), Ordering::SeqCst);
            first.answer(Err(error));
            return None;
        }
        self.shared.hook(Point::BeforeWrite);
        let path = self.shared.path(&schema::STORE);
        if let Err(error) = self.conn.execute_batch("BEGIN IMMEDIATE") {
            self.shared
                .waiting
                .fetch_sub(first.rows(), Ordering::SeqCst);
            self.stop_if_needed(&error);
            first.answer(Err(classify("beginning to write", &path, &error)));
            return None;
        }
        let mut group = Changes::default();
        let mut done: Vec<Box<dyn Write>> = Vec::new();
        let (mut rows, mut waited, mut leftover) = (0, 0, None);
        let mut next = Some(first);
        while let Some(call) = next.take() {
            waited += call.rows();
            if !call.is_gone() {
                rows += call.rows();
                match self.one(call, &mut group) {
                    Ok(call) => done.push(call),
                    Err(error) => {
                        // The file took back the whole transaction.
                        self.fail(waited, done, &error);
                        return None;
                    }
                }
            }
            if rows < self.shared.group_rows {
                match queue.try_recv() {
                    Ok(Work::Call(call)) => next = Some(call),
                    Ok(other) => leftover = Some(other),
                    Err(_) => {}
                }
            }
        }
        self.shared.hook(Point::BeforeCommit);
        let started = Instant::now();
        let version = self.book.change + 1;
        let committed = self
            .finish(&group, version)
            .and_then(|()| self.conn.execute_batch("COMMIT"));
        if let Err(error) = committed {
            self.fail(waited, done, &error);
            return leftover;
        }
        self.book.change = version;
        self.shared
            .commit_micros
            .fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.shared
            .cache
            .changed(group.touched.values().map(|(id, _)| &**id));
        self.shared.served.report(group.reported);
        self.shared.hook(Point::AfterCommit);
        self.shared.waiting.fetch_sub(waited, Ordering::SeqCst);
        for call in done {
            call.answer(Ok(()));
        }
        self.book.trim();
        leftover
    }

    /// Runs one call inside a savepoint.
    fn one(
        &mut self,
        mut call: Box<dyn Write>,
        group: &mut Changes,
    ) -> Result<Box<dyn Write>, rusqlite::Error> {
        self.conn.execute_batch("SAVEPOINT batch")?;
        let mut tx = Tx {
            conn: &self.conn,
            ledger: &self.ledger,
            shared: &self.shared,
            book: &mut self.book,
            changes: Changes::default(),
        };
        let ran = call.run(&mut tx);
        let changes = tx.changes;
        match ran {
            Ok(()) => {
                if let Err(error) = self.conn.execute_batch("RELEASE batch") {
                    let path = self.shared.path(&schema::STORE);
                    call.answer(Err(classify("writing", &path, &error)));
                    return Err(error);
                }
                group.absorb(changes);
                Ok(call)
            }
            Err(cause) => {
                for id in &changes.new_idents {
                    self.book.idents.remove(id);
                }
                for id in &changes.new_products {
                    self.book.products.remove(id);
                }
                if let Some(error) = cause {
                    let fatal = stops_writing(&error);
                    if fatal || self.conn.is_autocommit() {
                        call.answer(Ok(()));
                        return Err(error);
                    }
                }
                self.conn
                    .execute_batch("ROLLBACK TO batch; RELEASE batch")?;
                Ok(call)
            }
        }
    }

    fn finish(&self, group: &Changes, version: i64) -> rusqlite::Result<()> {
        let mut update = self.conn.prepare_cached(
            "UPDATE identity SET version = ?1, touchpoints = touchpoints + ?2 WHERE ident = ?3",
        )?;
        for (ident, (_, more)) in &group.touched {
            update.execute((version, more, ident))?;
        }
        let mut meta = self
            .conn
            .prepare_cached("UPDATE meta SET value = ?1 WHERE key = ?2")?;
        meta.execute((version, "change"))?;
        if group.catalogue {
            meta.execute((version, "catalogue"))?;
        }
        Ok(())
    }

    /// Gives up a group: nothing of it was stored.
    fn fail(&mut self, waited: usize, done: Vec<Box<dyn Write>>, error: &rusqlite::Error) {
        self.stop_if_needed(error);
        if !self.conn.is_autocommit() {
            if let Err(error) = self.conn.execute_batch("ROLLBACK") {
                if !self.conn.is_autocommit() {
                    self.shared.stop(&error);
                }
            }
        }
        self.book.idents.clear();
        self.book.products.clear();
        self.shared.waiting.fetch_sub(waited, Ordering::SeqCst);
        let path = self.shared.path(&schema::STORE);
        let told = self
            .shared
            .refusal()
            .unwrap_or_else(|| classify("committing", &path, error));
        for call in done {
            call.answer(Err(told.clone()));
        }
    }

    pub(super) fn stop_if_needed(&self, error: &rusqlite::Error) {
        if stops_writing(error) {
            self.shared.stop(error);
        }
    }

    /// Runs `work` as a transaction of its own, for tasks that run alone.
    pub(super) fn alone<T>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        if let Some(error) = self.shared.refusal() {
            return Err(error);
        }
        let path = self.shared.path(&schema::STORE);
        let attempt = || -> Result<(T, Changes), Fault> {
            self.conn.execute_batch("BEGIN IMMEDIATE")?;
            let mut tx = Tx {
                conn: &self.conn,
                ledger: &self.ledger,
                shared: &self.shared,
                book: &mut self.book,
                changes: Changes::default(),
            };
            let value = work(&mut tx)?;
            let changes = tx.changes;
            let version = self.book.change + 1;
            self.finish(&changes, version)?;
            self.conn.execute_batch("COMMIT")?;
            self.book.change = version;
            Ok((value, changes))
        };
        match attempt() {
            Ok((value, changes)) => {
                self.shared
                    .cache
                    .changed(changes.touched.values().map(|(id, _)| &**id));
                Ok(value)
            }
            Err(fault) => {
                if !self.conn.is_autocommit() {
                    let _ = self.conn.execute_batch("ROLLBACK");
                }
                self.book.idents.clear();
                self.book.products.clear();
                Err(match fault {
                    Fault::Refused(error) => error,
                    Fault::Sqlite(error) => {
                        self.stop_if_needed(&error);
                        classify("writing", &path, &error)
                    }
                })
            }
        }
    }

    /// Whether what happened to the identity at `at` is of before it was erased.
    pub(super) fn is_before_erasure(&self, id: &str, at: i64) -> bool {
        let erased = self.book.erased_at(&self.shared, id);
        erased.is_some_and(|erased| is_before(erased, Some(at)))
    }

    /// Forgets the number of an identity erased at `at`.
    pub(super) fn forget(&mut self, id: &str, at: i64) {
        self.book.idents.remove(id);
        let hash = self.shared.key.hash(Domain::Identity, id);
        let last = self.book.erased.entry(hash).or_insert(at);
        *last = at.max(*last);
    }
}
