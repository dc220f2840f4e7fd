//! The baselines that stand beside ours: most popular, popular lately, own frequency, item-kNN.

use std::collections::HashMap;

use crate::learn::vectors::cooccurrence::{cooccurrence, CooccurrenceOptions, Shape};
use serendib_engine::represent::{Csr, Representation};
use serendib_shop::{acquisitions, ProductIx};

use crate::judge::tasks::EvalCase;
use crate::learn::Corpus;

/// Counts that baselines rank by.
pub struct Baselines {
    buyers: Vec<f32>,
    lately: Vec<f32>,
    timed: bool,
    neighbours: Csr,
}

/// Something that scores the catalogue for a case.
pub enum Ranker<'a> {
    Model(&'a Representation),
    /// The same for everybody.
    Fixed(&'a [f32]),
    /// How often the customer acquired it, then popularity (GP-TopFreq).
    OwnFrequency(&'a [f32]),
    /// Cosine between products over customers, summed over what the customer owns.
    Neighbours(&'a Csr),
}

/// Half-life of "popular lately", days.
const LATELY_DAYS: f32 = 30.0;

impl Baselines {
    pub fn new(train: &Corpus) -> Baselines {
        let interactions = train.interactions();
        let buyers: Vec<f32> = interactions
            .col_counts()
            .iter()
            .map(|c| *c as f32)
            .collect();
        let counts = cooccurrence(
            &interactions,
            CooccurrenceOptions {
                customer_power: 0.0,
                keep: 200,
                last: 500,
            },
        );
        Baselines {
            lately: train.buyers_lately(Some(LATELY_DAYS)),
            timed: train.timed,
            neighbours: Shape::symmetric(1.0).apply(&counts, &buyers, 200),
            buyers,
        }
    }

    /// The baselines with their names; own frequency only where repeats count.
    pub fn rankers(&self, repeats: bool) -> Vec<(&'static str, Ranker<'_>)> {
        let mut out = vec![("most popular", Ranker::Fixed(&self.buyers))];
        if self.timed {
            out.push(("popular lately", Ranker::Fixed(&self.lately)));
        }
        if repeats {
            out.push(("GP-TopFreq", Ranker::OwnFrequency(&self.buyers)));
        }
        out.push(("item-kNN", Ranker::Neighbours(&self.neighbours)));
        out
    }
}

impl Ranker<'_> {
    /// Scores of all products for what is new to the customer.
    pub fn scores(&self, case: &EvalCase, out: &mut [f32]) {
        match self {
            Ranker::Model(model) => {
                let folded = model.fold_in(&case.history, case.now);
                model.scores(&folded, out);
            }
            Ranker::Fixed(scores) => out.copy_from_slice(scores),
            Ranker::OwnFrequency(buyers) => {
                let most = buyers.iter().copied().fold(0.0, f32::max) + 1.0;
                out.copy_from_slice(buyers);
                for touch in acquisitions(&case.history) {
                    if let Some(score) = out.get_mut(touch.product.index()) {
                        *score += most;
                    }
                }
            }
            Ranker::Neighbours(rows) => {
                out.fill(0.0);
                for owned in &case.owned {
                    let (columns, values) = rows.row(owned.index());
                    for (column, value) in columns.iter().zip(values) {
                        out[*column as usize] += value;
                    }
                }
            }
        }
    }

    /// Lifts what the customer already owns, where a basket is predicted that may repeat it.
    ///
    /// The model ranks owned products by a decayed count of their acquisitions (.9 per basket), above or below what is
    /// new by how often this customer repeats at all.
    pub fn add_repeats(&self, case: &EvalCase, scores: &mut [f32]) {
        let Ranker::Model(_) = self else {
            return;
        };
        let mut counts: HashMap<ProductIx, f32> = HashMap::new();
        let mut weight = 1.0f32;
        let mut last = None;
        let (mut total, mut again) = (0f32, 0f32);
        for touch in acquisitions(&case.history).rev() {
            let key = (touch.basket, touch.at);
            if last.is_some_and(|l| l != key) {
                weight *= 0.9;
            }
            last = Some(key);
            let count = counts.entry(touch.product).or_default();
            if *count > 0.0 {
                again += 1.0;
            }
            *count += weight;
            total += 1.0;
        }
        let best_new = ProductIx::all(scores.len())
            .zip(&*scores)
            .filter(|(p, _)| !counts.contains_key(p))
            .map(|(_, s)| *s)
            .fold(f32::MIN, f32::max);
        let spread = scores.iter().map(|s| s.abs()).fold(1e-6, f32::max);
        let habit = (again + 1.0) / (total + 10.0);
        for (product, count) in counts {
            let Some(score) = scores.get_mut(product.index()) else {
                continue;
            };
            // a product acquired once by a customer who never repeats stays below what is new
            *score = best_new + spread * (count * (0.5 + 4.0 * habit) - 0.6) + 0.01 * *score;
        }
    }
}
