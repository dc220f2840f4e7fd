//! A directory of shop data, opened for reading.

mod erased;
mod files;
mod findings;
mod forms;
mod info;
mod judges;
mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Customer, Delight, Product, Served, Touchpoint};
use serde_json::Value;

pub use info::ShopInfo;
pub use rows::Rows;

use crate::error::DataError;
use crate::money::{currency_named, currency_of};
use crate::table::columns::InputTable;
use crate::table::format::{Packing, Table};
use crate::table::read::open_text;
use crate::table::record::Record;
use crate::time::Zone;
use crate::{BoxOrder, StockLot};
pub use erased::Erasures;
use files::{Found, Part};
use findings::Findings;
use rows::Standing;

/// The ids of the `products` table.
type ProductIds = HashSet<Box<str>>;

/// Largest `shop.json` or `rules.json` in bytes.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// How to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Skip wrong rows and count them instead of stopping at the first.
    pub lenient: bool,
}

/// An opened directory of tables.
///
/// Opening reads only the list of files and `shop.json`; every table is streamed when asked for.
#[derive(Debug)]
pub struct ShopData {
    dir: PathBuf,
    options: ReadOptions,
    shop: ShopInfo,
    zone: Zone,
    found: Found,
    findings: BTreeMap<Table, Arc<Findings>>,
    product_ids: Mutex<Option<Arc<ProductIds>>>,
    erasures: Option<Erasures>,
}

impl ShopData {
    /// Opens `dir`.
    ///
    /// # Errors
    /// It is no directory, holds a table twice or files but no table at all, its `shop.json` is wrong, or the ledger of
    /// erasures that belongs to it is missing or damaged.
    pub fn open(dir: &Path, options: ReadOptions) -> Result<ShopData, DataError> {
        let found = files::find(dir)?;
        if found.tables.is_empty() && found.documents.is_empty() && !found.others.is_empty() {
            return Err(DataError::file(
                dir,
                format!(
                    "holds no table of shop data; what is there is none: {}; expected {} as .parquet, .csv or .jsonl",
                    some_of(&found.others),
                    Table::ALL.map(Table::name).join(", ")
                ),
            ));
        }
        let shop: ShopInfo = match found.documents.get("shop") {
            None => ShopInfo::default(),
            Some(part) => serde_json::from_value(document(part)?)
                .map_err(|error| DataError::file(&part.path, error.to_string()))?,
        };
        let zone = match shop.time_zone.as_deref() {
            None => Zone::default(),
            Some(name) => Zone::named(name).ok_or_else(|| {
                DataError::file(
                    found.documents.get("shop").map_or(dir, |part| &part.path),
                    format!("time_zone {name:?} is no IANA time zone such as Europe/London"),
                )
            })?,
        };
        let mut data = ShopData {
            erasures: None,
            dir: dir.to_path_buf(),
            options,
            shop,
            zone,
            found,
            findings: Table::ALL
                .into_iter()
                .map(|table| (table, Arc::default()))
                .collect(),
            product_ids: Mutex::new(None),
        };
        data.erasures = Erasures::find(dir, &data.shop, data.as_of()?)?;
        Ok(data)
    }

    /// The same data without the rows of those who were erased from `other` after them.
    pub fn heeding(mut self, other: &ShopData) -> ShopData {
        self.erasures.clone_from(&other.erasures);
        self
    }

    /// The time that the data speak for, as `shop.json` states it, ms.
    ///
    /// # Errors
    /// It is no date and no time.
    pub fn as_of(&self) -> Result<Option<i64>, DataError> {
        let Some(text) = self.shop.as_of.as_deref() else {
            return Ok(None);
        };
        crate::time::parse_time(text, self.zone)
            .map(Some)
            .ok_or_else(|| {
                let path = self.found.documents.get("shop");
                DataError::file(
                    path.map_or(&self.dir, |part| &part.path),
                    format!("as_of {text:?} is no date (2024-05-01) and no time (RFC 3339)"),
                )
            })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `shop.json` says; defaults where there is none.
    pub fn shop(&self) -> &ShopInfo {
        &self.shop
    }

    /// The time zone in which times without an offset are read.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Whether `table` is there.
    pub fn has_table(&self, table: Table) -> bool {
        self.found.tables.contains_key(&table)
    }

    /// The files of `table`, in the order in which they are read.
    pub fn files(&self, table: Table) -> Vec<&Path> {
        self.parts(table)
            .iter()
            .map(|part| part.path.as_path())
            .collect()
    }

    /// Names in the directory that are no part of shop data.
    pub fn others(&self) -> &[String] {
        &self.found.others
    }

    /// How many rows of `table` were skipped so far; 0 unless lenient.
    pub fn skipped(&self, table: Table) -> u64 {
        self.findings
            .get(&table)
            .map_or(0, |findings| findings.skipped())
    }

    /// What reading found so far that a person should know, in words: rows that were skipped and why, the forms of times,
    /// columns whose names were probably meant otherwise, products that the products table does not list, repeated rows.
    pub fn notes(&self) -> Vec<String> {
        self.told(false)
    }

    /// The same, with every column that its table does not know.
    pub(crate) fn all_notes(&self) -> Vec<String> {
        self.told(true)
    }

    fn told(&self, all: bool) -> Vec<String> {
        let of = |(table, findings): (&Table, &Arc<Findings>)| {
            let mut told = findings.skips(table.name());
            let own = self.shop.currency.as_deref();
            told.extend(findings.notes(&self.dir, table.name(), own, all));
            told
        };
        self.findings.iter().flat_map(of).collect()
    }

    fn parts(&self, table: Table) -> &[Part] {
        self.found.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    fn rows<T: Record>(&self, table: Table) -> Result<Rows<T>, DataError> {
        let findings = self.findings_of(table);
        let rows = Rows::new(self.parts(table), self.zone, self.options.lenient, findings)?;
        Ok(rows.without(self.erasures.clone()))
    }

    /// The ids of the `products` table, read once; `None` without such a table.
    fn product_ids(&self) -> Result<Option<Arc<ProductIds>>, DataError> {
        if !self.has_table(Table::Products) {
            return Ok(None);
        }
        let mut slot = self
            .product_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let mut ids = ProductIds::new();
            for part in self.parts(Table::Products) {
                // a product with a wrong price is one all the same: it is told once, not with every touchpoint
                for row in InputTable::open(&part.path, &["product_id"])? {
                    match row {
                        Ok(mut cells) => ids.extend(cells.remove(0).map(String::into_boxed_str)),
                        Err(error) if error.is_row() => {}
                        Err(_) => break,
                    }
                }
            }
            *slot = Some(Arc::new(ids));
        }
        Ok(slot.clone())
    }

    /// Rows of touchpoints as they stand; products that the `products` table does not list are noted.
    fn touchpoint_rows_of(&self, table: Table) -> Result<Rows<Touchpoint>, DataError> {
        let rows = self.rows(table)?;
        let products = self.product_ids()?;
        let findings = self.findings_of(table);
        let mut currencies: HashSet<String> = HashSet::new();
        Ok(rows.judged(Box::new(move |row: &Touchpoint, place| {
            let lists = |id: &str| products.as_ref().is_none_or(|ids| ids.contains(id));
            if let Some(product) = row.product_id.as_deref().filter(|id| !lists(id)) {
                findings.unlisted(product, place);
            }
            if let Some(currency) = currency_of(row).filter(|c| !currencies.contains(c.as_ref())) {
                findings.currency(&currency);
                currencies.insert(currency.into_owned());
            }
            Ok(Standing::Counts)
        })))
    }

    fn findings_of(&self, table: Table) -> Arc<Findings> {
        self.findings.get(&table).cloned().unwrap_or_default()
    }

    /// The `products` table as it stands, streamed; repeated ids are not looked for.
    pub fn product_rows(&self) -> Result<Rows<Product>, DataError> {
        let findings = self.findings_of(Table::Products);
        let rows = self.rows(Table::Products)?;
        Ok(rows.judged(Box::new(move |row: &Product, _| {
            let priced = row.currency.as_deref().filter(|_| row.price.is_some());
            if let Some(currency) = priced.and_then(currency_named) {
                findings.currency(&currency);
            }
            Ok(Standing::Counts)
        })))
    }

    /// The `products` table; `None` where there is none.
    ///
    /// # Errors
    /// A wrong row, or two products of one id.
    pub fn products(&self) -> Result<Option<Vec<Product>>, DataError> {
        if !self.has_table(Table::Products) {
            return Ok(None);
        }
        let mut products: Vec<Product> = Vec::new();
        let mut seen: HashMap<String, u64> = HashMap::new();
        let mut rows = self.product_rows()?;
        while let Some(product) = rows.next() {
            let product = product?;
            let row = rows.place().map_or(0, |place| place.row);
            if let Some(first) = seen.get(&product.product_id) {
                rows.reject(
                    "product_id",
                    format!("{:?} is already in row {first}", product.product_id),
                )?;
                continue;
            }
            seen.insert(product.product_id.clone(), row);
            products.push(product);
        }
        Ok(Some(products))
    }

    /// The `customers` table, streamed; nothing where there is none.
    ///
    /// A customer that appears twice is an error, and so is an identity of two customers or of itself.
    pub fn customers(&self) -> Result<Rows<Customer>, DataError> {
        Ok(self.rows(Table::Customers)?.judged(judges::identities()))
    }

    /// The `touchpoints` table in the order of its rows, streamed; nothing where there is none.
    ///
    /// Of the rows of one `touchpoint_id` only the first is given. Where there is a `products` table, a row may be on a product
    /// that is not in it: such products are no longer sold.
    pub fn touchpoints(&self) -> Result<Rows<Touchpoint>, DataError> {
        Ok(self.touchpoint_rows()?.judged(judges::repeats()))
    }

    /// The same with rows that repeat a `touchpoint_id`, for who tells them apart by themselves.
    pub fn touchpoint_rows(&self) -> Result<Rows<Touchpoint>, DataError> {
        self.touchpoint_rows_of(Table::Touchpoints)
    }

    /// The `held_out` table, streamed as [`ShopData::touchpoints`]; nothing where there is none.
    pub fn held_out(&self) -> Result<Rows<Touchpoint>, DataError> {
        let rows = self.touchpoint_rows_of(Table::HeldOut)?;
        Ok(rows.judged(judges::repeats()))
    }

    /// The `delights` table, streamed; nothing where there is none.
    pub fn delights(&self) -> Result<Rows<Delight>, DataError> {
        self.rows(Table::Delights)
    }

    /// The `served` table, streamed; nothing where there is none.
    pub fn served(&self) -> Result<Rows<Served>, DataError> {
        self.rows(Table::Served)
    }

    /// The `boxes` table, streamed; nothing where there is none.
    pub fn boxes(&self) -> Result<Rows<BoxOrder>, DataError> {
        self.rows(Table::Boxes)
    }

    /// The `stock` table, streamed; nothing where there is none.
    pub fn stock(&self) -> Result<Rows<StockLot>, DataError> {
        self.rows(Table::Stock)
    }

    /// `rules.json`; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read or is not JSON.
    pub fn rules(&self) -> Result<Option<Value>, DataError> {
        self.found.documents.get("rules").map(document).transpose()
    }
}

/// The first few of `names`, in words.
fn some_of(names: &[String]) -> String {
    const FEW: usize = 5;
    let more = if names.len() > FEW { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(FEW)].join(", "))
}

fn document(part: &Part) -> Result<Value, DataError> {
    let mut text = String::new();
    open_text(&part.path, Packing::Plain)?
        .take(MAX_DOCUMENT_BYTES)
        .read_to_string(&mut text)
        .map_err(DataError::io("read", &part.path))?;
    serde_json::from_str(&text)
        .map_err(|error| DataError::file(&part.path, format!("not JSON: {error}")))
}
