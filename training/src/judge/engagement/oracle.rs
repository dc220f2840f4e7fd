//! What the generator of a demo shop knew: probabilities of purchases from the hidden state.

use std::collections::HashMap;
use std::path::Path;

use serendib_shop::{
    time::{parse_time, Zone},
    CustomerIx, DataError,
};

use crate::judge::truth::truth_table;
use crate::learn::engagement::{Rows, HORIZONS};
use crate::stats::auc::auc;

/// The probabilities of `truth/orders` by customer and cut-off.
#[derive(Debug, Default)]
pub struct Oracle {
    known: HashMap<(CustomerIx, i64), [f64; 2]>,
    cuts: Vec<i64>,
}

/// Areas under the curve over the customers whose hidden state is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    pub ours: f64,
    pub plain: f64,
    pub oracle: f64,
}

impl Oracle {
    /// Reads the table below shop data `dir`; `number` finds customers. `None` where the shop was not generated.
    ///
    /// # Errors
    /// The table does not read.
    pub fn open(
        dir: &Path,
        number: &dyn Fn(&str) -> Option<CustomerIx>,
    ) -> Result<Option<Oracle>, DataError> {
        let columns = ["customer_id", "cut_off", "p30", "p90"];
        let Some(table) = truth_table(dir, "orders", &columns)? else {
            return Ok(None);
        };
        let utc = Zone::default();
        let mut out = Oracle::default();
        for row in table {
            let row = row?;
            let cell = |ix: usize| row[ix].as_deref().unwrap_or_default();
            let share = |ix: usize| cell(ix).parse::<f64>().ok().filter(|p| p.is_finite());
            if let (Some(customer), Some(cut), Some(p30), Some(p90)) = (
                number(cell(0)),
                parse_time(cell(1), utc),
                share(2),
                share(3),
            ) {
                out.known.insert((customer, cut), [p30, p90]);
                out.cuts.push(cut);
            }
        }
        out.cuts.sort_unstable();
        out.cuts.dedup();
        Ok(Some(out))
    }

    /// The cut-offs of the table, in order.
    pub fn cuts(&self) -> &[i64] {
        &self.cuts
    }

    /// Compares `said` (ours, plain) of the rows at `cut` with the oracle's probabilities.
    pub(super) fn compare(
        &self,
        rows: &Rows,
        cut: i64,
        horizon: f64,
        said: [&[f64]; 2],
    ) -> Option<Compared> {
        let which = HORIZONS.iter().position(|days| *days == horizon)?;
        let mut lists: [Vec<f64>; 3] = Default::default();
        let mut happened = Vec::new();
        for (row, customer) in rows.customer.iter().enumerate() {
            if let Some(p) = self.known.get(&(*customer, cut)) {
                lists[0].push(said[0][row]);
                lists[1].push(said[1][row]);
                lists[2].push(p[which]);
                happened.push(rows.bought[row]);
            }
        }
        let [ours, plain, oracle] = lists.map(|list| auc(&list, &happened));
        (!happened.is_empty()).then_some(Compared {
            ours,
            plain,
            oracle,
        })
    }
}
