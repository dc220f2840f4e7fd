//! Learns how far behind others the products come that let their customers down, by how seldom they are acquired again; and
//! which products let most of those down who had them.

use std::collections::{BTreeMap, BTreeSet};

use serendib_engine::engagement::Aversion;
use serendib_shop::{had, Kind, LetDown, ProductIx, Standing, Touch, DAY_MS, NO_PRODUCT};

/// Days within which something is acquired again.
const AGAIN_DAYS: i64 = 180;
/// Products acquired again that what is taken for granted before anything is learned counts as.
const PRIOR: f64 = 10.0;
/// Most let-downs of one customer that are looked at: each is told from the whole history before it.
const MOST_CASES: usize = 20;

/// Cases, and those of them in which the product was acquired again in time.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    cases: f64,
    again: f64,
}

impl Tally {
    fn add(&mut self, again: bool) {
        self.cases += 1.0;
        self.again += f64::from(u8::from(again));
    }
}

/// The factors of a shop with the time-ordered `histories`, which end at `end` (ms; `None` without times: then the factors stay
/// at their defaults), and the products that most were let down by.
///
/// Of products that let their customer down so many are acquired again within the time; of products that were acquired and kept
/// another share. The ratio of the two, drawn to the default by a few cases, is the factor. What ended too recently to tell is
/// not looked at.
pub fn fit(histories: &[&[Touch]], end: Option<i64>) -> Aversion {
    let mut aversion = end.map_or_else(Aversion::default, |end| factors(histories, end));
    aversion.disliked = disliked(histories, &aversion);
    aversion
}

fn factors(histories: &[&[Touch]], end: i64) -> Aversion {
    let mut kept = Tally::default();
    let mut let_down = [Tally::default(); LetDown::ALL.len()];
    for history in histories {
        tally(history, end, &mut kept, &mut let_down);
    }
    let mut aversion = Aversion::default();
    if kept.cases < 1.0 {
        return aversion;
    }
    let usual = kept.again / kept.cases;
    for how in LetDown::ALL {
        let seen = let_down[how as usize];
        let prior = f64::from(aversion.of(how));
        let factor = (seen.again + PRIOR * prior) / (seen.cases * usual + PRIOR);
        *aversion.of_mut(how) = (factor as f32).clamp(Aversion::LEAST, Aversion::MOST);
    }
    aversion
}

/// The products that let more than half of those down who had them, drawn to the share of the whole shop by a few. How a product
/// let somebody down counts as far as it is held back for them; being taken out of a cart and a wrong size say nothing to others.
fn disliked(histories: &[&[Touch]], aversion: &Aversion) -> Vec<ProductIx> {
    let mut products: BTreeMap<ProductIx, (f64, f64)> = BTreeMap::new();
    for history in histories {
        let standing = Standing::of(history, &[]);
        let had: BTreeSet<ProductIx> = had(history).collect();
        for product in had {
            let how = standing.let_down.get(&product);
            let how = how.filter(|how| !matches!(how, LetDown::TakenOut | LetDown::WrongSize));
            let (people, let_down) = products.entry(product).or_default();
            *people += 1.0;
            *let_down += how.map_or(0.0, |how| 1.0 - f64::from(aversion.of(*how)));
        }
    }
    let sum = |of: fn(&(f64, f64)) -> f64| products.values().map(of).sum::<f64>();
    let usual = sum(|(_, let_down)| *let_down) / sum(|(people, _)| *people).max(1.0);
    let share = |(people, let_down): &(f64, f64)| (let_down + PRIOR * usual) / (people + PRIOR);
    let disliked = products.iter().filter(|(_, of)| share(of) > 0.5);
    disliked.map(|(product, _)| *product).collect()
}

fn tally(
    history: &[Touch],
    end: i64,
    kept: &mut Tally,
    let_down: &mut [Tally; LetDown::ALL.len()],
) {
    let window = AGAIN_DAYS * DAY_MS;
    let again = |row: usize, product: ProductIx| {
        let until = history[row].at + window;
        let later = history[row + 1..].iter().take_while(|t| t.at <= until);
        // the lines of one order, and what is rated after it is bought, are no second time
        let mut fresh = later.filter(|t| t.at > history[row].at && t.product == product);
        fresh.any(|t| t.welcomes() && t.kind != Kind::RATING)
    };
    let mut cases = 0;
    for (row, touch) in history.iter().enumerate() {
        if touch.product == NO_PRODUCT || touch.at.saturating_add(window) > end {
            continue;
        }
        if touch.kind.displeased() || touch.is_low() {
            cases += 1;
            if cases > MOST_CASES {
                continue;
            }
            let before = Standing::of(&history[..row], &[]);
            let after = Standing::of(&history[..=row], &[]);
            let how = after.let_down.get(&touch.product);
            if let Some(how) = how.filter(|how| before.let_down.get(&touch.product) != Some(how)) {
                let_down[*how as usize].add(again(row, touch.product));
            }
        } else if touch.welcomes() && touch.kind != Kind::RATING {
            kept.add(again(row, touch.product));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Cause;

    /// A customer who buys a product, gives it back a day later and, if `again`, buys it once more in the second month; and
    /// another product, which they buy every month.
    fn customer(again: bool, cause: Cause) -> Vec<Touch> {
        let mut history: Vec<Touch> = (0..8)
            .map(|month| Touch::new(Kind::PURCHASE, ProductIx(1), month * 30 * DAY_MS + 1))
            .collect();
        history.push(Touch::new(Kind::PURCHASE, ProductIx(0), 5));
        history.push(Touch {
            cause,
            ..Touch::new(Kind::RETURN, ProductIx(0), DAY_MS)
        });
        if again {
            history.push(Touch::new(Kind::PURCHASE, ProductIx(0), 40 * DAY_MS));
        }
        serendib_shop::sort_history(&mut history);
        history
    }

    fn learned(share: f64, cause: Cause) -> Aversion {
        let customers: Vec<Vec<Touch>> = (0..200)
            .map(|n| customer(f64::from(n) < 200.0 * share, cause))
            .collect();
        let histories: Vec<&[Touch]> = customers.iter().map(Vec::as_slice).collect();
        fit(&histories, Some(400 * DAY_MS))
    }

    #[test]
    fn what_is_bought_again_all_the_same_sinks_less() {
        let seldom = learned(0.0, Cause::Unsaid).given_back_unsaid;
        let often = learned(0.4, Cause::Unsaid).given_back_unsaid;
        assert!(seldom < 0.1 && often > 2.0 * seldom, "{seldom} {often}");
        // never so often that it would be as good as any other
        let always = learned(1.0, Cause::Product).given_back;
        assert_eq!(always, Aversion::MOST);
        // what nothing was learned of stays as it was
        assert_eq!(
            learned(1.0, Cause::Product).complained,
            Aversion::default().complained
        );
        assert_eq!(fit(&[], Some(0)), Aversion::default());
    }

    #[test]
    fn what_lets_most_down_is_known_and_what_few_tried_is_not() {
        let rated = |product, stars: u8| Touch {
            rating: stars * 10,
            ..Touch::new(Kind::RATING, product, 1)
        };
        let mut customers: Vec<Vec<Touch>> = Vec::new();
        for n in 0..100_u8 {
            let mut history = vec![
                rated(ProductIx(0), 5),
                rated(ProductIx(1), if n % 3 == 0 { 5 } else { 1 }),
            ];
            history.push(rated(ProductIx(2), if n % 3 == 0 { 1 } else { 5 }));
            if n < 4 {
                history.push(rated(ProductIx(3), 1));
            }
            // given back by everybody, because of what it is
            history.push(Touch::new(Kind::PURCHASE, ProductIx(4), 2));
            history.push(Touch {
                cause: Cause::Product,
                ..Touch::new(Kind::RETURN, ProductIx(4), 3)
            });
            // and because it did not fit
            history.push(Touch::new(Kind::PURCHASE, ProductIx(5), 2));
            history.push(Touch {
                cause: Cause::Size,
                ..Touch::new(Kind::RETURN, ProductIx(5), 3)
            });
            // most of what is sold pleases
            history
                .extend((10..20).map(|product| Touch::new(Kind::PURCHASE, ProductIx(product), 2)));
            customers.push(history);
        }
        let histories: Vec<&[Touch]> = customers.iter().map(Vec::as_slice).collect();
        assert_eq!(
            disliked(&histories, &Aversion::default()),
            [1, 4].map(ProductIx)
        );
    }
}
