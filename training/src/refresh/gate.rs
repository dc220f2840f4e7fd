//! The gate: whether a model may take over.

use serde::{Deserialize, Serialize};

use super::compare::{Comparison, Gap, CURRENT};
use crate::ope::{OpeReport, Verdict};

/// How much worse a model may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateOptions {
    /// Largest loss over all customers, as a share of the current figure; .01.
    pub tolerance: f64,
    /// Largest loss in a segment, as a share of the current figure; .05.
    pub segment_tolerance: f64,
    /// Largest loss against the best baseline over all customers, as a share of its figure; .1. Wider than the loss against
    /// the current model: a baseline is no model that could answer in its place.
    pub baseline_tolerance: f64,
    /// Customers below which a segment is too small to judge by; 100. All customers together are judged from 30 on.
    pub least_customers: usize,
}

impl Default for GateOptions {
    fn default() -> Self {
        GateOptions {
            tolerance: 0.01,
            segment_tolerance: 0.05,
            baseline_tolerance: 0.1,
            least_customers: 100,
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is in order.
    pub passed: bool,
    /// The figures behind it, or why it was not judged.
    pub detail: String,
}

impl Check {
    /// A check of `name`.
    pub fn new(name: impl Into<String>, passed: bool, detail: impl Into<String>) -> Check {
        Check {
            name: name.into(),
            passed,
            detail: detail.into(),
        }
    }
}

/// Names and details of the checks that failed, as one sentence; `None` where all passed.
pub fn reason(checks: &[Check]) -> Option<String> {
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| format!("{} ({})", check.name, check.detail))
        .collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

/// Judges a comparison: the candidate is no worse than the current settings, overall and in every segment, and no worse
/// than the best baseline overall.
///
/// Worse = the mean difference is beyond the tolerance and chance does not explain it (the 95 % interval lies below 0).
pub fn judge(comparison: &Comparison, options: &GateOptions) -> Vec<Check> {
    let mut checks = Vec::new();
    for gap in comparison.gaps.iter().filter(|g| g.against == CURRENT) {
        let tolerance = if gap.segment == "all" {
            options.tolerance
        } else {
            options.segment_tolerance
        };
        checks.push(no_worse(gap, tolerance, options.least_customers));
    }
    let best = comparison.best_baseline().map(|m| m.name.clone());
    let gap = best.and_then(|best| comparison.gap("all", &best, "ndcg@20"));
    if let Some(gap) = gap {
        checks.push(no_worse(
            gap,
            options.baseline_tolerance,
            options.least_customers,
        ));
    }
    checks
}

/// Customers from which on all of them together are judged: the interval says what they do not tell.
const LEAST_OF_ALL: usize = 30;

fn no_worse(gap: &Gap, tolerance: f64, least: usize) -> Check {
    let name = format!(
        "{} of {} no worse than {}",
        gap.metric,
        if gap.segment == "all" {
            "all customers"
        } else {
            &gap.segment
        },
        gap.against
    );
    let least = if gap.segment == "all" {
        least.min(LEAST_OF_ALL)
    } else {
        least
    };
    if gap.customers < least {
        let detail = format!(
            "not judged: {} customers, {least} are needed",
            gap.customers
        );
        return Check::new(name, true, detail);
    }
    let d = gap.difference;
    let worse = d.value < -tolerance * gap.other && d.high < 0.0;
    let detail = format!(
        "{:.4} against {:.4}, difference {:+.4} [{:+.4}, {:+.4}], {} customers",
        gap.candidate, gap.other, d.value, d.low, d.high, gap.customers
    );
    Check::new(name, !worse, detail)
}

/// Judges off-policy evaluation: passed unless there is enough data and it says that the new policy earns less.
pub fn judge_policy(report: Option<&OpeReport>) -> Check {
    let name = "off-policy value no worse than what was served";
    match report {
        None => Check::new(
            name,
            true,
            "not enough data: nothing was drawn at random after the cut",
        ),
        Some(report) if report.verdict == Verdict::NotEnoughData => Check::new(
            name,
            true,
            format!(
                "not enough data: {} draws, effective sample {:.0}",
                report.draws, report.effective_sample
            ),
        ),
        Some(report) => {
            let d = report.difference;
            Check::new(
                name,
                d.high >= 0.0,
                format!(
                    "difference {:+.5} [{:+.5}, {:+.5}] a draw, effective sample {:.0}",
                    d.value, d.low, d.high, report.effective_sample
                ),
            )
        }
    }
}
