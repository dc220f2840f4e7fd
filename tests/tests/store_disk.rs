//! A disk that is full, in a child process with a limit on the size of its files.

#![cfg(unix)]

use std::process::Command;

use serendib_service::store::{
    CustomerQuery, ErrorCode, RecordOptions, SqliteConfig, SqliteStore, Store, StoreState,
};
use serendib_shop::Touchpoint;

const NOW: i64 = 1_767_225_600_000;
/// Variable by which the child knows where its store is.
const DIR: &str = "SERENDIB_DISK_DIR";

fn rows(n: usize) -> Vec<Touchpoint> {
    (0..200)
        .map(|i| Touchpoint {
            touchpoint_id: Some(format!("t{n}-{i}")),
            at: Some(NOW),
            product_id: Some(format!("p{i}")),
            ..Touchpoint::new("ada", "view")
        })
        .collect()
}

async fn stored(store: &SqliteStore) -> u64 {
    let found = store
        .customer(CustomerQuery::newest("ada", 1))
        .await
        .unwrap();
    found.map_or(0, |state| state.total)
}

/// Not a test of its own: records until files may grow no more.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let store = SqliteStore::open(SqliteConfig::new(dir)).unwrap();
    let mut acked = 0;
    let error = loop {
        match store.record(rows(acked), RecordOptions::live(NOW)).await {
            Ok(_) => acked += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error:?}");
    // Reading goes on, and what was acknowledged is there.
    assert_eq!(stored(&store).await, acked as u64 * 200);
    // The same call again is refused again, and half of it is not stored.
    assert!(store
        .record(rows(acked), RecordOptions::live(NOW))
        .await
        .is_err());
    assert_eq!(stored(&store).await, acked as u64 * 200);
    println!("\n@acked {acked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // An ignored signal stays ignored in the child: writing then fails instead of killing it. Blocks of 512 bytes.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 3000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let acked: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("@acked "))
        .and_then(|n| n.parse().ok())
        .unwrap();
    assert!(acked > 1, "{acked}");
    // With room again: everything acknowledged is there, and the refused call can be made.
    let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
    assert_eq!(stored(&store).await, acked * 200);
    store
        .record(rows(acked as usize), RecordOptions::live(NOW))
        .await
        .unwrap();
    assert_eq!(stored(&store).await, (acked + 1) * 200);
    assert_eq!(store.health().state, StoreState::Ready);
}
