//! What the end-to-end tests share with the program that they kill.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serendib_service::commands::{load, Loaded};
use serendib_service::config::RawConfig;
use serendib_service::store::sqlite::{Hook, Point};
use serendib_service::store::{SqliteConfig, SqliteStore, Store};
use serendib_shop::{ReadOptions, ShopData, Touchpoint};

/// When everything in a store that is killed happens, ms since 1970.
pub const NOW: i64 = 1_767_225_600_000;
/// How many write at once.
pub const WRITERS: usize = 8;

/// What the program does until it is killed.
#[derive(Debug, Serialize, Deserialize)]
pub enum Task {
    /// Records [`batch`] after batch, writer `w` from number `from[w]` on, and says `ack w n` of each.
    Write {
        store: PathBuf,
        from: [u32; WRITERS],
    },
    /// Keeps one pack of boxes and says `kept`.
    Pack { store: PathBuf },
    /// Erases a customer and scrubs what they left.
    Erase { store: PathBuf, customer: String },
    /// Loads the shop data of a directory.
    Load { data: PathBuf, store: PathBuf },
    /// Serves over [`settings`] and says `addr` and its address.
    Serve { dir: PathBuf },
    /// Records [`equal_rows`] until the disk is full and says `acked` and how often it was not.
    Fill { store: PathBuf },
}

/// A task, and where it stops to be killed; it then says `here`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    pub task: Task,
    pub stop: Option<Stop>,
}

/// The `nth` time, from 1, that a store comes to a point of its work.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stop {
    at: String,
    nth: u32,
}

impl Stop {
    /// The stop at a point by its name; `None` for a name of no point, as of those who are killed at any time.
    pub fn at(name: &str, nth: u32) -> Option<Stop> {
        point(name).map(|_| Stop {
            at: name.to_owned(),
            nth,
        })
    }

    fn hook(self) -> Option<Hook> {
        let stop = point(&self.at)?;
        let seen = AtomicU32::new(0);
        Some(Hook(Arc::new(move |at| {
            if at == stop && seen.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
                say("here");
                loop {
                    std::thread::park();
                }
            }
        })))
    }
}

fn point(name: &str) -> Option<Point> {
    Some(match name {
        "before-write" => Point::BeforeWrite,
        "before-commit" => Point::BeforeCommit,
        "after-commit" => Point::AfterCommit,
        "in-ledger" => Point::ErasureInLedger,
        "in-effect" => Point::ErasureInEffect,
        "purging" => Point::PurgingErased,
        "scrubbed" => Point::Scrubbed,
        _ => return None,
    })
}

/// The store in `dir`, which stops at `stop`.
pub fn stopping(dir: &Path, stop: Option<Stop>) -> SqliteConfig {
    let mut config = SqliteConfig::new(dir);
    config.hook = stop.and_then(Stop::hook);
    config
}

/// Tells the test.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // whoever listened may be gone
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Ids of batch number `n` of writer `w`, one to nineteen, which say where they belong.
pub fn ids_of(w: usize, n: u32) -> Vec<String> {
    let rows = 1 + (n * 7 + w as u32 * 3) % 19;
    (0..rows)
        .map(|i| format!("w{w}-{n}-{i}-of-{rows}"))
        .collect()
}

/// That batch as rows of one customer.
pub fn batch(w: usize, n: u32) -> Vec<Touchpoint> {
    let customer = format!("customer-{}", (n + w as u32) % 20);
    let row = |(i, id)| Touchpoint {
        touchpoint_id: Some(id),
        product_id: Some(format!("p{}", (n + i) % 50)),
        at: Some(NOW - i64::from(n)),
        ..Touchpoint::new(customer.clone(), "view")
    };
    (0..).zip(ids_of(w, n)).map(row).collect()
}

/// Two hundred rows of one customer, whose ids say the number `n`.
pub fn equal_rows(n: usize) -> Vec<Touchpoint> {
    (0..200)
        .map(|i| Touchpoint {
            touchpoint_id: Some(format!("t{n}-{i}")),
            at: Some(NOW),
            product_id: Some(format!("p{i}")),
            ..Touchpoint::new("ada", "view")
        })
        .collect()
}

/// Loads the shop data in `data`.
pub async fn loaded(data: &Path, config: SqliteConfig) -> Loaded {
    let data = ShopData::open(data, ReadOptions::default()).unwrap();
    let store = SqliteStore::open(config).unwrap();
    let loaded = load(&data, &store, NOW).await.unwrap();
    store.close().await.unwrap();
    loaded
}

/// Settings of a server over `dir`, on free ports.
pub fn settings(dir: &Path) -> RawConfig {
    let mut raw = RawConfig::default();
    raw.consent.contact = true;
    raw.consent.contact_basis = "customers of the test".into();
    raw.server.addr = "127.0.0.1:0".into();
    raw.metrics.addr = "127.0.0.1:0".into();
    raw.models.dir = dir.join("models").to_str().unwrap().into();
    raw.models.watch_ms = 50;
    raw.store.dir = dir.join("store").to_str().unwrap().into();
    raw.server.shutdown_grace_s = 5;
    // tests of the holdout ask for one
    raw.recommend.holdout_percent = 0;
    raw
}
