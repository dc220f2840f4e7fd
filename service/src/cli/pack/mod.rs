//! `serendib pack`: packs all subscription boxes of a file offline.

mod args;
mod input;
mod output;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use rayon::prelude::*;
use serendib_engine::boxes::{BoxCare, Job, JobPacking, Lot, Options, Order, Phase, Shelf};
use serendib_engine::engagement::CareRules;
use serendib_engine::explain::{line_reasons, LineKind};
use serendib_shop::{stable_hash, ProductIx, Progress, ReadOptions};
use serendib_training::batch::Batch;

use crate::answer::boxes::merged;
use crate::answer::sentence::{sentence, Language};
pub use args::Pack;
use args::TableFormat;
use input::Input;

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
        let bar = Progress::bar("packing", 1000);
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
            bar.at((1000.0 * p.done) as u64);
            bar.name(format!("{phase}: gap {:.2} %", 100.0 * p.gap));
        })?;
        drop(bar);
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
        let bar = Progress::bar("scoring", input.orders.len() as u64);
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
                bar.advance(1);
                request.relevance_floor = Some(floor);
                let order = Order {
                    request,
                    candidates,
                    ship_at: order.ship_at,
                };
                (order, care, unknown)
            })
            .collect();
        drop(bar);
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
        let bar = Progress::bar("reasons", input.orders.len() as u64);
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
                bar.advance(1);
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
        drop(bar);
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
