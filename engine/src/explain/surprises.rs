//! What a surprise is for: the life situation, the season or the purchase behind its delight.

use std::collections::BTreeMap;

use crate::explain::life::{self, needs};
use crate::explain::Sensitivity;
use crate::rank::{Query, Reason, ReasonCode};
use crate::surprise::{Drivers, Surprises};
use serendib_shop::ProductIx;

/// A share of delight below it is not worth words.
const LEAST_SHARE: f32 = 0.1;
/// In season is what is bought about one and a half times as much as usual.
const LEAST_SEASON: f32 = 0.3;
/// How much having one kind must add to the chance of buying another before the two are called kin.
const LEAST_KINSHIP: f32 = 0.05;

/// One customer's surprises, prepared to be explained.
pub(crate) struct Explained<'a> {
    query: &'a Query<'a>,
    surprises: &'a Surprises,
    /// What the customer has of each kind, the one bought last, where it may be named.
    latest: BTreeMap<u32, (i64, ProductIx)>,
}

impl<'a> Explained<'a> {
    pub(crate) fn new(query: &'a Query<'a>, surprises: &'a Surprises) -> Explained<'a> {
        let mut latest: BTreeMap<u32, (i64, ProductIx)> = BTreeMap::new();
        if query.request.max_reasons > 0 {
            let sensitivity = Sensitivity::default();
            for (&product, owned) in query.owned {
                let Some(kind) = surprises.topics.of(product) else {
                    continue;
                };
                let had = (owned.last_at, product);
                let newer = latest.get(&kind).is_none_or(|other| had > *other);
                if newer && !sensitivity.hides(&query.live.catalogue, product) {
                    latest.insert(kind, had);
                }
            }
        }
        Explained {
            query,
            surprises,
            latest,
        }
    }

    /// The reasons behind `part`, what delight adds to the score of `product`, by what drives it; they add up to `part`.
    pub(crate) fn reasons(&self, product: ProductIx, drivers: Drivers, part: f32) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut left = part;
        if drivers.life >= LEAST_SHARE && needs(self.query, product) {
            let share = part * drivers.life;
            reasons.push(life::reason(self.query, product, share));
            left -= share;
        }
        if drivers.moment >= LEAST_SHARE && self.in_season(product) {
            let share = part * drivers.moment;
            reasons.push(Reason::plain(ReasonCode::Season, share));
            left -= share;
        }
        // Something different, and for whom it is nevertheless
        let kin = Some(product).filter(|_| drivers.kin >= LEAST_SHARE);
        reasons.push(Reason {
            product: kin.and_then(|product| self.kin(product)),
            ..Reason::plain(ReasonCode::Surprise, left)
        });
        reasons
    }

    fn in_season(&self, product: ProductIx) -> bool {
        let Surprises { moment, topics, .. } = self.surprises;
        moment.season_of(topics, product, self.query.request.now) >= LEAST_SEASON
    }

    /// What the customer has of the kind that speaks most for the kind of `product`.
    fn kin(&self, product: ProductIx) -> Option<ProductIx> {
        let kind = self.surprises.topics.of(product)?;
        let kinship = |had: u32| self.surprises.kinds.kinship([had].into_iter(), kind);
        self.latest
            .iter()
            .map(|(had, (_, owned))| (kinship(*had), *owned))
            .filter(|(kinship, owned)| {
                *kinship >= LEAST_KINSHIP && self.query.model.may_cause(*owned, product)
            })
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, owned)| owned)
    }
}
