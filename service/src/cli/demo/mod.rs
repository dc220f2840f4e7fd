//! `serendib demo`: the main job with nothing to configure.

mod show;
mod stamp;
mod star;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde_json::json;
use serendib_datasets::demo_shop::{self, Options};
use serendib_engine::bundle::ModelsDir;
use serendib_shop::{Format, Log, ReadOptions, ShopData};
use serendib_training::learn::{self, publish, FitOptions};
use serendib_training::refresh::ModelReport;

use super::{end_of_process, open_store, runtime};
use crate::clock::now_ms;
use crate::commands;
use crate::config::{Config, RawConfig};
use crate::server;
use crate::store::SqliteStore;
use stamp::Stamps;

/// Make a demo shop, fit a model, serve it, and show what one customer gets.
///
/// The first run takes a minute or two; a later one starts from what is there.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  serendib demo\n  serendib demo --once\n  serendib demo --data ./my-shop --customer c-17"
)]
pub struct Demo {
    /// End after the show instead of serving on
    #[arg(long)]
    once: bool,
    /// Where shop, model and store are kept
    #[arg(long, value_name = "DIR", default_value = "serendib-demo")]
    dir: PathBuf,
    /// Your own shop data in place of the demo shop
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The customer to show; otherwise one with a story
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Address and port to listen on [default: 127.0.0.1:7700, with --once a free port]
    #[arg(long)]
    addr: Option<String>,
    /// Language of the reasons, whatever the customer speaks
    #[arg(long, default_value = "en")]
    locale: String,
}

impl Default for Demo {
    fn default() -> Self {
        Demo {
            once: false,
            dir: "serendib-demo".into(),
            data: None,
            customer: None,
            addr: None,
            locale: "en".into(),
        }
    }
}

/// Says what is done and how long it took.
struct Steps(Instant);

impl Steps {
    fn step<T>(&self, what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let started = Instant::now();
        eprintln!("· {what} …");
        let done = work().with_context(|| format!("{what} failed"))?;
        eprintln!("  done in {:.1} s", started.elapsed().as_secs_f64());
        Ok(done)
    }
}

impl Demo {
    /// Runs the demo.
    pub fn run(self) -> anyhow::Result<()> {
        let steps = Steps(Instant::now());
        let own = self.data.clone();
        // Every shop has a place of its own: another --data never meets the model or store of this one.
        let place = match &own {
            None => self.dir.join("demo-shop"),
            Some(data) => self.dir.join(stamp::place_of(data)?),
        };
        std::fs::create_dir_all(&place).with_context(|| format!("cannot create {place:?}"))?;
        let stamps = Stamps::new(&place);
        let data = match own {
            Some(data) => data,
            None => make_shop(&steps, &stamps, &place)?,
        };
        let models = place.join("models");
        let store_dir = place.join("store");
        let mut raw = settings(&models, &store_dir)?;
        if let Some(addr) = &self.addr {
            raw.server.addr.clone_from(addr);
        } else if self.once {
            raw.server.addr = "127.0.0.1:0".into();
        }
        if self.once || self.addr.is_some() {
            raw.metrics.addr = String::new();
        }
        let config = raw.check()?;
        crate::telemetry::init(&config)?;
        runtime()?.block_on(async {
            let store = open_store(&config.store).await?;
            prepare(&steps, &stamps, &data, &models, &store).await?;
            let customer = match self.customer {
                Some(customer) => Some(customer),
                None => star::choose(&stamps, &data, config.recommend.holdout_percent)?,
            };
            show_and_serve(config, store, steps, customer, Some(self.locale), self.once).await
        })
    }
}

fn settings(models: &Path, store: &Path) -> anyhow::Result<RawConfig> {
    let text = |path: &Path| -> anyhow::Result<String> {
        Ok(path
            .to_str()
            .with_context(|| format!("{path:?} is not Unicode"))?
            .to_owned())
    };
    let mut raw = RawConfig::default();
    raw.models.dir = text(models)?;
    raw.store.dir = text(store)?;
    raw.log.level = "warn".into();
    Ok(raw)
}

/// The demo shop's data, made now unless it is there.
fn make_shop(steps: &Steps, stamps: &Stamps, place: &Path) -> anyhow::Result<PathBuf> {
    let data = place.join("data");
    let options = Options {
        truth: false,
        ..Options::default()
    };
    let wanted = json!({
        "program": env!("CARGO_PKG_VERSION"),
        "options": format!("{options:?}"),
    });
    if stamps.says("shop", &wanted) && data.is_dir() {
        return Ok(data);
    }
    steps.step("making the demo shop: 18 months of 5,000 families", || {
        // What an interrupted run left behind is made again.
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        demo_shop::generate(&data, &options, Format::Parquet, &|_| {})?;
        stamps.write("shop", &wanted)
    })?;
    Ok(data)
}

/// Fits the model and loads the store, at the same time, where that was not done before for the same data.
async fn prepare(
    steps: &Steps,
    stamps: &Stamps,
    data: &Path,
    models: &Path,
    store: &Arc<SqliteStore>,
) -> anyhow::Result<()> {
    let wanted = json!({
        "program": env!("CARGO_PKG_VERSION"),
        "data": stamp::fingerprint(data)?,
    });
    let fitted = stamps.says("model", &wanted) && ModelsDir::new(models).current()?.is_some();
    let loaded = stamps.says("store", &wanted);
    if fitted && loaded {
        return Ok(());
    }
    let started = Instant::now();
    eprintln!("· learning from the data, and loading it into the store …");
    let fit = {
        let (data, models) = (data.to_path_buf(), models.to_path_buf());
        tokio::task::spawn_blocking(move || {
            if fitted {
                Ok(())
            } else {
                fit_model(&data, &models)
            }
        })
    };
    if !loaded {
        let rows = ShopData::open(data, ReadOptions::default())?;
        let done = commands::load(&rows, store, now_ms()).await?;
        eprintln!(
            "  store: {} products, {} customers, {} touchpoints",
            done.products,
            done.customers,
            done.touchpoints + done.duplicates
        );
        stamps.write("store", &wanted)?;
    }
    fit.await
        .context("fitting was interrupted")?
        .context("fitting failed")?;
    stamps.write("model", &wanted)?;
    eprintln!("  done in {:.1} s", started.elapsed().as_secs_f64());
    let _ = steps;
    Ok(())
}

fn fit_model(data: &Path, models: &Path) -> anyhow::Result<()> {
    let data = ShopData::open(data, ReadOptions::default())?;
    let log = Log::load(&data, None)?;
    let fitted = learn::fit(&log, &FitOptions::of_shop(&data)?, &|what| {
        eprintln!("  model: {what}")
    })?;
    let now = chrono::Utc::now();
    let (id, _) = publish::write(&fitted.model, models, now)?;
    let mut report = ModelReport::of_fit(&fitted, &id, now, true, Vec::new());
    serendib_training::report::model::publish(&mut report, models, None)?;
    match report.reason {
        Some(reason) => anyhow::bail!("model {id}: {reason}"),
        None => Ok(()),
    }
}

async fn show_and_serve(
    config: Config,
    store: Arc<SqliteStore>,
    steps: Steps,
    customer: Option<String>,
    locale: Option<String>,
    once: bool,
) -> anyhow::Result<()> {
    let running = server::start(config, store).await?;
    let addr = running.addr;
    eprintln!("· serving on {addr}");
    match &customer {
        Some(customer) => print!("{}", show::show(&addr.to_string(), customer, locale).await?),
        None => println!("the shop has no customers yet: there is nobody to show"),
    }
    println!("ready after {:.1} s", steps.0.elapsed().as_secs_f64());
    if once {
        return running.stop().await;
    }
    if let Some(customer) = &customer {
        println!("\nThe server goes on until Ctrl-C. In another terminal:");
        println!("  serendib ask recommend {customer} --addr {addr}");
        println!("  serendib ask customer {customer} --addr {addr}");
    }
    running.until(end_of_process()).await
}
