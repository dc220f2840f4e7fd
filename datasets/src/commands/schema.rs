//! `schema`: every table and column of shop data.

use std::process::ExitCode;

use serendib_shop::table::Schema;

use super::{print, print_json};

/// Print every table and column of shop data, as Markdown
#[derive(clap::Args)]
#[command(after_help = "Example:\n  serendib-datasets schema")]
pub struct Args {
    /// Print the schema as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let schema = Schema::of_shop_data();
    if args.json {
        print_json(&schema)?;
    } else {
        print(&schema.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
