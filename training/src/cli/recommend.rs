//! `serendib-train recommend`: lists for many customers at once.

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;
use serendib_engine::rank::{recommend, CustomerState, ListKind, Request};
use serendib_shop::{Cell, ColumnType, CustomerIx, OutputTable, ProductIx, ReadOptions};

use crate::batch::{read_pairs, select, Batch, Selection};
use crate::cli::time::parse_at;
use crate::cli::written::Written;
use serendib_shop::Progress;

/// Customers answered between two writes: bounds memory, keeps the order of rows.
const CHUNK: usize = 4_096;

/// Recommend for customers, or complete baskets, and write a table
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib-train recommend --models models --data shop --customers all --kind for-you \\\n      --count 20 --exclude-owned --out lists.csv"
)]
pub struct RecommendArgs {
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// `all`, or a table with a customer_id column
    #[arg(long, value_name = "FILE|all", default_value = "all")]
    customers: Selection,
    /// Complete these baskets instead (goes-with only): a table with basket_id and product_id
    #[arg(long, value_name = "FILE", conflicts_with = "customers")]
    baskets: Option<PathBuf>,
    /// for-you, similar, goes-with, next-in-life, buy-again, next-basket, surprise or popular
    #[arg(long, value_parser = parse_kind, default_value = "for-you")]
    kind: ListKind,
    /// Items per list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Only what happened before is seen (RFC 3339, date or epoch ms); after the last touchpoint if absent
    #[arg(long, value_parser = parse_at)]
    at: Option<i64>,
    /// Drop everything that the customer owns
    #[arg(long)]
    exclude_owned: bool,
    /// How far surprises go, 0 to 1; the customer's own if absent
    #[arg(long, value_parser = parse_share)]
    dial: Option<f32>,
    /// Relevance that every surprise needs beside its customer's own floor, 0 to 1
    #[arg(long, value_parser = parse_share, default_value_t = 0.0)]
    surprise_floor: f32,
    /// How much the items should differ from each other, 0 to 1; in surprises times the dial. 0.2 for surprises, else 0,
    /// if absent
    #[arg(long, value_parser = parse_share)]
    diversity: Option<f32>,
    /// How far the mix of categories follows what the customer bought, 0 to 1; in surprises times the dial
    #[arg(long, value_parser = parse_share, default_value_t = 0.0)]
    calibration: f32,
    /// Items of one leaf category at most; any number if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_per_category: Option<u16>,
    /// Items of one brand at most; any number if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_per_brand: Option<u16>,
    /// Same seed, same answers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Skip bad rows of the data instead of stopping
    #[arg(long)]
    lenient: bool,
    /// Table to write: .csv, .parquet or .jsonl
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print what was written as JSON for programs
    #[arg(long)]
    json: bool,
}

/// Ends the process as every wrong use does.
fn usage(what: &str) -> ! {
    RecommendArgs::augment_args(clap::Command::new("serendib-train recommend"))
        .error(clap::error::ErrorKind::ArgumentConflict, what)
        .exit()
}

fn parse_kind(text: &str) -> Result<ListKind, String> {
    ListKind::parse(text).ok_or_else(|| {
        let known: Vec<_> = ListKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

fn parse_share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

/// What one list is for: a customer or a basket.
struct Asker<'a> {
    id: &'a str,
    customer: Option<CustomerIx>,
    basket: Vec<(ProductIx, f32)>,
}

/// Runs the command.
pub fn run(args: &RecommendArgs) -> anyhow::Result<()> {
    if args.baskets.is_some() && args.kind != ListKind::GoesWith {
        let what = format!(
            "--baskets is for --kind goes-with, not {}",
            args.kind.as_str()
        );
        usage(&what);
    }
    let options = ReadOptions {
        lenient: args.lenient,
    };
    let mut batch = Batch::open(&args.models, &args.data, options)?;
    super::tell(&batch.notes);
    let now = batch.now(args.at);
    if args.kind == ListKind::NextBasket {
        batch.gather_neighbours(now);
    }
    let first = if args.baskets.is_some() {
        "basket_id"
    } else {
        "customer_id"
    };
    let mut table = OutputTable::create(
        &args.out,
        &[
            (first, ColumnType::Text),
            ("rank", ColumnType::Int),
            ("product_id", ColumnType::Text),
            ("score", ColumnType::Float),
            ("kind", ColumnType::Text),
            ("reason", ColumnType::Text),
        ],
    )?;
    let selected;
    let baskets;
    let askers: Vec<Asker> = match &args.baskets {
        Some(path) => {
            baskets = read_pairs(path, ["basket_id", "product_id"])?;
            group_baskets(&batch, &baskets)
        }
        None => {
            selected = select(&batch, &args.customers)?;
            selected
                .iter()
                .map(|customer| Asker {
                    id: &customer.id,
                    customer: customer.number,
                    basket: Vec::new(),
                })
                .collect()
        }
    };
    let progress = Progress::bar("recommend", askers.len() as u64);
    for chunk in askers.chunks(CHUNK) {
        let answered: Vec<_> = chunk
            .par_iter()
            .map(|asker| answer(&batch, args, asker, now))
            .collect::<Result<_, _>>()?;
        for (asker, rows) in chunk.iter().zip(answered) {
            for (rank, (product, score, reason)) in rows.into_iter().enumerate() {
                table.row(&[
                    Cell::from(asker.id),
                    Cell::Int(rank as i64 + 1),
                    Cell::from(product.as_str()),
                    Cell::Float(f64::from(score)),
                    Cell::from(args.kind.as_str()),
                    Cell::from(reason.as_str()),
                ])?;
            }
        }
        progress.advance(chunk.len() as u64);
    }
    let rows = table.finish()?;
    progress.finish();
    Written::new(&batch.model.manifest.id, now, rows, &args.out).tell(args.json)
}

/// Rows of one asker: product id, score and reason, best first.
fn answer(
    batch: &Batch,
    args: &RecommendArgs,
    asker: &Asker,
    now: i64,
) -> anyhow::Result<Vec<(String, f32, String)>> {
    let mut request = Request::one(args.kind, usize::from(args.count), now);
    request.seed = args.seed;
    request.dial = args.dial;
    request.surprise_floor = args.surprise_floor;
    request.lists[0].filters.exclude_owned = args.exclude_owned;
    let together = &mut request.lists[0].together;
    together.diversity = args.diversity.unwrap_or(together.diversity);
    together.calibration = args.calibration;
    together.caps.category = args.max_per_category.map(usize::from);
    if args.max_per_category.is_some() {
        together.crowd = None;
    }
    together.caps.brand = args.max_per_brand.map(usize::from);
    request.context.basket = asker.basket.clone();
    let said = batch.delights(asker.customer);
    request.context.hear(said, &batch.live.catalogue, now);
    let state: CustomerState = batch.state(asker.customer);
    let answer = recommend(&batch.model, &batch.live, state, &request, &|| false)?;
    let catalogue = &batch.live.catalogue;
    Ok(answer
        .lists
        .into_iter()
        .flat_map(|list| list.items)
        .map(|item| {
            let reason =
                item.reasons
                    .first()
                    .map_or_else(String::new, |reason| match reason.product {
                        Some(about) => format!(
                            "{}: {}",
                            reason.code.as_str(),
                            catalogue.product(about).label()
                        ),
                        None => reason.code.as_str().to_owned(),
                    });
            (
                catalogue.product(item.product).product_id.clone(),
                item.score,
                reason,
            )
        })
        .collect())
}

/// Baskets in order of first appearance; products that nobody knows are left out of a basket, not an error.
fn group_baskets<'a>(batch: &Batch, rows: &'a [(String, String)]) -> Vec<Asker<'a>> {
    let mut slot = std::collections::HashMap::new();
    let mut askers: Vec<Asker> = Vec::new();
    for (basket, product) in rows {
        let at = *slot.entry(basket.as_str()).or_insert_with(|| {
            askers.push(Asker {
                id: basket,
                customer: None,
                basket: Vec::new(),
            });
            askers.len() - 1
        });
        let lines = &mut askers[at].basket;
        if let Some(product) = batch.live.catalogue.find(product) {
            if lines.iter().all(|(inside, _)| *inside != product) {
                lines.push((product, 1.0));
            }
        }
    }
    askers
}
