//! A disk whose sync fails: nothing more is written until the store has been reopened and checked.
//!
//! The file system is SQLite's own with another `xSync`, registered as a VFS. That takes foreign function calls, which
//! are allowed in this package alone.

mod failing_vfs;

use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;
use serendib_service::config::RawConfig;
use serendib_service::server;
use serendib_service::store::{
    CustomerQuery, RecordOptions, SqliteConfig, SqliteStore, Store, StoreError, StoreState,
};
use serendib_shop::Touchpoint;

const NOW: i64 = 1_767_225_600_000;

/// The disk is sick for everybody: one test at a time.
static DISK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

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
    let _disk = DISK.lock().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_sick_disk_recommends_on_and_records_again_when_it_is_well() {
    let _disk = DISK.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let mut sqlite = SqliteConfig::new(dir.path());
    sqlite.vfs = Some(failing_vfs::register());
    let store = Arc::new(SqliteStore::open(sqlite).unwrap());
    let mut raw = RawConfig::default();
    raw.server.addr = "127.0.0.1:0".into();
    raw.metrics.addr = String::new();
    raw.models.dir = dir.path().join("models").to_str().unwrap().into();
    let running = server::start(raw.check().unwrap(), store).await.unwrap();
    let url = format!("http://{}", running.addr);
    let mut touchpoints = TouchpointServiceClient::connect(url.clone()).await.unwrap();
    let mut recommendations = RecommendationServiceClient::connect(url).await.unwrap();
    let request = |n: usize| v1::RecordRequest {
        touchpoints: vec![v1::Touchpoint {
            customer_id: "ada".into(),
            kind: "view".into(),
            touchpoint_id: Some(format!("t{n}")),
            ..v1::Touchpoint::default()
        }],
    };
    let ask = || v1::RecommendRequest {
        customer_id: "ada".into(),
        ..v1::RecommendRequest::default()
    };
    touchpoints.record(request(0)).await.unwrap();
    failing_vfs::fail(true);
    for n in 1..4 {
        let status = touchpoints.record(request(n)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
        recommendations.recommend(ask()).await.unwrap();
    }
    failing_vfs::fail(false);
    // The server opens and checks the store again by itself.
    let mut stored = Vec::new();
    for n in 0..4 {
        let answer = loop {
            match touchpoints.record(request(n)).await {
                Ok(answer) => break answer.into_inner(),
                Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        };
        stored.push(answer.stored);
    }
    assert_eq!(stored[0], 0, "acknowledged before, known now");
    running.stop().await.unwrap();
    let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
    let mut found = ids(&store).await;
    found.sort_unstable();
    assert_eq!(found, ["t0", "t1", "t2", "t3"]);
}
