//! A disk that is full: a process with a limit on the size of its files.

use std::process::Command;

use serendib_service::store::{
    CustomerQuery, RecordOptions, SqliteConfig, SqliteStore, Store, StoreState,
};
use serendib_tests::{equal_rows, Task, NOW};

use crate::support::victim::command;

async fn stored(store: &SqliteStore) -> u64 {
    let found = store
        .customer(CustomerQuery::newest("ada", 1))
        .await
        .unwrap();
    found.map_or(0, |state| state.total)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().into();
    let recording = command(Task::Fill { store }, None);
    // An ignored signal stays ignored in the child: writing then fails instead of killing it. Blocks of 512 bytes.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 3000; exec \"$0\" \"$@\""])
        .arg(recording.get_program())
        .args(recording.get_args())
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
        .find_map(|line| line.strip_prefix("acked "))
        .and_then(|n| n.parse().ok())
        .unwrap();
    assert!(acked > 1, "{acked}");
    // With room again: everything acknowledged is there, and the refused call can be made.
    let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
    assert_eq!(stored(&store).await, acked * 200);
    store
        .record(equal_rows(acked as usize), RecordOptions::live(NOW))
        .await
        .unwrap();
    assert_eq!(stored(&store).await, (acked + 1) * 200);
    assert_eq!(store.health().state, StoreState::Ready);
}
