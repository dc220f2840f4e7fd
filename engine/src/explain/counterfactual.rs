//! "Without the pram, bought in March, this would rank 14th": found by ranking again without it.

use chrono::{DateTime, Datelike};

use crate::explain::Language;
use crate::isolated;
use crate::model::Model;
use crate::rank::query::{before, owned};
use crate::rank::{recommend, CustomerState, Live, Request, RequestError, MAX_COUNT};
use crate::shop::{Catalogue, Kind, ProductIx, Touch};

/// Products that are tried.
const TRIED: usize = 5;

/// How the customer stands to the product that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// They got it.
    Bought,
    /// They rated it, and are not known to have bought it.
    Rated,
    /// They looked at it, asked about it or put it aside.
    Noticed,
    /// It is in the basket of the request, and they never touched it before.
    InBasket,
}

/// What would be without one product in the history and the basket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counterfactual {
    /// The product left out.
    pub without: ProductIx,
    /// How the customer stands to it.
    pub tie: Tie,
    /// When that was last, ms; `None` for a product in the basket, and in a shop without times.
    pub touched_at: Option<i64>,
    /// Rank with everything as it is, from 1.
    pub rank: usize,
    /// Rank without it, from 1; `None` = beyond the longest list.
    pub rank_without: Option<usize>,
}

/// Which of `behind` (products that may stand behind `item`, most likely first, at most five are tried) matters most for the rank
/// of `item` in the `list`th list of `request`.
///
/// Each is left out of the history and the basket with everything that was done to it, and the list is made anew, by itself and
/// without a draw: the counterfactual holds by construction. `None` where `item` is not in the list, or leaving out none of
/// them lowers it. Once `stop` says true no further product is tried.
///
/// # Errors
/// A request that cannot be answered.
#[expect(clippy::too_many_arguments)]
pub fn counterfactual(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    request: &Request,
    list: usize,
    item: ProductIx,
    behind: &[ProductIx],
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Counterfactual>, RequestError> {
    let Some(asked) = request.lists.get(list) else {
        return Ok(None);
    };
    let mut request = Request {
        lists: vec![asked.clone()],
        max_reasons: 0,
        explore: false,
        ..request.clone()
    };
    request.lists[0].count = MAX_COUNT.min(live.catalogue.len().max(1));
    let rank = |history: &[Touch], request: &Request| -> Result<Option<usize>, RequestError> {
        let state = CustomerState {
            history,
            ..customer
        };
        // a list cut short by the deadline would tell of ranks that are none
        let answer = recommend(model, live, state, request, &|| false)?;
        Ok(answer
            .lists
            .first()
            .and_then(|list| list.items.iter().position(|i| i.product == item))
            .map(|at| at + 1))
    };
    let Some(now_at) = rank(customer.history, &request)? else {
        return Ok(None);
    };
    let mut best: Option<Counterfactual> = None;
    let mut tried: Vec<ProductIx> = Vec::with_capacity(TRIED);
    for &without in behind {
        // that it is in the list because of itself tells nothing
        if without == item || tried.contains(&without) {
            continue;
        }
        let Some((tie, touched_at)) = tie(&customer, &request, without) else {
            continue;
        };
        if tried.len() == TRIED || stop() {
            break;
        }
        tried.push(without);
        let history: Vec<Touch> = customer
            .history
            .iter()
            .filter(|t| t.product != without)
            .copied()
            .collect();
        let mut spared = request.clone();
        let basket = &mut spared.context.basket;
        basket.retain(|(inside, _)| *inside != without);
        let rank_without = rank(&history, &spared)?;
        let depth = |r: Option<usize>| r.unwrap_or(usize::MAX);
        let worse = depth(rank_without) > now_at
            && best.is_none_or(|b| depth(rank_without) > depth(b.rank_without));
        if worse {
            best = Some(Counterfactual {
                without,
                tie,
                touched_at,
                rank: now_at,
                rank_without,
            });
        }
    }
    Ok(best)
}

/// How the customer stands to `product` by the time of `request`, and since when; `None` where leaving it out leaves out nothing.
fn tie(
    customer: &CustomerState,
    request: &Request,
    product: ProductIx,
) -> Option<(Tie, Option<i64>)> {
    let seen = before(customer.history, request.now);
    // what was given back is not called bought
    let kept = owned(seen).contains_key(&product);
    let mut found: Option<(Tie, i64)> = None;
    for touch in seen.iter().rev().filter(|t| t.product == product) {
        let tie = match touch.kind {
            Kind::PURCHASE | Kind::BOX_KEPT if kept => Tie::Bought,
            Kind::RATING => Tie::Rated,
            _ => Tie::Noticed,
        };
        // the strongest tie counts, with its last time
        let strength = |tie: Tie| tie as u8;
        if found.is_none_or(|(before, _)| strength(tie) < strength(before)) {
            found = Some((tie, touch.at));
        }
    }
    let mut basket = request.context.basket.iter();
    match found {
        Some((tie, at)) => Some((tie, (request.now != i64::MAX).then_some(at))),
        None if basket.any(|(inside, _)| *inside == product) => Some((Tie::InBasket, None)),
        None => None,
    }
}

impl Counterfactual {
    /// The counterfactual as a sentence for readers at `now` (ms). It names the product: whether that may be named is up to the
    /// caller (see [`Tact`](crate::explain::Tact)).
    pub fn sentence(&self, catalogue: &Catalogue, language: Language, now: i64) -> String {
        let product = if (self.without as usize) < catalogue.len() {
            isolated(catalogue.product(self.without).label())
        } else {
            String::new()
        };
        let when = self.touched_at.and_then(|at| month(at, now, language));
        match language {
            Language::English => english(self, &product, when.as_deref()),
            Language::Hebrew => hebrew(self, &product, when.as_deref()),
        }
    }
}

fn english(found: &Counterfactual, product: &str, when: Option<&str>) -> String {
    let how = match found.tie {
        Tie::Bought => ", bought",
        Tie::Rated => ", rated",
        Tie::Noticed => ", looked at",
        Tie::InBasket => " in the basket",
    };
    let when = when.map_or(String::new(), |when| format!(" in {when}"));
    let place = match found.rank_without {
        Some(rank) => format!(
            "would rank {} instead of {}",
            ordinal(rank),
            ordinal(found.rank)
        ),
        None => "would not be in the list".to_owned(),
    };
    format!("Without {product}{how}{when}, this {place}")
}

fn ordinal(rank: usize) -> String {
    let end = match (rank % 10, rank % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{rank}{end}")
}

fn hebrew(found: &Counterfactual, product: &str, when: Option<&str>) -> String {
    let when = when.map_or(String::new(), |when| format!(" ב{when}"));
    let without = match found.tie {
        Tie::Bought => format!("בלי {product}, שקניתם{when}"),
        Tie::Rated => format!("בלי {product}, שדירגתם{when}"),
        Tie::Noticed => format!("בלי ההתעניינות שלכם ב־{product}{when}"),
        Tie::InBasket => format!("בלי {product} שבסל"),
    };
    let place = match found.rank_without {
        Some(rank) => format!("זה היה במקום {rank} במקום {}", found.rank),
        None => "זה לא היה ברשימה".to_owned(),
    };
    format!("{without}, {place}")
}

/// The month of `at`, with its year where that is not the year of `now`.
fn month(at: i64, now: i64, language: Language) -> Option<String> {
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const HEBREW: [&str; 12] = [
        "ינואר",
        "פברואר",
        "מרץ",
        "אפריל",
        "מאי",
        "יוני",
        "יולי",
        "אוגוסט",
        "ספטמבר",
        "אוקטובר",
        "נובמבר",
        "דצמבר",
    ];
    let names = match language {
        Language::English => &ENGLISH,
        Language::Hebrew => &HEBREW,
    };
    let date = DateTime::from_timestamp_millis(at)?;
    let name = names[date.month0() as usize];
    let this_year = DateTime::from_timestamp_millis(now).map(|now| now.year());
    Some(if this_year == Some(date.year()) {
        name.to_owned()
    } else {
        format!("{name} {}", date.year())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::{Product, DAY_MS};

    /// 15 March 2026, ms.
    const MARCH: i64 = 1_773_532_800_000;

    #[test]
    fn it_is_said_with_what_and_when() {
        let catalogue = Catalogue::new(vec![Product {
            title: Some("pram".into()),
            ..Product::bare("p")
        }])
        .unwrap();
        let mut found = Counterfactual {
            without: 0,
            tie: Tie::Bought,
            touched_at: Some(MARCH),
            rank: 2,
            rank_without: Some(14),
        };
        let say = |found: &Counterfactual, language, days: i64| {
            found.sentence(&catalogue, language, MARCH + days * DAY_MS)
        };
        assert_eq!(
            say(&found, Language::English, 30),
            "Without \u{2068}pram\u{2069}, bought in March, this would rank 14th instead of 2nd"
        );
        assert_eq!(
            say(&found, Language::Hebrew, 30),
            "בלי \u{2068}pram\u{2069}, שקניתם במרץ, זה היה במקום 14 במקום 2"
        );
        assert!(say(&found, Language::English, 400).contains("in March 2026,"));
        found.rank_without = None;
        found.tie = Tie::InBasket;
        found.touched_at = None;
        assert_eq!(
            say(&found, Language::English, 30),
            "Without \u{2068}pram\u{2069} in the basket, this would not be in the list"
        );
    }
}
