//! Fitting the next basket: related products, and the weights of the parts, chosen on the previous basket.

use rayon::prelude::*;
use serendib_engine::repeat::{
    explore_share, BasketProfile, NeighbourIndex, NextBasket, NextBasketSettings, SparseVector,
};
use serendib_shop::{Basket, ProductIx};

use crate::stats::ndcg::ndcg;

/// Related products kept per product.
const RELATED: usize = 200;
/// Products of one customer that count for relations: the strongest.
const WIDEST: usize = 300;
/// Customers whose last basket is held out to choose settings.
const JUDGES: usize = 2500;
/// Length of the lists that are judged.
const LENGTH: usize = 10;

/// Decays that are tried.
const DECAYS: [f32; 4] = [0.8, 0.9, 0.95, 1.0];
/// Weights that are tried for each part, in order: the search climbs from one to the next.
const WEIGHTS: [f32; 15] = [
    0.0, 0.3, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 45.0, 60.0, 80.0, 120.0, 200.0,
];
/// Weights of popularity beside the own count by which the decay is chosen.
const POPULAR: [f32; 3] = [3.0, 10.0, 30.0];
/// Exponents of the customer's own explore share that are tried.
const MIXES: [f32; 3] = [0.0, 0.5, 1.0];
/// Exponents of products' habits that are tried.
const HABITS: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// Decays of popularity that are tried.
const POPULAR_DECAYS: [f32; 4] = [1.0, 0.8, 0.6, 0.3];

/// Fits a model on all customers' baskets (each in order of time); `None` if nobody has two baskets.
///
/// Settings are those with the best sum of Recall@10 and NDCG@10 on the last basket of a sample of customers, everything
/// else fitted without any customer's last basket; then everything is fitted again on all baskets. `neighbour_count`
/// neighbours are tried beside the related products.
pub fn fit(
    customers: &[Vec<Basket>],
    products: usize,
    neighbour_count: usize,
) -> Option<NextBasket> {
    let judged: Vec<u32> = (0..customers.len() as u32)
        .filter(|&c| customers[c as usize].len() >= 2)
        .collect();
    if judged.is_empty() || products == 0 {
        return None;
    }
    let stride = judged.len().div_ceil(JUDGES);
    let judges: Vec<u32> = judged.iter().copied().step_by(stride).collect();
    let before: Vec<&[Basket]> = customers
        .iter()
        .map(|list| match list.len() {
            0 | 1 => list.as_slice(),
            n => &list[..n - 1],
        })
        .collect();
    let (decay, popular_decay) = decays(customers, &before, &judges, products);
    let base = NextBasketSettings {
        decay,
        popular_decay,
        neighbour_count: neighbour_count as u32,
        explore_share: mean_explore(&before),
        ..NextBasketSettings::default()
    };
    let model = parts(&before, products, base);
    let (settings, calibration) = choose(&model, &before, customers, &judges, neighbour_count);
    let all: Vec<&[Basket]> = customers.iter().map(Vec::as_slice).collect();
    Some(parts(&all, products, settings.clone()).with(settings, calibration))
}

/// The decays of own counts and of popularity that predict best by these two alone.
fn decays(
    customers: &[Vec<Basket>],
    before: &[&[Basket]],
    judges: &[u32],
    products: usize,
) -> (f32, f32) {
    let popularities = POPULAR_DECAYS.map(|decay| popularity(before, products, decay));
    let leaders: Vec<Vec<ProductIx>> = popularities
        .iter()
        .map(|list| {
            let all = list.iter().enumerate();
            top(all.map(|(p, n)| (ProductIx::of_index(p), *n)), 5 * LENGTH)
        })
        .collect();
    let mut best = (f64::NEG_INFINITY, DECAYS[0], POPULAR_DECAYS[0]);
    for decay in DECAYS {
        let sums: Vec<Vec<f64>> = judges
            .par_iter()
            .map(|&judge| {
                let own = NextBasket::vector_of(decay, before[judge as usize]);
                let truth = last_of(&customers[judge as usize]);
                let mut found = Vec::with_capacity(POPULAR_DECAYS.len() * POPULAR.len());
                for (popularity, leaders) in popularities.iter().zip(&leaders) {
                    for weight in POPULAR {
                        let mine = own
                            .iter()
                            .map(|(p, n)| (*p, n + weight * popularity[p.index()]));
                        let others = leaders
                            .iter()
                            .filter(|p| own.binary_search_by_key(*p, |v| v.0).is_err())
                            .map(|p| (*p, weight * popularity[p.index()]));
                        found.push(quality(&top(mine.chain(others), LENGTH), &truth));
                    }
                }
                found
            })
            .collect();
        for at in 0..POPULAR_DECAYS.len() * POPULAR.len() {
            let sum: f64 = sums.iter().map(|found| found[at]).sum();
            if sum > best.0 {
                best = (sum, decay, POPULAR_DECAYS[at / POPULAR.len()]);
            }
        }
    }
    (best.1, best.2)
}

fn last_of(list: &[Basket]) -> Vec<ProductIx> {
    list.last()
        .map_or_else(Vec::new, |b| b.lines.iter().map(|l| l.0).collect())
}

/// An index of all customers for [`NextBasket::recommend`]; in memory only.
pub fn neighbours(model: &NextBasket, customers: &[&[Basket]]) -> NeighbourIndex {
    let vectors = customers
        .par_iter()
        .map(|list| model.rates_of(list))
        .collect();
    NeighbourIndex::new(
        vectors,
        model.popularity.len(),
        model.settings.neighbour_count as usize,
    )
}

fn mean_explore(customers: &[&[Basket]]) -> f32 {
    let shares: Vec<f32> = customers
        .par_iter()
        .filter(|list| list.len() >= 2)
        .map(|list| explore_share(list, 0.5))
        .collect();
    if shares.is_empty() {
        0.5
    } else {
        (shares.iter().sum::<f32>() / shares.len() as f32).clamp(0.02, 1.0)
    }
}

/// Popularity, habits and what follows what.
pub fn parts(customers: &[&[Basket]], products: usize, settings: NextBasketSettings) -> NextBasket {
    let popularity = popularity(customers, products, settings.popular_decay);
    let steps = Steps::new(customers, products, settings.decay);
    let habits = steps.habits();
    let related = steps.related(&popularity);
    NextBasket::new(settings, popularity, habits, &related, Vec::new())
}

/// Share of baskets with each product; a customer's k-th basket from the last counts `decay`ᵏ.
pub fn popularity(customers: &[&[Basket]], products: usize, decay: f32) -> Vec<f32> {
    let mut popularity = vec![0.0f32; products];
    let mut mass = 0.0f64;
    for list in customers {
        let mut weight = 1.0f32;
        for basket in list.iter().rev() {
            mass += f64::from(weight);
            for (product, _) in &basket.lines {
                popularity[product.index()] += weight;
            }
            weight *= decay;
        }
    }
    popularity
        .iter_mut()
        .for_each(|n| *n /= mass.max(1.0) as f32);
    popularity
}

/// Steps from what a customer had bought to their next basket.
struct Steps<'a> {
    /// Per product, the steps before which it had been bought, with its decayed count.
    postings: Vec<Vec<(u32, f32)>>,
    /// The next basket of each step.
    next: Vec<&'a Basket>,
}

impl<'a> Steps<'a> {
    fn new(customers: &[&'a [Basket]], products: usize, decay: f32) -> Steps<'a> {
        let mut postings: Vec<Vec<(u32, f32)>> = vec![Vec::new(); products];
        let mut next = Vec::new();
        for list in customers {
            for at in list.len().saturating_sub(STEPS).max(1)..list.len() {
                let mut vector = NextBasket::vector_of(decay, &list[..at]);
                if vector.len() > WIDEST {
                    vector.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                    vector.truncate(WIDEST);
                }
                for (product, count) in vector {
                    postings[product.index()].push((next.len() as u32, count));
                }
                next.push(&list[at]);
            }
        }
        Steps { postings, next }
    }

    /// How often a product that was bought comes back, per decayed count, relative to all products; shrunk by ten.
    fn habits(&self) -> Vec<f32> {
        let sums: Vec<(f32, f32)> = self
            .postings
            .par_iter()
            .enumerate()
            .map(|(product, list)| {
                let mut sums = (0.0, 0.0);
                for &(step, count) in list {
                    let lines = &self.next[step as usize].lines;
                    let hit = lines.iter().any(|(p, _)| p.index() == product);
                    sums.0 += f32::from(u8::from(hit));
                    sums.1 += count;
                }
                sums
            })
            .collect();
        let hits: f64 = sums.iter().map(|s| f64::from(s.0)).sum();
        let counts: f64 = sums.iter().map(|s| f64::from(s.1)).sum();
        let mean = ((hits + 1e-3) / (counts + 1.0)) as f32;
        sums.iter()
            .map(|(hits, counts)| ((hits + 10.0 * mean) / (counts + 10.0) / mean).clamp(0.02, 50.0))
            .collect()
    }

    /// P(j in the next basket | i bought before), damped by popularity of j; rows sum to one.
    fn related(&self, popularity: &[f32]) -> Vec<Vec<(ProductIx, f32)>> {
        let products = self.postings.len();
        (0..products)
            .into_par_iter()
            .map_init(
                || (vec![0.0f32; products], Vec::new()),
                |(sums, touched), product| {
                    for &(step, count) in &self.postings[product] {
                        let lines = &self.next[step as usize].lines;
                        // A large basket says less about each of its lines.
                        let weight = count / (lines.len() as f32).sqrt();
                        for &(other, _) in lines {
                            if other.index() != product {
                                if sums[other.index()] == 0.0 {
                                    touched.push(other);
                                }
                                sums[other.index()] += weight;
                            }
                        }
                    }
                    let mut row: Vec<(ProductIx, f32)> = touched
                        .drain(..)
                        .map(|other| {
                            let value = std::mem::take(&mut sums[other.index()]);
                            let common = popularity[other.index()].max(1e-7);
                            (other, value / common.powf(DAMP))
                        })
                        .collect();
                    row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                    row.truncate(RELATED);
                    let total: f32 = row.iter().map(|(_, w)| w).sum();
                    row.iter_mut().for_each(|(_, w)| *w /= total.max(1e-9));
                    row
                },
            )
            .collect()
    }
}

/// Power of popularity that is taken off what follows.
const DAMP: f32 = 0.2;
/// Latest baskets of a customer from which steps are learned.
const STEPS: usize = 6;

/// What one judge is scored on.
struct Case {
    profile: BasketProfile,
    near: SparseVector,
    truth: Vec<ProductIx>,
    /// Products that some part speaks of, with each part's share: own, related, neighbours, popularity,
    /// habit.
    candidates: Vec<(ProductIx, [f32; 5])>,
    explore: f32,
}

/// The settings that predict the judges' last baskets best: with neighbours first, then the weights for callers that have
/// none; and the calibration of the scores.
fn choose(
    model: &NextBasket,
    before: &[&[Basket]],
    customers: &[Vec<Basket>],
    judges: &[u32],
    neighbour_count: usize,
) -> (NextBasketSettings, Vec<(f32, f32)>) {
    let index = (neighbour_count > 0).then(|| neighbours(model, before));
    let everything = model.popularity.iter().enumerate();
    let popular = top(
        everything.map(|(p, n)| (ProductIx::of_index(p), *n)),
        3 * LENGTH,
    );
    let cases: Vec<Case> = judges
        .par_iter()
        .map_init(
            || vec![0.0f32; model.popularity.len()],
            |sums, &judge| {
                let history = before[judge as usize];
                let truth = last_of(&customers[judge as usize]);
                case(model, index.as_ref(), &popular, history, truth, sums)
            },
        )
        .collect();
    let judge = |settings: &NextBasketSettings, beside: bool| -> f64 {
        let (near, related, popular) = if beside {
            (
                settings.neighbours,
                settings.related_beside,
                settings.popular_beside,
            )
        } else {
            (0.0, settings.related, settings.popular)
        };
        cases
            .par_iter()
            .map(|case| {
                let factor = case.explore.powf(settings.mix).clamp(0.2, 5.0);
                let scored = case.candidates.iter().map(|(p, part)| {
                    let rest = related * part[1] + near * part[2] + popular * part[3];
                    let own = if part[0] > 0.0 {
                        part[0] * part[4].powf(settings.habit)
                    } else {
                        0.0
                    };
                    (*p, own + factor * rest)
                });
                quality(&top(scored, LENGTH), &case.truth)
            })
            // In order: the same sum whatever the threads do.
            .collect::<Vec<f64>>()
            .iter()
            .sum()
    };
    let mut settings = model.settings.clone();
    let beside = index.is_some();
    let shared: [Knob; 2] = [
        (&HABITS, |s, x| s.habit = x, |s| s.habit),
        (&MIXES, |s, x| s.mix = x, |s| s.mix),
    ];
    if beside {
        let knobs: [Knob; 3] = [
            (&WEIGHTS, |s, x| s.neighbours = x, |s| s.neighbours),
            (&WEIGHTS, |s, x| s.popular_beside = x, |s| s.popular_beside),
            (&WEIGHTS, |s, x| s.related_beside = x, |s| s.related_beside),
        ];
        let all = [&shared[..1], &knobs, &shared[1..]].concat();
        climb(&mut settings, &all, |s| judge(s, true));
    }
    let knobs: [Knob; 2] = [
        (&WEIGHTS, |s, x| s.popular = x, |s| s.popular),
        (&WEIGHTS, |s, x| s.related = x, |s| s.related),
    ];
    let alone = if beside {
        knobs.to_vec()
    } else {
        [&knobs[..], &shared].concat()
    };
    climb(&mut settings, &alone, |s| judge(s, false));
    let tuned = model.clone().with(settings.clone(), Vec::new());
    (settings, calibrate(&tuned, &cases, beside))
}

/// One setting: the values that may be tried in order, how to set it, and how to read it.
type Knob<'a> = (
    &'a [f32],
    fn(&mut NextBasketSettings, f32),
    fn(&NextBasketSettings) -> f32,
);

/// Twice round, each setting goes up or down its values as long as that gets better.
fn climb(
    settings: &mut NextBasketSettings,
    knobs: &[Knob],
    judge: impl Fn(&NextBasketSettings) -> f64,
) {
    let mut best = judge(settings);
    for _ in 0..2 {
        let at_first = best;
        for (values, set, get) in knobs {
            let now = get(settings);
            let start = values.partition_point(|v| *v < now).min(values.len() - 1);
            for up in [true, false] {
                let mut at = start;
                loop {
                    let next = if up {
                        at.checked_add(1)
                    } else {
                        at.checked_sub(1)
                    };
                    let Some(next) = next.filter(|n| *n < values.len()) else {
                        break;
                    };
                    let mut tried = settings.clone();
                    set(&mut tried, values[next]);
                    let found = judge(&tried);
                    if found <= best {
                        break;
                    }
                    best = found;
                    *settings = tried;
                    at = next;
                }
                if at != start {
                    break;
                }
            }
        }
        if best <= at_first {
            break;
        }
    }
}

/// One judge: what each part says of the products that any part speaks of.
fn case(
    model: &NextBasket,
    index: Option<&NeighbourIndex>,
    popular: &[ProductIx],
    history: &[Basket],
    truth: Vec<ProductIx>,
    sums: &mut [f32],
) -> Case {
    let profile = model.profile_of(history);
    let near = index.map_or_else(Vec::new, |ix| ix.mean(&profile.rates));
    model.related(&profile.vector, sums);
    let mut chosen: Vec<ProductIx> = profile.vector.iter().map(|v| v.0).collect();
    chosen.extend(popular);
    chosen.extend(top(near.iter().copied(), 4 * LENGTH));
    let spoken = sums.iter().enumerate().filter(|(_, s)| **s > 0.0);
    chosen.extend(top(
        spoken.map(|(p, s)| (ProductIx::of_index(p), *s)),
        4 * LENGTH,
    ));
    chosen.sort_unstable();
    chosen.dedup();
    let of = |list: &[(ProductIx, f32)], product: ProductIx| {
        list.binary_search_by_key(&product, |(p, _)| *p)
            .map_or(0.0, |at| list[at].1)
    };
    let candidates = chosen
        .into_iter()
        .map(|p| {
            let parts = [
                of(&profile.vector, p),
                sums[p.index()],
                of(&near, p),
                model.popularity[p.index()],
                model.habits[p.index()],
            ];
            (p, parts)
        })
        .collect();
    let mean = model.settings.explore_share;
    Case {
        explore: explore_share(history, mean) / mean,
        profile,
        near,
        truth,
        candidates,
    }
}

/// The `count` largest, best first, ties by product.
fn top(scored: impl Iterator<Item = (ProductIx, f32)>, count: usize) -> Vec<ProductIx> {
    let mut all: Vec<(ProductIx, f32)> = scored.collect();
    let by = |a: &(ProductIx, f32), b: &(ProductIx, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if all.len() > count {
        all.select_nth_unstable_by(count - 1, by);
        all.truncate(count);
    }
    all.sort_by(by);
    all.into_iter().map(|(p, _)| p).collect()
}

/// Recall and NDCG at the length of `list`, added.
pub fn quality(list: &[ProductIx], truth: &[ProductIx]) -> f64 {
    let (recall, ndcg) = recall_ndcg(list, truth);
    recall + ndcg
}

/// Recall and NDCG of `list` at its length; 0 without truth.
pub fn recall_ndcg(list: &[ProductIx], truth: &[ProductIx]) -> (f64, f64) {
    if truth.is_empty() {
        return (0.0, 0.0);
    }
    let places = list.iter().enumerate();
    let hits: Vec<usize> = places
        .filter(|(_, product)| truth.contains(product))
        .map(|(rank, _)| rank)
        .collect();
    let recall = hits.len() as f64 / truth.len() as f64;
    (recall, ndcg(hits, truth.len(), list.len().max(1)))
}

/// Scores against what was bought, in bins of equal size made monotone (pool adjacent violators).
fn calibrate(model: &NextBasket, cases: &[Case], with_neighbours: bool) -> Vec<(f32, f32)> {
    let mut pairs: Vec<(f32, f32)> = cases
        .par_iter()
        .flat_map_iter(|case| {
            let near = with_neighbours.then_some(case.near.as_slice());
            model
                .recommend(&case.profile, near, 2 * LENGTH, &|_| true)
                .into_iter()
                .map(|item| {
                    let hit = f32::from(u8::from(case.truth.contains(&item.product)));
                    (item.score, hit)
                })
        })
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = (pairs.len() / 30).max(20);
    let mut blocks: Vec<(f32, f32, f32)> = Vec::new();
    for bin in pairs.chunks(size) {
        let n = bin.len() as f32;
        let mut block = (
            bin.iter().map(|p| p.0).sum::<f32>() / n,
            bin.iter().map(|p| p.1).sum::<f32>() / n,
            n,
        );
        while let Some(last) = blocks.last().copied().filter(|last| last.1 >= block.1) {
            let n = last.2 + block.2;
            block = (
                (last.0 * last.2 + block.0 * block.2) / n,
                (last.1 * last.2 + block.1 * block.2) / n,
                n,
            );
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks.into_iter().map(|(x, y, _)| (x, y)).collect()
}
