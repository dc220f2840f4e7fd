//! Off-policy evaluation: what another policy would have earned, from the log of sampled slots.
//!
//! One slot per request is sampled with exact propensities, so each logged draw is a single action and the estimators
//! need no model of the rest of the list (Dudík et al., Doubly Robust Policy Evaluation and Learning, ICML 2011; the
//! pairwise difference: Jeunen & Ustimenko, Δ-OPE, RecSys 2024). Intervals are bootstraps over customers, because draws
//! of one customer are not independent.

mod decision;
mod estimate;
mod rewards;

pub use crate::stats::bootstrap::{interval, Interval};
pub use decision::{Decision, Draw};
pub use estimate::{evaluate, DecisionError, OpeOptions, OpeReport, Verdict};
pub use rewards::CrossFit;
