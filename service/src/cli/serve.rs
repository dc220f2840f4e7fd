//! `serendib serve`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::{end_of_process, runtime};
#[cfg(feature = "shop-data")]
use crate::commands::{Loading, DEFAULT_STORE};
use crate::config::{Config, RawConfig, StoreConfig};
use crate::server;
use crate::store::{SqliteConfig, SqliteStore};
#[cfg(feature = "shop-data")]
use serendib_shop::ledger::store_of;

/// Serve recommendations over gRPC until Ctrl-C.
///
/// Settings come from the command line, then from environment variables SERENDIB_<SECTION>_<KEY>, then from the file,
/// then from the defaults; --print-config shows all of them with their meaning.
#[derive(Debug, Default, Args)]
#[command(
    after_help = "Example:\n  serendib serve --models ./models --store ./store --data ./shop"
)]
pub struct Serve {
    /// Models directory, or one bundle [setting models.dir]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Shop data to load into the store first; what is there already is not loaded twice, and what was said over the API
    /// after the data were written stands
    #[cfg(feature = "shop-data")]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Skip wrong rows of the data and count them instead of stopping at the first
    #[cfg(feature = "shop-data")]
    #[arg(long, requires = "data")]
    lenient: bool,
    /// The data list everything on sale: products that they do not list are removed. A product whose row is skipped is listed;
    /// where it cannot be told which product that is, none is removed
    #[cfg(feature = "shop-data")]
    #[arg(long, requires = "data")]
    snapshot: bool,
    /// The data are of the shop whose store this is, although they share hardly any product and customer with it
    #[cfg(feature = "shop-data")]
    #[arg(long, requires = "data")]
    same_shop: bool,
    /// Directory of the durable store [setting store.dir]; with --data and nothing set it lies beside the data: shop-store
    /// for shop
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on [setting server.addr]
    #[arg(long)]
    addr: Option<String>,
    /// File with the keys that callers show, see serendib keys [setting auth.keys_file]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Address and port for Prometheus, empty for none [setting metrics.addr]
    #[arg(long)]
    metrics_addr: Option<String>,
    /// The clock is right although it is far ahead of when the store was last in use: delete and expire by it, now and from now
    /// on; said once it is not needed again
    #[arg(long)]
    trust_clock: bool,
    /// Listen on another address than loopback without TLS or without keys: whoever reaches it reads and changes customers
    #[arg(long)]
    insecure: bool,
    /// Print the settings that would be used, with their meaning, and end
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    fn settings(&self) -> anyhow::Result<RawConfig> {
        let env = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        let mut raw = RawConfig::read(self.config.as_deref(), &env)?;
        let text = |path: &PathBuf| -> anyhow::Result<String> {
            Ok(path
                .to_str()
                .with_context(|| format!("{path:?} is not Unicode"))?
                .to_owned())
        };
        if let Some(models) = &self.models {
            raw.models.dir = text(models)?;
        }
        if let Some(store) = &self.store {
            raw.store.dir = text(store)?;
        }
        #[cfg(feature = "shop-data")]
        if let Some(data) = self.data.as_ref().filter(|_| self.store.is_none()) {
            if raw.store.dir == DEFAULT_STORE {
                raw.store.dir = text(&store_of(data))?;
            }
        }
        if let Some(keys) = &self.keys {
            raw.auth.keys_file = text(keys)?;
        }
        if let Some(addr) = &self.addr {
            raw.server.addr.clone_from(addr);
        }
        if let Some(addr) = &self.metrics_addr {
            raw.metrics.addr.clone_from(addr);
        }
        Ok(raw)
    }

    pub fn run(self) -> anyhow::Result<()> {
        let raw = self.settings()?;
        if self.print_config {
            print!("{}", raw.to_commented_toml());
        }
        let config = raw.check()?;
        if !self.insecure {
            is_closed(&config)?;
        }
        if self.print_config {
            return Ok(());
        }
        crate::telemetry::init(&config)?;
        if let Some(dir) = config.models.dir.as_ref().filter(|dir| !dir.exists()) {
            tracing::warn!(
                ?dir,
                "the models directory does not exist yet: it is watched"
            );
        }
        runtime()?.block_on(async {
            let store = open_checked(&config.store, self.trust_clock).await?;
            #[cfg(feature = "shop-data")]
            if let Some(data) = &self.data {
                let loading = Loading {
                    now: crate::clock::now_ms(),
                    snapshot: self.snapshot,
                    same_shop: self.same_shop,
                };
                load_shop_data(data, self.lenient, &store, loading).await?;
            }
            serve(config, store).await
        })
    }
}

/// Checks that nobody on a network can call without a key, or listen to who does.
fn is_closed(config: &Config) -> anyhow::Result<()> {
    let server = &config.server;
    let open = match (&server.tls, &config.keys_file) {
        (Some(_), Some(_)) => return Ok(()),
        (None, Some(_)) => "TLS (server.tls_cert)",
        (Some(_), None) => "keys (auth.keys_file)",
        (None, None) => "TLS (server.tls_cert) and keys (auth.keys_file)",
    };
    anyhow::ensure!(
        server.addr.ip().is_loopback(),
        "server.addr {} is open to the network: that needs {open}, or --insecure where the network itself lets nobody else in",
        server.addr
    );
    Ok(())
}

async fn serve(config: Config, store: Arc<SqliteStore>) -> anyhow::Result<()> {
    let running = server::start(config, store).await?;
    let model = running.app.views.get().generation.id().to_owned();
    tracing::info!(addr = %running.addr, model, "serving");
    eprintln!("serendib is listening on {}", running.addr);
    running
        .until(async {
            end_of_process().await;
            tracing::info!("ending: no new calls, running ones are finished");
        })
        .await
}

/// Opens the durable store, in its own directory.
///
/// # Errors
/// A store that is damaged, newer, read-only or in use.
pub async fn open_store(config: &StoreConfig) -> anyhow::Result<Arc<SqliteStore>> {
    open_checked(config, false).await
}

/// The same; with `trust_clock` also where the clock is far ahead of when the store was last in use.
async fn open_checked(config: &StoreConfig, trust_clock: bool) -> anyhow::Result<Arc<SqliteStore>> {
    let sqlite = SqliteConfig {
        trust_clock,
        ledger: config.ledger.clone(),
        cache_bytes: (config.cache_bytes / 2) as usize,
        max_pages: config.max_bytes.map(|bytes| (bytes / 4_096).max(64)),
        ..SqliteConfig::new(&config.dir)
    };
    let dir = config.dir.clone();
    let store = tokio::task::spawn_blocking(move || SqliteStore::open(sqlite))
        .await?
        .with_context(|| format!("cannot open the store in {dir:?}"))?;
    Ok(Arc::new(store))
}

/// Loads shop data; what is in the store already stays, and so does what was said after the data were written.
#[cfg(feature = "shop-data")]
async fn load_shop_data(
    dir: &std::path::Path,
    lenient: bool,
    store: &SqliteStore,
    loading: Loading,
) -> anyhow::Result<()> {
    use serendib_shop::{ReadOptions, ShopData};
    let data = ShopData::open(dir, ReadOptions { lenient })
        .with_context(|| format!("cannot open the shop data in {dir:?}"))?;
    let loaded = crate::commands::load(&data, store, loading)
        .await
        .with_context(|| format!("cannot load the shop data in {dir:?}"))?;
    tracing::info!(
        products = loaded.products,
        customers = loaded.customers,
        touchpoints = loaded.touchpoints,
        duplicates = loaded.duplicates,
        customers_before = loaded.before.0,
        touchpoints_before = loaded.before.1,
        "shop data is loaded"
    );
    for note in loaded.told() {
        tracing::warn!("{note}");
    }
    Ok(())
}
