//! What the page says first: of what data the model is, whether it answers, and its main figures.

use super::format::{date, figure, percent, range, relative, signed, thousands, verdict};
use crate::judge::engagement::EngagementEvaluation;
use crate::judge::policy::Interval;
use crate::learn::Choice;
use crate::refresh::compare::{Comparison, CANDIDATE, CURRENT};
use crate::refresh::model_report::ModelReport;
use crate::refresh::uplift::Uplift;
use crate::report::{Banner, Headline};

pub(super) fn subtitle(report: &ModelReport) -> String {
    let data = &report.data;
    let span = match (data.from, data.to) {
        (Some(from), Some(to)) => format!(", {} to {}", date(from), date(to)),
        _ => String::new(),
    };
    format!(
        "{} customers, {} products, {} touchpoints{span} · fitted {}",
        thousands(data.customers as f64),
        thousands(data.products as f64),
        thousands(data.touchpoints as f64),
        report.created
    )
}

pub(super) fn banner(report: &ModelReport) -> Option<Banner> {
    let instead = match &report.before {
        Some(before) => format!("Model {before} goes on answering."),
        None => "No model answers yet.".into(),
    };
    let text = match (report.published, &report.reason) {
        (true, None) if report.winner.is_empty() => "Published.".into(),
        (true, None) => format!(
            "Published: {}. Fitted with {}.",
            report.passed(),
            report.winner
        ),
        (true, Some(reason)) => format!("Published although: {reason}."),
        (false, Some(reason)) => format!("Kept back: {reason}. {instead}"),
        (false, None) => format!("Written and not made current. {instead}"),
    };
    Some(Banner {
        good: report.published && report.reason.is_none(),
        text,
    })
}

/// The settings of the model that was fitted on everything: the candidate, or where that was refused, the current ones.
pub(super) fn answering(report: &ModelReport) -> &'static str {
    if report.fell_back {
        CURRENT
    } else {
        CANDIDATE
    }
}

pub(super) fn headlines(report: &ModelReport) -> Vec<Headline> {
    let mut out = match (report.compared(), &report.choice) {
        (Some(comparison), _) => compared(report, comparison),
        (None, Some(choice)) => vec![chosen(choice)],
        (None, None) => Vec::new(),
    };
    out.extend(report.sections.engagement.first().map(purchases));
    out.extend(report.uplift.as_ref().map(orders));
    if let Some(churn) = &report.churn {
        out.push(Headline {
            label: "of the last model's first ten".into(),
            value: format!("{} stay", percent(churn.kept)),
            detail: format!("the first product stays for {}", percent(churn.same_first)),
            better: None,
        });
    }
    out
}

/// What a comparison after a cut says of the lists.
fn compared(report: &ModelReport, comparison: &Comparison) -> Vec<Headline> {
    let mut out = Vec::new();
    let against = |name: &str| comparison.gap("all", name, "ndcg@20");
    let name = answering(report);
    if let Some(ours) = comparison.method(name) {
        let detail = match against(CURRENT) {
            Some(gap) if report.fell_back => format!(
                "the last model's settings; the refused candidate's {} [{}]",
                figure(gap.candidate),
                range(&gap.difference)
            ),
            Some(gap) => format!(
                "last model's settings {}: {} [{}]",
                figure(gap.other),
                relative(gap),
                range(&gap.difference)
            ),
            None if report.before.is_some() => format!(
                "of {} customers after the cut; the last model's settings are the same",
                thousands(comparison.customers as f64)
            ),
            None => format!(
                "of {} customers after the cut; there is no earlier model",
                thousands(comparison.customers as f64)
            ),
        };
        let gap = against(CURRENT).filter(|_| !report.fell_back);
        out.push(Headline {
            label: "NDCG@20, what is new to the customer".into(),
            value: figure(ours.ndcg_20),
            detail,
            better: gap.and_then(|gap| verdict(&gap.difference)),
        });
    }
    let best = comparison.best_baseline().and_then(|b| against(&b.name));
    if let Some(gap) = best.filter(|_| !report.fell_back) {
        out.push(Headline {
            label: format!("against {}", gap.against),
            value: relative(gap),
            detail: format!(
                "the best baseline: {}, difference [{}]",
                figure(gap.other),
                range(&gap.difference)
            ),
            better: verdict(&gap.difference),
        });
    }
    if let Some(ours) = comparison.method(name) {
        let best = comparison.best_baseline();
        out.push(Headline {
            label: "customers with a hit in ten".into(),
            value: percent(ours.hit_10),
            detail: best.map_or(String::new(), |b| {
                format!("{} {}", b.name, percent(b.hit_10))
            }),
            // no interval is known, so nothing is called better
            better: None,
        });
        out.push(Headline {
            label: "catalogue shown to somebody".into(),
            value: percent(ours.coverage_20),
            detail: best.map_or(String::new(), |b| {
                format!(
                    "in anybody's first 20; {} {}",
                    b.name,
                    percent(b.coverage_20)
                )
            }),
            better: None,
        });
    }
    out
}

/// What the choice of settings says of the lists.
fn chosen(choice: &Choice) -> Headline {
    let popular = choice.table.iter().find(|row| row.name.contains("popular"));
    Headline {
        label: "NDCG@5 and @20 on the slice held out to choose".into(),
        value: figure(choice.blend_ndcg),
        detail: popular.map_or(String::new(), |row| {
            format!("{}: {}", row.name, figure(row.ndcg))
        }),
        better: popular.map(|row| choice.blend_ndcg > row.ndcg),
    }
}

/// How well purchases are foretold.
fn purchases(e: &EngagementEvaluation) -> Headline {
    let (low, high) = e.interval;
    Headline {
        label: format!("AUC, purchase within {:.0} days", e.horizon_days),
        value: format!("{:.3}", e.auc),
        detail: format!(
            "better baseline {:.3}: {} [{} … {}]",
            e.auc_better_baseline,
            signed(e.difference),
            signed(low),
            signed(high)
        ),
        better: verdict(&Interval {
            value: e.difference,
            low,
            high,
        }),
    }
}

/// What personal answers add.
fn orders(uplift: &Uplift) -> Headline {
    let d = &uplift.difference;
    Headline {
        label: "orders per customer and year".into(),
        value: format!("{:+.2}", d.value).replace('-', "−"),
        detail: format!(
            "{:.2} with, {:.2} without personal answers [{:+.2} … {:+.2}]",
            uplift.with.value, uplift.without.value, d.low, d.high
        )
        .replace('-', "−"),
        better: verdict(d),
    }
}
