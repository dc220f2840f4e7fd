//! Whether a product's page shows what follows it or what shares baskets with it, chosen on the shop's own later purchases.
//!
//! A case is the first purchase of a product by one customer in the last fifth of the span. Its figure is how many of the ten
//! products listed for it the customer first bought in the same basket or soon after, less those bought as soon before, less
//! what the popularity of both explains: taste for both is as old before as after, and cancels out.

use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serendib_engine::complement::BasketLog;
use serendib_shop::{Catalogue, ProductIx, DAY_MS};

use super::firsts::Firsts;
use super::FollowSettings;
use crate::learn::complement::graph::{self, ComplementOptions, Hints};
use crate::learn::strength::{decide, Candidate, Verdict};

/// What is decided.
const CAPABILITY: &str = "goes with a product";
/// Cases of one product in one slice: what everybody buys would decide alone.
const CASES_EACH: usize = 5;
/// Cases of one slice.
const MOST_CASES: usize = 8_000;
/// The last fifth of the span is held out, at most so many days.
const LATE_DAYS: i64 = 150;
/// Days around a purchase that are looked at, at most.
const HORIZON_DAYS: i64 = 60;
/// Fewer held-out days show nothing.
const FEWEST_DAYS: i64 = 30;
/// Products listed.
const LISTED: usize = 10;

/// The candidates after "bought together", the weakest first: the less a product's own followers, the latest and what may be
/// chance weigh.
const CANDIDATES: [(f64, FollowSettings); 8] = [
    (0.2, follow(120, 100.0, 2.0, 0.0)),
    (0.25, follow(60, 100.0, 2.0, 0.0)),
    (0.3, follow(120, 100.0, 1.0, 0.0)),
    (0.35, follow(60, 100.0, 1.0, 0.0)),
    (0.5, follow(120, 30.0, 1.0, 0.0)),
    (0.55, follow(60, 30.0, 1.0, 0.0)),
    (0.6, follow(30, 30.0, 1.0, 0.0)),
    (0.8, follow(60, 100.0, 1.0, 1.0)),
];

const fn follow(days: i64, kappa: f32, doubt: f32, beside: f32) -> FollowSettings {
    FollowSettings {
        days,
        kappa,
        doubt,
        beside,
    }
}

fn name(settings: &FollowSettings) -> String {
    let FollowSettings {
        days,
        kappa,
        doubt,
        beside,
    } = settings;
    let beside = if *beside > 0.0 { " and together" } else { "" };
    format!("bought within {days} days after{beside}, kinds weigh {kappa}, doubt {doubt}")
}

/// One held-out first purchase.
struct Case {
    product: ProductIx,
    /// What was first bought in the same basket or within the horizon after, ascending.
    after: Vec<ProductIx>,
    /// What was first bought within the horizon before, ascending.
    before: Vec<ProductIx>,
}

impl Case {
    /// How many of `listed` came after, less those before, less what their `share` of all first purchases explains.
    fn figure(&self, listed: &[ProductIx], share: &[f32]) -> f64 {
        let among = |row: &[ProductIx]| {
            let found = listed.iter().filter(|p| row.binary_search(p).is_ok());
            found.count() as f64
        };
        let usual: f64 = listed.iter().map(|p| f64::from(share[p.index()])).sum();
        let more = self.after.len() as f64 - self.before.len() as f64;
        among(&self.after) - among(&self.before) - usual * more
    }
}

/// Cases of first purchases from `from` until `to`, drawn by `seed`.
fn cases(
    firsts: &Firsts,
    products: usize,
    (from, to): (i64, i64),
    ms: i64,
    seed: u64,
) -> Vec<Case> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn: Vec<(ProductIx, u32)> = Vec::new();
    for product in ProductIx::all(products) {
        let within = |place: &&u32| (from..to).contains(&firsts.at(**place));
        let mut places: Vec<u32> = firsts.of(product).iter().filter(within).copied().collect();
        places.shuffle(&mut rng);
        drawn.extend(places.into_iter().take(CASES_EACH).map(|at| (product, at)));
    }
    drawn.shuffle(&mut rng);
    drawn.truncate(MOST_CASES);
    let sorted = |range: std::ops::Range<usize>, product: ProductIx| {
        let others = firsts.products()[range].iter().copied();
        let mut others: Vec<ProductIx> = others.filter(|p| *p != product).collect();
        others.sort_unstable();
        others
    };
    drawn
        .into_iter()
        .filter_map(|(product, place)| {
            let around = firsts.around(place, ms)?;
            Some(Case {
                product,
                after: sorted(around.together.start..around.after.end, product),
                before: sorted(around.before, product),
            })
        })
        .collect()
}

/// Chooses on the late purchases of `log`; `None` = what shares baskets, as the graph has it.
pub(in crate::learn::complement) fn choose(
    catalogue: &Catalogue,
    log: &BasketLog,
    hints: &Hints,
    timed: bool,
    options: &ComplementOptions,
    seed: u64,
    say: &dyn Fn(&str),
) -> (Option<FollowSettings>, Verdict) {
    let mut candidates = vec![Candidate::new("bought together", 0.0)];
    candidates.extend(CANDIDATES.map(|(strength, s)| Candidate::new(name(&s), strength)));
    let categories = ProductIx::all(catalogue.len())
        .filter(|p| catalogue.leaf(*p).is_some())
        .count();
    // kinds that the shop itself named are worth more trust than clusters of words
    let prior = usize::from(timed && categories * 2 >= catalogue.len().max(1));
    let held_out = timed.then(|| held_out(log, seed)).flatten();
    let (early, late) = match &held_out {
        None => (Vec::new(), Vec::new()),
        Some(held_out) => {
            say("choosing what goes with a product");
            held_out.figures(catalogue, hints, options)
        }
    };
    let verdict = decide(CAPABILITY, &candidates, &early, &late, prior, seed);
    let chosen = verdict.chosen.checked_sub(1);
    (
        chosen.and_then(|ix| CANDIDATES.get(ix)).map(|(_, s)| *s),
        verdict,
    )
}

/// The earlier purchases, and cases of two later slices.
struct HeldOut {
    early: BasketLog,
    slices: [Vec<Case>; 2],
    /// Share of each product of all first purchases about then.
    share: Vec<f32>,
}

/// Holds out the last fifth of the span of `log`; `None` where that is too short.
fn held_out(log: &BasketLog, seed: u64) -> Option<HeldOut> {
    let times = || (0..log.len()).map(|ix| log.at(ix));
    let (from, end) = (times().min()?, times().max()? + 1);
    let late = ((end - from) / 5).min(LATE_DAYS * DAY_MS);
    if late < FEWEST_DAYS * DAY_MS {
        return None;
    }
    let horizon = (late / 2).min(HORIZON_DAYS * DAY_MS);
    let cut = end - late;
    let middle = cut + (late - horizon) * 3 / 5;
    let firsts = Firsts::new(log);
    let products = log.products();
    let draw = |span, seed| cases(&firsts, products, span, horizon, seed);
    let slices = [
        draw((cut, middle), seed),
        draw((middle, end - horizon), seed.wrapping_add(1)),
    ];
    let mut share = vec![0.0f32; products];
    for product in ProductIx::all(products) {
        let lately = |place: &&u32| firsts.at(**place) >= cut - horizon;
        share[product.index()] = firsts.of(product).iter().filter(lately).count() as f32;
    }
    let all: f32 = share.iter().sum::<f32>().max(1.0);
    share.iter_mut().for_each(|s| *s /= all);
    Some(HeldOut {
        early: log.filtered(|ix| log.at(ix) < cut),
        slices,
        share,
    })
}

impl HeldOut {
    /// The figure of every case of both slices, for "bought together" and each of [`CANDIDATES`].
    fn figures(
        &self,
        catalogue: &Catalogue,
        hints: &Hints,
        options: &ComplementOptions,
    ) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let hints = Hints {
            views: None,
            ..*hints
        };
        let options = ComplementOptions {
            follow: None,
            ..*options
        };
        let forms: Vec<FollowSettings> = CANDIDATES.iter().map(|(_, s)| *s).collect();
        let graphs = graph::forms(catalogue, &self.early, &hints, &options, &forms);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for complements in graphs {
            let figures = |cases: &[Case]| -> Vec<f64> {
                cases
                    .par_iter()
                    .map(|case| {
                        let listed =
                            complements.goes_with(&[(case.product, 0.0)], LISTED, &|_| true);
                        let listed: Vec<ProductIx> = listed.iter().map(|(p, ..)| *p).collect();
                        case.figure(&listed, &self.share)
                    })
                    .collect()
            };
            early.push(figures(&self.slices[0]));
            late.push(figures(&self.slices[1]));
        }
        (early, late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::CustomerIx;

    #[test]
    fn what_was_bought_before_and_what_sells_anyhow_count_against_a_list() {
        let case = Case {
            product: ProductIx(0),
            after: vec![ProductIx(1), ProductIx(2)],
            before: vec![ProductIx(3)],
        };
        let share = [0.0, 0.1, 0.0, 0.0, 0.2];
        assert_eq!(case.figure(&[ProductIx(2)], &share), 1.0);
        assert_eq!(case.figure(&[ProductIx(3)], &share), -1.0);
        assert!((case.figure(&[ProductIx(1)], &share) - 0.9).abs() < 1e-6);
        assert!((case.figure(&[ProductIx(4)], &share) + 0.2).abs() < 1e-6);
    }

    #[test]
    fn slices_follow_one_another_and_a_short_span_has_none() {
        let mut log = BasketLog::new(3);
        for day in 0..200i64 {
            log.push(CustomerIx(day as u32), day * DAY_MS, [0, 1].map(ProductIx));
            log.push(CustomerIx(day as u32), (day + 3) * DAY_MS, [ProductIx(2)]);
        }
        let held_out = held_out(&log, 1).expect("long enough");
        assert!(held_out.slices.iter().all(|slice| !slice.is_empty()));
        assert!(held_out.early.len() < log.len());
        let short = log.filtered(|ix| log.at(ix) < 40 * DAY_MS);
        assert!(super::held_out(&short, 1).is_none());
    }
}
