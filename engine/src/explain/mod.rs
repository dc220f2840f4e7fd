//! Why an answer is as it is: reasons whose contributions add up, counterfactuals, the page of a customer's life.
//!
//! All wording stands in `text`, a file for each language. [`Sensitivity`] says which products no reason names,
//! [`Discretion`] which life situations.

pub(crate) mod box_lines;
mod counterfactual;
mod discretion;
pub(crate) mod items;
pub(crate) mod life;
mod life_page;
mod relations;
mod sensitivity;
pub(crate) mod surprises;
mod text;

pub use box_lines::{line_reasons, LineKind};
pub use counterfactual::{counterfactual, Counterfactual, Place, Tie};
pub use discretion::Discretion;
pub use life_page::{outlook, Outlook, OutlookRequest, Wanted};
pub use relations::Relations;
pub use sensitivity::Sensitivity;
pub use text::{counterfactual_sentence, need_sentence, note_text, sentence, Language};

use crate::rank::{Reason, ReasonCode};

/// A product that speaks for less of a score is not named for it.
const LEAST_NAMED: f32 = 0.05;

/// Cuts `reasons` to `limit`, strongest first, so that their contributions add up to `score`.
///
/// A product of the customer's past that carries next to nothing is not named; of what an item goes with the strongest always
/// is. What the reasons leave of the score is a reason of its own, the customer's taste as a whole, in place of the weakest where there is no room;
/// a single reason carries everything. Contributions that are not finite become 0.
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
    let least = LEAST_NAMED * score.abs();
    let first = reasons.first().cloned();
    reasons.retain(|reason| match reason.code {
        ReasonCode::GoesWith if Some(reason) == first.as_ref() => true,
        ReasonCode::BecauseYouBought
        | ReasonCode::BecauseYouRated
        | ReasonCode::BecauseOfInterest
        | ReasonCode::GoesWith => reason.product.is_none() || reason.contribution >= least,
        _ => true,
    });
    reasons.truncate(limit);
    let sum: f32 = reasons.iter().map(|r| r.contribution).sum();
    let rest = if score.is_finite() { score - sum } else { 0.0 };
    if rest.abs() <= 1e-6 * score.abs().max(1e-6) {
        return;
    }
    let whole = |r: &Reason| matches!(r.code, ReasonCode::Popular | ReasonCode::YourTaste);
    if let Some(at) = reasons.iter().position(whole) {
        reasons[at].contribution += rest;
    } else if limit == 1 || reasons.is_empty() {
        match reasons.first_mut() {
            Some(only) => only.contribution += rest,
            None => reasons.push(Reason::plain(ReasonCode::YourTaste, rest)),
        }
    } else {
        let dropped = if reasons.len() == limit {
            reasons.pop().map_or(0.0, |weakest| weakest.contribution)
        } else {
            0.0
        };
        reasons.push(Reason::plain(ReasonCode::YourTaste, rest + dropped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::ProductIx;

    #[test]
    fn contributions_add_up_whatever_is_cut() {
        for limit in 1..5 {
            let mut reasons = vec![
                Reason::about(ReasonCode::BecauseYouBought, ProductIx(1), 0.2),
                Reason::about(ReasonCode::BecauseYouBought, ProductIx(2), 0.5),
                Reason::about(ReasonCode::GoesWith, ProductIx(3), f32::NAN),
            ];
            balance(&mut reasons, 0.9, limit);
            let sum: f32 = reasons.iter().map(|r| r.contribution).sum();
            assert!((sum - 0.9).abs() < 1e-6, "{limit}: {sum}");
            assert!(reasons.len() <= limit);
            assert_eq!(reasons[0].product, Some(ProductIx(2)));
        }
        let mut weak = vec![
            Reason::plain(ReasonCode::Surprise, 0.4),
            Reason::about(ReasonCode::BecauseYouBought, ProductIx(1), 0.01),
            Reason::about(ReasonCode::BecauseYouBought, ProductIx(2), 0.3),
        ];
        balance(&mut weak, 1.0, 3);
        let said: Vec<_> = weak.iter().map(|r| (r.code, r.product)).collect();
        let bought = (ReasonCode::BecauseYouBought, Some(ProductIx(2)));
        let rest = (ReasonCode::YourTaste, None);
        assert_eq!(said, [(ReasonCode::Surprise, None), bought, rest]);
        assert!((weak[2].contribution - 0.3).abs() < 1e-6);
        let many = |product| Reason::about(ReasonCode::GoesWith, product, 0.03);
        let mut basket: Vec<Reason> = ProductIx::all(30).map(many).collect();
        balance(&mut basket, 0.9, 3);
        assert_eq!(basket[0].product, Some(ProductIx(0)));
        let mut none = vec![Reason::plain(ReasonCode::New, 0.1)];
        balance(&mut none, 0.5, 0);
        assert!(none.is_empty());
    }
}
