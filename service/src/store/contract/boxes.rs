//! Obligations of packs and boxes.

use serendib_shop::Product;

use super::*;

fn stocked(id: &str, stock: Option<i64>) -> Product {
    Product {
        stock,
        ..Product::bare(id)
    }
}

pub(crate) fn packed(id: &str, customer: &str, products: &[&str]) -> StoredBox {
    StoredBox {
        box_id: id.into(),
        customer_id: customer.into(),
        pack_id: String::new(),
        state: BoxState::Packed,
        locked: false,
        ship_at: Some(NOW + DAY),
        version: 1,
        at: NOW,
        lines: products
            .iter()
            .enumerate()
            .map(|(n, product)| BoxLine {
                product_id: (*product).into(),
                surprise: n == 0,
                value: 1.0 / (n + 1) as f64,
                ..BoxLine::default()
            })
            .collect(),
        short: None,
        care: BoxCare {
            hand_over: products.len() > 1,
            paused: None,
        },
        ask: serde_json::json!({"slots": products.len()}),
    }
}

pub(crate) fn pack(id: &str, hold_until: i64) -> StoredPack {
    StoredPack {
        pack_id: id.into(),
        at: NOW,
        hold_until,
        body: serde_json::json!({"prices": {"tea": 0.5}}),
    }
}

async fn keep(store: &impl Store, id: &str, boxes: Vec<StoredBox>) -> Result<(), StoreError> {
    let options = PackOptions::default();
    let left_out = store
        .keep_pack(pack(id, NOW + 30 * DAY), boxes, options, NOW)
        .await?;
    assert!(left_out.is_empty());
    Ok(())
}

async fn free(store: &impl Store, product: &str, now: i64) -> Option<i64> {
    let found = store.products(vec![product.into()], now).await.unwrap();
    found[0].as_ref().unwrap().available
}

async fn stock(store: &impl Store, product: &str) -> Option<i64> {
    let found = store.products(vec![product.into()], NOW).await.unwrap();
    found[0].as_ref().unwrap().product.stock
}

async fn state_of(store: &impl Store, id: &str, now: i64) -> Option<BoxState> {
    let found = store.boxes(BoxQuery::Ids(vec![id.into()]), now).await;
    found.unwrap().first().map(|b| b.state)
}

async fn shelves(store: &impl Store) {
    let products = vec![
        stocked("tea", Some(3)),
        stocked("mug", Some(2)),
        stocked("air", None),
    ];
    store.upsert_products(products, NOW.into()).await.unwrap();
}

pub(crate) async fn a_pack_takes_all_its_units_or_none(store: &impl Store) {
    shelves(store).await;
    let two = vec![
        packed("b1", "ada", &["tea", "mug"]),
        packed("b2", "bob", &["tea", "mug", "air"]),
    ];
    keep(store, "p1", two.clone()).await.unwrap();
    assert_eq!(free(store, "tea", NOW).await, Some(1));
    assert_eq!(free(store, "mug", NOW).await, Some(0));
    assert_eq!(free(store, "air", NOW).await, None);
    assert_eq!(stock(store, "tea").await, Some(3));
    let again = keep(store, "p1", vec![packed("b3", "cy", &["tea"])]).await;
    assert_eq!(again, Err(StoreError::PackExists));
    let twice = keep(store, "p2", two.clone()).await;
    let state = "packed";
    assert_eq!(twice, Err(StoreError::BoxExists { index: 0, state }));
    let short = vec![
        packed("b3", "cy", &["tea"]),
        packed("b4", "cy", &["mug", "tea"]),
    ];
    let refused = keep(store, "p2", short.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::OutOfStock { .. }));
    assert_eq!(state_of(store, "b3", NOW).await, None, "nothing of it");
    assert_eq!(free(store, "tea", NOW).await, Some(1));
    let options = PackOptions {
        partial: true,
        ..PackOptions::default()
    };
    let left_out = store
        .keep_pack(pack("p2", NOW + DAY), short, options, NOW)
        .await
        .unwrap();
    assert_eq!(
        left_out,
        [(1, 0), (1, 1)],
        "the last tea goes where it is worth more"
    );
    assert_eq!(free(store, "tea", NOW).await, Some(0));
    // A storefront reservation draws on the same count.
    let wanted = Reservation {
        reservation_id: String::new(),
        lines: vec![ReservationLine {
            product_id: "tea".into(),
            quantity: 1,
        }],
        expires_at: NOW + DAY,
        state: ReservationState::Held,
    };
    let refused = store.reserve(wanted, NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::OutOfStock { .. }));
    // Time over, the second pack's box has lapsed and its unit is free; its id may be packed again.
    assert_eq!(
        state_of(store, "b3", NOW + 2 * DAY).await,
        Some(BoxState::Lapsed)
    );
    assert_eq!(free(store, "tea", NOW + 2 * DAY).await, Some(1));
    let open = store.open_boxes(NOW + 2 * DAY).await.unwrap();
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].surprises, ["tea"]);
    let page = |after: Option<&str>| BoxQuery::Pack("p1".into(), after.map(Into::into), 1);
    let first = store.boxes(page(None), NOW).await.unwrap();
    assert_eq!(first[0].box_id, "b1");
    assert_eq!(first[0].lines, two[0].lines);
    assert_eq!(
        store.boxes(page(Some("b1")), NOW).await.unwrap()[0].box_id,
        "b2"
    );
    let found = store.pack("p1".into()).await.unwrap().unwrap();
    assert_eq!(found, pack("p1", NOW + 30 * DAY));
}

pub(crate) async fn boxes_change_leave_and_are_given_up(store: &impl Store) {
    shelves(store).await;
    let boxes = ["b1", "b2", "b3"].map(|id| packed(id, "ada", &["tea"]));
    keep(store, "p1", boxes.to_vec()).await.unwrap();
    let mut changed = packed("b1", "ada", &["mug"]);
    assert_eq!(store.change_box(changed.clone(), NOW).await.unwrap(), 2);
    assert_eq!(free(store, "tea", NOW).await, Some(1));
    assert_eq!(free(store, "mug", NOW).await, Some(1));
    let stale = store.change_box(changed.clone(), NOW).await.unwrap_err();
    let (expected, found) = (1, 2);
    assert_eq!(stale, StoreError::VersionMismatch { expected, found });
    changed.version = 2;
    changed.lines = packed("b1", "ada", &["mug", "mug", "mug"]).lines;
    let refused = store.change_box(changed, NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::OutOfStock { .. }));
    let end = |id: &str, end| store.end_boxes(vec![id.to_string()], end, NOW);
    let shipped = end("b1", BoxEnd::Shipped).await.unwrap();
    assert_eq!(
        (shipped[0].state, shipped[0].version),
        (BoxState::Shipped, 3)
    );
    assert_eq!(
        end("b1", BoxEnd::Shipped).await.unwrap()[0].version,
        3,
        "said twice"
    );
    assert_eq!(
        (stock(store, "mug").await, free(store, "mug", NOW).await),
        (Some(1), Some(1))
    );
    let state = "shipped";
    let closed = Some(StoreError::BoxClosed { state });
    assert_eq!(end("b1", BoxEnd::Cancelled).await.err(), closed);
    assert_eq!(
        end("b1", BoxEnd::Delivered).await.unwrap()[0].state,
        BoxState::Delivered
    );
    assert_eq!(stock(store, "mug").await, Some(1), "left once");
    end("b2", BoxEnd::Cancelled).await.unwrap();
    assert_eq!(
        (stock(store, "tea").await, free(store, "tea", NOW).await),
        (Some(3), Some(2))
    );
    let locked = store
        .lock_boxes(vec!["b3".into()], true, NOW)
        .await
        .unwrap();
    assert!(locked[0].locked && locked[0].version == 2);
    // Packing anew takes back the units of what was packed and has not left.
    let options = PackOptions {
        replace: true,
        ..PackOptions::default()
    };
    let anew = vec![
        packed("b3", "ada", &["tea", "mug"]),
        packed("b2", "ada", &["tea", "tea"]),
    ];
    store
        .keep_pack(pack("p2", NOW + DAY), anew, options, NOW)
        .await
        .unwrap();
    assert_eq!(free(store, "tea", NOW).await, Some(0));
    let gone = packed("b1", "ada", &["tea"]);
    let refused = store
        .keep_pack(pack("p3", NOW + DAY), vec![gone], options, NOW)
        .await;
    let state = "delivered";
    assert_eq!(refused, Err(StoreError::BoxExists { index: 0, state }));
    end("b3", BoxEnd::Delivered).await.unwrap();
    assert_eq!(stock(store, "tea").await, Some(2));
    assert_eq!(free(store, "tea", NOW).await, Some(0));
    let of = BoxQuery::Customer("ada".into(), 2);
    assert_eq!(store.boxes(of, NOW).await.unwrap().len(), 2);
    let missing = store
        .end_boxes(vec!["b9".into()], BoxEnd::Shipped, NOW)
        .await;
    assert_eq!(missing.err(), Some(StoreError::NotFound { what: "box" }));
}

pub(crate) async fn an_erased_customers_boxes_are_gone_and_their_units_free(store: &impl Store) {
    shelves(store).await;
    let boxes = vec![
        packed("b1", "ada", &["tea", "mug"]),
        packed("b2", "bob", &["tea"]),
    ];
    keep(store, "p1", boxes).await.unwrap();
    let export = all(store
        .export_customer("ada".into(), "test".into(), NOW)
        .await)
    .await;
    let told = export.iter().any(|row| {
        matches!(row, CustomerRow::Document(d) if d.key == "b1" && d.body["lines"][0]["product_id"] == "tea")
    });
    assert!(told, "{export:?}");
    store
        .erase_customer("ada".into(), "test".into(), NOW)
        .await
        .unwrap();
    assert_eq!(state_of(store, "b1", NOW).await, None);
    assert_eq!(state_of(store, "b2", NOW).await, Some(BoxState::Packed));
    assert_eq!(free(store, "tea", NOW).await, Some(2));
    assert_eq!(free(store, "mug", NOW).await, Some(2));
    store.scrub(NOW).await.unwrap();
}
