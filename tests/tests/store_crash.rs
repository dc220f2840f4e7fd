//! Killing a process that writes the store: nothing acknowledged is lost, nothing is stored twice, no batch by half.
//!
//! The test runs itself as a child ([`child`]) with eight writers and kills it with SIGKILL, half of the time at a named
//! point of the commit, half of the time at random. It proves what survives the death of a process; that a commit is
//! synced before it is answered is shown by the tests with a file system whose sync fails.
//!
//! `SERENDIB_KILLS=1000 cargo test -p serendib-service --test store_crash -- --nocapture` makes a long run of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serendib_service::store::sqlite::{self, Hook, Point};
use serendib_service::store::{
    BoxCare, BoxLine, BoxState, CustomerQuery, ErasureState, PackOptions, RecordOptions,
    SqliteConfig, SqliteStore, Status, Store, StoredBox, StoredPack,
};
use serendib_shop::{Product, Touchpoint};

const NOW: i64 = 1_767_225_600_000;
const WRITERS: usize = 8;
/// Variable by which the child knows what to do.
const TASK: &str = "SERENDIB_CRASH_TASK";

/// The batch number `n` of writer `w`: one to nineteen rows, ids that say where they belong.
fn batch(w: usize, n: u32) -> Vec<Touchpoint> {
    let rows = 1 + (n * 7 + w as u32 * 3) % 19;
    (0..rows)
        .map(|i| Touchpoint {
            touchpoint_id: Some(format!("w{w}-{n}-{i}-of-{rows}")),
            product_id: Some(format!("p{}", (n + i) % 50)),
            at: Some(NOW - i64::from(n)),
            ..Touchpoint::new(format!("customer-{}", (n + w as u32) % 20), "view")
        })
        .collect()
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

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n@{line}");
    let _ = out.flush();
}

/// At the `nth` time at `point`: says so and waits for death.
fn stop_at(point: Option<Point>, nth: u32) -> Option<Hook> {
    let stop = point?;
    let seen = AtomicU32::new(0);
    Some(Hook(Arc::new(move |at| {
        if at == stop && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            say("here");
            loop {
                std::thread::park();
            }
        }
    })))
}

/// Not a test of its own: what the killed process does. Does nothing unless asked to by [`TASK`].
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let words: Vec<&str> = task.split('|').collect();
    let mut config = SqliteConfig::new(words[1]);
    config.hook = stop_at(point(words[2]), words[3].parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(config).unwrap());
        say("open");
        match words[0] {
            "write" => {
                let from: Vec<u32> = words[4].split(',').map(|n| n.parse().unwrap()).collect();
                let writers: Vec<_> = (0..WRITERS)
                    .map(|w| tokio::spawn(write(store.clone(), w, from[w])))
                    .collect();
                for writer in writers {
                    writer.await.unwrap();
                }
            }
            "pack" => {
                store
                    .keep_pack(pack(), packed_boxes(), PackOptions::default(), NOW)
                    .await
                    .unwrap();
                say("kept");
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            _ => {
                store
                    .erase_customer(words[4].into(), "test".into(), NOW)
                    .await
                    .unwrap();
                say("erased");
                store.scrub(NOW).await.unwrap();
                say("scrubbed");
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    });
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
            let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
            let products = (0..5).map(|n| Product {
                stock: Some(600),
                ..Product::bare(format!("p{n}"))
            });
            store
                .upsert_products(products.collect(), NOW)
                .await
                .unwrap();
            store.close().await.unwrap();
        });
        let (mut child, lines) = spawn(&format!("pack|{}|{name}|1", dir.path().display()));
        for line in lines {
            assert_ne!(line, "kept", "{name}: it was not killed in the middle");
            if line == "here" {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        runtime.block_on(async {
            let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
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

fn spawn(task: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix('@').map(str::to_string));
    (child, lines)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Every touchpoint id in the store, each as often as it is found.
async fn everything(store: &SqliteStore) -> Vec<String> {
    let mut ids = Vec::new();
    for customer in store.customer_ids(None, 1_000).await.unwrap() {
        let mut after = None;
        loop {
            let (page, next) = store
                .touchpoints(customer.clone(), after, 5_000)
                .await
                .unwrap();
            ids.extend(page.into_iter().filter_map(|row| row.touchpoint_id));
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    ids
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let kills: u32 = std::env::var("SERENDIB_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(50);
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
        let from: Vec<String> = acked.iter().map(u32::to_string).collect();
        let nth = 1 + round % 5;
        let task = format!(
            "write|{}|{name}|{nth}|{}",
            dir.path().display(),
            from.join(",")
        );
        let (mut child, lines) = spawn(&task);
        let mut acks = 0;
        let patience = 3 + (round * 37) % 60;
        let mut killed = false;
        for line in lines {
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
                    child.kill().unwrap();
                    killed = true;
                }
                _ => {}
            }
            if name == "random" && acks == patience && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "round {round} ({name}) ended by itself");
        *at_points.entry(name).or_default() += 1;
        let ids = runtime.block_on(async {
            let store = SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
            let ids = everything(&store).await;
            store.close().await.unwrap();
            ids
        });
        check(&ids, &acked, round);
    }
    total += acked.iter().sum::<u32>();
    println!(
        "{kills} kills ({at_points:?}), {total} batches acknowledged, none lost, none doubled"
    );
}

/// All acknowledged batches are there, each row once; of others, all rows or none.
fn check(ids: &[String], acked: &[u32; WRITERS], round: u32) {
    let once: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(once.len(), ids.len(), "doubled after kill {round}");
    let mut expected = 0;
    for (w, &acked) in acked.iter().enumerate() {
        for n in 0..acked {
            for row in batch(w, n) {
                let id = row.touchpoint_id.unwrap();
                assert!(once.contains(id.as_str()), "lost after kill {round}: {id}");
                expected += 1;
            }
        }
        let next = batch(w, acked);
        let there = next
            .iter()
            .filter(|row| once.contains(row.touchpoint_id.as_deref().unwrap()))
            .count();
        assert!(
            there == 0 || there == next.len(),
            "half a batch after kill {round}"
        );
        expected += there;
    }
    assert_eq!(once.len(), expected, "rows nobody sent after kill {round}");
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
        let (mut child, lines) = spawn(&format!("erase|{}|{name}|1|zebra-card", dir.display()));
        for line in lines {
            if line == "here" {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
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
                let left = everything(&store).await.len();
                assert!(left > 1_000, "{name}: {left} rows of others");
                store.close().await.unwrap();
            }
        });
    }
}
