//! What was felt of products: who said, kept or came back to what, when.

use std::collections::{HashMap, HashSet};

use serendib_engine::surprise::{label, looks_for};
use serendib_shop::{CustomerIx, Delight, Kind, Log, ProductIx, DAY_MS, NO_PRODUCT};

/// Moments that are fitted on, of ratings, of boxes and of what was shown each: the latest.
const MOST: usize = 12_000;
/// Days within which a customer comes back to what they were shown, if they do because of that.
const COMES_BACK_DAYS: i64 = 14;

/// One thing that was felt, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Felt {
    pub customer: CustomerIx,
    pub product: ProductIx,
    /// When, ms since 1970-01-01 UTC.
    pub at: i64,
    /// 1 = delighted, kept or came back to, 0 = not; anything between counts for both.
    pub label: f64,
}

/// What customers said of surprises, in order of time; of customers and products that `log` knows, answers that tell nothing
/// left out.
pub fn said(log: &Log, delights: &[Delight]) -> Vec<Felt> {
    let felt = delights.iter().filter_map(|row| {
        Some(Felt {
            customer: log.customer(&row.customer_id)?,
            product: log.catalogue.find(&row.product_id)?,
            at: row.at,
            label: label(row)?,
        })
    });
    latest(felt.collect())
}

/// Which lines of boxes were kept (1) and which given back (0), in order of time.
pub fn kept(log: &Log) -> Vec<Felt> {
    let mut out = Vec::new();
    for (customer, history) in log.histories.numbered() {
        for touch in history.iter() {
            let label = match touch.kind {
                Kind::BOX_KEPT => 1.0,
                Kind::BOX_RETURNED => 0.0,
                _ => continue,
            };
            if touch.product.index() < log.catalogue.len() {
                out.push(Felt {
                    customer,
                    product: touch.product,
                    at: touch.at,
                    label,
                });
            }
        }
    }
    latest(out)
}

/// To which products that they were shown and had never had customers came back by themselves (1), and to which not (0), in
/// order of time: whether they looked for it or acquired it within two weeks. What was shown so lately that nobody knows yet is
/// left out, and what was shown again within that time counts once. Empty for a log without times.
pub fn came_back(log: &Log) -> Vec<Felt> {
    let Some((_, end)) = log.span.filter(|_| log.timed) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (customer, history) in log.histories.numbered() {
        let mut times: HashMap<ProductIx, Vec<i64>> = HashMap::new();
        for touch in history.iter().filter(|t| looks_for(t.kind) || t.welcomes()) {
            times.entry(touch.product).or_default().push(touch.at);
        }
        let mut had: HashSet<ProductIx> = HashSet::new();
        let mut last: HashMap<ProductIx, i64> = HashMap::new();
        for touch in history.iter() {
            let product = touch.product;
            if product == NO_PRODUCT || product.index() >= log.catalogue.len() {
                continue;
            }
            if touch.kind.acquires() {
                had.insert(product);
            }
            let until = touch.at.saturating_add(COMES_BACK_DAYS * DAY_MS);
            let known = touch.kind == Kind::IMPRESSION && until <= end && !had.contains(&product);
            if !known || last.get(&product).is_some_and(|shown| touch.at < *shown) {
                continue;
            }
            last.insert(product, until);
            let came = times.get(&product).is_some_and(|times| {
                let next = times.partition_point(|at| *at <= touch.at);
                times.get(next).is_some_and(|at| *at <= until)
            });
            out.push(Felt {
                customer,
                product,
                at: touch.at,
                label: f64::from(u8::from(came)),
            });
        }
    }
    latest(out)
}

/// The latest of `felt`, in order of time: what one customer felt at one moment is together.
fn latest(mut felt: Vec<Felt>) -> Vec<Felt> {
    felt.sort_by_key(|f| (f.at, f.customer, f.product));
    let mut moments = felt.chunk_by(same_moment).rev().scan(0, |rows, moment| {
        *rows += moment.len();
        Some(*rows)
    });
    let taken = moments.nth(MOST - 1).unwrap_or(felt.len());
    felt.drain(..felt.len() - taken);
    felt
}

/// Whether one customer felt both at one moment.
pub fn same_moment(a: &Felt, b: &Felt) -> bool {
    (a.at, a.customer) == (b.at, b.customer)
}

/// Mean label of `felt`, 0…1; ½ of nothing.
pub fn share(felt: &[Felt]) -> f64 {
    if felt.is_empty() {
        return 0.5;
    }
    felt.iter().map(|f| f.label).sum::<f64>() / felt.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{ReadOptions, ShopData};

    fn log(rows: &str) -> Log {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("products.csv"),
            "product_id,title\na,A\nb,B\n",
        )
        .unwrap();
        let head = "customer_id,kind,product_id,at\n";
        std::fs::write(dir.path().join("touchpoints.csv"), format!("{head}{rows}")).unwrap();
        let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
        Log::load(&data, None).unwrap()
    }

    #[test]
    fn who_comes_back_to_what_was_shown_counts_once_and_what_was_had_not_at_all() {
        let log = log(
            "x,impression,a,2026-01-01\nx,impression,a,2026-01-03\nx,view,a,2026-01-05\n\
             y,view,a,2026-01-01\ny,impression,a,2026-01-02\ny,view,b,2026-01-03\n\
             z,purchase,b,2026-01-01\nz,impression,b,2026-01-02\nz,view,b,2026-01-03\n\
             x,impression,b,2026-02-20\nx,view,b,2026-02-21\nx,purchase,a,2026-03-01\n",
        );
        let felt = came_back(&log);
        let seen: Vec<_> = felt
            .iter()
            .map(|f| (Some(f.customer), f.product, f.label))
            .collect();
        let [x, y] = ["x", "y"].map(|id| log.customer(id));
        // a again within two weeks is one showing; of b nobody knows yet; z had it
        assert_eq!(seen, [(x, ProductIx(0), 1.0), (y, ProductIx(0), 0.0)]);
    }
}
