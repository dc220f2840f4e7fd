//! The present stage, the next change, occasions, and the bands that a page can draw.

use super::clock::{title_in, OccasionType};
use super::facts::date_of;
use super::model::LifeModel;
use super::posterior::Posterior;
use super::state::LifeState;
use serendib_shop::DAY_MS;

/// One stage of one clock as a band in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Identifier of the stage in its clock type.
    pub stage: String,
    /// What the stage is called, in the language asked for.
    pub title: String,
    /// Begin, milliseconds: 10th, 50th and 90th percentile.
    pub from: [i64; 3],
    /// End, milliseconds: 10th, 50th and 90th percentile.
    pub until: [i64; 3],
    /// Probability that it is the present stage, given that the clock exists.
    pub now: f32,
}

/// A date that comes round.
#[derive(Debug, Clone, PartialEq)]
pub struct Occasion {
    /// Identifier (`birthday`, `anniversary`, `renewal`).
    pub name: String,
    /// What the stage is called, in the language asked for.
    pub title: String,
    /// Position of the clock in [`LifeState::clocks`].
    pub clock: usize,
    /// The day, milliseconds at 00:00 UTC.
    pub at: i64,
    /// How many times it has come round, this time included (a third birthday: 3).
    pub count: u32,
    /// Days until then, ≥ 0.
    pub days_left: f32,
}

/// What a page shows of one clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Position of the clock in [`LifeState::clocks`].
    pub clock: usize,
    /// Name of the clock type.
    pub kind: String,
    /// What the clock type is called, in the language asked for.
    pub title: String,
    /// Name that it was declared with.
    pub name: Option<String>,
    /// Declared, not inferred.
    pub declared: bool,
    /// Probability that it exists.
    pub probability: f32,
    /// Anchor, milliseconds at 00:00 UTC: 5th, 10th, 50th, 90th and 95th percentile; in the middle the declared date as
    /// it was declared.
    pub anchor: [i64; 5],
    /// Likeliest present stage and its probability, given that the clock exists; `None` before the first or after the
    /// last stage.
    pub stage: Option<(String, f32)>,
    /// Next stage and when it most likely begins, milliseconds.
    pub next: Option<(String, i64)>,
    /// All stages in order.
    pub bands: Vec<Band>,
}

/// Days from one birthday to the next, on average.
const YEAR_DAYS: f64 = 365.2425;
/// Days by which so many years may be longer than so many times 365.
const LEAP_DAYS: f64 = 30.0;

/// The first day from `today` on at which `kind` comes round for `anchor`, and how many times it has then.
///
/// What comes round every year does so on its date; a 29 February on the 28th where there is none.
fn coming(kind: &OccasionType, anchor: f64, today: f64) -> Option<(f64, u32)> {
    let first = anchor + kind.first_days.unwrap_or(0.0);
    // Without a first one of its own, the anchor's own day is not one yet.
    let skipped = u32::from(kind.first_days.is_none());
    let rounds = ((today - first) / kind.every_days).floor().max(0.0);
    let yearly = (kind.every_days - YEAR_DAYS).abs() < 0.5;
    let day = |round: u32| -> Option<f64> {
        if !yearly {
            return Some((first + f64::from(round) * kind.every_days).floor());
        }
        let years = chrono::Months::new(round.checked_mul(12)?);
        let date = date_of(first)?.checked_add_months(years)?;
        Some((date - chrono::NaiveDate::default()).num_days() as f64)
    };
    // Years are not all of one length: the round before may be yet to come, and the next one over.
    let guess = (rounds as u32).saturating_sub(1).max(skipped);
    (guess..guess.saturating_add(4))
        .filter_map(|round| Some((day(round)?, round + 1 - skipped)))
        .find(|(day, _)| *day >= today)
}

fn ms(day: f64) -> i64 {
    (day * DAY_MS as f64).round() as i64
}

impl LifeModel {
    /// Probability of each stage of `posterior`'s clock at `day`, given that it exists; sums to at most one.
    pub fn stages_at(&self, posterior: &Posterior, day: f64) -> Vec<f64> {
        let kind = &self.clocks[posterior.clock].kind;
        let mut out = vec![0.0; kind.stages.len()];
        for (anchor, weight) in posterior.days.iter().zip(&posterior.weights) {
            if let Some(stage) = kind.stage_at(day - anchor) {
                out[stage] += f64::from(*weight);
            }
        }
        out
    }

    /// The likeliest stage at `day` with its probability, if any has one.
    pub fn stage_at(&self, posterior: &Posterior, day: f64) -> Option<(usize, f64)> {
        self.stages_at(posterior, day)
            .into_iter()
            .enumerate()
            .filter(|(_, p)| *p > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
            // Weights are rounded: their sum may be a hair above one.
            .map(|(stage, p)| (stage, p.min(1.0)))
    }

    /// Every clock of `state` as bands, in the order of [`LifeState::clocks`].
    ///
    /// For the customer's own eyes or for staff; which of it may be shown to whom is for [`Discretion`](crate::explain::Discretion) to say.
    pub fn timeline(&self, state: &LifeState, locale: &str) -> Vec<Timeline> {
        let now = state.now_day();
        state
            .clocks
            .iter()
            .enumerate()
            .map(|(ix, posterior)| {
                let kind = &self.clocks[posterior.clock].kind;
                let here = self.stages_at(posterior, now);
                let dates = posterior.dates();
                let q = [dates[1], dates[2], dates[3]];
                let bands: Vec<Band> = kind
                    .stages
                    .iter()
                    .zip(&here)
                    .map(|(stage, p)| Band {
                        stage: stage.name.clone(),
                        title: title_in(&stage.title, locale, &stage.name).to_owned(),
                        from: q.map(|day| ms(day + stage.from_days)),
                        until: q.map(|day| ms(day + stage.to_days)),
                        now: p.min(1.0) as f32,
                    })
                    .collect();
                let next = kind
                    .stages
                    .iter()
                    .find(|s| q[1] + s.from_days > now)
                    .map(|s| (s.name.clone(), ms(q[1] + s.from_days)));
                Timeline {
                    clock: ix,
                    kind: kind.name.clone(),
                    title: title_in(&kind.title, locale, &kind.name).to_owned(),
                    name: posterior.name.clone(),
                    declared: posterior.declared,
                    probability: posterior.probability as f32,
                    anchor: dates.map(ms),
                    stage: self
                        .stage_at(posterior, now)
                        .map(|(s, p)| (kind.stages[s].name.clone(), p as f32)),
                    next,
                    bands,
                }
            })
            .collect()
    }

    /// Birthdays, anniversaries and ends of terms that are due to be announced, soonest first.
    ///
    /// Only of declared clocks: an inferred date is too vague to congratulate on. A clock for life has none once it has
    /// run down. `lead_days` overrides the configured lead.
    pub fn occasions(
        &self,
        state: &LifeState,
        lead_days: Option<f64>,
        locale: &str,
    ) -> Vec<Occasion> {
        let today = state.now_day().floor();
        let mut out = Vec::new();
        for (ix, posterior) in state.clocks.iter().enumerate().filter(|(_, p)| p.declared) {
            let Some(kind) = &self.clocks[posterior.clock].kind.occasion else {
                continue;
            };
            // Facts that contradict each other leave no single day.
            if posterior.quantile(0.95) - posterior.quantile(0.05) > 30.0 {
                continue;
            }
            let anchor = posterior.anchor().floor();
            let Some((next, count)) = coming(kind, anchor, today) else {
                continue;
            };
            let clock = &self.clocks[posterior.clock].kind;
            if clock.lifelong && next - anchor > clock.max_age_days + LEAP_DAYS {
                continue;
            }
            let left = next - today;
            if left <= lead_days.unwrap_or(kind.lead_days) {
                out.push(Occasion {
                    name: kind.name.clone(),
                    title: title_in(&kind.title, locale, &kind.name).to_owned(),
                    clock: ix,
                    at: ms(next),
                    count,
                    days_left: left as f32,
                });
            }
        }
        out.sort_by(|a, b| a.at.cmp(&b.at).then(a.clock.cmp(&b.clock)));
        out
    }
}
