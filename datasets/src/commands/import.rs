//! `import`: a public data set in its own layout becomes shop data.

use std::path::PathBuf;
use std::process::ExitCode;

use serendib_datasets::importers::{import, Layout};
use serendib_shop::print::{Column, Grid};
use serendib_shop::{Format, Progress};

use super::{print, print_json};

/// Turn a public data set into shop data
///
/// Layouts: lightgcn (train.txt, test.txt), ta-feng (baskets as JSON), online-retail (UCI invoices), movielens, sequences
/// (user item item …), mum-baby, complete-journey, and shop: shop data itself, to be rewritten in another format. Sources
/// may be plain, .gz or .zst. A public test part goes to the table held_out, which training never reads.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  serendib-datasets import online-retail --from online_retail.csv --out shops/gifts"
)]
pub struct Args {
    /// Layout of the source: lightgcn, ta-feng, online-retail, movielens, sequences, mum-baby, complete-journey or shop
    #[arg(value_name = "FORMAT")]
    layout: Layout,
    /// File or directory to read
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// Directory to make; must not be there yet, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Format of the tables: parquet, csv or jsonl; the latter two also packed, as csv.zst or csv.gz
    #[arg(long, default_value = "parquet")]
    format: Format,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut progress = Progress::counter("");
    let report = import(
        args.layout,
        &args.from,
        &args.out,
        args.format,
        &mut progress,
    )?;
    drop(progress);
    if args.json {
        print_json(&report)?;
    } else {
        let mut text = format!(
            "{} written from {}\n",
            args.out.display(),
            args.from.display()
        );
        let mut grid = Grid::bare(0, [Column::figure("", 12), Column::rest("")]);
        for count in &report.counts {
            grid.row([count.count.to_string(), count.what.clone()]);
        }
        text.push_str(&grid.to_string());
        print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
