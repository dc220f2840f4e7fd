//! What the server does beside answering.

use std::sync::Arc;
use std::time::Duration;

use serendib_proto::v1::box_service_server::BoxServiceServer;
use serendib_proto::v1::catalog_service_server::CatalogServiceServer;
use serendib_proto::v1::customer_service_server::CustomerServiceServer;
use serendib_proto::v1::touchpoint_service_server::TouchpointServiceServer;
use tonic::server::NamedService;
use tonic_health::server::HealthReporter;
use tonic_health::ServingStatus;

use crate::app::App;
use crate::clock::now_ms;
use crate::rpc::{BoxRpc, Catalog, CustomerRpc, TouchpointRpc};
use crate::store::{Retention, StoreState};

/// Lets a new current model of the models directory answer as soon as it is there.
pub async fn follow_models(app: Arc<App>) {
    let Some(every) = app.config.models.watch else {
        return;
    };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said = String::new();
    loop {
        ticks.tick().await;
        let followed = app.models.follow(&app.views).await;
        if followed.is_ok() {
            said.clear();
        }
        match followed {
            Ok(false) => {}
            Ok(true) => {
                app.metrics.swapped(true);
                tracing::info!(
                    model = app.views.get().generation.id(),
                    "a new model answers"
                );
            }
            // a directory that cannot be read says the same at every tick: once is enough
            Err(error) if error.to_string() == said => {}
            Err(error) => {
                app.metrics.swapped(false);
                tracing::error!(%error, "the new model is refused, the one before goes on");
                said = error.to_string();
            }
        }
    }
}

/// Expires reservations and deletes what is too old.
pub async fn keep_store(app: Arc<App>) {
    let config = &app.config.store;
    let retention = Retention {
        touchpoints_ms: config.keep_touchpoints_ms,
        served_ms: Some(config.keep_served_ms),
        unreported_ms: Some(config.keep_unreported_ms),
        ..Retention::default()
    };
    let mut refresh = tokio::time::interval(Duration::from_secs(15));
    let mut sweep = tokio::time::interval(Duration::from_secs(600));
    for ticks in [&mut refresh, &mut sweep] {
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
    }
    loop {
        let result = tokio::select! {
            _ = refresh.tick() => app.views.refresh(now_ms()).await,
            _ = sweep.tick() => app.store.sweep(retention, now_ms()).await.map(|_| ()),
        };
        if let Err(error) = result {
            tracing::warn!(%error, "keeping the store in order failed; it is tried again");
        }
    }
}

/// Scrubs erased customers from the files, and says when that is overdue.
pub async fn scrub_erased(app: Arc<App>) {
    let within = app.config.store.scrub_within;
    let mut ticks = tokio::time::interval((within / 2).max(Duration::from_millis(500)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut waiting: Option<tokio::time::Instant> = None;
    loop {
        ticks.tick().await;
        if app.store.health().unscrubbed == 0 {
            waiting = None;
            continue;
        }
        let since = *waiting.get_or_insert_with(tokio::time::Instant::now);
        if let Err(error) = app.store.scrub(now_ms()).await {
            tracing::warn!(%error, "scrubbing the files failed; it is tried again");
        }
        let unscrubbed = app.store.health().unscrubbed;
        if unscrubbed > 0 && since.elapsed() + within / 2 > within {
            tracing::warn!(
                unscrubbed,
                waiting_s = since.elapsed().as_secs(),
                "erased customers are still in the files: a slow reader holds an older state"
            );
        }
    }
}

/// What is made anew for each model waits until the model has answered for so long: of models that follow fast on one
/// another only the last is worth it.
const SETTLED: Duration = Duration::from_secs(1);

/// The model that answers, and since when.
struct Answering {
    model: String,
    since: Option<tokio::time::Instant>,
}

impl Answering {
    fn first(app: &App) -> Answering {
        Answering {
            model: app.views.get().generation.id().to_owned(),
            since: None,
        }
    }

    /// Whether the model that answers now has done so for [`SETTLED`], or since the start.
    fn is_settled(&mut self, app: &App) -> bool {
        let view = app.views.get();
        if view.generation.id() != self.model {
            self.model = view.generation.id().to_owned();
            self.since = Some(tokio::time::Instant::now());
        }
        self.since.is_none_or(|since| since.elapsed() >= SETTLED)
    }
}

/// Keeps everybody's vectors for `FindSimilarCustomers` and "customers like you": anew for each generation, then whoever
/// changed.
pub async fn compare_customers(app: Arc<App>) {
    let budget = app.config.recommend.customer_index_bytes;
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut answering = Answering::first(&app);
    loop {
        ticks.tick().await;
        if !answering.is_settled(&app) {
            continue;
        }
        if let Err(error) = app.similar.keep(&app.keeping, &app.quiet, budget).await {
            tracing::warn!(%error, "comparing customers failed; it is tried again");
        }
    }
}

/// Keeps everybody's baskets for lists of the next basket: anew for each generation, after somebody was erased, and now
/// and then for what came since.
pub async fn gather_baskets(app: Arc<App>) {
    const AGAIN: Duration = Duration::from_secs(600);
    let mut built: Option<(String, tokio::time::Instant)> = None;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut answering = Answering::first(&app);
    loop {
        ticks.tick().await;
        if !answering.is_settled(&app) {
            continue;
        }
        let model = app.views.get().generation.id().to_owned();
        let fresh = built
            .as_ref()
            .is_some_and(|(of, at)| *of == model && at.elapsed() < AGAIN);
        if fresh && !app.baskets.is_stale() {
            continue;
        }
        let budget = app.config.store.cache_bytes as usize;
        if let Err(error) = app.baskets.gather(&app.keeping, &app.quiet, budget).await {
            tracing::warn!(%error, "gathering baskets failed; it is tried again");
        }
        built = Some((model, tokio::time::Instant::now()));
    }
}

/// Services that write; the others answer from memory when the store cannot be written.
const WRITING: [&str; 4] = [
    <TouchpointServiceServer<TouchpointRpc> as NamedService>::NAME,
    <CatalogServiceServer<Catalog> as NamedService>::NAME,
    <CustomerServiceServer<CustomerRpc> as NamedService>::NAME,
    <BoxServiceServer<BoxRpc> as NamedService>::NAME,
];

/// Says of recording whether the store can be written, and tries to open a store again whose writing stopped.
pub async fn report_health(app: Arc<App>, health: HealthReporter) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_ready = None;
    let mut since_failure = 0_u32;
    loop {
        ticks.tick().await;
        let state = app.store.health().state;
        let ready = state == StoreState::Ready;
        if was_ready != Some(ready) {
            was_ready = Some(ready);
            let status = match ready {
                true => ServingStatus::Serving,
                false => ServingStatus::NotServing,
            };
            for service in WRITING {
                health.set_service_status(service, status).await;
            }
        }
        let StoreState::Stopped { detail } = state else {
            since_failure = 0;
            continue;
        };
        // At once, then ever more rarely, at most once a minute.
        if since_failure < 60 && since_failure.is_power_of_two() || since_failure.is_multiple_of(60)
        {
            tracing::error!(
                detail,
                "the store cannot be written: it is opened and checked again"
            );
            match app.store.reopen().await {
                Ok(()) => {
                    app.answering.customers.clear();
                    tracing::info!("the store was checked and can be written again");
                }
                Err(error) => tracing::error!(%error, "the store stays closed for writing"),
            }
        }
        since_failure = since_failure.wrapping_add(1);
    }
}
