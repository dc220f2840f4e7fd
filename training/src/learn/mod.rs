//! Fitting: the automatic choice of families, and the parts of a model.

pub mod aversion;
pub mod buy_again;
pub mod checkpoint;
pub mod complement;
pub mod corpus;
pub mod engagement;
pub mod life;
pub mod memory;
pub mod next_basket;
pub mod publish;
pub mod purchase;
pub mod relations;
pub mod strength;
pub mod surprise;
pub mod vectors;

use std::sync::Arc;

use serendib_engine::bundle::{read_json, write_json, Bundle, BundleError, DataWindow, Manifest};
use serendib_engine::complement::Complements;
use serendib_engine::engagement::EngagementModel;
use serendib_engine::model::Model;
use serendib_engine::rank::{Allowed, CustomerState};
use serendib_engine::represent::{RepresentError, Representation};
use serendib_shop::{Catalogue, CustomerIx, DataError, Delight, Kind, Kinds, Log, ShopData, Touch};

use crate::learn::life::Sources;
pub use checkpoint::Checkpoints;
use complement::CompletionSettings;
pub use corpus::{Case, Corpus};
pub use vectors::build::build;
pub use vectors::choose::{choose, Choice, Member, Settings};

/// What the caller of [`fit`] decides.
#[derive(Debug, Clone, Default)]
pub struct FitOptions {
    /// Seed of everything random.
    pub seed: u64,
    /// Bytes that fitting may use; most of what is free, if absent.
    pub memory: Option<usize>,
    /// Settings to use instead of choosing, as recorded in a bundle.
    pub settings: Option<Settings>,
    /// What customers said of surprises.
    pub delights: Vec<Delight>,
    /// Clock types of the shop's own, as in `shop.json`.
    pub clock_types: Option<serde_json::Value>,
}

impl FitOptions {
    /// Defaults, with what the shop's data say beside its log: ratings of surprises and clock types.
    ///
    /// # Errors
    /// A wrong row of the `delights` table.
    pub fn of_shop(data: &ShopData) -> Result<FitOptions, DataError> {
        Ok(FitOptions {
            delights: data.delights()?.collect::<Result<_, _>>()?,
            clock_types: data.shop().clock_types.clone(),
            ..FitOptions::default()
        })
    }
}

/// Why a model cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The work would not fit into memory.
    #[error(
        "fitting {products} products and {interactions} interactions needs about {needed_gb:.2} GB, {allowed_gb:.2} GB \
         are allowed: raise --memory-gb or fit on fewer products or a shorter span"
    )]
    Memory {
        products: usize,
        interactions: usize,
        /// Needed, 10⁹ bytes.
        needed_gb: f64,
        /// Allowed, 10⁹ bytes.
        allowed_gb: f64,
    },
    /// There is nothing to learn from.
    #[error("the data hold no products: nothing can be fitted")]
    NoProducts,
    /// There are touchpoints, and nobody acquires anything in them.
    #[error(
        "nothing in the data is acquired, so that no taste can be learned: {read}; what customers bought, rated or kept needs a \
         kind such as purchase, and a product"
    )]
    NothingAcquired {
        /// What was read: kinds with their touchpoints.
        read: String,
    },
    /// The numbers do not make a representation.
    #[error("cannot put the representation together: {0}")]
    Representation(#[from] RepresentError),
    /// A further part of the model cannot be fitted.
    #[error("cannot fit {part}: {what}")]
    Part { part: &'static str, what: String },
}

/// What every part of the model is fitted from.
pub struct FitContext<'a> {
    /// The whole log.
    pub log: &'a Log,
    /// Its histories without postage, fees and pooled baskets.
    pub corpus: &'a Corpus<'a>,
    /// What customers said of surprises.
    pub delights: &'a [Delight],
    /// Clock types of the shop's own.
    pub clock_types: Option<&'a serde_json::Value>,
    /// Settings of basket completion as recorded before; chosen now if absent.
    pub completion: Option<CompletionSettings>,
    /// Seed of everything random.
    pub seed: u64,
    /// Bytes that fitting may use.
    pub memory: usize,
    /// Told what is being done.
    pub say: &'a dyn Fn(&str),
}

/// A fitted model with how it came about.
pub struct Fit {
    /// The model; its manifest holds settings and metrics, but neither id nor date.
    pub model: Model,
    /// Settings of the representation.
    pub settings: Settings,
    /// How they were chosen; absent where they were given.
    pub choice: Option<Choice>,
}

/// Returns the histories of `log` for fitting.
pub fn corpus_of(log: &Log) -> Corpus<'_> {
    Corpus {
        catalogue: &log.catalogue,
        histories: log.histories.iter().map(Into::into).collect(),
        anonymous: log
            .anonymous_single()
            .flat_map(|basket| {
                basket
                    .lines
                    .iter()
                    .map(|(product, _)| (*product, basket.at))
            })
            .collect(),
        timed: log.timed,
    }
}

/// Chooses settings (unless given) and fits every part of a model on all of `log`.
///
/// # Errors
/// Nothing to fit, or too little memory: found out before the work starts.
pub fn fit(log: &Log, options: &FitOptions, say: &dyn Fn(&str)) -> Result<Fit, FitError> {
    fit_resuming(log, options, None, say)
}

/// The kinds of touchpoints in `log`, most frequent first.
fn kinds_of(log: &Log) -> String {
    let kinds = &log.encoder.kinds;
    let mut counts = vec![0u64; kinds.len()];
    for touch in log.histories.touches() {
        if let Some(count) = counts.get_mut(usize::from(touch.kind.0)) {
            *count += 1;
        }
    }
    let mut counts: Vec<_> = (0u16..)
        .map(Kind)
        .zip(counts)
        .filter(|(_, n)| *n > 0)
        .collect();
    counts.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    let shown: Vec<_> = counts
        .iter()
        .take(10)
        .map(|(kind, count)| match Kinds::nearest(kinds.name(*kind)) {
            Some(meant) if usize::from(kind.0) >= Kinds::known() => {
                format!(
                    "{count} of kind {} (did you mean {meant}?)",
                    kinds.name(*kind)
                )
            }
            _ => format!("{count} of kind {}", kinds.name(*kind)),
        })
        .collect();
    format!(
        "{} touchpoints were read, {}",
        log.histories.touches().len(),
        shown.join(", ")
    )
}

/// What a manifest says of the data in `log`.
pub fn window_of(log: &Log) -> DataWindow {
    DataWindow {
        from: log.span.map(|span| span.0),
        to: log.span.map(|span| span.1),
        timed: log.timed,
        touchpoints: log.histories.touches().len() as u64,
        customers: log.len() as u64,
        products: log.catalogue.len() as u64,
    }
}

/// The same, keeping finished stages in `checkpoints` and taking from there those that an interrupted fit has left.
///
/// # Errors
/// As [`fit`].
pub fn fit_resuming(
    log: &Log,
    options: &FitOptions,
    checkpoints: Option<&Checkpoints>,
    say: &dyn Fn(&str),
) -> Result<Fit, FitError> {
    if log.catalogue.is_empty() {
        return Err(FitError::NoProducts);
    }
    if !log.histories.touches().is_empty() && !log.acquires() {
        return Err(FitError::NothingAcquired {
            read: kinds_of(log),
        });
    }
    let memory = options.memory.unwrap_or_else(memory::available);
    let corpus = corpus_of(log);
    let vector_dim = vectors::choose::most_dimensions(&corpus, corpus.products());
    memory::check(&corpus, vector_dim, memory)?;
    let context = FitContext {
        log,
        corpus: &corpus,
        delights: &options.delights,
        clock_types: options.clock_types.as_ref(),
        completion: None,
        seed: options.seed,
        memory,
        say,
    };
    let (settings, choice) = match &options.settings {
        Some(settings) => (settings.clone(), None),
        None => match load(checkpoints, "settings", |b| read_json(b, SETTINGS)) {
            Some(kept) => kept,
            None => {
                let (settings, choice) = choose(&corpus, options.seed, memory, say);
                let both = (settings, Some(choice));
                if let Some(checkpoints) = checkpoints {
                    checkpoints.save("settings", |b| write_json(b, SETTINGS, &both));
                }
                both
            }
        },
    };
    // from here on a stage holds for these settings only: another run may have chosen others, or been given them
    let fitted_with = checkpoints.map(|all| all.of(&settings));
    let checkpoints = fitted_with.as_ref();
    let representation = match load(checkpoints, "representation", Representation::read) {
        Some(kept) => kept,
        None => {
            let representation = build(&corpus, &settings, say)?
                .with_alike_graph()
                .with_sure_searches();
            if let Some(checkpoints) = checkpoints {
                checkpoints.save("representation", |b| representation.write(b));
            }
            representation
        }
    };
    let index = representation.index_figures();
    let manifest = Manifest {
        data: window_of(log),
        settings: serde_json::json!({ "seed": options.seed, "representation": settings }),
        metrics: serde_json::json!({ "choice": choice, "index": index }),
        dimension: representation.dim(),
        ..Manifest::default()
    };
    let catalogue: Arc<Catalogue> = Arc::new(log.catalogue.clone());
    let mut model = Model::new(manifest, catalogue, log.encoder.clone(), representation);
    fit_parts(&context, &settings, &mut model, checkpoints)?;
    Ok(Fit {
        model,
        settings,
        choice,
    })
}

const SETTINGS: &str = "settings.json";

fn load<T>(
    checkpoints: Option<&Checkpoints>,
    stage: &str,
    read: impl FnOnce(&Bundle) -> Result<T, BundleError>,
) -> Option<T> {
    checkpoints?.load(stage, read)
}

/// Customer number `customer` of `log` with `history`, as serving would see them.
pub(crate) fn state<'a>(
    log: &'a Log,
    customer: CustomerIx,
    history: &'a [Touch],
) -> CustomerState<'a> {
    let profile = log.profiles.get(customer.index()).and_then(Option::as_ref);
    CustomerState {
        history,
        facts: profile.map_or(&[], |profile| &profile.facts),
        allowed: Allowed::of(&log.consents(customer), &log.default_consents),
    }
}

/// Fits the further parts of `model`, whose representation was built with `settings`: each from the context and the parts
/// before it.
///
/// # Errors
/// A part that cannot be fitted.
pub fn fit_parts(
    context: &FitContext,
    settings: &Settings,
    model: &mut Model,
    checkpoints: Option<&Checkpoints>,
) -> Result<(), FitError> {
    let part = |part: &'static str| {
        move |error: &dyn std::fmt::Display| FitError::Part {
            part,
            what: error.to_string(),
        }
    };
    let FitContext { log, seed, say, .. } = *context;
    say("finding topics");
    let topics = surprise::topics(log, &model.representation, seed);
    say("finding what customers have together beyond chance");
    model.relations = Some(relations::fit(log, &topics));
    let kept = load(checkpoints, "complements", |bundle| {
        let part = Complements::read(bundle, log.catalogue.len())?;
        Ok((part, read_json::<serde_json::Value>(bundle, SETTINGS)?))
    });
    match kept {
        Some((complements, settings)) => {
            model.complements = complements;
            model.manifest.settings["completion"] = settings;
        }
        None => {
            let (complements, settings) = complement::fit_within(
                context.memory,
                log,
                &topics,
                context.completion.clone(),
                seed,
                say,
            )
            .map_err(|error| part("complements")(&error))?;
            let settings = serde_json::json!(settings);
            if let Some(checkpoints) = checkpoints {
                checkpoints.save("complements", |bundle| {
                    write_json(bundle, SETTINGS, &settings)?;
                    complements.write(bundle)
                });
            }
            model.complements = Some(complements);
            model.manifest.settings["completion"] = settings;
        }
    }
    let page = model.manifest.settings["completion"].get("page").cloned();
    let page = page.and_then(|page| serde_json::from_value::<strength::Verdict>(page).ok());
    if let Some(page) = page {
        page.keep(&mut model.manifest);
    }
    say("fitting surprises");
    model.surprises = Some(surprise::fit(log, topics.clone(), &model.representation));
    let sources = Sources {
        catalogue: &log.catalogue,
        histories: context
            .corpus
            .histories
            .iter()
            .map(|h| h.as_ref())
            .collect(),
        profiles: &log.profiles,
        default_consents: log.default_consents,
        timed: log.timed,
        until: log.span.map_or(0, |(_, last)| last + 1),
        clock_types: context.clock_types,
    };
    if let (true, Some(span)) = (log.timed, log.span) {
        say("fitting engagement and propensity");
        let kinds = &log.encoder.kinds;
        let kept = load(checkpoints, "engagement", EngagementModel::read).flatten();
        let fitted = kept.unwrap_or_else(|| engagement::fit(&sources.histories, kinds, span));
        if let Some(checkpoints) = checkpoints {
            checkpoints.save("engagement", |bundle| fitted.write(bundle));
        }
        model.engagement = Some(fitted);
    }
    let end = log.span.filter(|_| log.timed).map(|(_, last)| last + 1);
    model.aversion = aversion::fit(&sources.histories, end);
    crate::learn::life::fit_into(&sources, model, seed, say)
        .map_err(|error| part("life")(&error))?;
    if model.life.is_some() {
        let mut early = purchase::early(context, settings, &topics, model, life::gate::DAYS)?;
        say("choosing how far life enters lists");
        let verdicts = match &mut early {
            Some(early) => life::gate::choose(context, early),
            None => life::gate::undecided(model.life.as_ref(), seed),
        };
        for verdict in verdicts {
            say(&verdict.to_string());
            verdict.keep(&mut model.manifest);
        }
        if let Some(early) = early {
            model.life = early.model.life;
        }
    }
    let early = purchase::early(context, settings, &topics, model, purchase::HORIZON_DAYS)?;
    let mut before = None;
    if let Some(mut early) = early {
        if let Some((purchase, report, verdict)) = purchase::fit(context, &early) {
            say(&verdict.to_string());
            verdict.keep(&mut model.manifest);
            model.purchase = Some(purchase);
            model.manifest.metrics["purchase"] = serde_json::json!(report);
        }
        // a few numbers for everybody, which hold no trace of one customer's purchase
        early.model.purchase = model.purchase.clone();
        before = Some((early.model, early.cut));
    }
    // Last, for delight is read from relevance and needs.
    say("fitting delight");
    let found = surprise::feel(model, log, context.delights, before)
        .map_err(|error| part("delight")(&error))?;
    if let Some(found) = found {
        model.manifest.metrics["surprises"] = serde_json::json!({
            "largest_share": found.largest,
            "lists": found.lists,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
