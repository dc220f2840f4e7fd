//! What is believed of one customer's life at one moment, and what follows for ranking.

use super::age_table::AgeTable;
use super::ages::Ages;
use super::evidence::EvidenceSet;
use super::facts;
use super::kinds::Kinds;
use super::model::LifeModel;
use super::posterior::{infer, Posterior};
use super::profiles::{ProductProfiles, ProfileIx, NO_PROFILE};
use serendib_shop::{Fact, ProductIx, Touch, DAY_MS};

/// How a state is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateOptions {
    /// Whether the customer's touchpoints may be read for life situations; without, only declared facts count.
    pub infer: bool,
    /// Whether clocks that nothing speaks of are worked out too (for tables and evaluation).
    pub thorough: bool,
}

impl StateOptions {
    /// With or without inference, for ranking.
    pub fn serving(infer: bool) -> StateOptions {
        StateOptions {
            infer,
            thorough: false,
        }
    }
}

/// The posterior of every clock of one customer at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LifeState {
    /// The moment, in milliseconds since 1970-01-01 UTC.
    pub now: i64,
    /// Declared clocks, then inferred ones.
    pub clocks: Vec<Posterior>,
    /// Facts that could not be used, and why.
    pub unusable_facts: Vec<String>,
    /// Purchase evidence per day that is expected of this customer.
    pub pace: f64,
    /// Profiles of which the customer owns something durable.
    pub owned_durables: Vec<ProfileIx>,
    /// Profiles of which the customer has bought, in order of number.
    pub bought: Vec<ProfileIx>,
    /// Which kinds of a clock the household has.
    pub kinds: Kinds,
}

impl LifeState {
    /// A state that knows nothing.
    pub fn unknown(now: i64) -> LifeState {
        LifeState {
            now,
            clocks: Vec::new(),
            unusable_facts: Vec::new(),
            pace: 0.0,
            owned_durables: Vec::new(),
            bought: Vec::new(),
            kinds: Kinds::default(),
        }
    }

    /// The moment in days since 1970-01-01 UTC.
    pub fn now_day(&self) -> f64 {
        self.now as f64 / DAY_MS as f64
    }

    /// Bytes that this state takes, all posteriors included.
    pub fn bytes(&self) -> usize {
        std::mem::size_of::<LifeState>()
            + self
                .clocks
                .iter()
                .map(|c| std::mem::size_of::<Posterior>() + c.days.len() * 12 + c.said.len() * 8)
                .sum::<usize>()
    }
}

impl LifeModel {
    /// What is believed of a customer at `now` (milliseconds): touches at or after it are not looked at, their order
    /// does not matter.
    ///
    /// Without `options.infer` nothing is read from `history` but owned durables; declared `facts` always count.
    pub fn state(
        &self,
        products: &ProductProfiles,
        history: &[Touch],
        declared_facts: &[Fact],
        now: i64,
        options: StateOptions,
    ) -> LifeState {
        let set = EvidenceSet::new(history, products, now);
        let (mut declared, unusable_facts) = facts::declared(self, declared_facts);
        let now_day = now as f64 / DAY_MS as f64;
        let evidence: &[_] = if options.infer { &set.items } else { &[] };
        let clocks = self
            .clocks
            .iter()
            .enumerate()
            .flat_map(|(number, clock)| {
                infer(
                    number,
                    clock,
                    evidence,
                    set.span.map(|s| s.0),
                    facts::running(&clock.kind, &mut declared[number], now_day),
                    now_day,
                    options.thorough,
                )
            })
            .collect();
        LifeState {
            now,
            clocks,
            unusable_facts,
            pace: self.pace(&set),
            kinds: Kinds::of(self, evidence),
            owned_durables: set.owned_durables,
            bought: set.bought_of,
        }
    }

    /// Purchase evidence per day of one customer, shrunk to the shop's: (n + κ) / (T + κ / rate), κ = 3.
    fn pace(&self, set: &EvidenceSet) -> f64 {
        let total = set.bought;
        let days = set.span.map_or(0.0, |(first, last)| last - first);
        (total + 3.0) / (days + 3.0 / self.purchases_per_day)
    }
}

/// What the clocks say of one profile now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// How many times likelier a purchase is than for a customer of whom nothing is known; > 0, 1 = no difference.
    pub fit: f32,
    /// Probability that the need was there and is over, for every clock that has it.
    pub ended: f32,
    /// Probability that some clock needs it now or within its lead time.
    pub current: f32,
    /// Position in [`LifeState::clocks`] of the clock that speaks for it most.
    pub clock: Option<usize>,
}

impl Standing {
    /// Of a profile that no clock speaks of.
    pub const NEUTRAL: Standing = Standing {
        fit: 1.0,
        ended: 0.0,
        current: 0.0,
        clock: None,
    };

    /// Whether the need is over: the product should not be offered.
    ///
    /// More likely over than not, or, where the clock itself is in doubt, surely over if it runs: there is always
    /// something better to offer to somebody who may have outgrown it.
    pub fn is_ended(&self) -> bool {
        self.ended >= 0.5 || (self.ended >= 0.1 && self.current < 0.1 * self.ended)
    }

    /// How timely it is, 0 to 1: .5 where no clock speaks, towards 1 the more surely it is needed about now, towards 0
    /// the more surely its time has passed.
    pub fn timeliness(&self) -> f32 {
        (0.5 + 0.5 * self.current - 0.5 * self.ended).clamp(0.0, 1.0)
    }
}

/// [`Standing`] of every profile for one state: make it once per request, then look products up.
#[derive(Debug, Clone)]
pub struct LifeView<'a> {
    /// The state it was made from.
    pub state: &'a LifeState,
    products: &'a ProductProfiles,
    /// Of each clock of the state.
    ages: Vec<Ages>,
    standings: Vec<Standing>,
    silent: bool,
}

/// What one clock says of one age table now, given that it runs.
struct Spoken {
    /// Mean excess over the ages that the posterior means.
    excess: f64,
    /// Largest excess at any age.
    peak: f64,
    /// Probability that the ages of the need are past.
    over: f64,
    /// Probability that they are now, or within their lead time.
    on: f64,
}

impl Spoken {
    fn of(ages: &Ages, table: &AgeTable) -> Spoken {
        let reached = ages.up_to(table.span.1);
        Spoken {
            excess: ages.mean(&table.excess),
            peak: f64::from(table.peak),
            over: 1.0 - reached,
            on: reached - ages.below(table.span.0 - LEAD_DAYS),
        }
    }
}

/// Days ahead of its time at which a need counts as current already.
const LEAD_DAYS: f64 = 21.0;

impl<'a> LifeView<'a> {
    /// Works out every profile that a clock of `state` speaks of.
    pub fn new(
        model: &LifeModel,
        products: &'a ProductProfiles,
        state: &'a LifeState,
    ) -> LifeView<'a> {
        let silent = state.clocks.is_empty();
        let count = if silent {
            0
        } else {
            model.profiles.list().len()
        };
        let now = state.now_day();
        let clock_of = |p: &Posterior| &model.clocks[p.clock];
        let ages: Vec<Ages> = state
            .clocks
            .iter()
            .map(|p| Ages::new(&clock_of(p).kind, p, now))
            .collect();
        let spoken: Vec<Vec<Spoken>> = state
            .clocks
            .iter()
            .zip(&ages)
            .map(|(p, ages)| {
                let tables = clock_of(p).tables().iter();
                tables.map(|table| Spoken::of(ages, table)).collect()
            })
            .collect();
        let dilution = |p: &Posterior| p.mean(now, |age| clock_of(p).dilution(age));
        let diluted = 1.0
            + state
                .clocks
                .iter()
                .map(|p| p.probability * dilution(p))
                .sum::<f64>();
        let background = Standing {
            fit: (1.0 / diluted) as f32,
            ..Standing::NEUTRAL
        };
        let standings = (0..count as ProfileIx)
            .map(|profile| {
                let mut excess = 0.0;
                let mut none_ended = 1.0;
                let mut none_current = 1.0;
                let mut best: Option<(f64, usize)> = None;
                for (ix, posterior) in state.clocks.iter().enumerate() {
                    let Some(number) = clock_of(posterior).table_number(profile) else {
                        continue;
                    };
                    let said = &spoken[ix][number];
                    let has = state.kinds.of_profile(model, posterior, profile);
                    let p = posterior.probability * has;
                    excess += p * said.excess;
                    // Only what the clock is the main reason to buy can end with it.
                    let bound = said.peak / (1.0 + said.peak);
                    if said.peak >= 1.0 {
                        none_ended *= 1.0 - p * said.over;
                        none_current *= 1.0 - p * said.on * bound;
                    }
                    if best.is_none_or(|(most, _)| p * said.excess > most) {
                        best = Some((p * said.excess, ix));
                    }
                }
                match best {
                    None => background,
                    Some((_, ix)) => Standing {
                        fit: ((1.0 + excess).max(0.05) / diluted) as f32,
                        ended: ((1.0 - none_ended) * none_current) as f32,
                        current: (1.0 - none_current) as f32,
                        clock: Some(ix),
                    },
                }
            })
            .collect();
        LifeView {
            state,
            products,
            ages,
            standings,
            silent,
        }
    }

    /// The ages that the clock at position `clock` of the state means.
    pub(super) fn ages(&self, clock: usize) -> &Ages {
        &self.ages[clock]
    }

    /// What the clocks say of `profile`.
    pub fn profile(&self, profile: ProfileIx) -> Standing {
        self.standings
            .get(profile as usize)
            .copied()
            .unwrap_or(Standing::NEUTRAL)
    }

    /// The profile of `product`.
    pub fn profile_of(&self, product: ProductIx) -> ProfileIx {
        self.products.of(product)
    }

    /// What the clocks say of `product`.
    pub fn product(&self, product: ProductIx) -> Standing {
        match self.products.of(product) {
            NO_PROFILE => Standing::NEUTRAL,
            profile => self.profile(profile),
        }
    }

    /// Whether no clock is known: every product is neutral.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// How many times likelier a purchase of `product` is for this customer's life; multiply a score by it.
    pub fn stage_fit(&self, product: ProductIx) -> f32 {
        self.product(product).fit
    }

    /// Probability that the need for `product` is over.
    pub fn ended(&self, product: ProductIx) -> f32 {
        self.product(product).ended
    }

    /// How timely `product` is, 0 to 1; .5 where no clock speaks.
    pub fn timeliness(&self, product: ProductIx) -> f32 {
        self.product(product).timeliness()
    }
}
