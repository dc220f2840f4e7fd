//! A cross-fitted model of rewards: what each product earns when it is shown.

use std::collections::HashMap;

use serendib_shop::{stable_hash, ProductIx};

use crate::judge::policy::decision::Draw;

/// Folds of customers.
const FOLDS: usize = 5;
/// Draws at the overall mean that each product starts with.
const PRIOR_DRAWS: f64 = 20.0;

/// Mean reward of each product, shrunk to the overall mean, learned on the customers of the other folds only.
#[derive(Debug)]
pub struct CrossFit {
    overall: [f64; FOLDS],
    by_product: Vec<HashMap<ProductIx, (f64, f64)>>,
}

impl CrossFit {
    /// Learns from `draws`.
    pub fn fit(draws: &[Draw]) -> CrossFit {
        let mut total = [(0.0, 0.0); FOLDS];
        let mut by_product = vec![HashMap::new(); FOLDS];
        for draw in draws {
            let own = fold(draw.customer);
            for other in (0..FOLDS).filter(|other| *other != own) {
                total[other].0 += draw.reward;
                total[other].1 += 1.0;
                let slot: &mut (f64, f64) = by_product[other]
                    .entry(draw.decisions[draw.chosen].product)
                    .or_default();
                slot.0 += draw.reward;
                slot.1 += 1.0;
            }
        }
        CrossFit {
            overall: total.map(|(sum, n)| if n > 0.0 { sum / n } else { 0.0 }),
            by_product,
        }
    }

    /// Expected reward of showing `product` to `customer`, learned without that customer's fold.
    pub fn reward(&self, customer: u64, product: ProductIx) -> f64 {
        let fold = fold(customer);
        let (sum, n) = self.by_product[fold]
            .get(&product)
            .copied()
            .unwrap_or_default();
        (sum + PRIOR_DRAWS * self.overall[fold]) / (n + PRIOR_DRAWS)
    }
}

fn fold(customer: u64) -> usize {
    (stable_hash(&customer.to_le_bytes()) % FOLDS as u64) as usize
}
