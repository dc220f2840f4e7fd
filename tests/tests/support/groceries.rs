//! Tables of a shop of groceries, baby things and books, written as a shop would.

use std::fmt::Write as _;
use std::path::Path;

use serendib_shop::DAY_MS;

/// The day on which its story begins, ms.
pub const START: i64 = 1_735_689_600_000;
/// Its customers, `c0` and on.
pub const CUSTOMERS: usize = 90;

/// Pseudo-random numbers that are the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// How far the story of the shop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Until day 300.
    Early,
    /// Until day 360, with products, orders and postage that a model of the first does not know, people known by several
    /// ids, and people who will not be learned from.
    Later,
    /// The same, and on day 365 some look around.
    Visited,
}

/// What customer number `customer` looks at on day 365, oldest first: time in ms and product; mostly nothing.
pub fn visit(customer: usize) -> Vec<(i64, String)> {
    let looks = if customer % 6 == 2 { 3 } else { 0 };
    let product = |n: usize| match n {
        0 => "books-new".to_owned(),
        n => format!("books-{}", (customer + n) % 14),
    };
    (0..looks)
        .map(|n| (START + 365 * DAY_MS - 60_000 * (4 - n as i64), product(n)))
        .collect()
}

/// What customer number `customer` says of surprises, oldest first: day of the story, product, `again`, `expected` and
/// `actual`; mostly nothing.
pub fn said(customer: usize) -> Vec<(i64, String, [&'static str; 3])> {
    let book = format!("books-{}", customer % 14);
    match customer % 9 {
        // it fell short of what they expected the day before they ask, and nothing is said of another one
        1 => vec![(364, book, ["", "5", "2"])],
        // they want no other, and that is long ago
        4 => vec![(320, book, ["1", "", ""])],
        // what fell short since lies after what they ask for
        7 => vec![
            (320, book.clone(), ["", "3", "5"]),
            (370, book, ["", "5", "1"]),
        ],
        _ => Vec::new(),
    }
}

/// The tables of a shop of groceries, baby things and books.
pub fn write_shop(dir: &Path, told: Told) {
    let later = told >= Told::Later;
    std::fs::create_dir_all(dir).unwrap();
    let mut products = String::from("product_id,title,category,price,durable,non_product\n");
    let shelves = [("food", 12), ("baby", 10), ("books", 14)];
    for (category, count) in shelves {
        for n in 0..count {
            let durable = category == "books";
            let price = 3 + n;
            writeln!(
                products,
                "{category}-{n},{category} thing {n},{category}/kind-{},{price},{durable},",
                n % 3
            )
            .unwrap();
        }
    }
    products.push_str("postage,Postage,,4,false,true\n");
    if later {
        products.push_str("food-new,Food thing new,food/kind-1,6,false,\n");
        products.push_str("books-new,Books thing new,books/kind-2,9,true,\n");
        products.push_str("express,Express delivery,,8,false,true\n");
    }
    std::fs::write(dir.join("products.csv"), products).unwrap();

    let mut touches = String::from("customer_id,kind,at,product_id,quantity,value,basket_id\n");
    let mut customers = String::from("customer_id,consents,facts,identities\n");
    let last = if later { 360 } else { 300 };
    for customer in 0..CUSTOMERS {
        let mut draw = Draw(customer as u64 + 1);
        let says = if customer % 11 == 5 {
            r#""{""personalise"": false}""#
        } else if later && customer % 13 == 6 {
            r#""{""train"": false}""#
        } else {
            ""
        };
        let web = later && customer % 7 == 3;
        let linked = if web {
            format!(r#""[""web{customer}""]""#)
        } else {
            String::new()
        };
        let born = format!("2024-{:02}-10", 1 + draw.below(12));
        let fact = format!(r#""[{{""clock"": ""child"", ""anchor"": ""{born}""}}]""#);
        let fact = if customer % 3 == 0 { &fact } else { "" };
        writeln!(customers, "c{customer},{says},{fact},{linked}").unwrap();
        let rhythm = 9 + draw.below(20);
        let mut day = draw.below(30);
        let mut order = 0;
        while day < 360 {
            let at = START + day as i64 * DAY_MS + customer as i64 * 1_000;
            let mut lines = vec![format!("food-{}", draw.below(3) + customer as u64 % 6)];
            lines.push(format!("food-{}", draw.below(12)));
            if customer % 3 == 0 {
                lines.push(format!("baby-{}", (day / 40 + draw.below(2)) % 10));
            }
            if draw.below(3) == 0 {
                lines.push(format!("books-{}", draw.below(14)));
            }
            if day >= 300 && draw.below(2) == 0 {
                lines.push("food-new".into());
                lines.push("express".into());
            }
            lines.push("postage".into());
            lines.sort();
            lines.dedup();
            if day < last {
                let by = if web && order % 2 == 1 { "web" } else { "c" };
                for product in lines {
                    writeln!(
                        touches,
                        "{by}{customer},purchase,{at},{product},1,5,o{customer}-{order}"
                    )
                    .unwrap();
                }
            }
            order += 1;
            day += rhythm + draw.below(5);
        }
        if told == Told::Visited {
            for (at, product) in visit(customer) {
                writeln!(touches, "c{customer},view,{at},{product},,,").unwrap();
            }
        }
    }
    if later {
        let mut delights = String::from("customer_id,at,product_id,again,expected,actual\n");
        for customer in 0..CUSTOMERS {
            for (day, product, [again, expected, actual]) in said(customer) {
                let at = START + day * DAY_MS;
                writeln!(
                    delights,
                    "c{customer},{at},{product},{again},{expected},{actual}"
                )
                .unwrap();
            }
        }
        std::fs::write(dir.join("delights.csv"), delights).unwrap();
    }
    std::fs::write(dir.join("touchpoints.csv"), touches).unwrap();
    std::fs::write(dir.join("customers.csv"), customers).unwrap();
}
