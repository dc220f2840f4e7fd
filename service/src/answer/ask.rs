//! What is asked for, checked; and the same in numbers of one view of the shop.

use std::collections::HashSet;

use serendib_engine::rank::{
    Context, Filters, ListKind, ListRequest, Live, Occasion, Request, Together,
};
use serendib_shop::{
    noise::without_noise, Budget, Encoder, ProductIx, Touch, Touchpoint, NO_PRODUCT,
};

use crate::config::{Contact, Recommend, Usual};
use crate::store::Asked;

/// What was done in a visit: so many of the newest are kept in the serve log.
const VISIT_KEPT: usize = 100;

/// What a request may ask for.
#[derive(Debug, Clone, Copy)]
pub struct AskLimits {
    /// Items where the request says nothing.
    pub default_count: usize,
    /// Most items in a list.
    pub max_count: usize,
    /// Most reasons of an item.
    pub max_reasons: usize,
    /// How items go together where the request says nothing.
    pub together: Usual,
}

impl AskLimits {
    /// As the configuration says.
    pub fn of(config: &Recommend) -> AskLimits {
        AskLimits {
            default_count: config.default_count,
            max_count: config.max_count,
            max_reasons: config.max_reasons,
            together: config.together,
        }
    }
}

/// A checked request; products are still ids.
#[derive(Debug, Clone)]
pub struct Ask {
    /// For whom; `None` = an anonymous visitor.
    pub customer_id: Option<String>,
    /// The time asked for.
    pub at: Option<i64>,
    /// The seed asked for.
    pub seed: Option<u64>,
    /// Send products along.
    pub include_products: bool,
    /// Send counts of removed candidates along.
    pub include_accounting: bool,
    /// Where on the page.
    pub placement: Option<String>,
    /// Language of the sentences.
    pub locale: Option<String>,
    pub explore: bool,
    pub draw_lone: bool,
    pub lists: Vec<AskList>,
    pub session: Vec<Touchpoint>,
    pub basket: Vec<String>,
    pub viewed: Option<String>,
    pub occasion: Option<Occasion>,
    pub exclusions: Vec<String>,
    /// Products that no list holds, of which whoever asked did not speak.
    pub withheld: Vec<String>,
    pub dial: Option<f32>,
    pub max_reasons: usize,
}

/// One list of a request.
#[derive(Debug, Clone)]
pub struct AskList {
    pub kind: ListKind,
    pub count: usize,
    pub filters: Filters,
    pub pins: Vec<String>,
    pub together: Together,
}

/// A request in numbers of one view of the shop.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What the engine answers.
    pub request: Request,
    /// What happened in the visit.
    pub session: Vec<Touch>,
    /// Products named in the request that the shop does not know.
    pub unknown: Vec<String>,
}

impl Ask {
    /// The same with every item by its own score: a question about one item is not about what stands beside it.
    pub fn one_by_one(mut self) -> Ask {
        for list in &mut self.lists {
            list.together = Together::default();
        }
        self
    }

    /// The same without `products` in any list, however many they are.
    pub fn without_products(mut self, products: Vec<String>) -> Ask {
        self.withheld.extend(products);
        self
    }

    /// The same with a surprise list of one drawn by the seed: for a caller of whom nobody knows what they were shown before.
    pub fn draw_lone(self) -> Ask {
        Ask {
            draw_lone: true,
            ..self
        }
    }

    /// The same for what an earlier answer was for.
    pub fn asked_again(self, asked: Asked) -> Ask {
        let session = asked.session.into_iter();
        Ask {
            viewed: asked.viewed,
            basket: asked.basket,
            session: session
                .map(|(product, kind, at)| Touchpoint {
                    product_id: Some(product),
                    at,
                    ..Touchpoint::new("", kind)
                })
                .collect(),
            dial: asked.dial,
            ..self
        }
    }

    /// What it is asked for, for the serve log; of a visit only where that may be kept.
    pub fn asked(&self, keep_visit: bool) -> Asked {
        let keep = if keep_visit { VISIT_KEPT } else { 0 };
        let session = &self.session[self.session.len().saturating_sub(keep)..];
        Asked {
            at: self.at,
            viewed: self.viewed.clone(),
            basket: self.basket.clone(),
            session: session
                .iter()
                .filter_map(|row| Some((row.product_id.clone()?, row.kind.clone(), row.at)))
                .collect(),
            dial: self.dial,
        }
    }

    /// The same from nobody in particular: no running visit, nothing drawn but a lone surprise, and the page's product and
    /// the basket only where the lists are about nothing else.
    pub fn of_nobody(self) -> Ask {
        let about_products = self
            .kinds()
            .all(|kind| matches!(kind, ListKind::Similar | ListKind::GoesWith));
        let (basket, viewed) = if about_products {
            (self.basket, self.viewed)
        } else {
            (Vec::new(), None)
        };
        Ask {
            session: Vec::new(),
            // for nobody as for anybody: a surprise that nobody remembers is drawn
            explore: self.draw_lone,
            basket,
            viewed,
            ..self
        }
    }

    /// The kinds asked for, in order.
    pub fn kinds(&self) -> impl Iterator<Item = ListKind> + '_ {
        self.lists.iter().map(|list| list.kind)
    }

    /// Looks up every product in `live`; unknown ones are left out and named.
    ///
    /// A session touch without a time counts as just before `now`. `ranked_at` is the time that the engine is asked
    /// for: `now`, or `i64::MAX` in a shop without times. `contact` says how contacts act on lists.
    pub fn resolve(
        &self,
        live: &Live,
        encoder: &mut Encoder,
        now: i64,
        ranked_at: i64,
        seed: u64,
        contact: &Contact,
    ) -> Resolved {
        let mut unknown = Vec::new();
        let mut find = |id: &String| -> Option<ProductIx> {
            let found = live.catalogue.find(id);
            if found.is_none() {
                unknown.push(id.clone());
            }
            found
        };
        let mut basket: Vec<(ProductIx, f32)> = Vec::new();
        for product in self.basket.iter().filter_map(&mut find) {
            match basket.iter_mut().find(|(inside, _)| *inside == product) {
                Some((_, quantity)) => *quantity += 1.0,
                None => basket.push((product, 1.0)),
            }
        }
        let request = Request {
            now: ranked_at,
            seed,
            lists: self
                .lists
                .iter()
                .map(|list| ListRequest {
                    pins: list.pins.iter().filter_map(&mut find).collect(),
                    filters: list.filters.clone(),
                    together: list.together,
                    ..ListRequest::new(list.kind, list.count)
                })
                .collect(),
            context: Context {
                basket,
                viewed: self.viewed.as_ref().and_then(&mut find),
                occasion: self.occasion,
                let_down_at: None,
                regretted: Vec::new(),
            },
            dial: self.dial,
            exclusions: {
                let withheld = self.withheld.iter();
                let withheld = withheld.filter_map(|id| live.catalogue.find(id));
                let excluded = self.exclusions.iter().filter_map(&mut find);
                excluded.chain(withheld).collect()
            },
            max_reasons: self.max_reasons,
            explore: self.explore,
            draw_lone: self.draw_lone,
            outreach: contact.is_outreach(self.placement.as_deref()),
            contact: contact.rules,
            history: Budget::RANKED,
            surprise_floor: 0.0,
        };
        let mut session: Vec<Touch> = self
            .session
            .iter()
            .map(|row| {
                let mut touch = encoder.encode(row, &live.catalogue);
                if touch.product == NO_PRODUCT {
                    unknown.extend(row.product_id.clone());
                }
                touch.at = row.at.unwrap_or(now - 1);
                touch
            })
            .collect();
        let non_product = |product: ProductIx| live.non_product[product.index()];
        let counts = |touch: Touch| without_noise(touch, non_product, &HashSet::new());
        session = session.into_iter().filter_map(counts).collect();
        session.retain(|t| t.product != NO_PRODUCT);
        Resolved {
            request,
            session,
            unknown,
        }
    }
}
