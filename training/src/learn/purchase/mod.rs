//! Fitting the purchase model on a window later than the models whose scores it reads.
//!
//! Everything that it reads is fitted once more on what came before the window, in a cheap form: the representation with
//! the chosen settings but without its dearest members, what goes with what, season and momentum. Life situations are the
//! exception: their tables describe a population, and hold no trace of one customer's next purchase.

mod fit;

use std::collections::HashSet;
use std::sync::Arc;

use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serendib_engine::bundle::Manifest;
use serendib_engine::complement::Completion;
use serendib_engine::life::LifeView;
use serendib_engine::model::Model;
use serendib_engine::rank::purchase::{features, PurchaseModel, PurchaseReport};
use serendib_engine::rank::{purchase_signals, Live};
use serendib_engine::surprise::Topics;
use serendib_shop::{acquisitions, had, CustomerIx, ProductIx, Touch, DAY_MS};

use self::fit::PurchaseRow;
use crate::learn::complement::{alike, basket_log, complement_options, graph, Hints};
use crate::learn::memory::affords_ease;
use crate::learn::strength::Verdict;
use crate::learn::vectors::build::build;
use crate::learn::vectors::choose::{simple, Settings};
use crate::learn::vectors::families::Family;
use crate::learn::{corpus_of, surprise, FitContext, FitError};

/// Days in which a purchase is to come.
pub const HORIZON_DAYS: i64 = 30;
/// A shorter history than this many horizons says too little of what came before.
const FEWEST_HORIZONS: i64 = 4;
/// Customers looked at: fewer where the catalogue is large.
const CUSTOMERS: (usize, usize) = (300, 2_000);
/// Products times customers that are scored.
const SCORED: usize = 60_000_000;
/// Products drawn at random for each customer, so that any pair has an honest number.
const RANDOM: usize = 20;
/// EASE solves the cube of the catalogue: above so many products it is not fitted twice.
const EASE_TWICE: usize = 5_000;
const VECTOR_DIM: usize = 128;

/// A model of what came before the window in which purchases are to come, in a cheap form, with the life situations that are
/// known after it.
pub struct Early {
    /// The model.
    pub model: Model,
    /// Its shelves.
    pub live: Live,
    /// Where the window begins, milliseconds.
    pub cut: i64,
    /// Length of the window in days, at least 1.
    pub horizon_days: i64,
    /// Customers who had acquired something before it, some where there are many; in order of number.
    pub customers: Vec<CustomerIx>,
}

impl Early {
    /// `history` before the window, and from its begin on.
    pub fn split<'a>(&self, history: &'a [Touch]) -> (&'a [Touch], &'a [Touch]) {
        history.split_at(history.partition_point(|touch| touch.at < self.cut))
    }
}

/// Fits what came before the last `days` days, or fewer where the log is short; `None` without times, or where so few days say too
/// little.
///
/// # Errors
/// Numbers that do not make a representation.
pub fn early(
    context: &FitContext,
    settings: &Settings,
    topics: &Topics,
    model: &Model,
    days: i64,
) -> Result<Option<Early>, FitError> {
    let (log, corpus) = (context.log, context.corpus);
    let Some((from, to)) = log.span.filter(|_| log.timed) else {
        return Ok(None);
    };
    let horizon = days.min((to - from) / DAY_MS / FEWEST_HORIZONS);
    if horizon < 1 {
        return Ok(None);
    }
    let cut = to + 1 - horizon * DAY_MS;
    let seen = |history: &'_ [Touch]| history.partition_point(|t| t.at < cut);
    let mut customers: Vec<CustomerIx> = CustomerIx::all(corpus.histories.len())
        .filter(|customer| {
            let history = &corpus.histories[customer.index()];
            acquisitions(&history[..seen(history)]).next().is_some()
        })
        .collect();
    let most = (SCORED / corpus.products().max(1)).clamp(CUSTOMERS.0, CUSTOMERS.1);
    let mut rng = ChaCha8Rng::seed_from_u64(context.seed ^ 0x9e37_79b9);
    customers.shuffle(&mut rng);
    customers.truncate(most);
    customers.sort_unstable();
    if customers.len() < CUSTOMERS.0 / 2 {
        return Ok(None);
    }

    (context.say)(&format!(
        "fitting once more without the last {horizon} days"
    ));
    let before = log.before(cut);
    let early_corpus = corpus_of(&before);
    let cheap = cheap(&early_corpus, settings, context.memory);
    let representation = build(&early_corpus, &cheap, &|_| ())?;
    let learned = surprise::fit(&before, topics.clone(), &representation);
    let graph = graph::fit(
        &before.catalogue,
        &basket_log(&before),
        &Hints {
            views: None,
            topics: topics.numbers(),
            like: &alike(&before),
        },
        Completion::default(),
        true,
        &complement_options(&model.manifest.settings["completion"]),
    );
    let mut early = Model::new(
        Manifest::default(),
        Arc::clone(&model.catalogue),
        before.encoder.clone(),
        representation,
    );
    early.manifest.data.timed = true;
    early.complements = Some(graph);
    early.surprises = Some(learned);
    early.life = model.life.clone();
    Ok(Some(Early {
        live: Live::of_catalogue(Arc::clone(&model.catalogue)),
        model: early,
        cut,
        horizon_days: horizon,
        customers,
    }))
}

/// Fits the model on what was bought after `before`; `None` where that says too little (and [`FitContext::say`] is told why).
pub fn fit(
    context: &FitContext,
    before: &Early,
) -> Option<(PurchaseModel, PurchaseReport, Verdict)> {
    let (log, corpus) = (context.log, context.corpus);
    let Early {
        model: early,
        live,
        cut,
        horizon_days: horizon,
        customers,
    } = before;
    let (cut, horizon) = (*cut, *horizon);
    (context.say)("fitting the purchase model");
    let products = corpus.products();
    let seed = context.seed;
    let mut rows: Vec<PurchaseRow> = Vec::new();
    let (mut newly, mut shares) = (0.0f64, 0.0f64);
    let all_shares: f64 = ProductIx::all(products)
        .map(|p| f64::from(early.popularity_share(p)))
        .sum();
    let per_customer: Vec<_> = customers
        .par_iter()
        .map(|&customer| {
            let whole = &corpus.histories[customer.index()];
            let (past, later) = before.split(whole);
            let state = crate::learn::state(log, customer, past);
            let life = early.life.as_ref().map(|part| {
                let infer = state.allowed.infer_life_stage && state.allowed.personalise;
                (part, part.state(past, state.facts, cut, infer))
            });
            let view = life
                .as_ref()
                .map(|(part, state)| LifeView::new(&part.model, &part.products, state));
            let bought: HashSet<ProductIx> = acquisitions(later).map(|t| t.product).collect();
            let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(customer.0) << 16));
            let extra: Vec<_> = (0..RANDOM)
                .map(|_| ProductIx(rng.gen_range(0..products as u32)))
                .collect();
            let signals = purchase_signals(early, live, state, cut, view.as_ref(), &extra);
            let owned: HashSet<ProductIx> = had(past).collect();
            let own: f64 = owned
                .iter()
                .map(|p| f64::from(early.popularity_share(*p)))
                .sum();
            let rows: Vec<PurchaseRow> = signals
                .into_iter()
                .map(|(product, signals)| PurchaseRow {
                    customer,
                    features: features(&signals, cut),
                    bought: bought.contains(&product),
                })
                .collect();
            (rows, bought.difference(&owned).count(), all_shares - own)
        })
        .collect();
    for (own, new, share) in per_customer {
        rows.extend(own);
        newly += new as f64;
        shares += share;
    }
    // Numbers of customers are made dense, so that halves are halves whatever the shop's order.
    let mut dense = 0u32;
    let mut last = None;
    for row in &mut rows {
        if last.is_some_and(|l| l != row.customer) {
            dense += 1;
        }
        last = Some(row.customer);
        row.customer = CustomerIx(dense);
    }
    let nobody = (newly / shares.max(1e-9)) as f32;
    match fit::fit(&rows, horizon as u32, nobody, seed) {
        Ok(fitted) => Some(fitted),
        Err(why) => {
            (context.say)(&why.to_string());
            None
        }
    }
}

/// `settings` without what is dear to fit a second time.
fn cheap(corpus: &crate::learn::Corpus, settings: &Settings, memory: usize) -> Settings {
    // the model that is to be served is held meanwhile, with as many rows
    let twice =
        corpus.products() <= EASE_TWICE && affords_ease(corpus, settings.vector_dim, memory / 2);
    let dear = |family: &Family| match family {
        Family::Ials { .. } => true,
        Family::Ease { .. } => !twice,
        _ => false,
    };
    let mut cheap = settings.clone();
    cheap.blend.retain(|member| !dear(&member.family));
    let personal = |family: &Family| !matches!(family, Family::Popular { .. });
    if !cheap.blend.iter().any(|member| personal(&member.family)) {
        return simple(corpus, settings.seed);
    }
    cheap.vector_dim = cheap.vector_dim.min(VECTOR_DIM);
    for member in &mut cheap.blend {
        if let Family::Spectral { k, .. } = &mut member.family {
            *k = (*k).min(cheap.vector_dim);
        }
    }
    cheap
}
