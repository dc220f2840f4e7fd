//! Learns what a shop knows of kinds of things, and of products among those of their kind.

use serendib_engine::complement::BasketLog;
use serendib_engine::surprise::{Kinds, Topics};
use serendib_shop::{acquisitions, let_downs, Catalogue, CustomerIx, LetDown, ProductIx, Touch};

use crate::learn::complement::families::ease;

/// Regularisation of the kinds that customers buy, in customers.
const LAMBDA: f32 = 100.0;
/// Kinds that are looked at, those with the most customers, and companions kept of each.
const MOST_KINDS: usize = 2_000;
const WIDTH: usize = 100;
/// Products of a kind by which the spread of its prices is shrunk to a factor of two.
const PRICE_SHRINK: f32 = 3.0;
/// Answers by which stars are shrunk to the shop's, and purchases by which what is given back is.
const STARS_SHRINK: f32 = 5.0;
const RETURNS_SHRINK: f32 = 3.0;

/// Learns from a shop's catalogue and the histories of its customers.
pub fn learn<'h>(
    catalogue: &Catalogue,
    topics: &Topics,
    histories: impl Iterator<Item = &'h [Touch]>,
) -> Kinds {
    let products = catalogue.len();
    let mut bought = BasketLog::new(topics.count());
    // Variants share their stars and returns.
    let mut stars = vec![(0.0f32, 0.0f32); products];
    let mut returns = vec![(0.0f32, 0.0f32); products];
    let (mut all_stars, mut all_returns) = ((0.0f32, 0.0f32), (0.0f32, 0.0f32));
    for (customer, history) in histories.enumerate() {
        let kinds = acquisitions(history).filter_map(|t| topics.of(t.product));
        // kinds in the place of products
        bought.push(CustomerIx::of_index(customer), 0, kinds.map(ProductIx));
        let touches = history.iter().zip(let_downs(history));
        for (touch, how) in touches.filter(|(t, _)| t.product.index() < products) {
            let family = catalogue.family(touch.product).index();
            if touch.rating > 0 {
                let given = f32::from(touch.rating) / 10.0;
                add(&mut stars[family], given, 1.0);
                add(&mut all_stars, given, 1.0);
            }
            let back = matches!(how, Some(LetDown::GivenBack | LetDown::GivenBackUnsaid));
            // a present that its receiver sends back says nothing, so neither does one that they keep
            let (given_back, times) = match (back, touch.kind.acquires() && !touch.gift) {
                (true, _) => (1.0, 0.0),
                (false, true) => (0.0, 1.0),
                _ => continue,
            };
            add(&mut returns[family], given_back, times);
            add(&mut all_returns, given_back, times);
        }
    }
    let usual_stars = all_stars.0 / all_stars.1.max(1.0);
    let usual_returns = all_returns.0 / all_returns.1.max(1.0);
    let of_family = |at: &dyn Fn(usize) -> f32| -> Vec<f32> {
        ProductIx::all(products)
            .map(|p| at(catalogue.family(p).index()))
            .collect()
    };
    let kinship = ease(&bought, LAMBDA, MOST_KINDS, WIDTH, &|_| 1.0);
    Kinds {
        // λ > 0 keeps the matrix positive definite; without kinship nothing is said.
        kinship: kinship.unwrap_or_default().of(),
        dearness: dearness(catalogue, topics),
        stars: of_family(&|f| {
            let (sum, count) = stars[f];
            (sum - count * usual_stars) / (count + STARS_SHRINK)
        }),
        returned: of_family(&|f| {
            let (back, times) = returns[f];
            let share = (back + RETURNS_SHRINK * usual_returns) / (times + RETURNS_SHRINK);
            (share - usual_returns).clamp(-1.0, 1.0)
        }),
        price_level: price_level(catalogue),
        delights: Vec::new(),
        kept: Vec::new(),
        sought: Vec::new(),
    }
}

fn add(slot: &mut (f32, f32), sum: f32, count: f32) {
    slot.0 += sum;
    slot.1 += count;
}

fn log_price(catalogue: &Catalogue, product: ProductIx) -> Option<f32> {
    let price = catalogue.product(product).price?;
    (price.is_finite() && price > 0.0).then(|| price.ln() as f32)
}

/// Standard scores of log prices among all products, −3…3; 0 without a price.
fn price_level(catalogue: &Catalogue) -> Vec<f32> {
    let all = ProductIx::all(catalogue.len());
    let prices: Vec<Option<f32>> = all.map(|p| log_price(catalogue, p)).collect();
    let (mut sum, mut square, mut count) = (0.0f64, 0.0f64, 0.0f64);
    for price in prices.iter().flatten() {
        sum += f64::from(*price);
        square += f64::from(*price).powi(2);
        count += 1.0;
    }
    let mean = sum / count.max(1.0);
    let spread = (square / count.max(1.0) - mean * mean).max(0.0).sqrt();
    let score = |price: f32| ((f64::from(price) - mean) / spread.max(0.1)) as f32;
    prices
        .into_iter()
        .map(|price| price.map_or(0.0, |p| score(p).clamp(-3.0, 3.0)))
        .collect()
}

fn dearness(catalogue: &Catalogue, topics: &Topics) -> Vec<f32> {
    let log_price = |p: ProductIx| log_price(catalogue, p);
    let mut sums = vec![(0.0f32, 0.0f32); topics.count()];
    let priced = || {
        ProductIx::all(catalogue.len())
            .filter_map(|p| Some((p, topics.of(p)? as usize, log_price(p)?)))
    };
    for (_, topic, price) in priced() {
        add(&mut sums[topic], price, 1.0);
    }
    let mean = |topic: usize| sums[topic].0 / sums[topic].1.max(1.0);
    let mut squares = vec![0.0f32; topics.count()];
    for (_, topic, price) in priced() {
        squares[topic] += (price - mean(topic)).powi(2);
    }
    let mut out = vec![0.0; catalogue.len()];
    for (product, topic, price) in priced() {
        let prior = PRICE_SHRINK * std::f32::consts::LN_2.powi(2);
        let spread = ((squares[topic] + prior) / (sums[topic].1 + PRICE_SHRINK)).sqrt();
        out[product.index()] = ((price - mean(topic)) / spread).clamp(-3.0, 3.0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{Cause, Kind, Product};

    /// Kinds: 0 dog food, 1 dog beds, 2 soap. Products 0 and 1 are food (a cheap and a dear one), 2 a bed, 3 soap.
    fn shop() -> (Catalogue, Topics) {
        let products = [2.0, 8.0, 60.0, 3.0]
            .iter()
            .enumerate()
            .map(|(ix, price)| Product {
                price: Some(*price),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        (
            Catalogue::new(products).unwrap(),
            Topics::from_numbers(vec![0, 0, 1, 2]),
        )
    }

    #[test]
    fn who_buys_dog_food_has_a_use_for_dog_beds() {
        let (catalogue, topics) = shop();
        let buy = |p: ProductIx| Touch::new(Kind::PURCHASE, p, 1);
        let histories: Vec<Vec<Touch>> = (0..900)
            .map(|n| match n % 3 {
                0 => vec![buy(ProductIx(0)), buy(ProductIx(2))],
                1 => vec![buy(ProductIx(3))],
                _ => vec![buy(ProductIx(1)), buy(ProductIx(3))],
            })
            .collect();
        let kinds = learn(&catalogue, &topics, histories.iter().map(Vec::as_slice));
        let dog = kinds.kinship([0].into_iter(), 1);
        assert!(dog > 0.2 && dog > 2.0 * kinds.kinship([2].into_iter(), 1));
        assert_eq!(kinds.kinship([1].into_iter(), 1), 0.0, "not by itself");
        assert!(kinds.dearness(ProductIx(1)) > 0.3 && kinds.dearness(ProductIx(0)) < -0.3);
        assert_eq!(kinds.dearness(ProductIx(2)), 0.0, "alone in its kind");
        assert_eq!(
            (kinds.stars(ProductIx(0)), kinds.returned(ProductIx(9))),
            (0.0, 0.0)
        );
    }

    #[test]
    fn what_is_praised_and_what_is_given_back_is_known() {
        let (catalogue, topics) = shop();
        let rated = |product, rating| Touch {
            rating,
            ..Touch::new(Kind::RATING, product, 2)
        };
        let touch = |kind, product| Touch::new(kind, product, 1);
        let histories: Vec<Vec<Touch>> = (0..20)
            .map(|_| {
                vec![
                    touch(Kind::PURCHASE, ProductIx(0)),
                    touch(Kind::PURCHASE, ProductIx(1)),
                    rated(ProductIx(0), 50),
                    rated(ProductIx(1), 20),
                    touch(Kind::RETURN, ProductIx(1)),
                ]
            })
            .collect();
        let kinds = learn(&catalogue, &topics, histories.iter().map(Vec::as_slice));
        assert!(kinds.stars(ProductIx(0)) > 0.8 && kinds.stars(ProductIx(1)) < -0.8);
        assert!(kinds.returned(ProductIx(1)) > 0.2 && kinds.returned(ProductIx(0)) < -0.2);
    }

    #[test]
    fn what_is_given_back_for_no_fault_of_its_own_counts_against_nothing() {
        let (catalogue, topics) = shop();
        let returned = |cause, gift| {
            let touch = |kind, product, at| Touch {
                gift: gift && product == ProductIx(0),
                ..Touch::new(kind, product, at)
            };
            let histories: Vec<Vec<Touch>> = (0..20)
                .map(|_| {
                    vec![
                        touch(Kind::PURCHASE, ProductIx(0), 1),
                        touch(Kind::PURCHASE, ProductIx(1), 1),
                        Touch {
                            cause,
                            ..touch(Kind::RETURN, ProductIx(0), 2)
                        },
                    ]
                })
                .collect();
            let kinds = learn(&catalogue, &topics, histories.iter().map(Vec::as_slice));
            [0, 1].map(|p| kinds.returned(ProductIx(p)))
        };
        for cause in [Cause::Product, Cause::Unsaid] {
            let [back, stayed] = returned(cause, false);
            assert!(back > 0.2 && stayed < -0.2, "{cause:?}: {back} {stayed}");
        }
        // damaged or late, or of a wrong size: to others that says nothing
        for cause in [Cause::Elsewhere, Cause::Size] {
            assert_eq!(returned(cause, false), [0.0; 2], "{cause:?}");
        }
        // what a receiver sent back, whatever they say of it
        assert_eq!(returned(Cause::Product, true), [0.0; 2]);
    }
}
