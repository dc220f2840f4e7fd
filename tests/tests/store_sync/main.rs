//! A disk whose sync fails: nothing more is written until the store has been reopened and checked.
//!
//! The file system is SQLite's own with another `xSync`, registered as a VFS. That takes foreign function calls, which
//! are allowed in this package alone.

mod failing_vfs;

use serendib_engine::shop::Touchpoint;
use serendib_service::store::{
    CustomerQuery, RecordOptions, SqliteConfig, SqliteStore, Store, StoreError, StoreState,
};

const NOW: i64 = 1_767_225_600_000;

fn row(n: usize) -> Touchpoint {
    Touchpoint {
        touchpoint_id: Some(format!("t{n}")),
        at: Some(NOW + n as i64),
        ..Touchpoint::new("ada", "view")
    }
}

async fn ids(store: &SqliteStore) -> Vec<String> {
    let state = store
        .customer(CustomerQuery::newest("ada", 100))
        .await
        .unwrap();
    state.map_or_else(Vec::new, |state| {
        let rows = state.touchpoints.iter();
        rows.filter_map(|row| row.touchpoint_id.clone()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_nothing_is_written_until_the_store_is_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = SqliteConfig::new(dir.path());
    config.vfs = Some(failing_vfs::register());
    let store = SqliteStore::open(config).unwrap();
    let record = |n| store.record(vec![row(n)], RecordOptions::live(NOW));
    record(0).await.unwrap();
    record(1).await.unwrap();

    failing_vfs::fail(true);
    let error = record(2).await.unwrap_err();
    assert!(matches!(error, StoreError::Stopped { .. }), "{error:?}");
    // The disk is well again, but what it kept is not known: still no write.
    failing_vfs::fail(false);
    let syncs = failing_vfs::syncs();
    for n in 3..6 {
        let error = record(n).await.unwrap_err();
        assert!(matches!(error, StoreError::Stopped { .. }), "{error:?}");
    }
    assert_eq!(failing_vfs::syncs(), syncs, "something was written");
    assert!(matches!(store.health().state, StoreState::Stopped { .. }));
    // Reading goes on, with everything that was acknowledged.
    assert_eq!(ids(&store).await[..2], ["t0", "t1"]);

    // While the disk is sick a reopening does not pretend.
    failing_vfs::fail(true);
    let _ = store.reopen().await;
    let refused = record(6).await;
    assert!(refused.is_err(), "{refused:?}");
    failing_vfs::fail(false);
    store.reopen().await.unwrap();
    assert_eq!(store.health().state, StoreState::Ready);
    // Sent again with its id, the row whose fate was not known is there once.
    record(2).await.unwrap();
    record(3).await.unwrap();
    assert_eq!(ids(&store).await, ["t0", "t1", "t2", "t3"]);
    store.close().await.unwrap();
    drop(store);
    let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
    assert_eq!(ids(&store).await, ["t0", "t1", "t2", "t3"]);
}
