//! A small shop, its model, and a server over both.

pub mod groceries;
pub mod programs;
pub mod victim;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serendib_engine::bundle::{BundleWriter, DataWindow, Manifest, ModelsDir};
use serendib_engine::model::Model;
use serendib_engine::represent::{
    Csr, Dense, Parts, Representation, SparsePart, SpectralPart, Weighting,
};
use serendib_proto::v1::catalog_service_client::CatalogServiceClient;
use serendib_proto::v1::customer_service_client::CustomerServiceClient;
use serendib_proto::v1::model_service_client::ModelServiceClient;
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;
use serendib_proto::v1::{
    ListKind, ListRequest, RecommendRequest, RecommendResponse, RecordRequest, Touchpoint,
};
use serendib_service::cli::open_store;
use serendib_service::config::{Config, RawConfig};
use serendib_service::server::{self, Running};
use serendib_service::store::Store;
use serendib_shop::{Catalogue, Encoder, Product};
pub use serendib_tests::settings;
use tempfile::TempDir;
use tonic::transport::Channel;

/// Departments of the small shop; product `garden-2` is the third of the garden. The first of each department is the
/// department's most bought.
pub const DEPARTMENTS: [&str; 4] = ["baby", "garden", "kitchen", "books"];
/// Products in each department.
pub const EACH: usize = 6;

/// The products of the small shop.
pub fn products() -> Vec<Product> {
    DEPARTMENTS
        .iter()
        .flat_map(|department| {
            (0..EACH).map(move |ix| Product {
                title: Some(format!("{department} thing {ix}")),
                category: Some(format!("shop/{department}")),
                price: Some(5.0 + ix as f64),
                stock: Some(10),
                durable: Some(false),
                ..Product::bare(format!("{department}-{ix}"))
            })
        })
        .collect()
}

/// Writes a model of the small shop, in which everything of one department goes together. `favourite` scales the
/// popularity of one department, so that two models differ.
pub fn write_model(models: &Path, id: &str, favourite: usize) -> PathBuf {
    write_changed(models, id, favourite, |_| {})
}

/// The same with `change` made to the model.
pub fn write_changed(
    models: &Path,
    id: &str,
    favourite: usize,
    change: impl FnOnce(&mut Model),
) -> PathBuf {
    let products = products();
    let n = products.len();
    let rows = (0..n).map(|row| {
        let department = row / EACH * EACH;
        (department..department + EACH)
            .filter(move |col| *col != row)
            .map(|col| (col as u32, 1.0 - 0.1 * (col % EACH) as f32))
            .collect::<Vec<_>>()
    });
    let buyers: Vec<f32> = (0..n)
        .map(|ix| {
            let boost = if ix / EACH == favourite { 50.0 } else { 0.0 };
            boost + (EACH - ix % EACH) as f32
        })
        .collect();
    // A dimension for each department.
    let mut units = Dense::zeros(n, DEPARTMENTS.len());
    for ix in 0..n {
        units.row_mut(ix)[ix / EACH] = 1.0;
    }
    let representation = Representation::new(Parts {
        lately: buyers.clone(),
        buyers,
        sparse: vec![SparsePart {
            weighting: Weighting::default(),
            rows: Csr::from_rows(n, rows),
        }],
        units,
        spectral: Some(SpectralPart {
            weighting: Weighting::default(),
            source: vec![1.0; n],
            target: vec![0.1; n],
        }),
        ..Parts::default()
    })
    .unwrap();
    let mut model = Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        representation,
    );
    change(&mut model);
    let mut writer = BundleWriter::new(models, id).unwrap();
    model.write(&mut writer).unwrap();
    writer
        .seal(Manifest {
            id: id.into(),
            created: format!("2026-01-0{}T00:00:00Z", favourite + 1),
            data: DataWindow {
                timed: true,
                products: n as u64,
                ..DataWindow::default()
            },
            dimension: DEPARTMENTS.len(),
            ..Manifest::default()
        })
        .unwrap()
}

/// A server in this process.
pub struct Shop {
    /// Everything it keeps on disk.
    pub dir: TempDir,
    running: Option<Running>,
    channel: Channel,
}

impl Shop {
    /// A server with one model and an empty store.
    pub async fn open() -> Shop {
        Shop::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut RawConfig)) -> Shop {
        let dir = TempDir::new().unwrap();
        let models = dir.path().join("models");
        write_model(&models, "first", 0);
        ModelsDir::new(&models).publish("first").unwrap();
        Shop::over(dir, change).await
    }

    /// A server over what is in `dir` already.
    pub async fn over(dir: TempDir, change: impl FnOnce(&mut RawConfig)) -> Shop {
        let mut raw = settings(dir.path());
        change(&mut raw);
        let config: Config = raw.check().unwrap();
        let store: Arc<dyn Store> = open_store(&config.store).await.unwrap();
        let running = server::start(config, store).await.unwrap();
        let channel = Channel::from_shared(format!("http://{}", running.addr))
            .unwrap()
            .connect()
            .await
            .unwrap();
        Shop {
            dir,
            running: Some(running),
            channel,
        }
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Waits until the baskets of all customers are gathered, which a server does in the background.
    pub async fn gather_baskets(&self) {
        let app = &self.running().app;
        let gathered = app.baskets.gather(&app.keeping, &app.quiet, usize::MAX);
        gathered.await.unwrap();
    }

    /// Ends the server in good order and leaves its directory.
    pub async fn close(mut self) -> TempDir {
        drop(self.channel);
        self.running.take().unwrap().stop().await.unwrap();
        self.dir
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub fn recommendations(&self) -> RecommendationServiceClient<Channel> {
        RecommendationServiceClient::new(self.channel())
    }

    pub fn touchpoints(&self) -> TouchpointServiceClient<Channel> {
        TouchpointServiceClient::new(self.channel())
    }

    pub fn catalogue(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.channel())
    }

    pub fn customers(&self) -> CustomerServiceClient<Channel> {
        CustomerServiceClient::new(self.channel())
    }

    pub fn models(&self) -> ModelServiceClient<Channel> {
        ModelServiceClient::new(self.channel())
    }

    /// Answers one request.
    pub async fn ask(&self, request: RecommendRequest) -> RecommendResponse {
        self.recommendations()
            .recommend(request)
            .await
            .unwrap()
            .into_inner()
    }

    /// The answer to one list of `count` for `customer`.
    pub async fn list(&self, customer: &str, kind: ListKind, count: u32) -> RecommendResponse {
        self.ask(request(customer, kind, count)).await
    }

    pub async fn record(&self, touchpoints: Vec<Touchpoint>) {
        self.touchpoints()
            .record(RecordRequest { touchpoints })
            .await
            .unwrap();
    }
}

/// A request for one list.
pub fn request(customer: &str, kind: ListKind, count: u32) -> RecommendRequest {
    RecommendRequest {
        customer_id: customer.into(),
        lists: vec![ListRequest {
            kind: kind.into(),
            count: Some(count),
            ..ListRequest::default()
        }],
        seed: Some(1),
        ..RecommendRequest::default()
    }
}

/// A touchpoint with an id.
pub fn touch(customer: &str, kind: &str, product: &str, id: &str) -> Touchpoint {
    Touchpoint {
        customer_id: customer.into(),
        kind: kind.into(),
        product_id: Some(product.into()),
        touchpoint_id: Some(id.into()),
        ..Touchpoint::default()
    }
}

/// Product ids of list number `ix`.
pub fn ids(answer: &RecommendResponse, ix: usize) -> Vec<String> {
    answer.lists[ix]
        .items
        .iter()
        .map(|item| item.product_id.clone())
        .collect()
}

/// Codes of the answer's own notes.
pub fn notes(answer: &RecommendResponse) -> Vec<&str> {
    answer.notes.iter().map(|n| n.code.as_str()).collect()
}

/// The time `days` ago, ms; negative = ahead.
pub fn days_ago(days: f64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_millis() as i64 - (days * 86_400_000.0) as i64
}

/// The number in the environment `variable`; `usual` where it holds none.
pub fn how_many(variable: &str, usual: u32) -> u32 {
    let number = std::env::var(variable).ok();
    number.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// Says that a test was left out, where it is seen: what a test prints by macros is kept back when it passes.
pub fn skipped(what: &str) {
    use std::io::Write;
    // where standard error is closed nobody reads
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}
