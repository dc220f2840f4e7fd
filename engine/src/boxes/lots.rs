//! Which lot each line is taken from: of the lots that are in and not expired, the one that expires first.

/// Units of one item that came together.
#[derive(Debug, Clone, PartialEq)]
pub struct Lot {
    /// Number of the item in the problem.
    pub item: u32,
    /// Units; nothing for a negative number.
    pub quantity: i64,
    /// Perishes then, milliseconds.
    pub expires_at: Option<i64>,
    /// Usable for boxes that ship before, milliseconds; `None` = whenever they ship.
    pub ships_before: Option<i64>,
    /// Arrives then; usable for boxes that ship at or after.
    pub inbound_at: Option<i64>,
    /// Lot number and warehouse, for the picking list.
    pub label: String,
}

impl Lot {
    /// Whether a box that ships at `ship_at` may take from the lot.
    pub fn usable(&self, ship_at: i64) -> bool {
        self.quantity > 0
            && self.ships_before.is_none_or(|before| ship_at < before)
            && self.inbound_at.is_none_or(|inbound| inbound <= ship_at)
    }
}

/// Lots do not cover the lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot take item {item} for line {line} from a lot: none is left that is in stock and unexpired when it ships")]
pub struct LotError {
    /// Position of the line.
    pub line: usize,
    /// Number of the item in the problem.
    pub item: u32,
}

/// The lot of each line (item, ship date), by position in `lots`.
///
/// Lines are served in order of ship date and take from the usable lot that is usable for the shortest time: the matching of points to
/// intervals that serves all lines whenever any does.
///
/// # Errors
/// The first line for which nothing is left.
pub fn assign_lots(lots: &[Lot], lines: &[(u32, i64)]) -> Result<Vec<usize>, LotError> {
    let items = lots
        .iter()
        .map(|lot| lot.item)
        .chain(lines.iter().map(|(item, _)| *item));
    let mut of_item: Vec<Vec<usize>> = vec![Vec::new(); items.max().map_or(0, |m| m as usize + 1)];
    for (at, lot) in lots.iter().enumerate() {
        of_item[lot.item as usize].push(at);
    }
    for lots_of_item in &mut of_item {
        lots_of_item.sort_by_key(|at| {
            let lot = &lots[*at];
            (
                lot.ships_before.unwrap_or(i64::MAX),
                lot.inbound_at.unwrap_or(i64::MIN),
                *at,
            )
        });
    }
    let mut left: Vec<i64> = lots.iter().map(|lot| lot.quantity).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|line| (lines[*line].1, *line));
    let mut out = vec![0; lines.len()];
    for line in order {
        let (item, ship_at) = lines[line];
        let lot = of_item[item as usize]
            .iter()
            .find(|at| left[**at] > 0 && lots[**at].usable(ship_at))
            .ok_or(LotError { line, item })?;
        left[*lot] -= 1;
        out[line] = *lot;
    }
    Ok(out)
}
