//! Recording.

use serendib_proto::v1::record_stream_response::Result as StreamResult;
use serendib_proto::v1::{
    Durability, GetCustomerRequest, LinkIdentityRequest, ListKind, RateSurpriseRequest,
    RecordRequest, RecordStatus, SurpriseRating, Touchpoint,
};
use tokio_stream::StreamExt;
use tonic::Code;

use crate::support::{days_ago, ids, touch, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_shows_in_the_next_answer() {
    let shop = Shop::open().await;
    for (ix, department) in ["garden", "books", "kitchen"].into_iter().enumerate() {
        let customer = format!("customer {ix}");
        let product = format!("{department}-2");
        shop.record(vec![touch(
            &customer,
            "purchase",
            &product,
            &format!("t{ix}"),
        )])
        .await;
        let answer = shop.list(&customer, ListKind::ForYou, 3).await;
        assert!(answer.personal);
        assert!(
            ids(&answer, 0).iter().all(|id| id.starts_with(department)),
            "{:?}",
            ids(&answer, 0)
        );
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_is_idempotent_and_a_conflict_refuses_the_whole_batch() {
    let shop = Shop::open().await;
    let mut client = shop.touchpoints();
    let batch = vec![
        touch("ada", "view", "books-0", "a"),
        touch("ada", "view", "books-1", "b"),
        touch("ada", "view", "books-0", "a"),
    ];
    let answer = client
        .record(RecordRequest {
            touchpoints: batch.clone(),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.stored, 2);
    assert_eq!(answer.durability(), Durability::Synced);
    let statuses: Vec<_> = answer.outcomes.iter().map(|o| o.status()).collect();
    use RecordStatus::{Duplicate, Stored};
    assert_eq!(statuses, [Stored, Stored, Duplicate]);
    let again = client
        .record(RecordRequest { touchpoints: batch })
        .await
        .unwrap();
    assert_eq!(again.into_inner().stored, 0);

    let conflict = vec![
        touch("ada", "view", "books-4", "fresh"),
        touch("ada", "purchase", "books-1", "b"),
    ];
    let status = client
        .record(RecordRequest {
            touchpoints: conflict,
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(
        status
            .message()
            .starts_with("touchpoints[1].touchpoint_id: \"b\""),
        "{}",
        status.message()
    );
    let fresh = client
        .record(RecordRequest {
            touchpoints: vec![touch("ada", "view", "books-4", "fresh")],
        })
        .await
        .unwrap();
    assert_eq!(
        fresh.into_inner().stored,
        1,
        "nothing of the refused batch was stored"
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_batches_name_row_and_field() {
    let shop = Shop::with(|raw| {
        raw.touchpoints.max_batch = 10;
        raw.touchpoints.unknown_products = "refuse".into();
    })
    .await;
    let mut client = shop.touchpoints();
    let with = |spoil: fn(&mut Touchpoint)| {
        let mut batch = vec![touch("ada", "view", "books-0", "x"); 2];
        batch[1].touchpoint_id = None;
        spoil(&mut batch[1]);
        batch
    };
    let far = 4_000_000_000_000;
    let mut future = with(|_| {});
    future[1].at_ms = Some(far);
    let cases = [
        (
            with(|t| t.quantity = Some(-1.0)),
            Code::InvalidArgument,
            "touchpoints[1].quantity",
        ),
        (
            with(|t| t.value = Some(f64::NAN)),
            Code::InvalidArgument,
            "touchpoints[1].value",
        ),
        (
            // June 1900 and June 2100.
            with(|t| t.at_ms = Some(-2_195_942_400_000)),
            Code::InvalidArgument,
            "touchpoints[1].at_ms",
        ),
        (
            with(|t| t.at_ms = Some(4_115_491_200_000)),
            Code::InvalidArgument,
            "touchpoints[1].at_ms",
        ),
        (
            with(|t| t.touchpoint_id = Some("x".repeat(1 << 20))),
            Code::InvalidArgument,
            "touchpoints[1].touchpoint_id",
        ),
        (
            with(|t| t.customer_id = "x".repeat(1 << 20)),
            Code::InvalidArgument,
            "touchpoints[1].customer_id",
        ),
        (future, Code::InvalidArgument, "touchpoints[1].at_ms"),
        (
            with(|t| t.product_id = Some("no such".into())),
            Code::FailedPrecondition,
            "touchpoints[1].product_id",
        ),
        (Vec::new(), Code::InvalidArgument, "touchpoints"),
        (
            vec![touch("ada", "view", "books-0", "y"); 11],
            Code::InvalidArgument,
            "touchpoints",
        ),
    ];
    for (touchpoints, code, field) in cases {
        let status = client
            .record(RecordRequest { touchpoints })
            .await
            .unwrap_err();
        assert_eq!(status.code(), code, "{field}: {}", status.message());
        assert!(
            status.message().starts_with(field),
            "{field}: {}",
            status.message()
        );
    }
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    assert!(
        !answer.personal,
        "nothing of the refused batches was stored"
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_acknowledges_in_order_and_goes_on_after_a_refusal() {
    let shop = Shop::open().await;
    let batches: Vec<_> = (0..30)
        .map(|ix| {
            let mut row = touch("ada", "view", "books-0", &format!("s{ix}"));
            if ix == 11 {
                row.rating = Some(9.0);
            }
            RecordRequest {
                touchpoints: vec![row],
            }
        })
        .collect();
    let answers: Vec<_> = shop
        .touchpoints()
        .record_stream(tokio_stream::iter(batches))
        .await
        .unwrap()
        .into_inner()
        .collect()
        .await;
    assert_eq!(answers.len(), 30);
    for (ix, answer) in answers.into_iter().enumerate() {
        let answer = answer.unwrap();
        assert_eq!(answer.sequence, ix as u64);
        match answer.result.unwrap() {
            StreamResult::Response(response) => assert_eq!(response.stored, 1),
            StreamResult::Error(error) => {
                assert_eq!(ix, 11);
                assert!(error.message.starts_with("touchpoints[0].rating"));
            }
        }
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_leaves_whole_batches() {
    const ROWS: usize = 7;
    let shop = Shop::open().await;
    let mut acknowledged = 0;
    for round in 0..6 {
        let (sender, batches) = tokio::sync::mpsc::channel(4);
        let batches = tokio_stream::wrappers::ReceiverStream::new(batches);
        let stream = shop.touchpoints().record_stream(batches).await;
        let mut answers = stream.unwrap().into_inner();
        for batch in 0..4 {
            let touchpoints = (0..ROWS)
                .map(|row| touch("ada", "view", "books-0", &format!("{round}-{batch}-{row}")))
                .collect();
            sender.send(RecordRequest { touchpoints }).await.unwrap();
        }
        for _ in 0..round.min(3) {
            answers.next().await.unwrap().unwrap();
            acknowledged += ROWS as u64;
        }
        // Both ends go without a word.
        drop(answers);
        drop(sender);
    }
    let dir = shop.close().await;
    let shop = Shop::over(dir, |_| {}).await;
    let card = GetCustomerRequest {
        customer_id: "ada".into(),
        ..GetCustomerRequest::default()
    };
    let seen = shop.customers().get_customer(card).await.unwrap();
    let stored = seen.into_inner().touchpoints;
    assert!(
        stored >= acknowledged && stored.is_multiple_of(ROWS as u64),
        "{stored}"
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_still_knows() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "garden-0", "g")])
        .await;
    let before = ids(&shop.list("ada", ListKind::ForYou, 5).await, 0);
    let dir = shop.close().await;
    let shop = Shop::over(dir, |_| {}).await;
    let answer = shop.list("ada", ListKind::ForYou, 5).await;
    assert!(answer.personal);
    assert_eq!(ids(&answer, 0), before);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_finds_its_product_through_the_served_id() {
    let shop = Shop::open().await;
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    let item = &answer.lists[0].items[2];
    let mut client = shop.touchpoints();
    let rating = SurpriseRating {
        customer_id: "ada".into(),
        served_id: Some(item.served_id.clone()),
        surprised: Some(5.0),
        at_ms: Some(1_750_000_000_000),
        ..SurpriseRating::default()
    };
    let rate = |rating: &SurpriseRating| RateSurpriseRequest {
        ratings: vec![rating.clone()],
    };
    let first = client
        .rate_surprise(rate(&rating))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.statuses, [i32::from(RecordStatus::Stored)]);
    let second = client
        .rate_surprise(rate(&rating))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(second.statuses, [i32::from(RecordStatus::Duplicate)]);
    let wrong = SurpriseRating {
        product_id: "books-5".into(),
        ..rating.clone()
    };
    assert_ne!(item.product_id, "books-5");
    let status = client.rate_surprise(rate(&wrong)).await.unwrap_err();
    assert!(
        status.message().starts_with("ratings[0].product_id"),
        "{}",
        status.message()
    );
    let out_of_range = SurpriseRating {
        surprised: Some(6.0),
        ..rating
    };
    let status = client.rate_surprise(rate(&out_of_range)).await.unwrap_err();
    assert!(
        status.message().starts_with("ratings[0].surprised"),
        "{}",
        status.message()
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_is_of_what_the_customer_was_shown_and_of_the_past() {
    let shop = Shop::open().await;
    shop.record(vec![
        touch("ada", "view", "garden-1", "a1"),
        touch("bob", "view", "books-1", "b1"),
    ])
    .await;
    let answer = shop.list("ada", ListKind::ForYou, 1).await;
    let rating = |customer: &str| SurpriseRating {
        customer_id: customer.into(),
        served_id: Some(answer.lists[0].items[0].served_id.clone()),
        surprised: Some(5.0),
        ..SurpriseRating::default()
    };
    let mut client = shop.touchpoints();
    let mut refused = async |rating: SurpriseRating, field: &str| {
        let ratings = vec![rating];
        let ask = RateSurpriseRequest { ratings };
        let status = client.rate_surprise(ask).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let message = status.message();
        assert!(message.starts_with(&format!("{field}: ")), "{message}");
    };
    refused(rating("bob"), "ratings[0].served_id").await;
    let tomorrow = SurpriseRating {
        at_ms: Some(days_ago(-3.0)),
        ..rating("ada")
    };
    refused(tomorrow, "ratings[0].at_ms").await;
    // under any id of hers it is hers
    let link = LinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "card".into(),
        actor: String::new(),
    };
    shop.customers().link_identity(link).await.unwrap();
    for customer in ["ada", "card"] {
        let ratings = vec![rating(customer)];
        let rated = client.rate_surprise(RateSurpriseRequest { ratings }).await;
        let statuses = rated.unwrap().into_inner().statuses;
        assert_eq!(statuses, [i32::from(RecordStatus::Stored)], "{customer}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_refuses_recording_loses_nothing_and_recommends_on() {
    const ROWS: usize = 200;
    let shop = Shop::with(|raw| raw.store.max_mib = 1).await;
    shop.record(vec![touch("ada", "purchase", "garden-0", "first")])
        .await;
    let batch = |n: usize| RecordRequest {
        touchpoints: (0..ROWS)
            .map(|row| touch("bob", "view", "books-0", &format!("{n}-{row}")))
            .collect(),
    };
    let mut client = shop.touchpoints();
    let mut acknowledged = 0;
    let status = loop {
        match client.record(batch(acknowledged)).await {
            Ok(_) => acknowledged += 1,
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(acknowledged > 0);
    let again = client.record(batch(acknowledged)).await.unwrap_err();
    assert_eq!(again.code(), Code::Unavailable, "{again:?}");
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    assert!(answer.personal);
    assert!(ids(&answer, 0).iter().all(|id| id.starts_with("garden")));
    let page = |id: &str| GetCustomerRequest {
        customer_id: id.into(),
        ..GetCustomerRequest::default()
    };
    let seen = shop.customers().get_customer(page("bob")).await.unwrap();
    assert_eq!(seen.into_inner().touchpoints, (acknowledged * ROWS) as u64);
    let dir = shop.close().await;
    // With room again, the refused batch is taken whole and all the others are there.
    let shop = Shop::over(dir, |_| {}).await;
    for n in 0..=acknowledged {
        let answer = shop.touchpoints().record(batch(n)).await.unwrap();
        let new = if n == acknowledged { ROWS } else { 0 };
        assert_eq!(answer.into_inner().stored, new as u64, "{n}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_probably_not_meant_so_are_stored_and_told() {
    let shop = Shop::open().await;
    let batch = RecordRequest {
        touchpoints: vec![
            touch("ada", "purchse", "books-0", "a"),
            touch("ada", "purchse", "books-1", "b"),
            touch("ada", "Order", "boks-2", "c"),
            touch("ada", "view", "books-3", "d"),
        ],
    };
    let mut client = shop.touchpoints();
    let answer = client.record(batch.clone()).await.unwrap().into_inner();
    assert_eq!(answer.stored, 4);
    let notes = |notes: &[serendib_proto::v1::Note]| -> Vec<(String, String)> {
        let said = notes.iter();
        said.map(|n| (n.code.clone(), n.text.clone())).collect()
    };
    let told = notes(&answer.notes);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        (&*told[0].0, &*told[1].0),
        ("unknown_kind", "unknown_product")
    );
    assert!(told[0].1.starts_with("2 touchpoints"), "{}", told[0].1);
    assert!(told[0]
        .1
        .contains("\"purchse\" (did you mean \"purchase\"?)"));
    assert!(told[1].1.contains("\"boks-2\""), "{}", told[1].1);
    // over a stream, and again, the same is said
    let batches = tokio_stream::iter(vec![batch]);
    let stream = client.record_stream(batches).await.unwrap();
    let mut stream = stream.into_inner();
    match stream.next().await.unwrap().unwrap().result.unwrap() {
        StreamResult::Response(response) => assert_eq!(notes(&response.notes), told),
        StreamResult::Error(error) => panic!("{error:?}"),
    }
    let fine = RecordRequest {
        touchpoints: vec![touch("ada", "view", "books-4", "e")],
    };
    let fine = client.record(fine).await.unwrap().into_inner();
    assert_eq!(fine.notes, []);
    shop.close().await;
}
