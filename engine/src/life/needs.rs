//! Needs: what becomes likely in the coming weeks because of a clock, with its window and probability.

use super::clock::ClockType;
use super::model::LifeModel;
use super::profiles::{ProductProfiles, ProfileIx};
use super::state::{LifeState, LifeView};
use serendib_shop::{ProductIx, DAY_MS};

/// A need for something of one profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// Profile, for [`ProductProfiles::members`].
    pub profile: ProfileIx,
    /// Category path; empty for products without a category.
    pub category: String,
    /// Ages that the products' text states, in days, if any.
    pub ages: Option<(i32, i32)>,
    /// Position of the clock in [`LifeState::clocks`].
    pub clock: usize,
    /// Most likely begin of the window, milliseconds; may be past.
    pub from: i64,
    /// Most likely end of the window, milliseconds; `None` = no end in sight.
    pub until: Option<i64>,
    /// Probability that it is bought within `within_days` because of the clock.
    pub probability: f32,
    /// Days ahead that were looked at.
    pub within_days: f32,
    /// Days until the window begins; 0 = it has begun.
    pub lead_days: f32,
    /// Stage in which the need begins, or the present one.
    pub stage: Option<String>,
}

/// Needs that are less likely within [`MOST_DAYS`] at their pace are left out.
const LEAST: f32 = 0.002;
/// A clock in which is believed less proposes nothing: its needs would be those of anybody.
const BELIEVED: f64 = 0.2;
/// How many times likelier than for anybody a need must be while it lasts: wrapping paper after the end of a contract is
/// bought by chance.
const FIT_LEAST: f64 = 1.5;
/// Farthest that a list looks, days.
const MOST_DAYS: f64 = 60.0;
/// The nearest, days.
const LEAST_DAYS: f64 = 3.0;
/// Share of the present stage that a list looks ahead.
const STAGE_SHARE: f64 = 0.25;

/// How far needs are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ahead {
    /// So many days, 1 to 3,660, for every clock.
    Days(f64),
    /// A quarter of the stage that each clock is in, at most 60 days: who packs wants a plug for tomorrow, not the photo
    /// book of next month.
    Stage,
}

impl Ahead {
    /// Days ahead for a clock of `kind` at `age` days.
    fn days(self, kind: &ClockType, age: f64) -> f64 {
        match self {
            Ahead::Days(days) => days.clamp(1.0, 3660.0),
            Ahead::Stage => kind.stage_at(age).map_or(MOST_DAYS, |stage| {
                let stage = &kind.stages[stage];
                (STAGE_SHARE * (stage.to_days - stage.from_days)).clamp(LEAST_DAYS, MOST_DAYS)
            }),
        }
    }
}

impl Need {
    /// The probability within `days` at the pace of the days that were looked at: what compares needs that were looked
    /// for differently far.
    pub fn at_pace(&self, days: f32) -> f32 {
        1.0 - (1.0 - self.probability).powf(days / self.within_days)
    }
}

impl LifeModel {
    /// Needs within `horizon_days` of the state's moment, likeliest first, ties by profile.
    ///
    /// Ended needs, durables that are owned already, what is hardly likelier than for anybody and the needs of a clock that
    /// is in doubt are left out. The probability of one need is
    /// 1 − Σ_τ w(τ) exp(−∫ r_c(s − τ)⁺ ds) with the clock's own rate r_c(a) = pace · p_0(c) · e_c(a), times P(clock).
    pub fn needs(
        &self,
        products: &ProductProfiles,
        state: &LifeState,
        horizon_days: f64,
    ) -> Vec<Need> {
        let ahead = Ahead::Days(horizon_days);
        self.needs_seen(&LifeView::new(self, products, state), ahead)
    }

    /// [`LifeModel::needs`] of a view that is there already.
    pub fn needs_seen(&self, view: &LifeView, ahead: Ahead) -> Vec<Need> {
        let state = view.state;
        let now = state.now_day();
        let mut out: Vec<Need> = Vec::new();
        for (ix, posterior) in state.clocks.iter().enumerate() {
            if posterior.probability < BELIEVED {
                continue;
            }
            let clock = &self.clocks[posterior.clock];
            let median = posterior.anchor();
            let horizon = ahead.days(&clock.kind, now - median);
            let rare = f64::from(LEAST) * (horizon / MOST_DAYS).min(1.0);
            for profile in 0..self.profiles.list().len() as ProfileIx {
                let Some(table) = clock.table(profile) else {
                    continue;
                };
                if view.profile(profile).is_ended()
                    || state.owned_durables.binary_search(&profile).is_ok()
                {
                    continue;
                }
                let has = state.kinds.of_profile(self, posterior, profile);
                let exists = posterior.probability * has;
                let (from, until) = (median + table.span.0, median + table.span.1);
                if from > now + horizon || until < now {
                    continue;
                }
                let rate = state.pace * f64::from(self.share[profile as usize]);
                // most needs are ruled out by their peak, before the sum over all anchors
                let most = 1.0 - (-rate * horizon * f64::from(table.peak)).exp();
                let least = rare / exists;
                if most < least {
                    continue;
                }
                let bought = view.ages(ix).hazard(table, horizon, rate, least);
                // Anybody buys one in the days that are its window's.
                let lasts = (until.min(now + horizon) - from.max(now)).max(1.0);
                let anyway = 1.0 - (-rate * lasts).exp();
                let wanted = rare.max((FIT_LEAST - 1.0) * anyway);
                let is_needed = exists * bought >= wanted;
                if !is_needed {
                    continue;
                }
                let probability = (exists * bought) as f32;
                let entry = &self.profiles.list()[profile as usize];
                let begins = from.max(now);
                let need = Need {
                    profile,
                    category: entry.category.clone(),
                    ages: entry.window.map(|(_, f, t)| (f, t)),
                    clock: ix,
                    from: (from * DAY_MS as f64) as i64,
                    until: until.is_finite().then_some((until * DAY_MS as f64) as i64),
                    probability,
                    within_days: horizon as f32,
                    lead_days: (begins - now) as f32,
                    stage: clock
                        .kind
                        .stage_at(begins - median)
                        .map(|s| clock.kind.stages[s].name.clone()),
                };
                match out.iter_mut().find(|n| n.profile == profile) {
                    Some(known) => {
                        let mut other = need;
                        if other.at_pace(1.0) > known.at_pace(1.0) {
                            std::mem::swap(known, &mut other);
                        }
                        let neither = 1.0 - other.at_pace(known.within_days);
                        known.probability = 1.0 - (1.0 - known.probability) * neither;
                    }
                    None => out.push(need),
                }
            }
        }
        out.sort_by(|a, b| {
            b.probability
                .total_cmp(&a.probability)
                .then(a.profile.cmp(&b.profile))
        });
        out
    }

    /// Products for `needs`, best first: the probability of the need, divided among its products by `appeal`.
    ///
    /// `appeal` (≥ 0, popularity or a personal score) orders the products of one need; at most `per_need` of each need
    /// are proposed. The score of the best product of a need is the need's probability.
    pub fn products_for(
        &self,
        products: &ProductProfiles,
        needs: &[Need],
        per_need: usize,
        appeal: &dyn Fn(ProductIx) -> f32,
    ) -> Vec<(ProductIx, f32)> {
        let mut out = Vec::new();
        for need in needs {
            let mut members: Vec<(ProductIx, f32)> = products
                .members(need.profile)
                .iter()
                .map(|&p| (p, appeal(p)))
                .filter(|(_, a)| a.is_finite())
                .collect();
            members.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let best = members.first().map_or(0.0, |m| m.1).max(1e-9);
            for (rank, (product, a)) in members.into_iter().take(per_need).enumerate() {
                let share = (a.max(0.0) / best).min(1.0) / (1.0 + 0.25 * rank as f32);
                out.push((product, need.probability * share));
            }
        }
        out.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        out
    }
}
