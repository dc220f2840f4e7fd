//! What the model's answers earn: against no personal answers, and against those that were served.

use super::format::{date, percent, table, thousands};
use crate::judge::policy::{Interval, OpeReport, Verdict};
use crate::refresh::model_report::ModelReport;
use crate::refresh::policy;
use crate::refresh::uplift::Uplift;
use crate::report::{Section, TableBlock};

pub(super) fn uplift(report: &ModelReport) -> Option<Section> {
    // a plain fit looks at neither
    report.drift.as_ref()?;
    let mut tables = Vec::new();
    let mut text = String::new();
    match &report.uplift {
        Some(w) => {
            tables.push(orders(w));
        }
        None => text.push_str(
            "Holdout: not enough data. It takes 28 days since the first answer of a model, and 30 customers and 20 orders both \
             with and without personal answers. ",
        ),
    }
    match &report.policy {
        Some(p) => {
            if p.verdict == Verdict::NotEnoughData {
                let why = policy::not_enough(p);
                text.push_str(&format!("Off-policy evaluation: not enough data to act on ({why}). "));
            }
            tables.push(off_policy(p));
        }
        None => text.push_str(
            "Off-policy evaluation: not enough data. It takes surprises that were served with a drawn slot after the cut.",
        ),
    }
    if report.unusable_draws > 0 {
        text.push_str(&format!(
            " {} drawn slots of the log could not be used: of customers or products that are not known any more.",
            thousands(report.unusable_draws as f64)
        ));
    }
    Some(Section {
        title: "What it is worth".into(),
        text,
        tables,
        ..Section::default()
    })
}

fn orders(w: &Uplift) -> TableBlock {
    let row = |name: &str, customers: usize, i: &Interval| {
        vec![
            name.to_owned(),
            thousands(customers as f64),
            format!("{:.3}", i.value),
            format!("{:.3} … {:.3}", i.low, i.high),
        ]
    };
    table(
                &format!(
                    "Orders (of purchases) per customer and year since {}: {} customers by the arm that was logged with their \
                     first answer, the others as if recommend.holdout_percent of the server was {} all that time",
                    date(w.since),
                    thousands(w.decided as f64),
                    w.percent
                ),
                &["customers", "number", "orders a year", "95 %"],
                [
                    row("with personal answers", w.with_customers, &w.with),
                    row("without", w.without_customers, &w.without),
                    row("difference", w.with_customers + w.without_customers, &w.difference),
                ],
                None,
            )
}

fn off_policy(p: &OpeReport) -> TableBlock {
    let row = |name: &str, i: &Interval| {
        vec![
            name.to_owned(),
            format!("{:.5}", i.value),
            format!("{:.5} … {:.5}", i.low, i.high),
        ]
    };
    table(
                &format!(
                    "Off-policy: {} draws of {} customers after the cut; effective sample {:.0}, mean weight {:.3}, largest \
                     {:.1}, outside the overlap {}",
                    thousands(p.draws as f64),
                    thousands(p.customers as f64),
                    p.effective_sample,
                    p.mean_weight,
                    p.max_weight,
                    percent(p.outside_overlap)
                ),
                &["a draw earns", "value", "95 %"],
                [
                    row("as served", &p.logged),
                    row("this model, inverse propensity", &p.ips),
                    row("this model, self-normalised", &p.snips),
                    row("this model, doubly robust", &p.doubly_robust),
                    row("this model minus as served", &p.difference),
                ],
                None,
            )
}
