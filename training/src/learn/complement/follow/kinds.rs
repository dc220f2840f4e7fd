//! How often one kind of thing draws another after it, beyond what both sell anyhow and in which direction.

use std::collections::HashMap;

use serendib_engine::complement::keep_largest;
use serendib_shop::{Catalogue, ProductIx};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::learn::complement::significance::benjamini_hochberg;

/// With more kinds than this nothing is counted between them: a table of all pairs would not fit.
pub(super) const MOST_KINDS: usize = 2_000;
/// Kinds that one kind leads to, at most.
const LEADS_TO: usize = 40;
/// Purchases by which the rate of a kind is shrunk to nothing, and to that of its department.
const SHRINK: f32 = 20.0;

/// False-discovery rate of kinds of which it is told that one leads to the other.
const TOLD: f64 = 0.05;

/// Counts between kinds, in dense rows.
pub(super) struct KindCounts {
    kinds: usize,
    /// First purchases of the second kind with or after those of the first.
    after: Vec<f32>,
    /// Those in the same basket.
    together: Vec<f32>,
    /// First purchases of each kind that were looked at.
    cases: Vec<f32>,
}

impl KindCounts {
    /// No counts yet, between `kinds` kinds.
    pub fn new(kinds: usize) -> KindCounts {
        KindCounts {
            kinds,
            after: vec![0.0; kinds * kinds],
            together: vec![0.0; kinds * kinds],
            cases: vec![0.0; kinds],
        }
    }

    /// Adds what follows some product of the kind `from`.
    pub fn add(&mut self, from: u32, to: u32, after: f32, together: f32) {
        let at = from as usize * self.kinds + to as usize;
        self.after[at] += after;
        self.together[at] += together;
    }

    /// Adds first purchases of products of `kind`.
    pub fn add_cases(&mut self, kind: u32, cases: f32) {
        self.cases[kind as usize] += cases;
    }

    /// For each kind the other kinds that it leads to, with how many more of their products are first bought with or after one
    /// of its own than chance and the opposite direction explain, less `doubt` standard errors, per purchase, > 0; the largest
    /// first.
    ///
    /// A kind with few purchases borrows from its `departments`, by kind ([`NO_DEPARTMENT`] = none).
    pub fn rates(&self, departments: &[u32], doubt: f32) -> Vec<Vec<(u32, f32)>> {
        let k = self.kinds;
        let margins = self.margins();
        let chance = |from: usize, to: usize| margins.chance(from, to);
        let before = |from: usize, to: usize| self.before(from, to);
        let rate = |after: f32, otherwise: f32, cases: f32| {
            let doubt = doubt * (after + otherwise + 1.0).sqrt();
            ((after - otherwise - doubt) / (cases + SHRINK)).max(0.0)
        };
        let of_departments = self.of_departments(departments, &chance, &before, &rate);
        (0..k)
            .map(|from| {
                let department = departments.get(from).copied().unwrap_or(NO_DEPARTMENT);
                let wide = of_departments.get(department as usize);
                let own = self.cases[from];
                let mut row: Vec<(u32, f32)> = (0..k)
                    .filter(|to| *to != from)
                    .map(|to| {
                        let otherwise = chance(from, to).max(before(from, to));
                        let narrow = rate(self.after[from * k + to], otherwise, own);
                        let wide = wide.map_or(narrow, |row| row[to]);
                        let value = (own * narrow + SHRINK * wide) / (own + SHRINK);
                        (to as u32, value)
                    })
                    .filter(|(_, value)| *value > 0.0)
                    .collect();
                keep_largest(&mut row, LEADS_TO);
                row
            })
            .collect()
    }

    /// What of `rates` is beyond chance and the opposite direction, with false-discovery control over all pairs of kinds.
    pub fn told(&self, rates: &[Vec<(u32, f32)>]) -> Vec<Vec<(u32, f32)>> {
        let margins = self.margins();
        let normal = Normal::standard();
        let p = |from: usize, to: usize| {
            let otherwise = margins.chance(from, to).max(self.before(from, to));
            let more = self.after[from * self.kinds + to] - otherwise;
            normal.sf(f64::from(more / (otherwise + 1.0).sqrt()))
        };
        let pairs = (0..self.kinds).flat_map(|from| (0..self.kinds).map(move |to| (from, to)));
        let tests: Vec<f64> = pairs
            .filter(|(from, to)| from != to && self.after[from * self.kinds + to] > 0.0)
            .map(|(from, to)| p(from, to))
            .collect();
        let limit = benjamini_hochberg(&tests, tests.len(), TOLD).unwrap_or(-1.0);
        let rows = rates.iter().enumerate();
        rows.map(|(from, row)| {
            let told = row.iter().filter(|(to, _)| p(from, *to as usize) <= limit);
            told.copied().collect()
        })
        .collect()
    }

    /// Sums of the counts by row and column.
    fn margins(&self) -> Margins {
        let k = self.kinds;
        let mut margins = Margins {
            out: vec![0.0; k],
            into: vec![0.0; k],
            total: 0.0,
        };
        for from in 0..k {
            for to in 0..k {
                let n = self.after[from * k + to];
                margins.out[from] += n;
                margins.into[to] += n;
                margins.total += f64::from(n);
            }
        }
        margins
    }

    /// What follows in the opposite direction, without what shares a basket.
    fn before(&self, from: usize, to: usize) -> f32 {
        let at = to * self.kinds + from;
        self.after[at] - self.together[at]
    }

    /// The rate of each department to each kind outside of itself, over its kinds together.
    fn of_departments(
        &self,
        departments: &[u32],
        chance: &dyn Fn(usize, usize) -> f32,
        before: &dyn Fn(usize, usize) -> f32,
        rate: &dyn Fn(f32, f32, f32) -> f32,
    ) -> Vec<Vec<f32>> {
        let k = self.kinds;
        let known = departments.iter().filter(|d| **d != NO_DEPARTMENT);
        let count = known.max().map_or(0, |top| *top as usize + 1);
        let mut sums = vec![vec![[0.0f32; 3]; k]; count];
        let mut cases = vec![0.0f32; count];
        for (from, department) in departments.iter().enumerate().take(k) {
            let Some(row) = sums.get_mut(*department as usize) else {
                continue;
            };
            cases[*department as usize] += self.cases[from];
            for (to, slot) in row.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                slot[0] += self.after[from * k + to];
                slot[1] += chance(from, to);
                slot[2] += before(from, to);
            }
        }
        sums.iter()
            .zip(&cases)
            .map(|(row, cases)| {
                row.iter()
                    .map(|[after, chance, before]| rate(*after, chance.max(*before), *cases))
                    .collect()
            })
            .collect()
    }
}

/// Sums of counts between kinds.
struct Margins {
    out: Vec<f32>,
    into: Vec<f32>,
    total: f64,
}

impl Margins {
    /// How often one kind follows another if what follows what were chance.
    fn chance(&self, from: usize, to: usize) -> f32 {
        self.out[from] * self.into[to] / self.total.max(1.0) as f32
    }
}

/// Stands for the department of a kind that has none.
pub(super) const NO_DEPARTMENT: u32 = u32::MAX;

/// The department of each of `kinds` kinds: the category above that of its products, [`NO_DEPARTMENT`] where there is none.
pub(super) fn departments(catalogue: &Catalogue, topics: &[u32], kinds: usize) -> Vec<u32> {
    let mut out = vec![NO_DEPARTMENT; kinds];
    let mut numbers: HashMap<u32, u32> = HashMap::new();
    for (ix, kind) in topics.iter().enumerate().take(catalogue.len()) {
        let leaf = catalogue.leaf(ProductIx::of_index(ix));
        let above = leaf.and_then(|leaf| catalogue.ancestry(leaf).nth(1));
        if let (Some(slot), Some(above)) = (out.get_mut(*kind as usize), above) {
            let next = numbers.len() as u32;
            *slot = *numbers.entry(above.0).or_insert(next);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind 0 draws 1 after it, 2 is bought at any time, 3 is rare and of the department of 0.
    fn counts() -> KindCounts {
        let mut counts = KindCounts::new(4);
        for (from, to, after) in [
            (0, 1, 80.0),
            (1, 0, 10.0),
            (0, 2, 50.0),
            (2, 0, 50.0),
            (1, 2, 50.0),
            (2, 1, 50.0),
            (2, 2, 200.0),
            (3, 1, 1.0),
        ] {
            counts.add(from, to, after, 0.0);
        }
        for (kind, cases) in [(0, 100.0), (1, 100.0), (2, 300.0), (3, 2.0)] {
            counts.add_cases(kind, cases);
        }
        counts
    }

    #[test]
    fn a_kind_leads_to_what_follows_it_and_not_back() {
        let rates = counts().rates(&[NO_DEPARTMENT; 4], 1.0);
        assert_eq!(rates[0][0].0, 1);
        assert!(rates[0][0].1 > 0.2);
        assert!(rates[1].iter().all(|(to, _)| *to != 0));
        assert!(
            rates[2].iter().all(|(to, _)| *to != 2),
            "never its own kind"
        );
        assert!(rates[3].is_empty());
        let told = counts().told(&rates);
        assert_eq!(told[0].first().map(|(to, _)| *to), Some(1));
        assert!(told.iter().skip(1).all(|row| row.is_empty()), "{told:?}");
    }

    #[test]
    fn a_rare_kind_borrows_from_its_department() {
        let rates = counts().rates(&[0, NO_DEPARTMENT, NO_DEPARTMENT, 0], 1.0);
        assert_eq!(rates[3].first().map(|(to, _)| *to), Some(1));
        assert!(rates[0][0].1 > 0.2);
    }
}
