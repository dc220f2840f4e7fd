//! `describe`: what a person wants to know first about a shop.

use std::path::PathBuf;
use std::process::ExitCode;

use serendib_shop::{describe::describe, Progress, ReadOptions, ShopData};

use super::{print, print_json};

/// Show what a person wants to know first about a shop
#[derive(clap::Args)]
#[command(after_help = "Example:\n  serendib-datasets describe shops/gifts")]
pub struct Args {
    /// Directory of shop data
    dir: PathBuf,
    /// How many top products to show
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Skip wrong rows and count them instead of stopping at the first
    #[arg(long)]
    lenient: bool,
    /// Print the description as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let options = ReadOptions {
        lenient: args.lenient,
    };
    let data = ShopData::open(&args.dir, options)?;
    let mut progress = Progress::counter("");
    let description = describe(&data, args.top, &mut progress)?;
    drop(progress);
    if args.json {
        print_json(&description)?;
    } else {
        print(&description.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
