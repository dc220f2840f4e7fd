//! The server's parts, put together.

use std::sync::Arc;

use anyhow::Context;

use crate::answer::boxes::{Packer, Spoilers};
use crate::answer::customers::Customers;
use crate::answer::default_consents;
use crate::answer::keeping::Keeping;
use crate::answer::record::Recording;
use crate::answer::Answering;
use crate::clock::now_ms;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::snapshot::baskets::Baskets;
use crate::snapshot::customers::EncodedCache;
use crate::snapshot::customers_like_you::SimilarCustomers;
use crate::snapshot::model_swap::Models;
use crate::snapshot::views::Views;
use crate::store::Store;
use crate::workers::customer_turns::Turns;
use crate::workers::idle::{lower_priority, Quiet};
use crate::workers::pool::Pool;

/// Everything that a server is made of; each handler and use case takes the part it needs.
#[derive(Debug)]
pub struct App {
    pub config: Arc<Config>,
    pub store: Arc<dyn Store>,
    /// What requests see.
    pub views: Arc<Views>,
    /// The three above, for use cases.
    pub keeping: Keeping,
    /// What answers are made with.
    pub answering: Arc<Answering>,
    /// What boxes are packed with.
    pub packer: Arc<Packer>,
    /// What touchpoints are recorded with.
    pub recording: Arc<Recording>,
    /// What knows customers.
    pub customers: Arc<Customers>,
    /// Models and their directory.
    pub models: Arc<Models>,
    /// Vectors of customers.
    pub similar: Arc<SimilarCustomers>,
    /// Baskets of customers.
    pub baskets: Arc<Baskets>,
    /// Where indexes over customers are built.
    pub quiet: Quiet,
    pub metrics: Arc<Metrics>,
}

impl App {
    /// A server's parts over `store`, ready to answer.
    ///
    /// # Errors
    /// A store that cannot be read, a damaged model, threads that the system does not give.
    pub async fn open(config: Config, store: Arc<dyn Store>) -> anyhow::Result<App> {
        let models = Models::new(&config.models);
        let generation = models.first().await.context("cannot load the model")?;
        let views = Views::open(store.clone(), Arc::new(generation), now_ms())
            .await
            .context("cannot read the catalogue")?;
        let open = store
            .open_boxes(now_ms())
            .await
            .context("cannot read the boxes")?;
        // A full disk must not keep the shop from being served.
        if let Err(error) = default_consents::keep(&*store, &config.consent, now_ms()).await {
            tracing::warn!(%error, "exports will not know the configured consents");
        }
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads((config.compute.threads / 2).max(1))
            .thread_name(|ix| format!("packing-{ix}"))
            .start_handler(|_| lower_priority())
            .build()
            .context("cannot start the packing threads")?;
        let pool = Pool::new(config.compute.threads, config.compute.queue)
            .context("cannot start the compute threads")?;
        let keeping = Keeping {
            config: Arc::new(config),
            store,
            views: Arc::new(views),
        };
        let (spoilers, metrics) = (Arc::new(Spoilers::new(open)), Arc::new(Metrics::default()));
        let similar = Arc::new(SimilarCustomers::default());
        let baskets = Arc::new(Baskets::default());
        let answering = Arc::new(Answering {
            keeping: keeping.clone(),
            customers: EncodedCache::new(keeping.config.store.cache_bytes / 2),
            similar: similar.clone(),
            pool,
            spoilers: spoilers.clone(),
            surprising: Turns::default(),
            metrics: metrics.clone(),
        });
        let packer = Arc::new(Packer {
            keeping: keeping.clone(),
            spoilers,
            threads,
        });
        Ok(App {
            recording: Arc::new(Recording {
                keeping: keeping.clone(),
                packer: packer.clone(),
                similar: similar.clone(),
                metrics: metrics.clone(),
            }),
            customers: Arc::new(Customers {
                answering: answering.clone(),
                baskets: baskets.clone(),
            }),
            config: keeping.config.clone(),
            store: keeping.store.clone(),
            views: keeping.views.clone(),
            models: Arc::new(models),
            quiet: Quiet::start("customers"),
            keeping,
            answering,
            packer,
            similar,
            baskets,
            metrics,
        })
    }
}
