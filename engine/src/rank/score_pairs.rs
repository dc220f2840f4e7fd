//! Numbers for given products, without making a list.

use crate::life::LifeView;
use crate::model::Model;
use crate::rank::pipeline::{life_of, prepare, view_of};
use crate::rank::purchase::Signals;
use crate::rank::{Appraiser, Context, CustomerState, Live, RelevanceView};
use crate::surprise::{Prospect, Terms, FEATURES};
use serendib_shop::{Budget, ProductIx};

/// How one product stands to one customer; absent = the model has no part that knows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PairScore {
    /// How well it suits, 0 to 1; see [`RelevanceView`].
    pub relevance: f32,
    /// How far from what the customer would expect, 0 to 1.
    pub unexpectedness: Option<f32>,
    /// How little known, 0 to 1.
    pub novelty: Option<f32>,
    /// How well it fits the moment, 0 to 1.
    pub timeliness: Option<f32>,
    /// Predicted probability of a pleasant surprise.
    pub delight: Option<f32>,
    /// Probability that the customer wants it when they meet it.
    pub wanted: Option<f32>,
    /// Probability that the customer keeps it when it comes in a box.
    pub kept: Option<f32>,
}

/// Scores each of `products` (numbers of `live.catalogue`) for `customer` as of `now`, in the order given.
pub fn score_pairs(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    now: i64,
    products: &[ProductIx],
) -> Vec<PairScore> {
    viewed(model, live, customer, now, |view, customer| {
        let rows = rows(view, products);
        let appraised = Appraiser::new(model, live, customer, now).map(|a| a.appraise(&rows));
        rows.iter()
            .enumerate()
            .map(|(ix, prospect)| {
                let appraised = appraised.as_ref().map(|rows| rows[ix]);
                let term = |take: fn(&Terms) -> f32| appraised.map(|a| take(&a.terms));
                PairScore {
                    relevance: prospect.relevance,
                    unexpectedness: term(|t| t.unexpectedness),
                    novelty: term(|t| t.novelty),
                    timeliness: term(|t| t.timeliness),
                    delight: appraised.map(|a| a.delight),
                    wanted: appraised.map(|a| a.wanted),
                    kept: appraised.map(|a| a.kept),
                }
            })
            .collect()
    })
}

/// What the models of delight and of wanting see of each of `products`: empty where the model knows nothing of surprises.
pub fn pair_features(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    now: i64,
    products: &[ProductIx],
) -> Vec<(Terms, [f32; FEATURES])> {
    viewed(model, live, customer, now, |view, customer| {
        Appraiser::new(model, live, customer, now)
            .map_or_else(Vec::new, |a| a.features(&rows(view, products)))
    })
}

/// What the purchase model sees of everything that sources propose to `customer` (their best products, the most popular,
/// complements of recent purchases, what they own) and of `extra`, each product once; `need` says how needed a product is.
pub fn purchase_signals(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    now: i64,
    need: Option<&LifeView>,
    extra: &[ProductIx],
) -> Vec<(ProductIx, Signals)> {
    let prepared = prepare(model, customer, &Context::default(), now, &Budget::RANKED);
    let view = prepared.relevance(model, live, need, now);
    let mut products: Vec<ProductIx> = view.best().iter().map(|(product, _)| *product).collect();
    products.extend(model.by_popularity().iter().take(PROPOSED_POPULAR));
    products.extend(view.complements().keys());
    products.extend(prepared.owned().keys());
    products.extend(extra);
    products.sort_unstable();
    products.dedup();
    let scores = view.scores(&products);
    products
        .into_iter()
        .zip(scores)
        .map(|(product, score)| (product, view.signals(product, score)))
        .collect()
}

/// Popular products among the rows of the purchase model.
const PROPOSED_POPULAR: usize = 100;

/// Prepares `customer` as a request without context does and hands the view to `ask`.
fn viewed<T>(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    now: i64,
    ask: impl FnOnce(&RelevanceView, &CustomerState) -> T,
) -> T {
    let prepared = prepare(model, customer, &Context::default(), now, &Budget::RANKED);
    let life = life_of(model, live, &prepared.customer(), now);
    let life = view_of(model, live, life.as_ref());
    let view = prepared.relevance(model, live, life.as_ref(), now);
    ask(&view, &prepared.customer())
}

/// Each of `products` with what relevance and life say of it.
fn rows(view: &RelevanceView, products: &[ProductIx]) -> Vec<Prospect> {
    let scores = view.scores(products);
    let products = products.iter().zip(scores);
    products
        .map(|(&product, score)| view.prospect(product, view.relevance(product, score)))
        .collect()
}
