//! `serendib pack`: packs all subscription boxes of a file offline.

mod args;
mod input;
mod output;
mod subscribers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use serendib_engine::boxes::{self, Phase, Shelf};
use serendib_engine::engagement::CareRules;
use serendib_shop::{Progress, ReadOptions};
use serendib_training::batch::Batch;

use crate::answer::boxes::{filled, score, search, Bench, Search};
pub use args::Pack;
use args::TableFormat;
use input::Input;
use subscribers::OfData;

/// Language of the reasons where the subscriber says none.
const LOCALE: &str = "en";

impl TableFormat {
    fn ending(self) -> &'static str {
        match self {
            TableFormat::Csv => "csv",
            TableFormat::Parquet => "parquet",
            TableFormat::Jsonl => "jsonl",
        }
    }
}

impl Pack {
    /// Runs the command.
    pub fn run(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        if self
            .time_limit
            .is_some_and(|limit| !(limit.is_finite() && limit >= 0.0))
        {
            bail!("--time-limit must be a number of seconds ≥ 0");
        }
        let options = ReadOptions {
            lenient: self.lenient,
        };
        let batch = Batch::open(&self.models, &self.data, options)?;
        let input = Input::read(self, &batch, options)?;
        if input.asks.is_empty() {
            bail!("there are no boxes to pack");
        }
        let shelf = Shelf::new(&batch.live.catalogue, &input.stock_rows());
        let rules = shelf.rules(&batch.live.catalogue, &input.rules)?;
        let subscribers = OfData {
            batch: &batch,
            earlier: &input.earlier,
        };
        let bench = Bench {
            model: &batch.model,
            live: &batch.live,
            timed: batch.log().timed,
            shelf: &shelf,
            rules: &input.rules,
            care: &CareRules::default(),
            consents: &batch.log().default_consents,
            locale: LOCALE,
            // every box says when it leaves
            now: 0,
        };
        let asks = &input.asks;
        let scoring = Instant::now();
        let bar = Progress::bar("scoring", asks.len() as u64);
        let go_on = |done: usize| {
            bar.at(done as u64);
            true
        };
        let scored = score(bench, &subscribers, asks, &go_on)?;
        drop(bar);
        let scored_s = scoring.elapsed().as_secs_f64();

        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupt(Arc::clone(&stop));
        let deadline = self
            .time_limit
            .map(|s| Instant::now() + Duration::from_secs_f64(s));
        let stop = || stop.load(Ordering::Relaxed) || deadline.is_some_and(|d| Instant::now() >= d);
        let bar = Progress::bar("packing", 1000);
        let solving = Instant::now();
        let how = Search {
            seed: self.seed,
            warm: None,
        };
        let lots = input.lots(&shelf);
        let (packed, open_slots) =
            search(bench, &rules, &scored, lots.clone(), how, &stop, &mut |p| {
                show(&bar, &p);
            })?;
        drop(bar);
        let bar = Progress::bar("reasons", asks.len() as u64);
        let told = |done: usize| bar.at(done as u64);
        let filled = filled(bench, &subscribers, asks, &packed, &lots, None, &told)?;
        drop(bar);
        let result = output::Output {
            batch: &batch,
            shelf: &shelf,
            input: &input,
            packed: &packed,
            open_slots,
            boxes: filled.into_iter().map(|(stored, _)| stored).collect(),
            unknown_exclusions: scored.unknown_exclusions,
            scoring_s: scored_s,
            solving_s: solving.elapsed().as_secs_f64(),
            total_s: started.elapsed().as_secs_f64(),
        };
        let summary = result.write(&self.out, self.format.ending())?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&summary)?);
        } else {
            print!("{}", result.text(&summary));
            println!("written to {}", self.out.display());
        }
        Ok(())
    }
}

/// Shows how far the search is.
fn show(bar: &Progress, progress: &boxes::Progress) {
    let phase = match progress.phase {
        Phase::Greedy => "first packing",
        Phase::Prices => "prices",
        Phase::Exchange => "exchange",
        Phase::Finish => "finishing",
    };
    bar.at((1000.0 * progress.done) as u64);
    bar.name(format!("{phase}: gap {:.2} %", 100.0 * progress.gap));
}

/// Sets `stop` at the first Ctrl-C; the second one ends the process as usual.
fn watch_interrupt(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        else {
            return;
        };
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            eprintln!("stopping: the best packing so far is written; Ctrl-C again to leave now");
            stop.store(true, Ordering::Relaxed);
            if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
                std::process::exit(130);
            }
        }
    });
}
