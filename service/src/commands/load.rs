//! `serendib load`: shop data into the store.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serendib_shop::{Arm, DataError, ReadOptions, Served, ShopData, Table, Touchpoint};

use crate::store::canonical::{id_of_hash, row_hash};
use crate::store::sqlite::{Answer, Prepared, SqliteConfig, SqliteStore};
use crate::store::{
    CustomerQuery, Heard, RecordOptions, Recorded, Said, ServedItem, ServedList, ServedRequest,
    Status, StockLevel, Store, UpsertMode,
};

use crate::clock::now_ms;
use serendib_shop::Progress;

use super::listed::Listed;
use super::{runtime, shop_info};
use serendib_shop::ledger::store_of;

/// Rows of one call to the store.
const BATCH: usize = 8_192;

/// Batches that may wait for their commit.
const IN_FLIGHT: usize = 6;

/// Put shop data into the store. Stop the server first; loading the same data again changes nothing.
///
/// What was said over the API after the data's `as_of` stands: consents, facts, prices, stock, removals and erasures. Data
/// that do not say as of when they hold fill in what nobody said over the API.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib load --data shop --store serendib-store\n\nA touchpoint without an id gets one \
                  that follows from its contents and from how many equal rows came before it, so a load that was \
                  interrupted is simply repeated."
)]
pub struct Load {
    /// Directory of shop data
    #[arg(long)]
    data: PathBuf,
    /// Directory of the store, made if it is not there; absent = beside the data: shop-store for shop
    #[arg(long)]
    store: Option<PathBuf>,
    /// The ledger of erasures; beside the store if absent
    #[arg(long)]
    erasures: Option<PathBuf>,
    /// Skip wrong rows and count them instead of stopping at the first
    #[arg(long)]
    lenient: bool,
    /// The data list everything on sale: products that they do not list are removed. A product whose row is skipped is listed;
    /// where it cannot be told which product that is, none is removed
    #[arg(long)]
    snapshot: bool,
    /// The data are of the shop whose store this is, although they share hardly any product and customer with it
    #[arg(long)]
    same_shop: bool,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

/// How shop data are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    /// The time, ms.
    pub now: i64,
    /// Whether products that the data do not list are removed.
    pub snapshot: bool,
    /// Whether data that share hardly anything with the store are of the same shop.
    pub same_shop: bool,
}

impl From<i64> for Loading {
    /// A load at `now`, ms, of data that are no snapshot.
    fn from(now: i64) -> Loading {
        Loading {
            now,
            snapshot: false,
            same_shop: false,
        }
    }
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Loaded {
    pub products: u64,
    pub customers: u64,
    /// Served requests read.
    pub served: u64,
    /// Touchpoints stored now.
    pub touchpoints: u64,
    /// Touchpoints that were there already.
    pub duplicates: u64,
    /// Touchpoints of customers who were erased.
    pub erased: u64,
    /// Products that the data do not list any more.
    pub removed: u64,
    /// What became of the rows of products, of their counts of stock, and of customers.
    pub heard: Hearings,
    /// Delights stored now.
    pub delights: u64,
    /// Customers and touchpoints in the store before.
    pub before: (u64, u64),
    /// Wrong rows skipped.
    pub skipped: u64,
    /// What reading found: rows skipped and why, forms of times, unlisted products.
    pub notes: Vec<String>,
    /// Seconds that the touchpoints took.
    pub touchpoint_seconds: f64,
}

/// What became of what the tables state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Hearings {
    pub products: Heard,
    pub stock: Heard,
    pub customers: Heard,
}

impl Loaded {
    /// What was left out, filled in and ignored, a line each; none where everything was taken over.
    pub fn told(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        let tables = [
            ("products", "products", self.heard.products),
            ("stock", "counts of stock", self.heard.stock),
            ("customers", "customers", self.heard.customers),
        ];
        for (table, what, heard) in tables {
            if heard.kept > 0 {
                notes.push(format!(
                    "{table}: {} {what} kept what was said later or over the API ({} of them had blanks filled in)",
                    heard.kept, heard.filled
                ));
            }
            if heard.left_out > 0 {
                notes.push(format!(
                    "{table}: {} rows said more than fits what stands, which was left out",
                    heard.left_out
                ));
            }
            if heard.erased > 0 {
                notes.push(format!(
                    "{table}: {} rows of erased customers ignored: take them out of the data",
                    heard.erased
                ));
            }
        }
        if self.erased > 0 {
            notes.push(format!(
                "touchpoints: {} rows of erased customers ignored: take them out of the data",
                self.erased
            ));
        }
        if self.removed > 0 {
            notes.push(format!(
                "products: {} removed, since the data do not list them any more",
                self.removed
            ));
        }
        notes
    }
}

impl Load {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        let options = ReadOptions {
            lenient: self.lenient,
        };
        let data = ShopData::open(&self.data, options)?;
        let dir = self.store.clone().unwrap_or_else(|| store_of(&self.data));
        let loaded = runtime()?.block_on(async {
            let mut config = SqliteConfig::new(&dir);
            if let Some(ledger) = &self.erasures {
                config.ledger.clone_from(ledger);
            }
            config.group_rows = 8 * BATCH;
            config.served_queue = 1 << 16;
            config.cache_bytes = 0;
            // that data are loaded says nothing of the clock
            config.trust_clock = false;
            let store = SqliteStore::open(config)
                .with_context(|| format!("opening the store {}", dir.display()))?;
            let loading = Loading {
                now: now_ms(),
                snapshot: self.snapshot,
                same_shop: self.same_shop,
            };
            let loaded = load(&data, &store, loading).await;
            // What was acknowledged is durable in any case; closing folds the log into the file.
            store.close().await?;
            loaded.with_context(|| format!("loading {}", self.data.display()))
        })?;
        if self.json {
            println!("{}", serde_json::to_string(&loaded)?);
        } else {
            println!(
                "{} products, {} customers, {} touchpoints stored ({} were there already, {} of erased customers), \
                 {} delights, {} served requests",
                loaded.products,
                loaded.customers,
                loaded.touchpoints,
                loaded.duplicates,
                loaded.erased,
                loaded.delights,
                loaded.served
            );
            let (customers, touchpoints) = loaded.before;
            if customers + touchpoints > 0 {
                println!(
                    "the store held {customers} customers and {touchpoints} touchpoints before"
                );
            }
            for note in loaded.told() {
                println!("note: {note}");
            }
        }
        Ok(())
    }
}

/// Loads `data` into `store`. Idempotent: what is there already is recognised by its ids.
///
/// # Errors
/// The first wrong row (named with its file and place), data of another shop, or what the store refused.
pub async fn load(
    data: &ShopData,
    store: &SqliteStore,
    loading: impl Into<Loading>,
) -> anyhow::Result<Loaded> {
    let loading = loading.into();
    let now = loading.now;
    let said = Said::file(now, data.as_of()?);
    let mut loaded = Loaded::default();
    let counts = store.counts().await?;
    loaded.before = (counts.identities, counts.touchpoints);
    same_shop(data, store, loading).await?;
    // before anything is written: what lists nothing is refused
    let listed = match loading.snapshot {
        true => Some(Listed::read(data)?),
        false => None,
    };
    let kept = shop_info::take_over(data.shop(), store, said).await?;
    products(data, store, said, &mut loaded).await?;
    let mut not_removed = None;
    match listed.map(|listed| listed.whole(data)) {
        Some(Ok(listed)) => loaded.removed = store.remove_absent(listed, said).await? as u64,
        Some(Err(why)) => not_removed = Some(format!("products: {why}")),
        None => {}
    }
    stock(data, store, said, &mut loaded).await?;
    customers(data, store, said, &mut loaded).await?;
    // Before the touchpoints, which say what came of it.
    served(data, store, &mut loaded).await?;
    let started = std::time::Instant::now();
    touchpoints(data, store, now, &mut loaded).await?;
    loaded.touchpoint_seconds = started.elapsed().as_secs_f64();
    delights(data, store, now, &mut loaded).await?;
    store.flush_served().await?;
    loaded.skipped = Table::ALL
        .into_iter()
        .map(|table| data.skipped(table))
        .sum();
    loaded.notes = data.notes();
    loaded.notes.extend(not_removed);
    if !kept.is_empty() {
        let keys = kept.join(", ");
        let note = format!("shop.json: what data of a later time said stands: {keys}");
        loaded.notes.push(note);
    }
    Ok(loaded)
}

/// Ids of a table that are looked at to tell whose data it is.
const LOOKED_AT: usize = 20_000;

/// Share of known products, and of known customers, below which data are of another shop.
const KNOWN: f64 = 0.05;

/// Refuses data of another shop than the store's: by `shop_id` where both say one, else by what they have in common.
async fn same_shop(data: &ShopData, store: &SqliteStore, loading: Loading) -> anyhow::Result<()> {
    let stored = store
        .document(shop_info::AREA.into(), shop_info::KEY.into())
        .await?;
    let stored = stored.as_ref().and_then(|shop| shop.body.get("shop_id"));
    let stored = stored.and_then(serde_json::Value::as_str);
    if let (Some(ours), Some(theirs)) = (stored, data.shop().shop_id.as_deref()) {
        anyhow::ensure!(
            ours == theirs,
            "the store is of shop {ours:?}, the data are of shop {theirs:?}: give each shop a store of its own"
        );
        return Ok(());
    }
    let counts = store.counts().await?;
    if loading.same_shop || counts.touchpoints == 0 && counts.products == 0 {
        return Ok(());
    }
    let (mut products, mut customers) = (HashSet::new(), HashSet::new());
    let mut touched = false;
    if data.has_table(Table::Touchpoints) {
        for row in data.touchpoints()?.take(10 * LOOKED_AT) {
            // what is wrong with a row is said when it is loaded
            let Ok(row) = row else { continue };
            touched = true;
            products.extend(row.product_id);
            if !row.customer_id.is_empty() {
                customers.insert(row.customer_id);
            }
            if products.len() >= LOOKED_AT || customers.len() >= LOOKED_AT {
                break;
            }
        }
    }
    if data.has_table(Table::Customers) {
        let rows = data.customers()?.take(LOOKED_AT).flatten();
        customers.extend(rows.map(|row| row.customer_id));
    }
    if !touched && data.has_table(Table::Products) {
        let rows = data.product_rows()?.take(LOOKED_AT).flatten();
        products.extend(rows.map(|row| row.product_id));
    }
    let (products, customers): (Vec<_>, Vec<_>) = (
        products.into_iter().collect(),
        customers.into_iter().collect(),
    );
    let mut known = [0usize; 2];
    for chunk in products.chunks(1_024) {
        let found = store.products(chunk.to_vec(), loading.now).await?;
        known[0] += found.iter().flatten().count();
    }
    for id in customers.iter().take(1_000) {
        let query = CustomerQuery::newest(id.as_str(), 1);
        known[1] += usize::from(store.customer(query).await?.is_some());
    }
    let share = |known: usize, of: usize| known as f64 / of.max(1) as f64;
    let few_products = share(known[0], products.len()) < KNOWN;
    let few_customers = share(known[1], customers.len().min(1_000)) < KNOWN;
    // ids of customers are often plain numbers that every shop has; what is touched are a shop's own products
    let other = match (products.is_empty(), customers.is_empty()) {
        (true, true) => false,
        (true, false) => few_customers,
        (false, _) => few_products && (touched || few_customers),
    };
    anyhow::ensure!(
        !other,
        "the store knows {} of {} products and {} of {} customers of the data: it looks like the store of another shop \
         ({} customers, {} touchpoints). Give each shop a store of its own (--store), name both by shop_id in shop.json, \
         or say --same-shop",
        known[0],
        products.len(),
        known[1],
        customers.len().min(1_000),
        counts.identities,
        counts.touchpoints
    );
    Ok(())
}

/// The rows in batches of `size`; the first wrong row ends them.
fn batches<T>(
    mut rows: impl Iterator<Item = Result<T, DataError>>,
    size: usize,
) -> impl Iterator<Item = Result<Vec<T>, DataError>> {
    std::iter::from_fn(move || {
        let batch: Result<Vec<T>, DataError> = rows.by_ref().take(size).collect();
        match batch {
            Ok(batch) if batch.is_empty() => None,
            batch => Some(batch),
        }
    })
}

async fn products(
    data: &ShopData,
    store: &SqliteStore,
    said: Said,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    if !data.has_table(Table::Products) {
        return Ok(());
    }
    let progress = Progress::counter("products");
    let rows = data
        .product_rows()?
        .distinct("product_id", |p| &p.product_id);
    for batch in batches(rows, 1_024) {
        let batch = batch?;
        loaded.products += batch.len() as u64;
        progress.advance(batch.len() as u64);
        let (_, heard) = store.upsert_products(batch, said).await?;
        loaded.heard.products.add(heard);
    }
    drop(progress);
    Ok(())
}

/// Stock is what lies in all warehouses now.
async fn stock(
    data: &ShopData,
    store: &SqliteStore,
    said: Said,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    let mut total: BTreeMap<String, i64> = BTreeMap::new();
    if !data.has_table(Table::Stock) {
        return Ok(());
    }
    let now = said.now;
    for lot in data.stock()? {
        let lot = lot?;
        let there =
            lot.inbound_at.is_none_or(|at| at <= now) && lot.expires_at.is_none_or(|at| at > now);
        *total.entry(lot.product_id).or_default() += if there { lot.quantity } else { 0 };
    }
    let levels: Vec<_> = total
        .into_iter()
        .map(|(product_id, stock)| StockLevel {
            product_id,
            stock: Some(stock),
        })
        .collect();
    for batch in levels.chunks(1_024) {
        let (_, heard) = store.set_stock(batch.to_vec(), said).await?;
        loaded.heard.stock.add(heard);
    }
    Ok(())
}

async fn customers(
    data: &ShopData,
    store: &SqliteStore,
    said: Said,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    if !data.has_table(Table::Customers) {
        return Ok(());
    }
    let progress = Progress::counter("customers");
    let rows = data.customers()?;
    for batch in batches(rows, 1_024) {
        let batch = batch?;
        loaded.customers += batch.len() as u64;
        progress.advance(batch.len() as u64);
        let heard = store
            .upsert_customers(batch, UpsertMode::Merge, "load".to_string(), said)
            .await?;
        loaded.heard.customers.add(heard);
    }
    drop(progress);
    Ok(())
}

async fn served(data: &ShopData, store: &SqliteStore, loaded: &mut Loaded) -> anyhow::Result<()> {
    if !data.has_table(Table::Served) {
        return Ok(());
    }
    let progress = Progress::counter("served requests");
    let mut batch = Vec::new();
    // Rows of one request stand together, as `export` writes them.
    let mut current: Option<ServedRequest> = None;
    for row in data.served()? {
        let row = row?;
        if current
            .as_ref()
            .is_some_and(|request| request.request_id != row.request_id)
        {
            batch.extend(current.take());
            if batch.len() >= 1_024 {
                loaded.served += batch.len() as u64;
                progress.at(loaded.served);
                store.load_served(std::mem::take(&mut batch)).await?;
            }
        }
        add(current.get_or_insert_with(|| begun(&row)), row);
    }
    batch.extend(current);
    loaded.served += batch.len() as u64;
    store.load_served(batch).await?;
    drop(progress);
    Ok(())
}

fn begun(row: &Served) -> ServedRequest {
    ServedRequest {
        request_id: row.request_id.clone(),
        customer_id: row.customer_id.clone(),
        at: row.at.unwrap_or(0),
        model: row.model.clone().unwrap_or_default(),
        arm: row.arm.as_deref().and_then(Arm::parse),
        ..ServedRequest::default()
    }
}

fn add(request: &mut ServedRequest, row: Served) {
    let kind = row.list.unwrap_or_default();
    // A second list of one kind begins again at rank 1.
    let open = request.lists.last().is_some_and(|list| list.kind == kind)
        && row.rank.is_none_or(|rank| rank > 1);
    if !open {
        request.lists.push(ServedList {
            kind,
            ..ServedList::default()
        });
    }
    if let Some(list) = request.lists.last_mut() {
        if let Some(product_id) = row.product_id {
            list.items.push(ServedItem {
                product_id,
                propensity: row.propensity,
                ..ServedItem::default()
            });
        }
        if list.candidates.is_empty() {
            list.candidates = row.candidates.as_deref().map_or_else(Vec::new, candidates);
        }
    }
}

fn candidates(text: &str) -> Vec<ServedItem> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    rows.iter()
        .filter_map(|row| {
            Some(ServedItem {
                product_id: row.get("product_id")?.as_str()?.to_string(),
                propensity: row.get("propensity").and_then(serde_json::Value::as_f64),
                ..ServedItem::default()
            })
        })
        .collect()
}

/// Gives rows without an id one that follows from their contents and their number among equal rows.
#[derive(Debug, Default)]
struct Ids {
    /// How many equal rows were seen, by the first half of their hash.
    seen: HashMap<u64, u32>,
}

impl Ids {
    fn give(&mut self, row: &mut Touchpoint) {
        if row.touchpoint_id.is_none() {
            let hash = row_hash(row);
            let mut half = [0; 8];
            half.copy_from_slice(&hash[..8]);
            let seen = self.seen.entry(u64::from_le_bytes(half)).or_default();
            row.touchpoint_id = Some(id_of_hash(hash, u64::from(*seen)));
            *seen += 1;
        }
    }
}

async fn touchpoints(
    data: &ShopData,
    store: &SqliteStore,
    now: i64,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    let options = RecordOptions {
        // A table's times are history, whatever the clock of this machine says.
        future_ms: i64::MAX,
        ..RecordOptions::load(now)
    };
    let progress = Progress::counter("touchpoints");
    let rows = data.touchpoint_rows()?;
    let (sender, mut batches) = tokio::sync::mpsc::channel::<anyhow::Result<Prepared>>(2);
    let read = move || {
        // Reading, hashing and checking on one thread, writing on another.
        let mut ids = Ids::default();
        let mut batch = Vec::with_capacity(BATCH);
        let mut rows = rows;
        loop {
            let row = rows.next();
            let last = row.is_none();
            if let Some(row) = row {
                match row {
                    Ok(mut row) => {
                        ids.give(&mut row);
                        batch.push(row);
                    }
                    Err(error) => {
                        let _ = sender.blocking_send(Err(error.into()));
                        return;
                    }
                }
            }
            if batch.len() == BATCH || (last && !batch.is_empty()) {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                let prepared = store.prepare(full, &options).map_err(anyhow::Error::from);
                if sender.blocking_send(prepared).is_err() {
                    return;
                }
            }
            if last {
                return;
            }
        }
    };
    let mut waiting: VecDeque<Answer<Recorded>> = VecDeque::new();
    let write = async {
        while let Some(batch) = batches.recv().await {
            waiting.push_back(store.record_prepared(batch?)?);
            if waiting.len() == IN_FLIGHT {
                if let Some(answer) = waiting.pop_front() {
                    count(&answer.wait().await?, loaded, &progress);
                }
            }
        }
        for answer in waiting.drain(..) {
            count(&answer.wait().await?, loaded, &progress);
        }
        anyhow::Ok(())
    };
    // `read` borrows the store: a scoped thread, while this task drives the writing.
    let written = std::thread::scope(|scope| {
        scope.spawn(read);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(write))
    });
    drop(progress);
    written
}

fn count(recorded: &Recorded, loaded: &mut Loaded, progress: &Progress) {
    for outcome in &recorded.outcomes {
        match outcome.status {
            Status::Stored => loaded.touchpoints += 1,
            Status::Duplicate => loaded.duplicates += 1,
            Status::IgnoredErased => loaded.erased += 1,
            Status::IgnoredExpired => {}
        }
    }
    progress.advance(recorded.outcomes.len() as u64);
}

async fn delights(
    data: &ShopData,
    store: &SqliteStore,
    now: i64,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    if !data.has_table(Table::Delights) {
        return Ok(());
    }
    let options = RecordOptions {
        future_ms: i64::MAX,
        ..RecordOptions::load(now)
    };
    let mut batch = Vec::new();
    let mut rows = data.delights()?;
    loop {
        let row = rows.next().transpose()?;
        let last = row.is_none();
        batch.extend(row);
        if batch.len() == 1_024 || (last && !batch.is_empty()) {
            let statuses = store
                .record_delights(std::mem::take(&mut batch), options.clone())
                .await?;
            loaded.delights += statuses.iter().filter(|s| **s == Status::Stored).count() as u64;
        }
        if last {
            return Ok(());
        }
    }
}
