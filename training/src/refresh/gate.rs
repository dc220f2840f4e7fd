//! The gate: whether a model may take over.

use serde::{Deserialize, Serialize};

use super::compare::{Comparison, Gap, CURRENT};
use super::policy;
use crate::judge::policy::{OpeReport, Verdict};

/// How much worse a model may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateOptions {
    /// Largest loss over all customers, as a share of the current figure; .01. For NDCG@20 it holds of the figure itself,
    /// whatever chance may explain.
    pub tolerance: f64,
    /// Largest loss in a segment that chance does not explain, as a share of the current figure; .05.
    pub segment_tolerance: f64,
    /// Largest loss against the best baseline over all customers, as a share of its figure; .1. Wider than the loss against
    /// the current model: a baseline is no model that could answer in its place.
    pub baseline_tolerance: f64,
    /// Customers below which nothing is judged; 30. The interval says what so few do not tell.
    pub least_customers: usize,
}

impl Default for GateOptions {
    fn default() -> Self {
        GateOptions {
            tolerance: 0.01,
            segment_tolerance: 0.05,
            baseline_tolerance: 0.1,
            least_customers: 30,
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// Whether it is in order, or was not judged.
    pub passed: bool,
    /// Whether there was enough to judge it by.
    #[serde(default = "yes")]
    pub judged: bool,
    /// The figures behind it, or why it was not judged.
    pub detail: String,
}

fn yes() -> bool {
    true
}

impl Check {
    /// A check of `name`.
    pub fn new(name: impl Into<String>, passed: bool, detail: impl Into<String>) -> Check {
        Check {
            name: name.into(),
            passed,
            judged: true,
            detail: detail.into(),
        }
    }

    /// A check that keeps nothing back, for there is too little to judge it by.
    pub fn unjudged(name: impl Into<String>, detail: impl Into<String>) -> Check {
        Check {
            judged: false,
            ..Check::new(name, true, detail)
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
/// Over all customers NDCG@20 beyond the tolerance is enough: who takes over must show that nothing is lost, and where that
/// cannot be told, the current settings are the better guess.
pub fn judge(comparison: &Comparison, options: &GateOptions) -> Vec<Check> {
    let mut checks = against_current(comparison, options);
    checks.extend(against_baseline(comparison, options));
    checks
}

/// The candidate beside the current settings.
pub fn against_current(comparison: &Comparison, options: &GateOptions) -> Vec<Check> {
    let gaps = comparison.gaps.iter().filter(|g| g.against == CURRENT);
    gaps.map(|gap| {
        let tolerance = if gap.segment == "all" {
            options.tolerance
        } else {
            options.segment_tolerance
        };
        let proven = !(gap.segment == "all" && gap.metric == "ndcg@20");
        no_worse(gap, tolerance, options.least_customers, proven)
    })
    .collect()
}

/// The candidate beside the best baseline, over all customers.
pub fn against_baseline(comparison: &Comparison, options: &GateOptions) -> Option<Check> {
    let best = comparison.best_baseline()?.name.as_str();
    let gap = comparison.gap("all", best, "ndcg@20")?;
    let least = options.least_customers;
    Some(no_worse(gap, options.baseline_tolerance, least, true))
}

/// The current settings fitted on the new data beside the best baseline: what is fallen back to is no better for having been
/// there before.
pub fn fallback(comparison: &Comparison, options: &GateOptions) -> Option<Check> {
    let gap = comparison.fallback.as_ref()?;
    let least = options.least_customers;
    let mut check = no_worse(gap, options.baseline_tolerance, least, true);
    check.name = format!("current settings, fitted again: {}", check.name);
    Some(check)
}

/// Whether `gap` is no loss beyond `tolerance`; with `proven`, only a loss that chance does not explain counts.
fn no_worse(gap: &Gap, tolerance: f64, least: usize, proven: bool) -> Check {
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
    if gap.customers < least {
        let detail = format!("{} customers, {least} are needed", gap.customers);
        return Check::unjudged(name, detail);
    }
    let d = gap.difference;
    let worse = d.value < -tolerance * gap.other && (d.high < 0.0 || !proven);
    let detail = format!(
        "{:.4} against {:.4}, difference {:+.4} [{:+.4}, {:+.4}], {} customers{}",
        gap.candidate,
        gap.other,
        d.value,
        d.low,
        d.high,
        gap.customers,
        if worse && d.high >= 0.0 {
            "; that it is no worse cannot be told"
        } else {
            ""
        }
    );
    Check::new(name, !worse, detail)
}

/// How far ahead of the best baseline a model was when it was published, as shares of the baseline's figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    pub baseline: String,
    /// 0.5 = half as much again as the baseline.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    pub high: f64,
}

impl Lead {
    /// The lead that `gap` tells, if there are customers enough and the baseline finds anything.
    pub fn of(gap: &Gap, options: &GateOptions) -> Option<Lead> {
        let told = gap.customers >= options.least_customers && gap.other > 0.0;
        told.then(|| Lead {
            baseline: gap.against.clone(),
            value: gap.difference.value / gap.other,
            low: gap.difference.low / gap.other,
            high: gap.difference.high / gap.other,
        })
    }
}

/// Share of the last model's lead that must be left.
const LEAD_LEFT: f64 = 0.5;

/// Judges the lead over the best baseline beside that of the last model. Candidate and current settings are fitted on the same
/// new data: where those are broken (ids that were mixed up, histories that were cut), both are bad and neither is worse.
pub fn judge_lead(now: &Lead, last: &Lead) -> Check {
    let percent = |share: f64| 100.0 * share;
    let detail = format!(
        "{:+.0} % over {} [{:+.0} %, {:+.0} %]; the last model {:+.0} % over {} [{:+.0} %, {:+.0} %]",
        percent(now.value),
        now.baseline,
        percent(now.low),
        percent(now.high),
        percent(last.value),
        last.baseline,
        percent(last.low),
        percent(last.high)
    );
    let lost = last.low > 0.0 && now.high < LEAD_LEFT * last.low;
    Check::new(
        "most of the lead over the best baseline is left",
        !lost,
        detail,
    )
}

/// Judges off-policy evaluation: passed unless there is enough data and it says that the new policy earns less.
pub fn judge_policy(report: Option<&OpeReport>) -> Check {
    let name = "off-policy value no worse than what was served";
    match report {
        None => Check::unjudged(name, "nothing was drawn at random after the cut"),
        Some(report) if report.verdict == Verdict::NotEnoughData => {
            Check::unjudged(name, policy::not_enough(report))
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::policy::Interval;
    use crate::refresh::compare::Method;

    fn gap(customers: usize, difference: (f64, f64, f64)) -> Gap {
        let (value, low, high) = difference;
        Gap {
            segment: "all".into(),
            against: CURRENT.into(),
            metric: "ndcg@20",
            customers,
            candidate: 0.1 + value,
            other: 0.1,
            difference: Interval { value, low, high },
        }
    }

    #[test]
    fn a_loss_that_chance_may_explain_passes_only_where_it_must_be_proven() {
        let unclear = gap(400, (-0.004, -0.009, 0.001));
        assert!(no_worse(&unclear, 0.01, 30, true).passed);
        let strict = no_worse(&unclear, 0.01, 30, false);
        assert!(!strict.passed && strict.detail.contains("cannot be told"));
        let clear = gap(400, (-0.004, -0.006, -0.002));
        assert!(!no_worse(&clear, 0.01, 30, true).passed);
        let within = gap(400, (-0.0005, -0.0008, -0.0002));
        assert!(no_worse(&within, 0.01, 30, false).passed, "within 1 %");
        let few = no_worse(&gap(29, (-0.1, -0.1, -0.1)), 0.01, 30, false);
        assert!(few.passed && !few.judged, "too few to judge by");
    }

    #[test]
    fn what_is_fallen_back_to_is_judged_beside_the_best_baseline() {
        let method = |name: &str, ndcg_20| Method {
            name: name.into(),
            ndcg_20,
            recall_20: 0.0,
            hit_10: 0.0,
            coverage_20: 0.0,
            recall: Vec::new(),
            exposure: Vec::new(),
        };
        let against = |against: &str, difference| Gap {
            against: against.into(),
            ..gap(400, difference)
        };
        let comparison = Comparison {
            protocol: String::new(),
            customers: 400,
            left_out: 0,
            products: 10,
            methods: vec![
                method("candidate", 0.1),
                method(CURRENT, 0.12),
                method("popular", 0.2),
            ],
            bought: Vec::new(),
            gaps: vec![
                against(CURRENT, (-0.02, -0.03, -0.01)),
                against("popular", (-0.1, -0.12, -0.08)),
            ],
            fallback: Some(against("popular", (-0.08, -0.1, -0.06))),
        };
        let options = GateOptions::default();
        let current = against_current(&comparison, &options);
        assert!(current.len() == 1 && !current[0].passed);
        assert!(!against_baseline(&comparison, &options).unwrap().passed);
        let rival = fallback(&comparison, &options).unwrap();
        assert!(!rival.passed && rival.name.starts_with("current settings"));
        let better = Comparison {
            fallback: Some(against("popular", (0.01, -0.01, 0.03))),
            ..comparison
        };
        assert!(fallback(&better, &options).unwrap().passed);
    }

    #[test]
    fn a_lead_that_is_gone_is_no_pass() {
        let options = GateOptions::default();
        let lead = |value| Lead::of(&gap(400, (value, value - 0.01, value + 0.01)), &options);
        let last = lead(0.3).unwrap();
        assert!(judge_lead(&lead(0.2).unwrap(), &last).passed);
        assert!(!judge_lead(&lead(-0.001).unwrap(), &last).passed);
        let unproven = lead(0.005).unwrap();
        assert!(judge_lead(&lead(-0.001).unwrap(), &unproven).passed);
        assert_eq!(Lead::of(&gap(29, (0.3, 0.2, 0.4)), &options), None);
    }
}
