//! What the packers of subscription boxes get: next month's boxes, the stock with its lots, and the rules.

use serde_json::{json, Value};

use super::calendar;
use super::household::World;
use super::number::Rng;
use super::story::Story;
use serendib_shop::{BoxOrder, StockLot};

/// Next month's box of a subscriber.
pub fn box_of(world: &World, story: &Story) -> BoxOrder {
    let person = &story.person;
    let rng = &mut Rng::new(&[world.seed, 31, person.index]);
    let mut exclusions: Vec<String> = person.avoids.iter().map(|a| (*a).to_string()).collect();
    if rng.chance(0.12) {
        exclusions.push(["household", "fashion", "beauty", "food"][rng.index(4)].into());
    }
    BoxOrder {
        box_id: format!("box-{}-2026-07", person.id),
        customer_id: person.id.clone(),
        ship_at: Some(calendar::at(
            calendar::END + i32::from(person.box_day) - 1,
            6 * 3600,
        )),
        slots: Some(5),
        surprise_slots: Some(1),
        budget: Some([70.0, 90.0, 120.0][rng.index(3)]),
        max_weight_g: Some(12_000.0),
        max_volume_ml: Some(60_000.0),
        exclusions,
        ..BoxOrder::default()
    }
}

/// The lots of every product: what perishes has dates, some is still on its way.
pub fn lots(world: &World) -> Vec<StockLot> {
    let rng = &mut Rng::new(&[world.seed, 32]);
    let mut all = Vec::new();
    for product in &world.room.products {
        let Some(stock) = product.stock.filter(|s| *s > 0) else {
            continue;
        };
        let path = product.category.as_deref().unwrap_or("");
        let perishes = [
            "food/",
            "baby/feeding/fo",
            "baby/feeding/fi",
            "baby/feeding/toddler",
            "pets/dog/ad",
            "pets/cat/ad",
            "sport/nutrition",
        ]
        .iter()
        .any(|p| path.starts_with(p));
        let first = if stock > 8 {
            stock * rng.int(30, 80) / 100
        } else {
            stock
        };
        for (n, quantity) in [first, stock - first].into_iter().enumerate() {
            if quantity == 0 {
                continue;
            }
            let arrives = n == 1 && rng.chance(0.2);
            all.push(StockLot {
                product_id: product.product_id.clone(),
                quantity,
                warehouse: Some(if rng.chance(0.8) { "main" } else { "north" }.into()),
                lot: Some(format!("L{:06}", all.len() + 1)),
                expires_at: perishes
                    .then(|| calendar::at(calendar::END + rng.int(20, 400) as i32, 0)),
                inbound_at: arrives.then(|| calendar::at(calendar::END + rng.int(2, 25) as i32, 0)),
                ..StockLot::default()
            });
        }
    }
    all
}

/// The packing rules.
pub fn rules() -> Value {
    json!({
        "leaf_cap": 1,
        "category_caps": {"baby": 3, "toys": 2, "household": 1, "fashion": 1},
        "no_repeat_boxes": 3,
        "minimum_margin": 0.25,
        "fairness": 0.5
    })
}
