//! One pack, from what is asked for to boxes that are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::json;
use serendib_engine::boxes::{Fault, JobPacking, Lot, Progress, Rules, Shelf, ShopRules};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::answer::boxes::compute::{filled, score, search, Scored, Search};
use crate::answer::boxes::kept::{asked_for, Kept, Whole};
use crate::answer::boxes::order::{by_product, lots_of, shelf_of, Bench};
use crate::answer::boxes::repack::{repack, Keep};
use crate::answer::boxes::subscribers::OfStore;
use crate::answer::boxes::{BoxAsk, LotAsk, PackAsk, Packer, PACKING};
use crate::answer::call::Call;
use crate::answer::refusal::Refusal;
use crate::clock::now_ms;
use crate::snapshot::views::View;
use crate::store::{
    self, served_id, BoxQuery, BoxReason, BoxState, PackOptions, ServedItem, ServedList,
    ServedReason, ServedRequest, StoreError, StoredBox, StoredPack,
};
use crate::workers::blocking::blocking;
use crate::workers::deadline::Deadline;

/// Packings tried while others take units away, before what is gone is left out.
const ATTEMPTS: usize = 4;

/// Exclusions that a summary names at most.
const MOST_NAMED: usize = 1_000;

/// What a pack says while it works.
#[derive(Debug, Clone)]
pub enum Event {
    /// How far the values are, 0 to 1.
    Scoring(f64),
    /// How far the search is.
    Search(Progress),
    /// The boxes are being kept.
    Keeping,
}

/// A pack that is done.
#[derive(Debug)]
pub struct Packed {
    /// The answer's id.
    pub request_id: String,
    /// The model that packed.
    pub view: Arc<View>,
    /// The pack as kept; not kept for a dry run.
    pub pack: StoredPack,
    /// Boxes in the order asked for.
    pub boxes: Vec<StoredBox>,
    /// Value, bound, prices and the rest, in ids.
    pub whole: Whole,
}

/// Packs what is asked for and keeps it; gives up without a trace once nobody listens to `events` any more.
///
/// # Errors
/// Rules that do not fit the shop, boxes that are packed already, a store that does not write.
pub async fn pack(
    packer: &Arc<Packer>,
    mut ask: PackAsk,
    call: &Call,
    events: mpsc::Sender<Event>,
) -> Result<Packed, Refusal> {
    let started = Instant::now();
    let now = now_ms();
    let (request_id, deadline) = (call.request_id.clone(), call.said);
    let seed = ask.seed.unwrap_or_else(|| rand::thread_rng().gen());
    let freed = freed_units(packer, &mut ask, now).await?;
    let view = packer.keeping.views.get();
    let (shelf, mut lots) = shelf_of(&view, &ask.rules, &ask.products, &freed, &ask.lots);
    if shelf.items().is_empty() {
        return Err(Refusal::Precondition(
            "product_ids: there is nothing to pack from: name products, or track the stock of some"
                .into(),
        ));
    }
    let mut hard = shelf
        .rules(&view.live.catalogue, &ask.rules)
        .map_err(|error| Refusal::Argument(error.to_string()))?;
    check_products(&ask.boxes, &ask.lots, &view, &shelf)?;
    hard.no_repeat_boxes = ask.rules.no_repeat_boxes;
    let shared = Arc::new(Shared {
        packer: packer.clone(),
        view: view.clone(),
        rules: ask.rules.clone(),
        asks: std::mem::take(&mut ask.boxes),
        runtime: Handle::current(),
        shelf,
        hard,
        now,
    });
    let scored = {
        let (shared, events) = (shared.clone(), events.clone());
        let score = move || shared.score(&events);
        Arc::new(blocking(PACKING, score).await??)
    };
    let scoring_s = started.elapsed().as_secs_f64();

    let limit = ask.time_limit_s.map(Duration::from_secs_f64);
    let mut warm: Option<Vec<f64>> = None;
    let searching = Instant::now();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let packing = {
            let (shared, scored, events) = (shared.clone(), scored.clone(), events.clone());
            let (lots, warm) = (lots.clone(), warm.clone());
            let over = move || {
                limit.is_some_and(|limit| searching.elapsed() >= limit)
                    || deadline.is_some_and(|deadline| deadline.left() < Duration::from_secs(1))
            };
            let search = move || {
                let stop = || events.is_closed() || over();
                let search = Search {
                    seed,
                    warm: warm.as_deref(),
                };
                shared.search(&scored, lots, search, &stop, &events)
            };
            blocking(PACKING, search).await??
        };
        if events.is_closed() {
            return Err(Refusal::Cancelled("nobody waits for the pack any more"));
        }
        if deadline.is_some_and(Deadline::passed) {
            return Err(Refusal::Late("the pack is late: nothing of it was kept"));
        }
        let shelf = &shared.shelf;
        let mut whole = whole(&packing, shelf, &shared.hard, &view);
        whole.unknown_exclusions = scored.unknown_exclusions.concat();
        whole.unknown_exclusions.sort_unstable();
        whole.unknown_exclusions.dedup();
        whole.unknown_exclusions.truncate(MOST_NAMED);
        (whole.scoring_s, whole.seed) = (scoring_s, seed);
        whole.packing_s = searching.elapsed().as_secs_f64();
        let _ = events.try_send(Event::Keeping);
        let packing = Arc::new(packing);
        let filled = {
            let (shared, packing) = (shared.clone(), packing.clone());
            let (lots, locale) = (lots.clone(), ask.locale.clone());
            let fill = move || shared.filled(&packing, &lots, locale.as_deref());
            blocking(PACKING, fill).await??
        };
        let (mut boxes, named): (Vec<StoredBox>, Vec<bool>) = filled.into_iter().unzip();
        let served = served_requests(&request_id, &packing, &shared, &mut boxes, &named);
        let last_ship = boxes.iter().filter_map(|b| b.ship_at).max();
        let prices = (0..shelf.items().len()).filter_map(|item| {
            let price = packing.whole.prices[item];
            (price > 0.0).then(|| (shelf.items()[item].id.clone(), price))
        });
        let kept = Kept {
            rules: shared.rules.clone(),
            products: ask.products.clone(),
            asked: asked_for(&shared.asks),
            lots: lots_left(&ask.lots, &lots, &packing.lots_left, shelf),
            prices: prices.collect(),
            whole,
        };
        let pack = StoredPack {
            pack_id: ask.pack_id.clone().unwrap_or_else(|| request_id.clone()),
            at: now,
            hold_until: last_ship.map_or(now, |at| at.max(now)) + ask.hold_ms,
            body: serde_json::to_value(&kept).unwrap_or_else(|_| json!({})),
        };
        for stored in &mut boxes {
            stored.pack_id.clone_from(&pack.pack_id);
        }
        if ask.dry_run {
            return Ok(Packed {
                request_id,
                view,
                pack,
                boxes,
                whole: kept.whole,
            });
        }
        let mut products: Vec<String> = boxes
            .iter()
            .flat_map(|b| b.lines.iter().map(|line| line.product_id.clone()))
            .collect();
        products.sort_unstable();
        products.dedup();
        packer.keeping.adopt(&products, now).await?;
        // whoever asked may have given up meanwhile: what is kept for nobody keeps units from others
        if events.is_closed() || deadline.is_some_and(Deadline::passed) {
            return Err(Refusal::Late("the pack is late: nothing of it was kept"));
        }
        let options = PackOptions {
            replace: ask.replace,
            partial: attempt >= ATTEMPTS,
        };
        let result = packer
            .keeping
            .store
            .keep_pack(pack.clone(), boxes.clone(), options, now)
            .await;
        match result {
            Ok(left_out) => {
                products.extend(freed.keys().cloned());
                packer.keeping.views.apply(products, now_ms()).await?;
                note_all(packer, &mut boxes, &left_out, pack.hold_until);
                refill(packer, &mut boxes, &left_out).await;
                for request in served {
                    packer.keeping.store.log_served(request);
                }
                return Ok(Packed {
                    request_id,
                    view,
                    pack,
                    boxes,
                    whole: kept.whole,
                });
            }
            // somebody took units meanwhile: pack again from what is there
            Err(StoreError::OutOfStock { .. }) if attempt < ATTEMPTS => {
                packer.keeping.views.refresh(now_ms()).await?;
                let fresh = packer.keeping.views.get();
                let lives = shelf.min_lives_ms(&shared.rules);
                lots = restocked(&fresh, &view, (shelf, &lives), &freed, &ask.lots);
                warm = Some(packing.whole.prices.clone());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Units of the boxes that are packed anew, by product. Locked boxes keep their contents.
async fn freed_units(
    packer: &Packer,
    ask: &mut PackAsk,
    now: i64,
) -> Result<HashMap<String, i64>, Refusal> {
    let mut freed: HashMap<String, i64> = HashMap::new();
    for chunk in ask.boxes.chunks_mut(1_000) {
        let ids = chunk.iter().map(|b| b.box_id.clone()).collect();
        let known = packer.keeping.store.boxes(BoxQuery::Ids(ids), now).await?;
        let known: HashMap<&str, &StoredBox> =
            known.iter().map(|b| (b.box_id.as_str(), b)).collect();
        for (at, asked) in chunk.iter_mut().enumerate() {
            let Some(old) = known.get(asked.box_id.as_str()) else {
                continue;
            };
            match old.state {
                BoxState::Cancelled | BoxState::Lapsed => {}
                BoxState::Packed if ask.replace => {
                    for line in &old.lines {
                        *freed.entry(line.product_id.clone()).or_insert(0) += 1;
                    }
                    if old.locked && asked.locked.is_empty() {
                        let line = |l: &store::BoxLine| (l.product_id.clone(), l.surprise);
                        asked.locked = old.lines.iter().map(line).collect();
                    }
                }
                state => {
                    let error = StoreError::BoxExists {
                        index: at,
                        state: state.as_str(),
                    };
                    return Err(error.into());
                }
            }
        }
    }
    Ok(freed)
}

/// Refuses boxes that pin or lock what is not on the shelf, and lots of it.
fn check_products(
    asks: &[BoxAsk],
    lots: &[LotAsk],
    view: &View,
    shelf: &Shelf,
) -> Result<(), Refusal> {
    let there = |id: &str| {
        let product = view.live.catalogue.find(id);
        product.is_some_and(|product| shelf.item(product).is_some())
    };
    if let Some(ix) = lots.iter().position(|lot| !there(&lot.product_id)) {
        let id = &lots[ix].product_id;
        let what = format!("lots[{ix}].product_id: {id:?} is no product to pack from");
        return Err(Refusal::Argument(what));
    }
    for (ix, ask) in asks.iter().enumerate() {
        let locked = ask.locked.iter().map(|(id, _)| ("locked", id));
        let pinned = ask.pinned.iter().map(|id| ("pinned_product_ids", id));
        for (field, id) in locked.chain(pinned) {
            if !there(id) {
                let what = format!("boxes[{ix}].{field}: {id:?} is no product to pack from");
                return Err(Refusal::Argument(what));
            }
        }
    }
    Ok(())
}

/// What the steps of a pack share; each runs off the async threads, on the threads that pack.
#[derive(Debug)]
struct Shared {
    packer: Arc<Packer>,
    view: Arc<View>,
    shelf: Shelf,
    rules: ShopRules,
    /// The rules in numbers of the shelf.
    hard: Rules,
    asks: Vec<BoxAsk>,
    runtime: Handle,
    now: i64,
}

impl Shared {
    fn bench(&self) -> Bench<'_> {
        let config = &self.packer.keeping.config;
        Bench::of(config, &self.view, (&self.shelf, &self.rules), self.now)
    }

    fn subscribers(&self) -> OfStore<'_> {
        OfStore {
            keeping: &self.packer.keeping,
            view: &self.view,
            now: self.now,
            runtime: self.runtime.clone(),
        }
    }

    fn score(&self, events: &mpsc::Sender<Event>) -> Result<Scored, Refusal> {
        let go_on = |done: usize| {
            if done > 0 {
                let share = done as f64 / self.asks.len() as f64;
                let _ = events.try_send(Event::Scoring(share));
            }
            !events.is_closed()
        };
        let (bench, subscribers) = (self.bench(), self.subscribers());
        let threads = &self.packer.threads;
        threads.install(|| score(bench, &subscribers, &self.asks, &go_on))
    }

    fn search(
        &self,
        scored: &Scored,
        lots: Vec<Lot>,
        how: Search,
        stop: &(dyn Fn() -> bool + Sync),
        events: &mpsc::Sender<Event>,
    ) -> Result<JobPacking, Refusal> {
        // whoever listens slowly misses some progress, not the pack
        let mut tell = |progress| {
            let _ = events.try_send(Event::Search(progress));
        };
        let bench = self.bench();
        let threads = &self.packer.threads;
        let searched =
            threads.install(|| search(bench, &self.hard, scored, lots, how, &stop, &mut tell));
        let (packing, _) = searched.map_err(|error| Refusal::Argument(error.to_string()))?;
        Ok(packing)
    }

    fn filled(
        &self,
        packing: &JobPacking,
        lots: &[Lot],
        locale: Option<&str>,
    ) -> Result<Vec<(StoredBox, bool)>, Refusal> {
        let (bench, subscribers) = (self.bench(), self.subscribers());
        let fill = || {
            filled(
                bench,
                &subscribers,
                &self.asks,
                packing,
                lots,
                locale,
                &|_| (),
            )
        };
        self.packer.threads.install(fill)
    }
}

/// The surprises as answers in the serve log, with the propensities of their draws; names them in the boxes.
fn served_requests(
    request_id: &str,
    packing: &JobPacking,
    bench: &Shared,
    boxes: &mut [StoredBox],
    named: &[bool],
) -> Vec<ServedRequest> {
    let item = |item: u32| bench.shelf.items()[item as usize].id.clone();
    let mut requests = Vec::new();
    for (at, (stored, order)) in boxes.iter_mut().zip(&packing.orders).enumerate() {
        let id = format!("{request_id}-{at}");
        let mut list = ServedList {
            kind: "box".into(),
            ..ServedList::default()
        };
        for (line, packed) in stored.lines.iter_mut().zip(&order.packed.lines) {
            if !line.surprise {
                continue;
            }
            list.items.push(ServedItem {
                product_id: line.product_id.clone(),
                propensity: line.propensity,
                reasons: line.reasons.iter().map(reason_to_log).collect(),
            });
            line.served_id = Some(served_id(&id, 0, list.items.len()));
            // a list tells of one draw
            if list.candidates.is_empty() {
                let drawn = packed.draw.iter().flat_map(|draw| &draw.candidates);
                list.candidates = drawn
                    .map(|(product, propensity)| ServedItem {
                        product_id: item(*product),
                        propensity: Some(*propensity),
                        ..ServedItem::default()
                    })
                    .collect();
            }
        }
        if !list.items.is_empty() {
            requests.push(ServedRequest {
                request_id: id,
                customer_id: named[at].then(|| stored.customer_id.clone()),
                at: bench.now,
                model: bench.view.generation.id().to_owned(),
                placement: Some("box".into()),
                lists: vec![list],
                ..ServedRequest::default()
            });
        }
    }
    requests
}

fn reason_to_log(reason: &BoxReason) -> ServedReason {
    ServedReason {
        code: reason.code.clone(),
        product_id: reason.product_id.clone(),
        clock: None,
        contribution: reason.contribution as f32,
    }
}

/// The packing's numbers in ids.
fn whole(packing: &JobPacking, shelf: &Shelf, rules: &Rules, view: &View) -> Whole {
    let packed = &packing.whole;
    let item = |item: u32| shelf.items()[item as usize].id.clone();
    let category = |number: u32| {
        let categories = view.live.catalogue.categories();
        categories
            .get(number as usize)
            .map_or_else(String::new, |c| c.path.clone())
    };
    debug_assert_eq!(
        rules.required_categories.len(),
        packed.soft.missing_category.len()
    );
    Whole {
        value: packed.value,
        bound: packed.bound,
        gap: packed.gap,
        empty_slots: packed.empty_slots,
        shadow_prices: packed
            .shadow_prices
            .iter()
            .take(100)
            .map(|price| (item(price.item), price.price, price.ten_more))
            .collect(),
        filling: packed
            .shadow_prices
            .iter()
            .take(100)
            .map(|price| price.fills)
            .collect(),
        missing_categories: packed
            .soft
            .missing_category
            .iter()
            .map(|(number, boxes)| (category(*number), *boxes))
            .collect(),
        minimum_use: packed
            .soft
            .minimum_use
            .iter()
            .map(|(product, wanted, used)| (item(*product), *wanted, *used))
            .collect(),
        margin: packed.soft.margin,
        median_value: packed.soft.median_value,
        p5_value: packed.soft.p5_value,
        below_fair: packed.soft.below_fair,
        given_up: packed.soft.given_up,
        partial: packed.stopped,
        ..Whole::default()
    }
}

/// What a packing left of the lots that were `told`.
fn lots_left(told: &[LotAsk], lots: &[Lot], left: &[i64], shelf: &Shelf) -> Vec<LotAsk> {
    let ids: std::collections::HashSet<&str> =
        told.iter().map(|lot| lot.product_id.as_str()).collect();
    lots.iter()
        .zip(left)
        .map(|(lot, left)| LotAsk {
            product_id: shelf.items()[lot.item as usize].id.clone(),
            quantity: *left,
            lot: lot.label.clone(),
            expires_at: lot.expires_at,
        })
        .filter(|lot| ids.contains(&*lot.product_id))
        .collect()
}

/// The lots of what is free in `fresh`, in items of `shelf`.
fn restocked(
    fresh: &View,
    view: &View,
    (shelf, lives): (&Shelf, &[i64]),
    freed: &HashMap<String, i64>,
    told: &[LotAsk],
) -> Vec<Lot> {
    let told = by_product(told);
    let mut lots = Vec::new();
    for (item, row) in shelf.items().iter().enumerate() {
        let Some(product) = shelf.product(item as u32) else {
            continue;
        };
        let product = view.live.catalogue.product(product);
        let id = &product.product_id;
        let now = fresh.live.catalogue.find(id);
        let free = match now {
            Some(p) if fresh.live.removed[p.index()] => 0,
            Some(p) => match fresh.live.stock[p.index()] {
                Some(free) => free.max(0) + freed.get(id).copied().unwrap_or(0),
                None => i64::from(row.stock),
            },
            None => 0,
        };
        let own = told.get(&**id).map_or(&[][..], Vec::as_slice);
        lots.extend(lots_of(item as u32, product, free, own, lives[item]));
    }
    lots
}

/// Brings `boxes` to what was kept, and has their surprises kept secret.
fn note_all(
    packer: &Packer,
    boxes: &mut [StoredBox],
    left_out: &[(usize, usize)],
    hold_until: i64,
) {
    for (at, line) in left_out.iter().rev() {
        let gone = boxes[*at].lines.remove(*line);
        let short = boxes[*at].short.get_or_insert_with(Default::default);
        short.fault = Fault::Stock.to_string();
        if gone.surprise {
            short.surprise += 1;
        } else {
            short.regular += 1;
        }
    }
    for stored in boxes {
        stored.version = 1;
        packer.spoilers.note(stored, hold_until);
    }
}

/// Fills the slots of lines that others took units from in the last moment, box by box.
async fn refill(packer: &Arc<Packer>, boxes: &mut [StoredBox], left_out: &[(usize, usize)]) {
    let mut short: Vec<usize> = left_out.iter().map(|(at, _)| *at).collect();
    short.dedup();
    for at in short {
        let id = boxes[at].box_id.clone();
        match repack(packer, &id, &[], Keep::All, false, None).await {
            Ok(filled) => boxes[at] = filled,
            Err(error) => tracing::warn!(%error, "a box stays short: packing it again failed"),
        }
    }
}
