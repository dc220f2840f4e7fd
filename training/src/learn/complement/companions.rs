//! What is bought beside one product: the scorer that orders its complements.
//!
//! score(a → b) = P(b | a) · lift(a, b)^γ, with
//!
//! * P(b | a) = (n_ab + κ·m_ab) / (n_a + κ) over baskets that count the less the larger they are, because a basket of a
//!   hundred lines says little about any two of them;
//! * m_ab, what baskets with products like a hold, else what is bought lately: a new product has no baskets of its own, and
//!   what is out of season is not bought beside anything;
//! * the shrunk lift against the size-preserving null of [`significance`](super::significance), because what everybody buys
//!   goes with nothing in particular.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::significance::{shrunk_lift, size_factor};
use serendib_engine::complement::baskets::{Inverted, RowCounter};
use serendib_engine::complement::BasketLog;
use serendib_engine::complement::{keep_largest, SparseRows};
use serendib_shop::{ProductIx, DAY_MS};

/// How companions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompanionOptions {
    /// A basket of s products counts s^−power, 0…1; .5.
    pub size_power: f32,
    /// Half-life of a basket in what is bought lately, days, > 0; 60.
    pub lately_days: f64,
    /// Baskets by which a product's own are shrunk towards those of products like it, > 0; 10.
    pub kappa: f64,
    /// Power γ of the lift, ≥ 0: 0 asks for what is bought most, 1 for what is bought most beyond chance; .5.
    pub lift: f64,
}

impl Default for CompanionOptions {
    fn default() -> Self {
        CompanionOptions {
            size_power: 0.5,
            lately_days: 60.0,
            kappa: 10.0,
            lift: 0.5,
        }
    }
}

/// Companions of one product that are counted at most, before those of its like are added.
const COUNTED: usize = 500;
/// Products whose baskets stand in for those of one like them, at most.
const LIKE: usize = 30;
/// Likeness (squared, summed) that weighs as much as what is bought lately.
const LIKE_SHRINK: f32 = 0.05;

/// What is counted of all baskets.
struct Counts<'a> {
    log: &'a BasketLog,
    inverted: Inverted,
    frequencies: Vec<u32>,
    factor: f64,
    /// Weight of each basket, 1 on average.
    weights: Vec<f32>,
    /// Weight of the baskets of each product.
    own: Vec<f32>,
    /// Share of baskets that hold each product, lately.
    lately: Vec<f32>,
}

impl<'a> Counts<'a> {
    fn new(log: &'a BasketLog, options: &CompanionOptions) -> Counts<'a> {
        let size = |ix: usize| log.items(ix).len().max(1) as f32;
        let mut weights: Vec<f32> = (0..log.len())
            .map(|ix| size(ix).powf(-options.size_power))
            .collect();
        let mean = weights.iter().sum::<f32>() / weights.len().max(1) as f32;
        weights.iter_mut().for_each(|w| *w /= mean.max(1e-9));
        let end = (0..log.len()).map(|ix| log.at(ix)).max().unwrap_or(0);
        let mut own = vec![0.0f32; log.products()];
        let mut lately = vec![0.0f32; log.products()];
        let mut all = 0.0f32;
        for (ix, weight) in weights.iter().enumerate() {
            let days = (end - log.at(ix)) as f64 / DAY_MS as f64;
            let fresh = 0.5f64.powf(days / options.lately_days.max(1.0)) as f32;
            all += fresh;
            for product in log.items(ix) {
                own[product.index()] += weight;
                lately[product.index()] += fresh;
            }
        }
        lately.iter_mut().for_each(|x| *x /= all.max(1e-9));
        Counts {
            inverted: log.inverted(),
            frequencies: log.frequencies(),
            factor: size_factor(log),
            log,
            weights,
            own,
            lately,
        }
    }

    /// The products that share baskets with `product`, ascending, with the weight of those baskets.
    fn beside(&self, counter: &mut RowCounter, product: ProductIx) -> Vec<(ProductIx, f32)> {
        let mut row = counter.row(self.log, &self.inverted, product, |ix| self.weights[ix]);
        keep_largest(&mut row, COUNTED);
        row.sort_unstable_by_key(|(other, _)| *other);
        row
    }

    fn lift(&self, a: ProductIx, b: ProductIx, shared: f64, kappa: f64) -> f64 {
        let expected = f64::from(self.frequencies[a.index()])
            * f64::from(self.frequencies[b.index()])
            * self.factor;
        shrunk_lift(shared, expected, kappa)
    }
}

/// The score of what is bought beside each product: the `width` largest per product, all > 0; `like` gives how alike other
/// products are to each, 0…1 (their titles).
///
/// A product without baskets, and without any like it that has some, has no companions.
pub fn companions(
    log: &BasketLog,
    like: &SparseRows,
    options: &CompanionOptions,
    width: usize,
) -> SparseRows {
    let products = log.products();
    let counts = Counts::new(log, options);
    let beside: Vec<Vec<(ProductIx, f32)>> = (0..products)
        .into_par_iter()
        .map(ProductIx::of_index)
        .map_init(
            || RowCounter::new(products),
            |counter, a| counts.beside(counter, a),
        )
        .collect();
    let kappa = options.kappa.max(1e-6);
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..products)
        .into_par_iter()
        .map(ProductIx::of_index)
        .map_init(
            || (RowCounter::new(products), vec![0.0f32; products]),
            |(counter, means), a| {
                let mut touched: Vec<ProductIx> =
                    beside[a.index()].iter().map(|(b, _)| *b).collect();
                // What baskets with products like this one hold.
                let mut alike: Vec<(ProductIx, f32)> = like
                    .iter(a)
                    .filter(|(other, value)| *other != a && *value > 0.0)
                    .collect();
                keep_largest(&mut alike, LIKE);
                let mut known = 0.0f32;
                for (other, value) in &mut alike {
                    let own = counts.own[other.index()];
                    *value *= *value * own / (own + kappa as f32);
                    known += *value;
                }
                let all = known + LIKE_SHRINK;
                for (other, value) in &alike {
                    let own = counts.own[other.index()].max(1e-9);
                    for (b, weight) in &beside[other.index()] {
                        touched.push(*b);
                        means[b.index()] += value / all * weight / own;
                    }
                }
                touched.sort_unstable();
                touched.dedup();
                let unknown = LIKE_SHRINK / all;
                let shared = counter.row(log, &counts.inverted, a, |_| 1.0);
                let own = f64::from(counts.own[a.index()]);
                let mut row: Vec<(ProductIx, f32)> = touched
                    .into_iter()
                    .filter_map(|b| {
                        let mean = std::mem::take(&mut means[b.index()])
                            + unknown * counts.lately[b.index()];
                        if b == a {
                            return None;
                        }
                        let weight = find(&beside[a.index()], b);
                        let p = (f64::from(weight) + kappa * f64::from(mean)) / (own + kappa);
                        let lift = counts.lift(a, b, f64::from(find(&shared, b)), kappa);
                        Some((b, (p * lift.powf(options.lift)) as f32))
                    })
                    .collect();
                keep_largest(&mut row, width);
                row
            },
        )
        .collect();
    SparseRows::from_rows(rows)
}

/// The value of `product` in a row that ascends by product; 0 where it is not there.
fn find(row: &[(ProductIx, f32)], product: ProductIx) -> f32 {
    row.binary_search_by_key(&product, |(other, _)| *other)
        .map_or(0.0, |at| row[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::CustomerIx;

    fn order(rows: &SparseRows, product: ProductIx) -> Vec<ProductIx> {
        let mut row: Vec<_> = rows.iter(product).collect();
        row.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        row.into_iter().map(|(other, _)| other).collect()
    }

    /// Tea (0) with cups (1); bags (2) go with everything; in a few large baskets tea meets 3 as often as cups.
    fn log() -> BasketLog {
        let mut log = BasketLog::new(30);
        for n in 0..60i64 {
            let both = if n % 3 == 0 { [0, 1] } else { [2, 5] };
            log.push(CustomerIx(n as u32), n * DAY_MS, both.map(ProductIx));
            log.push(CustomerIx(n as u32), n * DAY_MS, [2, 4].map(ProductIx));
        }
        for n in 0..20i64 {
            log.push(
                CustomerIx(n as u32),
                n * DAY_MS,
                [0, 2, 3].into_iter().chain(6..28).map(ProductIx),
            );
        }
        log
    }

    #[test]
    fn small_baskets_say_more_and_what_goes_with_everything_says_less() {
        let bare = SparseRows::default();
        let options = CompanionOptions::default();
        let rows = companions(&log(), &bare, &options, 30);
        assert_eq!(order(&rows, ProductIx(0))[0], ProductIx(1));
        let even = CompanionOptions {
            size_power: 0.0,
            ..options
        };
        let gap = |rows: &SparseRows| {
            rows.get(ProductIx(0), ProductIx(1)) / rows.get(ProductIx(0), ProductIx(3))
        };
        assert!(gap(&rows) > gap(&companions(&log(), &bare, &even, 30)));
        let popular = CompanionOptions {
            lift: 0.0,
            ..options
        };
        let bags = |rows: &SparseRows| {
            rows.get(ProductIx(0), ProductIx(2)) / rows.get(ProductIx(0), ProductIx(1))
        };
        assert!(bags(&rows) < bags(&companions(&log(), &bare, &popular, 30)));
    }

    #[test]
    fn a_new_product_borrows_the_company_of_its_like() {
        // Product 29 was never sold; its title is that of tea.
        let mut like = vec![Vec::new(); 30];
        like[29] = vec![(ProductIx(0), 0.9)];
        let rows = companions(
            &log(),
            &SparseRows::from_rows(like),
            &CompanionOptions::default(),
            30,
        );
        assert_eq!(order(&rows, ProductIx(29))[0], ProductIx(1));
        assert!(
            rows.iter(ProductIx(28)).next().is_none(),
            "nothing is known of 28"
        );
        assert!(rows.parts().2.iter().all(|score| *score > 0.0));
    }

    #[test]
    fn what_is_bought_lately_decides_where_own_baskets_are_few() {
        // 0 met 1 and 2 once each; 1 is bought no more.
        let mut log = BasketLog::new(6);
        log.push(CustomerIx(0), 0, [0, 1].map(ProductIx));
        log.push(CustomerIx(0), 0, [0, 2].map(ProductIx));
        for n in 0..40i64 {
            log.push(CustomerIx(1), n * DAY_MS, [1, 3].map(ProductIx));
            log.push(CustomerIx(1), (400 + n) * DAY_MS, [2, 3].map(ProductIx));
        }
        let rows = companions(
            &log,
            &SparseRows::default(),
            &CompanionOptions::default(),
            10,
        );
        assert!(rows.get(ProductIx(0), ProductIx(2)) > rows.get(ProductIx(0), ProductIx(1)));
    }
}
