//! `serendib-train evaluate`: a model beside baselines on what it has not seen.

use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serendib_engine::bundle::{Manifest, ModelsDir};
use serendib_engine::model::Model;
use serendib_engine::represent::Representation;
use serendib_shop::{
    publish, CustomerIx, Delight, Log, ProductIx, ReadOptions, ShopData, Table, Touch, DAY_MS,
};

use crate::cli::time::parse_at;
use crate::judge::cold::{self, ColdReport};
use crate::judge::complement::{self, ComplementReport};
use crate::judge::engagement::{self, Contacts, EngagementEvaluation, Oracle};
use crate::judge::life::{self, LifeReport};
use crate::judge::surprise::{self, SurpriseReport};
use crate::judge::truth::{self, TruthReport};
use crate::judge::{evaluate, from_held_out, from_split, Evaluation};
use crate::learn::engagement::HORIZONS;
use crate::learn::vectors::build::build;
use crate::learn::vectors::split::{hold_out, hold_out_at, Regime};
use crate::learn::{corpus_of, fit_parts, memory, FitContext, Settings};
use serendib_shop::progress::Stages;

/// Customers whose lists are judged at most.
const MOST_CUSTOMERS: usize = 50_000;

/// Score a model beside baselines on what it has not seen
///
/// With a held_out table the bundle is scored on it. Otherwise the recorded settings are fitted again on what came before
/// a cut, which is printed, and scored on what came after: a bundle is never scored on rows inside its own data window.
/// The settings of complements are chosen anew before the cut.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib-train evaluate --data shop --models models --report report"
)]
pub struct EvaluateArgs {
    /// Shop data: a directory of tables
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Models directory (its current model) or one bundle
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Directory for evaluation.json and evaluation.html
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Cut at this moment (RFC 3339, date or epoch ms) instead of before the last tenth of acquisitions; for data with
    /// times and without a held_out table
    #[arg(long, value_parser = parse_at)]
    cut: Option<i64>,
    /// Seed of the split (where one is drawn) and of the bootstrap
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Skip bad rows of the data instead of stopping
    #[arg(long)]
    lenient: bool,
    /// Cut-offs at which the probability of a purchase is judged; 0 = leave it out
    #[arg(long, value_name = "N", default_value_t = 5)]
    purchase_cuts: usize,
    /// Fit once more without a tenth of the products, and see whether what they say about themselves finds their buyers
    #[arg(long)]
    cold: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let stages = Stages::start(!args.json);
    stages.say("reading the model and the data");
    let bundle = ModelsDir::open(&args.models)?;
    let model = Model::read(&bundle)?;
    let data = ShopData::open(
        &args.data,
        ReadOptions {
            lenient: args.lenient,
        },
    )?;
    let log = Log::load(&data, None)?;
    super::tell(&data.notes());
    let say = |what: &str| stages.say(what);
    let mut sections = Sections::default();
    anyhow::ensure!(
        args.cut.is_none() || !data.has_table(Table::HeldOut),
        "--cut cannot be used on {}: its held_out table is what the model is scored on",
        args.data.display()
    );
    let evaluation = if data.has_table(Table::HeldOut) {
        on_held_out(args, &data, log, &model, &mut sections, &say)?
    } else {
        let evaluation = after_a_cut(args, &data, &log, &model, &mut sections, &say)?;
        drop(log);
        evaluation
    };
    // once more: products may have been renumbered to those of the model
    let log = Log::load(&data, None)?;
    let clock_types = data.shop().clock_types.as_ref();
    life::add_cross_validated(&mut sections.life, &args.data, &log, clock_types, &say)?;
    sections.engagement = engagement_of(args, &log, &say)?;
    stages.finish();
    let mut json = serde_json::to_value(&evaluation)?;
    json["model"] = model.manifest.id.clone().into();
    json["sections"] = serde_json::to_value(&sections)?;
    let text = serde_json::to_string_pretty(&json)?;
    if let Some(dir) = &args.report {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let page = evaluation.html(&format!("Model {}", model.manifest.id));
        for (name, content) in [("evaluation.json", &text), ("evaluation.html", &page)] {
            let path = dir.join(name);
            publish::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    if args.json {
        println!("{text}");
    } else {
        println!("model {}\n{}", model.manifest.id, evaluation.table());
        if let Some(report) = &sections.cold {
            print!("{report}");
        }
        if let Some(report) = &sections.complements {
            print!("{report}");
        }
        if let Some(report) = &sections.purchase {
            println!("purchase model: {report}");
        }
        if let Some(report) = &sections.surprises {
            print!("{report}");
        }
        if let Some(report) = &sections.truth {
            print!("{report}");
        }
        if let Some(report) = &sections.life {
            print!("{report}");
        }
        for report in &sections.engagement {
            print!("{report}");
        }
    }
    Ok(())
}

/// Judges the probability of a purchase within each horizon, at rolling cut-offs that know only what came before them.
fn engagement_of(
    args: &EvaluateArgs,
    log: &Log,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<EngagementEvaluation>> {
    let Some(span) = log.span.filter(|_| log.timed) else {
        return Ok(Vec::new());
    };
    let oracle = Oracle::open(&args.data, &|id| log.customer(id))?;
    let histories: Vec<&[Touch]> = CustomerIx::all(log.len())
        .map(|customer| log.histories.of(customer))
        .collect();
    let cuts = |horizon: f64| match &oracle {
        // where the truth is known, at its own cut-offs that leave a whole horizon after
        Some(oracle) => {
            let whole = |cut: &&i64| **cut + (horizon * DAY_MS as f64) as i64 <= span.1 + DAY_MS;
            let known: Vec<i64> = oracle.cuts().iter().filter(whole).copied().collect();
            known[known.len().saturating_sub(args.purchase_cuts)..].to_vec()
        }
        None => engagement::rolling_cuts(span, horizon, args.purchase_cuts),
    };
    let contacts = Contacts {
        histories: &histories,
        kinds: &log.encoder.kinds,
        span,
    };
    Ok(HORIZONS
        .iter()
        .filter_map(|&horizon| {
            let (cuts, oracle) = (cuts(horizon), oracle.as_ref());
            engagement::evaluate(&contacts, horizon, &cuts, oracle, args.seed, say)
        })
        .collect())
}

/// What is judged beside the lists, where there is a cut in time.
#[derive(Debug, Default, serde::Serialize)]
struct Sections {
    /// Where it was asked for, and products say enough about themselves.
    cold: Option<ColdReport>,
    complements: Option<ComplementReport>,
    purchase: Option<serde_json::Value>,
    surprises: Option<SurpriseReport>,
    /// Where the shop was generated and its truth is beside its data.
    truth: Option<TruthReport>,
    life: Option<LifeReport>,
    /// One for each horizon.
    engagement: Vec<EngagementEvaluation>,
}

impl Sections {
    /// Fits complements and surprises on what came before `cut` and judges them on what came after.
    fn judge(
        args: &EvaluateArgs,
        data: &ShopData,
        log: &Log,
        (settings, representation): (&Settings, Representation),
        cut: i64,
        say: &dyn Fn(&str),
    ) -> anyhow::Result<Sections> {
        let before = log.before(cut);
        let corpus = corpus_of(&before);
        let said: Vec<Delight> = data.delights()?.collect::<Result<_, _>>()?;
        let said: Vec<Delight> = said.into_iter().filter(|row| row.at < cut).collect();
        let mut early = Model::new(
            Manifest::default(),
            std::sync::Arc::new(before.catalogue.clone()),
            before.encoder.clone(),
            representation,
        );
        early.manifest.data.timed = before.timed;
        let context = FitContext {
            log: &before,
            corpus: &corpus,
            delights: &said,
            clock_types: data.shop().clock_types.as_ref(),
            // Chosen anew before the cut: those recorded were chosen on baskets that are judged here.
            completion: None,
            seed: args.seed,
            memory: memory::available(),
            say,
        };
        fit_parts(&context, settings, &mut early, None)?;
        let report = early
            .complements
            .as_ref()
            .map(|graph| complement::evaluate(log, cut, graph, args.seed, say));
        let surprises = surprise::evaluate(&early, log, cut, args.seed, say)?;
        let truth = truth::evaluate(&args.data, &early, (log, &before), &said, cut, say)?;
        let life = life::after_cut(log, &mut early, cut, say);
        Ok(Sections {
            complements: report,
            purchase: early.manifest.metrics.get("purchase").cloned(),
            surprises,
            truth,
            life: Some(life),
            engagement: Vec::new(),
            cold: None,
        })
    }
}

/// Scores the bundle itself on the part that the split set aside.
fn on_held_out(
    args: &EvaluateArgs,
    data: &ShopData,
    mut log: Log,
    model: &Model,
    sections: &mut Sections,
    say: &dyn Fn(&str),
) -> anyhow::Result<Evaluation> {
    let mut held_out = log.held_out(data)?;
    // the model's numbers are not the log's where the catalogue came in another order
    let same = log.catalogue.len() == model.catalogue.len()
        && log
            .catalogue
            .products()
            .iter()
            .zip(model.catalogue.products())
            .all(|(a, b)| a.product_id == b.product_id);
    if !same {
        let map: Vec<ProductIx> = log
            .catalogue
            .products()
            .iter()
            .map(|p| {
                model
                    .catalogue
                    .find(&p.product_id)
                    .unwrap_or(serendib_shop::NO_PRODUCT)
            })
            .collect();
        let renumber = |touch: &mut Touch| {
            if let Some(to) = map.get(touch.product.index()) {
                touch.product = *to;
            }
        };
        log.histories.renumber(renumber);
        held_out.iter_mut().for_each(|(_, touch)| renumber(touch));
        log.catalogue = (*model.catalogue).clone();
        log.non_product.clear();
    }
    let task = from_held_out(&log, &held_out);
    anyhow::ensure!(
        !task.cases.is_empty(),
        "the held_out table of {} holds no acquisition of a customer that the touchpoints know",
        args.data.display()
    );
    sections.life = Some(life::on_held_out(&log, model, &held_out, say));
    let corpus = corpus_of(&log);
    if args.cold {
        sections.cold = cold::evaluate(&corpus, &task, &recorded(model)?, args.seed, say)?;
    }
    Ok(evaluate(
        &model.representation,
        &corpus,
        &task,
        args.seed,
        say,
    ))
}

/// Fits the recorded settings again before a cut and scores them after it.
fn after_a_cut(
    args: &EvaluateArgs,
    data: &ShopData,
    log: &Log,
    model: &Model,
    sections: &mut Sections,
    say: &dyn Fn(&str),
) -> anyhow::Result<Evaluation> {
    let settings = recorded(model)?;
    let corpus = corpus_of(log);
    // another seed than that of the fit: settings were chosen on its slice
    let seed = args.seed ^ 0x5eed_5eed;
    anyhow::ensure!(
        args.cut.is_none() || log.timed,
        "--cut needs touchpoints with times, and those of {} have none",
        args.data.display()
    );
    let split = match args.cut {
        Some(cut) => hold_out_at(&corpus, cut, MOST_CUSTOMERS, seed),
        None => hold_out(&corpus, MOST_CUSTOMERS, seed),
    };
    anyhow::ensure!(
        !split.cases.is_empty(),
        "no customer of {} acquires anything new after a cut: there is nothing to predict",
        args.data.display()
    );
    let cut = match split.regime {
        Regime::TimeCut => {
            let at = DateTime::<Utc>::from_timestamp_millis(split.cases[0].now).unwrap_or_default();
            format!(
                "global cut at {}",
                at.to_rfc3339_opts(SecondsFormat::Secs, true)
            )
        }
        Regime::LastByTime => "cut before each customer's last new products".into(),
        Regime::LastByOrder => {
            "cut before each customer's last new product, by order of rows".into()
        }
        Regime::Random => format!(
            "a random fifth of each customer's products, seed {}",
            args.seed
        ),
    };
    if !args.json {
        println!("{cut}");
    }
    let representation = build(&split.train, &settings, say)?;
    let task = from_split(&split, log.len(), &cut);
    let evaluation = evaluate(&representation, &split.train, &task, args.seed, say);
    let cold = match args.cold {
        true => cold::evaluate(&split.train, &task, &settings, args.seed, say)?,
        false => None,
    };
    if matches!(split.regime, Regime::TimeCut) {
        let cut = split.cases[0].now;
        *sections = Sections::judge(args, data, log, (&settings, representation), cut, say)?;
    }
    sections.cold = cold;
    Ok(evaluation)
}

/// The settings that the representation of `model` was fitted with.
fn recorded(model: &Model) -> anyhow::Result<Settings> {
    serde_json::from_value(model.manifest.settings["representation"].clone())
        .context("the bundle's manifest does not record the settings of its representation")
}
