//! Everything at a glance.

use super::format::{line, thousands};
use crate::judge::engagement::EngagementEvaluation;
use crate::judge::surprise::SurpriseReport;
use crate::refresh::backtest::{Sections, StageError};
use crate::refresh::churn::Churn;
use crate::refresh::compare::{Comparison, LENGTHS};
use crate::refresh::model_report::ModelReport;
use crate::report::{Chart, ChartKind, Section, Series};

pub(super) fn curves(report: &ModelReport) -> Option<Section> {
    let Sections {
        surprises,
        engagement,
        stage_error,
        ..
    } = &report.sections;
    let mut charts = Vec::new();
    if let Some(comparison) = &report.comparison {
        charts.push(recall(comparison));
        charts.push(popularity(comparison));
    }
    charts.extend(surprises.as_ref().map(dial));
    charts.extend(engagement.iter().map(calibration));
    charts.extend(engagement.first().map(lift));
    charts.extend(delight(&report.sections));
    if !stage_error.is_empty() {
        charts.push(life_stage(stage_error));
    }
    charts.extend(report.churn.as_ref().map(churn));
    (!charts.is_empty()).then(|| Section {
        title: "At a glance".into(),
        charts,
        ..Section::default()
    })
}

fn recall(comparison: &Comparison) -> Chart {
    Chart {
            title: "Recall over the length of the list".into(),
            caption: "Share of what customers went on to acquire, new to them, that is in the first k. Higher is better.".into(),
            x: "k".into(),
            y: "recall".into(),
            kind: ChartKind::Lines,
            series: comparison
                .methods
                .iter()
                .map(|m| {
                    let lengths = LENGTHS.iter().map(|k| *k as f64);
                    line(&m.name, lengths.zip(m.recall.iter().copied()))
                })
                .collect(),
        }
}

fn popularity(comparison: &Comparison) -> Chart {
    let tenths = |values: &[f64]| -> Vec<(f64, f64)> {
        values
            .iter()
            .enumerate()
            .map(|(ix, v)| (ix as f64 + 1.0, *v))
            .collect()
    };
    // what is bought comes last, so that each method has the colour that it has elsewhere
    let methods = comparison.methods.iter().take(5);
    let mut series: Vec<Series> = methods
        .map(|m| line(&m.name, tenths(&m.exposure)))
        .collect();
    series.push(line("bought", tenths(&comparison.bought)));
    Chart {
        title: "Long tail and popularity bias".into(),
        caption: "Share of places in first 20s by tenth of the catalogue, most bought first, beside what is bought. Above \
                  the line of what is bought at the left = best sellers are shown more than they are bought."
            .into(),
        x: "tenth of products, most bought first".into(),
        y: "share".into(),
        kind: ChartKind::Lines,
        series,
    }
}

fn dial(surprises: &SurpriseReport) -> Chart {
    let rows: Vec<_> = surprises
        .rows
        .iter()
        .filter_map(|row| {
            let dial = row.method.strip_prefix("serendib, dial ")?;
            Some((dial.parse::<f64>().ok()?, row))
        })
        .collect();
    Chart {
            title: "The dial's trade".into(),
            caption: "Later purchases among ten as the dial goes from predicted purchase to predicted delight: all new \
                      products, and surprises (in a kind of thing new to the customer that nobody would have expected)."
                .into(),
            x: "dial".into(),
            y: "hits per list of ten".into(),
            kind: ChartKind::Lines,
            series: vec![
                line("new products", rows.iter().map(|(d, r)| (*d, r.new_products))),
                line("surprises", rows.iter().map(|(d, r)| (*d, r.surprises))),
            ],
        }
}

fn calibration(e: &EngagementEvaluation) -> Chart {
    Chart {
            title: format!("Calibration of purchase within {:.0} days", e.horizon_days),
            caption: format!(
                "Tenths of customers: what was said and what happened. On the diagonal is right; expected error {:.3}.",
                e.ece
            ),
            x: "probability said".into(),
            y: "share that bought".into(),
            kind: ChartKind::Calibration,
            series: vec![line("serendib", e.deciles.iter().rev().map(|d| (d.said, d.bought)))],
        }
}

fn lift(e: &EngagementEvaluation) -> Chart {
    Chart {
            title: format!("Buyers by tenth of predicted purchase, {:.0} days", e.horizon_days),
            caption: format!(
                "How many times more buyers a tenth holds than one by chance, most likely tenth first; at best {:.1}.",
                e.largest_lift
            ),
            x: "tenth".into(),
            y: "lift".into(),
            kind: ChartKind::Bars,
            series: vec![line("lift", e.deciles.iter().map(|d| (d.decile as f64, d.lift)))],
        }
}

/// Also where too few said something, to say so; `None` where nobody did.
fn delight(sections: &Sections) -> Option<Chart> {
    let delight = sections.delight.as_ref();
    (delight.is_some() || sections.ratings > 0).then(||
        Chart {
            title: "Calibration of delight".into(),
            caption: match delight {
                Some(delight) => format!(
                    "Predicted delight beside what customers said of {} surprises after the cut, in groups of equal size.",
                    thousands(delight.rows as f64)
                ),
                None => format!(
                    "Customers said something of {} surprises after the cut: too few to judge by, it takes 80.",
                    sections.ratings
                ),
            },
            x: "delight predicted".into(),
            y: "share delighted".into(),
            kind: ChartKind::Calibration,
            series: vec![line("serendib", delight.iter().flat_map(|d| d.groups.iter().copied()))],
        }
)
}

fn life_stage(errors: &[StageError]) -> Chart {
    Chart {
            title: "Error of the life stage over purchases".into(),
            caption: "How far the inferred date (a birth, a move) is from the declared one, which was hidden. Lower is better."
                .into(),
            x: "purchases seen".into(),
            y: "mean absolute error, days".into(),
            kind: ChartKind::Lines,
            series: errors
                .iter()
                .map(|e| {
                    let points = e.by_purchases.iter();
                    line(&e.clock, points.map(|(seen, _, error)| (*seen as f64, *error)))
                })
                .collect(),
        }
}

fn churn(churn: &Churn) -> Chart {
    let n = churn.customers.max(1) as f64;
    Chart {
        title: "How much lists change".into(),
        caption: format!(
            "Customers by how many of the ten products of model {} are still among their ten.",
            churn.before
        ),
        x: "products that stay".into(),
        y: "share of customers".into(),
        kind: ChartKind::Bars,
        series: vec![line(
            "customers",
            churn
                .histogram
                .iter()
                .enumerate()
                .map(|(kept, c)| (kept as f64, *c as f64 / n)),
        )],
    }
}
