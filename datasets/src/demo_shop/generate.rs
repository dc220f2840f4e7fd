//! Writes the demo shop: households live in parallel, rows are written in their order.

use std::path::Path;

use rayon::prelude::*;
use serde_json::json;

use super::household::World;
use super::packing;
use super::story::Story;
use super::truth::TruthWriter;
use super::Options;
use serendib_shop::{DataError, Format, ShopInfo, ShopWriter, Table};

/// Households that live at one time: bounds memory at any scale. The bytes do not depend on it.
const BATCH: u64 = 256;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Rows of `products`.
    pub products: u64,
    /// Rows of `customers`.
    pub customers: u64,
    /// Rows of `touchpoints`.
    pub touchpoints: u64,
    /// Rows of `delights`.
    pub delights: u64,
    /// Rows of `served`.
    pub served: u64,
    /// Rows of `boxes`.
    pub boxes: u64,
}

/// All households, shoppers without a card in between (one in twenty): index and whether without a card.
fn households(customers: u64) -> impl Iterator<Item = (u64, bool)> {
    (0..customers).flat_map(|index| {
        let without = (index % 20 == 19).then_some((index / 20, true));
        std::iter::once((index, false)).chain(without)
    })
}

/// Tells all stories of `world` in order, a batch at a time, and hands each to `take`.
///
/// # Errors
/// The first error of `take`.
pub fn stories(
    world: &World,
    options: &Options,
    mut take: impl FnMut(Story) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut all = households(options.customers);
    loop {
        let batch: Vec<(u64, bool)> = all.by_ref().take(BATCH as usize).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let told: Vec<Story> = batch
            .into_par_iter()
            .map(|(index, anonymous)| Story::tell(world, index, anonymous, options.truth))
            .collect();
        for story in told {
            take(story)?;
        }
    }
}

/// Writes the demo shop to the directory `out`, which must not exist or be empty.
///
/// `progress` is told how many customers are done.
///
/// # Errors
/// `out` holds something, or the disk refuses.
pub fn generate(
    out: &Path,
    options: &Options,
    format: Format,
    progress: &dyn Fn(u64),
) -> Result<Summary, DataError> {
    let world = World::new(options);
    let shop = ShopWriter::create(out, format)?;
    shop.shop(&ShopInfo {
        currency: Some("EUR".into()),
        time_zone: Some("UTC".into()),
        locale: Some("en-GB".into()),
        other: [("name".to_string(), json!("Serendib demo shop"))]
            .into_iter()
            .collect(),
        ..ShopInfo::default()
    })?;
    let mut summary = Summary::default();
    let mut products = shop.table(Table::Products)?;
    for product in &world.room.products {
        products.product(product)?;
    }
    summary.products = products.finish()?;

    let mut touchpoints = shop.table_with(
        Table::Touchpoints,
        &[
            "customer_id",
            "kind",
            "product_id",
            "channel",
            "at",
            "quantity",
            "value",
            "basket_id",
            "duration_s",
            "pages",
            "campaign_id",
            "rating",
            "product_line",
            "request_id",
            "placement",
        ],
    )?;
    let mut customers = shop.table_with(
        Table::Customers,
        &[
            "customer_id",
            "registered_at",
            "facts",
            "locale",
            "consents",
            "identities",
        ],
    )?;
    let mut delights = shop.table(Table::Delights)?;
    let mut served = shop.table(Table::Served)?;
    let mut boxes = shop.table(Table::Boxes)?;
    let mut truth = if options.truth {
        Some(TruthWriter::create(shop.dir(), format, &world)?)
    } else {
        None
    };
    let mut done = 0;
    stories(&world, options, |story| {
        for row in &story.touchpoints {
            touchpoints.touchpoint(row)?;
        }
        if let Some(customer) = &story.customer {
            customers.customer(customer)?;
            for row in &story.delights {
                delights.delight(row)?;
            }
            for row in &story.served {
                served.served(row)?;
            }
            if story.boxed && !story.away {
                boxes.box_order(&packing::box_of(&world, &story))?;
            }
            if let Some(truth) = &mut truth {
                truth.story(&world, &story)?;
            }
            done += 1;
            progress(done);
        }
        Ok(())
    })?;
    summary.touchpoints = touchpoints.finish()?;
    summary.customers = customers.finish()?;
    summary.delights = delights.finish()?;
    summary.served = served.finish()?;
    summary.boxes = boxes.finish()?;
    let mut stock = shop.table(Table::Stock)?;
    for lot in packing::lots(&world) {
        stock.stock_lot(&lot)?;
    }
    stock.finish()?;
    let rules = shop.dir().join("rules.json");
    let text = format!("{:#}\n", packing::rules());
    std::fs::write(&rules, text).map_err(DataError::io("write", &rules))?;
    if let Some(truth) = truth {
        truth.finish()?;
    }
    shop.finish()?;
    Ok(summary)
}
