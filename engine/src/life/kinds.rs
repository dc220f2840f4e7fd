//! Which kinds of a clock a household has: somebody who only ever buys for a dog needs no cat litter.

use super::evidence::Evidence;
use super::model::LifeModel;
use super::profiles::ProfileIx;

/// Probability that a household with the clock has a given kind, before anything was bought.
const BEFORE: f64 = 0.5;
/// Share of purchases for the clock's kinds that would be for one of them, if there is one beside another.
const SHARE: f64 = 0.5;
/// Weight of evidence for a kind that is as likely a present for somebody else's.
const PRESENT: f64 = 0.3;

/// How much of each kind's needs a household has, by clock type and kind, 0 to 1; 1 where nothing tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kinds {
    by_clock: Vec<Vec<f32>>,
}

impl Kinds {
    /// What `evidence` tells.
    pub fn of(model: &LifeModel, evidence: &[Evidence]) -> Kinds {
        if model.clocks.iter().all(|clock| clock.kind.kinds.is_empty()) {
            return Kinds::default();
        }
        let mut seen: Vec<Vec<f64>> = model
            .clocks
            .iter()
            .map(|clock| vec![0.0; clock.kind.kinds.len()])
            .collect();
        for piece in evidence {
            let told = model.profiles.list()[piece.profile as usize].kind;
            let slot = told.and_then(|(clock, kind)| {
                let row = seen.get_mut(clock as usize)?;
                row.get_mut(kind as usize)
            });
            if let Some(slot) = slot {
                *slot += f64::from(piece.weight);
            }
        }
        let by_clock = seen
            .into_iter()
            .map(|row| {
                let all: f64 = row.iter().sum();
                row.iter()
                    .map(|own| (has(*own, all) / BEFORE).min(1.0) as f32)
                    .collect()
            })
            .collect();
        Kinds { by_clock }
    }

    /// How much of what `profile` is needed for the household has, as far as clock type `clock` is concerned.
    pub fn of_profile(&self, model: &LifeModel, clock: usize, profile: ProfileIx) -> f64 {
        let told = model.profiles.list()[profile as usize].kind;
        told.filter(|(owner, _)| *owner as usize == clock)
            .and_then(|(_, kind)| self.by_clock.get(clock)?.get(kind as usize))
            .map_or(1.0, |share| f64::from(*share))
    }
}

/// Probability that there is a kind for which `own` of `all` evidence speaks.
fn has(own: f64, all: f64) -> f64 {
    let silent = BEFORE * (1.0 - SHARE).powf(all - own);
    let unseen = silent / (silent + 1.0 - BEFORE);
    let known = own / (own + PRESENT);
    known + (1.0 - known) * unseen
}
