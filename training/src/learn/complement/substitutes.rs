//! Substitutes: what is bought in the same company, but not in the same basket.

use std::collections::HashMap;

use super::significance::Pair;
use serendib_shop::{Catalogue, CustomerIx, ProductIx};

/// What one product is attracted to, with the strength of each, ascending by product.
pub type Context = Vec<(ProductIx, f32)>;

/// Neighbours kept per product.
const CONTEXT_WIDTH: usize = 100;
/// A larger category is not looked through product by product.
const LARGE_CATEGORY: usize = 400;

/// The contexts of all products: ln of the lift of each significant pair.
pub fn contexts(products: usize, pairs: &[Pair]) -> Vec<Context> {
    let mut rows: Vec<Context> = vec![Vec::new(); products];
    for pair in pairs {
        let weight = ((f64::from(pair.shared) + 1.0) / (pair.expected + 1.0))
            .ln()
            .max(0.0) as f32;
        rows[pair.a.index()].push((pair.b, weight));
        rows[pair.b.index()].push((pair.a, weight));
    }
    for row in &mut rows {
        row.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        row.truncate(CONTEXT_WIDTH);
        row.sort_by_key(|(product, _)| *product);
    }
    rows
}

/// Cosine of two contexts without the pair itself; 0 where one is empty.
pub fn context_cosine(contexts: &[Context], a: ProductIx, b: ProductIx) -> f32 {
    let (left, right) = (&contexts[a.index()], &contexts[b.index()]);
    let norm = |row: &Context, without: ProductIx| {
        row.iter()
            .filter(|(p, _)| *p != without)
            .map(|(_, w)| w * w)
            .sum::<f32>()
            .sqrt()
    };
    let (mut i, mut j, mut dot) = (0, 0, 0.0f32);
    while i < left.len() && j < right.len() {
        match left[i].0.cmp(&right[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                dot += left[i].1 * right[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    let norms = norm(left, b) * norm(right, a);
    if norms > 0.0 {
        (dot / norms).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Evidence about two products that may replace each other.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// Cosine of their contexts, 0…1.
    pub context: f32,
    /// Whether they lie in one leaf category; `None` where the shop has no categories.
    pub same_category: Option<bool>,
    /// Shared baskets over those expected, shrunk; 1 = as expected.
    pub lift: f64,
    /// Share of the customers who bought one and later the other, and then never again the first; 0…1.
    pub switched: f32,
    /// Cosine of how often they are viewed in one visit, 0…1; 0 without views.
    pub viewed_together: f32,
}

/// How far two products replace each other, 0…1: alike in company, of one category, seen together, switched between, and
/// not bought in one basket.
pub fn substitution(evidence: &Evidence) -> f32 {
    let category = match evidence.same_category {
        Some(true) => 1.0,
        Some(false) => 0.1,
        None => 0.6,
    };
    let alike = evidence.context.max(evidence.viewed_together);
    let together = (1.0 / evidence.lift.max(1.0)).powf(0.75) as f32;
    let switched = 0.75 + 0.25 * evidence.switched.clamp(0.0, 1.0);
    (alike * category * together * switched).clamp(0.0, 1.0)
}

/// Share of customers with both who switched from the first to the second: last purchase of a before first of b.
///
/// `a` and `b` give customer, first and last day, ascending by customer.
pub fn switched(a: &[(CustomerIx, i32, i32)], b: &[(CustomerIx, i32, i32)]) -> f32 {
    let (mut at, mut both, mut moved) = (0usize, 0u32, 0u32);
    for (customer, first_a, last_a) in a {
        while at < b.len() && b[at].0 < *customer {
            at += 1;
        }
        if at < b.len() && b[at].0 == *customer {
            both += 1;
            if *last_a < b[at].1 || b[at].2 < *first_a {
                moved += 1;
            }
        }
    }
    // Shrunk towards nobody by three customers.
    moved as f32 / (both + 3) as f32
}

/// Products that share a neighbour or a category with `product`, ascending: the only ones that may replace it.
pub fn candidates(
    catalogue: &Catalogue,
    by_category: &HashMap<u32, Vec<ProductIx>>,
    contexts: &[Context],
    product: ProductIx,
) -> Vec<ProductIx> {
    let leaf = catalogue.leaf(product);
    let row = leaf.and_then(|leaf| by_category.get(&leaf.0));
    if let Some(row) = row.filter(|row| row.len() <= LARGE_CATEGORY) {
        return row.iter().copied().filter(|p| *p != product).collect();
    }
    let mut found: HashMap<ProductIx, u32> = HashMap::new();
    for (neighbour, _) in &contexts[product.index()] {
        for (other, _) in &contexts[neighbour.index()] {
            if *other != product && (leaf.is_none() || catalogue.leaf(*other) == leaf) {
                *found.entry(*other).or_default() += 1;
            }
        }
    }
    let mut found: Vec<(ProductIx, u32)> = found.into_iter().filter(|(_, n)| *n >= 2).collect();
    found.sort_by_key(|(product, shared)| (std::cmp::Reverse(*shared), *product));
    found.truncate(300);
    let mut products: Vec<ProductIx> = found.into_iter().map(|(product, _)| product).collect();
    products.sort_unstable();
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(a: u32, b: u32) -> Pair {
        Pair {
            a: ProductIx(a),
            b: ProductIx(b),
            shared: 20,
            expected: 2.0,
            g2: 50.0,
            p: 0.0,
        }
    }

    #[test]
    fn products_with_the_same_company_are_alike() {
        // Cola and lemonade (0, 1) both go with crisps and cups (2, 3); milk (4) goes with flakes (5).
        let rows = contexts(
            6,
            &[pair(0, 2), pair(0, 3), pair(1, 2), pair(1, 3), pair(4, 5)],
        );
        assert!(context_cosine(&rows, ProductIx(0), ProductIx(1)) > 0.99);
        assert_eq!(context_cosine(&rows, ProductIx(0), ProductIx(4)), 0.0);
    }

    #[test]
    fn replacing_needs_likeness_and_separate_baskets() {
        let base = Evidence {
            context: 0.8,
            same_category: Some(true),
            lift: 0.5,
            switched: 0.5,
            viewed_together: 0.0,
        };
        let value = substitution(&base);
        assert!(value > 0.6);
        assert!(substitution(&Evidence { lift: 8.0, ..base }) < 0.3 * value);
        assert!(
            substitution(&Evidence {
                same_category: Some(false),
                ..base
            }) < 0.1
        );
        assert_eq!(
            substitution(&Evidence {
                context: 0.0,
                ..base
            }),
            0.0
        );
    }

    #[test]
    fn switching_counts_those_who_never_came_back() {
        let of = |(customer, first, last)| (CustomerIx(customer), first, last);
        let a = [(1, 0, 10), (2, 0, 50), (3, 5, 5)].map(of);
        let b = [(1, 20, 20), (2, 20, 60), (4, 1, 1)].map(of);
        assert!((switched(&a, &b) - 1.0 / 5.0).abs() < 1e-6);
    }
}
