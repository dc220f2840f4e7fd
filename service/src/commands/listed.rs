//! Which products the data list: what a snapshot does not list is taken off sale.

use std::collections::HashSet;

use serendib_shop::{check_id, InputTable, ShopData, Table};

/// The products of a table by their ids alone, whatever else is wrong with their rows: a product with a wrong price is listed all
/// the same.
#[derive(Debug, Default)]
pub(super) struct Listed {
    ids: HashSet<String>,
    /// Rows of which nobody can tell what they list.
    unreadable: u64,
}

impl Listed {
    /// Reads what `data` list.
    ///
    /// # Errors
    /// A file that cannot be read, or a table that lists nothing: it would take everything off sale.
    pub(super) fn read(data: &ShopData) -> anyhow::Result<Listed> {
        let mut listed = Listed::default();
        let files = data.files(Table::Products);
        for file in &files {
            for row in InputTable::open(file, &["product_id"])? {
                let id = match row {
                    Ok(mut cells) => cells.pop().flatten(),
                    Err(error) if error.is_row() => None,
                    Err(error) => return Err(error.into()),
                };
                match id.filter(|id| check_id(id).is_ok()) {
                    Some(id) => {
                        listed.ids.insert(id);
                    }
                    None => listed.unreadable += 1,
                }
            }
        }
        if let (Some(file), true) = (files.first(), listed.ids.is_empty()) {
            anyhow::ensure!(
                listed.unreadable > 0,
                "{}: lists no product, and --snapshot would take every product of the store off sale: put the products in, or \
                 load without --snapshot",
                file.display()
            );
        }
        Ok(listed)
    }

    /// The ids of all products that are on sale, or why nobody can tell.
    pub(super) fn whole(self, data: &ShopData) -> Result<HashSet<String>, String> {
        if !data.has_table(Table::Products) {
            return Err("there is no such table, so --snapshot takes nothing off sale".into());
        }
        match self.unreadable {
            0 => Ok(self.ids),
            rows => Err(format!(
                "{rows} rows have no product_id that can be read, so --snapshot takes nothing off sale: it could be what they list"
            )),
        }
    }
}
