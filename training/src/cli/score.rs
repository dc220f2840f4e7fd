//! `serendib-train score`: numbers for given pairs of customer and product.

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;
use serendib_engine::rank::{score_pairs, PairScore};
use serendib_shop::{Cell, ColumnType, OutputTable, ReadOptions};

use crate::batch::{read_pairs, Batch};
use crate::cli::time::parse_at;
use crate::cli::written::Written;
use serendib_shop::Progress;

/// Score pairs of customer and product and write a table
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib-train score --models models --data shop --pairs pairs.csv --out scores.csv"
)]
pub struct ScoreArgs {
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Table with customer_id and product_id
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// Only what happened before is seen (RFC 3339, date or epoch ms); after the last touchpoint if absent
    #[arg(long, value_parser = parse_at)]
    at: Option<i64>,
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

/// Runs the command: one row out for each pair, in the order of the pairs; a product that nobody knows gets empty cells.
pub fn run(args: &ScoreArgs) -> anyhow::Result<()> {
    let options = ReadOptions {
        lenient: args.lenient,
    };
    let batch = Batch::open(&args.models, &args.data, options)?;
    super::tell(&batch.notes);
    let now = batch.now(args.at);
    let pairs = read_pairs(&args.pairs, ["customer_id", "product_id"])?;
    // Pairs of one customer are scored together, wherever they stand in the file.
    let mut by_customer: std::collections::BTreeMap<&str, Vec<usize>> = Default::default();
    for (row, (customer, _)) in pairs.iter().enumerate() {
        by_customer.entry(customer).or_default().push(row);
    }
    let progress = Progress::bar("score", pairs.len() as u64);
    let scored: Vec<(usize, Option<PairScore>)> = by_customer
        .par_iter()
        .flat_map_iter(|(customer, rows)| {
            let products: Vec<_> = rows
                .iter()
                .map(|&row| batch.live.catalogue.find(&pairs[row].1))
                .collect();
            let known: Vec<_> = products.iter().flatten().copied().collect();
            let state = batch.state(batch.log().customer(customer));
            let mut scores = score_pairs(&batch.model, &batch.live, state, now, &known).into_iter();
            progress.advance(rows.len() as u64);
            rows.iter()
                .zip(products)
                .map(|(&row, product)| (row, product.and_then(|_| scores.next())))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut rows: Vec<Option<PairScore>> = vec![None; pairs.len()];
    for (row, score) in scored {
        rows[row] = score;
    }
    let mut table = OutputTable::create(
        &args.out,
        &[
            ("customer_id", ColumnType::Text),
            ("product_id", ColumnType::Text),
            ("relevance", ColumnType::Float),
            ("unexpectedness", ColumnType::Float),
            ("novelty", ColumnType::Float),
            ("timeliness", ColumnType::Float),
            ("delight", ColumnType::Float),
            ("wanted", ColumnType::Float),
            ("kept", ColumnType::Float),
        ],
    )?;
    for ((customer, product), score) in pairs.iter().zip(rows) {
        let cell = |number: Option<f32>| Cell::float(number.map(f64::from));
        table.row(&[
            Cell::from(customer.as_str()),
            Cell::from(product.as_str()),
            cell(score.map(|s| s.relevance)),
            cell(score.and_then(|s| s.unexpectedness)),
            cell(score.and_then(|s| s.novelty)),
            cell(score.and_then(|s| s.timeliness)),
            cell(score.and_then(|s| s.delight)),
            cell(score.and_then(|s| s.wanted)),
            cell(score.and_then(|s| s.kept)),
        ])?;
    }
    let rows = table.finish()?;
    progress.finish();
    Written::new(&batch.model.manifest.id, now, rows, &args.out).tell(args.json)
}
