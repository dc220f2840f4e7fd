//! Tact: what an answer may say of a life situation, and in which words.

use super::clock::{language, title_in};
use super::facts::format_day;
use super::model::LifeModel;
use super::profiles::ProfileIx;
use super::state::LifeState;
use crate::isolated;

/// What the shop allows to be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tact {
    /// Whether clocks that were inferred, not declared, may be named whatever their type says.
    pub name_inferred: bool,
    /// Least probability that an inferred clock exists before it is named; design: .8.
    pub least_probability: f64,
}

impl Default for Tact {
    /// Inferred clocks are named only where their clock type says so.
    fn default() -> Tact {
        Tact {
            name_inferred: false,
            least_probability: 0.8,
        }
    }
}

impl Tact {
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

    /// The sentence behind a need: it names `clock`, number of one of `state`, and its stage if that is allowed, and is
    /// neutral without one.
    ///
    /// English and Hebrew; other locales get English.
    pub fn sentence(
        &self,
        model: &LifeModel,
        state: &LifeState,
        clock: Option<usize>,
        locale: &str,
    ) -> String {
        let hebrew = language(locale) == "he";
        let named = clock.filter(|&ix| self.may_name(model, state, ix));
        let Some(ix) = named else {
            return if hebrew {
                "לקוחות רבים צריכים את זה בקרוב".into()
            } else {
                "Often needed about now".into()
            };
        };
        let posterior = &state.clocks[ix];
        let kind = &model.clocks[posterior.clock].kind;
        let what = match &posterior.name {
            Some(name) => isolated(name),
            None if hebrew => title_in(&kind.title, locale, &kind.name).to_owned(),
            None => format!("your {}", title_in(&kind.title, locale, &kind.name)),
        };
        let stage = model
            .stage_at(posterior, state.now_day())
            .filter(|(_, p)| *p >= 0.5)
            .map(|(s, _)| title_in(&kind.stages[s].title, locale, &kind.stages[s].name));
        match (hebrew, stage) {
            (true, Some(stage)) => format!("מתאים עכשיו: {what} ({stage})"),
            (true, None) => format!("מתאים בקרוב: {what}"),
            (false, Some(stage)) => format!("Timely for {what} ({stage})"),
            (false, None) => format!("Timely for {what}"),
        }
    }

    /// The declared day of clock number `clock`, as `YYYY-MM-DD`, if it may be named.
    pub fn date(&self, model: &LifeModel, state: &LifeState, clock: usize) -> Option<String> {
        self.may_name(model, state, clock)
            .then(|| format_day(state.clocks[clock].dates()[2]))
    }
}
