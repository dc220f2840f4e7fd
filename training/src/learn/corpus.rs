//! The histories that a model is fitted on, and the interactions in them.

use std::borrow::Cow;

use serendib_engine::represent::{Csr, Weighting};
use serendib_shop::{likings, Catalogue, CustomerIx, ProductIx, Touch, DAY_MS};

/// Customers' time-ordered histories over one catalogue.
#[derive(Debug, Clone)]
pub struct Corpus<'a> {
    pub catalogue: &'a Catalogue,
    /// One history per customer.
    pub histories: Vec<Cow<'a, [Touch]>>,
    /// What anonymous baskets hold, each product of each once, with its time: who bought is not known, that it sells is.
    pub anonymous: Vec<(ProductIx, i64)>,
    /// Whether touches carry times.
    pub timed: bool,
}

/// One customer whose later acquisitions were set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub customer: CustomerIx,
    /// What was seen of them.
    pub history: Vec<Touch>,
    /// As of when they are scored, ms.
    pub now: i64,
    /// Products new to the customer that were set aside, distinct; never empty.
    pub relevant: Vec<ProductIx>,
    /// Products already owned, which are not recommended.
    pub owned: Vec<ProductIx>,
}

impl<'a> Corpus<'a> {
    /// Number of products.
    pub fn products(&self) -> usize {
        self.catalogue.len()
    }

    /// Time of the last touch, 0 without times.
    pub fn end(&self) -> i64 {
        let known = self.histories.iter().filter_map(|h| h.last()).map(|t| t.at);
        let anonymous = self.anonymous.iter().map(|(_, at)| *at);
        known.chain(anonymous).max().unwrap_or(0)
    }

    /// What anonymous baskets of before `cut` (ms) hold.
    pub fn anonymous_before(&self, cut: i64) -> Vec<(ProductIx, i64)> {
        let all = self.anonymous.iter().copied();
        all.filter(|(_, at)| *at < cut).collect()
    }

    /// Customers × products: what each customer owns and said nothing against, in order of first acquisition, every value 1.
    ///
    /// A shop in which nobody acquired anything is read through its other touches on products.
    pub fn interactions(&self) -> Csr {
        let owned = Csr::from_rows(
            self.products(),
            self.histories.iter().map(|history| {
                likings(history)
                    .map(|owned| (owned.product.0, 1.0))
                    .collect::<Vec<_>>()
            }),
        );
        if owned.nnz() > 0 {
            return owned;
        }
        let weighting = Weighting::default();
        Csr::from_rows(
            self.products(),
            self.histories.iter().map(|history| {
                let row = weighting.weigh(history, i64::MAX).into_iter().rev();
                row.map(|(product, _)| (product.0, 1.0)).collect::<Vec<_>>()
            }),
        )
    }

    /// Acquiring customers and anonymous baskets per product, each fading with a half-life of `days` before the end; the plain
    /// count without one, or without times.
    pub fn buyers_lately(&self, days: Option<f32>) -> Vec<f32> {
        let (end, days) = (self.end(), days.filter(|_| self.timed));
        let mut counts = vec![0f32; self.products()];
        let known = self.histories.iter().flat_map(|history| likings(history));
        let known = known.map(|owned| (owned.product, owned.last_at));
        for (product, at) in known.chain(self.anonymous.iter().copied()) {
            let age = (end - at).max(0) as f32 / DAY_MS as f32;
            if let Some(count) = counts.get_mut(product.index()) {
                *count += days.map_or(1.0, |days| (-age / days).exp2());
            }
        }
        counts
    }

    /// Whether any touch on a product acquires nothing but says something (a view, a wish).
    pub fn has_browsing(&self) -> bool {
        let plain = Weighting::default();
        self.histories.iter().any(|history| {
            history.iter().any(|touch| {
                !touch.kind.acquires()
                    && !plain
                        .weigh(std::slice::from_ref(touch), i64::MAX)
                        .is_empty()
            })
        })
    }
}
