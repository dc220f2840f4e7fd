//! Which kinds of a clock a household has: somebody who only ever buys for a dog needs no cat litter.

use super::evidence::Evidence;
use super::model::LifeModel;
use super::posterior::Posterior;
use super::profiles::ProfileIx;

/// Probability that a household with the clock has a given kind, before anything was bought.
const BEFORE: f64 = 0.5;
/// Probability that a household that has one kind has a given other one beside it.
const BOTH: f64 = 0.2;
/// Share of purchases for the clock's kinds that would be for one of them, if there is one beside another.
const SHARE: f64 = 0.5;
/// Weight of evidence for a kind that is as likely a present for somebody else's.
const PRESENT: f64 = 0.3;
/// A household has a kind surely enough from this probability on that its clock may be named for it ...
const SURE: f64 = 0.7;
/// ... and where every other kind is less likely than this.
const DOUBTFUL: f64 = 0.5;

/// Which kinds a household has, by clock type and kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kinds {
    by_clock: Vec<Vec<Known>>,
}

/// What is known of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    /// Probability that the household has it.
    has: f64,
    /// How far purchases of its own alone say so.
    bought: f64,
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
            let stated = model.profiles.list()[piece.profile as usize].kind;
            let slot = stated.and_then(|(clock, kind)| {
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
                row.iter().map(|own| Known::of(*own, all)).collect()
            })
            .collect();
        Kinds { by_clock }
    }

    /// How much of what `profile` is needed for goes with the clock of `posterior`, 0 to 1; 1 where nothing tells.
    ///
    /// A clock that was declared of one kind goes with another only as far as purchases say that there is one.
    pub fn of_profile(&self, model: &LifeModel, posterior: &Posterior, profile: ProfileIx) -> f64 {
        let Some(kind) = kind_of(model, posterior, profile) else {
            return 1.0;
        };
        let known = self.known(posterior.clock, kind);
        match posterior.kind {
            Some(own) if own == kind => 1.0,
            Some(_) => known.map_or(0.0, |known| known.bought),
            None => known.map_or(1.0, |known| (known.has / BEFORE).min(1.0)),
        }
    }

    /// Whether `profile` is surely for what the clock of `posterior` runs for: the clock may be named with it.
    pub fn suits(&self, model: &LifeModel, posterior: &Posterior, profile: ProfileIx) -> bool {
        let Some(kind) = kind_of(model, posterior, profile) else {
            return true;
        };
        if let Some(own) = posterior.kind {
            return own == kind;
        }
        let row = self.by_clock.get(posterior.clock);
        row.is_some_and(|row| {
            let fits = |(ix, known): (usize, &Known)| {
                if ix == kind {
                    known.has >= SURE
                } else {
                    known.has < DOUBTFUL
                }
            };
            row.iter().enumerate().all(fits)
        })
    }

    fn known(&self, clock: usize, kind: usize) -> Option<Known> {
        self.by_clock.get(clock)?.get(kind).copied()
    }
}

/// The kind that the text of `profile` tells, where it is one of the clock of `posterior`.
fn kind_of(model: &LifeModel, posterior: &Posterior, profile: ProfileIx) -> Option<usize> {
    let (clock, kind) = model.profiles.list().get(profile as usize)?.kind?;
    (clock as usize == posterior.clock).then_some(kind as usize)
}

impl Known {
    /// Of a kind for which `own` of `all` evidence speaks.
    fn of(own: f64, all: f64) -> Known {
        let others = all - own;
        let other = bought(others);
        let before = BEFORE + (BOTH - BEFORE) * other;
        let silent = before * (1.0 - SHARE).powf(others);
        let unseen = silent / (silent + 1.0 - before);
        let bought = bought(own);
        Known {
            has: bought + (1.0 - bought) * unseen,
            bought,
        }
    }
}

/// How far `evidence` for a kind says that the household has it, rather than that something was a present.
fn bought(evidence: f64) -> f64 {
    evidence / (evidence + PRESENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_makes_others_as_rare_as_households_with_both() {
        let none = Known::of(0.0, 0.0);
        assert_eq!((none.has, none.bought), (BEFORE, 0.0));
        let (cat, dog) = (Known::of(1.0, 1.0), Known::of(0.0, 1.0));
        assert!(cat.has > SURE, "{cat:?}");
        assert!(dog.has < 1.2 * BOTH && dog.bought == 0.0, "{dog:?}");
        assert!(Known::of(0.0, 5.0).has < 0.02);
        assert!(Known::of(2.0, 7.0).has > SURE);
    }
}
