//! Fitting the next basket: related products, and the weights of the parts, chosen on the previous basket.

use rayon::prelude::*;
use serendib_engine::life::{
    explore_share, BasketProfile, NeighbourIndex, Neighbours, NextBasket, NextBasketSettings,
    SparseVector,
};
use serendib_engine::shop::{Basket, ProductIx};

/// Related products kept per product.
const RELATED: usize = 200;
/// Products of one customer that count for relations: the strongest.
const WIDEST: usize = 300;
/// Customers whose last basket is held out to choose settings.
const JUDGES: usize = 3000;
/// Length of the lists that are judged.
const LENGTH: usize = 10;

/// Decays that are tried.
const DECAYS: [f32; 3] = [0.8, 0.9, 0.97];
/// Weights that are tried for each part.
const WEIGHTS: [f32; 14] = [
    0.0, 0.3, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 45.0, 70.0, 110.0, 200.0,
];
/// Exponents of the customer's own explore share that are tried.
const MIXES: [f32; 3] = [0.0, 0.5, 1.0];

/// Exponents of products' habits that are tried.
const HABITS: [f32; 4] = [0.0, 0.3, 0.6, 1.0];
/// Decays of popularity that are tried, without neighbours.
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
    let mut best: Option<(f64, NextBasketSettings, Vec<(f32, f32)>)> = None;
    let mean = mean_explore(&before);
    let base = NextBasketSettings {
        neighbour_count: neighbour_count as u32,
        explore_share: mean,
        ..NextBasketSettings::default()
    };
    // How fast popularity fades is told by popularity alone.
    let mut popular_decay = (f64::NEG_INFINITY, 1.0);
    for decay in POPULAR_DECAYS {
        let popularity = popularity(&before, products, decay);
        let all = popularity.iter().enumerate();
        let list = top(all.map(|(p, n)| (p as ProductIx, *n)), 5 * LENGTH);
        let found: f64 = judges
            .iter()
            .filter_map(|&c| customers[c as usize].last())
            .map(|b| quality(&list, &b.lines.iter().map(|l| l.0).collect::<Vec<_>>()))
            .sum();
        if found > popular_decay.0 {
            popular_decay = (found, decay);
        }
    }
    for decay in DECAYS {
        let base = NextBasketSettings {
            decay,
            popular_decay: popular_decay.1,
            ..base.clone()
        };
        let model = parts(&before, products, base);
        // The first round is without neighbours, which are dear.
        let found = choose(&model, &before, customers, &judges, 0);
        if best.as_ref().is_none_or(|(score, ..)| found.0 > *score) {
            best = Some(found);
        }
    }
    if neighbour_count > 0 {
        let chosen = best.as_ref()?.1.clone();
        let model = parts(&before, products, chosen);
        best = Some(choose(&model, &before, customers, &judges, neighbour_count));
    }
    let (_, settings, calibration) = best?;
    let all: Vec<&[Basket]> = customers.iter().map(Vec::as_slice).collect();
    Some(parts(&all, products, settings.clone()).with(settings, calibration))
}

/// An index of all customers for [`NextBasket::recommend`]; in memory only.
pub fn neighbours(model: &NextBasket, customers: &[&[Basket]]) -> NeighbourIndex {
    let vectors = customers
        .par_iter()
        .map(|list| NextBasket::rates_of(model.settings.decay, list))
        .collect();
    NeighbourIndex::new(
        vectors,
        model.popularity.len(),
        model.settings.neighbour_count as usize,
        model.settings.rarity,
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
                popularity[*product as usize] += weight;
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
                    postings[product as usize].push((next.len() as u32, count));
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
                    let hit = lines.iter().any(|(p, _)| *p as usize == product);
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
                            if other as usize != product {
                                if sums[other as usize] == 0.0 {
                                    touched.push(other);
                                }
                                sums[other as usize] += weight;
                            }
                        }
                    }
                    let mut row: Vec<(ProductIx, f32)> = touched
                        .drain(..)
                        .map(|other| {
                            let value = std::mem::take(&mut sums[other as usize]);
                            let common = popularity[other as usize].max(1e-7);
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

fn choose(
    model: &NextBasket,
    before: &[&[Basket]],
    customers: &[Vec<Basket>],
    judges: &[u32],
    neighbour_count: usize,
) -> (f64, NextBasketSettings, Vec<(f32, f32)>) {
    let index = (neighbour_count > 0).then(|| neighbours(model, before));
    let mut popular: Vec<ProductIx> = (0..model.popularity.len() as ProductIx).collect();
    popular.sort_by(|a, b| {
        model.popularity[*b as usize]
            .total_cmp(&model.popularity[*a as usize])
            .then(a.cmp(b))
    });
    popular.truncate(3 * LENGTH);
    let cases: Vec<Case> = judges
        .par_iter()
        .map_init(
            || vec![0.0f32; model.popularity.len()],
            |sums, &judge| {
                let history = before[judge as usize];
                let profile = model.profile_of(history);
                let near = index
                    .as_ref()
                    .map_or_else(Vec::new, |ix| ix.mean_vector(&profile.vector, Some(judge)));
                let truth = customers[judge as usize]
                    .last()
                    .map_or_else(Vec::new, |b| b.lines.iter().map(|l| l.0).collect());
                model.related(&profile.vector, sums);
                let mut chosen: Vec<ProductIx> = profile.vector.iter().map(|v| v.0).collect();
                chosen.extend(&popular);
                chosen.extend(top(near.iter().copied(), 4 * LENGTH));
                let spoken = sums.iter().enumerate().filter(|(_, s)| **s > 0.0);
                chosen.extend(top(spoken.map(|(p, s)| (p as ProductIx, *s)), 4 * LENGTH));
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
                            sums[p as usize],
                            of(&near, p),
                            model.popularity[p as usize],
                            model.habits[p as usize],
                        ];
                        (p, parts)
                    })
                    .collect();
                let explore = explore_share(history, model.settings.explore_share)
                    / model.settings.explore_share;
                Case {
                    profile,
                    near,
                    truth,
                    candidates,
                    explore,
                }
            },
        )
        .collect();
    let judge = |settings: &NextBasketSettings, weights: [f32; 3]| -> f64 {
        cases
            .par_iter()
            .map(|case| {
                let factor = case.explore.powf(settings.mix).clamp(0.2, 5.0);
                let scored = case.candidates.iter().map(|(p, part)| {
                    let rest = weights[0] * part[1] + weights[1] * part[2] + weights[2] * part[3];
                    let own = part[0] * part[4].powf(settings.habit);
                    (*p, own + factor * rest)
                });
                quality(&top(scored, LENGTH), &case.truth)
            })
            .collect::<Vec<f64>>()
            .iter()
            .sum()
    };
    // One weight after the other, twice round: without neighbours first, for callers that have none.
    let mut settings = NextBasketSettings {
        popular: 10.0,
        related: 1.0,
        ..model.settings.clone()
    };
    let mut alone = f64::NEG_INFINITY;
    for _ in 0..2 {
        for weight in WEIGHTS {
            let tried = [settings.related, 0.0, weight];
            keep_better(&mut alone, judge(&settings, tried), || {
                settings.popular = weight
            });
        }
        for weight in WEIGHTS {
            let tried = [weight, 0.0, settings.popular];
            keep_better(&mut alone, judge(&settings, tried), || {
                settings.related = weight
            });
        }
        for mix in MIXES {
            let mixed = NextBasketSettings {
                mix,
                ..settings.clone()
            };
            let tried = [settings.related, 0.0, settings.popular];
            keep_better(&mut alone, judge(&mixed, tried), || settings.mix = mix);
        }
        for habit in HABITS {
            let tried = NextBasketSettings {
                habit,
                ..settings.clone()
            };
            let weights = [settings.related, 0.0, settings.popular];
            keep_better(&mut alone, judge(&tried, weights), || {
                settings.habit = habit
            });
        }
    }
    let mut beside = f64::NEG_INFINITY;
    if index.is_some() {
        settings.neighbours = 13.0;
        settings.related_beside = settings.related;
        settings.popular_beside = settings.popular;
        for _ in 0..3 {
            for weight in WEIGHTS {
                let tried = [settings.related_beside, weight, settings.popular_beside];
                keep_better(&mut beside, judge(&settings, tried), || {
                    settings.neighbours = weight
                });
            }
            for weight in WEIGHTS {
                let tried = [weight, settings.neighbours, settings.popular_beside];
                keep_better(&mut beside, judge(&settings, tried), || {
                    settings.related_beside = weight;
                });
            }
            for weight in WEIGHTS {
                let tried = [settings.related_beside, settings.neighbours, weight];
                keep_better(&mut beside, judge(&settings, tried), || {
                    settings.popular_beside = weight;
                });
            }
        }
    }
    let tuned = model.clone().with(settings.clone(), Vec::new());
    let calibration = calibrate(&tuned, &cases, index.is_some());
    (alone.max(beside), settings, calibration)
}

/// Does `take` if `found` is better than `best`.
fn keep_better(best: &mut f64, found: f64, take: impl FnOnce()) {
    if found > *best {
        *best = found;
        take();
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
    let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
    let (mut hits, mut dcg) = (0.0, 0.0);
    for (rank, product) in list.iter().enumerate() {
        if truth.contains(product) {
            hits += 1.0;
            dcg += gain(rank);
        }
    }
    let ideal: f64 = (0..truth.len().min(list.len().max(1))).map(gain).sum();
    (hits / truth.len() as f64, dcg / ideal)
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
