//! Rows of customers who were erased after them: left out of everything that reads shop data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ShopInfo;
use crate::error::DataError;
use crate::ledger::{is_before, ledger_of, store_of, Ledger};

/// Who was erased when, and what the data speak for.
#[derive(Debug, Clone)]
pub struct Erasures {
    ledger: Arc<Ledger>,
    as_of: Option<i64>,
    /// Erasures up to then were heeded when the data were written.
    heeded: Option<i64>,
}

impl Erasures {
    /// The ledger that `shop` names, else that of the store that belongs to the data in `dir`; `None` where neither has one.
    pub(super) fn find(
        dir: &Path,
        shop: &ShopInfo,
        as_of: Option<i64>,
    ) -> Result<Option<Erasures>, DataError> {
        let store = store_of(dir);
        let (path, needed) = match &shop.erasures {
            Some(named) => (dir.join(named), true),
            // a store keeps its receipts beside its rows, and has a ledger from its first start on
            None => (ledger_of(&store), store.join("store.db").is_file()),
        };
        let read =
            Ledger::read(&path).map_err(|error| DataError::file(&path, error.to_string()))?;
        match read {
            Some(ledger) => Ok(Some(Erasures {
                ledger: Arc::new(ledger),
                as_of,
                heeded: shop.erased_until,
            })),
            None if needed => Err(missing(path)),
            None => Ok(None),
        }
    }

    /// Whether what a row says of `id` as of `at` is of before they were erased.
    pub fn gone(&self, id: &str, at: Option<i64>) -> bool {
        let erased = self.ledger.erased_at(id);
        let erased = erased.filter(|erased| self.heeded.is_none_or(|heeded| *erased > heeded));
        erased.is_some_and(|erased| is_before(erased, at))
    }

    /// As [`Erasures::gone`], of a row that speaks for the time of the whole where it has none of its own.
    pub fn gone_as_of(&self, id: &str, at: Option<i64>) -> bool {
        self.gone(id, at.or(self.as_of))
    }
}

fn missing(path: PathBuf) -> DataError {
    DataError::file(
        &path,
        "the ledger of erasures is missing, without which erased customers would be used again; put it back, or say in \
         shop.json where it is (\"erasures\")",
    )
}
