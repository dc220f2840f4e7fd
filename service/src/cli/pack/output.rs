//! Boxes, picking list, totals and summary.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::{json, Value};
use serendib_engine::boxes::{JobPacking, Shelf};
use serendib_shop::{publish, Cell, ColumnType, OutputTable};
use serendib_training::batch::Batch;

use super::input::Input;
use crate::store::StoredBox;

/// What is noted of a box for a customer of whom nothing is known.
const STRANGER: &str = "nothing is known of the customer: the box holds what suits most people";

/// `value` to so many decimals: prices and values are kept in fewer digits than a table would show.
fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10f64.powi(decimals);
    // an empty sum is -0, which nobody wants to read
    (value * unit).round() / unit + 0.0
}

/// A value in the units of the rules' weights.
fn worth(value: Option<f64>) -> Cell<'static> {
    Cell::float(value.map(|value| rounded(value, 4)))
}

/// The strongest reason of the line at `line`, as a sentence; empty without one.
fn reason(stored: &StoredBox, line: usize) -> Option<&str> {
    let reasons = &stored.lines.get(line)?.reasons;
    Some(reasons.first().map_or("", |reason| &*reason.sentence))
}

/// Everything that is told of a packing.
pub struct Output<'a> {
    pub batch: &'a Batch,
    pub shelf: &'a Shelf,
    pub input: &'a Input,
    pub packed: &'a JobPacking,
    /// Slots of all boxes that were to be filled.
    pub open_slots: u64,
    /// The boxes as a server would keep them, with why each line is there and what care asks.
    pub boxes: Vec<StoredBox>,
    /// Of each box the exclusions that mean nothing in this shop.
    pub unknown_exclusions: Vec<Vec<String>>,
    pub scoring_s: f64,
    pub solving_s: f64,
    pub total_s: f64,
}

impl Output<'_> {
    fn title(&self, item: u32) -> &str {
        let product = self.shelf.product(item);
        product.map_or("", |p| self.batch.live.catalogue.product(p).label())
    }

    fn id(&self, item: u32) -> &str {
        self.shelf
            .items()
            .get(item as usize)
            .map_or("", |item| &item.id)
    }

    /// Writes all files and answers the summary.
    pub fn write(&self, out: &Path, ending: &str) -> anyhow::Result<Value> {
        std::fs::create_dir_all(out).with_context(|| format!("cannot create {out:?}"))?;
        self.boxes(&out.join(format!("boxes.{ending}")))?;
        self.picking(&out.join(format!("picking.{ending}")))?;
        self.totals(&out.join(format!("totals.{ending}")))?;
        let summary = self.summary();
        let place = |name: &str, text: &str| -> anyhow::Result<()> {
            let path = out.join(name);
            publish::write(&path, text).with_context(|| format!("cannot write {path:?}"))
        };
        place("summary.json", &serde_json::to_string_pretty(&summary)?)?;
        place("summary.txt", &self.text(&summary))?;
        Ok(summary)
    }

    fn boxes(&self, path: &Path) -> anyhow::Result<()> {
        let mut table = OutputTable::create(
            path,
            &[
                ("box_id", ColumnType::Text),
                ("customer_id", ColumnType::Text),
                ("ship_at", ColumnType::Time),
                ("lines", ColumnType::Int),
                ("surprises", ColumnType::Int),
                ("value", ColumnType::Float),
                ("price", ColumnType::Float),
                ("empty_slots", ColumnType::Int),
                ("fault", ColumnType::Text),
                ("removed", ColumnType::Text),
                ("hand_over", ColumnType::Text),
                ("surprises_paused", ColumnType::Text),
                ("notes", ColumnType::Text),
            ],
        )?;
        let strangers: HashSet<&str> = self.strangers().into_iter().collect();
        for (order, stored) in self.packed.orders.iter().zip(&self.boxes) {
            let packed = &order.packed;
            let price: f64 = packed
                .lines
                .iter()
                .filter_map(|line| self.shelf.items()[line.item as usize].price)
                .map(f64::from)
                .sum();
            let short = stored.short.as_ref();
            let fault = short.map_or("", |short| &*short.fault);
            let details = short.map_or(String::new(), |short| short.details.join("; "));
            table.row(&[
                Cell::from(&*packed.id),
                Cell::from(&*stored.customer_id),
                Cell::time(stored.ship_at),
                Cell::Int(packed.lines.len() as i64),
                Cell::Int(packed.lines.iter().filter(|line| line.surprise).count() as i64),
                worth(Some(packed.value)),
                Cell::float(Some(rounded(price, 2))),
                Cell::Int(short.map_or(0, |s| i64::from(s.regular + s.surprise))),
                Cell::from(Some(fault).filter(|text| !text.is_empty())),
                Cell::from(Some(&*details).filter(|text| !text.is_empty())),
                Cell::from(stored.care.hand_over.then_some("person")),
                Cell::from(stored.care.paused.as_deref()),
                Cell::from(strangers.contains(&*stored.box_id).then_some(STRANGER)),
            ])?;
        }
        table.finish()?;
        Ok(())
    }

    fn picking(&self, path: &Path) -> anyhow::Result<()> {
        let mut table = OutputTable::create(
            path,
            &[
                ("box_id", ColumnType::Text),
                ("line", ColumnType::Int),
                ("product_id", ColumnType::Text),
                ("title", ColumnType::Text),
                ("surprise", ColumnType::Int),
                ("pinned", ColumnType::Int),
                ("warehouse", ColumnType::Text),
                ("lot", ColumnType::Text),
                ("expires_at", ColumnType::Time),
                ("value", ColumnType::Float),
                ("reason", ColumnType::Text),
                ("stand_in_1", ColumnType::Text),
                ("stand_in_1_title", ColumnType::Text),
                ("stand_in_2", ColumnType::Text),
                ("stand_in_2_title", ColumnType::Text),
                ("propensity", ColumnType::Float),
            ],
        )?;
        for (order, stored) in self.packed.orders.iter().zip(&self.boxes) {
            let packed = &order.packed;
            for (at, (line, lot)) in packed.lines.iter().zip(&order.lots).enumerate() {
                let lot = self.input.stock.get(*lot).map(|(_, row)| row);
                let stand_in = |n: usize| line.stand_ins.get(n).map(|s| self.id(s.item));
                let titled = |n: usize| line.stand_ins.get(n).map(|s| self.title(s.item));
                table.row(&[
                    Cell::from(&*packed.id),
                    Cell::Int(at as i64 + 1),
                    Cell::from(self.id(line.item)),
                    Cell::from(self.title(line.item)),
                    Cell::Int(i64::from(line.surprise)),
                    Cell::Int(i64::from(line.fixed)),
                    Cell::from(lot.and_then(|lot| lot.warehouse.as_deref())),
                    Cell::from(lot.and_then(|lot| lot.lot.as_deref())),
                    Cell::time(lot.and_then(|lot| lot.expires_at)),
                    worth(Some(f64::from(line.value))),
                    Cell::from(reason(stored, at)),
                    Cell::from(stand_in(0)),
                    Cell::from(titled(0)),
                    Cell::from(stand_in(1)),
                    Cell::from(titled(1)),
                    Cell::float(line.draw.as_ref().map(|draw| draw.propensity)),
                ])?;
            }
        }
        table.finish()?;
        Ok(())
    }

    /// Units used per item.
    fn used(&self) -> Vec<u64> {
        let mut used = vec![0; self.shelf.items().len()];
        for line in self.packed.orders.iter().flat_map(|o| &o.packed.lines) {
            used[line.item as usize] += 1;
        }
        used
    }

    /// What one more unit is worth per item.
    fn prices(&self) -> BTreeMap<u32, f64> {
        let prices = self.packed.whole.shadow_prices.iter();
        prices.map(|price| (price.item, price.price)).collect()
    }

    /// Boxes for customers that the shop data do not know.
    fn strangers(&self) -> Vec<&str> {
        let known = &self.batch.log().customer_ids;
        let asks = self.input.asks.iter();
        asks.filter(|ask| known.get(&ask.customer_id).is_none())
            .map(|ask| ask.box_id.as_str())
            .collect()
    }

    /// Boxes that a person should look at before they leave.
    fn for_a_person(&self) -> Vec<&str> {
        let boxes = self.boxes.iter();
        boxes
            .filter(|stored| stored.care.hand_over)
            .map(|stored| stored.box_id.as_str())
            .collect()
    }

    /// Box and exclusion that means nothing in this shop.
    fn exclusions_that_mean_nothing(&self) -> impl Iterator<Item = (&str, &str)> {
        let boxes = self.input.asks.iter().zip(&self.unknown_exclusions);
        boxes.flat_map(|(ask, names)| names.iter().map(|name| (&*ask.box_id, &**name)))
    }

    /// Boxes without each category that they should have, by path.
    fn missing_categories(&self) -> BTreeMap<&str, u64> {
        let paths = self.input.rules.required_categories.iter();
        let missing = paths.zip(&self.packed.whole.soft.missing_category);
        missing
            .filter(|(_, (_, count))| *count > 0)
            .map(|(path, (_, count))| (path.as_str(), *count))
            .collect()
    }

    fn totals(&self, path: &Path) -> anyhow::Result<()> {
        let mut table = OutputTable::create(
            path,
            &[
                ("product_id", ColumnType::Text),
                ("title", ColumnType::Text),
                ("used", ColumnType::Int),
                ("left", ColumnType::Int),
                ("shadow_price", ColumnType::Float),
                ("ten_more_at_most", ColumnType::Float),
            ],
        )?;
        let mut left = vec![0i64; self.shelf.items().len()];
        for ((product, _), units) in self.input.stock.iter().zip(&self.packed.lots_left) {
            let item = product.and_then(|product| self.shelf.item(product));
            if let Some(sum) = item.and_then(|item| left.get_mut(item as usize)) {
                *sum += units;
            }
        }
        let prices = self.prices();
        for (item, used) in self.used().into_iter().enumerate() {
            let price = prices.get(&(item as u32)).copied();
            table.row(&[
                Cell::from(self.id(item as u32)),
                Cell::from(self.title(item as u32)),
                Cell::Int(used as i64),
                Cell::Int(left[item]),
                worth(price),
                worth(price.map(|price| 10.0 * price)),
            ])?;
        }
        table.finish()?;
        Ok(())
    }

    fn summary(&self) -> Value {
        let whole = &self.packed.whole;
        let faults: BTreeMap<String, u64> = whole
            .faults
            .iter()
            .map(|(fault, count)| (fault.to_string(), *count))
            .collect();
        let soft = json!({
            "given_up": whole.soft.given_up,
            "margin": whole.soft.margin,
            "median_value": whole.soft.median_value,
            "p5_value": whole.soft.p5_value,
            "below_fair": whole.soft.below_fair,
            "boxes_missing_a_required_category": self.missing_categories(),
            "minimum_use": whole.soft.minimum_use.iter().map(|(item, wanted, used)| json!({
                "product_id": self.id(*item), "wanted": wanted, "used": used,
            })).collect::<Vec<_>>(),
        });
        json!({
            "model": self.batch.model.manifest.id,
            "boxes": self.packed.orders.len(),
            "slots": self.open_slots,
            "empty_slots": whole.empty_slots,
            "value": whole.value,
            "bound": whole.bound,
            "gap": whole.gap,
            "stopped": whole.stopped,
            "units_used": self.used().iter().sum::<u64>(),
            "units_left": self.packed.lots_left.iter().sum::<i64>(),
            "faults": faults,
            "dearest": whole.shadow_prices.iter().take(10).map(|price| json!({
                "product_id": self.id(price.item), "title": self.title(price.item),
                "one_more": price.price, "ten_more_at_most": price.ten_more, "fills_slot": price.fills,
            })).collect::<Vec<_>>(),
            "soft": soft,
            "care": {
                "for_a_person": self.for_a_person(),
                "without_surprise": self.boxes.iter().filter(|stored| stored.care.paused.is_some()).count(),
            },
            "left_out": {
                "boxes_that_have_left": self.input.done,
                "rows_skipped": self.input.skipped,
                "boxes_given_twice": self.input.duplicates,
                "customers_not_known": self.strangers(),
                "products_not_in_the_catalogue": self.input.unknown_products,
                "exclusions_that_mean_nothing": self.exclusions_that_mean_nothing().map(|(box_id, name)| json!({
                    "box_id": box_id, "exclusion": name,
                })).collect::<Vec<_>>(),
            },
            "seconds": { "scoring": self.scoring_s, "packing": self.solving_s, "total": self.total_s },
        })
    }

    /// The summary for people.
    pub fn text(&self, summary: &Value) -> String {
        let number = |key: &str| summary[key].as_f64().unwrap_or(0.0) + 0.0;
        let mut out = String::new();
        let mut say = |line: String| {
            let _ = writeln!(out, "{line}");
        };
        say(format!(
            "{} boxes, {} of {} open slots filled{}",
            number("boxes"),
            number("slots") - number("empty_slots"),
            number("slots"),
            if summary["stopped"] == true {
                " (stopped early)"
            } else {
                ""
            },
        ));
        say(format!(
            "value {:.2}; no packing that fills as many slots exceeds {:.2} (gap {:.2} %)",
            number("value"),
            number("bound"),
            100.0 * number("gap"),
        ));
        say(format!(
            "{} units packed, {} left on the shelf",
            number("units_used"),
            number("units_left"),
        ));
        let goals = &summary["soft"];
        let goal = |key: &str| goals[key].as_f64().unwrap_or(0.0) + 0.0;
        say(format!(
            "half of the boxes are worth {:.2} or more, one in twenty less than {:.2}",
            goal("median_value"),
            goal("p5_value"),
        ));
        let care = &summary["care"];
        let without = care["without_surprise"].as_u64().unwrap_or(0);
        if without > 0 {
            say(format!(
                "{without} boxes have no surprise: their customers have other worries"
            ));
        }
        let for_a_person = care["for_a_person"].as_array().map_or(0, Vec::len);
        if for_a_person > 0 {
            say(format!(
                "{for_a_person} boxes are for a person to look at before they leave (hand_over)"
            ));
        }
        let rules = &self.input.rules;
        if let Some(wanted) = rules.minimum_margin {
            let margin = goals["margin"].as_f64();
            say(format!(
                "margin {}, wanted {:.1} %",
                margin.map_or("unknown".into(), |m| format!("{:.1} %", 100.0 * m)),
                100.0 * wanted
            ));
        }
        if let Some(fair) = rules.fairness {
            say(format!(
                "{} boxes are worth less than {:.0} % of the one in the middle",
                goal("below_fair"),
                100.0 * fair
            ));
        }
        let missing = &goals["boxes_missing_a_required_category"];
        for (category, count) in missing.as_object().into_iter().flatten() {
            say(format!(
                "{count} boxes have nothing of {category}, which they should"
            ));
        }
        for wish in goals["minimum_use"].as_array().into_iter().flatten() {
            say(format!(
                "{} of {} units of {} used",
                wish["used"],
                wish["wanted"],
                wish["product_id"].as_str().unwrap_or(""),
            ));
        }
        if goal("given_up") > 0.0 {
            say(format!(
                "these goals cost {:.2} of the value",
                goal("given_up")
            ));
        }
        for (fault, count) in summary["faults"].as_object().into_iter().flatten() {
            say(format!("  {count} boxes fall short: {fault}"));
        }
        for price in summary["dearest"].as_array().into_iter().flatten().take(5) {
            let fills = if price["fills_slot"] == true {
                ", and fill empty slots"
            } else {
                ""
            };
            say(format!(
                "  ten more of {} ({}) would be worth up to {:.2}{fills}",
                price["title"].as_str().unwrap_or(""),
                price["product_id"].as_str().unwrap_or(""),
                price["ten_more_at_most"].as_f64().unwrap_or(0.0),
            ));
        }
        for (key, what) in [
            ("boxes_that_have_left", "boxes have left already"),
            ("rows_skipped", "wrong rows were skipped"),
        ] {
            let count = summary["left_out"][key].as_u64().unwrap_or(0);
            if count > 0 {
                say(format!("  {count} {what}"));
            }
        }
        for (key, what) in [
            (
                "boxes_given_twice",
                "boxes given twice, all of them left out",
            ),
            (
                "customers_not_known",
                "boxes are for customers of whom nothing is known: they got what suits most people",
            ),
            (
                "products_not_in_the_catalogue",
                "products of the stock that are not in the catalogue",
            ),
            (
                "exclusions_that_mean_nothing",
                "exclusions that mean no product, category or allergen",
            ),
        ] {
            let count = summary["left_out"][key].as_array().map_or(0, Vec::len);
            if count > 0 {
                say(format!("  {count} {what} (see summary.json)"));
            }
        }
        out
    }
}
