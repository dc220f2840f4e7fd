//! Ta-Feng as the next-basket papers publish it: JSON of `{user: [[-1], basket, …, [-1]]}`, history and future apart,
//! baskets in order and without dates. Other sets of the same layout are read as well.

use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serendib_shop::{table::write::TableWriter, table::Table, DataError, Touchpoint};

use super::input::{find, find_optional, open};
use super::Job;

const COLUMNS: [&str; 4] = ["customer_id", "kind", "product_id", "basket_id"];

#[derive(Default)]
struct Counts {
    users: u64,
    baskets: u64,
}

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let json =
        |part: &'static str| move |name: &str| name.contains(part) && name.ends_with(".json");
    let history = if job.from.is_dir() {
        find(
            job.from,
            "history of baskets (…history….json)",
            json("history"),
        )?
    } else {
        job.from.to_path_buf()
    };
    let (counts, rows) = copy(job, &history, Table::Touchpoints, "h")?;
    job.report.count("users", counts.users);
    job.report.count("baskets", counts.baskets);
    job.report.count("lines", rows);
    if let Some(future) = find_optional(job.from, "future baskets", |name| {
        job.from.is_dir() && json("future")(name)
    })? {
        let (counts, rows) = copy(job, &future, Table::HeldOut, "f")?;
        job.report.count("users held out", counts.users);
        job.report.count("baskets held out", counts.baskets);
        job.report.count("lines held out", rows);
    }
    Ok(())
}

/// Writes one file as one table; basket n of user u is called `u-<mark>n`.
fn copy(
    job: &mut Job<'_>,
    path: &Path,
    table: Table,
    mark: &str,
) -> Result<(Counts, u64), DataError> {
    job.progress.stage(format!("importing {table}"));
    let mut users = Users {
        writer: job.shop.table_with(table, &COLUMNS)?,
        mark,
        counts: Counts::default(),
        job,
    };
    let mut json = serde_json::Deserializer::from_reader(open(path)?);
    json.deserialize_map(&mut users)
        .and_then(|()| json.end())
        .map_err(|error| {
            DataError::file(path, format!("is no object of user → baskets: {error}"))
        })?;
    let Users { writer, counts, .. } = users;
    Ok((counts, writer.finish()?))
}

/// Writes users as they are parsed, so that the file is never in memory as a whole.
struct Users<'a, 'b> {
    writer: TableWriter,
    mark: &'a str,
    counts: Counts,
    job: &'a mut Job<'b>,
}

impl Users<'_, '_> {
    fn user(&mut self, user: &str, baskets: Vec<Vec<Value>>) -> Result<(), String> {
        self.counts.users += 1;
        let real = |basket: &&Vec<Value>| !matches!(basket.as_slice(), [end] if *end == -1);
        for (number, basket) in baskets.iter().filter(real).enumerate() {
            self.counts.baskets += 1;
            for item in basket {
                let item = match item {
                    Value::String(text) => text.clone(),
                    Value::Number(number) if number.is_u64() => number.to_string(),
                    other => return Err(format!("item {other} of user {user} is not an id")),
                };
                let row = Touchpoint {
                    product_id: Some(item),
                    basket_id: Some(format!("{user}-{}{}", self.mark, number + 1)),
                    ..Touchpoint::new(user, "purchase")
                };
                self.writer.touchpoint(&row).map_err(|e| e.to_string())?;
                self.job.progress.row();
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for &mut Users<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of user → list of baskets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((user, baskets)) = map.next_entry::<String, Vec<Vec<Value>>>()? {
            self.user(&user, baskets).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
