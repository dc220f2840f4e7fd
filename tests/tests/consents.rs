//! Every purpose that a customer can refuse is read by a decision: saying no changes an answer, saying yes brings it back.

use serendib_engine::bundle::ModelsDir;
use serendib_engine::life::{ClockType, Life};
use serendib_proto::v1::{Consents, Context, GetLifeRequest, ListKind, SetConsentRequest};
use serendib_service::store::ShopRow;
use serendib_shop::Purpose;
use serendib_training::learn::life::from_words;
use tokio_stream::StreamExt;

use crate::support::{days_ago, request, touch, write_changed, Shop};

/// A shop whose model knows life situations, in which Ada bought for a baby.
async fn shop() -> Shop {
    let dir = tempfile::TempDir::new().unwrap();
    let models = dir.path().join("models");
    write_changed(&models, "living", 1, |model| {
        let words = serde_json::json!({"child": {"words": [
            {"any": ["baby"], "stage": "infant"}, {"any": ["books"], "stage": "school"}
        ]}});
        let life = from_words(
            &model.catalogue,
            ClockType::with_shop(Some(&words)).unwrap(),
        );
        model.life = Some(Life::new(life, &model.catalogue));
    });
    ModelsDir::new(&models).publish("living").unwrap();
    let shop = Shop::over(dir, |_| {}).await;
    let rows = (0..5).map(|ix| {
        let mut row = touch("ada", "purchase", "baby-0", &format!("t{ix}"));
        row.at_ms = Some(days_ago(20.0 + f64::from(ix)));
        row
    });
    shop.record(rows.collect()).await;
    shop
}

async fn say(shop: &Shop, purpose: Purpose, yes: bool) {
    let yes = Some(yes);
    let mut consents = Consents::default();
    match purpose {
        Purpose::Personalise => consents.personalise = yes,
        Purpose::InferLifeStage => consents.infer_life_stage = yes,
        Purpose::Contact => consents.contact = yes,
        Purpose::Train => consents.train = yes,
    }
    let said = SetConsentRequest {
        customer_id: "ada".into(),
        consents: Some(consents),
        ..SetConsentRequest::default()
    };
    shop.customers().set_consent(said).await.unwrap();
}

/// What a list for Ada holds, and what is noted about it.
async fn list(shop: &Shop, placement: Option<&str>) -> (bool, Vec<String>, Vec<String>) {
    let mut ask = request("ada", ListKind::ForYou, 4);
    let context = ask.context.get_or_insert_with(Context::default);
    context.placement = placement.map(str::to_owned);
    let answer = shop.ask(ask).await;
    let list = &answer.lists[0];
    let items = list.items.iter().map(|item| item.product_id.clone());
    let notes = list.notes.iter().map(|note| note.code.clone());
    (answer.personal, items.collect(), notes.collect())
}

/// What the decision says that the purpose governs.
async fn decided(shop: &Shop, purpose: Purpose) -> String {
    match purpose {
        Purpose::Personalise => format!("{:?}", list(shop, None).await),
        Purpose::Contact => format!("{:?}", list(shop, Some("email")).await),
        Purpose::InferLifeStage => {
            let ask = GetLifeRequest {
                customer_id: "ada".into(),
                at_ms: Some(days_ago(0.0)),
                ..GetLifeRequest::default()
            };
            let life = shop.customers().get_life(ask).await.unwrap().into_inner();
            format!("{} {}", life.inferred, life.needs.len())
        }
        Purpose::Train => {
            let app = &shop.running().app;
            let defaults = app.keeping.config.consent;
            let rows = app.keeping.store.export_shop(defaults, days_ago(0.0));
            let rows: Vec<_> = rows.await.unwrap().collect().await;
            let theirs = rows.iter().filter(|row| {
                let row = row.as_ref().unwrap();
                matches!(row, ShopRow::Touchpoint(row) if row.customer_id == "ada")
            });
            theirs.count().to_string()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_purpose_is_read_by_a_decision() {
    let shop = shop().await;
    for purpose in Purpose::ALL {
        say(&shop, purpose, true).await;
        let allowed = decided(&shop, purpose).await;
        say(&shop, purpose, false).await;
        let refused = decided(&shop, purpose).await;
        assert_ne!(allowed, refused, "nobody reads {purpose:?}");
        say(&shop, purpose, true).await;
        assert_eq!(decided(&shop, purpose).await, allowed, "{purpose:?}");
    }
    shop.close().await;
}
