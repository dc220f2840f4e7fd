//! Weights of the index from data: which kinds of contact are followed by more contact.
//!
//! Logistic regression of "another active touch within four weeks" on each kind's faded, capped points, with effects that
//! are never negative and are drawn towards the first weights; then the same for channels and product lines as factors
//! around 1.

use crate::stats::auc::auc;
use crate::stats::logistic::{self, Observations, Prior};
use serendib_engine::engagement::{IndexModel, Role};
use serendib_shop::{Kind, Touch, DAY_MS};

/// Days within which contact must follow.
const FOLLOWS_DAYS: i64 = 28;
/// Strength of the first weights, in rows.
const PRIOR_ROWS: f64 = 50.0;
/// Half-lives tried beside the first, in days.
const HALF_LIVES: [f64; 3] = [15.0, 30.0, 90.0];
/// Most rows used; of more, every n-th.
const MOST_ROWS: usize = 40_000;

/// A customer at a cut-off: points by some grouping, and whether contact followed.
struct Row {
    points: Vec<(usize, f64)>,
    followed: bool,
}

/// What points are summed by.
#[derive(Clone, Copy)]
enum By {
    Kind,
    Channel,
    Line,
}

fn rows(model: &IndexModel, histories: &[&[Touch]], cuts: &[i64], by: By) -> Vec<Row> {
    let mut out = Vec::new();
    let stride = (histories.len() * cuts.len()).div_ceil(MOST_ROWS).max(1);
    for (c, cut) in cuts.iter().enumerate() {
        for history in histories.iter().skip(c % stride).step_by(stride) {
            let seen = history.partition_point(|t| t.at < *cut);
            if seen == 0 {
                continue;
            }
            let state = model.fold(&history[..seen], *cut);
            let mut points: Vec<(usize, f64)> = Vec::new();
            for part in model.measure(&state, *cut).parts {
                let key = match by {
                    By::Kind => usize::from(part.source.kind.0),
                    By::Channel => usize::from(part.source.channel),
                    By::Line => usize::from(part.source.line),
                };
                match points.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, sum)) => *sum += part.points,
                    None => points.push((key, part.points)),
                }
            }
            if points.is_empty() {
                continue;
            }
            let end = cut + FOLLOWS_DAYS * DAY_MS;
            let followed = history[seen..]
                .iter()
                .take_while(|t| t.at < end)
                .any(|t| model.role(t.kind) == Role::Active);
            out.push(Row { points, followed });
        }
    }
    out
}

/// Saturates sums so that one heavy user does not outweigh many.
fn squash(points: f64) -> f64 {
    (1.0 + points).ln()
}

/// Precision of what nothing is believed of: it makes one answer of many that are as good.
const VAGUE: f64 = 1e-9;

/// Factors f ≥ 0 per group for logit P(followed) = b + s · Σ f_g x_g, drawn towards 1; `None` where the rows do not tell s.
fn factors(rows: &[Row], groups: usize) -> Option<Vec<f64>> {
    let scale = scale(rows)?;
    let mut observations = Observations::default();
    for row in rows {
        let points = row.points.iter().map(|(k, p)| (*k + 1, scale * squash(*p)));
        observations.push(
            std::iter::once((0, 1.0)).chain(points),
            f64::from(u8::from(row.followed)),
            1.0,
        );
    }
    let factor = Prior::normal(1.0, PRIOR_ROWS * scale * scale).within(0.0, 10.0);
    let mut priors = vec![Prior::normal(0.0, VAGUE)];
    priors.resize(groups + 1, factor);
    let mut found = logistic::fit(&observations, &priors).ok()?;
    found.remove(0);
    Some(found)
}

/// The effect s of all points together; `None` where the rows do not tell.
fn scale(rows: &[Row]) -> Option<f64> {
    let mut observations = Observations::default();
    for row in rows {
        let total = row.points.iter().map(|(_, p)| squash(*p)).sum::<f64>();
        observations.push(
            [(0, 1.0), (1, total)],
            f64::from(u8::from(row.followed)),
            1.0,
        );
    }
    let found = logistic::fit(&observations, &[Prior::normal(0.0, VAGUE); 2]).ok()?;
    // groups may tell more than all points together; without that, contact is taken to grow with points
    Some(found[1].clamp(0.1, 3.0))
}

/// Learns half-life, weights, factors and scale from time-ordered `histories` at `cuts` (milliseconds), each of which
/// needs four weeks of data after it; `now` is the end of the data.
///
/// What the data do not tell stays as it is. No weight becomes negative.
pub fn learn(model: &mut IndexModel, histories: &[&[Touch]], cuts: &[i64], now: i64) {
    let values: Vec<f32> = {
        let purchases = histories
            .iter()
            .flat_map(|h| h.iter())
            .filter(|t| t.kind == Kind::PURCHASE);
        let mut values: Vec<f32> = purchases
            .map(|t| t.value)
            .filter(|v| v.is_finite() && *v > 0.0)
            .collect();
        values.sort_by(f32::total_cmp);
        values
    };
    if let Some(median) = values.get(values.len() / 2) {
        model.typical_value = f64::from(*median);
    }
    let area = |half_life_days: f64| {
        let tried = IndexModel {
            half_life_days,
            ..model.clone()
        };
        let rows = rows(&tried, histories, cuts, By::Kind);
        (rows.len() >= 200).then(|| order_of(&rows))
    };
    if let Some(first) = area(model.half_life_days) {
        let mut best = (first, model.half_life_days);
        for half_life in HALF_LIVES {
            // another memory only where it clearly orders better
            match area(half_life) {
                Some(area) if area > best.0 + 1e-4 => best = (area, half_life),
                _ => {}
            }
        }
        model.half_life_days = best.1;
    }
    for by in [By::Kind, By::Channel, By::Line] {
        let rows = rows(model, histories, cuts, by);
        let groups = rows
            .iter()
            .flat_map(|r| &r.points)
            .map(|(k, _)| k + 1)
            .max()
            .unwrap_or(0);
        let followed = rows.iter().filter(|r| r.followed).count();
        if rows.len() < 200 || followed < 20 || rows.len() - followed < 20 {
            continue;
        }
        let mut seen = vec![false; groups];
        rows.iter()
            .flat_map(|r| &r.points)
            .for_each(|(k, _)| seen[*k] = true);
        // one group alone has nothing to be compared with
        if seen.iter().filter(|s| **s).count() < 2 {
            continue;
        }
        let Some(factors) = factors(&rows, groups) else {
            continue;
        };
        match by {
            By::Kind => {
                for (number, factor) in factors.iter().enumerate().filter(|(k, _)| seen[*k]) {
                    if let Some(known) = model.kinds.get_mut(number) {
                        // a touch of any active kind stays worth a little, and a no is never deep
                        let kind = Kind(number as u16);
                        let most = if kind.hides() || kind.unhides() {
                            known.weight
                        } else {
                            f64::INFINITY
                        };
                        known.weight = (known.weight * factor).max(0.05).min(most);
                    }
                }
                model.learned = true;
            }
            By::Channel => model.channels = factors.iter().map(|f| f.max(0.2)).collect(),
            By::Line => model.lines = factors.iter().map(|f| f.max(0.2)).collect(),
        }
    }
    let mut points: Vec<f64> = histories
        .iter()
        .map(|history| model.measure(&model.fold(history, now), now).points)
        .filter(|p| *p > 0.0)
        .collect();
    points.sort_by(f64::total_cmp);
    if let Some(median) = points.get(points.len() / 2) {
        model.half_points = median.max(1e-6);
    }
}

/// How well points order customers by whether contact follows: area under the curve.
fn order_of(rows: &[Row]) -> f64 {
    let points: Vec<f64> = rows
        .iter()
        .map(|row| row.points.iter().map(|(_, p)| p).sum())
        .collect();
    let followed: Vec<bool> = rows.iter().map(|row| row.followed).collect();
    auc(&points, &followed)
}
