//! `serendib-train life`: what is believed of each customer's life situations.

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;
use serendib_engine::life::{format_day, StateOptions};
use serendib_shop::{Cell, ColumnType, CustomerIx, OutputTable, ReadOptions};

use crate::batch::Batch;
use crate::cli::time::parse_at;
use crate::cli::written::Written;
use serendib_shop::Progress;

/// Write what is believed of each customer's life situations: one row per customer and clock
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib-train life --models models --data shop --at 2026-06-01 --out life.csv\n\nDates are \
                  percentiles of the anchor (birth, departure, move, end of contract) given that the clock exists; the \
                  stage and its probability likewise. Customers who do not allow inference appear with declared clocks \
                  only. Two children of one customer are two rows."
)]
pub struct LifeArgs {
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only what happened before is seen (RFC 3339, date or epoch ms); after the last touchpoint if absent
    #[arg(long, value_parser = parse_at)]
    at: Option<i64>,
    /// Leave out clocks that are less likely to exist than this, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "P", value_parser = parse_probability)]
    at_least: f64,
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

fn parse_probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

/// Runs the command: customers in order of their first appearance, declared clocks first, then the likeliest.
pub fn run(args: &LifeArgs) -> anyhow::Result<()> {
    let options = ReadOptions {
        lenient: args.lenient,
    };
    let batch = Batch::open(&args.models, &args.data, options)?;
    super::tell(&batch.notes);
    let life = batch.model.life.as_ref().ok_or_else(|| {
        anyhow::anyhow!(
            "model {:?} knows no life situations: its data had no times",
            batch.model.manifest.id
        )
    })?;
    let now = batch.now(args.at);
    let products = batch.live.profiles(life);
    let customers = batch.log().len();
    let progress = Progress::bar("life", customers as u64);
    let rows: Vec<Vec<[Cell; 10]>> = (0..customers)
        .into_par_iter()
        .map(CustomerIx::of_index)
        .map(|customer| {
            let options = StateOptions {
                infer: batch.allowed(customer).infer_life_stage,
                thorough: true,
            };
            let history = batch.history(customer);
            let facts = batch.facts(customer);
            let state = life.model.state(products, history, facts, now, options);
            progress.advance(1);
            state
                .clocks
                .iter()
                .filter(|clock| clock.probability >= args.at_least)
                .map(|clock| {
                    let kind = &life.model.clocks[clock.clock].kind;
                    let [p05, p10, p50, p90, p95] =
                        clock.dates().map(|day| Cell::Text(format_day(day).into()));
                    let stage = life.model.stage_at(clock, state.now_day());
                    [
                        Cell::from(batch.log().customer_id(customer)),
                        Cell::from(kind.name.as_str()),
                        Cell::float(Some(clock.probability)),
                        p05,
                        p10,
                        p50,
                        p90,
                        p95,
                        Cell::from(stage.map_or("", |(s, _)| kind.stages[s].name.as_str())),
                        Cell::float(stage.map(|(_, p)| p)),
                    ]
                })
                .collect()
        })
        .collect();
    let mut table = OutputTable::create(
        &args.out,
        &[
            ("customer_id", ColumnType::Text),
            ("clock", ColumnType::Text),
            ("probability", ColumnType::Float),
            ("anchor_p05", ColumnType::Text),
            ("anchor_p10", ColumnType::Text),
            ("anchor_p50", ColumnType::Text),
            ("anchor_p90", ColumnType::Text),
            ("anchor_p95", ColumnType::Text),
            ("stage", ColumnType::Text),
            ("stage_probability", ColumnType::Float),
        ],
    )?;
    for row in rows.iter().flatten() {
        table.row(row)?;
    }
    let rows = table.finish()?;
    progress.finish();
    Written::new(&batch.model.manifest.id, now, rows, &args.out).tell(args.json)
}
