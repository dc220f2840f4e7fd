//! The contract, and what is particular to files.

use super::*;
use crate::store::contract::{self, bought, history, record, DAY, NOW};
use crate::store::Store;
use serendib_shop::Purpose;

/// A store whose ledger lies in its directory, so that nothing is left beside it.
fn config_in(dir: &Path) -> SqliteConfig {
    SqliteConfig {
        ledger: dir.join("ledger"),
        ..SqliteConfig::new(dir)
    }
}

fn fresh() -> (SqliteStore, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(config_in(dir.path())).unwrap();
    (store, dir)
}

mod with_cache {
    use super::*;
    contract::suite!(fresh);
}

mod without_cache {
    use super::*;

    fn uncached() -> (SqliteStore, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config_in(dir.path());
        config.cache_bytes = 0;
        config.readers = 1;
        config.group_rows = 1;
        (SqliteStore::open(config).unwrap(), dir)
    }

    contract::suite!(uncached);
}

async fn reopened(store: SqliteStore, dir: &Path) -> SqliteStore {
    store.close().await.unwrap();
    drop(store);
    SqliteStore::open(config_in(dir)).unwrap()
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let (store, dir) = fresh();
    record(&store, &[bought("t1", "ada", "tea", NOW)]).await;
    let store = reopened(store, dir.path()).await;
    assert_eq!(history(&store, "ada").await, ["t1"]);
    record(&store, &[bought("t2", "ada", "tea", NOW)]).await;
    assert_eq!(history(&store, "ada").await, ["t1", "t2"]);
}

#[tokio::test]
async fn a_store_is_written_by_one_process() {
    let (_store, dir) = fresh();
    let second = SqliteStore::open(config_in(dir.path()));
    assert!(matches!(second, Err(StoreError::InUse { .. })));
}

fn damaged(dir: &Path, change: impl FnOnce(&mut Vec<u8>)) -> StoreError {
    let path = dir.join(schema::STORE.name);
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    SqliteStore::open(config_in(dir)).err().unwrap()
}

#[tokio::test]
async fn damaged_files_are_refused_and_named() {
    for case in 0..4 {
        let (store, dir) = fresh();
        let rows: Vec<_> = (0..500)
            .map(|i| bought(&format!("t{i}"), "ada", "tea", NOW))
            .collect();
        record(&store, &rows).await;
        store.close().await.unwrap();
        drop(store);
        let error = damaged(dir.path(), |bytes| match case {
            0 => bytes.truncate(bytes.len() / 2),
            1 => bytes[..100].fill(7),
            2 => {
                let middle = bytes.len() / 2;
                bytes[middle..middle + 8192].fill(0xff);
            }
            _ => *bytes = b"this is not a database at all, it is text".to_vec(),
        });
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{case}: {error:?}"
        );
        assert!(error.to_string().contains("store.db"), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_ledger_or_serve_log_is_refused_and_named() {
    for schema in [schema::LEDGER, schema::SERVED] {
        let (store, dir) = fresh();
        record(&store, &[bought("t1", "ada", "tea", NOW)]).await;
        store.close().await.unwrap();
        drop(store);
        let path = dir.path().join(schema.name);
        let whole = std::fs::read(&path).unwrap();
        for damage in [
            &b"this is not a database at all, it is text"[..],
            &[7; 4_096],
        ] {
            std::fs::write(&path, damage).unwrap();
            let error = SqliteStore::open(config_in(dir.path())).err().unwrap();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
            assert!(error.to_string().contains(schema.name), "{error}");
        }
        std::fs::write(&path, whole).unwrap();
        let store = SqliteStore::open(config_in(dir.path())).unwrap();
        assert_eq!(history(&store, "ada").await, ["t1"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_beside_a_writer_is_one_state() {
    const ROWS: usize = 9;
    let (store, dir) = fresh();
    let store = std::sync::Arc::new(store);
    let batch = |n: usize| -> Vec<_> {
        let row = |i| {
            bought(
                &format!("t{n:04}-{i}"),
                &format!("c{i}"),
                "tea",
                NOW + n as i64,
            )
        };
        (0..ROWS).map(row).collect()
    };
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (acked, mut heard) = tokio::sync::watch::channel(0);
    let writer = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            for n in 0.. {
                if stop.load(std::sync::atomic::Ordering::SeqCst) {
                    return n;
                }
                record(&*store, &batch(n)).await;
                acked.send_replace(n + 1);
            }
            0
        }
    });
    for _ in 0..5 {
        let before = *heard.borrow_and_update();
        heard.wait_for(|n| *n > before + 3).await.unwrap();
        let before = *heard.borrow();
        let rows = export_dir(dir.path(), serendib_shop::Consents::default(), NOW).await;
        let mut found: Vec<_> = contract::all(rows)
            .await
            .into_iter()
            .filter_map(|row| match row {
                ShopRow::Touchpoint(row) => row.touchpoint_id,
                _ => None,
            })
            .collect();
        found.sort_unstable();
        // The first batches, every one whole: a later one never without those before it.
        let whole = found.len() / ROWS;
        assert!(whole >= before, "{whole} of {before} acknowledged");
        let expected: Vec<_> = (0..whole)
            .flat_map(batch)
            .filter_map(|row| row.touchpoint_id)
            .collect();
        assert_eq!(found, expected);
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(writer.await.unwrap() > 15);
}

/// A file whose header says that only newer programs may write it can be read by everybody, by root too.
#[tokio::test]
async fn a_read_only_store_is_refused_and_left_as_it_is() {
    let (store, dir) = fresh();
    record(&store, &[bought("t1", "ada", "tea", NOW)]).await;
    store.close().await.unwrap();
    drop(store);
    let path = dir.path().join(schema::STORE.name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[18] = 3;
    std::fs::write(&path, &bytes).unwrap();
    let error = SqliteStore::open(config_in(dir.path())).err().unwrap();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert_eq!(error.code(), crate::store::ErrorCode::Unavailable);
    assert!(error.to_string().contains("store.db"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    bytes[18] = 2;
    std::fs::write(&path, &bytes).unwrap();
    let store = SqliteStore::open(config_in(dir.path())).unwrap();
    assert_eq!(history(&store, "ada").await, ["t1"]);
}

#[tokio::test]
async fn newer_and_strange_files_are_refused() {
    let (store, dir) = fresh();
    store.close().await.unwrap();
    drop(store);
    let path = dir.path().join(schema::STORE.name);
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let error = SqliteStore::open(config_in(dir.path())).err().unwrap();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error:?}"
    );
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join(KEY_FILE);
    serendib_shop::publish::write_private(&key, "00".repeat(32)).unwrap();
    std::fs::write(dir.path().join(schema::LEDGER.name), "").unwrap();
    let conn = rusqlite::Connection::open(dir.path().join(schema::STORE.name)).unwrap();
    conn.execute_batch("CREATE TABLE notes(x)").unwrap();
    drop(conn);
    let error = SqliteStore::open(config_in(dir.path())).err().unwrap();
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn a_lost_or_wrong_key_is_refused() {
    let (store, dir) = fresh();
    store.close().await.unwrap();
    drop(store);
    let key = dir.path().join(KEY_FILE);
    std::fs::write(&key, "11".repeat(32)).unwrap();
    let error = SqliteStore::open(config_in(dir.path())).err().unwrap();
    assert!(matches!(error, StoreError::Key { .. }), "{error:?}");
    std::fs::remove_file(&key).unwrap();
    let error = SqliteStore::open(config_in(dir.path())).err().unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
}

#[tokio::test]
async fn a_full_store_refuses_writing_and_goes_on_reading() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config_in(dir.path());
    config.max_pages = Some(120);
    let store = SqliteStore::open(config).unwrap();
    let mut stored = 0;
    let error = loop {
        let row = bought(&format!("t{stored}"), "ada", &"long ".repeat(40), NOW);
        match store
            .record(vec![row], crate::store::RecordOptions::live(NOW))
            .await
        {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(error.code(), crate::store::ErrorCode::Unavailable);
    assert_eq!(history(&store, "ada").await.len(), stored);
    // Not stopped: once there is room again, writing goes on.
    assert_eq!(store.health().state, StoreState::Ready);
    let store = reopened(store, dir.path()).await;
    record(&store, &[bought("more", "ada", "tea", NOW)]).await;
    assert_eq!(history(&store, "ada").await.len(), stored + 1);
}

#[tokio::test]
async fn a_backup_restores_without_bringing_the_erased_back() {
    let (store, dir) = fresh();
    let rows = [
        bought("secret-touch-1", "secret-ada", "tea", NOW),
        bought("b1", "bob", "tea", NOW),
    ];
    record(&store, &rows).await;
    let backups = tempfile::tempdir().unwrap();
    let first = backups.path().join("first");
    backup(dir.path(), &first, NOW, &mut |_, _| ()).unwrap();
    assert!(backup(dir.path(), &first, NOW, &mut |_, _| ()).is_err());
    store
        .erase_customer("secret-ada".into(), "test".into(), NOW)
        .await
        .unwrap();
    record(&store, &[bought("b2", "bob", "tea", NOW)]).await;
    let taken = restore_heeding(&first, dir.path(), &dir.path().join("ledger"), true, NOW).await;
    assert!(matches!(taken, Err(StoreError::InUse { .. })), "{taken:?}");
    store.close().await.unwrap();
    drop(store);
    assert!(
        restore_heeding(&first, dir.path(), &dir.path().join("ledger"), false, NOW)
            .await
            .is_err()
    );
    let restored = restore_heeding(&first, dir.path(), &dir.path().join("ledger"), true, NOW)
        .await
        .unwrap();
    assert_eq!((restored.erased_again, restored.touchpoints), (1, 1));
    let store = SqliteStore::open(config_in(dir.path())).unwrap();
    assert_eq!(history(&store, "bob").await, ["b1"]);
    assert!(history(&store, "secret-ada").await.is_empty());
    let late = record(&store, &rows[..1]).await;
    assert_eq!(late.outcomes[0].status, crate::store::Status::IgnoredErased);
    store.close().await.unwrap();
    assert_eq!(mentions(dir.path(), b"secret"), Vec::<String>::new());
    // A changed byte anywhere is noticed before anything is touched.
    let file = first.join(schema::STORE.name);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = restore_heeding(&first, dir.path(), &dir.path().join("ledger"), true, NOW)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
}

#[tokio::test]
async fn what_was_said_after_a_backup_holds_over_its_restore() {
    let (store, dir) = fresh();
    let ledger = dir.path().join("ledger");
    let said = |id: &str, kind: &str, at: i64| serendib_shop::Touchpoint {
        kind: kind.into(),
        value: None,
        ..bought(&format!("{id}-{kind}"), id, "tea", at)
    };
    record(&store, &[said("bob", "hide", NOW - DAY)]).await;
    contract::upsert(&store, contract::customer("ada"), UpsertMode::Merge).await;
    let consent = async |store: &SqliteStore, id: &str, yes, at| {
        let by = "test".to_string();
        let told = store.set_consent(id.into(), Purpose::Train, yes, by, Some(at), NOW + DAY);
        told.await.unwrap();
    };
    consent(&store, "ada", Some(true), NOW - DAY).await;
    consent(&store, "eve", Some(false), NOW - DAY).await;
    let backups = tempfile::tempdir().unwrap();
    let from = backups.path().join("backup");
    backup(dir.path(), &from, NOW, &mut |_, _| ()).unwrap();
    consent(&store, "ada", Some(false), NOW + 1).await;
    consent(&store, "dan", Some(false), NOW + 1).await;
    consent(&store, "eve", None, NOW + 1).await;
    let rows = [
        said("ada", "dislike", NOW + 1),
        said("bob", "unhide", NOW + 1),
        said("bob", "view", NOW + 1),
        said("gone", "hide", NOW + 1),
    ];
    record(&store, &rows).await;
    consent(&store, "gone", Some(true), NOW + 1).await;
    let erased = store.erase_customer("gone".into(), "test".into(), NOW + 2);
    erased.await.unwrap();
    closed(store).await;
    let restore = async |dir: &Path| {
        let restored = restore_heeding(&from, dir, &ledger, true, NOW + DAY).await;
        restored.unwrap().said_since
    };
    let expected = SaidSince {
        consents: 3,
        hides: 2,
        whole: true,
    };
    assert_eq!(restore(dir.path()).await, Some(expected));
    // the same again finds what is there
    assert_eq!(restore(dir.path()).await, Some(expected));
    let store = SqliteStore::open(config_in(dir.path())).unwrap();
    for (id, train, rows) in [
        ("ada", Some(false), vec!["ada-dislike"]),
        ("bob", None, vec!["bob-hide", "bob-unhide"]),
        ("dan", Some(false), vec![]),
        ("eve", None, vec![]),
    ] {
        let state = contract::read(&store, id).await.unwrap();
        assert_eq!(state.profile.consents.train, train, "{id}");
        assert_eq!(history(&store, id).await, rows, "{id}");
    }
    assert!(contract::read(&store, "gone").await.is_none());
    let audit = store.audit(0, 100, Some("ada".into())).await.unwrap();
    let last = audit.last().unwrap();
    assert_eq!(
        (last.by.as_str(), last.detail.as_str()),
        ("restore", "train=no")
    );
    closed(store).await;
    // where the store that was there cannot be read, that is told, and the backup is restored all the same
    let path = dir.path().join(schema::STORE.name);
    std::fs::write(&path, "this is not a database at all, it is text").unwrap();
    assert_eq!(restore(dir.path()).await, Some(SaidSince::default()));
    let store = SqliteStore::open(config_in(dir.path())).unwrap();
    assert_eq!(history(&store, "bob").await, ["bob-hide"]);
    closed(store).await;
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(restore(elsewhere.path()).await, None);
}

#[tokio::test]
async fn whoever_is_in_the_ledger_stays_erased_whatever_becomes_of_the_store() {
    let root = tempfile::tempdir().unwrap();
    let config = |name: &str| SqliteConfig {
        ledger: root.path().join("ledger"),
        ..SqliteConfig::new(root.path().join(name))
    };
    let before = bought("t1", "ada", "tea", NOW - 1);
    let rows = [before.clone(), bought("t2", "bob", "tea", NOW - 1)];
    let store = SqliteStore::open(config("first")).unwrap();
    record(&store, &rows).await;
    let backups = root.path().join("backup");
    backup(&root.path().join("first"), &backups, NOW, &mut |_, _| ()).unwrap();
    store
        .erase_customer("ada".into(), "test".into(), NOW)
        .await
        .unwrap();
    store.close().await.unwrap();
    drop(store);
    // the store is lost, the same rows come again into a new one
    let store = SqliteStore::open(config("second")).unwrap();
    let late = record(&store, &rows).await;
    let erased = crate::store::Status::IgnoredErased;
    assert_eq!(late.count(erased), 1);
    record(&store, &[bought("t3", "ada", "tea", NOW + 1)]).await;
    assert_eq!(history(&store, "ada").await, ["t3"]);
    store.close().await.unwrap();
    drop(store);
    // an older backup is put where no store is
    let third = root.path().join("third");
    let ledger = root.path().join("ledger");
    let restored = restore_heeding(&backups, &third, &ledger, false, NOW).await;
    assert_eq!(restored.unwrap().erased_again, 1);
    let store = SqliteStore::open(config("third")).unwrap();
    assert!(history(&store, "ada").await.is_empty());
    assert_eq!(history(&store, "bob").await, ["t2"]);
    store.close().await.unwrap();
    drop(store);
    // without its ledger a store is refused as without its key, and so is another store's
    let away = root.path().join("away");
    std::fs::rename(&ledger, &away).unwrap();
    let error = SqliteStore::open(config("third")).err().unwrap();
    assert!(matches!(error, StoreError::Key { .. }), "{error:?}");
    assert!(error.to_string().contains("missing"), "{error}");
    let restored = restore_heeding(&backups, &third, &ledger, true, NOW).await;
    assert!(
        matches!(restored, Err(StoreError::Key { .. })),
        "{restored:?}"
    );
    let other = serendib_shop::keyed::Key::new(&[1; 32]);
    serendib_shop::ledger::Ledger::create(&ledger, &other).unwrap();
    let error = SqliteStore::open(config("third")).err().unwrap();
    assert!(error.to_string().contains("another key"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_goes_on_while_the_files_are_scrubbed() {
    let (store, _dir) = fresh();
    for hundred in 0..100 {
        let row = |n| {
            let id = if n % 7 == 0 { "ada" } else { "bob" };
            bought(&format!("t{hundred}-{n}"), id, &"long ".repeat(20), NOW)
        };
        let rows: Vec<_> = (0..100).map(row).collect();
        record(&store, &rows).await;
    }
    let erased = store.erase_customer("ada".into(), "test".into(), NOW);
    erased.await.unwrap();
    let store = std::sync::Arc::new(store);
    let scrubbing = tokio::spawn({
        let store = store.clone();
        async move { store.scrub(NOW).await }
    });
    let mut meanwhile = 0;
    // a history is read back to ten thousand touches
    while !scrubbing.is_finished() && meanwhile < 1_000 {
        record(
            &*store,
            &[bought(&format!("new-{meanwhile}"), "bob", "tea", NOW)],
        )
        .await;
        meanwhile += 1;
    }
    assert_eq!(scrubbing.await.unwrap().unwrap(), 1);
    assert!(meanwhile > 5, "{meanwhile} batches");
    let bob = history(&*store, "bob").await.len();
    assert_eq!(bob, 10_000 - 1_500 + meanwhile);
}

// ---- the clock ----------------------------------------------------------------------------------------------------

const MINUTE: i64 = 60_000;

/// The store in `dir` as a server opens it at `now`, `trusted` where a person says that the clock is right.
fn opened(dir: &Path, now: i64, trusted: bool) -> SqliteStore {
    let config = SqliteConfig {
        trust_clock: trusted,
        ..config_in(dir)
    };
    SqliteStore::open_at(config, now).unwrap()
}

async fn closed(store: SqliteStore) {
    store.close().await.unwrap();
}

/// Whether one unit of tea can be set aside at `now`.
async fn reserves(store: &SqliteStore, id: &str, now: i64) -> bool {
    let wanted = Reservation {
        reservation_id: id.into(),
        lines: vec![ReservationLine {
            product_id: "tea".into(),
            quantity: 1,
        }],
        expires_at: now + 15 * MINUTE,
        state: ReservationState::Held,
    };
    match store.reserve(wanted, now).await {
        Ok(_) => true,
        Err(StoreError::OutOfStock { .. }) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// A store with one unit of tea, set aside for 15 minutes from [`NOW`] on, and one of milk in a box for as long.
async fn set_aside(dir: &Path) -> SqliteStore {
    let store = opened(dir, NOW, false);
    let rows = ["tea", "milk"].map(|id| contract::product(id, Some(1)));
    store
        .upsert_products(rows.into(), NOW.into())
        .await
        .unwrap();
    assert!(reserves(&store, "first", NOW).await);
    let pack = contract::pack("p", NOW + 15 * MINUTE);
    let packed = vec![contract::packed("b", "ada", &["milk"])];
    let kept = store.keep_pack(pack, packed, PackOptions::default(), NOW);
    kept.await.unwrap();
    store
}

async fn state_of_box(store: &SqliteStore, now: i64) -> BoxState {
    let found = store.boxes(BoxQuery::Ids(vec!["b".into()]), now).await;
    found.unwrap()[0].state
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_expires_nothing_for_any_reader() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = set_aside(dir.path()).await;
    let jumped = NOW + 2 * DAY;
    for restart in [false, true] {
        if restart {
            closed(store).await;
            store = opened(dir.path(), jumped, false);
        }
        assert!(!reserves(&store, "second", jumped).await, "{restart}");
        for product in ["tea", "milk"] {
            let free = contract::entry(&store, product, jumped).await.available;
            assert_eq!(free, Some(0), "{product}, {restart}");
        }
        let entries = store.catalogue(jumped).await.unwrap().entries;
        assert!(entries.iter().all(|entry| entry.available == Some(0)));
        assert_eq!(state_of_box(&store, jumped).await, BoxState::Packed);
        assert_eq!(store.open_boxes(jumped).await.unwrap().len(), 1);
        let ids = vec!["b".to_string()];
        store.lock_boxes(ids, restart, jumped).await.unwrap();
        let young = Retention {
            touchpoints_ms: Some(DAY),
            ..Retention::default()
        };
        let swept = store.sweep(young, jumped).await.unwrap();
        assert_eq!(swept, Swept::default(), "{restart}");
        // whoever reads the files beside the server goes by the same time
        let rows = export_dir(dir.path(), serendib_shop::Consents::default(), jumped).await;
        let boxes = contract::all(rows)
            .await
            .into_iter()
            .filter_map(|row| match row {
                ShopRow::Box(packed) => Some(packed.state),
                _ => None,
            });
        assert_eq!(boxes.collect::<Vec<_>>(), [BoxState::Packed]);
        // what has happened is not too old either
        let options = crate::store::RecordOptions {
            keep_from: Some(jumped - DAY),
            ..crate::store::RecordOptions::live(jumped)
        };
        let row = bought(&format!("t{restart}"), "ada", "tea", NOW);
        let recorded = store.record(vec![row], options).await.unwrap();
        assert_eq!(recorded.count(crate::store::Status::Stored), 1);
    }
    // the clock is right again: what is set aside is so until its time
    assert!(!reserves(&store, "second", NOW + MINUTE).await);
    assert!(reserves(&store, "second", NOW + 20 * MINUTE).await);
    assert_eq!(
        state_of_box(&store, NOW + 20 * MINUTE).await,
        BoxState::Lapsed
    );
    closed(store).await;
    let store = opened(dir.path(), NOW + 21 * MINUTE, false);
    assert!(!reserves(&store, "third", NOW + 21 * MINUTE).await);
    assert!(reserves(&store, "third", NOW + 40 * MINUTE).await);
}

#[tokio::test]
async fn a_clock_is_right_once_a_person_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = set_aside(dir.path()).await;
    let jumped = NOW + 2 * DAY;
    assert!(!reserves(&store, "second", jumped).await);
    closed(store).await;
    let store = opened(dir.path(), jumped, true);
    assert_eq!(state_of_box(&store, jumped).await, BoxState::Lapsed);
    closed(store).await;
    // and stays so without being said again
    let store = opened(dir.path(), jumped + MINUTE, false);
    assert!(reserves(&store, "second", jumped + MINUTE).await);
}

#[tokio::test]
async fn a_store_that_lay_unused_deletes_nothing_before_a_person_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let young = Retention {
        touchpoints_ms: Some(DAY),
        ..Retention::default()
    };
    let store = opened(dir.path(), NOW, false);
    record(&store, &[bought("t1", "ada", "tea", NOW)]).await;
    store.sweep(young, NOW).await.unwrap();
    closed(store).await;
    let (later, sooner) = (NOW + 60 * DAY, NOW + 30 * DAY);
    for _ in 0..2 {
        let store = opened(dir.path(), later, false);
        assert_eq!(store.sweep(young, later).await.unwrap().touchpoints, 0);
        closed(store).await;
    }
    let store = opened(dir.path(), sooner, false);
    assert_eq!(store.sweep(young, sooner).await.unwrap().touchpoints, 1);
}

/// Files under `dir` that hold `text`.
fn mentions(dir: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(mentions(&path, text));
        } else {
            // Closing a store takes its log files away, a moment later for the serve log's.
            let bytes = match std::fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                bytes => bytes.unwrap(),
            };
            if bytes.windows(text.len()).any(|window| window == text) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
