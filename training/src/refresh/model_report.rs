//! Everything that is told of a model.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::backtest::Sections;
use super::churn::Churn;
use super::compare::Comparison;
use super::drift::Drift;
use super::figures::Beside;
use super::gate::{Check, GateOptions};
use super::uplift::Uplift;
use crate::judge::policy::OpeReport;
use crate::learn::strength::{self, Verdict};
use crate::learn::{self, Choice};
use serendib_engine::bundle::Manifest;
use serendib_shop::progress::StageTime;

/// Everything that is told of a model; what was not measured is absent.
#[derive(Debug, Default, Serialize)]
pub struct ModelReport {
    /// The model's id.
    pub model: String,
    /// Date and time, RFC 3339.
    pub created: String,
    /// The model that was current before.
    pub before: Option<String>,
    /// Whether it was made current.
    pub published: bool,
    /// Why it was not.
    pub reason: Option<String>,
    /// Which settings were fitted on everything, in words.
    pub winner: String,
    /// Whether the candidate settings were refused and the current ones fitted again.
    pub fell_back: bool,
    /// Touchpoints and so on that it was fitted on.
    pub data: serendib_engine::bundle::DataWindow,
    /// How candidate settings were chosen.
    pub choice: Option<Choice>,
    /// All settings, as in the manifest.
    pub settings: serde_json::Value,
    /// Candidate, current settings and baselines after the cut.
    pub comparison: Option<Comparison>,
    /// Everything the gate looked at.
    pub checks: Vec<Check>,
    /// What changed in the data.
    pub drift: Option<Drift>,
    /// How much lists change.
    pub churn: Option<Churn>,
    /// Orders with and without personal answers.
    #[serde(rename = "worth")]
    pub uplift: Option<Uplift>,
    /// What the serve log says of the candidate.
    pub policy: Option<OpeReport>,
    /// Drawn slots of the serve log that could not be used: of unknown customers or products, or with candidates that do not
    /// read.
    pub unusable_draws: usize,
    /// The parts beside the lists.
    pub sections: Sections,
    /// Their figures beside those of the last model, each after its own cut.
    pub figures: Vec<Beside>,
    /// How strongly each capability enters the model, and what the last model had of it.
    pub capabilities: Vec<(Verdict, Option<Verdict>)>,
    /// Time and memory.
    pub stages: Vec<StageTime>,
}

impl ModelReport {
    /// The comparison, if it has customers enough to say something.
    pub fn compared(&self) -> Option<&Comparison> {
        let least = GateOptions::default().least_customers;
        self.comparison.as_ref().filter(|c| c.customers >= least)
    }

    /// What it means that no check failed: most of all, whether anything was compared at all.
    pub fn passed(&self) -> &'static str {
        if self.compared().is_some() {
            "every check passed"
        } else {
            "not compared with anything, there is too little data after a cut; every other check passed"
        }
    }

    /// What is known of a model that was fitted and compared with nothing.
    pub fn of_fit(
        fit: &learn::Fit,
        id: &str,
        created: DateTime<Utc>,
        published: bool,
        stages: Vec<StageTime>,
    ) -> ModelReport {
        ModelReport {
            model: id.to_owned(),
            created: created.to_rfc3339_opts(SecondsFormat::Secs, true),
            published,
            data: fit.model.manifest.data,
            choice: fit.choice.clone(),
            settings: fit.model.manifest.settings.clone(),
            capabilities: capabilities(&fit.model.manifest, None),
            stages,
            ..ModelReport::default()
        }
    }
}

/// What was decided of each capability of `now`, beside what `before` had of it.
pub fn capabilities(now: &Manifest, before: Option<&Manifest>) -> Vec<(Verdict, Option<Verdict>)> {
    let mut before: Vec<Verdict> = before.map(strength::kept).unwrap_or_default();
    let mut last = |capability: &str| {
        let at = before.iter().position(|v| v.capability == capability)?;
        Some(before.swap_remove(at))
    };
    strength::kept(now)
        .into_iter()
        .map(|verdict| {
            let last = last(&verdict.capability);
            (verdict, last)
        })
        .collect()
}
