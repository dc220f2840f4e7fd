//! `serendib-train refresh`: a new model that is proved to be no worse, or kept back with the reason.

use std::path::PathBuf;

use clap::Args;
use serendib_shop::print::{difference, fixed, Column, Grid};
use serendib_shop::progress::{self, Stages};
use serendib_shop::{ReadOptions, ShopData};

use crate::cli::fit::parse_gb;
use crate::judge::policy::Interval;
use crate::refresh::{self, gate::GateOptions, lock, RefreshOptions};

/// Fit a new model, prove that it is no worse than the current one, and publish it
///
/// Candidate settings (chosen on the new data) and the current model's are both fitted before a cut and compared on what
/// follows it, overall and by segment. The winner is fitted again on everything, looked at for sanity, written with a
/// report (reports/ID.html in the models directory) and made current. A model that is worse anywhere that matters is
/// written, not published, and the command ends with status 1 and the reason.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib export --out shop\n  serendib-train refresh --data shop --out models"
)]
pub struct RefreshArgs {
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Models directory; created if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Largest loss over all customers that passes, in percent of the current figure; five times as much in a segment
    #[arg(long, default_value_t = 1.0, value_parser = parse_percent)]
    tolerance: f64,
    /// Percent of customers in the permanent holdout: recommend.holdout_percent of the server
    #[arg(long, default_value_t = 5.0, value_parser = parse_percent)]
    holdout_percent: f64,
    /// Settings to try in place of chosen ones: the "representation" part of a bundle's settings, JSON
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Questions with known answers, JSON: [{"customer_id" or "product_id", "kind", "expect": [ids], "within"}]; golden.json
    /// of the models directory if absent
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Write the bundle without making it current
    #[arg(long, conflicts_with = "force")]
    no_publish: bool,
    /// Make it current even if the gate says no
    #[arg(long)]
    force: bool,
    /// Go on from the last finished stage of an interrupted run on the same data
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

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100".into()),
    }
}

/// Runs the command.
pub fn run(args: &RefreshArgs) -> anyhow::Result<()> {
    use anyhow::Context;
    let read = ReadOptions {
        lenient: args.lenient,
    };
    let data = ShopData::open(&args.data, read)?;
    let settings = match &args.settings {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read settings {}", path.display()))?;
            let value = serde_json::from_str(&text)
                .with_context(|| format!("settings {} do not parse", path.display()))?;
            Some(value)
        }
    };
    let own = args.out.join("golden.json");
    let golden = match &args.golden {
        Some(path) => refresh::read_golden(path)?,
        None if own.is_file() => refresh::read_golden(&own)?,
        None => Vec::new(),
    };
    lock::end_cleanly(&args.out)?;
    let stages = Stages::start(!args.json);
    let outcome = refresh::refresh(
        &data,
        &args.out,
        &RefreshOptions {
            seed: args.seed,
            memory: args.memory_gb.map(|gb| (gb * 1e9) as usize),
            gate: GateOptions {
                tolerance: args.tolerance / 100.0,
                segment_tolerance: args.tolerance / 20.0,
                ..GateOptions::default()
            },
            holdout_percent: args.holdout_percent,
            settings,
            publish: !args.no_publish,
            force: args.force,
            golden,
            resume: args.resume,
            now: chrono::Utc::now(),
            ..RefreshOptions::default()
        },
        &stages,
    );
    super::tell(&data.notes());
    let outcome = outcome?;
    let seconds = stages.finish();
    let report = &outcome.report;
    if args.json {
        let mut json = serde_json::to_value(report)?;
        json["path"] = outcome.path.display().to_string().into();
        json["report"] = outcome.report_path.display().to_string().into();
        json["seconds"] = seconds.into();
        println!("{}", serde_json::to_string_pretty(&json)?);
    } else {
        print!("{}", progress::table(&report.stages));
        if let Some(comparison) = &report.comparison {
            print_comparison(comparison);
        }
        for check in report.checks.iter().filter(|check| !check.passed) {
            println!("refused: {} ({})", check.name, check.detail);
        }
        if let Some(churn) = &report.churn {
            println!(
                "lists: {:.1} % of the first ten of model {} stay, the first product for {:.1} %",
                100.0 * churn.kept,
                churn.before,
                100.0 * churn.same_first
            );
        }
        println!(
            "\nmodel {}: {}, {seconds:.1} s\nbundle {}\nreport {}",
            report.model,
            match (report.published, &report.reason) {
                (true, None) => format!("published, {}", report.passed()),
                (true, Some(_)) => "published although it was refused".into(),
                (false, _) => "not made current".into(),
            },
            outcome.path.display(),
            outcome.report_path.display()
        );
    }
    match &report.reason {
        Some(reason) if !report.published && !args.no_publish => anyhow::bail!(
            "model {} was written and not published: {reason}",
            report.model
        ),
        _ => Ok(()),
    }
}

fn print_comparison(comparison: &refresh::compare::Comparison) {
    println!(
        "\n{}, {} customers",
        comparison.protocol, comparison.customers
    );
    let mut grid = Grid::new([
        Column::name("", 20),
        Column::figure("NDCG@20", 9),
        Column::figure("Recall@20", 9),
        Column::figure("hit@10", 9),
        Column::figure("coverage", 9),
    ]);
    for m in &comparison.methods {
        grid.row([
            m.name.clone(),
            fixed(m.ndcg_20, 4),
            fixed(m.recall_20, 4),
            fixed(m.hit_10, 4),
            fixed(m.coverage_20, 3),
        ]);
    }
    let [segment, against, metric] = [22, 18, 10].map(|width| Column::name("", width));
    let mut gaps = Grid::bare(2, [segment, against, metric, Column::rest("")]);
    for gap in &comparison.gaps {
        let Interval { value, low, high } = gap.difference;
        gaps.row([
            gap.segment.clone(),
            gap.against.clone(),
            gap.metric.to_owned(),
            format!("{}  {}", difference(value, low, high), gap.customers),
        ]);
    }
    print!("{grid}candidate minus, 95 % interval over customers:\n{gaps}");
}
