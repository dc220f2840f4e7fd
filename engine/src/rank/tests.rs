use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::bundle::Manifest;
use crate::index::{LikeYou, Neighbourhood};
use crate::model::Model;
use crate::represent::{ContentPart, Dense, Parts, Representation, Vocabulary};
use serendib_shop::{Catalogue, Encoder, Kind, Product, ProductIx, ShelfChange, Touch};

/// Ten products; number 0 has the most buyers. 1 and 2 are variants, 3 is out of stock, 4 durable, 5 ends at time 100.
fn model() -> Model {
    let mut products: Vec<Product> = (0..10)
        .map(|ix| Product {
            category: Some(if ix < 5 { "a/x" } else { "a/y" }.into()),
            brand: Some(if ix % 2 == 0 { "even" } else { "odd" }.into()),
            price: Some(f64::from(ix)),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    products[1].parent_id = Some("shirt".into());
    products[2].parent_id = Some("shirt".into());
    products[3].stock = Some(0);
    products[4].durable = Some(true);
    products[5].available_until = Some(100);
    let buyers = (0..10).map(|ix| 100.0 - ix as f32).collect();
    Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        Representation::of_popularity(buyers),
    )
}

fn touch(kind: Kind, product: u32, at: i64) -> Touch {
    Touch::new(kind, ProductIx(product), at)
}

fn ask(model: &Model, history: &[Touch], request: &Request) -> Answer {
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history,
        ..CustomerState::NOBODY
    };
    recommend(model, &live, customer, request, &|| false).unwrap()
}

fn products(list: &ListAnswer) -> Vec<u32> {
    list.items.iter().map(|item| item.product.0).collect()
}

#[test]
fn nobody_gets_the_best_non_personal_answer_and_is_told() {
    let model = model();
    let answer = ask(&model, &[], &Request::one(ListKind::ForYou, 4, 50));
    assert!(!answer.personal);
    assert_eq!(products(&answer.lists[0]), [0, 1, 4, 5]);
    assert!(answer.lists[0].notes.contains(&Note::NotPersonal));
    assert_eq!(
        answer.lists[0].items[0].reasons[0].code,
        ReasonCode::Popular
    );
}

#[test]
fn every_candidate_is_kept_or_removed_by_name() {
    let model = model();
    let mut request = Request::one(ListKind::Popular, 3, 200);
    request.exclusions = vec![ProductIx(6)];
    let list = &ask(&model, &[], &request).lists[0];
    let kept: BTreeSet<u32> = products(list).into_iter().collect();
    let removed: BTreeSet<u32> = list.removed.iter().map(|r| r.product.0).collect();
    assert!(kept.is_disjoint(&removed));
    assert_eq!(kept, [0, 1, 4].into());
    assert!(list.removed.contains(&Removed {
        product: ProductIx(2),
        by: "variant"
    }));
    assert!(list.removed.contains(&Removed {
        product: ProductIx(9),
        by: "count"
    }));
}

#[test]
fn out_of_stock_removed_and_unavailable_products_never_appear() {
    let model = model();
    let mut live = Live::of_catalogue(model.catalogue.clone());
    live.removed[0] = true;
    live.stock[1] = Some(0);
    let request = Request::one(ListKind::Popular, 10, 200);
    let answer = recommend(&model, &live, CustomerState::NOBODY, &request, &|| false).unwrap();
    assert_eq!(products(&answer.lists[0]), [2, 4, 6, 7, 8, 9]);
    assert!(answer.lists[0].notes.contains(&Note::Short));
}

#[test]
fn other_sizes_of_an_owned_durable_are_not_offered_as_new() {
    let model = model();
    let mut live = Live::of_catalogue(model.catalogue.clone());
    let lasting = |ix: usize| Product {
        durable: Some(true),
        ..model.catalogue.products()[ix].clone()
    };
    let changes = [1, 2].map(|ix| ShelfChange::listed(lasting(ix)));
    live = live.changed(changes, &model.representation, None).unwrap();
    let history = [touch(Kind::PURCHASE, 2, 1)];
    let customer = CustomerState {
        history: &history,
        ..CustomerState::NOBODY
    };
    for kind in [ListKind::ForYou, ListKind::Popular] {
        let request = Request::one(kind, 10, 200);
        let answer = recommend(&model, &live, customer, &request, &|| false).unwrap();
        let list = products(&answer.lists[0]);
        assert!(!list.contains(&1), "{kind:?}: {list:?}");
        assert!(list.contains(&0), "{kind:?}: {list:?}");
    }
    // given back, it is not owned
    let history = [history[0], touch(Kind::RETURN, 2, 2)];
    let customer = CustomerState {
        history: &history,
        ..customer
    };
    let request = Request::one(ListKind::Popular, 10, 200);
    let answer = recommend(&model, &live, customer, &request, &|| false).unwrap();
    assert!(products(&answer.lists[0]).contains(&1));
}

#[test]
fn owned_durables_go_and_with_exclude_owned_everything_owned() {
    let model = model();
    let history = [
        touch(Kind::PURCHASE, 4, 1),
        touch(Kind::PURCHASE, 0, 2),
        touch(Kind::PURCHASE, 6, 3),
        touch(Kind::RETURN, 6, 4),
    ];
    let mut request = Request::one(ListKind::ForYou, 10, 200);
    request.lists[0].filters.exclude_owned = true;
    let answer = ask(&model, &history, &request);
    assert!(answer.personal);
    // what was given back is not owned, and comes behind with its kin
    assert_eq!(products(&answer.lists[0]), [1, 7, 9, 6, 8]);
}

#[test]
fn only_what_happened_before_the_request_is_seen() {
    let model = model();
    let history = [touch(Kind::PURCHASE, 0, 10), touch(Kind::PURCHASE, 1, 20)];
    let mut request = Request::one(ListKind::ForYou, 10, 20);
    request.lists[0].filters.exclude_owned = true;
    let listed = products(&ask(&model, &history, &request).lists[0]);
    assert!(!listed.contains(&0) && listed.contains(&1));
}

#[test]
fn without_consent_nothing_personal_goes_in() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let history = [touch(Kind::PURCHASE, 0, 10)];
    let customer = CustomerState {
        history: &history,
        facts: &[],
        allowed: Allowed {
            personalise: false,
            infer_life_stage: false,
            ..Allowed::ALL
        },
    };
    let request = Request::one(ListKind::ForYou, 5, 50);
    let answer = recommend(&model, &live, customer, &request, &|| false).unwrap();
    assert_eq!(answer, ask(&model, &[], &request));
}

#[test]
fn nothing_appears_twice_across_the_lists_of_one_response() {
    let model = model();
    let mut request = Request::one(ListKind::Popular, 3, 50);
    request.lists.push(ListRequest::new(ListKind::Popular, 3));
    let answer = ask(&model, &[], &request);
    assert_eq!(products(&answer.lists[0]), [0, 1, 4]);
    assert_eq!(products(&answer.lists[1]), [2, 5, 6]);
}

#[test]
fn pins_come_first_if_they_are_on_sale() {
    let model = model();
    let mut request = Request::one(ListKind::Popular, 3, 50);
    request.lists[0].pins = vec![ProductIx(9), ProductIx(3), ProductIx(9), ProductIx(0)];
    let list = &ask(&model, &[], &request).lists[0];
    assert_eq!(products(list), [9, 0, 1]);
    assert!(list.items[0].pinned && !list.items[2].pinned);
}

#[test]
fn limits_on_category_brand_and_price_hold() {
    let model = model();
    let mut request = Request::one(ListKind::Popular, 10, 50);
    request.lists[0].filters = Filters {
        categories: vec!["a/y".into()],
        brands: vec!["even".into()],
        max_price: Some(7.0),
        ..Filters::default()
    };
    assert_eq!(products(&ask(&model, &[], &request).lists[0]), [6]);
}

#[test]
fn a_stopped_request_is_partial_not_an_error() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let request = Request::one(ListKind::Popular, 3, 50);
    let answer = recommend(&model, &live, CustomerState::NOBODY, &request, &|| true).unwrap();
    assert_eq!(answer.lists[0].notes, [Note::Partial]);
}

#[test]
fn counts_and_dials_out_of_range_are_refused() {
    let mut request = Request::one(ListKind::ForYou, 0, 50);
    assert!(matches!(
        request.check(),
        Err(RequestError::Count { list: 0, found: 0 })
    ));
    request.lists[0].count = 1_000_000;
    assert!(request.check().is_err());
    request.lists[0].count = 1;
    request.dial = Some(f32::NAN);
    assert!(matches!(request.check(), Err(RequestError::Dial { .. })));
    request.dial = None;
    request.lists.clear();
    assert!(request.check().is_err());
}

/// The shelves of `model` after `upserts`.
fn with_upserts(model: &Model, upserts: Vec<Product>) -> Live {
    let changes = upserts.into_iter().map(ShelfChange::listed);
    Live::of_catalogue(model.catalogue.clone())
        .changed(changes, &model.representation, None)
        .unwrap()
}

#[test]
fn upserted_products_keep_known_numbers_and_append_new_ones() {
    let model = model();
    let mut changed = model.catalogue.product(ProductIx(3)).clone();
    changed.stock = Some(5);
    let upserts = vec![Product::bare("new"), changed, Product::bare("new")];
    let live = with_upserts(&model, upserts);
    assert_eq!((live.known, live.catalogue.len()), (10, 11));
    assert!(
        live.sells(ProductIx(3), 50)
            && live.sells(ProductIx(10), 50)
            && !live.sells(ProductIx(11), 50)
    );
}

#[test]
fn a_product_that_came_later_has_similar_ones_and_is_among_theirs() {
    let mut model = model();
    // products of even number point one way, those of odd number the other; so do the brands
    let data = (0..10).flat_map(|ix| if ix % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] });
    let names = ["brand:even", "brand:odd"].map(String::from);
    let map = vec![1.0, 0.0, 0.0, 1.0];
    let dense = |rows, data| Dense {
        rows,
        cols: 2,
        data,
    };
    model.representation = Representation::new(Parts {
        units: dense(10, data.collect()),
        content: Some(ContentPart {
            vocabulary: Vocabulary::from_entries(names.to_vec(), vec![1.0; 2]).unwrap(),
            map: dense(2, map),
            gain: 1.0,
            appeal: vec![0.0; 2],
            level: 0.0,
        }),
        ..model.representation.parts().clone()
    })
    .unwrap();
    let later = ["later", "latest"].map(|id| Product {
        brand: Some("odd".into()),
        ..Product::bare(id)
    });
    let live = with_upserts(&model, later.to_vec());
    let similar = |viewed: u32| {
        let mut request = Request::one(ListKind::Similar, 5, 50);
        request.context.viewed = Some(ProductIx(viewed));
        let answer = recommend(&model, &live, CustomerState::NOBODY, &request, &|| false).unwrap();
        products(&answer.lists[0])
    };
    // all other odd ones that can be sold are as near; ties go to the smaller number
    assert_eq!(similar(10), [1, 5, 7, 9, 11]);
    assert_eq!(similar(7), [1, 5, 9, 10, 11]);
}

#[test]
fn customers_like_you_propose_and_an_index_that_is_not_ready_is_marked() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let history = [touch(Kind::PURCHASE, 0, 10)];
    let customer = CustomerState {
        history: &history,
        facts: &[],
        allowed: Allowed::ALL,
    };
    let request = Request::one(ListKind::ForYou, 10, 50);
    let ask = |like_you| {
        let answer = recommend_like(&model, &live, customer, like_you, &request, &|| false);
        answer.unwrap().lists.remove(0)
    };
    let absent = ask(LikeYou::Absent);
    let skipped = Note::SourceSkipped("customers_like_you");
    assert!(!absent.notes.contains(&skipped));
    let waiting = ask(LikeYou::NotReady);
    assert!(waiting.notes.contains(&skipped));
    assert_eq!(waiting.items, absent.items);
    let representation = &model.representation;
    let Some(vector) = representation.fold_in(&history, 50).vector() else {
        return;
    };
    let mut people = Neighbourhood::new(representation.dim(), model.catalogue.len());
    people
        .put(7, &vector, &[touch(Kind::PURCHASE, 9, 1)])
        .unwrap();
    let gone = std::collections::HashSet::new();
    let ready = ask(LikeYou::Ready {
        people: &people,
        own: None,
        gone: &gone,
    });
    assert!(!ready.notes.contains(&skipped));
    assert_eq!(products(&ready), products(&absent));
}
