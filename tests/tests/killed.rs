//! Killing a server while eight clients record over gRPC: what was acknowledged is there once, of what was not, whole
//! batches or nothing.
//!
//! The test runs itself as the server ([`child`]) and kills it with SIGKILL, at named points of the commit and at random;
//! half of the writers stream. After each death a new server is started on the same files, and every client sends again
//! what it has no answer for.
//!
//! `SERENDIB_GRPC_KILLS=200 cargo test --workspace --test end_to_end killed -- --nocapture` makes a long run of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use serendib_proto::v1::customer_service_client::CustomerServiceClient;
use serendib_proto::v1::export_customer_response::Row;
use serendib_proto::v1::record_stream_response::Result as StreamResult;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;
use serendib_proto::v1::{
    ExportCustomerRequest, RecordRequest, RecordResponse, RecordStatus, Touchpoint,
};
use serendib_service::server;
use serendib_service::store::sqlite::{Hook, Point};
use serendib_service::store::{SqliteConfig, SqliteStore, Store};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::support::{settings, touch};

const WRITERS: usize = 8;
const CUSTOMERS: u32 = 20;
/// Batches a streaming writer sends before it waits for an answer.
const AHEAD: usize = 3;
/// Variable by which the child knows what to do.
const TASK: &str = "SERENDIB_KILLED_TASK";

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n@{line}");
    let _ = out.flush();
}

fn point(name: &str) -> Option<Point> {
    match name {
        "before-write" => Some(Point::BeforeWrite),
        "before-commit" => Some(Point::BeforeCommit),
        "before-answer" => Some(Point::AfterCommit),
        _ => None,
    }
}

/// Not a test of its own: the server that is killed. Does nothing unless asked to by [`TASK`].
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let words: Vec<&str> = task.split('|').collect();
    let dir = Path::new(words[0]);
    let nth: u32 = words[2].parse().unwrap();
    let mut config = SqliteConfig::new(dir.join("store"));
    config.hook = point(words[1]).map(|stop| {
        let seen = AtomicU32::new(0);
        Hook(Arc::new(move |at| {
            if at == stop && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                say("here");
                loop {
                    std::thread::park();
                }
            }
        }))
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(config).unwrap());
        let settings = settings(dir).check().unwrap();
        let running = server::start(settings, store).await.unwrap();
        say(&format!("addr {}", running.addr));
        running.until(std::future::pending()).await.unwrap();
    });
}

/// A server in a process of its own.
struct Served {
    process: Child,
    lines: Box<dyn Iterator<Item = String> + Send>,
    addr: String,
}

fn serve(dir: &Path, point: &str, nth: u32) -> Served {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TASK, format!("{}|{point}|{nth}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix('@').map(str::to_string));
    let addr = lines
        .find_map(|line| Some(line.strip_prefix("addr ")?.to_owned()))
        .unwrap();
    Served {
        process,
        lines: Box::new(lines),
        addr,
    }
}

/// The batch number `n` of writer `w`: one to nineteen rows, ids that say where they belong.
fn batch(w: usize, n: u32) -> Vec<Touchpoint> {
    let rows = 1 + (n * 7 + w as u32 * 3) % 19;
    (0..rows)
        .map(|i| {
            let customer = format!("customer-{}", (n + w as u32 + i) % CUSTOMERS);
            let id = format!("w{w}-{n}-{i}-of-{rows}");
            Touchpoint {
                at_ms: Some(1_750_000_000_000 - i64::from(n)),
                ..touch(&customer, "view", &format!("p{}", (n + i) % 50), &id)
            }
        })
        .collect()
}

/// A batch that was cut off by a death is all there, or all new.
fn whole(w: usize, n: u32, answer: &RecordResponse) {
    let statuses: BTreeSet<_> = answer.outcomes.iter().map(|o| o.status()).collect();
    let one = BTreeSet::from([RecordStatus::Stored]);
    let other = BTreeSet::from([RecordStatus::Duplicate]);
    assert!(
        statuses == one || statuses == other,
        "half of batch {n} of writer {w} was there: {statuses:?}"
    );
}

async fn connect(addr: &str) -> Result<Channel, tonic::transport::Error> {
    Channel::from_shared(format!("http://{addr}"))
        .unwrap()
        .connect()
        .await
}

/// Records batch after batch and waits for each; says which were acknowledged, until the server is gone.
async fn one_by_one(addr: String, w: usize, from: u32, acks: mpsc::UnboundedSender<(usize, u32)>) {
    // Another writer may have come first and met the death.
    let Ok(channel) = connect(&addr).await else {
        return;
    };
    let mut client = TouchpointServiceClient::new(channel);
    for n in from.. {
        let touchpoints = batch(w, n);
        let Ok(answer) = client.record(RecordRequest { touchpoints }).await else {
            return;
        };
        whole(w, n, answer.get_ref());
        let _ = acks.send((w, n));
    }
}

/// The same over one stream, with a few batches on their way at any time.
async fn streaming(addr: String, w: usize, from: u32, acks: mpsc::UnboundedSender<(usize, u32)>) {
    // Another writer may have come first and met the death.
    let Ok(channel) = connect(&addr).await else {
        return;
    };
    let mut client = TouchpointServiceClient::new(channel);
    let (sender, batches) = mpsc::channel(AHEAD);
    let mut waiting: VecDeque<u32> = (from..from + AHEAD as u32).collect();
    let request = |n| RecordRequest {
        touchpoints: batch(w, n),
    };
    for n in &waiting {
        sender.send(request(*n)).await.unwrap();
    }
    let Ok(stream) = client.record_stream(ReceiverStream::new(batches)).await else {
        return;
    };
    let mut answers = stream.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        let n = waiting.pop_front().unwrap();
        assert_eq!(answer.sequence, u64::from(n - from));
        match answer.result.unwrap() {
            StreamResult::Response(response) => whole(w, n, &response),
            StreamResult::Error(error) => panic!("batch {n} of writer {w}: {error:?}"),
        }
        let _ = acks.send((w, n));
        let next = n + AHEAD as u32;
        waiting.push_back(next);
        if sender.send(request(next)).await.is_err() {
            return;
        }
    }
}

/// Every touchpoint id in the files that a dead server left, each as often as it is found.
async fn left(dir: &Path) -> Vec<String> {
    let store = SqliteStore::open(SqliteConfig::new(dir.join("store"))).unwrap();
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
    store.close().await.unwrap();
    ids
}

/// The same as a server tells it.
async fn told(addr: &str) -> Vec<String> {
    let mut client = CustomerServiceClient::new(connect(addr).await.unwrap());
    let mut ids = Vec::new();
    for n in 0..CUSTOMERS {
        let request = ExportCustomerRequest {
            customer_id: format!("customer-{n}"),
            actor: "test".into(),
        };
        let rows = client.export_customer(request).await.unwrap();
        let mut rows = rows.into_inner();
        while let Some(row) = rows.message().await.unwrap() {
            if let Some(Row::Touchpoint(row)) = row.row {
                ids.extend(row.touchpoint_id);
            }
        }
    }
    ids
}

/// All acknowledged batches are there, each row once; of others, all rows or none.
fn check(ids: &[String], acked: &[u32; WRITERS], round: u32) {
    let once: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(once.len(), ids.len(), "doubled after kill {round}");
    let mut expected = 0;
    for (w, &acked) in acked.iter().enumerate() {
        for n in 0..acked + AHEAD as u32 + 1 {
            let rows = batch(w, n);
            let there = rows
                .iter()
                .filter(|row| once.contains(row.touchpoint_id.as_deref().unwrap()))
                .count();
            if n < acked {
                assert_eq!(
                    there,
                    rows.len(),
                    "batch {n} of writer {w} lost by kill {round}"
                );
            }
            assert!(
                there == 0 || there == rows.len(),
                "half of batch {n} of writer {w} after kill {round}"
            );
            expected += there;
        }
    }
    assert_eq!(once.len(), expected, "rows nobody sent after kill {round}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_over_grpc_is_lost_or_doubled_by_kill_9() {
    let kills: u32 = std::env::var("SERENDIB_GRPC_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(50);
    let mut dir = tempfile::tempdir().unwrap();
    let mut acked = [0_u32; WRITERS];
    let mut batches = 0;
    let mut at_points = BTreeMap::<&str, u32>::new();
    for round in 0..kills {
        // Every kill reads the whole store: a long run begins a new one now and then.
        if round > 0 && round.is_multiple_of(50) {
            batches += std::mem::take(&mut acked).iter().sum::<u32>();
            dir = tempfile::tempdir().unwrap();
        }
        let name = ["before-write", "before-answer", "before-commit", "random"][round as usize % 4];
        let Served {
            mut process,
            lines,
            addr,
        } = serve(dir.path(), name, 2 + round % 5);
        let (sender, mut acks) = mpsc::unbounded_channel();
        let mut writers = tokio::task::JoinSet::new();
        for (w, from) in acked.into_iter().enumerate() {
            if w % 2 == 0 {
                writers.spawn(one_by_one(addr.clone(), w, from, sender.clone()));
            } else {
                writers.spawn(streaming(addr.clone(), w, from, sender.clone()));
            }
        }
        drop(sender);
        let (stop, mut stopped) = mpsc::unbounded_channel();
        let reader = tokio::task::spawn_blocking(move || {
            for line in lines {
                if line == "here" {
                    let _ = stop.send(());
                }
            }
        });
        let patience = 3 + (round * 37) % 60;
        let mut heard = 0;
        let mut killed = false;
        loop {
            let kill = tokio::select! {
                Some(()) = stopped.recv() => true,
                ack = acks.recv() => match ack {
                    None => break,
                    Some((w, n)) => {
                        assert_eq!(n, acked[w], "acknowledged in order");
                        acked[w] = n + 1;
                        heard += 1;
                        name == "random" && heard == patience
                    }
                },
            };
            if kill {
                process.kill().unwrap();
                killed = true;
            }
        }
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        assert!(killed, "round {round} ({name}) ended by itself");
        process.wait().unwrap();
        reader.await.unwrap();
        check(&left(dir.path()).await, &acked, round);
        *at_points.entry(name).or_default() += 1;
    }
    let mut last = serve(dir.path(), "none", 0);
    check(&told(&last.addr).await, &acked, kills);
    last.process.kill().unwrap();
    last.process.wait().unwrap();
    batches += acked.iter().sum::<u32>();
    println!(
        "{kills} kills ({at_points:?}), {batches} batches acknowledged, none lost, none doubled"
    );
    assert!(batches > kills, "{batches}");
}
