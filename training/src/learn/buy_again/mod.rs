//! What is bought again: when each product is, and how far that is followed beside the mere counts of purchases.

mod odds;
mod rhythm;

pub use rhythm::fit as rhythms;

use serendib_engine::repeat::BuyAgain;
use serendib_shop::{Catalogue, ProductIx, Touch};

use crate::learn::strength::Verdict;

/// Fits buying again on `histories` (each in order of time) before `until` (ms), with what was decided of its order; `None`
/// without times or repeats. `replaces` tells what stands in for what.
pub fn fit(
    histories: &[&[Touch]],
    catalogue: &Catalogue,
    until: i64,
    replaces: &(dyn Fn(ProductIx, ProductIx) -> bool + Sync),
    seed: u64,
) -> Option<(BuyAgain, Verdict)> {
    let mut model = rhythms(histories.iter().copied(), catalogue, until)?;
    let (odds, verdict) = odds::choose(histories, catalogue, until, replaces, seed);
    model.odds = odds;
    Some((model, verdict))
}
