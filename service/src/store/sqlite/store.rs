//! Opening, and the trait.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension};

use serendib_shop::{Arm, Consents, Customer, Delight, Product, Purpose, Touchpoint};

use crate::store::cache::StateCache;
use crate::store::check;
use crate::store::keyed::{new_key, read_key, write_key};
use serendib_shop::keyed::{Domain, Key};
use serendib_shop::ledger::Ledger;

use crate::store::types::*;
use crate::store::{Heard, Position, RowStream, Said, Store, StoreError};

use super::clock::{self, Clock, Moment};
use super::customers::Member;
use super::errors::classify;
use super::readers::{Pace, Readers};
use super::schema::{self, LEDGER, SERVED, STORE};
use super::served::{self, ServedLog};
use crate::clock::now_ms;

use super::lock::lock;
use super::writer::{call, Fault, Tx, Work, Writer};
use super::{
    boxes, catalogue, customers, documents, erase, export, has_store, ledger, record, snapshot,
    Shared, SqliteConfig, SqliteStore, KEY_FILE,
};

/// Batches larger than this are checked and hashed off the async threads.
const INLINE_ROWS: usize = 256;

/// Touchpoints looked through for what came of recent recommendations.
const CAME_OF_IT_ROWS: i64 = 5_000;

/// Notes the key's fingerprint in a new file, compares it in an old one.
fn same_key(conn: &Connection, key: &Key, dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(KEY_FILE);
    let error = |error: rusqlite::Error| classify("reading the store", &path, &error);
    let noted: Option<String> = conn
        .query_row("SELECT value FROM meta WHERE key = 'key'", [], |r| r.get(0))
        .optional()
        .map_err(error)?;
    match noted {
        Some(noted) if noted == key.fingerprint() => Ok(()),
        Some(_) => Err(StoreError::Key {
            path,
            detail: "not the key that the store was written with; put the right one back (every backup holds it)"
                .into(),
        }),
        None => conn
            .execute(
                "INSERT INTO meta(key, value) VALUES ('key', ?1)",
                [key.fingerprint()],
            )
            .map(|_| ())
            .map_err(error),
    }
}

/// The key of the store in `dir`; for a new store that of the ledger outside, where there is one: whoever is in it stays
/// erased.
fn open_key(dir: &Path, ledger: &Path) -> Result<Key, StoreError> {
    let path = dir.join(KEY_FILE);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    if has_store(dir) {
        return Err(StoreError::Key {
            path,
            detail: "the key is missing; put it back (every backup holds it)".into(),
        });
    }
    let known = Ledger::read(ledger).map_err(ledger::refused)?;
    let key = known.map_or_else(new_key, |ledger| ledger.key().clone());
    write_key(&path, &key)?;
    Ok(key)
}

fn open_files(config: &SqliteConfig) -> Result<(Connection, Connection), StoreError> {
    let vfs = config.vfs.as_deref();
    let ledger_path = config.dir.join(LEDGER.name);
    if has_store(&config.dir) && !ledger_path.is_file() {
        return Err(StoreError::Key {
            path: ledger_path,
            detail: "the receipts of erasures are missing, without which erased customers could come back; put the file \
                     back (every backup holds it)"
                .into(),
        });
    }
    // the ledger first: a store without one was tampered with
    let ledger = LEDGER.open(&config.dir, vfs)?;
    let conn = STORE.open(&config.dir, vfs)?;
    schema::check(&conn, &config.dir.join(STORE.name), config.check)?;
    writable(&conn, &config.dir.join(STORE.name))?;
    if let Some(pages) = config.max_pages {
        conn.pragma_update(None, "max_page_count", pages as i64)
            .map_err(|e| classify("opening the store", &config.dir.join(STORE.name), &e))?;
    }
    schema::check(&ledger, &ledger_path, config.check)?;
    writable(&ledger, &ledger_path)?;
    for name in [STORE.name, LEDGER.name] {
        keep_private(&config.dir.join(name), 0o600);
    }
    Ok((conn, ledger))
}

/// Lets only the owner get at `path`; told, where it belongs to somebody else (a mounted volume) or cannot be changed.
fn keep_private(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
        if !open {
            return;
        }
        let only_owner = std::fs::Permissions::from_mode(mode);
        if let Err(error) = std::fs::set_permissions(path, only_owner) {
            tracing::warn!(?path, %error, "other users may get at the store");
        }
    }
}

/// Says at once that a file can only be read, not with the first touchpoint.
fn writable(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    match conn.is_readonly("main") {
        Ok(false) => Ok(()),
        Ok(true) => Err(StoreError::ReadOnly {
            path: path.to_owned(),
            detail: "the file can be read but not written".into(),
        }),
        Err(error) => Err(classify("opening the store", path, &error)),
    }
}

impl SqliteStore {
    /// Opens the store in `config.dir`, makes it if there is none, checks its files and finishes what a crash or a
    /// restore left to do.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Newer`], [`StoreError::ReadOnly`],
    /// [`StoreError::Key`], [`StoreError::Io`].
    pub fn open(config: SqliteConfig) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_at(config, now_ms())
    }

    pub(super) fn open_at(config: SqliteConfig, now: i64) -> Result<SqliteStore, StoreError> {
        std::fs::create_dir_all(&config.dir).map_err(|error| StoreError::ReadOnly {
            path: config.dir.clone(),
            detail: format!("making the directory failed: {error}"),
        })?;
        keep_private(&config.dir, 0o700);
        let lock = lock(&config.dir)?;
        snapshot::finish(&config.dir)?;
        let key = open_key(&config.dir, &config.ledger)?;
        schema::read_ahead(&config.dir.join(STORE.name), config.check);
        let (conn, ledger) = open_files(&config)?;
        same_key(&conn, &key, &config.dir)?;
        same_key(&ledger, &key, &config.dir)?;
        let clock = Clock::open(&conn, now, config.trust_clock)
            .map_err(|error| classify("reading the store", &config.dir.join(STORE.name), &error))?;
        let outside = ledger::join(&config.ledger, &config.dir, &ledger, &key)?;
        let log = served::open(&config.dir, config.vfs.as_deref())?;
        keep_private(&config.dir.join(SERVED.name), 0o600);
        let served = ServedLog::start(log, config.dir.join(SERVED.name), config.served_queue)?;
        let shared = Arc::new(Shared {
            dir: config.dir.clone(),
            limits: config.limits,
            group_rows: config.group_rows.max(1),
            key,
            cache: StateCache::new(config.cache_bytes),
            hook: config.hook.clone(),
            served,
            state: Mutex::new(StoreState::Ready),
            waiting: AtomicUsize::new(0),
            commits: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            commit_micros: AtomicU64::new(0),
            unscrubbed: AtomicU64::new(0),
            erased_again: AtomicU64::new(0),
            clock,
        });
        let mut writer = Writer::new(conn, ledger, outside, shared.clone())?;
        let again = writer.reapply(now)?;
        shared.erased_again.store(again as u64, Ordering::SeqCst);
        let unscrubbed = writer
            .count_unscrubbed()
            .map_err(|error| classify("reading the erase ledger", &shared.path(&LEDGER), &error))?;
        shared.unscrubbed.store(unscrubbed, Ordering::SeqCst);
        let (queue, work) = tokio::sync::mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(work))
            .map_err(|error| StoreError::Io {
                attempt: "starting the writer".into(),
                detail: error.to_string(),
            })?;
        let readers = |schema| {
            Readers::new(
                config.dir.clone(),
                config.vfs.clone(),
                schema,
                config.readers,
            )
        };
        Ok(SqliteStore {
            readers: readers(&STORE),
            served_readers: readers(&SERVED),
            ledger_readers: readers(&LEDGER),
            shared,
            queue,
            config,
            _lock: Mutex::new(lock),
        })
    }

    /// Identities erased again when the store was opened, because the ledger knew of erasures that the store did not.
    pub fn erased_again(&self) -> u64 {
        self.shared.erased_again.load(Ordering::SeqCst)
    }

    /// Queues `work` of `rows` rows for the next group; calls are written in the order of queueing, and the answer
    /// comes after the commit.
    fn submit<T: Send + 'static>(
        &self,
        rows: usize,
        attempt: &'static str,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Answer<T>, StoreError> {
        if let Some(error) = self.shared.refusal() {
            return Err(error);
        }
        let limit = self.shared.limits.waiting_rows;
        let waiting = self.shared.waiting.fetch_add(rows, Ordering::SeqCst);
        if waiting > 0 && waiting + rows > limit {
            self.shared.waiting.fetch_sub(rows, Ordering::SeqCst);
            return Err(StoreError::Busy { waiting, limit });
        }
        let (call, answer) = call(rows, self.shared.clone(), attempt, work);
        if self.queue.send(Work::Call(call)).is_err() {
            self.shared.waiting.fetch_sub(rows, Ordering::SeqCst);
            return Err(StoreError::Closed);
        }
        Ok(Answer(answer))
    }

    /// As [`SqliteStore::submit`], waiting for the answer.
    async fn write<T: Send + 'static>(
        &self,
        rows: usize,
        attempt: &'static str,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(rows, attempt, work)?.wait().await
    }

    /// The moment of a call at `now`, by the clock as far as it is believed. A doubt that begins or ends is kept in the store; where
    /// that cannot be written, it holds for this process all the same.
    async fn moment(&self, now: i64) -> Moment {
        let (moment, doubt) = self.shared.clock.moment(now);
        if let Some(doubt) = doubt {
            let kept = self.write(1, "noting the clock", move |tx| Ok(doubt.keep(tx.conn)?));
            match kept.await {
                Ok(()) => self.shared.clock.kept(doubt),
                Err(error) => tracing::warn!(%error, "a doubt of the clock could not be noted"),
            }
        }
        moment
    }

    /// The options of a recording; while the clock is doubted nothing is too old.
    async fn keeping(&self, options: RecordOptions) -> RecordOptions {
        if options.keep_from.is_some() && self.moment(options.now).await.is_doubted() {
            return RecordOptions {
                keep_from: None,
                ..options
            };
        }
        options
    }

    /// Checks and hashes a batch on this thread, for [`SqliteStore::record_prepared`]. For loading in bulk.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub fn prepare(
        &self,
        batch: Vec<Touchpoint>,
        options: &RecordOptions,
    ) -> Result<Prepared, StoreError> {
        prepare(batch, options, &self.shared.limits, &self.shared.key)
            .map(|rows| Prepared(rows, options.clone()))
    }

    /// Queues a prepared batch; batches are written in the order of queueing.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub fn record_prepared(&self, batch: Prepared) -> Result<Answer<Recorded>, StoreError> {
        let Prepared(rows, options) = batch;
        self.submit(rows.len(), "recording touchpoints", move |tx| {
            record::touchpoints(tx, rows, &options)
        })
    }

    /// The person behind `customer_id` and all ids that they go by; the id itself where nothing is known of them.
    async fn behind(&self, customer_id: String) -> Result<(Vec<Member>, Vec<String>), StoreError> {
        let id = customer_id.clone();
        let members = self
            .readers
            .read("reading a customer", move |conn| {
                Ok(customers::person(conn, &id)?)
            })
            .await?
            .unwrap_or_default();
        let mut ids: Vec<String> = members.iter().map(|m| m.id.clone()).collect();
        if ids.is_empty() {
            ids.push(customer_id);
        }
        Ok((members, ids))
    }

    /// Puts served requests into the log and waits until they are there, those of customers erased since left out; for
    /// loading shop data.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn load_served(&self, requests: Vec<ServedRequest>) -> Result<(), StoreError> {
        let requests = self
            .alone(move |writer| Ok(writer.not_of_the_erased(requests)))
            .await?;
        let shared = self.shared.clone();
        let queued = tokio::task::spawn_blocking(move || {
            shared
                .served
                .run(move |conn| served::insert_all(conn, &requests))
        });
        let answer = queued.await.unwrap_or(Err(StoreError::Closed))?;
        answer
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(|error| classify("writing the serve log", &self.shared.path(&SERVED), &error))
    }

    /// Has `work` run on the writer's thread between groups.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let task = Box::new(move |writer: &mut Writer| {
            let _ = reply.send(work(writer));
        });
        self.queue
            .send(Work::Alone(task))
            .map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn ready(
        &self,
        batch: Vec<Touchpoint>,
        options: &RecordOptions,
    ) -> Result<Vec<check::Ready>, StoreError> {
        let limits = self.shared.limits;
        let key = self.shared.key.clone();
        let options = options.clone();
        if batch.len() <= INLINE_ROWS {
            return prepare(batch, &options, &limits, &key);
        }
        tokio::task::spawn_blocking(move || prepare(batch, &options, &limits, &key))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }
}

fn prepare(
    batch: Vec<Touchpoint>,
    options: &RecordOptions,
    limits: &Limits,
    key: &Key,
) -> Result<Vec<check::Ready>, StoreError> {
    let mut ready = check::touchpoints(batch, options, limits)?;
    for row in &mut ready {
        row.tid = key.hash(Domain::Touchpoint, &row.touchpoint_id);
    }
    Ok(ready)
}

/// A batch that was checked and hashed.
#[derive(Debug)]
pub struct Prepared(Vec<check::Ready>, RecordOptions);

/// The answer to a queued write.
#[derive(Debug)]
pub struct Answer<T>(tokio::sync::oneshot::Receiver<Result<T, StoreError>>);

impl<T> Answer<T> {
    /// Waits for the commit.
    ///
    /// # Errors
    /// Why nothing of the call was stored.
    pub async fn wait(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Streams a shop from the store in `dir` while another process may be writing it: see
/// [`Store::export_shop`](crate::store::Store::export_shop).
///
/// # Errors
/// No store in `dir`, or it cannot be read.
pub async fn export_dir(
    dir: &Path,
    defaults: Consents,
    now: i64,
) -> Result<RowStream<ShopRow>, StoreError> {
    if !has_store(dir) {
        return Err(StoreError::NotFound { what: "store" });
    }
    let readers = |schema| Readers::new(dir.to_path_buf(), None, schema, 1);
    let log = readers(&SERVED);
    readers(&STORE)
        .stream("exporting the shop", Pace::Steady, move |conn, sink| {
            export::shop(conn, &log, &defaults, now, sink)
        })
        .await
}

/// Reads one document of the store in `dir` while another process may be writing it.
///
/// # Errors
/// The store cannot be read.
pub async fn document_in(
    dir: &Path,
    area: &str,
    key: &str,
) -> Result<Option<Document>, StoreError> {
    let (area, key) = (area.to_string(), key.to_string());
    Readers::new(dir.to_path_buf(), None, &STORE, 1)
        .read("reading a document", move |conn| {
            documents::get(conn, &area, &key)
        })
        .await
}

#[tonic::async_trait]
impl Store for SqliteStore {
    async fn record(
        &self,
        batch: Vec<Touchpoint>,
        options: RecordOptions,
    ) -> Result<Recorded, StoreError> {
        let ready = self.ready(batch, &options).await?;
        let options = self.keeping(options).await;
        if ready.is_empty() {
            return Ok(Recorded::default());
        }
        self.write(ready.len(), "recording touchpoints", move |tx| {
            record::touchpoints(tx, ready, &options)
        })
        .await
    }

    async fn record_delights(
        &self,
        batch: Vec<Delight>,
        options: RecordOptions,
    ) -> Result<Vec<Status>, StoreError> {
        check::delights(&batch, &options, &self.shared.limits)?;
        let options = self.keeping(options).await;
        self.write(batch.len(), "recording delights", move |tx| {
            record::delights(tx, batch, &options)
        })
        .await
    }

    async fn upsert_customers(
        &self,
        customers: Vec<Customer>,
        mode: UpsertMode,
        by: String,
        said: Said,
    ) -> Result<Heard, StoreError> {
        check::customers(&customers, &self.shared.limits)?;
        self.write(customers.len(), "storing customers", move |tx| {
            customers::upsert(tx, customers, mode, &by, said)
        })
        .await
    }

    async fn set_consent(
        &self,
        customer_id: String,
        purpose: Purpose,
        yes: Option<bool>,
        by: String,
        said_at: Option<i64>,
        now: i64,
    ) -> Result<(), StoreError> {
        check::id("customer", 0, "customer_id", &customer_id)?;
        self.write(1, "storing a consent", move |tx| {
            customers::set_consent(tx, &customer_id, purpose, yes, &by, said_at, now)
        })
        .await
    }

    async fn link_identity(
        &self,
        customer_id: String,
        identity: String,
        by: String,
        now: i64,
    ) -> Result<(), StoreError> {
        check::id("customer", 0, "customer_id", &customer_id)?;
        check::id("customer", 0, "identity", &identity)?;
        self.write(1, "linking an identity", move |tx| {
            let said = Said::from(now);
            customers::link(tx, &customer_id, &identity, &by, said, said.stamp(None))?;
            Ok(())
        })
        .await
    }

    async fn unlink_identity(
        &self,
        customer_id: String,
        identity: String,
        by: String,
        now: i64,
    ) -> Result<(), StoreError> {
        self.write(1, "unlinking an identity", move |tx| {
            customers::unlink(tx, &customer_id, &identity, &by, now)
        })
        .await
    }

    async fn decide_arm(&self, customer_id: String, arm: Arm, now: i64) -> Result<(), StoreError> {
        self.write(1, "deciding an arm", move |tx| {
            customers::decide_arm(tx, &customer_id, arm, now)
        })
        .await
    }

    async fn customer(
        &self,
        query: CustomerQuery,
    ) -> Result<Option<Arc<CustomerState>>, StoreError> {
        if let Some(state) = self.shared.cache.get(&query) {
            return Ok(Some(state));
        }
        let ticket = self.shared.cache.ticket();
        // Read without the cut in time, so that what is kept serves every time asked for.
        let whole = CustomerQuery {
            before: None,
            ..query.clone()
        };
        let state = self
            .readers
            .read("reading a customer", move |conn| {
                customers::state(conn, &whole)
            })
            .await?;
        let Some(state) = state.map(Arc::new) else {
            return Ok(None);
        };
        self.shared.cache.put(&state, query.budget, ticket);
        let Some(before) = query.before else {
            return Ok(Some(state));
        };
        let late = state
            .touchpoints
            .last()
            .is_some_and(|row| row.at.is_some_and(|at| at >= before));
        if late && state.truncated() {
            let state = self
                .readers
                .read("reading a customer", move |conn| {
                    customers::state(conn, &query)
                })
                .await?;
            return Ok(state.map(Arc::new));
        }
        Ok(Some(Arc::new(crate::store::cache::narrowed(
            &state, &query,
        ))))
    }

    async fn touchpoints(
        &self,
        customer_id: String,
        after: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Touchpoint>, Option<Position>), StoreError> {
        self.readers
            .read("reading touchpoints", move |conn| {
                customers::page(conn, &customer_id, after, limit.max(1))
            })
            .await
    }

    async fn customer_ids(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.readers
            .read("reading customers", move |conn| {
                customers::root_ids(conn, after.as_deref(), limit)
            })
            .await
    }

    async fn upsert_products(
        &self,
        products: Vec<Product>,
        said: Said,
    ) -> Result<(u64, Heard), StoreError> {
        check::products(&products, &self.shared.limits)?;
        self.write(products.len(), "storing products", move |tx| {
            catalogue::upsert(tx, products, said)
        })
        .await
    }

    async fn remove_products(
        &self,
        product_ids: Vec<String>,
        said: Said,
    ) -> Result<usize, StoreError> {
        check::at_most(
            "product_ids",
            product_ids.len(),
            self.shared.limits.batch_rows,
        )?;
        self.write(product_ids.len(), "removing products", move |tx| {
            catalogue::remove(tx, &product_ids, said)
        })
        .await
    }

    async fn remove_absent(
        &self,
        listed: std::collections::HashSet<String>,
        said: Said,
    ) -> Result<usize, StoreError> {
        self.write(1, "removing products", move |tx| {
            catalogue::remove_absent(tx, &listed, said)
        })
        .await
    }

    async fn set_stock(
        &self,
        levels: Vec<StockLevel>,
        said: Said,
    ) -> Result<(u64, Heard), StoreError> {
        check::at_most("levels", levels.len(), self.shared.limits.batch_rows)?;
        self.write(levels.len(), "setting stock", move |tx| {
            catalogue::set_stock(tx, &levels, said)
        })
        .await
    }

    async fn reserve(&self, reservation: Reservation, now: i64) -> Result<Reservation, StoreError> {
        check::reservation(&reservation, now)?;
        let expiry = self.moment(now).await.expiry;
        self.write(reservation.lines.len(), "reserving stock", move |tx| {
            catalogue::reserve(tx, reservation, expiry)
        })
        .await
    }

    async fn release(&self, reservation_id: String, now: i64) -> Result<Reservation, StoreError> {
        let moment = self.moment(now).await;
        self.write(1, "releasing stock", move |tx| {
            catalogue::end(tx, &reservation_id, ReservationState::Released, moment)
        })
        .await
    }

    async fn take(&self, reservation_id: String, now: i64) -> Result<Reservation, StoreError> {
        let moment = self.moment(now).await;
        self.write(1, "taking stock", move |tx| {
            catalogue::end(tx, &reservation_id, ReservationState::Taken, moment)
        })
        .await
    }

    async fn products(
        &self,
        product_ids: Vec<String>,
        now: i64,
    ) -> Result<Vec<Option<CatalogueEntry>>, StoreError> {
        let expiry = self.moment(now).await.expiry;
        self.readers
            .read("reading products", move |conn| {
                catalogue::entries(conn, &product_ids, expiry)
            })
            .await
    }

    async fn catalogue(&self, now: i64) -> Result<CatalogueSnapshot, StoreError> {
        let expiry = self.moment(now).await.expiry;
        self.readers
            .read("reading the catalogue", move |conn| {
                catalogue::snapshot(conn, expiry)
            })
            .await
    }

    async fn keep_pack(
        &self,
        pack: StoredPack,
        packed: Vec<StoredBox>,
        options: PackOptions,
        now: i64,
    ) -> Result<Vec<(usize, usize)>, StoreError> {
        check::pack(&pack, &packed, &self.shared.limits, now)?;
        let moment = self.moment(now).await;
        self.write(packed.len().max(1), "keeping a pack", move |tx| {
            boxes::keep(tx, &pack, packed, options, moment)
        })
        .await
    }

    async fn pack(&self, pack_id: String) -> Result<Option<StoredPack>, StoreError> {
        self.readers
            .read("reading a pack", move |conn| boxes::pack(conn, &pack_id))
            .await
    }

    async fn boxes(&self, query: BoxQuery, now: i64) -> Result<Vec<StoredBox>, StoreError> {
        let expiry = self.moment(now).await.expiry;
        self.readers
            .read("reading boxes", move |conn| {
                boxes::read(conn, &query, expiry)
            })
            .await
    }

    async fn change_box(&self, changed: StoredBox, now: i64) -> Result<u64, StoreError> {
        check::packed_box(0, &changed, &self.shared.limits)?;
        let moment = self.moment(now).await;
        self.write(1, "changing a box", move |tx| {
            boxes::change(tx, &changed, moment)
        })
        .await
    }

    async fn lock_boxes(
        &self,
        box_ids: Vec<String>,
        locked: bool,
        now: i64,
    ) -> Result<Vec<StoredBox>, StoreError> {
        let moment = self.moment(now).await;
        self.write(box_ids.len().max(1), "locking boxes", move |tx| {
            boxes::lock(tx, &box_ids, locked, moment)
        })
        .await
    }

    async fn end_boxes(
        &self,
        box_ids: Vec<String>,
        end: BoxEnd,
        now: i64,
    ) -> Result<Vec<StoredBox>, StoreError> {
        let moment = self.moment(now).await;
        self.write(box_ids.len().max(1), "ending boxes", move |tx| {
            boxes::end(tx, &box_ids, end, moment)
        })
        .await
    }

    async fn open_boxes(&self, now: i64) -> Result<Vec<OpenBox>, StoreError> {
        let expiry = self.moment(now).await.expiry;
        self.readers
            .read("reading boxes", move |conn| boxes::open(conn, expiry))
            .await
    }

    fn log_served(&self, request: ServedRequest) {
        self.shared.served.log(request);
    }

    async fn flush_served(&self) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        let waiting = tokio::task::spawn_blocking(move || shared.served.run(|_| ()));
        let answer = waiting.await.unwrap_or(Err(StoreError::Closed))?;
        answer.await.map_err(|_| StoreError::Closed)
    }

    async fn served(
        &self,
        customer_id: String,
        newest: usize,
    ) -> Result<Vec<ServedOutcome>, StoreError> {
        let (members, ids) = self.behind(customer_id).await?;
        let mut requests = self
            .served_readers
            .read("reading the serve log", move |conn| {
                let mut all = Vec::new();
                for id in &ids {
                    all.extend(served::to_customer(conn, id, Some(newest))?);
                }
                Ok(all)
            })
            .await?;
        requests.sort_by(|(a, _), (b, _)| (b.at, &b.request_id).cmp(&(a.at, &a.request_id)));
        requests.truncate(newest);
        let oldest = requests.last().map_or(i64::MAX, |(request, _)| request.at);
        let came = self
            .readers
            .read("reading touchpoints", move |conn| {
                let mut came = Vec::new();
                for member in &members {
                    let mut lately = conn.prepare_cached(
                        "SELECT at, body FROM touchpoint WHERE ident = ?1 AND at >= ?2 \
                         ORDER BY at DESC LIMIT ?3",
                    )?;
                    let mut rows = lately.query((member.ident, oldest, CAME_OF_IT_ROWS))?;
                    while let Some(row) = rows.next()? {
                        let body = row.get_ref(1)?.as_str().unwrap_or_default();
                        if body.contains("\"request_id\":") {
                            came.push(customers::touchpoint(body, row.get(0)?, &member.id)?);
                        }
                    }
                }
                Ok(came)
            })
            .await?;
        Ok(ServedOutcome::joined(requests, &came))
    }

    async fn surprises_served(
        &self,
        customer_id: String,
        since: i64,
    ) -> Result<Vec<String>, StoreError> {
        let (_, ids) = self.behind(customer_id).await?;
        let found = self
            .served_readers
            .read("reading the serve log", move |conn| {
                let mut found = BTreeSet::new();
                for id in &ids {
                    served::surprises(conn, id, since, &mut found)?;
                }
                Ok(found)
            });
        Ok(found.await?.into_iter().collect())
    }

    async fn served_request(
        &self,
        request_id: String,
    ) -> Result<Option<ServedRequest>, StoreError> {
        self.served_readers
            .read("reading the serve log", move |conn| {
                served::request(conn, &request_id)
            })
            .await
    }

    async fn export_customer(
        &self,
        customer_id: String,
        by: String,
        now: i64,
    ) -> Result<RowStream<CustomerRow>, StoreError> {
        let id = customer_id.clone();
        self.write(1, "exporting a customer", move |tx| {
            if customers::member(tx.conn, &id)?.is_none() {
                return Err(StoreError::NotFound { what: "customer" }.into());
            }
            Ok(tx.audit(now, AuditAction::Export, &id, &by, "")?)
        })
        .await?;
        let (log, key) = (self.served_readers.clone(), self.shared.key.clone());
        self.readers
            .stream("exporting a customer", Pace::Brisk, move |conn, sink| {
                export::customer(conn, &log, &key, &customer_id, sink)
            })
            .await
    }

    async fn erase_customer(
        &self,
        customer_id: String,
        by: String,
        now: i64,
    ) -> Result<Erasure, StoreError> {
        check::id("customer", 0, "customer_id", &customer_id)?;
        self.alone(move |writer| writer.erase(&customer_id, &by, now))
            .await
    }

    async fn erasure(&self, receipt_id: String) -> Result<Option<Erasure>, StoreError> {
        self.ledger_readers
            .read("reading the erase ledger", move |conn| {
                erase::receipt(conn, &receipt_id)
            })
            .await
    }

    async fn scrub(&self, now: i64) -> Result<usize, StoreError> {
        self.scrub_files(now).await
    }

    async fn audit(
        &self,
        after: u64,
        limit: usize,
        subject: Option<String>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let subject = subject.map(|id| self.shared.key.hash(Domain::Identity, &id));
        self.readers
            .read("reading the audit log", move |conn| {
                documents::audit(conn, after, limit, subject.as_ref().map(|hash| &hash[..]))
            })
            .await
    }

    async fn export_shop(
        &self,
        defaults: Consents,
        now: i64,
    ) -> Result<RowStream<ShopRow>, StoreError> {
        // a doubt is kept where the export looks for it
        self.moment(now).await;
        let log = self.served_readers.clone();
        self.readers
            .stream("exporting the shop", Pace::Steady, move |conn, sink| {
                export::shop(conn, &log, &defaults, now, sink)
            })
            .await
    }

    async fn put_document(
        &self,
        document: Document,
        expected: Option<u64>,
    ) -> Result<u64, StoreError> {
        check::document(&document, &self.shared.limits)?;
        self.write(1, "writing a document", move |tx| {
            documents::put(tx, &document, expected)
        })
        .await
    }

    async fn document(&self, area: String, key: String) -> Result<Option<Document>, StoreError> {
        self.readers
            .read("reading a document", move |conn| {
                documents::get(conn, &area, &key)
            })
            .await
    }

    async fn sweep(&self, retention: Retention, now: i64) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        if self.moment(now).await.is_doubted() {
            return Ok(swept);
        }
        self.write(1, "noting the time", move |tx| {
            Ok(clock::note_seen(tx.conn, now)?)
        })
        .await?;
        if let Some(age) = retention.touchpoints_ms {
            let before = now.saturating_sub(age);
            let mut after = Some(0);
            while let Some(from) = after {
                let (deleted, next) = self
                    .write(1, "deleting old touchpoints", move |tx| {
                        record::delete_old(tx, before, from)
                    })
                    .await?;
                swept.touchpoints += deleted;
                after = next;
            }
            swept.touchpoints += self
                .write(1, "deleting old delights", move |tx| {
                    record::delete_old_delights(tx, before)
                })
                .await?;
        }
        swept.reservations = self
            .write(1, "expiring reservations", move |tx| {
                catalogue::expire(tx, now)
            })
            .await?;
        if let Some(age) = retention.audit_ms {
            swept.audit = self
                .write(1, "deleting old audit entries", move |tx| {
                    let deleted = tx
                        .conn
                        .prepare_cached("DELETE FROM audit WHERE at < ?1")?
                        .execute([now.saturating_sub(age)])?;
                    Ok(deleted as u64)
                })
                .await?;
        }
        let shared = self.shared.clone();
        let task = tokio::task::spawn_blocking(move || {
            shared
                .served
                .run(move |conn| served::sweep(conn, &retention, now))
        });
        let answer = task.await.unwrap_or(Err(StoreError::Closed))?;
        swept.served = answer
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(|error| {
                classify("sweeping the serve log", &self.shared.path(&SERVED), &error)
            })?;
        Ok(swept)
    }

    fn durability(&self) -> Durability {
        Durability::Synced
    }

    fn health(&self) -> StoreHealth {
        let (cached_customers, cached_bytes, cache_hits, cache_misses) =
            self.shared.cache.figures();
        let (served_waiting, served_dropped) = self.shared.served.figures();
        StoreHealth {
            state: self.shared.state(),
            durability: Durability::Synced,
            waiting_rows: self.shared.waiting.load(Ordering::SeqCst),
            commits: self.shared.commits.load(Ordering::Relaxed),
            rows: self.shared.rows.load(Ordering::Relaxed),
            commit_micros: self.shared.commit_micros.load(Ordering::Relaxed),
            served_waiting,
            served_dropped,
            cached_customers,
            cached_bytes,
            cache_hits,
            cache_misses,
            unscrubbed: self.shared.unscrubbed.load(Ordering::SeqCst),
            file_bytes: file_bytes(&self.config.dir),
        }
    }

    async fn counts(&self) -> Result<StoreCounts, StoreError> {
        self.readers
            .read("counting", |conn| {
                let (identities, touchpoints): (i64, i64) = conn.query_row(
                    "SELECT count(*) - 1, ifnull(sum(touchpoints), 0) FROM identity WHERE id IS NOT NULL",
                    [],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )?;
                let products: i64 = conn.query_row(
                    "SELECT count(*) FROM product WHERE removed = 0",
                    [],
                    |r| r.get(0),
                )?;
                Ok(StoreCounts {
                    identities: identities as u64,
                    touchpoints: touchpoints as u64,
                    products: products as u64,
                })
            })
            .await
    }

    async fn reopen(&self) -> Result<(), StoreError> {
        let config = self.config.clone();
        let readers = [
            self.readers.clone(),
            self.served_readers.clone(),
            self.ledger_readers.clone(),
        ];
        self.alone(move |writer| {
            if matches!(writer.shared.state(), StoreState::Closed) {
                return Err(StoreError::Closed);
            }
            readers.iter().for_each(|readers| readers.renew());
            let path = config.dir.join(STORE.name);
            let error = |error: rusqlite::Error| classify("reopening the store", &path, &error);
            // The old connections are closed before the files are opened again.
            for conn in [&mut writer.conn, &mut writer.ledger] {
                drop(std::mem::replace(
                    conn,
                    Connection::open_in_memory().map_err(error)?,
                ));
            }
            let (conn, ledger) = open_files(&config).inspect_err(|error| {
                writer.shared.set_state(StoreState::Stopped {
                    detail: error.to_string(),
                });
            })?;
            same_key(&conn, &writer.shared.key, &config.dir)?;
            writer.conn = conn;
            writer.ledger = ledger;
            writer.refresh().map_err(error)?;
            writer.shared.set_state(StoreState::Ready);
            tracing::info!("the store was reopened and checked");
            writer.reapply(now_ms())?;
            Ok(())
        })
        .await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        if self.queue.send(Work::Close(reply)).is_err() {
            return Ok(());
        }
        let closed = answer.await.unwrap_or(Ok(()));
        self.readers.close();
        self.served_readers.close();
        self.ledger_readers.close();
        let shared = self.shared.clone();
        let _ = tokio::task::spawn_blocking(move || shared.served.close()).await;
        closed
    }
}

fn file_bytes(dir: &Path) -> u64 {
    std::fs::read_dir(dir).map_or(0, |entries| {
        entries
            .flatten()
            .filter_map(|entry| entry.metadata().ok())
            .filter(|meta| meta.is_file())
            .map(|meta| meta.len())
            .sum()
    })
}
