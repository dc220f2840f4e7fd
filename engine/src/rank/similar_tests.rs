//! Similar lists through the public way: what an item is said to be like, and what replaces what is gone.

use std::sync::Arc;

use super::*;
use crate::bundle::Manifest;
use crate::model::Model;
use crate::represent::{Dense, Parts, Representation};
use serendib_shop::{Catalogue, Encoder, Product, ProductIx};

/// Ten products whose vectors turn away from the first one by one; even ones are seats, odd ones books.
fn model() -> Model {
    let products = (0..10)
        .map(|ix| Product {
            category: Some(if ix % 2 == 0 { "seats" } else { "books" }.into()),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    let turned = |ix: usize| 0.15 * ix as f32;
    let units = (0..10).flat_map(|ix| [turned(ix).cos(), turned(ix).sin()]);
    let buyers = vec![5.0; 10];
    let representation = Representation::new(Parts {
        lately: buyers.clone(),
        buyers,
        units: Dense {
            rows: 10,
            cols: 2,
            data: units.collect(),
        },
        ..Parts::default()
    });
    Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        representation.unwrap(),
    )
}

fn similar(model: &Model, live: &Live, about: &[u32]) -> ListAnswer {
    let mut request = Request::one(ListKind::Similar, 6, 50);
    let basket = about.iter().map(|product| (ProductIx(*product), 1.0));
    request.context.basket = basket.collect();
    let answer = recommend(model, live, CustomerState::NOBODY, &request, &|| false).unwrap();
    answer.lists.into_iter().next().unwrap()
}

#[test]
fn each_item_names_what_it_is_most_like() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let list = similar(&model, &live, &[0, 9]);
    assert_eq!(list.items.len(), 6);
    for item in &list.items {
        let nearer = ProductIx(if item.product.0 < 5 { 0 } else { 9 });
        assert_eq!(item.reasons[0].product, Some(nearer), "{}", item.product);
        assert_eq!(item.reasons[0].code, ReasonCode::SimilarTo);
    }
}

#[test]
fn what_is_gone_is_first_replaced_by_its_own_kind() {
    let model = model();
    let mut live = Live::of_catalogue(model.catalogue.clone());
    live.stock[0] = Some(0);
    let list = similar(&model, &live, &[0]);
    let said: Vec<(u32, ReasonCode)> = list
        .items
        .iter()
        .map(|item| (item.product.0, item.reasons[0].code))
        .collect();
    let instead = [2, 4, 6, 8].map(|seat| (seat, ReasonCode::InsteadOf));
    let like = [1, 3].map(|book| (book, ReasonCode::SimilarTo));
    assert_eq!(said, [&instead[..], &like[..]].concat());
}
