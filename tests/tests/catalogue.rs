//! The live catalogue.

use serendib_engine::bundle::ModelsDir;
use serendib_engine::represent::{ContentPart, Dense, Parts, Representation, Vocabulary};
use serendib_proto::v1::{
    GetProductsRequest, ListKind, Product, ReleaseStockRequest, RemoveProductsRequest,
    ReservationLine, ReservationState, ReserveStockRequest, SetStockRequest, StockLevel,
    UpsertProductsRequest,
};
use tonic::Code;

use crate::support::{ids, touch, write_changed, Shop, DEPARTMENTS, EACH};

async fn shown(shop: &Shop, product: &str) -> bool {
    let answer = shop.list("", ListKind::Popular, 50).await;
    ids(&answer, 0).iter().any(|id| id == product)
}

fn level(product: &str, stock: i64) -> SetStockRequest {
    SetStockRequest {
        levels: vec![StockLevel {
            product_id: product.into(),
            stock: Some(stock),
        }],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_without_stock_or_removed_never_appears_from_the_next_call_on() {
    let shop = Shop::open().await;
    let mut client = shop.catalogue();
    assert!(shown(&shop, "baby-0").await);
    client.set_stock(level("baby-0", 0)).await.unwrap();
    assert!(!shown(&shop, "baby-0").await);
    client.set_stock(level("baby-0", 3)).await.unwrap();
    assert!(shown(&shop, "baby-0").await);
    let removed = client
        .remove_products(RemoveProductsRequest {
            product_ids: vec!["baby-0".into(), "no such".into()],
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(removed.removed, 1);
    assert!(!shown(&shop, "baby-0").await);
    let products = client
        .get_products(GetProductsRequest {
            product_ids: vec!["baby-0".into(), "baby-1".into()],
            ..GetProductsRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(products.missing, ["baby-0"]);
    assert_eq!(products.products.len(), 1);
    let dir = shop.close().await;
    let shop = Shop::over(dir, |_| {}).await;
    assert!(!shown(&shop, "baby-0").await, "removed stays removed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_units_are_not_sold_twice_and_come_back() {
    let shop = Shop::open().await;
    let mut client = shop.catalogue();
    client.set_stock(level("books-0", 2)).await.unwrap();
    let reserve = |id: &str, quantity| ReserveStockRequest {
        reservation_id: id.into(),
        lines: vec![ReservationLine {
            product_id: "books-0".into(),
            quantity,
        }],
        ttl_s: 60,
    };
    let held = client.reserve_stock(reserve("r1", 2)).await.unwrap();
    let held = held.into_inner().reservation.unwrap();
    assert_eq!(held.state(), ReservationState::Held);
    assert!(!shown(&shop, "books-0").await);
    let again = client.reserve_stock(reserve("r1", 2)).await.unwrap();
    assert_eq!(again.into_inner().reservation.unwrap(), held);
    let status = client.reserve_stock(reserve("r2", 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("books-0"));
    let release = |sold| ReleaseStockRequest {
        reservation_id: "r1".into(),
        sold,
    };
    client.release_stock(release(false)).await.unwrap();
    assert!(shown(&shop, "books-0").await);
    let status = client.release_stock(release(true)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    client.reserve_stock(reserve("r3", 2)).await.unwrap();
    let sold = client
        .release_stock(ReleaseStockRequest {
            reservation_id: "r3".into(),
            sold: true,
        })
        .await
        .unwrap();
    assert_eq!(
        sold.into_inner().reservation.unwrap().state(),
        ReservationState::Taken
    );
    assert!(!shown(&shop, "books-0").await);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_whose_time_is_over_gives_its_units_back() {
    let shop = Shop::open().await;
    let mut client = shop.catalogue();
    client.set_stock(level("books-0", 1)).await.unwrap();
    client
        .reserve_stock(ReserveStockRequest {
            reservation_id: "brief".into(),
            lines: vec![ReservationLine {
                product_id: "books-0".into(),
                quantity: 1,
            }],
            ttl_s: 600,
        })
        .await
        .unwrap();
    assert!(!shown(&shop, "books-0").await);
    let app = &shop.running().app;
    let later = serendib_service::clock::now_ms() + 601_000;
    app.views.refresh(later).await.unwrap();
    assert!(shown(&shop, "books-0").await);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn products_are_read_page_by_page_and_upserts_show() {
    let shop = Shop::open().await;
    let mut client = shop.catalogue();
    client
        .upsert_products(UpsertProductsRequest {
            products: vec![
                Product {
                    product_id: "books-1".into(),
                    title: Some("Renamed".into()),
                    ..Product::default()
                },
                Product {
                    product_id: "zebra".into(),
                    title: Some("New here".into()),
                    ..Product::default()
                },
            ],
        })
        .await
        .unwrap();
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = client
            .get_products(GetProductsRequest {
                page_size: 7,
                page_token: token,
                ..GetProductsRequest::default()
            })
            .await
            .unwrap()
            .into_inner();
        assert!(page.products.len() <= 7);
        all.extend(page.products);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(all.len(), DEPARTMENTS.len() * EACH + 1);
    assert!(all.windows(2).all(|w| w[0].product_id < w[1].product_id));
    let title = |id: &str| {
        let product = all.iter().find(|p| p.product_id == id).unwrap();
        product.title.clone().unwrap()
    };
    assert_eq!(title("books-1"), "Renamed");
    assert_eq!(title("zebra"), "New here");
    let bad = client
        .upsert_products(UpsertProductsRequest {
            products: vec![Product {
                product_id: "x".into(),
                price: Some(f64::NAN),
                ..Product::default()
            }],
        })
        .await
        .unwrap_err();
    assert!(
        bad.message().starts_with("products[0].price"),
        "{}",
        bad.message()
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_product_is_recommended_from_the_next_call_on_for_what_it_is() {
    let dir = tempfile::TempDir::new().unwrap();
    let models = dir.path().join("models");
    // A brand points to the department of its name.
    write_changed(&models, "first", 0, |model| {
        let mut brands = DEPARTMENTS;
        brands.sort_unstable();
        let mut map = Dense::zeros(brands.len(), DEPARTMENTS.len());
        for (row, brand) in brands.iter().enumerate() {
            let department = DEPARTMENTS.iter().position(|d| d == brand).unwrap();
            map.row_mut(row)[department] = 1.0;
        }
        let names = brands.map(|brand| format!("brand:{brand}"));
        model.representation = Representation::new(Parts {
            content: Some(ContentPart {
                vocabulary: Vocabulary::from_entries(names.to_vec(), vec![1.0; brands.len()])
                    .unwrap(),
                map,
                gain: 100.0,
                appeal: vec![0.0; brands.len()],
                level: 0.0,
            }),
            ..model.representation.parts().clone()
        })
        .unwrap();
    });
    ModelsDir::new(&models).publish("first").unwrap();
    let shop = Shop::over(dir, |_| {}).await;
    shop.record(vec![
        touch("ada", "purchase", "garden-0", "1"),
        touch("bob", "purchase", "books-0", "2"),
    ])
    .await;
    let new = |brand: &str| Product {
        product_id: format!("new-{brand}"),
        brand: Some(brand.into()),
        stock: Some(1),
        ..Product::default()
    };
    shop.catalogue()
        .upsert_products(UpsertProductsRequest {
            products: vec![new("garden"), new("books")],
        })
        .await
        .unwrap();
    for (customer, expected) in [("ada", "new-garden"), ("bob", "new-books")] {
        let answer = shop.list(customer, ListKind::ForYou, 3).await;
        let seen = ids(&answer, 0);
        assert_eq!(seen[0], expected, "{customer}: {seen:?}");
        let others = seen.iter().filter(|id| id.starts_with("new-")).count();
        assert_eq!(others, 1, "{customer}: {seen:?}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_one_variant_of_a_parent_from_the_next_call_on() {
    let shop = Shop::open().await;
    let variants = ["baby-0", "baby-1", "baby-2"];
    for id in variants {
        assert!(shown(&shop, id).await);
    }
    let products = variants
        .iter()
        .map(|id| Product {
            product_id: (*id).into(),
            parent_id: Some("one thing".into()),
            variant: Some(format!("colour {id}")),
            ..Product::default()
        })
        .collect();
    shop.catalogue()
        .upsert_products(UpsertProductsRequest { products })
        .await
        .unwrap();
    for kind in [ListKind::Popular, ListKind::ForYou] {
        let answer = shop.list("", kind, 50).await;
        let seen = ids(&answer, 0);
        let found = seen.iter().filter(|id| variants.contains(&id.as_str()));
        assert_eq!(found.count(), 1, "{kind:?}: {seen:?}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_end_before_they_grow_larger_than_clients_take() {
    let shop = Shop::open().await;
    let name = |ix: usize| format!("tome-{ix:03}");
    for start in [0, 100, 200] {
        let long = |ix: usize| Product {
            product_id: name(ix),
            description: Some("so it goes ".repeat(1_800)),
            ..Product::default()
        };
        let products = (start..start + 100).map(long).collect();
        shop.catalogue()
            .upsert_products(UpsertProductsRequest { products })
            .await
            .unwrap();
    }
    let mut wanted: Vec<String> = (0..300).map(name).collect();
    wanted.insert(7, "no such tome".into());
    for by_id in [false, true] {
        let (mut found, mut missing, mut pages) = (Vec::new(), Vec::new(), 0);
        let mut token = String::new();
        loop {
            // a client as it comes takes 4 MiB
            let page = shop
                .catalogue()
                .get_products(GetProductsRequest {
                    product_ids: if by_id { wanted.clone() } else { Vec::new() },
                    page_size: 1_000,
                    page_token: token,
                })
                .await
                .unwrap()
                .into_inner();
            pages += 1;
            found.extend(page.products.into_iter().map(|p| p.product_id));
            missing.extend(page.missing);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert!(pages > 1, "{pages}");
        found.retain(|id| id.starts_with("tome"));
        let all: Vec<String> = (0..300).map(name).collect();
        assert_eq!(found, all, "by id: {by_id}");
        assert_eq!(missing.len(), usize::from(by_id));
    }
    shop.close().await;
}
