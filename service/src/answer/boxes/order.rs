//! From a subscriber to the box as the packer wants it, and from a packed line to its reasons.

use std::collections::HashMap;

use serendib_engine::boxes::{BoxCare, Lot, Order, PackedBox, Receiver, Shelf, ShopRules, Wish};
use serendib_engine::engagement::CareRules;
use serendib_engine::explain::{line_reasons, LineKind};
use serendib_engine::model::Model;
use serendib_engine::rank::Live;
use serendib_engine::surprise::Said;
use serendib_shop::{stable_hash, Consents, Product, ProductIx};

use crate::answer::boxes::subscriber::Subscriber;
use crate::answer::boxes::{BoxAsk, LotAsk};
use crate::answer::sentence::{may_name, sentence, Language};
use crate::config::Config;
use crate::snapshot::views::View;
use crate::store::{self, BoxLine, BoxReason, BoxShortfall, BoxState, StoredBox};

/// Units that boxes may take of a product whose stock is not tracked.
const UNTRACKED: i64 = 1 << 30;
/// Reasons of a line at most.
const REASONS: usize = 2;

/// The lots of `item`, of which `free` units are free: those told of, the ones that perish last holding what is left after
/// the others; without any, one that perishes as the product says. What perishes still lasts `min_life_ms` when it leaves.
pub(super) fn lots_of(
    item: u32,
    product: &Product,
    free: i64,
    told: &[LotAsk],
    min_life_ms: i64,
) -> Vec<Lot> {
    let sold_until = product.available_until;
    let ships_before = |expires_at: Option<i64>| {
        let lasts = expires_at.map(|expiry| expiry.saturating_sub(min_life_ms));
        lasts.into_iter().chain(sold_until).min()
    };
    let mut own: Vec<&LotAsk> = told
        .iter()
        .filter(|lot| lot.product_id == product.product_id)
        .collect();
    own.sort_by_key(|lot| lot.expires_at.unwrap_or(i64::MAX));
    let until = [product.expires_at, product.available_until];
    let until = until.into_iter().flatten().min();
    if own.is_empty() {
        return vec![Lot {
            item,
            quantity: free,
            expires_at: until,
            ships_before: ships_before(product.expires_at),
            inbound_at: product.available_from,
            label: String::new(),
        }];
    }
    let mut free = free;
    own.into_iter()
        .map(|lot| {
            let quantity = lot.quantity.min(free);
            free -= quantity;
            Lot {
                item,
                quantity,
                expires_at: lot
                    .expires_at
                    .into_iter()
                    .chain(product.available_until)
                    .min(),
                ships_before: ships_before(lot.expires_at),
                inbound_at: product.available_from,
                label: lot.lot.clone(),
            }
        })
        .collect()
}

/// Lots by product, so that each product's are found at once.
pub(super) fn by_product(told: &[LotAsk]) -> HashMap<&str, Vec<LotAsk>> {
    let mut lots: HashMap<&str, Vec<LotAsk>> = HashMap::new();
    for lot in told {
        lots.entry(&lot.product_id).or_default().push(lot.clone());
    }
    lots
}

/// The products that boxes are packed from: `named`, or every product whose stock is tracked; removed ones and what is
/// not a product are left out. With the units that are free, `more` of them added by product.
pub(super) fn shelf_of(
    view: &View,
    rules: &ShopRules,
    named: &[String],
    more: &HashMap<String, i64>,
    told: &[LotAsk],
) -> (Shelf, Vec<Lot>) {
    let live = &view.live;
    let of_shop = ProductIx::all(live.catalogue.len());
    let products: Vec<ProductIx> = if named.is_empty() {
        of_shop
            .filter(|p| live.stock[p.index()].is_some())
            .collect()
    } else {
        named
            .iter()
            .filter_map(|id| live.catalogue.find(id))
            .collect()
    };
    let rows: Vec<(ProductIx, i64)> = products
        .into_iter()
        .filter(|p| live.offers(*p))
        .map(|p| {
            let id = &live.catalogue.product(p).product_id;
            let free = live.stock[p.index()].unwrap_or(UNTRACKED);
            (p, free.max(0) + more.get(id).copied().unwrap_or(0))
        })
        .collect();
    let shelf = Shelf::new(&live.catalogue, &rows);
    let told = by_product(told);
    let lives = shelf.min_lives_ms(rules);
    let mut lots = Vec::with_capacity(shelf.items().len());
    for (item, row) in shelf.items().iter().enumerate() {
        let Some(product) = shelf.product(item as u32) else {
            continue;
        };
        let product = live.catalogue.product(product);
        let own = told
            .get(&*product.product_id)
            .map_or(&[][..], Vec::as_slice);
        let free = i64::from(row.stock);
        lots.extend(lots_of(item as u32, product, free, own, lives[item]));
    }
    (shelf, lots)
}

/// Everything that is the same for all boxes of a pack.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    pub model: &'a Model,
    pub live: &'a Live,
    /// Whether touches have times; where they have none, every box sees all of them.
    pub timed: bool,
    pub shelf: &'a Shelf,
    pub rules: &'a ShopRules,
    pub care: &'a CareRules,
    /// What holds for who said nothing of the use of their data.
    pub consents: &'a Consents,
    /// Language of the sentences where neither the pack nor the subscriber says one.
    pub locale: &'a str,
    pub now: i64,
}

impl<'a> Bench<'a> {
    /// What the server packs with.
    pub(super) fn of(
        config: &'a Config,
        view: &'a View,
        (shelf, rules): (&'a Shelf, &'a ShopRules),
        now: i64,
    ) -> Bench<'a> {
        Bench {
            model: &view.model,
            live: &view.live,
            timed: view.generation.is_timed(),
            shelf,
            rules,
            care: &config.contact.rules.care,
            consents: &config.consent,
            locale: &config.recommend.locale,
            now,
        }
    }

    /// When the box leaves, and the time that the engine is asked for: what happened in this very millisecond is seen.
    fn moment(&self, ask: &BoxAsk) -> (i64, i64) {
        let ship_at = ask.ship_at.unwrap_or(self.now + 1);
        (ship_at, if self.timed { ship_at } else { i64::MAX })
    }

    /// The box of a subscriber, and exclusions that mean nothing here.
    pub fn order(&self, ask: &BoxAsk, subscriber: &Subscriber) -> (Order, Vec<String>) {
        let (live, rules, history) = (self.live, self.rules, &subscriber.history);
        let (ship_at, at) = self.moment(ask);
        let mut request = ask.request(rules);
        let (shelf, catalogue) = (self.shelf, &live.catalogue);
        let said = Said::before(&subscriber.delights, catalogue, at.saturating_add(1));
        let regretted = said.regretted;
        let exclusions = &ask.exclusions;
        let unknown = shelf.protect(catalogue, &mut request, exclusions, history, &regretted, at);
        BoxCare::of(history, at, self.care).apply(&mut request);
        let item = |id: &String| live.catalogue.find(id).and_then(|p| self.shelf.item(p));
        let earlier = subscriber.earlier.iter();
        let earlier = earlier.map(|products| products.iter().filter_map(item).collect());
        request.history = merged(earlier.collect(), request.history);
        request.pinned = ask.pinned.iter().filter_map(item).collect();
        if !ask.locked.is_empty() {
            let line = |(id, surprise): &(String, bool)| Some((item(id)?, *surprise));
            request.locked = Some(ask.locked.iter().filter_map(line).collect());
        }
        let mut settled: Vec<u32> = rules.pinned.iter().filter_map(item).collect();
        settled.extend(&request.pinned);
        settled.extend(request.locked.iter().flatten().map(|(item, _)| *item));
        let customer = subscriber.customer(self.consents);
        let salt = stable_hash(ask.box_id.as_bytes());
        let receiver = Receiver {
            customer,
            regretted: &regretted,
            now: at,
        };
        let wish = Wish {
            rules,
            request: &request,
            always: &settled,
            salt,
        };
        let (candidates, floor) = shelf.candidates(self.model, live, &receiver, &wish);
        request.relevance_floor = Some(floor);
        let order = Order {
            request,
            candidates,
            ship_at,
        };
        (order, unknown)
    }

    /// `packed` as it is kept; `lots` are the labels of its lines' lots.
    pub fn stored(
        &self,
        ask: &BoxAsk,
        subscriber: &Subscriber,
        packed: &PackedBox,
        lots: &[&str],
        locale: Option<&str>,
    ) -> StoredBox {
        let live = self.live;
        let (_, at) = self.moment(ask);
        let pinned = |item: u32| {
            let product = self.shelf.product(item);
            let id = product.map(|p| &live.catalogue.product(p).product_id);
            id.is_some_and(|id| self.rules.pinned.contains(id) || ask.pinned.contains(id))
        };
        let lines: Vec<(ProductIx, LineKind, f32)> = packed
            .lines
            .iter()
            .filter_map(|line| {
                let kind = if line.surprise {
                    LineKind::Surprise
                } else if line.fixed && pinned(line.item) {
                    LineKind::Pinned
                } else {
                    LineKind::Regular
                };
                Some((self.shelf.product(line.item)?, kind, line.value))
            })
            .collect();
        let care = BoxCare::of(&subscriber.history, at, self.care);
        let customer = subscriber.customer(self.consents);
        let reasons = line_reasons(self.model, live, customer, at, &lines, REASONS);
        let tag = locale
            .or(subscriber.locale.as_deref())
            .unwrap_or(self.locale);
        let language = Language::of(Some(tag));
        let id_of = |item: u32| -> Option<String> {
            let product = self.shelf.product(item)?;
            Some(live.catalogue.product(product).product_id.clone())
        };
        StoredBox {
            box_id: ask.box_id.clone(),
            customer_id: ask.customer_id.clone(),
            pack_id: String::new(),
            state: BoxState::Packed,
            locked: !ask.locked.is_empty(),
            ship_at: ask.ship_at,
            version: 0,
            at: self.now,
            lines: packed
                .lines
                .iter()
                .zip(reasons)
                .enumerate()
                .map(|(at, (line, reasons))| BoxLine {
                    product_id: id_of(line.item).unwrap_or_default(),
                    surprise: line.surprise,
                    fixed: line.fixed,
                    value: f64::from(line.value),
                    stand_ins: line
                        .stand_ins
                        .iter()
                        .filter_map(|s| id_of(s.item))
                        .collect(),
                    propensity: line.draw.as_ref().map(|draw| draw.propensity),
                    served_id: None,
                    lot: lots
                        .get(at)
                        .filter(|lot| !lot.is_empty())
                        .map(|lot| (*lot).to_owned()),
                    reasons: reasons
                        .into_iter()
                        .map(|reason| BoxReason {
                            code: reason.code.as_str().into(),
                            product_id: reason
                                .product
                                .filter(|p| may_name(&live.catalogue, *p))
                                .map(|p| live.catalogue.product(p).product_id.clone()),
                            contribution: f64::from(reason.contribution),
                            sentence: sentence(&reason, &live.catalogue, language),
                        })
                        .collect(),
                })
                .collect(),
            short: packed.shortfall.as_ref().map(|short| {
                let mut details: Vec<String> = short
                    .removed
                    .iter()
                    .map(|(why, count)| format!("{count} removed: {why}"))
                    .collect();
                if short.below_floor > 0 {
                    details.push(format!("{} below the relevance floor", short.below_floor));
                }
                details.extend(short.words.iter().cloned());
                details.extend(
                    short.pins.iter().map(|(item, why)| {
                        format!("pin {}: {why}", id_of(*item).unwrap_or_default())
                    }),
                );
                BoxShortfall {
                    regular: short.regular as u32,
                    surprise: short.surprise as u32,
                    fault: short.fault.to_string(),
                    details,
                }
            }),
            care: store::BoxCare {
                hand_over: care.hand_over.is_some(),
                paused: care.paused.map(|reason| reason.as_str().into()),
            },
            // plain data with text keys always has a JSON form
            ask: serde_json::to_value(BoxAsk {
                unknown_customer: !subscriber.known,
                ..ask.clone()
            })
            .unwrap_or_default(),
        }
    }
}

/// `boxes`, and those of `told` that are not among them, every list latest first.
fn merged(mut boxes: Vec<Vec<u32>>, told: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let known = boxes.clone();
    let is_new = |told: &Vec<u32>| {
        let inside = |stored: &Vec<u32>| told.iter().all(|item| stored.contains(item));
        !known.iter().any(inside)
    };
    boxes.extend(told.into_iter().filter(is_new));
    boxes
}
