//! `serendib pack`: packs all subscription boxes of a file offline.

mod input;
mod output;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serendib_engine::boxes::{BoxCare, Job, JobPacking, Lot, Options, Order, Phase, Shelf};
use serendib_engine::engagement::CareRules;
use serendib_engine::explain::{line_reasons, LineKind};
use serendib_shop::{stable_hash, ProductIx, ReadOptions};
use serendib_training::batch::Batch;

use crate::answer::boxes::merged;
use crate::answer::sentence::{sentence, Language};
use input::Input;

/// Pack all subscription boxes of a file from one stock
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib pack --models models --data shop --boxes boxes.csv --stock stock.csv --rules rules.json --out packed\n\n\
    Files written to --out:\n  boxes    one row per box: value, empty slots and the constraint at fault; whether a person should look at it\n           (hand_over), and why it has no surprise (surprises_paused)\n  picking  one row per line: product, lot, whether it is the surprise, why, two stand-ins\n  totals   one row per product: units used and left, what ten more would be worth\n  summary.json, summary.txt\n\n\
    Rules are one JSON object; what is absent keeps its default, an unknown key is an error:\n  slots 5, surprise_slots 1               lines of a box that does not say\n  category_caps {\"baby\": 3}               most lines from a category and all below it\n  leaf_cap 2                              most lines from any one leaf category\n  pinned [product ids]                    goes into every box\n  no_repeat_boxes 6                       earlier boxes that are not repeated\n  relevance_floor                         least relevance of a surprise, 0 to 1; absent: each subscriber's own\n  required_categories [paths], minimum_use {id: units}, minimum_margin, fairness   goals, met as far as possible\n  weights {\"relevance\": 1, \"need\": 0.3, \"delight\": 1, \"novelty\": 0.2, \"had\": 0.5}   what a line is worth\n  candidates 100                          products looked at for each box\n  random_one_in 20, near_equal 0.05       one surprise in so many is drawn among near-equal ones\n\n\
    Ctrl-C, or --time-limit, ends the search early; the best packing so far is written."
)]
pub struct Pack {
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Boxes table; that of the shop data if absent
    #[arg(long, value_name = "FILE")]
    boxes: Option<PathBuf>,
    /// Stock table; that of the shop data if absent
    #[arg(long, value_name = "FILE")]
    stock: Option<PathBuf>,
    /// Rules (JSON): caps, pins, floor, weights, goals; rules.json of the shop data, or defaults, if absent
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Directory to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Format of the tables
    #[arg(long, value_enum, default_value_t = TableFormat::Csv)]
    format: TableFormat,
    /// Most seconds for the search
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<f64>,
    /// Seed of the surprise lines drawn at random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Skip bad rows of the tables instead of stopping
    #[arg(long)]
    lenient: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TableFormat {
    Csv,
    Parquet,
    Jsonl,
}

impl TableFormat {
    fn ending(self) -> &'static str {
        match self {
            TableFormat::Csv => "csv",
            TableFormat::Parquet => "parquet",
            TableFormat::Jsonl => "jsonl",
        }
    }
}

/// Boxes ready to be packed, and what is to be told of them.
#[derive(Default)]
struct Made {
    orders: Vec<Order>,
    /// What care asks of each.
    care: Vec<BoxCare>,
    /// Box and exclusion that means nothing in this shop.
    unknown_exclusions: Vec<(String, String)>,
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
        if input.orders.is_empty() {
            bail!("there are no boxes to pack");
        }
        let shelf = Shelf::new(&batch.live.catalogue, &input.stock_rows());
        let rules = shelf.rules(&batch.live.catalogue, &input.rules)?;
        let scoring = Instant::now();
        let Made {
            orders,
            care,
            unknown_exclusions,
        } = self.orders(&batch, &shelf, &input, &rules.pinned);
        let scored = scoring.elapsed().as_secs_f64();

        let stop = Arc::new(AtomicBool::new(false));
        watch_interrupt(Arc::clone(&stop));
        let deadline = self
            .time_limit
            .map(|s| Instant::now() + Duration::from_secs_f64(s));
        let stop = || stop.load(Ordering::Relaxed) || deadline.is_some_and(|d| Instant::now() >= d);
        let bar = progress_bar();
        let solving = Instant::now();
        let job = Job::new(shelf.items(), &rules, &orders, input.lots(&shelf))?;
        drop(orders);
        let options = Options {
            seed: self.seed,
            random_one_in: input.rules.random_one_in,
            near_equal: input.rules.near_equal,
            ..Options::default()
        };
        let packed = job.run(&options, &stop, &mut |p| {
            let phase = match p.phase {
                Phase::Greedy => "first packing",
                Phase::Prices => "prices",
                Phase::Exchange => "exchange",
                Phase::Finish => "finishing",
            };
            bar.set_position((1000.0 * p.done) as u64);
            bar.set_message(format!("{phase}: gap {:.2} %", 100.0 * p.gap));
        })?;
        bar.finish_and_clear();
        let reasons = self.reasons(&batch, &shelf, &input, &packed);
        let result = output::Output {
            batch: &batch,
            shelf: &shelf,
            input: &input,
            job: &job,
            packed: &packed,
            reasons,
            care,
            unknown_exclusions,
            scoring_s: scored,
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

    /// Every order with its candidates, with what care asks of it when it leaves.
    fn orders(&self, batch: &Batch, shelf: &Shelf, input: &Input, pinned: &[u32]) -> Made {
        let bar = progress_bar();
        bar.set_length(input.orders.len() as u64);
        bar.set_message("scoring");
        let made: Vec<(Order, BoxCare, Vec<String>)> = input
            .orders
            .par_iter()
            .map(|order| {
                let customer = batch.log().customer_ids.get(&order.row.customer_id);
                let now = if batch.log().timed {
                    order.ship_at
                } else {
                    i64::MAX
                };
                let history = customer.map_or(&[][..], |c| batch.history(c));
                let mut request = order.request(&input.rules);
                let unknown = shelf.protect(
                    &batch.live.catalogue,
                    &mut request,
                    &order.row.exclusions,
                    history,
                    now,
                );
                let care = BoxCare::of(history, now, &CareRules::default());
                care.apply(&mut request);
                request.history = known_boxes(request.history, input, order, shelf);
                let state = batch.state(customer);
                let salt = stable_hash(request.id.as_bytes());
                let (candidates, floor) = shelf.candidates(
                    &batch.model,
                    &batch.live,
                    state,
                    now,
                    &input.rules,
                    pinned,
                    salt,
                );
                bar.inc(1);
                request.relevance_floor = Some(floor);
                let order = Order {
                    request,
                    candidates,
                    ship_at: order.ship_at,
                };
                (order, care, unknown)
            })
            .collect();
        bar.finish_and_clear();
        let mut all = Made::default();
        for (order, care, unknown) in made {
            let id = &order.request.id;
            let unknown = unknown.into_iter().map(|name| (id.clone(), name));
            all.unknown_exclusions.extend(unknown);
            all.orders.push(order);
            all.care.push(care);
        }
        all
    }
}

impl Pack {
    /// The strongest reason of every line of every box, as a sentence.
    fn reasons(
        &self,
        batch: &Batch,
        shelf: &Shelf,
        input: &Input,
        packed: &JobPacking,
    ) -> Vec<Vec<String>> {
        let bar = progress_bar();
        bar.set_length(input.orders.len() as u64);
        bar.set_message("reasons");
        let catalogue = &batch.live.catalogue;
        let pinned = |id: &String| input.rules.pinned.contains(id);
        let reasons = input
            .orders
            .par_iter()
            .zip(&packed.orders)
            .map(|(order, packed)| {
                let lines: Vec<(ProductIx, LineKind, f32)> = packed
                    .packed
                    .lines
                    .iter()
                    .filter_map(|line| {
                        let product = shelf.product(line.item)?;
                        let kind = if line.surprise {
                            LineKind::Surprise
                        } else if pinned(&catalogue.product(product).product_id) {
                            LineKind::Pinned
                        } else {
                            LineKind::Regular
                        };
                        Some((product, kind, line.value))
                    })
                    .collect();
                let customer = batch.log().customer_ids.get(&order.row.customer_id);
                let now = if batch.log().timed {
                    order.ship_at
                } else {
                    i64::MAX
                };
                let state = batch.state(customer);
                bar.inc(1);
                line_reasons(&batch.model, &batch.live, state, now, &lines, 1)
                    .into_iter()
                    .map(|reasons| {
                        let first = reasons.first();
                        first
                            .map_or_else(String::new, |r| sentence(r, catalogue, Language::English))
                    })
                    .collect()
            })
            .collect();
        bar.finish_and_clear();
        reasons
    }
}

/// Boxes that the subscriber got, latest first: those of the boxes table, and those that only touchpoints tell of.
fn known_boxes(
    told: Vec<Vec<u32>>,
    input: &Input,
    order: &input::Order,
    shelf: &Shelf,
) -> Vec<Vec<u32>> {
    let earlier = input.earlier.get(&order.row.customer_id);
    let boxes = earlier.into_iter().flatten();
    let boxes = boxes.map(|b| b.iter().filter_map(|p| shelf.item(*p)).collect());
    merged(boxes.collect(), told)
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(1000);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
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

/// Lots of the stock in item numbers.
impl Input {
    fn lots(&self, shelf: &Shelf) -> Vec<Lot> {
        self.stock
            .iter()
            .map(|(product, row)| Lot {
                // a lot of a product that nobody knows is no item's
                item: product
                    .and_then(|p| shelf.item(p))
                    .unwrap_or(shelf.items().len() as u32),
                quantity: row.quantity.max(0),
                expires_at: row.expires_at,
                inbound_at: row.inbound_at,
                label: row.lot.clone().unwrap_or_default(),
            })
            .collect()
    }
}
