//! Reasons for given products, without making a list: for the lines of a box.

use crate::explain::items;
use crate::explain::life::needs;
use crate::explain::surprises::Explained;
use crate::model::Model;
use crate::rank::pipeline::{life_of, prepare, view_of};
use crate::rank::{
    Appraiser, Context, CustomerState, Item, ListKind, ListRequest, Live, Query, Reason,
    ReasonCode, Request,
};
use serendib_shop::{Budget, ProductIx};

/// What a line stands in a box for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// It suits the customer.
    Regular,
    /// It is the surprise.
    Surprise,
    /// The shop put it there.
    Pinned,
}

/// The reasons, at most `limit` each, for each of `lines` (product and what it is there for) as of `now`, strongest first;
/// never none. `relevance` says how well each line suits, 0…1, and is what contributions are parts of.
pub fn line_reasons(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    now: i64,
    lines: &[(ProductIx, LineKind, f32)],
    limit: usize,
) -> Vec<Vec<Reason>> {
    let request = |kind| Request {
        max_reasons: limit,
        ..Request::one(kind, 1, now)
    };
    let (suits, surprises) = (request(ListKind::ForYou), request(ListKind::Surprise));
    let prepared = prepare(model, customer, &Context::default(), now, &Budget::RANKED);
    let life = life_of(model, live, &prepared.customer(), now);
    let view = view_of(model, live, life.as_ref());
    let suits_all = prepared.relevance(model, live, view.as_ref(), now);
    let surprising = lines.iter().any(|line| line.1 == LineKind::Surprise);
    let appraiser = surprising
        .then(|| Appraiser::new(model, live, &prepared.customer(), now))
        .flatten();
    lines
        .iter()
        .map(|(product, kind, relevance)| {
            let request = match kind {
                LineKind::Surprise => &surprises,
                _ => &suits,
            };
            let list: &ListRequest = &request.lists[0];
            let query = prepared.query(&suits_all, request, list);
            let mut item = Item {
                score: *relevance,
                relevance: *relevance,
                ..Item::new(*product)
            };
            match kind {
                LineKind::Pinned => return vec![Reason::plain(ReasonCode::Pinned, 0.0)],
                LineKind::Surprise => {
                    let reasons = appraiser
                        .as_ref()
                        .map(|appraiser| surprising_for(appraiser, &query, *product, *relevance));
                    let plain = || vec![Reason::plain(ReasonCode::Surprise, 0.0)];
                    item.reasons.extend(reasons.unwrap_or_else(plain));
                }
                LineKind::Regular if needs(&query, *product) => item
                    .reasons
                    .push(crate::explain::life::reason(&query, *product, 0.0)),
                LineKind::Regular => {}
            }
            items::explain(&query, &mut item);
            if item.reasons.is_empty() {
                item.reasons.push(Reason::plain(ReasonCode::Popular, 0.0));
            }
            item.reasons.truncate(limit.max(1));
            item.reasons
        })
        .collect()
}

/// What `product` of this `relevance` is a surprise for, whatever delight counts in the score.
fn surprising_for(
    appraiser: &Appraiser,
    query: &Query,
    product: ProductIx,
    relevance: f32,
) -> Vec<Reason> {
    let prospect = query.relevance.prospect(product, relevance);
    let drivers = appraiser.appraise(&[prospect]).first().map(|a| a.drivers);
    Explained::new(query, appraiser.surprises()).reasons(product, drivers.unwrap_or_default(), 0.0)
}
