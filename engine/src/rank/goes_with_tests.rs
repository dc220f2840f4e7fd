//! Goes-with lists through the public way: a page, a basket of one, and what came after the model.

use std::sync::Arc;

use super::*;
use crate::bundle::Manifest;
use crate::complement::{Complements, Completion, Parts, SparseRows, Variants};
use crate::model::Model;
use crate::represent::Representation;
use serendib_shop::{Catalogue, Encoder, Product, ProductIx, ShelfChange};

fn product(id: &str, kind: &str) -> Product {
    Product {
        category: Some(kind.into()),
        ..Product::bare(id)
    }
}

/// A printer (0) and a scanner (1); ink (2) and paper (3) follow the printer, ink beyond chance; baskets with it hold tea (4).
fn model() -> Model {
    let products = [
        ("printer", "office"),
        ("scanner", "office"),
        ("ink", "refills"),
        ("paper", "sheets"),
        ("tea", "food"),
    ];
    let products = products.map(|(id, kind)| product(id, kind)).to_vec();
    let row = |row: Vec<(ProductIx, f32)>| {
        let mut rows = vec![Vec::new(); 5];
        rows[0] = row;
        SparseRows::from_rows(rows)
    };
    let complements = Complements::new(Parts {
        variants: Variants::from_groups(ProductIx::all(5).collect()),
        edges: vec![Vec::new(); 5],
        topics: vec![0, 0, 1, 2, 3],
        completion: Completion::new(
            row(vec![(ProductIx(4), 0.9)]),
            vec![0.1, 0.1, 0.1, 0.1, 0.5],
        ),
        substitute_from: 0.35,
        ..Parts::default()
    });
    let told = SparseRows::from_rows(vec![vec![(1, 0.5)], vec![], vec![], vec![]]);
    let follows = row(vec![(ProductIx(2), 0.4), (ProductIx(3), 0.1)]);
    let mut model = Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        Representation::of_popularity(vec![9.0, 1.0, 5.0, 5.0, 5.0]),
    );
    model.complements = Some(complements.with_follows(follows, told, SparseRows::default()));
    model
}

fn ask(live: &Live, spoil: impl Fn(&mut Request)) -> ListAnswer {
    let mut request = Request::one(ListKind::GoesWith, 2, 50);
    spoil(&mut request);
    let answer = recommend(&model(), live, CustomerState::NOBODY, &request, &|| false).unwrap();
    answer.lists.into_iter().next().unwrap()
}

fn said(list: &ListAnswer) -> Vec<(u32, ReasonCode)> {
    let items = list.items.iter();
    items.map(|i| (i.product.0, i.reasons[0].code)).collect()
}

#[test]
fn a_basket_of_one_is_the_page_of_its_product_and_only_what_is_proven_is_told() {
    let live = Live::of_catalogue(model().catalogue.clone());
    let page = ask(&live, |r| r.context.viewed = Some(ProductIx(0)));
    let expected = [(2, ReasonCode::GoesWith), (3, ReasonCode::Popular)];
    assert_eq!(said(&page), expected);
    let alone = ask(&live, |r| {
        r.context.basket = vec![(ProductIx(0), 1.0), (ProductIx(0), 2.0)]
    });
    assert_eq!(said(&alone), said(&page));
    let two = ask(&live, |r| {
        r.context.basket = vec![(ProductIx(0), 1.0), (ProductIx(3), 1.0)]
    });
    assert_eq!(
        two.items[0].product,
        ProductIx(4),
        "a basket of two is completed"
    );
}

#[test]
fn what_came_after_the_model_has_the_complements_of_its_kind() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let newer = ShelfChange::listed(product("plotter", "office"));
    let live = live.changed([newer], &model.representation, None).unwrap();
    let page = ask(&live, |r| r.context.viewed = Some(ProductIx(5)));
    let ink = &page.items[0];
    assert_eq!(
        (ink.product, ink.reasons[0].product),
        (ProductIx(2), Some(ProductIx(5)))
    );
    let alone = ask(&live, |r| r.context.basket = vec![(ProductIx(5), 1.0)]);
    assert_eq!(said(&alone), said(&page));
}
