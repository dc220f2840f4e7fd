//! How well purchases are foretold, at rolling cut-offs: ours beside RFM, recency and the plain logistic of two features.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serendib_engine::engagement::days_ms;
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{Kind, Kinds, Touch, DAY_MS};

mod oracle;

pub use oracle::Oracle;

use crate::learn::engagement::{fit_horizon, order_model, rows_at, Rows};
use crate::stats::auc::{auc, order, top_lift, weighted_auc};
use crate::stats::calibration::{calibration_error, paired};

/// Rounds of the bootstrap.
const ROUNDS: usize = 300;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutOff {
    /// Length of time, milliseconds.
    pub at: i64,
    pub customers: usize,
    /// Share that bought within the horizon.
    pub base_rate: f64,
    /// Area under the curve of ours.
    pub auc: f64,
    /// Of the plain logistic of log recency and log orders.
    pub auc_plain: f64,
    /// Of the sum of quintiles of recency, frequency and money.
    pub auc_rfm: f64,
    /// Of recency alone.
    pub auc_recency: f64,
    /// Mean squared error of the probability.
    pub brier: f64,
    /// Expected calibration error over ten equal groups.
    pub ece: f64,
    /// Buyers in the top tenth over buyers in a tenth by chance.
    pub top_decile_lift: f64,
    /// Whether the plain model was kept.
    pub plain: bool,
    /// Of the probability that knows the hidden state, where the shop was generated; as the two below, over the customers
    /// whose state is known.
    pub auc_oracle: Option<f64>,
    /// Share of the gap between the plain logistic and the oracle that ours closes.
    pub gap_closed: Option<f64>,
}

/// One tenth of all customers at all cut-offs, by our probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decile {
    /// 1 = most likely to buy.
    pub decile: usize,
    pub customers: usize,
    /// Mean probability said.
    pub said: f64,
    /// Share that bought.
    pub bought: f64,
    /// Share that bought over the share of all.
    pub lift: f64,
}

/// The evaluation of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngagementEvaluation {
    pub horizon_days: f64,
    /// Cut-offs in order of time.
    pub cut_offs: Vec<CutOff>,
    /// Mean AUC of ours.
    pub auc: f64,
    /// Mean AUC of the better baseline at each cut-off.
    pub auc_better_baseline: f64,
    pub difference: f64,
    /// 95 % interval of it, by resampling customers (all of a customer's cut-offs together).
    pub interval: (f64, f64),
    /// Mean of the cut-offs' calibration errors.
    pub ece: f64,
    /// Mean of the cut-offs' Brier scores.
    pub brier: f64,
    /// Mean lift of the top decile.
    pub top_decile_lift: f64,
    /// Mean over cut-offs of min(10, 1 / base rate), the largest lift there can be.
    pub largest_lift: f64,
    /// Mean AUC of the oracle, where the shop was generated.
    pub auc_oracle: Option<f64>,
    /// Share of the gap between the plain logistic and the oracle that ours closes, over all cut-offs together.
    pub gap_closed: Option<f64>,
    /// The decile table.
    pub deciles: Vec<Decile>,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Sum of the quintiles (1…5) of recency, frequency and money.
fn rfm(histories: &[&[Touch]], rows: &Rows, cut: i64) -> Vec<f64> {
    let mut measures = [Vec::new(), Vec::new(), Vec::new()];
    for customer in &rows.customer {
        let purchases = histories[customer.index()]
            .iter()
            .take_while(|t| t.at < cut)
            .filter(|t| t.kind == Kind::PURCHASE);
        let (mut last, mut money) = (i64::MIN, 0.0);
        let mut days: Vec<i64> = Vec::new();
        for touch in purchases {
            last = last.max(touch.at);
            money += f64::from(touch.value);
            days.push(touch.at.div_euclid(DAY_MS));
        }
        days.dedup();
        measures[0].push(last as f64);
        measures[1].push(days.len() as f64);
        measures[2].push(money);
    }
    let mut sum = vec![0.0; rows.customer.len()];
    for values in &measures {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (sum, value) in sum.iter_mut().zip(values) {
            let rank = sorted.partition_point(|v| v < value) as f64;
            *sum += 1.0 + (5.0 * rank / sorted.len().max(1) as f64).floor();
        }
    }
    sum
}

struct Scored {
    rows: Rows,
    /// Who bought within the horizon.
    bought: Vec<bool>,
    /// Ours, plain, RFM.
    scores: [Vec<f64>; 3],
    /// Whether RFM is the better baseline.
    rfm_better: bool,
}

/// `count` cut-offs for purchases within `horizon` days, evenly spread over what leaves enough before and a whole horizon
/// after; none where the data are too short.
pub fn rolling_cuts(span: (i64, i64), horizon: f64, count: usize) -> Vec<i64> {
    let (start, end) = (span.0, span.1 + 1);
    let first =
        start + days_ms((2.0 * horizon + 60.0).min(0.5 * (end - start) as f64 / DAY_MS as f64));
    let last = end - days_ms(horizon);
    if last <= first {
        return Vec::new();
    }
    (0..count)
        .map(|n| first + (last - first) * n as i64 / (count.max(2) - 1) as i64)
        .collect()
}

/// Everything that customers did.
#[derive(Debug, Clone, Copy)]
pub struct Contacts<'a> {
    /// Touches of each customer in order of time.
    pub histories: &'a [&'a [Touch]],
    /// Kinds of touches that the shop knows.
    pub kinds: &'a Kinds,
    /// First and last touch, ms.
    pub span: (i64, i64),
}

/// Evaluates `cuts`, each fitted on what came before it only; `None` if nothing can be told at any.
pub fn evaluate(
    contacts: &Contacts,
    horizon: f64,
    cuts: &[i64],
    oracle: Option<&Oracle>,
    seed: u64,
    say: &dyn Fn(&str),
) -> Option<EngagementEvaluation> {
    let Contacts {
        histories,
        kinds,
        span: (start, _),
    } = *contacts;
    let mut cut_offs = Vec::new();
    let mut scored: Vec<Scored> = Vec::new();
    let mut gaps_closed = (0.0, 0.0);
    for (n, &at) in cuts.iter().enumerate() {
        say(&format!(
            "purchases within {horizon} days: cut-off {} of {}",
            n + 1,
            cuts.len()
        ));
        let before: Vec<&[Touch]> = histories
            .iter()
            .map(|history| &history[..history.partition_point(|t| t.at < at)])
            .collect();
        let (orders, gaps) = order_model(&before, at);
        let fitted = fit_horizon(&before, kinds, start, at, horizon, orders.as_ref(), &gaps);
        let rows = rows_at(histories, kinds, at, horizon, orders.as_ref(), &gaps, 1);
        let bought = rows.bought.clone();
        let yes = bought.iter().filter(|b| **b).count();
        if yes == 0 || yes == bought.len() {
            continue;
        }
        let said: Vec<f64> = rows
            .features
            .iter()
            .map(|row| fitted.model.probability(row))
            .collect();
        let plain: Vec<f64> = rows
            .features
            .iter()
            .map(|row| fitted.baseline.log_odds(row))
            .collect();
        let rfm = rfm(histories, &rows, at);
        let recency: Vec<f64> = rows
            .features
            .iter()
            .map(|row| -row[serendib_engine::engagement::PLAIN[0]])
            .collect();
        let squares = said
            .iter()
            .zip(&bought)
            .map(|(p, b)| (p - f64::from(u8::from(*b))).powi(2));
        let ideal = oracle.and_then(|o| o.compare(&rows, at, horizon, [&said, &plain]));
        if let Some(ideal) = &ideal {
            gaps_closed.0 += ideal.ours - ideal.plain;
            gaps_closed.1 += ideal.oracle - ideal.plain;
        }
        let share = |(closed, gap): (f64, f64)| (gap > 0.0).then(|| closed / gap);
        let cut_off = CutOff {
            auc_oracle: ideal.as_ref().map(|i| i.oracle),
            gap_closed: ideal.and_then(|i| share((i.ours - i.plain, i.oracle - i.plain))),
            at,
            customers: said.len(),
            base_rate: yes as f64 / said.len() as f64,
            auc: auc(&said, &bought),
            auc_plain: auc(&plain, &bought),
            auc_rfm: auc(&rfm, &bought),
            auc_recency: auc(&recency, &bought),
            brier: squares.sum::<f64>() / said.len() as f64,
            ece: calibration_error(&paired(&said, &bought)),
            top_decile_lift: top_lift(&said, &bought),
            plain: fitted.plain,
        };
        scored.push(Scored {
            rfm_better: cut_off.auc_rfm > cut_off.auc_plain,
            scores: [said, plain, rfm],
            bought,
            rows,
        });
        cut_offs.push(cut_off);
    }
    if cut_offs.is_empty() {
        return None;
    }
    let mean =
        |of: &dyn Fn(&CutOff) -> f64| cut_offs.iter().map(of).sum::<f64>() / cut_offs.len() as f64;
    let auc = mean(&|c| c.auc);
    let better = mean(&|c| c.auc_plain.max(c.auc_rfm));
    Some(EngagementEvaluation {
        horizon_days: horizon,
        auc,
        auc_better_baseline: better,
        difference: auc - better,
        interval: bootstrap(&scored, histories.len(), seed),
        ece: mean(&|c| c.ece),
        brier: mean(&|c| c.brier),
        top_decile_lift: mean(&|c| c.top_decile_lift),
        largest_lift: mean(&|c| (1.0 / c.base_rate).min(10.0)),
        auc_oracle: {
            let all: Vec<f64> = cut_offs.iter().filter_map(|c| c.auc_oracle).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        },
        gap_closed: (gaps_closed.1 > 0.0).then(|| gaps_closed.0 / gaps_closed.1),
        deciles: deciles(&scored),
        seed,
        cut_offs,
    })
}

impl std::fmt::Display for EngagementEvaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let plain = self.cut_offs.iter().filter(|c| c.plain).count();
        writeln!(
            f,
            "\npurchases within {} days, {} cut-offs ({plain} with the plain model kept)",
            self.horizon_days,
            self.cut_offs.len()
        )?;
        writeln!(
            f,
            "AUC {:.4} against {:.4} of the better of RFM and the plain logistic: {:+.4} [{:+.4}, {:+.4}]",
            self.auc, self.auc_better_baseline, self.difference, self.interval.0, self.interval.1
        )?;
        writeln!(
            f,
            "calibration error {:.4}, Brier {:.4}, lift of the top tenth {:.2} of at most {:.2}",
            self.ece, self.brier, self.top_decile_lift, self.largest_lift
        )?;
        if let (Some(oracle), Some(closed)) = (self.auc_oracle, self.gap_closed) {
            writeln!(
                f,
                "AUC of the oracle {oracle:.4}; {:.0} % of the gap between it and the plain logistic are closed",
                100.0 * closed
            )?;
        }
        let mut grid = Grid::new([
            Column::figure("tenth", 5),
            Column::figure("customers", 10),
            Column::figure("said", 6),
            Column::figure("bought", 7),
            Column::figure("lift", 6),
        ]);
        for d in &self.deciles {
            grid.row([
                d.decile.to_string(),
                d.customers.to_string(),
                fixed(d.said, 3),
                fixed(d.bought, 3),
                fixed(d.lift, 2),
            ]);
        }
        write!(f, "{grid}")
    }
}

/// 95 % interval of the mean difference in AUC, over customers drawn with replacement.
fn bootstrap(scored: &[Scored], customers: usize, seed: u64) -> (f64, f64) {
    let prepared: Vec<(&Scored, [Vec<u32>; 2], usize)> = scored
        .iter()
        .map(|s| {
            let baseline = if s.rfm_better { 2 } else { 1 };
            (
                s,
                [order(&s.scores[0]), order(&s.scores[baseline])],
                baseline,
            )
        })
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut differences: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut times = vec![0.0f64; customers];
            (0..customers).for_each(|_| times[rng.gen_range(0..customers)] += 1.0);
            let sum: f64 = prepared
                .iter()
                .map(|(s, orders, baseline)| {
                    let weights: Vec<f64> =
                        s.rows.customer.iter().map(|c| times[c.index()]).collect();
                    let area = |order: &[u32], scores: &[f64]| {
                        weighted_auc(order, scores, &s.bought, &weights)
                    };
                    area(&orders[0], &s.scores[0]) - area(&orders[1], &s.scores[*baseline])
                })
                .sum();
            sum / prepared.len() as f64
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    let at = |share: f64| differences[((ROUNDS - 1) as f64 * share).round() as usize];
    (at(0.025), at(0.975))
}

fn deciles(scored: &[Scored]) -> Vec<Decile> {
    let said: Vec<f64> = scored
        .iter()
        .flat_map(|s| s.scores[0].iter().copied())
        .collect();
    let bought: Vec<bool> = scored
        .iter()
        .flat_map(|s| s.bought.iter().copied())
        .collect();
    let order = order(&said);
    let n = order.len();
    let all = bought.iter().filter(|b| **b).count() as f64 / n.max(1) as f64;
    (0..10)
        .map(|decile| {
            let rows = &order[n - (decile + 1) * n / 10..n - decile * n / 10];
            let count = rows.len().max(1) as f64;
            let share = rows.iter().filter(|r| bought[**r as usize]).count() as f64 / count;
            Decile {
                decile: decile + 1,
                customers: rows.len(),
                said: rows.iter().map(|r| said[*r as usize]).sum::<f64>() / count,
                bought: share,
                lift: if all > 0.0 { share / all } else { 0.0 },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::engagement::{fit, HORIZONS};
    use serendib_shop::NO_PRODUCT;

    const START: i64 = 19_000 * DAY_MS;
    const DAYS: i64 = 330;

    fn touch(kind: Kind, at: i64) -> Touch {
        Touch {
            at,
            basket: 0,
            product: NO_PRODUCT,
            quantity: 1.0,
            value: 20.0,
            duration_s: 0.0,
            kind,
            channel: 0,
            line: 0,
            pages: 0,
            rating: 0,
            cause: serendib_shop::Cause::Unsaid,
            gift: false,
        }
    }

    /// Customers who order at their own pace after some browsing, until they leave.
    fn shop(customers: usize) -> Vec<Vec<Touch>> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..customers)
            .map(|_| {
                let pace = rng.gen_range(8.0..120.0f64);
                let leaves = rng.gen_range(0.0..2.0 * DAYS as f64);
                let mut history = Vec::new();
                let mut day = rng.gen_range(0.0..60.0);
                while day < leaves.min(DAYS as f64) {
                    let at = START + days_ms(day);
                    history.push(touch(Kind::VIEW, at - DAY_MS));
                    history.push(touch(Kind::PURCHASE, at));
                    day += pace * rng.gen_range(0.5..1.5);
                }
                history
            })
            .collect()
    }

    #[test]
    fn purchases_of_a_simulated_shop_are_foretold_and_calibrated() {
        let histories = shop(500);
        let slices: Vec<&[Touch]> = histories.iter().map(|h| &h[..]).collect();
        let span = (START, START + DAYS * DAY_MS);
        let kinds = Kinds::default();
        let cuts = rolling_cuts(span, 30.0, 2);
        let contacts = Contacts {
            histories: &slices,
            kinds: &kinds,
            span,
        };
        let found = evaluate(&contacts, 30.0, &cuts, None, 1, &|_| {}).unwrap();
        assert_eq!(found.cut_offs.len(), 2);
        assert!(found.auc > 0.75, "{found:?}");
        assert!(found.ece < 0.12, "{}", found.ece);
        assert!(found.interval.0 <= found.difference && found.difference <= found.interval.1);
        let (first, last) = (&found.deciles[0], &found.deciles[9]);
        assert!(first.bought > last.bought && first.said > last.said);
        let all: usize = found.deciles.iter().map(|d| d.customers).sum();
        assert_eq!(
            all,
            found.cut_offs.iter().map(|c| c.customers).sum::<usize>()
        );
        assert!(rolling_cuts((START, START + 20 * DAY_MS), 30.0, 2).is_empty());

        let model = fit(&slices, &kinds, span);
        assert!(model.orders.is_some() && model.index.half_points > 0.0);
        let end = span.1 + 1;
        let loyal = (0..500).max_by_key(|c| histories[*c].len()).unwrap();
        let outlook = model.outlook(&histories[loyal], end, 3);
        let nobody = model.outlook(&[], end, 3);
        assert!(outlook.p_purchase_90d >= outlook.p_purchase_30d);
        assert!(outlook.p_purchase_30d > nobody.p_purchase_30d);
        assert!(outlook.orders_per_year.unwrap() > 1.0);
    }

    #[test]
    fn who_has_done_nothing_yet_is_no_likely_buyer() {
        let mut histories = shop(400);
        // a third has been mailed for months before they do anything
        for history in histories.iter_mut().step_by(3) {
            let first = history.first().map_or(START + DAYS * DAY_MS, |t| t.at);
            let shown: Vec<Touch> = (0..40)
                .map(|n| touch(Kind::EMAIL_SENT, first - (200 + n) * DAY_MS))
                .filter(|t| t.at >= START)
                .collect();
            history.splice(..0, shown.into_iter().rev());
        }
        let slices: Vec<&[Touch]> = histories.iter().map(|h| &h[..]).collect();
        let kinds = Kinds::default();
        let span = (START, START + DAYS * DAY_MS);
        let model = fit(&slices, &kinds, span);
        let shown: Vec<Touch> = (0..40)
            .map(|n| touch(Kind::IMPRESSION, span.1 - n * DAY_MS))
            .rev()
            .collect();
        let now = span.1 + 1;
        let known = |history: &&[Touch]| history.iter().any(|t| t.kind == Kind::VIEW);
        let said: Vec<f64> = slices
            .iter()
            .copied()
            .filter(known)
            .map(|history| model.outlook(history, now, 0).p_purchase_30d)
            .collect();
        let mean = said.iter().sum::<f64>() / said.len() as f64;
        for history in [&[][..], &shown[..], &[touch(Kind::VIEW, now + DAY_MS)][..]] {
            let outlook = model.outlook(history, now, 3);
            assert!(
                outlook.p_purchase_30d < 0.5 * mean,
                "{outlook:?}, mean {mean}"
            );
            assert!(outlook.p_purchase_90d >= outlook.p_purchase_30d);
            assert!(outlook.effects.is_empty());
        }
    }

    #[test]
    fn a_young_shop_gets_probabilities_of_its_own_size() {
        let histories = shop(500);
        for days in [20, 45, 100] {
            let end = START + days * DAY_MS;
            let seen: Vec<&[Touch]> = histories
                .iter()
                .map(|h| &h[..h.partition_point(|t| t.at < end)])
                .collect();
            let model = fit(&seen, &Kinds::default(), (START, end));
            let share = |horizon: f64| {
                let until = end + days_ms(horizon);
                let mut of = (0.0, 0.0, 0.0);
                for (whole, seen) in histories.iter().zip(&seen).filter(|(_, s)| !s.is_empty()) {
                    let outlook = model.outlook(seen, end, 0);
                    of.0 += 1.0;
                    of.1 += if horizon < 60.0 {
                        outlook.p_purchase_30d
                    } else {
                        outlook.p_purchase_90d
                    };
                    let later = &whole[seen.len()..];
                    of.2 += f64::from(u8::from(
                        later
                            .iter()
                            .any(|t| t.kind == Kind::PURCHASE && t.at < until),
                    ));
                }
                (of.1 / of.0, of.2 / of.0)
            };
            for horizon in HORIZONS {
                let (said, bought) = share(horizon);
                // few can have ordered again within the first weeks: what is said is too little, never too much
                let young = days < 60;
                assert!(
                    !young || (0.02..bought + 0.1).contains(&said),
                    "{said} {bought}"
                );
                assert!(
                    young || (said - bought).abs() < 0.25,
                    "{days} days of log, {horizon}: {said} {bought}"
                );
            }
        }
    }

    #[test]
    fn a_shop_without_data_gets_a_model_of_the_first_day() {
        let model = fit(&[], &Kinds::default(), (START, START));
        assert!(model.plain && model.orders.is_none());
        let p = model.outlook(&[touch(Kind::VIEW, START)], START + DAY_MS, 0);
        assert!(p.p_purchase_30d > 0.0 && p.p_purchase_30d < 1.0);
    }

    #[test]
    fn ties_count_half_and_weights_count_as_rows() {
        let (scores, bought) = ([0.1, 0.5, 0.5, 0.9], [false, true, false, true]);
        assert!((auc(&scores, &bought) - 0.875).abs() < 1e-12);
        let twice = weighted_auc(&order(&scores), &scores, &bought, &[2.0, 1.0, 1.0, 0.0]);
        assert!((twice - (2.0 + 0.5) / 3.0).abs() < 1e-12);
        assert_eq!(auc(&scores, &[true; 4]), 0.5);
    }
}
