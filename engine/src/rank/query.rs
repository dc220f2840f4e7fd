//! What the stages of one list look at: prepared once per request.

use std::collections::{HashMap, HashSet};

use super::kin::kin;
use super::scope::{Bounds, BREADTH};
use super::{
    Appraiser, Averse, Beside, Contact, CustomerState, ListKind, ListRequest, Live, RelevanceView,
    Request,
};
use crate::index::LikeYou;
use crate::life::LifeView;
use crate::model::Model;
use crate::represent::Folded;
use serendib_shop::{net_acquisitions, Kind, Owned, ProductIx, Standing, Touch, NO_PRODUCT};

/// Takes candidates away.
pub trait Filter: Sync {
    /// Name in [`Removed`](super::Removed).
    fn name(&self) -> &'static str;

    /// Whether it applies to this query.
    fn enabled(&self, _query: &Query) -> bool {
        true
    }

    /// Whether `product` may stay.
    fn keeps(&self, query: &Query, product: ProductIx) -> bool;
}

/// What may come into a list, and how far its sources look.
pub(crate) struct Scope<'a> {
    pub(crate) bounds: Option<&'a Bounds>,
    /// Products of the lists before.
    pub(crate) listed: Option<&'a HashSet<ProductIx>>,
    /// Filters of the list's plan, beyond eligibility.
    pub(crate) filters: &'a [&'static dyn Filter],
    /// Candidates that one source proposes at most.
    pub(crate) breadth: usize,
}

impl Scope<'_> {
    /// The scope where nothing is listed: questions about single products.
    pub(crate) const OPEN: Scope<'static> = Scope {
        bounds: None,
        listed: None,
        filters: &[],
        breadth: BREADTH,
    };
}

/// A request prepared for its stages.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The model of this request.
    pub model: &'a Model,
    /// The shop at this moment.
    pub live: &'a Live,
    pub request: &'a Request,
    /// The list that is made.
    pub list: &'a ListRequest,
    /// The customer, history cut to what is seen.
    pub customer: CustomerState<'a>,
    /// The customer and session as vectors.
    pub folded: &'a Folded,
    /// How products stand to the customer.
    pub relevance: &'a RelevanceView<'a>,
    /// What surprises the customer; `None` where the model knows nothing of surprises, or no list of the request is of them.
    pub appraiser: Option<&'a Appraiser<'a>>,
    /// What the customer owns, by product.
    pub owned: &'a HashMap<ProductIx, Owned>,
    /// The [`kin`] of the durable things among them.
    pub owned_kin: &'a HashSet<ProductIx>,
    /// What the customer said and did against products.
    pub standing: &'a Standing,
    /// How far behind that puts products.
    pub averse: &'a Averse,
    /// What the customer's life situations say, where the model knows of any.
    pub life: Option<&'a LifeView<'a>>,
    /// What may come into the list.
    pub(crate) scope: &'a Scope<'a>,
    /// What is no surprise to the customer; `None` for other lists and at dial 0.
    pub beside: Option<&'a Beside>,
    /// What is known of customers like this one.
    pub like_you: LikeYou<'a>,
    /// What the customer's contacts ask for.
    pub contact: &'a Contact,
    /// Whether anything of the customer or session went in.
    pub personal: bool,
}

impl<'a> Query<'a> {
    /// The same request, for its list `list`.
    pub(crate) fn for_list(self, list: &'a ListRequest) -> Query<'a> {
        Query { list, ..self }
    }

    /// The dial of the request, else the customer's own, 0…1.
    pub(crate) fn dial(&self) -> f32 {
        let own = || self.appraiser.map_or(0.0, |a| a.appraisal().dial());
        self.request.dial.unwrap_or_else(own)
    }

    /// The products that a related list (similar, goes-with) starts from: the viewed product, else the basket, else the
    /// three that were last touched.
    pub fn anchors(&self) -> Vec<ProductIx> {
        let context = &self.request.context;
        if let Some(viewed) = context.viewed {
            return vec![viewed];
        }
        if !context.basket.is_empty() {
            return context.basket.iter().map(|(product, _)| *product).collect();
        }
        let mut anchors = Vec::new();
        for touch in self.customer.history.iter().rev() {
            if touch.product != NO_PRODUCT
                && !self.standing.unlikes(touch.product)
                && (touch.kind.acquires() || matches!(touch.kind, Kind::VIEW | Kind::STOCK_ENQUIRY))
                && !anchors.contains(&touch.product)
            {
                anchors.push(touch.product);
                if anchors.len() == 3 {
                    break;
                }
            }
        }
        anchors
    }

    /// A number that the variants of one product share: those of one parent, and where new things are proposed also those
    /// that titles tell (see [`Variants`](crate::complement::Variants)). What is bought again is bought in each of its
    /// colours, so that there only the shop's own word joins products.
    pub fn family(&self, product: ProductIx) -> ProductIx {
        match self.list.kind {
            ListKind::BuyAgain | ListKind::NextBasket => self.live.catalogue.family(product),
            _ => kin(self.model, self.live, product),
        }
    }
}

/// The [`kin`] of what is durable among `owned`: who has one needs no other size or colour of it.
pub(crate) fn owned_kin(
    model: &Model,
    live: &Live,
    owned: &HashMap<ProductIx, Owned>,
) -> HashSet<ProductIx> {
    let known = ProductIx::of_index(live.catalogue.len());
    let durable = |product: &ProductIx| live.catalogue.product(*product).durable == Some(true);
    let durable = owned.keys().copied().filter(|p| *p < known).filter(durable);
    durable.map(|product| kin(model, live, product)).collect()
}

/// What of `history` a request at `now` may know of: touches strictly before.
pub(crate) fn before(history: &[Touch], now: i64) -> &[Touch] {
    &history[..history.partition_point(|touch| touch.at < now)]
}

/// Owned products by number.
pub(crate) fn owned(history: &[Touch]) -> HashMap<ProductIx, Owned> {
    net_acquisitions(history)
        .into_iter()
        .map(|owned| (owned.product, owned))
        .collect()
}
