//! What `serendib pack` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Pack all subscription boxes of a file from one stock
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib pack --models models --data shop --boxes boxes.csv --stock stock.csv --rules rules.json --out packed\n\n\
    Files written to --out:\n  boxes    one row per box: value, empty slots and the constraint at fault; whether a person should look at it\n           (hand_over), and why it has no surprise (surprises_paused), and what else to know of it (notes)\n  picking  one row per line: product, lot, whether it is the surprise, why, two stand-ins\n  totals   one row per product: units used and left, what ten more would be worth\n  summary.json, summary.txt\n\n\
    Rules are one JSON object; what is absent keeps its default, an unknown key is an error:\n  slots 5, surprise_slots 1               lines of a box that does not say\n  category_caps {\"baby\": 3}               most lines from a category and all below it\n  leaf_cap 2                              most lines from any one leaf category\n  pinned [product ids]                    goes into every box\n  no_repeat_boxes 6                       earlier boxes that are not repeated\n  relevance_floor                         least relevance of a surprise, 0 to 1; absent: each subscriber's own\n  required_categories [paths], minimum_use {id: units}, minimum_margin, fairness   goals, met as far as possible\n  weights {\"delight\": 1, \"had\": 0.5}      what a line is worth beside the chance that it is kept\n  candidates 100                          products looked at for each box\n  random_one_in 20, near_equal 0.05       one surprise in so many is drawn among near-equal ones\n  min_life_days, category_min_life_days {\"food\": 30}   days that what perishes still lasts when the box leaves\n\n\
    Ctrl-C, or --time-limit, ends the search early; the best packing so far is written."
)]
pub struct Pack {
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    pub models: PathBuf,
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Boxes table; that of the shop data if absent
    #[arg(long, value_name = "FILE")]
    pub boxes: Option<PathBuf>,
    /// Stock table; that of the shop data if absent
    #[arg(long, value_name = "FILE")]
    pub stock: Option<PathBuf>,
    /// Rules (JSON): caps, pins, floor, weights, goals; rules.json of the shop data, or defaults, if absent
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Directory to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Format of the tables
    #[arg(long, value_enum, default_value_t = TableFormat::Csv)]
    pub format: TableFormat,
    /// Most seconds for the search
    #[arg(long, value_name = "SECONDS")]
    pub time_limit: Option<f64>,
    /// Seed of the surprise lines drawn at random
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Skip bad rows of the tables, and boxes given twice, instead of stopping
    #[arg(long)]
    pub lenient: bool,
    /// Pass over exclusions that mean nothing here, but for those that are like allergens, instead of leaving the box unpacked
    #[arg(long)]
    pub lenient_exclusions: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Format of the tables that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Csv,
    Parquet,
    Jsonl,
}
