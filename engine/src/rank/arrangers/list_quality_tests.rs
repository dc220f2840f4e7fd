//! Diversity, calibration and caps through the public way.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bundle::Manifest;
use crate::model::Model;
use crate::rank::*;
use crate::represent::{Dense, Parts, Representation};
use serendib_shop::{Catalogue, Encoder, Kind, Product, ProductIx, Touch};

const NOW: i64 = 1_000;

/// Thirty products by falling popularity. Category `a` holds 0…14, `b` 15…24, `c` 25…28; 29 has neither category, brand
/// nor vector. Vectors of a category are nearly alike; brands go round in five. 2 and 3 are variants.
fn model() -> Model {
    let category = |ix: u32| match ix {
        0..=14 => Some(0),
        15..=24 => Some(1),
        25..=28 => Some(2),
        _ => None,
    };
    let mut products: Vec<Product> = (0..30)
        .map(|ix| Product {
            category: category(ix).map(|c| ["a", "b", "c"][c].to_owned()),
            brand: (ix < 29).then(|| format!("brand {}", ix % 5)),
            price: Some(5.0),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    products[2].parent_id = Some("shirt".into());
    products[3].parent_id = Some("shirt".into());
    let mut units = Dense {
        rows: 30,
        cols: 4,
        data: vec![0.0; 120],
    };
    for ix in 0..29u32 {
        let row = &mut units.data[4 * ix as usize..][..4];
        row[category(ix).unwrap()] = 1.0;
        row[3] = 0.02 * ix as f32;
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    }
    let buyers: Vec<f32> = (0..30).map(|ix| 100.0 - ix as f32).collect();
    let representation = Representation::new(Parts {
        lately: buyers.clone(),
        buyers,
        units,
        ..Parts::default()
    });
    Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        representation.unwrap(),
    )
}

fn ask(model: &Model, history: &[Touch], request: &Request) -> ListAnswer {
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history,
        ..CustomerState::NOBODY
    };
    let answer = recommend(model, &live, customer, request, &|| false).unwrap();
    answer.lists.into_iter().next().unwrap()
}

fn popular(count: usize, together: Together) -> Request {
    let mut request = Request::one(ListKind::Popular, count, NOW);
    request.lists[0].together = together;
    request
}

fn products(list: &ListAnswer) -> Vec<u32> {
    list.items.iter().map(|item| item.product.0).collect()
}

fn bought(product: u32, at: i64) -> Touch {
    Touch::new(Kind::PURCHASE, ProductIx(product), at)
}

fn caps(category: usize, brand: usize) -> Together {
    Together {
        caps: Caps {
            category: (category > 0).then_some(category),
            brand: (brand > 0).then_some(brand),
        },
        ..Together::default()
    }
}

fn diverse(diversity: f32) -> Together {
    Together {
        diversity,
        ..Together::default()
    }
}

/// Kept and removed together are all candidates, each once.
fn accounts(list: &ListAnswer) -> usize {
    let mut all = products(list);
    all.extend(list.removed.iter().map(|r| r.product.0));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    count
}

fn by(list: &ListAnswer, name: &str) -> usize {
    list.removed.iter().filter(|r| r.by == name).count()
}

#[test]
fn lists_are_by_score_unless_somebody_asks_for_more() {
    for kind in ListKind::ALL {
        let usual = ListRequest::new(kind, 5).together;
        let plain = kind != ListKind::Surprise;
        assert_eq!(usual == Together::default(), plain, "{kind:?}");
    }
    let list = ask(&model(), &[], &popular(6, Together::default()));
    assert_eq!(products(&list), [0, 1, 2, 4, 5, 6]);
}

#[test]
fn caps_hold_and_name_what_they_took() {
    let list = ask(&model(), &[], &popular(5, caps(2, 0)));
    assert_eq!(products(&list), [0, 1, 15, 16, 25]);
    assert_eq!(by(&list, "category_cap"), 13 + 8);
    assert_eq!(accounts(&list), 30);
    assert!(!list.notes.contains(&Note::Capped));

    let list = ask(&model(), &[], &popular(10, caps(2, 0)));
    // what has no category is not counted, and nothing fills the list up
    assert_eq!(products(&list), [0, 1, 15, 16, 25, 26, 29]);
    assert!(list.notes.contains(&Note::Capped) && list.notes.contains(&Note::Short));
    assert_eq!(accounts(&list), 30);

    let list = ask(&model(), &[], &popular(10, caps(0, 1)));
    assert_eq!(products(&list), [0, 1, 2, 4, 8, 29]);
    assert_eq!(by(&list, "variant"), 1);
    assert!(by(&list, "brand_cap") > 0);
    assert_eq!(accounts(&list), 30);
}

#[test]
fn pins_count_against_caps_and_excluded_products_do_not() {
    let mut request = popular(3, caps(1, 0));
    request.lists[0].pins = vec![ProductIx(10), ProductIx(12)];
    let list = ask(&model(), &[], &request);
    // the shop's word goes beyond the cap, and uses it up
    assert_eq!(products(&list), [10, 12, 15]);
    let mut request = popular(3, caps(1, 0));
    request.exclusions = vec![ProductIx(0), ProductIx(15)];
    let list = ask(&model(), &[], &request);
    assert_eq!(products(&list), [1, 16, 25]);
    let mut request = popular(4, Together::default());
    request.lists[0].pins = vec![ProductIx(2)];
    assert_eq!(products(&ask(&model(), &[], &request)), [2, 0, 1, 4]);
    assert!(ask(&model(), &[], &request).removed.contains(&Removed {
        product: ProductIx(3),
        by: "variant"
    }));
}

#[test]
fn pins_are_neither_in_the_basket_nor_variants_of_each_other() {
    let mut request = popular(4, Together::default());
    request.lists[0].pins = vec![ProductIx(20), ProductIx(3), ProductIx(2), ProductIx(21)];
    request.context.basket = vec![(ProductIx(20), 1.0)];
    request.context.viewed = Some(ProductIx(21));
    let list = ask(&model(), &[], &request);
    assert_eq!(products(&list), [3, 0, 1, 4]);
    let pinned = list.items.iter().filter(|item| item.pinned).count();
    assert_eq!(pinned, 1);
}

#[test]
fn diversity_spreads_over_what_is_alike() {
    let model = model();
    let kinds = |list: &ListAnswer| {
        let leaf = |p: u32| model.catalogue.leaf(ProductIx(p)).map(|leaf| leaf.0);
        let kinds: BTreeSet<_> = products(list).into_iter().map(leaf).collect();
        kinds.len()
    };
    let mut last = 0;
    for share in [0.0, 0.3, 0.6, 1.0] {
        let list = ask(&model, &[], &popular(4, diverse(share)));
        assert_eq!(list.items.len(), 4);
        assert_eq!(accounts(&list), 30);
        assert_eq!(list.items[0].product, ProductIx(0), "the best comes first");
        let kinds = kinds(&list);
        assert!(kinds >= last, "{share}: {kinds} after {last}");
        last = kinds;
    }
    assert!(last >= 3);
    let little = ask(&model, &[], &popular(4, diverse(0.01)));
    assert_eq!(products(&little), [0, 1, 2, 4]);
    // all of them, the order alone changes; what is like a pin is not new
    let all = ask(&model, &[], &popular(30, diverse(0.5)));
    assert_eq!(all.items.len(), 29);
    let mut request = popular(2, diverse(0.9));
    request.lists[0].pins = vec![ProductIx(0)];
    assert!(products(&ask(&model, &[], &request))[1] >= 15);
}

#[test]
fn a_product_without_a_vector_earns_no_bonus() {
    let list = ask(&model(), &[], &popular(12, diverse(0.4)));
    let after = products(&list);
    assert!(!after.contains(&29), "{after:?}");
}

#[test]
fn calibration_follows_what_the_customer_bought() {
    let model = model();
    let history: Vec<Touch> = [14, 25, 26, 27]
        .iter()
        .enumerate()
        .map(|(ix, p)| bought(*p, ix as i64))
        .collect();
    let together = |calibration| Together {
        calibration,
        ..Together::default()
    };
    let of_c = |calibration: f32| {
        let mut request = popular(4, together(calibration));
        request.lists[0].kind = ListKind::ForYou;
        let list = ask(&model, &history, &request);
        accounts(&list);
        products(&list).iter().filter(|p| **p >= 25).count()
    };
    assert_eq!(of_c(0.0), 0);
    // one of `c` is left that the customer does not have
    assert_eq!(of_c(0.9), 1);
    let nobody = ask(&model, &[], &popular(4, together(0.9)));
    assert_eq!(products(&nobody), [0, 1, 2, 4]);
}

#[test]
fn shares_and_caps_out_of_range_are_refused() {
    let refused = |together: Together| popular(4, together).check().unwrap_err();
    for share in [-0.1, 1.1, f32::NAN] {
        let error = refused(diverse(share));
        assert!(
            matches!(
                error,
                RequestError::Share {
                    field: "diversity",
                    ..
                }
            ),
            "{error}"
        );
    }
    let mut together = caps(0, 0);
    together.caps.brand = Some(0);
    let error = refused(together);
    assert_eq!(
        error.to_string(),
        "lists[0].max_per_brand is 0, expected at least 1"
    );
}

#[test]
fn a_long_diverse_list_holds_each_product_once_and_is_the_same_every_time() {
    let model = model();
    let longest = || products(&ask(&model, &[], &popular(30, diverse(0.5))));
    let list = longest();
    // one of the two variants alone
    let distinct: BTreeSet<u32> = list.iter().copied().collect();
    assert_eq!((list.len(), distinct.len()), (29, 29));
    assert!(distinct.contains(&2) != distinct.contains(&3));
    assert_eq!(list, longest());
}
