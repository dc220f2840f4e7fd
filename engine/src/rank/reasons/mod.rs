//! Reasons that people read: sentences in English and Hebrew, tact, contributions that add up, counterfactuals.

mod counterfactual;
mod sentences;
mod tact;

pub use counterfactual::{counterfactual, Counterfactual};
pub use sentences::{sentence, Language};
pub use tact::Tact;

use super::{Reason, ReasonCode};

/// Cuts `reasons` to `limit`, strongest first, and lets the last one carry what the others leave of `score`, so that the
/// contributions add up to it.
///
/// With room for it the remainder is a reason of its own: what most customers do. Contributions that are not finite become 0.
pub fn balance(reasons: &mut Vec<Reason>, score: f32, limit: usize) {
    if limit == 0 {
        reasons.clear();
        return;
    }
    for reason in reasons.iter_mut() {
        if !reason.contribution.is_finite() {
            reason.contribution = 0.0;
        }
    }
    reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    reasons.truncate(limit);
    let sum: f32 = reasons.iter().map(|r| r.contribution).sum();
    let rest = if score.is_finite() { score - sum } else { 0.0 };
    if rest.abs() <= 1e-6 * score.abs().max(1e-6) {
        return;
    }
    let has_popular = reasons.iter().position(|r| r.code == ReasonCode::Popular);
    match has_popular {
        Some(at) => reasons[at].contribution += rest,
        None if reasons.len() < limit => {
            reasons.push(Reason::plain(ReasonCode::Popular, rest));
        }
        None => {
            if let Some(last) = reasons.last_mut() {
                last.contribution += rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_add_up_whatever_is_cut() {
        for limit in 1..5 {
            let mut reasons = vec![
                Reason::about(ReasonCode::BecauseYouBought, 1, 0.2),
                Reason::about(ReasonCode::BecauseYouBought, 2, 0.5),
                Reason::about(ReasonCode::GoesWith, 3, f32::NAN),
            ];
            balance(&mut reasons, 0.9, limit);
            let sum: f32 = reasons.iter().map(|r| r.contribution).sum();
            assert!((sum - 0.9).abs() < 1e-6, "{limit}: {sum}");
            assert!(reasons.len() <= limit);
            assert_eq!(reasons[0].product, Some(2));
        }
        let mut none = vec![Reason::plain(ReasonCode::New, 0.1)];
        balance(&mut none, 0.5, 0);
        assert!(none.is_empty());
    }
}
