//! Which profiles have to do with a clock at all, told by customers: words first, then who declared it.
//!
//! Every customer is one witness of a profile, however much they bought of it. Who declared the clock is compared with
//! customers who bought as much and did not; what neither words nor a difference beyond chance ties to the clock is flat for
//! it. A word is taken at its word until purchases contradict it: a "hot dog" that dog owners buy no more often than others,
//! or that far more households buy than can have a dog, is none.

use serendib_engine::life::{ClockType, Evidence, Profile};
use statrs::distribution::{ChiSquared, ContinuousCDF, DiscreteCDF, Poisson};

use crate::learn::complement::significance::benjamini_hochberg;

/// Customers who declared a clock below which they are not asked.
const FEWEST: usize = 10;
/// Share of ties to a clock that may be none.
const FALSE_TIES: f64 = 0.05;
/// Weight of a customer's voices for a profile from which on they count as buying it: a purchase, not a look.
const BUYS: f32 = 0.4;
/// Groups of customers who buy about as much.
const GROUPS: usize = 10;
/// Groups of ages.
const AGES: usize = 6;
/// Customers who declared and bought of a profile below which their ages are not compared.
const FEWEST_AGES: f64 = 12.0;
/// Customers by whom a word is believed before any declared.
const WORD: f64 = 2.0;
/// Customers' worth of no difference that a lift is shrunk by.
const SHRINK: f64 = 1.0;
/// Share of holders that is believed to buy of one profile at most, where nobody declared.
const MOST_HOLDERS: f64 = 0.5;
/// Lift below which a word is given up.
const LEAST_LIFT: f64 = 1.0;

/// What ties profiles to one clock.
#[derive(Debug, Clone)]
pub struct Ties {
    /// How far each profile's window is believed, 0 to 1; 0 where it has none of this clock.
    pub word: Vec<f32>,
    /// Whether each profile has anything to do with the clock.
    pub tied: Vec<bool>,
    /// ln of how many times likelier holders buy of it, at any age; 0 where it is not tied.
    pub log_lift: Vec<f32>,
}

/// One customer of whom ties are told.
#[derive(Debug, Clone, Copy)]
pub struct Witness<'a> {
    /// What they bought, each habit once.
    pub voices: &'a [Evidence],
    /// Anchors that they declared, in days since 1970-01-01 UTC.
    pub anchors: &'a [f64],
}

/// What words alone tie to the clock with number `number`.
pub fn of_words(number: usize, clock: &ClockType, profiles: &[Profile]) -> Ties {
    let windows: Vec<Option<Word>> = profiles.iter().map(|p| Word::of(number, p)).collect();
    let all = (clock.max_age_days - clock.min_age_days).max(1.0);
    Ties {
        word: windows
            .iter()
            .map(|w| f32::from(u8::from(w.is_some())))
            .collect(),
        tied: windows.iter().map(Option::is_some).collect(),
        log_lift: windows
            .iter()
            .map(|window| window.map_or(0.0, |w| (w.lift * (w.to - w.from) / all).ln_1p() as f32))
            .collect(),
    }
}

/// The window that a profile's text states for one clock.
#[derive(Debug, Clone, Copy)]
struct Word {
    from: f64,
    to: f64,
    lift: f64,
}

impl Word {
    fn of(number: usize, profile: &Profile) -> Option<Word> {
        let (owner, from, to) = profile.window?;
        (owner as usize == number).then(|| Word {
            from: f64::from(from),
            to: f64::from(to),
            lift: f64::from(profile.lift.max(1.0)),
        })
    }
}

/// What `witnesses` tell of the clock with number `number`; `exists` is the share of customers who have it.
pub fn learn(
    number: usize,
    clock: &ClockType,
    profiles: &[Profile],
    witnesses: &[Witness],
    exists: f64,
) -> Ties {
    let mut ties = of_words(number, clock, profiles);
    let words: Vec<Option<Word>> = profiles.iter().map(|p| Word::of(number, p)).collect();
    let parents: Vec<Option<u32>> = profiles.iter().map(|profile| profile.parent).collect();
    let others: Vec<Bought> = witnesses
        .iter()
        .filter(|one| one.anchors.is_empty() && !one.voices.is_empty())
        .map(|one| Bought::of(one.voices.iter(), &parents))
        .collect();
    let holders: Vec<Holder> = witnesses
        .iter()
        .filter(|one| !one.anchors.is_empty())
        .filter_map(|one| Holder::of(clock, one, &parents))
        .collect();
    if holders.len() < FEWEST || others.len() < FEWEST {
        doubt_common_words(&mut ties, &words, &others, exists);
        return ties;
    }
    let rates = Rates::of(&others, profiles.len());
    let compared: Vec<Compared> = (0..profiles.len())
        .map(|profile| {
            let mut out = Compared::default();
            for holder in &holders {
                let p = rates.own(holder.bought.total, profile);
                out.expected += p;
                out.spread += p * (1.0 - p);
                out.expected_below += rates.below(holder.bought.total, profile);
                if let Some(word) = words[profile] {
                    out.as_told += (p * (1.0 + word.lift * holder.within(&word))).min(1.0);
                }
            }
            out
        })
        .collect();
    let mut compared = compared;
    for holder in &holders {
        for profile in &holder.bought.own {
            compared[*profile as usize].seen += 1.0;
        }
        for profile in &holder.bought.below {
            compared[*profile as usize].seen_below += 1.0;
        }
    }
    let by_age = ages(profiles.len(), &holders, &|profile| vec![profile]);
    let beyond = significant(compared.iter().map(|c| more_than(c.seen, c.expected)));
    let below = significant(
        compared
            .iter()
            .map(|c| more_than(c.seen_below, c.expected_below)),
    );
    let by_age = significant(by_age.into_iter());
    for (profile, found) in compared.iter().enumerate() {
        let lift = (found.seen + SHRINK) / (found.expected + SHRINK);
        if let Some(word) = words[profile] {
            let told = (found.as_told - found.expected).max(0.0);
            let held = (found.seen - found.expected + WORD) / (told + WORD);
            ties.word[profile] = held.clamp(0.0, 1.0) as f32;
            let is_held = word.lift * held >= LEAST_LIFT;
            ties.tied[profile] = is_held || beyond[profile] || by_age[profile];
            let before = 1.0 + held.clamp(0.0, 1.0) * told / found.expected.max(0.1);
            let lift = (found.seen + SHRINK * before) / (found.expected + SHRINK);
            // a word that could have been contradicted must show
            let sure = found.beyond_chance().max(1.0 / (1.0 + told));
            ties.log_lift[profile] = (sure * lift.ln()).max(0.0) as f32;
        } else {
            // what stands beside others of its kind that are for it needs less to be for it as well
            let kin = parents[profile].is_some_and(|up| below[up as usize])
                && found.seen - found.expected > found.spread.sqrt();
            ties.tied[profile] = beyond[profile] || by_age[profile] || kin;
            ties.log_lift[profile] = (found.beyond_chance() * lift.ln()).max(0.0) as f32;
        }
        if !ties.tied[profile] {
            ties.word[profile] = 0.0;
            ties.log_lift[profile] = 0.0;
        }
    }
    tie_kin_by_age(&mut ties, &parents, &holders);
    ties
}

/// Where nobody declared the clock: what far more customers buy than can have one is hardly for it.
fn doubt_common_words(ties: &mut Ties, words: &[Option<Word>], others: &[Bought], exists: f64) {
    let all = others.len() as f64;
    if others.len() < FEWEST {
        return;
    }
    let mut buyers = vec![0.0f64; words.len()];
    let mut several = 0.0;
    for one in others {
        let mut of_clock = 0;
        for profile in &one.own {
            buyers[*profile as usize] += 1.0;
            of_clock += usize::from(words[*profile as usize].is_some());
        }
        several += f64::from(u8::from(of_clock > 1));
    }
    // Who buys of several of its profiles has the clock: a shop for nothing but pets is one.
    let holders = exists.max(several / all).min(0.95);
    for (profile, word) in words.iter().enumerate() {
        let Some(word) = word else { continue };
        let share = buyers[profile] / all;
        let of_holders = MOST_HOLDERS * holders;
        if share <= of_holders {
            continue;
        }
        let most = MOST_HOLDERS * (1.0 - holders) / (share - of_holders);
        let held = ((most - 1.0) / word.lift).clamp(0.0, 1.0);
        ties.word[profile] = held as f32;
        ties.tied[profile] = held * word.lift >= LEAST_LIFT;
        let lift = f64::from(ties.log_lift[profile]).exp().min(most.max(1.0));
        ties.log_lift[profile] = lift.ln() as f32;
        if !ties.tied[profile] {
            ties.word[profile] = 0.0;
            ties.log_lift[profile] = 0.0;
        }
    }
}

/// Which profiles one customer buys.
struct Bought {
    /// Weight of all voices.
    total: f64,
    /// Profiles, in order of number.
    own: Vec<u32>,
    /// The same with all above them.
    below: Vec<u32>,
}

impl Bought {
    fn of<'a>(voices: impl Iterator<Item = &'a Evidence>, parents: &[Option<u32>]) -> Bought {
        let mut weights: std::collections::BTreeMap<u32, f32> = std::collections::BTreeMap::new();
        let mut total = 0.0;
        for voice in voices {
            *weights.entry(voice.profile).or_default() += voice.weight;
            total += f64::from(voice.weight);
        }
        let own: Vec<u32> = weights
            .into_iter()
            .filter(|(_, weight)| *weight >= BUYS)
            .map(|(profile, _)| profile)
            .collect();
        let mut below = Vec::new();
        for profile in &own {
            let mut at = Some(*profile);
            while let Some(profile) = at {
                below.push(profile);
                at = parents.get(profile as usize).copied().flatten();
            }
        }
        below.sort_unstable();
        below.dedup();
        Bought { total, own, below }
    }
}

/// A customer who declared the clock, as far as it ran.
struct Holder {
    bought: Bought,
    /// Profile, age in days and weight of each voice, by its nearest anchor.
    ages: Vec<(u32, f64, f64)>,
}

impl Holder {
    fn of(clock: &ClockType, one: &Witness, parents: &[Option<u32>]) -> Option<Holder> {
        let age_of = |voice: &Evidence| {
            let ages = one.anchors.iter().map(|anchor| voice.day - anchor);
            ages.filter(|age| (clock.min_age_days..=clock.max_age_days).contains(age))
                .min_by(|a, b| a.abs().total_cmp(&b.abs()))
        };
        let running = one.voices.iter().filter(|voice| age_of(voice).is_some());
        let bought = Bought::of(running, parents);
        let ages: Vec<(u32, f64, f64)> = one
            .voices
            .iter()
            .filter_map(|v| Some((v.profile, age_of(v)?, f64::from(v.weight))))
            .collect();
        (!ages.is_empty()).then_some(Holder { bought, ages })
    }

    /// Share of their voices at the ages of `word`.
    fn within(&self, word: &Word) -> f64 {
        let inside = self
            .ages
            .iter()
            .filter(|(_, age, _)| *age >= word.from && *age < word.to);
        inside.map(|(_, _, weight)| weight).sum::<f64>() / self.bought.total.max(1e-9)
    }
}

/// How many of those who declared nothing buy of each profile, among those who buy about as much.
struct Rates {
    /// Least total of each group.
    from: Vec<f64>,
    own: Vec<Vec<f64>>,
    below: Vec<Vec<f64>>,
}

impl Rates {
    fn of(others: &[Bought], profiles: usize) -> Rates {
        let mut order: Vec<&Bought> = others.iter().collect();
        order.sort_by(|a, b| a.total.total_cmp(&b.total));
        let groups = GROUPS.min(order.len() / FEWEST).max(1);
        let rates = |of: &[&Bought], which: fn(&Bought) -> &Vec<u32>| -> Vec<f64> {
            let mut count = vec![0.0; profiles];
            for one in of {
                which(one).iter().for_each(|p| count[*p as usize] += 1.0);
            }
            let n = of.len() as f64;
            count.iter().map(|c| c / n).collect()
        };
        // Where few of a group buy, they buy as often as all.
        let (all_own, all_below) = (rates(&order, |b| &b.own), rates(&order, |b| &b.below));
        let shrunk = |group: Vec<f64>, n: f64, all: &[f64]| -> Vec<f64> {
            let pairs = group.iter().zip(all);
            pairs
                .map(|(rate, all)| (rate * n + all) / (n + 1.0))
                .collect()
        };
        let mut out = Rates {
            from: Vec::new(),
            own: Vec::new(),
            below: Vec::new(),
        };
        for group in order.chunks(order.len().div_ceil(groups)) {
            let n = group.len() as f64;
            out.from.push(group[0].total);
            out.own.push(shrunk(rates(group, |b| &b.own), n, &all_own));
            out.below
                .push(shrunk(rates(group, |b| &b.below), n, &all_below));
        }
        out
    }

    fn group(&self, total: f64) -> usize {
        self.from.partition_point(|from| *from <= total).max(1) - 1
    }

    fn own(&self, total: f64, profile: usize) -> f64 {
        self.own[self.group(total)][profile]
    }

    fn below(&self, total: f64, profile: usize) -> f64 {
        self.below[self.group(total)][profile]
    }
}

/// Holders of one profile beside what was to be expected of others.
#[derive(Debug, Clone, Copy, Default)]
struct Compared {
    seen: f64,
    expected: f64,
    /// Variance of what is expected.
    spread: f64,
    /// Expected if the profile's window is right.
    as_told: f64,
    seen_below: f64,
    expected_below: f64,
}

impl Compared {
    /// How surely more holders buy it than others, 0 to 1.
    fn beyond_chance(&self) -> f64 {
        let more = (self.seen - self.expected).max(0.0).powi(2);
        more / (more + self.spread.max(0.25))
    }
}

/// Probability of as many as `seen` or more by chance.
fn more_than(seen: f64, expected: f64) -> f64 {
    if seen < 2.0 {
        return 1.0;
    }
    match Poisson::new(expected.max(1e-6)) {
        Ok(chance) => chance.sf(seen as u64 - 1).clamp(0.0, 1.0),
        Err(_) => 1.0,
    }
}

/// Ties what is too rare to be told by itself with what stands under the same category: where all of it that is not tied yet
/// is bought at certain ages, it is. In a shop for nothing else everybody buys all of it, and only ages tell.
fn tie_kin_by_age(ties: &mut Ties, parents: &[Option<u32>], holders: &[Holder]) {
    let path = |profile: u32| {
        std::iter::successors(Some(profile), |at| {
            parents.get(*at as usize).copied().flatten()
        })
    };
    let open = |profile: u32| -> Vec<u32> {
        if ties.tied[profile as usize] {
            Vec::new()
        } else {
            path(profile).collect()
        }
    };
    let told = significant(ages(parents.len(), holders, &open).into_iter());
    let found: Vec<usize> = (0..parents.len())
        .filter(|&ix| !ties.tied[ix] && path(ix as u32).any(|at| told[at as usize]))
        .collect();
    for profile in found {
        ties.tied[profile] = true;
    }
}

/// For each profile, the probability that holders buy what counts for it at any age by chance; what a voice counts for,
/// `groups` says.
fn ages(profiles: usize, holders: &[Holder], groups: &dyn Fn(u32) -> Vec<u32>) -> Vec<f64> {
    let mut all: Vec<(f64, f64)> = holders
        .iter()
        .flat_map(|holder| {
            let of = holder.bought.total.max(1e-9);
            holder
                .ages
                .iter()
                .map(move |(_, age, weight)| (*age, weight / of))
        })
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = all.iter().map(|a| a.1).sum();
    let mut edges = Vec::with_capacity(AGES);
    let mut sum = 0.0;
    for (age, weight) in &all {
        sum += weight;
        let next = (edges.len() + 1) as f64 / AGES as f64;
        if sum >= next * total && edges.len() + 1 < AGES {
            edges.push(*age);
        }
    }
    let band = |age: f64| edges.partition_point(|edge| *edge < age);
    let mut bands = [0.0; AGES];
    for (age, weight) in &all {
        bands[band(*age)] += weight / total;
    }
    let mut seen = vec![[0.0f64; AGES]; profiles];
    for holder in holders {
        let mut own: std::collections::BTreeMap<u32, [f64; AGES]> = Default::default();
        for (profile, age, weight) in &holder.ages {
            for group in groups(*profile) {
                own.entry(group).or_default()[band(*age)] += weight;
            }
        }
        for (profile, row) in own {
            let sum: f64 = row.iter().sum();
            if sum < f64::from(BUYS) {
                continue;
            }
            for (to, weight) in seen[profile as usize].iter_mut().zip(row) {
                *to += weight / sum;
            }
        }
    }
    seen.iter()
        .map(|row| {
            let n: f64 = row.iter().sum();
            if n < FEWEST_AGES {
                return 1.0;
            }
            let used = bands.iter().filter(|share| **share > 0.0).count();
            let pairs = row.iter().zip(&bands).filter(|(_, share)| **share > 0.0);
            let off: f64 = pairs
                .map(|(seen, s)| (seen - n * s).powi(2) / (n * s))
                .sum();
            match ChiSquared::new(used.saturating_sub(1).max(1) as f64) {
                Ok(chance) => chance.sf(off).clamp(0.0, 1.0),
                Err(_) => 1.0,
            }
        })
        .collect()
}

/// Which of `p_values` are beyond chance, with few false ones among them.
fn significant(p_values: impl Iterator<Item = f64>) -> Vec<bool> {
    let p_values: Vec<f64> = p_values.collect();
    let tests = p_values.iter().filter(|p| **p < 1.0).count();
    let limit = benjamini_hochberg(&p_values, tests, FALSE_TIES);
    p_values
        .iter()
        .map(|p| limit.is_some_and(|limit| *p <= limit))
        .collect()
}
