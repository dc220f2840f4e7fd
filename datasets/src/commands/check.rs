//! `check`: every problem of shop data, with file, row and column.

use std::path::PathBuf;
use std::process::ExitCode;

use serendib_shop::{check::check, Progress, ReadOptions, ShopData};

use super::{print, print_json};

/// Find every problem of shop data, with file, row and column
///
/// Exits with 1 if there are problems. Notes are things that may well be meant; they are no problems.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  serendib-datasets check shops/gifts")]
pub struct Args {
    /// Directory of shop data
    dir: PathBuf,
    /// Most problems to print; all are counted. 0 prints every one
    #[arg(long, default_value_t = 100)]
    max_problems: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let limit = if args.max_problems == 0 {
        usize::MAX
    } else {
        args.max_problems
    };
    let data = ShopData::open(&args.dir, ReadOptions::default())?;
    let mut progress = Progress::counter("");
    let report = check(&data, limit, &mut progress);
    drop(progress);
    if args.json {
        print_json(&report)?;
    } else {
        print(&report.to_string())?;
    }
    Ok(if report.problems == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
