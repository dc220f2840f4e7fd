//! What a customer's no does to lists, through the public way.

use std::sync::Arc;

use super::*;
use crate::bundle::Manifest;
use crate::model::Model;
use crate::represent::Representation;
use serendib_shop::{Catalogue, Cause, Encoder, Kind, Product, ProductIx, Touch};

/// Twelve products, the first with the most buyers. 0 and 1 are sizes of one thing, 2 is of their shelf and brand, the others of
/// no brand.
fn model() -> Model {
    let mut products: Vec<Product> = (0..12)
        .map(|ix| Product {
            category: Some("home/tea".into()),
            brand: (ix < 3).then(|| "acme".into()),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    products[0].parent_id = Some("pot".into());
    products[1].parent_id = Some("pot".into());
    Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        Representation::of_popularity((0..12).map(|ix| 100.0 - ix as f32).collect()),
    )
}

fn touch(kind: Kind, product: u32, at: i64) -> Touch {
    Touch::new(kind, ProductIx(product), at)
}

fn list_of(model: &Model, history: &[Touch], request: &Request) -> ListAnswer {
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history,
        ..CustomerState::NOBODY
    };
    let answer = recommend(model, &live, customer, request, &|| false).unwrap();
    answer.lists.into_iter().next().unwrap()
}

fn shown(model: &Model, history: &[Touch], request: &Request) -> Vec<u32> {
    let list = list_of(model, history, request);
    list.items.iter().map(|item| item.product.0).collect()
}

fn popular(history: &[Touch]) -> Vec<u32> {
    shown(&model(), history, &Request::one(ListKind::Popular, 12, 50))
}

fn place(list: &[u32], product: u32) -> usize {
    let found = list.iter().position(|shown| *shown == product);
    found.unwrap_or(list.len())
}

#[test]
fn what_is_hidden_is_in_no_list_until_it_is_undone() {
    let model = model();
    for kind in [ListKind::ForYou, ListKind::Popular, ListKind::Similar] {
        let mut request = Request::one(kind, 12, 50);
        request.context.viewed = (kind == ListKind::Similar).then_some(ProductIx(7));
        request.lists[0].pins = vec![ProductIx(3)];
        for hide in [Kind::HIDE, Kind::NOT_INTERESTED, Kind::DISLIKE] {
            let mut history = vec![touch(hide, 3, 1), touch(Kind::PURCHASE, 9, 2)];
            assert!(!shown(&model, &history, &request).contains(&3), "{kind:?}");
            history.push(touch(Kind::UNHIDE, 3, 3));
            assert!(shown(&model, &history, &request).contains(&3), "{kind:?}");
        }
    }
}

#[test]
fn who_allows_no_personal_answers_is_not_shown_what_they_hid_either() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let history = [touch(Kind::HIDE, 0, 1), touch(Kind::RETURN, 5, 2)];
    let customer = CustomerState {
        history: &history,
        allowed: Allowed {
            personalise: false,
            ..Allowed::ALL
        },
        ..CustomerState::NOBODY
    };
    let request = Request::one(ListKind::Popular, 12, 50);
    let answer = recommend(&model, &live, customer, &request, &|| false).unwrap();
    let list: Vec<u32> = answer.lists[0].items.iter().map(|i| i.product.0).collect();
    assert_eq!(list, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn what_let_a_customer_down_comes_far_behind_and_its_kin_behind() {
    let before = popular(&[]);
    let mut last = before.len();
    // the graver, the further behind
    for no in [
        touch(Kind::REMOVE_FROM_CART, 4, 1),
        touch(Kind::RETURN, 4, 1),
        touch(Kind::COMPLAINT, 4, 1),
    ] {
        let list = popular(&[no]);
        assert!(place(&list, 4) >= place(&before, 4) + 2, "{no:?}: {list:?}");
        let score = list_of(&model(), &[no], &Request::one(ListKind::Popular, 12, 50));
        let own = score
            .items
            .iter()
            .find(|i| i.product == ProductIx(4))
            .unwrap();
        assert!(own.score > 0.0 && own.score < 0.5, "{no:?}");
        last = last.min(place(&list, 4));
    }
    assert!(last > place(&before, 4));
    let low = Touch {
        rating: 10,
        ..touch(Kind::RATING, 4, 1)
    };
    assert_eq!(popular(&[low, touch(Kind::RETURN, 4, 2)]).last(), Some(&4));
    // another size, and what is of the same shelf and brand, less
    let list = popular(&[touch(Kind::BOX_RETURNED, 2, 1)]);
    assert!(
        place(&list, 2) > place(&list, 0) && place(&list, 0) > 0,
        "{list:?}"
    );
    // put back into the cart, it is as it was
    let forgiven = [
        touch(Kind::REMOVE_FROM_CART, 4, 1),
        touch(Kind::ADD_TO_CART, 4, 2),
    ];
    let mut request = Request::one(ListKind::Popular, 12, 50);
    assert_eq!(shown(&model(), &forgiven, &request), before);
    // a surprise that is not wanted again counts like a low rating
    request.context.regretted = vec![(ProductIx(4), 10)];
    assert_eq!(shown(&model(), &[], &request).last(), Some(&4));
}

#[test]
fn what_let_most_down_comes_behind_for_everybody_who_does_not_like_it() {
    let mut model = model();
    let request = Request::one(ListKind::Popular, 12, 50);
    let before = shown(&model, &[], &request);
    model.aversion.disliked = vec![ProductIx(4)];
    let list = shown(&model, &[], &request);
    assert!(place(&list, 4) >= place(&before, 4) + 2, "{list:?}");
    let bought = [touch(Kind::PURCHASE, 4, 1)];
    let own = list_of(&model, &bought, &request);
    let own: Vec<u32> = own.items.iter().map(|item| item.product.0).collect();
    assert!(
        !own.contains(&4) || place(&own, 4) <= place(&before, 4),
        "{own:?}"
    );
}

#[test]
fn a_wrong_size_offers_another_and_a_late_parcel_the_same() {
    let back = |cause| {
        let history = [
            touch(Kind::PURCHASE, 0, 1),
            Touch {
                cause,
                ..touch(Kind::RETURN, 0, 2)
            },
        ];
        popular(&history)
    };
    assert_eq!(back(Cause::Elsewhere), popular(&[]));
    let size = back(Cause::Size);
    assert_eq!(size[0], 1, "{size:?}");
    let quality = back(Cause::Product);
    assert!(place(&quality, 1) > 2, "{quality:?}");
}

#[test]
fn a_list_for_somebody_else_is_not_made_of_the_customers_own_things() {
    let mut model = model();
    let mut products = model
        .catalogue
        .products()
        .iter()
        .cloned()
        .collect::<Vec<_>>();
    products[3].durable = Some(true);
    model.catalogue = Arc::new(Catalogue::new(products).unwrap());
    let history = [
        touch(Kind::PURCHASE, 3, 1),
        touch(Kind::HIDE, 5, 2),
        touch(Kind::PURCHASE, 8, 3),
    ];
    let mut request = Request::one(ListKind::ForYou, 12, 50);
    let own = shown(&model, &history, &request);
    assert!(!own.contains(&3) && !own.contains(&5));
    request.context.occasion = Some(Occasion::Gift);
    let list = list_of(&model, &history, &request);
    let gift: Vec<u32> = list.items.iter().map(|item| item.product.0).collect();
    assert!(gift.contains(&3) && !gift.contains(&5), "{gift:?}");
    assert!(list.notes.contains(&Note::NotPersonal));
    let reasons = list.items.iter().flat_map(|item| &item.reasons);
    assert!(reasons.clone().count() > 0);
    assert!(reasons.clone().all(|reason| reason.product.is_none()));
}
