//! The program that the tests of crashes kill. Its one argument is an [`Order`] in JSON.

use std::path::Path;
use std::sync::Arc;

use serendib_service::server;
use serendib_service::store::{
    BoxCare, BoxLine, BoxState, CustomerQuery, ErrorCode, PackOptions, RecordOptions, SqliteConfig,
    SqliteStore, Status, Store, StoredBox, StoredPack,
};
use serendib_tests::{batch, equal_rows, loaded, say, settings, stopping, Order, Stop, Task, NOW};

fn main() {
    let order = std::env::args().nth(1).expect("an order");
    let Order { task, stop } = serde_json::from_str(&order).expect("an order");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match task {
            Task::Write { store, from } => {
                let store = Arc::new(open(&store, stop));
                let writers: Vec<_> = from
                    .into_iter()
                    .enumerate()
                    .map(|(w, from)| tokio::spawn(write(store.clone(), w, from)))
                    .collect();
                for writer in writers {
                    writer.await.unwrap();
                }
            }
            Task::Pack { store } => {
                open(&store, stop)
                    .keep_pack(pack(), packed_boxes(), PackOptions::default(), NOW)
                    .await
                    .unwrap();
                say("kept");
            }
            Task::Erase { store, customer } => {
                let store = open(&store, stop);
                store
                    .erase_customer(customer, "test".into(), NOW)
                    .await
                    .unwrap();
                store.scrub(NOW).await.unwrap();
            }
            Task::Load { data, store } => {
                loaded(&data, stopping(&store, stop)).await;
            }
            Task::Serve { dir } => {
                let store = Arc::new(open(&dir.join("store"), stop));
                let settings = settings(&dir).check().unwrap();
                let running = server::start(settings, store).await.unwrap();
                say(&format!("addr {}", running.addr));
                running.until(std::future::pending()).await.unwrap();
            }
            Task::Fill { store } => fill(&store).await,
        }
    });
}

fn open(dir: &Path, stop: Option<Stop>) -> SqliteStore {
    SqliteStore::open(stopping(dir, stop)).unwrap()
}

async fn write(store: Arc<SqliteStore>, w: usize, from: u32) {
    for n in from.. {
        let recorded = store
            .record(batch(w, n), RecordOptions::live(NOW))
            .await
            .unwrap();
        assert!(recorded
            .outcomes
            .iter()
            .all(|o| matches!(o.status, Status::Stored | Status::Duplicate)));
        say(&format!("ack {w} {n}"));
    }
}

fn pack() -> StoredPack {
    StoredPack {
        pack_id: "p".into(),
        at: NOW,
        hold_until: NOW + 1_000_000,
        body: serde_json::json!({}),
    }
}

fn packed_boxes() -> Vec<StoredBox> {
    let line = |product: usize| BoxLine {
        product_id: format!("p{product}"),
        surprise: product == 0,
        ..BoxLine::default()
    };
    (0..500)
        .map(|n| StoredBox {
            box_id: format!("b{n}"),
            customer_id: format!("customer-{n}"),
            pack_id: "p".into(),
            state: BoxState::Packed,
            locked: false,
            ship_at: None,
            version: 1,
            at: NOW,
            lines: (0..5).map(line).collect(),
            short: None,
            care: BoxCare::default(),
            ask: serde_json::json!({}),
        })
        .collect()
}

/// Records until files may grow no more.
async fn fill(dir: &Path) {
    let store = SqliteStore::open(SqliteConfig::new(dir)).unwrap();
    let stored = || async {
        let query = CustomerQuery::newest("ada", 1);
        let found = store.customer(query).await.unwrap();
        found.map_or(0, |state| state.total)
    };
    let mut acked = 0;
    let error = loop {
        let rows = equal_rows(acked);
        match store.record(rows, RecordOptions::live(NOW)).await {
            Ok(_) => acked += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error:?}");
    // Reading goes on, and what was acknowledged is there.
    assert_eq!(stored().await, acked as u64 * 200);
    // The same call again is refused again, and half of it is not stored.
    assert!(store
        .record(equal_rows(acked), RecordOptions::live(NOW))
        .await
        .is_err());
    assert_eq!(stored().await, acked as u64 * 200);
    say(&format!("acked {acked}"));
}
