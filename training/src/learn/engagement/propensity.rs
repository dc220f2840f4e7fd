//! Fits of the probability of a purchase, and its calibration.

use linfa::traits::Fit;
use linfa::Dataset;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serendib_engine::engagement::{Propensity, STRANGER};

use crate::stats::logistic::{self, Observations, Prior};

/// Log-odds beyond which one row says no more: two in a million.
const MOST_LOG_ODDS: f64 = 13.0;

/// Fits on `rows` of features and whether each bought; only positions in `used` matter, constant ones are left out.
///
/// `None` with fewer than 30 rows or 5 of either outcome, or if the search fails.
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
    let x = Array2::from_shape_fn((n, kept.len()), |(row, column)| {
        (rows[row][kept[column]] - means[column]) / deviations[column]
    });
    let y = Array1::from_iter(bought[..n].iter().copied());
    let fitted = LogisticRegression::default()
        .alpha(ridge)
        .max_iterations(150)
        .gradient_tolerance(1e-3)
        .fit(&Dataset::new(x, y))
        .ok()?;
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let effects: Vec<f64> = fitted.params().iter().map(|w| sign * w).collect();
    let intercept = sign * fitted.intercept();
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
    model.scale = 1.0;
    model.shift = 0.0;
    let mut observations = Observations::default();
    for (row, bought) in rows.iter().zip(bought) {
        let raw = model.raw(row).clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS);
        observations.push([(0, raw), (1, 1.0)], f64::from(u8::from(*bought)), 1.0);
    }
    let priors = [Prior::normal(1.0, prior), Prior::normal(0.0, prior)];
    // a calibration that turns the order round is none
    if let Ok([scale, shift]) = logistic::fit(&observations, &priors).as_deref() {
        if *scale > 0.05 {
            (model.scale, model.shift) = (*scale, *shift);
        }
    }
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
