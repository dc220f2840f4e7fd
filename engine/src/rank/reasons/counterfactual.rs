//! "Without the pram bought in March this would rank 14th": found by ranking again without it.

use crate::model::Model;
use crate::rank::{recommend, CustomerState, Live, Request, RequestError, MAX_COUNT};
use crate::shop::{ProductIx, Touch};

/// What would be without one product in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counterfactual {
    /// The product left out of the history.
    pub without: ProductIx,
    /// When it was last touched, ms.
    pub touched_at: i64,
    /// Rank with the history as it is, from 1.
    pub rank: usize,
    /// Rank without it, from 1; `None` = beyond the longest list.
    pub rank_without: Option<usize>,
}

/// Which of `behind` (products that may stand behind `item`, most likely first, at most five are tried) matters most for the rank
/// of `item` in the `list`th list of `request`.
///
/// Each is left out of the history with everything that was done to it, and the list is made anew: the counterfactual holds by
/// construction. `None` where `item` is not in the list, or leaving out none of them lowers it.
///
/// # Errors
/// A request that cannot be answered.
pub fn counterfactual(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    request: &Request,
    list: usize,
    item: ProductIx,
    behind: &[ProductIx],
) -> Result<Option<Counterfactual>, RequestError> {
    let Some(asked) = request.lists.get(list) else {
        return Ok(None);
    };
    let mut request = Request {
        lists: vec![asked.clone()],
        max_reasons: 0,
        ..request.clone()
    };
    request.lists[0].count = MAX_COUNT.min(live.catalogue.len().max(1));
    let rank = |history: &[Touch]| -> Result<Option<usize>, RequestError> {
        let state = CustomerState {
            history,
            ..customer
        };
        let answer = recommend(model, live, state, &request, &|| false)?;
        Ok(answer
            .lists
            .first()
            .and_then(|list| list.items.iter().position(|i| i.product == item))
            .map(|at| at + 1))
    };
    let Some(now_at) = rank(customer.history)? else {
        return Ok(None);
    };
    let mut best: Option<Counterfactual> = None;
    for without in behind.iter().take(5) {
        let Some(last) = customer
            .history
            .iter()
            .rev()
            .find(|t| t.product == *without && t.at < request.now)
        else {
            continue;
        };
        let history: Vec<Touch> = customer
            .history
            .iter()
            .filter(|t| t.product != *without)
            .copied()
            .collect();
        let rank_without = rank(&history)?;
        let depth = |r: Option<usize>| r.unwrap_or(usize::MAX);
        let worse = depth(rank_without) > now_at
            && best.is_none_or(|b| depth(rank_without) > depth(b.rank_without));
        if worse {
            best = Some(Counterfactual {
                without: *without,
                touched_at: last.at,
                rank: now_at,
                rank_without,
            });
        }
    }
    Ok(best)
}
