//! One box packed again, without touching the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serendib_engine::boxes::{assign_lots, Job};

use crate::answer::boxes::compute::held_for;
use crate::answer::boxes::kept::Kept;
use crate::answer::boxes::order::{shelf_of, Bench};
use crate::answer::boxes::subscribers::{got, subscriber};
use crate::answer::boxes::{BoxAsk, LotAsk, Packer, PACKING};
use crate::answer::refusal::Refusal;
use crate::clock::now_ms;
use crate::store::{BoxQuery, BoxState, StoreError, StoredBox, StoredPack};
use crate::workers::blocking::blocking;

/// Times that a box is packed again while others change it or take units.
const ATTEMPTS: usize = 5;

/// Which lines of a box stay while it is packed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Those of these products.
    Products(Vec<String>),
    /// All that are there but those of the products that it must not get.
    All,
}

/// Packs a box again at the prices of its pack, from its own units and what is free now; it must not get `without`.
///
/// # Errors
/// A box that is not there, is locked or has left; a store that does not write.
pub async fn repack(
    packer: &Arc<Packer>,
    box_id: &str,
    without: &[String],
    keep: Keep,
    lock: bool,
    locale: Option<&str>,
) -> Result<StoredBox, Refusal> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let now = now_ms();
        let ids = BoxQuery::Ids(vec![box_id.to_owned()]);
        let found = packer.keeping.store.boxes(ids, now).await?;
        let old = found
            .into_iter()
            .next()
            .ok_or_else(|| Refusal::NotFound("box_id: there is no such box".into()))?;
        if old.state != BoxState::Packed {
            let state = old.state.as_str();
            return Err(StoreError::BoxClosed { state }.into());
        }
        if old.locked {
            let what = "box_id: the box is locked; unlock it before it is packed again";
            return Err(Refusal::Precondition(what.into()));
        }
        if let Keep::Products(products) = &keep {
            let inside = |id: &String| old.lines.iter().any(|line| line.product_id == *id);
            for (ix, id) in products.iter().enumerate() {
                let what = if !inside(id) {
                    "is not in the box"
                } else if without.contains(id) {
                    "is in without_product_ids too"
                } else {
                    continue;
                };
                let what = format!("keep_product_ids[{ix}]: {id:?} {what}");
                return Err(Refusal::Argument(what));
            }
        }
        let pack = packer.keeping.store.pack(old.pack_id.clone()).await?;
        let pack = pack.ok_or(Refusal::Damaged("box_id: the box's pack is gone"))?;
        let mut changed = again(packer, &old, &pack, without, &keep, locale, now).await?;
        changed.locked = lock;
        let mut products: Vec<String> = old
            .lines
            .iter()
            .chain(&changed.lines)
            .map(|line| line.product_id.clone())
            .collect();
        products.sort_unstable();
        products.dedup();
        packer.keeping.adopt(&products, now).await?;
        match packer.keeping.store.change_box(changed.clone(), now).await {
            Ok(version) => {
                changed.version = version;
                packer.spoilers.note(&changed, pack.hold_until);
                packer.keeping.views.apply(products, now_ms()).await?;
                return Ok(changed);
            }
            Err(StoreError::OutOfStock { .. } | StoreError::VersionMismatch { .. })
                if attempt < ATTEMPTS =>
            {
                packer.keeping.views.refresh(now_ms()).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn again(
    packer: &Arc<Packer>,
    old: &StoredBox,
    pack: &StoredPack,
    without: &[String],
    keep: &Keep,
    locale: Option<&str>,
    now: i64,
) -> Result<StoredBox, Refusal> {
    let kept: Kept = serde_json::from_value(pack.body.clone())
        .map_err(|_| Refusal::Damaged("box_id: the box's pack cannot be read"))?;
    let mut ask: BoxAsk = serde_json::from_value(old.ask.clone())
        .map_err(|_| Refusal::Damaged("box_id: the box cannot be read"))?;
    ask.box_id.clone_from(&old.box_id);
    ask.customer_id.clone_from(&old.customer_id);
    ask.ship_at = old.ship_at;
    ask.locked.clear();
    let view = packer.keeping.views.get();
    let earlier = got(&packer.keeping, &ask, now).await?;
    let state = packer.keeping.customer(&ask.customer_id, None).await?;
    let (packer, old) = (packer.clone(), old.clone());
    let (without, keep): (HashSet<String>, Keep) =
        (without.iter().cloned().collect(), keep.clone());
    let locale = locale.map(str::to_owned);
    let made = blocking(PACKING, move || {
        let mut own: HashMap<String, i64> = HashMap::new();
        for line in &old.lines {
            *own.entry(line.product_id.clone()).or_insert(0) += 1;
        }
        let lots = with_own(kept.lots, &old);
        let (shelf, lots) = shelf_of(&view, &kept.rules, &kept.products, &own, &lots);
        let config = &packer.keeping.config;
        let bench = Bench::of(config, &view, (&shelf, &kept.rules), now);
        let subscriber = subscriber(state.as_deref(), &view, earlier);
        let wrong = |error: &dyn std::fmt::Display| Refusal::Precondition(error.to_string());
        let rules = shelf
            .rules(&view.live.catalogue, &kept.rules)
            .map_err(|e| wrong(&e))?;
        let (mut order, unknown) = bench.order(&ask, &subscriber);
        let held = held_for(bench, &ask, &unknown);
        if !held.is_empty() {
            return Err(wrong(&format!("box_id: {}", held.join("; "))));
        }
        let item = |id: &str| view.live.catalogue.find(id).and_then(|p| shelf.item(p));
        order.candidates.retain(|candidate| {
            let id = &shelf.items()[candidate.item as usize].id;
            !without.contains(id)
        });
        let stays = |id: &String| match &keep {
            Keep::Products(products) => products.contains(id),
            Keep::All => true,
        };
        order.request.kept = old
            .lines
            .iter()
            .filter(|line| stays(&line.product_id) && !without.contains(&line.product_id))
            .filter_map(|line| Some((item(&line.product_id)?, line.surprise)))
            .collect();
        order.request.make_room_for_kept();
        let prices: Vec<f64> = shelf
            .items()
            .iter()
            .map(|item| kept.prices.get(&item.id).copied().unwrap_or(0.0))
            .collect();
        let all = lots.clone();
        let job = Job::new(shelf.items(), &rules, std::slice::from_ref(&order), lots)
            .map_err(|e| wrong(&e))?;
        let packed = job
            .one(0, &prices, 2)
            .ok_or_else(|| wrong(&"the box cannot be packed again"))?;
        let lines: Vec<(u32, i64)> = packed
            .lines
            .iter()
            .map(|line| (line.item, order.ship_at))
            .collect();
        let labels: Vec<&str> = assign_lots(&all, &lines)
            .map_err(|e| wrong(&e))?
            .into_iter()
            .map(|lot| &*all[lot].label)
            .collect();
        Ok::<StoredBox, Refusal>(StoredBox {
            pack_id: old.pack_id.clone(),
            version: old.version,
            ship_at: old.ship_at,
            ask: old.ask.clone(),
            ..with_marks(
                bench.stored(&ask, &subscriber, &packed, &labels, locale.as_deref()),
                &old,
            )
        })
    });
    made.await?
}

/// `lots` with the units that the box itself holds.
fn with_own(mut lots: Vec<LotAsk>, own: &StoredBox) -> Vec<LotAsk> {
    for line in &own.lines {
        let lot = lots.iter_mut().find(|lot| {
            lot.product_id == line.product_id && lot.lot == line.lot.as_deref().unwrap_or_default()
        });
        if let Some(lot) = lot {
            lot.quantity += 1;
        }
    }
    lots
}

/// `changed` with what lines that stayed had: how they came about, and what they are worth.
fn with_marks(mut changed: StoredBox, old: &StoredBox) -> StoredBox {
    for line in &mut changed.lines {
        let same = old
            .lines
            .iter()
            .find(|o| o.product_id == line.product_id && o.surprise == line.surprise);
        if let Some(same) = same {
            line.fixed = same.fixed;
            line.value = same.value;
            line.propensity = same.propensity;
            line.served_id.clone_from(&same.served_id);
            line.lot.clone_from(&same.lot);
            if line.stand_ins.is_empty() {
                line.stand_ins.clone_from(&same.stand_ins);
            }
        }
    }
    changed
}
