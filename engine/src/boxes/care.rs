//! Care before sales in boxes: whose surprise waits, and which boxes a person should look at before they leave.

use super::problem::BoxRequest;
use crate::engagement::{care, CareReason, CareRules, HandOver};
use serendib_shop::Touch;

/// What the contacts of a subscriber ask of their box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BoxCare {
    /// Who should look at the box before it leaves.
    pub hand_over: Option<HandOver>,
    /// Why no surprise is drawn; `None` = one is.
    pub paused: Option<CareReason>,
}

impl BoxCare {
    /// Of a subscriber's time-ordered `history` when their box leaves, at `now`.
    pub fn of(history: &[Touch], now: i64, rules: &CareRules) -> BoxCare {
        let policy = care(history, now, rules);
        let reasons = [
            CareReason::CancelIntent,
            CareReason::OpenComplaint,
            CareReason::ComplaintJustResolved,
        ];
        let why = reasons.into_iter().find(|reason| policy.holds(*reason));
        BoxCare {
            hand_over: policy.hand_over,
            paused: why.filter(|_| policy.pause_surprises),
        }
    }

    /// Has the surprise slots of `request` filled by what suits while surprises are paused.
    pub fn apply(&self, request: &mut BoxRequest) {
        if self.paused.is_some() {
            request.regular += request.surprise;
            request.surprise = 0;
        }
    }
}

impl BoxRequest {
    /// Makes the slots fit the lines that stay: they were packed when surprises were paused, or before.
    pub fn make_room_for_kept(&mut self) {
        let kept = self.kept.iter().filter(|(_, surprise)| *surprise).count();
        let (slots, regular) = (self.regular + self.surprise, self.kept.len() - kept);
        if kept > self.surprise {
            self.surprise = kept.min(slots);
            self.regular = slots - self.surprise;
        } else if regular > self.regular {
            self.regular = regular.min(slots);
            self.surprise = slots - self.regular;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{Kind, ProductIx, DAY_MS};

    #[test]
    fn a_surprise_waits_until_a_complaint_ends_and_its_slot_is_filled() {
        let rules = CareRules::default();
        let mut history = vec![Touch::new(Kind::COMPLAINT, ProductIx(3), DAY_MS)];
        let slots = |history: &[Touch], now| {
            let mut request = BoxRequest {
                regular: 4,
                surprise: 1,
                ..BoxRequest::default()
            };
            let care = BoxCare::of(history, now, &rules);
            care.apply(&mut request);
            (request.regular, request.surprise, care)
        };
        let open = BoxCare {
            hand_over: None,
            paused: Some(CareReason::OpenComplaint),
        };
        assert_eq!(slots(&history, 2 * DAY_MS), (5, 0, open));
        assert_eq!(slots(&history, 40 * DAY_MS), (4, 1, BoxCare::default()));
        history.push(Touch::new(
            Kind::COMPLAINT_RESOLVED,
            ProductIx(3),
            2 * DAY_MS,
        ));
        assert_eq!(slots(&history, 3 * DAY_MS), (4, 1, BoxCare::default()));
        history.push(Touch::new(Kind::CANCEL_INTENT, ProductIx(3), 3 * DAY_MS));
        let leaving = BoxCare {
            hand_over: Some(HandOver::Person),
            paused: Some(CareReason::CancelIntent),
        };
        assert_eq!(slots(&history, 4 * DAY_MS), (5, 0, leaving));
    }

    #[test]
    fn lines_that_stay_find_their_slots() {
        let room = |regular, surprise, kept: &[(u32, bool)]| {
            let mut request = BoxRequest {
                regular,
                surprise,
                kept: kept.to_vec(),
                ..BoxRequest::default()
            };
            request.make_room_for_kept();
            (request.regular, request.surprise)
        };
        let (line, surprise) = ((1, false), (2, true));
        assert_eq!(room(3, 0, &[line, surprise]), (2, 1));
        assert_eq!(room(2, 1, &[line, line, line]), (3, 0));
        assert_eq!(room(2, 1, &[line, surprise]), (2, 1));
    }
}
