//! How fast the store takes touchpoints, beside bare SQLite inserts of the same rows in the same run.
//!
//! Measured: durable touchpoints per second from eight writers in batches of 128, by calls of the store and through gRPC from
//! eight clients; one client with one touchpoint per `Record` (p50, p99) beside a bare commit of one row; loading in bulk; the
//! time until a store of a million touchpoints is ready. The bare table has the same columns and the same three indexes,
//! `synchronous=FULL`, and one thread. Clients and server share the process and the machine's cores. Left out: reading while
//! writing. Customers are drawn by a power law; the seed is fixed. Rows can be set with `SERENDIB_BENCH_ROWS` (1,000,000).
//!
//! `cargo bench -p serendib-benches --bench store`

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rusqlite::Connection;
use serendib_proto::v1;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;
use serendib_service::cli::open_store;
use serendib_service::config::RawConfig;
use serendib_service::server;
use serendib_service::store::{CustomerQuery, RecordOptions, SqliteConfig, SqliteStore, Store};
use serendib_shop::Touchpoint;
use tonic::transport::Channel;

const NOW: i64 = 1_767_225_600_000;
const BATCH: usize = 128;
const WRITERS: usize = 8;
const SINGLES: usize = 200;

fn rows(count: usize, tag: &str) -> Vec<Touchpoint> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    (0..count)
        .map(|i| {
            let draw: f64 = rng.gen();
            Touchpoint {
                touchpoint_id: Some(format!("{tag}-{i:09}")),
                product_id: Some(format!("product-{}", rng.gen_range(0..20_000))),
                channel: Some("web".into()),
                at: Some(NOW - rng.gen_range(0..31_536_000_000)),
                value: Some(f64::from(rng.gen_range(100..10_000)) / 100.0),
                basket_id: Some(format!("order-{}", i / 4)),
                ..Touchpoint::new(
                    format!("customer-{}", (draw * draw * 60_000.0) as u32),
                    "purchase",
                )
            }
        })
        .collect()
}

/// The same rows into a bare table with the same indexes; rows per second.
fn bare(dir: &std::path::Path, rows: &[Touchpoint], per_commit: usize) -> f64 {
    let mut conn = Connection::open(dir.join(format!("bare-{per_commit}.db"))).unwrap();
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    conn.pragma_update(None, "synchronous", "FULL").unwrap();
    conn.execute_batch(
        "CREATE TABLE t(seq INTEGER PRIMARY KEY, ident INTEGER, at INTEGER, tid BLOB, body TEXT); \
         CREATE UNIQUE INDEX t_tid ON t(tid); CREATE INDEX t_ident ON t(ident, at); \
         CREATE INDEX t_kind ON t(ident, json_extract(body, '$.kind'), at);",
    )
    .unwrap();
    let ready: Vec<(i64, i64, [u8; 16], String)> = rows
        .iter()
        .map(|row| {
            let id = row.touchpoint_id.as_deref().unwrap();
            let number: i64 = row.customer_id[9..].parse().unwrap();
            let mut tid = [0; 16];
            let low = serendib_shop::stable_hash(id.as_bytes());
            tid[..8].copy_from_slice(&low.to_le_bytes());
            tid[8..].copy_from_slice(&low.rotate_left(29).to_le_bytes());
            (
                number,
                row.at.unwrap(),
                tid,
                serde_json::to_string(row).unwrap(),
            )
        })
        .collect();
    let started = Instant::now();
    for chunk in ready.chunks(per_commit) {
        let tx = conn.transaction().unwrap();
        {
            let mut insert = tx
                .prepare_cached("INSERT INTO t(ident, at, tid, body) VALUES (?1, ?2, ?3, ?4)")
                .unwrap();
            for (ident, at, tid, body) in chunk {
                insert.execute((ident, at, &tid[..], body)).unwrap();
            }
        }
        tx.commit().unwrap();
    }
    rows.len() as f64 / started.elapsed().as_secs_f64()
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at].as_secs_f64() * 1e3
}

async fn eight_writers(store: &Arc<SqliteStore>, rows: &[Touchpoint]) -> f64 {
    let started = Instant::now();
    let share = rows.len() / WRITERS;
    let tasks: Vec<_> = rows
        .chunks(share.max(1))
        .map(|part| {
            let (store, part) = (store.clone(), part.to_vec());
            tokio::spawn(async move {
                for batch in part.chunks(BATCH) {
                    store
                        .record(batch.to_vec(), RecordOptions::live(NOW))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    rows.len() as f64 / started.elapsed().as_secs_f64()
}

fn message(row: &Touchpoint) -> v1::Touchpoint {
    v1::Touchpoint {
        customer_id: row.customer_id.clone(),
        kind: row.kind.clone(),
        product_id: row.product_id.clone(),
        channel: row.channel.clone(),
        at_ms: row.at,
        value: row.value,
        basket_id: row.basket_id.clone(),
        touchpoint_id: row.touchpoint_id.clone(),
        ..v1::Touchpoint::default()
    }
}

async fn client(addr: std::net::SocketAddr) -> TouchpointServiceClient<Channel> {
    let channel = Channel::from_shared(format!("http://{addr}")).unwrap();
    TouchpointServiceClient::new(channel.connect().await.unwrap())
}

/// Rows per second from eight clients in batches of 128, and the times of one-touch calls.
async fn over_grpc(
    addr: std::net::SocketAddr,
    rows: &[Touchpoint],
    singles: &[Touchpoint],
) -> (f64, Vec<Duration>) {
    let mut tasks = Vec::new();
    let started = Instant::now();
    for part in rows.chunks((rows.len() / WRITERS).max(1)) {
        let mut client = client(addr).await;
        let batches: Vec<v1::RecordRequest> = part
            .chunks(BATCH)
            .map(|batch| v1::RecordRequest {
                touchpoints: batch.iter().map(message).collect(),
            })
            .collect();
        tasks.push(tokio::spawn(async move {
            for batch in batches {
                client.record(batch).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let rate = rows.len() as f64 / started.elapsed().as_secs_f64();
    let mut client = client(addr).await;
    let mut took = Vec::new();
    for row in singles {
        let request = v1::RecordRequest {
            touchpoints: vec![message(row)],
        };
        let started = Instant::now();
        client.record(request).await.unwrap();
        took.push(started.elapsed());
    }
    took.sort();
    (rate, took)
}

fn main() {
    let count: usize = std::env::var("SERENDIB_BENCH_ROWS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let part = count / 8;
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let live = rows(part, "live");
    let small = bare(dir.path(), &live, BATCH);
    let large = bare(dir.path(), &live, BATCH * WRITERS);
    println!("bare SQLite, {BATCH} rows per commit:  {small:>10.0} rows/s");
    println!(
        "bare SQLite, {} rows per commit: {large:>10.0} rows/s",
        BATCH * WRITERS
    );
    let config = || SqliteConfig::new(dir.path().join("store"));
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(config()).unwrap());
        let rate = eight_writers(&store, &live).await;
        let health = store.health();
        println!(
            "store, {WRITERS} writers of {BATCH}:        {rate:>10.0} rows/s = {:.2} x bare at {BATCH}, {:.2} x at {}; \
             {:.0} rows per commit",
            rate / small,
            rate / large,
            BATCH * WRITERS,
            health.rows as f64 / health.commits as f64
        );

        let mut took: Vec<Duration> = Vec::new();
        for row in rows(SINGLES, "single") {
            let started = Instant::now();
            store.record(vec![row], RecordOptions::live(NOW)).await.unwrap();
            took.push(started.elapsed());
        }
        took.sort();
        let conn = Connection::open(dir.path().join(format!("bare-{BATCH}.db"))).unwrap();
        conn.pragma_update(None, "synchronous", "FULL").unwrap();
        let mut commits: Vec<Duration> = Vec::new();
        for i in 0..SINGLES {
            let started = Instant::now();
            conn.execute(
                "INSERT INTO t(ident, at, tid, body) VALUES (1, 1, ?1, '{}')",
                [format!("s{i}").as_bytes()],
            )
            .unwrap();
            commits.push(started.elapsed());
        }
        commits.sort();
        println!(
            "one row per call: p50 {:.2} ms, p99 {:.2} ms; bare commit: p50 {:.2} ms, p99 {:.2} ms",
            percentile(&took, 0.5),
            percentile(&took, 0.99),
            percentile(&commits, 0.5),
            percentile(&commits, 0.99)
        );
        store.close().await.unwrap();
        drop(store);

        let mut raw = RawConfig::default();
        raw.server.addr = "127.0.0.1:0".into();
        raw.metrics.addr = String::new();
        raw.store.dir = dir.path().join("grpc").to_str().unwrap().into();
        let settings = raw.check().unwrap();
        let store = open_store(&settings.store).await.unwrap();
        let running = server::start(settings, store).await.unwrap();
        let singles = rows(SINGLES, "alone");
        let (rate, took) = over_grpc(running.addr, &live, &singles).await;
        println!(
            "gRPC, {WRITERS} clients of {BATCH}:          {rate:>10.0} rows/s = {:.2} x bare at {BATCH}; one-touch Record: p50 \
             {:.2} ms, p99 {:.2} ms",
            rate / small,
            percentile(&took, 0.5),
            percentile(&took, 0.99)
        );
        running.stop().await.unwrap();

        let mut bulk = config();
        bulk.group_rows = 65_536;
        let store = SqliteStore::open(bulk).unwrap();
        let more = rows(count - part, "bulk");
        let options = RecordOptions::load(NOW);
        let started = Instant::now();
        let mut waiting = std::collections::VecDeque::new();
        for batch in more.chunks(8_192) {
            let prepared = store.prepare(batch.to_vec(), &options).unwrap();
            waiting.push_back(store.record_prepared(prepared).unwrap());
            if waiting.len() > 6 {
                waiting.pop_front().unwrap().wait().await.unwrap();
            }
        }
        for answer in waiting {
            answer.wait().await.unwrap();
        }
        let rate = more.len() as f64 / started.elapsed().as_secs_f64();
        println!("in bulk: {rate:.0} rows/s");
        store.close().await.unwrap();
        drop(store);

        let started = Instant::now();
        let store = SqliteStore::open(config()).unwrap();
        let total = store.counts().await.unwrap().touchpoints;
        println!(
            "ready with {total} touchpoints ({:.0} MiB) after {:.2} s",
            store.health().file_bytes as f64 / f64::from(1 << 20),
            started.elapsed().as_secs_f64()
        );
        let started = Instant::now();
        let reads = 500;
        for i in 0..reads {
            let query = CustomerQuery::newest(format!("customer-{}", i * 97), 200);
            store.customer(query).await.unwrap();
        }
        println!(
            "reading a customer from the files: {:.0} µs",
            started.elapsed().as_secs_f64() * 1e6 / f64::from(reads)
        );
        store.close().await.unwrap();
    });
}
