//! Fitting what goes with what, and choosing the settings of basket completion on the last baskets.

mod claims;
pub mod companions;
mod direction;
pub mod families;
mod follow;
pub mod graph;
pub mod significance;
mod substitutes;
mod variants;

use self::companions::{companions, CompanionOptions};
pub use self::families::CompletionError;
use self::families::{blend, ease, item_item, tempered, titles};
pub use self::follow::FollowSettings;
pub use self::graph::{ComplementOptions, Hints};
use crate::learn::strength::Verdict;
use crate::learn::vectors::ease::ease_bytes;
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serendib_engine::complement::{
    keep_largest, BasketLog, Complements, Completion, SparseRows, Variants, NOBODY,
};
use serendib_engine::surprise::Topics;
use serendib_shop::{baskets, CustomerIx, Kind, Log, ProductIx, DAY_MS};

/// EASE is dense: at most so many products, those with the most baskets.
const EASE_PRODUCTS: usize = 7_000;
/// While choosing, at most so many.
const EASE_WHILE_CHOOSING: usize = 4_500;
/// Entries kept per product of each family and of the blend: on Online Retail 300, 1,000 and all are equal within noise.
const WIDTH: usize = 300;
/// Products of the most alike titles that are looked at for each.
const ALIKE: usize = 200;
/// With fewer baskets of at least two products there is nothing to learn from.
const FEWEST_BASKETS: usize = 50;
/// Baskets of the validation slice that are looked at.
const VALIDATION_CASES: usize = 2_500;
/// Products that are hidden in each of them, one at a time: settings that differ little are told apart by many cases.
const HIDDEN_EACH: u64 = 5;

/// Settings of basket completion, and of how complements are ordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompletionSettings {
    /// Regularisation of EASE, in units of the mean weight of a basket.
    pub lambda: f32,
    /// Half-life of a basket's weight, days; absent = all baskets count alike.
    pub half_life_days: Option<f64>,
    /// Weight of item–item beside EASE's 1.
    pub item_item: f32,
    /// Weight of titles beside EASE's 1.
    pub titles: f32,
    /// Power of a product's popularity by which its score is divided, ≥ 0.
    pub popularity: f32,
    /// How complements are ordered.
    pub companions: CompanionOptions,
    /// How what follows a product is counted where its page shows that; absent = it shows what shares baskets.
    pub follow: Option<FollowSettings>,
    /// What was decided of a product's page, with the figures; absent before it was.
    pub page: Option<Verdict>,
    /// Hit@10 on the validation baskets when these settings were chosen.
    pub hit_at_10: f64,
    /// Validation cases: baskets with one product hidden.
    pub cases: usize,
}

impl Default for CompletionSettings {
    fn default() -> Self {
        CompletionSettings {
            lambda: 50.0,
            half_life_days: None,
            item_item: 0.0,
            titles: 0.2,
            popularity: 0.0,
            companions: CompanionOptions::default(),
            follow: None,
            page: None,
            hit_at_10: 0.0,
            cases: 0,
        }
    }
}

/// Every basket of `log`, known and anonymous, without pooled orders and what is no product, in order of time.
pub fn basket_log(log: &Log) -> BasketLog {
    let mut rows: Vec<(i64, CustomerIx, Vec<ProductIx>)> = Vec::new();
    for (customer, history) in log.histories.numbered() {
        for basket in baskets(history, log.timed) {
            let items = basket.lines.iter().map(|(product, _)| *product).collect();
            rows.push((basket.at, customer, items));
        }
    }
    for basket in log.anonymous_single() {
        let items: Vec<ProductIx> = basket.lines.iter().map(|(product, _)| *product).collect();
        rows.push((basket.at, NOBODY, items));
    }
    rows.sort_by_key(|row| row.0);
    let mut out = BasketLog::new(log.catalogue.len());
    for (at, customer, items) in rows {
        out.push(customer, at, items);
    }
    out
}

/// What each known customer viewed in one day; `None` where nobody views.
fn view_log(log: &Log) -> Option<BasketLog> {
    let mut out = BasketLog::new(log.catalogue.len());
    for (customer, history) in log.histories.numbered() {
        let mut day = i64::MIN;
        let mut items: Vec<ProductIx> = Vec::new();
        for touch in history.iter().filter(|t| t.kind == Kind::VIEW) {
            let today = touch.at.div_euclid(DAY_MS);
            if today != day {
                out.push(customer, day.max(0) * DAY_MS, items.drain(..));
                day = today;
            }
            items.push(touch.product);
        }
        out.push(customer, day.max(0) * DAY_MS, items);
    }
    (!out.is_empty() && log.timed).then_some(out)
}

/// One basket with one product hidden.
pub type HiddenCase = (Vec<(ProductIx, f32)>, ProductIx);

/// Hides one product of each basket of at least two, drawn by `seed`; at most `most` baskets.
pub fn hide_one(log: &BasketLog, most: usize, seed: u64) -> Vec<HiddenCase> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut eligible: Vec<usize> = (0..log.len())
        .filter(|ix| log.items(*ix).len() >= 2)
        .collect();
    if eligible.len() > most {
        eligible.shuffle(&mut rng);
        eligible.truncate(most);
        eligible.sort_unstable();
    }
    eligible
        .into_iter()
        .map(|ix| {
            let items = log.items(ix);
            let hidden = items[rng.gen_range(0..items.len())];
            let rest = items.iter().filter(|p| **p != hidden).map(|p| (*p, 1.0));
            (rest.collect(), hidden)
        })
        .collect()
}

/// For each case, whether `completion` has the hidden product among its ten best.
fn hits(completion: &Completion, cases: &[HiddenCase]) -> Vec<bool> {
    cases
        .par_iter()
        .map(|(basket, hidden)| {
            let best = completion.complete(basket, 10, &|_| true);
            best.iter().any(|(product, _)| product == hidden)
        })
        .collect()
}

fn share(hits: &[bool]) -> f64 {
    hits.iter().filter(|hit| **hit).count() as f64 / hits.len().max(1) as f64
}

/// Share of baskets that hold each product.
pub fn basket_share(log: &BasketLog) -> Vec<f32> {
    let n = log.len().max(1) as f32;
    log.frequencies().iter().map(|f| *f as f32 / n).collect()
}

/// Weight of each basket by its age at the end of `log`, and the mean weight.
fn weights(log: &BasketLog, half_life_days: Option<f64>) -> (Vec<f32>, f32) {
    let end = (0..log.len()).map(|ix| log.at(ix)).max().unwrap_or(0);
    let weights: Vec<f32> = (0..log.len())
        .map(|ix| match half_life_days {
            Some(days) => {
                let age = (end - log.at(ix)) as f64 / DAY_MS as f64;
                0.5f64.powf(age / days.max(1.0)) as f32
            }
            None => 1.0,
        })
        .collect();
    let mean = weights.iter().sum::<f32>() / weights.len().max(1) as f32;
    (weights, mean)
}

fn ease_rows(
    log: &BasketLog,
    lambda: f32,
    half_life_days: Option<f64>,
    products: usize,
) -> Result<SparseRows, CompletionError> {
    let (weights, mean) = weights(log, half_life_days);
    ease(log, lambda * mean, products, WIDTH, &|ix| weights[ix])
}

fn item_rows(log: &BasketLog, half_life_days: Option<f64>) -> SparseRows {
    let (weights, _) = weights(log, half_life_days);
    item_item(log, 1.0, WIDTH, &|ix| weights[ix])
}

/// How many baskets hold at least two products.
fn shared_baskets(log: &BasketLog) -> usize {
    (0..log.len())
        .filter(|ix| log.items(*ix).len() >= 2)
        .count()
}

/// The scorer with `settings` fitted on all of `log`, with EASE on `most` products at most; `words` = its [`titles`].
///
/// # Errors
/// EASE cannot be solved (λ ≤ 0).
pub fn completion(
    log: &Log,
    baskets: &BasketLog,
    words: &SparseRows,
    settings: &CompletionSettings,
    most: usize,
) -> Result<Completion, CompletionError> {
    let half_life = settings.half_life_days;
    // Baskets of one product complete nothing, and EASE costs the cube of the catalogue.
    let ease = if shared_baskets(baskets) >= FEWEST_BASKETS {
        ease_rows(baskets, settings.lambda, half_life, EASE_PRODUCTS.min(most))?
    } else {
        SparseRows::default()
    };
    let items = item_rows(baskets, half_life);
    // Products beyond EASE's reach still have their item–item row.
    let floor = settings.item_item.max(0.02);
    let rows = blend(
        &[(&ease, 1.0), (&items, floor), (words, settings.titles)],
        log.catalogue.len(),
        WIDTH,
    );
    let rows = tempered(&rows, &baskets.frequencies(), settings.popularity);
    Ok(Completion::new(rows, basket_share(baskets)))
}

/// Chooses the settings on the last tenth of baskets (a random tenth without times), one product hidden in each; `words` =
/// the [`titles`] of `log`, `most` = products that EASE may have.
///
/// # Errors
/// EASE cannot be solved.
pub fn choose(
    log: &Log,
    baskets: &BasketLog,
    words: &SparseRows,
    most: usize,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<CompletionSettings, CompletionError> {
    let (fit, late) = split(baskets, log.timed, seed);
    let cases: Vec<HiddenCase> = (0..HIDDEN_EACH)
        .flat_map(|again| hide_one(&late, VALIDATION_CASES, seed.wrapping_add(again)))
        .collect();
    if cases.len() < FEWEST_BASKETS * HIDDEN_EACH as usize {
        return Ok(CompletionSettings::default());
    }
    let products = log.catalogue.len();
    let popularity = basket_share(&fit);
    let judge = |rows: SparseRows| share(&hits(&Completion::new(rows, popularity.clone()), &cases));
    let look =
        |best: &mut (CompletionSettings, SparseRows), lambda: f32, half_life: Option<f64>| {
            say(&format!("choosing basket completion: λ {lambda}"));
            let rows = ease_rows(&fit, lambda, half_life, EASE_WHILE_CHOOSING.min(most))?;
            let hit_at_10 = judge(rows.clone());
            let better = hit_at_10 > best.0.hit_at_10;
            if better {
                best.0.lambda = lambda;
                best.0.half_life_days = half_life;
                best.0.hit_at_10 = hit_at_10;
                best.1 = rows;
            }
            Ok::<bool, CompletionError>(better)
        };
    let start = CompletionSettings {
        titles: 0.0,
        ..CompletionSettings::default()
    };
    let mut found = (start, SparseRows::default());
    let span_days = log.span.map_or(0, |(from, to)| (to - from) / DAY_MS);
    let half_life = (log.timed && span_days >= 120).then_some(180.0);
    look(&mut found, 50.0, half_life)?;
    if look(&mut found, 200.0, half_life)? {
        if look(&mut found, 500.0, half_life)? {
            look(&mut found, 1500.0, half_life)?;
        }
    } else {
        look(&mut found, 20.0, half_life)?;
    }
    let lambda = found.0.lambda;
    if half_life.is_some() && !look(&mut found, lambda, Some(90.0))? {
        look(&mut found, lambda, None)?;
    }
    let (mut best, best_rows) = found;
    let items = item_rows(&fit, best.half_life_days);
    say("choosing basket completion: the blend");
    for weight in [0.1, 0.2, 0.3, 0.5] {
        let hit = judge(blend(
            &[(&best_rows, 1.0), (words, weight)],
            products,
            WIDTH,
        ));
        if hit > best.hit_at_10 {
            (best.titles, best.hit_at_10) = (weight, hit);
        }
    }
    for weight in [0.1, 0.3, 1.0, 3.0] {
        let families = [(&best_rows, 1.0), (&items, weight), (words, best.titles)];
        let hit = judge(blend(&families, products, WIDTH));
        if hit > best.hit_at_10 {
            (best.item_item, best.hit_at_10) = (weight, hit);
        }
    }
    let families = [
        (&best_rows, 1.0),
        (&items, best.item_item),
        (words, best.titles),
    ];
    let blended = blend(&families, products, WIDTH);
    let sold = fit.frequencies();
    for power in [0.1, 0.2, 0.3] {
        let hit = judge(tempered(&blended, &sold, power));
        if hit > best.hit_at_10 {
            (best.popularity, best.hit_at_10) = (power, hit);
        }
    }
    best.cases = cases.len();
    say("choosing how complements are ordered");
    let variants = variants::learn(&log.catalogue);
    best.companions = choose_companions(&fit, words, &variants, &cases);
    Ok(best)
}

/// The options by which most of `cases` have another product of the basket, no variant of the hidden one, among the ten
/// first companions of the hidden one. Lift is never left out: a complement is more than what everybody buys.
fn choose_companions(
    fit: &BasketLog,
    words: &SparseRows,
    variants: &Variants,
    cases: &[HiddenCase],
) -> CompanionOptions {
    let judge = |options: &CompanionOptions| {
        let rows = companions(fit, words, options, WIDTH);
        let found: Vec<bool> = cases
            .par_iter()
            .map(|(rest, anchor)| {
                let mut row: Vec<(ProductIx, f32)> = rows
                    .iter(*anchor)
                    .filter(|(other, _)| !variants.same(*anchor, *other))
                    .collect();
                keep_largest(&mut row, 10);
                let inside = |p: ProductIx| rest.iter().any(|(other, _)| *other == p);
                row.iter().any(|(p, _)| inside(*p))
            })
            .collect();
        share(&found)
    };
    let mut best = CompanionOptions::default();
    let mut most = judge(&best);
    for lift in [1.0, 0.5, 0.3] {
        for size_power in [0.5, 0.75] {
            let options = CompanionOptions {
                size_power,
                lift,
                ..best
            };
            let found = judge(&options);
            if found > most {
                (best, most) = (options, found);
            }
        }
    }
    best
}

/// The earlier nine tenths and the last tenth of baskets; at random without times.
pub fn split(baskets: &BasketLog, timed: bool, seed: u64) -> (BasketLog, BasketLog) {
    let mut late = vec![false; baskets.len()];
    let tenth = baskets.len() / 10;
    if timed {
        late[baskets.len() - tenth..].fill(true);
    } else {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..baskets.len()).collect();
        order.shuffle(&mut rng);
        for ix in &order[..tenth] {
            late[*ix] = true;
        }
    }
    (
        baskets.filtered(|ix| !late[ix]),
        baskets.filtered(|ix| late[ix]),
    )
}

/// How alike the titles of products are.
pub fn alike(log: &Log) -> SparseRows {
    titles(&log.catalogue, ALIKE)
}

fn options(settings: &CompletionSettings) -> ComplementOptions {
    ComplementOptions {
        companions: settings.companions,
        follow: settings.follow,
        ..ComplementOptions::default()
    }
}

/// The options of the graph from what a manifest records of [`CompletionSettings`]; the defaults where it records none.
pub fn complement_options(recorded: &serde_json::Value) -> ComplementOptions {
    let settings = serde_json::from_value(recorded.clone()).unwrap_or_default();
    options(&settings)
}

/// Fits complements, substitutes, variants and completion; `settings` = those recorded before, chosen now if absent.
///
/// # Errors
/// EASE cannot be solved.
pub fn fit(
    log: &Log,
    topics: &Topics,
    settings: Option<CompletionSettings>,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<(Complements, CompletionSettings), CompletionError> {
    fit_within(usize::MAX, log, topics, settings, seed, say)
}

/// The same in `memory` bytes, of which EASE may have a half.
///
/// # Errors
/// As [`fit`].
pub fn fit_within(
    memory: usize,
    log: &Log,
    topics: &Topics,
    settings: Option<CompletionSettings>,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<(Complements, CompletionSettings), CompletionError> {
    let most = (memory / 2 / ease_bytes(1)).isqrt();
    let baskets = basket_log(log);
    let words = alike(log);
    let views = view_log(log);
    let hints = Hints {
        views: views.as_ref(),
        topics: topics.numbers(),
        like: &words,
    };
    let settings = match settings {
        Some(settings) => settings,
        None => {
            let mut chosen = choose(log, &baskets, &words, most, seed, say)?;
            let options = options(&chosen);
            let (catalogue, timed) = (&log.catalogue, log.timed);
            let (follow, verdict) =
                follow::choose::choose(catalogue, &baskets, &hints, timed, &options, seed, say);
            (chosen.follow, chosen.page) = (follow, Some(verdict));
            chosen
        }
    };
    say("fitting basket completion");
    let completion = completion(log, &baskets, &words, &settings, most)?;
    say("finding complements and substitutes");
    let complements = graph::fit(
        &log.catalogue,
        &baskets,
        &hints,
        completion,
        log.timed,
        &options(&settings),
    );
    Ok((complements, settings))
}
