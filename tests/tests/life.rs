//! A life over the network: what was declared is named, what was inferred is not, and consent holds at once.

use serendib_engine::bundle::ModelsDir;
use serendib_engine::life::{ClockType, Life};
use serendib_proto::v1::{
    ClockFact, Consents, Customer, Fact, GetCustomerRequest, GetLifeRequest, GetLifeResponse,
    SetConsentRequest, UpsertCustomersRequest,
};
use serendib_training::learn::life::from_words;
use tonic::Code;

use crate::support::{touch, write_changed, Shop};

const NOW: i64 = 1_780_272_000_000;
const DAY: i64 = 86_400_000;

async fn shop() -> Shop {
    let dir = tempfile::TempDir::new().unwrap();
    let models = dir.path().join("models");
    write_changed(&models, "living", 0, |model| {
        let clocks = ClockType::with_shop(Some(&serde_json::json!({"child": {"words": [
            {"any": ["baby"], "stage": "infant"}, {"any": ["books"], "stage": "school"}
        ]}})));
        let life = from_words(&model.catalogue, clocks.unwrap());
        model.life = Some(Life::new(life, &model.catalogue));
    });
    ModelsDir::new(&models).publish("living").unwrap();
    Shop::over(dir, |_| {}).await
}

async fn life(shop: &Shop, customer: &str) -> GetLifeResponse {
    let request = GetLifeRequest {
        customer_id: customer.into(),
        at_ms: Some(NOW),
        ..GetLifeRequest::default()
    };
    shop.customers()
        .get_life(request)
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_declared_is_drawn_and_what_was_inferred_is_withheld() {
    let shop = shop().await;
    let mut rows: Vec<_> = (0..5)
        .flat_map(|ix| {
            ["ada", "eve"].map(|who| touch(who, "purchase", "baby-0", &format!("{who}{ix}")))
        })
        .collect();
    for (ix, row) in rows.iter_mut().enumerate() {
        row.at_ms = Some(NOW - (20 + ix as i64) * DAY);
    }
    shop.record(rows).await;
    let mut client = shop.customers();
    let ada = Customer {
        customer_id: "ada".into(),
        facts: vec![Fact {
            fact: Some(serendib_proto::v1::fact::Fact::Clock(ClockFact {
                clock: "child".into(),
                anchor: "2025-06-10".into(),
                name: Some("Noa".into()),
                kind: None,
            })),
        }],
        ..Customer::default()
    };
    let upsert = UpsertCustomersRequest {
        customers: vec![ada],
        ..UpsertCustomersRequest::default()
    };
    client.upsert_customers(upsert).await.unwrap();

    let declared = life(&shop, "ada").await;
    let noa = &declared.clocks[0];
    // 2025-06-10T00:00Z, as it was declared.
    assert_eq!(noa.anchor.as_ref().unwrap().p50_ms, 1_749_513_600_000);
    assert!(noa.declared && noa.name == "Noa" && noa.probability == 1.0);
    assert_eq!(
        (noa.stage.as_str(), noa.next_stage.as_str()),
        ("infant", "toddler")
    );
    let change = noa.next_stage_at_ms.unwrap() - NOW;
    assert!((0..30 * DAY).contains(&change), "{change}");
    assert_eq!(noa.stages.len(), 6);
    assert_eq!(declared.occasions[0].occasion, "birthday");
    assert_eq!(
        (
            declared.occasions[0].count,
            declared.occasions[0].name.as_str()
        ),
        (1, "Noa")
    );
    assert!(declared.needs[0]
        .product_ids
        .iter()
        .all(|p| p.starts_with("baby")));

    let inferred = life(&shop, "eve").await;
    assert!(inferred.inferred && inferred.clocks.is_empty() && inferred.withheld == 1);
    assert!(!inferred.needs.is_empty());
    let words = format!("{inferred:?}").to_lowercase();
    assert!(
        !words.contains("child") && !words.contains("infant"),
        "{words}"
    );

    let no = SetConsentRequest {
        customer_id: "eve".into(),
        consents: Some(Consents {
            infer_life_stage: Some(false),
            ..Consents::default()
        }),
        ..SetConsentRequest::default()
    };
    client.set_consent(no).await.unwrap();
    let quiet = life(&shop, "eve").await;
    assert!(!quiet.inferred && quiet.needs.is_empty() && quiet.withheld == 0);

    let card = GetCustomerRequest {
        customer_id: "ada".into(),
        ..GetCustomerRequest::default()
    };
    let card = client.get_customer(card).await.unwrap().into_inner();
    assert_eq!(card.life.len(), 1);
    assert!(card.life[0].stages.is_empty() && card.life[0].anchor.is_some());

    let nobody = GetLifeRequest {
        customer_id: "nobody".into(),
        ..GetLifeRequest::default()
    };
    let missing = client.get_life(nobody).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let far = GetLifeRequest {
        customer_id: "ada".into(),
        horizon_days: 9_999,
        ..GetLifeRequest::default()
    };
    let refused = client.get_life(far).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("horizon_days"),
        "{}",
        refused.message()
    );
    shop.close().await;
}
