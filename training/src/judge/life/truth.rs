//! What comes next in life, against what the generator of a demo shop knew; training never reads it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::life::{
    declared, parse_day, ClockType, LifeModel, ProductProfiles, StateOptions,
};
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{
    net_acquisitions, CustomerIx, DataError, Kind, Log, ProductIx, Purpose, Touch, DAY_MS,
};

use crate::judge::truth::truth_table;
use crate::learn::life::fit::{fit, LifeSettings};
use crate::learn::life::Sources;
use crate::stats::auc::auc;
use crate::stats::calibration::{calibration_error, paired};

/// Clock whose truth is told.
const CHILD: &str = "child";
/// Cases below which nothing is told.
const FEWEST: usize = 50;
/// Purchases for children with which a household's number of children is judged, at least.
const SPEAKING: usize = 10;
/// Days after the cut-off in which the first new category is bought.
const NEW_DAYS: i64 = 60;
/// Categories that count.
const BEST: usize = 5;

/// The error of an only child's birth date after a number of purchases for children.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BirthRow {
    /// Purchases for children.
    pub purchases: usize,
    /// Households that declared nothing, with as many.
    pub households: usize,
    /// Mean absolute error in days: ours.
    pub mae: f64,
    /// Of the median age at first contact of those who declared.
    pub mae_of_median: f64,
    /// Of the best possible posterior.
    pub mae_of_best: f64,
    /// Share of the way from the median to the best possible that ours goes.
    pub gap_closed: f64,
}

/// How well households with several children are told from those with one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeveralRow {
    /// Households with one child, and with more, that bought enough for children.
    pub households: (usize, usize),
    /// Area under the curve of the probability that there is more than one.
    pub auc: f64,
    /// Share that is right about "more than one".
    pub accuracy: f64,
    /// The same of always saying the more frequent.
    pub accuracy_of_majority: f64,
}

/// How well who has a clock is told from who has none, among customers who declared none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExistenceRow {
    pub clock: String,
    /// Customers who declared none that runs at the end of the log.
    pub customers: usize,
    /// Area under the curve of the probability, among them.
    pub auc: f64,
    /// Of the number of purchases in the clock's categories that one that runs could have caused.
    pub auc_of_count: f64,
    /// Those of them with such purchases.
    pub buyers: usize,
    /// Share of the buyers with one that runs.
    pub share: f64,
    /// Mean probability that was given to the buyers.
    pub mean: f64,
    /// Expected calibration error among the buyers.
    pub ece: f64,
}

/// How well the first new category could be foretold at best.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestNewCategory {
    /// Customers who bought in a new category within 60 days of the generator's last cut-off.
    pub customers: usize,
    /// Share of them whose first new category is among the generator's first five.
    pub hit: f64,
}

/// The section of the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TruthFigures {
    /// Birth dates of only children.
    pub births: Vec<BirthRow>,
    /// Several children or one.
    pub several: Option<SeveralRow>,
    /// Whether there is a clock at all, by clock type.
    pub existence: Vec<ExistenceRow>,
    /// The best possible next new category.
    pub new_category: Option<BestNewCategory>,
}

impl fmt::Display for TruthFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.births.is_empty() {
            let mut grid = Grid::new([
                Column::name("purchases", 12),
                Column::figure("households", 10),
                Column::figure("serendib", 9),
                Column::figure("median", 9),
                Column::figure("best", 9),
                Column::figure("gap closed", 11),
            ]);
            for row in &self.births {
                grid.row([
                    row.purchases.to_string(),
                    row.households.to_string(),
                    fixed(row.mae, 1),
                    fixed(row.mae_of_median, 1),
                    fixed(row.mae_of_best, 1),
                    fixed(row.gap_closed, 2),
                ]);
            }
            write!(
                f,
                "birth of an only child against the truth, mean error in days\n{grid}"
            )?;
        }
        if let Some(row) = &self.several {
            writeln!(
                f,
                "several children told from one, {} and {} households: AUC {:.3}, accuracy {:.3} (always the more frequent {:.3})",
                row.households.1, row.households.0, row.auc, row.accuracy, row.accuracy_of_majority
            )?;
        }
        if !self.existence.is_empty() {
            let mut grid = Grid::new([
                Column::name("clock", 12),
                Column::figure("customers", 9),
                Column::figure("AUC", 6),
                Column::figure("AUC of count", 12),
                Column::figure("buyers", 7),
                Column::figure("share", 7),
                Column::figure("mean said", 9),
                Column::figure("ECE", 6),
            ]);
            for row in &self.existence {
                grid.row([
                    row.clock.clone(),
                    row.customers.to_string(),
                    fixed(row.auc, 3),
                    fixed(row.auc_of_count, 3),
                    row.buyers.to_string(),
                    fixed(row.share, 3),
                    fixed(row.mean, 3),
                    fixed(row.ece, 3),
                ]);
            }
            write!(
                f,
                "whether a clock runs that was not declared, and of whom bought for it\n{grid}"
            )?;
        }
        if let Some(row) = &self.new_category {
            writeln!(
                f,
                "first new category within {NEW_DAYS} days, Hit@{BEST} of whoever knows the household: {:.4} ({} customers)",
                row.hit, row.customers
            )?;
        }
        Ok(())
    }
}

/// The rows of one table of the truth, as text; none where the shop was not generated.
fn rows(dir: &Path, name: &str, columns: &[&str]) -> Result<Vec<Vec<String>>, DataError> {
    let Some(table) = truth_table(dir, name, columns)? else {
        return Ok(Vec::new());
    };
    table
        .map(|row| Ok(row?.into_iter().map(Option::unwrap_or_default).collect()))
        .collect()
}

/// Compares what is believed of the customers of `sources` with the truth below `dir`; `None` where the shop was not
/// generated.
///
/// # Errors
/// A table of the truth does not read.
pub fn against(
    dir: &Path,
    log: &Log,
    sources: &Sources,
    say: &dyn Fn(&str),
) -> Result<Option<TruthFigures>, DataError> {
    if !sources.timed || truth_table(dir, "births", &["customer_id"])?.is_none() {
        return Ok(None);
    }
    say("comparing life situations with the truth");
    let clock_of: HashMap<String, String> = rows(dir, "categories", &["category", "clock"])?
        .into_iter()
        .map(|mut row| (row.swap_remove(0), row.swap_remove(0)))
        .collect();
    let is_for = |touch: &Touch, clock: &str| {
        touch.kind == Kind::PURCHASE
            && touch.product.index() < log.catalogue.len()
            && log
                .catalogue
                .product(touch.product)
                .category
                .as_ref()
                .and_then(|category| clock_of.get(category))
                .is_some_and(|of| of == clock)
    };
    let is_for_child = |touch: &Touch| is_for(touch, CHILD);
    let mut figures = TruthFigures::default();
    if let Some((model, median)) = fitted(sources) {
        let products = ProductProfiles::new(&model.profiles, sources.catalogue);
        let believer = Believer {
            model: &model,
            products: &products,
            sources,
        };
        figures.births = births(dir, log, &believer, median, &is_for_child)?;
        figures.several = several(dir, log, &believer, &is_for_child)?;
        figures.existence = existence(dir, log, &believer, &is_for)?;
    }
    figures.new_category = new_category(dir, log)?;
    Ok(Some(figures))
}

struct Believer<'a> {
    model: &'a LifeModel,
    products: &'a ProductProfiles,
    sources: &'a Sources<'a>,
}

impl Believer<'_> {
    fn may_ask(&self, customer: CustomerIx) -> bool {
        self.sources.allows(customer, Purpose::InferLifeStage)
    }

    /// What is believed of children after `history`, whatever was declared.
    fn children(&self, history: &[Touch], now: i64) -> Vec<(f64, f64)> {
        let options = StateOptions {
            infer: true,
            thorough: true,
        };
        let state = self.model.state(self.products, history, &[], now, options);
        let child = self.model.clock(CHILD);
        state
            .clocks
            .iter()
            .filter(|clock| Some(clock.clock) == child)
            .map(|clock| (clock.probability, clock.quantile(0.5)))
            .collect()
    }
}

/// All clocks, fitted with all that was declared, and the median age of children at first contact.
fn fitted(sources: &Sources) -> Option<(LifeModel, f64)> {
    let types = ClockType::with_shop(sources.clock_types).ok()?;
    let model = fit(
        &sources.rows(),
        sources.catalogue,
        types,
        sources.until,
        &LifeSettings::default(),
    )?;
    let mut ages: Vec<f64> = CustomerIx::all(sources.histories.len())
        .filter_map(|customer| {
            let found = declared(&model, sources.facts(customer)).0;
            let first = sources.histories[customer.index()]
                .iter()
                .find(|t| t.at != 0)?;
            let anchor = found.get(model.clock(CHILD)?)?.first()?.days.first()?;
            Some(first.at as f64 / DAY_MS as f64 - anchor)
        })
        .collect();
    ages.sort_by(f64::total_cmp);
    let median = *ages.get(ages.len() / 2)?;
    Some((model, median))
}

fn births(
    dir: &Path,
    log: &Log,
    believer: &Believer,
    median: f64,
    is_for_child: &(dyn Fn(&Touch) -> bool + Sync),
) -> Result<Vec<BirthRow>, DataError> {
    let columns = ["customer_id", "n", "anchor", "declared", "p50"];
    let table = rows(dir, "births", &columns)?;
    let cases: Vec<(usize, [f64; 3])> = table
        .par_iter()
        .filter(|row| row[3] != "true")
        .filter_map(|row| {
            let customer = log.customer(&row[0])?;
            let count: usize = row[1].parse().ok()?;
            let (anchor, best) = (parse_day(&row[2])?, parse_day(&row[4])?);
            if !believer.may_ask(customer) {
                return None;
            }
            let history = log.histories.of(customer);
            let mut speaking = (0..history.len()).filter(|ix| is_for_child(&history[*ix]));
            let last = speaking.nth(count.checked_sub(1)?)?;
            let seen = &history[..=last];
            let (_, said) = *believer.children(seen, history[last].at + 1).first()?;
            let plain = seen.first()?.at as f64 / DAY_MS as f64 - median;
            let off = |said: f64| (said - anchor).abs();
            Some((count, [off(said), off(plain), off(best)]))
        })
        .collect();
    let mut by_count: BTreeMap<usize, Vec<[f64; 3]>> = BTreeMap::new();
    for (count, errors) in cases {
        by_count.entry(count).or_default().push(errors);
    }
    Ok(by_count
        .into_iter()
        .filter(|(_, errors)| errors.len() >= FEWEST)
        .map(|(purchases, errors)| {
            let n = errors.len() as f64;
            let [mae, mae_of_median, mae_of_best] =
                [0, 1, 2].map(|k| errors.iter().map(|e| e[k]).sum::<f64>() / n);
            BirthRow {
                purchases,
                households: errors.len(),
                mae,
                mae_of_median,
                mae_of_best,
                gap_closed: (mae_of_median - mae) / (mae_of_median - mae_of_best),
            }
        })
        .collect())
}

fn several(
    dir: &Path,
    log: &Log,
    believer: &Believer,
    is_for_child: &(dyn Fn(&Touch) -> bool + Sync),
) -> Result<Option<SeveralRow>, DataError> {
    let until = believer.sources.until;
    let mut children: BTreeMap<CustomerIx, usize> = BTreeMap::new();
    for row in rows(dir, "clocks", &["customer_id", "clock", "anchor"])? {
        let born = parse_day(&row[2]).is_some_and(|day| day * DAY_MS as f64 <= until as f64);
        if let (CHILD, true, Some(customer)) = (&*row[1], born, log.customer(&row[0])) {
            *children.entry(customer).or_default() += 1;
        }
    }
    let households: Vec<(CustomerIx, bool)> =
        children.into_iter().map(|(c, n)| (c, n > 1)).collect();
    let judged: Vec<(f64, bool, bool)> = households
        .into_par_iter()
        .filter_map(|(customer, more)| {
            let history = log.histories.of(customer);
            let speaks = history.iter().filter(|t| is_for_child(t)).count() >= SPEAKING;
            (speaks && believer.may_ask(customer)).then(|| {
                let found = believer.children(history, until);
                let said = more_than_one(found.iter().map(|child| child.0));
                (said, said > 0.5, more)
            })
        })
        .collect();
    let more = judged.iter().filter(|j| j.2).count();
    let one = judged.len() - more;
    if one.min(more) < FEWEST {
        return Ok(None);
    }
    let scores: Vec<f64> = judged.iter().map(|j| j.0).collect();
    let truth: Vec<bool> = judged.iter().map(|j| j.2).collect();
    let right = judged.iter().filter(|j| j.1 == j.2).count();
    let n = judged.len() as f64;
    Ok(Some(SeveralRow {
        households: (one, more),
        auc: auc(&scores, &truth),
        accuracy: right as f64 / n,
        accuracy_of_majority: one.max(more) as f64 / n,
    }))
}

fn existence(
    dir: &Path,
    log: &Log,
    believer: &Believer,
    is_for: &(dyn Fn(&Touch, &str) -> bool + Sync),
) -> Result<Vec<ExistenceRow>, DataError> {
    let until = believer.sources.until;
    let now = until as f64 / DAY_MS as f64;
    let mut anchors: HashMap<(CustomerIx, String), Vec<(f64, bool)>> = HashMap::new();
    let columns = ["customer_id", "clock", "anchor", "declared"];
    for row in rows(dir, "clocks", &columns)? {
        if let (Some(customer), Some(day)) = (log.customer(&row[0]), parse_day(&row[2])) {
            let known = anchors.entry((customer, row[1].clone())).or_default();
            known.push((day, row[3] == "true"));
        }
    }
    let asked: Vec<CustomerIx> = CustomerIx::all(log.len())
        .filter(|&customer| believer.may_ask(customer))
        .collect();
    let believed: Vec<Vec<f64>> = asked
        .par_iter()
        .map(|&customer| {
            let options = StateOptions::serving(true);
            let history = log.histories.of(customer);
            let model = believer.model;
            let state = model.state(believer.products, history, &[], until, options);
            let mut none = vec![1.0; model.clocks.len()];
            for clock in &state.clocks {
                none[clock.clock] *= 1.0 - clock.probability;
            }
            none.iter().map(|none| 1.0 - none).collect()
        })
        .collect();
    let mut out = Vec::new();
    for (number, clock) in believer.model.clocks.iter().enumerate() {
        let kind = &clock.kind;
        let ages = kind.min_age_days..=kind.max_age_days;
        let since = now - (kind.max_age_days - kind.min_age_days);
        let mut judged = Vec::new();
        for (said, &customer) in believed.iter().zip(&asked) {
            let known = anchors.get(&(customer, kind.name.clone()));
            let running = || {
                let all = known.into_iter().flatten();
                all.filter(|(day, _)| ages.contains(&(now - day)))
            };
            let history = log.histories.of(customer);
            let recent = history
                .iter()
                .filter(|t| t.at as f64 >= since * DAY_MS as f64);
            let count = recent.filter(|t| is_for(t, &kind.name)).count();
            if !running().any(|(_, declared)| *declared) {
                judged.push((said[number], count as f64, running().next().is_some()));
            }
        }
        let truth: Vec<bool> = judged.iter().map(|j| j.2).collect();
        let with = truth.iter().filter(|runs| **runs).count();
        if with.min(truth.len() - with) < FEWEST {
            continue;
        }
        let column =
            |f: fn(&(f64, f64, bool)) -> f64| -> Vec<f64> { judged.iter().map(f).collect() };
        let bought: Vec<&(f64, f64, bool)> = judged.iter().filter(|j| j.1 > 0.0).collect();
        let said: Vec<f64> = bought.iter().map(|j| j.0).collect();
        let runs: Vec<bool> = bought.iter().map(|j| j.2).collect();
        let n = bought.len().max(1) as f64;
        out.push(ExistenceRow {
            clock: kind.name.clone(),
            customers: judged.len(),
            auc: auc(&column(|j| j.0), &truth),
            auc_of_count: auc(&column(|j| j.1), &truth),
            buyers: bought.len(),
            share: runs.iter().filter(|runs| **runs).count() as f64 / n,
            mean: said.iter().sum::<f64>() / n,
            ece: calibration_error(&paired(&said, &runs)),
        });
    }
    Ok(out)
}

/// The probability that more than one of independent things is there, of each of which one is given.
fn more_than_one(each: impl Iterator<Item = f64>) -> f64 {
    let (mut none, mut one) = (1.0, 0.0);
    for p in each {
        one = one * (1.0 - p) + none * p;
        none *= 1.0 - p;
    }
    1.0 - none - one
}

fn new_category(dir: &Path, log: &Log) -> Result<Option<BestNewCategory>, DataError> {
    let columns = ["customer_id", "cut_off", "category", "p60", "new"];
    let table = rows(dir, "next_categories", &columns)?;
    let Some(last) = table.iter().map(|row| row[1].clone()).max() else {
        return Ok(None);
    };
    let Some(cut) = parse_day(&last[..last.len().min(10)]).map(|day| day as i64 * DAY_MS) else {
        return Ok(None);
    };
    let mut ranked: HashMap<CustomerIx, Vec<(f64, &str)>> = HashMap::new();
    for row in table
        .iter()
        .filter(|row| row[1] == last && row[4] == "true")
    {
        if let (Some(customer), Ok(p)) = (log.customer(&row[0]), row[3].parse()) {
            ranked.entry(customer).or_default().push((p, &row[2]));
        }
    }
    let category = |product: ProductIx| {
        let known = product.index() < log.catalogue.len();
        let row = known.then(|| log.catalogue.product(product));
        row.and_then(|row| row.category.as_deref())
    };
    let until = cut + NEW_DAYS * DAY_MS;
    let mut hits = Vec::new();
    for customer in CustomerIx::all(log.len()) {
        let (past, future) = {
            let history = log.histories.of(customer);
            history.split_at(history.partition_point(|t| t.at < cut))
        };
        let acquired = net_acquisitions(past);
        let owned: HashSet<&str> = acquired
            .iter()
            .filter_map(|o| category(o.product))
            .collect();
        let wanted = future
            .iter()
            .filter(|t| t.kind == Kind::PURCHASE && t.at < until)
            .filter_map(|t| category(t.product))
            .find(|c| !owned.contains(c));
        let (Some(wanted), false) = (wanted, owned.is_empty()) else {
            continue;
        };
        let mut best = ranked.remove(&customer).unwrap_or_default();
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        hits.push(best.iter().take(BEST).any(|(_, c)| *c == wanted));
    }
    let found = hits.iter().filter(|hit| **hit).count();
    Ok((hits.len() >= FEWEST).then(|| BestNewCategory {
        customers: hits.len(),
        hit: found as f64 / hits.len() as f64,
    }))
}
