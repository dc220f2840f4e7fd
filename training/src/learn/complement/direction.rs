//! Which of two products is bought first, beyond what their sales calendars explain.
//!
//! Before/after counts mostly measure which product was launched first. Here each customer who first bought a and b on
//! different days d1 < d2 is compared with what the two calendars of first purchases c_a, c_b say of such a customer:
//! q = c_a(d1)·c_b(d2) / (c_a(d1)·c_b(d2) + c_b(d1)·c_a(d2)). Only customers whose first of the two came when both were
//! on sale count. z = (f − Σq) / √Σq(1−q).

use statrs::distribution::{ContinuousCDF, Normal};

use serendib_engine::complement::{BasketLog, NOBODY};
use serendib_shop::{CustomerIx, ProductIx, DAY_MS};

/// When each customer first bought each product, and how first purchases of a product spread over the weeks.
pub struct FirstPurchases {
    /// Per product: customer and day, ascending by customer.
    rows: Vec<Vec<(CustomerIx, i32)>>,
    /// First day of sale per product.
    first_day: Vec<i32>,
    origin: i32,
    weeks: usize,
}

/// What is known of the order of two products.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// Customers who first bought a strictly before b, both being on sale.
    pub before: u32,
    /// Customers who first bought b strictly before a, both being on sale.
    pub after: u32,
    /// Share of a-before-b that the calendars explain, 0…1.
    pub expected: f64,
    /// Standard score of `before`; 0 where there is nothing to compare.
    pub z: f64,
    pub p: f64,
}

impl Order {
    /// The share of a-before-b shrunk by `kappa` towards the expected share.
    pub fn share(&self, kappa: f64) -> f64 {
        let n = f64::from(self.before + self.after);
        (f64::from(self.before) + kappa * self.expected) / (n + kappa)
    }

    /// How much more a precedes b than the calendars explain, as a share around ½: the difference of the log-odds of
    /// the shrunk and the expected share, mapped back.
    pub fn excess(&self, kappa: f64) -> f64 {
        let logit = |p: f64| {
            let p = p.clamp(0.01, 0.99);
            (p / (1.0 - p)).ln()
        };
        1.0 / (1.0 + (logit(self.expected) - logit(self.share(kappa))).exp())
    }
}

/// Half-width of the triangular kernel over weeks that smooths a calendar.
const SMOOTH_WEEKS: i32 = 3;
/// First purchases per week that every calendar is given, so that one purchase does not decide.
const PRIOR_PER_WEEK: f64 = 0.25;

impl FirstPurchases {
    /// Reads the first purchases of known customers.
    pub fn new(log: &BasketLog) -> FirstPurchases {
        let mut rows: Vec<Vec<(CustomerIx, i32)>> = vec![Vec::new(); log.products()];
        let mut first_day = vec![i32::MAX; log.products()];
        for ix in 0..log.len() {
            let day = log.at(ix).div_euclid(DAY_MS) as i32;
            for product in log.items(ix) {
                let first = &mut first_day[product.index()];
                *first = (*first).min(day);
                if log.customer(ix) != NOBODY {
                    rows[product.index()].push((log.customer(ix), day));
                }
            }
        }
        for row in &mut rows {
            row.sort_unstable();
            row.dedup_by_key(|(customer, _)| *customer);
        }
        let days = || rows.iter().flatten().map(|(_, day)| *day);
        let origin = days().min().unwrap_or(0);
        let last = days().max().unwrap_or(0);
        FirstPurchases {
            weeks: ((last - origin) / 7 + 1) as usize,
            rows,
            first_day,
            origin,
        }
    }

    /// First day on which anybody bought `product`, days since 1970; `None` if nobody did.
    pub fn first_day(&self, product: ProductIx) -> Option<i32> {
        let day = self.first_day[product.index()];
        (day != i32::MAX).then_some(day)
    }

    /// Customers who first bought both, with the day of each, ascending by customer.
    pub fn both<'s>(
        &'s self,
        a: ProductIx,
        b: ProductIx,
    ) -> impl Iterator<Item = (CustomerIx, i32, i32)> + 's {
        let (left, right) = (&self.rows[a.index()], &self.rows[b.index()]);
        let mut at = 0usize;
        left.iter().filter_map(move |(customer, day_a)| {
            while at < right.len() && right[at].0 < *customer {
                at += 1;
            }
            (at < right.len() && right[at].0 == *customer).then(|| (*customer, *day_a, right[at].1))
        })
    }

    /// First purchases of `product` per week, smoothed.
    fn calendar(&self, product: ProductIx) -> Vec<f64> {
        let mut weeks = vec![0.0f64; self.weeks];
        for (_, day) in &self.rows[product.index()] {
            weeks[((day - self.origin) / 7) as usize] += 1.0;
        }
        weeks
    }

    /// The smoothed calendar around `day`, from the day of the launch on, without one purchase made on `own`.
    fn rate(&self, weeks: &[f64], launch: i32, day: i32, own: i32) -> f64 {
        let centre = (day - self.origin) / 7;
        let first = (launch - self.origin).div_euclid(7).max(0);
        let own = (own - self.origin) / 7;
        let (mut sum, mut mass) = (0.0, 0.0);
        for shift in -SMOOTH_WEEKS..=SMOOTH_WEEKS {
            let week = centre + shift;
            if week < first || week >= weeks.len() as i32 {
                continue;
            }
            let weight = f64::from(SMOOTH_WEEKS + 1 - shift.abs());
            let mut count = weeks[week as usize];
            if week == own {
                count -= 1.0;
            }
            sum += weight * (count.max(0.0) + PRIOR_PER_WEEK);
            mass += weight;
        }
        if mass > 0.0 {
            sum / mass
        } else {
            PRIOR_PER_WEEK
        }
    }

    /// The order of `a` and `b` among customers whose first of the two came when both were on sale.
    pub fn order(&self, a: ProductIx, b: ProductIx) -> Order {
        let mut order = Order {
            before: 0,
            after: 0,
            expected: 0.5,
            z: 0.0,
            p: 1.0,
        };
        let (Some(launch_a), Some(launch_b)) = (self.first_day(a), self.first_day(b)) else {
            return order;
        };
        let both_on_sale = launch_a.max(launch_b);
        let (calendar_a, calendar_b) = (self.calendar(a), self.calendar(b));
        let (mut expected, mut variance) = (0.0, 0.0);
        for (_, day_a, day_b) in self.both(a, b) {
            let (d1, d2) = (day_a.min(day_b), day_a.max(day_b));
            if d1 == d2 || d1 < both_on_sale {
                continue;
            }
            let a_first = self.rate(&calendar_a, launch_a, d1, day_a)
                * self.rate(&calendar_b, launch_b, d2, day_b);
            let b_first = self.rate(&calendar_b, launch_b, d1, day_b)
                * self.rate(&calendar_a, launch_a, d2, day_a);
            let q = a_first / (a_first + b_first);
            expected += q;
            variance += q * (1.0 - q);
            if day_a < day_b {
                order.before += 1;
            } else {
                order.after += 1;
            }
        }
        let n = f64::from(order.before + order.after);
        if n > 0.0 && variance > 0.0 {
            order.expected = expected / n;
            // Half a customer of continuity: counts are whole.
            let gap = f64::from(order.before) - expected;
            order.z = gap.signum() * (gap.abs() - 0.5).max(0.0) / variance.sqrt();
            order.p = Normal::new(0.0, 1.0).map_or(1.0, |normal| 2.0 * normal.sf(order.z.abs()));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::complement::significance::benjamini_hochberg;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;

    /// Customers who come on random days and buy at random among what is on sale by then.
    fn shop(seed: u64, directed: Option<(u32, u32)>) -> BasketLog {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let products = 24u32;
        let launch: Vec<i64> = (0..products)
            .map(|p| if p % 3 == 0 { 0 } else { i64::from(p) * 12 })
            .collect();
        let mut log = BasketLog::new(products as usize);
        for customer in CustomerIx::all(900) {
            let start = rng.gen_range(0..300i64);
            let mut first: Option<i64> = None;
            for visit in 0..7 {
                let day = start + visit * rng.gen_range(5..18);
                let on_sale: Vec<u32> = (0..products)
                    .filter(|p| launch[*p as usize] <= day)
                    .collect();
                let mut items: Vec<u32> = (0..2)
                    .map(|_| on_sale[rng.gen_range(0..on_sale.len())])
                    .collect();
                if let Some((anchor, follower)) = directed {
                    items.retain(|p| *p != follower || first.is_some());
                    if items.contains(&anchor) && first.is_none() {
                        first = Some(day);
                    } else if first.is_some() && rng.gen_bool(0.5) {
                        items.push(follower);
                    }
                }
                log.push(customer, day * DAY_MS, items.into_iter().map(ProductIx));
            }
        }
        log
    }

    fn claims(log: &BasketLog) -> Vec<(u32, u32, Order)> {
        let first = FirstPurchases::new(log);
        let products = log.products() as u32;
        let orders: Vec<_> = (0..products)
            .flat_map(|a| (a + 1..products).map(move |b| (a, b)))
            .map(|(a, b)| (a, b, first.order(ProductIx(a), ProductIx(b))))
            .collect();
        let p: Vec<f64> = orders.iter().map(|(_, _, o)| o.p).collect();
        let limit = benjamini_hochberg(&p, p.len(), 0.05).unwrap_or(-1.0);
        orders
            .into_iter()
            .filter(|(_, _, o)| o.p <= limit)
            .collect()
    }

    #[test]
    fn launch_dates_alone_give_no_direction() {
        for seed in 0..3 {
            let found = claims(&shop(seed, None));
            assert!(found.is_empty(), "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn a_true_order_is_found_and_points_the_right_way() {
        // The follower was launched long before the anchor (product 20 at day 240, product 3 at day 0).
        let found = claims(&shop(5, Some((20, 3))));
        let pair = found.iter().find(|(a, b, _)| (*a, *b) == (3, 20));
        let (_, _, order) = pair.expect("the planted order is claimed");
        assert!(order.z < 0.0 && order.share(5.0) < order.expected);
        assert!(order.excess(5.0) < 0.5);
    }

    #[test]
    fn nothing_in_common_says_nothing() {
        let mut log = BasketLog::new(3);
        log.push(CustomerIx(0), 0, [ProductIx(0)]);
        log.push(CustomerIx(1), 0, [ProductIx(1)]);
        let order = FirstPurchases::new(&log).order(ProductIx(0), ProductIx(1));
        assert_eq!((order.before, order.after, order.p), (0, 0, 1.0));
        assert_eq!(order.excess(5.0), 0.5);
    }
}
