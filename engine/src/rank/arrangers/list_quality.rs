//! A list as a whole: what is worth most together, under its caps.
//!
//! Places are filled one after the other. Without diversity and calibration the best open candidate is taken. With
//! calibration λ a candidate is worth (1 − λ)·score + λ·how much nearer it brings the list to the customer's mix
//! (see [`Mix`]); with diversity what is new about it counts beside that worth (see [`Spread`]). A candidate whose turn
//! comes when its cap is full, or when its variant is in the list, is left out by that name. One whose category is crowded
//! waits until the others had their turn.

use std::collections::{HashMap, HashSet};

use crate::rank::arrangers::calibration::{CapCounter, Mix};
use crate::rank::arrangers::diversity::{weight_of_scores, Spread};
use crate::rank::together::Caps;
use crate::rank::{Item, Note, Query, Removed};
use serendib_shop::ProductIx;

/// Best candidates among which diversity and calibration choose, so that a list costs bounded time: five for each place,
/// but at most so many.
const MOST_IN_POOL: usize = 300;
/// Places that diversity and calibration fill; the rest of a longer list goes by score.
const MOST_PLACES: usize = 100;

/// One list in the making.
pub(crate) struct Composer<'a> {
    query: &'a Query<'a>,
    diversity: f32,
    calibration: f32,
    counter: CapCounter<'a>,
    /// What stands for the crowds of categories, where there may be any.
    crowds: Option<CapCounter<'a>>,
    /// Families in the list; `None` = variants may stand beside each other.
    families: Option<HashSet<ProductIx>>,
    pins: &'a [ProductIx],
}

/// What became of candidates, by position.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Composed {
    /// In the list, best first.
    pub(crate) chosen: Vec<usize>,
    /// Left out by a cap or a variant when their turn came.
    pub(crate) refused: HashMap<usize, &'static str>,
}

impl Composed {
    /// Whether a cap left anything out.
    pub(crate) fn capped(&self) -> bool {
        self.refused.values().any(|by| *by != "variant")
    }
}

impl<'a> Composer<'a> {
    /// A list of `query` that already holds `pins`; diversity and calibration are taken `strength` times (0…1), and at 0 no
    /// category is crowded.
    pub(crate) fn new(
        query: &'a Query<'a>,
        pins: &'a [ProductIx],
        one_variant: bool,
        strength: f32,
    ) -> Composer<'a> {
        let asked = &query.list.together;
        let mut composer = Composer {
            query,
            diversity: asked.diversity * strength,
            calibration: asked.calibration * strength,
            counter: CapCounter::new(asked.caps),
            crowds: asked.crowd.filter(|_| strength > 0.0).map(|crowd| {
                CapCounter::new(Caps {
                    category: Some(crowd),
                    brand: None,
                })
            }),
            families: one_variant.then(HashSet::new),
            pins,
        };
        pins.iter().for_each(|pin| composer.take(*pin));
        composer
    }

    fn brand(&self, product: ProductIx) -> Option<&'a str> {
        let catalogue = &self.query.live.catalogue;
        let brand = catalogue.brand(product)?;
        catalogue.brands().get(brand.0 as usize).map(String::as_str)
    }

    /// Why `product` may not come into the list as it is.
    pub(crate) fn refuses(&self, product: ProductIx) -> Option<&'static str> {
        let families = self.families.as_ref();
        if families.is_some_and(|f| f.contains(&self.query.family(product))) {
            return Some("variant");
        }
        self.counter
            .refuses(topic(self.query, product), self.brand(product))
    }

    /// Whether others come before `product`, of whose category there is enough.
    pub(crate) fn is_crowded(&self, product: ProductIx) -> bool {
        let crowds = self.crowds.as_ref();
        crowds.is_some_and(|c| c.refuses(topic(self.query, product), None).is_some())
    }

    /// Counts `product` in.
    pub(crate) fn take(&mut self, product: ProductIx) {
        if let Some(families) = &mut self.families {
            families.insert(self.query.family(product));
        }
        let (topic, brand) = (topic(self.query, product), self.brand(product));
        if let Some(crowds) = &mut self.crowds {
            crowds.take(topic, None);
        }
        self.counter.take(topic, brand);
    }

    /// Fills `slots` places from `ranked` (product and score, best first), of which the first `movable` may be moved and come
    /// before all others.
    pub(crate) fn compose(
        &mut self,
        ranked: &[(ProductIx, f32)],
        movable: usize,
        slots: usize,
    ) -> Composed {
        let mut out = Composed::default();
        let mut open = vec![true; ranked.len()];
        let several = slots + self.pins.len() > 1;
        if several && (self.diversity > 0.0 || self.calibration > 0.0) {
            let finite = ranked.iter().take_while(|(_, score)| score.is_finite());
            let most = slots.saturating_mul(5).clamp(50, MOST_IN_POOL);
            let pool = finite.count().min(movable).min(most);
            self.balance(&ranked[..pool], slots.min(MOST_PLACES), &mut open, &mut out);
        }
        for part in [0..movable, movable..ranked.len()] {
            for may_crowd in [false, true] {
                for ix in part.clone() {
                    if out.chosen.len() >= slots {
                        return out;
                    }
                    let product = ranked[ix].0;
                    if open[ix] && (may_crowd || !self.is_crowded(product)) {
                        open[ix] = false;
                        self.offer(ix, product, &mut out);
                    }
                }
            }
        }
        out
    }

    /// Gives candidate `ix` its turn; whether it came in.
    fn offer(&mut self, ix: usize, product: ProductIx, out: &mut Composed) -> bool {
        match self.refuses(product) {
            Some(by) => {
                out.refused.insert(ix, by);
                false
            }
            None => {
                self.take(product);
                out.chosen.push(ix);
                true
            }
        }
    }

    /// Fills at most `places` from `pool` by worth, newness and mix together.
    fn balance(
        &mut self,
        pool: &[(ProductIx, f32)],
        places: usize,
        open: &mut [bool],
        out: &mut Composed,
    ) {
        let query = self.query;
        let pins = self.pins.len();
        // pins stand first in the spread: what is like them is not new
        let products = self.pins.iter().chain(pool.iter().map(|(p, _)| p));
        let vectors = || products.map(|p| vector(query, *p)).collect();
        let mut spread = (self.diversity > 0.0).then(|| Spread::new(vectors()));
        let mut mix = if self.calibration > 0.0 {
            mix_of(query)
        } else {
            Mix::default()
        };
        for (ix, pin) in self.pins.iter().enumerate() {
            mix.take(topic(query, *pin));
            if let Some(spread) = &mut spread {
                spread.take(ix);
            }
        }
        let worth = shares(pool);
        let topics: Vec<Option<u32>> = pool.iter().map(|(p, _)| topic(query, *p)).collect();
        let omega = 2.0 * weight_of_scores(self.diversity) / spread_of(&worth);
        let lambda = self.calibration.clamp(0.0, 1.0);
        while out.chosen.len() < places {
            let bonuses = spread.as_ref().map(Spread::bonuses);
            let value = |ix: usize| {
                let near = if lambda > 0.0 {
                    mix.gain(topics[ix]) as f32
                } else {
                    0.0
                };
                let value = (1.0 - lambda) * worth[ix] + lambda * near;
                match &bonuses {
                    Some(bonuses) => omega * value + bonuses[pins + ix],
                    None => value,
                }
            };
            let best = (0..pool.len())
                .filter(|ix| open[*ix] && !self.is_crowded(pool[*ix].0))
                .map(|ix| (ix, value(ix)))
                .reduce(|a, b| if b.1 > a.1 { b } else { a });
            let Some((best, _)) = best else { break };
            open[best] = false;
            let taken = self.offer(best, pool[best].0, out);
            if taken {
                mix.take(topics[best]);
            }
            if let Some(spread) = &mut spread {
                if taken {
                    spread.take(pins + best);
                } else {
                    spread.drop(pins + best);
                }
            }
        }
    }
}

/// Everything of `ranked` that is not in the list, by the rule that left it out: a cap or a variant, or `below` where it had
/// no turn; and the note of a list that caps made short.
pub(crate) fn left_out(
    ranked: &[Item],
    composed: &Composed,
    slots: usize,
) -> (Vec<Removed>, Option<Note>) {
    let chosen: HashSet<usize> = composed.chosen.iter().copied().collect();
    let removed = ranked
        .iter()
        .enumerate()
        .filter(|(ix, _)| !chosen.contains(ix))
        .map(|(ix, candidate)| Removed {
            product: candidate.product,
            by: composed.refused.get(&ix).copied().unwrap_or("count"),
        })
        .collect();
    let short = chosen.len() < slots && composed.capped();
    (removed, short.then_some(Note::Capped))
}

/// The product's leaf category; in a shop without categories its kind of thing, as the model found it.
fn topic(query: &Query, product: ProductIx) -> Option<u32> {
    let catalogue = &query.live.catalogue;
    if catalogue.categories().is_empty() {
        let surprises = query.model.surprises.as_ref()?;
        return surprises.topics.of(product);
    }
    catalogue.leaf(product).map(|leaf| leaf.0)
}

/// The customer's own mix of what they bought.
fn mix_of(query: &Query) -> Mix {
    let mut weights: HashMap<u32, f64> = HashMap::new();
    for (product, owned) in query.owned {
        if let Some(topic) = topic(query, *product) {
            *weights.entry(topic).or_default() += f64::from(owned.times);
        }
    }
    Mix::new(weights)
}

/// The product's unit vector, by its content where it came after the model; `None` where nothing is known about it.
pub(crate) fn vector<'a>(query: &Query<'a>, product: ProductIx) -> Option<&'a [f32]> {
    let known = query.live.known;
    if product.index() < known {
        return query.model.representation.vector(product);
    }
    let cold = query.live.cold.get(product.index() - known)?;
    cold.as_ref().map(|cold| cold.vector())
}

/// Scores of `pool` between the worst (0) and the best (1) of it.
fn shares(pool: &[(ProductIx, f32)]) -> Vec<f32> {
    let scores = || pool.iter().map(|(_, score)| *score);
    let (low, high) = (
        scores().fold(f32::INFINITY, f32::min),
        scores().fold(f32::NEG_INFINITY, f32::max),
    );
    let width = (high - low).max(f32::MIN_POSITIVE);
    scores().map(|score| (score - low) / width).collect()
}

/// Standard deviation, but not so small that noise decides.
fn spread_of(values: &[f32]) -> f32 {
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let squares: f32 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (squares / n).sqrt().max(1e-3)
}
