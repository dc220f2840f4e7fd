//! Killing a load: repeated, it leaves what a load that nobody disturbed leaves.

use std::fmt::Write;
use std::path::Path;

use serendib_service::store::sqlite::export_dir;
use serendib_service::store::{ShopRow, SqliteConfig};
use serendib_shop::Consents;
use serendib_tests::{loaded, Stop, Task, NOW};
use tokio_stream::StreamExt;

use crate::support::victim::Victim;

/// Rows of touchpoints, a few commits' worth.
const ROWS: usize = 60_000;

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
    let clean = loaded(&path("shop"), SqliteConfig::new(path("clean"))).await;
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
        let task = Task::Load {
            data: path("shop"),
            store: path("killed"),
        };
        let stop = Stop::at(name, nth);
        assert!(stop.is_some(), "{name} is a point");
        tokio::task::spawn_blocking(|| Victim::start(task, stop).kill_at_stop())
            .await
            .unwrap();
    }
    let last = loaded(&path("shop"), SqliteConfig::new(path("killed"))).await;
    assert!(last.duplicates > 0, "some of it was there");
    assert_eq!(last.touchpoints + last.duplicates, ROWS as u64);
    assert_eq!(
        everything(&path("killed")).await,
        everything(&path("clean")).await
    );
}
