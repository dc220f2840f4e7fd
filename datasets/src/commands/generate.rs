//! `generate`: the demo shop, from a seed.

use std::path::PathBuf;
use std::process::ExitCode;

use serendib_datasets::demo_shop::{self, Options};
use serendib_shop::{Format, Progress};

use super::{print, print_json};

/// Make the demo shop: a believable shop for families, the same for the same seed
///
/// 18 months of touchpoints end on 2026-06-30. What only the generator knows (birth dates, the true probabilities of
/// purchases and of delight, what goes with what) goes to truth/, for evaluation only.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  serendib-datasets generate --out shops/demo\n  serendib-datasets generate --out shops/large --scale 200 --no-truth"
)]
pub struct Args {
    /// Directory to make; it must not exist or be empty
    #[arg(long)]
    out: PathBuf,
    /// Same seed, same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of customers
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    customers: u64,
    /// Number of products
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(600..=1_000_000))]
    products: u64,
    /// Months of the story
    #[arg(long, default_value_t = 18, value_parser = clap::value_parser!(u32).range(3..=60))]
    months: u32,
    /// So many times the customers, and a quarter of that times the products (200: 1 M customers, 100 k products)
    #[arg(long, conflicts_with_all = ["customers", "products"], value_parser = clap::value_parser!(u64).range(1..=2_000))]
    scale: Option<u64>,
    /// parquet, csv or jsonl (csv and jsonl also with .zst or .gz)
    #[arg(long, default_value = "parquet")]
    format: Format,
    /// Leave out truth/; the other tables are the same either way
    #[arg(long)]
    no_truth: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let factor = args.scale.unwrap_or(1);
    let options = Options {
        seed: args.seed,
        customers: args.customers * factor,
        products: args.products as usize * (factor as usize / 4).max(1),
        months: args.months,
        truth: !args.no_truth,
    };
    let what = format!("customers living {} months", options.months);
    let progress = Progress::bar(what, options.customers);
    let summary = demo_shop::generate(&args.out, &options, args.format, &|done| progress.at(done))?;
    drop(progress);
    if args.json {
        print_json(&summary)?;
    } else {
        print(&format!(
            "{}: {} products, {} customers, {} touchpoints, {} ratings of delight, {} tips served, {} boxes to pack{}\n",
            args.out.display(),
            summary.products,
            summary.customers,
            summary.touchpoints,
            summary.delights,
            summary.served,
            summary.boxes,
            if options.truth { "; hidden truth in truth/" } else { "" },
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
