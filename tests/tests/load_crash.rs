//! Killing a load: repeated, it leaves what a load that nobody disturbed leaves.

#![cfg(feature = "shop-data")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use serendib_service::commands::{load, Loaded};
use serendib_service::store::sqlite::{export_dir, Hook, Point};
use serendib_service::store::{ShopRow, SqliteConfig, SqliteStore, Store};
use serendib_shop::{Consents, ReadOptions, ShopData};
use tokio_stream::StreamExt;

const NOW: i64 = 1_767_225_600_000;
/// Rows of touchpoints, a few commits' worth.
const ROWS: usize = 60_000;
/// Variable by which the child knows what to do.
const TASK: &str = "SERENDIB_LOAD_CRASH_TASK";

async fn run(data: &Path, config: SqliteConfig) -> Loaded {
    let data = ShopData::open(data, ReadOptions::default()).unwrap();
    let store = SqliteStore::open(config).unwrap();
    let loaded = load(&data, &store, NOW).await.unwrap();
    store.close().await.unwrap();
    loaded
}

/// Not a test of its own: the load that is killed. Does nothing unless asked to by [`TASK`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let words: Vec<&str> = task.split('|').collect();
    let stop = match words[2] {
        "before-write" => Point::BeforeWrite,
        "before-commit" => Point::BeforeCommit,
        _ => Point::AfterCommit,
    };
    let nth: u32 = words[3].parse().unwrap();
    let seen = AtomicU32::new(0);
    let mut config = SqliteConfig::new(words[1]);
    config.hook = Some(Hook(Arc::new(move |at| {
        if at == stop && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            let mut out = std::io::stdout().lock();
            writeln!(out, "\n@here").unwrap();
            out.flush().unwrap();
            loop {
                std::thread::park();
            }
        }
    })));
    run(Path::new(words[0]), config).await;
}

/// Touchpoints without ids, many of them equal to others.
fn shop(dir: &Path) {
    std::fs::create_dir(dir).unwrap();
    let mut text = "customer_id,kind,product_id,at,value\n".to_string();
    for n in 0..ROWS {
        let (customer, product, day) = (n % 700, n % 11, 1 + n % 28);
        writeln!(text, "c{customer},purchase,p{product},2025-03-{day:02},1.5").unwrap();
    }
    std::fs::write(dir.join("touchpoints.csv"), text).unwrap();
    std::fs::write(
        dir.join("customers.csv"),
        "customer_id,locale\nc1,he\nc2,en\n",
    )
    .unwrap();
}

async fn everything(store: &Path) -> Vec<ShopRow> {
    let mut rows = export_dir(store, Consents::default(), NOW).await.unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().await {
        all.push(row.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    shop(&path("shop"));
    let clean = run(&path("shop"), SqliteConfig::new(path("clean"))).await;
    assert_eq!(clean.touchpoints, ROWS as u64);
    let kills = [
        ("before-write", 1),
        ("before-commit", 2),
        ("after-commit", 2),
        ("before-commit", 3),
        ("after-commit", 3),
        ("before-write", 4),
    ];
    for (name, nth) in kills {
        let (data, store) = (path("shop"), path("killed"));
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(
                TASK,
                format!("{}|{}|{name}|{nth}", data.display(), store.display()),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut killed = false;
        for line in lines.map_while(Result::ok) {
            if line == "@here" {
                process.kill().unwrap();
                killed = true;
            }
        }
        process.wait().unwrap();
        assert!(killed, "{name} {nth}: the load ended by itself");
    }
    let last = run(&path("shop"), SqliteConfig::new(path("killed"))).await;
    assert!(last.duplicates > 0, "some of it was there");
    assert_eq!(last.touchpoints + last.duplicates, ROWS as u64);
    assert_eq!(
        everything(&path("killed")).await,
        everything(&path("clean")).await
    );
}
