//! The complement graph: directed edges between products, and between categories where products are too rare.

use std::collections::HashMap;

use super::lag::Lag;
use super::sparse::SparseRows;
use super::{Completion, Variants};
use serendib_shop::ProductIx;

/// Score of the best product of the categories that go with a product of which nothing is known, and what the unproven count
/// beside several purchases.
const BACK_OFF: f32 = 0.1;

/// What one product leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    pub product: ProductIx,
    /// Strength by which edges of one product are ordered, > 0.
    pub score: f32,
    /// Shrunk lift over baskets of these sizes.
    pub lift: f32,
    /// Shrunk probability of the complement, given the product, 0…1.
    pub conditional: f32,
    /// How much more often the product comes before the complement than their calendars explain, around .5; exactly .5 where
    /// no direction is claimed.
    pub direction: f32,
    /// When it is bought.
    pub lag: Lag,
}

/// Complements, substitutes, variants and basket completion of one shop; a part of the model.
#[derive(Debug, Clone, Default)]
pub struct Complements {
    pub(super) variants: Variants,
    pub(super) offsets: Vec<u32>,
    pub(super) edges: Vec<Edge>,
    pub(super) substitutes: SparseRows,
    /// What is bought beside each product without being an edge, in units of [`Edge::score`].
    pub(super) companions: SparseRows,
    /// What is bought after each product; empty where a page shows edges and companions instead.
    pub(super) follows: SparseRows,
    pub(super) completion: Completion,
    /// Topic of each product.
    pub(super) topics: Vec<u32>,
    /// Topic to topic.
    pub(super) topic_edges: SparseRows<u32>,
    /// The most bought products of each topic, with their share of it.
    pub(super) topic_best: SparseRows,
    pub(super) substitute_from: f32,
}

/// What complements are made of.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub variants: Variants,
    /// The complements of each product, best first.
    pub edges: Vec<Vec<Edge>>,
    /// What replaces each product, with how far, 0…1.
    pub substitutes: SparseRows,
    /// What is bought beside each product without being an edge, in units of [`Edge::score`].
    pub companions: SparseRows,
    pub completion: Completion,
    /// Topic of each product.
    pub topics: Vec<u32>,
    /// Topic to topic.
    pub topic_edges: SparseRows<u32>,
    /// The most bought products of each topic, with their share of it.
    pub topic_best: SparseRows,
    /// From this substitution on, two products are never complements.
    pub substitute_from: f32,
}

impl Complements {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Complements {
        let mut offsets = vec![0];
        let mut edges = Vec::new();
        for row in parts.edges {
            edges.extend(row);
            offsets.push(edges.len() as u32);
        }
        Complements {
            variants: parts.variants,
            offsets,
            edges,
            substitutes: parts.substitutes,
            companions: parts.companions,
            follows: SparseRows::default(),
            completion: parts.completion,
            topics: parts.topics,
            topic_edges: parts.topic_edges,
            topic_best: parts.topic_best,
            substitute_from: parts.substitute_from,
        }
    }

    /// The complements of `product`, best first; empty for one the model does not know.
    pub fn edges(&self, product: ProductIx) -> &[Edge] {
        let ix = product.index();
        if ix + 1 >= self.offsets.len() {
            return &[];
        }
        &self.edges[self.offsets[ix] as usize..self.offsets[ix + 1] as usize]
    }

    /// Every claimed direction: (earlier, later) products.
    pub fn directed(&self) -> impl Iterator<Item = (ProductIx, &Edge)> + '_ {
        ProductIx::all(self.offsets.len().saturating_sub(1))
            .flat_map(move |from| self.edges(from).iter().map(move |edge| (from, edge)))
            .filter(|(_, edge)| edge.direction > 0.5)
    }

    /// The products that replace `product` with how far, 0…1, best first.
    pub fn substitutes(&self, product: ProductIx) -> Vec<(ProductIx, f32)> {
        let mut row: Vec<(ProductIx, f32)> = self
            .substitutes
            .iter(product)
            .filter(|(_, value)| *value >= self.substitute_from)
            .collect();
        row.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        row
    }

    /// The same with other substitutes: rows of how far each product is replaced by others, 0…1.
    pub fn with_substitutes(self, substitutes: SparseRows) -> Complements {
        Complements {
            substitutes,
            ..self
        }
    }

    /// The same with what `follows` each product in place of edges and companions, kinds that lead to `kinds`, and the products
    /// by which each kind is stood for (`best`), with their share of it.
    pub fn with_follows(
        self,
        follows: SparseRows,
        kinds: SparseRows<u32>,
        best: SparseRows,
    ) -> Complements {
        Complements {
            follows,
            companions: SparseRows::default(),
            topic_edges: kinds,
            topic_best: best,
            ..self
        }
    }

    /// Whether `other` goes with `product` beyond chance: by their own purchases, or by those of their kinds.
    pub fn is_proven(&self, product: ProductIx, other: ProductIx) -> bool {
        let kind = |p: ProductIx| self.topics.get(p.index()).copied();
        let kinds = kind(product).zip(kind(other));
        self.edges(product).iter().any(|edge| edge.product == other)
            || kinds.is_some_and(|(from, to)| self.topic_edges.get(from, to) > 0.0)
    }

    /// Whether one product replaces the other, so that it is never offered as its complement.
    pub fn replaces(&self, a: ProductIx, b: ProductIx) -> bool {
        self.variants.same(a, b)
            || self.substitutes.get(a, b).max(self.substitutes.get(b, a)) >= self.substitute_from
    }

    pub fn variants(&self) -> &Variants {
        &self.variants
    }

    /// The scorer of basket completion.
    pub fn completion(&self) -> &Completion {
        &self.completion
    }

    /// What goes with `product` by its category alone, weaker than any edge of its own: best products of the attached
    /// categories.
    pub fn back_off(&self, product: ProductIx) -> Vec<(ProductIx, f32)> {
        let Some(topic) = self.topics.get(product.index()) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (other, weight) in self.topic_edges.iter(*topic) {
            for (best, share) in self.topic_best.iter(other) {
                out.push((best, weight * share));
            }
        }
        out.sort_by(|x: &(ProductIx, f32), y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        out
    }

    /// What one purchase `days` ago leads to now: what follows it, else its edges, then what is bought beside it without proof,
    /// by how due they are; what goes with its category where nothing else is known.
    ///
    /// For a product by itself (`alone`) the unproven fill what proof leaves open. Beside other purchases they count little:
    /// what sells well is bought beside everything, and its sum over many purchases would outweigh what goes with one.
    /// What follows is beyond chance as it is, and due when its edge says so where it has one.
    fn leads_to(&self, anchor: ProductIx, days: f64, alone: bool) -> Vec<(ProductIx, f32)> {
        // A complement is never wholly out of season: a third of it stays.
        let share = |lag: &Lag| (1.0 + 2.0 * lag.due(days) as f32) / 3.0;
        let edges = self.edges(anchor);
        if !self.follows.row(anchor).0.is_empty() {
            let due = |product: ProductIx| {
                let edge = edges.iter().find(|edge| edge.product == product);
                share(edge.map_or(&Lag::TOGETHER, |edge| &edge.lag))
            };
            let row = self.follows.iter(anchor);
            return row
                .map(|(p, score)| (p, if alone { score } else { score * due(p) }))
                .collect();
        }
        let mut out: Vec<(ProductIx, f32)> = edges
            .iter()
            .map(|edge| (edge.product, edge.score * share(&edge.lag)))
            .collect();
        let together = share(&Lag::TOGETHER) * if alone { 1.0 } else { BACK_OFF };
        let unproven = self.companions.iter(anchor);
        out.extend(unproven.map(|(product, score)| (product, score * together)));
        if out.is_empty() {
            let back_off = self.back_off(anchor);
            let top = back_off.first().map_or(1.0, |(_, v)| *v).max(1e-9);
            out.extend(
                back_off
                    .into_iter()
                    .map(|(product, value)| (product, BACK_OFF * value / top)),
            );
        }
        out
    }

    /// What each of `bought` (product, days ago) adds to the score of `product` in [`Complements::goes_with`], largest first.
    pub fn contributions(
        &self,
        bought: &[(ProductIx, f64)],
        product: ProductIx,
    ) -> Vec<(ProductIx, f32)> {
        let mut parts: Vec<(ProductIx, f32)> = bought
            .iter()
            .map(|(anchor, days)| {
                let leads = self.leads_to(*anchor, *days, bought.len() == 1);
                let own = leads.iter().filter(|(p, _)| *p == product);
                (*anchor, own.map(|(_, value)| value).sum())
            })
            .filter(|(_, value)| *value > 0.0)
            .collect();
        parts.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        parts
    }

    /// The `k` products that complete `basket` best among those `allowed`, with their scores. A basket of one product is that
    /// product's page; one with which nothing is known to go is completed by what most baskets hold.
    pub fn complete(
        &self,
        basket: &[(ProductIx, f32)],
        k: usize,
        allowed: &dyn Fn(ProductIx) -> bool,
    ) -> Vec<(ProductIx, f32)> {
        if let [(only, _)] = basket {
            let page = self.goes_with(&[(*only, 0.0)], k, allowed);
            if !page.is_empty() {
                return page.into_iter().map(|(p, score, _)| (p, score)).collect();
            }
        }
        self.completion.complete(basket, k, allowed)
    }

    /// What goes with recent purchases (`bought`: product, days ago) after the right lag.
    ///
    /// What follows a product counts by how due it is, or its edges do, and so does what is bought beside a product too seldom for an edge; one without
    /// company is helped by its category. What replaces or varies one of `bought`, and `bought` itself, is left out. Score
    /// descending, ties by number, with the product behind the largest part.
    pub fn goes_with(
        &self,
        bought: &[(ProductIx, f64)],
        k: usize,
        allowed: &dyn Fn(ProductIx) -> bool,
    ) -> Vec<(ProductIx, f32, ProductIx)> {
        let mut sums: HashMap<ProductIx, (f32, ProductIx, f32)> = HashMap::new();
        for (anchor, days) in bought {
            for (product, value) in self.leads_to(*anchor, *days, bought.len() == 1) {
                let slot = sums.entry(product).or_insert((0.0, *anchor, 0.0));
                slot.0 += value;
                if value > slot.2 {
                    (slot.1, slot.2) = (*anchor, value);
                }
            }
        }
        let mut ranked: Vec<(ProductIx, f32, ProductIx)> = sums
            .into_iter()
            .filter(|(product, _)| {
                allowed(*product)
                    && bought
                        .iter()
                        .all(|(anchor, _)| anchor != product && !self.replaces(*anchor, *product))
            })
            .map(|(product, (score, anchor, _))| (product, score, anchor))
            .collect();
        ranked.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        ranked.truncate(k);
        ranked
    }
}
