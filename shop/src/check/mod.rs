//! Checking shop data: every problem with its place, in memory that does not grow with the touchpoints.

mod alike;
mod people;
mod seen;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;

use crate::print::{Column, Grid};
use crate::{Kind, Kinds, Product, Touchpoint};
use serde::Serialize;

use alike::Alike;
use people::Shares;
use seen::{hash_of_row, Named, Seen};

use crate::directory::{Rows, ShopData};
use crate::error::{DataError, Place};
use crate::noise::is_pooled;
use crate::progress::Progress;
use crate::table::format::Table;
use crate::table::record::Record;

/// 1980-01-01: hardly a touchpoint is older, but times are that were written from a wrong scale.
const SUSPICIOUS_BEFORE_MS: i64 = 315_532_800_000;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// File, or the directory.
    pub file: String,
    /// Data row from 1; absent when the whole file is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Line of a text file from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column; absent when the whole row is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    fn new(error: &DataError) -> Problem {
        let place = |place: &Place, column: Option<&String>, message: &str| Problem {
            file: place.file.display().to_string(),
            row: Some(place.row),
            line: place.line,
            column: column.cloned(),
            message: message.to_owned(),
        };
        let file = |path: &Path, message: String| Problem {
            file: path.display().to_string(),
            row: None,
            line: None,
            column: None,
            message,
        };
        match error {
            DataError::Row { place: at, message } => place(at, None, message),
            DataError::Cell {
                place: at,
                column,
                message,
            }
            | DataError::Column {
                place: at,
                column,
                message,
            } => place(at, Some(column), message),
            DataError::File { path, message } => file(path, message.clone()),
            DataError::Io {
                action,
                path,
                source,
            } => file(path, format!("could not {action}: {source}")),
            DataError::Write { .. } => file(Path::new(""), error.to_string()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(row) = self.row {
            write!(f, ": row {row}")?;
            if let Some(line) = self.line.filter(|line| *line != row) {
                write!(f, " (line {line})")?;
            }
        }
        if let Some(column) = &self.column {
            write!(f, ": column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Rows and problems of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableReport {
    /// Rows, wrong ones included.
    pub rows: u64,
    pub problems: u64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// How many problems there are.
    pub problems: u64,
    /// Each table that is there.
    pub tables: BTreeMap<&'static str, TableReport>,
    /// The first problems, up to the limit given.
    pub first: Vec<Problem>,
    /// Things that may well be meant.
    pub notes: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.first {
            writeln!(f, "{problem}")?;
        }
        let more = self.problems - self.first.len() as u64;
        if more > 0 {
            writeln!(f, "… and {more} more (--max-problems 0 prints all)")?;
        }
        if !self.first.is_empty() {
            writeln!(f)?;
        }
        let counts = [Column::name("", 12), Column::figure("", 12)];
        let words = [Column::name("", 4), Column::figure("", 9), Column::rest("")];
        let mut grid = Grid::bare(0, [&counts[..], &words[..]].concat());
        for (table, report) in &self.tables {
            let (rows, problems) = (report.rows.to_string(), report.problems.to_string());
            grid.row([*table, &*rows, "rows", &*problems, "problems"]);
        }
        write!(f, "{grid}")?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        match self.problems {
            0 => writeln!(f, "no problems"),
            1 => writeln!(f, "1 problem"),
            n => writeln!(f, "{n} problems"),
        }
    }
}

struct Check<'a> {
    data: &'a ShopData,
    limit: usize,
    progress: &'a mut Progress,
    report: Report,
    products: Seen,
    /// Customers of `customers` and of `touchpoints`.
    customers: Seen,
    /// Ids of one thing that were written differently, over all tables.
    product_ids: Alike,
    customer_ids: Alike,
}

/// Checks all tables of `data`; at most `limit` problems are kept, all are counted.
pub fn check(data: &ShopData, limit: usize, progress: &mut Progress) -> Report {
    let mut check = Check {
        data,
        limit,
        progress,
        report: Report::default(),
        products: Seen::default(),
        customers: Seen::default(),
        product_ids: Alike::default(),
        customer_ids: Alike::default(),
    };
    check.products();
    check.customers();
    check.touchpoints(Table::Touchpoints);
    check.touchpoints(Table::HeldOut);
    check.others();
    let alike = [
        check.product_ids.notes("products"),
        check.customer_ids.notes("customers"),
    ];
    check.report.notes.extend(alike.concat());
    let read = check.data.all_notes();
    check.report.notes.extend(read);
    check.report
}

impl Check<'_> {
    fn problem(&mut self, table: Option<Table>, error: &DataError) {
        self.report.problems += 1;
        if let Some(table) = table {
            self.report.tables.entry(table.name()).or_default().problems += 1;
        }
        if self.report.first.len() < self.limit {
            self.report.first.push(Problem::new(error));
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.report.notes.push(text.into());
    }

    /// Walks over a table; `each` sees the rows that are right by themselves and names a column at fault.
    fn walk<T: Record>(
        &mut self,
        table: Table,
        rows: Result<Rows<T>, DataError>,
        mut each: impl FnMut(&mut Self, &T, &Place) -> Result<(), (&'static str, String)>,
    ) {
        if !self.data.has_table(table) {
            return;
        }
        self.progress.stage(format!("checking {table}"));
        self.report.tables.entry(table.name()).or_default();
        let mut rows = match rows {
            Ok(rows) => rows,
            Err(error) => return self.problem(Some(table), &error),
        };
        let mut count = 0;
        while let Some(row) = rows.next() {
            self.progress.row();
            match row {
                Ok(row) => {
                    count += 1;
                    let Some(place) = rows.place().cloned() else {
                        continue;
                    };
                    if let Err((column, message)) = each(self, &row, &place) {
                        self.problem(Some(table), &DataError::cell(&place, column, message));
                    }
                }
                Err(error) => {
                    count += u64::from(error.is_row());
                    self.problem(Some(table), &error);
                }
            }
        }
        self.report.tables.entry(table.name()).or_default().rows = count;
    }

    fn products(&mut self) {
        let (mut untitled, mut uncategorised, mut loss) = (0u64, 0u64, 0u64);
        let mut no_products = Named::default();
        self.walk(
            Table::Products,
            self.data.product_rows(),
            |check, product: &Product, _| {
                untitled += u64::from(product.title.is_none());
                uncategorised += u64::from(product.category.is_none());
                if product.is_non_product() {
                    no_products.add(product.label());
                }
                loss +=
                    u64::from(matches!((product.price, product.cost), (Some(p), Some(c)) if c > p));
                check.product_ids.add(&product.product_id);
                if !check.products.insert(&product.product_id) {
                    return Err((
                        "product_id",
                        format!("{:?} appears twice", product.product_id),
                    ));
                }
                Ok(())
            },
        );
        let rows = self.rows_of(Table::Products);
        for (count, what) in [
            (untitled, "have no title"),
            (uncategorised, "have no category"),
            (loss, "cost more than their price"),
        ] {
            if count > 0 && rows > 0 {
                self.note(format!("{count} of {rows} products {what}"));
            }
        }
        self.no_products(&no_products);
    }

    /// Notes the entries that are nothing that is sold.
    fn no_products(&mut self, found: &Named) {
        if found.count > 0 {
            self.note(format!(
                "gift cards, tips, postage, samples or fees, never recommended: {}; attribute non_product = false lists one after all",
                found.shown()
            ));
        }
    }

    fn rows_of(&self, table: Table) -> u64 {
        self.report
            .tables
            .get(table.name())
            .map_or(0, |report| report.rows)
    }

    fn customers(&mut self) {
        self.walk(
            Table::Customers,
            self.data.customers(),
            |check, customer, _| {
                // the table itself says which appear twice
                check.customers.insert(&customer.customer_id);
                check.customer_ids.add(&customer.customer_id);
                Ok(())
            },
        );
    }

    fn touchpoints(&mut self, table: Table) {
        let rows = match table {
            Table::HeldOut => self.data.held_out(),
            _ => self.data.touchpoints(),
        };
        let known = Kinds::default();
        let passive: HashSet<&str> = self
            .data
            .shop()
            .passive_kinds
            .iter()
            .map(String::as_str)
            .collect();
        let mut timed: Option<bool> = None;
        let mut own: BTreeMap<String, u64> = BTreeMap::new();
        let mut synonyms: BTreeMap<String, &str> = BTreeMap::new();
        let mut acquired = 0u64;
        let mut people = Shares::default();
        let (mut padded, mut no_products) = (Named::default(), Named::default());
        let mut products = Seen::default();
        let described = self.data.has_table(Table::Products);
        let mut span: Option<(i64, i64)> = None;
        let (mut pooled, mut anonymous, mut strangers, mut refunds) = (0u64, 0u64, 0u64, 0u64);
        let mut rows_seen = Seen::default();
        let (mut repeats, mut of_nothing) = (0u64, 0u64);
        self.walk(table, rows, |check, row: &Touchpoint, _| {
            pooled += u64::from(is_pooled(row));
            if !row.customer_id.is_empty() {
                people.add(&row.customer_id);
                check.customer_ids.add(&row.customer_id);
            }
            row.product_id
                .iter()
                .for_each(|id| check.product_ids.add(id));
            // without a time two of one kind are nothing unusual
            let told_apart = row.touchpoint_id.is_some() || row.at.is_none();
            repeats += u64::from(!told_apart && !rows_seen.insert_hash(hash_of_row(row)));
            for id in std::iter::once(&row.customer_id).chain(&row.product_id) {
                if id.trim() != id {
                    padded.add(id);
                }
            }
            if let Some(product) = row.product_id.as_deref().filter(|_| !described) {
                if products.insert(product) && Product::bare(product).is_non_product() {
                    no_products.add(product);
                }
            }
            anonymous += u64::from(row.customer_id.is_empty());
            if table == Table::Touchpoints {
                check.customers.insert(&row.customer_id);
            } else {
                strangers += u64::from(!check.customers.contains(&row.customer_id));
            }
            match known
                .get(&row.kind)
                .filter(|_| !passive.contains(row.kind.as_str()))
            {
                Some(kind) => {
                    let booked = row.kind_as_booked(kind);
                    refunds += u64::from(booked != kind);
                    acquired += u64::from(booked.acquires());
                    of_nothing += u64::from(booked.acquires() && row.product_id.is_none());
                    let name = known.name(kind);
                    if name != row.kind && !synonyms.contains_key(&row.kind) && synonyms.len() < 100
                    {
                        synonyms.insert(row.kind.clone(), name);
                    }
                }
                None if passive.contains(row.kind.as_str()) => {}
                // a shop with more kinds than this has ids in the column
                None if own.len() < 1000 || own.contains_key(&row.kind) => {
                    *own.entry(row.kind.clone()).or_default() += 1;
                }
                None => {}
            }
            if let Some(at) = row.at {
                let (first, last) = span.unwrap_or((at, at));
                span = Some((first.min(at), last.max(at)));
            }
            let was_timed = *timed.get_or_insert(row.at.is_some());
            if was_timed != row.at.is_some() {
                return Err((
                    "at",
                    "either all rows of the table have a time or none".into(),
                ));
            }
            if known.get(&row.kind) == Some(Kind::RATING) && row.rating.is_none() {
                return Err(("rating", "is empty in a row of kind rating".into()));
            }
            Ok(())
        });
        let rows = self.rows_of(table);
        if !self.data.has_table(table) {
            if table == Table::Touchpoints {
                self.note("there is no table touchpoints");
            }
            return;
        }
        if rows == 0 {
            self.note(format!("{table} has no rows"));
        } else if acquired == 0 && table == Table::Touchpoints {
            self.note(format!(
                "nothing in {table} is acquired (kinds purchase, rating, box_kept): no model can be fitted"
            ));
        }
        if !synonyms.is_empty() {
            let read: Vec<_> = synonyms
                .iter()
                .map(|(own, name)| format!("{own} as {name}"))
                .collect();
            self.note(format!(
                "{table}: kinds read as known ones: {}",
                read.join(", ")
            ));
        }
        if timed == Some(false) {
            self.note(format!("{table} has no times: the order of rows counts"));
        }
        if let Some((first, last)) = span {
            if last < SUSPICIOUS_BEFORE_MS {
                self.note(format!(
                    "{table} ends at {}: whatever wrote the file may have taken seconds for milliseconds",
                    crate::time::format_time(last)
                ));
            } else if first < SUSPICIOUS_BEFORE_MS {
                self.note(format!(
                    "{table} begins at {}",
                    crate::time::format_time(first)
                ));
            }
        }
        if refunds > 0 {
            self.note(format!(
                "{refunds} of {rows} rows of {table} are purchases of a negative quantity or value and count as returns"
            ));
        }
        if of_nothing > 0 {
            self.note(format!(
                "{of_nothing} of {acquired} rows of {table} that acquire something name no product: they count as orders and \
                 contact and say nothing of taste"
            ));
        }
        if repeats > 0 {
            self.note(format!(
                "{repeats} of {rows} rows of {table} repeat an earlier one in every column and count again: an export that was \
                 appended twice? A touchpoint_id tells"
            ));
        }
        if pooled > 0 {
            self.note(format!(
                "{pooled} of {rows} rows of {table} belong to pooled orders"
            ));
        }
        if anonymous > 0 {
            self.note(format!(
                "{anonymous} of {rows} rows of {table} are anonymous"
            ));
        }
        if strangers > 0 {
            self.note(format!(
                "{strangers} of {rows} rows of {table} are of customers without touchpoints or profile"
            ));
        }
        self.no_products(&no_products);
        if padded.count > 0 {
            self.note(format!(
                "{table}: ids begin or end with a blank in {} cells, and are others than those without: {}",
                padded.count,
                padded.shown()
            ));
        }
        self.people(table, &people);
        if !own.is_empty() {
            let mut kinds: Vec<_> = own.into_iter().collect();
            kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let shown: Vec<_> = kinds
                .iter()
                .take(10)
                .map(|(kind, count)| match Kinds::nearest(kind) {
                    Some(meant) => format!("{kind} ({count}; did you mean {meant}?)"),
                    None => format!("{kind} ({count})"),
                })
                .collect();
            self.note(format!(
                "{table} has {} kinds that are not known by name and count as active: {}",
                kinds.len(),
                shown.join(", ")
            ));
        }
    }

    /// Notes ids that stand for nobody, and those that stand for too many.
    fn people(&mut self, table: Table, people: &Shares) {
        let count = |id: &str, rows: u64| {
            let share = 100.0 * rows as f64 / people.rows as f64;
            format!("{id:?} ({rows} of {} rows, {share:.1} %)", people.rows)
        };
        let placeholders: Vec<_> = people
            .placeholders
            .iter()
            .map(|(id, rows)| count(id, *rows))
            .collect();
        if !placeholders.is_empty() {
            self.note(format!(
                "{table}: customer ids that look like placeholders make one person of many: {}",
                placeholders.join(", ")
            ));
        }
        let crowds: Vec<_> = people.crowds().map(|(id, rows)| count(id, rows)).collect();
        if !crowds.is_empty() {
            self.note(format!(
                "{table}: a tenth of all rows or more are of one customer id: {}",
                crowds.join(", ")
            ));
        }
    }

    fn others(&mut self) {
        let has_products = self.data.has_table(Table::Products);
        let unknown = move |check: &Self, product: &str| {
            if has_products && !check.products.contains(product) {
                Err((
                    "product_id",
                    format!("{product:?} is not in the products table"),
                ))
            } else {
                Ok(())
            }
        };
        // what was rated or shown may not be sold any more
        self.walk(Table::Delights, self.data.delights(), |_, _, _| Ok(()));
        self.walk(Table::Served, self.data.served(), |_, _, _| Ok(()));
        self.walk(Table::Stock, self.data.stock(), |check, row, _| {
            unknown(check, &row.product_id)
        });
        let mut boxes = Seen::default();
        self.walk(Table::Boxes, self.data.boxes(), |_, row, _| {
            if boxes.insert(&row.box_id) {
                Ok(())
            } else {
                Err(("box_id", format!("{:?} appears twice", row.box_id)))
            }
        });
        if let Err(error) = self.data.rules() {
            self.problem(None, &error);
        }
        let others: Vec<_> = self
            .data
            .others()
            .iter()
            .filter(|name| name.as_str() != "truth/")
            .cloned()
            .collect();
        if !others.is_empty() {
            self.note(format!(
                "not part of shop data: {}",
                crate::table::cell::shorten(&others.join(", "))
            ));
        }
    }
}
