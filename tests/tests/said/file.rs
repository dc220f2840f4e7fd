//! What a shop's files say.

use std::path::Path;

use super::model::{everybody, Did, CARDS, PEOPLE, PRODUCTS};
use super::{START, TICK};

/// What a file says of everybody: one yes or no, one locale, one price, one count.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// What the whole speaks for.
    pub as_of: Option<i64>,
    /// What the rows of customers speak for, where it is another time.
    pub said_at: Option<i64>,
    pub train: bool,
    pub locale: &'static str,
    pub price: i64,
    pub stock: i64,
}

impl File {
    /// What everybody did long before anything else, by the ids of the rows.
    pub fn did() -> Vec<(String, Did)> {
        let row = |nth, of, kind, product, packs| {
            let at = START - 9 * TICK + TICK * nth as i64;
            let did = Did {
                of,
                at,
                nth,
                kind,
                product,
                packs,
            };
            (format!("{kind}-{of}"), did)
        };
        let views = everybody().map(|of| row(0, of, "view", "tea", 1));
        let others = [
            row(1, "ada", "purchase", "milk", 3),
            row(2, "bob", "hide", "tea", 1),
            row(3, "card-1", "return", "milk", 1),
            row(4, "card-2", "interested", "tea", 1),
        ];
        views.chain(others).collect()
    }

    pub fn write(&self, dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        let mut customers = String::from("customer_id,said_at,locale,consents,identities\n");
        for id in PEOPLE {
            let card = CARDS.iter().find(|(_, of)| *of == id);
            let card = card.map_or(String::new(), |(card, _)| format!(r#""[""{card}""]""#));
            let said_at = self.said_at.map_or(String::new(), |at| at.to_string());
            let (locale, yes) = (self.locale, self.train);
            customers += &format!("{id},{said_at},{locale},\"{{\"\"train\"\": {yes}}}\",{card}\n");
        }
        let mut products = String::from("product_id,price,stock\n");
        for id in PRODUCTS {
            products += &format!("{id},{},{}\n", self.price, self.stock);
        }
        let mut touches = String::from("touchpoint_id,customer_id,kind,product_id,quantity,at\n");
        for (tid, did) in File::did() {
            let Did {
                of,
                at,
                kind,
                product,
                packs,
                ..
            } = did;
            touches += &format!("{tid},{of},{kind},{product},{packs},{at}\n");
        }
        let as_of = self.as_of.map_or(String::new(), |at| {
            format!("\"as_of\": \"{}\", ", serendib_shop::time::format_time(at))
        });
        let shop = format!("{{{as_of}\"shop_id\": \"corner\"}}");
        for (name, text) in [
            ("customers.csv", customers),
            ("products.csv", products),
            ("touchpoints.csv", touches),
            ("shop.json", shop),
        ] {
            std::fs::write(dir.join(name), text).unwrap();
        }
    }
}
