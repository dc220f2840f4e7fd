//! `serendib-train engagement`: how alive the contact with each customer is, and what is expected of them.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use rayon::prelude::*;
use serde_json::{Map, Value};
use serendib_engine::engagement::{
    days_out_of_sight, Engagement, EngagementModel, IndexModel, Outlook,
};
use serendib_shop::{Budget, Cell, ColumnType, CustomerIx, Encoder, OutputTable, ReadOptions};

use crate::batch::Batch;
use crate::cli::time::parse_at;
use crate::cli::written::Written;
use serendib_shop::Progress;

/// Largest effects written per customer.
const EFFECTS: usize = 5;
/// Customers computed between two writes.
const BLOCK: usize = 4096;

/// Write each customer's engagement index, purchase probabilities and their decomposition
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib-train engagement --models models --data shop --out engagement.csv"
)]
pub struct EngagementArgs {
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only what happened before is seen (RFC 3339, date or epoch ms); after the last touchpoint if absent
    #[arg(long, value_parser = parse_at)]
    at: Option<i64>,
    /// Only customers with fewer touches since their last purchase than the shop wants
    #[arg(long)]
    below_minimum: bool,
    /// Only customers who may be contacted, for outreach
    #[arg(long)]
    audience: bool,
    /// Touches that the shop wants between two purchases; the model's if absent
    #[arg(long, value_name = "N")]
    minimum: Option<u32>,
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

/// Runs the command: one row per customer, in order of first appearance.
///
/// # Errors
/// Model or data do not read, the data have no times, or the table cannot be written.
pub fn run(args: &EngagementArgs) -> anyhow::Result<()> {
    let options = ReadOptions {
        lenient: args.lenient,
    };
    let batch = Batch::open(&args.models, &args.data, options)?;
    super::tell(&batch.notes);
    if batch.log().histories.touches().is_empty() {
        bail!("there are no touchpoints of customers");
    }
    if !batch.log().timed {
        bail!("touchpoints have no times: engagement is about how long ago they were");
    }
    // only what happened before is seen
    let now = batch.now(args.at).saturating_sub(1);
    let kinds = &batch.log().encoder.kinds;
    let mut model = match &batch.model.engagement {
        Some(model) => model.with_kinds(kinds),
        None => {
            eprintln!("the model has no engagement part: weights of the first day are used");
            EngagementModel::first(IndexModel::first(kinds))
        }
    };
    if let Some(minimum) = args.minimum {
        model.index.minimum_touches = minimum;
    }
    let until = batch.model.manifest.data.to;
    let mut table = OutputTable::create(
        &args.out,
        &[
            ("customer_id", ColumnType::Text),
            ("index", ColumnType::Float),
            ("p_purchase_30d", ColumnType::Float),
            ("p_purchase_90d", ColumnType::Float),
            ("days_since_active", ColumnType::Float),
            ("days_since_purchase", ColumnType::Float),
            ("touches_since_purchase", ColumnType::Int),
            ("below_minimum", ColumnType::Int),
            ("trend", ColumnType::Float),
            ("confidence", ColumnType::Float),
            ("p_alive", ColumnType::Float),
            ("orders_per_year", ColumnType::Float),
            ("order_value", ColumnType::Float),
            ("value_per_year", ColumnType::Float),
            ("parts", ColumnType::Text),
            ("effects", ColumnType::Text),
            ("may_contact", ColumnType::Int),
        ],
    )?;
    let customers: Vec<CustomerIx> = CustomerIx::all(batch.log().len()).collect();
    let (mut unreachable, mut out_of_sight) = (0u64, 0u64);
    let progress = Progress::bar("engagement", customers.len() as u64);
    for block in customers.chunks(BLOCK) {
        let rows: Vec<(Engagement, Option<Outlook>)> = block
            .par_iter()
            .map(|customer| {
                let history = batch.history(*customer);
                let end = history.partition_point(|touch| touch.at <= now);
                // as much as the server looks at
                let history = Budget::KEPT.cut(&history[..end], &batch.log().encoder.kinds);
                (
                    model.engagement(&history, now),
                    days_out_of_sight(until, &history, now)
                        .is_none()
                        .then(|| model.outlook(&history, now, EFFECTS)),
                )
            })
            .collect();
        for (customer, (engagement, outlook)) in block.iter().zip(rows) {
            if args.below_minimum && !engagement.below_minimum {
                continue;
            }
            let may_contact = batch.allowed(*customer).contact;
            if args.audience && !may_contact {
                unreachable += 1;
                continue;
            }
            out_of_sight += u64::from(outlook.is_none());
            let foretold =
                |of: fn(&Outlook) -> Option<f64>| Cell::float(outlook.as_ref().and_then(of));
            table.row(&[
                Cell::from(batch.log().customer_id(*customer)),
                Cell::float(Some(engagement.index)),
                foretold(|o| Some(o.p_purchase_30d)),
                foretold(|o| Some(o.p_purchase_90d)),
                Cell::float(engagement.days_since_active),
                Cell::float(engagement.days_since_purchase),
                Cell::Int(i64::from(engagement.touches_since_purchase)),
                Cell::Int(i64::from(engagement.below_minimum)),
                Cell::float(Some(engagement.trend)),
                Cell::float(Some(engagement.confidence)),
                foretold(|o| o.p_alive),
                foretold(|o| o.orders_per_year),
                foretold(|o| o.order_value),
                foretold(|o| o.value_per_year),
                Cell::from(
                    parts(&engagement, &batch.log().encoder)
                        .to_string()
                        .as_str(),
                ),
                Cell::from(effects(outlook.as_ref()).to_string().as_str()),
                Cell::Int(i64::from(may_contact)),
            ])?;
        }
        progress.advance(block.len() as u64);
    }
    let rows = table.finish()?;
    progress.finish();
    if out_of_sight > 0 {
        eprintln!("of {out_of_sight} customers purchases are not foretold: all that is known ends too long before");
    }
    if unreachable > 0 {
        eprintln!("{unreachable} customers left out: they may not be contacted");
    }
    Written::new(&batch.model.manifest.id, now, rows, &args.out).tell(args.json)
}

/// `kind`, `kind@channel` or `kind@channel#line` → part of the index; the parts add up to it.
fn parts(engagement: &Engagement, encoder: &Encoder) -> Value {
    let mut out = Map::new();
    for part in &engagement.parts {
        let source = part.source;
        let mut name = encoder.kinds.name(source.kind).to_owned();
        if source.channel != 0 {
            name = format!("{name}@{}", encoder.channels.name(source.channel));
        }
        if source.line != 0 {
            name = format!("{name}#{}", encoder.lines.name(source.line));
        }
        out.insert(name, Value::from(part.index));
    }
    Value::Object(out)
}

fn effects(outlook: Option<&Outlook>) -> Value {
    Value::Object(
        outlook
            .map_or(&[][..], |outlook| &outlook.effects)
            .iter()
            .map(|(name, effect)| (name.clone(), Value::from(*effect)))
            .collect(),
    )
}
