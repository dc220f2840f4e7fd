//! What else goes into a basket: one sparse item-to-item matrix, and popularity where it says nothing.

use super::sparse::SparseRows;
use serendib_shop::ProductIx;

/// The scorer of basket completion: linear in the basket, so a basket is scored by adding rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completion {
    rows: SparseRows,
    /// Share of baskets that hold each product: breaks ties and serves an unknown basket.
    popularity: Vec<f32>,
}

/// Weight of popularity against the blend: below any real weight, above rounding.
const POPULARITY_WEIGHT: f32 = 1e-6;

impl Completion {
    /// From a blended matrix and the share of baskets that hold each product.
    pub fn new(rows: SparseRows, popularity: Vec<f32>) -> Completion {
        Completion { rows, popularity }
    }

    pub fn rows(&self) -> &SparseRows {
        &self.rows
    }

    /// The share of baskets that hold each product.
    pub fn popularity(&self) -> &[f32] {
        &self.popularity
    }

    /// Adds up the rows of `basket` (distinct, known products) into `out`, one score per product. Products outside the catalogue
    /// are passed over; an empty basket is scored by popularity.
    pub fn scores(&self, basket: &[(ProductIx, f32)], out: &mut [f32]) {
        for (slot, popularity) in out.iter_mut().zip(&self.popularity) {
            *slot = POPULARITY_WEIGHT * popularity;
        }
        for (product, weight) in basket {
            for (other, value) in self.rows.iter(*product) {
                if let Some(slot) = out.get_mut(other.index()) {
                    *slot += weight * value;
                }
            }
        }
    }

    /// The `k` products that complete `basket` best among those `allowed`, without the basket itself; score descending, ties by
    /// product number.
    pub fn complete(
        &self,
        basket: &[(ProductIx, f32)],
        k: usize,
        allowed: &dyn Fn(ProductIx) -> bool,
    ) -> Vec<(ProductIx, f32)> {
        let mut scores = vec![0.0f32; self.popularity.len()];
        self.scores(basket, &mut scores);
        let inside: std::collections::HashSet<ProductIx> =
            basket.iter().map(|(product, _)| *product).collect();
        let mut ranked: Vec<(ProductIx, f32)> = ProductIx::all(scores.len())
            .zip(scores)
            .filter(|(ix, score)| *score > 0.0 && !inside.contains(ix) && allowed(*ix))
            .collect();
        let order =
            |x: &(ProductIx, f32), y: &(ProductIx, f32)| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0));
        if ranked.len() > k && k > 0 {
            ranked.select_nth_unstable_by(k - 1, order);
        }
        ranked.truncate(k);
        ranked.sort_by(order);
        ranked
    }

    /// What each product of `basket` adds to the score of `product`, largest first.
    pub fn contributions(
        &self,
        basket: &[(ProductIx, f32)],
        product: ProductIx,
    ) -> Vec<(ProductIx, f32)> {
        let mut parts: Vec<(ProductIx, f32)> = basket
            .iter()
            .map(|(inside, weight)| (*inside, weight * self.rows.get(*inside, product)))
            .filter(|(_, value)| *value != 0.0)
            .collect();
        parts.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_basket_is_served_by_popularity() {
        let completion = Completion::new(
            SparseRows::from_rows(vec![Vec::new(); 3]),
            vec![0.1, 0.3, 0.2],
        );
        let order: Vec<_> = completion
            .complete(&[(ProductIx(7), 1.0)], 5, &|_| true)
            .into_iter()
            .map(|(p, _)| p)
            .collect();
        assert_eq!(order, [1, 2, 0].map(ProductIx));
        assert!(completion.complete(&[], 0, &|_| true).is_empty());
    }
}
