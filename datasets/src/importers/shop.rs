//! Shop data itself, rewritten in another format.

use serendib_shop::{
    directory::{ReadOptions, Rows, ShopData},
    publish,
    table::record::Record,
    table::write::TableWriter,
    table::Table,
    DataError,
};

use super::Job;

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let data = ShopData::open(job.from, ReadOptions::default())?;
    copy(
        job,
        Table::Touchpoints,
        data.touchpoints(),
        &data,
        TableWriter::touchpoint,
    )?;
    copy(
        job,
        Table::HeldOut,
        data.held_out(),
        &data,
        TableWriter::touchpoint,
    )?;
    copy(
        job,
        Table::Products,
        data.product_rows(),
        &data,
        TableWriter::product,
    )?;
    copy(
        job,
        Table::Customers,
        data.customers(),
        &data,
        TableWriter::customer,
    )?;
    copy(
        job,
        Table::Delights,
        data.delights(),
        &data,
        TableWriter::delight,
    )?;
    copy(
        job,
        Table::Served,
        data.served(),
        &data,
        TableWriter::served,
    )?;
    copy(
        job,
        Table::Boxes,
        data.boxes(),
        &data,
        TableWriter::box_order,
    )?;
    copy(
        job,
        Table::Stock,
        data.stock(),
        &data,
        TableWriter::stock_lot,
    )?;
    if let Some(rules) = data.rules()? {
        let path = job.shop.dir().join("rules.json");
        publish::write(&path, format!("{rules:#}\n")).map_err(DataError::io("write", &path))?;
    }
    job.shop.shop(data.shop())
}

fn copy<T: Record>(
    job: &mut Job<'_>,
    table: Table,
    rows: Result<Rows<T>, DataError>,
    data: &ShopData,
    write: fn(&mut TableWriter, &T) -> Result<(), DataError>,
) -> Result<(), DataError> {
    if !data.has_table(table) {
        return Ok(());
    }
    job.progress.stage(format!("copying {table}"));
    let rows = rows?;
    let mut writer = job.shop.table(table)?;
    for row in rows {
        write(&mut writer, &row?)?;
        job.progress.row();
    }
    job.report
        .count(format!("rows of {table}"), writer.finish()?);
    Ok(())
}
