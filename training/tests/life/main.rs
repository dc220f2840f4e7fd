//! Life situations and buying again, on a shop where only words are known and on counts of a few purchases.

mod bad_input;
mod buy_again;
mod lists;
mod people;
mod posterior;
mod story;
mod strangers;

use serendib_engine::life::*;
use serendib_shop::{Catalogue, Kind, Product, ProductIx, Touch, DAY_MS};
use serendib_training::learn::life::{density, from_words};

/// A catalogue of `(title, category)`.
fn catalogue(rows: &[(&str, &str)]) -> Catalogue {
    let products = rows
        .iter()
        .enumerate()
        .map(|(ix, (title, category))| Product {
            title: (!title.is_empty()).then(|| (*title).to_owned()),
            category: (!category.is_empty()).then(|| (*category).to_owned()),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    Catalogue::new(products).unwrap()
}

/// A department store: things for every stage beside much that no clock knows.
fn store() -> Catalogue {
    let mut rows = vec![
        ("Bodysuit, newborn, size 56", "baby/clothes/newborn"),
        ("Swaddle wrap 0-3 m", "baby/sleep"),
        ("Nappies size 1", "baby/nappies"),
        ("Nappies size 4", "baby/nappies"),
        ("Fruit puree 6-12 m", "baby/food"),
        ("Romper size 74", "baby/clothes/6-12 months"),
        ("T-shirt size 92", "kids/clothes/toddler"),
        ("Potty 18-36 m", "baby/potty"),
        ("Balance bike age 2-4", "kids/bikes"),
        ("School bag age 6-10", "kids/school"),
        ("Board game age 5-8", "toys/games"),
        ("Kitten food, kitten 2-12 months", "pets/cat/kitten"),
        ("Dry food adult cat", "pets/cat/adult"),
        ("Senior cat food", "pets/cat/senior"),
        ("Phrasebook Italy", "travel/guides"),
        ("Travel adapter", "travel/accessories"),
        ("Photo book", "travel/memories"),
        ("Contract renewal offer", "contract/renewal"),
        ("Data pack 10 GB", "contract/add on"),
        ("Maternity jeans", "baby/maternity"),
    ];
    let rest: Vec<String> = (0..60).map(|ix| format!("grocery/shelf {ix}")).collect();
    rows.extend(rest.iter().map(|path| ("Something to eat", path.as_str())));
    catalogue(&rows)
}

/// The product of [`store`] with `title`.
fn of(catalogue: &Catalogue, title: &str) -> ProductIx {
    catalogue
        .products()
        .iter()
        .position(|p| p.title.as_deref().is_some_and(|t| t.starts_with(title)))
        .map(ProductIx::of_index)
        .unwrap_or_else(|| panic!("{title}"))
}

/// A touch on `day`.
fn touch(kind: Kind, product: ProductIx, day: f64) -> Touch {
    Touch::new(kind, product, (day * DAY_MS as f64) as i64)
}

/// Purchases of products by title and day, in order of time.
fn bought(catalogue: &Catalogue, rows: &[(&str, f64)]) -> Vec<Touch> {
    let mut history: Vec<Touch> = rows
        .iter()
        .map(|(title, day)| touch(Kind::PURCHASE, of(catalogue, title), *day))
        .collect();
    serendib_shop::sort_history(&mut history);
    history
}

/// Model of a shop without history, with its products.
fn fresh(catalogue: &Catalogue) -> (LifeModel, ProductProfiles) {
    let model = from_words(catalogue, ClockType::supplied());
    let products = ProductProfiles::new(&model.profiles, catalogue);
    (model, products)
}

fn at(day: f64) -> i64 {
    (day * DAY_MS as f64) as i64
}
