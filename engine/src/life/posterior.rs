//! Posterior over the anchors of one clock type: on a grid, with "no such clock", several at once, declared ones.
//!
//! Anchors come as a Poisson process with rate ν. Given the times of a customer's purchases, what was bought at age
//! a = t − τ has the odds R_c(a) = (1 + e_c(a)) / (1 + x(a)) against a customer without the clock, so that with one
//! anchor ln w(τ) = ln(ν g(t_1 − τ) Δ) + Σ_j ω_j ln R_{c_j}(t_j − τ) and ln w(∅) = 0, j over what is tied to the clock. This is the two-branch likelihood of
//! marked Poisson processes with rates λ_0 p_0(c) and λ_0 p_0(c) + λ_k(a) φ_kc(a), conditioned on the times of purchases:
//! the customer's own pace cancels, silence is no evidence, and no number depends on the unit of time. With several
//! anchors e and x add up; they are fitted by coordinate ascent, each seeing the mean of the others (mean field).
//!
//! Whether there is a clock at all is asked apart, of a customer's voices: what is bought beside them says nothing of it, for
//! nobody buys the less bread for having a dog.

use super::evidence::{voices, Evidence};
use super::existence::Existence;
use super::model::{Clock, UNHEARD_OF};
use super::profiles::ProfileIx;
use crate::stats::sigmoid;

/// Rounds of coordinate ascent.
const ROUNDS: usize = 6;
/// A further anchor is accepted when its odds exceed this.
const SPLIT_ODDS: f64 = 2.0;
/// What several anchors together leave at least of a background purchase: each may lower it, none forbids it.
const LEAST: f64 = 0.05;

/// A declared clock: one child, one trip.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Tells two apart.
    pub name: Option<String>,
    /// Position among the clock type's kinds, where a fact tells it; one past the last for a kind that it does not have.
    pub kind: Option<usize>,
    /// Declared dates, in days since 1970-01-01 UTC, ascending; more than one where facts contradict each other.
    pub days: Vec<f64>,
}

/// What is believed of one clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Position of the clock type in the model.
    pub clock: usize,
    /// Declared, not inferred.
    pub declared: bool,
    /// Name that it was declared with.
    pub name: Option<String>,
    /// Kind that it was declared with, as in [`Declared::kind`].
    pub kind: Option<usize>,
    /// Dates that it was declared with, as in [`Declared::days`]; empty when inferred.
    pub said: Vec<f64>,
    /// Probability that it exists; 1 when declared.
    pub probability: f64,
    /// Possible anchors in days since 1970-01-01 UTC, ascending.
    pub days: Vec<f64>,
    /// Probability of each, given that it exists; sums to one.
    pub weights: Vec<f32>,
    /// Width of a cell in days.
    pub width: f64,
}

impl Posterior {
    /// The day before which the anchor lies with probability `p`, given that the clock exists.
    pub fn quantile(&self, p: f64) -> f64 {
        let mut below = 0.0;
        for (day, weight) in self.days.iter().zip(&self.weights) {
            let weight = f64::from(*weight);
            if below + weight >= p && weight > 0.0 {
                return day + self.width * ((p - below) / weight - 0.5);
            }
            below += weight;
        }
        self.days.last().map_or(0.0, |day| day + 0.5 * self.width)
    }

    /// The one day to speak of: the likeliest of the declared dates as it was declared, else the median.
    pub fn anchor(&self) -> f64 {
        let Some((&first, rest)) = self.said.split_first() else {
            return self.quantile(0.5);
        };
        if rest.is_empty() {
            return first;
        }
        let mut near = vec![0.0f64; self.said.len()];
        for (day, weight) in self.days.iter().zip(&self.weights) {
            let nearest = (0..near.len()).min_by(|&a, &b| {
                let gap = |ix: usize| (self.said[ix] - day).abs();
                gap(a).total_cmp(&gap(b)).then(a.cmp(&b))
            });
            near[nearest.unwrap_or(0)] += f64::from(*weight);
        }
        let mut best = 0;
        for ix in 1..near.len() {
            // Sums of the same weights in another order are not a preference.
            if near[ix] > near[best] + 1e-6 {
                best = ix;
            }
        }
        self.said[best]
    }

    /// The anchor in whole days: 5th, 10th, 50th, 90th and 95th percentile, with [`Posterior::anchor`] in the middle.
    pub fn dates(&self) -> [f64; 5] {
        let [p05, p10, p90, p95] = [0.05, 0.1, 0.9, 0.95].map(|p| (self.quantile(p) + 0.5).floor());
        let middle = if self.said.is_empty() {
            (self.anchor() + 0.5).floor()
        } else {
            self.anchor()
        };
        [
            p05.min(middle),
            p10.min(middle),
            middle,
            p90.max(middle),
            p95.max(middle),
        ]
    }

    /// Mean of `f(age)` at day `at`, given that the clock exists.
    pub fn mean(&self, at: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
        self.days
            .iter()
            .zip(&self.weights)
            .filter(|(_, weight)| **weight > 0.0)
            .map(|(day, weight)| f64::from(*weight) * f(at - day))
            .sum()
    }

    /// The same posterior on its cells with more than a ten-thousandth of the largest weight: for repeated sums.
    pub fn pruned(&self) -> Posterior {
        let floor = 1e-4 * self.weights.iter().copied().fold(0.0, f32::max);
        let keep = |w: &f32| *w > floor;
        let sum: f32 = self.weights.iter().filter(|w| keep(w)).sum();
        let (days, weights) = self
            .days
            .iter()
            .zip(&self.weights)
            .filter(|(_, w)| keep(w))
            .map(|(d, w)| (*d, w / sum))
            .unzip();
        Posterior {
            days,
            weights,
            name: self.name.clone(),
            said: self.said.clone(),
            ..*self
        }
    }
}

/// A running sum of ln R over a grid of anchors: what one more piece of evidence adds to, in O(cells).
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Anchor of cell i is (first + i) · step, in days since 1970-01-01 UTC.
    first: i64,
    step: f64,
    /// Σ ω ln R per cell.
    pub sums: Vec<f64>,
}

impl Grid {
    /// A grid of anchors from day `from` to day `to`, aligned to multiples of the clock's step.
    pub fn new(clock: &Clock, from: f64, to: f64) -> Grid {
        let step = clock.kind.step_days;
        // Rounding must not decide about a cell.
        let first = (from / step + 1e-6).floor() as i64;
        let last = (to / step - 1e-6).ceil() as i64;
        // A history of centuries is a mistake: the latest cells are kept.
        let len = (last - first + 1).clamp(1, 20_000);
        Grid {
            first: last - len + 1,
            step,
            sums: vec![0.0; len as usize],
        }
    }

    /// The anchor of cell `cell`.
    pub fn day(&self, cell: usize) -> f64 {
        (self.first + cell as i64) as f64 * self.step
    }

    /// Adds one piece of evidence; a negative weight takes it back.
    pub fn add(&mut self, clock: &Clock, evidence: &Evidence) {
        if let Some(table) = clock.table(evidence.profile) {
            let weight = f64::from(evidence.weight);
            self.add_row(
                clock,
                evidence.day,
                weight,
                &table.log_ratio,
                clock.outside(),
            );
        }
    }

    /// The same by how much more holders buy of such things, whatever else they buy.
    pub fn add_more(&mut self, clock: &Clock, evidence: &Evidence) {
        if let Some(table) = clock.table(evidence.profile) {
            let weight = f64::from(evidence.weight);
            self.add_row(clock, evidence.day, weight, &table.log_more, 0.0);
        }
    }

    /// The same by the ages at which holders buy such things.
    pub fn add_shape(&mut self, clock: &Clock, evidence: &Evidence) {
        if let Some(table) = clock.table(evidence.profile) {
            let weight = f64::from(evidence.weight);
            self.add_row(clock, evidence.day, weight, &table.log_shape, UNHEARD_OF);
        }
    }

    /// Adds `weight` times `row`, of the ages on `day`, or what is `outside` of its cells.
    fn add_row(&mut self, clock: &Clock, day: f64, weight: f64, row: &[f32], outside: f32) {
        let outside = f64::from(outside) * weight;
        // Cell i sees table position `at − i`: the fraction is the same for all.
        let at = (day - clock.kind.min_age_days) / self.step - self.first as f64;
        let whole = at.floor();
        let part = at - whole;
        let whole = whole as i64;
        let cells = self.sums.len() as i64;
        // Positions 0 ≤ whole − i and whole − i + 1 ≤ row.len() − 1 are inside the table.
        let begin = (whole - (row.len() as i64 - 2)).clamp(0, cells) as usize;
        let end = (whole + 1).clamp(0, cells) as usize;
        if outside != 0.0 {
            self.sums[..begin].iter_mut().for_each(|s| *s += outside);
            self.sums[end.max(begin)..]
                .iter_mut()
                .for_each(|s| *s += outside);
        }
        if begin >= end {
            return;
        }
        let (low, high) = (weight * (1.0 - part), weight * part);
        let top = (whole - begin as i64) as usize;
        let bottom = (whole - (end as i64 - 1)) as usize;
        let pairs = row[bottom..=top + 1].windows(2).rev();
        for (sum, pair) in self.sums[begin..end].iter_mut().zip(pairs) {
            *sum += low * f64::from(pair[0]) + high * f64::from(pair[1]);
        }
    }
}

/// ln of one more than the weight of a customer's `voices`, whatever they are for.
pub fn log_activity(voices: &[Evidence]) -> f64 {
    let weights = voices.iter().map(|voice| f64::from(voice.weight));
    weights.sum::<f64>().ln_1p()
}

/// One anchor while several are being fitted.
struct Member {
    declared: Option<Declared>,
    days: Vec<f64>,
    /// ln prior per day.
    prior: Vec<f64>,
    width: f64,
    probability: f64,
    weights: Vec<f64>,
    /// Mean excess and dilution at each piece of evidence, times probability.
    excess: Vec<f64>,
    dilution: Vec<f64>,
}

/// The posteriors of all anchors of one clock type.
///
/// `evidence` must be in order of day and profile; it is empty when inference is not allowed, and then only declared
/// clocks come back. `first_day` is the first contact. Undeclared clocks come after declared ones, likeliest first. A
/// clock that no piece of evidence speaks of is left out unless `thorough`.
///
/// ```
/// use serendib_engine::life::{infer, AgeTables, Clock, ClockType, Declared};
///
/// let trip = ClockType::supplied().into_iter().find(|kind| kind.name == "trip").unwrap();
/// let silent = AgeTables {
///     tables: vec![],
///     table_of: vec![],
///     dilution: vec![0.0; trip.cells()],
///     first_age: vec![1.0; trip.cells()],
///     log_lift: vec![],
/// };
/// let clock = Clock::new(trip, silent, 0.3);
/// let stated = Declared { name: None, kind: None, days: vec![20_000.0] };
/// let found = infer(0, &clock, &[], None, &[stated], 19_990.0, false);
/// assert_eq!(found[0].anchor(), 20_000.0);
/// ```
pub fn infer(
    number: usize,
    clock: &Clock,
    evidence: &[Evidence],
    first_day: Option<f64>,
    declared: &[Declared],
    now_day: f64,
    thorough: bool,
) -> Vec<Posterior> {
    let believed = clock.believed(evidence);
    let (said, evidence) = (evidence, believed.as_deref().unwrap_or(evidence));
    let mut members: Vec<Member> = declared.iter().map(|d| from_fact(clock, d)).collect();
    for member in &mut members {
        normalise_fact(member, evidence.len());
    }
    let relevant = clock.speaks()
        && (evidence.iter().any(|e| clock.table(e.profile).is_some())
            || (thorough && !evidence.is_empty()));
    if relevant {
        // A clock is as likely as its voices say, however sharply one anchor explains them.
        let exists = clock.probability(&voices(said), first_day, now_day);
        for _ in 0..if members.is_empty() { 0 } else { 2 } {
            for ix in 0..members.len() {
                update(clock, evidence, &mut members, ix, false, exists);
            }
        }
        while members.len() < clock.kind.max_running.max(declared.len()) {
            if !split(clock, evidence, (first_day, now_day), &mut members, exists) {
                break;
            }
        }
    }
    if clock.trust.by_shape && members.len() > 1 {
        for ix in 0..members.len() {
            date_by_shape(clock, evidence, &mut members, ix);
        }
    }
    let mut out: Vec<Posterior> = members
        .into_iter()
        .map(|m| {
            let mut weights: Vec<f32> = m.weights.iter().map(|w| *w as f32).collect();
            if m.declared.is_none() {
                clock.trust.hold_back(&m.prior, &mut weights);
            }
            let declared = m.declared.is_some();
            let (name, kind, said) = m
                .declared
                .map_or_else(Default::default, |d| (d.name, d.kind, d.days));
            Posterior {
                clock: number,
                declared,
                name,
                kind,
                said,
                probability: m.probability,
                days: m.days,
                weights,
                width: m.width,
            }
        })
        .collect();
    out.sort_by(|a, b| {
        b.declared
            .cmp(&a.declared)
            .then(b.probability.total_cmp(&a.probability))
    });
    out
}

impl Clock {
    /// ln of the odds that there is a clock, read from the ages at which a customer's `voices` were raised, each to each of
    /// `powers`.
    pub fn log_odds_by_age<const N: usize>(
        &self,
        voices: &[Evidence],
        first_day: Option<f64>,
        now_day: f64,
        powers: [f32; N],
    ) -> [f64; N] {
        let mut grid = prior(self, first_day, now_day);
        let before = grid.sums.clone();
        for piece in voices {
            grid.add_more(self, piece);
        }
        powers.map(|power| {
            let pairs = before.iter().zip(&grid.sums);
            let read: Vec<f64> = pairs
                .map(|(prior, sum)| prior + f64::from(power) * (sum - prior))
                .collect();
            softmax(&read).0
        })
    }

    /// ln of the odds that there is a clock, read from what a customer's `voices` are for, whatever the ages. Of a clock that
    /// ends, those count that one that runs could have caused.
    pub fn log_odds_of_any_age(&self, voices: &[Evidence], now_day: f64) -> f64 {
        let since = if self.kind.lifelong {
            f64::NEG_INFINITY
        } else {
            now_day - (self.kind.max_age_days - self.kind.min_age_days)
        };
        let exists = self.exists();
        let lifts = voices
            .iter()
            .filter(|piece| piece.day >= since)
            .map(|piece| f64::from(piece.weight) * self.log_lift(piece.profile));
        (exists / (1.0 - exists)).ln() + lifts.sum::<f64>()
    }

    /// Probability that there is a clock, given a customer's `voices`.
    fn probability(&self, voices: &[Evidence], first_day: Option<f64>, now_day: f64) -> f64 {
        let Existence {
            by_age,
            power,
            activity,
            ..
        } = self.existence;
        let log_odds = if by_age {
            self.log_odds_by_age(voices, first_day, now_day, [power])[0]
        } else {
            let activity = f64::from(activity) * log_activity(voices);
            self.log_odds_of_any_age(voices, now_day) - activity
        };
        self.existence.probability(log_odds)
    }

    /// Total weight of the pieces that speak of this clock.
    pub fn weight_of(&self, evidence: &[Evidence]) -> f64 {
        evidence
            .iter()
            .filter(|piece| self.table(piece.profile).is_some())
            .map(|piece| f64::from(piece.weight))
            .sum()
    }

    /// `evidence` as far as it is believed; `None` where it is believed as it is.
    pub(super) fn believed(&self, evidence: &[Evidence]) -> Option<Vec<Evidence>> {
        let power = self.trust.power_at(self.weight_of(evidence)) as f32;
        (power != 1.0).then(|| {
            evidence
                .iter()
                .map(|piece| Evidence {
                    weight: piece.weight * power,
                    ..*piece
                })
                .collect()
        })
    }
}

fn from_fact(clock: &Clock, declared: &Declared) -> Member {
    let sd = clock.kind.declared_sd_days;
    let width = sd / 3.0;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for day in &declared.days {
        for k in -12..=12 {
            let offset = f64::from(k) * width;
            points.push((day + offset, -0.5 * (offset / sd).powi(2)));
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (days, prior) = points.into_iter().unzip();
    Member {
        declared: Some(declared.clone()),
        days,
        prior,
        width,
        probability: 1.0,
        weights: Vec::new(),
        excess: Vec::new(),
        dilution: Vec::new(),
    }
}

/// A declared clock before evidence: its prior alone.
fn normalise_fact(member: &mut Member, evidence: usize) {
    let (_, weights) = softmax(&member.prior);
    member.weights = weights;
    member.excess = vec![0.0; evidence];
    member.dilution = vec![0.0; evidence];
}

/// ln Σ exp and the normalised exponentials; an empty or hopeless input gives nothing.
fn softmax(logs: &[f64]) -> (f64, Vec<f64>) {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return (f64::NEG_INFINITY, vec![0.0; logs.len()]);
    }
    let mut weights: Vec<f64> = logs.iter().map(|l| (l - top).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    (top + sum.ln(), weights)
}

/// Days whose weight was less than this before are not looked at again in a narrow update.
const NARROW: f64 = 1e-7;

/// Recomputes one member given the means of the others; returns ln of its odds. No undeclared one is likelier than `exists`,
/// and a lone one is that likely.
///
/// A `narrow` update looks only at the days that were possible before it: what a round of fitting changes is how they
/// compare, not which they are.
fn update(
    clock: &Clock,
    evidence: &[Evidence],
    members: &mut [Member],
    ix: usize,
    narrow: bool,
    exists: f64,
) -> f64 {
    let alone = members.len() == 1 && members[ix].declared.is_none();
    let mut logs = members[ix].prior.clone();
    if alone {
        // The days are grid cells: one pass per piece of evidence.
        let first = (members[ix].days[0] / clock.kind.step_days).round() as i64;
        let mut grid = Grid {
            first,
            step: clock.kind.step_days,
            sums: logs,
        };
        for piece in evidence {
            if clock.trust.by_shape {
                grid.add_shape(clock, piece);
            } else {
                grid.add(clock, piece);
            }
        }
        logs = grid.sums;
    } else {
        let mut days: Vec<usize> = (0..logs.len()).collect();
        if narrow {
            days.retain(|day| members[ix].weights[*day] >= NARROW);
        }
        let mut looked_at = vec![f64::NEG_INFINITY; logs.len()];
        for (j, piece) in evidence.iter().enumerate() {
            let others = |field: fn(&Member) -> &Vec<f64>| -> f64 {
                members
                    .iter()
                    .enumerate()
                    .filter(|(m, member)| *m != ix && !member.weights.is_empty())
                    .map(|(_, member)| field(member)[j])
                    .sum()
            };
            let e = (1.0 + others(|m| &m.excess)).max(LEAST);
            let x = 1.0 + others(|m| &m.dilution);
            let weight = f64::from(piece.weight);
            if clock.table(piece.profile).is_none() {
                continue;
            }
            for at in &days {
                let age = piece.day - members[ix].days[*at];
                let more = (clock.excess(piece.profile, age) / e).max(LEAST - 1.0);
                logs[*at] += weight * ((1.0 + more) / (1.0 + clock.dilution(age) / x)).ln();
            }
        }
        for at in days {
            looked_at[at] = logs[at];
        }
        logs = looked_at;
    }
    let (log_odds, weights) = softmax(&logs);
    let member = &mut members[ix];
    if alone {
        member.probability = exists;
    } else if member.declared.is_none() {
        member.probability = sigmoid(log_odds).min(exists);
    }
    member.weights = weights;
    // a lone anchor has nobody to tell; before it is split it is narrowed, and told anew
    if !alone {
        set_means(clock, evidence, member);
    }
    log_odds
}

/// Dates one of several undeclared members by the ages at which holders buy what is its own.
fn date_by_shape(clock: &Clock, evidence: &[Evidence], members: &mut [Member], ix: usize) {
    if members[ix].declared.is_some() {
        return;
    }
    let mut logs = members[ix].prior.clone();
    for (j, piece) in evidence.iter().enumerate() {
        if clock.table(piece.profile).is_none() {
            continue;
        }
        let all: f64 = members.iter().map(|m| m.excess[j].max(0.0)).sum();
        let own = members[ix].excess[j].max(0.0) / all.max(1e-9);
        let weight = f64::from(piece.weight) * own;
        if weight > 1e-3 {
            for (log, day) in logs.iter_mut().zip(&members[ix].days) {
                *log += weight * clock.log_shape(piece.profile, piece.day - day);
            }
        }
    }
    members[ix].weights = softmax(&logs).1;
}

fn set_means(clock: &Clock, evidence: &[Evidence], member: &mut Member) {
    let mean = |f: &dyn Fn(f64) -> f64, day: f64| -> f64 {
        member
            .days
            .iter()
            .zip(&member.weights)
            .filter(|(_, w)| **w > 1e-6)
            .map(|(d, w)| w * f(day - d))
            .sum::<f64>()
            * member.probability
    };
    let excess: Vec<f64> = evidence
        .iter()
        .map(|piece| {
            let profile: ProfileIx = piece.profile;
            mean(&|age| clock.excess(profile, age), piece.day)
        })
        .collect();
    let dilution: Vec<f64> = evidence
        .iter()
        .map(|piece| mean(&|age| clock.dilution(age), piece.day))
        .collect();
    member.excess = excess;
    member.dilution = dilution;
}

/// Tries one anchor more; keeps it when the data ask for it. The first undeclared one is always kept.
fn split(
    clock: &Clock,
    evidence: &[Evidence],
    (first_day, now_day): (Option<f64>, f64),
    members: &mut Vec<Member>,
    exists: f64,
) -> bool {
    let undeclared = members.iter().filter(|m| m.declared.is_none()).count();
    if undeclared > 0 {
        // What a lone posterior smears over two anchors, the tightest explanation of one leaves to the other.
        let last = members.len() - 1;
        if members[last].probability < 0.5 {
            return false;
        }
    }
    let before: Vec<(f64, Vec<f64>, Vec<f64>, Vec<f64>)> = members
        .iter()
        .map(|m| {
            (
                m.probability,
                m.weights.clone(),
                m.excess.clone(),
                m.dilution.clone(),
            )
        })
        .collect();
    if undeclared > 0 {
        let last = members.len() - 1;
        focus(clock, &mut members[last], now_day);
        set_means(clock, evidence, &mut members[last]);
    }
    members.push(candidate(clock, evidence, first_day, now_day));
    let ix = members.len() - 1;
    let mut log_odds = update(clock, evidence, members, ix, false, exists);
    if undeclared == 0 {
        if members.len() > 1 && members[ix].probability < 0.5 {
            // Declared clocks explain the rest well enough.
            members.pop();
            return false;
        }
        return true;
    }
    if log_odds > 0.0 {
        for round in 0..ROUNDS {
            for other in 0..members.len() {
                log_odds = update(clock, evidence, members, other, round > 0, exists);
            }
        }
    }
    let weakest = members
        .iter()
        .filter(|m| m.declared.is_none())
        .map(|m| m.probability)
        .fold(1.0, f64::min);
    let least = (SPLIT_ODDS / (1.0 + SPLIT_ODDS)).min(0.999 * exists);
    if log_odds > SPLIT_ODDS.ln() && weakest > least {
        return true;
    }
    members.pop();
    for (member, (probability, weights, excess, dilution)) in members.iter_mut().zip(before) {
        member.probability = probability;
        member.weights = weights;
        member.excess = excess;
        member.dilution = dilution;
    }
    false
}

/// Keeps of a posterior the neighbourhood of its likeliest anchor.
fn focus(clock: &Clock, member: &mut Member, now_day: f64) {
    let best = (0..member.weights.len())
        .max_by(|&a, &b| {
            member.weights[a]
                .total_cmp(&member.weights[b])
                .then(b.cmp(&a))
        })
        .unwrap_or(0);
    let center = member.days.get(best).copied().unwrap_or(now_day);
    let reach = 2.0 * clock.kind.bandwidth(now_day - center) + clock.kind.step_days;
    for (day, weight) in member.days.iter().zip(&mut member.weights) {
        if (day - center).abs() > reach {
            *weight = 0.0;
        }
    }
    let sum: f64 = member.weights.iter().sum();
    member.weights.iter_mut().for_each(|w| *w /= sum);
}

/// ln of the expected number of anchors in each cell before evidence, on the grid of all anchors that matter at `now_day`
/// for a customer first seen on `first_day`.
pub fn prior(clock: &Clock, first_day: Option<f64>, now_day: f64) -> Grid {
    let kind = &clock.kind;
    let first = first_day.unwrap_or(now_day).min(now_day);
    let from = if kind.lifelong {
        first - kind.max_age_days
    } else {
        now_day - kind.max_age_days
    };
    let mut grid = Grid::new(clock, from, now_day - kind.min_age_days);
    let per_cell = (clock.anchors_per_day * kind.step_days).ln();
    for cell in 0..grid.sums.len() {
        let day = grid.day(cell);
        grid.sums[cell] = per_cell + clock.first_age(first - day).max(1e-9).ln();
    }
    grid
}

/// An undeclared anchor before evidence, on the grid of all anchors that matter.
fn candidate(clock: &Clock, evidence: &[Evidence], first_day: Option<f64>, now_day: f64) -> Member {
    let kind = &clock.kind;
    let grid = prior(clock, first_day, now_day);
    let days: Vec<f64> = (0..grid.sums.len()).map(|cell| grid.day(cell)).collect();
    let prior = grid.sums;
    Member {
        declared: None,
        days,
        prior,
        width: kind.step_days,
        probability: 0.0,
        weights: Vec::new(),
        excess: vec![0.0; evidence.len()],
        dilution: vec![0.0; evidence.len()],
    }
}
