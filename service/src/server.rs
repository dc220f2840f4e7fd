//! Starting, running and ending the server.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serendib_proto::v1::box_service_server::BoxServiceServer;
use serendib_proto::v1::catalog_service_server::CatalogServiceServer;
use serendib_proto::v1::customer_service_server::CustomerServiceServer;
use serendib_proto::v1::model_service_server::ModelServiceServer;
use serendib_proto::v1::recommendation_service_server::RecommendationServiceServer;
use serendib_proto::v1::touchpoint_service_server::TouchpointServiceServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::app::App;
use crate::auth::Guard;
use crate::config::Config;
use crate::rpc;
use crate::store::Store;
use crate::web::accept::connections;

/// How often the other end of a silent connection is asked whether it is there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(10);
/// Calls at one time over one connection.
const STREAMS: u32 = 100;
/// Bytes that are on their way to the server at most: of one call, and of one connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How old a connection gets before its other end is asked to open another, so that many servers share the load.
const CONNECTION_AGE: Duration = Duration::from_secs(30 * 60);

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where its figures are.
    pub metrics_addr: Option<SocketAddr>,
    pub app: Arc<App>,
    shutdown: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Ends it: no new calls; running ones get the configured time; then everything is written and closed.
    ///
    /// # Errors
    /// The server or the store failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.shutdown.send(true);
        self.task.await.context("the server task failed")?
    }

    /// Serves until `signal` is ready, then ends as [`Running::stop`] does.
    ///
    /// # Errors
    /// The server or the store failed.
    pub async fn until(mut self, signal: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            () = signal => self.stop().await,
            ended = &mut self.task => ended.context("the server task failed")?,
        }
    }
}

/// Starts a server over `store`, and answers once it is ready.
///
/// # Errors
/// A port that is taken, a store that cannot be read, TLS files that cannot be used. A damaged model is an error only
/// when the server starts; later the old one goes on.
pub async fn start(config: Config, store: Arc<dyn Store>) -> anyhow::Result<Running> {
    let builder = secured(&config.server)?;
    let guard = match &config.keys_file {
        None => None,
        Some(path) => Some(Arc::new(Guard::open(path.clone())?)),
    };
    let listener = TcpListener::bind(config.server.addr)
        .await
        .with_context(|| format!("cannot listen on {}", config.server.addr))?;
    let addr = listener.local_addr()?;
    let metrics_listener = match config.metrics_addr {
        None => None,
        Some(addr) => Some(
            TcpListener::bind(addr)
                .await
                .with_context(|| format!("cannot listen for metrics on {addr}"))?,
        ),
    };
    let app = Arc::new(App::open(config, store).await?);
    let metrics_addr = match &metrics_listener {
        Some(listener) => Some(listener.local_addr()?),
        None => None,
    };
    let (shutdown, stopped) = watch::channel(false);
    let task = tokio::spawn(serve(
        builder,
        guard,
        app.clone(),
        listener,
        metrics_listener,
        stopped,
    ));
    Ok(Running {
        addr,
        metrics_addr,
        app,
        shutdown,
        task,
    })
}

/// A server with the configured certificate, if there is one.
fn secured(config: &crate::config::ServerConfig) -> anyhow::Result<Server> {
    let Some(tls) = &config.tls else {
        return Ok(Server::builder());
    };
    let read = |setting: &str, path: &std::path::Path| {
        std::fs::read(path).with_context(|| format!("cannot read {setting} {}", path.display()))
    };
    let (cert, key) = (
        read("server.tls_cert", &tls.cert)?,
        read("server.tls_key", &tls.key)?,
    );
    serendib_shop::keyed::owned(&tls.key)
        .map_err(|error| anyhow::anyhow!("server.tls_key {}: {error}", tls.key.display()))?;
    Server::builder()
        .tls_config(ServerTlsConfig::new().identity(Identity::from_pem(cert, key)))
        .context("cannot use server.tls_cert and server.tls_key")
}

async fn serve(
    mut builder: Server,
    guard: Option<Arc<Guard>>,
    app: Arc<App>,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let config = &app.config.server;
    builder = builder
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .max_concurrent_streams(Some(STREAMS))
        .initial_stream_window_size(Some(STREAM_WINDOW))
        .initial_connection_window_size(Some(CONNECTION_WINDOW))
        .max_connection_age(CONNECTION_AGE)
        .max_connection_age_grace(config.shutdown_grace);
    let size = config.max_request_bytes;
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = if config.reflection {
        Some(
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(serendib_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .build_v1()
                .context("cannot set up reflection")?,
        )
    } else {
        None
    };
    health
        .set_serving::<RecommendationServiceServer<rpc::Recommendation>>()
        .await;
    health
        .set_serving::<CatalogServiceServer<rpc::Catalog>>()
        .await;
    health
        .set_serving::<CustomerServiceServer<rpc::CustomerRpc>>()
        .await;
    health
        .set_serving::<ModelServiceServer<rpc::ModelRpc>>()
        .await;

    health.set_serving::<BoxServiceServer<rpc::BoxRpc>>().await;

    let mut tasks = tokio::task::JoinSet::new();
    if let Some(metrics) = metrics {
        tasks.spawn(rpc::serve_metrics(metrics, app.answering.clone()));
    }
    if let Some(guard) = guard.clone() {
        tasks.spawn(guard.follow());
    }
    tasks.spawn(crate::workers::background::follow_models(app.clone()));
    tasks.spawn(crate::workers::background::keep_store(app.clone()));
    tasks.spawn(crate::workers::background::scrub_erased(app.clone()));
    tasks.spawn(crate::workers::background::compare_customers(app.clone()));
    tasks.spawn(crate::workers::background::gather_baskets(app.clone()));
    let boxes = app.clone();
    tasks.spawn(async move { crate::answer::boxes::catch_up(&boxes.packer).await });
    tasks.spawn(crate::workers::background::report_health(
        app.clone(),
        health,
    ));

    let models = rpc::ModelRpc {
        models: app.models.clone(),
        views: app.views.clone(),
        metrics: app.metrics.clone(),
    };
    let recommendation = rpc::Recommendation(app.answering.clone());
    let calls = rpc::Calls::new(app.metrics.clone(), config.default_deadline, size).guarded(guard);
    let router = builder
        .layer(calls)
        .add_service(health_service)
        .add_optional_service(reflection)
        .add_service(
            RecommendationServiceServer::new(recommendation).max_decoding_message_size(size),
        )
        .add_service(
            BoxServiceServer::new(rpc::BoxRpc(app.packer.clone())).max_decoding_message_size(size),
        )
        .add_service(
            CatalogServiceServer::new(rpc::Catalog(app.keeping.clone()))
                .max_decoding_message_size(size),
        )
        .add_service(
            TouchpointServiceServer::new(rpc::TouchpointRpc(app.recording.clone()))
                .max_decoding_message_size(size),
        )
        .add_service(
            CustomerServiceServer::new(rpc::CustomerRpc(app.customers.clone()))
                .max_decoding_message_size(size),
        )
        .add_service(ModelServiceServer::new(models).max_decoding_message_size(size));
    let incoming = connections(listener, config.connections.clone());
    let mut signal = stopped.clone();
    let graceful = async move {
        let _ = signal.wait_for(|stop| *stop).await;
    };
    let serving = router.serve_with_incoming_shutdown(incoming, graceful);
    let grace = config.shutdown_grace;
    let cut = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(grace).await;
    };
    let served = tokio::select! {
        served = serving => served.context("the server failed"),
        () = cut => {
            tracing::warn!("calls were still running at the end of the shutdown grace and were cut");
            Ok(())
        }
    };
    tasks.shutdown().await;
    app.store.close().await.context("cannot close the store")?;
    served
}
