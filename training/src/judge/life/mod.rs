//! How well what comes next in life is foretold: anchors, the next basket, buying again, the next new category.

pub mod births;
pub mod needs;
pub mod truth;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use serendib_engine::model::Model;
use serendib_shop::{baskets, Basket, CustomerIx, DataError, Kind, Log, ProductIx, Touch};

use self::truth::TruthFigures;
use crate::judge::life::births::{anchors, AnchorFigures};
use crate::judge::life::needs::{again, new_category, AgainFigures, NewCategoryFigures};
use crate::judge::next_basket::{next_basket, BasketFigures};
use crate::learn::corpus_of;
use crate::learn::life::fit::LifeSettings;
use crate::learn::life::Sources;

/// The section of the report.
#[derive(Debug, Default, Serialize)]
pub struct LifeReport {
    /// One entry per clock type with enough declared anchors.
    pub anchors: Vec<AnchorFigures>,
    /// The next basket.
    pub next_basket: Option<BasketFigures>,
    pub buy_again: Option<AgainFigures>,
    /// The next new category.
    pub new_category: Option<NewCategoryFigures>,
    /// What the generator of a demo shop knew.
    pub truth: Option<TruthFigures>,
}

impl fmt::Display for LifeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figures in &self.anchors {
            writeln!(f, "\n{}", figures.table())?;
        }
        let tables = [
            self.next_basket.as_ref().map(BasketFigures::table),
            self.buy_again.as_ref().map(AgainFigures::table),
            self.new_category.as_ref().map(NewCategoryFigures::table),
        ];
        for table in tables.iter().flatten() {
            writeln!(f, "\n{table}")?;
        }
        if let Some(truth) = &self.truth {
            writeln!(f, "\n{truth}")?;
        }
        Ok(())
    }
}

fn sources<'a>(
    log: &'a Log,
    histories: &'a [std::borrow::Cow<'a, [Touch]>],
    clock_types: Option<&'a serde_json::Value>,
) -> Sources<'a> {
    Sources {
        catalogue: &log.catalogue,
        histories: histories.iter().map(|h| h.as_ref()).collect(),
        profiles: &log.profiles,
        default_consents: log.default_consents,
        timed: log.timed,
        until: log.span.map_or(0, |(_, last)| last + 1),
        clock_types,
    }
}

/// Adds to `report` what needs no cut in time, so that a shop where most customers came once is judged as well: anchors,
/// cross-validated by refitting nothing but clocks, and the truth of a generated shop in `dir`.
///
/// # Errors
/// A table of the truth does not read.
pub fn add_cross_validated(
    report: &mut Option<LifeReport>,
    dir: &Path,
    log: &Log,
    clock_types: Option<&serde_json::Value>,
    say: &dyn Fn(&str),
) -> Result<(), DataError> {
    let whole = corpus_of(log);
    let sources = sources(log, &whole.histories, clock_types);
    let anchors = anchors(&sources, &LifeSettings::default(), say);
    let truth = truth::against(dir, log, &sources, say)?;
    if !anchors.is_empty() || truth.is_some() {
        let report = report.get_or_insert_default();
        report.anchors = anchors;
        report.truth = truth;
    }
    Ok(())
}

/// Judges the parts of life of `early`, which was fitted on what of `log` came before `cut`, on what came after; `early` is
/// as it was afterwards.
pub fn after_cut(log: &Log, early: &mut Model, cut: i64, say: &dyn Fn(&str)) -> LifeReport {
    let whole = corpus_of(log);
    say("judging what comes next in life");
    let next = early.next_basket.as_ref().and_then(|model| {
        let (customers, truth) = whole
            .histories
            .iter()
            .map(|history| {
                let all = baskets(history, log.timed);
                let (past, future): (Vec<Basket>, Vec<Basket>) =
                    all.into_iter().partition(|b| b.at < cut);
                let next = future.first().filter(|_| !past.is_empty());
                let next = next.map_or_else(Vec::new, |b| b.lines.iter().map(|l| l.0).collect());
                (past, next)
            })
            .unzip::<_, _, Vec<_>, Vec<_>>();
        next_basket(model, &customers, &truth, say)
    });
    LifeReport {
        anchors: Vec::new(),
        next_basket: next,
        buy_again: again(early, log, cut),
        new_category: new_category(early, log, cut),
        truth: None,
    }
}

/// Judges the next basket of `model` on a table that was set aside: each customer's first basket in it.
pub fn on_held_out(
    log: &Log,
    model: &Model,
    held_out: &[(CustomerIx, Touch)],
    say: &dyn Fn(&str),
) -> LifeReport {
    let Some(next) = &model.next_basket else {
        return LifeReport::default();
    };
    let corpus = corpus_of(log);
    let customers: Vec<Vec<Basket>> = corpus
        .histories
        .iter()
        .map(|history| baskets(history, log.timed))
        .collect();
    let mut later: HashMap<CustomerIx, Vec<Touch>> = HashMap::new();
    for (customer, touch) in held_out.iter().filter(|(_, t)| t.kind == Kind::PURCHASE) {
        later.entry(*customer).or_default().push(*touch);
    }
    let truth: Vec<Vec<ProductIx>> = CustomerIx::all(customers.len())
        .zip(&customers)
        .map(|(customer, past)| {
            let first = later.get(&customer).filter(|_| !past.is_empty());
            let first = first.and_then(|rows| baskets(rows, log.timed).into_iter().next());
            first.map_or_else(Vec::new, |b| b.lines.iter().map(|l| l.0).collect())
        })
        .collect();
    LifeReport {
        next_basket: next_basket(next, &customers, &truth, say),
        ..LifeReport::default()
    }
}
