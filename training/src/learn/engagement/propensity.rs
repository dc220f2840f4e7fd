//! Fits of the probability of a purchase, and its calibration.

use serendib_engine::engagement::{Propensity, STRANGER};

use crate::stats::calibration::line;
use crate::stats::logistic::{self, Observations, Prior};

/// Log-odds beyond which one row says no more: two in a million.
const MOST_LOG_ODDS: f64 = 13.0;

/// Fits on `rows` of features and whether each bought; only positions in `used` matter, constant ones are left out.
///
/// `None` with fewer than 30 rows or 5 of either outcome, or where the data determine nothing.
pub fn fit(
    rows: &[Vec<f64>],
    bought: &[bool],
    used: &[usize],
    ridge: f64,
    horizon_days: f64,
) -> Option<Propensity> {
    let n = rows.len().min(bought.len());
    let yes = bought[..n].iter().filter(|b| **b).count();
    if n < 30 || yes < 5 || n - yes < 5 {
        return None;
    }
    let (mut kept, mut means, mut deviations) = (Vec::new(), Vec::new(), Vec::new());
    for at in used {
        let value = |row: &Vec<f64>| row.get(*at).copied().unwrap_or(0.0);
        let mean = rows[..n].iter().map(value).sum::<f64>() / n as f64;
        let square = rows[..n]
            .iter()
            .map(|row| (value(row) - mean).powi(2))
            .sum::<f64>()
            / n as f64;
        if mean.is_finite() && square.is_finite() && square > 1e-10 {
            kept.push(*at);
            means.push(mean);
            deviations.push(square.sqrt());
        }
    }
    if kept.is_empty() {
        return None;
    }
    let mut observations = Observations::default();
    for (row, bought) in rows[..n].iter().zip(bought) {
        let standard = kept.iter().zip(&means).zip(&deviations);
        let terms = standard.map(|((at, mean), deviation)| {
            (row.get(*at).copied().unwrap_or(0.0) - mean) / deviation
        });
        let terms = std::iter::once(1.0).chain(terms).enumerate();
        observations.push(terms, f64::from(u8::from(*bought)), 1.0);
    }
    let mut priors = vec![Prior::normal(0.0, 0.0)];
    priors.resize(1 + kept.len(), Prior::normal(0.0, ridge));
    let found = logistic::fit(&observations, &priors).ok()?;
    let (intercept, effects) = (found[0], found[1..].to_vec());
    let finite = intercept.is_finite() && effects.iter().all(|w| w.is_finite());
    finite.then_some(Propensity {
        horizon_days,
        used: kept,
        means,
        deviations,
        effects,
        intercept,
        scale: 1.0,
        shift: 0.0,
        stranger: STRANGER,
        longest_silence_days: None,
    })
}

/// Sets scale and shift on rows that were not fitted on: the highest likelihood, drawn towards (1, 0) with the weight of `prior`
/// rows, so that few rows change little.
pub fn calibrate(model: &mut Propensity, rows: &[Vec<f64>], bought: &[bool], prior: f64) {
    let said: Vec<f64> = rows.iter().map(|row| model.raw(row)).collect();
    let came: Vec<(f64, f64)> = bought
        .iter()
        .map(|bought| (f64::from(u8::from(*bought)), 1.0))
        .collect();
    (model.scale, model.shift) = line(&said, &came, prior);
}

/// Sets `scale` (> 0), and the shift with which the probabilities of `rows` sum to those who bought, drawn towards 0
/// with the weight of `prior` rows.
pub fn set_level(
    model: &mut Propensity,
    rows: &[Vec<f64>],
    bought: &[bool],
    scale: f64,
    prior: f64,
) {
    model.scale = if scale.is_finite() && scale > 0.05 {
        scale
    } else {
        1.0
    };
    let buyers = bought.iter().filter(|b| **b).count() as f64;
    set_shift(model, rows, buyers, prior);
}

/// The shift with which the probabilities of `rows` sum to `buyers`, drawn towards 0 with the weight of `prior` rows.
fn set_shift(model: &mut Propensity, rows: &[Vec<f64>], buyers: f64, prior: f64) {
    // where the sum is right, the likelihood is highest, whichever of the rows they are
    let share = buyers / rows.len().max(1) as f64;
    let mut observations = Observations::default();
    for row in rows {
        let raw = model.raw(row).clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS);
        observations.push_beside(model.scale * raw, [(0, 1.0)], share, 1.0);
    }
    let shift = Prior::normal(0.0, prior).within(-MOST_LOG_ODDS, MOST_LOG_ODDS);
    model.shift = logistic::fit(&observations, &[shift]).map_or(0.0, |found| found[0]);
}

/// The model of a longer horizon of `days` that `model` implies for customers like `rows`: as many buy as would if
/// each stretch of time were like the first, in the same order.
pub fn stretched(model: &Propensity, days: f64, rows: &[Vec<f64>]) -> Propensity {
    let times = days / model.horizon_days;
    let longer = |p: f64| 1.0 - (1.0 - p).powf(times);
    let mut out = Propensity {
        horizon_days: days,
        stranger: longer(model.stranger),
        ..model.clone()
    };
    let buyers: f64 = rows.iter().map(|row| longer(model.probability(row))).sum();
    if rows.is_empty() {
        // of nobody in particular: one average customer
        let mean = model.means.clone();
        let width = model.used.iter().max().map_or(0, |at| at + 1);
        let mut row = vec![0.0; width];
        for (at, mean) in model.used.iter().zip(mean) {
            row[*at] = mean;
        }
        let buyers = longer(model.probability(&row));
        set_shift(&mut out, &[row], buyers, 0.0);
    } else {
        set_shift(&mut out, rows, buyers, 0.0);
    }
    out
}
