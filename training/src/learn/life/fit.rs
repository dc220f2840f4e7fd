//! Fitting the life model: age densities from customers with known anchors, refined with the others by EM.

use rayon::prelude::*;
use serendib_engine::life::{
    declared, infer, Clock, ClockType, Evidence, EvidenceSet, Existence, LifeModel, Posterior,
    ProductProfiles, Profiles, Trust,
};
use serendib_shop::{Catalogue, Fact, Touch, DAY_MS};

use crate::learn::life::calibrate::{self, Choice, Known};
use crate::learn::life::density::{self, AgeCounts, Smoothing};
use crate::learn::life::existence::{self, Asked};
use crate::learn::life::gate;
use crate::learn::life::ties::{self, Ties, Witness};

/// One customer, as far as fitting looks.
#[derive(Debug, Clone, Copy)]
pub struct LifeRow<'a> {
    /// Touches in order of time.
    pub history: &'a [Touch],
    pub facts: &'a [Fact],
    /// Whether life situations may be inferred from the history; without, only declared anchors are used.
    pub infer: bool,
}

/// Customers without a known anchor that one round of EM looks at, at most.
const EM_CUSTOMERS: usize = 2_000;

/// Folds of customers whose existence is asked of the others.
const FOLDS: usize = 4;

/// Share of declared dates that are slips of the pen and say nothing of when anchors come.
const SLIPS: f64 = 0.03;

/// Known anchors of which much can be learned.
const ENOUGH: f64 = 50.0;

/// How a life model is fitted; the defaults are chosen by measurement and recorded with the model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LifeSettings {
    /// Rounds of expectation and maximisation over customers without known anchors.
    pub em_rounds: usize,
    /// Weight of an inferred anchor, at full certainty, against a known one where few are known.
    pub inferred_weight: f64,
    /// Shrinkage and bandwidths; where enough anchors are known, where the choice begins.
    pub smoothing: Smoothing,
    /// Whether smoothing, and how far evidence is believed, is chosen for each clock on its known anchors.
    #[serde(default)]
    pub calibrate: bool,
}

impl Default for LifeSettings {
    fn default() -> LifeSettings {
        LifeSettings {
            em_rounds: 2,
            inferred_weight: 0.3,
            smoothing: Smoothing::default(),
            calibrate: true,
        }
    }
}

/// Fits a model on what happened before `until` (milliseconds); `None` for a shop without times or customers.
///
/// Customers who did not allow training are to be left out of `rows`; no row goes into the model.
pub fn fit(
    rows: &[LifeRow],
    catalogue: &Catalogue,
    clocks: Vec<ClockType>,
    until: i64,
    settings: &LifeSettings,
) -> Option<LifeModel> {
    let profiles = Profiles::of(catalogue, &clocks);
    let products = ProductProfiles::new(&profiles, catalogue);
    let sets: Vec<EvidenceSet> = rows
        .par_iter()
        .map(|row| EvidenceSet::new(row.history, &products, until))
        .collect();
    if sets.iter().all(|set| set.span.is_none()) {
        return None;
    }
    let voices: Vec<Vec<Evidence>> = sets.par_iter().map(EvidenceSet::voices).collect();
    let count = profiles.list().len();
    let mut share = vec![0.0; count];
    for piece in voices.iter().flatten() {
        share[piece.profile as usize] += f64::from(piece.weight);
    }
    let total: f64 = share.iter().sum();
    let purchases_per_day = pace(&sets);
    let mut model = LifeModel {
        clocks: Vec::new(),
        profiles,
        share: share.iter().map(|s| (s / total.max(1e-9)) as f32).collect(),
        purchases_per_day,
        in_lists: gate::BEFORE,
    };
    // Names of all clocks must be known before facts can be read.
    let blank = |kind: &ClockType| {
        let fitted = density::fit(
            usize::MAX,
            kind,
            &[],
            &ties::of_words(usize::MAX, kind, &[]),
            &[],
            &AgeCounts::new(0, kind),
            &settings.smoothing,
        );
        Clock::new(kind.clone(), fitted, kind.exists)
    };
    model.clocks = clocks.iter().map(blank).collect();
    let anchors: Vec<Vec<Vec<f64>>> = rows
        .par_iter()
        .map(|row| {
            declared(&model, row.facts)
                .0
                .into_iter()
                .map(|list| {
                    list.iter()
                        // Dates that contradict each other teach nothing.
                        .filter(|d| d.days.len() == 1)
                        .map(|d| d.days[0])
                        .collect()
                })
                .collect()
        })
        .collect();
    for (number, kind) in clocks.iter().enumerate() {
        let known: Vec<&[f64]> = anchors.iter().map(|a| a[number].as_slice()).collect();
        model.clocks[number] = fit_clock(&ClockInputs {
            number,
            kind,
            model: &model,
            rows,
            products: &products,
            sets: &sets,
            voices: &voices,
            known: &known,
            share: &share,
            until,
            settings,
        });
    }
    Some(model)
}

/// Purchase evidence per customer and day, over customers seen for at least a month.
fn pace(sets: &[EvidenceSet]) -> f64 {
    let (mut pieces, mut days) = (1.0, 60.0);
    for set in sets {
        if let Some((first, last)) = set.span.filter(|(first, last)| last - first >= 30.0) {
            pieces += set.bought;
            days += last - first;
        }
    }
    pieces / days
}

/// What one clock is fitted from; customers are numbered as `rows` are.
struct ClockInputs<'a> {
    number: usize,
    kind: &'a ClockType,
    /// Profiles, and the names of all clocks.
    model: &'a LifeModel,
    rows: &'a [LifeRow<'a>],
    products: &'a ProductProfiles,
    /// Evidence of each customer before `until`.
    sets: &'a [EvidenceSet],
    /// The same, each habit once.
    voices: &'a [Vec<Evidence>],
    /// Declared anchors of each customer, days.
    known: &'a [&'a [f64]],
    /// Weight of each profile among all voices.
    share: &'a [f64],
    /// The time of the evidence, ms.
    until: i64,
    settings: &'a LifeSettings,
}

/// Purchases of customers with known anchors, by age.
struct KnownCounts {
    counts: AgeCounts,
    /// The same in folds of customers.
    folds: Vec<AgeCounts>,
    /// Weight of each profile among their purchases.
    holders: Vec<f64>,
    /// Known anchors in all.
    anchored: f64,
    /// Those that came after the youngest age.
    late: f64,
    /// Cells in which they could have.
    cells: f64,
}

/// What purchases of customers without known anchors add in one round of expectation.
struct Expected {
    /// Known and inferred purchases, by age.
    counts: AgeCounts,
    /// Weight of each profile among purchases of known and likely holders.
    holders: Vec<f64>,
    /// Customers who are expected to have the clock.
    customers: f64,
}

impl ClockInputs<'_> {
    fn now_day(&self) -> f64 {
        self.until as f64 / DAY_MS as f64
    }

    /// What ties profiles to the clock, by the word of all customers but those of the fold `without`.
    fn ties(&self, without: Option<usize>) -> Ties {
        let witnesses: Vec<Witness> = self
            .voices
            .iter()
            .zip(self.known)
            .enumerate()
            .filter(|(customer, _)| without.is_none_or(|fold| customer % FOLDS != fold))
            .map(|(_, (voices, anchors))| Witness { voices, anchors })
            .collect();
        let profiles = self.model.profiles.list();
        ties::learn(
            self.number,
            self.kind,
            profiles,
            &witnesses,
            self.kind.exists,
        )
    }

    fn count_known(&self) -> KnownCounts {
        let kind = self.kind;
        let profiles = self.model.profiles.list().len();
        let mut out = KnownCounts {
            counts: AgeCounts::new(profiles, kind),
            folds: vec![AgeCounts::new(profiles, kind); FOLDS],
            holders: vec![0.0; self.share.len()],
            anchored: 0.0,
            late: 0.0,
            cells: 0.0,
        };
        for (customer, (set, anchors)) in self.sets.iter().zip(self.known).enumerate() {
            let fold = &mut out.folds[customer % FOLDS];
            for anchor in *anchors {
                let part = 1.0 / anchors.len() as f64;
                for piece in &self.voices[customer] {
                    let weight = f64::from(piece.weight) * part;
                    let (profile, age) = (piece.profile as usize, piece.day - anchor);
                    out.counts.add(kind, profile, age, weight);
                    fold.add(kind, profile, age, weight);
                    out.holders[profile] += weight;
                }
                if let Some((first, _)) = set.span {
                    out.counts.add_first(kind, first - anchor, part);
                    fold.add_first(kind, first - anchor, part);
                    out.anchored += part;
                    out.cells += part * (self.now_day() - first) / kind.step_days;
                    if first - anchor < kind.min_age_days {
                        out.late += part;
                    }
                }
            }
        }
        out
    }
}

impl KnownCounts {
    /// Density of anchors that come later, relative to a uniform one over the ages of `kind`; `None` where too few are known.
    fn later(&self, kind: &ClockType) -> Option<f32> {
        // A few that come long after all purchases are more likely slips than children bought for years ahead.
        let late = (self.late - SLIPS * self.anchored).max(0.0);
        (self.anchored >= ENOUGH && self.cells >= ENOUGH)
            .then(|| ((late + 0.5) / self.cells * kind.cells() as f64) as f32)
    }
}

fn fit_clock(inputs: &ClockInputs) -> Clock {
    let known = inputs.count_known();
    // Until more is known, everyone without a declared clock stands for customers without it.
    let background = without(inputs.share, &known.holders);
    let ties = inputs.ties(None);
    let choice = if inputs.settings.calibrate {
        choose(inputs, &ties, &background)
    } else {
        None
    };
    let fitter = ClockFitter {
        smoothing: choice.map_or(inputs.settings.smoothing, |choice| choice.smoothing),
        trust: choice.map_or_else(Trust::default, |choice| choice.trust),
        later: known.later(inputs.kind),
        moments: moments(inputs),
        fold_ties: (0..FOLDS).map(|fold| inputs.ties(Some(fold))).collect(),
        ties,
        inputs,
        known: &known,
    };
    let mut clock = fitter.clock(inputs.kind.exists, &background, &known.counts);
    let open: Vec<usize> = (0..inputs.sets.len())
        .filter(|&c| {
            inputs.rows[c].infer && inputs.known[c].is_empty() && !inputs.sets[c].items.is_empty()
        })
        .collect();
    for _ in 0..inputs.settings.em_rounds {
        if !clock.speaks() {
            break;
        }
        let expected = fitter.expect(&clock, &open);
        let asked = open.len() as f64;
        let configured = inputs.kind.exists;
        // Fifty customers' worth of the configured share.
        let exists = ((expected.customers + 50.0 * configured) / (asked + 50.0))
            .clamp(0.2 * configured, (3.0 * configured).min(0.9));
        let background = without(inputs.share, &expected.holders);
        clock = fitter.clock(exists, &background, &expected.counts);
    }
    clock
}

/// The two steps of EM for one clock, and what they hold on to.
struct ClockFitter<'a> {
    inputs: &'a ClockInputs<'a>,
    known: &'a KnownCounts,
    smoothing: Smoothing,
    trust: Trust,
    later: Option<f32>,
    ties: Ties,
    /// Those without the customers of each fold.
    fold_ties: Vec<Ties>,
    moments: Vec<Moment>,
}

impl ClockFitter<'_> {
    /// Maximisation: the clock that `exists` for so many and whose purchases are `counts`, beside those of the `background`.
    fn clock(&self, exists: f64, background: &[f64], counts: &AgeCounts) -> Clock {
        let mut clock = self.with_tables(exists, background, counts, &self.ties);
        clock.trust = self.trust;
        clock.later = self.later;
        clock.existence = self.existence(exists, background, counts);
        clock
    }

    fn with_tables(
        &self,
        exists: f64,
        background: &[f64],
        counts: &AgeCounts,
        ties: &Ties,
    ) -> Clock {
        let ClockInputs {
            number,
            kind,
            model,
            ..
        } = *self.inputs;
        let profiles = model.profiles.list();
        let smoothing = &self.smoothing;
        let tables = density::fit(number, kind, profiles, ties, background, counts, smoothing);
        Clock::new(kind.clone(), tables, exists)
    }

    /// Who declared a clock is asked what the others' purchases say of theirs.
    fn existence(&self, exists: f64, background: &[f64], counts: &AgeCounts) -> Existence {
        let mut cases = Vec::new();
        for (fold, own) in self.known.folds.iter().enumerate() {
            let ties = &self.fold_ties[fold];
            let clock = self.with_tables(exists, background, &counts.without(own), ties);
            let asked = asked(self.inputs, &self.moments, fold);
            cases.extend(existence::cases(&clock, &asked));
        }
        existence::learn(&cases).unwrap_or_default()
    }

    /// Expectation: what `clock` says of the customers in `open`, of whom a few thousand stand for all.
    fn expect(&self, clock: &Clock, open: &[usize]) -> Expected {
        let ClockInputs {
            number, kind, sets, ..
        } = *self.inputs;
        let sampled: Vec<usize> = open
            .iter()
            .copied()
            .step_by(open.len().div_ceil(EM_CUSTOMERS).max(1))
            .collect();
        let each = open.len() as f64 / sampled.len().max(1) as f64;
        // The more anchors are known, the less those that are inferred can add to them but blur.
        let inferred_weight =
            self.inputs.settings.inferred_weight * ENOUGH / (ENOUGH + self.known.anchored);
        let now_day = self.inputs.now_day();
        let mut lone = clock.clone();
        // Who has several is told apart too vaguely to learn from: a second is looked for, no third.
        lone.kind.max_running = lone.kind.max_running.min(2);
        let posteriors: Vec<Option<Posterior>> = sampled
            .par_iter()
            .map(|&c| {
                let set = &sets[c];
                let first = set.span.map(|s| s.0);
                let mut found = infer(number, &lone, &set.items, first, &[], now_day, false);
                (found.len() == 1).then(|| found.remove(0).pruned())
            })
            .collect();
        let mut out = Expected {
            counts: self.known.counts.clone(),
            holders: self.known.holders.clone(),
            customers: 0.0,
        };
        for (&c, posterior) in sampled.iter().zip(&posteriors) {
            let Some(posterior) = posterior else {
                continue;
            };
            let voices = &self.inputs.voices[c];
            let probability = each * posterior.probability;
            out.customers += probability;
            for piece in voices {
                out.holders[piece.profile as usize] += f64::from(piece.weight) * probability;
            }
            let weight = inferred_weight * probability * sharpness(kind, posterior);
            if weight < 1e-3 {
                continue;
            }
            for (day, w) in posterior.days.iter().zip(&posterior.weights) {
                let w = f64::from(*w) * weight;
                for piece in voices {
                    let share = w * f64::from(piece.weight);
                    out.counts
                        .add(kind, piece.profile as usize, piece.day - day, share);
                }
            }
        }
        out
    }
}

/// Earlier moments at which a clock that ends is asked for as well: few have one at any one time.
const MOMENTS: usize = 6;

/// Evidence of some of the customers at each of several moments.
type Moment = (f64, Vec<(usize, EvidenceSet)>);

fn moments(inputs: &ClockInputs) -> Vec<Moment> {
    let ClockInputs {
        kind,
        rows,
        products,
        sets,
        known,
        until,
        ..
    } = *inputs;
    if kind.lifelong || known.iter().all(|anchors| anchors.is_empty()) {
        return Vec::new();
    }
    let length = ((kind.max_age_days - kind.min_age_days) * DAY_MS as f64) as i64;
    let started = sets.iter().filter_map(|set| set.span).map(|span| span.0);
    let start = started.fold(f64::INFINITY, f64::min) * DAY_MS as f64;
    (1..MOMENTS as i64)
        .map(|back| until - back * length)
        .take_while(|now| *now as f64 > start)
        .map(|now| {
            let some = (0..rows.len())
                .filter(|&c| rows[c].infer && (!known[c].is_empty() || is_asked(c, rows.len())));
            let some: Vec<usize> = some.collect();
            let sets = some.into_par_iter().filter_map(|c| {
                let set = EvidenceSet::new(rows[c].history, products, now);
                (!set.items.is_empty()).then_some((c, set))
            });
            (now as f64 / DAY_MS as f64, sets.collect())
        })
        .collect()
}

/// A few thousand of those who declared nothing say what all would.
fn is_asked(customer: usize, of: usize) -> bool {
    customer.is_multiple_of(stands_for(of))
}

fn stands_for(customers: usize) -> usize {
    customers.div_ceil(EM_CUSTOMERS).max(1)
}

/// Whom [`existence::learn`] looks at of one fold: at each moment, with what they declared of a clock that runs then.
fn asked<'a>(inputs: &ClockInputs<'a>, moments: &'a [Moment], fold: usize) -> Vec<Asked<'a>> {
    let ClockInputs {
        kind,
        rows,
        sets,
        known,
        ..
    } = *inputs;
    let now_day = inputs.now_day();
    let runs = |customer: usize, now: f64| {
        let ages = kind.min_age_days..=kind.max_age_days;
        known[customer].iter().any(|a| ages.contains(&(now - a)))
    };
    let one = |customer: usize, set: &'a EvidenceSet, now: f64| Asked {
        set,
        now,
        declared: runs(customer, now),
        weight: if known[customer].is_empty() {
            stands_for(sets.len()) as f64
        } else {
            1.0
        },
    };
    let all = (fold..sets.len())
        .step_by(FOLDS)
        .filter(|&c| rows[c].infer && (!known[c].is_empty() || is_asked(c, sets.len())));
    let at_last = all.map(|c| one(c, &sets[c], now_day));
    let earlier = moments.iter().flat_map(|(now, sets)| {
        let one = &one;
        sets.iter()
            .filter(move |(c, _)| c % FOLDS == fold)
            .map(move |(c, set)| one(*c, set, *now))
    });
    at_last.chain(earlier).collect()
}

/// Chooses smoothing and trust on customers with one known anchor, each judged while the clock runs.
fn choose(inputs: &ClockInputs, ties: &Ties, background: &[f64]) -> Option<Choice> {
    let ClockInputs {
        number,
        kind,
        rows,
        products,
        known,
        until,
        settings,
        ..
    } = *inputs;
    let judged: Vec<(EvidenceSet, f64, f64)> = rows
        .par_iter()
        .zip(known)
        .filter_map(|(row, anchors)| {
            let [anchor] = anchors else { return None };
            let now = while_running(kind, row.history, *anchor, until);
            let set = EvidenceSet::new(row.history, products, now);
            let (first, _) = set.span?;
            let ages = kind.min_age_days..=kind.max_age_days;
            (row.infer && ages.contains(&(first - anchor)))
                .then(|| (set, *anchor, now as f64 / DAY_MS as f64))
        })
        .collect();
    let known: Vec<Known> = judged
        .iter()
        .map(|(set, anchor, now)| Known {
            set,
            anchor: *anchor,
            now: *now,
        })
        .collect();
    let profiles = inputs.model.profiles.list();
    calibrate::choose(
        number,
        kind,
        profiles,
        ties,
        background,
        &known,
        &settings.smoothing,
    )
}

/// The moment at which what is believed is judged: `until`, or for a clock that ends, just after the last touch before its
/// end. A trip long past is no longer asked for, and the one believed in later is another one.
pub fn while_running(kind: &ClockType, history: &[Touch], anchor: f64, until: i64) -> i64 {
    if kind.lifelong {
        return until;
    }
    let end = ((anchor + kind.max_age_days) * DAY_MS as f64) as i64;
    let last = history.partition_point(|touch| touch.at <= end);
    match history[..last].last() {
        Some(touch) => (touch.at + 1).min(until),
        None => until,
    }
}

/// What is left of `all` purchases without those of holders; at least a tenth, so that nothing seems unheard of.
fn without(all: &[f64], holders: &[f64]) -> Vec<f64> {
    all.iter()
        .zip(holders)
        .map(|(all, held)| (all - held).max(0.1 * all))
        .collect()
}

/// How much the evidence narrowed the anchor down, 0 (not at all) to 1: against a uniform spread over all ages.
fn sharpness(kind: &ClockType, posterior: &Posterior) -> f64 {
    let spread = posterior.quantile(0.95) - posterior.quantile(0.05);
    let all = 0.9 * (kind.max_age_days - kind.min_age_days);
    (1.0 - 2.0 * spread / all).clamp(0.0, 1.0)
}
