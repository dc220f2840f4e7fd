//! The parts of the model beside its lists.

use super::format::{date, figure, percent, signed, table, thousands};
use crate::judge::complement::TaskTable;
use crate::judge::engagement::EngagementEvaluation;
use crate::judge::life::births::AnchorFigures;
use crate::judge::next_basket::BasketFigures;
use crate::judge::surprise::SurpriseReport;
use crate::learn::strength::Verdict;
use crate::refresh::figures::{Beside, Figure};
use crate::refresh::model_report::ModelReport;
use crate::report::{Section, TableBlock};

pub(super) fn parts(report: &ModelReport) -> Option<Section> {
    let sections = &report.sections;
    let mut tables = Vec::new();
    if report.figures.iter().any(|row| row.before.is_some()) {
        tables.push(beside_the_last(&report.figures));
    }
    if !report.capabilities.is_empty() {
        tables.push(capabilities(&report.capabilities));
    }
    tables.extend(sections.surprises.as_ref().map(surprises));
    let tasks = sections.complements.iter().flat_map(|c| &c.tables);
    tables.extend(tasks.map(complements));
    tables.extend(sections.next_basket.as_ref().map(next_basket));
    if !sections.life.is_empty() {
        tables.push(life(&sections.life));
    }
    tables.extend(sections.engagement.iter().map(engagement));
    (!tables.is_empty()).then(|| Section {
        title: "Beside the lists".into(),
        text: "Surprises, complements, delight and the next basket were fitted before the cut and judged on what came after. \
               Purchases within so many days have cut-offs of their own, each fitted on what came before it. Dates of life \
               situations are judged on customers that the fit did not see, over all of the data. Rivals stand in the same \
               table."
            .into(),
        tables,
        ..Section::default()
    })
}

fn beside_the_last(figures: &[Beside]) -> TableBlock {
    table(
        "This model's figures beside the last model's, each on what followed its own cut",
        &["", "last model", "now", "better is"],
        figures.iter().filter_map(|row| {
            let known = row.now.as_ref().or(row.before.as_ref())?;
            let show = |f: &Option<Figure>| {
                f.as_ref()
                    .map_or("not judged".into(), |f| format!("{:.3}", f.value))
            };
            let way = if known.more_is_better { "more" } else { "less" };
            Some(vec![
                known.name.clone(),
                show(&row.before),
                show(&row.now),
                way.into(),
            ])
        }),
        None,
    )
}

fn capabilities(all: &[(Verdict, Option<Verdict>)]) -> TableBlock {
    table(
        "How strongly each capability enters, chosen on held-out data",
        &[
            "capability",
            "last model",
            "now",
            "difference to the simplest, 95 %",
            "cases",
        ],
        all.iter().map(|(now, last)| {
            let difference = if now.decided && now.compared != now.baseline {
                format!(
                    "{} [{}, {}]",
                    signed(now.difference),
                    signed(now.low),
                    signed(now.high)
                )
            } else {
                "not decidable".into()
            };
            vec![
                now.capability.clone(),
                last.as_ref()
                    .map_or_else(String::new, |last| last.name.clone()),
                now.name.clone(),
                difference,
                thousands(now.units as f64),
            ]
        }),
        None,
    )
}

fn surprises(surprises: &SurpriseReport) -> TableBlock {
    table(
        &format!(
            "Surprises: {} customers with one to find; hits per list of ten",
            thousands(surprises.customers as f64)
        ),
        &[
            "method",
            "surprises",
            "bought again",
            "new products",
            "in the plain list",
            "bestsellers",
            "different products",
            "most of one",
        ],
        surprises.rows.iter().map(|r| {
            vec![
                r.method.clone(),
                format!("{:.3}", r.surprises),
                format!("{:.3}", r.again),
                format!("{:.3}", r.new_products),
                percent(r.overlap),
                percent(r.popular),
                thousands(r.different as f64),
                percent(r.largest),
            ]
        }),
        None,
    )
}

fn complements(task: &TaskTable) -> TableBlock {
    table(
        &format!("{}: {} cases", task.task, thousands(task.cases as f64)),
        &["method", "hit in 10", "ours minus it, 95 %"],
        task.rows.iter().map(|r| {
            let gap = r.ours_minus.map_or(String::new(), |(low, high)| {
                format!("{} … {}", signed(low), signed(high))
            });
            vec![r.method.clone(), figure(r.hit_at_10), gap]
        }),
        Some(0),
    )
}

fn next_basket(next: &BasketFigures) -> TableBlock {
    table(
        &format!(
            "The next basket: {} customers",
            thousands(next.customers as f64)
        ),
        &["method", "Recall@10", "NDCG@10", "bought before", "new"],
        next.rows.iter().map(|r| {
            vec![
                r.name.clone(),
                figure(r.recall),
                figure(r.ndcg),
                figure(r.repeat_recall),
                figure(r.explore_recall),
            ]
        }),
        Some(0),
    )
}

fn life(anchors: &[AnchorFigures]) -> TableBlock {
    table(
        "Life situations: dates inferred from purchases, cross-validated over customers",
        &[
            "clock",
            "customers",
            "error, days",
            "median age's error",
            "ratio, 95 %",
            "90 % covers",
        ],
        anchors.iter().map(|a| {
            vec![
                a.clock.clone(),
                thousands(a.customers as f64),
                thousands(a.mae),
                thousands(a.mae_of_median),
                format!(
                    "{:.3} [{:.3} … {:.3}]",
                    a.ratio, a.ratio_interval.0, a.ratio_interval.1
                ),
                percent(a.coverage_90),
            ]
        }),
        None,
    )
}

fn engagement(e: &EngagementEvaluation) -> TableBlock {
    table(
        &format!("Purchase within {:.0} days, by cut-off", e.horizon_days),
        &[
            "cut-off",
            "customers",
            "bought",
            "AUC",
            "two features",
            "RFM",
            "recency",
            "Brier",
        ],
        e.cut_offs.iter().map(|c| {
            vec![
                date(c.at),
                thousands(c.customers as f64),
                percent(c.base_rate),
                format!("{:.3}", c.auc),
                format!("{:.3}", c.auc_plain),
                format!("{:.3}", c.auc_rfm),
                format!("{:.3}", c.auc_recency),
                format!("{:.3}", c.brier),
            ]
        }),
        None,
    )
}
