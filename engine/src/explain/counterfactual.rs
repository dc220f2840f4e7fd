//! "Without the pram, bought in March, this would rank 14th": found by ranking again without it.

use crate::model::Model;
use crate::rank::query::{before, owned};
use crate::rank::{recommend, CustomerState, Live, Request, RequestError, MAX_COUNT};
use serendib_shop::{Kind, ProductIx, Touch};

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

/// An item in a list of somebody's answer.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub customer: CustomerState<'a>,
    /// What was asked for them.
    pub request: &'a Request,
    /// Number of the list in the request, from 0.
    pub list: usize,
    pub item: ProductIx,
}

/// Which of `behind` (products that may stand behind an item, most likely first, at most five are tried) matters most for the rank
/// of the item at `place`.
///
/// Each is left out of the history and the basket with everything that was done to it, and the list is made anew, by itself and
/// without a draw: the counterfactual holds by construction. `None` where the item is not in the list, or leaving out none of
/// them lowers it. Once `stop` says true no further product is tried.
///
/// # Errors
/// A request that cannot be answered.
pub fn counterfactual(
    model: &Model,
    live: &Live,
    place: &Place,
    behind: &[ProductIx],
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Counterfactual>, RequestError> {
    let Place {
        customer,
        request,
        list,
        item,
    } = *place;
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
