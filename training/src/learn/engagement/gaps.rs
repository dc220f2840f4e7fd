//! Fits the gaps between orders over all customers.

use serendib_engine::engagement::{order_gaps, GapPrior};
use serendib_shop::Touch;

/// Gaps below which the prior stays as it is.
const FEWEST: f64 = 10.0;

/// The log-normal of all gaps between the order days of all `histories` up to `until`, ms; the default of fewer than ten.
pub fn fit<'a>(histories: impl Iterator<Item = &'a [Touch]>, until: i64) -> GapPrior {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for history in histories {
        for gap in order_gaps(history, until) {
            let log = gap.ln();
            n += 1.0;
            sum += log;
            squares += log * log;
        }
    }
    if n < FEWEST {
        return GapPrior::default();
    }
    let mean: f64 = sum / n;
    GapPrior {
        mean,
        deviation: (squares / n - mean * mean).max(0.01).sqrt(),
    }
}
