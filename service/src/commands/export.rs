//! `serendib export`: the store as shop data.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use serendib_shop::{BoxOrder, Consents, Format, ShopInfo, ShopWriter, Table, TableWriter};
use tokio_stream::StreamExt;

use crate::answer::boxes::BoxAsk;
use crate::answer::default_consents;
use crate::store::{sqlite, ShopRow, StoredBox};

use super::load::{SHOP_AREA, SHOP_KEY};
use crate::clock::now_ms;
use serendib_shop::ledger::ledger_of;
use serendib_shop::Progress;

use super::{runtime, DEFAULT_STORE};

/// Attribute of an exported box: how far it is.
pub(crate) const BOX_STATE: &str = "state";
/// Attribute of an exported box: the products in it.
pub(crate) const BOX_LINES: &str = "lines";

/// Write the store as shop data for training, also while a server runs on it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib export --store serendib-store --out shop\n  serendib-train fit --data shop --out \
                  models\n\nOne consistent state: products, customers, touchpoints, delights, what was served and boxes, of \
                  customers who allow training, under the ids of the customers they are linked to. What the server was last \
                  configured to take for granted goes along in shop.json, for training to hold to it."
)]
pub struct Export {
    /// Directory of the store
    #[arg(long, default_value = DEFAULT_STORE)]
    store: PathBuf,
    /// The ledger of erasures; beside the store if absent
    #[arg(long)]
    erasures: Option<PathBuf>,
    /// Directory to make
    #[arg(long)]
    out: PathBuf,
    /// Format of the tables: parquet, csv, csv.zst, jsonl …
    #[arg(long, default_value = "parquet")]
    format: Format,
    /// What holds for customers who said nothing about training; as the server was last configured if absent
    #[arg(long, value_enum)]
    unsaid: Option<Unsaid>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unsaid {
    /// They are exported
    Allow,
    /// They are left out
    Refuse,
}

/// How long an erasure takes from the ledger into the store at most, ms.
const ENTERING_MS: i64 = 60_000;

impl Export {
    /// The ledger of erasures for who reads the export: whoever is erased from now on is left out of it.
    fn ledger(&self) -> Option<String> {
        let ledger = self.erasures.clone();
        let ledger = ledger.unwrap_or_else(|| ledger_of(&self.store));
        // a store of an older version has none until it is served
        let ledger = ledger.canonicalize().ok()?;
        Some(ledger.to_str()?.to_owned())
    }

    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        runtime()?
            .block_on(self.export())
            .with_context(|| format!("exporting {}", self.store.display()))
    }

    async fn export(&self) -> anyhow::Result<()> {
        let info = sqlite::document_in(&self.store, SHOP_AREA, SHOP_KEY).await?;
        let mut info: ShopInfo = match info {
            Some(info) => serde_json::from_value(info.body)?,
            None => ShopInfo::default(),
        };
        let asked = Consents {
            train: self.unsaid.map(|unsaid| unsaid == Unsaid::Allow),
            ..Consents::default()
        };
        let configured =
            sqlite::document_in(&self.store, default_consents::AREA, default_consents::KEY).await?;
        let configured = configured
            .as_ref()
            .map(default_consents::of)
            .unwrap_or_default();
        let defaults = asked.or(configured).or(info.consents);
        info.consents = defaults;
        let now = now_ms();
        let mut rows = sqlite::export_dir(&self.store, defaults, now).await?;
        let shop = ShopWriter::create(&self.out, self.format)?;
        info.as_of = Some(serendib_shop::time::format_time(now));
        info.erasures = self.ledger();
        // one that was entered a moment ago may not have been in effect yet
        info.erased_until = Some(now - ENTERING_MS);
        shop.shop(&info)?;
        let mut tables = Tables {
            shop: &shop,
            current: None,
            written: Vec::new(),
        };
        let progress = Progress::counter("rows exported");
        while let Some(row) = rows.next().await {
            tables.put(&row?)?;
            progress.row();
        }
        let written = tables.finish()?;
        shop.finish()?;
        drop(progress);
        if self.json {
            let counts: serde_json::Map<_, _> = written
                .iter()
                .map(|(table, rows)| (table.name().to_string(), json!(rows)))
                .collect();
            println!("{}", serde_json::Value::Object(counts));
        } else {
            for (table, rows) in &written {
                println!("{rows:>12} {table}");
            }
        }
        Ok(())
    }
}

/// A box as shop data: how it was asked for, and how far it is and what is in it as attributes.
fn order_of(packed: &StoredBox) -> BoxOrder {
    let ask: BoxAsk = serde_json::from_value(packed.ask.clone()).unwrap_or_default();
    let lines: Vec<_> = packed
        .lines
        .iter()
        .map(|line| json!({"product_id": line.product_id, "surprise": line.surprise}))
        .collect();
    BoxOrder {
        box_id: packed.box_id.clone(),
        customer_id: packed.customer_id.clone(),
        ship_at: packed.ship_at,
        slots: ask.slots.map(|n| n as u32),
        surprise_slots: ask.surprise_slots.map(|n| n as u32),
        budget: ask.budget,
        max_weight_g: ask.max_weight_g,
        max_volume_ml: ask.max_volume_ml,
        exclusions: ask.exclusions,
        attributes: [
            (BOX_STATE.to_owned(), json!(packed.state.as_str())),
            (BOX_LINES.to_owned(), json!(lines)),
        ]
        .into(),
    }
}

/// The tables of a shop, written one after another.
struct Tables<'a> {
    shop: &'a ShopWriter,
    current: Option<(Table, TableWriter)>,
    written: Vec<(Table, u64)>,
}

impl Tables<'_> {
    fn put(&mut self, row: &ShopRow) -> anyhow::Result<()> {
        let table = match row {
            ShopRow::Product(_) => Table::Products,
            ShopRow::Customer(_) => Table::Customers,
            ShopRow::Touchpoint(_) => Table::Touchpoints,
            ShopRow::Delight(_) => Table::Delights,
            ShopRow::Served(_) => Table::Served,
            ShopRow::Box(_) => Table::Boxes,
        };
        if self.current.as_ref().map(|(of, _)| *of) != Some(table) {
            self.close()?;
            self.current = Some((table, self.shop.table(table)?));
        }
        let Some((_, writer)) = &mut self.current else {
            return Ok(());
        };
        match row {
            ShopRow::Product(row) => writer.product(row)?,
            ShopRow::Customer(row) => writer.customer(row)?,
            ShopRow::Touchpoint(row) => writer.touchpoint(row)?,
            ShopRow::Delight(row) => writer.delight(row)?,
            ShopRow::Served(row) => writer.served(row)?,
            ShopRow::Box(row) => writer.box_order(&order_of(row))?,
        }
        Ok(())
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if let Some((table, writer)) = self.current.take() {
            self.written.push((table, writer.finish()?));
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Vec<(Table, u64)>> {
        self.close()?;
        // Touchpoints are what a shop is read for: an empty table says that there are none.
        if !self
            .written
            .iter()
            .any(|(table, _)| *table == Table::Touchpoints)
        {
            self.written.push((
                Table::Touchpoints,
                self.shop.table(Table::Touchpoints)?.finish()?,
            ));
        }
        Ok(self.written)
    }
}
