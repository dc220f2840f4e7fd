//! Tact: what an answer may say of a life situation, and in which words.

use super::clock::title_in;
use super::facts::format_day;
use super::model::LifeModel;
use super::state::LifeState;

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

    /// The sentence behind a need: it names the clock and its stage if that is allowed, and is neutral otherwise.
    ///
    /// English and Hebrew; other locales get English.
    pub fn sentence(
        &self,
        model: &LifeModel,
        state: &LifeState,
        clock: Option<usize>,
        locale: &str,
    ) -> String {
        let hebrew = locale.starts_with("he") || locale.starts_with("iw");
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
        let what = posterior
            .name
            .clone()
            .unwrap_or_else(|| title_in(&kind.title, locale, &kind.name).to_owned());
        let stage = model
            .stage_at(posterior, state.now_day())
            .filter(|(_, p)| *p >= 0.5)
            .map(|(s, _)| title_in(&kind.stages[s].title, locale, &kind.stages[s].name));
        match (hebrew, stage) {
            (true, Some(stage)) => format!("מתאים עכשיו: {what} ({stage})"),
            (true, None) => format!("מתאים בקרוב: {what}"),
            (false, Some(stage)) => format!("Timely for your {what} ({stage})"),
            (false, None) => format!("Timely for your {what}"),
        }
    }

    /// The declared day of clock number `clock`, as `YYYY-MM-DD`, if it may be named.
    pub fn date(&self, model: &LifeModel, state: &LifeState, clock: usize) -> Option<String> {
        self.may_name(model, state, clock)
            .then(|| format_day(state.clocks[clock].quantile(0.5) + 0.5))
    }
}
