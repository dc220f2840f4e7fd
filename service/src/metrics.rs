//! Figures for Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{exponential_buckets, Histogram};
use prometheus_client::registry::Registry;
use tonic::Code;

use crate::snapshot::views::View;
use crate::store::{StoreHealth, StoreState};
use crate::workers::pool::Pool;

/// Labels of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    code: &'static str,
}

/// Label of a method.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

/// Label of the generation that answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabel {
    model: String,
}

/// Labels of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    model: String,
    kind: &'static str,
}

/// What an answer rested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// Something known of the customer or visit.
    Personal,
    /// Nothing of it.
    General,
    /// Nothing of it, because the customer belongs to the holdout.
    Holdout,
}

impl AnswerKind {
    const ALL: [AnswerKind; 3] = [
        AnswerKind::Personal,
        AnswerKind::General,
        AnswerKind::Holdout,
    ];

    fn word(self) -> &'static str {
        match self {
            AnswerKind::Personal => "personal",
            AnswerKind::General => "general",
            AnswerKind::Holdout => "holdout",
        }
    }
}

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    latency: Family<Method, Histogram, fn() -> Histogram>,
    batch: Histogram,
    touchpoints: Counter,
    swaps: Counter,
    swap_failures: Counter,
    model: Family<ModelLabel, Gauge>,
    answers: Family<AnswerLabels, Counter>,
    gauges: Gauges,
}

macro_rules! gauges {
    ($($name:ident: $help:literal;)*) => {
        #[derive(Debug, Default)]
        struct Gauges { $($name: Gauge<f64, AtomicU64>,)* }

        impl Gauges {
            fn register(&self, registry: &mut Registry) {
                $(registry.register(stringify!($name), $help, self.$name.clone());)*
            }
        }
    };
}

gauges! {
    compute_pending: "Requests waiting for a compute thread or running on one";
    compute_running: "Requests running on a compute thread";
    encoded_customers: "Customers in the cache of encoded histories";
    store_ready: "1 when the store can be written, 0 when not";
    store_waiting_rows: "Rows waiting for the store's writer";
    store_commits: "Commits since start";
    store_rows: "Rows committed since start";
    store_commit_seconds: "Total time spent in commits since start";
    store_cached_customers: "Customer states in the store's cache";
    store_cached_bytes: "Bytes of the store's cache, estimated";
    store_cache_hits: "Reads answered from the store's cache since start";
    store_cache_misses: "Reads that went to the store's files since start";
    store_file_bytes: "Bytes of all files of the store";
    store_unscrubbed: "Erasures whose scrub is still to come";
    served_waiting: "Served requests waiting for the serve log";
    served_dropped: "Served requests dropped because the serve log could not follow";
    catalogue_products: "Products of the live catalogue";
    catalogue_version: "Version of the live catalogue";
}

fn latency_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 18))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("serendib");
        let metrics = Metrics {
            calls: Family::default(),
            latency: Family::new_with_constructor(latency_histogram as fn() -> Histogram),
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            touchpoints: Counter::default(),
            swaps: Counter::default(),
            swap_failures: Counter::default(),
            model: Family::default(),
            answers: Family::default(),
            gauges: Gauges::default(),
            registry: Registry::default(),
        };
        registry.register(
            "calls",
            "Calls by method and gRPC status",
            metrics.calls.clone(),
        );
        registry.register(
            "call_seconds",
            "Time from the arrival of a call to its answer",
            metrics.latency.clone(),
        );
        registry.register(
            "record_batch_rows",
            "Touchpoints in one Record batch",
            metrics.batch.clone(),
        );
        registry.register(
            "touchpoints",
            "Touchpoints acknowledged, repeated ones included",
            metrics.touchpoints.clone(),
        );
        registry.register(
            "model_swaps",
            "Generations swapped in",
            metrics.swaps.clone(),
        );
        registry.register(
            "model_swap_failures",
            "Models that were refused",
            metrics.swap_failures.clone(),
        );
        registry.register(
            "model_active",
            "1 for the model that answers",
            metrics.model.clone(),
        );
        registry.register(
            "answers",
            "Requests answered since start by model and by what the answer rested on",
            metrics.answers.clone(),
        );
        metrics.gauges.register(&mut registry);
        Metrics {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts one call.
    pub fn call(&self, method: &'static str, code: Code, took: Duration) {
        let code = code_name(code);
        self.calls.get_or_create(&Call { method, code }).inc();
        self.latency
            .get_or_create(&Method { method })
            .observe(took.as_secs_f64());
    }

    /// Counts one answered request of `model`.
    pub fn answered(&self, model: &str, kind: AnswerKind) {
        let labels = AnswerLabels {
            model: model.to_owned(),
            kind: kind.word(),
        };
        self.answers.get_or_create(&labels).inc();
    }

    /// Requests that `model` answered since this server started, however often it was swapped in.
    pub fn answered_by(&self, model: &str) -> u64 {
        let count = |kind: AnswerKind| {
            let labels = AnswerLabels {
                model: model.to_owned(),
                kind: kind.word(),
            };
            self.answers.get(&labels).map_or(0, |counter| counter.get())
        };
        AnswerKind::ALL.into_iter().map(count).sum()
    }

    /// Counts one acknowledged batch.
    pub fn recorded(&self, rows: usize) {
        self.batch.observe(rows as f64);
        self.touchpoints.inc_by(rows as u64);
    }

    /// Counts one swap, done or refused.
    pub fn swapped(&self, done: bool) {
        if done {
            self.swaps.inc();
        } else {
            self.swap_failures.inc();
        }
    }

    /// All figures in the text format of OpenMetrics.
    pub fn render(
        &self,
        health: &StoreHealth,
        view: &View,
        pool: &Pool,
        encoded_customers: usize,
    ) -> String {
        let set = |gauge: &Gauge<f64, AtomicU64>, value: f64| {
            gauge.set(value);
        };
        let g = &self.gauges;
        set(&g.compute_pending, pool.pending() as f64);
        set(&g.compute_running, pool.running() as f64);
        set(&g.encoded_customers, encoded_customers as f64);
        set(
            &g.store_ready,
            f64::from(u8::from(health.state == StoreState::Ready)),
        );
        set(&g.store_waiting_rows, health.waiting_rows as f64);
        set(&g.store_commits, health.commits as f64);
        set(&g.store_rows, health.rows as f64);
        set(&g.store_commit_seconds, health.commit_micros as f64 / 1e6);
        set(&g.store_cached_customers, health.cached_customers as f64);
        set(&g.store_cached_bytes, health.cached_bytes as f64);
        set(&g.store_cache_hits, health.cache_hits as f64);
        set(&g.store_cache_misses, health.cache_misses as f64);
        set(&g.store_file_bytes, health.file_bytes as f64);
        set(&g.store_unscrubbed, health.unscrubbed as f64);
        set(&g.served_waiting, health.served_waiting as f64);
        set(&g.served_dropped, health.served_dropped as f64);
        set(&g.catalogue_products, view.live.catalogue.len() as f64);
        set(&g.catalogue_version, view.catalogue_version as f64);
        self.model.clear();
        let model = view.generation.id().to_owned();
        self.model.get_or_create(&ModelLabel { model }).set(1);
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# {error}\n# EOF\n"),
        }
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
