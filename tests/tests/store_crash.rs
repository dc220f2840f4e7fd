//! Killing a process that writes the store: nothing acknowledged is lost, nothing is stored twice, no batch by half.
//!
//! Eight writers are killed with SIGKILL, half of the time at a named point of the commit, half of the time at random. It
//! proves what survives the death of a process; that a commit is synced before it is answered is shown by the tests with a
//! file system whose sync fails.
//!
//! `SERENDIB_KILLS=1000 cargo test --workspace --test end_to_end store_crash -- --nocapture` makes a long run of it.

use std::collections::BTreeMap;
use std::path::Path;

use serendib_service::store::sqlite;
use serendib_service::store::{
    CustomerQuery, ErasureState, RecordOptions, SqliteConfig, SqliteStore, Status, Store,
};
use serendib_shop::{Product, Touchpoint};
use serendib_tests::{batch, Stop, Task, NOW, WRITERS};

use crate::support::how_many;
use crate::support::victim::{check, stored_ids, Victim};

#[test]
fn a_pack_killed_in_the_middle_has_set_nothing_aside() {
    let runtime = runtime();
    for (name, kept) in [
        ("before-write", false),
        ("before-commit", false),
        ("after-commit", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let store = SqliteStore::open(SqliteConfig::new(dir.path().join("store"))).unwrap();
            let products = (0..5).map(|n| Product {
                stock: Some(600),
                ..Product::bare(format!("p{n}"))
            });
            store
                .upsert_products(products.collect(), NOW.into())
                .await
                .unwrap();
            store.close().await.unwrap();
        });
        let task = Task::Pack {
            store: dir.path().join("store"),
        };
        let said = Victim::start(task, Stop::at(name, 1)).kill_at_stop();
        assert!(said.is_empty(), "{name}: it was not killed in the middle");
        runtime.block_on(async {
            let store = SqliteStore::open(SqliteConfig::new(dir.path().join("store"))).unwrap();
            let (free, boxes) = if kept { (100, 500) } else { (600, 0) };
            for entry in store.catalogue(NOW).await.unwrap().entries {
                assert_eq!(entry.available, Some(free), "{name}");
            }
            assert_eq!(store.open_boxes(NOW).await.unwrap().len(), boxes, "{name}");
            assert_eq!(
                store.pack("p".into()).await.unwrap().is_some(),
                kept,
                "{name}"
            );
            store.close().await.unwrap();
        });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let kills = how_many("SERENDIB_KILLS", 50);
    let mut dir = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let mut acked = [0u32; WRITERS];
    let mut total = 0;
    let mut at_points = BTreeMap::<&str, u32>::new();
    for round in 0..kills {
        // Every kill reads the whole store: a long run begins a new one now and then.
        if round > 0 && round.is_multiple_of(50) {
            total += std::mem::take(&mut acked).iter().sum::<u32>();
            dir = tempfile::tempdir().unwrap();
            println!("{round} kills, {total} batches acknowledged so far");
        }
        let name = match round % 6 {
            0 => "before-write",
            2 => "before-commit",
            4 => "after-commit",
            _ => "random",
        };
        let task = Task::Write {
            store: dir.path().join("store"),
            from: acked,
        };
        let mut victim = Victim::start(task, Stop::at(name, 1 + round % 5));
        let mut acks = 0;
        let patience = 3 + (round * 37) % 60;
        let mut killed = false;
        for line in victim.lines.take().unwrap() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "ack" => {
                    let (w, n): (usize, u32) =
                        (words[1].parse().unwrap(), words[2].parse().unwrap());
                    assert_eq!(n, acked[w], "acknowledged in order");
                    acked[w] = n + 1;
                    acks += 1;
                }
                "here" => {
                    victim.kill();
                    killed = true;
                }
                _ => {}
            }
            if name == "random" && acks == patience && !killed {
                victim.kill();
                killed = true;
            }
        }
        victim.bury();
        assert!(killed, "round {round} ({name}) ended by itself");
        *at_points.entry(name).or_default() += 1;
        let ids = runtime.block_on(async {
            let store = SqliteStore::open(SqliteConfig::new(dir.path().join("store"))).unwrap();
            let ids = stored_ids(&store).await;
            store.close().await.unwrap();
            ids
        });
        check(&ids, &acked, 1, round);
    }
    total += acked.iter().sum::<u32>();
    println!(
        "{kills} kills ({at_points:?}), {total} batches acknowledged, none lost, none doubled"
    );
}

fn secret(i: u32) -> Touchpoint {
    Touchpoint {
        touchpoint_id: Some(format!("zebra-touch-{i:05}")),
        at: Some(NOW - i64::from(i)),
        product_id: Some(format!("p{}", i % 20)),
        attributes: [(
            "query".to_string(),
            serde_json::json!(format!("zebra stripes {i}")),
        )]
        .into(),
        ..Touchpoint::new(
            if i.is_multiple_of(3) {
                "zebra-card"
            } else {
                "zebra-ada"
            },
            "search",
        )
    }
}

/// Files under `dir` in which `text` stands.
fn mentions(dir: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(mentions(&path, text));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|window| window == text) {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[test]
fn an_erasure_survives_kill_9_and_an_older_backup() {
    let runtime = runtime();
    for name in ["in-ledger", "in-effect", "purging", "scrubbed"] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        let backup = root.path().join("backup");
        let rows: Vec<_> = (0..9_000).map(secret).collect();
        let others: Vec<_> = (0..500).flat_map(|n| batch(0, n)).collect();
        runtime.block_on(async {
            let store = SqliteStore::open(SqliteConfig::new(&dir)).unwrap();
            store
                .link_identity("zebra-ada".into(), "zebra-card".into(), "test".into(), NOW)
                .await
                .unwrap();
            // Between other rows, so that pages hold both.
            for (mine, theirs) in rows.chunks(100).zip(others.chunks(50)) {
                let mut both = mine.to_vec();
                both.extend_from_slice(theirs);
                store.record(both, RecordOptions::live(NOW)).await.unwrap();
            }
            sqlite::backup(&dir, &backup, NOW, &mut |_, _| ()).unwrap();
            store.close().await.unwrap();
        });
        assert!(!mentions(&dir, b"zebra").is_empty());
        let task = Task::Erase {
            store: dir.clone(),
            customer: "zebra-card".into(),
        };
        Victim::start(task, Stop::at(name, 1)).kill_at_stop();
        runtime.block_on(async {
            for restored in [false, true] {
                if restored {
                    let done = sqlite::restore(&backup, &dir, true, NOW).await.unwrap();
                    assert_eq!(done.erased_again, 2, "{name}");
                    assert_eq!(mentions(&dir, b"zebra"), Vec::<String>::new(), "{name}");
                }
                let store = SqliteStore::open(SqliteConfig::new(&dir)).unwrap();
                for id in ["zebra-ada", "zebra-card"] {
                    let found = store.customer(CustomerQuery::newest(id, 10)).await.unwrap();
                    assert!(found.is_none(), "{name}: {id} is back");
                }
                store.scrub(NOW).await.unwrap();
                let late = store
                    .record(rows[..200].to_vec(), RecordOptions::live(NOW))
                    .await
                    .unwrap();
                assert_eq!(late.count(Status::IgnoredErased), 200, "{name}");
                assert_eq!(store.health().unscrubbed, 0);
                let receipt = store
                    .erase_customer("zebra-ada".into(), "test".into(), NOW)
                    .await
                    .unwrap();
                assert_eq!(receipt.state, ErasureState::Scrubbed, "{name}");
                assert_eq!(receipt.touchpoints, 9_000, "{name}");
                // Searched while the store is open, log files included.
                assert_eq!(mentions(&dir, b"zebra"), Vec::<String>::new(), "{name}");
                let left = stored_ids(&store).await.len();
                assert!(left > 1_000, "{name}: {left} rows of others");
                store.close().await.unwrap();
            }
        });
    }
}
