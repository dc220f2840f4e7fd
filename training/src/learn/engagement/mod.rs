//! Fits the engagement index and the purchase propensities of a shop with times.
//!
//! Rows are customers at cut-offs: features from before, whether they bought within the horizon after. The last cut-off is
//! held out to choose between the full model, at several strengths of ridge, and the plain logistic of log recency and log
//! orders; the winner is fitted again on all cut-offs and calibrated on the last ones, whose level is nearest to now.

mod gaps;
mod index_weights;
mod order_value;
mod orders;
mod propensity;
mod search;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serendib_engine::engagement::{
    days_ms, features, is_known, silence_days, spending, EngagementModel, GapPrior, IndexModel,
    MbgNbd, Orders, Propensity, FEATURES, PLAIN,
};
use serendib_shop::{CustomerIx, Kind, KindClass, Kinds, Touch, DAY_MS};

/// Horizons in days.
pub const HORIZONS: [f64; 2] = [30.0, 90.0];
/// Days between cut-offs.
const STEP_DAYS: f64 = 15.0;
const MOST_CUTS: usize = 12;
/// Most rows that are fitted on; of more, every n-th customer.
const MOST_ROWS: usize = 60_000;
/// Strengths of ridge tried.
const RIDGES: [f64; 3] = [3.0, 30.0, 300.0];
/// Rows that the identity counts as when a model is calibrated.
const CALIBRATION_PRIOR: f64 = 100.0;

/// Customers at one or more cut-offs.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Number of the customer in the histories given.
    pub customer: Vec<CustomerIx>,
    pub features: Vec<Vec<f64>>,
    /// Whether the customer bought within the horizon.
    pub bought: Vec<bool>,
    /// Days for which the customer had been silent.
    pub silence: Vec<f64>,
    /// Customers who had only been shown something, and those of them who bought: the features do not describe them.
    pub strangers: (usize, usize),
}

impl Rows {
    fn append(&mut self, mut other: Rows) {
        self.customer.append(&mut other.customer);
        self.features.append(&mut other.features);
        self.bought.append(&mut other.bought);
        self.silence.append(&mut other.silence);
        self.strangers.0 += other.strangers.0;
        self.strangers.1 += other.strangers.1;
    }
}

/// Everybody known before `cut`, or every `stride`-th, with what they bought in the `horizon` days after.
pub fn rows_at(
    histories: &[&[Touch]],
    kinds: &Kinds,
    cut: i64,
    horizon: f64,
    orders: Option<&MbgNbd>,
    gaps: &GapPrior,
    stride: usize,
) -> Rows {
    let end = cut + days_ms(horizon);
    let passive = |kind: Kind| kinds.class(kind) == KindClass::Passive;
    let rows: Vec<(CustomerIx, Option<(Vec<f64>, f64)>, bool)> = (0..histories.len())
        .into_par_iter()
        .filter(|customer| (*customer as i64 + cut / DAY_MS) % stride.max(1) as i64 == 0)
        .filter_map(|customer| {
            let history = histories[customer];
            let seen = history.partition_point(|t| t.at < cut);
            if seen == 0 {
                return None;
            }
            let later = history[seen..].iter().take_while(|t| t.at < end);
            let bought = later.clone().any(|t| t.kind == Kind::PURCHASE);
            let before = &history[..seen];
            let row = is_known(before, cut, &passive).then(|| {
                let silence = silence_days(before, cut, &passive).unwrap_or(0.0);
                (features(before, cut, orders, gaps, &passive), silence)
            });
            Some((CustomerIx::of_index(customer), row, bought))
        })
        .collect();
    let mut out = Rows::default();
    for (customer, features, bought) in rows {
        match features {
            Some((features, silence)) => {
                out.customer.push(customer);
                out.features.push(features);
                out.silence.push(silence);
                out.bought.push(bought);
            }
            None => {
                out.strangers.0 += 1;
                out.strangers.1 += usize::from(bought);
            }
        }
    }
    out
}

/// Cut-offs whose horizon ends before `end`, latest first.
fn cuts(start: i64, end: i64, horizon: f64) -> Vec<i64> {
    let span = end - start;
    let first = start + days_ms(60.0).min(span / 4);
    (0..MOST_CUTS)
        .map(|n| end - days_ms(horizon + STEP_DAYS * n as f64))
        .take_while(|cut| *cut >= first)
        .collect()
}

/// Order behaviour and gaps, from before `cut`.
pub fn order_model(histories: &[&[Touch]], cut: i64) -> (Option<MbgNbd>, GapPrior) {
    let summaries: Vec<Orders> = histories
        .iter()
        .filter_map(|history| Orders::of(history, cut - 1))
        .collect();
    let gaps = gaps::fit(histories.iter().copied(), cut - 1);
    (orders::fit(&summaries), gaps)
}

/// A fitted horizon.
#[derive(Debug, Clone)]
pub struct Fitted {
    pub model: Propensity,
    /// The plain logistic of two features, fitted on the same rows.
    pub baseline: Propensity,
    /// Whether `model` is the plain one.
    pub plain: bool,
    /// Strength of ridge of the full model, where it was kept.
    pub ridge: Option<f64>,
}

fn log_loss(model: &Propensity, rows: &Rows) -> f64 {
    let losses = rows.features.iter().zip(&rows.bought).map(|(row, bought)| {
        let p = model.probability(row);
        -(if *bought { p } else { 1.0 - p }).max(1e-12).ln()
    });
    losses.sum::<f64>() / rows.bought.len().max(1) as f64
}

/// Fits the propensity of one horizon on time-ordered `histories` that end before `end`.
///
/// Always answers a model: the share of buyers where there is too little to learn from.
pub fn fit_horizon(
    histories: &[&[Touch]],
    kinds: &Kinds,
    start: i64,
    end: i64,
    horizon: f64,
    orders: Option<&MbgNbd>,
    gaps: &GapPrior,
) -> Fitted {
    let cuts = cuts(start, end, horizon);
    let stride = (histories.len() * cuts.len()).div_ceil(MOST_ROWS).max(1);
    let at: Vec<Rows> = cuts
        .iter()
        .map(|cut| rows_at(histories, kinds, *cut, horizon, orders, gaps, stride))
        .collect();
    let together = |parts: &[Rows]| {
        let mut all = Rows::default();
        parts.iter().for_each(|part| all.append(part.clone()));
        all
    };
    let all = together(&at);
    if all.bought.is_empty() {
        return too_young(histories, kinds, start, end, horizon, orders, gaps);
    }
    let share = all.bought.iter().filter(|b| **b).count() as f64 / all.bought.len() as f64;
    let constant = || Propensity::constant(share, horizon);
    let every: Vec<usize> = (0..FEATURES).collect();
    let fit = |rows: &Rows, used: &[usize], ridge: f64| {
        propensity::fit(&rows.features, &rows.bought, used, ridge, horizon)
    };
    // cut-offs whose outcomes overlap the held-out one are not fitted on while choosing
    let apart = (horizon / STEP_DAYS).ceil() as usize;
    let mut choice = None;
    // how far effects keep their strength on later rows: those of the fit itself would always say in full
    let (mut scale, mut plain_scale) = (None, None);
    if at.len() > apart {
        let (valid, train) = (together(&at[..1]), together(&at[apart..]));
        let loss = |model: Option<Propensity>| {
            model.map(|mut model| {
                propensity::calibrate(
                    &mut model,
                    &valid.features,
                    &valid.bought,
                    CALIBRATION_PRIOR,
                );
                (log_loss(&model, &valid), model.scale)
            })
        };
        let plain = loss(fit(&train, &PLAIN, 1.0));
        plain_scale = plain.map(|plain| plain.1);
        let full = RIDGES
            .iter()
            .filter_map(|ridge| loss(fit(&train, &every, *ridge)).map(|found| (found, *ridge)))
            .min_by(|a, b| a.0 .0.total_cmp(&b.0 .0))
            .filter(|((loss, _), _)| plain.is_none_or(|plain| *loss < plain.0));
        choice = full.map(|(_, ridge)| ridge);
        scale = full.map(|((_, scale), _)| scale);
    } else if horizon > HORIZONS[0] {
        // too short a log to hold a cut-off out: what was right for the shorter horizon is taken
        let shorter = fit_horizon(histories, kinds, start, end, HORIZONS[0], orders, gaps);
        choice = shorter.ridge;
        scale = Some(shorter.model.scale);
        plain_scale = Some(shorter.baseline.scale);
    }
    let recent = together(&at[..at.len().min(2)]);
    let finish = |model: Option<Propensity>, scale: Option<f64>| {
        let mut model = model.unwrap_or_else(constant);
        match scale {
            Some(scale) => propensity::set_level(
                &mut model,
                &recent.features,
                &recent.bought,
                scale,
                CALIBRATION_PRIOR,
            ),
            None => propensity::calibrate(
                &mut model,
                &recent.features,
                &recent.bought,
                CALIBRATION_PRIOR,
            ),
        }
        model.stranger = stranger(&model, &all);
        model.longest_silence_days = longest_silence(&all.silence);
        model
    };
    let baseline = finish(fit(&all, &PLAIN, 1.0), plain_scale);
    match choice.and_then(|ridge| fit(&all, &every, ridge)) {
        Some(model) => Fitted {
            model: finish(Some(model), scale),
            baseline,
            plain: false,
            ridge: choice,
        },
        None => Fitted {
            model: baseline.clone(),
            baseline,
            plain: true,
            ridge: None,
        },
    }
}

/// Share of the rows whose silence a model is taken to know.
const KNOWN_SILENCE: f64 = 0.95;

/// Days of silence that nearly all of `silences` are within; `None` of none.
fn longest_silence(silences: &[f64]) -> Option<f64> {
    let mut sorted = silences.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(KNOWN_SILENCE * last as f64) as usize])
}

/// Rows that the least likely customers count as in what is said of strangers.
const STRANGER_PRIOR: f64 = 20.0;

/// The share of strangers who bought, drawn towards what `model` says of the least likely tenth of known customers.
fn stranger(model: &Propensity, rows: &Rows) -> f64 {
    let mut said: Vec<f64> = rows
        .features
        .iter()
        .map(|row| model.probability(row))
        .collect();
    said.sort_by(f64::total_cmp);
    said.truncate(said.len().div_ceil(10));
    let least = said.iter().sum::<f64>() / said.len().max(1) as f64;
    let (strangers, bought) = rows.strangers;
    (bought as f64 + STRANGER_PRIOR * least) / (strangers as f64 + STRANGER_PRIOR)
}

/// A horizon longer than the log says anything of: what the shorter horizon implies; for the shortest, the rate at which
/// known customers have ordered again so far.
fn too_young(
    histories: &[&[Touch]],
    kinds: &Kinds,
    start: i64,
    end: i64,
    horizon: f64,
    orders: Option<&MbgNbd>,
    gaps: &GapPrior,
) -> Fitted {
    if horizon > HORIZONS[0] {
        let shorter = fit_horizon(histories, kinds, start, end, HORIZONS[0], orders, gaps);
        let now = rows_at(histories, kinds, end, 0.0, orders, gaps, 1);
        return Fitted {
            model: propensity::stretched(&shorter.model, horizon, &now.features),
            baseline: propensity::stretched(&shorter.baseline, horizon, &now.features),
            ..shorter
        };
    }
    let (mut again, mut days) = (0.0, 0.0);
    for history in histories {
        if let Some(found) = Orders::of(history, end) {
            again += found.repeats;
            days += 7.0 * found.age;
        }
    }
    // a month of one customer who ordered at the rate of the first day: what is said before anything is known
    let rate = (again + 0.1) / (days + 30.0);
    let mut model = Propensity::constant(1.0 - (-rate * horizon).exp(), horizon);
    let now = rows_at(histories, kinds, end, 0.0, orders, gaps, 1);
    model.longest_silence_days = longest_silence(&now.silence);
    Fitted {
        baseline: model.clone(),
        model,
        plain: true,
        ridge: None,
    }
}

/// Fits everything about engagement on time-ordered `histories`, whose touches lie in `span` (first and last time).
///
/// Never fails: a shop of the first day gets sensible weights and the share of buyers.
pub fn fit(histories: &[&[Touch]], kinds: &Kinds, span: (i64, i64)) -> EngagementModel {
    let (start, end) = (span.0, span.1 + 1);
    let mut index = IndexModel::first(kinds);
    let index_cuts: Vec<i64> = (0..4)
        .map(|n| end - days_ms(28.0 * f64::from(n + 1)))
        .filter(|cut| *cut > start + days_ms(14.0))
        .collect();
    index_weights::learn(&mut index, histories, &index_cuts, end);
    let (orders, gaps) = order_model(histories, end);
    let spent: Vec<(f64, f64)> = histories
        .iter()
        .map(|history| spending(history, end))
        .filter(|(orders, _)| *orders > 0.0)
        .collect();
    let mut plain = true;
    let purchase = HORIZONS
        .iter()
        .map(|horizon| {
            let fitted = fit_horizon(
                histories,
                kinds,
                start,
                end,
                *horizon,
                orders.as_ref(),
                &gaps,
            );
            plain &= fitted.plain;
            fitted.model
        })
        .collect();
    EngagementModel {
        index,
        orders,
        value: order_value::fit(&spent),
        gaps,
        purchase,
        plain,
    }
}
