//! What an answer may say of a life situation.

use crate::life::{LifeModel, LifeState, ProfileIx};

/// What the shop allows to be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discretion {
    /// Whether clocks that were inferred, not declared, may be named whatever their type says.
    pub name_inferred: bool,
    /// Least probability that an inferred clock exists before it is named; design: .8.
    pub least_probability: f64,
}

impl Default for Discretion {
    /// Inferred clocks are named only where their clock type says so.
    fn default() -> Discretion {
        Discretion {
            name_inferred: false,
            least_probability: 0.8,
        }
    }
}

impl Discretion {
    /// Whether an answer (wording, a stage-named list, outreach) may name clock number `clock` of `state`.
    ///
    /// Declared clocks may be named. Inferred ones only where the shop allows it and the clock exists with at least
    /// the least probability; inferred children, pregnancies and whatever else is sensitive never.
    pub fn may_name(&self, model: &LifeModel, state: &LifeState, clock: usize) -> bool {
        let Some(posterior) = state.clocks.get(clock) else {
            return false;
        };
        let kind = &model.clocks[posterior.clock].kind;
        posterior.declared
            || ((self.name_inferred || kind.name_inferred)
                && !kind.sensitive
                && posterior.probability >= self.least_probability)
    }

    /// Whether an answer may name clock number `clock` of `state` as the reason for something of `profile`: it may be
    /// named at all, and the thing is not for another kind (no cat is named beside what is for dogs).
    pub fn may_name_for(
        &self,
        model: &LifeModel,
        state: &LifeState,
        clock: usize,
        profile: ProfileIx,
    ) -> bool {
        self.may_name(model, state, clock)
            && state.kinds.suits(model, &state.clocks[clock], profile)
    }
}
