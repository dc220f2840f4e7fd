//! Killing a server while eight clients record over gRPC: what was acknowledged is there once, of what was not, whole
//! batches or nothing.
//!
//! The server is killed with SIGKILL, at named points of the commit and at random; half of the writers stream. After each
//! death a new server is started on the same files, and every client sends again what it has no answer for.
//!
//! `SERENDIB_GRPC_KILLS=200 cargo test --workspace --test end_to_end killed -- --nocapture` makes a long run of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use serendib_proto::v1::customer_service_client::CustomerServiceClient;
use serendib_proto::v1::export_customer_response::Row;
use serendib_proto::v1::record_stream_response::Result as StreamResult;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;
use serendib_proto::v1::{
    ExportCustomerRequest, RecordRequest, RecordResponse, RecordStatus, Touchpoint,
};
use serendib_service::store::{SqliteConfig, SqliteStore, Store};
use serendib_tests::{ids_of, Stop, Task, WRITERS};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::support::victim::{check, stored_ids, Victim};
use crate::support::{how_many, touch};

const CUSTOMERS: u32 = 20;
/// Batches a streaming writer sends before it waits for an answer.
const AHEAD: usize = 3;
/// Batches of a writer that may have come without an answer to it.
const UNANSWERED: u32 = AHEAD as u32 + 1;

/// Starts a server in a process of its own. Returns it with its address.
fn serve(dir: &Path, stop: Option<Stop>) -> (Victim, String) {
    let mut victim = Victim::start(Task::Serve { dir: dir.into() }, stop);
    let lines = victim.lines.as_mut().unwrap();
    let addr = lines.find_map(|line| Some(line.strip_prefix("addr ")?.to_owned()));
    (victim, addr.unwrap())
}

/// The batch number `n` of writer `w`: rows of many customers.
fn batch(w: usize, n: u32) -> Vec<Touchpoint> {
    let row = |(i, id): (u32, String)| {
        let customer = format!("customer-{}", (n + w as u32 + i) % CUSTOMERS);
        Touchpoint {
            at_ms: Some(1_750_000_000_000 - i64::from(n)),
            ..touch(&customer, "view", &format!("p{}", (n + i) % 50), &id)
        }
    };
    (0..).zip(ids_of(w, n)).map(row).collect()
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
    let ids = stored_ids(&store).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_over_grpc_is_lost_or_doubled_by_kill_9() {
    let kills = how_many("SERENDIB_GRPC_KILLS", 50);
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
        let name = ["before-write", "after-commit", "before-commit", "random"][round as usize % 4];
        let (mut server, addr) = serve(dir.path(), Stop::at(name, 2 + round % 5));
        let lines = server.lines.take().unwrap();
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
                server.kill();
                killed = true;
            }
        }
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        assert!(killed, "round {round} ({name}) ended by itself");
        server.bury();
        reader.await.unwrap();
        check(&left(dir.path()).await, &acked, UNANSWERED, round);
        *at_points.entry(name).or_default() += 1;
    }
    let (_last, addr) = serve(dir.path(), None);
    check(&told(&addr).await, &acked, UNANSWERED, kills);
    batches += acked.iter().sum::<u32>();
    println!(
        "{kills} kills ({at_points:?}), {batches} batches acknowledged, none lost, none doubled"
    );
    assert!(batches > kills, "{batches}");
}
