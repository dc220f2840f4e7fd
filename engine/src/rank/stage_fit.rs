//! How much the stage of a customer's life moves a score.

use crate::life::LifeView;
use serendib_shop::ProductIx;

/// How much of the stage's fit counts at most beside relevance, which has seen part of it in the customer's purchases.
const FIT_POWER: f32 = 0.5;
/// Largest factor by which fit moves relevance.
const MOST_FIT: f32 = 8.0;

/// `score` multiplied by how well `product` fits the stage of life that `view` speaks of, as far as `strength` (0 to 1)
/// says: within a factor of [`MOST_FIT`], the same way for scores below zero.
pub(crate) fn by_stage(view: &LifeView, strength: f32, product: ProductIx, score: f32) -> f32 {
    let fit = view
        .stage_fit(product)
        .powf(FIT_POWER * strength)
        .clamp(1.0 / MOST_FIT, MOST_FIT);
    // A score below zero is made worse by dividing.
    if score >= 0.0 {
        score * fit
    } else {
        score / fit
    }
}
