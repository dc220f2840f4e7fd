//! Boxes, stock and rules as files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, Context};
use serendib_engine::boxes::{Lot, Shelf, ShopRules};
use serendib_shop::{BoxOrder, ProductIx, ReadOptions, ShopData, StockLot, Table};
use serendib_training::batch::Batch;

use super::args::Pack;
use crate::answer::boxes::BoxAsk;
use crate::commands::{BOX_LINES, BOX_STATE};
use crate::store::BoxState;

/// Everything that is packed from.
pub struct Input {
    /// Boxes in order of the table.
    pub asks: Vec<BoxAsk>,
    /// Lots with their product, where it is known.
    pub stock: Vec<(Option<ProductIx>, StockLot)>,
    pub rules: ShopRules,
    /// Products of boxes that have left, by customer, latest first.
    pub earlier: HashMap<String, Vec<Vec<String>>>,
    /// Boxes that have left or were given up, and are not packed.
    pub done: usize,
    /// Wrong rows of the two tables that were skipped.
    pub skipped: u64,
    /// Ids of boxes that came more than once and are left out.
    pub duplicates: Vec<String>,
    /// Products of the stock that nobody knows.
    pub unknown_products: Vec<String>,
}

impl Input {
    /// Reads what `args` name.
    pub fn read(args: &Pack, batch: &Batch, options: ReadOptions) -> anyhow::Result<Input> {
        let shop = ShopData::open(&args.data, options)?;
        let mut skipped = 0;
        let boxes: Vec<BoxOrder> = match &args.boxes {
            Some(file) => {
                let staged = Staged::new(file, Table::Boxes, &args.out)?;
                let (rows, wrong) = staged.read(&shop, options, Table::Boxes, ShopData::boxes)?;
                skipped += wrong;
                rows
            }
            None if shop.has_table(Table::Boxes) => shop.boxes()?.collect::<Result<_, _>>()?,
            None => bail!("the shop data have no boxes table: name one with --boxes"),
        };
        let stock: Vec<StockLot> = match &args.stock {
            Some(file) => {
                let staged = Staged::new(file, Table::Stock, &args.out)?;
                let (rows, wrong) = staged.read(&shop, options, Table::Stock, ShopData::stock)?;
                skipped += wrong;
                rows
            }
            None if shop.has_table(Table::Stock) => shop.stock()?.collect::<Result<_, _>>()?,
            None => bail!("the shop data have no stock table: name one with --stock"),
        };
        skipped += shop.skipped(Table::Boxes) + shop.skipped(Table::Stock);
        for note in batch.notes.iter().chain(&shop.notes()) {
            eprintln!("note: {note}");
        }
        let own = args.data.join("rules.json");
        let rules = match args.rules.as_ref().or(own.exists().then_some(&own)) {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {path:?}"))?;
                serde_json::from_str(&text)
                    .with_context(|| format!("cannot use the rules in {path:?}"))?
            }
            None => ShopRules::default(),
        };
        let latest = batch.log().span.map_or(0, |(_, last)| last + 1);
        let (done, boxes): (Vec<BoxOrder>, Vec<BoxOrder>) = boxes.into_iter().partition(is_done);
        let earlier = left_earlier(&done);
        let duplicates = given_twice(&boxes);
        if let Some((id, customers)) = duplicates.first_key_value().filter(|_| !options.lenient) {
            let others = match duplicates.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} others"),
            };
            let customers = customers.join(", ");
            bail!("box {id:?} is in the boxes table more than once, for {customers}{others}: neither is packed (--lenient leaves them out)");
        }
        let asks = boxes
            .into_iter()
            .filter(|row| !duplicates.contains_key(&row.box_id))
            .map(|row| BoxAsk {
                lenient_exclusions: args.lenient_exclusions,
                // one without a ship date leaves when the data end
                ship_at: Some(row.ship_at.unwrap_or(latest)),
                ..BoxAsk::from(row)
            })
            .collect();
        let mut unknown_products = Vec::new();
        let stock = stock
            .into_iter()
            .map(|row| {
                let product = batch.live.catalogue.find(&row.product_id);
                if product.is_none() {
                    unknown_products.push(row.product_id.clone());
                }
                (product, row)
            })
            .collect();
        unknown_products.sort();
        unknown_products.dedup();
        Ok(Input {
            asks,
            stock,
            rules,
            earlier,
            done: done.len(),
            skipped,
            duplicates: duplicates.into_keys().collect(),
            unknown_products,
        })
    }

    /// Lots of the stock in items of `shelf`, by position in the table.
    pub fn lots(&self, shelf: &Shelf) -> Vec<Lot> {
        let lives = shelf.min_lives_ms(&self.rules);
        self.stock
            .iter()
            .map(|(product, row)| {
                let item = product.and_then(|p| shelf.item(p));
                let life = item.map_or(0, |item| lives[item as usize]);
                Lot {
                    // a lot of a product that nobody knows is no item's
                    item: item.unwrap_or(shelf.items().len() as u32),
                    quantity: row.quantity.max(0),
                    expires_at: row.expires_at,
                    ships_before: row.expires_at.map(|expiry| expiry.saturating_sub(life)),
                    inbound_at: row.inbound_at,
                    label: row.lot.clone().unwrap_or_default(),
                }
            })
            .collect()
    }

    /// (product, units) of every lot of a known product.
    pub fn stock_rows(&self) -> Vec<(ProductIx, i64)> {
        self.stock
            .iter()
            .filter_map(|(product, row)| product.map(|p| (p, row.quantity)))
            .collect()
    }
}

/// Ids that more than one of `boxes` has, with the customers of those.
fn given_twice(boxes: &[BoxOrder]) -> BTreeMap<String, Vec<String>> {
    let mut customers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in boxes {
        let known = customers.entry(&row.box_id).or_default();
        known.push(&row.customer_id);
    }
    customers.retain(|_, of| of.len() > 1);
    let owned = |of: Vec<&str>| of.into_iter().map(str::to_owned).collect();
    customers
        .into_iter()
        .map(|(id, of)| (id.to_owned(), owned(of)))
        .collect()
}

/// Whether a box, as an export of the store tells of it, needs no packing any more.
fn is_done(row: &BoxOrder) -> bool {
    let state = row.attributes.get(BOX_STATE).and_then(|s| s.as_str());
    state.is_some_and(|state| state != BoxState::Packed.as_str())
}

/// What is in the boxes of `done` that left.
fn left_earlier(done: &[BoxOrder]) -> HashMap<String, Vec<Vec<String>>> {
    let mut boxes: Vec<&BoxOrder> = done
        .iter()
        .filter(|row| {
            let state = row.attributes.get(BOX_STATE).and_then(|s| s.as_str());
            [BoxState::Shipped, BoxState::Delivered]
                .map(|s| Some(s.as_str()))
                .contains(&state)
        })
        .collect();
    boxes.sort_by_key(|row| std::cmp::Reverse(row.ship_at));
    let mut earlier: HashMap<String, Vec<Vec<String>>> = HashMap::new();
    for row in boxes {
        let lines = row
            .attributes
            .get(BOX_LINES)
            .and_then(|lines| lines.as_array());
        let ids = lines
            .into_iter()
            .flatten()
            .filter_map(|line| line["product_id"].as_str());
        let products = ids.map(str::to_owned).collect();
        earlier
            .entry(row.customer_id.clone())
            .or_default()
            .push(products);
    }
    earlier
}

/// A directory that shows one file under the name of its table, so that it reads like shop data.
struct Staged {
    dir: PathBuf,
    shown: PathBuf,
    file: PathBuf,
}

impl Staged {
    fn new(file: &Path, table: Table, out: &Path) -> anyhow::Result<Staged> {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some((_, endings)) = name.split_once('.') else {
            bail!("{file:?} has no ending: expected .csv, .jsonl or .parquet");
        };
        let file = file
            .canonicalize()
            .with_context(|| format!("cannot read {file:?}"))?;
        let word = if table == Table::Boxes {
            "boxes"
        } else {
            "stock"
        };
        let dir = out.join(format!(".reading-{word}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {dir:?}"))?;
        let shown = dir.join(format!(
            "{word}.{}",
            endings.rsplit_once('.').map_or(endings, |_| endings)
        ));
        let staged = Staged { dir, shown, file };
        std::os::unix::fs::symlink(&staged.file, &staged.shown)
            .with_context(|| format!("cannot show {:?} as {:?}", staged.file, staged.shown))?;
        Ok(staged)
    }

    /// Its rows, and how many wrong ones were skipped; without those of who was erased from `shop`.
    fn read<T, R, E>(
        &self,
        shop: &ShopData,
        options: ReadOptions,
        table: Table,
        rows: impl Fn(&ShopData) -> Result<R, E>,
    ) -> anyhow::Result<(Vec<T>, u64)>
    where
        R: Iterator<Item = Result<T, E>>,
        E: std::fmt::Display,
    {
        // errors name the file that was given, not where it was shown
        let named = |error: &dyn std::fmt::Display| {
            let text = error.to_string();
            anyhow!(text.replace(&*self.shown.to_string_lossy(), &self.file.to_string_lossy()))
        };
        let data = ShopData::open(&self.dir, options).map_err(|e| named(&e))?;
        let data = data.heeding(shop);
        let all: Result<Vec<T>, E> = rows(&data).map_err(|e| named(&e))?.collect();
        for note in data.notes() {
            eprintln!("note: {}", named(&note));
        }
        Ok((all.map_err(|e| named(&e))?, data.skipped(table)))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
