//! `serendib load`: shop data into the store.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serendib_shop::{DataError, ReadOptions, Served, ShopData, Table, Touchpoint};

use crate::store::canonical::{id_of_hash, row_hash};
use crate::store::sqlite::{Answer, Prepared, SqliteConfig, SqliteStore};
use crate::store::{
    Document, RecordOptions, Recorded, ServedItem, ServedList, ServedRequest, Status, StockLevel,
    Store, StoreError, UpsertMode,
};

use super::progress::Progress;
use crate::clock::now_ms;

use super::{runtime, DEFAULT_STORE};

/// Where `shop.json` is kept in the store.
pub(super) const SHOP_AREA: &str = "shop";
pub(super) const SHOP_KEY: &str = "info";

/// Rows of one call to the store.
const BATCH: usize = 8_192;

/// Batches that may wait for their commit.
const IN_FLIGHT: usize = 6;

/// Put shop data into the store. Stop the server first; loading the same data again changes nothing.
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
    /// Directory of the store; made if it is not there
    #[arg(long, default_value = DEFAULT_STORE)]
    store: PathBuf,
    /// Skip wrong rows and count them instead of stopping at the first
    #[arg(long)]
    lenient: bool,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
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
    /// Delights stored now.
    pub delights: u64,
    /// Wrong rows skipped.
    pub skipped: u64,
    /// What reading found: rows skipped and why, forms of times, unlisted products.
    pub notes: Vec<String>,
    /// Seconds that the touchpoints took.
    pub touchpoint_seconds: f64,
}

impl Load {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        let options = ReadOptions {
            lenient: self.lenient,
        };
        let data = ShopData::open(&self.data, options)?;
        let loaded = runtime()?.block_on(async {
            let mut config = SqliteConfig::new(&self.store);
            config.group_rows = 8 * BATCH;
            config.served_queue = 1 << 16;
            config.cache_bytes = 0;
            let store = SqliteStore::open(config)
                .with_context(|| format!("opening the store {}", self.store.display()))?;
            let loaded = load(&data, &store, now_ms()).await;
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
            for note in &loaded.notes {
                println!("note: {note}");
            }
        }
        Ok(())
    }
}

/// Loads `data` into `store`. Idempotent: what is there already is recognised by its ids.
///
/// # Errors
/// The first wrong row (named with its file and place), or what the store refused.
pub async fn load(data: &ShopData, store: &SqliteStore, now: i64) -> anyhow::Result<Loaded> {
    let mut loaded = Loaded::default();
    shop_info(data, store, now).await?;
    products(data, store, now, &mut loaded).await?;
    stock(data, store, now).await?;
    customers(data, store, now, &mut loaded).await?;
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
    Ok(loaded)
}

async fn shop_info(data: &ShopData, store: &SqliteStore, now: i64) -> anyhow::Result<()> {
    let body = serde_json::to_value(data.shop())?;
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(());
    }
    let document = Document {
        area: SHOP_AREA.into(),
        key: SHOP_KEY.into(),
        customer_id: None,
        version: 0,
        at: now,
        body,
    };
    store.put_document(document, None).await?;
    Ok(())
}

/// Hands `rows` to `put` in batches.
async fn batches<T, F, R>(
    rows: impl Iterator<Item = Result<T, DataError>>,
    size: usize,
    mut put: F,
) -> anyhow::Result<()>
where
    F: FnMut(Vec<T>) -> R,
    R: std::future::Future<Output = Result<(), StoreError>>,
{
    let mut batch = Vec::with_capacity(size);
    for row in rows {
        batch.push(row?);
        if batch.len() == size {
            put(std::mem::replace(&mut batch, Vec::with_capacity(size))).await?;
        }
    }
    if !batch.is_empty() {
        put(batch).await?;
    }
    Ok(())
}

async fn products(
    data: &ShopData,
    store: &SqliteStore,
    now: i64,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    if !data.has_table(Table::Products) {
        return Ok(());
    }
    let progress = Progress::new("products");
    let rows = data
        .product_rows()?
        .distinct("product_id", |p| &p.product_id);
    batches(rows, 1_024, |batch| {
        loaded.products += batch.len() as u64;
        progress.add(batch.len() as u64);
        async move { store.upsert_products(batch, now).await.map(|_| ()) }
    })
    .await?;
    progress.done();
    Ok(())
}

/// Stock is what lies in all warehouses now.
async fn stock(data: &ShopData, store: &SqliteStore, now: i64) -> anyhow::Result<()> {
    let mut total: BTreeMap<String, i64> = BTreeMap::new();
    if !data.has_table(Table::Stock) {
        return Ok(());
    }
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
        store.set_stock(batch.to_vec(), now).await?;
    }
    Ok(())
}

async fn customers(
    data: &ShopData,
    store: &SqliteStore,
    now: i64,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    if !data.has_table(Table::Customers) {
        return Ok(());
    }
    let progress = Progress::new("customers");
    let rows = data.customers()?;
    batches(rows, 1_024, |batch| {
        loaded.customers += batch.len() as u64;
        progress.add(batch.len() as u64);
        async move {
            let by = "load".to_string();
            store
                .upsert_customers(batch, UpsertMode::Merge, by, now)
                .await
        }
    })
    .await?;
    progress.done();
    Ok(())
}

async fn served(data: &ShopData, store: &SqliteStore, loaded: &mut Loaded) -> anyhow::Result<()> {
    if !data.has_table(Table::Served) {
        return Ok(());
    }
    let progress = Progress::new("served requests");
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
    progress.done();
    Ok(())
}

fn begun(row: &Served) -> ServedRequest {
    ServedRequest {
        request_id: row.request_id.clone(),
        customer_id: row.customer_id.clone(),
        at: row.at.unwrap_or(0),
        model: row.model.clone().unwrap_or_default(),
        placement: None,
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
    let progress = Progress::new("touchpoints");
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
    progress.done();
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
    progress.add(recorded.outcomes.len() as u64);
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
