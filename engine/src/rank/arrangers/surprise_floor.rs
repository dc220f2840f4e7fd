//! The arranger that keeps what the customer would not want enough from being a surprise: which of their products and scores the
//! floor (`surprise::floor`) is told by, and who falls below it.

use crate::rank::filters::Outgrown;
use crate::rank::{Filter, Query};
use crate::surprise::{floor, quantise, FloorOptions, Surprises};
use serendib_shop::ProductIx;

/// Best products of a customer that the floor is told by.
const PLAIN: usize = 20;

/// The customer's own floor: a share of how surely they want what is in their plain list, which neither the list's limits nor
/// what a page, another list or an earlier surprise took away lowers. At dial 0, and where no model says what is wanted, of how
/// relevant it is.
pub(crate) fn floor_of(query: &Query, surprises: &Surprises) -> f32 {
    let own = surprises.settings.floor();
    let judged = query.appraiser.zip(query.beside);
    let (options, plain) = match judged.filter(|_| surprises.wanted().is_some()) {
        Some((appraiser, beside)) if !beside.plain.is_empty() => {
            let view = query.relevance;
            let scores = view.scores(&beside.plain);
            let rows: Vec<_> = beside
                .plain
                .iter()
                .zip(scores)
                .map(|(&p, score)| view.prospect(p, view.relevance(p, score)))
                .collect();
            let wanted = appraiser.appraise(&rows);
            // what is always required is told of relevance
            let options = FloorOptions {
                absolute: 0.0,
                ..own
            };
            (options, wanted.iter().map(|a| a.wanted).collect())
        }
        _ => {
            let absolute = own.absolute.max(query.request.surprise_floor);
            (FloorOptions { absolute, ..own }, plain_top(query))
        }
    };
    floor(&plain, &options)
}

/// Relevances of the customer's plain ranking, best first.
fn plain_top(query: &Query) -> Vec<f32> {
    let (view, live) = (query.relevance, query.live);
    let new = |product: ProductIx| {
        live.sells(product, query.request.now)
            && !query.owned.contains_key(&product)
            && (!Outgrown.enabled(query) || Outgrown.keeps(query, product))
    };
    // Where relevance orders, the best are among the representation's best, but not in its order.
    let looked_at = if view.orders() { 5 * PLAIN } else { PLAIN };
    let mut scored = view.candidates(looked_at, &new);
    if query.personal {
        let came_later = ProductIx::all(live.catalogue.len()).skip(live.known);
        let came_later: Vec<ProductIx> = came_later.filter(|product| new(*product)).collect();
        let scores = view.scores(&came_later);
        scored.extend(came_later.into_iter().zip(scores));
    }
    let mut top: Vec<(f32, f32)> = scored
        .into_iter()
        .map(|(product, score)| (score, view.relevance(product, score)))
        .map(|(score, relevance)| (if view.orders() { relevance } else { score }, relevance))
        .collect();
    top.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut above = 1.0f32;
    top.iter()
        .take(PLAIN)
        .map(|(_, relevance)| {
            above = above.min(quantise(*relevance));
            above
        })
        .collect()
}
