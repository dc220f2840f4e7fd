//! What one list lets in, so that sources look for what may stay instead of being filtered after the cut.

use super::filters::ELIGIBILITY;
use super::{Filter, Query};
use serendib_shop::ProductIx;

impl<'a> Query<'a> {
    /// The filters that apply, eligibility before the plan's own.
    fn filters(&self) -> impl Iterator<Item = &'static dyn Filter> + use<'_, 'a> {
        let all = ELIGIBILITY.iter().chain(self.scope.filters).copied();
        all.filter(|filter| filter.enabled(self))
    }

    /// The first filter that refuses `product`.
    pub(crate) fn refusal(&self, product: ProductIx) -> Option<&'static str> {
        let mut filters = self.filters();
        filters
            .find(|filter| !filter.keeps(self, product))
            .map(|filter| filter.name())
    }

    /// Whether a product is in a list before this one.
    pub(crate) fn is_listed(&self, product: ProductIx) -> bool {
        self.scope.listed.is_some_and(|l| l.contains(&product))
    }

    /// Whether products may come into the list: for sources, which look for these alone.
    pub(crate) fn admits(&self) -> impl Fn(ProductIx) -> bool + Sync + use<'_, 'a> {
        let filters: Vec<_> = self.filters().collect();
        move |product| !self.is_listed(product) && filters.iter().all(|f| f.keeps(self, product))
    }
}
