//! Boxes.

use std::collections::{BTreeMap, HashMap};

use serendib_engine::boxes::{ShopRules, MAX_SLOTS};
use serendib_proto::v1;
use serendib_shop::BoxOrder;

use crate::answer::boxes::{BoxAsk, LotAsk, PackAsk, Packed, Whole};
use crate::rpc::fields::{
    at_most, bounded, checked, id, ids, in_milliseconds, optional_id, some, text, time, within,
    Invalid,
};
use crate::rpc::recommendation::answer::note;
use crate::snapshot::views::View;
use crate::store::{BoxState, StoredBox};

/// Boxes in one pack at most.
const MAX_BOXES: usize = 200_000;
/// Units of one lot at most.
const MAX_LOT: u32 = 1_000_000_000;
/// Products to pack from at most.
const MAX_PRODUCTS: usize = 100_000;
/// Customers that a summary names at most.
const MAX_NAMED: usize = 1_000;
/// How long units are set aside where the request does not say, in seconds.
const DEFAULT_HOLD_S: u32 = 30 * 86_400;
/// How long units are set aside at most, in seconds.
const MAX_HOLD_S: u32 = 31_536_000;

/// A checked pack.
///
/// # Errors
/// The first field that is wrong.
pub fn pack_ask_from_proto(message: &v1::PackBoxesRequest) -> Result<PackAsk, Invalid> {
    some("boxes", message.boxes.len(), MAX_BOXES)?;
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut boxes = Vec::with_capacity(message.boxes.len());
    for (ix, order) in message.boxes.iter().enumerate() {
        let under = |e: Invalid| e.under(format!("boxes[{ix}]"));
        let ask = box_ask(order).map_err(under)?;
        if let Some(first) = places.insert(&order.box_id, ix) {
            let (id, others) = (&order.box_id, [&message.boxes[first], order]);
            let [one, two] = others.map(|order| &order.customer_id);
            let what = format!(
                "{id:?} is the id of boxes[{first}] too, for {one:?} and for {two:?}: neither is packed"
            );
            return Err(under(Invalid::new("box_id", what)));
        }
        boxes.push(BoxAsk {
            lenient_exclusions: message.lenient_exclusions,
            ..ask
        });
    }
    let time_limit_s = match message.time_limit_s {
        Some(limit) if !(limit.is_finite() && limit > 0.0 && limit <= 1e6) => {
            let what = format!("is {limit}, expected more than 0 and at most 1000000");
            return Err(Invalid::new("time_limit_s", what));
        }
        limit => limit,
    };
    let hold_s = bounded("hold_s", message.hold_s, DEFAULT_HOLD_S, MAX_HOLD_S)?;
    let rules = message.rules.clone().unwrap_or_default();
    Ok(PackAsk {
        pack_id: optional_id("pack_id", Some(&message.pack_id))?,
        boxes,
        rules: rules_from_proto(&rules).map_err(|e| e.under("rules"))?,
        products: ids("product_ids", &message.product_ids, MAX_PRODUCTS)?,
        lots: lots_from_proto(&message.lots)?,
        time_limit_s,
        hold_ms: i64::from(hold_s) * 1_000,
        replace: message.replace,
        seed: message.seed,
        dry_run: message.dry_run,
        locale: optional_id("locale", message.locale.as_deref())?,
    })
}

fn lots_from_proto(lots: &[v1::BoxLot]) -> Result<Vec<LotAsk>, Invalid> {
    at_most("lots", lots.len(), MAX_PRODUCTS)?;
    let lots = lots.iter().enumerate().map(|(ix, lot)| {
        let field = |name: &str| format!("lots[{ix}].{name}");
        bounded(&field("quantity"), lot.quantity, 0, MAX_LOT)?;
        text(&field("lot"), Some(&lot.lot), 256)?;
        Ok(LotAsk {
            product_id: id(&field("product_id"), &lot.product_id)?,
            quantity: i64::from(lot.quantity),
            lot: lot.lot.clone(),
            expires_at: time(&field("expires_at_ms"), lot.expires_at_ms)?,
        })
    });
    lots.collect()
}

fn slots(field: &str, found: Option<u32>) -> Result<Option<usize>, Invalid> {
    match found.map(|n| n as usize) {
        Some(n) if n > MAX_SLOTS => Err(Invalid::new(
            field,
            format!("is {n}, expected at most {MAX_SLOTS}"),
        )),
        n => Ok(n),
    }
}

pub(crate) fn box_ask(order: &v1::BoxOrder) -> Result<BoxAsk, Invalid> {
    in_milliseconds([("ship_at_ms", order.ship_at_ms)])?;
    let row = checked(BoxOrder {
        box_id: order.box_id.clone(),
        customer_id: order.customer_id.clone(),
        ship_at: order.ship_at_ms,
        slots: order.slots,
        surprise_slots: order.surprise_slots,
        budget: order.budget,
        max_weight_g: order.max_weight_g,
        max_volume_ml: order.max_volume_ml,
        exclusions: order.exclusions.clone(),
        ..BoxOrder::default()
    })?;
    at_most("locked", order.locked.len(), MAX_SLOTS)?;
    let locked = order.locked.iter().enumerate().map(|(ix, line)| {
        let product = id(&format!("locked[{ix}].product_id"), &line.product_id)?;
        Ok::<_, Invalid>((product, line.surprise))
    });
    Ok(BoxAsk {
        pinned: ids("pinned_product_ids", &order.pinned_product_ids, MAX_SLOTS)?,
        locked: locked.collect::<Result<_, _>>()?,
        ..BoxAsk::from(row)
    })
}

fn rules_from_proto(rules: &v1::PackRules) -> Result<ShopRules, Invalid> {
    let mut out = ShopRules::default();
    if let Some(n) = slots("slots", rules.slots)? {
        if n == 0 {
            return Err(Invalid::new("slots", "is 0, expected 1 to 64"));
        }
        out.slots = n;
    }
    if let Some(n) = slots("surprise_slots", rules.surprise_slots)? {
        out.surprise_slots = n;
    }
    if out.surprise_slots > out.slots {
        if rules.surprise_slots.is_some() {
            let what = format!(
                "is {}, more than the {} slots",
                out.surprise_slots, out.slots
            );
            return Err(Invalid::new("surprise_slots", what));
        }
        out.surprise_slots = out.slots;
    }
    at_most("category_caps", rules.category_caps.len(), 10_000)?;
    out.category_caps = rules.category_caps.clone().into_iter().collect();
    out.leaf_cap = match rules.leaf_cap {
        Some(0) => None,
        Some(cap) => Some(cap),
        None => out.leaf_cap,
    };
    out.pinned = ids("pinned_product_ids", &rules.pinned_product_ids, MAX_SLOTS)?;
    if let Some(n) = rules.no_repeat_boxes {
        out.no_repeat_boxes = n as usize;
    }
    if let Some(floor) = within("relevance_floor", rules.relevance_floor, 1.0)? {
        out.relevance_floor = Some(floor as f32);
    }
    at_most(
        "required_categories",
        rules.required_categories.len(),
        1_000,
    )?;
    out.required_categories
        .clone_from(&rules.required_categories);
    at_most("minimum_use", rules.minimum_use.len(), 10_000)?;
    out.minimum_use = rules.minimum_use.clone().into_iter().collect();
    out.minimum_margin = within("minimum_margin", rules.minimum_margin, 1.0)?;
    out.fairness = within("fairness", rules.fairness, 1.0)?;
    let weights = rules.weights.unwrap_or_default();
    if let Some(delight) = within("weights.delight", weights.delight, 1.0)? {
        out.weights.delight = delight as f32;
    }
    if let Some(had) = within("weights.had", weights.had, 1.0)? {
        out.weights.had = had as f32;
    }
    out.random_one_in = match rules.random_one_in {
        Some(0) => None,
        Some(n) => Some(n),
        None => out.random_one_in,
    };
    if let Some(near) = within("near_equal", rules.near_equal, 1.0)? {
        out.near_equal = near;
    }
    out.min_life_days = rules.min_life_days;
    let lives = &rules.category_min_life_days;
    at_most("category_min_life_days", lives.len(), 10_000)?;
    out.category_min_life_days = lives.clone().into_iter().collect();
    out.candidates = match rules.candidates {
        None => out.candidates,
        Some(n) if (1..=10_000).contains(&n) => n as usize,
        Some(n) => {
            let what = format!("is {n}, expected 1 to 10000");
            return Err(Invalid::new("candidates", what));
        }
    };
    Ok(out)
}

fn state_to_proto(state: BoxState) -> v1::BoxState {
    match state {
        BoxState::Packed => v1::BoxState::Packed,
        BoxState::Shipped => v1::BoxState::Shipped,
        BoxState::Delivered => v1::BoxState::Delivered,
        BoxState::Cancelled => v1::BoxState::Cancelled,
        BoxState::Lapsed => v1::BoxState::Lapsed,
    }
}

/// A box as a message; with `for_customer` its surprises are withheld until it is delivered.
pub fn box_to_proto(stored: &StoredBox, view: &View, for_customer: bool) -> v1::PackedBox {
    let catalogue = &view.live.catalogue;
    let title = |id: &String| {
        let product = catalogue.find(id);
        product.map_or_else(|| id.clone(), |ix| catalogue.product(ix).label().to_owned())
    };
    let withheld = for_customer && stored.state != BoxState::Delivered;
    let lines = stored.lines.iter().map(|line| {
        if withheld && line.surprise {
            return v1::BoxLine {
                surprise: true,
                ..v1::BoxLine::default()
            };
        }
        v1::BoxLine {
            product_id: line.product_id.clone(),
            title: title(&line.product_id),
            surprise: line.surprise,
            fixed: line.fixed,
            value: line.value,
            stand_ins: line
                .stand_ins
                .iter()
                .map(|id| v1::StandIn {
                    product_id: id.clone(),
                    title: title(id),
                })
                .collect(),
            reasons: line
                .reasons
                .iter()
                .map(|reason| v1::Reason {
                    code: reason.code.clone(),
                    product_id: reason.product_id.clone(),
                    clock: None,
                    contribution: reason.contribution,
                    sentence: reason.sentence.clone(),
                })
                .collect(),
            propensity: line.propensity,
            lot: line.lot.clone().unwrap_or_default(),
            served_id: line.served_id.clone(),
        }
    });
    v1::PackedBox {
        box_id: stored.box_id.clone(),
        customer_id: stored.customer_id.clone(),
        pack_id: stored.pack_id.clone(),
        state: state_to_proto(stored.state).into(),
        locked: stored.locked,
        ship_at_ms: stored.ship_at,
        lines: lines.collect(),
        shortfall: stored.short.as_ref().map(|short| v1::BoxShortfall {
            regular: short.regular,
            surprise: short.surprise,
            fault: short.fault.clone(),
            details: short.details.clone(),
        }),
        value: if withheld { 0.0 } else { worth(stored) },
        version: stored.version,
        hand_over: (stored.care.hand_over && !for_customer).then(|| "person".into()),
        surprises_paused: stored
            .care
            .paused
            .clone()
            .filter(|_| !for_customer)
            .unwrap_or_default(),
        notes: notes(stored, for_customer),
    }
}

/// Whether nothing was known of the customer of `stored` when it was packed.
fn of_unknown_customer(stored: &StoredBox) -> bool {
    stored.ask["unknown_customer"] == true
}

/// What whoever packs the box should know of it.
fn notes(stored: &StoredBox, for_customer: bool) -> Vec<v1::Note> {
    if for_customer || !of_unknown_customer(stored) {
        return Vec::new();
    }
    let words = format!(
        "nothing is known of customer {:?}: the box holds what suits most people",
        stored.customer_id
    );
    vec![note("unknown_customer", words)]
}

fn worth(stored: &StoredBox) -> f64 {
    stored.lines.iter().fold(0.0, |sum, line| sum + line.value)
}

/// `whole` where the boxes that were kept are not those that were packed: units were sold meanwhile.
fn of_what_was_kept(whole: &Whole, boxes: &[StoredBox]) -> Whole {
    let mut values: Vec<f64> = boxes.iter().map(worth).collect();
    let value: f64 = values.iter().fold(0.0, |sum, value| sum + value);
    if (value - whole.value).abs() <= 1e-6 * whole.value.abs().max(1.0) {
        return whole.clone();
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * values.len().saturating_sub(1) as f64) as usize;
        values.get(place).copied().unwrap_or(0.0)
    };
    Whole {
        value,
        gap: if whole.bound > 0.0 {
            ((whole.bound - value) / whole.bound).clamp(0.0, 1.0)
        } else {
            0.0
        },
        median_value: at(0.5),
        p5_value: at(0.05),
        ..whole.clone()
    }
}

/// The end of a pack, with what is left in `view`.
pub fn summary_to_proto(packed: &Packed, view: &View, kept: bool) -> v1::PackSummary {
    let catalogue = &view.live.catalogue;
    let title = |id: &String| {
        let product = catalogue.find(id);
        product.map_or_else(|| id.clone(), |ix| catalogue.product(ix).label().to_owned())
    };
    let mut used: BTreeMap<&str, u64> = BTreeMap::new();
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut empty_slots = 0;
    for stored in &packed.boxes {
        for line in &stored.lines {
            *used.entry(&line.product_id).or_insert(0) += 1;
        }
        if let Some(short) = &stored.short {
            *faults.entry(&short.fault).or_insert(0) += 1;
            empty_slots += u64::from(short.regular + short.surprise);
        }
    }
    let unknown = packed.boxes.iter().filter(|b| of_unknown_customer(b));
    let mut unknown: Vec<&String> = unknown.map(|stored| &stored.customer_id).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let whole = of_what_was_kept(&packed.whole, &packed.boxes);
    v1::PackSummary {
        pack_id: if kept {
            packed.pack.pack_id.clone()
        } else {
            String::new()
        },
        value: whole.value,
        bound: whole.bound,
        gap: whole.gap,
        boxes: packed.boxes.len() as u64,
        empty_slots,
        faults: faults
            .into_iter()
            .map(|(fault, boxes)| v1::FaultCount {
                fault: fault.into(),
                boxes,
            })
            .collect(),
        stock: used
            .into_iter()
            .map(|(id, used)| v1::PackedStock {
                product_id: id.into(),
                used,
                left: catalogue.find(id).and_then(|ix| {
                    let free = view.live.stock[ix.index()]?;
                    // the view that a dry run saw still has what it would take
                    Some(free - if kept { 0 } else { used as i64 })
                }),
            })
            .collect(),
        shadow_prices: whole
            .shadow_prices
            .iter()
            .enumerate()
            .map(|(ix, (id, one_more, ten_more))| v1::ShadowPrice {
                product_id: id.clone(),
                title: title(id),
                one_more: *one_more,
                ten_more: *ten_more,
                fills_slot: whole.filling.get(ix).copied().unwrap_or(false),
            })
            .collect(),
        missing_categories: whole
            .missing_categories
            .iter()
            .map(|(category, boxes)| v1::MissingCategory {
                category: category.clone(),
                boxes: *boxes,
            })
            .collect(),
        minimum_use: whole
            .minimum_use
            .iter()
            .map(|(id, wanted, used)| v1::MinimumUse {
                product_id: id.clone(),
                wanted: *wanted,
                used: *used,
            })
            .collect(),
        margin: whole.margin,
        median_value: whole.median_value,
        p5_value: whole.p5_value,
        below_fair: whole.below_fair,
        given_up: whole.given_up,
        partial: whole.partial,
        scoring_s: whole.scoring_s,
        packing_s: whole.packing_s,
        seed: whole.seed,
        unknown_exclusions: whole.unknown_exclusions.clone(),
        hold_until_ms: kept.then_some(packed.pack.hold_until),
        unknown_customers: unknown.into_iter().take(MAX_NAMED).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serendib_shop::DAY_MS;

    use super::*;

    fn order(id: &str) -> v1::BoxOrder {
        v1::BoxOrder {
            box_id: id.into(),
            customer_id: "ada".into(),
            ..v1::BoxOrder::default()
        }
    }

    fn refused(change: impl FnOnce(&mut v1::PackBoxesRequest)) -> String {
        let mut message = v1::PackBoxesRequest {
            boxes: vec![order("a"), order("b")],
            rules: Some(v1::PackRules::default()),
            ..v1::PackBoxesRequest::default()
        };
        change(&mut message);
        pack_ask_from_proto(&message).unwrap_err().field
    }

    #[test]
    fn what_is_not_said_is_the_default_of_the_offline_rules() {
        let message = v1::PackBoxesRequest {
            boxes: vec![order("a")],
            ..v1::PackBoxesRequest::default()
        };
        let ask = pack_ask_from_proto(&message).unwrap();
        assert_eq!(ask.rules, ShopRules::default());
        assert_eq!(ask.hold_ms, 30 * DAY_MS);
        let rules = v1::PackRules {
            leaf_cap: Some(0),
            random_one_in: Some(0),
            slots: Some(1),
            ..v1::PackRules::default()
        };
        let rules = rules_from_proto(&rules).unwrap();
        assert_eq!((rules.leaf_cap, rules.random_one_in), (None, None));
        assert_eq!((rules.slots, rules.surprise_slots), (1, 1));
    }

    #[test]
    fn wrong_fields_are_named_with_their_place() {
        assert_eq!(refused(|m| m.boxes.clear()), "boxes");
        assert_eq!(
            refused(|m| m.boxes[1].box_id = "a".into()),
            "boxes[1].box_id"
        );
        assert_eq!(
            refused(|m| m.boxes[1].customer_id.clear()),
            "boxes[1].customer_id"
        );
        assert_eq!(refused(|m| m.boxes[0].slots = Some(65)), "boxes[0].slots");
        assert_eq!(
            refused(|m| {
                m.boxes[0].slots = Some(2);
                m.boxes[0].surprise_slots = Some(3);
            }),
            "boxes[0].surprise_slots"
        );
        assert_eq!(
            refused(|m| m.boxes[0].budget = Some(f64::NAN)),
            "boxes[0].budget"
        );
        assert_eq!(refused(|m| m.time_limit_s = Some(0.0)), "time_limit_s");
        assert_eq!(refused(|m| m.hold_s = u32::MAX), "hold_s");
        let rule = |change: fn(&mut v1::PackRules)| {
            refused(|m| change(m.rules.get_or_insert_with(Default::default)))
        };
        assert_eq!(
            rule(|r| r.relevance_floor = Some(2.0)),
            "rules.relevance_floor"
        );
        assert_eq!(rule(|r| r.slots = Some(0)), "rules.slots");
        assert_eq!(rule(|r| r.surprise_slots = Some(9)), "rules.surprise_slots");
        assert_eq!(
            rule(|r| {
                r.weights = Some(v1::LineWeights {
                    delight: Some(-1.0),
                    ..v1::LineWeights::default()
                });
            }),
            "rules.weights.delight"
        );
        let many = refused(|m| m.boxes = vec![v1::BoxOrder::default(); MAX_BOXES + 1]);
        assert_eq!(many, "boxes");
    }
}
