//! `serendib export`: the store as shop data.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use serendib_shop::{
    BoxOrder, Consents, DataError, Format, ShopInfo, ShopWriter, Table, TableWriter,
};
use tokio_stream::StreamExt;

use crate::answer::boxes::BoxAsk;
use crate::answer::default_consents;
use crate::store::{sqlite, ShopRow, StoredBox};

use super::shop_info;
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
                  configured to take for granted goes along in shop.json, for training to hold to it. A row that nobody could \
                  read again is left out, with a warning that names it."
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
        let info = sqlite::document_in(&self.store, shop_info::AREA, shop_info::KEY).await?;
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
            left_out: LeftOut::default(),
        };
        let progress = Progress::counter("rows exported");
        while let Some(row) = rows.next().await {
            tables.put(&row?)?;
            progress.row();
        }
        let (written, left_out) = tables.finish()?;
        shop.finish()?;
        drop(progress);
        left_out.warn();
        if self.json {
            let mut counts: serde_json::Map<_, _> = written
                .iter()
                .map(|(table, rows)| (table.name().to_string(), json!(rows)))
                .collect();
            if left_out.count > 0 {
                counts.insert("left_out".into(), json!(left_out.count));
            }
            println!("{}", serde_json::Value::Object(counts));
        } else {
            for (table, rows) in &written {
                println!("{rows:>12} {table}");
            }
        }
        Ok(())
    }
}

/// What an export does not hold, since whoever reads it would refuse it.
#[derive(Debug, Default)]
struct LeftOut {
    /// Rows, and parts of rows.
    count: u64,
    first: Vec<String>,
}

/// How many of them are named.
const NAMED: usize = 20;

impl LeftOut {
    fn note(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(what());
        }
    }

    fn warn(&self) {
        for what in &self.first {
            eprintln!("warning: {what}");
        }
        if let Some(more) = self.count.checked_sub(NAMED as u64).filter(|n| *n > 0) {
            eprintln!("warning: {more} more were left out");
        }
    }
}

/// What a row is called in a warning.
fn name_of(row: &ShopRow) -> String {
    match row {
        ShopRow::Product(row) => format!("product {:?}", row.product_id),
        ShopRow::Customer(row) => format!("customer {:?}", row.customer_id),
        ShopRow::LeftOut { customer_id, .. } => format!("customer {customer_id:?}"),
        ShopRow::Touchpoint(row) => {
            format!(
                "touchpoint {:?}",
                row.touchpoint_id.as_deref().unwrap_or("?")
            )
        }
        ShopRow::Delight(row) => format!(
            "delight of customer {:?} and product {:?}",
            row.customer_id, row.product_id
        ),
        ShopRow::Served(row) => format!("served request {:?}", row.request_id),
        ShopRow::Box(row) => format!("box {:?}", row.box_id),
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
    left_out: LeftOut,
}

impl Tables<'_> {
    /// Writes a row; one that the table refuses is left out and noted: it must not keep all others from being exported.
    fn put(&mut self, row: &ShopRow) -> anyhow::Result<()> {
        let table = match row {
            ShopRow::Product(_) => Table::Products,
            ShopRow::Customer(_) => Table::Customers,
            ShopRow::LeftOut { error, .. } => {
                let what = || format!("{}: left out {error}", name_of(row));
                self.left_out.note(what);
                return Ok(());
            }
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
        let written = match row {
            ShopRow::Product(row) => writer.product(row),
            ShopRow::Customer(row) => writer.customer(row),
            ShopRow::LeftOut { .. } => Ok(()),
            ShopRow::Touchpoint(row) => writer.touchpoint(row),
            ShopRow::Delight(row) => writer.delight(row),
            ShopRow::Served(row) => writer.served(row),
            ShopRow::Box(row) => writer.box_order(&order_of(row)),
        };
        match written {
            Err(DataError::Write { message, .. }) => {
                let what = || format!("{} left out: {message}", name_of(row));
                self.left_out.note(what);
                Ok(())
            }
            written => Ok(written?),
        }
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if let Some((table, writer)) = self.current.take() {
            self.written.push((table, writer.finish()?));
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<(Vec<(Table, u64)>, LeftOut)> {
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
        Ok((self.written, self.left_out))
    }
}
