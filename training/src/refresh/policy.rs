//! Off-policy evaluation of a model from the `served` table.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::Deserialize;
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, CustomerState, ListKind, Live, Request};
use serendib_shop::{
    stable_hash, Arm, CustomerIx, DataError, KindClass, Log, ProductIx, Served, ShopData, Table,
};

use crate::judge::policy::{evaluate, Decision, Draw, OpeOptions, OpeReport, Verdict};
use crate::learn::publish;

/// Share of the model's own draws outside the logged candidates beyond which nothing is concluded.
const MOST_OUTSIDE: f64 = 0.5;

/// One sampled slot as it was logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    pub request_id: String,
    pub customer: CustomerIx,
    /// Time, milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Rank of the slot from 1.
    pub rank: usize,
    /// What could have been drawn, with its probability.
    pub candidates: Vec<(ProductIx, f64)>,
    pub chosen: usize,
    /// 1 if the customer actively touched what was drawn, naming the answer; else 0.
    pub reward: f64,
}

#[derive(Deserialize)]
struct Candidate {
    product_id: String,
    propensity: Option<f64>,
}

/// What the serve log says.
#[derive(Debug, Default)]
pub struct ServeLog {
    pub draws: Vec<Logged>,
    /// Time of the first answer of a model of Serendib: the log may go back to what answered before.
    pub since: Option<i64>,
    /// The arm of each customer number at their first decision.
    pub arms: HashMap<CustomerIx, (i64, Arm)>,
    /// Sampled rows that cannot be used: an unknown customer or product, or candidates that do not read.
    pub unusable: usize,
}

impl ServeLog {
    /// Notes the arm of a decision, unless an earlier one of the same person is known.
    fn note_arm(&mut self, row: &Served, log: &Log) {
        let arm = row.arm.as_deref().and_then(Arm::parse);
        let customer = row.customer_id.as_deref().and_then(|id| log.customer(id));
        if let (Some(arm), Some(customer), Some(at)) = (arm, customer, row.at) {
            let first = self.arms.entry(customer).or_insert((at, arm));
            if at < first.0 {
                *first = (at, arm);
            }
        }
    }
}

/// Reads the `served` table and what came of each drawn slot.
///
/// # Errors
/// The first wrong row, unless the data were opened leniently.
pub fn read(data: &ShopData, log: &Log) -> Result<ServeLog, DataError> {
    let mut out = ServeLog::default();
    if !data.has_table(Table::Served) {
        return Ok(out);
    }
    for row in data.served()? {
        let row = row?;
        let ours = row.model.as_deref().is_some_and(publish::is_id);
        if let Some(at) = row.at.filter(|_| ours) {
            out.since = Some(out.since.map_or(at, |since: i64| since.min(at)));
        }
        out.note_arm(&row, log);
        if row.propensity.is_none() {
            continue;
        }
        match logged(&row, log) {
            Some(draw) => out.draws.push(draw),
            None => out.unusable += 1,
        }
    }
    if out.draws.is_empty() {
        return Ok(out);
    }
    let mut by_request: HashMap<String, Vec<usize>> = HashMap::new();
    for (ix, draw) in out.draws.iter().enumerate() {
        let slots = by_request.entry(draw.request_id.clone()).or_default();
        slots.push(ix);
    }
    for row in data.touchpoints()? {
        let row = row?;
        let Some(id) = row.request_id.as_deref() else {
            continue;
        };
        let kind = log.encoder.kinds.get(&row.kind);
        if kind.is_none_or(|kind| log.encoder.kinds.class(kind) != KindClass::Active) {
            continue;
        }
        // a touchpoint names the answer, or the item: answer.list.rank
        let request = id
            .rsplitn(3, '.')
            .nth(2)
            .filter(|r| by_request.contains_key(*r));
        let slots = by_request.get(request.unwrap_or(id));
        for ix in slots.into_iter().flatten() {
            let draw = &mut out.draws[*ix];
            let product = log.catalogue.find(row.product_id.as_deref().unwrap_or(""));
            if product == Some(draw.candidates[draw.chosen].0) {
                draw.reward = 1.0;
            }
        }
    }
    Ok(out)
}

fn logged(row: &Served, log: &Log) -> Option<Logged> {
    let candidates: Vec<Candidate> = serde_json::from_str(row.candidates.as_deref()?).ok()?;
    let candidates: Vec<(ProductIx, f64)> = candidates
        .iter()
        .map(|c| Some((log.catalogue.find(&c.product_id)?, c.propensity?)))
        .collect::<Option<_>>()?;
    let drawn = log.catalogue.find(row.product_id.as_deref()?)?;
    Some(Logged {
        request_id: row.request_id.clone(),
        customer: log.customer(row.customer_id.as_deref()?)?,
        at: row.at?,
        rank: row.rank? as usize,
        chosen: candidates.iter().position(|(p, _)| *p == drawn)?,
        candidates,
        reward: 0.0,
    })
}

/// Evaluates what `model` would draw in the slots of `draws`; `None` where there are none.
///
/// In each slot the model makes its own surprise list as of then. Its probabilities are kept inside the logged candidates
/// and made to sum to 1; what it gives to others is counted as outside the overlap. `model` must have seen nothing of
/// the time of the draws.
pub fn evaluate_model(model: &Model, log: &Log, draws: &[Logged], seed: u64) -> Option<OpeReport> {
    if draws.is_empty() {
        return None;
    }
    let live = Live::of_catalogue(model.catalogue.clone());
    let judged: Vec<Target> = draws
        .par_iter()
        .filter_map(|logged| target(model, &live, log, logged))
        .collect();
    // a slot in which the model draws nothing that was on offer is outside altogether
    let outside =
        judged.iter().map(|target| target.outside).sum::<f64>() / judged.len().max(1) as f64;
    let draws: Vec<Draw> = judged
        .into_iter()
        .filter_map(|target| target.draw)
        .collect();
    let options = OpeOptions {
        seed,
        ..OpeOptions::default()
    };
    let mut report = evaluate(&draws, &options).ok()?;
    report.outside_overlap += outside;
    // where the model would mostly draw what was never on offer, the log says little of it
    if report.outside_overlap > MOST_OUTSIDE {
        report.verdict = Verdict::NotEnoughData;
    }
    Some(report)
}

/// Why `report` is not enough to judge by.
pub fn not_enough(report: &OpeReport) -> String {
    let figures = format!(
        "{} draws, effective sample {:.0}",
        report.draws, report.effective_sample
    );
    if report.outside_overlap > MOST_OUTSIDE {
        format!(
            "{figures}; {:.0} % of what the model would draw was not on offer, at most {:.0} % may be",
            100.0 * report.outside_overlap,
            100.0 * MOST_OUTSIDE
        )
    } else {
        format!("{figures}; too few draws weigh")
    }
}

/// What the model would draw in a slot.
struct Target {
    /// Beside what was logged; absent where nothing that was on offer could come.
    draw: Option<Draw>,
    /// Probability of what was not on offer.
    outside: f64,
}

fn target(model: &Model, live: &Live, log: &Log, logged: &Logged) -> Option<Target> {
    let sum: f64 = logged.candidates.iter().map(|(_, p)| p).sum();
    if (sum - 1.0).abs() > 1e-4 {
        return None;
    }
    let profile = log.profiles.get(logged.customer.index())?.as_ref();
    let state = CustomerState {
        history: log.histories.of(logged.customer),
        facts: profile.map_or(&[], |p| &p.facts),
        ..CustomerState::NOBODY
    };
    let mut request = Request::one(ListKind::Surprise, logged.rank.clamp(1, 100), logged.at);
    request.explore = true;
    request.draw_lone = true;
    request.max_reasons = 0;
    let mut answer = recommend(model, live, state, &request, &|| false).ok()?;
    let own: HashMap<ProductIx, f64> = answer
        .lists
        .pop()
        .map(|list| list.draw.into_iter().collect())
        .unwrap_or_default();
    let inside: f64 = logged
        .candidates
        .iter()
        .filter_map(|(product, _)| own.get(product))
        .sum();
    if inside <= 1e-6 {
        return Some(Target {
            draw: None,
            outside: 1.0,
        });
    }
    let decisions = logged
        .candidates
        .iter()
        .map(|(product, p)| Decision {
            product: *product,
            logged: *p,
            target: own.get(product).copied().unwrap_or(0.0) / inside,
        })
        .collect();
    let draw = Draw {
        customer: stable_hash(&logged.customer.0.to_le_bytes()),
        decisions,
        chosen: logged.chosen,
        reward: logged.reward,
    };
    Some(Target {
        draw: Some(draw),
        outside: 1.0 - inside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::policy::Interval;

    #[test]
    fn what_was_not_on_offer_is_named_as_the_reason() {
        let none = Interval {
            value: 0.0,
            low: 0.0,
            high: 0.0,
        };
        let report = |outside_overlap| OpeReport {
            draws: 2_487,
            customers: 900,
            logged: none,
            ips: none,
            snips: none,
            doubly_robust: none,
            difference: none,
            effective_sample: 808.0,
            mean_weight: 1.04,
            max_weight: 9.0,
            outside_overlap,
            verdict: Verdict::NotEnoughData,
        };
        let why = not_enough(&report(0.67));
        assert!(
            why.contains("67 %") && why.contains("not on offer"),
            "{why}"
        );
        assert!(!not_enough(&report(0.1)).contains("on offer"));
    }
}
