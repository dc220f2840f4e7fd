//! Refreshing: from a shop's data to a model that is proved to be no worse, or kept back with the reason.
//!
//! Candidate and current settings are fitted before a cut and compared on what follows it; the winner is fitted again on
//! everything, looked at for sanity, written with its report, and published if every check of the gate passed.

pub mod backtest;
pub mod churn;
pub mod compare;
pub mod drift;
pub mod figures;
pub mod gate;
pub mod lock;
pub mod model_report;
pub mod policy;
pub mod sanity;
pub mod uplift;

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serendib_engine::bundle::{Manifest, ModelsDir};
use serendib_engine::model::Model;
use serendib_engine::represent::Representation;
use serendib_shop::{Delight, Log, ShopData};

use crate::judge::from_split;
use crate::judge::policy::OpeReport;
use crate::learn::checkpoint::{self, Checkpoints};
use crate::learn::vectors::build::build;
use crate::learn::vectors::choose::choose;
use crate::learn::vectors::split::{hold_out, Regime, Split};
use crate::learn::{self, corpus_of, memory, publish, Choice, FitOptions, Settings};
use crate::report::model as page;
pub use model_report::ModelReport;
use serendib_shop::progress::{StageTime, Stages};

use backtest::Sections;
use compare::Comparison;
use figures::Figure;
use gate::{Check, GateOptions, Lead};
use sanity::{Golden, SanityOptions};

/// Customers on whom settings are compared at most.
const MOST_CASES: usize = 10_000;
/// Separates the slice of the comparison from the slice that settings are chosen on.
const SEED_OF_COMPARISON: u64 = 0x5eed_5eed;

/// What the caller decides.
#[derive(Debug, Clone)]
pub struct RefreshOptions {
    /// Seed of everything random.
    pub seed: u64,
    /// Bytes that fitting may use; most of what is free, if absent.
    pub memory: Option<usize>,
    /// How much worse a model may be.
    pub gate: GateOptions,
    /// What any model must satisfy.
    pub sanity: SanityOptions,
    /// Percent of customers in the permanent holdout, as the server is configured.
    pub holdout_percent: f64,
    /// Candidate settings; chosen on the data if absent.
    pub settings: Option<Settings>,
    /// Make the model current if it passes.
    pub publish: bool,
    /// Make it current even if it does not pass.
    pub force: bool,
    /// Questions with known answers.
    pub golden: Vec<Golden>,
    /// Continue from the last finished stage of an interrupted run on the same data.
    pub resume: bool,
    /// The time that the model is named after.
    pub now: DateTime<Utc>,
}

impl Default for RefreshOptions {
    fn default() -> Self {
        RefreshOptions {
            seed: 0,
            memory: None,
            gate: GateOptions::default(),
            sanity: SanityOptions::default(),
            holdout_percent: 5.0,
            settings: None,
            publish: true,
            force: false,
            golden: Vec::new(),
            resume: false,
            now: DateTime::UNIX_EPOCH,
        }
    }
}

/// The end of a refresh.
#[derive(Debug)]
pub struct Outcome {
    /// Where the bundle is.
    pub path: PathBuf,
    /// Where the report is.
    pub report_path: PathBuf,
    /// What is told.
    pub report: ModelReport,
}

/// The model that is current, as far as it can be read.
struct Last {
    id: String,
    manifest: Option<Manifest>,
    model: Option<Model>,
    problem: Option<String>,
}

impl Last {
    fn of(models: &ModelsDir) -> anyhow::Result<Option<Last>> {
        let Some(id) = models.current()? else {
            return Ok(None);
        };
        let read = models.bundle(&id).and_then(|bundle| {
            let manifest = bundle.manifest().clone();
            Ok((manifest, Model::read(&bundle)?))
        });
        Ok(Some(match read {
            Ok((manifest, model)) => Last {
                id,
                manifest: Some(manifest),
                model: Some(model),
                problem: None,
            },
            Err(error) => Last {
                id,
                manifest: None,
                model: None,
                problem: Some(error.to_string()),
            },
        }))
    }

    fn settings(&self) -> Option<Settings> {
        let recorded = self.manifest.as_ref()?.settings.get("representation")?;
        serde_json::from_value(recorded.clone()).ok()
    }

    /// What the manifest says under `name` of its metrics.
    fn metric<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let recorded = self.manifest.as_ref()?.metrics.get(name)?;
        serde_json::from_value(recorded.clone()).ok()
    }

    fn lead(&self) -> Option<Lead> {
        self.metric("lead")
    }

    fn figures(&self) -> Vec<Figure> {
        self.metric("figures").unwrap_or_default()
    }
}

/// What the comparison decided.
struct Decision {
    settings: Settings,
    fell_back: bool,
    winner: String,
    choice: Option<Choice>,
    comparison: Option<Comparison>,
    checks: Vec<Check>,
    lead: Option<Lead>,
    sections: Sections,
    policy: Option<OpeReport>,
}

/// Refreshes the models directory `models` from `data`.
///
/// # Errors
/// A directory that another refresh holds or that cannot be written, data without touchpoints, or a failed read, fit or
/// write; then the models directory is as before. A model that is kept back is no error: see [`ModelReport::reason`].
pub fn refresh(
    data: &ShopData,
    models: &Path,
    options: &RefreshOptions,
    stages: &Stages,
) -> anyhow::Result<Outcome> {
    let _lock = lock::take(models)?;
    let say = |what: &str| stages.say(what);
    say("reading the current model");
    let dir = ModelsDir::new(models);
    let last = Last::of(&dir)?;
    if let Some(earlier) = last.as_ref().and_then(|l| l.manifest.as_ref()) {
        let stages_before = earlier.metrics.get("stages").cloned();
        let before = stages_before.and_then(|v| serde_json::from_value::<Vec<StageTime>>(v).ok());
        stages.expect(&before.unwrap_or_default(), 1.0);
    }
    say("reading the data");
    let log = Log::load_watched(data, None, &|rows| stages.steps(rows))?;
    anyhow::ensure!(
        !log.histories.touches().is_empty(),
        "{} holds no touchpoint of a customer: there is nothing to learn from, and the models directory stays as it is",
        data.dir().display()
    );
    let fit_options = FitOptions {
        seed: options.seed,
        memory: options.memory,
        ..FitOptions::of_shop(data)?
    };
    say("looking at what changed in the data");
    let window = learn::window_of(&log);
    let profile = drift::profile(&log);
    let manifest = last.as_ref().and_then(|l| l.manifest.as_ref());
    let drift = drift::drift(&window, &profile, manifest, options.now.timestamp_millis());
    let served = policy::read(data, &log)?;
    let of = ("refresh", last.as_ref().map(|l| &l.id));
    let key = checkpoint::key(&log, &fit_options, &of);
    let checkpoints = Checkpoints::open(models, &key, options.resume)?;

    let decision = decide(&Inputs {
        log: &log,
        fit: &fit_options,
        last: last.as_ref(),
        draws: &served.draws,
        options,
        checkpoints: &checkpoints,
        say: &say,
    })?;
    let mut checks = drift.checks.clone();
    if let Some(Last {
        id,
        problem: Some(problem),
        ..
    }) = &last
    {
        let detail =
            format!("model {id} cannot be read, so there is nothing to compare with: {problem}");
        checks.push(Check::new("the current model reads", true, detail));
    }
    checks.extend(decision.checks);

    let mut fitted = learn::fit_resuming(
        &log,
        &FitOptions {
            settings: Some(decision.settings),
            ..fit_options
        },
        Some(&checkpoints),
        &say,
    )?;
    say("looking at the model's answers");
    checks.extend(sanity::check(
        &fitted.model,
        &log,
        &options.golden,
        &options.sanity,
    ));
    let before = last.as_ref().and_then(|l| l.model.as_ref());
    let churn = before.and_then(|before| churn::churn(before, &fitted.model, &log));
    let uplift = uplift::uplift(&log, options.holdout_percent, &served, options.seed);

    say("writing the bundle");
    let metrics = &mut fitted.model.manifest.metrics;
    metrics["choice"] = serde_json::to_value(&decision.choice)?;
    metrics["profile"] = serde_json::to_value(&profile)?;
    let now = figures::figures(&decision.sections);
    let before = last.as_ref().map(Last::figures).unwrap_or_default();
    metrics["figures"] = serde_json::to_value(&now)?;
    metrics["sections"] = serde_json::to_value(&decision.sections)?;
    metrics["lead"] = serde_json::to_value(&decision.lead)?;
    metrics["gate"] = serde_json::to_value(&checks)?;
    if let Some(comparison) = &decision.comparison {
        metrics["comparison"] = serde_json::to_value(comparison)?;
    }
    metrics["stages"] = serde_json::to_value(stages.times())?;
    let mut report = ModelReport {
        created: options.now.to_rfc3339_opts(SecondsFormat::Secs, true),
        before: last.as_ref().map(|l| l.id.clone()),
        reason: gate::reason(&checks),
        winner: decision.winner,
        fell_back: decision.fell_back,
        data: window,
        choice: decision.choice,
        settings: fitted.model.manifest.settings.clone(),
        comparison: decision.comparison,
        checks,
        drift: Some(drift),
        churn,
        uplift,
        policy: decision.policy,
        unusable_draws: served.unusable,
        sections: decision.sections,
        figures: figures::beside(&now, &before),
        capabilities: model_report::capabilities(
            &fitted.model.manifest,
            last.as_ref().and_then(|l| l.manifest.as_ref()),
        ),
        ..ModelReport::default()
    };
    say("publishing");
    let (id, path) = publish::write(&fitted.model, models, options.now)?;
    report.model = id;
    report.published = options.publish && (report.reason.is_none() || options.force);
    if !options.publish {
        let why = || "publishing was not asked for".into();
        report.reason.get_or_insert_with(why);
    }
    report.stages = stages.times();
    let expected = report.before.clone().unwrap_or_default();
    let report_path = page::publish(&mut report, models, Some(&expected))?;
    checkpoints.clear();
    Ok(Outcome {
        path,
        report_path,
        report,
    })
}

/// What the comparison is made of.
struct Inputs<'a> {
    log: &'a Log,
    fit: &'a FitOptions,
    /// The current model.
    last: Option<&'a Last>,
    /// Slots of the serve log that were drawn.
    draws: &'a [policy::Logged],
    options: &'a RefreshOptions,
    checkpoints: &'a Checkpoints,
    say: &'a dyn Fn(&str),
}

/// Fits candidate and current settings before a cut, compares them after it, and judges the winner's other parts.
fn decide(inputs: &Inputs) -> anyhow::Result<Decision> {
    let Inputs {
        log,
        last,
        options,
        say,
        ..
    } = *inputs;
    say("cutting the data");
    let corpus = corpus_of(log);
    let memory = options.memory.unwrap_or_else(memory::available);
    memory::check(
        &corpus,
        learn::vectors::choose::most_dimensions(&corpus, corpus.products()),
        memory,
    )?;
    let split = hold_out(&corpus, MOST_CASES, options.seed ^ SEED_OF_COMPARISON);
    let current = last.and_then(Last::settings);
    let (candidate, choice) = candidate(inputs, &split, memory);
    let mut decision = Decision::of_candidate(&candidate, choice, current.as_ref());
    if split.cases.is_empty() {
        decision.checks.push(Check::unjudged(
            "comparison after a cut",
            "nobody acquires anything new on both sides of a cut",
        ));
        return Ok(decision);
    }
    let other = current.filter(|current| *current != candidate);
    let (comparison, winner) = compare_settings(inputs, &split, &candidate, other, &mut decision)?;
    decision.lead = lead(&decision, &comparison, options);
    if let (Some(now), Some(before)) = (&decision.lead, last.and_then(Last::lead)) {
        decision.checks.push(gate::judge_lead(now, &before));
    }
    decision.comparison = Some(comparison);
    if split.regime == Regime::TimeCut {
        let cut = split.cases[0].now;
        drop(corpus);
        judge_parts(inputs, cut, winner, &mut decision)?;
    }
    Ok(decision)
}

/// Candidate settings: those that were given, or chosen on what comes before the cut.
fn candidate(inputs: &Inputs, split: &Split, memory: usize) -> (Settings, Option<Choice>) {
    let Inputs {
        options,
        checkpoints,
        say,
        ..
    } = *inputs;
    if let Some(given) = &options.settings {
        return (given.clone(), None);
    }
    let kept = checkpoints.load("candidate", |b| {
        serendib_engine::bundle::read_json(b, "candidate.json")
    });
    kept.unwrap_or_else(|| {
        let (settings, choice) = choose(&split.train, options.seed, memory, say);
        let both = (settings, Some(choice));
        checkpoints.save("candidate", |b| {
            serendib_engine::bundle::write_json(b, "candidate.json", &both)
        });
        both
    })
}

impl Decision {
    /// For the `candidate`, before anything is compared.
    fn of_candidate(
        candidate: &Settings,
        choice: Option<Choice>,
        current: Option<&Settings>,
    ) -> Decision {
        Decision {
            winner: if current == Some(candidate) {
                "the current settings, which are also the best on the new data".into()
            } else {
                "the candidate settings".into()
            },
            settings: candidate.clone(),
            fell_back: false,
            choice,
            comparison: None,
            checks: Vec::new(),
            lead: None,
            sections: Sections::default(),
            policy: None,
        }
    }
}

/// Compares the `candidate` with the `current` settings, where they are others, and with the baselines; writes into `decision`
/// which settings win. The second result is what the winner's settings make of the data before the cut.
fn compare_settings(
    inputs: &Inputs,
    split: &Split,
    candidate: &Settings,
    current: Option<Settings>,
    decision: &mut Decision,
) -> anyhow::Result<(Comparison, Representation)> {
    let Inputs {
        log, options, say, ..
    } = *inputs;
    let with = |stage: &'static str| move |what: &str| say(&format!("{stage}: {what}"));
    let fitted = build(&split.train, candidate, &with("candidate before the cut"))?;
    let rival = match &current {
        Some(settings) => Some(build(
            &split.train,
            settings,
            &with("current before the cut"),
        )?),
        None => None,
    };
    let task = from_split(split, log.len(), &in_words(split));
    let comparison = compare::compare(
        &fitted,
        rival.as_ref(),
        &split.train,
        log,
        &task,
        options.seed,
        say,
    );
    let against = gate::against_current(&comparison, &options.gate);
    let baseline = gate::against_baseline(&comparison, &options.gate);
    let winner = match (gate::reason(&against), current, rival) {
        // settings that were given are what the caller wants judged: nothing takes their place
        (Some(reason), Some(settings), Some(rival)) if options.settings.is_none() => {
            decision.winner = format!("the current settings; the candidate was refused: {reason}");
            decision.settings = settings;
            decision.checks.push(Check::new(
                "the candidate settings were refused, the current ones fitted again",
                true,
                reason,
            ));
            decision
                .checks
                .extend(gate::fallback(&comparison, &options.gate));
            decision.fell_back = true;
            rival
        }
        // a candidate that only a baseline beats is kept back: the current settings are not known to do better
        _ => {
            decision.checks.extend(against);
            decision.checks.extend(baseline);
            fitted
        }
    };
    Ok((comparison, winner))
}

/// How far the winner is ahead of the best baseline.
fn lead(decision: &Decision, comparison: &Comparison, options: &RefreshOptions) -> Option<Lead> {
    let ahead = match (decision.fell_back, comparison.best_baseline()) {
        (true, _) => comparison.fallback.as_ref(),
        (false, Some(best)) => comparison.gap("all", &best.name, "ndcg@20"),
        (false, None) => None,
    };
    ahead.and_then(|gap| Lead::of(gap, &options.gate))
}

/// Judges on what follows `cut` what a model with the `winner`'s vectors knows beside its lists, and what it would have drawn.
fn judge_parts(
    inputs: &Inputs,
    cut: i64,
    winner: Representation,
    decision: &mut Decision,
) -> anyhow::Result<()> {
    let Inputs {
        log,
        fit,
        last,
        draws,
        options,
        say,
        ..
    } = *inputs;
    let before = log.before(cut);
    let (said, later): (Vec<Delight>, Vec<Delight>) =
        fit.delights.iter().cloned().partition(|d| d.at < cut);
    say("surprises and complements before the cut");
    let recorded = last
        .and_then(|l| l.manifest.as_ref())
        .and_then(|m| m.settings.get("completion").cloned());
    let model = backtest::model(&before, winner, &said, recorded, options.seed, say)?;
    drop(before);
    decision.sections = backtest::judge(
        &model,
        log,
        &later,
        fit.clock_types.as_ref(),
        cut,
        options.seed,
        say,
    )?;
    say("off-policy evaluation");
    let draws: Vec<policy::Logged> = draws.iter().filter(|d| d.at >= cut).cloned().collect();
    decision.policy = policy::evaluate_model(&model, log, &draws, options.seed);
    decision
        .checks
        .push(gate::judge_policy(decision.policy.as_ref()));
    Ok(())
}

/// How the slice was held out, in words.
pub fn in_words(split: &Split) -> String {
    match split.regime {
        Regime::TimeCut => {
            let at = split.cases.first().map_or(0, |case| case.now);
            let at = DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default();
            format!(
                "global cut at {}",
                at.to_rfc3339_opts(SecondsFormat::Secs, true)
            )
        }
        Regime::LastByTime => "cut before each customer's last new products".into(),
        Regime::LastByOrder => {
            "cut before each customer's last new product, by order of rows".into()
        }
        Regime::Random => "a random fifth of each customer's products".into(),
    }
}

/// Reads questions with known answers.
///
/// # Errors
/// A file that does not read or parse.
pub fn read_golden(path: &Path) -> anyhow::Result<Vec<Golden>> {
    use anyhow::Context;
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read golden questions {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("golden questions {} do not parse", path.display()))
}
