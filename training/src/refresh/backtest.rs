//! The parts of a model beside its lists, fitted before the cut and judged on what follows it.

use std::sync::Arc;

use serde::Serialize;
use serendib_engine::bundle::Manifest;
use serendib_engine::life::StateOptions;
use serendib_engine::model::Model;
use serendib_engine::represent::Representation;
use serendib_engine::surprise::DelightModel;
use serendib_shop::{baskets, stable_hash, CustomerIx, Delight, Histories, Log, ProductIx};

use crate::judge::complement::{self, ComplementReport};
use crate::judge::engagement::{self, Contacts, EngagementEvaluation};
use crate::judge::life::births::{anchors_drawn, AnchorFigures};
use crate::judge::next_basket::{next_basket, BasketFigures};
use crate::judge::surprise::{self, SurpriseReport};
use crate::learn::life::fit::LifeSettings;
use crate::learn::life::{Sources, NEIGHBOURS};
use crate::learn::next_basket as baskets_fit;
use crate::learn::{complement as complements, corpus_of, surprise as surprises};

/// Touches on which the parts are judged at most; a larger shop is judged on a sample of its customers.
const MOST_TOUCHES: usize = 1_500_000;
/// Days over which purchases are foretold.
const HORIZONS: [f64; 2] = [30.0, 90.0];
/// Cut-offs for engagement.
const CUT_OFFS: usize = 3;

/// Probabilities said beside what happened, in groups of equal size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Rows behind it.
    pub rows: usize,
    /// Mean probability said and share that came true, from the least to the most likely group.
    pub groups: Vec<(f64, f64)>,
}

/// How far off an inferred life stage is, by how much was seen of a customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageError {
    pub clock: String,
    /// Purchases seen, customers behind the figure, mean absolute error of the anchor in days.
    pub by_purchases: Vec<(usize, usize, f64)>,
}

/// Everything that is judged beside the lists; what the shop lacks is absent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sections {
    /// What goes with what.
    pub complements: Option<ComplementReport>,
    /// Surprises over the dial.
    pub surprises: Option<SurpriseReport>,
    /// What customers said of surprises after the cut: so many ratings.
    pub ratings: usize,
    /// Predicted delight beside what customers said; absent with fewer than 80 ratings.
    pub delight: Option<Calibration>,
    /// Purchases within each horizon.
    pub engagement: Vec<EngagementEvaluation>,
    /// Anchors of life situations.
    pub life: Vec<AnchorFigures>,
    /// Error of the anchor over purchases seen.
    pub stage_error: Vec<StageError>,
    /// The next basket.
    pub next_basket: Option<BasketFigures>,
}

/// A model of what came before a cut, good for surprises and for what it would draw.
///
/// # Errors
/// A part that cannot be fitted.
pub fn model(
    before: &Log,
    representation: Representation,
    delights: &[Delight],
    recorded: Option<serde_json::Value>,
    seed: u64,
    say: &dyn Fn(&str),
) -> anyhow::Result<Model> {
    let topics = surprises::topics(before, &representation, seed);
    let recorded = recorded.and_then(|value| serde_json::from_value(value).ok());
    let (graph, _) = complements::fit(before, &topics, recorded, seed, say)?;
    let learned = surprises::fit(before, topics, &representation);
    let mut model = Model::new(
        Manifest::default(),
        Arc::new(before.catalogue.clone()),
        before.encoder.clone(),
        representation,
    );
    model.complements = Some(graph);
    model.surprises = Some(learned);
    surprises::feel(&mut model, before, delights, None)?;
    Ok(model)
}

/// Judges every part on `log`; `early` was fitted before `cut`.
///
/// # Errors
/// A request that cannot be answered.
pub fn judge(
    early: &Model,
    log: &Log,
    delights: &[Delight],
    clock_types: Option<&serde_json::Value>,
    cut: i64,
    seed: u64,
    say: &dyn Fn(&str),
) -> anyhow::Result<Sections> {
    say("calibration of delight");
    let mut sections = Sections::default();
    if let Some(part) = &early.surprises {
        // on everybody who said something, however many there are: a sample of customers has no history of the others
        (sections.ratings, sections.delight) = delighted(early, &part.delight, log, delights, cut);
    }
    let sampled;
    let log = if log.histories.touches().len() > MOST_TOUCHES {
        sampled = sample(log, MOST_TOUCHES);
        &sampled
    } else {
        log
    };
    if let Some(graph) = &early.complements {
        sections.complements = Some(complement::evaluate(log, cut, graph, seed, say));
    }
    sections.surprises = surprise::evaluate(early, log, cut, seed, say)?;
    let corpus = corpus_of(log);
    let sources = Sources {
        catalogue: &log.catalogue,
        histories: corpus.histories.iter().map(|h| h.as_ref()).collect(),
        profiles: &log.profiles,
        default_consents: log.default_consents,
        timed: log.timed,
        until: log.span.map_or(0, |(_, last)| last + 1),
        clock_types,
    };
    if let Some(span) = log.span {
        let contacts = Contacts {
            histories: &sources.histories,
            kinds: &log.encoder.kinds,
            span,
        };
        sections.engagement = HORIZONS
            .iter()
            .filter_map(|days| {
                let cuts = engagement::rolling_cuts(span, *days, CUT_OFFS);
                engagement::evaluate(&contacts, *days, &cuts, None, seed, say)
            })
            .collect();
    }
    sections.life = anchors_drawn(&sources, &LifeSettings::default(), (1, 3), say);
    sections.stage_error = stage_error(&sources, say);
    let customers = sources.baskets();
    if log.timed && !customers.is_empty() {
        let all: Vec<Vec<_>> = sources
            .histories
            .iter()
            .map(|h| baskets(h, log.timed))
            .collect();
        let before = all
            .iter()
            .map(|list| list[..list.partition_point(|b| b.at < cut)].to_vec())
            .collect::<Vec<_>>();
        let truth: Vec<Vec<ProductIx>> = all
            .iter()
            .zip(&before)
            .map(|(list, seen)| match list.get(seen.len()) {
                Some(next) if !seen.is_empty() => next.lines.iter().map(|l| l.0).collect(),
                _ => Vec::new(),
            })
            .collect();
        if truth.iter().any(|t| !t.is_empty()) {
            let model = baskets_fit::fit(&before, log.catalogue.len(), NEIGHBOURS);
            sections.next_basket =
                model.and_then(|model| next_basket(&model, &before, &truth, say));
        }
    }
    Ok(sections)
}

/// How many ratings at or after `cut` can be judged by, and the delight said before them beside what they say.
fn delighted(
    early: &Model,
    part: &DelightModel,
    log: &Log,
    delights: &[Delight],
    cut: i64,
) -> (usize, Option<Calibration>) {
    let after: Vec<Delight> = delights.iter().filter(|d| d.at >= cut).cloned().collect();
    let rated = surprises::said(early, log, &after);
    let pairs: Vec<(f64, f64)> = rated
        .iter()
        .map(|r| (part.probability(&r.features), r.label))
        .collect();
    (pairs.len(), calibration(pairs, 8))
}

/// Groups pairs of a probability and what came of it; `None` with fewer than ten a group.
fn calibration(mut pairs: Vec<(f64, f64)>, groups: usize) -> Option<Calibration> {
    if pairs.len() < 10 * groups {
        return None;
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = pairs.len();
    let mean = |rows: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        rows.iter().map(of).sum::<f64>() / rows.len() as f64
    };
    Some(Calibration {
        rows: n,
        groups: (0..groups)
            .map(|g| {
                let rows = &pairs[g * n / groups..(g + 1) * n / groups];
                (mean(rows, |p| p.0), mean(rows, |p| p.1))
            })
            .collect(),
    })
}

/// The anchor's error after 1, 2, 4, 8, … purchases, for customers who declared exactly one anchor: half of them are hidden from
/// the fit, and judged.
fn stage_error(sources: &Sources, say: &dyn Fn(&str)) -> Vec<StageError> {
    use serendib_engine::life::{declared, ProductProfiles};
    const SEEN: [usize; 6] = [1, 2, 4, 8, 16, 32];
    const LEAST: usize = 20;
    const MOST: usize = 400;
    if !sources.timed {
        return Vec::new();
    }
    say("error of the life stage over purchases");
    let hidden =
        |customer: CustomerIx| stable_hash(&customer.index().to_le_bytes()).is_multiple_of(2);
    let rows: Vec<crate::learn::life::fit::LifeRow> = CustomerIx::all(sources.histories.len())
        .filter(|&c| sources.allows(c, serendib_shop::Purpose::Train))
        .map(|c| crate::learn::life::fit::LifeRow {
            history: sources.histories[c.index()],
            facts: if hidden(c) { &[] } else { sources.facts(c) },
            infer: sources.allows(c, serendib_shop::Purpose::InferLifeStage),
        })
        .collect();
    let Ok(clocks) = serendib_engine::life::ClockType::with_shop(sources.clock_types) else {
        return Vec::new();
    };
    let settings = LifeSettings::default();
    let Some(model) =
        crate::learn::life::fit::fit(&rows, sources.catalogue, clocks, sources.until, &settings)
    else {
        return Vec::new();
    };
    let products = ProductProfiles::new(&model.profiles, sources.catalogue);
    let mut sums: Vec<Vec<(usize, f64)>> = vec![vec![(0, 0.0); SEEN.len()]; model.clocks.len()];
    let options = StateOptions {
        infer: true,
        thorough: false,
    };
    for customer in CustomerIx::all(sources.histories.len()).filter(|c| hidden(*c)) {
        let truths = declared(&model, sources.facts(customer)).0;
        for (clock, found) in truths.iter().enumerate() {
            let [one] = found.as_slice() else { continue };
            let [anchor] = one.days.as_slice() else {
                continue;
            };
            if sums[clock][0].0 >= MOST {
                continue;
            }
            let history = sources.histories[customer.index()];
            let bought: Vec<usize> = history
                .iter()
                .enumerate()
                .filter(|(_, t)| t.welcomes())
                .map(|(ix, _)| ix)
                .collect();
            for (slot, seen) in SEEN.iter().enumerate() {
                let Some(last) = bought.get(seen - 1) else {
                    break;
                };
                let until = history[*last].at + 1;
                let known = &history[..history.partition_point(|t| t.at < until)];
                let state = model.state(&products, known, &[], until, options);
                let posterior = state.clocks.iter().find(|p| p.clock == clock);
                let Some(posterior) = posterior else { break };
                let error = (posterior.quantile(0.5) - anchor).abs();
                sums[clock][slot].0 += 1;
                sums[clock][slot].1 += error;
            }
        }
    }
    sums.into_iter()
        .enumerate()
        .filter_map(|(clock, sums)| {
            let by_purchases: Vec<(usize, usize, f64)> = SEEN
                .iter()
                .zip(sums)
                .filter(|(_, (n, _))| *n >= LEAST)
                .map(|(seen, (n, sum))| (*seen, n, sum / n as f64))
                .collect();
            (by_purchases.len() > 1).then(|| StageError {
                clock: model.clocks[clock].kind.name.clone(),
                by_purchases,
            })
        })
        .collect()
}

/// `log` with the touches of so many customers only that there are at most `most`, by a hash of the customer; numbers stay.
fn sample(log: &Log, most: usize) -> Log {
    let share = most as f64 / log.histories.touches().len().max(1) as f64;
    let limit = (share * 1e6) as u64;
    let (mut owners, mut touches) = (Vec::new(), Vec::new());
    for (customer, history) in log.histories.numbered() {
        if stable_hash(&customer.0.to_le_bytes()) % 1_000_000 < limit {
            owners.extend(std::iter::repeat_n(customer, history.len()));
            touches.extend_from_slice(history);
        }
    }
    Log {
        histories: Histories::group(log.len(), owners, touches),
        catalogue: log.catalogue.clone(),
        encoder: log.encoder.clone(),
        customer_ids: log.customer_ids.clone(),
        persons: log.persons.clone(),
        anonymous: Vec::new(),
        anonymous_ids: Vec::new(),
        profiles: log.profiles.clone(),
        default_consents: log.default_consents,
        currency: log.currency.clone(),
        timed: log.timed,
        span: log.span,
        non_product: log.non_product.clone(),
        pooled_baskets: log.pooled_baskets.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_takes_ten_rows_a_group() {
        let pairs = |n: usize| {
            (0..n)
                .map(|i| (i as f64 / n as f64, 1.0))
                .collect::<Vec<_>>()
        };
        assert_eq!(calibration(pairs(79), 8), None);
        let found = calibration(pairs(80), 8).unwrap();
        assert_eq!((found.rows, found.groups.len()), (80, 8));
    }
}
