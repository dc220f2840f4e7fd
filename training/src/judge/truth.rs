//! Delight and complements against what the generator of a demo shop knew; training never reads it.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::complement::Complements;
use serendib_engine::model::Model;
use serendib_engine::rank::{pair_features, Live};
use serendib_engine::surprise::{DelightModel, Terms, FEATURES};
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{
    time::{parse_time, Zone},
    Catalogue, CustomerIx, DataError, Delight, InputTable, Log, ProductIx,
};

use crate::learn::surprise::DelightError;
use crate::learn::{state, surprise};
use crate::stats::auc::{order, weighted_auc};
use crate::stats::calibration::calibration_error;

/// Ratings that the second row of the table of delight is fitted on.
const FEW_RATINGS: usize = 2_000;
/// Complements of each product that are looked at.
const TOP: usize = 10;

/// Why the truth was not looked at.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// A table does not read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Delight cannot be fitted again.
    #[error(transparent)]
    Delight(#[from] DelightError),
}

/// Opens table `name` of `truth/` below shop data `dir`; `None` where the shop was not generated, or without its truth.
///
/// # Errors
/// The table does not read, or lacks one of `columns`.
pub fn truth_table(
    dir: &Path,
    name: &str,
    columns: &[&str],
) -> Result<Option<InputTable>, DataError> {
    ["parquet", "csv", "jsonl", "csv.zst", "jsonl.zst"]
        .map(|end| dir.join("truth").join(format!("{name}.{end}")))
        .iter()
        .find(|path| path.exists())
        .map(|path| InputTable::open(path, columns).map(InputTable::of_any_type))
        .transpose()
}

/// One way to tell delight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DelightRow {
    pub method: String,
    /// Area under the curve, each product being delightful with its true probability.
    pub auc: f64,
    /// Expected calibration error over ten equal groups; absent for what is no probability of delight.
    pub ece: Option<f64>,
}

/// Delight told of one population of products.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DelightTable {
    pub of: String,
    pub products: usize,
    /// Mean true probability.
    pub base_rate: f64,
    /// Ours with all ratings, with few, the prior, relevance alone, and the true probability.
    pub rows: Vec<DelightRow>,
    /// Share of the gap between the better of prior and relevance and the true probability that ours closes, with few
    /// ratings.
    pub gap_closed: f64,
}

/// Complements beside the relations of the generator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct RelationCounts {
    /// Directions that the model claims.
    pub claimed: usize,
    /// Of those, the complement is wanted because the other was bought.
    pub caused: usize,
    /// Of the others, both belong to one life situation, and the first to an earlier age of it.
    pub earlier_in_life: usize,
    /// Of the others, the true order is the opposite one.
    pub reversed: usize,
    /// Complements among the best ten of each product.
    pub listed: usize,
    /// Of those, variants of the product itself.
    pub variants: usize,
    /// Of those, products that replace it.
    pub substitutes: usize,
}

impl RelationCounts {
    /// Share of claimed directions that are right.
    pub fn right(&self) -> f64 {
        (self.caused + self.earlier_in_life) as f64 / self.claimed.max(1) as f64
    }

    /// Share of variants and substitutes among the best complements.
    pub fn leaked(&self) -> f64 {
        (self.variants + self.substitutes) as f64 / self.listed.max(1) as f64
    }
}

/// What is judged by the truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruthReport {
    /// Ratings that the model's delight is fitted on.
    pub ratings: usize,
    /// Delight, by population.
    pub delight: Vec<DelightTable>,
    /// Complements; absent where the model has none.
    pub complements: Option<RelationCounts>,
}

/// A product that somebody was or could have been shown, with its true probability of delight.
struct Shown {
    customer: CustomerIx,
    product: ProductIx,
    at: i64,
    p: f64,
    rated: bool,
}

/// Judges `model`, fitted on `before` (what of `whole` lies before `cut`) with the ratings `said`, by the truth in `dir`;
/// `None` where there is none.
///
/// # Errors
/// A table that does not read.
pub fn evaluate(
    dir: &Path,
    model: &Model,
    (whole, before): (&Log, &Log),
    said: &[Delight],
    cut: i64,
    say: &dyn Fn(&str),
) -> Result<Option<TruthReport>, TruthError> {
    let Some(shown) = shown(dir, whole, cut)? else {
        return Ok(None);
    };
    let Some(surprises) = &model.surprises else {
        return Ok(None);
    };
    say("judging delight by the truth");
    let mut few = said.to_vec();
    few.sort_by(|a, b| (a.at, &a.customer_id).cmp(&(b.at, &b.customer_id)));
    let few = few.split_off(few.len().saturating_sub(FEW_RATINGS));
    let few = surprise::delight(model, before, &few)?;
    let seen = features(model, whole, &shown);
    let models = [
        ("serendib, all ratings", &surprises.delight),
        ("serendib, the latest 2,000", &few),
        ("serendib, no ratings", &DelightModel::prior()),
    ];
    let populations: [(&str, fn(&Shown) -> bool); 2] = [
        ("what customers rated after the cut", |s| s.rated),
        ("products at random on the last day", |s| !s.rated),
    ];
    let delight = populations
        .iter()
        .filter_map(|(of, belongs)| {
            let rows: Vec<usize> = (0..shown.len()).filter(|ix| belongs(&shown[*ix])).collect();
            (!rows.is_empty()).then(|| table(of, &rows, &shown, &seen, &models))
        })
        .collect();
    let complements = match &model.complements {
        Some(complements) => relations(dir, complements, &model.catalogue)?,
        None => None,
    };
    Ok(Some(TruthReport {
        ratings: said.len(),
        delight,
        complements,
    }))
}

fn shown(dir: &Path, log: &Log, cut: i64) -> Result<Option<Vec<Shown>>, DataError> {
    let columns = ["customer_id", "product_id", "at", "p", "rated"];
    let Some(table) = truth_table(dir, "delight", &columns)? else {
        return Ok(None);
    };
    let mut out = Vec::new();
    for row in table {
        let row = row?;
        let cell = |ix: usize| row[ix].as_deref().unwrap_or_default();
        let share = cell(3).parse::<f64>().ok();
        if let (Some(customer), Some(product), Some(at), Some(p)) = (
            log.customer(cell(0)),
            log.catalogue.find(cell(1)),
            parse_time(cell(2), Zone::default()),
            share.filter(|p| (0.0..=1.0).contains(p)),
        ) {
            let rated = cell(4) == "true";
            out.push(Shown {
                customer,
                product,
                at,
                p,
                rated,
            });
        }
    }
    out.retain(|shown| shown.at >= cut);
    out.sort_by_key(|shown| (shown.customer, shown.at, shown.product));
    Ok(Some(out))
}

type Seen = (Terms, [f32; FEATURES]);

/// What the delight model sees of each of `shown`, which are in order of customer and time, at its moment.
fn features(model: &Model, log: &Log, shown: &[Shown]) -> Vec<Seen> {
    let live = Live::of_catalogue(model.catalogue.clone());
    let together: Vec<&[Shown]> = shown
        .chunk_by(|a, b| (a.customer, a.at) == (b.customer, b.at))
        .collect();
    together
        .par_iter()
        .flat_map_iter(|rows| {
            let (customer, at) = (rows[0].customer, rows[0].at);
            let history = log.histories.of(customer);
            let history = &history[..history.partition_point(|t| t.at < at)];
            let products: Vec<ProductIx> = rows.iter().map(|row| row.product).collect();
            pair_features(model, &live, state(log, customer, history), at, &products)
        })
        .collect()
}

fn table(
    of: &str,
    rows: &[usize],
    shown: &[Shown],
    seen: &[Seen],
    models: &[(&str, &DelightModel); 3],
) -> DelightTable {
    let truth: Vec<f64> = rows.iter().map(|ix| shown[*ix].p).collect();
    let row = |method: &str, said: Vec<f64>, is_probability: bool| DelightRow {
        method: method.to_owned(),
        auc: soft_auc(&said, &truth),
        ece: is_probability.then(|| {
            let pairs: Vec<(f64, f64)> = said.iter().copied().zip(truth.iter().copied()).collect();
            calibration_error(&pairs)
        }),
    };
    let mut out: Vec<DelightRow> = models
        .iter()
        .map(|(name, model)| {
            let said = rows.iter().map(|ix| model.probability(&seen[*ix].1));
            row(name, said.collect(), true)
        })
        .collect();
    let relevance = rows.iter().map(|ix| f64::from(seen[*ix].0.relevance));
    out.push(row("relevance alone", relevance.collect(), false));
    out.push(row("the true probability", truth.clone(), true));
    let baseline = out[2].auc.max(out[3].auc);
    DelightTable {
        of: of.to_owned(),
        products: rows.len(),
        base_rate: truth.iter().sum::<f64>() / truth.len().max(1) as f64,
        gap_closed: (out[1].auc - baseline) / (out[4].auc - baseline).max(1e-9),
        rows: out,
    }
}

/// Area under the curve where row i is positive with probability `truth[i]`.
fn soft_auc(said: &[f64], truth: &[f64]) -> f64 {
    let twice: Vec<f64> = said.iter().chain(said).copied().collect();
    let n = said.len();
    let happened: Vec<bool> = (0..2 * n).map(|ix| ix < n).collect();
    let weights: Vec<f64> = truth
        .iter()
        .copied()
        .chain(truth.iter().map(|p| 1.0 - p))
        .collect();
    weighted_auc(&order(&twice), &twice, &happened, &weights)
}

/// The generator's relations by category, and what its products are.
struct Known {
    /// Anchor and complement; whether either order is fine.
    relations: HashMap<(String, String), bool>,
    /// Clock and first day of each category that belongs to an age.
    ages: HashMap<String, (String, i64)>,
    /// Variants and substitutes of each product.
    groups: HashMap<ProductIx, (String, String)>,
}

impl Known {
    fn open(dir: &Path, catalogue: &Catalogue) -> Result<Option<Known>, DataError> {
        let columns = [
            &["anchor", "complement", "direction"][..],
            &["category", "clock", "from_day"],
            &["product_id", "family", "substitutes"],
        ];
        let names = ["complements", "categories", "products"];
        let mut known = Known {
            relations: HashMap::new(),
            ages: HashMap::new(),
            groups: HashMap::new(),
        };
        for (number, (name, columns)) in names.iter().zip(columns).enumerate() {
            let Some(table) = truth_table(dir, name, columns)? else {
                return Ok(None);
            };
            for row in table {
                let row = row?;
                let cell = |ix: usize| row[ix].as_deref().unwrap_or_default().to_owned();
                match number {
                    0 => {
                        let either = cell(2) == "both";
                        known.relations.insert((cell(0), cell(1)), either);
                    }
                    1 => {
                        if let Ok(day) = cell(2).parse() {
                            known.ages.insert(cell(0), (cell(1), day));
                        }
                    }
                    _ => {
                        if let Some(product) = catalogue.find(&cell(0)) {
                            known.groups.insert(product, (cell(1), cell(2)));
                        }
                    }
                }
            }
        }
        Ok(Some(known))
    }

    /// Whether the second category is wanted because of the first.
    fn causes(&self, first: &str, second: &str) -> bool {
        let pair = (first.to_owned(), second.to_owned());
        self.relations.get(&pair).is_some_and(|either| !either)
    }

    /// Whether the first category belongs to an earlier age of one life situation than the second.
    fn is_earlier(&self, first: &str, second: &str) -> bool {
        match (self.ages.get(first), self.ages.get(second)) {
            (Some((clock, from)), Some((other, to))) => clock == other && from < to,
            _ => false,
        }
    }
}

fn relations(
    dir: &Path,
    complements: &Complements,
    catalogue: &Catalogue,
) -> Result<Option<RelationCounts>, DataError> {
    let Some(known) = Known::open(dir, catalogue)? else {
        return Ok(None);
    };
    let path = |product: ProductIx| {
        catalogue
            .leaf(product)
            .map_or("", |leaf| &catalogue.category(leaf).path)
    };
    let mut counts = RelationCounts::default();
    for (from, edge) in complements.directed() {
        let (first, second) = (path(from), path(edge.product));
        counts.claimed += 1;
        if known.causes(first, second) {
            counts.caused += 1;
        } else if known.is_earlier(first, second) {
            counts.earlier_in_life += 1;
        } else if known.causes(second, first) || known.is_earlier(second, first) {
            counts.reversed += 1;
        }
    }
    for product in ProductIx::all(catalogue.len()) {
        let own = known.groups.get(&product);
        for edge in complements.edges(product).iter().take(TOP) {
            counts.listed += 1;
            if let (Some(own), Some(other)) = (own, known.groups.get(&edge.product)) {
                counts.variants += usize::from(own.0 == other.0);
                counts.substitutes += usize::from(own.0 != other.0 && own.1 == other.1);
            }
        }
    }
    Ok(Some(counts))
}

impl std::fmt::Display for TruthReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for table in &self.delight {
            writeln!(
                f,
                "\ndelight by the truth: {} ({}, {:.1} % delight; {} ratings)",
                table.of,
                table.products,
                100.0 * table.base_rate,
                self.ratings
            )?;
            let mut grid = Grid::new([
                Column::name("method", 30),
                Column::figure("AUC", 7),
                Column::figure("ECE", 7),
            ]);
            for row in &table.rows {
                let ece = row.ece.map_or(String::new(), |ece| fixed(ece, 4));
                grid.row([row.method.clone(), fixed(row.auc, 4), ece]);
            }
            write!(f, "{grid}")?;
            writeln!(
                f,
                "share of the gap from the better baseline to the truth that 2,000 ratings close: {:.3}",
                table.gap_closed
            )?;
        }
        if let Some(counts) = &self.complements {
            writeln!(
                f,
                "\ncomplements by the truth: {} claimed directions, {:.1} % right ({} caused, {} by age; {} reversed)",
                counts.claimed,
                100.0 * counts.right(),
                counts.caused,
                counts.earlier_in_life,
                counts.reversed
            )?;
            writeln!(
                f,
                "{} best complements, {:.2} % variants or substitutes ({} variants, {} substitutes)",
                counts.listed,
                100.0 * counts.leaked(),
                counts.variants,
                counts.substitutes
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_curve_is_that_of_many_draws() {
        // of a pair (p, q) in the right order the first is positive and the second not with p(1 − q), and the other way …
        let auc = soft_auc(&[0.9, 0.1], &[0.8, 0.3]);
        let expected = (0.8 * 0.7 + 0.5 * (0.8 * 0.2 + 0.3 * 0.7)) / (1.1 * 0.9);
        assert!((auc - expected).abs() < 1e-12);
        assert!((soft_auc(&[0.5, 0.5], &[0.8, 0.3]) - 0.5).abs() < 1e-12);
        assert!((soft_auc(&[0.9, 0.1], &[1.0, 0.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn directions_and_leaks_are_judged_by_the_tables() {
        let dir = tempfile::tempdir().unwrap();
        let truth = dir.path().join("truth");
        std::fs::create_dir(&truth).unwrap();
        let write = |name: &str, text: &str| std::fs::write(truth.join(name), text).unwrap();
        write(
            "complements.csv",
            "anchor,complement,direction\nprinters,ink,forward\ntea,cups,both\n",
        );
        write(
            "categories.csv",
            "category,clock,from_day\nsize1,child,0\nsize2,child,90\ntea,,\n",
        );
        write("products.csv", "product_id,family,substitutes\na,1,x\n");
        let products = vec![serendib_shop::Product::bare("a")];
        let catalogue = Catalogue::new(products).unwrap();
        let known = Known::open(dir.path(), &catalogue).unwrap().unwrap();
        assert!(known.causes("printers", "ink") && !known.causes("ink", "printers"));
        assert!(!known.causes("tea", "cups"), "either order is no direction");
        assert!(known.is_earlier("size1", "size2") && !known.is_earlier("size2", "size1"));
        assert!(!known.is_earlier("tea", "size2"));
        assert_eq!(known.groups[&ProductIx(0)].1, "x");
        assert!(Known::open(&truth, &catalogue).unwrap().is_none());
    }
}
