//! Models swapped while requests are answered: what fails, what it costs the slowest, how much memory it takes.
//!
//! A server of its own (the `serendib` program beside this one) serves the shop that `serendib demo --once` has made, or
//! another directory with a store, the models directory and the shop data in `store/`, `models/` and `data/`. Its
//! model stands beside a variant with other scores; nothing stays loaded for a rollback, so that every swap verifies and
//! loads a bundle. Measured in one run: the rate at which 8 callers in turn are answered; then, at 70 % of it (open loop:
//! a request has its time, however long the one before took), p50 and p99 without swaps and with one swap in each period;
//! failed requests; answers of sampled anonymous visits that differ from the named model's recomputed; the server's
//! memory. Left out: a store that changes meanwhile.
//!
//! `SERENDIB_DEMO_DIR` (serendib-demo/demo-shop), `SERENDIB_SWAPS` (100), `SERENDIB_SWAP_MS` (200), `SERENDIB_SWAP_SECONDS`
//! (20: length of the run without swaps).
//!
//! `cargo bench -p serendib-benches --bench swaps`

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serendib_engine::bundle::{Bundle, BundleWriter, ModelsDir};
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, CustomerState, ListKind as Kind, Live, Request};
use serendib_engine::represent::Representation;
use serendib_proto::v1::catalog_service_client::CatalogServiceClient;
use serendib_proto::v1::model_service_client::ModelServiceClient;
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::{
    ActivateModelRequest, Context, GetProductsRequest, ListKind, ListRequest, RecommendRequest,
    RecommendResponse, SessionTouch,
};
use serendib_shop::{ProductIx, ReadOptions, ShopData, Table, Touchpoint as Row};
use tonic::transport::Channel;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// The model of `from` with other scores, as bundle `id` of `models`.
fn variant(from: &Path, models: &Path, id: &str, tilt: f32) -> anyhow::Result<()> {
    let mut model = Model::read(&Bundle::open(from)?)?;
    let mut parts = model.representation.parts().clone();
    let n = parts.buyers.len();
    parts.prior.resize(n, 0.0);
    for (ix, prior) in parts.prior.iter_mut().enumerate() {
        *prior += tilt * (ix % 7) as f32;
    }
    let mut manifest = model.manifest.clone();
    manifest.id = id.into();
    model.representation = Representation::new(parts)?;
    let mut writer = BundleWriter::new(models, id)?;
    model.write(&mut writer)?;
    writer.seal(manifest)?;
    Ok(())
}

struct Server {
    child: Child,
    addr: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(models: &Path, store: &Path) -> anyhow::Result<Server> {
        let exe = std::env::current_exe()?;
        let program = exe
            .ancestors()
            .map(|dir| dir.join("serendib"))
            .find(|path| path.is_file())
            .context("no serendib program beside this one: build the workspace first")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let addr = format!("127.0.0.1:{port}");
        let child = Command::new(program)
            .arg("serve")
            .env("SERENDIB_SERVER_ADDR", &addr)
            .env("SERENDIB_METRICS_ADDR", "")
            .env("SERENDIB_MODELS_DIR", models)
            .env("SERENDIB_MODELS_KEEP_LOADED", "0")
            .env("SERENDIB_MODELS_WATCH_MS", "0")
            .env("SERENDIB_STORE_DIR", store)
            .env("SERENDIB_LOG_LEVEL", "warn")
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Server { child, addr })
    }

    async fn connect(&self) -> anyhow::Result<Channel> {
        for _ in 0..600 {
            let endpoint = Channel::from_shared(format!("http://{}", self.addr))?;
            if let Ok(channel) = endpoint.connect().await {
                return Ok(channel);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the server did not come up")
    }

    /// Memory held now, 10⁶ bytes.
    fn memory(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|l| l.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) * 1024.0 / 1e6
    }
}

const AT: i64 = 1_780_000_000_000;

fn for_customer(id: &str) -> RecommendRequest {
    RecommendRequest {
        customer_id: id.into(),
        lists: vec![ListRequest {
            kind: ListKind::ForYou.into(),
            count: Some(20),
            ..ListRequest::default()
        }],
        seed: Some(1),
        ..RecommendRequest::default()
    }
}

/// A visit of somebody unknown, whose answer can be computed without the store.
fn visit(products: &[String]) -> RecommendRequest {
    RecommendRequest {
        context: Some(Context {
            at_ms: Some(AT),
            session: products
                .iter()
                .map(|id| SessionTouch {
                    product_id: id.clone(),
                    at_ms: Some(AT - 1_000),
                    ..SessionTouch::default()
                })
                .collect(),
            ..Context::default()
        }),
        ..for_customer("")
    }
}

type Stock = std::collections::HashMap<String, Option<i64>>;

/// What the server's store has of each product.
async fn stock(channel: &Channel) -> anyhow::Result<Stock> {
    let mut client = CatalogServiceClient::new(channel.clone());
    let mut known = Stock::new();
    let mut ask = GetProductsRequest {
        page_size: 1_000,
        ..GetProductsRequest::default()
    };
    loop {
        let page = client.get_products(ask.clone()).await?.into_inner();
        known.extend(page.products.into_iter().map(|p| (p.product_id, p.stock)));
        if page.next_page_token.is_empty() {
            return Ok(known);
        }
        ask.page_token = page.next_page_token;
    }
}

fn recomputed(model: &Model, stock: &Stock, products: &[String]) -> Vec<(String, f64)> {
    let mut encoder = model.encoder.clone();
    let history: Vec<_> = products
        .iter()
        .map(|id| {
            let mut row = Row::new("", "view");
            row.product_id = Some(id.clone());
            row.at = Some(AT - 1_000);
            encoder.encode(&row, &model.catalogue)
        })
        .collect();
    let customer = CustomerState {
        history: &history,
        ..CustomerState::NOBODY
    };
    let mut request = Request::one(Kind::ForYou, 20, AT);
    request.seed = 1;
    let mut live = Live::of_catalogue(model.catalogue.clone());
    for (left, product) in live.stock.iter_mut().zip(model.catalogue.products()) {
        *left = stock.get(&product.product_id).copied().flatten();
    }
    let Ok(answer) = recommend(model, &live, customer, &request, &|| false) else {
        return Vec::new();
    };
    let items = answer.lists.into_iter().flat_map(|l| l.items);
    items
        .map(|i| {
            let id = model.catalogue.product(i.product).product_id.clone();
            (id, f64::from(i.score))
        })
        .collect()
}

/// Whether the answer is what the model gives: the same products in the same order with the same scores.
fn same(answer: &RecommendResponse, wanted: &[(String, f64)]) -> bool {
    let items = &answer.lists[0].items;
    items.len() == wanted.len()
        && items
            .iter()
            .zip(wanted)
            .all(|(item, (id, score))| item.product_id == *id && (item.score - score).abs() < 1e-5)
}

/// The first answer that differs, so that one can see why.
fn tell(answer: &RecommendResponse, wanted: Option<&[(String, f64)]>) {
    let Some(wanted) = wanted else {
        eprintln!("model {:?} is neither of the two", answer.model_id);
        return;
    };
    for (rank, item) in answer.lists[0].items.iter().enumerate() {
        let known = wanted.get(rank);
        if known
            .is_none_or(|(id, score)| *id != item.product_id || (item.score - score).abs() >= 1e-5)
        {
            let (id, score) = (&item.product_id, item.score);
            eprintln!("differs: rank {rank} {id} {score}, recomputed {known:?}");
        }
    }
    eprintln!(
        "{} items, notes {:?}",
        answer.lists[0].items.len(),
        answer.lists[0].notes
    );
}

/// Requests per second of 8 callers, each asking as soon as it is answered.
async fn capacity(channels: &[Channel], customers: &Arc<Vec<String>>, seconds: u64) -> f64 {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut callers = Vec::new();
    for (n, channel) in channels.iter().cloned().enumerate() {
        let customers = customers.clone();
        callers.push(tokio::spawn(async move {
            let mut client = RecommendationServiceClient::new(channel);
            let mut done = 0usize;
            while Instant::now() < end {
                let id = &customers[(n * 7919 + done * 31) % customers.len()];
                client.recommend(for_customer(id)).await.unwrap();
                done += 1;
            }
            done
        }));
    }
    let mut done = 0;
    for caller in callers {
        done += caller.await.unwrap();
    }
    done as f64 / seconds as f64
}

#[derive(Default)]
struct Seen {
    latencies: Mutex<Vec<f64>>,
    failed: AtomicUsize,
    checked: AtomicUsize,
    differ: AtomicUsize,
    per_model: Mutex<std::collections::BTreeMap<String, usize>>,
}

type Expected = Arc<Vec<(Vec<String>, Vec<(String, Vec<(String, f64)>)>)>>;

/// Asks at `rate` until told to stop; every 20th request is a visit whose answer is checked.
async fn load(
    channels: Vec<Channel>,
    customers: Arc<Vec<String>>,
    expected: Expected,
    rate: f64,
    stop: Arc<AtomicBool>,
) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let started = Instant::now();
    let mut running = Vec::new();
    let mut n = 0usize;
    while !stop.load(Ordering::Relaxed) {
        let due = started + Duration::from_secs_f64(n as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        let mut client = RecommendationServiceClient::new(channels[n % channels.len()].clone());
        let (seen, customers, expected) = (seen.clone(), customers.clone(), expected.clone());
        running.push(tokio::spawn(async move {
            let (products, models) = &expected[n / 20 % expected.len()];
            let is_visit = n.is_multiple_of(20);
            let request = if is_visit {
                visit(products)
            } else {
                for_customer(&customers[n * 31 % customers.len()])
            };
            match client.recommend(request).await {
                Err(status) => {
                    eprintln!("failed: {status}");
                    seen.failed.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => {
                    let took = due.elapsed().as_secs_f64();
                    let answer = answer.into_inner();
                    seen.latencies.lock().unwrap().push(took);
                    if is_visit {
                        let wanted = models.iter().find(|(id, _)| *id == answer.model_id);
                        let good = wanted.is_some_and(|(_, wanted)| same(&answer, wanted));
                        if !good && seen.differ.load(Ordering::Relaxed) == 0 {
                            tell(&answer, wanted.map(|(_, wanted)| &wanted[..]));
                        }
                        seen.checked.fetch_add(1, Ordering::Relaxed);
                        seen.differ.fetch_add(usize::from(!good), Ordering::Relaxed);
                    }
                    *seen
                        .per_model
                        .lock()
                        .unwrap()
                        .entry(answer.model_id)
                        .or_default() += 1;
                }
            }
        }));
        n += 1;
    }
    for one in running {
        let _ = one.await;
    }
    seen
}

fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * p) as usize] * 1e3
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let demo = PathBuf::from(
        std::env::var("SERENDIB_DEMO_DIR").unwrap_or_else(|_| "serendib-demo/demo-shop".into()),
    );
    if !demo.join("models").is_dir() {
        println!(
            "no shop in {}: run `serendib demo --once` first",
            demo.display()
        );
        return Ok(());
    }
    let swaps = setting("SERENDIB_SWAPS", 100);
    let period = Duration::from_millis(setting("SERENDIB_SWAP_MS", 200));
    let quiet = Duration::from_secs(setting("SERENDIB_SWAP_SECONDS", 20));
    let work = tempfile::tempdir()?;
    let models = work.path().join("models");
    std::fs::create_dir(&models)?;
    let source = ModelsDir::resolve(&demo.join("models"))?;
    variant(&source, &models, "a", 0.0)?;
    variant(&source, &models, "b", 0.001)?;
    ModelsDir::new(&models).publish("a")?;
    let store = demo.join("store");
    let data = ShopData::open(&demo.join("data"), ReadOptions::default())?;
    let mut customers: Vec<String> = Vec::new();
    // a shop need not have a table of customers
    if data.has_table(Table::Customers) {
        for row in data.customers()?.take(2_000) {
            customers.push(row?.customer_id);
        }
    } else {
        for row in data.touchpoints()? {
            let id = row?.customer_id;
            if customers.last() != Some(&id) {
                customers.push(id);
            }
            if customers.len() == 2_000 {
                break;
            }
        }
    }
    let customers = Arc::new(customers);
    let server = Server::start(&models, &store)?;
    let mut channels = Vec::new();
    for _ in 0..8 {
        channels.push(server.connect().await?);
    }
    let stock = stock(&channels[0]).await?;
    let loaded = ["a", "b"].map(|id| {
        let model = Model::read(&Bundle::open(&models.join(id)).unwrap()).unwrap();
        (id.to_owned(), model)
    });
    let count = loaded[0].1.catalogue.len();
    let expected: Expected = Arc::new(
        (0..50)
            .map(|n| {
                let products: Vec<String> = (0..3)
                    .map(|k| {
                        let ix = (n * 97 + k * 389) % count;
                        loaded[0]
                            .1
                            .catalogue
                            .product(ProductIx::of_index(ix))
                            .product_id
                            .clone()
                    })
                    .collect();
                let answers = loaded
                    .iter()
                    .map(|(id, model)| (id.clone(), recomputed(model, &stock, &products)))
                    .collect();
                (products, answers)
            })
            .collect(),
    );
    drop(loaded);

    let most = capacity(&channels, &customers, 6).await;
    let rate = 0.7 * most;
    println!("8 callers in turn: {most:.0}/s; load at 70 %: {rate:.0}/s, open loop");

    let watch = |stop: Arc<AtomicBool>, id: u32| {
        tokio::task::spawn_blocking(move || {
            let mut samples = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let text =
                    std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
                let line = text.lines().find(|l| l.starts_with("VmRSS:"));
                let kb = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
                samples.extend(kb.map(|kb| kb * 1024.0 / 1e6));
                std::thread::sleep(Duration::from_millis(20));
            }
            samples
        })
    };
    let run = |stop: Arc<AtomicBool>| {
        load(
            channels.clone(),
            customers.clone(),
            expected.clone(),
            rate,
            stop,
        )
    };
    let stop = Arc::new(AtomicBool::new(false));
    let loading = tokio::spawn(run(stop.clone()));
    let memory = watch(stop.clone(), server.child.id());
    tokio::time::sleep(quiet).await;
    stop.store(true, Ordering::Relaxed);
    let without = loading.await?;
    let steady = memory.await?.into_iter().fold(0.0, f64::max);

    // what one loaded bundle takes: this process loads it
    let own = |path: &Path| -> anyhow::Result<(f64, f64)> {
        let rss = || {
            let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = text.lines().find(|l| l.starts_with("VmRSS:"));
            let kb = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
            kb.unwrap_or(0.0) * 1024.0 / 1e6
        };
        let before = rss();
        let started = Instant::now();
        let model = Model::read(&Bundle::open(path)?)?;
        let took = started.elapsed().as_secs_f64();
        let size = rss() - before;
        drop(model);
        Ok((size, took))
    };
    let (size, took) = own(&models.join("b"))?;

    let stop = Arc::new(AtomicBool::new(false));
    let loading = tokio::spawn(run(stop.clone()));
    let memory = watch(stop.clone(), server.child.id());
    let mut client = ModelServiceClient::new(server.connect().await?);
    let mut refused = 0;
    let mut slowest: f64 = 0.0;
    let started = Instant::now();
    for swap in 0..swaps {
        tokio::time::sleep_until((started + period * swap as u32).into()).await;
        let began = Instant::now();
        let asked = ActivateModelRequest {
            model_id: ["b", "a"][swap as usize % 2].into(),
            expected_model_id: None,
        };
        refused += usize::from(client.activate_model(asked).await.is_err());
        slowest = slowest.max(began.elapsed().as_secs_f64());
    }
    let lasted = started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let with = loading.await?;
    let peak = memory.await?.into_iter().fold(0.0, f64::max);
    println!("memory now {:.0} MB", server.memory());

    for (name, seen) in [("without swaps", &without), ("with swaps", &with)] {
        let latencies = seen.latencies.lock().unwrap();
        println!(
            "{name:<14} {} answered, {} failed, p50 {:.2} ms, p99 {:.2} ms, {} of {} checked answers differ, {:?}",
            latencies.len(),
            seen.failed.load(Ordering::Relaxed),
            quantile(&latencies, 0.5),
            quantile(&latencies, 0.99),
            seen.differ.load(Ordering::Relaxed),
            seen.checked.load(Ordering::Relaxed),
            seen.per_model.lock().unwrap()
        );
    }
    let ratio = quantile(&with.latencies.lock().unwrap(), 0.99)
        / quantile(&without.latencies.lock().unwrap(), 0.99);
    println!(
        "{swaps} swaps in {lasted:.0} s, {refused} refused, slowest {:.0} ms, a bundle loads in {:.0} ms; p99 ratio {ratio:.2}",
        slowest * 1e3,
        took * 1e3
    );
    println!(
        "memory: steady {steady:.0} MB, one bundle {size:.0} MB, peak {peak:.0} MB, allowed {:.0} MB",
        1.1 * (steady + size)
    );
    Ok(())
}
