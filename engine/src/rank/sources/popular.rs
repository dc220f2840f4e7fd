//! What most customers bought: the answer for somebody of whom nothing is known.

use super::breadth;
use crate::rank::{filters::ELIGIBILITY, Query, Source};
use serendib_shop::ProductIx;

/// Most popular products that may be shown.
pub struct Popular;

impl Source for Popular {
    fn name(&self) -> &'static str {
        "popular"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let filters: Vec<_> = ELIGIBILITY.iter().filter(|f| f.enabled(query)).collect();
        Ok(query
            .model
            .by_popularity()
            .iter()
            .copied()
            .filter(|&product| filters.iter().all(|f| f.keeps(query, product)))
            .take(breadth(query))
            .map(|product| (product, query.model.popularity_share(product)))
            .collect())
    }
}
