//! `serendib-train fit`: a model bundle from shop data, with nothing to configure.

use std::path::PathBuf;

use clap::Args;
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::progress::Stages;
use serendib_shop::{Log, ReadOptions, ShopData};

use crate::learn::{self, checkpoint, publish, strength, Checkpoints, Choice, Fit, FitOptions};
use crate::refresh::{drift, lock, ModelReport};
use crate::report::model as page;

/// Fit a model on shop data and make it current
///
/// The families of models, their settings and their weights are chosen on a slice that is held out (the last in time, or
/// at random where there are no times); then everything is fitted again on all data.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  serendib-train fit --data shop --out models")]
pub struct FitArgs {
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Models directory; created if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write the bundle without making it current
    #[arg(long)]
    no_publish: bool,
    /// Go on from the last finished stage of an interrupted fit on the same data
    #[arg(long)]
    resume: bool,
    /// Same data and seed, same model
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Memory that fitting may use, GB; most of what is free if absent
    #[arg(long, value_name = "GB", value_parser = parse_gb)]
    memory_gb: Option<f64>,
    /// Skip bad rows of the data instead of stopping
    #[arg(long)]
    lenient: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn parse_gb(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(gb) if gb > 0.0 && gb < 1e6 => Ok(gb),
        _ => Err("expected a number above 0".into()),
    }
}

/// Runs the command.
pub fn run(args: &FitArgs) -> anyhow::Result<()> {
    let stages = Stages::start(!args.json);
    stages.say("reading the data");
    let data = ShopData::open(
        &args.data,
        ReadOptions {
            lenient: args.lenient,
        },
    )?;
    let _lock = lock::take(&args.out)?;
    lock::end_cleanly(&args.out)?;
    let log = Log::load_watched(&data, None, &|rows| stages.steps(rows))?;
    let options = FitOptions {
        seed: args.seed,
        memory: args.memory_gb.map(|gb| (gb * 1e9) as usize),
        ..FitOptions::of_shop(&data)?
    };
    super::tell(&data.notes());
    let key = checkpoint::key(&log, &options, &"fit");
    let checkpoints = Checkpoints::open(&args.out, &key, args.resume)?;
    let mut fitted =
        learn::fit_resuming(&log, &options, Some(&checkpoints), &|what| stages.say(what))?;
    stages.say("writing the bundle");
    let now = chrono::Utc::now();
    let metrics = &mut fitted.model.manifest.metrics;
    metrics["profile"] = serde_json::to_value(drift::profile(&log))?;
    metrics["stages"] = serde_json::to_value(stages.times())?;
    let (id, path) = publish::write(&fitted.model, &args.out, now)?;
    let mut report = ModelReport::of_fit(&fitted, &id, now, !args.no_publish, stages.times());
    page::publish(&mut report, &args.out, None)?;
    if let Some(reason) = &report.reason {
        anyhow::bail!("model {id} was written and not published: {reason}");
    }
    checkpoints.clear();
    let seconds = stages.finish();
    if args.json {
        let out = serde_json::json!({
            "model": id,
            "path": path,
            "published": !args.no_publish,
            "seconds": seconds,
            "data": fitted.model.manifest.data,
            "settings": fitted.settings,
            "choice": fitted.choice,
        });
        println!("{}", serde_json::to_string_pretty(&out)?);
        return Ok(());
    }
    if let Some(choice) = &fitted.choice {
        print_choice(choice);
    }
    print_trust(&fitted);
    for verdict in strength::kept(&fitted.model.manifest) {
        println!("{verdict}");
    }
    let surprises = &fitted.model.manifest.metrics["surprises"];
    if let (Some(largest), Some(lists)) = (
        surprises["largest_share"].as_f64(),
        surprises["lists"].as_u64().filter(|lists| *lists > 0),
    ) {
        println!(
            "surprises: one product is in {:.1} % of {lists} lists of five at most",
            100.0 * largest
        );
    }
    let window = &fitted.model.manifest.data;
    println!(
        "\nmodel {id}: {} products, {} customers, {} touchpoints{}, {:.1} s\n{}{}",
        window.products,
        window.customers,
        window.touchpoints,
        match log.anonymous.len() {
            0 => String::new(),
            baskets => format!(" and {baskets} anonymous baskets"),
        },
        seconds,
        path.display(),
        if args.no_publish {
            " (not made current)"
        } else {
            ""
        }
    );
    Ok(())
}

/// The validation table and why it was chosen so.
fn print_choice(choice: &Choice) {
    println!("chosen on {} customers: {}", choice.customers, choice.why);
    if !choice.table.is_empty() {
        let mut grid = Grid::new([
            Column::name("family", 24),
            Column::figure("NDCG@5,20", 9),
            Column::figure("weight", 7),
            Column::figure("worth", 7),
            Column::figure("tried", 6),
            Column::rest(" settings"),
        ]);
        for row in &choice.table {
            let weight = match row.weight > 0.0 {
                true => fixed(f64::from(row.weight), 2),
                false => "-".into(),
            };
            grid.row([
                row.name.clone(),
                fixed(row.ndcg, 4),
                weight,
                format!("{:.1}%", 100.0 * row.worth),
                row.tried.to_string(),
                format!(" {}", row.settings),
            ]);
        }
        print!("{grid}");
        println!(
            "worth: what the blend loses without the family; where it is left out (-), what it would add, which is too little"
        );
    }
    println!("{}", choice.verdict);
}

/// How far products with few buyers are trusted, and how much the fast searches find.
fn print_trust(fitted: &Fit) {
    let (model, settings) = (&fitted.model, &fitted.settings);
    if model.representation.parts().content.is_some() {
        println!(
            "products with few buyers score by what they say about themselves: {:.0} % of what that predicts with customers \
             at large, {:.0} % of how it suits one customer",
            100.0 * settings.content_level,
            100.0 * settings.content_gain
        );
    }
    match model.representation.index_figures() {
        Some(found) => println!(
            "fast searches find {:.3} of the exact best 20, {:.3} of the best 200, {:.3} of the 20 products most alike",
            found.recall_20, found.recall_200, found.alike_20
        ),
        None => println!("every search is exact"),
    }
}
