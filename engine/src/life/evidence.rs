//! What a history says of life situations: purchases that were kept, and lighter touches, per day and profile.

use std::collections::{BTreeMap, HashMap};

use super::profiles::{ProductProfiles, ProfileIx, NO_PROFILE};
use serendib_shop::{in_order, kept, Kind, Touch, DAY_MS, NO_PRODUCT};

/// Evidence of one day beyond which more of it counts ever less: lines of one trip to the shop depend on each other.
const FULL_WEIGHT_PER_DAY: f64 = 4.0;
/// Evidence of one profile beyond which more of it counts ever less: a habit is not so many witnesses.
const FULL_WEIGHT_PER_PROFILE: f64 = 1.0;
/// What all evidence of one profile comes to at most where it is asked whether a clock exists: a single purchase, which may
/// be a present, is less than one voice, three are one and a half, and a hundred of a habit not three.
const MOST_VOICES: f64 = 6.0;

/// One piece of evidence: something of `profile` was wanted on `day`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Profile of the product that was bought.
    pub profile: ProfileIx,
    /// When, in days since 1970-01-01 UTC.
    pub day: f64,
    /// Power to which its likelihood is raised, in (0, 1].
    pub weight: f32,
    /// Whether it was bought, or nearly so, rather than looked at.
    pub wanted: bool,
}

/// Least weight of a kind of touch by which something is wanted: who looks at a pram need not have a child.
const WANTED: f32 = 0.4;

/// How much a touch of `kind` says, against a purchase.
pub fn kind_weight(kind: Kind) -> f32 {
    match kind {
        Kind::PURCHASE | Kind::BOX_KEPT | Kind::RATING => 1.0,
        Kind::WISHLIST | Kind::ADD_TO_CART | Kind::STOCK_ENQUIRY => 0.4,
        Kind::REVIEW | Kind::ADVICE | Kind::PRODUCT_SCAN => 0.3,
        Kind::VIEW | Kind::SHARE | Kind::CONTENT_READ | Kind::EMAIL_CLICK => 0.15,
        _ => 0.0,
    }
}

/// A history reduced to what says something, in order of day and profile whatever the order of the touches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EvidenceSet {
    /// Pieces, by day, then profile.
    pub items: Vec<Evidence>,
    /// Total weight before that of a profile is damped: purchases, as far as they are kept apart by days.
    pub bought: f64,
    /// Day of the first and last touch of any kind.
    pub span: Option<(f64, f64)>,
    /// Profiles of owned durables.
    pub owned_durables: Vec<ProfileIx>,
    /// Profiles of all that was acquired, in order of number.
    pub bought_of: Vec<ProfileIx>,
}

impl EvidenceSet {
    /// Evidence of the touches before `now` (milliseconds).
    ///
    /// What was given back, by [`kept`], says nothing. One profile counts once a day, with its strongest touch; a day's total weight grows only
    /// logarithmically beyond a few pieces, that of a profile beyond one. Touches without a time (0) are left out.
    pub fn new(history: &[Touch], products: &ProductProfiles, now: i64) -> EvidenceSet {
        let history = in_order(history, now.saturating_sub(1));
        let says = |touch: &Touch, packs: f32| {
            // a present says nothing of the life of who gives it
            let about = touch.product != NO_PRODUCT && !touch.gift && touch.at != 0;
            about && kind_weight(touch.kind) > 0.0 && (packs > 0.0 || !touch.kind.acquires())
        };
        let mut days: BTreeMap<i64, BTreeMap<ProfileIx, f32>> = BTreeMap::new();
        let mut owned_durables = Vec::new();
        let mut bought_of = Vec::new();
        for (touch, kept) in history.iter().zip(kept(&history)) {
            if !says(touch, kept.packs) {
                continue;
            }
            let profile = products.of(touch.product);
            if profile == NO_PROFILE {
                continue;
            }
            if touch.kind.acquires() {
                bought_of.push(profile);
                if products.durable(touch.product) {
                    owned_durables.push(profile);
                }
            }
            let slot = days
                .entry(touch.at.div_euclid(DAY_MS))
                .or_default()
                .entry(profile)
                .or_insert(0.0);
            *slot = slot.max(kind_weight(touch.kind));
        }
        owned_durables.sort_unstable();
        owned_durables.dedup();
        bought_of.sort_unstable();
        bought_of.dedup();
        let mut items = Vec::new();
        for (day, profiles) in days {
            let total: f64 = profiles.values().map(|w| f64::from(*w)).sum();
            let factor = if total > FULL_WEIGHT_PER_DAY {
                FULL_WEIGHT_PER_DAY * (1.0 + (total / FULL_WEIGHT_PER_DAY).ln()) / total
            } else {
                1.0
            };
            items.extend(profiles.into_iter().map(|(profile, weight)| Evidence {
                profile,
                day: day as f64 + 0.5,
                weight: weight * factor as f32,
                wanted: weight >= WANTED,
            }));
        }
        let bought = items.iter().map(|e: &Evidence| f64::from(e.weight)).sum();
        let items = damped(&items, |total| {
            if total > FULL_WEIGHT_PER_PROFILE {
                FULL_WEIGHT_PER_PROFILE * (1.0 + (total / FULL_WEIGHT_PER_PROFILE).ln())
            } else {
                total
            }
        });
        let mut timed = history.iter().filter(|touch| touch.at != 0);
        let span = match (timed.next(), timed.next_back().or(history.last())) {
            (Some(first), Some(last)) => Some((
                first.at as f64 / DAY_MS as f64,
                last.at as f64 / DAY_MS as f64,
            )),
            _ => None,
        };
        EvidenceSet {
            items,
            bought,
            span,
            owned_durables,
            bought_of,
        }
    }

    /// The pieces as a customer's voices: a habit is one, however often it was followed.
    pub fn voices(&self) -> Vec<Evidence> {
        voices(&self.items)
    }
}

/// What of `evidence` was wanted, with what is of one profile coming to [`MOST_VOICES`] at most.
pub(super) fn voices(evidence: &[Evidence]) -> Vec<Evidence> {
    let wanted: Vec<Evidence> = evidence.iter().copied().filter(|e| e.wanted).collect();
    damped(&wanted, |total| MOST_VOICES * total / (total + MOST_VOICES))
}

/// `evidence` whose total weight of each profile is what `to` makes of it.
fn damped(evidence: &[Evidence], to: impl Fn(f64) -> f64) -> Vec<Evidence> {
    let mut totals: HashMap<ProfileIx, f64> = HashMap::new();
    for piece in evidence {
        *totals.entry(piece.profile).or_default() += f64::from(piece.weight);
    }
    evidence
        .iter()
        .map(|piece| {
            let total = totals.get(&piece.profile).copied().unwrap_or(0.0);
            let factor = if total > 0.0 { to(total) / total } else { 0.0 };
            Evidence {
                weight: piece.weight * factor as f32,
                ..*piece
            }
        })
        .collect()
}
