//! The model beside the last one and the baselines, over all customers and by segment.

use super::format::{figure, percent, range, signed, table, thousands};
use super::headlines::answering;
use crate::refresh::model_report::ModelReport;
use crate::report::Section;

pub(super) fn comparison(report: &ModelReport) -> Option<Section> {
    let comparison = report.comparison.as_ref()?;
    let rows = comparison.methods.iter().map(|m| {
        vec![
            m.name.clone(),
            figure(m.ndcg_20),
            figure(m.recall_20),
            percent(m.hit_10),
            percent(m.coverage_20),
        ]
    });
    let gaps = comparison
        .gaps
        .iter()
        .filter(|g| g.segment == "all")
        .map(|g| {
            vec![
                format!("against {}, {}", g.against, g.metric),
                figure(g.candidate),
                figure(g.other),
                signed(g.difference.value),
                range(&g.difference),
            ]
        });
    Some(Section {
        title: "Against the last model and the baselines".into(),
        text: format!(
            "{}. Everything was fitted and counted before the cut. {} customers, {} without anything to predict left out, {} \
             products ranked. Intervals: 95 %, paired bootstrap over customers.",
            comparison.protocol,
            thousands(comparison.customers as f64),
            thousands(comparison.left_out as f64),
            thousands(comparison.products as f64)
        ),
        tables: vec![
            table(
                "",
                &["method", "NDCG@20", "Recall@20", "hit in 10", "catalogue shown"],
                rows,
                comparison.methods.iter().position(|m| m.name == answering(report)),
            ),
            table(
                "Candidate minus the others",
                &["", "candidate", "other", "difference", "95 %"],
                gaps,
                None,
            ),
        ],
        ..Section::default()
    })
}

pub(super) fn segments(report: &ModelReport) -> Option<Section> {
    let comparison = report.comparison.as_ref()?;
    let rows: Vec<Vec<String>> = comparison
        .gaps
        .iter()
        .filter(|g| g.segment != "all")
        .map(|g| {
            vec![
                format!("{}, {}", g.segment, g.metric),
                g.against.clone(),
                thousands(g.customers as f64),
                figure(g.candidate),
                figure(g.other),
                signed(g.difference.value),
                range(&g.difference),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Section {
        title: "Segments".into(),
        text: "New: at most two orders before the cut. Lapsing: the last order is longer ago than 60 days and than twice the \
               customer's usual gap. Cold products: fewer than five buyers before the cut."
            .into(),
        tables: vec![table(
            "",
            &["segment", "against", "customers", "candidate", "other", "difference", "95 %"],
            rows,
            None,
        )],
        ..Section::default()
    })
}
