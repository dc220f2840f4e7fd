//! The surprises that are on their way: nobody should see them before the box is opened.

use std::collections::HashMap;
use std::sync::RwLock;

use crate::store::{BoxState, OpenBox, StoredBox};
use crate::workers::held::held;

/// Boxes that are packed or on their way, by box and by customer.
#[derive(Debug, Default)]
pub struct Spoilers(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    boxes: HashMap<String, OpenBox>,
    of_customer: HashMap<String, Vec<String>>,
    /// How many open boxes hold the product as a surprise.
    products: HashMap<String, usize>,
}

impl Table {
    fn remove(&mut self, box_id: &str) {
        let Some(old) = self.boxes.remove(box_id) else {
            return;
        };
        if let Some(of) = self.of_customer.get_mut(&old.customer_id) {
            of.retain(|id| id != box_id);
            if of.is_empty() {
                self.of_customer.remove(&old.customer_id);
            }
        }
        for product in old.surprises {
            if let Some(count) = self.products.get_mut(&product) {
                *count -= 1;
                if *count == 0 {
                    self.products.remove(&product);
                }
            }
        }
    }

    fn insert(&mut self, open: OpenBox) {
        self.remove(&open.box_id);
        self.of_customer
            .entry(open.customer_id.clone())
            .or_default()
            .push(open.box_id.clone());
        for product in &open.surprises {
            *self.products.entry(product.clone()).or_insert(0) += 1;
        }
        self.boxes.insert(open.box_id.clone(), open);
    }
}

impl Spoilers {
    /// Those of `open`.
    pub fn new(open: Vec<OpenBox>) -> Spoilers {
        let mut table = Table::default();
        for open in open {
            table.insert(open);
        }
        Spoilers(RwLock::new(table))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Table> {
        held(self.0.write())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        held(self.0.read())
    }

    /// Notes how a box stands now; its units are set aside until `hold_until`.
    pub fn note(&self, stored: &StoredBox, hold_until: i64) {
        let mut table = self.write();
        match stored.state {
            BoxState::Packed | BoxState::Shipped => table.insert(OpenBox::of(stored, hold_until)),
            _ => table.remove(&stored.box_id),
        }
    }

    /// Forgets the boxes of a customer who was erased, under any of `ids`.
    pub fn forget<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut table = self.write();
        for id in ids {
            for box_id in table.of_customer.get(id).cloned().unwrap_or_default() {
                table.remove(&box_id);
            }
        }
    }

    /// The surprises that the person with `ids` must not see at `now`, and the box of each.
    pub fn of<'a>(&self, ids: impl Iterator<Item = &'a str>, now: i64) -> Vec<(String, String)> {
        let table = self.read();
        let mut found = Vec::new();
        for id in ids {
            let boxes = table.of_customer.get(id).into_iter().flatten();
            for open in boxes.filter_map(|id| table.boxes.get(id)) {
                if now < open.until {
                    let secret = |product: &String| (product.clone(), open.box_id.clone());
                    found.extend(open.surprises.iter().map(secret));
                }
            }
        }
        found
    }

    /// All boxes that are open.
    pub fn all(&self) -> Vec<OpenBox> {
        self.read().boxes.values().cloned().collect()
    }

    /// Whether any open box holds the product as a surprise: what is not, need not be looked up.
    pub fn any(&self, product: &str) -> bool {
        self.read().products.contains_key(product)
    }

    /// Whether the box is open.
    pub fn is_open(&self, box_id: &str) -> bool {
        self.read().boxes.contains_key(box_id)
    }

    /// Whether no box is open.
    pub fn is_empty(&self) -> bool {
        self.read().boxes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(box_id: &str, customer: &str, product: &str, until: i64) -> OpenBox {
        OpenBox {
            box_id: box_id.into(),
            customer_id: customer.into(),
            surprises: vec![product.into()],
            until,
        }
    }

    #[test]
    fn a_surprise_is_secret_from_its_customer_until_its_box_is_done() {
        let spoilers = Spoilers::new(vec![
            open("b1", "ada", "mug", 100),
            open("b2", "card", "mug", i64::MAX),
        ]);
        let products = |ids: &[&str], now| -> Vec<String> {
            let found = spoilers.of(ids.iter().copied(), now);
            found.into_iter().map(|(product, _)| product).collect()
        };
        assert_eq!(products(&["ada", "card"], 50), ["mug", "mug"]);
        assert_eq!(products(&["ada"], 100), Vec::<String>::new(), "lapsed");
        assert!(products(&["bob"], 50).is_empty());
        assert!(spoilers.any("mug") && spoilers.is_open("b1"));
        spoilers.forget(["ada"].into_iter());
        assert!(spoilers.any("mug"), "the other box holds it");
        spoilers.forget(["card"].into_iter());
        assert!(!spoilers.any("mug") && spoilers.is_empty());
    }
}
