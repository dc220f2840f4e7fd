//! LightGCN splits: `train.txt` and `test.txt`, each line `user item item …`, without times (gowalla, and other
//! sets of check-ins and ratings).

use serendib_shop::{table::Table, DataError, Touchpoint};

use super::input::{find, find_optional, Lines};
use super::Job;

const COLUMNS: [&str; 3] = ["customer_id", "kind", "product_id"];

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let train = find(job.from, "train.txt", |name| {
        name == "train.txt" || !job.from.is_dir()
    })?;
    let (users, rows) = copy(job, &train, Table::Touchpoints)?;
    job.report.count("users", users);
    job.report.count("interactions", rows);
    if let Some(test) = find_optional(job.from, "test.txt", |name| {
        name == "test.txt" && job.from.is_dir()
    })? {
        let (users, rows) = copy(job, &test, Table::HeldOut)?;
        job.report.count("users held out", users);
        job.report.count("interactions held out", rows);
    }
    Ok(())
}

/// Writes one file as one table; returns users with items, and rows.
fn copy(job: &mut Job<'_>, path: &std::path::Path, table: Table) -> Result<(u64, u64), DataError> {
    job.progress.stage(format!("importing {table}"));
    let mut writer = job.shop.table_with(table, &COLUMNS)?;
    let mut lines = Lines::open(path)?;
    let mut users = 0;
    while let Some((user, items)) = lines.next_sequence()? {
        users += u64::from(!items.is_empty());
        for item in items {
            let row = Touchpoint {
                product_id: Some(item),
                ..Touchpoint::new(user.as_str(), "purchase")
            };
            writer
                .touchpoint(&row)
                .map_err(|error| error.blame(&lines.place()))?;
            job.progress.row();
        }
    }
    Ok((users, writer.finish()?))
}
