//! The highest rate of `Recommend` that a server keeps up with, beside a bare tonic server that sends answers of the same
//! size.
//!
//! `cargo bench -p serendib-benches --bench load_run`. Open loop: requests leave at fixed times whatever became of those
//! before, and a latency counts from the time at which its request was due. The highest rate is the highest at which at
//! least 99.9 % are answered and the 99th percentile is at most 100 ms for `SERENDIB_LOAD_SECONDS` (30); it is searched with
//! shorter probes first, then held; then 70 % of it are run for the same time. The servers are processes of their own,
//! started from this one, over loopback; everything ends after a few minutes.
//!
//! `SERENDIB_MODELS` and `SERENDIB_STORE` name a models directory and a store with customers, and `SERENDIB_CUSTOMERS` a file
//! of their ids, one a line; without them a made-up shop of 41,000 products and 5,000 customers is used. Each request asks for
//! 20 products with reasons; every answer goes into the serve log. Client and server share the machine's cores.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serendib_benches::{history, large_model, NOW};
use serendib_engine::bundle::{BundleWriter, ModelsDir};
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::recommendation_service_server::{
    RecommendationService, RecommendationServiceServer,
};
use serendib_proto::v1::{
    ExplainRequest, ExplainResponse, ListKind, ListRequest, RecommendRequest, RecommendResponse,
    RecommendStreamResponse, SurpriseMeRequest, SurpriseMeResponse,
};
use serendib_service::cli::open_store;
use serendib_service::config::RawConfig;
use serendib_service::server;
use serendib_service::store::{RecordOptions, SqliteConfig, SqliteStore, Store};
use serendib_shop::Touchpoint;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::Stream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};

/// Variable by which a child knows what it is.
const ROLE: &str = "SERENDIB_LOAD_ROLE";
const CUSTOMERS: u32 = 5_000;
const CONNECTIONS: usize = 8;
/// Requests on their way at most; beyond that the run is lost anyway.
const IN_FLIGHT: usize = 20_000;

type Client = RecommendationServiceClient<Channel>;

/// Answers every request with the same message.
struct Echo(RecommendResponse);

#[tonic::async_trait]
impl RecommendationService for Echo {
    async fn recommend(
        &self,
        _: Request<RecommendRequest>,
    ) -> Result<Response<RecommendResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn surprise_me(
        &self,
        _: Request<SurpriseMeRequest>,
    ) -> Result<Response<SurpriseMeResponse>, Status> {
        Err(Status::unimplemented("this is an echo"))
    }

    async fn explain(
        &self,
        _: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        Err(Status::unimplemented("this is an echo"))
    }

    type RecommendStreamStream =
        Pin<Box<dyn Stream<Item = Result<RecommendStreamResponse, Status>> + Send>>;

    async fn recommend_stream(
        &self,
        _: Request<Streaming<RecommendRequest>>,
    ) -> Result<Response<Self::RecommendStreamStream>, Status> {
        Err(Status::unimplemented("this is an echo"))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads")
}

/// A made-up shop on disk.
fn make_shop(dir: &Path) -> (PathBuf, PathBuf) {
    let (models, store_dir) = (dir.join("models"), dir.join("store"));
    let model = large_model();
    let mut writer = BundleWriter::new(&models, "large").expect("a bundle");
    model.write(&mut writer).expect("a bundle");
    let mut manifest = model.manifest.clone();
    manifest.id = "large".into();
    writer.seal(manifest).expect("a bundle");
    ModelsDir::new(&models)
        .publish("large")
        .expect("a current model");
    let rows: Vec<Touchpoint> = (0..CUSTOMERS)
        .flat_map(|customer| {
            history(customer, 40)
                .into_iter()
                .enumerate()
                .map(move |(ix, touch)| Touchpoint {
                    touchpoint_id: Some(format!("t-{customer}-{ix}")),
                    product_id: Some(format!("product-{}", touch.product)),
                    at: Some(touch.at),
                    ..Touchpoint::new(format!("customer-{customer}"), "purchase")
                })
        })
        .collect();
    runtime().block_on(async {
        let store = SqliteStore::open(SqliteConfig::new(&store_dir)).expect("a store");
        for batch in rows.chunks(4_096) {
            let options = RecordOptions::load(NOW);
            store
                .record(batch.to_vec(), options)
                .await
                .expect("recorded");
        }
        store.close().await.expect("closed");
    });
    (models, store_dir)
}

fn serve(models: &str, store: &str) {
    let mut raw = RawConfig::default();
    raw.server.addr = "127.0.0.1:0".into();
    raw.metrics.addr = String::new();
    raw.models.dir = models.into();
    raw.store.dir = store.into();
    let config = raw.check().expect("settings");
    runtime().block_on(async {
        let store = open_store(&config.store).await.expect("a store");
        let running = server::start(config, store).await.expect("a server");
        say(running.addr);
        std::future::pending::<()>().await;
    });
}

fn echo(file: &str) {
    use prost::Message;
    let bytes = std::fs::read(file).expect("an answer");
    let answer = RecommendResponse::decode(&bytes[..]).expect("an answer");
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        say(listener.local_addr().expect("a port"));
        Server::builder()
            .tcp_nodelay(true)
            .add_service(RecommendationServiceServer::new(Echo(answer)))
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .expect("served");
    });
}

fn say(addr: SocketAddr) {
    println!("@{addr}");
    let _ = std::io::stdout().flush();
}

/// A server in a process of its own; it ends with this value.
struct Process(Child, SocketAddr);

impl Process {
    fn start(role: &str) -> Process {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let addr = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix('@')?.parse().ok())
            .expect("its address");
        Process(child, addr)
    }

    async fn clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let url = format!("http://{}", self.1);
            let channel = Channel::from_shared(url).expect("a url").connect().await;
            clients.push(Client::new(channel.expect("a connection")));
        }
        clients
    }

    /// Processor seconds that it has had.
    fn cpu(&self) -> f64 {
        let text =
            std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        let ticks = |ix: usize| {
            fields
                .get(ix)
                .and_then(|f| f.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn request(customer: &str) -> RecommendRequest {
    RecommendRequest {
        customer_id: customer.into(),
        lists: vec![ListRequest {
            kind: ListKind::ForYou.into(),
            count: Some(20),
            ..ListRequest::default()
        }],
        ..RecommendRequest::default()
    }
}

struct Outcome {
    answered: f64,
    p50: f64,
    p99: f64,
}

impl Outcome {
    fn passes(&self) -> bool {
        self.answered >= 0.999 && self.p99 <= 100.0
    }
}

/// Sends `rate` requests a second for `seconds`.
async fn drive(clients: &[Client], customers: &[String], rate: f64, seconds: f64) -> Outcome {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let total = (rate * seconds) as usize;
    let flying = Arc::new(AtomicUsize::new(0));
    let took: Arc<Mutex<Vec<f64>>> = Arc::new(Mutex::new(Vec::with_capacity(total)));
    let refused = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..total {
        let due = start + Duration::from_secs_f64(at as f64 / rate);
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
        if flying.load(Ordering::Relaxed) >= IN_FLIGHT {
            refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        flying.fetch_add(1, Ordering::Relaxed);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut client = clients[next % clients.len()].clone();
        let message = request(&customers[next.wrapping_mul(7_919) % customers.len()]);
        let (flying, took) = (flying.clone(), took.clone());
        tasks.spawn(async move {
            let mut request = Request::new(message);
            request.set_timeout(Duration::from_secs(2));
            let answer = client.recommend(request).await;
            let ms = due.elapsed().as_secs_f64() * 1e3;
            flying.fetch_sub(1, Ordering::Relaxed);
            if answer.is_ok() {
                took.lock().expect("no panic").push(ms);
            }
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    let mut took = std::mem::take(&mut *took.lock().expect("no panic"));
    took.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let ix = (took.len().saturating_sub(1) as f64 * share).round() as usize;
        took.get(ix).copied().unwrap_or(f64::INFINITY)
    };
    Outcome {
        answered: took.len() as f64 / total.max(1) as f64,
        p50: at(0.5),
        p99: at(0.99),
    }
}

/// The highest rate that holds for `seconds`, and what 70 % of it look like.
async fn highest(name: &str, process: &Process, customers: &[String], seconds: f64) -> f64 {
    let clients = process.clients().await;
    let probe = (seconds / 6.0).clamp(2.0, 5.0);
    // everybody once: the caches are warm
    drive(&clients, customers, 200.0, probe).await;
    let (mut good, mut bad) = (50.0, f64::INFINITY);
    let mut rate = 200.0;
    for _ in 0..14 {
        let outcome = drive(&clients, customers, rate, probe).await;
        if outcome.passes() {
            good = rate;
        } else {
            bad = rate;
        }
        if bad / good < 1.12 {
            break;
        }
        rate = if bad.is_finite() {
            (good * bad).sqrt()
        } else {
            rate * 1.7
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for _ in 0..6 {
        let before = process.cpu();
        let outcome = drive(&clients, customers, good, seconds).await;
        let cpu = process.cpu() - before;
        println!(
            "{name}: {good:.0}/s for {seconds:.0} s: {:.2} % answered, p50 {:.1} ms, p99 {:.1} ms, {:.0} us of CPU each",
            100.0 * outcome.answered,
            outcome.p50,
            outcome.p99,
            1e6 * cpu / (good * seconds)
        );
        if outcome.passes() {
            break;
        }
        good *= 0.85;
    }
    let outcome = drive(&clients, customers, 0.7 * good, seconds).await;
    println!(
        "{name}: 70 % of it, {:.0}/s: {:.2} % answered, p50 {:.1} ms, p99 {:.1} ms",
        0.7 * good,
        100.0 * outcome.answered,
        outcome.p50,
        outcome.p99
    );
    good
}

fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        let words: Vec<&str> = role.split('|').collect();
        match words[..] {
            ["serve", models, store] => serve(models, store),
            ["echo", file] => echo(file),
            _ => panic!("{role:?} is no role"),
        }
        return;
    }
    let seconds = std::env::var("SERENDIB_LOAD_SECONDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(30.0);
    let dir = tempfile::tempdir().expect("a directory");
    let named = |name: &str| std::env::var(name).ok().map(PathBuf::from);
    let (models, store) = match (named("SERENDIB_MODELS"), named("SERENDIB_STORE")) {
        (Some(models), Some(store)) => (models, store),
        _ => make_shop(dir.path()),
    };
    let customers: Vec<String> = match named("SERENDIB_CUSTOMERS") {
        Some(file) => std::fs::read_to_string(file)
            .expect("a file of ids")
            .lines()
            .map(str::to_owned)
            .collect(),
        None => (0..CUSTOMERS).map(|c| format!("customer-{c}")).collect(),
    };
    let role = format!("serve|{}|{}", models.display(), store.display());
    let server = Process::start(&role);
    runtime().block_on(async {
        use prost::Message;
        let answer = server.clients().await[0]
            .recommend(request(&customers[0]))
            .await
            .expect("an answer")
            .into_inner();
        println!(
            "an answer: {} items, {} bytes, personal: {}",
            answer.lists[0].items.len(),
            answer.encoded_len(),
            answer.personal
        );
        let file = dir.path().join("answer.bin");
        std::fs::write(&file, answer.encode_to_vec()).expect("written");
        let rate = highest("serendib", &server, &customers, seconds).await;
        drop(server);
        let echo = Process::start(&format!("echo|{}", file.display()));
        let bare = highest("bare tonic", &echo, &customers, seconds.min(10.0)).await;
        println!(
            "highest rate: {rate:.0}/s = {:.3} x bare tonic",
            rate / bare
        );
    });
}
